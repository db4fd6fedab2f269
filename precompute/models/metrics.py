"""How good a prediction is, with everything a number needs beside it.

Correlations ignore positions where either side is NaN, and are NaN where one side is constant.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pearson(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson r of two arrays of one shape; NaN below 3 values or for a constant side."""
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    keep = np.isfinite(a) & np.isfinite(b)
    a, b = a[keep], b[keep]
    if len(a) < 3:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 0 else float("nan")


def spearman(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Spearman's rank correlation, mid-ranks for ties."""
    from scipy.stats import rankdata

    a, b = np.ravel(a), np.ravel(b)
    keep = np.isfinite(a) & np.isfinite(b)
    return pearson(rankdata(a[keep]), rankdata(b[keep]))


def coarsen(values: NDArray[np.floating], factor: int) -> NDArray[np.float64]:
    """Means of ``factor`` consecutive values; an incomplete last group is dropped."""
    n = len(values) // factor * factor
    return np.asarray(values[:n], dtype=np.float64).reshape(-1, factor).mean(axis=1)


def resample(
    values: NDArray[np.floating], edges: NDArray[np.integer], grid: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Length-weighted means over grid cells of a step function.

    Parameters
    ----------
    values : (n,), value on each interval between consecutive ``edges``
    edges : (n + 1,), bp, rising
    grid : (m + 1,), bp, rising, within ``edges``

    Returns
    -------
    float64 (m,)
    """
    edges = np.asarray(edges, dtype=np.float64)
    area = np.concatenate([[0.0], np.cumsum(np.asarray(values, np.float64) * np.diff(edges))])
    return np.diff(np.interp(grid, edges, area)) / np.diff(grid)


class CorrelationSums:
    """Pearson r of each track from batches, in memory that does not grow.

    Parameters
    ----------
    n_tracks : tracks of the batches
    """

    def __init__(self, n_tracks: int) -> None:
        self._sums = np.zeros((n_tracks, 6))

    def add(self, predicted: NDArray[np.floating], observed: NDArray[np.floating]) -> None:
        """Add (batch, tracks, positions); positions where either side is not finite are left out.
        """
        p, o = np.asarray(predicted, np.float64), np.asarray(observed, np.float64)
        keep = np.isfinite(p) & np.isfinite(o)
        p, o = np.where(keep, p, 0), np.where(keep, o, 0)
        parts = (keep, p, o, p * p, o * o, p * o)
        self._sums += np.stack([part.sum(axis=(0, 2)) for part in parts], axis=1)

    def pearson(self) -> NDArray[np.float64]:
        """float64 (tracks,); NaN below 3 values or for a constant side."""
        n, p, o, pp, oo, po = self._sums.T
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = (pp - p * p / n) * (oo - o * o / n)
            r = (po - p * o / n) / np.sqrt(spread)
        return np.where((n >= 3) & (spread > 1e-24 * pp * oo), r, np.nan)
