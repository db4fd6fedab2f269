"""How well a layout keeps neighbours, for the whole map and for each token.

* **Neighbourhood preservation**: the share of a token's k nearest tokens (cosine distance of the
  standardized principal components) that are among its k nearest in the layout.
* **Trustworthiness**: 1 less the penalty for tokens that are near in the layout and far in the
  components: 1 - 2 / (k (2n - 3k - 1)) x the sum, over those of the k nearest in the layout that
  are not among the k nearest in the components, of (their rank in the components - k).

Ranks within the stored neighbour lists are exact; further ones are counted among a sample of the
tokens and scaled up (exact when the sample holds them all).

References
----------
Venna and Kaski, doi:10.1007/3-540-44668-0_68; Lee and Verleysen, doi:10.1016/j.neucom.2008.12.017
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.streaming import in_order, windows

#: Tokens that far ranks are counted among.
REFERENCE_TOKENS = 10_000
_ROWS = 1024


class Quality(NamedTuple):
    """Per token, float32 (n,), 0-1 each."""

    preservation: NDArray[np.float32]
    trustworthiness: NDArray[np.float32]


def layout_neighbors(
    queries: NDArray[np.floating], layout: NDArray[np.floating], k: int, is_same: bool,
    workers: int,
) -> NDArray[np.int64]:
    """The k nearest points of a layout, int64 (n, k), by Euclidean distance, nearest first."""
    from scipy.spatial import cKDTree

    tree = cKDTree(layout.astype(np.float64))
    wanted = k + 1 if is_same else k
    found = tree.query(queries.astype(np.float64), wanted, workers=workers)[1].reshape(-1, wanted)
    if not is_same:
        return np.asarray(found, dtype=np.int64)
    own = found == np.arange(len(found))[:, None]
    # Where several lie on one place, a point may be missing from its own list.
    own[~own.any(axis=1), -1] = True
    return np.asarray(found[~own].reshape(len(found), k), dtype=np.int64)


@njit(cache=True, nogil=True)
def _far_ranks(tile, own, cosine, order, out):  # type: ignore[no-untyped-def]
    """Count, for each row, reference tokens more similar than each of its thresholds.

    ``order`` sorts a row's thresholds rising; counts are gathered in the first threshold that is
    not passed and summed from the top.
    """
    n_levels = cosine.shape[1]
    for row in range(tile.shape[0]):
        lowest = cosine[row, order[row, 0]]
        for column in range(tile.shape[1]):
            value = tile[row, column]
            if value <= lowest or column == own[row]:
                continue
            lo, hi = 0, n_levels
            while lo < hi:
                middle = (lo + hi) // 2
                if cosine[row, order[row, middle]] < value:
                    lo = middle + 1
                else:
                    hi = middle
            out[row, lo - 1] += 1
        for level in range(n_levels - 2, -1, -1):
            out[row, level] += out[row, level + 1]


@njit(cache=True, nogil=True)
def _positions(known, wanted, out):  # type: ignore[no-untyped-def]
    """Place of each wanted neighbour in the list of known ones, -1 when it is not there."""
    for row in range(wanted.shape[0]):
        for column in range(wanted.shape[1]):
            out[row, column] = -1
            for place in range(known.shape[1]):
                if known[row, place] == wanted[row, column]:
                    out[row, column] = place
                    break


def layout_quality(
    known: NDArray[np.int32], near: NDArray[np.integer], queries: NDArray[np.float32],
    reference: NDArray[np.float32], k: int, *, is_same: bool, sample: NDArray[np.integer],
    workers: int = 1,
) -> Quality:
    """Both measures of every query.

    Parameters
    ----------
    known : int32 (n, at least k), exact nearest neighbours in the components, nearest first
    near : int (n, k), nearest neighbours in the layout
    queries, reference : float32 (n, d) and (m, d), unit rows of the components; ``known`` and
        ``near`` number the rows of ``reference``
    is_same : the queries are the reference
    sample : int, rising, reference rows that far ranks are counted among
    """
    m = len(reference) - (1 if is_same else 0)
    n = len(queries)
    kept = np.empty(n, dtype=np.float32)
    trust = np.empty(n, dtype=np.float32)
    chosen = np.ascontiguousarray(reference[sample])
    place = np.full(len(reference), -1, dtype=np.int64)
    place[sample] = np.arange(len(sample))
    worst = k * (2 * (m + 1) - 3 * k - 1) / 2.0

    def measure(window: tuple[int, int]) -> None:
        lo, hi = window
        wanted = np.ascontiguousarray(near[lo:hi])
        at = np.empty(wanted.shape, dtype=np.int64)
        _positions(known[lo:hi], wanted, at)
        kept[lo:hi] = ((at >= 0) & (at < k)).mean(axis=1)
        rows = queries[lo:hi]
        # A neighbour must not be counted as nearer than itself for a rounding error.
        cosine = np.einsum("nd,nkd->nk", rows, reference[wanted]).astype(np.float64) + 1e-6
        order = np.argsort(cosine, axis=1, kind="stable")
        counts = np.zeros(wanted.shape, dtype=np.int64)
        own = place[lo:hi] if is_same else np.full(hi - lo, -1)
        _far_ranks(rows @ chosen.T, own, cosine, order, counts)
        closer = np.empty_like(counts)
        np.put_along_axis(closer, order, counts, axis=1)
        others = len(chosen) - (own >= 0)
        rank = np.where(at >= 0, at + 1.0, np.maximum(
            closer * (m / np.maximum(others, 1))[:, None] + 1.0, known.shape[1] + 1.0))
        penalty = np.maximum(rank - k, 0.0).sum(axis=1)
        trust[lo:hi] = np.clip(1.0 - penalty / worst, 0.0, 1.0)

    for _ in in_order(measure, windows(n, _ROWS), workers):
        pass
    return Quality(kept, trust)
