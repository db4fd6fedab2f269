"""Tables of the motif scanner: which features a 10-mer can still belong to, and what is left."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Measured from 8 to 10: 0.64, 0.71, 0.45 s/Mb. The table of 10 takes 40 MB, of 11 it would 110.
K = 10
N_KMERS = 4**K
GROUP = 4


def best_block(scores: NDArray[np.int32]) -> int:
    """Start of the consecutive columns that lose most when they do not match."""
    if len(scores) <= K:
        return 0
    loss = (scores.max(axis=1)[:, None] - scores).sum(axis=1)
    return int(np.convolve(loss, np.ones(K, dtype=np.int64), mode="valid").argmax())


def column_groups(scores: NDArray[np.int32], begin: int, end: int) -> list[tuple[int, int]]:
    """Columns outside ``[begin, end)`` in groups of at most four, best-informed first."""
    groups = [
        (a, min(a + GROUP, stop))
        for start, stop in ((0, begin), (end, len(scores)))
        for a in range(start, stop, GROUP)
    ]
    return sorted(groups, key=lambda g: -int(np.ptp(scores[g[0] : g[1]], axis=1).sum()))


def group_scores(scores: NDArray[np.int32]) -> NDArray[np.int32]:
    """Score of every 4-mer over at most four columns; missing columns score 0."""
    table = np.zeros(1, dtype=np.int32)
    for column in range(GROUP):
        row = scores[column] if column < len(scores) else np.zeros(4, dtype=np.int32)
        table = (table[:, None] + row[None, :]).ravel()
    return table


def reachable(
    scores: NDArray[np.int32], need: int
) -> tuple[NDArray[np.int32], NDArray[np.int16]]:
    """10-mers that score at least ``need`` over at most ten columns, rising, and their scores.

    Prefixes that can no longer reach it are dropped column by column; missing columns score 0.
    """
    rows: NDArray[np.int32] = np.zeros((K, 4), dtype=np.int32)
    rows[: len(scores)] = scores
    best_after = np.append(np.cumsum(rows.max(axis=1)[::-1])[::-1], 0)
    kmer: NDArray[np.int32] = np.zeros(1, dtype=np.int32)
    score: NDArray[np.int32] = np.zeros(1, dtype=np.int32)
    letters = np.arange(4, dtype=np.int32)
    for column in range(K):
        score = (score[:, None] + rows[column]).ravel()
        kmer = np.add.outer(kmer * 4, letters).ravel()
        kept = score + best_after[column + 1] >= need
        kmer, score = kmer[kept], score[kept]
    return kmer, score.astype(np.int16)


@njit(cache=True)
def by_kmer(kmers, partials, sizes):  # type: ignore[no-untyped-def]
    """Entries of all features, each feature's in turn, as lists by 10-mer (a counting sort)."""
    first = np.zeros(N_KMERS + 1, dtype=np.int32)
    for kmer in kmers:
        first[kmer + 1] += 1
    for k in range(N_KMERS):
        first[k + 1] += first[k]
    at = first[:-1].copy()
    feature = np.empty(len(kmers), dtype=np.uint16)
    partial = np.empty(len(kmers), dtype=np.int16)
    i = 0
    for f in range(len(sizes)):
        for _ in range(sizes[f]):
            place = at[kmers[i]]
            at[kmers[i]] += 1
            feature[place] = f
            partial[place] = partials[i]
            i += 1
    return first, feature, partial
