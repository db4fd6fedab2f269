"""Whole-region predictions as bigWig, and how good they are.

A network is run on overlapping windows whose margins are at least its receptive field, so the
joined prediction is that of one pass over the whole region.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import ARTEFACTS, write_parquet
from precompute.config import SplitConfig
from precompute.context import Facts, StageContext
from precompute.models.dataset import CELL_BP, Source, Window
from precompute.models.metrics import coarsen, pearson, resample, spearman
from precompute.models.store import TrainedModel, features_digest, load_model

if TYPE_CHECKING:
    import pyBigWig

_RESOLUTIONS = (CELL_BP, 128)


def predict_positions(
    model: TrainedModel,
    source: Source,
    chrom: str,
    chunk: int = 8_000,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float64]:
    """Predicted signal at every position of a chromosome's region.

    Parameters
    ----------
    model : trained model in evaluation mode
    source : inputs of the model's encoding
    chrom : chromosome of the run
    chunk : positions predicted at a time; it changes no result beyond rounding
    progress : called with the number of positions that are done

    Returns
    -------
    float64 (tracks, positions), mean signal per base in each track's unit
    """
    import torch

    from precompute.models.architectures import reach

    halo = reach(model.network).outputs
    device = next(model.network.parameters()).device
    n = source.n_positions(chrom)
    out = np.empty((len(model.tracks), n))
    with torch.no_grad():
        for lo in range(0, n, chunk):
            hi = min(lo + chunk, n)
            first, last = max(0, lo - halo), min(n, hi + halo)
            x = np.ascontiguousarray(source.inputs(Window(chrom, first, last)))
            y = model.network(torch.from_numpy(x)[None].to(device))[0].cpu().numpy()
            for track, scaling in enumerate(model.scalings):
                out[track, lo:hi] = scaling.restore(y[track, lo - first : hi - first])
            if progress is not None:
                progress(hi)
    return out


def write_bigwig(
    path: Path,
    chrom_sizes: dict[str, int],
    steps: dict[str, tuple[NDArray[np.integer], NDArray[np.floating]]],
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


def evaluate(
    source: Source,
    tracks: list[str],
    predicted: dict[str, NDArray[np.float64]],
    observed_grid: dict[str, NDArray[np.float32]],
    split: SplitConfig,
) -> pd.DataFrame:
    """Correlations per track, set and resolution: ``metrics.parquet`` of the contract.

    Resolution 0 is the model's own: bins or 16 bp. Others are means over a common grid, so that
    both models are compared on the same values.
    """
    rows = []
    for set_name in ("train", "validation", "test"):
        for number, track in enumerate(tracks):
            pairs: dict[int, list[tuple[NDArray, NDArray]]] = {0: [], **{r: [] for r in _RESOLUTIONS}}
            for region in getattr(split, set_name):
                lo, hi = source.positions(region)
                edges = source.edges(region.chrom)[lo : hi + 1]
                values = predicted[region.chrom][number, lo:hi]
                own = source.signal(Window(region.chrom, lo, hi))[number]
                pairs[0].append((values, own))
                start = source.start(region.chrom)
                first = -(-(int(edges[0]) - start) // CELL_BP)
                last = (int(edges[-1]) - start) // CELL_BP
                grid = start + CELL_BP * np.arange(first, last + 1)
                fine = resample(values, edges, grid)
                truth = observed_grid[region.chrom][number, first:last]
                for resolution in _RESOLUTIONS:
                    factor = resolution // CELL_BP
                    pairs[resolution].append((coarsen(fine, factor), coarsen(truth, factor)))
            for resolution, parts in pairs.items():
                p = np.concatenate([a for a, _ in parts])
                o = np.concatenate([b for _, b in parts])
                rows.append((track, set_name, resolution, len(p), pearson(p, o), spearman(p, o)))
    names = ["track", "set", "resolution_bp", "n", "r", "spearman"]
    return pd.DataFrame(rows, columns=names)


def evaluate_windows(
    source: Source, tracks: list[str], predicted: dict[str, NDArray[np.float64]],
    split: SplitConfig, length: int,
) -> pd.DataFrame:
    """r at the model's own resolution in each window of every set: ``windows.parquet``."""
    rows = []
    for set_name in ("train", "validation", "test"):
        for window in source.windows(getattr(split, set_name), length, length):
            edges = source.edges(window.chrom)
            observed = source.signal(window)
            for number, track in enumerate(tracks):
                p = predicted[window.chrom][number, window.lo : window.hi]
                rows.append((
                    track, set_name, window.chrom, int(edges[window.lo]), int(edges[window.hi]),
                    pearson(p, observed[number]), float(observed[number].mean()),
                ))
    names = ["track", "set", "chrom", "start", "end", "r", "observed_mean"]
    return pd.DataFrame(rows, columns=names)


def _run(context: StageContext, encoding: str) -> Facts:
    import torch

    torch.set_num_threads(context.config.run.workers)
    run = context.run
    model = load_model(run.folder(f"model_{encoding}"), features_digest(run))
    source = Source(run, encoding, model.tracks)
    chroms = source.store.chroms
    total = sum(source.n_positions(chrom) for chrom in chroms)
    predicted: dict[str, NDArray[np.float64]] = {}
    done = 0
    for chrom in chroms:

        def report(n: int, before: int = done, chrom: str = chrom) -> None:
            context.progress(before + n, total, chrom)

        predicted[chrom] = predict_positions(model, source, chrom, progress=report)
        done += source.n_positions(chrom)
    grid = Source(run, "onehot", model.tracks)
    observed = {c: grid.signal(Window(c, 0, grid.n_positions(c))) for c in chroms}
    split = context.config.models.split
    metrics = evaluate(source, model.tracks, predicted, observed, split)
    windows = evaluate_windows(
        source, model.tracks, predicted, split, context.config.models.training.window_bins
    )
    sizes = {c: int(run.group("sequence")[c].attrs["length"]) for c in chroms}
    artefact = ARTEFACTS[f"predictions_{encoding}"]
    with run.writing(artefact.name) as folder:
        for number, track in enumerate(model.tracks):
            steps = {c: (source.edges(c), predicted[c][number]) for c in chroms}
            write_bigwig(folder / f"{track}.bw", sizes, steps)
        write_parquet(folder / "metrics.parquet", metrics, artefact.kind, artefact.version)
        write_parquet(folder / "windows.parquet", windows, artefact.kind, artefact.version)
    test = metrics[(metrics["set"] == "test") & (metrics["resolution_bp"] == CELL_BP)]
    return {f"test_r_16bp_{row.track}": row.r for row in test.itertuples()}


def run_tokens(context: StageContext) -> Facts:
    """Predict with the token model: artefact ``predictions_tokens``."""
    return _run(context, "tokens")


def run_onehot(context: StageContext) -> Facts:
    """Predict with the one-hot model: artefact ``predictions_onehot``."""
    return _run(context, "onehot")
