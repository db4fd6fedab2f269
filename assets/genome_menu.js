/* The genome view's hands: a grip with a menu for every track, the list of all tracks, and the
   marked regions. All of it works by keyboard; names are set as text, never as markup. */
window.motiflensMenu = (function () {
  "use strict";

  const paper = window.motiflensDraw, LEAST = 0.4, MOST = 6, MOST_TRACKS = 40;
  const state = () => window.motiflensShown;
  const round = (times) => Math.round(Math.min(MOST, Math.max(LEAST, times)) * 20) / 20;

  function make(tag, name, text, more) {
    const element = Object.assign(document.createElement(tag), { className: name || "" }, more || {});
    if (text) { element.textContent = text; }
    return element;
  }

  /* -- what can be done to a track ------------------------------------------------------------ */

  const labelOf = (id) => (state().catalogue[id] || {}).name || id;
  const indexOf = (id) => state().items.findIndex((item) => item.id === id);

  function change(id, parts) {
    state().setItems(state().items.map((item) => (item.id === id ? { ...item, ...parts } : item)));
  }

  /* Past the next track that is seen: some have no row at this width. */
  function shift(id, by) {
    const items = state().items, from = indexOf(id), way = Math.sign(by);
    const seen = new Set(state().views["genome-graph"].placed().map((one) => one.item.id));
    let to = from;
    for (let i = from + way, left = Math.abs(by); left > 0 && i >= 0 && i < items.length; i += way) {
      if (seen.has(items[i].id)) { to = i; left -= 1; }
    }
    moveTo(from, to);
  }

  function moveTo(from, to) {
    const items = state().items.slice();
    items.splice(to, 0, items.splice(from, 1)[0]);
    state().setItems(items);
  }

  const grow = (id, factor) => change(id, { times: round(state().items[indexOf(id)].times * factor) });

  function remove(id) {
    state().setItems(state().items.filter((item) => item.id !== id));
    document.getElementById("tracks-button").focus();
  }

  function add(id) {
    if (state().items.length < MOST_TRACKS) {
      state().setItems(state().items.concat([{ id: id, times: 1, scale: "auto" }]));
    }
  }

  /* One scale for every track of a group that is shown, or each its own again. */
  function share(placed, group, isShared) {
    const ids = new Set(placed.filter((one) => one.row.group === group).map((one) => one.item.id));
    state().setItems(state().items.map((item) => (ids.has(item.id)
      ? { ...item, scale: isShared ? "group" : "auto" } : item)));
  }

  /* -- grips and edges ------------------------------------------------------------------------ */

  /* One grip and one lower edge for each track, kept over the rows as they are drawn. */
  function place(view, div, placed) {
    const hands = div.motiflensHands = div.motiflensHands || new Map(), seen = new Set();
    placed.filter((one) => one.isFirst).forEach(function (one) {
      const id = one.item.id, last = placed.filter((p) => p.item.id === id).pop();
      seen.add(id);
      if (!hands.has(id)) { hands.set(id, hand(view, div, id)); }
      const { grip, edge } = hands.get(id), isBare = one.row.isBare;
      const wide = isBare ? paper.LEFT : 22 + Math.min(one.wide || 0, 400);
      put(grip, { left: (isBare ? 0 : paper.LEFT - 22) + "px",
                  top: Math.round(isBare ? (one.top + one.bottom) / 2 - 8 : one.top - 16.5) + "px",
                  width: Math.round(wide) + "px" });
      put(edge, { top: Math.round(last.bottom - 3) + "px" });
      grip.classList.toggle("is-bare", isBare);
    });
    hands.forEach(function (pair, id) {
      if (!seen.has(id)) {
        pair.grip.remove();
        pair.edge.remove();
        hands.delete(id);
      }
    });
    /* Tabbing goes from top to bottom, as the tracks do. */
    let before = null;
    state().items.filter((item) => hands.has(item.id)).forEach(function (item) {
      const grip = hands.get(item.id).grip;
      const next = before ? before.nextSibling : div.querySelector(".genome-grip");
      if (next !== grip && document.activeElement !== grip) { div.insertBefore(grip, next); }
      before = grip;
    });
  }

  function put(element, style) {
    Object.keys(style).forEach(function (key) {
      if (element.style[key] !== style[key]) { element.style[key] = style[key]; }
    });
  }

  function hand(view, div, id) {
    const grip = make("button", "genome-grip", "⠿", {
      type: "button", title: labelOf(id) + ": drag to move, press for its menu" });
    grip.dataset.track = id;
    grip.setAttribute("aria-label", labelOf(id) + ": menu; up and down move it, with Shift resize it, " +
      "Delete removes it");
    grip.setAttribute("aria-haspopup", "menu");
    const edge = make("div", "genome-edge", "", { title: "Drag to resize" });
    grip.addEventListener("pointerdown", (event) => carry(event, view, div, id));
    grip.addEventListener("keydown", (event) => byKey(event, view, div, id));
    grip.addEventListener("click", (event) => { if (event.detail === 0) { open(view, div, id); } });
    edge.addEventListener("pointerdown", (event) => stretch(event, view, id));
    div.append(grip, edge);
    return { grip: grip, edge: edge };
  }

  function follow(drag, drop) {
    const end = function (event) {
      document.removeEventListener("pointermove", drag);
      document.removeEventListener("pointerup", end);
      document.removeEventListener("pointercancel", end);
      drop(event);
    };
    document.addEventListener("pointermove", drag);
    document.addEventListener("pointerup", end);
    document.addEventListener("pointercancel", end);
  }

  /* A track follows its title; a press without a move opens its menu. */
  function carry(event, view, div, id) {
    if (event.button !== 0) { return; }
    event.stopPropagation();
    const from = event.clientY, line = make("div", "genome-drop");
    let to = null;
    follow(function (e) {
      if (to === null && Math.abs(e.clientY - from) < 4) { return; }
      if (!line.parentNode) { div.append(line); }
      const y = e.clientY - div.getBoundingClientRect().top;
      const others = view.placed().filter((one) => one.isFirst);
      const next = others.find((one) => y < (one.top + one.bottom) / 2);
      to = next ? indexOf(next.item.id) : state().items.length;
      line.style.top = (next ? next.top - (next.row.isBare ? 2 : 17) : view.placed().at(-1).bottom) + "px";
    }, function (e) {
      line.remove();
      if (to === null) {
        if (e.type === "pointerup") { open(view, div, id); }
        return;
      }
      const now = indexOf(id);
      if (e.type === "pointerup") { moveTo(now, to > now ? to - 1 : to); }
    });
  }

  function stretch(event, view, id) {
    if (event.button !== 0) { return; }
    event.preventDefault();
    event.stopPropagation();
    const from = event.clientY, item = state().items[indexOf(id)], times = item.times;
    const px = view.placed().filter((one) => one.item.id === id)
      .reduce((sum, one) => sum + one.bottom - one.top, 0);
    follow(function (e) {
      item.times = round(times * Math.max(1, px + e.clientY - from) / px);
      view.paint();
    }, function () {
      const now = item.times;
      item.times = times;
      change(id, { times: now });
    });
  }

  function byKey(event, view, div, id) {
    const does = {
      ArrowUp: () => (event.shiftKey ? grow(id, 1 / 1.25) : shift(id, -1)),
      ArrowDown: () => (event.shiftKey ? grow(id, 1.25) : shift(id, 1)),
      Delete: () => remove(id), Backspace: () => remove(id),
      Enter: () => open(view, div, id), " ": () => open(view, div, id),
    }[event.key];
    if (does) {
      event.preventDefault();
      event.stopPropagation();
      does();
    }
  }

  /* -- the menu of a track -------------------------------------------------------------------- */

  function close(div, id) {
    const old = div.querySelector(".genome-menu");
    if (old) { old.remove(); }
    const pair = id && div.motiflensHands.get(id);
    if (pair) { pair.grip.focus(); }
  }

  function open(view, div, id) {
    close(div);
    const one = view.placed().find((p) => p.item.id === id), menu = make("div", "genome-menu");
    const grip = div.motiflensHands.get(id).grip;
    menu.setAttribute("role", "menu");
    menu.setAttribute("aria-label", labelOf(id));
    menu.append(make("strong", "", labelOf(id)));
    const entry = function (text, does, keys, isOn) {
      const button = make("button", "", text, { type: "button" });
      button.setAttribute("role", isOn === undefined ? "menuitem" : "menuitemradio");
      if (isOn !== undefined) { button.setAttribute("aria-checked", String(isOn)); }
      if (keys) { button.append(make("kbd", "", keys)); }
      button.addEventListener("click", function () { close(div, id); does(); });
      menu.append(button);
    };
    entry("Move up", () => shift(id, -1), "↑");
    entry("Move down", () => shift(id, 1), "↓");
    entry("Taller", () => grow(id, 1.25), "Shift ↓");
    entry("Shorter", () => grow(id, 1 / 1.25), "Shift ↑");
    if (one.fit) { scaleEntries(view, div, one, menu, entry); }
    entry("Remove", () => remove(id), "Del");
    menu.addEventListener("keydown", (event) => inMenu(event, div, id, menu));
    menu.addEventListener("pointerdown", (event) => event.stopPropagation());
    menu.style.left = paper.LEFT - 20 + "px";
    menu.style.top = grip.offsetTop + 18 + "px";
    div.append(menu);
    menu.querySelector("button").focus();
    const outside = function (event) {
      if (!menu.contains(event.target)) {
        document.removeEventListener("pointerdown", outside, true);
        menu.remove();
      }
    };
    document.addEventListener("pointerdown", outside, true);
  }

  function scaleEntries(view, div, one, menu, entry) {
    const id = one.item.id, scale = one.item.scale, group = one.row.group;
    entry("Scale: what is in view", () => (scale === "group" ? share(view.placed(), group, false)
      : change(id, { scale: "auto" })), "", scale === "auto");
    if (group) {
      entry("Scale: one for " + group, () => share(view.placed(), group, true), "", scale === "group");
    }
    const form = make("form", "genome-fixed"), ends = Array.isArray(scale) ? scale : one.range;
    const [low, high] = ends.map(function (value, i) {
      const box = make("input", "", "", { type: "number", step: "any", value: String(+value.toPrecision(3)) });
      box.setAttribute("aria-label", i ? "largest value of the scale" : "smallest value of the scale");
      return box;
    });
    form.append(make("span", "", "Scale: from"), low, make("span", "", "to"), high,
                make("button", "", "set", { type: "submit" }));
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      const [a, b] = [low, high].map((box) => Number(box.value));
      if (low.value === "" || high.value === "" || !(a < b)) {
        high.setCustomValidity("give two numbers, the smaller one first");
        high.reportValidity();
        high.setCustomValidity("");
        return;
      }
      close(div, id);
      change(id, { scale: [a, b] });
    });
    menu.append(form);
  }

  function inMenu(event, div, id, menu) {
    const all = [...menu.querySelectorAll("button, input")], now = all.indexOf(document.activeElement);
    event.stopPropagation();
    if (event.key === "Escape") { close(div, id); }
    else if (event.key === "Tab") { close(div, id); event.preventDefault(); }
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (document.activeElement.tagName === "INPUT" && event.key === "ArrowUp") { event.preventDefault(); }
      event.preventDefault();
      all[(now + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length].focus();
    }
  }

  /* -- the list of all tracks ----------------------------------------------------------------- */

  function panel(shown) {
    const box = document.getElementById("track-panel");
    if (!box || box.hidden) { return; }
    if (!box.firstChild) { fill(box, shown); }
    const ids = new Set(shown.items.map((item) => item.id)), isFull = ids.size >= MOST_TRACKS;
    box.querySelectorAll("input[type=checkbox]").forEach(function (check) {
      check.checked = ids.has(check.value);
      check.disabled = isFull && !check.checked;
    });
    box.querySelector(".track-count").textContent = ids.size + " of at most " + MOST_TRACKS + " tracks shown";
  }

  function fill(box, shown) {
    const head = make("div", "track-head"), find = make("input", "", "", {
      type: "search", placeholder: "find a track", autocomplete: "off" });
    find.setAttribute("aria-label", "Find a track");
    const reset = make("button", "tool", "usual tracks", { type: "button", title: "Back to the tracks of a fresh view" });
    reset.addEventListener("click", () => state().setItems(state().defaults()));
    const done = make("button", "tool", "close", { type: "button" });
    done.addEventListener("click", () => toggle());
    head.append(find, reset, make("span", "track-count"), done);
    const body = make("div", "track-groups");
    let group = null, field = null;
    Object.values(shown.catalogue).forEach(function (info) {
      if (info.group !== group) {
        group = info.group;
        field = make("fieldset", "");
        field.append(make("legend", "", group));
        body.append(field);
      }
      const label = make("label", ""), check = make("input", "", "", { type: "checkbox", value: info.id });
      check.addEventListener("change", function () {
        if (check.checked) { add(info.id); } else {
          state().setItems(state().items.filter((item) => item.id !== info.id));
        }
      });
      label.append(check, make("span", "", info.label));
      field.append(label);
    });
    find.addEventListener("input", function () {
      const typed = find.value.trim().toLowerCase();
      body.querySelectorAll("fieldset").forEach(function (one) {
        let n = 0;
        const title = one.querySelector("legend").textContent;
        one.querySelectorAll("label").forEach(function (label) {
          label.hidden = !(title + " " + label.textContent).toLowerCase().includes(typed);
          n += label.hidden ? 0 : 1;
        });
        one.hidden = n === 0;
      });
    });
    box.addEventListener("keydown", function (event) {
      if (event.key === "Escape") { event.stopPropagation(); toggle(); }
    });
    box.append(head, body);
  }

  function toggle() {
    const box = document.getElementById("track-panel"), button = document.getElementById("tracks-button");
    box.hidden = !box.hidden;
    button.setAttribute("aria-expanded", String(!box.hidden));
    button.classList.toggle("is-on", !box.hidden);
    if (box.hidden) { button.focus(); return; }
    panel(state());
    box.querySelector("input").focus();
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest && event.target.closest("#tracks-button");
    if (button && window.motiflensShown && state().catalogue) { toggle(); }
  });

  /* -- marked regions ------------------------------------------------------------------------- */

  function marks(shown) {
    const box = document.getElementById("genome-marks");
    if (!box || box.contains(document.activeElement) && document.activeElement.tagName === "INPUT" &&
        box.childElementCount === shown.marks.length) { return; }
    box.replaceChildren(...shown.marks.map(function (mark, i) {
      const chip = make("span", "mark-chip"), dot = make("span", "chip-dot");
      const where = mark.chrom + ":" + (mark.start + 1).toLocaleString("en") + "-" + mark.end.toLocaleString("en");
      dot.style.background = paper.MARKS[i % paper.MARKS.length];
      const go = make("button", "", where, { type: "button", title: "Zoom to it" });
      go.addEventListener("click", function () {
        const side = Math.max(10, Math.round((mark.end - mark.start) / 10));
        shown.views["genome-graph"].go({ chrom: mark.chrom, start: mark.start - side, end: mark.end + side });
      });
      const name = make("input", "", "", { type: "text", maxLength: 40, value: mark.name || "", placeholder: "name" });
      name.setAttribute("aria-label", "Name of the marked region " + where);
      name.addEventListener("change", () => shown.setMarks(shown.marks.map(
        (one, j) => (j === i ? { ...one, name: name.value.trim() } : one))));
      const gone = make("button", "", "×", { type: "button", title: "Remove the mark" });
      gone.setAttribute("aria-label", "Remove the mark " + where);
      gone.addEventListener("click", () => shown.setMarks(shown.marks.filter((_, j) => j !== i)));
      chip.append(dot, go, name, gone);
      return chip;
    }));
  }

  /* -- links ---------------------------------------------------------------------------------- */

  const escaped = (text) => encodeURIComponent(text).replace(/~/g, "%7E").replace(/%3A/g, ":");

  /* Tracks, marks and the second place as a link holds them; vizapp/genome_state.py reads them. */
  function link(tracks, marks, second) {
    const items = (tracks || []).map(function (item) {
      const scale = item.scale, isPlain = item.times === 1 && scale === "auto";
      return escaped(item.id) + (isPlain ? "" : "~" + item.times) +
        (Array.isArray(scale) ? "~" + scale.join("_") : scale === "group" ? "~group" : "");
    });
    const places = (marks || []).map((m) => escaped(m.chrom) + ":" + (m.start + 1) + "-" + m.end +
      (m.name ? "~" + escaped(m.name) : ""));
    return { tracks: items.join(","), marks: places.join(","),
      region2: second ? second.chrom + ":" + (second.start + 1) + "-" + second.end : "" };
  }

  return { link: link, place: place, panel: panel, marks: marks };
})();
