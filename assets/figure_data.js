/* What a figure shows, as a table: one row a point, a bar, a step or a cell of a heatmap. */
window.motiflensFigureData = (function () {
  "use strict";

  const unpack = (value) => window.motiflensDraw.unpack(value);
  const isList = (value) => Array.isArray(value) || ArrayBuffer.isView(value);

  function cell(value) {
    if (value === null || value === undefined || Number.isNaN(value)) { return ""; }
    if (typeof value === "number") { return String(value); }
    const text = String(value).replace(/<br>/g, "; ").replace(/<[^>]*>/g, "");
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  /* Rows of a packed or nested z. */
  function matrix(z) {
    if (!z || !z.bdata) { return z; }
    const flat = unpack(z), [n, wide] = z.shape.split(",").map(Number);
    return Array.from({ length: n }, (_, r) => flat.subarray(r * wide, (r + 1) * wide));
  }

  function heatmap(trace, name, rows) {
    const x = unpack(trace.x), y = unpack(trace.y);
    matrix(trace.z).forEach(function (line, r) {
      for (let c = 0; c < line.length; c++) {
        const value = line[c], text = trace.text && trace.text[r] && trace.text[r][c];
        if (value !== null && !Number.isNaN(value)) { rows.push([name, x ? x[c] : c, y ? y[r] : r, value, text]); }
      }
    });
  }

  function points(trace, name, rows) {
    const x = unpack(trace.x), y = unpack(trace.y), base = trace.base, text = trace.hovertext || trace.text;
    const n = Math.max(isList(x) ? x.length : 0, isList(y) ? y.length : 0), color = (trace.marker || {}).color;
    const isMeasure = isList(color) && typeof color[0] === "number";
    for (let i = 0; i < n; i++) {
      const a = isList(x) ? x[i] : i, b = isList(y) ? y[i] : i;
      // A gap in a line has neither.
      if (a === null || a === undefined || b === null || b === undefined) { continue; }
      const start = isList(base) ? base[i] : base;
      rows.push([name, start ? start + a : a, b, isMeasure ? color[i] : start, isList(text) ? text[i] : ""]);
    }
  }

  /* Text of a CSV file: where it is from, then trace, x, y, value and text. */
  function csv(figure, title) {
    const rows = [];
    figure.data.forEach(function (trace, number) {
      const isSeen = trace.visible !== false && trace.visible !== "legendonly";
      // Outlines of letters are no numbers.
      if (!isSeen || trace.fill === "toself") { return; }
      const name = trace.name || "trace " + (number + 1);
      (trace.type === "heatmap" ? heatmap : points)(trace, name, rows);
    });
    if (!rows.length) { return ""; }
    const lines = rows.map((row) => row.map(cell).join(","));
    return ["# motiflens: " + title.replace(/\s+/g, " "), "# " + window.location.href, "trace,x,y,value,text", ...lines, ""].join("\n");
  }

  return { csv: csv };
})();
