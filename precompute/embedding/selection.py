"""Which bins go on the map: those whose word is neither rare nor everywhere, subsampled.

All of the sampling follows one random order of the candidates, so a larger sample holds the
smaller one, and the points that the map is fitted to do not depend on how many are placed later.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.errors import StageError


class Selection(NamedTuple):
    """Bins of the map.

    ``chosen`` int64 (n_points,), rising indices of bins; ``is_fitted`` bool (n_points,);
    ``n_candidates`` bins there were to choose from; ``word_cap`` most fitted points that a word
    has, 0 when the sample is uniform.
    """

    chosen: NDArray[np.int64]
    is_fitted: NDArray[np.bool_]
    n_candidates: int
    word_cap: int


def water_level(sizes: NDArray[np.integer], total: int) -> tuple[int, int]:
    """Largest cap such that ``sum(min(size, cap)) <= total``, and what is left over.

    Every stratum gives all it has up to the cap, so small strata are whole and large ones share
    the rest equally. Less is left over than there are strata above the cap.

    Examples
    --------
    >>> water_level(np.array([100, 50, 3]), 43)
    (20, 0)
    """
    ordered = np.sort(np.asarray(sizes, dtype=np.int64))
    if int(ordered.sum()) <= total:
        return int(ordered[-1]), 0
    before = np.concatenate([[0], np.cumsum(ordered)[:-1]])
    more = len(ordered) - np.arange(len(ordered))
    # With a cap of ordered[i], strata before i are whole and the others give the cap each.
    enough = np.flatnonzero(before + ordered * more > total)[0]
    cap = (total - int(before[enough])) // int(more[enough])
    return cap, total - int(before[enough]) - cap * int(more[enough])


def _stratified(word: NDArray[np.int32], order: NDArray[np.intp], total: int) -> NDArray[np.bool_]:
    """The first of each word in ``order``, as many as the water level says."""
    _, stratum, sizes = np.unique(word, return_inverse=True, return_counts=True)
    cap, left = water_level(sizes, total)
    quota = np.minimum(sizes, cap)
    # Words are numbered by falling frequency: the most frequent ones take what is left over.
    quota[np.flatnonzero(sizes > cap)[:left]] += 1
    by_word = order[np.argsort(stratum[order], kind="stable")]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.empty(len(word), dtype=np.int64)
    rank[by_word] = np.arange(len(word)) - np.repeat(first, sizes)
    return rank < quota[stratum]


def _uniform(word: NDArray[np.int32], order: NDArray[np.intp], total: int) -> NDArray[np.bool_]:
    """The first ``total`` in ``order``."""
    is_in = np.zeros(len(word), dtype=bool)
    is_in[order[:total]] = True
    return is_in


def select_points(
    word: NDArray[np.int32],
    frequency: NDArray[np.int64],
    is_empty: NDArray[np.bool_],
    min_frequency: int,
    max_frequency: int,
    max_points: int,
    least: int,
    rng: np.random.Generator,
    sampling: str = "uniform",
    placed_points: int = 0,
) -> Selection:
    """Choose the bins of the map.

    Parameters
    ----------
    word : int32 (n_bins,), word of each bin
    frequency : int64 (n_words,), bins with each word
    is_empty : bool (n_words,), words without a motif, never chosen
    min_frequency, max_frequency : words kept, both ends included
    max_points : bins that the map is fitted to
    least : points that the later steps need
    sampling : 'uniform' over bins, or 'stratified' by word, see :func:`water_level`
    placed_points : further bins, placed on the fitted map

    Raises
    ------
    StageError
        When the floor and ceiling leave no word, or fewer bins than ``least``.
    """
    kept = (frequency >= min_frequency) & (frequency <= max_frequency) & ~is_empty
    candidates = np.flatnonzero(kept[word])
    if len(candidates) == 0:
        most = int(frequency[~is_empty].max(initial=0))
        raise StageError(
            f"no word has a frequency between {min_frequency:,} and {max_frequency:,} (the most "
            f"frequent one occurs {most:,} times); lower embedding.min_frequency"
        )
    if len(candidates) < least:
        raise StageError(
            f"only {len(candidates):,} bins have a word with a frequency between "
            f"{min_frequency:,} and {max_frequency:,}, the map needs at least {least:,}; lower "
            "embedding.min_frequency, pca_components or umap_neighbors"
        )
    order = rng.permutation(len(candidates))
    words = word[candidates]
    choose = _stratified if sampling == "stratified" else _uniform
    fitted = choose(words, order, max_points)
    on_map = choose(words, order, max_points + placed_points) if placed_points else fitted
    cap = int(np.bincount(words[fitted]).max()) if sampling == "stratified" else 0
    return Selection(candidates[on_map], fitted[on_map], len(candidates), cap)
