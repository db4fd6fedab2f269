"""Whole-region predictions as bigWig, and how good they are.

A network is run on overlapping windows whose margins are at least its receptive field, so the
joined prediction is that of one pass over the whole region.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import ARTEFACTS, write_parquet
from precompute.config_inputs import Region
from precompute.config_models import SplitConfig
from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.models.dataset import CELL_BP, Source, Window
from precompute.models.metrics import coarsen, pearson, resample, spearman
from precompute.models.store import TrainedModel, load_own_model
from precompute.streaming import in_order, windows

if TYPE_CHECKING:
    import pyBigWig

_RESOLUTIONS = (CELL_BP, 128)
_SETS = ("train", "validation", "test")


def predict_positions(
    model: TrainedModel,
    source: Source,
    chrom: str,
    chunk: int = 8_192,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float64]:
    """Predicted signal at every position of a chromosome's region.

    Parameters
    ----------
    model : trained model in evaluation mode
    source : inputs of the model's encoding
    chrom : chromosome of the run
    chunk : positions predicted at a time; it changes no result beyond float32 rounding
    workers : chunks at work at the same time
    progress : called with the number of positions that are done

    Returns
    -------
    float64 (tracks, positions), mean signal per base in each track's unit
    """
    import torch

    from precompute.models.architectures import fold_batch_norm, reach

    network = fold_batch_norm(model.network)
    seen = reach(network)
    if seen is None:
        raise StageError("a transformer sees its whole window and cannot be tiled by its reach")
    halo = seen.outputs
    device = next(network.parameters()).device
    n = source.n_positions(chrom)
    out = np.empty((len(model.tracks), n))

    def predict(bounds: tuple[int, int]) -> NDArray[np.float32]:
        lo, hi = bounds
        first, last = max(0, lo - halo), min(n, hi + halo)
        window = Window(chrom, first, last)
        with torch.no_grad():
            if source.encoding == "tokens":
                y = network(source.rows(window))
            else:
                y = network(torch.from_numpy(source.onehot(window))[None].to(device))
        return y[0, :, lo - first : hi - first].cpu().numpy()

    for (lo, hi), y in in_order(predict, windows(n, chunk), workers):
        for track, scaling in enumerate(model.scalings):
            out[track, lo:hi] = scaling.restore(y[track])
        if progress is not None:
            progress(hi)
    return out


def write_bigwig(
    path: Path,
    chrom_sizes: dict[str, int],
    steps: Mapping[str, tuple[NDArray[np.integer], NDArray[np.floating]]],
) -> None:
    """Write step functions, one (edges, values) per chromosome, as a bigWig with zoom levels."""
    import pyBigWig

    handle: pyBigWig.bigWigFile = pyBigWig.open(str(path), "w")
    handle.addHeader([(chrom, chrom_sizes[chrom]) for chrom in steps], maxZooms=10)
    for chrom, (edges, values) in steps.items():
        for lo in range(0, len(values), 500_000):
            hi = min(lo + 500_000, len(values))
            handle.addEntries(
                [chrom] * (hi - lo), edges[lo:hi].tolist(), ends=edges[lo + 1 : hi + 1].tolist(),
                values=values[lo:hi].astype(np.float64).tolist(),
            )
    handle.close()


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
                n = int(np.isfinite(p).sum())
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
