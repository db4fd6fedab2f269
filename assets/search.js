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

  /* Places visited last, kept by this browser alone and shown as text while nothing is typed. */
  const recentKey = "motiflens-recent-places", most = 8;
  const recentBox = () => document.getElementById("search-recent");

  function recent() {
    try {
      const kept = JSON.parse(window.localStorage.getItem(recentKey) || "[]");
      return Array.isArray(kept) ? kept.filter((t) => typeof t === "string").slice(0, most) : [];
    } catch (error) { return []; }
  }

  function remember(text) {
    if (!/^[\w.\-]{1,64}:[\d,]+-[\d,]+$/.test(text)) { return; }
    const kept = [text, ...recent().filter((t) => t !== text)].slice(0, most);
    try { window.localStorage.setItem(recentKey, JSON.stringify(kept)); } catch (error) { return; }
  }

  function showRecent(isShown) {
    const target = recentBox(), places = recent().filter((text) => text !== box().value);
    if (!target) { return; }
    target.replaceChildren();
    target.toggleAttribute("data-open", isShown && places.length > 0);
    if (!isShown || !places.length) { return; }
    const head = document.createElement("div");
    head.className = "search-kind";
    head.textContent = "Visited last, on this browser";
    target.append(head, ...places.map((text) => {
      const item = document.createElement("button");
      item.type = "button";
      item.className = "search-recent-hit search-hit-look";
      item.setAttribute("role", "option");
      item.textContent = text;
      item.addEventListener("mousedown", (event) => event.preventDefault());
      item.addEventListener("click", () => {
        showRecent(false);
        before = text;
        window.dash_clientside.set_props(boxId, { value: text });
        window.setTimeout(() => { box().blur(); document.getElementById("region-go").click(); }, 60);
      });
      return item;
    }));
  }

  const watch = new MutationObserver(arrived);

  function stopWaiting() { window.clearTimeout(waiting); waiting = 0; }

  /* The first offer, or what a plain Go says about the text. */
  function enter() {
    stopWaiting();
    const hit = answered() === box().value ? active() || hits()[0] : null;
    if (hit) { hit.click(); } else { open(false); document.getElementById("region-go").click(); }
  }

  /* A region can mean one thing only: the tracks go there at once, and say what is wrong with it. */
  const plain = /^\s*[\w.]{1,40}:[\d,]+\s*-\s*[\d,]+\s*$/;
  function goStraight(text) {
    const genome = window.dash_clientside.motiflensGenome;
    stopWaiting();
    genome.goTo(text).then(function () {
      open(false);
      before = text;
      box().blur();
    }, function (error) {
      // Given up for a newer window, it is nobody's fault.
      if (error.name !== "AbortError") { document.getElementById("region-go").click(); }
    });
  }

  document.addEventListener("input", (event) => {
    if (event.target.id !== boxId) { return; }
    window.clearTimeout(timer);
    stopWaiting();
    const text = event.target.value;
    timer = window.setTimeout(() => ask(text), 60);
    showRecent(false);
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.id !== boxId) { return; }
    before = event.target.value;
    remember(before);
    showRecent(true);
    watch.observe(list(), { childList: true, subtree: true, attributeFilter: ["data-for"] });
    Object.entries({ role: "combobox", "aria-controls": listId, "aria-autocomplete": "list" })
      .forEach(([name, value]) => event.target.setAttribute(name, value));
  });

  document.addEventListener("focusout", (event) => {
    if (event.target.id === boxId) { window.setTimeout(() => { open(false); showRecent(false); }, 200); }
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== boxId) { return; }
    const visited = recentBox() ? [...recentBox().querySelectorAll("button")] : [];
    if (event.key === "ArrowDown" && visited.length) {
      event.preventDefault();
      const at = visited.findIndex((item) => item.classList.contains("is-active"));
      visited.forEach((item, i) => item.classList.toggle("is-active", i === (at + 1) % visited.length));
      return;
    }
    const picked = visited.find((item) => item.classList.contains("is-active"));
    if (event.key === "Enter" && picked) {
      event.preventDefault();
      event.stopImmediatePropagation();
      picked.click();
      return;
    }
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
      if (plain.test(event.target.value)) { goStraight(event.target.value); return; }
      if (answered() === event.target.value) { enter(); return; }
      if (asked !== event.target.value) { ask(event.target.value); }
      stopWaiting();
      waiting = window.setTimeout(enter, 3000);
    } else if (event.key === "Escape") { open(false); showRecent(false); }
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
