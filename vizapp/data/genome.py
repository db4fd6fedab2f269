"""Tracks along the genome, cut to a window and to a number of columns that a screen can show."""

from __future__ import annotations

import difflib
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder, read_parquet
from precompute.errors import RegionError
from precompute.token_store import TokenStore
from vizapp.data.genome_columns import (
    GRID_BP,
    Steps,
    cell_means,
    entropy_bits,
    reduce_mean,
    reduce_mode,
    window_r,
)
from vizapp.loci import Band, Padding
from vizapp.state import Region, around

__all__ = [
    "GRID_BP", "MAX_ATTRIBUTION_BP", "MAX_COLUMNS", "MAX_LETTER_BP", "MAX_STRIP_BP", "GenomeData",
    "Heat", "Steps", "reduce_mean", "reduce_mode", "window_r",
]

ENCODINGS = ("tokens", "onehot")

#: Columns that a track is reduced to at most.
MAX_COLUMNS = 1200

#: Widest window whose tokens are drawn one by one or by their commonest megacluster; wider ones
#: show density and entropy.
MAX_STRIP_BP = 500_000

#: Bases summed at a time for the depth of wide windows.
_COARSE_BP = 256

#: Widest window whose attributions are drawn: beyond it a column would sum hundreds of bins.
MAX_ATTRIBUTION_BP = 500_000

#: Widest window in which single bases are drawn as letters.
MAX_LETTER_BP = 400


class Heat(NamedTuple):
    """Attribution of the strongest motif clusters of a window, rows x columns."""

    edges: NDArray[np.int64]
    labels: list[str]
    values: NDArray[np.float32]
    error: float


class GenomeData:
    """Everything that is drawn along the genome."""

    def __init__(self, run: RunFolder, tokens: TokenStore) -> None:
        self._run, self._tokens = run, tokens
        sequence = run.group("sequence")
        self.chroms = {
            c: (int(sequence[c].attrs["start"]), int(sequence[c].attrs["end"]))
            for c in tokens.chroms
        }
        self.lengths = {c: int(sequence[c].attrs["length"]) for c in tokens.chroms}
        self.tracks: dict[str, dict] = dict(run.group("signal").attrs["tracks"])
        self.genes = run.table("genes")
        self.transcripts = run.table("transcripts")
        self.intervals = run.table("intervals")
        self.peaks = run.table("peaks")
        self.cluster_labels: list[str] = run.table("clusters", ["label"])["label"].tolist()
        self._sequence = sequence

    # -- whole-run arrays, read once ---------------------------------------------------------

    @cached_property
    def _codes(self) -> dict[str, NDArray[np.uint8]]:
        return {c: self._sequence[f"{c}/codes"][:] for c in self.chroms}

    @cached_property
    def _depth(self) -> dict[str, NDArray[np.uint16]]:
        group = self._run.group("depth")
        return {c: group[f"{c}/depth"][:] for c in self.chroms}

    @cached_property
    def _mega(self) -> dict[str, NDArray[np.int16]]:
        group = self._run.group("bin_communities")
        return {c: group[f"{c}/megacluster"][:] for c in self.chroms}

    @cached_property
    def _observed(self) -> dict[str, dict[str, NDArray[np.float32]]]:
        group = self._run.group("signal")
        return {c: {t: group[f"{c}/{t}/grid"][:] for t in self.tracks} for c in self.chroms}

    @cached_property
    def _predicted(self) -> dict[tuple[str, str, str], NDArray[np.float32]]:
        """(encoding, chrom, track) to the predicted signal per 16 bp, from the bigWigs."""
        import pyBigWig

        out = {}
        for encoding in ENCODINGS:
            folder = self._run.folder(f"predictions_{encoding}")
            for track in self.predicted_tracks:
                handle = pyBigWig.open(str(folder / f"{track}.bw"))
                for chrom, (start, end) in self.chroms.items():
                    out[encoding, chrom, track] = cell_means(handle, chrom, start, end)
                handle.close()
        return out

    @cached_property
    def predicted_tracks(self) -> list[str]:
        """Tracks that the models predict."""
        return [t for t, about in self.tracks.items() if about["target"]]

    def megaclusters(self, chrom: str) -> NDArray[np.int16]:
        """Megacluster of each bin of a chromosome; negative where there is none."""
        return self._mega[chrom]

    def warm(self) -> None:
        """Read every whole-run array, so that the first jump is as fast as the next."""
        for cache in (self._codes, self._coarse_depth, self._mega, self._observed,
                      self._predicted):
            len(cache)
        self.targets.items()
        for chrom in self.chroms:
            self._attribution(chrom)

    # -- windows -----------------------------------------------------------------------------

    def _cells(self, region: Region) -> tuple[int, int]:
        start = self.chroms[region.chrom][0]
        return (region.start - start) // GRID_BP, -(-(region.end - start) // GRID_BP)

    def _grid_steps(self, region: Region, values: NDArray[np.float32], columns: int) -> Steps:
        lo, hi = self._cells(region)
        cuts, means = reduce_mean(values[lo:hi], columns)
        low, high = self.chroms[region.chrom]
        return Steps(np.minimum(low + (lo + cuts) * GRID_BP, high), means)

    def observed(self, region: Region, track: str, columns: int = MAX_COLUMNS) -> Steps:
        """Observed mean signal per base, in at most ``columns`` columns."""
        return self._grid_steps(region, self._observed[region.chrom][track], columns)

    def predicted(
        self, region: Region, track: str, encoding: str, columns: int = MAX_COLUMNS
    ) -> Steps:
        """Predicted mean signal per base, in at most ``columns`` columns."""
        return self._grid_steps(region, self._predicted[encoding, region.chrom, track], columns)

    def correlation(self, region: Region, track: str, encoding: str) -> tuple[float, int]:
        """Pearson r of observed and predicted over the window's 16-bp cells, and their number."""
        lo, hi = self._cells(region)
        observed = self._observed[region.chrom][track][lo:hi]
        return window_r(observed, self._predicted[encoding, region.chrom, track][lo:hi]), hi - lo

    @cached_property
    def _coarse_depth(self) -> dict[str, NDArray[np.float64]]:
        """Mean depth of each ``_COARSE_BP`` bases from the chromosome's first one on."""
        coarse = {}
        for chrom, values in self._depth.items():
            firsts = np.arange(0, len(values), _COARSE_BP)
            sizes = np.diff(np.append(firsts, len(values)))
            coarse[chrom] = np.add.reduceat(values, firsts, dtype=np.float64) / sizes
        return coarse

    def depth(self, region: Region, columns: int = MAX_COLUMNS) -> Steps:
        """Mean motif depth, in at most ``columns`` columns.

        A column of more than eight coarse cells is made of those whole, so its ends may be half
        a cell off: less than a pixel.
        """
        first, high = self.chroms[region.chrom]
        if region.width > 8 * _COARSE_BP * columns:
            lo = (region.start - first) // _COARSE_BP
            hi = -(-(region.end - first) // _COARSE_BP)
            cuts, means = reduce_mean(self._coarse_depth[region.chrom][lo:hi], columns)
            return Steps(np.minimum(first + (lo + cuts) * _COARSE_BP, high), means)
        values = self._depth[region.chrom][region.start - first : region.end - first]
        cuts, means = reduce_mean(values, columns)
        return Steps(region.start + cuts, means)

    def token_summary(self, region: Region, columns: int = 600) -> tuple[Steps, Steps]:
        """Tokens per kb, and the entropy (bits) of their megaclusters, of wide windows."""
        lo, hi = self.bins(region)
        edges = self._tokens.edges(region.chrom)
        cuts = np.unique(np.linspace(lo, hi, min(hi - lo, columns) + 1).astype(np.int64))
        x = edges[cuts].astype(np.int64)
        density = 1000 * np.diff(cuts) / np.diff(x)
        return Steps(x, density), Steps(x, entropy_bits(self._mega[region.chrom][lo:hi], cuts - lo))

    def bins(self, region: Region) -> tuple[int, int]:
        """Bins of the window."""
        return self._tokens.bin_range(*region)

    def strip(
        self, region: Region, most: int = 4000, columns: int = MAX_COLUMNS
    ) -> tuple[Steps, bool]:
        """Megacluster of each bin (-1: no motif), and whether columns are the commonest of many."""
        lo, hi = self.bins(region)
        edges = self._tokens.edges(region.chrom)[lo : hi + 1].astype(np.int64)
        values = self._mega[region.chrom][lo:hi]
        if hi - lo <= most:
            return Steps(edges, values), False
        cuts, common = reduce_mode(values, columns)
        return Steps(edges[cuts], common), True

    def codes(self, region: Region) -> NDArray[np.uint8]:
        """Base codes of the window."""
        start = self.chroms[region.chrom][0]
        return self._codes[region.chrom][region.start - start : region.end - start]

    def in_window(self, frame: pd.DataFrame, region: Region) -> pd.DataFrame:
        """Rows of an annotation table that overlap the window."""
        inside = (
            (frame["chrom"] == region.chrom)
            & (frame["start"] < region.end)
            & (frame["end"] > region.start)
        )
        return frame[inside]

    # -- attributions ------------------------------------------------------------------------

    def _attribution(self, chrom: str):  # type: ignore[no-untyped-def]
        return self._attribution_arrays[chrom]

    @cached_property
    def _attribution_arrays(self) -> dict[str, dict]:
        group = self._run.group("attributions_tokens")
        onehot = self._run.group("attributions_onehot")
        return {
            c: {
                "indptr": group[f"{c}/indptr"][:],
                "indices": group[f"{c}/indices"],
                "values": group[f"{c}/values"],
                "tile_edges": group[f"{c}/tile_edges"][:],
                "tile_error": group[f"{c}/tile_error"][:],
                "bases": onehot[f"{c}/values"][:],
                "base_tiles": onehot[f"{c}/tile_edges"][:],
                "base_error": onehot[f"{c}/tile_error"][:],
            }
            for c in self.chroms
        }

    @cached_property
    def attribution_about(self) -> dict[str, str]:
        """Explained track, baseline and target, as the artefact words them."""
        attributes = self._run.group("attributions_tokens").attrs
        return {k: str(attributes[k]) for k in ("track", "baseline", "target")}

    def attribution(
        self, region: Region, most: int = 12, loaded: Region | None = None,
        columns: int = MAX_COLUMNS,
    ) -> Heat | None:
        """DeepLIFT of the ``most`` clusters with the largest summed |contribution| in the window,
        over ``loaded`` (by default the window); None when the window is too wide."""
        if region.width > MAX_ATTRIBUTION_BP:
            return None
        arrays = self._attribution(region.chrom)
        lo, hi = self.bins(loaded or region)
        indptr = arrays["indptr"][lo : hi + 1]
        part = slice(int(indptr[0]), int(indptr[-1]))
        seen = slice(*(int(arrays["indptr"][b]) - part.start for b in self.bins(region)))
        cluster = arrays["indices"][part].astype(np.int64)
        value = arrays["values"][part]
        n_clusters = len(self.cluster_labels)
        total = np.bincount(cluster[seen], np.abs(value[seen]), n_clusters)
        top = np.argsort(-total, kind="stable")[:most]
        top = top[total[top] > 0]
        row_of = np.full(n_clusters, -1)
        row_of[top] = np.arange(len(top))
        cuts = np.unique(np.linspace(0, hi - lo, min(hi - lo, columns) + 1).astype(np.int64))
        column = np.repeat(
            np.searchsorted(cuts, np.arange(hi - lo), side="right") - 1, np.diff(indptr)
        )
        kept = row_of[cluster] >= 0
        flat = row_of[cluster[kept]] * (len(cuts) - 1) + column[kept]
        values = np.bincount(flat, value[kept], len(top) * (len(cuts) - 1))
        edges = self._tokens.edges(region.chrom)[lo : hi + 1].astype(np.int64)[cuts]
        tiles = arrays["tile_edges"]
        lo, hi = self.bins(region)
        first = int(np.searchsorted(tiles, lo, side="right")) - 1
        last = int(np.searchsorted(tiles, hi, side="left"))
        error = float(arrays["tile_error"][first:last].max(initial=0))
        return Heat(
            edges, [self.cluster_labels[c] for c in top],
            values.reshape(len(top), len(cuts) - 1).astype(np.float32), error,
        )

    def base_attribution(
        self, region: Region, loaded: Region | None = None, columns: int = MAX_COLUMNS
    ) -> tuple[Steps, float]:
        """One-hot model's contribution per base (summed over columns) over ``loaded``, by default
        the window, and the window's completeness error."""
        arrays = self._attribution(region.chrom)
        drawn = loaded or region
        start = self.chroms[region.chrom][0]
        values = arrays["bases"][drawn.start - start : drawn.end - start]
        cuts = np.unique(np.linspace(0, len(values), min(len(values), columns) + 1).astype(int))
        summed = np.add.reduceat(values, cuts[:-1], dtype=np.float64)
        lo, hi = region.start - start, region.end - start
        tiles = arrays["base_tiles"]
        first = int(np.searchsorted(tiles, lo // GRID_BP, side="right")) - 1
        last = int(np.searchsorted(tiles, hi // GRID_BP + 1, side="left"))
        error = float(arrays["base_error"][first:last].max(initial=0))
        return Steps(drawn.start + cuts, summed), error

    # -- places ------------------------------------------------------------------------------

    @cached_property
    def targets(self) -> dict[str, int]:
        """Peak targets and their number of peaks, most first."""
        return self.peaks["target"].value_counts(sort=True).to_dict()

    @cached_property
    def _gene_index(self) -> dict[str, tuple[str, int, int, str]]:
        index: dict[str, tuple[str, int, int, str]] = {}
        sources = (
            (self.transcripts, "name"), (self.transcripts, "gene"), (self.genes, "gene"),
        )
        for frame, key in sources:
            for row in frame.itertuples():
                name = str(getattr(row, key))
                if name:
                    index[name.upper()] = (row.chrom, int(row.start), int(row.end), name)
        return index

    @cached_property
    def bands(self) -> list[Band]:
        """Cytobands of the run's assembly."""
        rows = self.intervals[self.intervals["kind"] == "cytoband"]
        return list(zip(rows["chrom"], rows["start"].tolist(), rows["end"].tolist(), rows["name"],
                        strict=True))

    def find_gene(self, name: str, padding: Padding | None = None) -> Region:
        """Window around a gene or transcript, with a tenth of its length on either side, or padded
        as asked.

        Raises
        ------
        RegionError
            When the run has no such gene; the sentence names similar ones.
        """
        key = name.strip().upper()
        if key not in self._gene_index:
            close = difflib.get_close_matches(key, self._gene_index, n=3, cutoff=0.6)
            names = ", ".join(self._gene_index[c][3] for c in close)
            hint = f"did you mean {names}?" if names else "type a region such as " + self.example
            raise RegionError(f"there is no gene {name.strip()[:40]!r} in this run: {hint}")
        chrom, start, end, _ = self._gene_index[key]
        width = end - start
        added = 2 * padding.of(width) if padding else round(width * 0.2) + 200
        return around(chrom, start, end, width + added, self.chroms)

    @property
    def example(self) -> str:
        """A region that exists, for hints."""
        region = self.opening
        return f"{region.chrom}:{region.start + 1:,}-{region.end:,}"

    @cached_property
    def opening(self) -> Region:
        """Where the app opens: the strongest CTCF peak on accessible chromatin, else the highest
        observed signal."""
        peaks = self.peaks
        ctcf = peaks[peaks["target"] == "CTCF"]
        dnase = peaks[peaks["target"].str.upper().str.startswith("DNASE")]
        for row in ctcf.sort_values("signal", ascending=False).itertuples():
            same = dnase[dnase["chrom"] == row.chrom]
            if ((same["start"] < row.summit) & (same["end"] > row.summit)).any():
                return around(row.chrom, row.summit, row.summit + 1, 10_000, self.chroms)
        chrom = next(iter(self.chroms))
        first = self._observed[chrom][next(iter(self.tracks))]
        middle = self.chroms[chrom][0] + int(first.argmax()) * GRID_BP
        return around(chrom, middle, middle + 1, 10_000, self.chroms)

    def step(self, region: Region, kind: str, forward: bool) -> Region:
        """The next or previous feature from the window's centre, window width kept.

        ``kind`` is 'gene' or 'peak:<target>'.

        Raises
        ------
        RegionError
            When there is none in that direction, or the kind is unknown.
        """
        if kind == "gene":
            frame, what = self.genes, "gene"
        elif kind.startswith("peak:") and kind[5:] in self.targets:
            frame, what = self.peaks[self.peaks["target"] == kind[5:]], f"{kind[5:]} peak"
        else:
            raise RegionError("choose what to step to from the list: genes or a set of peaks")
        here = frame[frame["chrom"] == region.chrom]
        centre = (here["start"].to_numpy() + here["end"].to_numpy()) // 2
        now = (region.start + region.end) // 2
        beyond = centre[centre > now + 1] if forward else centre[centre < now - 1]
        if len(beyond) == 0:
            side = "after" if forward else "before"
            raise RegionError(f"there is no {what} {side} this window on {region.chrom}")
        target = int(beyond.min() if forward else beyond.max())
        return around(region.chrom, target, target + 1, region.width, self.chroms)

    def metrics(self, encoding: str) -> pd.DataFrame:
        """Metrics of a model's predictions."""
        return read_parquet(self._run.folder(f"predictions_{encoding}") / "metrics.parquet")

    def curves(self, encoding: str) -> pd.DataFrame:
        """Training curves of a model."""
        return read_parquet(self._run.folder(f"model_{encoding}") / "curves.parquet")
