/* The search box: asks for offers while one types, and is driven by the keyboard alone. */
(function () {
  "use strict";

  const boxId = "region-input", listId = "search-list";
  let timer = 0, asked = null, waiting = 0, before = "";

  const box = () => document.getElementById(boxId);
  const list = () => document.getElementById(listId);
  const hits = () => [...(list() ? list().querySelectorAll(".search-hit") : [])];
  const active = () => list() && list().querySelector(".search-hit.is-active");
  const answered = () => list() && list().firstElementChild && list().firstElementChild.dataset.for;

  function open(isOpen) {
    if (!list()) { return; }
    list().toggleAttribute("data-open", isOpen);
    box().setAttribute("aria-expanded", String(isOpen));
  }

  function mark(hit) {
    hits().forEach((h) => {
      h.classList.toggle("is-active", h === hit);
      h.setAttribute("aria-selected", String(h === hit));
    });
    if (hit) { hit.scrollIntoView({ block: "nearest" }); }
  }

  function ask(text) {
    asked = text;
    window.dash_clientside.set_props("search-query", { data: text });
  }

  /* Offers have come: show them, the first one marked; Enter may have been pressed already. */
  function arrived() {
    if (document.activeElement !== box() && !waiting) { return; }
    open(Boolean(answered()));
    mark(hits()[0]);
    if (waiting && answered() === box().value) { enter(); }
  }

  const watch = new MutationObserver(arrived);

  function stopWaiting() { window.clearTimeout(waiting); waiting = 0; }

  /* The first offer, or what a plain Go says about the text. */
  function enter() {
    stopWaiting();
    const hit = answered() === box().value ? active() || hits()[0] : null;
    if (hit) { hit.click(); } else { open(false); document.getElementById("region-go").click(); }
  }

  document.addEventListener("input", (event) => {
    if (event.target.id !== boxId) { return; }
    window.clearTimeout(timer);
    stopWaiting();
    const text = event.target.value;
    timer = window.setTimeout(() => ask(text), 150);
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.id !== boxId) { return; }
    before = event.target.value;
    watch.observe(list(), { childList: true, subtree: true, attributeFilter: ["data-for"] });
    Object.entries({ role: "combobox", "aria-controls": listId, "aria-autocomplete": "list" })
      .forEach(([name, value]) => event.target.setAttribute(name, value));
  });

  document.addEventListener("focusout", (event) => {
    if (event.target.id === boxId) { window.setTimeout(() => open(false), 200); }
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== boxId) { return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && hits().length) {
      event.preventDefault();
      open(true);
      const all = hits(), at = all.indexOf(active());
      mark(all[(at + step + all.length + (at < 0 && step < 0 ? 1 : 0)) % all.length]);
    } else if (event.key === "Enter" && event.target.value !== before) {
      // Offers for the text may be under way: its first one is what Enter means.
      event.preventDefault();
      event.stopImmediatePropagation();
      window.clearTimeout(timer);
      if (answered() === event.target.value) { enter(); return; }
      if (asked !== event.target.value) { ask(event.target.value); }
      stopWaiting();
      waiting = window.setTimeout(enter, 3000);
    } else if (event.key === "Escape") { open(false); }
  }, true);

  /* After a choice the box says again where the genome view is; a choice of a place renews it. */
  document.addEventListener("click", (event) => {
    const hit = event.target.closest && event.target.closest(".search-hit");
    if (!hit) { return; }
    open(false);
    const text = before;
    box().blur();
    window.setTimeout(() => window.dash_clientside.set_props(boxId, { value: text }), 0);
  });
})();
