"""Which bins lie in given stretches of the genome, without a mask of the genome."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Bins looked up at a time.
_BLOCK_BINS = 1 << 18


def merged(
    start: NDArray[np.integer], end: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Union of half-open intervals, as disjoint ones in order.

    >>> [part.tolist() for part in merged(np.array([5, 0, 6]), np.array([9, 2, 7]))]
    [[0, 5], [2, 9]]
    """
    start, end = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
    kept = end > start
    order = np.argsort(start[kept], kind="stable")
    start, end = start[kept][order], end[kept][order]
    reach = np.maximum.accumulate(end)
    is_new = np.ones(len(start), dtype=bool)
    is_new[1:] = start[1:] > reach[:-1]
    last = np.append(np.flatnonzero(is_new)[1:] - 1, len(start) - 1) if len(start) else is_new
    return start[is_new], reach[last.astype(np.intp)]


def lies_in(
    edges: NDArray[np.integer], start: NDArray[np.integer], end: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether at least half of each bin's bases lie in the union of the intervals; bool (n_bins,).

    Parameters
    ----------
    edges : int (n_bins + 1,), increasing, bp
    start, end : of half-open intervals of the same chromosome, in any order, bp
    """
    start, end = merged(start, end)
    before = np.concatenate([[0], np.cumsum(end - start)])
    inside = np.empty(len(edges) - 1, dtype=bool)
    for lo in range(0, len(inside), _BLOCK_BINS):
        part = np.asarray(edges[lo : lo + _BLOCK_BINS + 1], dtype=np.int64)
        # Covered bases before each edge: whole intervals, and the part of the one it stands in.
        k = np.searchsorted(start, part, side="right")
        covered = before[k]
        open_ = k > 0
        covered[open_] -= np.maximum(end[k[open_] - 1] - part[open_], 0)
        inside[lo : lo + _BLOCK_BINS] = 2 * np.diff(covered) >= np.diff(part)
    return inside
