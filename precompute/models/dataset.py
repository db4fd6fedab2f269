"""Windows of a run as model input and target, streamed from the sparse store.

A window is ``window_bins`` consecutive bins, or the same number of 16-bp cells around the same
centre. In training it is shifted at random by up to half a stride and read on either strand: the
sequence is reverse-complemented; for tokens the strands of the 1,684 profile features swap before
they are clustered (motif clusters need not be closed under the swap) and the bins reverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config import Region
from precompute.errors import StageError
from precompute.token_store import TokenStore

CELL_BP = 16
_MAX_UNKNOWN = 0.1


class Window(NamedTuple):
    """Positions ``[lo, hi)`` of one chromosome: bins for tokens, 16-bp cells for one-hot."""

    chrom: str
    lo: int
    hi: int


@dataclass(frozen=True)
class TargetScaling:
    """How a track becomes a target: (signal / mean) ** power; the power tames tall peaks."""

    mean: float
    power: float = 0.5

    def scale(self, signal: NDArray[np.floating]) -> NDArray[np.float32]:
        """Signal in its own unit to target units."""
        return ((np.maximum(signal, 0) / self.mean) ** self.power).astype(np.float32)

    def restore(self, target: NDArray[np.floating]) -> NDArray[np.float64]:
        """Target units back to the signal's unit."""
        return self.mean * np.maximum(target, 0).astype(np.float64) ** (1 / self.power)


class Source:
    """Inputs and signal of one encoding over the whole run.

    Parameters
    ----------
    run : run folder
    encoding : 'tokens' (positions are bins) or 'onehot' (positions are 16-bp cells)
    tracks : names of the target tracks
    """

    def __init__(self, run: RunFolder, encoding: str, tracks: list[str]) -> None:
        self.encoding, self.tracks = encoding, tracks
        self.store = TokenStore(run)
        self._sequence = run.group("sequence")
        self._codes: dict[str, NDArray[np.uint8]] = {}
        signal = run.group("signal")
        name = "bins" if encoding == "tokens" else "grid"
        self._signal = {
            chrom: np.stack([signal[f"{chrom}/{track}/{name}"][:] for track in tracks])
            for chrom in self.store.chroms
        }

    def codes(self, chrom: str) -> NDArray[np.uint8]:
        """Sequence codes of a chromosome's region."""
        if chrom not in self._codes:
            self._codes[chrom] = self._sequence[f"{chrom}/codes"][:]
        return self._codes[chrom]

    def start(self, chrom: str) -> int:
        """First coordinate of the chromosome's region, bp."""
        return int(self._sequence[chrom].attrs["start"])

    def n_positions(self, chrom: str) -> int:
        """Bins or whole 16-bp cells of a chromosome."""
        if self.encoding == "tokens":
            return self.store.n_bins(chrom)
        return len(self.codes(chrom)) // CELL_BP

    def edges(self, chrom: str) -> NDArray[np.int64]:
        """Coordinates of the positions' edges, bp."""
        if self.encoding == "tokens":
            return self.store.edges(chrom).astype(np.int64)
        return self.start(chrom) + CELL_BP * np.arange(self.n_positions(chrom) + 1)

    def inputs(self, window: Window, reverse: bool = False) -> NDArray[np.float32]:
        """float32 (channels, length): clusters x bins, or 4 x bases."""
        if self.encoding == "tokens":
            counts = self.store.counts(window.chrom, window.lo, window.hi)
            if reverse:
                counts.indices ^= 1
            dense = (counts.astype(np.float32) @ self.store.feature_to_cluster).toarray().T
            return dense[:, ::-1] if reverse else dense
        codes = self.codes(window.chrom)[window.lo * CELL_BP : window.hi * CELL_BP]
        dense = np.zeros((5, len(codes)), dtype=np.float32)
        dense[codes, np.arange(len(codes))] = 1
        # A, C, G, T reversed is T, G, C, A: the complement.
        return dense[3::-1, ::-1] if reverse else dense[:4]

    def signal(self, window: Window, reverse: bool = False) -> NDArray[np.float32]:
        """float32 (tracks, positions), in the tracks' own units."""
        values = self._signal[window.chrom][:, window.lo : window.hi]
        return values[:, ::-1] if reverse else values

    def unknown_share(self, window: Window) -> float:
        """Share of N in the window."""
        if self.encoding == "tokens":
            edges = self.store.edges(window.chrom)
            lo, hi = int(edges[window.lo]), int(edges[window.hi])
        else:
            lo, hi = (self.start(window.chrom) + CELL_BP * p for p in (window.lo, window.hi))
        start = self.start(window.chrom)
        return float((self.codes(window.chrom)[lo - start : hi - start] > 3).mean())

    def positions(self, region: Region) -> tuple[int, int]:
        """Positions that lie wholly inside a region."""
        edges = self.edges(region.chrom)
        lo = int(np.searchsorted(edges, region.start, side="left"))
        end = edges[-1] if region.end is None else region.end
        return lo, max(lo, int(np.searchsorted(edges, end, side="right")) - 1)

    def windows(self, regions: list[Region], length: int, stride: int) -> list[Window]:
        """Windows inside the regions, without those that are more than 10 % N.

        Raises
        ------
        StageError
            When none fits.
        """
        found = []
        for region in regions:
            if region.chrom not in self.store.chroms:
                raise StageError(
                    f"models.split names {region.chrom}, which is not in genome.regions; "
                    "correct the configuration"
                )
            first, last = self.positions(region)
            for lo in range(first, last - length + 1, stride):
                window = Window(region.chrom, lo, lo + length)
                if self.unknown_share(window) <= _MAX_UNKNOWN:
                    found.append(window)
        if not found:
            raise StageError(
                f"no window of {length} positions fits in {regions[0].chrom}:{regions[0].start}-"
                f"{regions[0].end}; make the split's regions longer or window_bins smaller"
            )
        return found


def training_batches(
    source: Source,
    windows: list[Window],
    bounds: list[tuple[str, int, int]],
    batch_size: int,
    shift: int,
    rng: np.random.Generator,
) -> Iterator[list[tuple[Window, bool]]]:
    """One epoch of windows: shuffled, shifted inside their region, on either strand."""
    order = rng.permutation(len(windows))
    picked = []
    for number in order:
        window = windows[number]
        low, high = next(
            (lo, hi) for chrom, lo, hi in bounds
            if chrom == window.chrom and lo <= window.lo and window.hi <= hi
        )
        move = int(rng.integers(-shift, shift + 1))
        move = min(max(move, low - window.lo), high - window.hi)
        moved = Window(window.chrom, window.lo + move, window.hi + move)
        picked.append((moved, bool(rng.integers(2))))
    for first in range(0, len(picked), batch_size):
        yield picked[first : first + batch_size]
