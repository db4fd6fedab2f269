"""Reference and edited prediction of a window side by side, on the reference's 16-bp cells.

Signal is mean signal per base, so a cell of the edited window is the mean over the bases that are
left or were put there: an inserted base belongs with the base to its left, and a cell that was
deleted has none. The effect is that on the sum over a target, all inserted bases included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import RegionError
from precompute.models.dataset import CELL_BP
from precompute.what_if.apply import Bounds
from precompute.what_if.edits import Span
from precompute.what_if.predict import Predicted, predict_whole
from precompute.what_if.reader import Reader
from precompute.what_if.window import EditedWindow

#: Length of a window when nothing else is asked: what the models are trained on, bp.
WINDOW_BP = 20_000
#: Shortest and longest window, bp.
MIN_WINDOW_BP, MAX_WINDOW_BP = 512, 100_000
#: Sequence on either side of a window that is read too, so that its ends are cut as in a run, bp.
FLANK_BP = 1_024
#: Signal per base that is added to both sums, in shares of the track's mean, as for variants.
PSEUDO_SHARE = 0.01
_MAX_UNKNOWN = 0.5


class Effect(NamedTuple):
    """What edits do to the predicted signal of a target.

    Attributes
    ----------
    reference, edited : signal summed over the target's bases
    log2_fold : log2 of edited over reference, 1 % of the track's mean added to every base of both
    """

    reference: float
    edited: float
    log2_fold: float

    @property
    def change(self) -> float:
        """Edited minus reference."""
        return self.edited - self.reference


@dataclass(frozen=True)
class Comparison:
    """Both predictions of a window.

    Attributes
    ----------
    edges : int64 (n + 1,), cells of at most 16 bp, bp
    reference, edited : float64 (n,), mean signal per base; NaN where every base is deleted
    effect : on the target
    """

    edges: NDArray[np.int64]
    reference: NDArray[np.float64]
    edited: NDArray[np.float64]
    effect: Effect

    @property
    def difference(self) -> NDArray[np.float64]:
        """Edited minus reference."""
        return self.edited - self.reference


class Stage(NamedTuple):
    """A window of the reference, predicted: what edits begin from."""

    bounds: Bounds
    predicted: Predicted


def bounds_of(run: RunFolder, chrom: str, start: int, end: int) -> Bounds:
    """The window of whole cells of a run's grid around a stretch.

    Raises
    ------
    RegionError
        When the run has no such sequence, or the window is too short or too long.
    """
    group = run.group("sequence")
    chroms = list(group.attrs["chroms"])
    if chrom not in chroms:
        raise RegionError(
            f"this run has no chromosome {chrom!r}, it has {', '.join(chroms)}; choose one of them"
        )
    first, last = (int(group[chrom].attrs[name]) for name in ("start", "end"))
    if start < first or end > last:
        raise RegionError(
            f"the window {chrom}:{start + 1:,}-{end:,} reaches beyond the run's sequence, "
            f"{chrom}:{first + 1:,}-{last:,}; choose one within it"
        )
    if not MIN_WINDOW_BP <= end - start <= MAX_WINDOW_BP:
        raise RegionError(
            f"a window of {end - start:,} bp cannot be edited; choose {MIN_WINDOW_BP:,} to "
            f"{MAX_WINDOW_BP:,} bp"
        )
    lo = first + (start - first) // CELL_BP * CELL_BP
    hi = min(last, first - (first - end) // CELL_BP * CELL_BP)
    return Bounds(chrom, lo, hi)


def open_stage(reader: Reader, bounds: Bounds) -> Stage:
    """Read, tokenize and predict a window of the reference.

    Raises
    ------
    RegionError
        When more than half of its bases are unknown.
    """
    group = reader.run.group("sequence")[bounds.chrom]
    first, last = int(group.attrs["start"]), int(group.attrs["end"])
    lo, hi = max(first, bounds.start - FLANK_BP), min(last, bounds.end + FLANK_BP)
    codes = np.asarray(group["codes"][lo - first : hi - first])
    inside = codes[bounds.start - lo : bounds.end - lo]
    unknown = int((inside > 3).sum())
    if unknown > _MAX_UNKNOWN * len(inside):
        raise RegionError(
            f"{unknown:,} of the {len(inside):,} bases of {bounds.chrom}:{bounds.start + 1:,}-"
            f"{bounds.end:,} are N, which no model can read; choose a window of known sequence"
        )
    window = EditedWindow.of_reference(reader, codes, lo)
    return Stage(bounds, predict_whole(window))


def checked_target(bounds: Bounds, target: Span) -> Span:
    """A target inside its window.

    Raises
    ------
    RegionError
        When it is empty or reaches beyond.
    """
    if target.end <= target.start:
        raise RegionError("the target ends before it starts; swap its two numbers")
    if target.start < bounds.start or target.end > bounds.end:
        raise RegionError(
            f"the target {target.start + 1:,}-{target.end:,} reaches beyond the window "
            f"{bounds.start + 1:,}-{bounds.end:,}; choose one within it"
        )
    return target


def target_sum(predicted: Predicted, target: Span, track: int) -> float:
    """Signal summed over the bases of a target, those inserted in it included."""
    lo, hi = np.searchsorted(predicted.window.filled, [target.start, target.end]).tolist()
    return float(predicted.per_base(track)[lo:hi].sum())


def effect_of(reference: float, edited: float, target: Span, mean: float) -> Effect:
    """The effect of two sums over a target of a track with this mean."""
    pseudo = PSEUDO_SHARE * mean * (target.end - target.start)
    return Effect(reference, edited, float(np.log2((edited + pseudo) / (reference + pseudo))))


def compare(stage: Stage, edited: Predicted, target: Span, track: int = 0) -> Comparison:
    """Both predictions on the reference's cells, and the effect on a target.

    Raises
    ------
    RegionError
        When the target is not inside the window.
    """
    checked_target(stage.bounds, target)
    cells = np.append(
        np.arange(stage.bounds.start, stage.bounds.end, CELL_BP), stage.bounds.end
    )
    scaling = stage.predicted.window.reader.model.scalings[track]
    before = target_sum(stage.predicted, target, track)
    after = target_sum(edited, target, track)
    return Comparison(
        cells, _on_cells(stage.predicted, cells, track), _on_cells(edited, cells, track),
        effect_of(before, after, target, scaling.mean),
    )


def _on_cells(
    predicted: Predicted, cells: NDArray[np.int64], track: int
) -> NDArray[np.float64]:
    filled, values = predicted.window.filled, predicted.per_base(track)
    lo, hi = np.searchsorted(filled, [cells[0], cells[-1]])
    number = np.searchsorted(cells, filled[lo:hi], side="right") - 1
    n = len(cells) - 1
    count = np.bincount(number, minlength=n)
    total = np.bincount(number, values[lo:hi], minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
