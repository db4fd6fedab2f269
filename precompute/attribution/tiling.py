"""What of a run is explained, tile by tile, and how tiles add up where they overlap.

Multipliers add up over targets, and the baseline is the same at every position. So the sum of the
tiles' contributions to an input is its contribution to the summed prediction of all of them,
however they are cut. A stretch that is explained alone is predicted a receptive field further on
either side: what reaches its inputs is then all there, and they get what the whole run would give.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.streaming import windows


class Tile(NamedTuple):
    """Target positions ``[lo, hi)`` and the positions ``[first, last)`` read for them."""

    lo: int
    hi: int
    first: int
    last: int

    @property
    def target(self) -> tuple[int, int]:
        """The target within what is read."""
        return self.lo - self.first, self.hi - self.first


class Stretch(NamedTuple):
    """Consecutive positions ``[lo, hi)`` of a chromosome, explained or left out."""

    lo: int
    hi: int
    is_explained: bool

    def tiles(self, n: int, size: int, halo: int) -> list[Tile]:
        """Tiles over the stretch and ``halo`` more on either side, of ``size`` positions each."""
        first, last = max(0, self.lo - halo), min(n, self.hi + halo)
        return [
            Tile(first + lo, first + hi, max(0, first + lo - halo), min(n, first + hi + halo))
            for lo, hi in windows(last - first, size)
        ]


def tiles(n: int, size: int, halo: int) -> list[Tile]:
    """Tiles of ``size`` target positions over ``[0, n)``, read with ``halo`` more on each side."""
    return Stretch(0, n, True).tiles(n, size, halo)


def stretches(n: int, explained: NDArray[np.integer] | None) -> list[Stretch]:
    """Positions ``[0, n)`` as stretches that are explained and stretches that are not.

    Parameters
    ----------
    n : positions
    explained : int (k, 2), half-open intervals of positions in any order, overlapping or not;
        None is everything
    """
    if explained is None:
        return [Stretch(0, n, True)]
    found: list[Stretch] = []
    at = 0
    for lo, hi in np.clip(explained[np.argsort(explained[:, 0], kind="stable")], 0, n).tolist():
        if hi <= max(lo, at):
            continue
        if found and lo <= at:
            found[-1] = found[-1]._replace(hi=hi)
        else:
            if lo > at:
                found.append(Stretch(at, lo, False))
            found.append(Stretch(lo, hi, True))
        at = hi
    if at < n:
        found.append(Stretch(at, n, False))
    return found


class Overlap:
    """Adds up runs of values that overlap the run before; gives out what no later run touches.

    Parameters
    ----------
    start : position of the first value
    """

    def __init__(self, start: int = 0) -> None:
        self._start = start
        self._waiting = np.zeros(0)

    def add(self, start: int, values: NDArray[np.float64], upto: int) -> NDArray[np.float64]:
        """Add ``values`` at ``start``; return the sums before position ``upto``."""
        stop = max(start + len(values), self._start + len(self._waiting))
        total = np.zeros(stop - self._start)
        total[: len(self._waiting)] = self._waiting
        at = start - self._start
        total[at : at + len(values)] += values
        done = upto - self._start
        self._start, self._waiting = upto, total[done:]
        return total[:done]
