"""Windows of the run that are made of the same motif clusters as one that is looked at."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.composition import ROUNDING, cluster_weights, compositions
from precompute.errors import MotiflensError
from precompute.token_store import TokenStore
from vizapp.state import Region

#: Entries of the index that are read at a time.
_BLOCK = 1 << 21
_SHARED = 4


class NeighborError(MotiflensError):
    """A window that cannot be compared."""


class Alike(NamedTuple):
    """A window like the one that was asked for.

    Attributes
    ----------
    region : where it is
    similarity : 0 to 1
    shared : motif clusters that make the similarity, the largest share first
    """

    region: Region
    similarity: float
    shared: list[int]


class Neighbors(NamedTuple):
    """What was asked for, what was found, and the similarity of all other windows.

    ``own`` are the clusters that say most of the window; ``median`` and ``percentile_99`` are over
    ``n_windows`` windows.
    """

    region: Region
    own: list[int]
    found: list[Alike]
    n_windows: int
    median: float
    percentile_99: float


class WindowNeighbors:
    """The index of windows; it is read anew for each question, a block at a time.

    Parameters
    ----------
    run : run folder; it may lack the artefact ``window_index``
    tokens : of the run
    chroms : region of each chromosome
    """

    def __init__(
        self, run: RunFolder, tokens: TokenStore, chroms: dict[str, tuple[int, int]]
    ) -> None:
        self._run, self._tokens, self._chroms = run, tokens, chroms

    @property
    def is_there(self) -> bool:
        """Whether windows were indexed."""
        return self._run.exists("window_index")

    @cached_property
    def _group(self):  # type: ignore[no-untyped-def]
        return self._run.group("window_index")

    @cached_property
    def window_bp(self) -> int:
        """Length of a window."""
        return int(self._group.attrs["window_bp"])

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        attrs = self._group.attrs
        return cluster_weights(np.array(attrs["holders"]), int(attrs["n_windows"]))

    def middle(self, region: Region) -> Region:
        """The stretch of a window's length around the middle of a region."""
        low, high = self._chroms[region.chrom]
        width = min(self.window_bp, high - low)
        start = min(max((region.start + region.end - width) // 2, low), high - width)
        return Region(region.chrom, start, start + width)

    def vector(self, region: Region) -> NDArray[np.float64]:
        """What a stretch is made of, float64 (n_clusters,), of length 1.

        Raises
        ------
        NeighborError
            When its bins hold no motif cluster that tells one window from another.
        """
        edges = self._tokens.edges(region.chrom)[:-1]
        lo, hi = (int(k) for k in np.searchsorted(edges, [region.start, region.end]))
        attrs = self._group.attrs
        values = self._tokens.cluster_values(region.chrom, lo, hi)
        held = values.indices[values.data >= np.float32(attrs["threshold"] - ROUNDING)]
        counts = np.bincount(held, minlength=len(self._weights))
        made_of = compositions(counts[None], self._weights, int(attrs["most_clusters"]))
        if not len(made_of.indices):
            raise NeighborError(
                f"the {self.window_bp:,} bp in the middle of this window hold no motif: unknown "
                "sequence (N) or none at the words' threshold; move the window and ask again"
            )
        vector = np.zeros(len(self._weights))
        vector[made_of.indices] = made_of.values
        return vector

    def _similarities(self, chrom: str, vector: NDArray[np.float64]) -> NDArray[np.float32]:
        group = self._group[chrom]
        indptr = group["indptr"][:]
        out = np.zeros(len(indptr) - 1, dtype=np.float32)
        cuts = np.searchsorted(indptr, np.arange(0, indptr[-1] + _BLOCK, _BLOCK))
        cuts = np.unique(np.minimum(cuts, len(indptr) - 1))
        for lo, hi in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            part = slice(int(indptr[lo]), int(indptr[hi]))
            product = group["values"][part] * vector[group["indices"][part]]
            # A sum over no entry is 0 only where the row is left out.
            held = np.flatnonzero(np.diff(indptr[lo : hi + 1]))
            if len(held):
                out[lo + held] = np.add.reduceat(product, indptr[lo:hi][held] - part.start)
        return out

    def find(self, region: Region, most: int = 25) -> Neighbors:
        """The windows most like the middle of a region; those that touch it are left out.

        Raises
        ------
        NeighborError
            As :meth:`vector`.
        """
        here = self.middle(region)
        vector = self.vector(here)
        parts, places = [], []
        for number, chrom in enumerate(self._chroms):
            similarity = self._similarities(chrom, vector)
            low, high = self._chroms[chrom]
            start = low + self.window_bp * np.arange(len(similarity))
            apart = (start >= here.end) | (np.minimum(start + self.window_bp, high) <= here.start)
            if chrom != here.chrom:
                apart[:] = True
            parts.append(similarity[apart])
            kept = np.flatnonzero(apart)
            places.append(np.stack([np.full(len(kept), number), kept], axis=1))
        every, place = np.concatenate(parts), np.concatenate(places)
        best = np.argsort(-every, kind="stable")[:most]
        best = best[every[best] > 0]
        chroms = list(self._chroms)
        found = [
            self._alike(chroms[int(place[k, 0])], int(place[k, 1]), float(every[k]), vector)
            for k in best.tolist()
        ]
        median, top = np.quantile(every, (0.5, 0.99)) if len(every) else (0.0, 0.0)
        own = [int(c) for c in np.argsort(-vector, kind="stable")[:_SHARED] if vector[c] > 0]
        return Neighbors(here, own, found, len(every), float(median), float(top))

    def _alike(
        self, chrom: str, number: int, similarity: float, vector: NDArray[np.float64]
    ) -> Alike:
        group = self._group[chrom]
        lo, hi = (int(k) for k in group["indptr"][number : number + 2])
        cluster = group["indices"][lo:hi].astype(np.int64)
        share = group["values"][lo:hi] * vector[cluster]
        order = np.argsort(-share, kind="stable")[:_SHARED]
        low, high = self._chroms[chrom]
        start = low + number * self.window_bp
        return Alike(
            Region(chrom, start, min(start + self.window_bp, high)), similarity,
            [int(cluster[k]) for k in order if share[k] > 0],
        )
