"""Contributions that the run has stored: of motif clusters, and of bases, by window."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.recently_used import RecentlyUsed
from precompute.token_store import TokenStore
from vizapp.data.genome_arrays import StoredArray
from vizapp.data.genome_columns import GRID_BP, Steps, even_cuts
from vizapp.state import Region

#: Columns that a track is reduced to at most.
MAX_COLUMNS = 1200

#: Widest window whose attributions are drawn: beyond it a column would sum hundreds of bins.
MAX_ATTRIBUTION_BP = 500_000


class Heat(NamedTuple):
    """Contribution of the strongest motif clusters of a window, rows x columns."""

    edges: NDArray[np.int64]
    labels: list[str]
    values: NDArray[np.float32]
    error: float


class _Tiles(NamedTuple):
    """What was explained at a time: edges (positions) and the completeness error of each."""

    edges: NDArray[np.int64]
    error: NDArray[np.float64]

    def worst(self, lo: int, hi: int) -> float:
        """Largest error of the tiles that touch [lo, hi); NaN when one was left out."""
        first = int(np.searchsorted(self.edges, lo, side="right")) - 1
        last = int(np.searchsorted(self.edges, hi, side="left"))
        return float(self.error[first:last].max(initial=0))


class _Chromosome(NamedTuple):
    indptr: StoredArray
    indices: StoredArray
    values: StoredArray
    tiles: _Tiles
    bases: StoredArray
    base_tiles: _Tiles


def strongest(
    row: NDArray[np.integer], value: NDArray[np.floating], n_rows: int, most: int
) -> NDArray[np.int64]:
    """Rows with the largest summed |value|, strongest first; none that sums to 0."""
    total = np.bincount(row, np.abs(value), n_rows)
    top = np.argsort(-total, kind="stable")[:most]
    return top[total[top] > 0]


def heat_columns(
    top: NDArray[np.integer], n_rows: int, row: NDArray[np.integer], column: NDArray[np.integer],
    value: NDArray[np.floating], n_columns: int,
) -> NDArray[np.float32]:
    """float32 (len(top), n_columns): summed values of the chosen rows in each column."""
    place = np.full(n_rows, -1)
    place[top] = np.arange(len(top))
    kept = place[row] >= 0
    flat = place[row[kept]] * n_columns + column[kept]
    summed = np.bincount(flat, value[kept], len(top) * n_columns)
    return summed.reshape(len(top), n_columns).astype(np.float32)


class StoredAttributions:
    """Attributions that the pipeline made for the whole run.

    Parameters
    ----------
    run : run folder
    tokens : its bins
    chroms : region of each chromosome that the run covers
    labels : name of each motif cluster
    cache : keeps what was read last
    """

    def __init__(
        self, run: RunFolder, tokens: TokenStore, chroms: dict[str, tuple[int, int]],
        labels: list[str], cache: RecentlyUsed,
    ) -> None:
        self._run, self._tokens, self._chroms = run, tokens, chroms
        self._labels, self._cache = labels, cache

    @cached_property
    def about(self) -> dict[str, str]:
        """Explained track, baseline and target, as the artefact words them."""
        attributes = self._run.group("attributions_tokens").attrs
        return {k: str(attributes[k]) for k in ("track", "baseline", "target")}

    @cached_property
    def _of(self) -> dict[str, _Chromosome]:
        tokens, bases = (self._run.group(f"attributions_{e}") for e in ("tokens", "onehot"))

        def stored(group, chrom: str, name: str) -> StoredArray:  # type: ignore[no-untyped-def]
            array = group[f"{chrom}/{name}"]
            key = ("attributions", group is tokens, chrom, name)
            return StoredArray(self._cache, key, lambda lo, hi: array[lo:hi], array.shape[0])

        def tiles(group, chrom: str) -> _Tiles:  # type: ignore[no-untyped-def]
            return _Tiles(group[f"{chrom}/tile_edges"][:], group[f"{chrom}/tile_error"][:])

        return {
            c: _Chromosome(
                stored(tokens, c, "indptr"), stored(tokens, c, "indices"),
                stored(tokens, c, "values"), tiles(tokens, c),
                stored(bases, c, "values"), tiles(bases, c),
            )
            for c in self._chroms
        }

    def warm(self) -> None:
        """Open every chromosome."""
        len(self._of)

    def covers(self, region: Region, encoding: str) -> bool:
        """Whether all of a window was explained: a run may have explained its peaks alone."""
        arrays = self._of[region.chrom]
        if encoding == "tokens":
            return not np.isnan(arrays.tiles.worst(*self._tokens.bin_range(*region)))
        start = self._chroms[region.chrom][0]
        lo, hi = (region.start - start) // GRID_BP, (region.end - start) // GRID_BP + 1
        return not np.isnan(arrays.base_tiles.worst(lo, hi))

    def heat(
        self, region: Region, most: int = 12, loaded: Region | None = None,
        columns: int = MAX_COLUMNS,
    ) -> Heat | None:
        """DeepLIFT of the ``most`` clusters with the largest summed |contribution| in the window,
        over ``loaded`` (by default the window); None when the window is too wide."""
        if region.width > MAX_ATTRIBUTION_BP:
            return None
        arrays = self._of[region.chrom]
        lo, hi = self._tokens.bin_range(*(loaded or region))
        indptr = arrays.indptr.window(lo, hi + 1)
        part = int(indptr[0]), int(indptr[-1])
        inner = [b - lo for b in self._tokens.bin_range(*region)]
        seen = slice(*(int(indptr[b]) - part[0] for b in inner))
        cluster = arrays.indices.window(*part).astype(np.int64)
        value = arrays.values.window(*part)
        n_clusters = len(self._labels)
        top = strongest(cluster[seen], value[seen], n_clusters, most)
        cuts = even_cuts(hi - lo, columns)
        column = np.repeat(np.arange(len(cuts) - 1), np.diff(indptr[cuts]))
        values = heat_columns(top, n_clusters, cluster, column, value, len(cuts) - 1)
        edges = self._tokens.edges(region.chrom)[lo : hi + 1].astype(np.int64)[cuts]
        error = arrays.tiles.worst(*self._tokens.bin_range(*region))
        return Heat(edges, [self._labels[c] for c in top], values, error)

    def rows(self, region: Region) -> tuple[tuple[NDArray, NDArray, NDArray], int, float]:
        """CSR (indptr, cluster, value) of the window's bins, the first bin, and the error."""
        arrays = self._of[region.chrom]
        lo, hi = self._tokens.bin_range(*region)
        indptr = arrays.indptr.window(lo, hi + 1)
        part = int(indptr[0]), int(indptr[-1])
        csr = indptr - indptr[0], arrays.indices.window(*part), arrays.values.window(*part)
        return csr, lo, arrays.tiles.worst(lo, hi)

    def leading(self, region: Region) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """For each bin of the window the cluster that contributes most, either way, and the size
        of that contribution; 0 where there is none."""
        (indptr, cluster, value), _, _ = self.rows(region)
        held = np.flatnonzero(np.diff(indptr))
        found = np.zeros(len(indptr) - 1, dtype=np.int64)
        weight = np.zeros(len(indptr) - 1, dtype=value.dtype)
        if len(held):
            size = np.abs(value)
            weight[held] = np.maximum.reduceat(size, indptr[held])
            # The first of equal ones.
            leads = np.flatnonzero(size == np.repeat(weight, np.diff(indptr)))
            found[held] = cluster[leads[np.searchsorted(leads, indptr[held])]]
        return found, weight

    def bases(
        self, region: Region, loaded: Region | None = None, columns: int = MAX_COLUMNS
    ) -> tuple[Steps, float]:
        """One-hot model's contribution per base (summed over columns) over ``loaded``, by default
        the window, and the window's completeness error."""
        arrays = self._of[region.chrom]
        drawn = loaded or region
        start = self._chroms[region.chrom][0]
        values = arrays.bases.window(drawn.start - start, drawn.end - start)
        cuts = even_cuts(len(values), columns)
        summed = np.add.reduceat(values, cuts[:-1], dtype=np.float64)
        lo, hi = (region.start - start) // GRID_BP, (region.end - start) // GRID_BP + 1
        return Steps(drawn.start + cuts, summed), arrays.base_tiles.worst(lo, hi)
