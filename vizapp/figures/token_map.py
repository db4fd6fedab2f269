"""The token map: one WebGL trace of points, and overlays with fixed places above it.

Traces: 0 all points; 1 the points that a magnitude does not leave at its minimum, drawn again so
that they are not buried; 2 points that share a word with the genome window; 3 points in the genome
window; 4 the selection. A part can then be replaced without sending all points and texts again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.theme import ACCENT, MAGNITUDE, WINDOW, axis, base_layout, community_color

POINTS_TRACE, FRONT_TRACE, SHARED_TRACE, WINDOW_TRACE, SELECTED_TRACE = range(5)

_AXIS_NAMES = {"umap": "UMAP", "tsne": "t-SNE"}
_OUTLINE = {"color": ACCENT, "width": 2}
_POINT = {"size": 3.2, "opacity": 0.75}


class Coloring(Protocol):
    """What colours the points: community numbers, or magnitudes."""

    @property
    def values(self) -> NDArray: ...
    @property
    def title(self) -> str: ...
    @property
    def is_category(self) -> bool: ...
    @property
    def is_log(self) -> bool: ...


class Hover(NamedTuple):
    """What appears under the pointer: numbers travel as a packed array, a third of their text.

    ``numbers`` is int32 (n, 4): first base (1-based), last base, frequency of the word, and
    megacluster; ``text`` is the word, and ``template`` puts them together.
    """

    numbers: NDArray[np.int32]
    text: list[str]
    template: str


def overlay(
    xy: NDArray[np.floating], points: NDArray[np.integer], trace: int, most: int = 20_000
) -> dict[str, Any]:
    """An overlay trace: the given points of a layout, drawn in its own style."""
    styles: dict[int, dict[str, Any]] = {
        SHARED_TRACE: {"size": 7, "symbol": "circle-open", "color": WINDOW, "opacity": 0.45},
        WINDOW_TRACE: {
            "size": 11, "symbol": "circle-open", "color": WINDOW, "line": {"width": 3},
        },
        # Rings, so that what colours the points stays visible under the selection.
        SELECTED_TRACE: {
            "size": 5.5, "symbol": "circle-open", "color": ACCENT, "line": {"width": 1.2},
        },
    }
    names = {SHARED_TRACE: "same word as the window", WINDOW_TRACE: "in the genome window",
             SELECTED_TRACE: "selected"}
    shown = points[:most]
    return {
        "type": "scattergl", "mode": "markers", "hoverinfo": "skip", "name": names[trace],
        "x": packed(xy[shown, 0], "float32"), "y": packed(xy[shown, 1], "float32"),
        "marker": styles[trace],
    }


def marker(by: Coloring) -> dict[str, Any]:
    """Colours of all points: a palette for categories, a scale with its bar for magnitudes."""
    values = by.values
    if by.is_category:
        total = int(values.max()) + 1
        colors = [community_color(i, total) for i in range(total)]
        stops = np.linspace(0, 1, total + 1)
        scale = [[float(s), c] for i, c in enumerate(colors) for s in (stops[i], stops[i + 1])]
        return _POINT | {
            "color": packed(values, "int16"), "colorscale": scale, "cmin": -0.5,
            "cmax": total - 0.5, "showscale": False,
        }
    shown, low, high = _scaled(by)
    bar: dict[str, Any] = {
        "title": {"text": by.title, "side": "right", "font": {"size": 12}}, "thickness": 10,
        "len": 0.75, "tickfont": {"size": 11},
        "outlinewidth": 0, "x": 1.01,
    }
    if by.is_log:
        decades = np.arange(int(np.floor(low)), int(np.ceil(high)) + 1)
        bar |= {"tickvals": decades.tolist(), "ticktext": [f"{10**int(d):,}" for d in decades]}
    return _POINT | {
        "color": packed(shown, "float32"), "colorscale": MAGNITUDE, "cmin": low, "cmax": high,
        "showscale": True, "colorbar": bar,
    }


def _scaled(by: Coloring) -> tuple[NDArray[np.float64], float, float]:
    """Shown values and the ends of their scale; the top half percent does not stretch it."""
    shown = np.log10(np.maximum(by.values, 1)) if by.is_log else by.values.astype(np.float64)
    low = float(shown.min())
    above = shown[shown > low]
    high = float(np.percentile(above, 99.5)) if above.size else low
    return shown, low, max(high, low + 1e-9)


def front(xy: NDArray[np.floating], by: Coloring) -> dict[str, Any]:
    """The points above a magnitude's minimum once more, highest last; nothing for categories."""
    chosen = np.empty(0, dtype=np.int64)
    style: dict[str, Any] = dict(_POINT)
    if not by.is_category:
        shown, low, high = _scaled(by)
        order = np.argsort(shown, kind="stable")
        above = order[shown[order] > low]
        # When most points are above, none is buried among many at the minimum.
        chosen = above if len(above) <= len(shown) // 2 else chosen
        style |= {
            "color": packed(shown[chosen], "float32"), "colorscale": MAGNITUDE, "cmin": low,
            "cmax": high, "showscale": False, "opacity": 1, "size": 4,
        }
    return {
        "type": "scattergl", "mode": "markers", "hoverinfo": "skip", "name": "above the minimum",
        "x": packed(xy[chosen, 0], "float32"), "y": packed(xy[chosen, 1], "float32"),
        "marker": style,
    }


def outline(polygon: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """The drawn outline of a selection as the layout's only shape; none for an empty polygon."""
    if not polygon:
        return []
    path = "M" + "L".join(f"{x:.5g},{y:.5g}" for x, y in polygon) + "Z"
    return [{"type": "path", "path": path, "line": _OUTLINE, "layer": "above"}]


def axis_names(layout: str, explained: list[float]) -> tuple[str, str]:
    """Titles of both axes; principal components come with their share of the variance."""
    if layout == "pca":
        first, second = (
            f"PC{i + 1} ({100 * explained[i]:.1f} % of variance)" for i in range(2)
        )
    else:
        first, second = (f"{_AXIS_NAMES[layout]} {i + 1} (no unit)" for i in range(2))
    return first, second


def token_map(
    xy: NDArray[np.floating],
    layout: str,
    by: Coloring,
    hover: Hover,
    overlays: dict[int, NDArray[np.integer]],
    explained: list[float],
    polygon: Sequence[tuple[float, float]] = (),
) -> dict[str, Any]:
    """The whole figure.

    Parameters
    ----------
    xy : float (n, 2), positions in the layout
    layout : 'umap', 'tsne' or 'pca'
    by : what colours the points; categories are community numbers
    hover : what appears under the pointer
    overlays : points of each overlay trace
    explained : variance shares of the principal components, for PCA axis titles
    polygon : outline of the selection when it was drawn on this layout
    """
    names = axis_names(layout, explained)
    points = {
        "type": "scattergl", "mode": "markers", "name": "tokens",
        "x": packed(xy[:, 0], "float32"), "y": packed(xy[:, 1], "float32"), "marker": marker(by),
        "text": hover.text, "customdata": packed(hover.numbers, "int32"),
        "hovertemplate": hover.template,
    }
    data = [points, front(xy, by), *(overlay(xy, overlays[i], i) for i in sorted(overlays))]
    figure: dict[str, Any] = {
        "data": data,
        "layout": base_layout(
            xaxis=axis(names[0], showticklabels=layout == "pca"),
            yaxis=axis(names[1], showticklabels=layout == "pca"),
            dragmode="drawclosedpath", hovermode="closest", uirevision=layout,
            margin={"l": 46, "r": 8, "t": 8, "b": 40},
            hoverlabel={"bgcolor": "#1B2430", "font": {"color": "#FFFFFF", "size": 12}},
            newshape={"line": _OUTLINE, "fillcolor": "rgba(0,0,0,0)", "layer": "above"},
            shapes=outline(polygon),
        ),
    }
    # The chosen tool outlives a switch of the layout, which resets the zoom.
    figure["layout"]["modebar"]["uirevision"] = "tool"
    return figure
