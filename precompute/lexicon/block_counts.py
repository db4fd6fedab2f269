"""Occurrences of each type in each block of a text: all that the laws and their intervals need.

Kept sparse: the types that a block holds, how often, and where each stands first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Counted(NamedTuple):
    """Types of one stretch of text.

    ``types`` int32 rising, ``counts`` int32, ``first`` int32 (token of known sequence at which the
    type stands first, from 0; -1 for none), ``bp`` int64 (summed length of its tokens; empty where
    a type has one length); all (n_types_here,). ``n_tokens`` int, those of known sequence.
    """

    types: NDArray[np.int32]
    counts: NDArray[np.int32]
    first: NDArray[np.int32]
    bp: NDArray[np.int64]
    n_tokens: int


NO_BP = np.empty(0, dtype=np.int64)


def count_ids(
    ids: NDArray[np.integer], lengths: NDArray[np.integer] | None = None,
    is_known: NDArray[np.bool_] | None = None,
) -> Counted:
    """Count tokens given one by one, with their lengths in bp where these differ within a type.

    ``is_known`` is False for a token that holds no known base: it is counted, but is no part of
    the text along which the vocabulary grows.

    >>> count_ids(np.array([4, 2, 4]), np.array([10, 8, 12])).bp.tolist()
    [8, 22]
    """
    types, inverse = np.unique(ids, return_inverse=True)
    known = np.arange(len(ids)) if is_known is None else np.flatnonzero(is_known)
    first = np.full(len(types), -1, dtype=np.int32)
    first[inverse[known[::-1]]] = np.arange(len(known))[::-1]  # the earliest is written last
    counts = np.bincount(inverse, minlength=len(types))
    bp = NO_BP
    if lengths is not None:
        bp = np.bincount(inverse, weights=lengths, minlength=len(types)).astype(np.int64)
    return Counted(
        types.astype(np.int32), counts.astype(np.int32), first, bp, len(known)
    )


def _joined(earlier: Counted, later: Counted) -> Counted:
    """Both stretches as one text."""
    types, inverse = np.unique(
        np.concatenate([earlier.types, later.types]), return_inverse=True
    )
    a, b = inverse[: len(earlier.types)], inverse[len(earlier.types) :]
    counts, first = np.zeros(len(types), np.int32), np.full(len(types), -1, np.int32)
    first[b] = np.where(later.first < 0, -1, later.first + np.int32(earlier.n_tokens))
    first[a] = np.where(earlier.first < 0, first[a], earlier.first)
    counts[a] = earlier.counts
    counts[b] += later.counts
    bp = np.zeros(len(types) if len(earlier.bp) or len(later.bp) else 0, np.int64)
    if len(bp):
        np.add.at(bp, a, earlier.bp)
        np.add.at(bp, b, later.bp)
    return Counted(types, counts, first, bp, earlier.n_tokens + later.n_tokens)


class BlockCounts(NamedTuple):
    """Types of every block of a text, as CSR arrays.

    ``begin`` int64 (n_blocks + 1,), ``types``, ``counts``, ``first`` int32 and ``bp`` int64 as in
    :class:`Counted`; ``n_tokens`` int64 (n_blocks,); ``n_types`` numbers a type can have.
    """

    begin: NDArray[np.int64]
    types: NDArray[np.int32]
    counts: NDArray[np.int32]
    first: NDArray[np.int32]
    bp: NDArray[np.int64]
    n_tokens: NDArray[np.int64]
    n_types: int

    @property
    def n_blocks(self) -> int:
        """Blocks, the empty ones too."""
        return len(self.n_tokens)


class BlockWriter:
    """Collects stretches of text, in order, into blocks.

    Parameters
    ----------
    n_types : numbers that a type can have; 0: one more than the largest seen
    """

    def __init__(self, n_types: int = 0) -> None:
        self._n_types = n_types
        self._blocks: list[Counted] = []
        self._at = -1

    def add(self, block: int, part: Counted) -> None:
        """Add the next stretch; ``block`` never falls."""
        if block == self._at:
            self._blocks[-1] = _joined(self._blocks[-1], part)
        else:
            self._at = block
            self._blocks.append(part)

    def close(self) -> BlockCounts:
        """All blocks; what was collected is let go."""
        blocks, self._blocks = self._blocks, []
        sizes = [len(b.types) for b in blocks]
        empty = [np.empty(0, np.int32)]
        types = np.concatenate([b.types for b in blocks] or empty)
        return BlockCounts(
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            types,
            np.concatenate([b.counts for b in blocks] or empty),
            np.concatenate([b.first for b in blocks] or empty),
            np.concatenate([b.bp for b in blocks] or [NO_BP]),
            np.array([b.n_tokens for b in blocks], dtype=np.int64),
            self._n_types or int(types.max(initial=-1)) + 1,
        )


class Pooled(NamedTuple):
    """A text of chosen blocks one after the other.

    ``frequency`` int64 and ``bp`` int64 (n_types,), 0 for a type that is not there (``bp`` is empty
    where a type has one length); ``growth`` int64 (len(grid),): distinct types among the first
    ``grid[i]`` tokens.
    """

    frequency: NDArray[np.int64]
    bp: NDArray[np.int64]
    growth: NDArray[np.int64]


@njit(cache=True, nogil=True)
def _pool(chosen, begin, types, counts, first, bp, n_tokens, grid, frequency, total, growth):  # type: ignore[no-untyped-def]
    before = 0
    is_new = np.ones(len(frequency), dtype=np.bool_)
    for block in chosen:
        for at in range(begin[block], begin[block + 1]):
            t = types[at]
            if first[at] >= 0 and is_new[t]:
                # Types of a later block that are new stand first there.
                is_new[t] = False
                slot = np.searchsorted(grid, before + first[at] + 1)
                if slot < len(growth):
                    growth[slot] += 1
            frequency[t] += counts[at]
            if len(total):
                total[t] += bp[at]
        before += n_tokens[block]
    for i in range(1, len(growth)):
        growth[i] += growth[i - 1]


def pool(
    blocks: BlockCounts, chosen: NDArray[np.integer] | None, grid: NDArray[np.integer]
) -> Pooled:
    """Frequencies and vocabulary growth of a text of chosen blocks, each taken once.

    Parameters
    ----------
    blocks : counts of every block
    chosen : numbers of the blocks in the order of the text; None: all of them
    grid : rising numbers of tokens at which the vocabulary is counted
    """
    order = np.arange(blocks.n_blocks) if chosen is None else np.asarray(chosen)
    frequency = np.zeros(blocks.n_types, dtype=np.int64)
    total = np.zeros(blocks.n_types if len(blocks.bp) else 0, dtype=np.int64)
    growth = np.zeros(len(grid), dtype=np.int64)
    _pool(
        order.astype(np.int64), *blocks[:6], np.asarray(grid, dtype=np.int64), frequency, total,
        growth,
    )
    return Pooled(frequency, total, growth)
