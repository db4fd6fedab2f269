"""What needs no network: GC content, CpG, motif depth and linear models on one bin's clusters.

A deep model that does not beat these is worth knowing about. Each is a mean over a centred
stretch, whose width is chosen on the validation set, so that none is held back by looking at
16 bp alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from precompute.evaluation.cells import Cells, CellTrack, cell_means
from precompute.evaluation.correlations import r_of_sums, window_sums
from precompute.models.dataset import CELL_BP, Source
from precompute.models.metrics import resample

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Odd numbers of cells: 16 bp to 4 kb.
WIDTHS_CELLS = (1, 9, 31, 127, 255)
#: Bins predicted at a time.
_BLOCK_BINS = 50_000
#: Names, and what a person reads.
BASELINES = {
    "gc": "GC content",
    "cpg": "CpG density",
    "depth": "Motif depth",
    "linear": "Ridge on motif clusters",
    "logistic": "Logistic model on motif clusters",
    "mean": "Mean signal",
}


def sequence_track(source: Source, kind: str) -> CellTrack:
    """GC content ('gc') or CpG dinucleotides per base ('cpg') of each cell."""

    def read(chrom: str) -> NDArray[np.float32]:
        parts, n_bp, step = [], source.n_bp(chrom), CELL_BP << 16
        for lo in range(0, n_bp, step):
            hi = min(lo + step, n_bp)
            codes = source.codes(chrom, lo, min(hi + 1, n_bp))
            if kind == "gc":
                here = (codes[: hi - lo] == 1) | (codes[: hi - lo] == 2)
            else:
                here = np.zeros(hi - lo, dtype=bool)
                pair = (codes[:-1] == 1) & (codes[1:] == 2)
                here[: len(pair)] = pair[: hi - lo]
            parts.append(cell_means(here))
        return np.concatenate(parts)

    return read


def depth_track(source: Source) -> CellTrack:
    """Motif features with a hit over a base, mean of each cell."""
    group = source.run.group("depth")

    def read(chrom: str) -> NDArray[np.float32]:
        stored, step = group[f"{chrom}/depth"], CELL_BP << 16
        n_bp = stored.shape[0]
        return np.concatenate(
            [cell_means(stored[lo : min(lo + step, n_bp)]) for lo in range(0, n_bp, step)]
        )

    return read


def constant_track(source: Source, value: float) -> CellTrack:
    """The same value everywhere."""
    return lambda chrom: np.full(source.n_positions(chrom), value, dtype=np.float32)


def widened(track: CellTrack, cells: int) -> CellTrack:
    """Centred means over an odd number of cells; beyond the ends the last value goes on."""
    from scipy.ndimage import uniform_filter1d

    def read(chrom: str) -> NDArray[np.float32]:
        values = track(chrom).astype(np.float64)
        return uniform_filter1d(values, cells, mode="nearest").astype(np.float32)

    return read if cells > 1 else track


@dataclass(frozen=True)
class Fitted:
    """A linear model of a bin's motif clusters: ``shape(tokens @ weights + intercept)``."""

    weights: NDArray[np.float64]
    intercept: float
    shape: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def linear_track(source: Source, fitted: Fitted) -> CellTrack:
    """A linear model at every bin of a chromosome, as means over cells."""

    def read(chrom: str) -> NDArray[np.float32]:
        store = source.store
        blocks = [
            store.cluster_values(chrom, block.lo, block.hi) @ fitted.weights
            for block in store.blocks(_BLOCK_BINS, chrom)
        ]
        values = fitted.shape(np.concatenate(blocks) + fitted.intercept)
        grid = np.minimum(source.edges(chrom), source.start(chrom) + source.n_bp(chrom))
        return resample(values, store.edges(chrom), grid).astype(np.float32)

    return read


def training_bins(
    cells: Cells, tracks: dict[str, CellTrack], most: int
) -> tuple[csr_matrix, dict[str, NDArray[np.float64]]]:
    """Cluster values of bins of the training windows, and tracks at their middle.

    Parameters
    ----------
    tracks : name to values on cells
    most : bins at most; evenly spaced windows are taken

    Returns
    -------
    CSR (bins, clusters), and float64 (bins,) of each track
    """
    from scipy.sparse import vstack

    source, found = cells.source, cells.windows["train"]
    per_window = max(1, cells.size)
    n = max(1, min(len(found), most // per_window))
    spaced = np.linspace(0, len(found) - 1, n if found else 0)
    picked = np.unique(spaced.round().astype(int)).tolist()
    rows: list[Any] = []
    values: dict[str, list[NDArray]] = {name: [] for name in tracks}
    chrom, current = "", {}
    for number in picked:
        window = found[number]
        if window.chrom != chrom:
            chrom = window.chrom
            hidden = cells.unknown(chrom)
            current = {k: np.where(hidden, np.nan, t(chrom)) for k, t in tracks.items()}
        start, end = cells.span(window)
        lo, hi = source.store.bin_range(chrom, start, end)
        rows.append(source.store.cluster_values(chrom, lo, hi))
        edges = source.store.edges(chrom)[lo : hi + 1].astype(np.int64)
        middle = ((edges[1:] + edges[:-1]) // 2 - source.start(chrom)) // CELL_BP
        for name, track in current.items():
            values[name].append(track[middle])
    joined = {name: np.concatenate(parts).astype(np.float64) if parts else np.empty(0)
              for name, parts in values.items()}
    return vstack(rows, format="csr") if rows else None, joined


def fit_ridge(tokens: csr_matrix, signal: NDArray[np.float64]) -> Fitted | None:
    """Ridge regression of the square root of the signal; None where nothing varies."""
    from sklearn.linear_model import Ridge

    keep = np.isfinite(signal)
    y = np.sqrt(np.maximum(signal[keep], 0))
    if len(y) < 10 or y.std() == 0:
        return None
    model = Ridge(alpha=1.0, solver="lsqr", tol=1e-6).fit(tokens[keep], y)
    return Fitted(
        np.asarray(model.coef_, np.float64), float(model.intercept_),
        lambda x: np.maximum(x, 0) ** 2,
    )


def fit_logistic(tokens: csr_matrix, is_peak: NDArray[np.float64]) -> Fitted | None:
    """Logistic regression of lying in a reference peak; None with one class only."""
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression

    keep = np.isfinite(is_peak)
    y = is_peak[keep] > 0.5
    if not y.any() or y.all():
        return None
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2_000, tol=1e-3)
    model.fit(tokens[keep].astype(np.float64), y)
    return Fitted(np.asarray(model.coef_[0], np.float64), float(model.intercept_[0]), expit)


def best_width(
    cells: Cells, track: CellTrack, observed: dict[str, NDArray[np.float32]]
) -> tuple[int, dict[str, NDArray[np.float32]]]:
    """The width with the highest validation r (the first of equals), and the widened values."""
    best_r, best, kept = -np.inf, WIDTHS_CELLS[0], {}
    for width in WIDTHS_CELLS:
        values = cells.gather(widened(track, width))
        sums = window_sums(values["validation"], observed["validation"]).sum(axis=0)
        r = float(np.nan_to_num(r_of_sums(sums), nan=-2.0))
        if r > best_r:
            best_r, best, kept = r, width, values
    return best, kept

