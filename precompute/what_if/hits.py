"""Motif hits of a window that is edited: taken away, added, found again around changed bases.

A window of 20 kb has about 80,000 hits, which fit in memory; what they cover is worked out only
where something has changed. Hits of one feature that overlap count every base once, as in
:mod:`precompute.scan`, so a window without an edit has the very depth and counts of a run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.scan import Scanner, add_counts, add_cpg, find_hits


class Hits(NamedTuple):
    """Hits in the order of their start and then their feature.

    Attributes
    ----------
    feature : int32 (n,), number of the profile and strand
    start : int64 (n,), position in the window
    """

    feature: NDArray[np.int32]
    start: NDArray[np.int64]

    def take(self, chosen: NDArray | slice) -> Hits:
        """The chosen hits: a mask, indices or a slice."""
        return Hits(self.feature[chosen], self.start[chosen])


class Covered(NamedTuple):
    """Stretches that features cover, every base of a feature once; uint16, int64, int64 (n,)."""

    feature: NDArray[np.uint16]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


def scan(scanner: Scanner, codes: NDArray[np.uint8]) -> Hits:
    """All hits that lie in a sequence."""
    feature, start = find_hits(scanner, codes)
    return ordered(feature.astype(np.int32), start.astype(np.int64))


def ordered(feature: NDArray[np.int32], start: NDArray[np.int64]) -> Hits:
    """Hits in their order."""
    order = np.lexsort((feature, start))
    return Hits(feature[order], start[order])


def joined(*parts: Hits) -> Hits:
    """Hits of several sets, each once."""
    feature = np.concatenate([part.feature for part in parts])
    start = np.concatenate([part.start for part in parts])
    hits = ordered(feature, start)
    if not len(hits.start):
        return hits
    same = (np.diff(hits.start) == 0) & (np.diff(hits.feature) == 0)
    return hits.take(np.concatenate([[True], ~same]))


def rescan(
    scanner: Scanner, hits: Hits, codes: NDArray[np.uint8], lo: int, old_hi: int, new_hi: int
) -> Hits:
    """Hits after the bases ``[lo, old_hi)`` became ``[lo, new_hi)`` of ``codes``.

    Hits that do not touch the change stay as they were, whether the scan made them or an edit
    took them away.
    """
    widest, step = int(scanner.width.max()), new_hi - old_hi
    # Hits that may touch the change lie together; what comes before and after stays whole.
    near = slice(*np.searchsorted(hits.start, [lo - widest, old_hi]).tolist())
    close = hits.take(near)
    # Equal ends are a cut between two bases, which only what spans it touches.
    kept = close.take(close.start + scanner.width[close.feature] <= lo)
    first = max(0, lo - widest + 1)
    found = scan(scanner, codes[first : min(len(codes), new_hi + widest - 1)])
    start = found.start + first
    fresh = (start < new_hi) & (start + scanner.width[found.feature] > lo)
    middle = joined(kept, Hits(found.feature[fresh], start[fresh]))
    return Hits(
        np.concatenate([hits.feature[: near.start], middle.feature, hits.feature[near.stop :]]),
        np.concatenate([
            hits.start[: near.start], middle.start, hits.start[near.stop :] + step
        ]),
    )


def covered(scanner: Scanner, hits: Hits, lo: int, hi: int) -> Covered:
    """What the hits that touch ``[lo, hi)`` cover, as far as the others of their feature leave."""
    widest = int(scanner.width.max())
    first = int(np.searchsorted(hits.start, lo - widest, side="right"))
    last = int(np.searchsorted(hits.start, hi, side="left"))
    feature, start = hits.feature[first:last], hits.start[first:last]
    order = np.argsort(feature, kind="stable")
    feature, start = feature[order], start[order]
    end = start + scanner.width[feature]
    begin = start.copy()
    if len(start):
        before = np.concatenate([[0], end[:-1]])
        is_same = np.concatenate([[False], feature[1:] == feature[:-1]])
        begin = np.where(is_same, np.maximum(start, before), start)
    kept = end > lo
    return Covered(feature[kept].astype(np.uint16), begin[kept], end[kept])


def depth_between(scanner: Scanner, hits: Hits, lo: int, hi: int) -> NDArray[np.uint16]:
    """Features with a hit over each base of ``[lo, hi)``."""
    part = covered(scanner, hits, lo, hi)
    begins = np.clip(part.start, lo, hi) - lo
    ends = np.clip(part.end, lo, hi) - lo
    steps = np.bincount(begins, minlength=hi - lo + 1) - np.bincount(ends, minlength=hi - lo + 1)
    return np.cumsum(steps[:-1]).astype(np.uint16)


def counts_between(
    scanner: Scanner, hits: Hits, codes: NDArray[np.uint8], edges: NDArray[np.int64]
) -> NDArray[np.unsignedinteger]:
    """Bases of each bin that each feature covers: (bins, features), the last two are CpG."""
    lo, hi = int(edges[0]), int(edges[-1])
    lengths = np.diff(edges)
    dtype = np.uint8 if lengths.max(initial=0) <= 255 else np.uint16
    counts = np.zeros((len(lengths), scanner.n_features), dtype=dtype)
    bin_of = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    part = covered(scanner, hits, lo, hi)
    add_counts(counts, bin_of, edges, part.feature, part.start, part.end, len(part.start), lo, hi)
    add_cpg(counts, codes, bin_of, lo, hi, len(scanner.width))
    return counts
