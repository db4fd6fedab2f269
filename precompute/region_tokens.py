"""Tokens of one region in memory: what the stages genome to tokens do, without a run folder.

Like the pipeline, this module is wiring: it knows several stages and computes nothing itself. The
sequence is scanned in windows that worker threads share and that are taken in order, so windows
and workers change no result.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.bin_edges import find_edges
from precompute.config import BinConfig, MotifConfig
from precompute.context import Progress
from precompute.errors import RegionError
from precompute.genome import open_sequence
from precompute.inputs.aliases import resolve
from precompute.motifs import feature_table, load_profiles, profile_table
from precompute.scan import Scanner, compile_scanner, depth_window
from precompute.streaming import in_order, windows, with_halo
from precompute.tokens import SparseCounts, bin_blocks, count_bins

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_matrix

#: Sequence scanned at a time, bp. The dense scratch of a block of bins is bins x features bytes,
#: so tokens are counted in smaller blocks.
_WINDOW_BP = 200_000
_BLOCK_BP = 100_000


class RegionTokens(NamedTuple):
    """Bins, counts and features of a region, as in the artefacts of those names."""

    edges: NDArray[np.int32]
    counts: csr_matrix
    features: pd.DataFrame


def read_region(fasta: Path, chrom: str, start: int, end: int | None) -> NDArray[np.uint8]:
    """Codes of a region of a FASTA or 2bit file, uint8 (end - start,).

    Raises
    ------
    InputError, ChromosomeError, RegionError
        When the file cannot be read, has no such sequence, or the region goes beyond it.
    """
    source = open_sequence(fasta)
    name = resolve(chrom, source.lengths, assembly="", source=f"the FASTA {fasta}")
    length = source.lengths[name]
    stop = length if end is None else end
    if start >= length or stop > length:
        raise RegionError(
            f"the region {chrom}:{start:,}-{stop:,} goes beyond {chrom} in {fasta}, which has "
            f"{length:,} bp; give a region within it"
        )
    return next(iter(source.read({name: (start, stop)}))).codes


def tokenize_codes(
    codes: NDArray[np.uint8], hits: MotifConfig, rules: BinConfig, workers: int,
    progress: Progress | None = None,
) -> RegionTokens:
    """Bins and tokens of a sequence; ``edges`` count from its first base.

    Parameters
    ----------
    codes : uint8 (n,), see :func:`precompute.genome.encode`
    hits : profiles and what a hit is
    rules : how bins are cut
    workers : threads; they change no result
    progress : called with (done, total, note), in bases of the two passes
    """
    built = load_profiles(hits)
    scanner = compile_scanner(built)
    report = _Steps(progress, total=2 * len(codes))
    edges, _ = find_edges(_depth(codes, scanner, workers, report), rules)
    counts = _counts(codes, edges, scanner, workers, report)
    return RegionTokens(edges, counts, feature_table(profile_table(built)))


class _Steps:
    """Adds up work in bases and hands it on."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, bases: int, note: str) -> None:
        self._done += bases
        if self._progress is not None:
            self._progress(self._done, self._total, note)


def _depth(
    codes: NDArray[np.uint8], scanner: Scanner, workers: int, report: _Steps
) -> NDArray[np.uint16]:
    """Depth as the stage of that name computes it, window by window."""

    def one(span: tuple[int, int]) -> NDArray[np.uint16]:
        view, offset = with_halo(codes, *span, scanner.halo)
        return depth_window(scanner, view, offset, offset + span[1] - span[0])

    depth = np.empty(len(codes), dtype=np.uint16)
    for (lo, hi), part in in_order(one, windows(len(codes), _WINDOW_BP), workers):
        depth[lo:hi] = part
        report(hi - lo, "scanning for motif hits")
    return depth


def _counts(
    codes: NDArray[np.uint8], edges: NDArray[np.int32], scanner: Scanner, workers: int,
    report: _Steps,
) -> csr_matrix:
    """Covered bases per bin and feature, CSR (n_bins, n_features)."""
    from scipy.sparse import csr_matrix

    def one(span: tuple[int, int]) -> SparseCounts:
        return count_bins(scanner, codes, edges, *span)

    dtype = np.uint8 if np.diff(edges).max() <= 255 else np.uint16
    sizes, indices, counts = [], [], []
    for (lo, hi), part in in_order(one, bin_blocks(edges, _BLOCK_BP), workers):
        sizes.append(np.diff(part.indptr))
        indices.append(part.indices)
        counts.append(part.counts.astype(dtype, copy=False))
        report(int(edges[hi]) - int(edges[lo]), "counting motifs in bins")
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    # scipy takes 32- or 64-bit indices; the parts are let go one by one, so that they and the
    # whole are never in memory together.
    wide = np.int32 if indptr[-1] < 2**31 else np.int64
    return csr_matrix(
        (_joined(counts, dtype), _joined(indices, wide), indptr.astype(wide)),
        shape=(len(edges) - 1, scanner.n_features),
    )


def _joined(parts: list[NDArray], dtype: type) -> NDArray:
    """One array of all parts; the list is emptied."""
    whole: NDArray = np.empty(sum(len(part) for part in parts), dtype=dtype)
    at = len(whole)
    while parts:
        part = parts.pop()
        whole[at - len(part) : at] = part
        at -= len(part)
    return whole
