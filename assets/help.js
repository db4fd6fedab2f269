/* The explanation of a question mark that is pointed at, focused or pressed, in one card for all. */
(function () {
  "use strict";

  const OPEN_MS = 100, CLOSE_MS = 150, GAP_PX = 6, EDGE_PX = 8;
  let card = null, mark = null, timer = 0;

  function place() {
    const at = mark.getBoundingClientRect(), box = card.getBoundingClientRect();
    const most = document.documentElement.clientWidth - box.width - EDGE_PX;
    const below = at.bottom + GAP_PX, above = at.top - GAP_PX - box.height;
    const fits = below + box.height < document.documentElement.clientHeight || above < EDGE_PX;
    card.style.left = Math.max(EDGE_PX, Math.min(most, at.left + at.width / 2 - box.width / 2)) + "px";
    card.style.top = (fits ? below : above) + "px";
  }

  function show(next) {
    window.clearTimeout(timer);
    if (!card) {
      card = document.createElement("div");
      card.id = "help-card";
      card.setAttribute("role", "tooltip");
      document.body.append(card);
    }
    if (mark && mark !== next) { mark.removeAttribute("aria-describedby"); }
    mark = next;
    mark.setAttribute("aria-describedby", card.id);
    card.textContent = mark.dataset.help;
    card.classList.add("is-open");
    place();
  }

  function hide() {
    window.clearTimeout(timer);
    if (!mark) { return; }
    mark.removeAttribute("aria-describedby");
    mark = null;
    card.classList.remove("is-open");
  }

  const markOf = (target) => (target instanceof Element ? target.closest(".help-mark[data-help]") : null);

  function over(event) {
    const next = markOf(event.target);
    window.clearTimeout(timer);
    if (next && next !== mark) { timer = window.setTimeout(() => show(next), OPEN_MS); }
    else if (!next && mark && !card.contains(event.target)) { timer = window.setTimeout(hide, CLOSE_MS); }
  }

  document.addEventListener("pointerover", over);
  document.addEventListener("click", function (event) {
    const pressed = markOf(event.target);
    if (pressed) { show(pressed); } else if (card && !card.contains(event.target)) { hide(); }
  });
  document.addEventListener("focusin", function (event) {
    const next = markOf(event.target);
    // A press also focuses; its click comes next.
    if (next && next.matches(":focus-visible")) { show(next); } else { hide(); }
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { hide(); } });
  window.addEventListener("scroll", hide, { passive: true, capture: true });
})();
