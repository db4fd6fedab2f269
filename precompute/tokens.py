"""Continuous tokens: how much of each motif lies in each bin, exact and sparse.

x[bin, feature] = bases of the bin covered by a hit of the feature / profile width. The integer
numerator is what is stored. Overlapping hits of one feature merge first, so one hit sums to 1 over
the bins that it spans and a repeat can exceed 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.motifs import build_profiles
from precompute.scan import Scanner, compile_scanner, count_window
from precompute.streaming import in_order, load_codes, with_halo


class SparseCounts(NamedTuple):
    """CSR arrays of covered bases; see :func:`precompute.scan.count_window`."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint16]
    counts: NDArray[np.unsignedinteger]


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


def run(context: StageContext) -> Facts:
    """Write the artefact ``tokens``."""
    config = context.config
    scanner = compile_scanner(
        build_profiles(
            config.motifs.profiles, config.motifs.min_relative_score, config.motifs.max_p_value
        )
    )
    bins = context.run.group("bins")
    chroms = list(bins.attrs["chroms"])
    sizes = {chrom: bins[f"{chrom}/edges"].shape[0] - 1 for chrom in chroms}
    done, total = 0, sum(sizes.values())
    nnz = largest = 0
    with context.run.writing_group("tokens", chroms=chroms) as group:
        for chrom in chroms:
            codes, start = load_codes(context.run, chrom)
            edges = bins[f"{chrom}/edges"][:].astype(np.int64) - start
            child = group.create_group(chrom)
            child.attrs["n_features"] = scanner.n_features
            dtype = np.uint8 if np.diff(edges).max() <= 255 else np.uint16
            out = {
                "indices": _ChunkWriter(child, "indices", np.uint16),
                "counts": _ChunkWriter(child, "counts", dtype),
            }
            row_nnz = []

            def one(
                span: tuple[int, int], codes: NDArray = codes, edges: NDArray = edges
            ) -> SparseCounts:
                return count_bins(scanner, codes, edges, *span)

            # The dense scratch of a block is bins x features bytes, so blocks stay small.
            blocks = bin_blocks(edges, min(config.run.window_bp, 100_000))
            for (lo, hi), part in in_order(one, blocks, config.run.workers):
                for key, values in (("indices", part.indices), ("counts", part.counts)):
                    out[key].append(values.astype(out[key].dtype))
                row_nnz.append(np.diff(part.indptr))
                largest = max(largest, int(part.counts.max(initial=0)))
                done += hi - lo
                context.progress(done, total, chrom)
            for writer in out.values():
                writer.close()
            indptr = np.concatenate([[0], np.cumsum(np.concatenate(row_nnz))]).astype(np.int64)
            child.create_array("indptr", data=indptr, chunks=(1 << 18,))
            nnz += int(indptr[-1])
    return {
        "bins": total,
        "non_zeros": nnz,
        "non_zeros_per_bin": nnz / total,
        "largest_count_bp": largest,
    }


class _ChunkWriter:
    """Appends to a Zarr array in whole chunks, so that nothing is rewritten."""

    _CHUNK = 1 << 20

    def __init__(self, group, name: str, dtype) -> None:  # type: ignore[no-untyped-def]
        self._array = group.create_array(name, shape=(0,), dtype=dtype, chunks=(self._CHUNK,))
        self.dtype = np.dtype(dtype)
        self._parts: list[NDArray] = []
        self._waiting = 0

    def append(self, values: NDArray) -> None:
        self._parts.append(values)
        self._waiting += len(values)
        if self._waiting >= 4 * self._CHUNK:
            joined = np.concatenate(self._parts)
            whole = len(joined) // self._CHUNK * self._CHUNK
            self._array.append(joined[:whole])
            self._parts, self._waiting = [joined[whole:]], len(joined) - whole

    def close(self) -> None:
        if self._parts:
            self._array.append(np.concatenate(self._parts))
        self._parts = []
