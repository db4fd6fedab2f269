"""Slices of stored arrays, with the blocks that were read last kept in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precompute.recently_used import RecentlyUsed

#: Values read at a time; whole chunks of the artefacts ``sequence`` and ``signal``.
_BLOCK = 1 << 18


class ArrayBlocks:
    """Reads one-dimensional arrays by slice; threads may share it.

    Parameters
    ----------
    read : ``read(key, lo, hi)`` gives the values [lo, hi) of the array called ``key``
    cache_mb : memory that the blocks may take; one block is always kept
    """

    def __init__(
        self, read: Callable[[Any, int, int], NDArray], cache_mb: float
    ) -> None:
        self._read = read
        self.blocks = RecentlyUsed(cache_mb * 2**20, lambda block: block.nbytes)

    def slice(self, key: Any, lo: int, hi: int) -> NDArray:
        """Values ``[lo, hi)``; ``hi`` must not lie beyond the array's end."""
        parts = []
        for number in range(lo // _BLOCK, max(-(-hi // _BLOCK), lo // _BLOCK + 1)):
            first = number * _BLOCK
            block = self._block(key, number)
            parts.append(block[max(lo - first, 0) : max(hi - first, 0)])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _block(self, key: Any, number: int) -> NDArray:
        def read() -> NDArray:
            block = self._read(key, number * _BLOCK, (number + 1) * _BLOCK)
            block.setflags(write=False)
            return block

        block: NDArray = self.blocks.get((key, number), read)
        return block


class UnknownRuns:
    """Where a sequence is unknown, as runs: a few numbers for a chromosome, not one for a base.

    Parameters
    ----------
    parts : codes of consecutive pieces of the sequence, uint8; 4 is unknown
    """

    def __init__(self, parts: Any) -> None:
        starts, ends, at = [], [], 0
        for codes in parts:
            step = np.diff((codes > 3).astype(np.int8), prepend=0, append=0)
            starts.append(at + np.flatnonzero(step == 1))
            ends.append(at + np.flatnonzero(step == -1))
            at += len(codes)
        empty = np.empty(0, dtype=np.int64)
        self._starts = np.concatenate([empty, *starts])
        self._ends = np.concatenate([empty, *ends])
        self._before = np.concatenate([[0], np.cumsum(self._ends - self._starts)])

    def before(self, position: NDArray[np.integer]) -> NDArray[np.int64]:
        """Unknown bases before each position."""
        position = np.asarray(position, dtype=np.int64)
        number = np.searchsorted(self._starts, position, side="left")
        if not len(self._ends):
            return np.zeros_like(position)
        # The last run that begins before the position may reach beyond it.
        beyond = np.maximum(self._ends[np.maximum(number - 1, 0)] - position, 0)
        return self._before[number] - np.where(number > 0, beyond, 0)
