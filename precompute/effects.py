"""What each motif cluster adds to the predicted signal, over every explained bin that holds it.

The contributions stream by once, a stretch of the run at a time; sums of each stretch stay, so that
the interval of a mean takes neighbouring bins for what they are: not independent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.streaming import windows

if TYPE_CHECKING:
    import zarr

#: Contributions read at a time: some 100 MB with what is made of them.
_BLOCK = 1 << 22
_NORMAL_95 = 1.959963984540054


class EffectSums(NamedTuple):
    """Sums over the contributions of each motif cluster.

    Attributes
    ----------
    bins : int64 (n_stretches, n_clusters), bins that hold the cluster
    total : float64 (n_stretches, n_clusters), summed contribution
    absolute : float64 (n_clusters,), summed absolute contribution
    positive : int64 (n_clusters,), bins in which the contribution is above 0
    """

    bins: NDArray[np.int64]
    total: NDArray[np.float64]
    absolute: NDArray[np.float64]
    positive: NDArray[np.int64]

    @classmethod
    def zeros(cls, n_stretches: int, n_clusters: int) -> EffectSums:
        """Nothing summed yet."""
        return cls(
            np.zeros((n_stretches, n_clusters), np.int64), np.zeros((n_stretches, n_clusters)),
            np.zeros(n_clusters), np.zeros(n_clusters, np.int64),
        )

    def add(
        self, stretch: int, cluster: NDArray[np.integer], value: NDArray[np.floating]
    ) -> None:
        """Add the contributions ``value`` of ``cluster``, which lie in one stretch.

        NaN was left out by ``attributions.peaks`` and counts nowhere.
        """
        n, known = len(self.positive), np.isfinite(value)
        cluster, value = cluster[known].astype(np.int64), value[known].astype(np.float64)
        self.bins[stretch] += np.bincount(cluster, minlength=n)
        self.total[stretch] += np.bincount(cluster, value, n)
        self.absolute[:] += np.bincount(cluster, np.abs(value), n)
        self.positive[:] += np.bincount(cluster[value > 0], minlength=n)


def jackknife_interval(
    bins: NDArray[np.integer], total: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of the 95 % interval of a mean contribution, by leaving out one stretch at a time.

    Parameters
    ----------
    bins, total : (n_stretches, n_clusters), as in :class:`EffectSums`

    Returns
    -------
    two float64 (n_clusters,); NaN where fewer than two stretches hold the cluster

    References
    ----------
    Busing, Meijer & van der Leeden 1999, delete-m jackknife for unequal m
    (doi:10.1023/A:1008800423698): a mean over occurrences is a ratio of two sums.
    """
    n, held = bins.sum(axis=0), bins > 0
    n_held = held.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total.sum(axis=0) / n
        # What is left after a stretch gives back that stretch's own mean as its pseudo-value.
        own = np.where(held, total / np.where(held, bins, 1), mean)
        weight = bins / np.where(n > bins, n - bins, 1)
        error = np.sqrt((weight * (own - mean) ** 2).sum(axis=0) / n_held)
        error[n_held < 2] = np.nan
        low, high = mean - _NORMAL_95 * error, mean + _NORMAL_95 * error
    return low, high


def effect_table(sums: EffectSums) -> pd.DataFrame:
    """The artefact ``effects``: one row a motif cluster, NaN where no bin holds it."""
    n, total = sums.bins.sum(axis=0), sums.total.sum(axis=0)
    low, high = jackknife_interval(sums.bins, sums.total)
    with np.errstate(invalid="ignore", divide="ignore"):
        positive = sums.positive / n
        mean = total / n
        return pd.DataFrame({
            "cluster": np.arange(len(n), dtype=np.int32), "bins": n, "mean": mean,
            "mean_low": low, "mean_high": high, "mean_abs": sums.absolute / n, "total": total,
            "same_sign": np.where(mean >= 0, positive, 1 - positive),
        })


def summed(
    group: zarr.Group, chroms: list[str], n_clusters: int, n_stretches: int, context: StageContext
) -> EffectSums:
    """Sums of the stored contributions of a run.

    Parameters
    ----------
    group : artefact ``attributions_tokens``
    chroms, n_clusters : of the run
    n_stretches : equal stretches of bins that the run is cut into
    context : hears the progress
    """
    ends = {chrom: group[f"{chrom}/indptr"][:] for chrom in chroms}
    n_bins = sum(len(indptr) - 1 for indptr in ends.values())
    sums = EffectSums.zeros(n_stretches, n_clusters)
    before = 0
    for chrom in chroms:
        indptr = ends[chrom]
        n = len(indptr) - 1
        # Where stretches begin, in bins of this chromosome: they run on over its ends.
        cuts = -(-np.arange(n_stretches + 1) * n_bins // n_stretches) - before
        for stretch in range(n_stretches):
            lo, hi = (int(min(max(cut, 0), n)) for cut in cuts[stretch : stretch + 2])
            first, last = int(indptr[lo]), int(indptr[hi])
            for a, b in windows(last - first, _BLOCK):
                part = slice(first + a, first + b)
                cluster, value = group[f"{chrom}/indices"][part], group[f"{chrom}/values"][part]
                known = np.isfinite(value)
                sums.add(stretch, cluster[known], value[known])
            if hi > lo:
                context.progress(before + hi, n_bins, chrom)
        before += n
    return sums


def run(context: StageContext) -> Facts:
    """Write the artefact ``effects``."""
    run_folder, settings = context.run, context.config.effects
    group = run_folder.group("attributions_tokens")
    chroms = list(group.attrs["chroms"])
    sums = summed(group, chroms, len(group.attrs["mean_abs"]), settings.stretches, context)
    table = effect_table(sums)
    run_folder.write_table("effects", table)
    return {
        "peaks": list(group.attrs.get("peaks", [])),
        "track": group.attrs["track"], "baseline": group.attrs["baseline"],
        "stretches": settings.stretches,
        "bins": sum(int(group[f"{c}/indptr"].shape[0]) - 1 for c in chroms),
        "clusters_present": int((table["bins"] > 0).sum()),
    }
