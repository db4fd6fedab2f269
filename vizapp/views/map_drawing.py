"""What the map draws for its options: points when they are few, an image of cells when they are
many; the selection and the genome window on top.

One drawing serves all visitors: it holds no state of theirs, only bounded caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.recently_used import RecentlyUsed
from vizapp.data import RunData
from vizapp.data.explorer import ColorBy
from vizapp.data.map_points import MARGIN, MOST_IN_VIEW
from vizapp.data.map_raster import Cells
from vizapp.figures import map_image
from vizapp.figures.token_map import (
    BAR_TRACE,
    CONTOUR_TRACE,
    LEVELS,
    POINTS_IMAGE,
    SAVED_TRACE,
    SELECTED_IMAGE,
    SELECTED_TRACE,
    SHARED_TRACE,
    WINDOW_TRACE,
    Shades,
    bar_trace,
    color_groups,
    contour_trace,
    name_tags,
    outline,
    overlay,
    palette,
    point_traces,
    saved_overlay,
    shades,
    token_map,
)
from vizapp.map_state import Hidden, MapOptions, MapView, ViewOf
from vizapp.state import AnySelection, Lasso, Region
from vizapp.theme import ACCENT

#: Wider windows hold nearly every word: then only the tokens themselves are ringed.
_SHARED_WORDS_BP = 100_000
_CACHED_BYTES = 64 << 20


class Drawn(NamedTuple):
    """Parts of the figure, by the places of traces and images."""

    traces: dict[int, dict[str, Any]]
    images: dict[int, dict[str, Any]]


class Base(NamedTuple):
    """All points as they are drawn, with name tags, and a sentence that says how."""

    drawn: Drawn
    tags: list[dict[str, Any]]
    says: str


class MapDrawing:
    """Draws the map of a run.

    Parameters
    ----------
    data : the run
    """

    def __init__(self, data: RunData) -> None:
        self._data = data
        self._cache = RecentlyUsed(_CACHED_BYTES)

    @cached_property
    def places(self) -> int:
        """Traces that the points of this run need at most: one for each colour."""
        explorer = self._data.explorer
        colors = [len(set(palette(explorer.color_by(level)))) for level in ("mega", "sub")]
        return max(LEVELS + 1, *colors)

    def place(self, trace: int) -> int:
        """Place in the figure of a trace that is counted from the end, or of points."""
        return trace % (self.places - SAVED_TRACE)

    def base(self, options: MapOptions) -> Base:
        """All points for the options.

        Raises
        ------
        MotiflensError
            When the run has no such layout or colour.
        """
        explorer, by = self._data.explorer, self._data.explorer.color_by(options.color)
        points, xy = explorer.map, explorer.layouts[options.layout]
        scale, shown = self._shades(by, options), points.shown(options.hidden)
        n_shown = points.n if shown is None else int(shown.sum())
        traces = {CONTOUR_TRACE: self._contours(options, shown),
                  BAR_TRACE: bar_trace(by.title, scale)}
        images = {POINTS_IMAGE: map_image.no_image()}
        tags = self._tags(options, shown)
        chosen = None if shown is None else np.flatnonzero(shown)
        says = _counted(n_shown, points.n)
        if points.is_image:
            view = self._view(options.layout, options.view)
            if len(points.in_view(options.layout, view, shown)) > MOST_IN_VIEW:
                picture, n = self._picture(options, view, by, scale, shown)
                images[POINTS_IMAGE] = map_image.image(picture, *view[:4])
                traces |= point_traces(xy, [], self.places)
                return Base(Drawn(traces, images), tags, f"{says}; {_explained(by, n, options)}")
            chosen = points.in_view(options.layout, view.wider(MARGIN), shown)
            says += f"; {len(chosen):,} in and near the view, as points"
        traces |= point_traces(xy, color_groups(by, scale, chosen), self.places)
        return Base(Drawn(traces, images), tags, says)

    def window(self, region: Region, layout: str, hidden: Hidden) -> Drawn:
        """The points of the genome window, and those that share a word with it."""
        found = self.window_points(region, self._data.explorer.map.shown(hidden))
        xy = self._data.explorer.layouts[layout]
        return Drawn({trace: overlay(xy, points, trace) for trace, points in found.items()}, {})

    def window_points(
        self, region: Region, shown: NDArray[np.bool_] | None = None
    ) -> dict[int, NDArray[np.intp]]:
        """Points of both traces of the genome window."""
        explorer, lexicon = self._data.explorer, self._data.lexicon
        window = explorer.in_window(*region)
        shared = np.empty(0, dtype=np.intp)
        if region.width <= _SHARED_WORDS_BP:
            words = lexicon.words_of(region.chrom, *self._data.genome.bins(region))
            shared = np.setdiff1d(explorer.with_words(np.unique(words)), window)
        found = {SHARED_TRACE: shared, WINDOW_TRACE: window}
        return found if shown is None else {t: p[shown[p]] for t, p in found.items()}

    def selection(
        self, chosen: AnySelection | None, layout: str, hidden: Hidden, view: ViewOf | None
    ) -> Drawn:
        """The selected points: one by one, or as an image where too many are in view."""
        explorer = self._data.explorer
        points, xy = explorer.map, explorer.layouts[layout]
        slot = map_image.no_image()
        if chosen is None:
            none = overlay(xy, np.empty(0, dtype=np.intp), SELECTED_TRACE)
            return Drawn({SELECTED_TRACE: none}, {SELECTED_IMAGE: slot})
        members = explorer.members(chosen)
        shown = points.shown(hidden)
        if shown is not None:
            members = members & shown
        if not points.is_image:
            found: NDArray[np.intp] = np.flatnonzero(members)
        else:
            here = self._view(layout, view)
            found = points.in_view(layout, here.wider(MARGIN), members)
            if len(points.in_view(layout, here, members)) > MOST_IN_VIEW:
                cells = points.cells(layout, here, members)
                pixels = map_image.marked_pixels([(cells.counts(), ACCENT, 0.9)])
                picture = map_image.png(pixels, cells.rows, cells.columns)
                slot = map_image.image(picture, *here[:4])
                found = found[:0]
        return Drawn({SELECTED_TRACE: overlay(xy, found, SELECTED_TRACE)}, {SELECTED_IMAGE: slot})

    def saved(
        self, groups: Sequence[tuple[AnySelection, str]], layout: str, hidden: Hidden
    ) -> Drawn:
        """Saved selections, each with its colour, as rings."""
        explorer = self._data.explorer
        shown = explorer.map.shown(hidden)
        found = []
        for chosen, color in groups:
            members = explorer.members(chosen)
            found.append((np.flatnonzero(members if shown is None else members & shown), color))
        return Drawn({SAVED_TRACE: saved_overlay(explorer.layouts[layout], found)}, {})

    def figure(
        self, options: MapOptions, region: Region, chosen: AnySelection | None
    ) -> tuple[dict[str, Any], str]:
        """The whole figure, and the sentence that says how the points are drawn."""
        explorer, base = self._data.explorer, self.base(options)
        window = self.window(region, options.layout, options.hidden)
        selected = self.selection(chosen, options.layout, options.hidden, options.view)
        saved = self.saved([], options.layout, options.hidden)
        figure = token_map(
            base.drawn.traces | window.traces | selected.traces | saved.traces,
            base.drawn.images | selected.images, options.layout, explorer.explained,
            self.begin(options.layout), explorer.map.is_image, polygon(chosen, options.layout),
            base.tags,
        )
        return figure, base.says

    def first_picture(self, options: MapOptions) -> str:
        """The whole layout as a picture, also of a map that is sent as points: a data URL."""
        by = self._data.explorer.color_by(options.color)
        view = self._data.explorer.map.whole(options.layout)
        picture, _ = self._picture(options, view, by, self._shades(by, options), None)
        return str(map_image.image(picture, *view[:4])["source"])

    def begin(self, layout: str) -> tuple[float, float, float, float]:
        """Ends of the axes that a layout begins with."""
        x0, x1, y0, y1, *_ = self._data.explorer.map.whole(layout)
        return x0, x1, y0, y1

    # -- parts ----------------------------------------------------------------------------

    def _view(self, layout: str, view: ViewOf | None) -> MapView:
        """The view, or the whole layout when the browser's view is of another or not known."""
        points = self._data.explorer.map
        if view is None:
            return points.whole(layout)
        if view.layout != layout:
            return points.whole(layout, (view.view.width, view.view.height))
        return view.view

    def _shades(self, by: ColorBy, options: MapOptions) -> Shades | None:
        if by.is_category:
            return None
        return self._cache.get(
            ("shades", options.color, options.scale), lambda: shades(by, *options.scale),
            lambda found: found.values.nbytes,
        )

    def _picture(
        self, options: MapOptions, view: MapView, by: ColorBy, scale: Shades | None,
        shown: NDArray[np.bool_] | None,
    ) -> tuple[bytes, int]:
        """PNG of the view, and how many points are in it."""
        key = ("picture", options.layout, options.color, options.hidden, options.scale,
               options.density, view)

        def draw() -> tuple[bytes, int]:
            cells = self._data.explorer.map.cells(options.layout, view, shown)
            pixels = _pixels(cells, by, scale, options.density)
            return map_image.png(pixels, cells.rows, cells.columns), len(cells.points)

        return self._cache.get(key, draw, lambda found: len(found[0]))

    def _contours(self, options: MapOptions, shown: NDArray[np.bool_] | None) -> dict[str, Any]:
        if not options.has_contours:
            return contour_trace()
        points = self._data.explorer.map
        lines = self._cache.get(
            ("contours", options.layout, options.hidden),
            lambda: points.contours(options.layout, shown), lambda found: 3 * found.x.nbytes,
        )
        return contour_trace(lines.x, lines.y)

    def _tags(self, options: MapOptions, shown: NDArray[np.bool_] | None) -> list[dict[str, Any]]:
        if not options.has_labels:
            return []
        points, table = self._data.explorer.map, self._data.explorer.communities("mega")
        places = self._cache.get(
            ("tags", options.layout, options.hidden),
            lambda: points.label_places(options.layout, "mega", shown), lambda found: 1000,
        )
        return name_tags(places, {i: f"M{i} {str(n)[:24]}" for i, n in table["label"].items()})


def polygon(chosen: AnySelection | None, layout: str) -> Sequence[tuple[float, float]]:
    """Outline of a selection that was drawn on this layout."""
    return chosen.polygon if isinstance(chosen, Lasso) and chosen.layout == layout else ()


def shapes(chosen: AnySelection | None, layout: str) -> list[dict[str, Any]]:
    """The outline as the layout's shapes."""
    return outline(polygon(chosen, layout))


def _pixels(
    cells: Cells, by: ColorBy, scale: Shades | None, density: str
) -> NDArray[np.uint8]:
    count = cells.counts()
    if scale is None:
        return map_image.category_pixels(cells.dominant(by.values), count, palette(by), density)
    mean = cells.mean(scale.values)
    return map_image.magnitude_pixels(mean, count, scale.low, scale.high, density)


def _counted(n: int, total: int) -> str:
    return f"{n:,} tokens" if n == total else f"{n:,} of {total:,} tokens, the rest is hidden"


def _explained(by: ColorBy, n: int, options: MapOptions) -> str:
    what = f"most frequent {by.title.lower()}" if by.is_category else "mean"
    density = "log" if options.density == "log" else "equal steps"
    return (
        f"{n:,} in view as an image (a pixel's {what}; opacity: its tokens, {density}), "
        f"below {MOST_IN_VIEW:,} as points"
    )
