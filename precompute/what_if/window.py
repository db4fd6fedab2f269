"""A window of sequence that edits change: its bases, its motif hits, its bins and their tokens.

An edited window is a value: an edit gives a new one and leaves the old as it was, so that undoing
is forgetting. Bases keep the coordinate that they have in the reference. Base edits find the hits
around the change anew and cut all bins again, so the tokens are those of the edited sequence
tokenized from its bases. Taking a motif call away removes its hit and lowers the depth, so bins
are cut again too. Emptying a token leaves hits and bins and counts no motif on its bases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from precompute.bin_edges import find_edges
from precompute.models.dataset import CELL_BP, one_hot
from precompute.models.sparse import SparseRows, clustered
from precompute.scan import to_csr
from precompute.what_if.hits import Hits, counts_between, depth_between, rescan, scan
from precompute.what_if.reader import Reader


@dataclass(frozen=True)
class Planted:
    """What a token holds instead of its own motifs, float64 (clusters,), and where (positions)."""

    lo: int
    hi: int
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EditedWindow:
    """A window as its edits left it.

    Attributes
    ----------
    reader : of the model
    start : coordinate of the first base of the reference, bp
    codes : uint8 (n,), see :func:`precompute.genome.encode`
    origin : int64 (n,), coordinate of each base in the reference; -1 for an inserted one
    hits : motif hits, positions in the window
    depth : uint16 (n,), motif features over each base
    off : bool (n,), bases whose motifs count for nothing
    planted : tokens that hold something else
    head, tail : bases from either end that no edit has touched, nor any hit over them
    """

    reader: Reader
    start: int
    codes: NDArray[np.uint8]
    origin: NDArray[np.int64]
    hits: Hits
    depth: NDArray[np.uint16]
    off: NDArray[np.bool_]
    planted: tuple[Planted, ...] = ()
    head: int = 0
    tail: int = 0

    @classmethod
    def of_reference(cls, reader: Reader, codes: NDArray[np.uint8], start: int) -> EditedWindow:
        """The window before any edit."""
        n = len(codes)
        hits = scan(reader.scanner, codes)
        return cls(
            reader, start, codes, start + np.arange(n), hits,
            depth_between(reader.scanner, hits, 0, n), np.zeros(n, dtype=bool), head=n, tail=n,
        )

    # -- what a model reads -----------------------------------------------------------------------

    @property
    def encoding(self) -> str:
        """'tokens' or 'onehot'."""
        return self.reader.model.encoding

    @cached_property
    def bin_edges(self) -> NDArray[np.int64]:
        """Edges of the tokens, positions in the window."""
        return find_edges(self.depth, self.reader.bins)[0].astype(np.int64)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Edges of what the model predicts, bins or 16-bp cells, positions in the window."""
        if self.reader.reads_tokens:
            return self.bin_edges
        cells = CELL_BP * np.arange(-(-len(self.codes) // CELL_BP) + 1)
        return np.minimum(cells, len(self.codes))

    @property
    def n_positions(self) -> int:
        """Bins or cells."""
        return len(self.positions) - 1

    def rows(self, lo: int, hi: int) -> SparseRows:
        """Tokens of bins ``[lo, hi)``."""
        from scipy.sparse import csr_matrix

        counts = self._counts(lo, hi)
        indptr, indices, data = to_csr(counts)
        rows = clustered(
            csr_matrix(
                (data.astype(np.uint16), indices.astype(np.int32), indptr), shape=counts.shape
            ),
            self.reader.matrix,
        )
        return self._with_planted(rows, lo, hi)

    def _counts(self, lo: int, hi: int) -> NDArray[np.unsignedinteger]:
        edges = self.bin_edges[lo : hi + 1]
        scanner = self.reader.scanner
        off = self.off[edges[0] : edges[-1]]
        if not off.any():
            return counts_between(scanner, self.hits, self.codes, edges)
        # Emptied bases are counted apart and left out.
        turns = edges[0] + 1 + np.flatnonzero(off[1:] != off[:-1])
        pieces = np.union1d(edges, turns)
        counts = counts_between(scanner, self.hits, self.codes, pieces)
        counts[self.off[pieces[:-1]]] = 0
        return np.add.reduceat(
            counts, np.searchsorted(pieces, edges[:-1]), axis=0, dtype=np.uint16
        )

    def _with_planted(self, rows: SparseRows, lo: int, hi: int) -> SparseRows:
        places = {self.bin_of(p.lo, p.hi): p for p in self.planted}
        inside = {bin_: p for bin_, p in places.items() if lo <= bin_ < hi}
        if not inside:
            return rows
        dense = rows.dense().astype(np.float64)
        for bin_, planted in inside.items():
            dense[bin_ - lo] += planted.values
        return SparseRows.from_dense(dense)

    def onehot(self, lo: int, hi: int) -> NDArray[np.float32]:
        """float32 (4, 16 x cells) of cells ``[lo, hi)``."""
        return one_hot(self.codes[lo * CELL_BP : hi * CELL_BP], (hi - lo) * CELL_BP)

    # -- where things are -------------------------------------------------------------------------

    def bin_of(self, lo: int, hi: int) -> int:
        """The bin that shares most bases with ``[lo, hi)``; the first of equals."""
        edges = self.bin_edges
        first = int(np.searchsorted(edges, lo, side="right")) - 1
        last = max(first + 1, int(np.searchsorted(edges, hi, side="left")))
        shared = np.minimum(edges[first + 1 : last + 1], hi) - np.maximum(edges[first:last], lo)
        return first + int(shared.argmax())

    def position_of(self, coordinate: int) -> int | None:
        """Where the base of a coordinate of the reference is; None when it is deleted."""
        found = np.flatnonzero(self.origin == coordinate)
        return int(found[0]) if len(found) else None

    @cached_property
    def filled(self) -> NDArray[np.int64]:
        """Coordinate of each base; an inserted one has that of the base to its left."""
        return np.maximum(np.maximum.accumulate(self.origin), self.start)

    # -- edits: each gives a new window -----------------------------------------------------------

    def with_hits(self, hits: Hits, lo: int, hi: int) -> EditedWindow:
        """Other hits, which differ from those before over ``[lo, hi)`` alone."""
        depth = self.depth.copy()
        lo, hi = max(0, lo), min(len(depth), hi)
        depth[lo:hi] = depth_between(self.reader.scanner, hits, lo, hi)
        return self._touched(replace(self, hits=hits, depth=depth), lo, hi, hi)

    def with_bases(self, lo: int, hi: int, codes: NDArray[np.uint8]) -> EditedWindow:
        """Bases ``[lo, hi)`` replaced by others; the first ones take their coordinates."""
        scanner = self.reader.scanner
        n, new_hi = len(codes), lo + len(codes)
        own = self.origin[lo : min(hi, new_hi)]
        added = np.full(max(0, n - (hi - lo)), -1)
        off = self.off[lo : min(hi, new_hi)]
        changed = np.concatenate([self.codes[:lo], codes, self.codes[hi:]])
        hits = rescan(scanner, self.hits, changed, lo, hi, new_hi)
        widest = int(scanner.width.max())
        a, b = max(0, lo - widest), min(len(changed), new_hi + widest)
        depth = np.concatenate(
            [self.depth[:lo], np.zeros(n, dtype=np.uint16), self.depth[hi:]]
        )
        depth[a:b] = depth_between(scanner, hits, a, b)
        step = new_hi - hi
        moved = [
            replace(p, lo=_moved(p.lo, lo, hi, step, True), hi=_moved(p.hi, lo, hi, step, False))
            for p in self.planted
        ]
        planted = tuple(p for p in moved if p.lo < p.hi)
        window = replace(
            self, codes=changed, hits=hits, depth=depth, planted=planted,
            origin=np.concatenate([self.origin[:lo], own, added, self.origin[hi:]]),
            off=np.concatenate([
                self.off[:lo], off, np.zeros(len(added), dtype=bool), self.off[hi:]
            ]),
        )
        return self._touched(window, a, max(a, b - step), b)

    def rebased(self) -> EditedWindow:
        """The same window as the one that further edits are compared with."""
        return replace(self, head=len(self.codes), tail=len(self.codes))

    def with_token(
        self, lo: int, hi: int, values: NDArray[np.float64] | None = None
    ) -> EditedWindow:
        """The token over ``[lo, hi)`` emptied, or made to hold other cluster values."""
        off = self.off.copy()
        off[lo:hi] = True
        planted = tuple(p for p in self.planted if p.hi <= lo or p.lo >= hi)
        if values is not None:
            planted += (Planted(lo, hi, values),)
        window = replace(self, off=off, planted=planted)
        return self._touched(window, lo, hi, hi)

    def _touched(self, window: EditedWindow, lo: int, hi: int, new_hi: int) -> EditedWindow:
        """``window`` with its untouched ends, after ``[lo, hi)`` became ``[lo, new_hi)``."""
        head = min(self.head, lo)
        tail = min(self.tail, len(self.codes) - hi)
        # A CpG looks one base beyond.
        return replace(window, head=max(0, head - 1), tail=max(0, tail - 1))


def _moved(at: int, lo: int, hi: int, step: int, is_first: bool) -> int:
    """An end of a stretch after ``[lo, hi)`` became longer by ``step``."""
    if at >= hi and (is_first or at > lo):
        return at + step
    return at if at <= lo else min(at, hi + step)
