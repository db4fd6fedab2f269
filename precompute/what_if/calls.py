"""The strongest motif calls of a stretch of an edited window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from precompute.what_if.window import EditedWindow

_PER_BIT = 100


class Call(NamedTuple):
    """A motif call, in coordinates of the reference (0-based half-open, bp).

    ``bits`` is its log2 odds; None where an edit put it and the bases do not say it.
    """

    feature: int
    start: int
    end: int
    bits: float | None


def strongest_calls(window: EditedWindow, start: int, end: int, most: int) -> list[Call]:
    """Calls that lie wholly in ``[start, end)``, the largest log2 odds first.

    Those that an edit put there come before all others. Calls over deleted or inserted bases have
    no place in the reference and are left out.
    """
    width, filled = window.reader.scanner.width, window.filled
    lo, hi = np.searchsorted(filled, [start, end]).tolist()
    found = window.reader.finder.find(window.codes[lo:hi])
    scores = {
        (int(f), int(s) + lo): int(score)
        for f, s, score in zip(found.feature, found.start, found.score, strict=True)
    }
    near = slice(*np.searchsorted(window.hits.start, [lo, hi]).tolist())
    calls = []
    for feature, at in zip(
        window.hits.feature[near].tolist(), window.hits.start[near].tolist(), strict=True
    ):
        size = int(width[feature])
        if at + size > hi:
            continue
        own = window.origin[at : at + size]
        if own[0] < 0 or own[-1] - own[0] != size - 1:
            continue
        score = scores.get((feature, at))
        bits = None if score is None else score / _PER_BIT
        calls.append(Call(feature, int(own[0]), int(own[0]) + size, bits))
    calls.sort(key=lambda c: (c.bits is not None, -(c.bits or 0), c.start, c.feature))
    return calls[:most]
