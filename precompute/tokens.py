"""Continuous tokens: how much of each motif lies in each bin, exact and sparse.

x[bin, feature] = bases of the bin covered by a hit of the feature / profile width. The integer
numerator is what is stored. Overlapping hits of one feature merge first, so one hit sums to 1 over
the bins that it spans and a repeat can exceed 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.occupancy import OccupancyRef, SparseCounts
from precompute.scan import Scanner, count_window
from precompute.streaming import ChunkWriter, with_halo

#: The dense scratch of a block is bins x features bytes, so blocks stay small.
_MAX_BLOCK_BP = 100_000


def bin_blocks(edges: NDArray[np.integer], window_bp: int) -> list[tuple[int, int]]:
    """Ranges of bins ``[lo, hi)`` of about ``window_bp`` each, and never empty."""
    targets = np.arange(edges[0] + window_bp, edges[-1], window_bp)
    cuts = np.unique(np.concatenate([[0], np.searchsorted(edges, targets), [len(edges) - 1]]))
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))


def count_bins(
    scanner: Scanner, codes: NDArray[np.uint8], edges: NDArray[np.integer], lo: int, hi: int
) -> SparseCounts:
    """Counts of bins ``[lo, hi)``; ``edges`` are positions in ``codes``."""
    view, offset = with_halo(codes, int(edges[lo]), int(edges[hi]), scanner.halo)
    local = edges[lo : hi + 1].astype(np.int64) - int(edges[lo]) + offset
    return SparseCounts(*count_window(scanner, view, local))


def _count(ref: OccupancyRef, block: tuple[str, NDArray[np.integer]]) -> SparseCounts:
    return ref.open().counts(*block)


def run(context: StageContext) -> Facts:
    """Write the artefact ``tokens``."""
    config = context.config
    ref = OccupancyRef.of(context.run, config)
    n_features = ref.open().n_features
    bins = context.run.group("bins")
    chroms = list(bins.attrs["chroms"])
    total = sum(bins[f"{chrom}/edges"].shape[0] - 1 for chrom in chroms)
    block_bp = min(config.run.window_bp, _MAX_BLOCK_BP)

    def blocks() -> Iterator[tuple[str, NDArray[np.integer]]]:
        for chrom in chroms:
            edges = bins[f"{chrom}/edges"][:]
            yield from ((chrom, edges[lo : hi + 1]) for lo, hi in bin_blocks(edges, block_bp))

    done = nnz = largest = 0
    with context.run.writing_group("tokens", chroms=chroms) as group:
        writer: _TokenWriter | None = None
        for (chrom, edges), part in context.execution.in_order(partial(_count, ref), blocks()):
            if writer is None or writer.chrom != chrom:
                nnz += writer.close() if writer is not None else 0
                longest = int(np.diff(bins[f"{chrom}/edges"][:]).max())
                writer = _TokenWriter(group, chrom, n_features, longest)
            writer.append(part)
            largest = max(largest, int(part.counts.max(initial=0)))
            done += len(edges) - 1
            context.progress(done, total, chrom)
        nnz += writer.close() if writer is not None else 0
    return {
        "bins": total,
        "non_zeros": nnz,
        "non_zeros_per_bin": nnz / total,
        "largest_count_bp": largest,
    }


class _TokenWriter:
    """Writes one chromosome's CSR arrays as its blocks arrive."""

    def __init__(self, group, chrom: str, n_features: int, longest_bp: int) -> None:  # type: ignore[no-untyped-def]
        self.chrom = chrom
        self._child = group.create_group(chrom)
        self._child.attrs["n_features"] = n_features
        # A count is at most the bin's length, so nothing saturates.
        dtype = np.uint8 if longest_bp <= 255 else np.uint16
        self._indices = ChunkWriter(self._child, "indices", np.uint16)
        self._counts = ChunkWriter(self._child, "counts", dtype)
        self._row_nnz: list[NDArray[np.int64]] = []

    def append(self, part: SparseCounts) -> None:
        self._indices.append(part.indices)
        self._counts.append(part.counts)
        self._row_nnz.append(np.diff(part.indptr))

    def close(self) -> int:
        """Write the row pointers; returns the number of non-zeros."""
        self._indices.close()
        self._counts.close()
        indptr = np.concatenate([[0], np.cumsum(np.concatenate(self._row_nnz))]).astype(np.int64)
        self._child.create_array("indptr", data=indptr, chunks=(1 << 18,))
        return int(indptr[-1])
