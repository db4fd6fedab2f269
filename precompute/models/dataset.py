"""Windows of a run as model input and target, streamed from the sparse store.

A window is ``window_bins`` consecutive bins, or the same number of 16-bp cells around the same
centre. In training it is shifted at random by up to half a stride and read on either strand: the
sequence is reverse-complemented; for tokens the strands of the profile features swap before they
are clustered (motif clusters need not be closed under the swap) and the bins reverse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config_inputs import Region
from precompute.errors import ArtefactError, StageError
from precompute.models.array_blocks import ArrayBlocks, UnknownRuns
from precompute.models.sparse import SparseRows, clustered
from precompute.recently_used import RecentlyUsed
from precompute.streaming import windows
from precompute.token_store import TokenStore

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from precompute.models.store import FeatureClusters

CELL_BP = 16
_MAX_UNKNOWN = 0.1
#: Little more than a window, so that windows at random places read little that they do not use.
_BLOCK_BINS = 2048
#: Memory for blocks of signal and of sequence: a chromosome of a few tracks, or part of it.
_ARRAYS_MB = 96


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


class Counts(Protocol):
    """Covered bases per bin and profile-strand feature: stored ones, or counted on the way."""

    def n_bins(self, chrom: str) -> int:
        """Number of bins of a chromosome."""

    def counts(self, chrom: str, lo: int, hi: int) -> csr_matrix:
        """CSR uint16 (hi - lo, n_features)."""


def to_clusters(
    clusters: FeatureClusters, features: list[str], widths: NDArray[np.integer]
) -> csr_matrix:
    """From counts of ``features`` to values of a model's own clusters.

    Parameters
    ----------
    clusters : of the model; its features may be in another order
    features : name of each column of the counts
    widths : (n_features,), bp

    Returns
    -------
    CSR float32 (n_features, n_clusters): 1 / (width x members of the cluster)

    Raises
    ------
    ArtefactError
        When the features are not the same.
    """
    from scipy.sparse import csr_matrix

    place = {name: number for number, name in enumerate(clusters.features)}
    if len(place) != len(clusters.features) or place.keys() != set(features):
        example = sorted(place.keys() ^ set(features)) or ["a name that is there twice"]
        raise ArtefactError(
            f"the model reads {len(clusters.features):,} motif features and "
            f"{len(features):,} were given ({example[0]!r} is not in both); use the motif profiles "
            "that the model was trained on"
        )
    cluster = clusters.assignment[[place[name] for name in features]]
    size = np.bincount(cluster, minlength=len(clusters.names))
    weight = (1.0 / (widths * size[cluster])).astype(np.float32)
    n = len(features)
    return csr_matrix(
        (weight, cluster, np.arange(n + 1)), shape=(n, len(clusters.names)), dtype=np.float32
    )


class TokenBlocks:
    """Cluster values by window; recently used blocks of bins stay in memory.

    Parameters
    ----------
    store : tokens of a run, or of a sequence at hand
    cache_mb : memory that the blocks may take
    matrix : CSR float32 (n_features, n_clusters) from counts to cluster values, see
        :func:`to_clusters`; by default that of the run
    """

    def __init__(
        self, store: Counts, cache_mb: float, matrix: csr_matrix | None = None
    ) -> None:
        self.store = store
        if matrix is None and isinstance(store, TokenStore):
            matrix = store.feature_to_cluster
        self._matrix = matrix
        self.blocks = RecentlyUsed(cache_mb * 2**20, _size)

    def rows(self, window: Window, reverse: bool = False) -> SparseRows:
        """Cluster values of the window's bins; ``reverse`` reads the other strand backwards."""
        parts = []
        for number in range(window.lo // _BLOCK_BINS, -(-window.hi // _BLOCK_BINS)):
            first = number * _BLOCK_BINS
            block = self._block(window.chrom, number, reverse)
            lo, hi = max(window.lo - first, 0), min(window.hi - first, block.n_rows)
            parts.append(block.rows(lo, hi))
        rows = parts[0] if len(parts) == 1 else SparseRows.joined(parts)
        return rows.reversed() if reverse else rows

    def _block(self, chrom: str, number: int, swapped: bool) -> SparseRows:
        lo = number * _BLOCK_BINS
        hi = min(lo + _BLOCK_BINS, self.store.n_bins(chrom))
        block: SparseRows = self.blocks.get(
            (chrom, number, swapped), lambda: self._read(chrom, lo, hi, swapped)
        )
        return block

    def _read(self, chrom: str, lo: int, hi: int, swapped: bool) -> SparseRows:
        return clustered(self.store.counts(chrom, lo, hi), self._matrix, swapped)


def _size(block: SparseRows) -> int:
    return block.indptr.nbytes + block.indices.nbytes + block.values.nbytes


def one_hot(
    codes: NDArray[np.uint8], n: int, reverse: bool = False
) -> NDArray[np.float32]:
    """float32 (4, n), rows A, C, G, T; 0 for other letters and beyond the end of ``codes``."""
    dense = np.zeros((5, n), dtype=np.float32)
    dense[codes, np.arange(len(codes))] = 1
    # A, C, G, T reversed is T, G, C, A: the complement.
    return np.ascontiguousarray(dense[3::-1, ::-1]) if reverse else dense[:4]


class Source:
    """Inputs and signal of one encoding over the whole run.

    Parameters
    ----------
    run : run folder
    encoding : 'tokens' (positions are bins) or 'onehot' (positions are 16-bp cells)
    tracks : names of the target tracks
    cache_mb : memory for tokens that are used again
    clusters : motif clusters of a model, where they are not the run's; the features must be
    blacklist : stretches whose windows are left out, int64 (n, 2) by chromosome, bp

    Raises
    ------
    ArtefactError
        When the clusters are of other motif features than the run's.
    """

    def __init__(
        self,
        run: RunFolder,
        encoding: str,
        tracks: list[str],
        cache_mb: float = 64,
        clusters: FeatureClusters | None = None,
        blacklist: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> None:
        self.run, self.encoding, self.tracks = run, encoding, tracks
        self.store = TokenStore(run)
        self._n_clusters = None if clusters is None else len(clusters.names)
        matrix = None
        if clusters is not None:
            features = run.table("features", ["name"])["name"].tolist()
            matrix = to_clusters(clusters, features, self.store.widths)
        self.tokens = TokenBlocks(self.store, cache_mb, matrix)
        self._sequence = run.group("sequence")
        self._unknown: dict[str, UnknownRuns] = {}
        self._blacklist = blacklist or {}
        signal = run.group("signal")
        name = "bins" if encoding == "tokens" else "grid"
        self._arrays: dict[tuple[str, str | None], Any] = {
            (chrom, track): signal[f"{chrom}/{track}/{name}"]
            for chrom in self.store.chroms for track in tracks
        }
        self._arrays |= {
            (chrom, None): self._sequence[f"{chrom}/codes"] for chrom in self.store.chroms
        }
        self._blocks = ArrayBlocks(lambda key, lo, hi: self._arrays[key][lo:hi], _ARRAYS_MB)

    @property
    def n_channels(self) -> int:
        """Motif clusters, or 4 bases."""
        if self.encoding != "tokens":
            return 4
        return self._n_clusters or self.store.n_clusters

    def n_bp(self, chrom: str) -> int:
        """Length of a chromosome's region, bp."""
        return int(self._arrays[chrom, None].shape[0])

    def codes(self, chrom: str, lo: int = 0, hi: int | None = None) -> NDArray[np.uint8]:
        """Sequence codes of a chromosome's region, or of [lo, hi) of it; read-only."""
        n = self.n_bp(chrom)
        codes: NDArray[np.uint8] = self._blocks.slice(
            (chrom, None), min(lo, n), n if hi is None else min(hi, n)
        )
        return codes

    def start(self, chrom: str) -> int:
        """First coordinate of the chromosome's region, bp."""
        return int(self._sequence[chrom].attrs["start"])

    def n_positions(self, chrom: str) -> int:
        """Bins or 16-bp cells of a chromosome; the last cell may be incomplete."""
        if self.encoding == "tokens":
            return self.store.n_bins(chrom)
        return -(-self.n_bp(chrom) // CELL_BP)

    def edges(self, chrom: str) -> NDArray[np.int64]:
        """Coordinates of the positions' edges, bp."""
        if self.encoding == "tokens":
            return self.store.edges(chrom).astype(np.int64)
        cells = CELL_BP * np.arange(self.n_positions(chrom) + 1)
        return self.start(chrom) + np.minimum(cells, self.n_bp(chrom))

    def rows(self, window: Window, reverse: bool = False) -> SparseRows:
        """Tokens of a window: (bins, clusters)."""
        return self.tokens.rows(window, reverse)

    def onehot(self, window: Window, reverse: bool = False) -> NDArray[np.float32]:
        """float32 (4, 16 x cells), rows A, C, G, T; 0 for other letters and beyond the end."""
        codes = self.codes(window.chrom, window.lo * CELL_BP, window.hi * CELL_BP)
        return one_hot(codes, (window.hi - window.lo) * CELL_BP, reverse)

    def signal(self, window: Window, reverse: bool = False) -> NDArray[np.float32]:
        """float32 (tracks, positions), in the tracks' own units; NaN where nothing is known."""
        values = np.stack([
            self._blocks.slice((window.chrom, track), window.lo, window.hi)
            for track in self.tracks
        ])
        return values[:, ::-1] if reverse else values

    def unknown_bp(self, chrom: str, edges: NDArray[np.integer]) -> NDArray[np.int64]:
        """Bases other than ACGT between consecutive edges (absolute, bp): int64 (n - 1,)."""
        if chrom not in self._unknown:
            array = self._arrays[chrom, None]
            self._unknown[chrom] = UnknownRuns(
                array[lo:hi] for lo, hi in windows(array.shape[0], 1 << 22)
            )
        before = self._unknown[chrom].before(np.asarray(edges) - self.start(chrom))
        return np.diff(before)

    def is_blacklisted(self, chrom: str, start: int, end: int) -> bool:
        """Whether a stretch (bp) touches the blacklist."""
        stretches = self._blacklist.get(chrom)
        if stretches is None:
            return False
        return bool(((stretches[:, 0] < end) & (stretches[:, 1] > start)).any())

    def positions(self, region: Region) -> tuple[int, int]:
        """Positions that lie wholly inside a region.

        Raises
        ------
        StageError
            When the run has no such chromosome.
        """
        if region.chrom not in self.store.chroms:
            raise StageError(
                f"models.split names {region.chrom}, which is no chromosome of the run; "
                "correct the configuration"
            )
        edges = self.edges(region.chrom)
        lo = int(np.searchsorted(edges, region.start, side="left"))
        end = edges[-1] if region.end is None else region.end
        return lo, max(lo, int(np.searchsorted(edges, end, side="right")) - 1)

    def windows(self, regions: list[Region], length: int, stride: int) -> list[Window]:
        """Windows inside the regions, without blacklisted ones and those more than 10 % N.

        They are laid out in bins for both encodings, so that windows of one number have the same
        centre; a window of cells that would leave its region is moved inside.

        Raises
        ------
        StageError
            When none fits.
        """
        found = []
        for region in regions:
            first, last = self.positions(region)
            for window in self._laid_out(region, length, stride):
                lo = min(max(window.lo, first), last - length)
                if lo < first:
                    continue
                ends = self.edges(region.chrom)[[lo, lo + length]]
                unknown = self.unknown_bp(region.chrom, ends)[0]
                is_known = unknown <= _MAX_UNKNOWN * (ends[1] - ends[0])
                if is_known and not self.is_blacklisted(region.chrom, *ends.tolist()):
                    found.append(Window(region.chrom, lo, lo + length))
        if not found:
            raise StageError(
                f"no window of {length} positions fits in {regions[0].chrom}:{regions[0].start}-"
                f"{regions[0].end}; make the split's regions longer or window_bins smaller"
            )
        return found

    def _laid_out(self, region: Region, length: int, stride: int) -> Iterator[Window]:
        edges = self.store.edges(region.chrom).astype(np.int64)
        end = int(edges[-1]) if region.end is None else region.end
        first = int(np.searchsorted(edges, region.start, side="left"))
        last = int(np.searchsorted(edges, end, side="right")) - 1
        for lo in range(first, last - length + 1, stride):
            if self.encoding == "onehot":
                centre = (int(edges[lo]) + int(edges[lo + length])) // 2 - self.start(region.chrom)
                lo = centre // CELL_BP - length // 2
            yield Window(region.chrom, lo, lo + length)


def training_batches(
    windows: list[Window],
    bounds: list[tuple[str, int, int]],
    batch_size: int,
    shift: int,
    rng: np.random.Generator,
) -> Iterator[list[tuple[Window, bool]]]:
    """One epoch of windows: shuffled, shifted inside their region, on either strand.

    Parameters
    ----------
    windows : each inside one of ``bounds``
    bounds : (chromosome, first position, end) of the regions
    batch_size : windows at a time
    shift : largest move to either side, positions
    rng : source of all randomness
    """
    picked = []
    for number in rng.permutation(len(windows)):
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
