"""Motif hits of a window, and the next hit of a factor or a motif cluster.

A run stores how many motifs cover a base and a bin, never the hits themselves: there are about
four a base. They are found again in the part of the sequence that is looked at, by the scanner and
with the thresholds that made the run; a run that was made from ready hits has them stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import RegionError
from vizapp.state import Region, around

if TYPE_CHECKING:
    from precompute.attribution.hits import MotifFinder
    from precompute.ready_hits.stored import StoredHits

#: Sequence that is looked through at a time for the next hit, bp: more and more, for most are near.
_FIRST_BP, _MOST_BP = 1 << 15, 1 << 20

#: Factors and clusters whose scanners are kept.
_KEPT_SCANNERS = 32


class Found(NamedTuple):
    """Hits that touch a window, in the order of their start.

    Attributes
    ----------
    feature : int64 (n,), row of the artefact ``features``
    start, end : int64 (n,), bp of the chromosome, half-open
    bits : float64 (n,), log2 odds; NaN where the run was made from ready hits
    """

    feature: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    bits: NDArray[np.float64]

    def take(self, chosen: NDArray) -> Found:
        """The chosen hits: a mask or indices."""
        return Found(*(column[chosen] for column in self))


class MotifHits:
    """Hits of a run's motif profiles.

    Parameters
    ----------
    run : the run's folder
    chroms : region of each chromosome that the run covers
    codes : gives the base codes of a region
    """

    def __init__(
        self, run: RunFolder, chroms: dict[str, tuple[int, int]],
        codes: Callable[[Region], NDArray[np.uint8]],
    ) -> None:
        self._run, self._chroms, self._codes = run, chroms, codes
        features = run.table("features")
        self.names: list[str] = features["tf"].tolist()[:-2]
        self.strands: list[str] = features["strand"].tolist()[:-2]
        self.profile_ids: list[str] = features["profile_id"].tolist()[:-2]
        self._width = features["width"].to_numpy()[:-2].astype(np.int64)
        self._lock = threading.Lock()
        self._some = lru_cache(maxsize=_KEPT_SCANNERS)(self._some_profiles)

    @cached_property
    def clusters(self) -> NDArray[np.int64]:
        """int64 (n_features,): motif cluster of each motif feature."""
        table = self._run.table("feature_clusters").sort_values("feature")
        return table["cluster"].to_numpy()[: len(self.names)].astype(np.int64)

    @cached_property
    def factors(self) -> dict[str, NDArray[np.int64]]:
        """Features of each transcription factor, by its name."""
        found: dict[str, list[int]] = {}
        for feature, name in enumerate(self.names):
            found.setdefault(name, []).append(feature)
        return {name: np.array(rows) for name, rows in sorted(found.items())}

    @cached_property
    def clusters_with_hits(self) -> frozenset[int]:
        """Motif clusters that hold a motif's feature: all but that of CpG alone."""
        return frozenset(self.clusters.tolist())

    # -- finding -----------------------------------------------------------------------------

    @cached_property
    def _is_stored(self) -> bool:
        return self._run.exists("hits") and self._run.group("hits").attrs["source"] != "scan"

    @cached_property
    def _stored(self) -> StoredHits:
        from precompute.ready_hits.stored import StoredHits

        return StoredHits(self._run)

    @cached_property
    def _all(self) -> MotifFinder:
        from precompute.attribution.hits import run_finder

        return run_finder(self._run)

    def _some_profiles(self, rows: tuple[int, ...]) -> MotifFinder:
        """The finder of a few profiles, which is much faster than that of all."""
        from precompute.attribution.hits import MotifFinder, motif_config
        from precompute.motifs import load_profiles

        profiles = load_profiles(motif_config(self._run))
        return MotifFinder([profiles[row] for row in rows])

    def window(self, region: Region) -> Found:
        """Hits of all profiles that touch a window.

        Raises
        ------
        MotiflensError
            When the profiles that the run was made with are gone.
        """
        with self._lock:  # made once, however many ask
            if not self._is_stored:
                len(self._all.profiles)
        return self._find(region, None)

    def _find(self, region: Region, features: NDArray[np.int64] | None) -> Found:
        low, high = self._chroms[region.chrom]
        halo = int(self._width.max())
        wide = Region(region.chrom, max(low, region.start - halo), min(high, region.end + halo))
        if self._is_stored:
            feature, start = self._stored.find(*region)
            kept = np.ones(len(feature), bool) if features is None else np.isin(feature, features)
            rows = feature[kept].astype(np.int64)
            found = Found(rows, start[kept], start[kept] + self._width[rows],
                          np.full(len(rows), np.nan))
            found = found.take(np.lexsort((found.feature, found.start)))
        else:
            found = self._scan(wide, features)
        return found.take((found.end > region.start) & (found.start < region.end))

    def _scan(self, wide: Region, features: NDArray[np.int64] | None) -> Found:
        if features is None:
            hits, rows = self._all.find(self._codes(wide)), None
        else:
            profiles = np.unique(features // 2)
            with self._lock:
                finder = self._some(tuple(profiles.tolist()))
            hits = finder.find(self._codes(wide))
            rows = np.stack([2 * profiles, 2 * profiles + 1], axis=1).ravel()
        feature = hits.feature if rows is None else rows[hits.feature]
        found = Found(feature, wide.start + hits.start, wide.start + hits.end, hits.score / 100)
        return found if features is None else found.take(np.isin(feature, features))

    # -- stepping ----------------------------------------------------------------------------

    def chosen(self, kind: str, labels: list[str]) -> tuple[NDArray[np.int64], str]:
        """Features of a kind to step to, 'motif:<factor>' or 'cluster:<number>', and its name.

        Raises
        ------
        RegionError
            When the run has none such.
        """
        what, _, name = kind.partition(":")
        if what == "motif" and name in self.factors:
            return self.factors[name], f"{name} motif hit"
        if what == "cluster" and name.isascii() and name.isdigit() and int(name) < len(labels):
            rows = np.flatnonzero(self.clusters == int(name))
            if len(rows):
                return rows, f"hit of motif cluster {labels[int(name)]}"
        raise RegionError(
            f"there are no motif hits of {kind[:40]!r} to step to; choose a factor or a motif "
            "cluster from the list"
        )

    def step(
        self, now: Region, features: NDArray[np.int64], what: str, forward: bool
    ) -> Region:
        """The next or previous hit from the window's centre, window width kept.

        Raises
        ------
        RegionError
            When there is none in that direction on the chromosome.
        """
        middle = (now.start + now.end) // 2
        for block in self._blocks(now.chrom, middle, forward):
            found = self._find(block, features)
            centre = (found.start + found.end) // 2
            inside = (centre >= block.start) & (centre < block.end)
            beyond = centre[inside & (centre > middle + 1 if forward else centre < middle - 1)]
            if len(beyond):
                target = int(beyond.min() if forward else beyond.max())
                return around(now.chrom, target, target + 1, now.width, self._chroms)
        side = "after" if forward else "before"
        raise RegionError(
            f"there is no {what} {side} this window on {now.chrom}; step the other way"
        )

    def _blocks(self, chrom: str, middle: int, forward: bool) -> Iterator[Region]:
        """Stretches from a base on, away from it to the end of the chromosome."""
        low, high = self._chroms[chrom]
        size, at = _FIRST_BP, middle
        while low < at if not forward else at < high:
            end = min(high, at + size) if forward else max(low, at - size)
            yield Region(chrom, min(at, end), max(at, end))
            at, size = end, min(_MOST_BP, 4 * size)
