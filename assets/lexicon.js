/* The page Lexicon in the browser: tables read anew, and downloads of any size. */
window.dash_clientside = window.dash_clientside || {};

(function () {
  "use strict";

  window.dash_clientside.motiflens_lexicon = {
    /* What is asked for has changed: rows that the table holds are of the old question. */
    refresh: function (asked, id) {
      window.dash_ag_grid.getApiAsync(id).then(function (api) {
        api.deselectAll();
        api.purgeInfiniteCache();
        if (api.getDisplayedRowCount() > 0) { api.ensureIndexVisible(0); }
      });
      return window.dash_clientside.no_update;
    },

    /* A download is a page of its own that the server streams; this page stays. */
    save: function (csv, parquet, bed, places, query, selection) {
      const keep = window.dash_clientside.no_update;
      const pressed = window.dash_clientside.callback_context.triggered_id || "";
      const values = new URLSearchParams();
      let name = "";
      if (pressed === "lexicon-csv" || pressed === "lexicon-parquet") {
        name = pressed === "lexicon-csv" ? "words.csv" : "words.parquet";
        Object.entries(query || {}).forEach(function ([key, value]) {
          if (value !== null && value !== "") { values.set(key, value); }
        });
      } else if (selection && selection.kind === "word") {
        name = pressed === "lexicon-places-bed" ? "places.bed" : "places.csv";
        values.set("word", selection.word);
      }
      if (name) { window.location.assign("download/" + name + "?" + values.toString()); }
      return keep;
    },
  };
})();
