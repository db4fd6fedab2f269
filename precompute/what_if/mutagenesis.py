"""Saturation mutagenesis: every substitution of every base of a stretch, and what it changes.

A substitution is the edit of that base and nothing else: hits around it are found anew and bins cut
again. Only the positions that this changes go through the network, many substitutions at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.what_if.compare import Stage, checked_target, effect_of, target_sum
from precompute.what_if.edits import EditError, Span
from precompute.what_if.predict import Patch, Predicted, patches
from precompute.what_if.window import EditedWindow

#: Longest stretch, bp.
MAX_MUTAGENESIS_BP = 200
#: Bases worked on together.
_STEP_BP = 20


class Mutations(NamedTuple):
    """What each substitution changes in the sum over the target.

    Attributes
    ----------
    start : coordinate of the first base, bp
    bases : uint8 (n,), the base that is there; 4 where it is N or deleted
    change : float64 (4, n), edited minus unedited; rows A, C, G, T; NaN for the base that is there
    log2_fold : float64 (4, n), see :class:`precompute.what_if.compare.Effect`
    """

    start: int
    bases: NDArray[np.uint8]
    change: NDArray[np.float64]
    log2_fold: NDArray[np.float64]


def checked_stretch(stage: Stage, stretch: Span) -> Span:
    """A stretch that can be mutated.

    Raises
    ------
    EditError
        When it is empty, longer than :data:`MAX_MUTAGENESIS_BP` or outside of the window.
    """
    n = stretch.end - stretch.start
    if not 0 < n <= MAX_MUTAGENESIS_BP:
        raise EditError(
            f"{n:,} bp cannot be mutated base by base, at most {MAX_MUTAGENESIS_BP} can; choose a "
            "shorter stretch" if n > 0 else "the stretch ends before it starts; swap its numbers"
        )
    if stretch.start < stage.bounds.start or stretch.end > stage.bounds.end:
        raise EditError(
            f"{stretch.start + 1:,}-{stretch.end:,} reaches beyond the window "
            f"{stage.bounds.start + 1:,}-{stage.bounds.end:,}; choose a stretch within it"
        )
    return stretch


def mutate(
    stage: Stage, base: Predicted, stretch: Span, target: Span, track: int = 0
) -> Mutations:
    """All substitutions of a stretch.

    Parameters
    ----------
    stage : window of the reference
    base : the window, edited or not, whose bases are substituted
    stretch : coordinates of the reference, at most :data:`MAX_MUTAGENESIS_BP`
    target : whose signal is summed, coordinates of the reference
    track : number of the model's track

    Raises
    ------
    EditError, RegionError
        When the stretch or the target cannot be used.
    """
    checked_stretch(stage, stretch)
    checked_target(stage.bounds, target)
    n = stretch.end - stretch.start
    out = Mutations(
        stretch.start, np.full(n, 4, dtype=np.uint8), np.full((4, n), np.nan),
        np.full((4, n), np.nan),
    )
    for first in range(0, n, _STEP_BP):
        _step(base, out, range(first, min(first + _STEP_BP, n)), target, track)
    return out


def _step(
    base: Predicted, out: Mutations, columns: range, target: Span, track: int
) -> None:
    window = base.window.rebased()
    base = Predicted(window, base.values)
    summed = target_sum(base, target, track)
    mean = window.reader.model.scalings[track].mean
    places, edited = [], []
    for column in columns:
        at = window.position_of(out.start + column)
        if at is None or window.codes[at] > 3:
            continue
        out.bases[column] = window.codes[at]
        for letter in range(4):
            if letter != window.codes[at]:
                places.append((letter, column))
                edited.append(
                    window.with_bases(at, at + 1, np.array([letter], dtype=np.uint8))
                )
    if not edited:
        return
    lo, hi = np.searchsorted(window.filled, [target.start, target.end]).tolist()
    found = patches(base, edited)
    for (letter, column), one, patch in zip(places, edited, found, strict=True):
        step = _difference(base, one, patch, lo, hi, track)
        effect = effect_of(summed, summed + step, target, mean)
        out.change[letter, column] = effect.change
        out.log2_fold[letter, column] = effect.log2_fold


def _difference(
    base: Predicted, edited: EditedWindow, patch: Patch, lo: int, hi: int, track: int
) -> float:
    """Change of the sum over positions ``[lo, hi)``, where a patch takes the place of the rest."""
    old, new = base.window.positions, edited.positions
    before = old[patch.lo : len(old) - patch.after]
    after = new[patch.lo : len(new) - patch.after]
    values = base.values[track, patch.lo : base.values.shape[1] - patch.after]
    return _overlap(after, patch.values[track], lo, hi) - _overlap(before, values, lo, hi)


def _overlap(
    edges: NDArray[np.int64], values: NDArray[np.float64], lo: int, hi: int
) -> float:
    shared = np.clip(np.minimum(edges[1:], hi) - np.maximum(edges[:-1], lo), 0, None)
    return float((shared * values).sum())



def random_folds(
    stage: Stage, target: Span, track: int = 0, n: int = 100, seed: int = 1
) -> NDArray[np.float64]:
    """|log2 fold| of ``n`` random substitutions in a target, rising: what an edit is held against.

    Parameters
    ----------
    stage, target, track : see :func:`mutate`
    n : substitutions drawn, each place and base as likely; those on N are left out
    seed : with the target it fixes the draw

    Returns
    -------
    float64 (at most n,)
    """
    rng = np.random.default_rng([seed, target.start, target.end])
    window = stage.predicted.window
    summed = target_sum(stage.predicted, target, track)
    lo = target.start - window.start
    drawn = lo + rng.integers(0, target.end - target.start, n)
    steps = rng.integers(1, 4, n)
    edited = [
        window.with_bases(at, at + 1, np.array([(window.codes[at] + step) % 4], dtype=np.uint8))
        for at, step in zip(drawn.tolist(), steps.tolist(), strict=True) if window.codes[at] < 4
    ]
    mean = window.reader.model.scalings[track].mean
    ends = (lo, target.end - window.start)
    steps_of = (
        _difference(stage.predicted, one, patch, *ends, track)
        for one, patch in zip(edited, patches(stage.predicted, edited), strict=True)
    )
    folds = [effect_of(summed, summed + step, target, mean).log2_fold for step in steps_of]
    return np.sort(np.abs(np.array(folds)))
