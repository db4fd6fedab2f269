"""The points of a selection: expressions evaluated to one bit per point, with a bounded cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vizapp.selection import (
    AnySelection,
    Community,
    Lasso,
    Motif,
    StateError,
    Window,
    Word,
    key,
)

if TYPE_CHECKING:
    from vizapp.data.explorer import ExplorerData

#: Bytes of packed members that are kept: 512 selections of a million points.
_CACHE_BYTES = 64 << 20


class LayoutOrder(NamedTuple):
    """Points of a layout by rising y, so that an edge of a polygon meets a slice of them."""

    order: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def layout_order(xy: NDArray[np.floating]) -> LayoutOrder:
    """Sort the points of a layout, float (n, 2)."""
    order = np.argsort(xy[:, 1], kind="stable")
    return LayoutOrder(order, xy[order, 0].astype(np.float64), xy[order, 1].astype(np.float64))


def inside_polygon(
    points: NDArray[np.floating] | LayoutOrder, polygon: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Which points lie inside a polygon (even-odd rule), bool (n,).

    Each edge looks only at the points between its two ends' y, so the cost is that of the few
    edges above and below each point, not of all.

    Parameters
    ----------
    points : float (n, 2), or already sorted
    polygon : float (m, 2)
    """
    order, x, y = points if isinstance(points, LayoutOrder) else layout_order(points)
    inside = np.zeros(len(y), dtype=bool)
    ends = np.searchsorted(y, polygon[:, 1], side="left")
    x0, y0, end0 = polygon[-1, 0], polygon[-1, 1], int(ends[-1])
    for (x1, y1), end1 in zip(polygon.tolist(), ends.tolist(), strict=True):
        if y0 != y1:
            part = slice(min(end0, end1), max(end0, end1))
            inside[part] ^= x[part] < (x1 - x0) * (y[part] - y0) / (y1 - y0) + x0
        x0, y0, end0 = x1, y1, end1
    result = np.empty(len(y), dtype=bool)
    result[order] = inside
    return result


class Members:
    """Evaluates selections on the points of a run; safe to share between threads.

    Parameters
    ----------
    explorer : whose points are meant
    threshold : occupancy from which a motif cluster is in a word
    """

    def __init__(self, explorer: ExplorerData, threshold: float) -> None:
        self._explorer, self.threshold = explorer, threshold
        self._packed: OrderedDict[bytes, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()
        self._orders: dict[str, LayoutOrder] = {}

    @cached_property
    def _most(self) -> int:
        return max(16, _CACHE_BYTES // (self._explorer.n // 8 + 1))

    def __call__(self, selection: AnySelection) -> NDArray[np.bool_]:
        """Points of a selection, bool (n_points,), the caller's own copy.

        Raises
        ------
        StateError
            When it names what the run has not.
        """
        name = key(selection)
        with self._lock:
            packed = self._packed.get(name)
            if packed is not None:
                self._packed.move_to_end(name)
        if packed is not None:
            return np.unpackbits(packed, count=self._explorer.n).view(bool)
        found = self._find(selection)
        with self._lock:
            self._packed[name] = np.packbits(found)
            while len(self._packed) > self._most:
                self._packed.popitem(last=False)
        return found

    def _find(self, selection: AnySelection) -> NDArray[np.bool_]:
        explorer = self._explorer
        if isinstance(selection, Lasso):
            layout = selection.layout
            if layout not in self._orders:
                self._orders[layout] = layout_order(explorer.layouts[layout])
            return inside_polygon(self._orders[layout], np.array(selection.polygon))
        if isinstance(selection, Community):
            return (explorer.mega if selection.level == "mega" else explorer.sub) == selection.id
        if isinstance(selection, Word):
            return explorer.points["word"].to_numpy() == selection.word
        if isinstance(selection, Motif):
            least = self.threshold if selection.least is None else selection.least
            return self._with_motif(selection.clusters, least)
        if isinstance(selection, Window):
            if selection.chrom not in set(explorer.chroms):
                raise StateError(
                    f"this run has no chromosome {selection.chrom[:40]!r}, it has "
                    f"{', '.join(explorer.chroms[:6])}; select again"
                )
            found = np.zeros(explorer.n, dtype=bool)
            found[explorer.in_window(selection.chrom, selection.start, selection.end)] = True
            return found
        first, *rest = (self(part) for part in selection.of)
        if selection.kind == "invert":
            return ~first
        for other in rest:
            if selection.kind == "union":
                first |= other
            elif selection.kind == "intersect":
                first &= other
            else:
                first &= ~other
        return first

    def _with_motif(self, clusters: list[int], least: float) -> NDArray[np.bool_]:
        found = np.zeros(self._explorer.n, dtype=bool)
        for cluster in clusters:
            if cluster >= len(self._explorer.cluster_labels):
                raise StateError(f"this run has no motif cluster {cluster}; select again")
            found[self._explorer.holding(cluster, least)] = True
        return found
