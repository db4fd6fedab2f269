/* Drawing of the genome view's rows on a canvas. The server sends traces in Plotly's terms; here
   each is put on the page where a pen says. */
window.motiflensDraw = (function () {
  "use strict";

  const LEFT = 150, RIGHT = 84, AXIS_PX = 44, TOP_PX = 6, TITLE_PX = 17.5, BARE_PX = 3;
  const MARKS = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"];
  const BASES = ["#009E73", "#0072B2", "#E69F00", "#D55E00"];
  const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, i2: Int16Array,
    u1: Uint8Array, i1: Int8Array };

  function unpack(value) {
    if (!value || !value.bdata) { return value; }
    const text = atob(value.bdata), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) { bytes[i] = text.charCodeAt(i); }
    return new TYPES[value.dtype](bytes.buffer);
  }

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

  /* What is drawn with: where a base lies, and the colours of the theme. */
  function penOf(div, canvas, view, high) {
    const scale = window.devicePixelRatio || 1, width = div.clientWidth;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(high * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(high * scale);
      canvas.style.height = high + "px";
    }
    const g = canvas.getContext("2d"), style = getComputedStyle(div);
    const color = (name, other) => style.getPropertyValue(name).trim() || other;
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, width, high);
    g.textBaseline = "middle";
    const k = (width - LEFT - RIGHT) / (view.end - view.start);
    return { g: g, ink: color("--ink", "#1b2430"), soft: color("--soft", "#5d6874"),
      panel: color("--panel", "#ffffff"), line: color("--line", "#dfe4ea"),
      left: LEFT, right: width - RIGHT, font: style.fontFamily, k: k, from: view.start,
      to: view.end, x: (bp) => LEFT + (bp - view.start) * k };
  }

  function xAxis(pen, y, title) {
    const g = pen.g;
    ticks(pen.from, pen.to, Math.max(2, Math.min(8, (pen.right - pen.left) / 120)))
      .filter((bp) => Number.isInteger(bp)).forEach(function (bp) {
        const x = pen.x(bp);
        g.fillStyle = "rgba(128,140,152,0.18)";
        g.fillRect(x, TOP_PX, 1, y - TOP_PX);
        words(pen, bp.toLocaleString("en"), x, y + 12, pen.soft, "center");
      });
    g.fillStyle = "rgba(128,140,152,0.5)";
    g.fillRect(pen.left, y, pen.right - pen.left, 1);
    words(pen, title, (pen.left + pen.right) / 2, y + 31, pen.soft, "center", "12px");
  }

  /* Marked regions, over all tracks. */
  function marks(pen, list, bottom) {
    list.forEach(function (mark, i) {
      if (mark.end <= pen.from || mark.start >= pen.to) { return; }
      const a = Math.max(pen.left, pen.x(mark.start)), b = Math.min(pen.right, pen.x(mark.end));
      pen.g.fillStyle = MARKS[(mark.color === undefined ? i : mark.color) % MARKS.length] + "33";
      pen.g.fillRect(a, 0, Math.max(2, b - a), bottom);
      pen.g.save();
      pen.g.beginPath();
      pen.g.rect(a, 0, Math.max(60, b - a), bottom);
      pen.g.clip();
      words(pen, mark.name || "", a + 3, 6, pen.soft, "left", "10px");
      pen.g.restore();
    });
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

  const limit = (values, lo, hi) => {
    let least = 0, most = 0;
    for (let i = lo; i < hi; i++) {
      const v = values[i];
      if (v < least) { least = v; } else if (v > most) { most = v; }
    }
    return [least, most];
  };

  /* A signal's scale fits what is in view; null for rows that keep theirs. */
  function fits(pen, row) {
    const found = row.traces.filter(isSteps).map((t) => limit(t.y, ...inView(pen, t.x)));
    if (!found.length) { return null; }
    let least = Math.min(...found.map((f) => f[0])), most = Math.max(...found.map((f) => f[1]));
    if (row.isCentred) { [least, most] = [Math.min(least, -most), Math.max(most, -least)]; }
    return least === 0 && most === 0 ? [0, 1] : [least * 1.05, most * 1.05];
  }

  /* Scales of all rows: their own, fixed ones, or one for a group. */
  function scales(pen, placed) {
    const shared = {};
    placed.forEach(function (one) {
      one.fit = fits(pen, one.row);
      if (one.fit && one.row.group && one.item.scale === "group") {
        const old = shared[one.row.group] || one.fit;
        shared[one.row.group] = [Math.min(old[0], one.fit[0]), Math.max(old[1], one.fit[1])];
      }
    });
    placed.forEach(function (one) {
      const scale = one.item.scale, heat = heatOf(one.row);
      one.range = heat ? [0, heat.y.length] : !one.fit ? one.row.yaxis.range || [0, 1]
        : Array.isArray(scale) ? scale
        : scale === "group" && one.row.group ? shared[one.row.group] : one.fit;
    });
  }

  const heatOf = (row) => row.traces.find((t) => t.type === "heatmap" && t.y.length !== 2);

  function row(pen, one) {
    const g = pen.g, top = one.top, bottom = one.bottom, range = one.range, heat = heatOf(one.row);
    if (!one.row.isBare) {
      words(pen, one.row.title, pen.left, top - 8, pen.ink, "left", "600 11px");
      const wide = g.measureText(one.row.title).width;
      one.wide = wide;
      words(pen, cutTo(pen, one.row.note, pen.right - pen.left - wide + RIGHT - 14),
            pen.left + wide + 8, top - 8, pen.soft);
    }
    const y = (v) => bottom - (v - range[0]) / (range[1] - range[0]) * (bottom - top);
    g.save();
    g.beginPath();
    g.rect(pen.left, top - 1, pen.right - pen.left, bottom - top + 2);
    g.clip();
    one.row.traces.forEach(function (trace) {
      if (trace.type === "heatmap") {
        // A strip fills its share of the scale; below it there may be names.
        cells(pen, trace, heat ? top : y(trace.y[1]), heat ? bottom : y(trace.y[0]), heat);
      }
      else if (trace.mode === "text") { texts(pen, trace, y); }
      else if (trace.mode === "markers") { arrows(pen, trace, y); }
      else if (trace.fill === "toself") { shapes(pen, trace, y); }
      else if (isSteps(trace)) { curve(pen, trace, y); }
      else { segments(pen, trace, y); }
    });
    g.restore();
    yAxis(pen, one.row, range, y, top, bottom, heat);
    if (heat) { colorBar(pen, heat, top, bottom); }
  }

  /* A text as far as there is room for it. */
  function cutTo(pen, text, px) {
    pen.g.font = "11px " + pen.font;
    if (!text || pen.g.measureText(text).width <= px) { return text || ""; }
    let n = text.length;
    while (n > 1 && pen.g.measureText(text.slice(0, n) + "…").width > px) { n -= 1; }
    return text.slice(0, n) + "…";
  }

  function number(v) {
    const size = Math.abs(v);
    return v === 0 ? "0" : size >= 1e-3 && size < 1e5 ? String(Number(v.toPrecision(3)))
      : v.toExponential(0).replace("e+", "e");
  }

  function yAxis(pen, row, range, y, top, bottom, heat) {
    if (row.yaxis.visible === false) { return; }
    if (heat) {
      const step = (bottom - top) / heat.y.length;
      heat.y.forEach((name, i) =>
        words(pen, name, pen.left - 6, bottom - (i + 0.5) * step, pen.soft, "right", "10px"));
    } else if (row.yaxis.tickvals) {
      row.yaxis.tickvals.forEach((v, i) =>
        words(pen, cutTo(pen, row.yaxis.ticktext[i], pen.left - 28), pen.left - 6, y(v), pen.soft,
              "right", "10px"));
    } else {
      const all = ticks(range[0], range[1], 3), kept = all.length > 3 ? all.filter((_, i) => i % 2 === 0) : all;
      kept.forEach(function (v) {
        if (v < range[0] || v > range[1]) { return; }
        words(pen, number(v), pen.left - 6, y(v), pen.soft, "right", "10px");
        pen.g.fillStyle = "rgba(128,140,152,0.18)";
        pen.g.fillRect(pen.left, Math.round(y(v)), pen.right - pen.left, 1);
      });
    }
  }

  /* A step curve; what was not measured (NaN) is left out. */
  function curve(pen, trace, y) {
    const g = pen.g, [lo, hi] = inView(pen, trace.x), zero = y(0);
    const line = new Path2D(), area = new Path2D();
    let isOpen = false;
    for (let i = lo; i < hi; i++) {
      const a = pen.x(trace.x[i]), b = pen.x(trace.x[i + 1]), h = y(trace.y[i]);
      if (Number.isNaN(h)) { isOpen = false; continue; }
      if (isOpen) { line.lineTo(a, h); } else { line.moveTo(a, h); }
      line.lineTo(b, h);
      if (isOpen) { area.lineTo(a, h); } else { area.moveTo(a, zero); area.lineTo(a, h); }
      area.lineTo(b, h);
      isOpen = i + 1 < hi && !Number.isNaN(trace.y[i + 1]);
      if (!isOpen) { area.lineTo(b, zero); }
    }
    if (trace.fillcolor) {
      g.fillStyle = trace.fillcolor;
      g.fill(area);
    }
    g.strokeStyle = trace.line.color;
    g.lineWidth = trace.line.width;
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
    const g = pen.g, symbol = trace.marker.symbol, way = symbol === "triangle-left" ? -1 : 1;
    g.fillStyle = trace.marker.color;
    for (let i = 0; i < trace.x.length; i++) {
      if (trace.x[i] < pen.from || trace.x[i] > pen.to) { continue; }
      const x = pen.x(trace.x[i]), h = y(trace.y[i]);
      if (symbol === "line-ns") { g.fillRect(Math.round(x), h - 3, 1, 6); continue; }
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

  /* -- motif hits --------------------------------------------------------------------------- */

  const levelOf = (one, y) => one.range[0] + (one.bottom - y) / (one.bottom - one.top) *
    (one.range[1] - one.range[0]);

  const boxAt = (spot) => spot && spot.one && spot.one.row.boxes && spot.one.row.boxes.find((box) =>
    spot.bp >= box.start && spot.bp < box.end && Math.abs(levelOf(spot.one, spot.y) - box.y) < 0.42);

  /* The profile's logo under the hit that is pointed at, base above base where there is room. */
  function logo(div, canvas, view, spot) {
    const box = boxAt(spot), heights = box && spot.one.row.logos[box.id];
    canvas.style.display = heights ? "block" : "none";
    if (!heights) { return; }
    const k = (div.clientWidth - LEFT - RIGHT) / (view.end - view.start), n = heights.length;
    const step = Math.max(k, 5), wide = n * step, high = 54, scale = window.devicePixelRatio || 1;
    const middle = LEFT + ((box.start + box.end) / 2 - view.start) * k;
    const shown = box.strand === "-" ? heights.slice().reverse().map((h) => h.slice().reverse()) : heights;
    const y = (v) => spot.one.bottom - (v - spot.one.range[0]) / (spot.one.range[1] - spot.one.range[0]) *
      (spot.one.bottom - spot.one.top);
    canvas.width = Math.round(wide * scale);
    canvas.height = Math.round(high * scale);
    Object.assign(canvas.style, { width: wide + "px", height: high + "px",
      left: Math.max(0, Math.min(div.clientWidth - wide - 4, middle - wide / 2)) + "px",
      top: y(box.y - 0.5) + 2 + "px" });
    const g = canvas.getContext("2d");
    g.textAlign = "center";
    g.textBaseline = "alphabetic";
    g.font = "bold 100px Arial, sans-serif";
    shown.forEach(function (column, i) {
      let at = high;
      column.map((bits, b) => [bits, b]).sort((p, q) => p[0] - q[0]).forEach(function ([bits, b]) {
        const tall = bits / 2 * high;
        if (tall < 0.5) { return; }
        const letter = "ACGT"[b], size = g.measureText(letter);
        g.save();
        g.setTransform(scale, 0, 0, scale, 0, 0);
        g.translate((i + 0.5) * step, at);
        g.scale(step * 0.94 / size.width, tall / 72);
        g.fillStyle = BASES[b];
        g.fillText(letter, 0, 0);
        g.restore();
        at -= tall;
      });
    });
  }

  /* What lies under the pointer, a line each. */
  function described(view, spot) {
    const place = view.chrom + ":" + (Math.floor(spot.bp) + 1).toLocaleString("en"), one = spot.one;
    if (!one) { return [place]; }
    const share = (one.bottom - spot.y) / (one.bottom - one.top), curves = [], box = boxAt(spot);
    if (box) {
      const where = view.chrom + ":" + (box.start + 1).toLocaleString("en") + "-" + box.end.toLocaleString("en");
      return [box.tf + " " + box.id + " (" + box.strand + ")", where].concat(
        box.bits === null ? [] : ["log2 odds " + number(box.bits)]);
    }
    for (const trace of one.row.traces) {
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
        curves.push(trace.name + ": " + number(trace.y[i]) + " " + one.row.note.split(";")[0]);
      }
      if (trace.mode === "lines" && trace.name && trace.text) {
        const level = one.range[0] + share * (one.range[1] - one.range[0]);
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
    return [place].concat(curves);
  }

  return { LEFT, RIGHT, AXIS_PX, TOP_PX, TITLE_PX, BARE_PX, MARKS, unpack, penOf, xAxis, marks, scales,
    row, search, described, logo };
})();
