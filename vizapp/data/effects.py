"""What each motif cluster adds to the predicted signal, over the whole run, and which meet."""

from __future__ import annotations

import itertools
import threading
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import MotiflensError

#: Stored contributions read at most; a larger run is read in stretches spread evenly over it.
MAX_READ = 200_000_000
_BLOCK = 1 << 22


class EffectError(MotiflensError):
    """A motif cluster that the run has not."""


class Effects(NamedTuple):
    """One row a cluster, and on how many of all bins it stands.

    ``table`` has ``bins`` (bins of those read that hold any of the cluster), ``mean`` and
    ``mean_abs`` (contribution where it is, in the unit of the target) and ``total``.
    """

    table: pd.DataFrame
    n_bins: int
    n_all: int


class Meeting(NamedTuple):
    """How often two clusters are in one word: bins with either, both, and both by chance."""

    first: int
    second: int
    both: int
    expected: float

    @property
    def log2_ratio(self) -> float:
        """log2 of both over chance; NaN when one never occurs, -inf when they never meet."""
        if self.expected == 0:
            return float("nan")
        return float(np.log2(self.both / self.expected)) if self.both else float("-inf")


class EffectData:
    """Contributions of the token model, summed by cluster; read once, a block at a time.

    Parameters
    ----------
    run : with ``attributions_tokens``
    n_clusters : number of motif clusters
    """

    def __init__(self, run: RunFolder, n_clusters: int) -> None:
        self._run, self._n = run, n_clusters
        self._lock = threading.Lock()

    @cached_property
    def about(self) -> dict[str, str]:
        """Explained track, baseline and target."""
        attrs = self._run.group("attributions_tokens").attrs
        return {name: str(attrs[name]) for name in ("track", "baseline", "target")}

    @cached_property
    def effects(self) -> Effects:
        """Sums over the run, or over evenly spread stretches of a large one."""
        with self._lock:
            return self._read()

    def _read(self) -> Effects:
        group = self._run.group("attributions_tokens")
        chroms = list(group.attrs["chroms"])
        bins, total, absolute = np.zeros(self._n), np.zeros(self._n), np.zeros(self._n)
        stored = sum(int(group[f"{c}/values"].shape[0]) for c in chroms)
        every = max(1, -(-stored // MAX_READ))
        read = n_all = 0
        for chrom in chroms:
            indptr = group[f"{chrom}/indptr"][:]
            n_all += len(indptr) - 1
            cuts = np.searchsorted(indptr, np.arange(0, indptr[-1] + _BLOCK, _BLOCK))
            cuts = np.unique(np.minimum(cuts, len(indptr) - 1))
            for lo, hi in list(itertools.pairwise(cuts.tolist()))[::every]:
                part = slice(int(indptr[lo]), int(indptr[hi]))
                cluster = group[f"{chrom}/indices"][part].astype(np.int64)
                value = group[f"{chrom}/values"][part].astype(np.float64)
                bins += np.bincount(cluster, minlength=self._n)
                total += np.bincount(cluster, value, self._n)
                absolute += np.bincount(cluster, np.abs(value), self._n)
                read += int(hi - lo)
        with np.errstate(invalid="ignore", divide="ignore"):
            table = pd.DataFrame({
                "bins": bins.astype(np.int64), "mean": total / bins,
                "mean_abs": absolute / bins, "total": total,
            })
        return Effects(table, read, n_all)


def meeting(first: NDArray, second: NDArray, frequency: NDArray[np.integer]) -> Meeting:
    """How often two motif clusters share a bin's word, against chance.

    Parameters
    ----------
    first, second : words that hold each cluster, rising
    frequency : int64 (n_words,), bins of each word
    """
    a, b = int(frequency[first].sum()), int(frequency[second].sum())
    both = int(frequency[np.intersect1d(first, second)].sum())
    n = int(frequency.sum())
    return Meeting(a, b, both, a * b / n if n else 0.0)
