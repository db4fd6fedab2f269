"""Motif scanning: every profile on both strands, exact, without ever storing a hit.

A hit of a profile needs its best-informed 10 columns to score well, so a table from each of the
1,048,576 10-mers to the features that it can still belong to (with the score of those columns)
leaves about 9 of 1,682 features to look at per base. The rest of each is scored four columns at a
time, best-informed first, and given up as soon as the threshold is out of reach. All scores are
integers, so nothing is approximate and windows, threads and order change no result.

Two consumers share the walk: :func:`depth_window` counts the features covering each base, and
:func:`count_window` the bases that each feature covers in each bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.errors import InputError
from precompute.motifs import Profile
from precompute.scan_tables import (
    N_KMERS,
    K,
    best_block,
    by_kmer,
    column_groups,
    group_scores,
    reachable,
)


@dataclass(frozen=True)
class Scanner:
    """Compiled motif features.

    Attributes
    ----------
    width : int32 (n_motif_features,), bp
    offset : int32 (n_motif_features,), column at which the 10-mer block begins
    first : int32 (4**10 + 1,), entries of each 10-mer in ``feature`` and ``partial``
    feature : uint16 (n_entries,), rising within a 10-mer
    partial : int16 (n_entries,), score of the block
    group_first : int32 (n_motif_features + 1,), groups of up to four columns outside the block
    group_column : int32 (n_groups,), first column of each, best-informed groups first
    group_need : int32 (n_groups,), least score after the group that can still reach the threshold
    group_score : int16 (n_groups, 256), score of each 4-mer
    """

    width: NDArray[np.int32]
    offset: NDArray[np.int32]
    first: NDArray[np.int32]
    feature: NDArray[np.uint16]
    partial: NDArray[np.int16]
    group_first: NDArray[np.int32]
    group_column: NDArray[np.int32]
    group_need: NDArray[np.int32]
    group_score: NDArray[np.int16]

    @property
    def halo(self) -> int:
        """Bases to look at on either side of a window."""
        return int(self.width.max()) + K

    @property
    def n_features(self) -> int:
        """Motif features and the two CpG features."""
        return len(self.width) + 2

    def depth_window(
        self, codes: NDArray[np.uint8], lo: int, hi: int
    ) -> NDArray[np.uint16]:
        """See :func:`depth_window`."""
        return depth_window(self, codes, lo, hi)

    def count_window(
        self, codes: NDArray[np.uint8], edges: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.unsignedinteger]]:
        """See :func:`count_window`."""
        return count_window(self, codes, edges)

    def _tables(self) -> tuple[NDArray, ...]:
        return (
            self.width, self.offset, self.first, self.feature, self.partial, self.group_first,
            self.group_column, self.group_need, self.group_score,
        )


def compile_scanner(profiles: list[Profile]) -> Scanner:
    """Build the tables for ``profiles``; feature 2 i is profile i on '+', 2 i + 1 on '-'.

    Raises
    ------
    InputError
        When the scores of a profile do not fit the tables' 16 bits.
    """
    strands = []
    for profile in profiles:
        if np.abs(profile.scores).max(axis=1).sum() > np.iinfo(np.int16).max:
            raise InputError(
                f"the profile {profile.profile_id} has scores beyond 16 bits "
                f"({profile.width} columns down to {int(profile.scores.min())}); its counts are "
                "too large or it is too wide to be a motif, so remove it"
            )
        strands += [profile.scores, profile.scores[::-1, ::-1]]
    thresholds = np.repeat([profile.threshold for profile in profiles], 2)
    width = np.array([len(scores) for scores in strands], dtype=np.int32)
    offset = np.array([best_block(scores) for scores in strands], dtype=np.int32)
    group_first = np.zeros(len(strands) + 1, dtype=np.int32)
    columns: list[int] = []
    needs: list[int] = []
    tables: list[NDArray[np.int32]] = []
    kmers, partials = [], []
    for f, scores in enumerate(strands):
        begin, end = int(offset[f]), min(int(offset[f]) + K, len(scores))
        groups = column_groups(scores, begin, end)
        best = np.array([scores[a:b].max(axis=1).sum() for a, b in groups], dtype=np.int64)
        best_after = np.append(np.cumsum(best[::-1])[::-1], 0)
        columns += [a for a, _ in groups]
        needs += (thresholds[f] - best_after[1:]).tolist()
        tables += [group_scores(scores[a:b]) for a, b in groups]
        group_first[f + 1] = len(columns)
        kmer, partial = reachable(scores[begin:end], int(thresholds[f] - best_after[0]))
        kmers.append(kmer)
        partials.append(partial)
    first, feature, partial = by_kmer(
        np.concatenate(kmers), np.concatenate(partials),
        np.array([len(kmer) for kmer in kmers], dtype=np.int64),
    )
    # A profile list without columns outside the blocks still needs one row to index.
    score = np.stack(tables or [np.zeros(256, dtype=np.int32)]).astype(np.int16)
    return Scanner(
        width, offset, first, feature, partial, group_first,
        np.array(columns, dtype=np.int32), np.array(needs, dtype=np.int32), score,
    )


@njit(cache=True, nogil=True)
def _four_mers(codes):  # type: ignore[no-untyped-def]
    """4-mer beginning at each position; unknown letters and what lies beyond the end are A."""
    four = np.zeros(len(codes), dtype=np.uint8)
    code = 0
    for i in range(len(codes) - 1, -1, -1):
        base = codes[i] if codes[i] < 4 else 0
        code = (code >> 2) | (base << 6)
        four[i] = code
    return four


@njit(cache=True, nogil=True)
def _known_runs(codes):  # type: ignore[no-untyped-def]
    """Known bases in a row from each position on, at most 255."""
    n = len(codes)
    runs = np.zeros(n + 1, dtype=np.uint8)
    for i in range(n - 1, -1, -1):
        runs[i] = 0 if codes[i] > 3 else min(255, runs[i + 1] + 1)
    return runs


@njit(cache=True, nogil=True)
def _hits(  # type: ignore[no-untyped-def]
    codes, four, runs, last_end, out_feature, out_start, out_end, p_from, p_to, width, offset,
    first, feature, partial, group_first, group_column, group_need, group_score,
):
    """Newly covered stretches [start, end) per feature for 10-mers starting in [p_from, p_to).

    Returns the number of stretches written and the position reached: the walk stops early when
    the buffers are nearly full.
    """
    n = len(codes)
    count = 0
    room = len(out_feature) - len(width)
    code = 0
    mask = N_KMERS - 1
    for i in range(p_from, p_from + K - 1):
        base = codes[i] if i < n and codes[i] < 4 else 0
        code = (code << 2 | base) & mask
    for p in range(p_from, p_to):
        last = p + K - 1
        base = codes[last] if last < n and codes[last] < 4 else 0
        code = (code << 2 | base) & mask
        for entry in range(first[code], first[code + 1]):
            f = feature[entry]
            start = p - offset[f]
            if start < 0 or runs[start] < width[f]:
                continue
            score = np.int32(partial[entry])
            passed = True
            for g in range(group_first[f], group_first[f + 1]):
                score += group_score[g, four[start + group_column[g]]]
                if score < group_need[g]:
                    passed = False
                    break
            if passed:
                end = start + width[f]
                out_feature[count] = f
                out_start[count] = max(start, last_end[f])
                out_end[count] = end
                last_end[f] = end
                count += 1
        if count > room:
            return count, p + 1
    return count, p_to


@njit(cache=True, nogil=True)
def add_depth(diff, feature, start, end, count, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(count):
        a, b = max(start[i], lo), min(end[i], hi)
        if a < b:
            diff[a - lo] += 1
            diff[b - lo] -= 1


@njit(cache=True, nogil=True)
def add_counts(counts, bin_of, edges, feature, start, end, count, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(count):
        a, b = max(start[i], lo), min(end[i], hi)
        while a < b:
            k = bin_of[a - lo]
            stop = min(b, edges[k + 1])
            counts[k, feature[i]] += stop - a
            a = stop


@njit(cache=True, nogil=True)
def add_cpg(counts, codes, bin_of, lo, hi, column):  # type: ignore[no-untyped-def]
    n = len(codes)
    for i in range(lo, hi):
        in_cpg = (codes[i] == 1 and i + 1 < n and codes[i + 1] == 2) or (
            codes[i] == 2 and i > 0 and codes[i - 1] == 1
        )
        if in_cpg:
            counts[bin_of[i - lo], column] += 1
            counts[bin_of[i - lo], column + 1] += 1


@njit(cache=True, nogil=True)
def to_csr(counts):  # type: ignore[no-untyped-def]
    n_bins, n_features = counts.shape
    indptr = np.zeros(n_bins + 1, dtype=np.int64)
    for k in range(n_bins):
        row = counts[k]
        total = 0
        for f in range(n_features):
            total += row[f] != 0
        indptr[k + 1] = indptr[k] + total
    indices = np.empty(indptr[n_bins], dtype=np.uint16)
    data = np.empty(indptr[n_bins], dtype=counts.dtype)
    at = 0
    for k in range(n_bins):
        row = counts[k]
        for f in range(n_features):
            if row[f] != 0:
                indices[at] = f
                data[at] = row[f]
                at += 1
    return indptr, indices, data


_BUFFER = 1 << 16


class _Walk:
    """Iterates over the hits that touch ``[lo, hi)``, in buffers, merged per feature."""

    def __init__(self, scanner: Scanner, codes: NDArray[np.uint8], lo: int, hi: int) -> None:
        # A hit that touches the window starts at most one width before it; its block starts at
        # most that far after the start.
        self._from = max(0, lo - scanner.halo)
        self._to = min(len(codes), hi + scanner.halo)
        self._scanner, self._codes = scanner, codes
        self._runs = _known_runs(codes)
        self._four = _four_mers(codes)
        self._last_end = np.zeros(len(scanner.width), dtype=np.int64)
        size = _BUFFER + len(scanner.width)
        self.feature = np.empty(size, dtype=np.uint16)
        self.start = np.empty(size, dtype=np.int64)
        self.end = np.empty(size, dtype=np.int64)
        self.count = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        at = self._from
        while at < self._to:
            self.count, at = _hits(
                self._codes, self._four, self._runs, self._last_end, self.feature, self.start,
                self.end, at, self._to, *self._scanner._tables(),
            )
            yield self


def depth_window(
    scanner: Scanner, codes: NDArray[np.uint8], lo: int, hi: int
) -> NDArray[np.uint16]:
    """Motif features with a hit over each base of ``[lo, hi)``.

    Parameters
    ----------
    scanner : compiled profiles
    codes : uint8 (n,), sequence that reaches at least ``scanner.halo`` beyond the window, or ends
    lo, hi : window, positions in ``codes``

    Returns
    -------
    uint16 (hi - lo,); the CpG features are not counted, they are no profiles.
    """
    diff = np.zeros(hi - lo + 1, dtype=np.int32)
    for walk in _Walk(scanner, codes, lo, hi):
        add_depth(diff, walk.feature, walk.start, walk.end, walk.count, lo, hi)
    return np.cumsum(diff[:-1]).astype(np.uint16)


def count_window(
    scanner: Scanner, codes: NDArray[np.uint8], edges: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.unsignedinteger]]:
    """Bases of each bin that each feature covers, as CSR arrays.

    Parameters
    ----------
    scanner : compiled profiles
    codes : uint8 (n,), sequence that reaches at least ``scanner.halo`` beyond the bins, or ends
    edges : int64 (n_bins + 1,), bin edges as positions in ``codes``

    Returns
    -------
    indptr : int64 (n_bins + 1,)
    indices : uint16 (nnz,), feature; the last two features are CpG
    counts : uint8 (nnz,), or uint16 when a bin is longer than 255 bp
    """
    lo, hi = int(edges[0]), int(edges[-1])
    lengths = np.diff(edges)
    dtype = np.uint8 if lengths.max(initial=0) <= 255 else np.uint16
    counts = np.zeros((len(edges) - 1, scanner.n_features), dtype=dtype)
    bin_of = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    for walk in _Walk(scanner, codes, lo, hi):
        add_counts(
            counts, bin_of, edges, walk.feature, walk.start, walk.end, walk.count, lo, hi
        )
    add_cpg(counts, codes, bin_of, lo, hi, len(scanner.width))
    return to_csr(counts)


def find_hits(
    scanner: Scanner, codes: NDArray[np.uint8]
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """All hits of a short sequence as (feature, start), for checks and live views.

    Nothing in the pipeline calls this: a genome has about four hits per base.
    """
    features, starts = [], []
    for walk in _Walk(scanner, codes, 0, len(codes)):
        features.append(walk.feature[: walk.count].copy())
        starts.append(walk.end[: walk.count] - scanner.width[features[-1]])
    feature = np.concatenate(features) if features else np.empty(0, dtype=np.uint16)
    start = np.concatenate(starts) if starts else np.empty(0, dtype=np.int64)
    return feature, start
