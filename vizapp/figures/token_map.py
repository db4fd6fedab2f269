"""The token map: WebGL traces and image slots with fixed places, so that a part can be replaced.

Traces: first the points, one trace for each colour, as many places as the run needs at most and the
rest unseen; then, counted from the end, the saved selections that are shown, an empty one that
carries the colour bar, points that share a word with the genome window, points in the genome
window, the selection, and density contours.
One colour a trace, because plotly.js parses a CSS colour for each point of a trace with many.
Images, under the traces: 0 all points, 1 the selection.

Nothing of the hover travels with the figure: the server is asked about the point under the pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vizapp.figures.arrays import packed
from vizapp.figures.map_image import magnitude_colors, no_image
from vizapp.theme import ACCENT, MAGNITUDE, UNMEASURED, WINDOW, axis, base_layout, community_color

(
    SAVED_TRACE, BAR_TRACE, SHARED_TRACE, WINDOW_TRACE, SELECTED_TRACE, CONTOUR_TRACE,
) = range(-6, 0)
POINTS_IMAGE, SELECTED_IMAGE = range(2)

#: Selected points up to which each has a ring; more are dots, which paint faster.
_MOST_RINGS = 5_000
#: Colours of a magnitude among the points; each is a trace, the highest last and so on top.
LEVELS = 48

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


class Shades(NamedTuple):
    """Magnitudes of all points as they are coloured, and the ends of their scale.

    ``values`` float32 (n_points,), log10 when ``is_log``.
    """

    values: NDArray[np.float32]
    low: float
    high: float
    is_log: bool


#: Points of the genome window that are ringed; of more, evenly spread ones.
_MOST_OF_WINDOW = {SHARED_TRACE: 2_000, WINDOW_TRACE: 5_000}


def overlay(
    xy: NDArray[np.floating], points: NDArray[np.integer], trace: int
) -> dict[str, Any]:
    """An overlay trace: the given points of a layout, drawn in its own style.

    The selection is drawn whole; of very many points of the genome window, evenly spread ones.
    """
    # Rings, so that what colours the points stays visible under the selection.
    ring: dict[str, Any] = {
        "size": 5.5, "symbol": "circle-open", "color": ACCENT, "line": {"width": 1.2},
    }
    styles: dict[int, dict[str, Any]] = {
        SHARED_TRACE: {"size": 7, "symbol": "circle-open", "color": WINDOW, "opacity": 0.45},
        WINDOW_TRACE: {
            "size": 11, "symbol": "circle-open", "color": WINDOW, "line": {"width": 3},
        },
        SELECTED_TRACE: ring if len(points) <= _MOST_RINGS else
        {"size": 3, "color": ACCENT, "opacity": 0.8},
    }
    names = {SHARED_TRACE: "same word as the window", WINDOW_TRACE: "in the genome window",
             SELECTED_TRACE: "selected"}
    most = _MOST_OF_WINDOW.get(trace, len(points))
    if len(points) > most:
        points = points[np.linspace(0, len(points) - 1, most).astype(np.int64)]
    return {
        "type": "scattergl", "mode": "markers", "hoverinfo": "skip", "name": names[trace],
        "x": packed(xy[points, 0], "float32"), "y": packed(xy[points, 1], "float32"),
        "marker": styles[trace],
    }


#: Rings of saved selections that are drawn at most.
_MOST_SAVED = 20_000


def saved_overlay(
    xy: NDArray[np.floating], groups: Sequence[tuple[NDArray[np.integer], str]]
) -> dict[str, Any]:
    """Rings around the points of saved selections, each in its colour; of very many, evenly spread
    ones. Each group's rings are a little wider than those of the one before, so that both show."""
    share = min(1.0, _MOST_SAVED / max(1, sum(len(points) for points, _ in groups)))
    kept = [points[np.linspace(0, len(points) - 1, int(np.ceil(share * len(points))), dtype=int)]
            for points, _ in groups]
    points = np.concatenate([*kept, np.empty(0, dtype=np.int64)]).astype(np.int64)
    group = np.repeat(np.arange(len(kept)), [len(part) for part in kept])
    colors = [color for _, color in groups]
    stops = np.linspace(0, 1, len(colors) + 1)
    scale = [[float(s), c] for i, c in enumerate(colors) for s in (stops[i], stops[i + 1])]
    return {
        "type": "scattergl", "mode": "markers", "hoverinfo": "skip", "name": "saved selections",
        "x": packed(xy[points, 0], "float32"), "y": packed(xy[points, 1], "float32"),
        "marker": {
            "symbol": "circle-open", "size": packed(7 + 2 * group, "int8"),
            "line": {"width": 1.6}, "color": packed(group, "int8"), "cmin": -0.5,
            "cmax": max(len(colors), 1) - 0.5, "showscale": False,
        } | ({"colorscale": scale} if scale else {}),
    }


def shades(by: Coloring, low: float = 0.0, high: float = 99.5, is_log: bool = False) -> Shades:
    """Magnitudes on their scale.

    Parameters
    ----------
    low, high : percentiles at the ends of the scale; the upper one counts only values above the
        minimum, so that a rare signal is not one colour; what is not measured (NaN) counts nowhere
    is_log : colour by log10; values of 0 and below stand at the smallest positive one
    """
    values = by.values.astype(np.float64)
    is_log = is_log or by.is_log
    if is_log:
        positive = values[values > 0]
        values = np.log10(np.maximum(values, positive.min() if positive.size else 1.0))
    known = values[np.isfinite(values)]
    first = float(known.min()) if known.size else 0.0
    above = known[known > first]
    bottom = float(np.percentile(known, low)) if low > 0 and known.size else first
    top = float(np.percentile(above, high)) if above.size else first
    return Shades(values.astype(np.float32), bottom, max(top, bottom + 1e-9), is_log)


def palette(by: Coloring) -> list[str]:
    """Colour of each category, by number."""
    total = int(by.values.max()) + 1
    return [community_color(i, total) for i in range(total)]


def color_bar(title: str, scale: Shades) -> dict[str, Any]:
    """The bar beside a map coloured by a magnitude."""
    bar: dict[str, Any] = {
        "title": {"text": title, "side": "right", "font": {"size": 12}}, "thickness": 10,
        "len": 0.75, "tickfont": {"size": 11}, "outlinewidth": 0, "x": 1.01,
    }
    if scale.is_log:
        # Decades, and where there are few, their 2 and 5 as well.
        decades = np.arange(int(np.floor(scale.low)), int(np.ceil(scale.high)) + 1)
        steps = (1,) if scale.high - scale.low > 2 else (1, 2, 5)
        ticks = [m * 10.0**d for d in decades for m in steps]
        bar |= {"tickvals": [float(np.log10(t)) for t in ticks],
                "ticktext": [f"{t:,.0f}" if t >= 1 else f"{t:.3g}" for t in ticks]}
    return bar


def color_groups(
    by: Coloring, scale: Shades | None, points: NDArray[np.integer] | None = None
) -> list[tuple[str, NDArray[np.integer]]]:
    """Points by colour: categories by number, a magnitude's levels rising.

    Parameters
    ----------
    scale : of a magnitude; None is for categories
    points : the ones that are drawn; None is all
    """
    if scale is None:
        colors = list(dict.fromkeys(palette(by)))
        number = np.array([colors.index(color) for color in palette(by)])[by.values]
    else:
        place = np.clip((scale.values - scale.low) / (scale.high - scale.low), 0, 1)
        # Not measured comes first, and so lies under the others.
        number = np.where(
            np.isfinite(place), 1 + np.round(np.nan_to_num(place) * (LEVELS - 1)), 0
        ).astype(np.int64)
        colors = [UNMEASURED, *magnitude_colors(LEVELS)]
    chosen = np.arange(len(number)) if points is None else points
    order = chosen[np.argsort(number[chosen], kind="stable")]
    ends = np.searchsorted(number[order], np.arange(len(colors) + 1))
    parts = [order[ends[i] : ends[i + 1]] for i in range(len(colors))]
    return [(color, part) for color, part in zip(colors, parts, strict=True) if len(part)]


def point_traces(
    xy: NDArray[np.floating], groups: list[tuple[str, NDArray[np.integer]]], places: int
) -> dict[int, dict[str, Any]]:
    """One trace for each colour, and unseen ones for the places that are left."""
    traces: dict[int, dict[str, Any]] = {
        i: {
            "type": "scattergl", "mode": "markers", "name": "tokens", "hoverinfo": "skip",
            "x": packed(xy[part, 0], "float32"), "y": packed(xy[part, 1], "float32"),
            "marker": _POINT | {"color": color},
        }
        for i, (color, part) in enumerate(groups)
    }
    unseen = {"type": "scattergl", "visible": False}
    return traces | dict.fromkeys(range(len(groups), places), unseen)


def bar_trace(title: str, scale: Shades | None) -> dict[str, Any]:
    """No point that is seen, but the colour bar of a magnitude; nothing for categories (None)."""
    marker: dict[str, Any] = {"size": 1}
    if scale is not None:
        marker |= {"color": [scale.low], "colorscale": MAGNITUDE, "cmin": scale.low,
                   "cmax": scale.high, "showscale": True, "colorbar": color_bar(title, scale)}
    # A trace of no point at all would have no colour bar.
    return {"type": "scattergl", "mode": "markers", "name": "colour bar", "hoverinfo": "skip",
            "x": [None], "y": [None], "marker": marker}


def contour_trace(x: ArrayLike = (), y: ArrayLike = ()) -> dict[str, Any]:
    """Density contours as one WebGL line; nan parts them."""
    return {
        "type": "scattergl", "mode": "lines", "name": "density contours", "hoverinfo": "skip",
        "x": packed(x, "float32"), "y": packed(y, "float32"),
        "line": {"color": "#6B7683", "width": 1.2}, "connectgaps": False,
    }


def name_tags(places: dict[int, tuple[float, float]], names: dict[int, str]) -> list[dict]:
    """Names of communities at their places, as annotations."""
    return [
        {
            "x": x, "y": y, "text": escape(names.get(number, str(number)), quote=False),
            "showarrow": False, "font": {"size": 11, "color": "#1B2430"},
            "bgcolor": "rgba(255,255,255,0.78)", "borderpad": 2, "captureevents": False,
        }
        for number, (x, y) in sorted(places.items())
    ]


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


def axes(
    layout: str, explained: list[float], view: tuple[float, float, float, float]
) -> dict[str, dict[str, Any]]:
    """Both axes; ``view`` (x0, x1, y0, y1) is what they begin with.

    An axis that fits itself to its points would plot all of them anew for each drawn outline.
    """
    return {
        f"{name}axis": axis(title, showticklabels=layout == "pca", range=list(ends))
        for name, title, ends in zip(
            "xy", axis_names(layout, explained), (view[:2], view[2:]), strict=True)
    }


def map_meta(
    layout: str, view: tuple[float, float, float, float], is_image: bool
) -> dict[str, Any]:
    """What the browser must know of the figure: layout, whole extent, whether to tell its view."""
    return {"layout": layout, "whole": list(view), "isImage": is_image}


def token_map(
    traces: dict[int, dict[str, Any]],
    images: dict[int, dict[str, Any]],
    layout: str,
    explained: list[float],
    view: tuple[float, float, float, float],
    is_image: bool = False,
    polygon: Sequence[tuple[float, float]] = (),
    annotations: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The whole figure.

    Parameters
    ----------
    traces : all of them, by their places
    images : by their places; a place without one stays empty
    layout : 'umap', 'tsne' or 'pca'
    explained : variance shares of the principal components, for PCA axis titles
    view : x0, x1, y0, y1 of the whole layout
    is_image : an image stands for the points, and is drawn anew for each view
    polygon : outline of the selection when it was drawn on this layout
    annotations : name tags of communities
    """
    total = max(traces) + 1 - SAVED_TRACE
    figure: dict[str, Any] = {
        "data": [traces[i] for i in sorted(traces, key=lambda place: place % total)],
        "layout": base_layout(
            **axes(layout, explained, view), dragmode="drawclosedpath", hovermode=False,
            uirevision=layout, margin={"l": 46, "r": 8, "t": 8, "b": 40},
            newshape={"line": _OUTLINE, "fillcolor": "rgba(0,0,0,0)", "layer": "above"},
            shapes=outline(polygon), annotations=list(annotations),
            images=[images.get(i, no_image()) for i in range(SELECTED_IMAGE + 1)],
            meta=map_meta(layout, view, is_image),
        ),
    }
    # The chosen tool outlives a switch of the layout, which resets the zoom.
    figure["layout"]["modebar"]["uirevision"] = "tool"
    return figure
