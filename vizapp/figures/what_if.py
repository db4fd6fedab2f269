"""Figures of edited windows: both predictions, what can be edited, and saturation mutagenesis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.theme import ACCENT, DIVERGING, OBSERVED, UNKNOWN, WINDOW, axis, base_layout

_GREY = "#7A8591"
#: Width of a letter in a box, in shares of the figure.
_LETTER_SHARE = 0.0055
_TARGET_FILL = "rgba(0,165,168,0.10)"


class Box(NamedTuple):
    """A token or a motif call: where, what is written in it, what is said of it, and its edit."""

    start: int
    end: int
    label: str
    hover: str
    edit: str | None
    color: str
    is_hollow: bool = False


def _steps(
    edges: NDArray, values: NDArray, name: str, color: str, unit: str, **more: Any
) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": name,
        "x": packed(edges), "y": packed(np.append(values, values[-1:]), "float32"),
        "line": {"shape": "hv", "color": color, "width": 1.4},
        "hovertemplate": f"%{{y:.3g}} {unit}<extra>{name}</extra>", **more,
    }


def prediction_figure(
    edges: NDArray[np.int64], observed: NDArray[np.floating], reference: NDArray[np.floating],
    edited: NDArray[np.floating] | None, target: tuple[int, int],
    spans: Sequence[tuple[int, int]], unit: str, place: str, color: str, key: str,
) -> dict[str, Any]:
    """The observed signal, both predicted ones on one axis, and their difference below. Without an
    edit the prediction has the room of both.

    Parameters
    ----------
    edges : int64 (n + 1,), cells, bp
    observed, reference, edited : float (n,), mean signal per base; the last is None without an
        edit
    target : stretch that is summed, bp
    spans : where edits are, bp
    unit : of the signal
    place : assembly and chromosome, for the axis
    color : of the model
    key : while it stays the same, a zoom stays
    """
    data = [
        _steps(edges, observed, "observed", OBSERVED, unit, fill="tozeroy", yaxis="y4",
               fillcolor="rgba(123,136,148,0.35)",
               line={"shape": "hv", "color": OBSERVED, "width": 0.8}),
        _steps(edges, reference, "predicted, reference", color, unit),
    ]
    titles = [(f"observed ({unit})", 0.95), (f"predicted ({unit})", 0.72)]
    difference = {}
    if edited is not None:
        change = edited - reference
        largest = float(np.nanmax(np.abs(change), initial=0)) or 1.0
        titles.append((f"edited − reference ({unit})", 0.25))
        difference["yaxis2"] = axis(
            "", domain=[0, 0.25], range=[-1.08 * largest, 1.08 * largest], nticks=3,
            fixedrange=True, zeroline=True, zerolinecolor=_GREY)
        data += [
            _steps(edges, edited, "predicted, edited", ACCENT, unit, line={
                "shape": "hv", "color": ACCENT, "width": 1.4, "dash": "4px,2px"}),
            _steps(edges, change, "edited − reference", ACCENT, unit, yaxis="y2",
                   fill="tozeroy", fillcolor="rgba(194,24,91,0.25)",
                   line={"shape": "hv", "color": ACCENT, "width": 1}),
        ]
    if spans:
        middle = [(a + b) / 2 for a, b in spans]
        data.append({
            "type": "scatter", "mode": "markers", "name": "edits", "x": middle,
            "y": [1.0] * len(middle), "yaxis": "y3",
            "hovertemplate": "edit at %{x:,}<extra></extra>",
            "marker": {"symbol": "triangle-down", "size": 9, "color": ACCENT},
        })
    layout = base_layout(
        margin={"l": 56, "r": 14, "t": 26, "b": 40}, uirevision=key, hovermode="x unified",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
        xaxis=axis(f"position on {place} (bp)", range=[int(edges[0]), int(edges[-1])],
                   tickformat=",d", anchor="y2" if difference else "y"),
        yaxis=axis("", domain=[0.32 if difference else 0, 0.72], rangemode="tozero", nticks=4,
                   fixedrange=True),
        yaxis4=axis("", domain=[0.79, 0.95], rangemode="tozero", nticks=3, anchor="x",
                    fixedrange=True),
        **difference,
        yaxis3={"domain": [0.96, 1], "visible": False, "range": [0, 1.5], "fixedrange": True},
        annotations=[
            {"text": text, "xref": "paper", "yref": "paper", "x": 0, "y": top,
             "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 11}}
            for text, top in titles
        ],
        shapes=[{
            "type": "rect", "xref": "x", "yref": "paper", "x0": target[0], "x1": target[1],
            "y0": 0, "y1": 1, "line": {"width": 0}, "fillcolor": _TARGET_FILL, "layer": "below",
        }],
    )
    return {"data": data, "layout": layout}


def packed_rows(boxes: Sequence[Box], letter_bp: float, most: int) -> list[list[Box]]:
    """Boxes in rows without overlap, names included, in their order of importance; what does not
    fit is left out.

    Parameters
    ----------
    letter_bp : width of a letter of a name
    most : rows

    Examples
    --------
    >>> a, b, c = (Box(s, e, "", "", None, "") for s, e in ((0, 5), (3, 8), (6, 9)))
    >>> [len(row) for row in packed_rows([a, b, c], 1, 9)]
    [2, 1]
    """
    rows: list[list[Box]] = []
    taken: list[list[tuple[float, float]]] = []
    for box in boxes:
        half = max(box.end - box.start, (len(box.label) + 1) * letter_bp) / 2
        middle = (box.start + box.end) / 2
        lo, hi = middle - half, middle + half
        for row, spans in zip(rows, taken, strict=True):
            if all(hi <= a or b <= lo for a, b in spans):
                row.append(box)
                spans.append((lo, hi))
                break
        else:
            if len(rows) < most:
                rows.append([box])
                taken.append([(lo, hi)])
    return rows


def _bars(boxes: Sequence[Box], rows: Sequence[float], name: str) -> dict[str, Any]:
    return {
        "type": "bar", "orientation": "h", "name": name, "width": 0.84,
        "base": [box.start for box in boxes], "x": [box.end - box.start for box in boxes],
        "y": list(rows), "text": [box.label for box in boxes], "textposition": "inside",
        "insidetextanchor": "middle", "textangle": 0, "constraintext": "none",
        "textfont": {"size": 10, "color": _GREY}, "cliponaxis": True,
        "customdata": [[box.edit] for box in boxes],
        "hovertext": [box.hover for box in boxes], "hoverinfo": "text",
        "marker": {
            "color": [
                "rgba(0,0,0,0)" if box.is_hollow else box.color for box in boxes
            ],
            "line": {"width": 1, "color": [
                box.color if box.is_hollow else "rgba(128,140,152,0.6)" for box in boxes
            ]},
        },
    }


def editable_figure(
    tokens: Sequence[Box], calls: Sequence[Box], letters: str | None, target: tuple[int, int],
    place: str, key: str, most_rows: int = 10,
) -> tuple[dict[str, Any], int]:
    """Tokens and motif calls of a target as boxes that can be clicked, and how many calls are left
    out for want of room.

    Parameters
    ----------
    tokens : in their order
    calls : the most important ones first
    letters : bases of the target, or None where it is too wide for them
    target : stretch shown, bp
    place : assembly and chromosome
    key : while it stays the same, a zoom stays
    """
    width = target[1] - target[0]
    rows = packed_rows(calls, _LETTER_SHARE * width, most_rows)
    flat = [(box, 1.0 + number) for number, row in enumerate(rows) for box in row]
    data = [_bars(tokens, [0.0] * len(tokens), "tokens")]
    if flat:
        data.append(_bars([box for box, _ in flat], [y for _, y in flat], "motif calls"))
    if letters:
        data.append({
            "type": "scatter", "mode": "text", "hoverinfo": "skip",
            "x": [target[0] + i + 0.5 for i in range(len(letters))], "y": [-1.0] * len(letters),
            "text": list(letters), "textfont": {"size": 10, "family": "monospace"},
        })
    n = max(1, len(rows))
    layout = base_layout(
        margin={"l": 56, "r": 14, "t": 6, "b": 40}, uirevision=key, barmode="overlay",
        xaxis=axis(f"position on {place} (bp)", range=list(target), tickformat=",d"),
        yaxis={
            "range": [-1.5 if letters else -0.6, n + 0.6], "fixedrange": True, "showgrid": False,
            "zeroline": False, "tickvals": [0, (n + 1) / 2], "ticktext": ["tokens", "calls"],
            "tickfont": {"size": 11}, "ticks": "",
        },
        hovermode="closest",
    )
    return {"data": data, "layout": layout}, len(calls) - len(flat)


def mutagenesis_figure(
    start: int, bases: NDArray[np.uint8], log2_fold: NDArray[np.floating],
    change: NDArray[np.floating], n_bp: int, unit: str, place: str,
) -> dict[str, Any]:
    """Heatmap of substitutions, bases x positions, around 0; the base that is there has a dot.

    Parameters
    ----------
    start : coordinate of the first base, bp
    bases : uint8 (n,), the base that is there; 4 for none
    log2_fold, change : float (4, n); NaN where nothing is substituted
    n_bp : length of the whole stretch, of which the first n bases are done
    unit : of the change
    place : assembly and chromosome
    """
    n = len(bases)
    z, changes = (np.full((4, n_bp), np.nan) for _ in range(2))
    z[:, :n], changes[:, :n] = log2_fold, change
    position = start + 1 + np.arange(n_bp)
    largest = float(np.nanmax(np.abs(z), initial=0)) or 1.0
    letters = ["ACGT"[b] if b < 4 else "N" for b in bases.tolist()]
    letters += ["?"] * (n_bp - n)
    known = np.flatnonzero(bases < 4)
    said = [[[letters[i], None if np.isnan(v) else float(f"{v:.4g}")]
             for i, v in enumerate(row)] for row in changes]
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap", "x": packed(position), "y": list("ACGT"),
            "z": [[None if np.isnan(v) else round(float(v), 5) for v in row] for row in z],
            "customdata": said, "zmin": -largest, "zmax": largest, "colorscale": _HEAT,
            "hoverongaps": False, "xgap": 0.5, "ygap": 1,
            "hovertemplate": "%{x:,} %{customdata[0]}>%{y}<br>log2 fold %{z:.3g}<br>change "
            f"%{{customdata[1]:.3g}} {unit}<extra></extra>",
            "colorbar": {"title": {"text": "log2 fold", "side": "right"}, "thickness": 10,
                         "outlinewidth": 0, "nticks": 5},
        },
        {
            "type": "scatter", "mode": "markers", "hoverinfo": "skip",
            "x": packed(position[known]), "y": ["ACGT"[b] for b in bases[known].tolist()],
            "marker": {"size": 4, "color": _GREY},
        },
    ]
    ticks: dict[str, Any] = {"tickformat": ",d", "nticks": 8}
    layout = base_layout(
        margin={"l": 56, "r": 14, "t": 6, "b": 40}, uirevision=f"{start}:{n_bp}",
        xaxis=axis(f"position on {place} (bp, 1-based)", range=[start + 0.5, start + n_bp + 0.5],
                   showgrid=False, **ticks),
        yaxis=axis("base put there", fixedrange=True, showgrid=False, autorange="reversed",
                   categoryorder="array", categoryarray=list("ACGT")),
    )
    return {"data": data, "layout": layout}


#: Diverging around zero, which is a light grey: a cell that is measured is seen in both themes.
_HEAT = [
    [at, "rgb(196,202,209)" if 0.49 < at < 0.51 else color] for at, color in DIVERGING
]

#: Colours of boxes that are not of a community.
CALL_COLOR, NEW_TOKEN_COLOR, NO_TOKEN_COLOR = "rgba(86,180,233,0.22)", WINDOW, UNKNOWN
