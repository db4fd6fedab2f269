"""Tracks along the genome, cut to a window and to a number of columns that a screen can show.

No track of a chromosome is held whole: see :mod:`vizapp.data.genome_arrays`.
"""

from __future__ import annotations

import threading
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder, read_parquet
from precompute.token_store import TokenStore
from vizapp.data.genome_arrays import Counted, Means, PairMoments, StoredArray, block_cache
from vizapp.data.genome_columns import (
    GRID_BP,
    Steps,
    cell_means,
    entropy_bits,
    entropy_of_counts,
    even_cuts,
    reduce_mean,
    reduce_mode,
    window_r,
)
from vizapp.data.genome_places import GenomePlaces
from vizapp.data.stored_attributions import (
    MAX_ATTRIBUTION_BP,
    MAX_COLUMNS,
    Heat,
    StoredAttributions,
)
from vizapp.state import Region

__all__ = [
    "GRID_BP", "MAX_ATTRIBUTION_BP", "MAX_COLUMNS", "MAX_LETTER_BP", "MAX_STRIP_BP", "GenomeData",
    "Heat", "Steps", "reduce_mean", "reduce_mode", "window_r",
]

ENCODINGS = ("tokens", "onehot")

#: Widest window whose tokens are drawn one by one or by their commonest megacluster; wider ones
#: show density and entropy.
MAX_STRIP_BP = 500_000

#: Widest window in which single bases are drawn as letters.
MAX_LETTER_BP = 400

#: Cells of the lowest level of what is kept in memory.
_COARSE_BP = 256
_DEPTH_BP = 128
_COARSE_BINS = 64

#: Largest run that is reduced when the app starts; a larger one, chromosome by chromosome as
#: someone looks at it.
_WARM_BP = 100_000_000

#: 16-bp cells of a bigWig that are read at a time.
_BIGWIG_CELLS = 1 << 14


class GenomeData(GenomePlaces):
    """Everything that is drawn along the genome."""

    def __init__(self, run: RunFolder, tokens: TokenStore) -> None:
        sequence = run.group("sequence")
        super().__init__(run, {
            c: (int(sequence[c].attrs["start"]), int(sequence[c].attrs["end"]))
            for c in tokens.chroms
        })
        self._run, self._tokens, self._sequence = run, tokens, sequence
        self.lengths = {c: int(sequence[c].attrs["length"]) for c in tokens.chroms}
        self.tracks: dict[str, dict] = dict(run.group("signal").attrs["tracks"])
        self.cluster_labels: list[str] = run.table("clusters", ["label"])["label"].tolist()
        self.cache = block_cache()
        self.attributions = StoredAttributions(
            run, tokens, self.chroms, self.cluster_labels, self.cache
        )
        self._making = threading.RLock()
        self._made: dict[tuple, Means | PairMoments | Counted] = {}
        self._bigwig_lock = threading.Lock()

    # -- what is read -------------------------------------------------------------------------

    def _stored(self, artefact: str, path: str) -> StoredArray:
        array = self._run.group(artefact)[path]
        return StoredArray(
            self.cache, (artefact, path), lambda lo, hi: array[lo:hi], array.shape[0]
        )

    @cached_property
    def _codes(self) -> dict[str, StoredArray]:
        return {c: self._stored("sequence", f"{c}/codes") for c in self.chroms}

    @cached_property
    def _depth(self) -> dict[str, StoredArray]:
        return {c: self._stored("depth", f"{c}/depth") for c in self.chroms}

    @cached_property
    def _mega(self) -> dict[str, StoredArray]:
        return {c: self._stored("bin_communities", f"{c}/megacluster") for c in self.chroms}

    @cached_property
    def _n_mega(self) -> int:
        return int(self._run.table("communities", ["megacluster"])["megacluster"].max()) + 1

    @cached_property
    def _observed(self) -> dict[tuple[str, str], StoredArray]:
        return {
            (c, t): self._stored("signal", f"{c}/{t}/grid")
            for c in self.chroms for t in self.tracks
        }

    @cached_property
    def predicted_tracks(self) -> list[str]:
        """Tracks that the models predict."""
        return [t for t, about in self.tracks.items() if about["target"]]

    @cached_property
    def predictions(self) -> dict[tuple[str, str], Path]:
        """bigWigs of predictions by (model, track): the run's own, then those of shipped models."""
        files = {
            (encoding, track): self._run.folder(f"predictions_{encoding}") / f"{track}.bw"
            for encoding in ENCODINGS for track in self.predicted_tracks
        }
        if self._run.exists("predictions_shipped"):
            for path in sorted(self._run.folder("predictions_shipped").glob("*/*.bw")):
                if path.stem in self.tracks:
                    files.setdefault((path.parent.name, path.stem), path)
        return files

    @cached_property
    def _predicted(self) -> dict[tuple[str, str, str], StoredArray]:
        """(model, chrom, track) to the predicted signal per 16 bp, from the bigWigs."""
        import pyBigWig

        out = {}
        for (model, track), path in self.predictions.items():
            handle = pyBigWig.open(str(path))
            for chrom, (start, end) in self.chroms.items():
                out[model, chrom, track] = StoredArray(
                    self.cache, ("predicted", model, chrom, track),
                    partial(self._bigwig, handle, chrom, start, end),
                    -(-(end - start) // GRID_BP), _BIGWIG_CELLS,
                )
        return out

    def _bigwig(  # type: ignore[no-untyped-def]
        self, handle, chrom: str, start: int, end: int, lo: int, hi: int
    ) -> NDArray[np.float32]:
        # A handle is not to be used by two threads at once.
        with self._bigwig_lock:
            return cell_means(
                handle, chrom, start + lo * GRID_BP, min(end, start + hi * GRID_BP)
            )

    def _reduced(self, key: tuple, make) -> Means | PairMoments | Counted:  # type: ignore[no-untyped-def]
        with self._making:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]

    def _means(self, name: tuple, array: StoredArray, size: int) -> Means:
        found = self._reduced(("means", *name), lambda: Means(array, size))
        return found  # type: ignore[return-value]

    def _pair(self, chrom: str, track: str, encoding: str) -> PairMoments:
        return self._reduced(  # type: ignore[return-value]
            ("pair", chrom, track, encoding),
            lambda: PairMoments(
                self._observed[chrom, track], self._predicted[encoding, chrom, track]
            ),
        )

    def _counted(self, chrom: str) -> Counted:
        return self._reduced(  # type: ignore[return-value]
            ("mega", chrom),
            lambda: Counted(self._mega[chrom], self._n_mega + 1, _COARSE_BINS, least=-1),
        )

    def _unknown(self, chrom: str) -> Counted:
        array = self._codes[chrom]
        known = StoredArray(
            self.cache, ("unknown", chrom),
            lambda lo, hi: (array.streamed(lo, hi) == 4).view(np.uint8), array.length,
        )
        return self._reduced(  # type: ignore[return-value]
            ("unknown", chrom), lambda: Counted(known, 2, 4096)
        )

    def megaclusters(self, chrom: str) -> NDArray[np.int16]:
        """Megacluster of each bin of a chromosome; negative where there is none."""
        array = self._mega[chrom]
        return array.streamed(0, array.length)

    def warm(self) -> None:
        """Open every array and, where the run is small, reduce it, so that the first jump is as
        fast as the next."""
        for cache in (self._codes, self._depth, self._mega, self._observed, self._predicted,
                      self.targets):
            len(cache)
        self.attributions.warm()
        _ = self.transcript_rows
        for target in self.targets:
            self.peaks_of(target)
        if sum(high - low for low, high in self.chroms.values()) <= _WARM_BP:
            for chrom, (low, high) in self.chroms.items():
                whole = Region(chrom, low, high)
                self.depth(whole)
                self.token_summary(whole)
                self.unknown_bp(whole)
                for track in self.predicted_tracks:
                    self.observed(whole, track)
                    for encoding in ENCODINGS:
                        self.predicted(whole, track, encoding)
                        self.correlation(whole, track, encoding)

    # -- windows -----------------------------------------------------------------------------

    def _cells(self, region: Region) -> tuple[int, int]:
        start = self.chroms[region.chrom][0]
        return (region.start - start) // GRID_BP, -(-(region.end - start) // GRID_BP)

    def _steps(
        self, region: Region, pyramid: Means, span: tuple[int, int], columns: int, unit_bp: int
    ) -> Steps:
        """Columns of entries [lo, hi) of ``unit_bp`` bases each, counted from the region's start
        of the chromosome."""
        low, high = self.chroms[region.chrom]
        size, values = pyramid.window(*span, columns)
        cuts, means = reduce_mean(values, columns)
        first = span[0] // size
        return Steps(np.minimum(low + (first + cuts) * size * unit_bp, high), means)

    def observed(self, region: Region, track: str, columns: int = MAX_COLUMNS) -> Steps:
        """Observed mean signal per base, in at most ``columns`` columns."""
        name = ("observed", region.chrom, track)
        array = self._observed[region.chrom, track]
        pyramid = self._means(name, array, _COARSE_BP // GRID_BP)
        return self._steps(region, pyramid, self._cells(region), columns, GRID_BP)

    def predicted(
        self, region: Region, track: str, encoding: str, columns: int = MAX_COLUMNS
    ) -> Steps:
        """Predicted mean signal per base, in at most ``columns`` columns."""
        name = (encoding, region.chrom, track)
        pyramid = self._means(name, self._predicted[name], _COARSE_BP // GRID_BP)
        return self._steps(region, pyramid, self._cells(region), columns, GRID_BP)

    def correlation(self, region: Region, track: str, encoding: str) -> tuple[float, int]:
        """Pearson r of observed and predicted over the window's 16-bp cells, and their number."""
        lo, hi = self._cells(region)
        return self._pair(region.chrom, track, encoding).r(lo, hi), hi - lo

    def depth(self, region: Region, columns: int = MAX_COLUMNS) -> Steps:
        """Mean motif depth, in at most ``columns`` columns.

        Columns of wide windows are made of whole cells, at most a quarter of a column each, and
        begin and end with them.
        """
        low = self.chroms[region.chrom][0]
        pyramid = self._means(("depth", region.chrom), self._depth[region.chrom], _DEPTH_BP)
        return self._steps(region, pyramid, (region.start - low, region.end - low), columns, 1)

    def token_summary(self, region: Region, columns: int = 600) -> tuple[Steps, Steps]:
        """Tokens per kb, and the entropy (bits) of their megaclusters, of wide windows."""
        lo, hi = self.bins(region)
        edges = self._tokens.edges(region.chrom)
        if hi - lo < 4 * _COARSE_BINS * columns:
            cuts = lo + even_cuts(hi - lo, columns)
            entropy = entropy_bits(self._mega[region.chrom].window(lo, hi), cuts - lo)
        else:
            first, last = lo // _COARSE_BINS, -(-hi // _COARSE_BINS)
            cells = first + even_cuts(last - first, columns)
            counts = self._counted(region.chrom).cells[first:last, 1:]
            entropy = entropy_of_counts(
                np.add.reduceat(counts, cells[:-1] - first, axis=0, dtype=np.int64)
            )
            cuts = np.minimum(cells * _COARSE_BINS, len(edges) - 1)
        x = edges[cuts].astype(np.int64)
        return Steps(x, 1000 * np.diff(cuts) / np.diff(x)), Steps(x, entropy)

    def bins(self, region: Region) -> tuple[int, int]:
        """Bins of the window."""
        return self._tokens.bin_range(*region)

    def strip(
        self, region: Region, most: int = 4000, columns: int = MAX_COLUMNS
    ) -> tuple[Steps, bool]:
        """Megacluster of each bin (-1: no motif), and whether columns are the commonest of many."""
        lo, hi = self.bins(region)
        edges = self._tokens.edges(region.chrom)[lo : hi + 1].astype(np.int64)
        values = self._mega[region.chrom].window(lo, hi)
        if hi - lo <= most:
            return Steps(edges, values), False
        cuts, common = reduce_mode(values, columns)
        return Steps(edges[cuts], common), True

    def codes(self, region: Region) -> NDArray[np.uint8]:
        """Base codes of the window."""
        start = self.chroms[region.chrom][0]
        return self._codes[region.chrom].window(region.start - start, region.end - start)

    def unknown_bp(self, region: Region) -> int:
        """Bases of the window that are none of A, C, G and T."""
        start = self.chroms[region.chrom][0]
        counted = self._unknown(region.chrom)
        first = -(-(region.start - start) // counted.size)
        last = (region.end - start) // counted.size
        if last - first < 64:
            return int((self.codes(region) == 4).sum())
        inner = Region(region.chrom, start + first * counted.size, start + last * counted.size)
        ends = (
            Region(region.chrom, region.start, inner.start),
            Region(region.chrom, inner.end, region.end),
        )
        beside = sum(int((self.codes(end) == 4).sum()) for end in ends if end.width)
        return int(counted.cells[first:last, 1].sum(dtype=np.int64)) + beside

    def _highest(self, chrom: str) -> int:
        values = self._observed[chrom, next(iter(self.tracks))]
        known = np.nan_to_num(values.streamed(0, values.length))
        return self.chroms[chrom][0] + int(known.argmax()) * GRID_BP

    # -- models ------------------------------------------------------------------------------

    def metrics(self, encoding: str) -> pd.DataFrame:
        """Metrics of a model's predictions."""
        return read_parquet(self._run.folder(f"predictions_{encoding}") / "metrics.parquet")

    def curves(self, encoding: str) -> pd.DataFrame:
        """Training curves of a model."""
        return read_parquet(self._run.folder(f"model_{encoding}") / "curves.parquet")
