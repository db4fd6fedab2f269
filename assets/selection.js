/* Selections: how a drawing or click counts, and drawn outlines made short enough for a link. */
window.dash_clientside = window.dash_clientside || {};

(function () {
  "use strict";

  const aside = window.motiflensAside;

  let chosen = "replace", sent = "replace";

  /* Shift adds, Alt subtracts, both intersect; without them the choice in the panel counts. */
  function tell(event) {
    const how = event.shiftKey ? (event.altKey ? "intersect" : "union")
      : event.altKey ? "subtract" : chosen;
    if (how === sent || !window.dash_clientside.set_props) { return; }
    sent = how;
    window.dash_clientside.set_props("selection-how-store", { data: how });
  }

  document.addEventListener("pointerdown", tell, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { tell(event); }
  }, true);

  /* Plotly pans while Shift is held; with a drawing tool Shift means add. */
  document.addEventListener("mousedown", (event) => {
    const plot = event.target.closest && event.target.closest("#map-graph .js-plotly-plot");
    const mode = plot && plot._fullLayout && plot._fullLayout.dragmode;
    if (event.shiftKey && /^draw/.test(mode || "")) {
      Object.defineProperty(event, "shiftKey", { value: false });
    }
  }, true);

  /* Distance of p from the segment a-b, in pixels. */
  function off(p, a, b, scale) {
    const dx = (b[0] - a[0]) * scale[0], dy = (b[1] - a[1]) * scale[1];
    const px = (p[0] - a[0]) * scale[0], py = (p[1] - a[1]) * scale[1];
    const length = dx * dx + dy * dy;
    const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
    return Math.hypot(px - t * dx, py - t * dy);
  }

  /* Douglas and Peucker's simplification, without recursion. */
  function simplify(points, scale, tolerance) {
    const keep = new Set([0, points.length - 1]), stack = [[0, points.length - 1]];
    while (stack.length) {
      const [first, last] = stack.pop();
      let worst = tolerance, at = -1;
      for (let i = first + 1; i < last; i++) {
        const d = off(points[i], points[first], points[last], scale);
        if (d > worst) { worst = d; at = i; }
      }
      if (at > 0) { keep.add(at); stack.push([first, at], [at, last]); }
    }
    return points.filter((_, i) => keep.has(i));
  }

  window.dash_clientside.motiflens_selection = {
    /* The choice in the panel, until a modifier key overrules it. */
    choose: function (how) { chosen = sent = how; return how; },

    /* The last pressed button's download of the selection; what is wrong is said in the notice. */
    download: function () {
      const pressed = window.dash_clientside.callback_context.triggered[0] || {};
      const keep = window.dash_clientside.no_update;
      const selection = arguments[arguments.length - 1];
      const match = /^export-(places|points)-(bed|csv)\./.exec(pressed.prop_id || "");
      if (!match || !pressed.value) { return keep; }
      if (!selection) {
        aside.say("nothing is selected, so there is nothing to download; select first");
        return keep;
      }
      const name = match[1] + "." + match[2];
      return window.fetch("export/" + name, {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ selection: selection }),
      }).then((answer) => answer.ok ? answer.blob().then((blob) => aside.keepFile(blob, "motiflens-" + name))
        : answer.json().then((body) => aside.say(body.error))
      ).catch(() => aside.say("the download did not arrive; try again")).then(() => name);
    },

    /* A drawn outline within a pixel of the hand's, in five digits and at most 500 corners. */
    shorten: function (polygon, plot) {
      const axes = [plot._fullLayout.xaxis, plot._fullLayout.yaxis];
      const scale = axes.map((a) => a._length / Math.abs(a.range[1] - a.range[0]));
      let tolerance = 1, short = polygon;
      if (polygon.length > 4) {
        do { short = simplify(polygon, scale, tolerance); tolerance *= 2; }
        while (short.length > 500);
      }
      const digits = (v) => Number(v.toPrecision(5));
      return short.map((p) => [digits(p[0]), digits(p[1])]);
    },
  };
})();
