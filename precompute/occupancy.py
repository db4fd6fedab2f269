"""Where motifs lie in a window of a run: the one source of hits for depth and for tokens.

Windows are in the chromosome's own coordinates. A source reads only what its window needs, so
memory does not grow with the chromosome, and it can be opened in any thread or process.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config import Config, MotifConfig
from precompute.errors import ConfigError
from precompute.manifest import combine, hash_path, stat_key
from precompute.motifs import Profile, load_profiles, profile_inputs
from precompute.ready_hits.stored import StoredHits
from precompute.scan import compile_scanner


class SparseCounts(NamedTuple):
    """Covered bases per bin and feature as CSR arrays.

    ``indptr`` int64 (n_bins + 1,), ``indices`` uint16 (nnz,) rising within a bin, ``counts`` uint8
    or uint16 (nnz,).
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint16]
    counts: NDArray[np.unsignedinteger]


class Occupancy(Protocol):
    """Hits of every motif feature, merged per feature, and the two CpG features."""

    @property
    def n_features(self) -> int:
        """Motif features and the two CpG features."""

    @property
    def n_profiles(self) -> int:
        """Motif profiles."""

    def depth(self, chrom: str, lo: int, hi: int) -> NDArray[np.uint16]:
        """Motif features with a hit over each base of ``[lo, hi)``; uint16 (hi - lo,)."""

    def counts(self, chrom: str, edges: NDArray[np.integer]) -> SparseCounts:
        """Bases of each bin that each feature covers; ``edges`` in bp, (n_bins + 1,)."""


class _WindowScanner(Protocol):
    """Scans a window of codes: on the processor or on a GPU, with the same integers."""

    @property
    def halo(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    def depth_window(
        self, codes: NDArray[np.uint8], lo: int, hi: int
    ) -> NDArray[np.uint16]: ...
    def count_window(
        self, codes: NDArray[np.uint8], edges: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.unsignedinteger]]: ...


def _window_scanner(profiles: list[Profile], where: str) -> _WindowScanner:
    if where == "cpu":
        return compile_scanner(profiles)
    import torch

    from precompute.scan_torch import TorchScanner

    if not torch.cuda.is_available():
        raise ConfigError(
            "run.scanner is gpu, but torch finds no CUDA device here; set run.scanner: cpu, which "
            "gives the same result"
        )
    return TorchScanner(profiles, "cuda")


class ScannedOccupancy:
    """Hits found by scanning the run's sequence.

    Parameters
    ----------
    run : run folder with the artefact ``sequence``
    motifs : profiles and thresholds
    where : 'cpu' or 'gpu'

    Raises
    ------
    ConfigError
        When a GPU is asked for and there is none.
    """

    def __init__(self, run: RunFolder, motifs: MotifConfig, where: str = "cpu") -> None:
        profiles = load_profiles(motifs)
        self.n_profiles = len(profiles)
        self._scanner = _window_scanner(profiles, where)
        self._sequence = run.group("sequence")

    @property
    def n_features(self) -> int:
        return self._scanner.n_features

    def _view(self, chrom: str, lo: int, hi: int) -> tuple[NDArray[np.uint8], int]:
        """Codes around a window and the position of ``lo`` in them."""
        group = self._sequence[chrom]
        start, end = int(group.attrs["start"]), int(group.attrs["end"])
        first = max(start, lo - self._scanner.halo)
        last = min(end, hi + self._scanner.halo)
        return group["codes"][first - start : last - start], lo - first

    def depth(self, chrom: str, lo: int, hi: int) -> NDArray[np.uint16]:
        codes, offset = self._view(chrom, lo, hi)
        return self._scanner.depth_window(codes, offset, offset + hi - lo)

    def counts(self, chrom: str, edges: NDArray[np.integer]) -> SparseCounts:
        lo, hi = int(edges[0]), int(edges[-1])
        codes, offset = self._view(chrom, lo, hi)
        local = edges.astype(np.int64) - lo + offset
        return SparseCounts(*self._scanner.count_window(codes, local))


class IndexedOccupancy(StoredHits):
    """Ready hits, from the artefact ``hits``."""

    def counts(self, chrom: str, edges: NDArray[np.integer]) -> SparseCounts:
        return SparseCounts(*super().counts(chrom, edges))


class OccupancyRef(NamedTuple):
    """Names a source, so that it can be sent to another process and opened there once.

    ``stamp`` tells two contents of the same files apart in a process that lives long.
    """

    root: Path
    motifs: MotifConfig
    scanner: str
    stamp: str

    @classmethod
    def of(cls, run: RunFolder, config: Config) -> OccupancyRef:
        """The source of a run's configuration."""
        motifs = config.motifs
        if motifs.hits is None:
            stamp = combine(*(hash_path(path) for path in profile_inputs(motifs)))
        else:
            stamp = stat_key(run.path("hits"))
        return cls(run.root.resolve(), motifs, config.run.scanner, stamp)

    def open(self) -> Occupancy:
        """The source; opened once per process."""
        return _open(self)


@lru_cache(maxsize=2)
def _open(ref: OccupancyRef) -> Occupancy:
    run = RunFolder(ref.root)
    if ref.motifs.hits is not None:
        return IndexedOccupancy(run)
    return ScannedOccupancy(run, ref.motifs, ref.scanner)
