/* The first look goes in the frame in which the map itself is drawn. */
(function () {
  "use strict";

  const look = document.getElementById("first-look");
  if (!look) { return; }
  let isDark = false;
  for (let i = 0; i < window.localStorage.length; i += 1) {
    const name = window.localStorage.key(i);
    isDark = isDark || (name.startsWith("_dash_persistence.theme-switch.") &&
      window.localStorage.getItem(name).includes("true"));
  }
  if (isDark) { look.setAttribute("data-mantine-color-scheme", "dark"); }
  const began = performance.now();
  const isDrawn = () => {
    const plot = document.querySelector("#map-graph .js-plotly-plot");
    return plot && plot._fullLayout && plot.querySelector(".nsewdrag");
  };
  /* Never longer than 20 s: what goes wrong has to be seen. */
  const wait = () => {
    if (!isDrawn() && performance.now() - began < 20000) { window.requestAnimationFrame(wait); return; }
    look.remove();
  };
  wait();
})();
