"""The matrix of interdependence scores with its tree above."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.figures.letters import information_stack, letter_traces
from vizapp.theme import ACCENT, MAGNITUDE, WINDOW, axis, base_layout

#: Features up to which every row has its name.
_NAMED = 60


def matrix_figure(
    lo: int, hi: int, edges: NDArray[np.integer], scores: NDArray[np.floating],
    squares: NDArray[np.integer], nodes: NDArray[np.floating], cut: float, names: list[str],
    own: NDArray[np.integer], marked: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Heatmap, outlined clusters and the tree of features ``[lo, hi)`` in the tree's order.

    Parameters
    ----------
    lo, hi : places shown
    edges : int (n_rows + 1,), where drawn blocks begin
    scores : float (n_rows, n_rows), IDS from 0 to 1; NaN on the diagonal
    squares : int (n, 2), places of each cluster at the cut; ``own`` the same for the run's cut
    nodes : float (n - 1, 6), of the tree, see ``MotifMatrix.nodes``
    cut : distance 1 - IDS, drawn across the tree
    names : of the features at the places shown
    marked : places of a pair to ring
    """
    ends = [lo - 0.5, hi - 0.5]
    data = [
        {
            "type": "heatmap", "x": packed(edges - 0.5), "y": packed(edges - 0.5),
            "z": packed(scores, "float32"), "zmin": 0, "zmax": 1, "colorscale": MAGNITUDE,
            "hovertemplate": "IDS %{z:.3f}<extra></extra>",
            "colorbar": {"title": {"text": "IDS", "side": "right"}, "thickness": 10, "len": 0.5,
                         "y": 0.4, "outlinewidth": 0},
        },
        _outline(own, lo, hi, WINDOW, 1.0), _outline(squares, lo, hi, ACCENT, 1.4),
        _tree(nodes, lo, hi),
        {"type": "scatter", "mode": "lines", "x": ends, "y": [cut, cut], "yaxis": "y2",
         "line": {"color": ACCENT, "width": 1.2, "dash": "dash"}, "hoverinfo": "skip"},
    ]
    if marked is not None:
        data.append({
            "type": "scatter", "mode": "markers", "x": [marked[1]], "y": [marked[0]],
            "hoverinfo": "skip",
            "marker": {"symbol": "circle-open", "size": 14, "color": "#FFFFFF",
                       "line": {"width": 2}},
        })
    ticks: dict[str, Any] = {"nticks": 8, "tickformat": ",d"}
    if hi - lo <= _NAMED:
        ticks = {"tickvals": list(range(lo, hi)), "ticktext": names, "tickfont": {"size": 10}}
    title = "motif features in the order of the tree"
    layout = base_layout(
        margin={"l": 60, "r": 10, "t": 6, "b": 44}, uirevision="matrix", dragmode="zoom",
        xaxis=axis(title, range=ends, anchor="y", constrain="domain", showgrid=False,
                   **({"showticklabels": False} if hi - lo <= _NAMED else ticks)),
        yaxis=axis("" if hi - lo <= _NAMED else title, range=ends[::-1], domain=[0, 0.8],
                   showgrid=False, automargin=True, **ticks),
        yaxis2=axis("1 - IDS", domain=[0.82, 1], range=[0, 1.02], anchor="x", fixedrange=True,
                    tickvals=[0, 0.5, 1]),
    )
    return {"data": data, "layout": layout}


def _outline(spans: NDArray[np.integer], lo: int, hi: int, color: str, width: float) -> dict:
    inside = spans[(spans[:, 1] > lo) & (spans[:, 0] < hi)] - 0.5
    a, b = inside[:, 0], inside[:, 1]
    gap = np.full(len(a), np.nan)
    return {
        "type": "scatter", "mode": "lines", "hoverinfo": "skip", "connectgaps": False,
        "line": {"color": color, "width": width},
        "x": packed(np.stack([a, b, b, a, a, gap], 1).ravel(), "float32"),
        "y": packed(np.stack([a, a, b, b, a, gap], 1).ravel(), "float32"),
    }


def _tree(nodes: NDArray[np.floating], lo: int, hi: int) -> dict:
    seen = nodes[(nodes[:, 2] >= lo - 0.5) & (nodes[:, 0] <= hi - 0.5)]
    left, low, right, high, at, _ = seen.T
    gap = np.full(len(seen), np.nan)
    return {
        "type": "scatter", "mode": "lines", "hoverinfo": "skip", "yaxis": "y2",
        "line": {"color": "#7B8894", "width": 0.8},
        "x": packed(np.stack([left, left, right, right, gap], 1).ravel(), "float32"),
        "y": packed(np.stack([low, at, at, high, gap], 1).ravel(), "float32"),
    }


def aligned_logos(
    first: tuple[str, NDArray[np.floating]], second: tuple[str, NDArray[np.floating]], offset: int
) -> dict[str, Any]:
    """Two logos, one above the other, laid as they correlate best.

    Parameters
    ----------
    first, second : name, and base frequencies float (width, 4)
    offset : positions that the second begins after the first
    """
    left, end = min(0, offset), max(len(first[1]), offset + len(second[1]))
    data: list[dict[str, Any]] = []
    layout = base_layout(margin={"l": 40, "r": 8, "t": 20, "b": 36}, annotations=[])
    for number, ((name, pfm), start) in enumerate(((first, 0), (second, offset))):
        suffix = str(number + 1) if number else ""
        position, bottom, height, base = information_stack(pfm)
        data += letter_traces(position + start + 0.5, 1.0, bottom, height, base, "x", f"y{suffix}")
        domain = [0.54, 1.0] if number == 0 else [0.0, 0.42]
        layout[f"yaxis{suffix}"] = axis("bits", domain=domain, range=[0, 2.05], tickvals=[0, 1, 2],
                                        showgrid=False, fixedrange=True, anchor="x")
        layout["annotations"].append({
            "text": name, "xref": "paper", "yref": "paper", "x": 0, "y": domain[1],
            "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 11}})
    layout["xaxis"] = axis("position (bp)", range=[left + 0.4, end + 0.6], nticks=8,
                           showgrid=False, fixedrange=True, anchor="y2")
    return {"data": data, "layout": layout}
