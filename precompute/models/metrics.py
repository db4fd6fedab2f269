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
