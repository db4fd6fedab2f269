/* The page What if in the browser: undo and redo of edits, its part of the link, and the asking for
   the next part of a mutagenesis. */
window.dash_clientside = window.dash_clientside || {};

(function () {
  "use strict";

  const STORE = "what-if-store", past = [], undone = [];
  let now = null, turning = false, stopped = false, ask = null;
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  /* A control is told its value only when that is another one: each telling asks the server. */
  const told = {};
  const tell = (id, value) => {
    if (told[id] !== value) { told[id] = value; set(id, { value: value }); }
  };
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const place = (state) => [state.chrom, state.start, state.end].join(":");
  const isOpen = () => {
    const chips = document.getElementById("what-if-chips");
    return Boolean(chips && chips.offsetParent);
  };

  function withEdits(edits) {
    set(STORE, { data: Object.assign({}, now, { edits: edits }) });
  }

  /* One step back or forward in the edits; the window, model and target stay. */
  function turn(from, to) {
    if (!now || !from.length) { return; }
    to.push(now.edits);
    turning = true;
    withEdits(from.pop());
  }

  function remember(state) {
    if (turning) { turning = false; }
    else if (now && place(now) === place(state) && !same(now.edits, state.edits)) {
      past.push(now.edits);
      undone.length = 0;
    } else if (now && place(now) !== place(state)) { past.length = 0; undone.length = 0; }
    if (past.length > 100) { past.shift(); }
    now = state;
    const disable = (id, off) => {
      const button = document.getElementById(id);
      if (button) { button.disabled = off; }
    };
    disable("what-if-undo", !past.length);
    disable("what-if-redo", !undone.length);
    disable("what-if-clear", !state.edits.length);
  }

  const oneBased = (pair) => (pair[0] + 1).toLocaleString("en-US") + "-" +
    pair[1].toLocaleString("en-US");

  function writeLink(query) {
    if (!now) { return; }
    query.set("window", now.chrom + ":" + (now.start + 1) + "-" + now.end);
    query.set("target", (now.target[0] + 1) + "-" + now.target[1]);
    query.set("model", now.model);
    query.set("track", now.track);
    if (now.eraser !== "shuffle") { query.set("erase", now.eraser); }
    if (now.edits.length) { query.set("edits", now.edits.join("; ")); }
  }

  window.motiflensWhatIf = { writeLink: writeLink };

  window.dash_clientside.motiflensWhatIf = {
    /* What the controls show follows the state. */
    arrive: function (state) {
      const keep = window.dash_clientside.no_update;
      if (!state) { return keep; }
      const isNew = !now || place(now) !== place(state) || !same(now.target, state.target);
      if (!now || !same(now, state)) { remember(state); }
      tell("what-if-model", state.model);
      tell("what-if-track", state.track);
      tell("what-if-eraser", state.eraser);
      tell("what-if-target", oneBased(state.target));
      if (isNew) {
        const middle = Math.floor((state.target[0] + state.target[1]) / 2);
        set("mutate-stretch", { value: oneBased([
          Math.max(state.target[0], middle - 50), Math.min(state.target[1], middle + 50)]) });
      }
      const query = new URLSearchParams(window.location.search);
      ["window", "target", "model", "track", "erase", "edits"].forEach((k) => query.delete(k));
      if (query.get("page") === "what-if") {
        writeLink(query);
        window.history.replaceState(null, "", "?" + query.toString());
      }
      return String(state.edits.length);
    },

    turn: function () {
      const trigger = (window.dash_clientside.callback_context.triggered[0] || {}).prop_id || "";
      if (trigger.startsWith("what-if-undo")) { turn(past, undone); }
      else if (trigger.startsWith("what-if-redo")) { turn(undone, past); }
      else if (now && now.edits.length) { withEdits([]); }
      return window.dash_clientside.no_update;
    },

    /* The next part is asked for when one has come, unless a person has stopped it. */
    goOn: function (done, stops, asked) {
      const triggers = window.dash_clientside.callback_context.triggered.map((t) => t.prop_id);
      const by = (id) => triggers.some((trigger) => trigger.startsWith(id));
      if (by("mutate-ask")) {
        if (!ask || !asked || asked.upto <= ask.upto) { stopped = false; }
        ask = asked;
      }
      if (by("mutate-stop")) { stopped = true; }
      if (by("mutate-done") && ask && done.upto === ask.upto && done.upto < done.of && !stopped) {
        set("mutate-ask", { data: Object.assign({}, ask, {
          upto: Math.min(done.upto + 20, done.of) }) });
      }
      return Boolean(done && done.upto < done.of && !stopped);
    },
  };

  document.addEventListener("click", function (event) {
    const chip = event.target.closest && event.target.closest(".what-if-chip");
    if (!chip || !now) { return; }
    const gone = Number(chip.dataset.edit);
    withEdits(now.edits.filter((edit, number) => number !== gone));
  });

  /* On this page the keys undo edits, before the workspace's own undo hears of them. */
  document.addEventListener("keydown", function (event) {
    const field = event.target;
    if (!isOpen() || !(event.ctrlKey || event.metaKey)) { return; }
    if (field.matches && field.matches("input, textarea, [contenteditable]")) { return; }
    const key = event.key.toLowerCase(), back = key === "z" && !event.shiftKey;
    if (!back && key !== "y" && key !== "z") { return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (back) { turn(past, undone); } else { turn(undone, past); }
  }, true);
})();
