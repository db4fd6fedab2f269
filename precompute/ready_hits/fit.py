"""Whether ready hits belong to the run's sequence: a sample of them is scored on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError
from precompute.motifs import Profile, score_distribution

#: Hits scored of each profile.
SAMPLE = 32

# JASPAR cuts its scores to whole numbers and may round its matrices otherwise than we do; a hit in
# the wrong place misses by far more than this.
_RELATIVE_TOLERANCE = 50
_LOG_P_TOLERANCE = 30
_ENOUGH = 20
_LEAST_SHARE = 0.8


@dataclass(frozen=True)
class Fit:
    """Hits scored, how many score what their file says, and how many would one base before."""

    checked: int = 0
    agree: int = 0
    agree_before: int = 0

    def __add__(self, other: Fit) -> Fit:
        return Fit(
            self.checked + other.checked,
            self.agree + other.agree,
            self.agree_before + other.agree_before,
        )


def scores_at(
    profile: Profile, codes: NDArray[np.uint8], start: NDArray[np.int64],
    is_minus: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Integer scores of sites, int64 (n,); a site with an unknown base gets the lowest score."""
    words = codes[start[:, None] + np.arange(profile.width)]
    is_known = (words < 4).all(axis=1)
    words = np.minimum(words, 3)
    column = np.arange(profile.width)
    plus = profile.scores[column, words].sum(axis=1, dtype=np.int64)
    minus = profile.scores[::-1, ::-1][column, words].sum(axis=1, dtype=np.int64)
    return np.where(is_known, np.where(is_minus, minus, plus), profile.min_score)


@lru_cache(maxsize=4096)
def _log_p_table(scores: bytes, width: int) -> tuple[int, NDArray[np.float64]]:
    matrix = np.frombuffer(scores, dtype=np.int32).reshape(width, 4)
    lowest, probability = score_distribution(matrix)
    tail = np.maximum(np.cumsum(probability[::-1])[::-1], 1e-300)
    return lowest, -100 * np.log10(tail)


def fit_of(
    profile: Profile, codes: NDArray[np.uint8], start: NDArray[np.int64],
    is_minus: NDArray[np.bool_], relative: NDArray[np.integer], log_p: NDArray[np.integer],
) -> Fit:
    """Score the hits of one profile on ``codes`` and compare with what their file says.

    Parameters
    ----------
    profile : scoring matrix
    codes : uint8 (n_bp,), with at least one base before every start
    start, is_minus : (n,), positions in ``codes``
    relative : (n,), relative score x 1000; -1 where only ``log_p`` is known
    log_p : (n,), -log10 p x 100, at most 1000 in a bigBed
    """
    # What lies on unknown or masked bases says nothing.
    known = (codes[start[:, None] + np.arange(profile.width)] < 4).all(axis=1)
    start, is_minus = start[known], is_minus[known]
    relative, log_p = relative[known], log_p[known]
    agree = []
    for shift in (0, 1):
        score = scores_at(profile, codes, start - shift, is_minus)
        span = max(profile.max_score - profile.min_score, 1)
        ours = 1000 * (score - profile.min_score) / span
        lowest, table = _log_p_table(profile.scores.tobytes(), profile.width)
        capped = np.minimum(table[score - lowest], np.where(relative < 0, 1000, np.inf))
        by_relative = np.abs(ours - relative) <= _RELATIVE_TOLERANCE
        by_log_p = np.abs(capped - log_p) <= _LOG_P_TOLERANCE
        agree.append(int(np.where(relative < 0, by_log_p, by_relative).sum()))
    return Fit(len(start), *agree)


def check_fit(fit: Fit, source: str, assembly: str) -> None:
    """Refuse hits that do not score what their file says.

    Raises
    ------
    InputError
        When fewer than four fifths of at least 20 sampled hits do.
    """
    if fit.checked < _ENOUGH or fit.agree >= _LEAST_SHARE * fit.checked:
        return
    if fit.agree_before >= _LEAST_SHARE * fit.checked:
        raise InputError(
            f"{source}: the starts count from 1 ({fit.agree_before:,} of {fit.checked:,} sampled "
            f"hits score what the file says one base before, {fit.agree:,} where they are); "
            "JASPAR's hits are 0-based half-open, subtract 1 from starts and ends"
        )
    raise InputError(
        f"{source}: only {fit.agree:,} of {fit.checked:,} sampled hits score on the sequence what "
        f"the file says; give hits of {assembly}, found with the profiles of motifs.profiles"
    )
