/* What runs in the browser: linked state that needs no server, figure downloads and keys. */
window.dash_clientside = window.dash_clientside || {};

(function () {
  "use strict";

  const history = [];
  let undoing = false;
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const plotOf = (id) => document.querySelector("#" + id + " .js-plotly-plot");

  /* Corners of a drawn shape in data units, at most 2,000. */
  function corners(shape) {
    if (shape.type === "rect") {
      return [[shape.x0, shape.y0], [shape.x1, shape.y0], [shape.x1, shape.y1],
              [shape.x0, shape.y1]];
    }
    const numbers = String(shape.path || "").match(/-?\d+\.?\d*(?:e[-+]?\d+)?/gi) || [];
    const step = Math.max(1, Math.ceil(numbers.length / 4000)), polygon = [];
    for (let i = 0; i + 1 < numbers.length; i += 2 * step) {
      polygon.push([Number(numbers[i]), Number(numbers[i + 1])]);
    }
    return polygon;
  }

  window.dash_clientside.motiflens = {
    /* Only the drawn outline goes to the server, which finds the members itself. Outlines are
       drawn as shapes: Plotly's own lasso redraws every point at each move of the hand. */
    outline: function (relayout, layout) {
      const keep = window.dash_clientside.no_update, plot = plotOf("map-graph");
      const drawn = relayout && Array.isArray(relayout.shapes) && plot && plot.layout.shapes;
      const shape = drawn && drawn[drawn.length - 1];
      const short = window.dash_clientside.motiflens_selection.shorten;
      const polygon = shape ? short(corners(shape), plot) : [];
      return polygon.length < 3 ? keep : { kind: "lasso", layout: layout, polygon: polygon };
    },

    writeUrl: function (region, link, page, layout, color, tracks, marks, second) {
      const query = new URLSearchParams();
      if (page && page !== "workspace") { query.set("page", page); }
      if (region) { query.set("region", region.chrom + ":" + (region.start + 1) + "-" + region.end); }
      if (link) { query.set("selection", link); }
      if (layout && layout !== "tsne") { query.set("map", layout); }
      if (color && color !== "mega") { query.set("color", color); }
      Object.entries(window.motiflensMenu.link(tracks, marks, second)).forEach(
        ([name, text]) => { if (text) { query.set(name, text); } });
      if (window.motiflensExplained.text) { query.set("explain", window.motiflensExplained.text); }
      if (page === "what-if") { window.motiflensWhatIf.writeLink(query); }
      window.history.replaceState(null, "", "?" + query.toString());
      return region ? region.chrom + ":" + region.start + "-" + region.end : "";
    },

    remember: function (region, selection) {
      const state = { region: region, selection: selection };
      if (undoing) { undoing = false; }
      else if (!history.length || !same(history[history.length - 1], state)) { history.push(state); }
      if (history.length > 100) { history.shift(); }
      return history.length;
    },

    undo: function () {
      const keep = window.dash_clientside.no_update;
      if (history.length < 2) { return [keep, keep]; }
      const now = history.pop(), before = history[history.length - 1];
      undoing = true;
      return [same(now.region, before.region) ? keep : before.region,
              same(now.selection, before.selection) ? keep : before.selection];
    },

    toggleHelp: function (clicks, opened) { return !opened; },
    colorScheme: function (dark) { return dark ? "dark" : "light"; },

    showPage: function (page, bodies) {
      window.setTimeout(() => window.dispatchEvent(new Event("resize")), 50);
      return bodies.map((body) => (body.page === page ? {} : { display: "none" }));
    },

    /* A page is asked for once, when it is first shown. */
    openPage: function (page, pages, opened) {
      const keep = window.dash_clientside.no_update;
      return pages.map((one, i) => (one.page === page && !opened[i] ? true : keep));
    },

    openTab: function (panel, language, tabs, opened) {
      const keep = window.dash_clientside.no_update;
      return tabs.map((one, i) =>
        ((one.page === panel || one.page === language) && !opened[i] ? true : keep));
    },

    /* The page that a link names; an unknown one leaves the first. */
    arriveOnPage: function (search, pages) {
      const named = new URLSearchParams(search || "").get("page");
      const known = pages.some((page) => page.value === named);
      return known ? named : window.dash_clientside.no_update;
    },

    tour: function (clicks, seen) {
      const done = Boolean(seen) || clicks > 0;
      return [{ display: done ? "none" : "flex" }, done ? true : window.dash_clientside.no_update];
    },
  };

  /* WebGL points would be a raster inside an SVG: up to 50,000 are drawn as vectors instead. */
  function vectors(plot, button) {
    const points = plot.data.filter((trace) => trace.type === "scattergl");
    const shown = (plot._fullData || []).reduce((n, t) => n + (t.x ? t.x.length : 0), 0);
    if (button.dataset.format !== "svg" || !points.length || shown > 50000) { return plot.data; }
    return plot.data.map((trace) =>
      trace.type === "scattergl" ? Object.assign({}, trace, { type: "scatter" }) : trace);
  }

  function saveFigure(button) {
    const plot = plotOf(button.dataset.graph) || document.getElementById(button.dataset.graph);
    if (!plot || !window.Plotly) { return; }
    if (plot.motiflensFigure) {  /* drawn on a canvas: Plotly draws the same window for the file */
      plot.motiflensFigure().then((figure) => figure && keep(button, plot, figure));
    } else {
      keep(button, plot, { data: vectors(plot, button), layout: plot.layout });
    }
  }

  function keep(button, plot, figure) {
    if (button.dataset.format !== "csv") { save(button, plot, figure); return; }
    const drawn = plot._fullData ? { data: plot._fullData } : figure;
    const images = (figure.layout.images || []).some((image) => image.source && image.visible !== false);
    const text = images ? "" : window.motiflensFigureData.csv(drawn, button.dataset.title);
    if (!text) {
      window.motiflensAside.say(images ? "the map is drawn as an image; Export, above the places, has its points"
        : "this figure shows nothing yet, so there is no data to save");
      return;
    }
    window.motiflensAside.keepFile(new Blob([text], { type: "text/csv" }), button.dataset.name + ".csv");
  }

  function save(button, plot, figure) {
    const box = plot.getBoundingClientRect(), room = 30, ink = "#3A444F";
    const layout = Object.assign({}, figure.layout), margin = Object.assign({}, layout.margin);
    margin.t = (margin.t || 0) + room;
    Object.assign(layout, {
      margin: margin, paper_bgcolor: "#FFFFFF", plot_bgcolor: "#FFFFFF", autosize: false,
      font: Object.assign({}, layout.font, { color: ink }),
      title: { text: button.dataset.title, x: 0, xref: "container", y: 1, yref: "container",
               yanchor: "top", pad: { l: 12, t: 10 }, font: { size: 14, color: ink } },
    });
    window.Plotly.downloadImage({ data: figure.data, layout: layout }, {
      format: button.dataset.format, filename: button.dataset.name, scale: 2,
      width: Math.round(box.width), height: Math.round(box.height) + room,
    });
  }

  /* A tool presses its twin in the mode bar: what is set there survives the next redraw. */
  function mapTool(button) {
    const plot = plotOf(button.dataset.graph), mode = button.dataset.drag;
    if (!plot || !window.Plotly) { return; }
    const twin = plot.querySelector('.modebar-btn[data-val="' + mode + '"]');
    if (twin && plot._fullLayout.dragmode !== mode) { twin.dispatchEvent(new Event("click")); }
    if (mode !== "reset") { showTool(mode); }
  }

  function showTool(mode) {
    document.querySelectorAll("[data-drag]").forEach(
      (b) => b.classList.toggle("is-on", b.dataset.drag === mode));
  }

  document.addEventListener("click", function (event) {
    const save = event.target.closest && event.target.closest(".save-figure");
    if (save) { saveFigure(save); return; }
    const tool = event.target.closest && event.target.closest("[data-drag]");
    if (tool) { mapTool(tool); return; }
    const mode = event.target.closest && event.target.closest("#map-graph .modebar-btn");
    if (mode && mode.dataset.attr === "dragmode") { showTool(mode.dataset.val); }
  });

  /* The window on the chromosome overview can be dragged; a press elsewhere centres it there. */
  document.addEventListener("pointerdown", function (event) {
    const track = event.target.closest && event.target.closest(".overview-track");
    if (!track || event.button !== 0) { return; }
    event.preventDefault();
    const box = track.getBoundingClientRect(), mark = track.querySelector(".overview-window");
    const [low, high, start, end] =
      ["low", "high", "start", "end"].map((name) => Number(track.dataset[name]));
    const width = end - start, at = (x) => low + ((x - box.left) / box.width) * (high - low);
    const grip = event.target === mark ? at(event.clientX) - start : width / 2;
    let first = start;
    const place = function (e) {
      first = Math.round(Math.min(Math.max(at(e.clientX) - grip, low), high - width));
      mark.style.left = (100 * (first - low)) / (high - low) + "%";
    };
    const drop = function () {
      document.removeEventListener("pointermove", place);
      document.removeEventListener("pointercancel", drop);
      document.removeEventListener("pointerup", drop);
      if (first === start) { return; }
      window.motiflensShown.views["genome-graph"].go(
        { chrom: track.dataset.chrom, start: first, end: first + width });
    };
    place(event);
    document.addEventListener("pointermove", place);
    document.addEventListener("pointercancel", drop);
    document.addEventListener("pointerup", drop);
  });

  document.addEventListener("submit", (event) => event.preventDefault());

  const keys = {
    ArrowLeft: "pan-left", ArrowRight: "pan-right", "+": "zoom-in", "=": "zoom-in",
    "-": "zoom-out", n: "step-next", p: "step-previous", m: "mark-window", l: "map-lasso", b: "map-box",
    Escape: "selection-clear", "?": "help-button",
  };

  document.addEventListener("keydown", function (event) {
    const field = event.target;
    const typing = field.matches && field.matches("input, textarea, select, [contenteditable]");
    if (typing) {
      if (event.key === "Escape") { field.blur(); }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      document.getElementById("undo").click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (field.closest && field.closest(".ag-root, [role=listbox], [role=dialog]")) { return; }
    if (event.key === "/") {
      event.preventDefault();
      const box = document.getElementById("region-input");
      box.focus();
      box.select();
      return;
    }
    const target = keys[event.key] && document.getElementById(keys[event.key]);
    if (target) { event.preventDefault(); target.click(); }
  });
})();
