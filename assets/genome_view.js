/* The genome view on a canvas. The server sends rows in Plotly's terms for three windows' width;
   this places them and draws the part in view, so that panning, small zooms, and moving, resizing,
   scaling and removing tracks need no server. Two places can be shown, with the same tracks. */
window.dash_clientside = window.dash_clientside || {};

(function () {
  "use strict";

  const paper = window.motiflensDraw, REST_MS = 150, SLOW_MS = 300, FOLLOW_MS = 250, LEAST_BP = 20, MOST_MARKS = 20;
  const FIRST = "genome-graph", SECOND = "genome-graph-2";
  const PARTS = ["signals", "explained", "scanned"];
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const same = (a, b) => Boolean(a && b) && a.chrom === b.chrom && a.start === b.start && a.end === b.end;
  /* What both places show, and the places themselves by the id of their element. */
  const shown = { items: [], marks: [], catalogue: null, views: {} };
  let picks = 0, bandsAsked = "", isTyping = false, stepsHeard = 0, stepsAsked = 0;
  document.addEventListener("input", function (event) {
    if (event.target.id === "region-input") { isTyping = true; }
  }, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Enter") { isTyping = false; } }, true);
  document.addEventListener("click", () => { isTyping = false; }, true);

  function say(error) {
    if (error.name === "AbortError") { return; }
    const text = error instanceof TypeError ? "the tracks did not arrive; try again" : error.message;
    window.motiflensAside.say(text);
  }

  const locus = (view) =>
    view.chrom + ":" + (view.start + 1).toLocaleString("en") + "-" + view.end.toLocaleString("en");

  function widthText(bp) {
    const three = (v) => String(Number(v.toPrecision(3)));
    return bp < 1000 ? bp + " bp" : bp < 999500 ? three(bp / 1000) + " kb" : three(bp / 1e6) + " Mb";
  }

  /* Where the window is, in words and on the chromosome: it moves with the hand. The server draws
     the bands of another chromosome. */
  function sayWhere(view, where) {
    const readout = document.getElementById("region-readout"), text = where + "  (" + widthText(view.end - view.start) + ")";
    if (readout.textContent !== text) { readout.textContent = text; }
    const track = document.querySelector(".overview-track");
    if (!track) { return; }
    if (track.dataset.chrom !== view.chrom) {
      // The window goes along: the page's store may not have heard of it yet.
      if (bandsAsked !== view.chrom) { set("overview-store", { data: view }); }
      bandsAsked = view.chrom;
      return;
    }
    const low = Number(track.dataset.low), share = 100 / (Number(track.dataset.high) - low);
    Object.assign(track.dataset, { start: view.start, end: view.end });
    Object.assign(track.querySelector(".overview-window").style, {
      left: (view.start - low) * share + "%", width: (view.end - view.start) * share + "%" });
  }

  const paintAll = () => Object.values(shown.views).forEach((view) => view.paint());

  /* Tracks and marks are drawn at once and kept in stores, from which the link is written. */
  shown.setItems = function (items) {
    shown.items = items;
    paintAll();
    set("tracks-store", { data: items });
  };
  shown.setMarks = function (marks) {
    shown.marks = marks.slice(0, MOST_MARKS);
    if (marks.length > MOST_MARKS) {
      say(new Error("at most " + MOST_MARKS + " regions can be marked; remove some first"));
    }
    paintAll();
    set("marks-store", { data: shown.marks });
  };
  shown.partOf = (id) => (shown.catalogue[id] || {}).part || PARTS[0];
  shown.defaults = () => JSON.parse(document.getElementById(FIRST).dataset.defaults)
    .map((id) => ({ id: id, times: 1, scale: "auto" }));

  function makeView(hostId, storeId) {
    const rows = {}, at = {}, me = { hostId: hostId };
    let view = null, asked = null, answered = null, rest = null, frame = 0, bound = null;
    let placed = [], high = 0, title = "", followed = null;
    const host = () => document.getElementById(hostId);
    me.region = () => view;
    me.placed = () => placed;

    /* -- asking ----------------------------------------------------------------------------- */

    function ask(part, region, around, items, signal, marks, place) {
      return window.fetch("genome/window", {
        method: "POST", headers: { "Content-Type": "application/json" }, signal: signal,
        body: JSON.stringify({ region: region, tracks: items, part: part, around: around, marks: marks, place: place,
                               now: place && view, explain: (window.motiflensExplained || {}).choice }),
      }).then((answer) => answer.json().then(function (body) {
        if (!answer.ok || body.error) { throw new Error(body.error || "the tracks did not arrive; try again"); }
        return body;
      }));
    }

    function keep(body, items) {
      items.forEach(function (item) { rows[item.id] = []; at[item.id] = body.region; });
      body.rows.forEach(function (row) {
        row.traces.forEach(function (trace) {
          trace.x = paper.unpack(trace.x);
          trace.y = paper.unpack(trace.y);
          if (trace.z) { trace.flat = paper.unpack(trace.z); }
        });
        rows[row.id].push(row);
      });
      title = body.xTitle;
    }

    const itemKey = () => shown.items.map((item) => item.id).join(" ");

    /* A newer window cancels an older one; what takes longer is asked for once the rest is drawn.
       A place that was typed goes along as text, and the stores hear of it once it is drawn,
       unless they are told of it anyway. */
    function load(region, place, isToldAnyway) {
      if (asked && asked.key === itemKey() && region && same(asked.region, region)) { return null; }
      if (asked) { asked.abort(); }
      const mine = asked = new AbortController(), div = host();
      const target = answered && same(answered.asked, region) ? answered.region : region;
      const missing = shown.items.filter((item) => !same(at[item.id], target));
      const follow = function () {
        if (asked !== mine || !region) { return; }
        if (place && !isToldAnyway) { set(storeId, { data: region }); }
        place = "";
        me.follow(region);
      };
      mine.region = region;
      mine.key = itemKey();
      if (!missing.length) {
        div.classList.remove("is-slow");
        mine.key = "";
        paint();
        follow();
        return null;
      }
      const slow = window.setTimeout(() => div.classList.add("is-slow"), SLOW_MS);
      const step = (part, items) => ask(
        part, region, true, items, mine.signal, undefined, region ? undefined : place,
      ).then(function (body) {
        mine.region = region = region || body.region;
        answered = { asked: region, region: body.region };
        keep(body, items);
        view = view && rest !== null ? view : body.region;
        paint();
      });
      const done = function () {
        window.clearTimeout(slow);
        if (asked === mine) { div.classList.remove("is-slow", "is-explaining"); }
      };
      const failed = (error) => { if (place && !region) { throw error; } say(error); };
      const parts = PARTS.filter((part) => missing.some((item) => shown.partOf(item.id) === part));
      return parts.reduce((before, part) => before.then(function () {
        if (part !== PARTS[0]) {
          done();
          window.setTimeout(follow, FOLLOW_MS);
        }
        if (part === "explained") { div.classList.add("is-explaining"); }
        return step(part, missing.filter((item) => shown.partOf(item.id) === part));
      }), Promise.resolve()).catch(failed).finally(function () {
        done();
        mine.key = "";
      }).then(follow);
    }

    /* The map and the curves hear of a region once it is drawn: they would hold up the frame. */
    me.follow = function (region) {
      if (storeId !== "region-store") { return; }
      // What somebody is typing stays.
      const box = document.getElementById("region-input"), text = locus(region);
      if (!isTyping && box.value !== text) { set("region-input", { value: text }); }
      if (same(region, followed || JSON.parse(host().dataset.opening))) { return; }
      followed = region;
      set("region-shown-store", { data: region });
    };

    /* -- drawing ---------------------------------------------------------------------------- */

    function paint() {
      if (!frame) { frame = window.requestAnimationFrame(draw); }
    }
    me.paint = paint;

    /* Where each row goes, from the top. */
    function place() {
      let y = paper.TOP_PX;
      placed = [];
      shown.items.forEach(function (item) {
        if (!at[item.id] || at[item.id].chrom !== view.chrom) { return; }
        (rows[item.id] || []).forEach(function (row, i) {
          const top = y + (row.isBare ? paper.BARE_PX : paper.TITLE_PX);
          y = top + row.height * item.times;
          placed.push({ item: item, row: row, top: top, bottom: y, isFirst: i === 0 });
        });
      });
      high = Math.round(Math.max(y + 6, 60) + paper.AXIS_PX);
    }

    function draw() {
      frame = 0;
      const div = host();
      if (!div || !view || !div.clientWidth || !title) { return; }
      bind(div);
      place();
      const pen = paper.penOf(div, div.querySelector("canvas"), view, high);
      paper.xAxis(pen, high - paper.AXIS_PX, title);
      paper.scales(pen, placed);
      placed.forEach((one) => paper.row(pen, one));
      paper.marks(pen, shown.marks.map((m, i) => ({ ...m, color: i }))
        .filter((m) => m.chrom === view.chrom), high - paper.AXIS_PX);
      window.motiflensMenu.place(me, div, placed);
      tell(div);
    }

    function tell(div) {
      const names = placed.map((one) => (one.row.title || (one.row.yaxis.ticktext || []).join(", ")) +
        (one.row.note ? " (" + one.row.note + ")" : ""));
      const where = locus(view);
      if (hostId === FIRST) { sayWhere(view, where); }
      div.setAttribute("aria-label", "Genome view of " + where + ". Tracks: " + names.join("; "));
      const done = PARTS.slice(0, 2).filter((part) => shown.items
        .every((item) => shown.partOf(item.id) !== part || same(at[item.id], view)));
      div.dataset.view = view.chrom + ":" + view.start + "-" + view.end;
      div.dataset.drawn = done.join(" ");
      div.dataset.at = String(performance.now());
    }

    /* -- moving ----------------------------------------------------------------------------- */

    function ends() {
      const all = JSON.parse(document.getElementById(FIRST).dataset.chroms);
      return all.find((one) => one[0] === view.chrom).slice(1);
    }

    function move(start, width) {
      const [low, most] = ends();
      width = Math.round(Math.min(Math.max(width, LEAST_BP), most - low));
      start = Math.round(Math.min(Math.max(start, low), most - width));
      if (start === view.start && start + width === view.end) { return; }
      view = { chrom: view.chrom, start: start, end: start + width };
      paint();
      window.clearTimeout(rest);
      rest = window.setTimeout(settle, REST_MS);
    }
    me.move = move;

    /* Drawn at once from what is loaded; the other views follow when the hand rests. */
    function settle() {
      window.clearTimeout(rest);
      rest = null;
      reach(view);
    }

    /* Asked for first, told to the store then: the page's callbacks take longer than the request. */
    function reach(region) {
      me.show(region);
      set(storeId, { data: region });
    }

    me.zoom = function (factor, bp) {
      const width = view.end - view.start, share = (bp - view.start) / width;
      const wide = Math.max(LEAST_BP, width * factor);
      move(bp - share * wide, wide);
    };
    me.go = function (region) {
      const all = JSON.parse(document.getElementById(FIRST).dataset.chroms);
      const [low, most] = all.find((one) => one[0] === region.chrom).slice(1);
      reach({ chrom: region.chrom, start: Math.max(low, region.start), end: Math.min(most, region.end) });
    };

    /* -- pointer ---------------------------------------------------------------------------- */

    const bpAt = (x, width) => view.start + (x - paper.LEFT) / (width - paper.LEFT - paper.RIGHT) *
      (view.end - view.start);

    function under(event) {
      const div = host(), box = div.getBoundingClientRect(), width = div.clientWidth;
      const x = event.clientX - box.left, y = event.clientY - box.top;
      if (!view || x < paper.LEFT || x > width - paper.RIGHT) { return null; }
      const one = placed.find((p) => y >= p.top - (p.row.isBare ? 1 : 14) && y <= p.bottom + 2);
      return { x: x, y: y, bp: bpAt(x, width), one: one || null };
    }

    function point(event) {
      const div = host(), spot = under(event), tip = div.querySelector(".genome-tip");
      const line = div.querySelector(".genome-line");
      line.style.display = spot ? "block" : "none";
      tip.style.display = spot ? "flex" : "none";
      if (!spot) { return; }
      line.style.left = spot.x + "px";
      tip.replaceChildren(...paper.described(view, spot).map(function (text, i) {
        const element = document.createElement(i === 0 ? "strong" : "span");
        element.textContent = text;
        return element;
      }));
      const right = spot.x + 14 + tip.offsetWidth > div.clientWidth;
      tip.style.left = spot.x + (right ? -14 - tip.offsetWidth : 14) + "px";
      tip.style.top = Math.max(0, spot.y - tip.offsetHeight - 8) + "px";
      paper.logo(div, div.querySelector(".genome-logo"), view, spot);
    }

    /* A drag pans; with Shift it marks a region. */
    function press(event) {
      const div = host();
      if (event.button !== 0 || !view || event.target.className !== "genome-canvas") { return; }
      const from = event.clientX, start = view.start, width = view.end - view.start;
      const bpPerPx = width / (div.clientWidth - paper.LEFT - paper.RIGHT), marks = shown.marks;
      const left = div.getBoundingClientRect().left, isMark = event.shiftKey;
      let far = 0, region = null;
      const drag = function (e) {
        far = Math.max(far, Math.abs(e.clientX - from));
        if (far <= 3) { return; }
        if (!isMark) { move(start - (e.clientX - from) * bpPerPx, width); return; }
        const [a, b] = [from, e.clientX].map((x) => bpAt(x - left, div.clientWidth)).sort((p, q) => p - q);
        region = { chrom: view.chrom, start: Math.max(view.start, Math.floor(a)),
                   end: Math.min(view.end, Math.ceil(b)), name: "" };
        shown.marks = marks.concat([region]);
        paintAll();
      };
      const drop = function (e) {
        document.removeEventListener("pointermove", drag);
        document.removeEventListener("pointerup", drop);
        document.removeEventListener("pointercancel", drop);
        div.classList.remove("is-dragged");
        shown.marks = marks;
        if (region && e.type === "pointerup" && region.end > region.start) {
          shown.setMarks(marks.concat([region]));
        } else if (far <= 3 && e.type === "pointerup") { pick(e); }
      };
      div.classList.add("is-dragged");
      document.addEventListener("pointermove", drag);
      document.addEventListener("pointerup", drop);
      document.addEventListener("pointercancel", drop);
    }

    function pick(event) {
      const spot = under(event);
      const strip = spot && spot.one && spot.one.row.traces.find((trace) => trace.name === "tokens");
      if (!strip || !strip.customdata) { return; }
      const i = paper.search(strip.x, spot.bp + 1e-9) - 1, word = strip.customdata[0][i];
      if (Number.isInteger(word)) {
        set("genome-click", { data: { points: [{ customdata: word }], n: ++picks } });
      }
    }

    function wheel(event) {
      if (!view || event.ctrlKey) { return; }
      const spot = under(event);
      if (!spot) { return; }
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        const width = view.end - view.start;
        move(view.start + event.deltaX / host().clientWidth * width, width);
      } else {
        me.zoom(Math.exp(Math.min(200, Math.max(-200, event.deltaY)) * 0.002), spot.bp);
      }
    }

    /* The keys of the page move the first place; these, the one that has the focus. */
    function keyed(event) {
      const does = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out" }[event.key];
      if (does && view && event.target === event.currentTarget) {
        event.preventDefault();
        event.stopPropagation();
        steps[does](me, view.end - view.start, view);
      }
    }

    function bind(div) {
      if (bound === div) { return; }
      bound = div;
      const make = (tag, name) => div.appendChild(Object.assign(document.createElement(tag), { className: name }));
      make("canvas", "genome-canvas");
      make("div", "genome-line");
      make("div", "genome-tip");
      make("canvas", "genome-logo");
      div.addEventListener("pointermove", (event) => { if (!event.buttons) { point(event); } });
      div.addEventListener("pointerleave", function () {
        div.querySelectorAll(".genome-line, .genome-tip, .genome-logo").forEach((e) => { e.style.display = "none"; });
      });
      div.addEventListener("pointerdown", press);
      div.addEventListener("wheel", wheel, { passive: false });
      if (div.id !== FIRST) { div.addEventListener("keydown", keyed); }
      div.motiflensFigure = () => ask("all", view, false, shown.items, undefined, shown.marks)
        .then((body) => body.figure).catch((error) => { say(error); return null; });
      new ResizeObserver(paint).observe(div);
      new MutationObserver(paint).observe(document.documentElement,
        { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
    }

    /* What takes longer, once more, for the same place. */
    me.again = function () {
      shown.items.filter((item) => shown.partOf(item.id) === "explained").forEach((item) => {
        if (at[item.id]) { at[item.id] = { chrom: at[item.id].chrom }; }
      });
      if (asked) { asked.key = ""; }
      if (view && answered) { load(view); }
    };

    /* Where a text or a step leads, or the surroundings of a place, in one request; the promise
       fails with what is wrong with it. */
    me.goTo = function (place, isToldAnyway) {
      window.clearTimeout(rest);
      rest = null;
      return load(null, place, isToldAnyway);
    };
    me.isFinding = () => Boolean(asked && asked.key && !asked.region);

    me.show = function (region) {
      const isElsewhere = !answered || !(same(answered.asked, region) || same(view, region));
      if (isElsewhere) {
        window.clearTimeout(rest);
        rest = null;
      }
      load(region);
    };
    return me;
  }

  function viewOf(hostId, storeId) {
    shown.views[hostId] = shown.views[hostId] || makeView(hostId, storeId);
    return shown.views[hostId];
  }

  /* The buttons, and the keys that press them, move what is drawn without waiting for the server. */
  const steps = {
    left: (v, w, r) => v.move(r.start - w / 2, w), right: (v, w, r) => v.move(r.start + w / 2, w),
    in: (v, w, r) => v.zoom(0.5, (r.start + r.end) / 2), out: (v, w, r) => v.zoom(2, (r.start + r.end) / 2),
    mark: (v, w, r) => shown.setMarks(shown.marks.concat([{ ...r, name: "" }])),
  };
  const buttons = {
    "pan-left": [FIRST, "left"], "pan-right": [FIRST, "right"], "zoom-in": [FIRST, "in"],
    "zoom-out": [FIRST, "out"], "mark-window": [FIRST, "mark"], "second-left": [SECOND, "left"],
    "second-right": [SECOND, "right"], "second-in": [SECOND, "in"], "second-out": [SECOND, "out"],
  };
  document.addEventListener("click", function (event) {
    const button = event.target.closest && event.target.closest("button");
    const [place, does] = (button && buttons[button.id]) || [], view = shown.views[place];
    if (view && view.region()) {
      event.stopPropagation();
      steps[does](view, view.region().end - view.region().start, view.region());
    }
  }, true);

  /* What the stores hold is shown; false while the page is not there yet. */
  function adopt(tracks, marks) {
    const div = document.getElementById(FIRST);
    if (!div) { return false; }
    shown.catalogue = shown.catalogue || JSON.parse(div.dataset.catalogue);
    shown.items = tracks || shown.defaults();
    shown.marks = marks || [];
    return true;
  }

  /* The first place goes there. What was said of another attempt goes while the server answers. */
  function goTo(place) {
    const view = shown.views[FIRST], isReady = view && view.region() && shown.items.length;
    if (!isReady) { return Promise.reject(new Error("the tracks are not there yet")); }
    const going = view.goTo(place);
    set("notice", { children: null });
    return going;
  }

  window.motiflensShown = shown;
  window.dash_clientside.motiflensGenome = {
    goTo: goTo,

    /* A step begins where the one before it ended. Presses that come faster than answers, or than
       this hears of them, are one request. */
    step: function (previous, next, kind, selection) {
      const isWaiting = stepsAsked !== 0, before = stepsHeard;
      stepsHeard = (next || 0) - (previous || 0);
      stepsAsked += stepsHeard - before;
      const begin = function () {
        const view = shown.views[FIRST], times = Math.min(100, Math.abs(stepsAsked));
        if (view && view.isFinding()) { window.setTimeout(begin, 15); return; }
        const place = { step: kind, forward: stepsAsked > 0, times: times, selection: selection };
        stepsAsked = 0;
        if (times) { goTo(place).catch(say); }
      };
      if (!isWaiting) { begin(); }
      return String(stepsHeard);
    },

    around: function (rows) {
      const row = rows && rows[0];
      if (row) { goTo({ around: { chrom: row.chrom, start: row.start, end: row.end } }).catch(say); }
      return row ? row.locus || "" : "";
    },

    visit: function (rows) {
      const row = rows && rows[0], view = shown.views[FIRST];
      if (row && view && view.region()) { view.go(row); }
      return row ? row.place || "" : "";
    },

    explainAgain: () => Object.values(shown.views).forEach((view) => view.again()),
    show: function (region, tracks, marks) {
      if (!region || !adopt(tracks, marks)) { return ""; }
      viewOf(FIRST, "region-store").show(region);
      window.motiflensMenu.marks(shown);
      window.motiflensMenu.panel(shown);
      return region.chrom + ":" + region.start + "-" + region.end;
    },

    showSecond: function (region, tracks, marks) {
      const card = document.getElementById("second-place"), button = document.getElementById("second-button");
      if (!card || !adopt(tracks, marks)) { return ""; }
      card.hidden = !region;
      button.classList.toggle("is-on", Boolean(region));
      if (!region) { return ""; }
      viewOf(SECOND, "second-store").show(region);
      return region.chrom + ":" + region.start + "-" + region.end;
    },
  };

  /* A visit's window is asked for once its place is on the page: the page's own callbacks come
     later, after all figures. Where a link changes what is drawn, they say so first. */
  const said = new URLSearchParams(window.location.search);
  const begin = function () {
    const div = document.getElementById(FIRST);
    if (!div) { window.requestAnimationFrame(begin); return; }
    const genome = window.dash_clientside.motiflensGenome;
    if (!said.has("region")) { genome.show(JSON.parse(div.dataset.opening), null, null); return; }
    adopt(null, null);
    // The page's stores take the region from the whole link, and say what is wrong with it.
    viewOf(FIRST, "region-store").goTo(said.get("region"), true).catch(() => {});
  };
  if (!["page", "tracks", "marks", "explain"].some((name) => said.has(name))) { begin(); }
})();
