"""What the token map shows, as small values checked on the server: view, filter, colour scale.

As in :mod:`vizapp.state`, each ``parse`` takes anything and gives a checked value or raises one
sentence.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from vizapp.state import LAYOUTS, StateError

#: Largest side of an image that is drawn, in pixels: an 8K screen has 7,680, and more is an attack.
MAX_SIDE_PIXELS = 4096
_MAX_COMMUNITIES = 32_767
_FARTHEST = 1e9
_NARROWEST = 1e-6


class MapView(NamedTuple):
    """The part of a layout that is in view, and the size of the plot in CSS pixels."""

    x0: float
    x1: float
    y0: float
    y1: float
    width: int
    height: int

    def wider(self, share: float) -> MapView:
        """The view with a margin of ``share`` of its size on each side, pixels as large as now."""
        dx, dy = share * (self.x1 - self.x0), share * (self.y1 - self.y0)
        return MapView(
            self.x0 - dx, self.x1 + dx, self.y0 - dy, self.y1 + dy,
            round(self.width * (1 + 2 * share)), round(self.height * (1 + 2 * share)),
        )


class ViewOf(NamedTuple):
    """A view and the layout that it is of."""

    layout: str
    view: MapView

    def forget_range(self) -> ViewOf:
        """The same size, of no layout: a layout that was chosen just now begins with all points."""
        return ViewOf("", self.view)


class Hidden(NamedTuple):
    """Communities that the legend hides, rising."""

    mega: tuple[int, ...] = ()
    sub: tuple[int, ...] = ()


NOTHING_HIDDEN = Hidden()


class Scale(NamedTuple):
    """How magnitudes become colours: the percentiles at both ends, and whether by logarithm."""

    low: float = 0.0
    high: float = 99.5
    is_log: bool = False


class MapOptions(NamedTuple):
    """All that decides how the points are drawn; ``view`` None is the whole layout."""

    layout: str = "tsne"
    color: str = "mega"
    hidden: Hidden = NOTHING_HIDDEN
    scale: Scale = Scale()
    density: str = "log"
    has_contours: bool = False
    has_labels: bool = False
    view: ViewOf | None = None


class Pointer(NamedTuple):
    """Where the pointer rests on a layout, and how far around it a point may be."""

    x: float
    y: float
    rx: float
    ry: float


def _number(value: Any, least: float, most: float) -> float:
    """A finite number in a range; anything else is an error that the caller words."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StateError("not a number")
    if not math.isfinite(value) or not least <= value <= most:
        raise StateError("out of range")
    return float(value)


def parse_layout(raw: Any) -> str:
    """A layout's name.

    Raises
    ------
    StateError
        When the run's map has no such layout.
    """
    if not isinstance(raw, str) or raw not in LAYOUTS:
        raise StateError("choose UMAP, t-SNE or PCA for the map")
    return raw


def parse_view(raw: Any) -> ViewOf | None:
    """The view store's value; None before the browser has told.

    Raises
    ------
    StateError
        When it is no view: not finite, backwards, or of a size that no screen has.
    """
    if raw is None:
        return None
    try:
        if not isinstance(raw, dict) or set(raw) != {"layout", "x", "y", "width", "height"}:
            raise StateError("not a view")
        layout = parse_layout(raw["layout"])
        ends = []
        for name in "xy":
            pair = raw[name]
            if not isinstance(pair, list) or len(pair) != 2:
                raise StateError("not a range")
            first, last = (_number(v, -_FARTHEST, _FARTHEST) for v in pair)
            if last - first < _NARROWEST:
                raise StateError("backwards, or too narrow")
            ends += [first, last]
        size = [round(_number(raw[k], 16, MAX_SIDE_PIXELS)) for k in ("width", "height")]
    except StateError:
        raise StateError(
            "the part of the map in view could not be read; press Reset above the map"
        ) from None
    x0, x1, y0, y1 = ends
    return ViewOf(layout, MapView(x0, x1, y0, y1, *size))


def parse_pointer(raw: Any) -> Pointer | None:
    """The pointer store's value; None when the pointer has left the map.

    Raises
    ------
    StateError
        When it is not a place.
    """
    if raw is None:
        return None
    if not isinstance(raw, dict) or set(raw) != {"x", "y", "rx", "ry"}:
        raise StateError("the place under the pointer could not be read; move the pointer")
    try:
        place = [_number(raw[k], -_FARTHEST, _FARTHEST) for k in ("x", "y")]
        reach = [_number(raw[k], 0, _FARTHEST) for k in ("rx", "ry")]
    except StateError:
        raise StateError(
            "the place under the pointer could not be read; move the pointer"
        ) from None
    return Pointer(*place, *reach)


def parse_hidden(raw: Any) -> Hidden:
    """The filter store's value; None hides nothing.

    Raises
    ------
    StateError
        When it is not lists of community numbers.
    """
    if raw is None:
        return NOTHING_HIDDEN
    kept = {}
    for level in ("mega", "sub"):
        numbers = raw.get(level, []) if isinstance(raw, dict) else None
        if (
            not isinstance(numbers, list) or len(numbers) > _MAX_COMMUNITIES
            or not all(type(n) is int and 0 <= n <= _MAX_COMMUNITIES for n in numbers)
        ):
            raise StateError("the legend's filter could not be read; press 'show all' below it")
        kept[level] = tuple(sorted(set(numbers)))
    return Hidden(**kept)


def parse_density(raw: Any) -> str:
    """How opacity follows from density.

    Raises
    ------
    StateError
        When it is neither 'log' nor 'equal'.
    """
    if raw not in ("log", "equal"):
        raise StateError("density is shown on a log scale or in equal steps; choose one of them")
    return str(raw)


def parse_scale(ends: Any, is_log: Any) -> Scale:
    """Percentiles at both ends of the colour scale, and the switch for logarithms.

    Raises
    ------
    StateError
        When the percentiles are not two rising numbers from 0 to 100.
    """
    try:
        if not isinstance(ends, list) or len(ends) != 2:
            raise StateError("not two numbers")
        low, high = (_number(v, 0, 100) for v in ends)
        if high <= low:
            raise StateError("not rising")
    except StateError:
        raise StateError(
            "the colour scale needs two rising percentiles from 0 to 100; move its sliders"
        ) from None
    return Scale(low, high, is_log is True)
