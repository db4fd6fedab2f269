"""The tables of an evaluation, filled predictor by predictor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.evaluation import peaks
from precompute.evaluation.cells import SETS, Cells
from precompute.evaluation.correlations import (
    Interval,
    correlation,
    draws,
    grouped,
    paired,
    rank_correlation,
    window_r,
)
from precompute.models.dataset import CELL_BP

RESOLUTIONS_BP = (CELL_BP, 128)
_NAN = float("nan")
_RATIOS = ("mcc", "accuracy", "recall", "precision", "specificity", "f1")

#: Columns of each table, in order.
COLUMNS = {
    "predictors": ["name", "label", "kind", "encoding", "is_shipped", "about"],
    "correlations": [
        "predictor", "track", "set", "resolution_bp", "n", "windows", "r", "r_low", "r_high",
        "spearman", "window_r_mean", "window_r_median", "reason",
    ],
    "peak_metrics": [
        "predictor", "track", "set", "peak_set", "n", "n_in_peaks", "auc", "auc_low", "auc_high",
        "aupr", "aupr_low", "aupr_high", *_RATIOS, "peak_recall", "peak_precision",
        "n_reference", "n_called", "sigma_bp", "quantile", "reason",
    ],
    "paired": [
        "first", "second", "track", "set", "windows", "difference", "difference_low",
        "difference_high", "p_value", "reason",
    ],
    "window_scores": [
        "predictor", "track", "set", "chrom", "start", "end", "r", "predicted_mean",
        "observed_mean",
    ],
    "rates": ["predictor", "track", "set", "false_positive_rate", "recall", "precision"],
}
_TEXTS = {
    "name", "label", "kind", "encoding", "about", "predictor", "track", "set", "reason",
    "peak_set", "first", "second", "chrom",
}
_WHOLE = {"resolution_bp", "n", "windows", "n_in_peaks", "n_reference", "n_called", "start", "end"}


class Reference(NamedTuple):
    """Reference peaks of one track.

    Attributes
    ----------
    name : of the peak set; '' without one, and ``reason`` says why
    spans : set name to peaks of each stretch, in cells from its first
    calling : chosen on the measured validation track; None where no calling finds a peak
    """

    name: str
    reason: str
    spans: dict[str, list[NDArray[np.int64]]]
    calling: peaks.Calling | None


@dataclass
class Tables:
    """Rows of every table.

    Parameters
    ----------
    cells : what is compared
    times : draws of windows by set, the same for every predictor
    """

    cells: Cells
    times: dict[str, NDArray[np.float64]]
    rows: dict[str, list[tuple[Any, ...]]] = field(
        default_factory=lambda: {name: [] for name in COLUMNS}
    )
    #: r per window by (predictor, track, set).
    window_r: dict[tuple[str, str, str], NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def empty(cls, cells: Cells, resamples: int, seed: int) -> Tables:
        """Tables without rows, and the draws of a seed."""
        times = {
            name: draws(len(cells.windows[name]), resamples, np.random.default_rng([seed, i]))
            for i, name in enumerate(SETS)
        }
        return cls(cells, times)

    # -- correlation -------------------------------------------------------------------------

    def add_correlations(
        self, predictor: str, track: str, predicted: dict[str, NDArray[np.float32]],
        observed: dict[str, NDArray[np.float32]], with_windows: bool,
    ) -> None:
        """r of each set and resolution; with ``with_windows`` each window's row too."""
        for name in SETS:
            p, o = predicted[name], observed[name]
            per_window = window_r(p, o)
            self.window_r[predictor, track, name] = per_window
            known = per_window[np.isfinite(per_window)]
            middle = (float(known.mean()), float(np.median(known))) if len(known) else (_NAN, _NAN)
            for resolution in RESOLUTIONS_BP:
                factor = resolution // CELL_BP
                a, b = (p, o) if factor == 1 else (grouped(p, factor), grouped(o, factor))
                both = np.isfinite(a) & np.isfinite(b)
                found = correlation(a, b, self.times[name])
                self.rows["correlations"].append((
                    predictor, track, name, resolution, int(both.sum()), len(known), *found,
                    rank_correlation(a, b), *middle, _why_no_r(found, a, b, both),
                ))
            if with_windows:
                self._add_windows(predictor, track, name, p, o, per_window)

    def _add_windows(
        self, predictor: str, track: str, name: str, p: NDArray, o: NDArray, r: NDArray
    ) -> None:
        for i, window in enumerate(self.cells.windows[name]):
            both = np.isfinite(p[i]) & np.isfinite(o[i])
            means = (float(x[i][both].mean()) if both.any() else _NAN for x in (p, o))
            self.rows["window_scores"].append((
                predictor, track, name, window.chrom, *self.cells.span(window), float(r[i]),
                *means,
            ))

    def add_paired(self, first: str, second: str, track: str) -> None:
        """The difference of two predictors on each set."""
        for name in SETS:
            found = paired(
                self.window_r[first, track, name], self.window_r[second, track, name],
                self.times[name],
            )
            self.rows["paired"].append((
                first, second, track, name, found.windows, *found.difference, found.p_value,
                found.reason,
            ))

    # -- peaks -------------------------------------------------------------------------------

    def add_peaks(
        self, predictor: str, track: str, values: dict[str, NDArray[np.float32]],
        reference: Reference,
    ) -> None:
        """Ranking and called peaks of the validation and the test set."""
        if not reference.name:
            nothing = (_NAN,) * 14
            self.rows["peak_metrics"] += [
                (predictor, track, name, "", 0, 0, *nothing, 0, 0, _NAN, _NAN, reference.reason)
                for name in SETS[1:]
            ]
            return
        calling = reference.calling
        least = _NAN
        known = values["validation"][np.isfinite(values["validation"])]
        # A constant track has no peak, and its ends must not make one.
        if calling is not None and len(known) and np.ptp(known) > 0:
            least = peaks.height(self.stretches(values, "validation"), calling)
        for name in SETS[1:]:
            self._add_set(predictor, track, name, values, reference, least)

    def _add_set(
        self, predictor: str, track: str, name: str, values: dict[str, NDArray[np.float32]],
        reference: Reference, least: float,
    ) -> None:
        labels = self.labels(name, reference.spans[name])
        scores = values[name]
        known = np.isfinite(scores)
        ranked = peaks.ranking(scores, labels, self.times[name])
        n, n_in = int(known.sum()), int((labels & known).sum())
        why = "" if 0 < n_in < n else (
            "no reference peak lies in this set" if not n_in else "every cell lies in a peak"
        )
        calling, ratios, counts = reference.calling, [_NAN] * 8, (0, 0)
        settings = _NAN, _NAN
        if calling is None:
            why = why or "no calling finds a reference peak of the validation set"
        else:
            found = peaks.agreement(
                self.stretches(values, name), reference.spans[name], calling.sigma_cells, least
            )
            ratios = [*peaks.scores_of(found.cells).values(), found.peak_recall,
                      found.peak_precision]
            counts = found.reference, found.called
            settings = calling.sigma_cells * CELL_BP, calling.quantile
            why = why or ("" if found.called else "no peak was called")
        self.rows["peak_metrics"].append((
            predictor, track, name, reference.name, n, n_in, *ranked.auc, *ranked.aupr, *ratios,
            *counts, *settings, why,
        ))
        self.rows["rates"] += [(predictor, track, name, *row) for row in ranked.curve.tolist()]

    def stretches(
        self, values: dict[str, NDArray[np.float32]], name: str
    ) -> list[NDArray[np.float32]]:
        """The assembled track of a set, one array per region."""
        parts: dict[int, list[NDArray[np.float32]]] = {}
        for row, window in zip(values[name], self.cells.windows[name], strict=True):
            parts.setdefault(window.stretch, []).append(row[: window.hi - window.lo])
        return [np.concatenate(found) for found in parts.values()]

    def labels(self, name: str, spans: list[NDArray[np.int64]]) -> NDArray[np.bool_]:
        """bool (windows, cells), whether a cell lies in a reference peak."""
        found = self.cells.windows[name]
        out = np.zeros((len(found), self.cells.size), dtype=bool)
        at = 0
        for number, stretch in enumerate(dict.fromkeys(w.stretch for w in found)):
            mine = [w for w in found if w.stretch == stretch]
            inside = peaks.covered(spans[number], sum(w.hi - w.lo for w in mine))
            done = 0
            for window in mine:
                n = window.hi - window.lo
                out[at, :n] = inside[done : done + n]
                at, done = at + 1, done + n
        return out

    # -- out ---------------------------------------------------------------------------------

    def frames(self) -> dict[str, pd.DataFrame]:
        """The tables, with fixed types also when they have no row."""
        out = {}
        for name, columns in COLUMNS.items():
            frame = pd.DataFrame(self.rows[name], columns=columns)
            out[name] = frame.astype({column: _type(column) for column in columns})
        return out


def _type(column: str) -> str:
    if column in _TEXTS:
        return "object"
    return "bool" if column == "is_shipped" else "int64" if column in _WHOLE else "float64"


def _why_no_r(found: Interval, a: NDArray, b: NDArray, both: NDArray[np.bool_]) -> str:
    if np.isfinite(found.value):
        return ""
    if both.sum() < 3:
        return "fewer than 3 cells are known"
    return "the prediction is constant" if np.ptp(a[both]) == 0 else "the signal is constant"
