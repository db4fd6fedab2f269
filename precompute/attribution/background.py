"""The background that attributions are measured against: low windows that hold no peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.errors import StageError
from precompute.models.dataset import CELL_BP, Source, Window

if TYPE_CHECKING:
    import pandas as pd

_BACKGROUND_BLOCK = 50
_BACKGROUND_BLOCKS = 2000
_MIN_BACKGROUND = 10


def background_windows(source: Source, peaks: pd.DataFrame, track: int) -> list[Window]:
    """Short windows without a peak of any set or an N, all measured, and whose signal is low.

    Low is: not above the median of the windows without peaks.

    Parameters
    ----------
    source : inputs and signal of the run
    peaks : table ``peaks`` of the contract
    track : the explained track
    """
    free: list[Window] = []
    signal: list[float] = []
    for chrom in source.store.chroms:
        edges = source.edges(chrom)
        here = peaks[peaks["chrom"] == chrom]
        n = len(edges) - 1
        first = np.clip(np.searchsorted(edges, here["start"].to_numpy(), side="right") - 1, 0, n)
        last = np.clip(np.searchsorted(edges, here["end"].to_numpy(), side="left"), 0, n)
        change = np.zeros(n + 1, dtype=np.int64)
        np.add.at(change, first, 1)
        np.add.at(change, last, -1)
        lo = np.arange(0, n - _BACKGROUND_BLOCK + 1, _BACKGROUND_BLOCK)
        if not len(lo):
            continue
        hi = lo + _BACKGROUND_BLOCK
        busy = np.concatenate([[0], np.cumsum(np.cumsum(change)[:n] > 0)])
        unknown = np.concatenate([[0], np.cumsum(source.unknown_bp(chrom, edges))])
        values = source.signal(Window(chrom, 0, n))[track].astype(np.float64)
        # What was not measured may be anything, so it is no background.
        missing = np.concatenate([[0], np.cumsum(np.isnan(values))])
        empty = (
            (busy[hi] == busy[lo]) & (unknown[hi] == unknown[lo]) & (missing[hi] == missing[lo])
        )
        total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
        free += [Window(chrom, int(a), int(b)) for a, b in zip(lo[empty], hi[empty], strict=True)]
        signal += (total[hi] - total[lo])[empty].tolist()
    if not free:
        return []
    return [w for w, s in zip(free, np.array(signal) <= np.median(signal), strict=True) if s]


def background_baseline(
    source: Source, peaks: pd.DataFrame, track: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mean input per position over background windows: float64 (channels,).

    It is the mean token, or the base composition; see :func:`background_windows`.

    Raises
    ------
    StageError
        When peaks leave too little background.
    """
    free = background_windows(source, peaks, track)
    if len(free) < _MIN_BACKGROUND:
        raise StageError(
            f"only {len(free)} background windows hold no peak, at least {_MIN_BACKGROUND} are "
            "needed; set attributions.baseline: zero or give fewer peak sets"
        )
    chosen = np.sort(rng.permutation(len(free))[:_BACKGROUND_BLOCKS])
    total = np.zeros(source.n_channels)
    for number in chosen:
        if source.encoding == "tokens":
            rows = source.rows(free[number])
            total += np.bincount(rows.indices, rows.values, rows.n_columns)
        else:
            total += source.onehot(free[number]).sum(axis=1, dtype=np.float64)
    inputs = _BACKGROUND_BLOCK * (1 if source.encoding == "tokens" else CELL_BP)
    return total / (len(chosen) * inputs)
