"""The stage ``evaluate``: every model of the run and the baselines, on the same windows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import ARTEFACTS, RunFolder, write_parquet
from precompute.config import Config
from precompute.config_inputs import Region
from precompute.config_models import SplitConfig
from precompute.context import Facts, StageContext
from precompute.errors import ConfigError
from precompute.evaluation import baselines, peaks
from precompute.evaluation.cells import SETS, Cells, CellTrack, bigwig_track, observed_track
from precompute.evaluation.tables import Reference, Tables
from precompute.models.dataset import CELL_BP, Source
from precompute.models.registry import ModelEntry, model_names


class Predictor(NamedTuple):
    """A model whose predictions of the whole run are there."""

    entry: ModelEntry
    folder: Path


def predictors(run: RunFolder) -> list[Predictor]:
    """The models of a run that have predicted it: its own, then the shipped ones."""
    shipped = run.folder("predictions_shipped") if run.exists("predictions_shipped") else None
    found = []
    for entry in model_names(run):
        if not entry.shipped and run.exists(f"predictions_{entry.encoding}"):
            found.append(Predictor(entry, run.folder(f"predictions_{entry.encoding}")))
        elif entry.shipped and shipped is not None and (shipped / entry.name).is_dir():
            found.append(Predictor(entry, shipped / entry.name))
    return found


def trained_on(entry: ModelEntry, split: SplitConfig) -> str:
    """Where a model was trained, and whether the run's test set was part of it.

    Parameters
    ----------
    entry : the model
    split : of the run that it is evaluated on
    """
    card = json.loads((entry.folder / "model.json").read_text(encoding="utf-8"))
    seen = [Region.model_validate(r) for r in (card.get("split") or {}).get("train", [])]
    if not seen:
        return "where it was trained is not recorded"
    text = "trained on " + ", ".join(_region_text(r) for r in seen)
    overlaps = [t for t in split.test if any(_touch(t, r) for r in seen)]
    if overlaps:
        return f"{text}; this holds {_region_text(overlaps[0])} of the test set: no test of it"
    return f"{text}; no part of the test set"


def _region_text(region: Region) -> str:
    end = "end" if region.end is None else f"{region.end:,}"
    return f"{region.chrom}:{region.start + 1:,}-{end}"


def _touch(a: Region, b: Region) -> bool:
    far = 2**62
    return a.chrom == b.chrom and a.start < (b.end or far) and b.start < (a.end or far)


def reference_peaks(run: RunFolder, config: Config, track: str) -> pd.DataFrame | str:
    """Reference peaks of a track, or a sentence that says why there are none.

    Raises
    ------
    ConfigError
        When the configuration names peaks that the annotation lacks.
    """
    name = config.evaluation.peaks.get(track)
    if name is None:
        return f"no reference peaks are configured for {track} (evaluation.peaks)"
    table = run.table("peaks", ["target", "set", "chrom", "start", "end"])
    chosen = table[(table["target"] == name) | (table["set"] == name)]
    if not len(chosen):
        known = sorted(table["target"].unique())
        shown = ", ".join(known[:8]) + (" ..." if len(known) > 8 else "")
        raise ConfigError(
            f"evaluation.peaks gives {name!r} for {track}, and the annotation's peaks are "
            f"{shown or 'none'}; name one of them, or leave the track out"
        )
    return chosen


def peak_spans(cells: Cells, table: pd.DataFrame, name: str) -> list[NDArray[np.int64]]:
    """Peaks of each stretch of a set in its cells; a cell belongs to a peak that covers at least
    half of it, and a peak has at least one cell."""
    out = []
    found = cells.windows[name]
    for stretch in dict.fromkeys(w.stretch for w in found):
        mine = [w for w in found if w.stretch == stretch]
        chrom, first, last = mine[0].chrom, mine[0].lo, mine[-1].hi
        rows = table[table["chrom"] == chrom]
        spans = rows[["start", "end"]].to_numpy(np.int64) - cells.source.start(chrom)
        lo = (spans[:, 0] + CELL_BP // 2) // CELL_BP
        hi = np.maximum((spans[:, 1] + CELL_BP // 2) // CELL_BP, lo + 1)
        inside = (lo < last) & (hi > first)
        clipped = np.clip(np.stack([lo, hi], axis=1)[inside], first, last) - first
        out.append(peaks.merged(clipped))
    return out


class _Evaluation:
    """One run's evaluation under way."""

    def __init__(self, context: StageContext) -> None:
        self.context, self.run, self.config = context, context.run, context.config
        targets = [track.name for track in self.config.tracks if track.target]
        self.source = Source(self.run, "onehot", targets)
        settings, models = self.config.evaluation, self.config.models
        self.cells = Cells(
            self.source, models.split, models.training.window_bins, settings.train_windows
        )
        self.tables = Tables.empty(self.cells, settings.bootstrap, context.seed("windows"))
        self.models = predictors(self.run)
        self.labels = {track.name: track.label for track in self.config.tracks}
        self._about: dict[str, str] = {}

    def track(self, track: str) -> None:
        """Everything about one track."""
        measured = observed_track(self.source, track)
        observed = self.cells.gather(measured)
        reference, table = self._reference(track, observed)
        if reference.name:
            self.tables.add_peaks("truth", track, observed, reference)
        names = []
        for model in self.models:
            path = model.folder / f"{track}.bw"
            if path.is_file():
                values = self.cells.gather(bigwig_track(path, self.source))
                self._add(model.entry.name, track, values, observed, reference, True)
                names.append(model.entry)
        for token in (entry for entry in names if entry.encoding == "tokens"):
            for onehot in (entry for entry in names if entry.encoding == "onehot"):
                if token.shipped == onehot.shipped:
                    self.tables.add_paired(token.name, onehot.name, track)
        for name, base in self._baselines(track, measured, observed, table).items():
            width, values = baselines.best_width(self.cells, base, observed)
            self._add(name, track, values, observed, reference, False)
            where = f"{track}: mean over {width * CELL_BP:,} bp"
            self._about[name] = "; ".join(filter(None, [self._about.get(name, ""), where]))

    def _add(
        self, name: str, track: str, values: dict[str, NDArray[np.float32]],
        observed: dict[str, NDArray[np.float32]], reference: Reference, with_windows: bool,
    ) -> None:
        self.tables.add_correlations(name, track, values, observed, with_windows)
        self.tables.add_peaks(name, track, values, reference)

    def _reference(
        self, track: str, observed: dict[str, NDArray[np.float32]]
    ) -> tuple[Reference, pd.DataFrame | None]:
        table = reference_peaks(self.run, self.config, track)
        if isinstance(table, str):
            return Reference("", table, {}, None), None
        spans = {name: peak_spans(self.cells, table, name) for name in SETS[1:]}
        truth = self.tables.stretches(observed, "validation")
        best = peaks.sweep(truth, spans["validation"])
        name = self.config.evaluation.peaks[track]
        return Reference(name, "", spans, None if best is None else best[0]), table

    def _baselines(
        self, track: str, measured: CellTrack, observed: dict[str, NDArray[np.float32]],
        table: pd.DataFrame | None,
    ) -> dict[str, CellTrack]:
        wanted = {"signal": measured}
        if table is not None:
            wanted["peak"] = self._peak_track(table)
        tokens, values = baselines.training_bins(
            self.cells, wanted, self.config.evaluation.baseline_bins
        )
        found = {
            "gc": baselines.sequence_track(self.source, "gc"),
            "cpg": baselines.sequence_track(self.source, "cpg"),
            "depth": baselines.depth_track(self.source),
        }
        ridge = None if tokens is None else baselines.fit_ridge(tokens, values["signal"])
        if ridge is not None:
            found["linear"] = baselines.linear_track(self.source, ridge)
        if tokens is not None and "peak" in values:
            logistic = baselines.fit_logistic(tokens, values["peak"])
            if logistic is not None:
                found["logistic"] = baselines.linear_track(self.source, logistic)
        train = observed["train"][np.isfinite(observed["train"])]
        if len(train):
            found["mean"] = baselines.constant_track(self.source, float(train.mean()))
        return found

    def _peak_track(self, table: pd.DataFrame) -> CellTrack:
        def read(chrom: str) -> NDArray[np.float32]:
            start, n = self.source.start(chrom), self.source.n_positions(chrom)
            rows = table[table["chrom"] == chrom][["start", "end"]].to_numpy(np.int64) - start
            spans = np.clip((rows + CELL_BP // 2) // CELL_BP, 0, n)
            return peaks.covered(spans, n).astype(np.float32)

        return read

    def finish(self) -> Facts:
        """Write the tables; the facts are r and AUPR of the test set."""
        rows = self.tables.rows["predictors"]
        for model in self.models:
            e = model.entry
            rows.append((e.name, e.label, "model", e.encoding, e.shipped,
                         trained_on(e, self.config.models.split)))
        for name, label in baselines.BASELINES.items():
            if name in self._about:
                rows.append((name, label, "baseline", "", False, self._about[name]))
        frames = self.tables.frames()
        artefact = ARTEFACTS["evaluation"]
        with self.run.writing("evaluation") as folder:
            for name, frame in frames.items():
                write_parquet(
                    folder / f"{name}.parquet", frame, f"motiflens.{name}", artefact.version
                )
        test = frames["correlations"]
        test = test[(test["set"] == "test") & (test["resolution_bp"] == CELL_BP)]
        facts: Facts = {
            f"test_r_{row.predictor}_{row.track}": row.r
            for row in test.itertuples() if np.isfinite(row.r)
        }
        metric = frames["peak_metrics"]
        facts |= {
            f"test_aupr_{row.predictor}_{row.track}": row.aupr
            for row in metric[metric["set"] == "test"].itertuples() if np.isfinite(row.aupr)
        }
        return facts


def run(context: StageContext) -> Facts:
    """Evaluate every model of the run: artefact ``evaluation``."""
    evaluation = _Evaluation(context)
    targets = evaluation.source.tracks
    for number, track in enumerate(targets):
        context.progress(number, len(targets), track)
        evaluation.track(track)
    context.progress(len(targets), len(targets), "done")
    return evaluation.finish()
