"""The genome view: stacked tracks on one x axis, in chromosome coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.figures.label_places import shorten
from vizapp.figures.letters import letter_traces
from vizapp.theme import (
    BASES,
    DIVERGING,
    FONT,
    UNKNOWN,
    axis,
    base_layout,
    community_color,
)

#: Height of a row of 1, and the room for a title line and above a row without one, px.
ROW_PX, TITLE_PX, BARE_PX = 70, 17.5, 3
#: Room below the token strip for names, in strips; width of a letter and of the strip, about, px.
_LANE, _LETTER_PX, _STRIP_PX = 0.8, 5.8, 850


@dataclass(frozen=True)
class GeneShape:
    """One transcript: coordinates in bp, exons as (start, end)."""

    label: str
    start: int
    end: int
    strand: str
    exons: list[tuple[int, int]]


@dataclass(frozen=True)
class Track:
    """One row of the view: traces without axes, and how its y axis looks.

    Attributes
    ----------
    height : of the row without its title, 1 is 70 px
    id : of the catalogue; rows of one track share it
    group : what it can share a scale with; '' for what has no scale
    is_centred : whether the scale is as long below 0 as above
    is_bare : whether it goes without a title line; its name then stands at its axis
    extra : what a browser needs beside the traces
    """

    title: str
    height: float
    traces: list[dict[str, Any]]
    yaxis: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    id: str = ""
    group: str = ""
    is_centred: bool = False
    is_bare: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """What a browser draws it from: its height in px, its traces and its y axis."""
        return {
            "id": self.id, "title": self.title, "note": self.note, "group": self.group,
            "height": round(ROW_PX * self.height, 1), "traces": self.traces, "yaxis": self.yaxis,
            "isCentred": self.is_centred, "isBare": self.is_bare, **self.extra,
        }


class NameLane(NamedTuple):
    """Names of tokens below their strip, as many as there is room for.

    Attributes
    ----------
    names : of each token, short
    weights : float (n,); the weightiest are named first, those without a positive one never
    about : what the weights are, in words
    """

    names: list[str]
    weights: NDArray[np.floating]
    about: str


def steps_trace(
    edges: NDArray, values: NDArray, color: str, name: str, unit: str, is_filled: bool = True
) -> dict[str, Any]:
    """A step curve, filled to 0 or a line; its ``limits`` are its least and most value and 0."""
    x, y = np.append(edges[:-1], edges[-1:]), np.append(values, values[-1:])
    filled = {"fill": "tozeroy", "fillcolor": _faded(color)} if is_filled else {}
    return {
        "type": "scatter", "mode": "lines", "name": name,
        "x": packed(x), "y": packed(y, "float32"),
        "line": {"shape": "hv", "color": color, "width": 1 if is_filled else 1.4}, **filled,
        "hovertemplate": f"%{{x:,}}: %{{y:.3g}} {unit}<extra>{name}</extra>",
        "limits": [min(0.0, float(np.nanmin(values, initial=0))),
                   max(0.0, float(np.nanmax(values, initial=0)))],
    }


def _faded(color: str) -> str:
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},0.35)"


def signal_track(
    title: str, edges: NDArray, values: NDArray, color: str, unit: str, note: str = ""
) -> Track:
    """A measured or predicted signal from 0."""
    top = float(np.nanmax(values, initial=0)) or 1.0
    y = {"range": [0, top * 1.05], "nticks": 3, "tickfont": {"size": 10}}
    about = f"{unit}; {note}" if note else unit
    return Track(title, 0.9, [steps_trace(edges, values, color, title, unit)], y, about)


def gene_rows(
    genes: list[GeneShape], start: int, end: int, most: int = 6, view_bp: int | None = None
) -> list[list[GeneShape]]:
    """Genes packed in rows without overlap, labels included; what does not fit is left out."""
    gap = (view_bp or end - start) * 0.12
    rows: list[list[GeneShape]] = []
    for gene in sorted(genes, key=lambda g: (g.start, -g.end)):
        for row in rows:
            if row[-1].end + gap < gene.start:
                row.append(gene)
                break
        else:
            if len(rows) < most:
                rows.append([gene])
    return rows


def gene_track(
    genes: list[GeneShape], start: int, end: int, view_bp: int | None = None
) -> Track:
    """Transcripts as lines with exons as blocks and strand arrows.

    ``view_bp`` is how much of start to end is in view at a time. The part of each gene that its
    name belongs to is in the names' ``customdata``.
    """
    view = view_bp or end - start
    rows = gene_rows(genes, start, end, view_bp=view)
    line_x: list[float | None] = []
    line_y: list[float | None] = []
    exon_x: list[float | None] = []
    exon_y: list[float | None] = []
    arrows: dict[str, list[tuple[float, float]]] = {"+": [], "-": []}
    text_x, text_y, text, spans = [], [], [], []
    step = view / 40
    for number, row in enumerate(rows):
        y = -float(number)
        for gene in row:
            low, high = max(gene.start, start), min(gene.end, end)
            line_x += [low, high, None]
            line_y += [y, y, None]
            for a, b in gene.exons:
                if b > start and a < end:
                    exon_x += [max(a, start), min(b, end), None]
                    exon_y += [y, y, None]
            places = np.arange(low + step, high, 2 * step)
            arrows.get(gene.strand, []).extend((x, y) for x in places)
            # Half a label from either end, so that no name is cut off.
            half = view * 0.05
            text_x.append(min(max((low + high) / 2, start + half), end - half))
            text_y.append(y + 0.45)
            spans.append([low, high])
            text.append(f"{gene.label} {'▶' if gene.strand == '+' else '◀'}")
    color = "#3A7FC1"
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": line_x, "y": line_y, "hoverinfo": "skip",
         "line": {"color": color, "width": 1.2}},
        {"type": "scatter", "mode": "lines", "x": exon_x, "y": exon_y, "hoverinfo": "skip",
         "line": {"color": color, "width": 9}},
        {"type": "scatter", "mode": "text", "x": text_x, "y": text_y, "text": text,
         "textfont": {"size": 10.5}, "hoverinfo": "skip", "cliponaxis": True,
         "customdata": spans},
    ]
    for strand, symbol in (("+", "triangle-right"), ("-", "triangle-left")):
        if arrows[strand]:
            xs, ys = zip(*arrows[strand], strict=True)
            traces.append({
                "type": "scatter", "mode": "markers", "x": list(map(float, xs)), "y": list(ys),
                "hoverinfo": "skip", "marker": {"symbol": symbol, "size": 5, "color": color},
            })
    y_axis = {"visible": False, "range": [-max(1, len(rows)) + 0.3, 0.9], "fixedrange": True}
    note = "" if genes else "no gene in this window"
    return Track("Genes", 0.45 + 0.3 * max(1, len(rows)), traces, y_axis, note)


def interval_track(
    title: str, rows: list[tuple[str, str, list[tuple[int, int]]]], start: int, end: int,
    view_bp: int | None = None,
) -> Track:
    """Peaks and islands: one line of blocks per (name, colour, intervals)."""
    traces = []
    least = (view_bp or end - start) / 500
    for number, (name, color, spans) in enumerate(rows):
        x: list[float | None] = []
        text: list[str | None] = []
        for a, b in spans:
            text += [f"{a + 1:,}-{b:,}"] * 2 + [None]
            # Never thinner than about two pixels, or peaks vanish from wide windows.
            spare = max(0.0, least - (b - a)) / 2
            x += [max(a - spare, start), min(b + spare, end), None]
        y = [None if v is None else -number for v in x]
        traces.append({
            "type": "scatter", "mode": "lines", "x": x, "y": y, "name": name,
            "line": {"color": color, "width": 9},
            "text": text, "hovertemplate": f"{name}: %{{text}}<extra></extra>",
        })
    y_axis = {
        "tickvals": [-i for i in range(len(rows))], "ticktext": [name for name, _, _ in rows],
        "range": [-len(rows) + 0.4, 0.6], "showgrid": False, "tickfont": {"size": 10},
        "fixedrange": True,
    }
    return Track(title, 0.22 * max(1, len(rows)) + 0.1, traces, y_axis, is_bare=not title)


def strip_track(
    edges: NDArray, community: NDArray, total: int, hover: list[str] | None, words: NDArray | None,
    is_reduced: bool, names: list[str] | None = None, view_bp: int | None = None,
    lane: NameLane | None = None,
) -> Track:
    """The token strip: one cell per bin, coloured by megacluster; grey for no motif.

    ``names`` of the megaclusters stand in the tokens that are wide enough; ``lane`` names tokens
    below the strip.
    """
    colors = [community_color(i, total) for i in range(-1, total)]
    stops = np.linspace(0, 1, len(colors) + 1)
    scale = [[float(s), c] for i, c in enumerate(colors) for s in (stops[i], stops[i + 1])]
    heat: dict[str, Any] = {
        "type": "heatmap", "x": packed(edges), "y": [0, 1],
        "z": packed(np.asarray(community)[None, :], "int16"), "colorscale": scale,
        "zmin": -1.5, "zmax": total - 0.5, "showscale": False, "name": "tokens",
        "hovertemplate": "%{x:,}: megacluster %{z}<extra></extra>",
    }
    if hover is not None and words is not None:
        heat["text"] = [hover]
        heat["customdata"] = [words.tolist()]
        heat["hovertemplate"] = "%{text}<extra></extra>"
    note = "commonest megacluster of many bins per column" if is_reduced else "click a token"
    y_axis = {"visible": False, "range": [0, 1], "fixedrange": True}
    traces = [heat, *_token_names(edges, np.asarray(community), colors, names, view_bp)]
    if lane is None:
        return Track("Tokens by megacluster", 0.4, traces, y_axis, note)
    y_axis["range"] = [-_LANE, 1]
    traces += _lane_traces(edges, lane, view_bp or int(edges[-1] - edges[0]))
    return Track("Tokens by megacluster", 0.4 * (1 + _LANE), traces, y_axis,
                 f"{note}; named: {lane.about}")


def sequence_track(start: int, codes: NDArray[np.integer]) -> Track:
    """The bases, one letter each; N is grey."""
    names = "ACGTN"
    ink = [*BASES.values(), UNKNOWN]
    traces: list[dict[str, Any]] = [{
        "type": "scatter", "mode": "text", "x": packed(start + np.arange(len(codes)) + 0.5),
        "y": [0.5] * len(codes), "text": [names[c] for c in codes], "hoverinfo": "skip",
        "textfont": {"size": 10, "color": [ink[c] for c in codes]},
    }]
    y_axis = {"visible": False, "range": [0, 1], "fixedrange": True}
    return Track("Bases", 0.22, traces, y_axis, "forward strand, 5' to 3'")


def names_with_room(
    middle: NDArray, letters: NDArray, weight: NDArray, letter_bp: float
) -> NDArray[np.int64]:
    """Indices, rising, of names that fit on one line: the weightiest first, and none that would
    touch one before it.

    Parameters
    ----------
    middle : float (n,), where each name is centred, bp
    letters : int (n,), of each name
    weight : float (n,); a name without a positive one is left out
    letter_bp : width of a letter, bp

    Examples
    --------
    >>> names_with_room(np.array([0, 4, 50]), np.array([4, 4, 4]), np.array([1., 2, 1]), 2).tolist()
    [1, 2]
    """
    half = (letters + 1.5) * letter_bp / 2
    left = np.argsort(-weight, kind="stable")
    left = left[weight[left] > 0]
    kept = []
    while len(left):
        i = left[0]
        kept.append(i)
        left = left[np.abs(middle[left] - middle[i]) >= half[left] + half[i]]
    return np.sort(np.array(kept, dtype=np.int64))


def _lane_traces(edges: NDArray, lane: NameLane, view_bp: int) -> list[dict[str, Any]]:
    middle = (edges[:-1] + edges[1:]) / 2
    letters = np.array([len(name) for name in lane.names])
    shown = names_with_room(middle, letters, lane.weights, view_bp * _LETTER_PX / _STRIP_PX)
    x = packed(middle[shown])
    return [
        {"type": "scatter", "mode": "markers", "x": x, "y": [-0.16] * len(shown),
         "hoverinfo": "skip", "marker": {
             "symbol": "line-ns", "size": 5, "color": UNKNOWN,
             "line": {"width": 1, "color": UNKNOWN}}},
        {"type": "scatter", "mode": "text", "x": x, "y": [-0.58] * len(shown),
         "text": [lane.names[i] for i in shown], "textfont": {"size": 10}, "hoverinfo": "skip"},
    ]


def _token_names(
    edges: NDArray, community: NDArray, colors: list[str], names: list[str] | None,
    view_bp: int | None = None,
) -> list[dict[str, Any]]:
    """Names of the tokens that are wide enough to carry one."""
    view = view_bp or edges[-1] - edges[0]
    least = view * 0.045
    wide = np.flatnonzero((np.diff(edges) >= least) & (community >= 0))
    if names is None or len(wide) == 0:
        return []
    centre = (edges[wide] + edges[wide + 1]) / 2
    room = (np.diff(edges)[wide] / view * 110).astype(int)
    text = [shorten(names[c], max(2, r)) for c, r in zip(community[wide], room, strict=True)]
    ink = [readable_on(colors[c + 1]) for c in community[wide]]
    return [{
        "type": "scatter", "mode": "text", "x": packed(centre), "y": [0.5] * len(wide),
        "text": text, "textfont": {"size": 10, "color": ink}, "hoverinfo": "skip",
    }]


def readable_on(color: str) -> str:
    """Black or white, whichever is easier to read on a colour (ITU-R BT.601 luma)."""
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * r + 0.587 * g + 0.114 * b > 140 else "#FFFFFF"


def attribution_track(
    edges: NDArray, labels: list[str], values: NDArray[np.float32], note: str
) -> Track:
    """DeepLIFT contributions of the strongest motif clusters, diverging around 0."""
    limit = float(np.percentile(np.abs(values[values != 0]), 98)) if values.any() else 1.0
    heat = {
        "type": "heatmap", "x": packed(edges), "z": packed(values[::-1], "float32"),
        "y": [shorten(label) for label in labels[::-1]], "zmin": -limit, "zmax": limit,
        "colorscale": [list(stop) for stop in DIVERGING], "name": "attribution",
        "colorbar": {
            "thickness": 8, "x": 1.005, "xanchor": "left", "tickfont": {"size": 9},
            "title": {"text": "contribution", "font": {"size": 10}, "side": "right"},
        },
        "hovertemplate": "%{y}<br>%{x:,}: %{z:.3g}<extra></extra>",
    }
    y_axis = {"tickfont": {"size": 10}, "showgrid": False, "fixedrange": True, "type": "category"}
    height = 0.24 * max(2, len(labels))
    return Track("DeepLIFT per motif cluster, token model", height, [heat], y_axis, note)


def base_track(edges: NDArray, values: NDArray, codes: NDArray | None, note: str) -> Track:
    """DeepLIFT per base of the one-hot model: letters when bases are given, else a step curve."""
    title = "DeepLIFT per base, one-hot model"
    top = float(np.max(values, initial=0)) or 1e-6
    low = min(0.0, float(np.min(values, initial=0)))
    y_axis = {
        "nticks": 3, "tickfont": {"size": 10}, "range": [low * 1.08, top * 1.08],
    }
    if codes is None:
        return Track(title, 0.9, [steps_trace(edges, values, "#9467BD", title, "")], y_axis, note)
    zero = np.zeros(len(values))
    traces = letter_traces(edges[:-1].astype(np.float64), 1.0, zero, values, codes)
    traces.append({
        "type": "scatter", "mode": "markers", "x": packed(edges[:-1] + 0.5), "y": packed(values),
        "marker": {"size": 9, "opacity": 0}, "text": ["ACGTN"[c] for c in codes],
        "hovertemplate": "%{x:,.0f} %{text}: %{y:.3g}<extra></extra>",
    })
    return Track(title, 1.9, traces, y_axis, note)


def limits_of(track: Track) -> tuple[float, float] | None:
    """Range of a track's step curves with 0 and a little room; None when it has none."""
    ends = [trace["limits"] for trace in track.traces if "limits" in trace]
    if not ends:
        return None
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    if track.is_centred:
        low, high = min(low, -high), max(high, -low)
    if low == high == 0:
        return 0.0, 1.0
    return low * 1.05, high * 1.05


def stack(
    tracks: list[Track], chrom: str, start: int, end: int, assembly: str,
    marks: list[tuple[int, int, str, str]] | None = None,
) -> dict[str, Any]:
    """All tracks over one x axis.

    Parameters
    ----------
    tracks : from top to bottom
    chrom, start, end : the window, 0-based half-open; the axis shows bp of the chromosome
    marks : (start, end, name, colour) of the stretches to mark
    """
    rooms = [BARE_PX if t.is_bare else TITLE_PX for t in tracks]
    total = sum(ROW_PX * t.height + room for t, room in zip(tracks, rooms, strict=True)) or 1.0
    layout = base_layout(
        margin={"l": 150, "r": 84, "t": 6, "b": 44}, annotations=[], dragmode="pan",
        uirevision=f"{chrom}:{start}-{end}", hovermode="closest", height=round(total) + 60,
    )
    data: list[dict[str, Any]] = []
    top = 1.0
    for number, (track, room) in enumerate(zip(tracks, rooms, strict=True)):
        suffix = "" if number == 0 else str(number + 1)
        top -= room / total
        bottom = top - ROW_PX * track.height / total
        y_axis = axis("", domain=[max(0.0, bottom), top], anchor="x", fixedrange=True)
        layout[f"yaxis{suffix}"] = {**y_axis, **track.yaxis}
        if not track.is_bare:
            layout["annotations"].append(_title(track, top))
        for trace in track.traces:
            placed = {k: v for k, v in trace.items() if k != "limits"}
            placed |= {"xaxis": "x", "yaxis": f"y{suffix}"}
            if "colorbar" in trace:
                middle = {"y": (top + max(0.0, bottom)) / 2,
                          "len": ROW_PX * track.height / total}
                placed["colorbar"] = {**trace["colorbar"], **middle}
            data.append(placed)
        top = bottom
    layout["xaxis"] = axis(
        x_title(assembly, chrom), range=[start, end], anchor="free", position=0,
        tickformat=",d",
        showspikes=True, spikemode="across", spikethickness=1, spikedash="dot",
        spikecolor="#8A94A0", nticks=8,
    )
    for first, last, name, color in marks or []:
        layout.setdefault("shapes", []).append({
            "type": "rect", "xref": "x", "yref": "paper", "x0": first, "x1": last, "y0": 0,
            "y1": 1, "fillcolor": color, "opacity": 0.16, "line": {"width": 0}, "layer": "below",
            "label": {"text": name, "textposition": "top left", "font": {"size": 10}},
        })
    return {"data": data, "layout": layout}


def x_title(assembly: str, chrom: str) -> str:
    """Title of the axis along a chromosome."""
    return f"position on {assembly} {chrom} (bp)"


def _title(track: Track, top: float) -> dict[str, Any]:
    label = f"<b>{track.title}</b>" + (f"  {track.note}" if track.note else "")
    return {
        "text": label, "xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left",
        "yanchor": "bottom", "showarrow": False, "align": "left",
        "font": {"size": 11, "family": FONT},
    }
