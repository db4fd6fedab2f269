"""Joint moments of Hermite functions of sparse features, and the scores that follow from them.

A feature takes few values (covered bases / width), so all moments of a pair of features follow
from how often each pair of their values meets in a bin. For one feature at a time those joint
counts are integers in a small table: one increment per pair of non-zeros that meet, instead of 36
multiplications, and no rounding. Two short contractions with the functions' values in float64 turn
the table into moments. The order of bins, threads and the way pairs are shared out change nothing;
only the sum over blocks rounds, and its order is fixed (:func:`combine`).

x = 0 maps to a constant for every function and Pearson's r does not see constants, so the
functions are shifted to vanish at 0 and bins in which a feature is absent never count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.scores.token_levels import Levels, TokenBlock

#: Features that a thread takes at a time.
_FEATURES_AT_A_TIME = 16

#: Moments held at a time where the bins are in memory anyway.
_STRIPE_BYTES = 64 * 2**20


def hermite_functions(values: NDArray[np.floating], max_order: int = 5) -> NDArray[np.float64]:
    """phi_n(x) = x^n exp(-x^2 / 2) / sqrt(n!), n = 0 .. max_order, shifted to 0 at x = 0.

    float64 (len(values), max_order + 1).
    """
    x = np.asarray(values, dtype=np.float64)
    envelope = np.exp(-0.5 * x * x)
    columns = [x**n * envelope / math.sqrt(math.factorial(n)) for n in range(max_order + 1)]
    columns[0] = columns[0] - 1.0
    return np.stack(columns, axis=1)


@njit(cache=True, nogil=True)
def pairs_before(feature, n_features):  # type: ignore[no-untyped-def]
    """Pairs (i, j) of features, i < j < ``n_features``, with i < ``feature``."""
    return feature * n_features - feature * (feature + 1) // 2


@njit(cache=True, nogil=True)
def _count_joint(  # type: ignore[no-untyped-def]
    lo, hi, later, item_entry, entry_next, entry_left, bin_items, joint
):
    """joint[a - lo, b] = bins with items a and b, for items a in [lo, hi) and b >= later."""
    one = np.uint32(1)
    for a in range(lo, hi):
        row = joint[a - lo]
        row[later:] = 0
        for e in range(item_entry[a], item_entry[a + 1]):
            begin = entry_next[e]
            for p in range(begin, begin + entry_left[e]):
                row[bin_items[p]] += one


@njit(cache=True, nogil=True)
def _contract_left(lo, hi, later, joint, phi, left):  # type: ignore[no-untyped-def]
    """left[n, b] += sum over items a in [lo, hi) of phi[n, a] joint[a - lo, b], for b >= later.

    Four items at a time over stretches that stay in the first-level cache.
    """
    stretch = 512
    counts = np.empty((4, stretch))
    c0, c1, c2, c3 = counts[0], counts[1], counts[2], counts[3]
    last = hi - 1
    for begin in range(later, left.shape[1], stretch):
        end = min(begin + stretch, left.shape[1])
        n = end - begin
        for a in range(lo, hi, 4):
            for k in range(4):
                row = counts[k]
                if a + k < hi:
                    whole = joint[a + k - lo, begin:end]
                    for b in range(n):
                        row[b] = whole[b]
                else:
                    row[:n] = 0.0
            for order in range(left.shape[0] - 1):
                f = phi[order]
                f0, f1, f2, f3 = f[a], f[min(a + 1, last)], f[min(a + 2, last)], f[min(a + 3, last)]
                out = left[order, begin:end]
                for b in range(n):
                    out[b] += (f0 * c0[b] + f1 * c1[b]) + (f2 * c2[b] + f3 * c3[b])


@njit(cache=True, nogil=True)
def _contract_right(feature, feature_item, left, phi, add, out):  # type: ignore[no-untyped-def]
    """out[j, n, m] (+)= sum over items b of feature + 1 + j of left[n, b] phi[m, b]."""
    n_orders = out.shape[1]
    for j in range(out.shape[0]):
        lo, hi = feature_item[feature + 1 + j], feature_item[feature + 2 + j]
        # Six sums at a time, so that they do not wait for one another.
        for n in range(0, n_orders, 2):
            x0, x1 = left[n, lo:hi], left[n + 1, lo:hi]
            for m in range(0, n_orders, 3):
                y0, y1, y2 = phi[m, lo:hi], phi[m + 1, lo:hi], phi[m + 2, lo:hi]
                s00 = s01 = s02 = s10 = s11 = s12 = 0.0
                for b in range(len(x0)):
                    s00 += x0[b] * y0[b]
                    s01 += x0[b] * y1[b]
                    s02 += x0[b] * y2[b]
                    s10 += x1[b] * y0[b]
                    s11 += x1[b] * y1[b]
                    s12 += x1[b] * y2[b]
                sums = ((s00, s01, s02), (s10, s11, s12))
                for k in range(min(2, n_orders - n)):
                    for q in range(min(3, n_orders - m)):
                        old = out[j, n + k, m + q] if add else 0.0
                        out[j, n + k, m + q] = old + sums[k][q]


@njit(cache=True, nogil=True)
def _moments_of(  # type: ignore[no-untyped-def]
    first, last, origin, feature_item, item_entry, entry_next, entry_left, bin_items, phi, add, out
):
    """Moments of features [first, last) with all later ones; ``out`` begins at ``origin``."""
    n_features, n_items = len(feature_item) - 1, len(item_entry) - 1
    at_a_time = 64
    joint = np.empty((at_a_time, n_items), dtype=np.uint32)
    # One row more than there are orders, because they are contracted in twos.
    left = np.zeros((out.shape[1] + 1, n_items))
    begin = pairs_before(first, n_features) - pairs_before(origin, n_features)
    for feature in range(first, last):
        later = feature_item[feature + 1]
        left[:, later:] = 0.0
        for lo in range(feature_item[feature], later, at_a_time):
            hi = min(lo + at_a_time, later)
            _count_joint(lo, hi, later, item_entry, entry_next, entry_left, bin_items, joint)
            _contract_left(lo, hi, later, joint, phi, left)
        end = begin + n_features - 1 - feature
        _contract_right(feature, feature_item, left, phi, add, out[begin:end])
        begin = end


def _ranges(first: int, last: int) -> Iterator[tuple[int, int]]:
    for feature in range(first, last, _FEATURES_AT_A_TIME):
        yield feature, min(feature + _FEATURES_AT_A_TIME, last)


def block_moments(
    block: TokenBlock,
    levels: Levels,
    max_order: int,
    first: int,
    last: int,
    workers: int = 1,
    out: NDArray[np.float64] | None = None,
    add: bool = False,
) -> NDArray[np.float64]:
    """Sums over a block's bins of phi_n(x_i) phi_m(x_j), for features i in [first, last), j > i.

    Parameters
    ----------
    block : the bins
    levels : what its levels stand for
    max_order : highest order of the Hermite functions
    first, last : features i
    workers : threads; they change nothing
    out : where the sums go; a new array if not given
    add : add to what ``out`` holds, as :func:`combine` would

    Returns
    -------
    float64 (pairs, max_order + 1, max_order + 1), pairs (i, j) by i, then j.
    """
    n_orders = max_order + 1
    sums = np.empty(moments_shape(block.n_features, max_order, first, last)) if out is None else out
    # The kernel takes three orders at a time.
    phi = np.zeros((-(-n_orders // 3) * 3, len(block.item_level)))
    phi[:n_orders] = hermite_functions(levels.value[block.item_level], max_order).T

    def part(bounds: tuple[int, int]) -> None:
        _moments_of(
            *bounds, first, block.feature_item, block.item_entry, block.entry_next,
            block.entry_left, block.bin_items, phi, add, sums,
        )

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(part, _ranges(first, last)))
    return sums


def moments_shape(
    n_features: int, max_order: int, first: int, last: int
) -> tuple[int, int, int]:
    """Shape of the moments of features [first, last) with all later ones."""
    n_pairs = pairs_before(last, n_features) - pairs_before(first, n_features)
    return n_pairs, max_order + 1, max_order + 1


def combine(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The sum of the moments of several blocks, in their order, into the first one's memory."""
    parts = iter(parts)
    total = next(parts)
    for part in parts:
        total += part
    return total


class Spread(NamedTuple):
    """Means and inverse standard deviations of phi_n(x_i) over ``n_bins`` bins.

    Both float64 (n_features, max_order + 1); ``scale`` is 0 where a function is constant.
    """

    n_bins: int
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(
        cls, level_counts: NDArray[np.int64], levels: Levels, max_order: int, n_bins: int
    ) -> Spread:
        """From the number of bins that hold each level, int64 (n_levels,)."""
        shape = (levels.n_features, max_order + 1)
        mean, square = np.zeros(shape), np.zeros(shape)
        held = np.flatnonzero(level_counts)
        phi = hermite_functions(levels.value[held], max_order)
        feature = np.searchsorted(levels.first, held, side="right") - 1
        weight = level_counts[held] / n_bins
        for n in range(max_order + 1):
            mean[:, n] = np.bincount(feature, weight * phi[:, n], levels.n_features)
            square[:, n] = np.bincount(feature, weight * phi[:, n] ** 2, levels.n_features)
        variance = square - mean**2
        # Below this a function is constant up to rounding of the moments.
        varies = variance > 1e-12 * np.maximum(square, 1e-300)
        scale = np.where(varies, 1.0 / np.sqrt(np.where(varies, variance, 1.0)), 0.0)
        return cls(n_bins, mean, scale)

    @classmethod
    def of_block(cls, block: TokenBlock, levels: Levels, max_order: int) -> Spread:
        """From the bins of one block."""
        counts = np.zeros(len(levels.value), dtype=np.int64)
        block.add_level_counts(counts)
        return cls.of(counts, levels, max_order, block.n_bins)


@njit(cache=True, nogil=True)
def _scores_of(first, last, origin, moments, n_bins, mean, scale, scores):  # type: ignore[no-untyped-def]
    n_features, n_orders = mean.shape
    pair = pairs_before(first, n_features) - pairs_before(origin, n_features)
    for i in range(first, last):
        for j in range(i + 1, n_features):
            best = 0.0
            for n in range(n_orders):
                for m in range(n_orders):
                    r = moments[pair, n, m] / n_bins - mean[i, n] * mean[j, m]
                    best = max(best, abs(r) * scale[i, n] * scale[j, m])
            scores[i, j] = scores[j, i] = min(best, 1.0)
            pair += 1


def fill_scores(
    moments: NDArray[np.float64],
    spread: Spread,
    first: int,
    last: int,
    scores: NDArray[np.float32],
    workers: int = 1,
) -> None:
    """Set the scores of features [first, last) with all later ones, in both triangles.

    Parameters
    ----------
    moments : as :func:`block_moments` gives them for the same features
    spread : means and deviations over the same bins
    first, last : features
    scores : float32 (n_features, n_features), written to
    workers : threads
    """

    def part(bounds: tuple[int, int]) -> None:
        _scores_of(*bounds, first, moments, spread.n_bins, spread.mean, spread.scale, scores)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(part, _ranges(first, last)))


def feature_stripes(n_features: int, max_order: int, most_bytes: float) -> list[tuple[int, int]]:
    """Runs [first, last) of features whose moments take at most ``most_bytes``, or one feature."""
    pair_bytes = 8 * (max_order + 1) ** 2
    stripes, first = [], 0
    for feature in range(1, n_features + 1):
        n_pairs = pairs_before(feature, n_features) - pairs_before(first, n_features)
        if n_pairs * pair_bytes > most_bytes and feature - 1 > first:
            stripes.append((first, feature - 1))
            first = feature - 1
    return [*stripes, (first, n_features)]


def block_scores(
    block: TokenBlock,
    levels: Levels,
    max_order: int,
    workers: int = 1,
    progress: Callable[[float, float], None] | None = None,
) -> NDArray[np.float32]:
    """Scores of all pairs of features over the bins of one block.

    float32 (n_features, n_features), symmetric, in [0, 1], diagonal 1. Neither the order of the
    bins nor ``workers`` change a bit.
    """
    spread = Spread.of_block(block, levels, max_order)
    n = block.n_features
    scores = np.eye(n, dtype=np.float32)
    stripes = feature_stripes(n, max_order, _STRIPE_BYTES)
    shapes = [moments_shape(n, max_order, *stripe) for stripe in stripes]
    # Fresh memory for every stripe would cost more than some of the sums.
    memory = np.empty(max(shapes))
    for (first, last), shape in zip(stripes, shapes, strict=True):
        moments = memory[: shape[0]]
        block_moments(block, levels, max_order, first, last, workers, moments)
        fill_scores(moments, spread, first, last, scores, workers)
        if progress is not None:
            progress(pairs_before(last, n), n * (n - 1) / 2)
    return scores
