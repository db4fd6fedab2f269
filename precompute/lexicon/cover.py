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
    kept = np.flatnonzero(np.asarray(end) > np.asarray(start))
    kept = kept[np.argsort(np.asarray(start)[kept], kind="stable")]
    first = np.asarray(start)[kept].astype(np.int64)
    reach = np.maximum.accumulate(np.asarray(end)[kept].astype(np.int64))
    is_new = np.append(True, first[1:] > reach[:-1])[: len(first)]
    is_last = np.append(is_new[1:], True)[: len(first)]
    return first[is_new], reach[is_last]


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
