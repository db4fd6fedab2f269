"""Columns of a track: what a window is reduced to so that a screen can show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyBigWig

#: Cell of observed and predicted signal, bp.
GRID_BP = 16

#: Sequence read from a bigWig at a time, a multiple of the cell.
_READ_BP = 1 << 22


class Steps(NamedTuple):
    """A step function: value on each interval between consecutive edges (bp)."""

    edges: NDArray[np.int64]
    values: NDArray


def even_cuts(n: int, n_columns: int) -> NDArray[np.int64]:
    """Edges of at most ``n_columns`` about equal groups of ``n`` consecutive entries."""
    # Steps of at least one never repeat an edge, so that nothing need be made unique.
    return np.linspace(0, n, min(n, n_columns) + 1).astype(np.int64)


def reduce_mean(values: NDArray, n_columns: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Means of about equal groups of consecutive values, NaN where none of a group is measured;
    (group edges, means)."""
    cuts = even_cuts(len(values), n_columns)
    known = np.isfinite(values) if values.dtype.kind == "f" else np.ones(1, dtype=bool)
    if known.all():
        return cuts, np.add.reduceat(values, cuts[:-1], dtype=np.float64) / np.diff(cuts)
    both = (np.where(known, values, 0), known)
    sums, counts = (np.add.reduceat(v, cuts[:-1], dtype=np.float64) for v in both)
    return cuts, np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def reduce_mode(values: NDArray[np.integer], n_columns: int) -> tuple[NDArray, NDArray[np.int16]]:
    """Commonest value in about equal groups of consecutive values; (group edges, values)."""
    cuts = even_cuts(len(values), n_columns)
    group = np.repeat(np.arange(len(cuts) - 1), np.diff(cuts))
    low = int(values.min(initial=0))
    width = int(values.max(initial=0)) - low + 1
    counts = np.bincount(group * width + (values - low), minlength=(len(cuts) - 1) * width)
    return cuts, (counts.reshape(-1, width).argmax(axis=1) + low).astype(np.int16)


def window_r(a: NDArray, b: NDArray) -> float:
    """Pearson r where both are measured; NaN below 3 values or when one side is constant."""
    known = np.isfinite(a) & np.isfinite(b)
    if not known.all():
        a, b = a[known], b[known]
    if len(a) < 3:
        return float("nan")
    a, b = a - a.mean(dtype=np.float64), b - b.mean(dtype=np.float64)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else float("nan")


def cell_means(
    handle: pyBigWig.bigWigFile, chrom: str, start: int, end: int
) -> NDArray[np.float32]:
    """Mean per base of each 16-bp cell from ``start``; bases without a value count as 0."""
    means = np.empty(-(-(end - start) // GRID_BP), dtype=np.float32)
    for at in range(start, end, _READ_BP):
        stop = min(at + _READ_BP, end)
        values = np.nan_to_num(handle.values(chrom, at, stop, numpy=True), copy=False)
        cell, whole = (at - start) // GRID_BP, (stop - at) // GRID_BP
        sums = values[: whole * GRID_BP].reshape(-1, GRID_BP).sum(axis=1, dtype=np.float64)
        means[cell : cell + whole] = sums / GRID_BP
        if (rest := values[whole * GRID_BP :]).size:
            means[cell + whole] = rest.mean(dtype=np.float64)
    return means


def entropy_bits(values: NDArray[np.integer], cuts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Shannon entropy (bits) of the categories in each group of consecutive values.

    Parameters
    ----------
    values : categories; negative ones count as none and are left out
    cuts : int (n_groups + 1,), rising from 0 to ``len(values)``

    References
    ----------
    Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x
    """
    n_groups = len(cuts) - 1
    group = np.repeat(np.arange(n_groups), np.diff(cuts))
    kept = values >= 0
    width = int(values.max(initial=0)) + 1
    flat = group[kept] * width + values[kept]
    counts = np.bincount(flat, minlength=n_groups * width).reshape(n_groups, width)
    return entropy_of_counts(counts)


def entropy_of_counts(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Shannon entropy (bits) of each row of counts (groups, categories); 0 for an empty one."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    return np.abs((share * logs).sum(axis=1))
