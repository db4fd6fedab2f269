"""Stored arrays as a genome browser needs them: windows from the store, widths from pyramids.

No array of a chromosome is held whole. Windows are read through a cache of blocks whose memory is
bounded, and what is too wide to be read for one picture is reduced once: to means, to moments of
two signals, or to counts, per cell of a fixed number of entries.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.recently_used import RecentlyUsed

#: Memory that the blocks of all arrays may take.
CACHE_MB = 384

#: Entries in a cell of one level of a pyramid beside those in a cell of the level below.
_STEP = 4

#: Entries that are read at a time to make a pyramid.
_STREAMED = 1 << 20

Read = Callable[[int, int], NDArray]


def block_cache(limit_mb: float = CACHE_MB) -> RecentlyUsed:
    """Blocks of any number of arrays, of at most ``limit_mb`` together."""
    return RecentlyUsed(limit_mb * 2**20, lambda block: block.nbytes)


class StoredArray:
    """A one-dimensional array that is read by window.

    Parameters
    ----------
    cache : keeps the blocks
    name : tells the array from the others of the cache
    read : ``read(lo, hi)`` gives the entries [lo, hi)
    length : number of entries
    block : entries read at a time
    """

    def __init__(
        self, cache: RecentlyUsed, name: Hashable, read: Read, length: int, block: int = 1 << 18
    ) -> None:
        self._cache, self._name, self._read = cache, name, read
        self.length, self._block = length, block

    def window(self, lo: int, hi: int) -> NDArray:
        """Entries [lo, hi) as far as there are any; read-only."""
        lo, hi = max(0, lo), min(hi, self.length)
        first, last = lo // self._block, max(-(-hi // self._block), lo // self._block + 1)
        parts = []
        for number in range(first, last):
            at = number * self._block
            block = self._cache.get((self._name, number), self._reader(at))
            parts.append(block[max(lo - at, 0) : max(hi - at, 0)])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _reader(self, at: int) -> Callable[[], NDArray]:
        def read() -> NDArray:
            block = np.ascontiguousarray(self._read(at, min(at + self._block, self.length)))
            block.setflags(write=False)
            return block

        return read

    def streamed(self, lo: int, hi: int) -> NDArray:
        """Entries [lo, hi), not kept: for passes over the whole array."""
        return self._read(lo, min(hi, self.length))


def _known_sums(values: NDArray, size: int) -> NDArray[np.float64]:
    """float64 (2, cells): sum of the measured ones of each ``size`` values, and their number."""
    firsts = np.arange(0, len(values), size)
    if values.dtype.kind != "f" or np.isfinite(values).all():
        counts = np.minimum(firsts + size, len(values)) - firsts
        return np.stack([np.add.reduceat(values, firsts, dtype=np.float64), counts])
    known = np.isfinite(values)
    both = (np.where(known, values, 0), known)
    return np.stack([np.add.reduceat(v, firsts, dtype=np.float64) for v in both])


class Level(NamedTuple):
    """Means per cell of ``size`` entries, NaN where none is measured; the last cell may hold
    fewer."""

    size: int
    means: NDArray[np.float32]


class Means:
    """A pyramid of means over a stored array.

    Parameters
    ----------
    array : the entries
    size : entries in a cell of the lowest level
    """

    def __init__(self, array: StoredArray, size: int) -> None:
        self.array, self._size = array, size

    @cached_property
    def levels(self) -> list[Level]:
        """From fine to coarse, each a quarter of the one below."""
        step = max(1, _STREAMED // self._size) * self._size
        parts = [
            _known_sums(self.array.streamed(at, at + step), self._size)
            for at in range(0, self.array.length, step)
        ]
        sums, size = np.concatenate(parts, axis=1), self._size
        levels: list[Level] = []
        while not levels or sums.shape[1] > 2000:
            means = np.full(sums.shape[1], np.nan)
            np.divide(sums[0], sums[1], out=means, where=sums[1] > 0)
            levels.append(Level(size, means.astype(np.float32)))
            firsts = np.arange(0, sums.shape[1], _STEP)
            sums, size = np.add.reduceat(sums, firsts, axis=1), size * _STEP
        return levels

    def window(self, lo: int, hi: int, columns: int) -> Level:
        """Values that cover [lo, hi) in cells of at most a quarter of a column.

        The first cell begins at ``lo // size * size``; where entries must be read, ``size`` is 1.
        """
        most = (hi - lo) / columns / _STEP
        if most < self._size:
            return Level(1, self.array.window(lo, hi))
        size, means = [level for level in self.levels if level.size <= most][-1]
        return Level(size, means[lo // size : -(-hi // size)])


class PairMoments:
    """Pearson r of two arrays over any window, from sums per cell and the entries at its ends.

    Parameters
    ----------
    one, other : of the same length
    size : entries in a cell
    """

    def __init__(self, one: StoredArray, other: StoredArray, size: int = 256) -> None:
        self._pair, self._size = (one, other), size

    @staticmethod
    def _products(a: NDArray, b: NDArray) -> NDArray[np.float64]:
        a, b = a.astype(np.float64), b.astype(np.float64)
        known = np.isfinite(a) & np.isfinite(b)
        if not known.all():
            a, b = np.where(known, a, 0), np.where(known, b, 0)
        return np.stack([known, a, b, a * a, b * b, a * b])

    @cached_property
    def _cells(self) -> NDArray[np.float64]:
        step, length = _STREAMED // self._size * self._size, self._pair[0].length
        parts = []
        for at in range(0, length, step):
            products = self._products(*(array.streamed(at, at + step) for array in self._pair))
            firsts = np.arange(0, products.shape[1], self._size)
            parts.append(np.add.reduceat(products, firsts, axis=1))
        return np.concatenate(parts, axis=1)

    def r(self, lo: int, hi: int) -> float:
        """Pearson r over the entries of [lo, hi) that both have; NaN below 3 of them or when one
        side is constant."""
        from vizapp.data.genome_columns import window_r

        if hi - lo < 64 * self._size:
            return window_r(*(array.window(lo, hi) for array in self._pair))
        first, last = -(-lo // self._size), hi // self._size
        total = self._cells[:, first:last].sum(axis=1)
        for a, b in ((lo, first * self._size), (last * self._size, hi)):
            if a < b:
                ends = (array.window(a, b) for array in self._pair)
                total += self._products(*ends).sum(axis=1)
        n, sum_a, sum_b, aa, bb, ab = total
        if n < 3:
            return float("nan")
        spread_a, spread_b = aa - sum_a * sum_a / n, bb - sum_b * sum_b / n
        # Rounding leaves a little of what is constant.
        if spread_a <= 1e-12 * aa or spread_b <= 1e-12 * bb:
            return float("nan")
        return float((ab - sum_a * sum_b / n) / np.sqrt(spread_a * spread_b))


class Counted:
    """How often each category occurs in cells of a stored array of categories.

    Parameters
    ----------
    array : categories; ``least`` is the smallest of them
    n_categories : how many there are from ``least`` on
    size : entries in a cell, at most 65,535
    """

    def __init__(self, array: StoredArray, n_categories: int, size: int, least: int = 0) -> None:
        self.array, self.size = array, size
        self._n, self._least = n_categories, least

    @cached_property
    def cells(self) -> NDArray[np.uint16]:
        """uint16 (cells, categories)."""
        step = max(1, _STREAMED // self.size) * self.size
        parts = []
        for at in range(0, self.array.length, step):
            values = self.array.streamed(at, at + step).astype(np.int64) - self._least
            cell = np.arange(len(values)) // self.size
            n = -(-len(values) // self.size)
            counts = np.bincount(cell * self._n + values, minlength=n * self._n)
            parts.append(counts.reshape(n, self._n).astype(np.uint16))
        return np.concatenate(parts)
