"""Tokens laid out for joint counts: which bins hold which value of which feature.

A feature takes few values, covered bases / width. A value that occurs is an item; for each item
the bins that hold it are listed, and for each bin its items, so that the meetings of an item with
later ones are read as stretches of one array.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.errors import StageError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Levels:
    """The values that each feature can take.

    Parameters
    ----------
    first : int64 (n_features + 1,); level k of feature f has the number ``first[f] + k``
    value : float64 (first[-1],), the feature value of each level
    """

    first: NDArray[np.int64]
    value: NDArray[np.float64]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.first) - 1

    @classmethod
    def of_counts(cls, widths: NDArray[np.integer], largest: int) -> Levels:
        """Levels of covered bases 0 .. ``largest``: level k of a feature is k / width."""
        first = np.arange(len(widths) + 1, dtype=np.int64) * (largest + 1)
        value = np.arange(largest + 1) / np.asarray(widths, dtype=np.float64)[:, None]
        return cls(first, value.ravel())


def split_levels(values: csr_matrix) -> tuple[Levels, csr_matrix]:
    """The distinct values of each column, and the matrix with each value's level in its place.

    Parameters
    ----------
    values : CSR float (n_bins, n_features), non-negative; zeros need not be stored

    Raises
    ------
    StageError
        When a value is negative or not finite.
    """
    from scipy.sparse import csr_matrix

    rows = values.tocsr().astype(np.float64)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    if rows.nnz and not (np.isfinite(rows.data).all() and rows.data.min() > 0):
        raise StageError(
            "a feature value is negative or not a number; interdependence needs values of 0 and "
            "above, such as covered bases / width"
        )
    order = np.lexsort((rows.data, rows.indices))
    feature, value = rows.indices[order], rows.data[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (feature[1:] != feature[:-1]) | (value[1:] != value[:-1])
    size = np.bincount(feature[new], minlength=values.shape[1])
    first = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    level = np.empty(len(order), dtype=np.int64)
    level[order] = np.cumsum(new) - 1 - first[feature]
    return Levels(first, value[new]), csr_matrix(
        (level, rows.indices, rows.indptr), shape=values.shape
    )


def level_counts(tokens: csr_matrix, levels: Levels) -> NDArray[np.int64]:
    """Bins that hold each level, int64 (n_levels,), of a CSR matrix of levels."""
    return np.bincount(
        levels.first[tokens.indices] + tokens.data, minlength=len(levels.value)
    )


@dataclass(frozen=True)
class TokenBlock:
    """Bins with their tokens laid out for joint counts.

    An item is a level of a feature that occurs in the block; items are numbered by feature, then
    level. An entry is one bin's holding one item; entries are sorted by item. What a bin holds
    behind an entry is a stretch of ``bin_items``.

    Parameters
    ----------
    bin_first : int64 (n_bins + 1,), first place of each bin in ``bin_items``
    bin_items : uint16 or uint32 (n_entries,), items of each bin, increasing, bin after bin
    feature_item : int64 (n_features + 1,), first item of each feature
    item_level : int64 (n_items,), number of each item's level in :class:`Levels`
    item_entry : int64 (n_items + 1,), first entry of each item
    entry_next : uint32 or uint64 (n_entries,), place in ``bin_items`` behind the entry's own
    entry_left : uint16 or uint32 (n_entries,), items of the bin from there on
    """

    bin_first: NDArray[np.int64]
    bin_items: NDArray[np.unsignedinteger]
    feature_item: NDArray[np.int64]
    item_level: NDArray[np.int64]
    item_entry: NDArray[np.int64]
    entry_next: NDArray[np.unsignedinteger]
    entry_left: NDArray[np.unsignedinteger]

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.bin_first) - 1

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.feature_item) - 1

    @classmethod
    def of(cls, tokens: csr_matrix, levels: Levels) -> TokenBlock:
        """Lay out a CSR matrix (n_bins, n_features) of levels, none of them stored as 0."""
        tokens = tokens if tokens.has_sorted_indices else tokens.sorted_indices()
        feature, level = tokens.indices, tokens.data
        begin = _level_begins(feature, level, levels.first)
        item_level = np.flatnonzero(np.diff(begin))
        bin_first = tokens.indptr.astype(np.int64)
        bin_items, entry_next, entry_left = _blank(len(feature), len(item_level), levels.n_features)
        item = np.empty(len(begin), dtype=bin_items.dtype)
        item[item_level] = np.arange(len(item_level))
        _lay_out(
            bin_first, feature, level, levels.first, begin[:-1].copy(), item,
            bin_items, entry_next, entry_left,
        )
        return cls(
            bin_first, bin_items, np.searchsorted(item_level, levels.first), item_level,
            np.append(begin[item_level], len(feature)), entry_next, entry_left,
        )

    @cached_property
    def entry_bin(self) -> NDArray[np.int64]:
        """int64 (n_entries,), the bin of each entry."""
        bins = np.repeat(np.arange(self.n_bins), np.diff(self.bin_first))
        return bins[self.entry_next - 1]

    def rotated(self, shifts: NDArray[np.integer]) -> TokenBlock:
        """The block with the bins of feature f rotated by ``shifts[f]`` in [0, n_bins)."""
        sizes = np.diff(self.item_entry[self.feature_item])
        moved = self.entry_bin + np.repeat(shifts, sizes)
        moved[moved >= self.n_bins] -= self.n_bins
        bin_first = np.concatenate(
            [[0], np.cumsum(np.bincount(moved, minlength=self.n_bins))]
        )
        blank = _blank(len(moved), len(self.item_level), self.n_features)
        _link(self.item_entry, moved, bin_first, *blank)
        bin_items, entry_next, entry_left = blank
        return replace(
            self, bin_first=bin_first, bin_items=bin_items, entry_next=entry_next,
            entry_left=entry_left,
        )

    def add_level_counts(self, counts: NDArray[np.int64]) -> None:
        """Add to ``counts``, int64 (n_levels,), the bins that hold each level."""
        counts[self.item_level] += np.diff(self.item_entry)


def _blank(
    n_entries: int, n_items: int, n_features: int
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]:
    """Empty ``bin_items``, ``entry_next`` and ``entry_left``, as narrow as they can be."""
    return (
        np.empty(n_entries, dtype=np.uint16 if n_items <= 1 << 16 else np.uint32),
        np.empty(n_entries, dtype=np.uint32 if n_entries < 1 << 32 else np.uint64),
        np.empty(n_entries, dtype=np.uint16 if n_features <= 1 << 16 else np.uint32),
    )


@njit(cache=True, nogil=True)
def _level_begins(feature, level, first):  # type: ignore[no-untyped-def]
    """First entry of each level, int64 (n_levels + 1,)."""
    begin = np.zeros(first[-1] + 1, dtype=np.int64)
    for p in range(len(feature)):
        begin[first[feature[p]] + np.int64(level[p]) + 1] += 1
    for k in range(first[-1]):
        begin[k + 1] += begin[k]
    return begin


@njit(cache=True, nogil=True)
def _lay_out(  # type: ignore[no-untyped-def]
    bin_first, feature, level, first, begin, item, bin_items, entry_next, entry_left
):
    """Fill ``bin_items`` and the entries from the rows; ``begin`` moves on as they fill."""
    for row in range(len(bin_first) - 1):
        end = bin_first[row + 1]
        for p in range(bin_first[row], end):
            k = first[feature[p]] + np.int64(level[p])
            entry = begin[k]
            begin[k] = entry + 1
            bin_items[p] = item[k]
            entry_next[entry] = p + 1
            entry_left[entry] = end - p - 1


@njit(cache=True, nogil=True)
def _link(item_entry, entry_bin, bin_first, bin_items, entry_next, entry_left):  # type: ignore[no-untyped-def]
    """Fill ``bin_items`` and the entries from the bin of each entry."""
    place = bin_first[:-1].copy()
    for item in range(len(item_entry) - 1):
        for entry in range(item_entry[item], item_entry[item + 1]):
            row = entry_bin[entry]
            here = place[row]
            place[row] = here + 1
            bin_items[here] = item
            entry_next[entry] = here + 1
            entry_left[entry] = bin_first[row + 1] - here - 1
