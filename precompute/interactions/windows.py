"""Active windows of a run, the motif occurrences in them, and the pairs that are tested."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.models.sparse import SparseRows


class Summits(NamedTuple):
    """Cells around which the mean signal is highest, and that mean: int64 (n,), float64 (n,)."""

    cell: NDArray[np.int64]
    height: NDArray[np.float64]


def summits(grid: NDArray[np.floating], cells: int) -> Summits:
    """Places of the highest mean signal, at least one window apart.

    Parameters
    ----------
    grid : float (n_cells,), signal; NaN where nothing was measured counts as none
    cells : cells of a window

    Returns
    -------
    Summits along the chromosome, above 0 only
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import find_peaks

    known = np.nan_to_num(grid.astype(np.float64))
    smooth = uniform_filter1d(known, cells, mode="constant")
    # A running sum leaves rounding where there is no signal.
    smooth[smooth < 1e-9 * max(float(smooth.max(initial=0)), 1e-30)] = 0
    cell, found = find_peaks(smooth, height=np.finfo(float).tiny, distance=max(1, cells))
    return Summits(cell.astype(np.int64), found["peak_heights"])


class Occurrences(NamedTuple):
    """Runs of consecutive bins that hold a motif cluster, in one window.

    Attributes
    ----------
    cluster : int64 (n,)
    lo, hi : int64 (n,), bins ``[lo, hi)``, counted from the first row
    """

    cluster: NDArray[np.int64]
    lo: NDArray[np.int64]
    hi: NDArray[np.int64]


def occurrences(rows: SparseRows, least: float) -> Occurrences:
    """Occurrences of every motif cluster in consecutive bins.

    Parameters
    ----------
    rows : tokens
    least : occupancy of a run, summed over its bins, from which on it counts
    """
    column = rows.indices.astype(np.int64)
    row = np.repeat(np.arange(rows.n_rows), np.diff(rows.indptr))
    held = rows.values > 0
    column, row, value = column[held], row[held], rows.values[held].astype(np.float64)
    order = np.lexsort((row, column))
    column, row, value = column[order], row[order], value[order]
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = (np.diff(column) != 0) | (np.diff(row) != 1)
    first = np.flatnonzero(begins)
    if not len(first):
        none = np.empty(0, np.int64)
        return Occurrences(none, none, none)
    kept = np.add.reduceat(value, first) >= least
    last = np.append(first[1:], len(row)) - 1
    return Occurrences(column[first][kept], row[first][kept], row[last][kept] + 1)


class Site(NamedTuple):
    """One occurrence of each of two clusters: numbers in the window's :class:`Occurrences`."""

    window: int
    first: int
    second: int


def pairs_in_window(
    found: Occurrences, centre_bp: NDArray[np.floating], chosen: NDArray[np.integer],
    max_distance_bp: float, max_gap_bins: int | None,
) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Occurrences of two chosen clusters near each other, by the clusters' numbers.

    Parameters
    ----------
    found : of the window
    centre_bp : centre of each occurrence
    chosen : motif clusters; a pair may be two occurrences of one of them
    max_distance_bp : largest distance of the centres
    max_gap_bins : largest number of bins between both that one output still sees; None: any
    """
    here = np.flatnonzero(np.isin(found.cluster, chosen))
    # Occurrences come in the order of their clusters, so i has the smaller one.
    i, j = (here[side] for side in np.triu_indices(len(here), 1))
    near = np.abs(centre_bp[i] - centre_bp[j]) <= max_distance_bp
    if max_gap_bins is not None:
        gap = np.maximum(found.lo[i], found.lo[j]) - np.minimum(found.hi[i], found.hi[j])
        near &= gap < max_gap_bins
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b in zip(i[near].tolist(), j[near].tolist(), strict=True):
        pairs.setdefault((int(found.cluster[a]), int(found.cluster[b])), []).append((a, b))
    return pairs


def choose_sites(
    by_window: list[dict[tuple[int, int], list[tuple[int, int]]]], pair: tuple[int, int],
    most: int, rng: np.random.Generator,
) -> list[Site]:
    """At most ``most`` windows that hold the pair, and one of its places in each, at random."""
    holding = [k for k, pairs in enumerate(by_window) if pair in pairs]
    if len(holding) > most:
        holding = sorted(rng.choice(holding, most, replace=False).tolist())
    sites = []
    for window in holding:
        places = by_window[window][pair]
        first, second = places[int(rng.integers(len(places)))]
        sites.append(Site(window, first, second))
    return sites
