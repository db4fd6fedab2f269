"""The cells that are compared: windows of 16-bp cells that tile the sets of a split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.config_models import SplitConfig
from precompute.errors import ArtefactError
from precompute.models.dataset import CELL_BP, Source

SETS = ("train", "validation", "test")
#: Bases of a bigWig read at a time.
_READ_BP = CELL_BP << 16

#: One value per cell of a chromosome's region, from its first cell on.
CellTrack = Callable[[str], NDArray[np.float32]]


class CellWindow(NamedTuple):
    """Cells ``[lo, hi)`` of a chromosome; ``stretch`` numbers the regions of a set."""

    chrom: str
    lo: int
    hi: int
    stretch: int


class Cells:
    """Windows of every set, and values of any track in them.

    Positions that hold a base other than ACGT are NaN: no reads map there. The last window of a
    region may be shorter; it is filled with NaN.

    Parameters
    ----------
    source : the run on 16-bp cells (encoding 'onehot')
    split : regions of the sets
    size : cells of a window
    max_train_windows : evenly spaced windows of the training set that are looked at, so that
        memory does not grow with the genome; validation and test are looked at whole
    """

    def __init__(
        self, source: Source, split: SplitConfig, size: int, max_train_windows: int = 2_000
    ) -> None:
        self.source, self.size = source, size
        self.windows: dict[str, list[CellWindow]] = {}
        for name in SETS:
            found = []
            for number, region in enumerate(getattr(split, name)):
                first, last = source.positions(region)
                found += [
                    CellWindow(region.chrom, lo, min(lo + size, last), number)
                    for lo in range(first, last, size)
                ]
            if name == "train" and len(found) > max_train_windows:
                picked = np.linspace(0, len(found) - 1, max_train_windows).round().astype(int)
                found = [found[i] for i in picked]
            self.windows[name] = found
        self._unknown: dict[str, NDArray[np.bool_]] = {}

    @property
    def chroms(self) -> list[str]:
        """Chromosomes that any set touches, in the order of the run."""
        named = {window.chrom for found in self.windows.values() for window in found}
        return [chrom for chrom in self.source.store.chroms if chrom in named]

    def unknown(self, chrom: str) -> NDArray[np.bool_]:
        """bool (cells,), whether a cell holds a base other than ACGT."""
        if chrom not in self._unknown:
            edges = self.source.edges(chrom)
            self._unknown[chrom] = self.source.unknown_bp(chrom, edges) > 0
        return self._unknown[chrom]

    def span(self, window: CellWindow) -> tuple[int, int]:
        """Coordinates of a window, bp."""
        start = self.source.start(window.chrom)
        end = start + min(window.hi * CELL_BP, self.source.n_bp(window.chrom))
        return start + window.lo * CELL_BP, end

    def gather(self, track: CellTrack) -> dict[str, NDArray[np.float32]]:
        """Values of a track by set: float32 (windows, size), NaN where nothing is known."""
        out = {
            name: np.full((len(found), self.size), np.nan, dtype=np.float32)
            for name, found in self.windows.items()
        }
        for chrom in self.chroms:
            values = np.where(self.unknown(chrom), np.nan, track(chrom))
            for name, found in self.windows.items():
                for row, window in zip(out[name], found, strict=True):
                    if window.chrom == chrom:
                        row[: window.hi - window.lo] = values[window.lo : window.hi]
        return out


def observed_track(source: Source, track: str) -> CellTrack:
    """The measured signal on cells."""
    number = source.tracks.index(track)

    def read(chrom: str) -> NDArray[np.float32]:
        from precompute.models.dataset import Window

        whole = Window(chrom, 0, source.n_positions(chrom))
        return np.asarray(source.signal(whole)[number], dtype=np.float32)

    return read


def bigwig_track(path: Path, source: Source) -> CellTrack:
    """A bigWig as means over cells: one way to read the predictions of every model.

    Raises
    ------
    ArtefactError
        When the file cannot be read, or lacks a chromosome of the run.
    """

    def read(chrom: str) -> NDArray[np.float32]:
        import pyBigWig

        try:
            handle = pyBigWig.open(str(path))
        except RuntimeError:
            raise ArtefactError(f"{path} cannot be read as bigWig; run the prediction again"
                                ) from None
        start, n_bp = source.start(chrom), source.n_bp(chrom)
        with handle:
            if chrom not in handle.chroms():
                raise ArtefactError(f"{path} has no {chrom}; run the prediction again")
            parts = []
            for lo in range(0, n_bp, _READ_BP):
                hi = min(lo + _READ_BP, n_bp)
                bases = handle.values(chrom, start + lo, start + hi, numpy=True)
                parts.append(cell_means(bases))
        return np.concatenate(parts)

    return read


def cell_means(bases: NDArray[np.number]) -> NDArray[np.float32]:
    """Means over 16-bp cells; the last cell may be incomplete."""
    starts = np.arange(0, len(bases), CELL_BP)
    sums = np.add.reduceat(np.asarray(bases, dtype=np.float64), starts)
    return (sums / np.diff(np.append(starts, len(bases)))).astype(np.float32)
