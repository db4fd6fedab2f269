"""What the report counts itself, streamed over the sequence, its bins and its depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder

#: Bins read at a time, about 4 Mb of sequence.
_BLOCK_BINS = 1 << 18

Progress = Callable[[float, float, str], None]


def _empty() -> NDArray[np.int64]:
    return np.zeros(1, dtype=np.int64)


@dataclass
class Measured:
    """Counts over the whole run.

    Attributes
    ----------
    total_bp, known_bp : bases, and those that are A, C, G or T
    bins, known_bins : bins, and those with at least one known base
    cpg_bins : bins with at least one base of a CpG
    covered_bp, covered_known_bp : bases with a motif over them
    lengths : int64, known bins of each length in bp
    depths : int64, known bases of each depth
    """

    total_bp: int = 0
    known_bp: int = 0
    bins: int = 0
    known_bins: int = 0
    cpg_bins: int = 0
    covered_bp: int = 0
    covered_known_bp: int = 0
    lengths: NDArray[np.int64] = field(default_factory=_empty)
    depths: NDArray[np.int64] = field(default_factory=_empty)

    @property
    def mean_length_bp(self) -> float:
        """Mean length of the known bins."""
        return _mean(self.lengths)

    @property
    def sd_length_bp(self) -> float:
        """Standard deviation of the lengths of the known bins."""
        n = np.arange(len(self.lengths))
        spread = (self.lengths * (n - self.mean_length_bp) ** 2).sum()
        return float(np.sqrt(spread / max(self.lengths.sum(), 1)))

    @property
    def mean_depth(self) -> float:
        """Mean depth of the known bases."""
        return _mean(self.depths)


def _mean(counts: NDArray[np.int64]) -> float:
    return float((counts * np.arange(len(counts))).sum() / max(counts.sum(), 1))


def measure(run: RunFolder, progress: Progress | None = None) -> Measured:
    """Read sequence, bins and depth once, a few Mb at a time.

    Raises
    ------
    ArtefactError
        When one of them is missing or damaged.
    """
    sequence, bins, depth = (run.group(name) for name in ("sequence", "bins", "depth"))
    found = Measured()
    chroms = list(bins.attrs["chroms"])
    total = sum(bins[f"{chrom}/edges"].shape[0] for chrom in chroms)
    done = 0
    for chrom in chroms:
        start = int(sequence[chrom].attrs["start"])
        stored, codes_of, depth_of = (
            bins[f"{chrom}/edges"], sequence[f"{chrom}/codes"], depth[f"{chrom}/depth"]
        )
        for lo in range(0, stored.shape[0] - 1, _BLOCK_BINS):
            edges = stored[lo : lo + _BLOCK_BINS + 1].astype(np.int64) - start
            first, last = int(edges[0]), int(edges[-1])
            left = max(0, first - 1)
            codes = codes_of[left : last + 1]
            _add(found, edges - first, codes, first - left, depth_of[first:last])
            done += len(edges) - 1
            if progress is not None:
                progress(done, total, chrom)
    return found


def _add(
    found: Measured, edges: NDArray[np.int64], codes: NDArray[np.uint8], offset: int,
    depth: NDArray[np.uint16],
) -> None:
    """Count one block; ``codes`` reaches one base beyond it on either side where there is one."""
    n = int(edges[-1])
    in_cpg = np.zeros(len(codes) + 1, dtype=bool)
    pair = np.flatnonzero((codes[:-1] == 1) & (codes[1:] == 2))
    in_cpg[pair] = in_cpg[pair + 1] = True
    is_known = codes[offset : offset + n] < 4
    known = np.add.reduceat(is_known, edges[:-1], dtype=np.int64)
    cpg = np.add.reduceat(in_cpg[offset : offset + n], edges[:-1], dtype=np.int64)
    found.total_bp += n
    found.known_bp += int(is_known.sum())
    found.bins += len(known)
    found.known_bins += int((known > 0).sum())
    found.cpg_bins += int((cpg > 0).sum())
    found.covered_bp += int((depth > 0).sum())
    found.covered_known_bp += int(((depth > 0) & is_known).sum())
    found.lengths = _added(found.lengths, np.bincount(np.diff(edges)[known > 0]))
    found.depths = _added(found.depths, np.bincount(depth[is_known]))


def _added(a: NDArray[np.int64], b: NDArray[np.integer]) -> NDArray[np.int64]:
    total = np.zeros(max(len(a), len(b)), dtype=np.int64)
    total[: len(a)] += a
    total[: len(b)] += b
    return total
