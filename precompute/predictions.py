"""Whole-region predictions as bigWig, and how good they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import ARTEFACTS, write_parquet
from precompute.config_inputs import Region
from precompute.config_models import SplitConfig
from precompute.context import Facts, StageContext
from precompute.models.bigwig import write_bigwig
from precompute.models.dataset import CELL_BP, Source, Window
from precompute.models.metrics import coarsen, pearson, resample, spearman
from precompute.models.predict import predict_positions
from precompute.models.store import TrainedModel, load_own_model

_RESOLUTIONS = (CELL_BP, 128)
_SETS = ("train", "validation", "test")


class Comparison:
    """Predictions of one encoding beside what was measured, on its own positions and on 16 bp.

    Positions that hold a base other than ACGT count nowhere: no reads map there.

    Parameters
    ----------
    source : inputs of the model's encoding
    grid : the same run on 16-bp cells
    predicted : chromosome to (tracks, positions of ``source``)
    """

    def __init__(
        self, source: Source, grid: Source, predicted: dict[str, NDArray[np.float64]]
    ) -> None:
        self.source, self.grid, self.tracks = source, grid, source.tracks
        self._own: dict[str, tuple[NDArray, NDArray]] = {}
        self._cells: dict[str, tuple[NDArray, NDArray]] = {}
        for chrom, values in predicted.items():
            edges, cells = source.edges(chrom), grid.edges(chrom)
            known = source.unknown_bp(chrom, edges) == 0
            whole = Window(chrom, 0, source.n_positions(chrom))
            self._own[chrom] = np.where(known, values, np.nan), source.signal(whole)
            known = grid.unknown_bp(chrom, cells) == 0
            fine = np.stack([resample(row, edges, cells) for row in values])
            whole = Window(chrom, 0, grid.n_positions(chrom))
            self._cells[chrom] = np.where(known, fine, np.nan), grid.signal(whole)

    def own(self, region: Region, track: int) -> tuple[NDArray, NDArray]:
        """Predicted and observed at the model's own positions inside a region."""
        lo, hi = self.source.positions(region)
        predicted, observed = self._own[region.chrom]
        return predicted[track, lo:hi], observed[track, lo:hi]

    def cells(self, region: Region, track: int, factor: int = 1) -> tuple[NDArray, NDArray]:
        """Predicted and observed in groups of ``factor`` 16-bp cells inside a region."""
        predicted, observed = self._cells[region.chrom]
        lo, hi = self.grid.positions(region)
        return coarsen(predicted[track, lo:hi], factor), coarsen(observed[track, lo:hi], factor)


def evaluate(comparison: Comparison, split: SplitConfig, by_window: pd.DataFrame) -> pd.DataFrame:
    """Correlations per track, set and resolution: ``metrics.parquet`` of the contract.

    Resolution 0 is the model's own: bins or 16 bp. Others are means over a common grid, so that
    both models are compared on the same values. ``by_window`` is from :func:`evaluate_windows`.
    """
    rows = []
    for set_name in _SETS:
        for number, track in enumerate(comparison.tracks):
            chosen = (by_window["set"] == set_name) & (by_window["track"] == track)
            here = by_window.loc[chosen, "r"]
            for resolution in (0, *_RESOLUTIONS):
                parts = [
                    comparison.own(region, number) if resolution == 0
                    else comparison.cells(region, number, resolution // CELL_BP)
                    for region in getattr(split, set_name)
                ]
                p, o = (np.concatenate(side) for side in zip(*parts, strict=True))
                n = int((np.isfinite(p) & np.isfinite(o)).sum())
                rows.append((
                    track, set_name, resolution, n, pearson(p, o), spearman(p, o),
                    int(here.count()), float(here.median()),
                ))
    names = ["track", "set", "resolution_bp", "n", "r", "spearman", "windows", "window_r_median"]
    return pd.DataFrame(rows, columns=names)


def evaluate_windows(comparison: Comparison, split: SplitConfig, cells: int) -> pd.DataFrame:
    """r at 16 bp in windows of ``cells`` cells that tile every set: ``windows.parquet``.

    The windows are the same for both encodings. r is NaN where nothing was measured.
    """
    rows = []
    for set_name in _SETS:
        for region in getattr(split, set_name):
            first, last = comparison.grid.positions(region)
            edges = comparison.grid.edges(region.chrom)
            for number, track in enumerate(comparison.tracks):
                p, o = comparison.cells(region, number)
                for lo in range(0, last - first - cells + 1, cells):
                    part = slice(lo, lo + cells)
                    rows.append((
                        track, set_name, region.chrom, int(edges[first + lo]),
                        int(edges[first + lo + cells]), pearson(p[part], o[part]),
                        float(o[part].mean()),
                    ))
    names = ["track", "set", "chrom", "start", "end", "r", "observed_mean"]
    return pd.DataFrame(rows, columns=names)


def _predict_all(
    context: StageContext, model: TrainedModel, source: Source
) -> dict[str, NDArray[np.float64]]:
    import torch

    # Chunks run side by side, each on one thread: the many small layers share better that way.
    torch.set_num_threads(1)
    chroms = source.store.chroms
    total = sum(source.n_positions(chrom) for chrom in chroms)
    predicted: dict[str, NDArray[np.float64]] = {}
    done = 0
    for chrom in chroms:

        def report(n: int, before: int = done, chrom: str = chrom) -> None:
            context.progress(before + n, total, chrom)

        predicted[chrom] = predict_positions(
            model, source, chrom, workers=context.config.run.workers, progress=report
        )
        done += source.n_positions(chrom)
    return predicted


def _run(context: StageContext, encoding: str) -> Facts:
    run = context.run
    model = load_own_model(run, encoding)
    source = Source(run, encoding, model.tracks)
    predicted = _predict_all(context, model, source)
    comparison = Comparison(source, Source(run, "onehot", model.tracks), predicted)
    split = context.config.models.split
    by_window = evaluate_windows(comparison, split, context.config.models.training.window_bins)
    metrics = evaluate(comparison, split, by_window)
    sizes = {c: int(run.group("sequence")[c].attrs["length"]) for c in predicted}
    artefact = ARTEFACTS[f"predictions_{encoding}"]
    with run.writing(artefact.name) as folder:
        for number, track in enumerate(model.tracks):
            steps = {c: (source.edges(c), predicted[c][number]) for c in predicted}
            write_bigwig(folder / f"{track}.bw", sizes, steps)
        write_parquet(folder / "metrics.parquet", metrics, artefact.kind, artefact.version)
        write_parquet(folder / "windows.parquet", by_window, artefact.kind, artefact.version)
    test = metrics[(metrics["set"] == "test") & (metrics["resolution_bp"] == CELL_BP)]
    return {f"test_r_16bp_{row.track}": row.r for row in test.itertuples()}


def run_tokens(context: StageContext) -> Facts:
    """Predict with the token model: artefact ``predictions_tokens``."""
    return _run(context, "tokens")


def run_onehot(context: StageContext) -> Facts:
    """Predict with the one-hot model: artefact ``predictions_onehot``."""
    return _run(context, "onehot")
