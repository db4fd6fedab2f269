/* The genome view on a canvas. The server sends figures in Plotly's terms for three windows' width;
   this draws the part in view, so that panning and small zooms need no server. */
window.dash_clientside = window.dash_clientside || {};

(function () {
  "use strict";

  const HOST = "genome-graph", LEFT = 150, RIGHT = 84, AXIS_PX = 44, REST_MS = 150, SLOW_MS = 300;
  const LEAST_BP = 20, TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array,
    i2: Int16Array, u1: Uint8Array, i1: Int8Array };
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const host = () => document.getElementById(HOST);
  const parts = { signals: null, explained: null };
  let view = null, choice = null, asked = null, rest = null, frame = 0, bound = null, told = null;

  function unpack(value) {
    if (!value || !value.bdata) { return value; }
    const text = atob(value.bdata), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) { bytes[i] = text.charCodeAt(i); }
    return new TYPES[value.dtype](bytes.buffer);
  }

  /* -- asking ------------------------------------------------------------------------------- */

  function ask(part, region, around, signal) {
    return window.fetch("genome/window", {
      method: "POST", headers: { "Content-Type": "application/json" }, signal: signal,
      body: JSON.stringify({ region: region, track: choice.track, targets: choice.targets,
                             part: part, around: around }),
    }).then((answer) => answer.json().then(function (body) {
      if (!answer.ok) { throw new Error(body.error || "the tracks did not arrive; try again"); }
      return body;
    }));
  }

  function say(error) {
    if (error.name === "AbortError") { return; }
    const text = error instanceof TypeError ? "the tracks did not arrive; try again" : error.message;
    set("notice", { children: {
      namespace: "dash_mantine_components", type: "Alert",
      props: { children: String(text), color: "red", withCloseButton: true, variant: "light",
               className: "notice-alert", duration: 0 },
    } });
  }

  /* A newer window cancels an older one; contributions are asked for once the rest is drawn. */
  function load(region) {
    if (asked) { asked.abort(); }
    const mine = asked = new AbortController(), div = host();
    const slow = window.setTimeout(() => div.classList.add("is-slow"), SLOW_MS);
    ask("signals", region, true, mine.signal).then(function (body) {
      keep("signals", body);
      view = view && moving() ? view : body.region;
      paint();
      return ask("explained", region, true, mine.signal);
    }).then(function (body) {
      keep("explained", body);
      paint();
    }).catch(say).then(function () {
      window.clearTimeout(slow);
      if (asked === mine) { div.classList.remove("is-slow"); }
    });
  }

  function keep(part, body) {
    body.figure.data.forEach(function (trace) {
      trace.x = unpack(trace.x);
      trace.y = unpack(trace.y);
      if (trace.z) { trace.flat = unpack(trace.z); }
    });
    parts[part] = { figure: body.figure, region: body.region, rows: rowsOf(body.figure) };
  }

  /* Tracks of a figure from top to bottom, in pixels from its top. */
  function rowsOf(figure) {
    const layout = figure.layout, margin = layout.margin;
    const high = layout.height - margin.t - margin.b, rows = [];
    Object.keys(layout).filter((key) => /^yaxis\d*$/.test(key)).forEach(function (key) {
      const name = key.replace("axis", ""), axis = layout[key];
      rows.push({
        axis: axis, top: margin.t + (1 - axis.domain[1]) * high,
        bottom: margin.t + (1 - axis.domain[0]) * high,
        traces: figure.data.filter((trace) => trace.yaxis === name),
      });
    });
    rows.sort((a, b) => a.top - b.top);
    rows.forEach(function (row, i) {
      const [title, note] = layout.annotations[i].text.split("</b>");
      row.title = title.replace("<b>", "");
      row.note = (note || "").trim();
    });
    return rows;
  }

  const moving = () => rest !== null;

  /* -- drawing ------------------------------------------------------------------------------ */

  function paint() {
    if (!frame) { frame = window.requestAnimationFrame(draw); }
  }

  const heightOf = (part) => part ? part.figure.layout.height - part.figure.layout.margin.b : 0;

  function draw() {
    frame = 0;
    const div = host();
    if (!div || !parts.signals || !view || !div.clientWidth) { return; }
    bind(div);
    const canvas = div.querySelector("canvas"), scale = window.devicePixelRatio || 1;
    const width = div.clientWidth;
    const high = Math.round(heightOf(parts.signals) + heightOf(parts.explained) + AXIS_PX);
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(high * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(high * scale);
      canvas.style.height = high + "px";
    }
    const g = canvas.getContext("2d"), style = getComputedStyle(div);
    const pen = { g: g, ink: style.getPropertyValue("--ink").trim() || "#1b2430",
      soft: style.getPropertyValue("--soft").trim() || "#5d6874",
      panel: style.getPropertyValue("--panel").trim() || "#ffffff",
      left: LEFT, right: width - RIGHT, font: style.fontFamily,
      k: (width - LEFT - RIGHT) / (view.end - view.start), from: view.start, to: view.end };
    pen.x = (bp) => LEFT + (bp - pen.from) * pen.k;
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, width, high);
    xAxis(pen, high - AXIS_PX);
    let top = 0;
    ["signals", "explained"].forEach(function (name) {
      const part = parts[name];
      if (part && part.region.chrom === view.chrom) {
        part.rows.forEach((row) => track(pen, row, top));
        part.top = top;
      }
      top += heightOf(part);
    });
    tell(div);
  }

  function tell(div) {
    const names = [].concat(...["signals", "explained"].map((n) => parts[n] ? parts[n].rows : []))
      .map((row) => row.title + (row.note ? " (" + row.note + ")" : ""));
    const place = view.chrom + ":" + (view.start + 1).toLocaleString("en") + "-" +
      view.end.toLocaleString("en");
    div.setAttribute("aria-label", "Genome view of " + place + ". Tracks: " + names.join("; "));
    const done = ["signals", "explained"].filter((n) => parts[n] && same(parts[n].region, view));
    div.dataset.view = view.chrom + ":" + view.start + "-" + view.end;
    div.dataset.drawn = done.join(" ");
    told = performance.now();
    div.dataset.at = String(told);
  }

  const same = (a, b) => a.chrom === b.chrom && a.start === b.start && a.end === b.end;

  function ticks(low, high, most) {
    const rough = (high - low) / Math.max(1, most), power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) || 10), out = [];
    for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) {
      out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
    }
    return out;
  }

  function words(pen, text, x, y, color, align, font) {
    pen.g.fillStyle = color;
    pen.g.textAlign = align || "left";
    pen.g.font = (font || "11px") + " " + pen.font;
    pen.g.fillText(text, x, y);
  }

  function xAxis(pen, y) {
    const g = pen.g;
    g.textBaseline = "middle";
    ticks(pen.from, pen.to, 8).filter((bp) => Number.isInteger(bp)).forEach(function (bp) {
      const x = pen.x(bp);
      g.fillStyle = "rgba(128,140,152,0.18)";
      g.fillRect(x, 6, 1, y - 6);
      words(pen, bp.toLocaleString("en"), x, y + 12, pen.soft, "center");
    });
    g.fillStyle = "rgba(128,140,152,0.5)";
    g.fillRect(pen.left, y, pen.right - pen.left, 1);
    words(pen, parts.signals.figure.layout.xaxis.title.text, (pen.left + pen.right) / 2, y + 31,
          pen.soft, "center", "12px");
  }

  /* Index of the first edge at or beyond a position, for rising numbers. */
  function search(values, at) {
    let lo = 0, hi = values.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (values[mid] < at) { lo = mid + 1; } else { hi = mid; }
    }
    return lo;
  }

  const isSteps = (trace) => trace.line && trace.line.shape === "hv";

  function inView(pen, edges) {
    return [Math.max(0, search(edges, pen.from + 1e-6) - 1),
            Math.min(edges.length - 1, search(edges, pen.to))];
  }

  /* A signal's axis fits what is in view; the others keep theirs. */
  function rangeOf(pen, row) {
    const steps = row.traces.find(isSteps);
    if (!steps) { return row.axis.range || [0, 1]; }
    const [lo, hi] = inView(pen, steps.x);
    let least = 0, most = 0;
    for (let i = lo; i < hi; i++) {
      const v = steps.y[i];
      if (v < least) { least = v; } else if (v > most) { most = v; }
    }
    return least === 0 && most === 0 ? [0, 1] : [least * 1.05, most * 1.05];
  }

  function track(pen, row, offset) {
    const g = pen.g, top = row.top + offset, bottom = row.bottom + offset;
    g.textBaseline = "middle";
    words(pen, row.title, pen.left, top - 8, pen.ink, "left", "600 11px");
    const wide = g.measureText(row.title).width;
    words(pen, row.note, pen.left + wide + 8, top - 8, pen.soft);
    const heat = row.traces.find((trace) => trace.type === "heatmap" && trace.y.length !== 2);
    const range = heat ? [0, heat.y.length] : rangeOf(pen, row);
    row.range = range;
    const y = (v) => bottom - (v - range[0]) / (range[1] - range[0]) * (bottom - top);
    g.save();
    g.beginPath();
    g.rect(pen.left, top - 1, pen.right - pen.left, bottom - top + 2);
    g.clip();
    row.traces.forEach(function (trace) {
      if (trace.type === "heatmap") { cells(pen, trace, top, bottom, heat); }
      else if (trace.mode === "text") { texts(pen, trace, y); }
      else if (trace.mode === "markers") { arrows(pen, trace, y); }
      else if (trace.fill === "toself") { shapes(pen, trace, y); }
      else if (isSteps(trace)) { curve(pen, trace, y); }
      else { segments(pen, trace, y); }
    });
    g.restore();
    yAxis(pen, row, range, y, top, bottom, heat);
    if (heat) { colorBar(pen, heat, top, bottom); }
  }

  function number(v) {
    const size = Math.abs(v);
    return v === 0 ? "0" : size >= 1e-3 && size < 1e5 ? String(Number(v.toPrecision(3)))
      : v.toExponential(0).replace("e+", "e");
  }

  function yAxis(pen, row, range, y, top, bottom, heat) {
    if (row.axis.visible === false) { return; }
    if (heat) {
      const step = (bottom - top) / heat.y.length;
      heat.y.forEach((name, i) =>
        words(pen, name, pen.left - 6, bottom - (i + 0.5) * step, pen.soft, "right", "10px"));
    } else if (row.axis.tickvals) {
      row.axis.tickvals.forEach((v, i) =>
        words(pen, row.axis.ticktext[i], pen.left - 6, y(v), pen.soft, "right", "10px"));
    } else {
      const all = ticks(range[0], range[1], 3), kept = all.length > 3 ? all.filter((_, i) => i % 2 === 0) : all;
      kept.forEach(function (v) {
        words(pen, number(v), pen.left - 6, y(v), pen.soft, "right", "10px");
        pen.g.fillStyle = "rgba(128,140,152,0.18)";
        pen.g.fillRect(pen.left, Math.round(y(v)), pen.right - pen.left, 1);
      });
    }
  }

  function curve(pen, trace, y) {
    const g = pen.g, [lo, hi] = inView(pen, trace.x), zero = y(0);
    if (hi <= lo) { return; }
    const line = new Path2D();
    for (let i = lo; i < hi; i++) {
      const h = y(trace.y[i]);
      if (i === lo) { line.moveTo(pen.x(trace.x[i]), h); } else { line.lineTo(pen.x(trace.x[i]), h); }
      line.lineTo(pen.x(trace.x[i + 1]), h);
    }
    const area = new Path2D(line);
    area.lineTo(pen.x(trace.x[hi]), zero);
    area.lineTo(pen.x(trace.x[lo]), zero);
    g.fillStyle = trace.fillcolor;
    g.fill(area);
    g.strokeStyle = trace.line.color;
    g.lineWidth = 1;
    g.stroke(line);
  }

  function segments(pen, trace, y) {
    const g = pen.g, thick = trace.line.width;
    g.fillStyle = trace.line.color;
    for (let i = 0; i + 1 < trace.x.length; i += 3) {
      if (trace.x[i + 1] < pen.from || trace.x[i] > pen.to) { continue; }
      const a = Math.max(pen.left - 2, pen.x(trace.x[i])), b = Math.min(pen.right + 2, pen.x(trace.x[i + 1]));
      g.fillRect(a, y(trace.y[i]) - thick / 2, Math.max(1, b - a), thick);
    }
  }

  function texts(pen, trace, y) {
    const spans = trace.customdata, color = trace.textfont.color;
    for (let i = 0; i < trace.text.length; i++) {
      let x = pen.x(trace.x[i]);
      if (spans) {
        if (spans[i][1] < pen.from || spans[i][0] > pen.to) { continue; }
        pen.g.font = "10.5px " + pen.font;
        const half = pen.g.measureText(trace.text[i]).width / 2 + 2;
        const a = Math.max(spans[i][0], pen.from), b = Math.min(spans[i][1], pen.to);
        x = Math.min(Math.max(pen.x((a + b) / 2), pen.left + half), pen.right - half);
      } else if (trace.x[i] < pen.from || trace.x[i] > pen.to) { continue; }
      words(pen, trace.text[i], x, y(trace.y[i]), Array.isArray(color) ? color[i] : pen.soft,
            "center", (trace.textfont.size || 10) + "px");
    }
  }

  function arrows(pen, trace, y) {
    if (trace.marker.opacity === 0) { return; }
    const g = pen.g, way = trace.marker.symbol === "triangle-left" ? -1 : 1;
    g.fillStyle = trace.marker.color;
    for (let i = 0; i < trace.x.length; i++) {
      if (trace.x[i] < pen.from || trace.x[i] > pen.to) { continue; }
      const x = pen.x(trace.x[i]), h = y(trace.y[i]);
      g.beginPath();
      g.moveTo(x - 3 * way, h - 4);
      g.lineTo(x + 3 * way, h);
      g.lineTo(x - 3 * way, h + 4);
      g.fill();
    }
  }

  function shapes(pen, trace, y) {
    const g = pen.g;
    g.fillStyle = trace.fillcolor;
    g.beginPath();
    let isNew = true;
    for (let i = 0; i < trace.x.length; i++) {
      if (trace.x[i] === null) { isNew = true; continue; }
      if (isNew) { g.moveTo(pen.x(trace.x[i]), y(trace.y[i])); isNew = false; }
      else { g.lineTo(pen.x(trace.x[i]), y(trace.y[i])); }
    }
    g.fill();
  }

  function channels(color) {
    if (color[0] === "#") { return [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16)).concat(1); }
    const v = color.match(/[\d.]+/g).map(Number);
    return v.length === 4 ? v : v.concat(1);
  }

  /* 65 colours of a scale, made once. */
  function palette(trace) {
    if (trace.colors) { return trace.colors; }
    const stops = trace.colorscale.map(([at, color]) => [at, channels(color)]), out = [];
    for (let k = 0; k <= 64; k++) {
      const at = k / 64, i = Math.max(1, stops.findIndex((s) => s[0] >= at));
      const [a, ca] = stops[i - 1], [b, cb] = stops[i], t = b > a ? (at - a) / (b - a) : 1;
      const c = ca.map((v, j) => v + t * (cb[j] - v));
      out.push(`rgba(${c.slice(0, 3).map(Math.round).join(",")},${c[3]})`);
    }
    trace.colors = out;
    return out;
  }

  function cells(pen, trace, top, bottom, isMap) {
    const g = pen.g, n = trace.x.length - 1, [lo, hi] = inView(pen, trace.x), span = trace.zmax - trace.zmin;
    if (!isMap) {
      const color = (z) => trace.colorscale[Math.min(trace.colorscale.length - 1,
        2 * Math.floor((z - trace.zmin)))][1];
      for (let i = lo; i < hi;) {
        let j = i + 1;
        const wide = (trace.x[i + 1] - trace.x[i]) * pen.k > 5;
        while (!wide && j < hi && trace.flat[j] === trace.flat[i]) { j++; }
        const a = pen.x(trace.x[i]), b = pen.x(trace.x[j]);
        g.fillStyle = color(trace.flat[i]);
        g.fillRect(a, top, Math.max(0.5, b - a - (wide ? 1 : 0)), bottom - top);
        i = j;
      }
      return;
    }
    const rows = trace.y.length, step = (bottom - top) / rows, colors = palette(trace);
    for (let r = 0; r < rows; r++) {
      for (let i = lo; i < hi; i++) {
        const z = trace.flat[r * n + i];
        if (z === 0) { continue; }
        g.fillStyle = colors[Math.round(64 * Math.min(1, Math.max(0, (z - trace.zmin) / span)))];
        const a = pen.x(trace.x[i]);
        g.fillRect(a, bottom - (r + 1) * step, Math.max(1, pen.x(trace.x[i + 1]) - a), step - 1);
      }
    }
  }

  function colorBar(pen, trace, top, bottom) {
    const colors = palette(trace), x = pen.right + 10, step = (bottom - top) / 65;
    colors.forEach(function (color, k) {
      pen.g.fillStyle = color;
      pen.g.fillRect(x, bottom - (k + 1) * step, 8, step + 0.5);
    });
    words(pen, number(trace.zmax), x + 12, top + 5, pen.soft, "left", "9px");
    words(pen, "0", x + 12, (top + bottom) / 2, pen.soft, "left", "9px");
    words(pen, number(trace.zmin), x + 12, bottom - 5, pen.soft, "left", "9px");
    words(pen, "contribution", x - 4, top - 8, pen.soft, "left", "10px");
  }

  /* -- moving ------------------------------------------------------------------------------- */

  function ends() {
    const found = JSON.parse(host().dataset.chroms).find((one) => one[0] === view.chrom);
    return found.slice(1);
  }

  function move(start, width) {
    const [low, high] = ends();
    width = Math.round(Math.min(Math.max(width, LEAST_BP), high - low));
    start = Math.round(Math.min(Math.max(start, low), high - width));
    if (start === view.start && start + width === view.end) { return; }
    view = { chrom: view.chrom, start: start, end: start + width };
    paint();
    window.clearTimeout(rest);
    rest = window.setTimeout(settle, REST_MS);
  }

  /* Drawn at once from what is loaded; the other views follow when the hand rests. */
  function settle() {
    window.clearTimeout(rest);
    rest = null;
    set("region-store", { data: view });
  }

  function zoom(factor, at) {
    const width = view.end - view.start, share = (at - view.start) / width;
    const wide = Math.max(LEAST_BP, width * factor);
    move(at - share * wide, wide);
  }

  const moves = {
    "pan-left": (w) => move(view.start - w / 2, w), "pan-right": (w) => move(view.start + w / 2, w),
    "zoom-in": () => zoom(0.5, (view.start + view.end) / 2),
    "zoom-out": () => zoom(2, (view.start + view.end) / 2),
  };

  /* The buttons, and the keys that press them, move what is drawn without waiting for the server. */
  document.addEventListener("click", function (event) {
    const button = event.target.closest && event.target.closest("button");
    const does = button && moves[button.id];
    if (does && view) {
      event.stopPropagation();
      does(view.end - view.start);
    }
  }, true);

  /* -- pointer ------------------------------------------------------------------------------ */

  function under(event) {
    const div = host(), box = div.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top, width = div.clientWidth;
    if (!view || x < LEFT || x > width - RIGHT) { return null; }
    const bp = view.start + (x - LEFT) / (width - LEFT - RIGHT) * (view.end - view.start);
    for (const name of ["signals", "explained"]) {
      const part = parts[name];
      const row = part && part.rows.find((r) => y >= r.top + part.top - 14 && y <= r.bottom + part.top + 2);
      if (row) { return { x: x, y: y, bp: bp, row: row, top: row.top + part.top, bottom: row.bottom + part.top }; }
    }
    return { x: x, y: y, bp: bp, row: null };
  }

  function described(spot) {
    const place = view.chrom + ":" + (Math.floor(spot.bp) + 1).toLocaleString("en"), lines = [place];
    if (!spot.row) { return lines; }
    const share = (spot.bottom - spot.y) / (spot.bottom - spot.top);
    for (const trace of spot.row.traces) {
      const i = trace.x && trace.x.length ? search(trace.x, spot.bp + 1e-9) - 1 : -1;
      if (trace.type === "heatmap" && i >= 0 && i < trace.x.length - 1) {
        if (trace.y.length !== 2) {
          const r = Math.min(trace.y.length - 1, Math.max(0, Math.floor(share * trace.y.length)));
          return [place, trace.y[r], "contribution " + number(trace.flat[r * (trace.x.length - 1) + i])];
        }
        if (trace.text) { return trace.text[0][i].split("<br>"); }
        return [place, trace.flat[i] < 0 ? "no motif" : "megacluster M" + trace.flat[i]];
      }
      if (isSteps(trace) && i >= 0 && i < trace.x.length - 1) {
        const unit = spot.row.note.split(";")[0];
        return [place, spot.row.title + ": " + number(trace.y[i]) + " " + unit];
      }
      if (trace.mode === "lines" && trace.name && trace.text) {
        const level = spot.row.range[0] + share * (spot.row.range[1] - spot.row.range[0]);
        for (let k = 0; k + 1 < trace.x.length; k += 3) {
          if (Math.abs(level - trace.y[k]) < 0.5 && spot.bp >= trace.x[k] && spot.bp <= trace.x[k + 1]) {
            return [trace.name, view.chrom + ":" + trace.text[k]];
          }
        }
      }
      if (trace.marker && trace.marker.opacity === 0 && i >= 0) {
        return [place, trace.text[i] + ": " + number(trace.y[i])];
      }
    }
    return lines;
  }

  function point(event) {
    const div = host(), spot = under(event), tip = div.querySelector(".genome-tip");
    const line = div.querySelector(".genome-line");
    line.style.display = spot ? "block" : "none";
    tip.style.display = spot ? "flex" : "none";
    if (!spot) { return; }
    line.style.left = spot.x + "px";
    tip.replaceChildren(...described(spot).map(function (text, i) {
      const element = document.createElement(i === 0 ? "strong" : "span");
      element.textContent = text;
      return element;
    }));
    const right = spot.x + 14 + tip.offsetWidth > div.clientWidth;
    tip.style.left = spot.x + (right ? -14 - tip.offsetWidth : 14) + "px";
    tip.style.top = Math.max(0, spot.y - tip.offsetHeight - 8) + "px";
  }

  function press(event) {
    const div = host();
    if (event.button !== 0 || !view) { return; }
    const from = event.clientX, start = view.start, width = view.end - view.start;
    const bpPerPx = width / (div.clientWidth - LEFT - RIGHT);
    let far = 0;
    const drag = function (e) {
      far = Math.max(far, Math.abs(e.clientX - from));
      if (far > 3) { move(start - (e.clientX - from) * bpPerPx, width); }
    };
    const drop = function (e) {
      document.removeEventListener("pointermove", drag);
      document.removeEventListener("pointerup", drop);
      document.removeEventListener("pointercancel", drop);
      div.classList.remove("is-dragged");
      if (far <= 3 && e.type === "pointerup") { pick(e); }
    };
    div.classList.add("is-dragged");
    document.addEventListener("pointermove", drag);
    document.addEventListener("pointerup", drop);
    document.addEventListener("pointercancel", drop);
  }

  let picks = 0;
  function pick(event) {
    const spot = under(event);
    const strip = spot && spot.row && spot.row.traces.find((trace) => trace.name === "tokens");
    if (!strip || !strip.customdata) { return; }
    const i = search(strip.x, spot.bp + 1e-9) - 1, word = strip.customdata[0][i];
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
      zoom(Math.exp(Math.min(200, Math.max(-200, event.deltaY)) * 0.002), spot.bp);
    }
  }

  function bind(div) {
    if (bound === div) { return; }
    bound = div;
    const make = (tag, name) => div.appendChild(Object.assign(document.createElement(tag), { className: name }));
    make("canvas", "genome-canvas");
    make("div", "genome-line");
    make("div", "genome-tip");
    div.addEventListener("pointermove", (event) => { if (!event.buttons) { point(event); } });
    div.addEventListener("pointerleave", function () {
      div.querySelectorAll(".genome-line, .genome-tip").forEach((e) => { e.style.display = "none"; });
    });
    div.addEventListener("pointerdown", press);
    div.addEventListener("wheel", wheel, { passive: false });
    div.motiflensFigure = () => ask("all", view, false).then((body) => body.figure)
      .catch((error) => { say(error); return null; });
    new ResizeObserver(paint).observe(div);
    new MutationObserver(paint).observe(document.documentElement,
      { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
  }

  window.dash_clientside.motiflensGenome = {
    show: function (region, track, targets) {
      if (!region || !track) { return ""; }
      choice = { track: track, targets: targets };
      window.clearTimeout(rest);
      rest = null;
      load(region);
      return region.chrom + ":" + region.start + "-" + region.end;
    },
  };
})();
