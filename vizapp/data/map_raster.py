"""Points of a view counted into pixels: density, the most frequent category, the mean.

Plain numpy on purpose. For 1,000,000 points and 860 x 560 pixels one pass over the points, the sort
that finds each pixel's category, and the PNG take less than datashader's aggregation alone, and
nothing is compiled at the first view (numbers in docs/explorer.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vizapp.map_state import MapView

#: From so many points in view on, a cell is one pixel; below, two, or dots would be hard to see.
_FINE_FROM = 400_000


class Cells(NamedTuple):
    """Points in view, each with its cell.

    ``points`` int64 (n_in_view,), rising; ``cell`` int32 (n_in_view,), row x columns + column with
    row 0 at the top; ``rows`` and ``columns`` of the image.
    """

    points: NDArray[np.int64]
    cell: NDArray[np.int32]
    rows: int
    columns: int

    def counts(self) -> NDArray[np.int64]:
        """Points of each cell, int64 (rows x columns,)."""
        return np.bincount(self.cell, minlength=self.rows * self.columns)

    def dominant(self, category: NDArray[np.integer]) -> NDArray[np.int64]:
        """The most frequent category of each cell, the lowest among equals; -1 where it is empty.

        Parameters
        ----------
        category : int (n_points,) of all points, not negative
        """
        result = np.full(self.rows * self.columns, -1, dtype=np.int64)
        if not len(self.points):
            return result
        here = category[self.points].astype(np.int64)
        base = int(here.max()) + 1
        key = self.cell.astype(np.int64) * base + here
        key.sort()
        first = np.flatnonzero(np.diff(key, prepend=-1))
        size = np.diff(first, append=len(key))
        cell, found = np.divmod(key[first], base)
        # The last write wins: the largest group, and among equals the lowest category.
        order = np.lexsort((-found, size))
        result[cell[order]] = found[order]
        return result

    def mean(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Mean of a magnitude in each cell, float64; nan where it is empty or nothing is known.

        Parameters
        ----------
        values : float (n_points,) of all points; nan where it is not known
        """
        n = self.rows * self.columns
        here = values[self.points]
        known = np.isfinite(here)
        cell, count = self.cell, self.counts()
        if not known.all():
            cell, here = cell[known], here[known]
            count = np.bincount(cell, minlength=n)
        with np.errstate(invalid="ignore"):
            return np.bincount(cell, weights=here, minlength=n) / count


def cells(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    view: MapView,
    shown: NDArray[np.bool_] | None = None,
) -> Cells:
    """Which points are in view, and in which cell.

    Parameters
    ----------
    x, y : float32 (n_points,)
    view : a cell is one of its pixels, or two by two when few points are in view
    shown : bool (n_points,), points that the filter leaves; None is all
    """
    inside = in_view(x, y, view, shown)
    size = 1 if len(inside) >= _FINE_FROM else 2
    return _cells(x, y, view, inside, max(1, view.height // size), max(1, view.width // size))


def grid_counts(
    x: NDArray[np.float32], y: NDArray[np.float32], view: MapView, side: int,
    shown: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Points in ``side`` x ``side`` cells of a view, int64; row 0 at the top, as in an image."""
    found = _cells(x, y, view, in_view(x, y, view, shown), side, side)
    return found.counts().reshape(side, side)


def in_view(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    view: MapView,
    shown: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Points inside a view, borders included; int64, rising."""
    inside = (x >= view.x0) & (x <= view.x1) & (y >= view.y0) & (y <= view.y1)
    if shown is not None:
        inside &= shown
    return np.flatnonzero(inside)


def _cells(
    x: NDArray[np.float32], y: NDArray[np.float32], view: MapView, inside: NDArray[np.int64],
    rows: int, columns: int,
) -> Cells:
    if len(inside) < len(x):
        x, y = x[inside], y[inside]
    # In float64 a border between two cells is where arithmetic on paper has it.
    column = ((x.astype(np.float64) - view.x0) * (columns / (view.x1 - view.x0))).astype(np.int32)
    row = ((view.y1 - y.astype(np.float64)) * (rows / (view.y1 - view.y0))).astype(np.int32)
    np.minimum(column, columns - 1, out=column)
    np.minimum(row, rows - 1, out=row)
    return Cells(inside, row * np.int32(columns) + column, rows, columns)
