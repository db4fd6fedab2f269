"""What is explained, and what an explanation of a window holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.errors import RegionError, StageError
from precompute.models.sparse import SparseRows


class Interval(NamedTuple):
    """Half-open interval, bp."""

    start: int
    end: int


@dataclass(frozen=True)
class WindowAttribution:
    """What each input of a window adds to the mean predicted signal of its target.

    Attributes
    ----------
    encoding, method, baseline, track : what was explained and how
    chrom : chromosome
    edges : int64 (n + 1,), bp, of the bins (tokens) or the 16-bp cells (one-hot) read
    target : the explained interval, bp
    prediction, baseline_prediction : mean predicted signal per base of the target, in the track's
        unit, for the window and for the baseline
    error : completeness error, |sum of contributions - (prediction - baseline_prediction)| as a
        share of |prediction - baseline_prediction|; not small for Input x Gradient, whose
        contributions need not add up
    rows : tokens only: contribution of each motif cluster that a bin holds, as sparse rows
        (bins, clusters) with float64 values
    absent : tokens only: float64 (bins,), contributions of what a bin does not hold
    bases : one-hot only: float64 (4, bp) of the inputs A, C, G, T from ``edges[0]`` on
    """

    encoding: str
    method: str
    baseline: str
    track: str
    chrom: str
    edges: NDArray[np.int64]
    target: Interval
    prediction: float
    baseline_prediction: float
    error: float
    rows: SparseRows | None = None
    absent: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    bases: NDArray[np.float64] = field(default_factory=lambda: np.zeros((4, 0)))

    def per_cluster(self) -> NDArray[np.float64]:
        """float64 (clusters,): contributions of the present motif clusters, summed over bins."""
        if self.rows is None:
            raise StageError("one-hot attributions belong to bases, not to motif clusters")
        summed = np.bincount(self.rows.indices, self.rows.values, self.rows.n_columns)
        return np.asarray(summed, dtype=np.float64)

    def per_base(self) -> NDArray[np.float64]:
        """float64 (bp,): contribution at each base, summed over the four inputs."""
        return np.asarray(self.bases.sum(axis=0))


def relative_error(total: float, prediction: float, baseline_prediction: float) -> float:
    """Completeness error as a share of the change that is to be explained."""
    gap = prediction - baseline_prediction
    off = abs(total - gap)
    if gap == 0:
        return 0.0 if off == 0 else float("inf")
    return off / abs(gap)


def checked_target(
    target: Interval | tuple[int, int] | None, start: int, end: int
) -> Interval:
    if target is None:
        quarter = (end - start) // 4
        return Interval(start + quarter, end - quarter)
    aim = Interval(*target)
    if not start <= aim.start < aim.end <= end:
        raise RegionError(
            f"the target {aim.start:,}-{aim.end:,} is not inside the window {start:,}-{end:,}; "
            "choose an interval inside"
        )
    return aim


def positions(edges: NDArray[np.int64], start: int, end: int) -> tuple[int, int]:
    """Positions that overlap ``[start, end)``."""
    lo = int(np.searchsorted(edges, start, side="right")) - 1
    return lo, int(np.searchsorted(edges, end, side="left"))


def overlap_weights(edges: NDArray[np.int64], aim: Interval) -> NDArray[np.float64]:
    """Weight of each position in the mean per base over an interval: bases it shares / width."""
    shared = np.minimum(edges[1:], aim.end) - np.maximum(edges[:-1], aim.start)
    return np.maximum(shared, 0) / (aim.end - aim.start)
