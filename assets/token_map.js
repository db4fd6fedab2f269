/* The token map in the browser: which part is in view, what is under the pointer, the legend. */
window.dash_clientside = window.dash_clientside || {};

(function () {
  "use strict";

  const REST_MS = 90, SETTLE_MS = 120;
  const plotOf = () => document.querySelector("#map-graph .js-plotly-plot");
  const set = (id, data) => window.dash_clientside.set_props(id, { data: data });
  let sent = null, looking = null, watched = null, held = false, timer = null, resting = 0;

  /* Layout, ranges and size in CSS pixels of what is in view; null where the points are all sent. */
  function view() {
    const plot = plotOf(), full = plot && plot._fullLayout;
    if (!full || !full.xaxis || !full.meta || !full.meta.isImage || !plot.offsetParent) {
      return null;
    }
    return {
      layout: full.meta.layout, x: full.xaxis.range.map(Number), y: full.yaxis.range.map(Number),
      width: Math.round(full.xaxis._length), height: Math.round(full.yaxis._length),
    };
  }

  function isNews(now) {
    if (!sent || sent.layout !== now.layout) { return true; }
    const wide = now.x[1] - now.x[0], high = now.y[1] - now.y[0];
    const moved = (a, b, size) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) > 1e-4 * size;
    return moved(now.x, sent.x, wide) || moved(now.y, sent.y, high) ||
      Math.abs(now.width - sent.width) + Math.abs(now.height - sent.height) > 4;
  }

  /* The image stays, scaled by the axes, until the one of the new view comes. */
  function look() {
    const now = held ? null : view();
    if (now && isNews(now)) {
      sent = now;
      set("map-view", now);
    }
  }

  /* Once the hand rests after a zoom or a move; a size or a layout that changed is seen soon. */
  function settle() {
    window.clearTimeout(looking);
    looking = window.setTimeout(look, SETTLE_MS);
  }

  /* Plotly's own reset knows only the layout that it began with. */
  function reset() {
    const plot = plotOf(), whole = plot && plot._fullLayout.meta && plot._fullLayout.meta.whole;
    if (whole) {
      window.Plotly.relayout(plot, { "xaxis.range": whole.slice(0, 2),
                                     "yaxis.range": whole.slice(2) });
    }
  }

  window.setInterval(function () {
    const plot = plotOf();
    if (plot && plot.on && plot !== watched) {
      watched = plot;
      plot.on("plotly_relayout", settle);
      plot.on("plotly_doubleclick", reset);
      settle();
    }
    look();
  }, 400);
  document.addEventListener("pointerdown", function () { held = true; }, true);
  ["pointerup", "pointercancel"].forEach((name) =>
    document.addEventListener(name, function () { held = false; }, true));

  window.dash_clientside.motiflensMap = {
    tell: function (found) {
      const tip = document.getElementById("map-tip"), plot = plotOf();
      if (!tip || !plot) { return ""; }
      const full = plot._fullLayout;
      if (!found || resting === 0 || full.meta.layout !== found.layout) { hide(); return ""; }
      tip.replaceChildren(...found.lines.map(function (text, i) {
        const line = document.createElement(i === 0 ? "strong" : "span");
        line.textContent = text;
        return line;
      }));
      const box = plot.getBoundingClientRect(), card = tip.parentElement.getBoundingClientRect();
      const x = full.xaxis.d2p(found.x) + full.xaxis._offset, y = full.yaxis.d2p(found.y) +
        full.yaxis._offset;
      tip.style.display = "flex";
      const right = x + 12 + tip.offsetWidth > box.width;
      tip.style.left = box.left - card.left + x + (right ? -12 - tip.offsetWidth : 12) + "px";
      tip.style.top = box.top - card.top + Math.max(0, y - tip.offsetHeight / 2) + "px";
      ring(plot, x, y);
      return found.lines[0];
    },
  };

  function ring(plot, x, y) {
    let mark = plot.querySelector(".map-ring");
    if (!mark) {
      mark = document.createElement("span");
      mark.className = "map-ring";
      plot.appendChild(mark);
    }
    mark.style.left = x + "px";
    mark.style.top = y + "px";
    mark.style.display = "block";
  }

  function hide() {
    const tip = document.getElementById("map-tip"), mark = document.querySelector(".map-ring");
    if (tip) { tip.style.display = "none"; }
    if (mark) { mark.style.display = "none"; }
  }

  /* The server is asked once the pointer rests, for a point at most 8 pixels away. */
  document.addEventListener("pointermove", function (event) {
    window.clearTimeout(timer);
    if (resting) { hide(); resting = 0; }
    const target = event.target;
    if (event.buttons || !target.closest || !target.closest("#map-graph .draglayer")) { return; }
    timer = window.setTimeout(function () {
      const plot = plotOf(), full = plot && plot._fullLayout;
      if (!full || !full.xaxis) { return; }
      const box = plot.getBoundingClientRect();
      const x = event.clientX - box.left - full.xaxis._offset;
      const y = event.clientY - box.top - full.yaxis._offset;
      if (x < 0 || y < 0 || x > full.xaxis._length || y > full.yaxis._length) { return; }
      const reach = (axis) => Math.abs(8 * (axis.range[1] - axis.range[0]) / axis._length);
      resting = 1;
      set("map-pointer", { x: full.xaxis.p2d(x), y: full.yaxis.p2d(y), rx: reach(full.xaxis),
                           ry: reach(full.yaxis) });
    }, REST_MS);
  });
  document.addEventListener("wheel", function () {
    window.clearTimeout(timer);
    if (resting) { hide(); resting = 0; }
  }, { passive: true });

  /* The eyes of the legend: hide and show; with Shift (or Alt) alone, and all again. */
  function filtered(eye, alone) {
    const group = eye.closest(".legend"), level = eye.dataset.level;
    const eyes = Array.from(group.querySelectorAll('.chip-eye[data-level="' + level + '"]'));
    const isOn = (e) => e.getAttribute("aria-checked") === "true";
    const number = (e) => Number(e.dataset.number);
    const others = eyes.filter((e) => e !== eye);
    if (alone) {
      const isAlone = isOn(eye) && !others.some(isOn);
      return isAlone ? [] : others.map(number);
    }
    const hidden = eyes.filter((e) => !isOn(e)).map(number);
    return isOn(eye) ? hidden.concat(number(eye)) : hidden.filter((n) => n !== number(eye));
  }

  let kept = {};
  document.addEventListener("click", function (event) {
    const target = event.target.closest ? event.target : null;
    const eye = target && target.closest(".chip-eye");
    if (eye) {
      kept = Object.assign({}, kept);
      kept[eye.dataset.level] = filtered(eye, event.shiftKey || event.altKey);
      set("map-hidden", kept);
    } else if (target && target.closest("[data-show-all]")) {
      kept = {};
      set("map-hidden", kept);
    }
    if (target && target.closest('#map-reset, #map-graph .modebar-btn[data-val="reset"]')) {
      window.setTimeout(reset, 0);
    }
    /* The display panel closes at a click elsewhere. */
    document.querySelectorAll("details.display[open]").forEach(function (panel) {
      if (target && !panel.contains(target)) { panel.removeAttribute("open"); }
    });
  });
})();
