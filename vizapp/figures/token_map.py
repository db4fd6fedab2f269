"""The token map: one WebGL trace of points and three overlays with fixed places.

Traces: 0 all points, 1 points that share a word with the genome window, 2 points in the genome
window, 3 the selection. Overlays can then be replaced without sending the points again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.theme import ACCENT, MAGNITUDE, WINDOW, axis, base_layout, community_color

SHARED_TRACE, WINDOW_TRACE, SELECTED_TRACE = 1, 2, 3

_AXIS_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PC"}


def overlay(
    xy: NDArray[np.floating], points: NDArray[np.integer], trace: int, most: int = 20_000
) -> dict[str, Any]:
    """An overlay trace: the given points of a layout, drawn in its own style."""
    styles: dict[int, dict[str, Any]] = {
        SHARED_TRACE: {"size": 7, "symbol": "circle-open", "color": WINDOW, "opacity": 0.45},
        WINDOW_TRACE: {
            "size": 11, "symbol": "circle-open", "color": WINDOW, "line": {"width": 3},
        },
        SELECTED_TRACE: {"size": 4.5, "color": ACCENT, "opacity": 0.8},
    }
    names = {SHARED_TRACE: "same word as the window", WINDOW_TRACE: "in the genome window",
             SELECTED_TRACE: "selected"}
    shown = points[:most]
    return {
        "type": "scattergl", "mode": "markers", "hoverinfo": "skip", "name": names[trace],
        "x": packed(xy[shown, 0], "float32"), "y": packed(xy[shown, 1], "float32"),
        "marker": styles[trace],
    }


def _marker(values: NDArray, title: str, is_category: bool, is_log: bool) -> dict[str, Any]:
    if is_category:
        total = int(values.max()) + 1
        colors = [community_color(i, total) for i in range(total)]
        stops = np.linspace(0, 1, total + 1)
        scale = [[float(s), c] for i, c in enumerate(colors) for s in (stops[i], stops[i + 1])]
        return {
            "color": packed(values, "int16"), "colorscale": scale, "cmin": -0.5,
            "cmax": total - 0.5, "showscale": False,
        }
    shown = np.log10(np.maximum(values, 1)) if is_log else values
    low, high = float(np.min(shown)), float(np.percentile(shown, 99.5))
    bar: dict[str, Any] = {"title": {"text": title, "side": "right"}, "thickness": 10, "len": 0.75}
    if is_log:
        decades = np.arange(int(np.floor(low)), int(np.ceil(high)) + 1)
        bar |= {"tickvals": decades.tolist(), "ticktext": [f"{10**int(d):,}" for d in decades]}
    return {
        "color": packed(shown, "float32"), "colorscale": MAGNITUDE, "cmin": low,
        "cmax": max(high, low + 1e-9), "showscale": True, "colorbar": bar,
    }


def token_map(
    xy: NDArray[np.floating],
    layout: str,
    values: NDArray,
    title: str,
    is_category: bool,
    is_log: bool,
    hover: list[str],
    overlays: dict[int, NDArray[np.integer]],
    explained: list[float],
) -> dict[str, Any]:
    """The whole figure.

    Parameters
    ----------
    xy : float (n, 2), positions in the layout
    layout : 'umap', 'tsne' or 'pca'
    values : (n,), what colours the points; categories are community numbers
    title : of the colour bar, with its unit
    hover : text of each point
    overlays : points of each overlay trace
    explained : variance shares of the principal components, for PCA axis titles
    """
    if layout == "pca":
        names = [f"PC{i + 1} ({100 * explained[i]:.1f} % of variance)" for i in range(2)]
    else:
        names = [f"{_AXIS_NAMES[layout]} {i + 1} (no unit)" for i in range(2)]
    points = {
        "type": "scattergl", "mode": "markers", "name": "tokens",
        "x": packed(xy[:, 0], "float32"), "y": packed(xy[:, 1], "float32"),
        "marker": {"size": 3.2, "opacity": 0.75, **_marker(values, title, is_category, is_log)},
        "text": hover, "hovertemplate": "%{text}<extra></extra>",
        "selected": {"marker": {"opacity": 0.75}}, "unselected": {"marker": {"opacity": 0.75}},
    }
    data = [points, *(overlay(xy, overlays[i], i) for i in sorted(overlays))]
    return {
        "data": data,
        "layout": base_layout(
            xaxis=axis(names[0], showticklabels=layout == "pca"),
            yaxis=axis(names[1], showticklabels=layout == "pca"),
            dragmode="lasso", hovermode="closest", uirevision=layout, selectionrevision=layout,
            margin={"l": 46, "r": 8, "t": 8, "b": 40},
            newselection={"line": {"color": ACCENT, "width": 2, "dash": "solid"}},
        ),
    }
