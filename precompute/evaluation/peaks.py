"""Peaks called on a track, and how they and the track itself agree with reference peaks.

Calling: a gaussian over the assembled track, ``scipy.signal.find_peaks`` above a height, and each
peak's width at half of its prominence; touching peaks are merged. The gaussian and the height are
swept on the *measured* track of the validation set against the reference peaks. The height is
swept as a quantile of the smoothed track, so that it means the same for every predictor whatever
its unit (paper, section on models; the sweep on the truth is the paper's).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.evaluation.correlations import Interval, percentiles

SIGMAS_CELLS = (1.0, 2.0, 4.0, 8.0)
QUANTILES = (0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
#: Cells that a peak's prominence is looked for in: 4 kb.
_REACH_CELLS = 257
#: Groups of scores for intervals of AUC and AUPR: half over all, half over the top 2 %.
_GROUPS = 256


class Calling(NamedTuple):
    """How peaks are called: gaussian in 16-bp cells, height as a quantile of the smoothed track."""

    sigma_cells: float
    quantile: float


class Confusion(NamedTuple):
    """Cells by what they are and what they are called."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


def ratio(a: float, b: float) -> float:
    """a / b, NaN for nothing over nothing."""
    return float(a / b) if b else float("nan")


def scores_of(c: Confusion) -> dict[str, float]:
    """MCC, accuracy, recall, precision, specificity and F1; NaN where a ratio has no base."""
    tp, fp, fn, tn = (float(x) for x in c)
    root = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "mcc": ratio(tp * tn - fp * fn, root),
        "accuracy": ratio(tp + tn, tp + fp + fn + tn),
        "recall": ratio(tp, tp + fn),
        "precision": ratio(tp, tp + fp),
        "specificity": ratio(tn, tn + fp),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
    }


def smoothed(stretch: NDArray[np.floating], sigma_cells: float) -> NDArray[np.float64]:
    """A gaussian over one stretch; cells that are not known count as 0."""
    from scipy.ndimage import gaussian_filter1d

    values = np.nan_to_num(np.asarray(stretch, dtype=np.float64), nan=0.0)
    out: NDArray[np.float64] = gaussian_filter1d(values, sigma_cells, mode="constant")
    return out


def height(stretches: Sequence[NDArray[np.floating]], calling: Calling) -> float:
    """The height that a quantile means on a track; above 0, so that zeros are no peak."""
    values = np.concatenate([smoothed(s, calling.sigma_cells) for s in stretches])
    if not len(values):
        return float("nan")
    return max(float(np.quantile(values, calling.quantile)), float(np.finfo(np.float64).tiny))


def call(
    stretch: NDArray[np.floating], sigma_cells: float, least: float
) -> NDArray[np.int64]:
    """Peaks of one stretch as cells: int64 (n, 2), half-open, rising, apart."""
    from scipy.signal import find_peaks, peak_widths

    values = smoothed(stretch, sigma_cells)
    if len(values) < 3 or not np.isfinite(least):
        return np.empty((0, 2), dtype=np.int64)
    # The ends count as valleys, so that a peak at the edge of a stretch is one.
    values = np.concatenate([[0.0], values, [0.0]])
    tops, _ = find_peaks(values, height=least)
    if not len(tops):
        return np.empty((0, 2), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a plateau has no prominence: its width is 0
        _, _, left, right = peak_widths(values, tops, rel_height=0.5, wlen=_REACH_CELLS)
    lo = np.clip(np.floor(left).astype(np.int64), 0, len(stretch) - 1)
    hi = np.clip(np.ceil(right).astype(np.int64), lo + 1, len(stretch))
    return merged(np.stack([lo, hi], axis=1))


def merged(spans: NDArray[np.integer]) -> NDArray[np.int64]:
    """Spans that touch or overlap made one; int64 (n, 2), rising."""
    spans = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    if not len(spans):
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.append(True, spans[1:, 0] > reach[:-1]))
    return np.stack([spans[first, 0], np.maximum.reduceat(spans[:, 1], first)], axis=1)


def overlapped(a: NDArray[np.integer], b: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether each span of ``a`` shares at least one cell with a span of ``b`` (rising, apart)."""
    if not len(a) or not len(b):
        return np.zeros(len(a), dtype=bool)
    nearest = np.searchsorted(b[:, 0], a[:, 1], side="left") - 1
    found: NDArray[np.bool_] = (nearest >= 0) & (b[np.maximum(nearest, 0), 1] > a[:, 0])
    return found


def covered(spans: NDArray[np.integer], n: int) -> NDArray[np.bool_]:
    """bool (n,), cells inside the spans."""
    steps = np.zeros(n + 1, dtype=np.int64)
    np.add.at(steps, spans[:, 0], 1)
    np.add.at(steps, spans[:, 1], -1)
    return np.cumsum(steps[:-1]) > 0


class Agreement(NamedTuple):
    """Called peaks against reference peaks."""

    cells: Confusion
    reference: int
    called: int
    reference_found: int
    called_right: int

    @property
    def peak_recall(self) -> float:
        """Share of reference peaks that share at least one cell with a called one."""
        return ratio(self.reference_found, self.reference)

    @property
    def peak_precision(self) -> float:
        """Share of called peaks that share at least one cell with a reference peak."""
        return ratio(self.called_right, self.called)

    @property
    def peak_f1(self) -> float:
        """Harmonic mean of both; 0 where nothing is found."""
        r, p = self.peak_recall, self.peak_precision
        return ratio(2 * r * p, r + p) if r == r and p == p and r + p else 0.0


def agreement(
    tracks: Sequence[NDArray[np.floating]], references: Sequence[NDArray[np.integer]],
    sigma_cells: float, least: float,
) -> Agreement:
    """Call peaks on stretches and hold them against the reference; unknown cells count nowhere.

    Parameters
    ----------
    tracks : values of each stretch
    references : int (n, 2), reference peaks of each stretch in its cells, rising and apart
    sigma_cells, least : of :class:`Calling` and :func:`height`
    """
    total = np.zeros(8, dtype=np.int64)
    for track, reference in zip(tracks, references, strict=True):
        called = call(track, sigma_cells, least)
        known, n = np.isfinite(track), len(track)
        is_called, is_peak = covered(called, n)[known], covered(reference, n)[known]
        total += [
            (is_called & is_peak).sum(), (is_called & ~is_peak).sum(),
            (~is_called & is_peak).sum(), (~is_called & ~is_peak).sum(),
            len(reference), len(called), overlapped(reference, called).sum(),
            overlapped(called, reference).sum(),
        ]
    values = [int(x) for x in total]
    return Agreement(Confusion(*values[:4]), *values[4:])


def sweep(
    truth: Sequence[NDArray[np.floating]], references: Sequence[NDArray[np.integer]]
) -> tuple[Calling, float] | None:
    """The calling that finds the reference peaks best on the measured track, and its peak F1.

    Its quantile is the share of the smoothed track that really lies below the height: a track that
    is 0 in most cells has many quantiles of one height, and a prediction is to have as much above
    its own height as the measured track. None without a reference peak, or when no calling finds
    one. Ties go to the first of the sweep.
    """
    if not sum(map(len, references)):
        return None
    best: tuple[Calling, float] | None = None
    for sigma in SIGMAS_CELLS:
        for quantile in QUANTILES:
            calling = Calling(sigma, quantile)
            least = height(truth, calling)
            f1 = agreement(truth, references, sigma, least).peak_f1
            if f1 > (0.0 if best is None else best[1]):
                below = np.concatenate([smoothed(s, sigma) for s in truth]) < least
                best = Calling(sigma, float(below.mean())), f1
    return best


# -- ranking ---------------------------------------------------------------------------------


class Ranking(NamedTuple):
    """Area under the ROC curve and average precision of scores against labels."""

    auc: Interval
    aupr: Interval
    curve: NDArray[np.float64]


def areas(
    positive: NDArray[np.number], negative: NDArray[np.number]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUC and average precision from counts by group, best scores first: (..., groups).

    Average precision is the step-wise sum of sklearn's ``average_precision_score``; ties are one
    group and count half in AUC.
    """
    p, n = positive.cumsum(axis=-1), negative.cumsum(axis=-1)
    total_p, total_n = p[..., -1:], n[..., -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        below = total_n - n + negative / 2
        auc = (positive * below).sum(axis=-1) / (total_p * total_n)[..., 0]
        precision = np.where(p + n > 0, p / (p + n), 0.0)
        aupr = (positive * precision).sum(axis=-1) / total_p[..., 0]
    return auc, np.where(total_n[..., 0] > 0, aupr, np.nan)


def ranking(
    scores: NDArray[np.floating], labels: NDArray[np.bool_], times: NDArray[np.float64],
    points: int = 200,
) -> Ranking:
    """How well scores rank cells in peaks above others.

    Values are exact; intervals are of the block bootstrap on scores in 512 groups, moved to the
    exact value. With one class only everything is NaN.

    Parameters
    ----------
    scores, labels : (windows, cells); cells of NaN count nowhere
    times : draws of windows
    points : of the curve

    Returns
    -------
    Ranking
        ``curve`` is float64 (points, 3): false positive rate, recall, precision
    """
    nan = float("nan")
    keep = np.isfinite(scores)
    flat, positive = scores[keep], labels[keep]
    if not positive.any() or positive.all():
        empty = Interval(nan, nan, nan)
        return Ranking(empty, empty, np.empty((0, 3)))
    levels, group = np.unique(-flat, return_inverse=True)
    p = np.bincount(group, weights=positive, minlength=len(levels))
    n = np.bincount(group, weights=~positive, minlength=len(levels))
    auc, aupr = (float(x) for x in areas(p, n))
    row = np.repeat(np.arange(len(scores)), keep.sum(axis=1))
    by_group = _grouped(flat, positive, row, len(scores))
    auc_of, aupr_of = areas(times @ by_group[0], times @ by_group[1])
    whole = areas(by_group[0].sum(axis=0), by_group[1].sum(axis=0))
    ends = [
        tuple(float(np.clip(x + value - float(coarse), 0, 1)) for x in percentiles(samples))
        for samples, value, coarse in ((auc_of, auc, whole[0]), (aupr_of, aupr, whole[1]))
    ]
    return Ranking(Interval(auc, *ends[0]), Interval(aupr, *ends[1]), _curve(p, n, points))


def _grouped(
    flat: NDArray[np.floating], positive: NDArray[np.bool_], row: NDArray[np.integer], rows: int
) -> NDArray[np.float64]:
    """Counts of positives and negatives by window and group of scores, best first."""
    at = np.concatenate([
        np.linspace(0, 0.98, _GROUPS, endpoint=False), np.linspace(0.98, 1, _GROUPS)
    ])
    edges = np.unique(np.quantile(flat, at))
    group = len(edges) - np.searchsorted(edges, flat, side="right")
    shape = (rows, len(edges) + 1)
    flat_group = row * shape[1] + group
    return np.stack([
        np.bincount(flat_group, weights=w, minlength=shape[0] * shape[1]).reshape(shape)
        for w in (positive, ~positive)
    ])


def _curve(
    p: NDArray[np.number], n: NDArray[np.number], points: int
) -> NDArray[np.float64]:
    found, wrong = p.cumsum(), n.cumsum()
    # Even steps of recall and of the false positive rate, so that both curves are smooth.
    steps = np.linspace(0, 1, points // 2)
    at = np.unique(np.concatenate([
        np.searchsorted(found / found[-1], steps), np.searchsorted(wrong / wrong[-1], steps)
    ]))
    at = at[at < len(found)]
    return np.stack([
        wrong[at] / wrong[-1], found[at] / found[-1], found[at] / (found[at] + wrong[at])
    ], axis=1)
