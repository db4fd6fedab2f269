"""Reading tokens: slices of the sparse matrices of a run, by bin range.

A token is one bin's vector of motif occupancy. On disk it is integer counts of covered bases per
feature; ``feature values`` are counts / width, and ``cluster values`` are the mean of a motif
cluster's feature values (paper, sections on continuous tokens and motif clusters).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from precompute.artefacts import RunFolder
from precompute.errors import RegionError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


#: Rows that :meth:`TokenStore.rows` reads at a time: about 150 MB of counts and indices.
_GATHERED_ROWS = 100_000


class BinBlock(NamedTuple):
    """A run of consecutive bins ``[lo, hi)`` of one chromosome."""

    chrom: str
    lo: int
    hi: int


class TokenStore:
    """Tokens of one run, read lazily.

    Parameters
    ----------
    run : RunFolder with the artefacts ``bins``, ``tokens``, ``features`` and, for cluster values,
        ``feature_clusters``.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._edges: dict[str, NDArray[np.int32]] = {}
        self._indptr: dict[str, NDArray[np.int64]] = {}

    @cached_property
    def _bins_group(self):  # type: ignore[no-untyped-def]
        return self._run.group("bins")

    @cached_property
    def _tokens_group(self):  # type: ignore[no-untyped-def]
        return self._run.group("tokens")

    @cached_property
    def chroms(self) -> list[str]:
        """Chromosomes in the order of the configuration's regions (recorded in the attributes)."""
        return list(self._bins_group.attrs["chroms"])

    def edges(self, chrom: str) -> NDArray[np.int32]:
        """int32 (n_bins + 1,), absolute coordinates in bp."""
        if chrom not in self._edges:
            if chrom not in self.chroms:
                raise RegionError(
                    f"this run has no chromosome {chrom!r}, it has {', '.join(self.chroms)}; "
                    "choose one of them"
                )
            edges = self._bins_group[f"{chrom}/edges"][:]
            edges.setflags(write=False)
            self._edges[chrom] = edges
        return self._edges[chrom]

    def n_bins(self, chrom: str) -> int:
        """Number of bins of a chromosome."""
        return len(self.edges(chrom)) - 1

    def bin_range(self, chrom: str, start: int, end: int) -> tuple[int, int]:
        """Bins ``[lo, hi)`` that overlap ``[start, end)``; empty when none does."""
        edges = self.edges(chrom)
        # numpy's searchsorted would first cast all edges to the type of a Python int.
        lo = bisect_right(edges, start) - 1
        hi = bisect_left(edges, end)
        n = len(edges) - 1
        return max(0, min(lo, n)), max(0, min(hi, n))

    @cached_property
    def widths(self) -> NDArray[np.int32]:
        """int32 (n_features,), bp."""
        return self._run.table("features", ["width"])["width"].to_numpy(np.int32)

    @cached_property
    def feature_cluster(self) -> NDArray[np.int32]:
        """int32 (n_features,), motif cluster of each feature."""
        return self._run.table("feature_clusters")["cluster"].to_numpy(np.int32)

    @cached_property
    def n_clusters(self) -> int:
        """Number of motif clusters."""
        return int(self.feature_cluster.max()) + 1

    @cached_property
    def feature_to_cluster(self) -> csr_matrix:
        """CSR float32 (n_features, n_clusters): 1 / (width x members of the cluster)."""
        from scipy.sparse import csr_matrix

        cluster = self.feature_cluster
        size = np.bincount(cluster, minlength=self.n_clusters)
        weight = (1.0 / (self.widths * size[cluster])).astype(np.float32)
        n = len(cluster)
        return csr_matrix(
            (weight, cluster, np.arange(n + 1)), shape=(n, self.n_clusters), dtype=np.float32
        )

    def raw_counts(
        self, chrom: str, lo: int, hi: int
    ) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.unsignedinteger]]:
        """CSR of covered bases as stored, of bins ``[lo, hi)``: int64 (hi - lo + 1,) from 0,
        feature uint16 (nnz,) and count uint8 or uint16 (nnz,)."""
        if chrom not in self._indptr:
            self.edges(chrom)
            self._indptr[chrom] = self._tokens_group[f"{chrom}/indptr"][:]
        indptr = self._indptr[chrom][lo : hi + 1]
        first, last = int(indptr[0]), int(indptr[-1])
        group = self._tokens_group[chrom]
        return indptr - first, group["indices"][first:last], group["counts"][first:last]

    def counts(self, chrom: str, lo: int, hi: int) -> csr_matrix:
        """CSR uint16 (hi - lo, n_features): covered bases of bins ``[lo, hi)``."""
        from scipy.sparse import csr_matrix

        indptr, indices, counts = self.raw_counts(chrom, lo, hi)
        return csr_matrix(
            (counts.astype(np.uint16), indices.astype(np.int32), indptr),
            shape=(hi - lo, len(self.widths)),
        )

    def gather_counts(self, chrom: str, bins: NDArray[np.integer]) -> csr_matrix:
        """CSR uint16 (len(bins), n_features): covered bases of chosen bins, in that order.

        Each stored chunk is decoded once however many of the bins it holds, so this beats one
        :meth:`counts` per bin for a page of places, and :meth:`counts` beats it for a stretch.
        """
        from scipy.sparse import csr_matrix

        self.counts(chrom, 0, 0)
        ends = self._indptr[chrom]
        bins = np.asarray(bins, dtype=np.int64)
        sizes = ends[bins + 1] - ends[bins]
        indptr = np.concatenate([[0], np.cumsum(sizes)])
        place = np.repeat(ends[bins] - indptr[:-1], sizes) + np.arange(indptr[-1])
        group = self._tokens_group[chrom]
        shape = (len(bins), len(self.widths))
        if len(place) == 0:
            return csr_matrix(shape, dtype=np.uint16)
        indices = group["indices"].vindex[place].astype(np.int32)
        counts = group["counts"].vindex[place].astype(np.uint16)
        return csr_matrix((counts, indices, indptr), shape=shape)

    def feature_values(self, chrom: str, lo: int, hi: int) -> csr_matrix:
        """CSR float32 (hi - lo, n_features): covered bases / profile width."""
        from scipy.sparse import csr_matrix

        counts = self.counts(chrom, lo, hi)
        values = counts.data.astype(np.float32) / self.widths[counts.indices].astype(np.float32)
        return csr_matrix((values, counts.indices, counts.indptr), shape=counts.shape)

    def cluster_values(self, chrom: str, lo: int, hi: int) -> csr_matrix:
        """CSR float32 (hi - lo, n_clusters), sorted indices: mean feature value per cluster."""
        values = self.counts(chrom, lo, hi).astype(np.float32) @ self.feature_to_cluster
        values.sort_indices()
        return values

    def rows(self, chrom: str, bins: NDArray[np.integer]) -> csr_matrix:
        """CSR float32 (len(bins), n_clusters): cluster values of chosen bins, in that order."""
        from scipy.sparse import csr_matrix, vstack

        bins = np.asarray(bins, dtype=np.int64)
        if len(bins) == 0:
            return csr_matrix((0, self.n_clusters), dtype=np.float32)
        # Rising bins touch each stored chunk once; the steps bound the memory.
        order = np.argsort(bins, kind="stable")
        steps = range(0, len(order), _GATHERED_ROWS)
        parts = [self.gather_counts(chrom, bins[order[i : i + _GATHERED_ROWS]]) for i in steps]
        values = vstack(
            [part.astype(np.float32) @ self.feature_to_cluster for part in parts], format="csr"
        )
        values.sort_indices()
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return values[back]

    def blocks(self, size: int, chrom: str | None = None) -> Iterator[BinBlock]:
        """Consecutive blocks of at most ``size`` bins over one or all chromosomes."""
        for name in [chrom] if chrom is not None else self.chroms:
            n = self.n_bins(name)
            for lo in range(0, n, size):
                yield BinBlock(name, lo, min(lo + size, n))
