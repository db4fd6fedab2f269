"""How well a score ranks bound sites above others: ROC AUC and AUPR with bootstrap intervals.

The bootstrap draws regions, not sites: sites of one region are not independent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Quality(NamedTuple):
    """Areas under the ROC and precision-recall curves with 95 % intervals."""

    auc: float
    auc_low: float
    auc_high: float
    aupr: float
    aupr_low: float
    aupr_high: float


def _areas(
    group: NDArray[np.int64], positive: NDArray[np.float64], negative: NDArray[np.float64]
) -> tuple[float, float]:
    """Areas of weighted sites ordered by falling score; ``group`` numbers equal scores."""
    n = int(group[-1]) + 1
    hits = np.bincount(group, positive, n)
    misses = np.bincount(group, negative, n)
    all_hits, all_misses = hits.sum(), misses.sum()
    if all_hits == 0 or all_misses == 0:
        return float("nan"), float("nan")
    found, wrong = np.cumsum(hits), np.cumsum(misses)
    auc = float((misses * (found - hits / 2)).sum() / (all_hits * all_misses))
    with np.errstate(invalid="ignore"):
        precision = np.where(found + wrong > 0, found / (found + wrong), 1.0)
    return auc, float((precision * hits).sum() / all_hits)


def quality(
    score: NDArray[np.floating], bound: NDArray[np.bool_], region: NDArray[np.integer],
    rng: np.random.Generator, resamples: int = 200,
) -> Quality:
    """ROC AUC (ties count one half) and average precision of a score.

    Parameters
    ----------
    score : float (n,), higher should mean bound
    bound : bool (n,); both values must occur
    region : int (n,), region of each site, from 0
    rng : for the bootstrap
    resamples : draws of as many regions as there are, with replacement; draws without a bound or
        without an unbound site are left out
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    group = np.concatenate([[0], np.cumsum(ordered[1:] != ordered[:-1])]).astype(np.int64)
    hit = bound[order].astype(np.float64)
    auc, aupr = _areas(group, hit, 1 - hit)
    names, place = np.unique(region[order], return_inverse=True)
    drawn = []
    for _ in range(resamples):
        weight = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        w = weight[place].astype(np.float64)
        drawn.append(_areas(group, hit * w, (1 - hit) * w))
    both = np.array(drawn)
    both = both[~np.isnan(both[:, 0])]
    if not len(both):
        return Quality(auc, np.nan, np.nan, aupr, np.nan, np.nan)
    (auc_low, aupr_low), (auc_high, aupr_high) = np.quantile(both, [0.025, 0.975], axis=0)
    return Quality(
        auc, float(auc_low), float(auc_high), aupr, float(aupr_low), float(aupr_high)
    )
