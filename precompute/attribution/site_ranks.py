"""How high a factor's motif clusters rank among all at a site, by what they add to the signal.

For tokens a cluster's attribution is the model's own, summed over the bins of the site; for one-hot
sequence it is the sum over the bases that the cluster's motif hits cover, each base once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.attribution.engine import WindowExplainer
from precompute.attribution.hits import MotifFinder, covered_sums
from precompute.errors import StageError

#: Sites are this many bp around a summit, and read with as much again on either side.
SITE_BP = 200


class SiteRank(NamedTuple):
    """Rank of a factor's best cluster at a site.

    ``rank`` counts from 1; 0 where no cluster of the factor is present. ``present`` clusters have
    a motif at the site, ``own`` of them are the factor's.
    """

    chrom: str
    start: int
    end: int
    rank: int
    present: int
    own: int


def cluster_sums(
    explainer: WindowExplainer, finder: MotifFinder, assignment: NDArray[np.integer], chrom: str,
    start: int, end: int, method: str = "deeplift",
) -> NDArray[np.float64]:
    """Attribution of each motif cluster at a site; NaN where it has no motif there."""
    n_clusters = int(assignment.max()) + 1
    margin = (end - start) // 2
    edges = explainer.source.edges(chrom)
    low, high = max(int(edges[0]), start - margin), min(int(edges[-1]), end + margin)
    baseline = "zero" if method == "input_x_gradient" else "background"
    found = explainer.explain(chrom, low, high, method, baseline, (start, end))
    if found.rows is not None:
        bins = np.repeat(np.arange(found.rows.n_rows), np.diff(found.rows.indptr))
        inside = (found.edges[1:][bins] > start) & (found.edges[:-1][bins] < end)
        column = found.rows.indices[inside]
        sums = np.bincount(column, found.rows.values[inside], n_clusters)
        sums[np.bincount(column, minlength=n_clusters) == 0] = np.nan
        return np.asarray(sums)
    offset = explainer.source.start(chrom)
    first, last = max(start, int(found.edges[0])), min(end, int(found.edges[-1]))
    hits = finder.find(explainer.source.codes(chrom)[first - offset : last - offset])
    values = found.per_base()[first - int(found.edges[0]) : last - int(found.edges[0])]
    return covered_sums(hits, assignment[hits.feature], n_clusters, values)


def rank_of(sums: NDArray[np.float64], own: NDArray[np.integer]) -> tuple[int, int, int]:
    """Rank of the best of ``own`` by descending sum, clusters present, and own ones present.

    Ties count against the factor.
    """
    present = ~np.isnan(sums)
    mine = sums[own][present[own]]
    if not len(mine):
        return 0, int(present.sum()), 0
    others = np.delete(sums, own)
    rank = 1 + int((others[~np.isnan(others)] >= mine.max()).sum())
    return rank, int(present.sum()), len(mine)


def factor_sites(
    peaks: pd.DataFrame, factor: str, accessible: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summits of a factor's peaks inside accessible peaks, and of accessible peaks without one.

    Returns
    -------
    Two tables (chrom, summit), sorted.

    Raises
    ------
    StageError
        When the run has no peaks of one of the sets.
    """
    sets = {}
    for name in (factor, accessible):
        sets[name] = peaks[peaks["target"] == name].sort_values(["chrom", "start"])
        if sets[name].empty:
            raise StageError(
                f"the run has no {name} peaks; it has "
                f"{', '.join(sorted(peaks['target'].unique())[:20])}"
            )
    bound, free = [], []
    for chrom, theirs in sets[accessible].groupby("chrom"):
        mine = sets[factor][sets[factor]["chrom"] == chrom]
        touches = overlaps(mine, theirs)
        bound.append(mine[touches][["chrom", "summit"]])
        free.append(theirs[~overlaps(theirs, mine)][["chrom", "summit"]])
    return pd.concat(bound, ignore_index=True), pd.concat(free, ignore_index=True)


def overlaps(these: pd.DataFrame, others: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each interval overlaps any of the others; one chromosome."""
    ends = np.sort(others["end"].to_numpy())
    starts = np.sort(others["start"].to_numpy())
    before = np.searchsorted(starts, these["end"].to_numpy(), side="left")
    gone = np.searchsorted(ends, these["start"].to_numpy(), side="right")
    return np.asarray(before > gone)


def rank_sites(
    explainer: WindowExplainer, finder: MotifFinder, assignment: NDArray[np.integer],
    own: NDArray[np.integer], sites: pd.DataFrame, method: str = "deeplift",
) -> list[SiteRank]:
    """Rank of the factor's best cluster at each site (columns chrom, summit)."""
    found = []
    for chrom, summit in zip(sites["chrom"], sites["summit"], strict=True):
        edges = explainer.source.edges(chrom)
        start = min(max(int(edges[0]), int(summit) - SITE_BP // 2), int(edges[-1]) - SITE_BP)
        sums = cluster_sums(explainer, finder, assignment, chrom, start, start + SITE_BP, method)
        found.append(SiteRank(chrom, start, start + SITE_BP, *rank_of(sums, own)))
    return found


def chance(ranks: list[SiteRank], top: int) -> float:
    """Share of sites at which one of the factor's clusters would be among the first ``top`` if
    the present clusters were in random order."""
    shares = []
    for site in ranks:
        others, n = site.present - site.own, site.present
        steps = np.arange(min(top, n))
        missed = np.prod(np.maximum(others - steps, 0) / (n - steps)) if site.own else 1.0
        shares.append(1.0 - float(missed))
    return float(np.mean(shares)) if shares else float("nan")
