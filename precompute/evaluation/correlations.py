"""Pearson and Spearman of predictions, with intervals from a bootstrap over windows.

A window (20 kb for the paper's 1,250 bins) is a block: neighbouring cells are anything but
independent, so whole windows are drawn with replacement (block bootstrap; Kunsch 1989,
doi:10.1214/aos/1176347265). Draws depend on the seed, the set and the number of windows only:
every predictor meets the same ones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.models.metrics import pearson, spearman


class Interval(NamedTuple):
    """A number and its 95 % interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def draws(n_windows: int, resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each window is drawn: (resamples, n_windows); rows add up to n_windows."""
    if n_windows == 0:
        return np.zeros((resamples, 0))
    share = np.full(n_windows, 1.0 / n_windows)
    return rng.multinomial(n_windows, share, size=resamples).astype(np.float64)


def percentiles(samples: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of samples; NaN when fewer than half of them are defined."""
    known = samples[np.isfinite(samples)]
    if len(known) < max(2, len(samples) / 2):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def grouped(values: NDArray[np.floating], factor: int) -> NDArray[np.float64]:
    """Means of ``factor`` consecutive cells in each window; NaN where one of them is."""
    n = values.shape[1] // factor * factor
    shaped = np.asarray(values[:, :n], dtype=np.float64).reshape(len(values), -1, factor)
    return shaped.mean(axis=2)


def window_sums(
    predicted: NDArray[np.floating], observed: NDArray[np.floating]
) -> NDArray[np.float64]:
    """n, sums, sums of squares and of products: float64 (windows, 6); NaN counts nowhere.

    Both sides are centred on their mean first, which changes no correlation and keeps digits.
    """
    p, o = np.asarray(predicted, np.float64), np.asarray(observed, np.float64)
    keep = np.isfinite(p) & np.isfinite(o)
    n = max(1, int(keep.sum()))
    p = np.where(keep, p - np.where(keep, p, 0).sum() / n, 0)
    o = np.where(keep, o - np.where(keep, o, 0).sum() / n, 0)
    return np.stack([x.sum(axis=1) for x in (keep, p, o, p * p, o * o, p * o)], axis=1)


def r_of_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson r of (..., 6) sums; NaN below 3 values or for a constant side."""
    n, p, o, pp, oo, po = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = pp - p * p / n, oo - o * o / n
        r = (po - p * o / n) / np.sqrt(a * b)
    return np.where((n >= 3) & (a > 1e-12 * pp) & (b > 1e-12 * oo), r, np.nan)


def correlation(
    predicted: NDArray[np.floating], observed: NDArray[np.floating], times: NDArray[np.float64]
) -> Interval:
    """Pearson r over all windows, with its interval.

    Parameters
    ----------
    predicted, observed : (windows, cells)
    times : of :func:`draws`
    """
    low, high = percentiles(r_of_sums(times @ window_sums(predicted, observed)))
    return Interval(pearson(predicted, observed), low, high)


def rank_correlation(
    predicted: NDArray[np.floating], observed: NDArray[np.floating]
) -> float:
    """Spearman's rho over all windows."""
    return spearman(predicted, observed)


def window_r(
    predicted: NDArray[np.floating], observed: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Pearson r of each window, float64 (windows,); NaN where under half of its cells are known
    or one side is constant."""
    known = (np.isfinite(predicted) & np.isfinite(observed)).mean(axis=1) >= 0.5
    r = [pearson(p, o) if k else float("nan")
         for p, o, k in zip(predicted, observed, known, strict=True)]
    return np.array(r, dtype=np.float64)


class Paired(NamedTuple):
    """Mean difference of two predictors' r per window, and whether it could be chance."""

    windows: int
    difference: Interval
    p_value: float
    reason: str


def paired(
    first: NDArray[np.float64], second: NDArray[np.float64], times: NDArray[np.float64]
) -> Paired:
    """r per window of ``first`` minus ``second``, on windows where both are defined.

    The interval is of the block bootstrap, p of Wilcoxon's signed-rank test (two-sided).
    """
    from scipy.stats import wilcoxon

    change = first - second
    keep = np.isfinite(change)
    nan = float("nan")
    if keep.sum() < 6:
        why = f"{int(keep.sum())} windows have an r from both, and 6 are needed"
        return Paired(int(keep.sum()), Interval(nan, nan, nan), nan, why)
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = times @ np.where(keep, change, 0) / (times @ keep)
    difference = Interval(float(change[keep].mean()), *percentiles(samples))
    if not change[keep].any():
        return Paired(int(keep.sum()), difference, 1.0, "both are the same in every window")
    return Paired(int(keep.sum()), difference, float(wilcoxon(change[keep]).pvalue), "")
