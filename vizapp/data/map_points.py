"""The map as it is drawn: what is in view, what the legend hides, what is under the pointer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vizapp.data.map_raster import Cells, cells, grid_counts, in_view
from vizapp.map_state import Hidden, MapView, Pointer

#: A map with more points is drawn as an image of cells.
MOST_POINTS = 100_000
#: Zoomed in so far that fewer are in view, it is drawn as points again.
MOST_IN_VIEW = 30_000
#: Share of the view that is drawn beyond each border, so that a small move finds points there.
MARGIN = 0.25
#: Plot in CSS pixels before the browser has told its size.
_FIRST_SIZE = (860, 560)


class Contours(NamedTuple):
    """Lines around the densest parts: x and y float32 with nan between lines, and each one's share
    of the points inside."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    share: NDArray[np.float32]


class MapPoints:
    """Places and communities of all points.

    Parameters
    ----------
    layouts : float32 (n_points, 2) by name
    communities : int (n_points,) by level, 'mega' and 'sub'
    """

    def __init__(
        self, layouts: Mapping[str, NDArray[np.float32]],
        communities: Mapping[str, NDArray[np.integer]],
    ) -> None:
        self._layouts, self._communities = layouts, communities
        self.n = len(communities["mega"])
        self._extent: dict[str, tuple[float, float, float, float]] = {}

    @property
    def is_image(self) -> bool:
        """Whether the whole map is drawn as an image."""
        return self.n > MOST_POINTS

    def whole(self, layout: str, size: tuple[int, int] = _FIRST_SIZE) -> MapView:
        """The view of all points, with a margin."""
        if layout not in self._extent:
            xy = self._layouts[layout]
            low, high = xy.min(axis=0), xy.max(axis=0)
            pad = np.maximum(0.03 * (high - low), 1e-3)
            x0, y0 = (low - pad).tolist()
            x1, y1 = (high + pad).tolist()
            self._extent[layout] = (x0, x1, y0, y1)
        return MapView(*self._extent[layout], *size)

    def shown(self, hidden: Hidden) -> NDArray[np.bool_] | None:
        """Points that the legend leaves, bool (n_points,); None when it hides nothing."""
        if not hidden.mega and not hidden.sub:
            return None
        result = np.ones(self.n, dtype=bool)
        for level, numbers in (("mega", hidden.mega), ("sub", hidden.sub)):
            values = self._communities[level]
            table = np.zeros(max(int(values.max()), *numbers, 0) + 1, dtype=bool)
            table[list(numbers)] = True
            result &= ~table[values]
        return result

    def in_view(
        self, layout: str, view: MapView, shown: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """Points of a view, rising."""
        xy = self._layouts[layout]
        return in_view(xy[:, 0], xy[:, 1], view, shown)

    def cells(self, layout: str, view: MapView, shown: NDArray[np.bool_] | None) -> Cells:
        """Points of a view counted into its pixels."""
        xy = self._layouts[layout]
        return cells(xy[:, 0], xy[:, 1], view, shown)

    def nearest(
        self, layout: str, pointer: Pointer, shown: NDArray[np.bool_] | None
    ) -> int | None:
        """The point nearest to the pointer within its reach, the lowest among equals; or None."""
        xy = self._layouts[layout]
        box = MapView(
            pointer.x - pointer.rx, pointer.x + pointer.rx, pointer.y - pointer.ry,
            pointer.y + pointer.ry, 1, 1,
        )
        near = in_view(xy[:, 0], xy[:, 1], box, shown)
        if not len(near):
            return None
        dx = (xy[near, 0] - pointer.x) / max(pointer.rx, 1e-12)
        dy = (xy[near, 1] - pointer.y) / max(pointer.ry, 1e-12)
        far = dx * dx + dy * dy
        best = int(far.argmin())
        return int(near[best]) if far[best] <= 1 else None

    def label_places(
        self, layout: str, level: str, shown: NDArray[np.bool_] | None
    ) -> dict[int, tuple[float, float]]:
        """Where the name of each community stands: the middle of its densest part.

        A mean can lie where a community has no point, when a layout tears it apart.
        """
        xy, values = self._layouts[layout], self._communities[level]
        if shown is not None:
            xy, values = xy[shown], values[shown]
        view, out = self.whole(layout), {}
        order = np.argsort(values, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
            if len(part):
                out[int(values[part[0]])] = _densest(xy[part], view)
        return out

    def contours(
        self, layout: str, shown: NDArray[np.bool_] | None,
        shares: tuple[float, ...] = (0.25, 0.5, 0.75, 0.95),
    ) -> Contours:
        """Lines that hold the given shares of the points, by density.

        The density is a histogram of 200 x 200 cells over the layout, smoothed by a normal kernel
        of 2 cells. A line at share s encloses the cells that are densest and hold s of the points
        (highest density regions, doi:10.1080/00031305.1996.10474359).
        """
        from contourpy import contour_generator

        xy, view, side = self._layouts[layout], self.whole(layout), 200
        count = grid_counts(xy[:, 0], xy[:, 1], view, side, shown)[::-1]
        density = _smoothed(count.astype(np.float64))
        middle = (np.arange(side) + 0.5) / side
        xs = view.x0 + middle * (view.x1 - view.x0)
        ys = view.y0 + middle * (view.y1 - view.y0)
        falling = np.sort(density, axis=None)[::-1]
        inside = np.cumsum(falling)
        generator = contour_generator(xs, ys, density)
        x: list[Any] = []
        y: list[Any] = []
        share: list[Any] = []
        for s in shares if inside[-1] > 0 else ():
            level = falling[min(int(np.searchsorted(inside, s * inside[-1])), len(falling) - 1)]
            lines: Any = generator.lines(float(level))
            for line in lines:
                x += [line[:, 0], [np.nan]]
                y += [line[:, 1], [np.nan]]
                share += [np.full(len(line) + 1, s)]
        joined = [np.concatenate(v) if v else np.empty(0) for v in (x, y, share)]
        return Contours(*(v.astype(np.float32) for v in joined))


def _densest(
    xy: NDArray[np.floating], view: MapView, side: int = 48
) -> tuple[float, float]:
    """Mean of the points in the fullest 3 x 3 block of ``side`` x ``side`` cells."""
    low, size = (view.x0, view.y0), (view.x1 - view.x0, view.y1 - view.y0)
    place = np.clip(side * (xy - low) / size, 0, side - 1).astype(np.int64)
    count = np.bincount(place[:, 0] * side + place[:, 1], minlength=side * side)
    padded = np.pad(count.reshape(side, side), 1)
    steps = [(i, j) for i in range(3) for j in range(3)]
    around = np.sum([padded[i : side + i, j : side + j] for i, j in steps], axis=0)
    best = np.array(divmod(int(np.argmax(around)), side))
    x, y = xy[(abs(place - best) <= 1).all(axis=1)].astype(np.float64).mean(axis=0)
    return float(x), float(y)


def _smoothed(count: NDArray[np.float64], cells_sd: float = 2.0) -> NDArray[np.float64]:
    """A histogram under a normal kernel, mass kept but for what leaves the border."""
    reach = int(np.ceil(3 * cells_sd))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / cells_sd) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        count = np.apply_along_axis(np.convolve, axis, count, kernel, mode="same")
    return count
