"""Distinct rows of sparse sets, collected as they stream by: an open-addressing hash table.

Two rows are one word only when all their motif clusters are the same: a hash says where to look,
never what is equal. Memory is about 45 bytes and 2 bytes per motif cluster for each distinct row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_EMPTY = -1
#: A table at most half full keeps chains of occupied slots short.
_LOAD = 0.5


class Words(NamedTuple):
    """Distinct words in order of falling frequency, ties by first occurrence.

    Attributes
    ----------
    first : int64 (n_words + 1,), where each word's motif clusters begin in ``clusters``
    clusters : int16, motif clusters of all words, rising within a word
    frequency : int64 (n_words,)
    rank : int32 (n_words,), new number of the word that was collected i-th
    """

    first: NDArray[np.int64]
    clusters: NDArray[np.int16]
    frequency: NDArray[np.int64]
    rank: NDArray[np.int32]

    def clusters_of(self, word: int) -> NDArray[np.int16]:
        """Motif clusters of one word."""
        return self.clusters[self.first[word] : self.first[word + 1]]


@njit(cache=True, nogil=True)
def _hash(flat, begin, end):  # type: ignore[no-untyped-def]
    """64-bit hash of a row: multiply and fold each cluster in, then mix."""
    state = np.uint64(0x9E3779B97F4A7C15)
    for k in range(begin, end):
        state = (state ^ np.uint64(flat[k] + 1)) * np.uint64(0xFF51AFD7ED558CCD)
        state ^= state >> np.uint64(32)
    return state


@njit(cache=True, nogil=True)
def _insert(indptr, flat, slots, hashes, first, pool, frequency, n_words, out):  # type: ignore[no-untyped-def]
    """Number each row, adding new ones; returns how many distinct rows there are now."""
    mask = np.uint64(len(slots) - 1)
    for row in range(len(indptr) - 1):
        begin, end = indptr[row], indptr[row + 1]
        hashed = _hash(flat, begin, end)
        slot = hashed & mask
        while True:
            word = slots[slot]
            if word == _EMPTY:
                word = n_words
                slots[slot] = word
                hashes[word] = hashed
                at = first[word]
                for k in range(begin, end):
                    pool[at + k - begin] = flat[k]
                first[word + 1] = at + end - begin
                n_words += 1
                break
            if hashes[word] == hashed and first[word + 1] - first[word] == end - begin:
                at = first[word]
                same = True
                for k in range(begin, end):
                    if pool[at + k - begin] != flat[k]:
                        same = False
                        break
                if same:
                    break
            slot = (slot + np.uint64(1)) & mask
        frequency[word] += 1
        out[row] = word
    return n_words


@njit(cache=True, nogil=True)
def _place(hashes, n_words, slots):  # type: ignore[no-untyped-def]
    """Fill an empty table anew; all rows are known to differ."""
    mask = np.uint64(len(slots) - 1)
    for word in range(n_words):
        slot = hashes[word] & mask
        while slots[slot] != _EMPTY:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = word


@njit(cache=True, nogil=True)
def _reorder(order, first, pool, new_first, new_pool):  # type: ignore[no-untyped-def]
    for number in range(len(order)):
        begin, at = first[order[number]], new_first[number]
        for k in range(new_first[number + 1] - at):
            new_pool[at + k] = pool[begin + k]


class DistinctRows:
    """Numbers rows in the order in which they are first seen.

    Examples
    --------
    >>> rows = DistinctRows()
    >>> rows.add(np.array([0, 1, 3, 4]), np.array([7, 2, 5, 7], dtype=np.int16)).tolist()
    [0, 1, 0]
    >>> rows.ranked().frequency.tolist()
    [2, 1]
    """

    def __init__(self) -> None:
        self.n_words = 0
        self._slots = np.full(1 << 12, _EMPTY, dtype=np.int32)
        self._hashes = np.empty(1 << 10, dtype=np.uint64)
        self._frequency = np.zeros(1 << 10, dtype=np.int64)
        self._first = np.zeros((1 << 10) + 1, dtype=np.int64)
        self._pool = np.empty(1 << 12, dtype=np.int16)

    def add(
        self, indptr: NDArray[np.integer], flat: NDArray[np.integer]
    ) -> NDArray[np.int32]:
        """Numbers of further rows, int32 (n_rows,).

        Parameters
        ----------
        indptr : int (n_rows + 1,), from 0
        flat : motif clusters, rising within a row
        """
        n_rows = len(indptr) - 1
        self._reserve(n_rows, len(flat))
        out = np.empty(n_rows, dtype=np.int32)
        self.n_words = int(_insert(
            indptr.astype(np.int64, copy=False), flat.astype(np.int16, copy=False), self._slots,
            self._hashes, self._first, self._pool, self._frequency, self.n_words, out,
        ))
        return out

    def _reserve(self, rows: int, entries: int) -> None:
        words = self.n_words + rows
        if words > len(self._hashes):
            size = max(words, len(self._hashes) * 3 // 2)
            self._hashes = _grown(self._hashes, size)
            self._frequency = _grown(self._frequency, size)
            self._first = _grown(self._first, size + 1)
        used = int(self._first[self.n_words])
        if used + entries > len(self._pool):
            self._pool = _grown(self._pool, max(used + entries, len(self._pool) * 3 // 2))
        size = len(self._slots)
        while words > size * _LOAD:
            size *= 2
        if size > len(self._slots):
            self._slots = np.full(size, _EMPTY, dtype=np.int32)
            _place(self._hashes, self.n_words, self._slots)

    def ranked(self) -> Words:
        """All rows in order of falling frequency, ties by first occurrence."""
        n = self.n_words
        first, frequency = self._first[: n + 1], self._frequency[:n]
        order = np.argsort(-frequency, kind="stable")
        new_first = np.concatenate([[0], np.cumsum(np.diff(first)[order])]).astype(np.int64)
        clusters = np.empty(int(first[n]), dtype=np.int16)
        _reorder(order, first, self._pool, new_first, clusters)
        rank = np.empty(n, dtype=np.int32)
        rank[order] = np.arange(n, dtype=np.int32)
        return Words(new_first, clusters, frequency[order], rank)


def _grown(array: NDArray, size: int) -> NDArray:
    grown = np.zeros(size, dtype=array.dtype)
    grown[: len(array)] = array
    return grown
