"""How good the run's models are: the tables of its evaluation, training curves and cards."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from precompute.artefacts import RunFolder, read_parquet
from precompute.errors import MotiflensError
from vizapp.loci import format_locus

SETS = ("test", "validation", "train")
RESOLUTIONS_BP = (16, 128)
#: Models that come with motiflens; only names listed in it ever reach a path.
_SHIPPED = Path(__file__).resolve().parents[2] / "data" / "models"
_CARD_LETTERS = 60_000


class ModelScores:
    """The evaluation of a run.

    Parameters
    ----------
    run : run folder; it may lack the evaluation
    tracks : label of each track
    """

    def __init__(self, run: RunFolder, tracks: dict[str, dict[str, Any]]) -> None:
        self._run, self._about = run, tracks

    @property
    def is_there(self) -> bool:
        """Whether the run has been evaluated."""
        return self._run.exists("evaluation")

    def _table(self, name: str) -> pd.DataFrame:
        return read_parquet(self._run.folder("evaluation") / f"{name}.parquet")

    @cached_property
    def predictors(self) -> pd.DataFrame:
        """Models and baselines: name, label, kind, encoding, is_shipped, about."""
        return self._table("predictors")

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """r by predictor, track, set and resolution."""
        return self._table("correlations")

    @cached_property
    def peak_metrics(self) -> pd.DataFrame:
        """Ranking and called peaks by predictor, track and set."""
        return self._table("peak_metrics")

    @cached_property
    def paired(self) -> pd.DataFrame:
        """Tokens against one-hot on the same windows."""
        return self._table("paired")

    @cached_property
    def windows(self) -> pd.DataFrame:
        """r and means of every window of the models."""
        return self._table("window_scores")

    @cached_property
    def rates(self) -> pd.DataFrame:
        """Points of the ROC and precision-recall curves."""
        return self._table("rates")

    @property
    def labels(self) -> dict[str, str]:
        """Label of each predictor, models first."""
        table = self.predictors
        return dict(zip(table["name"], table["label"], strict=True))

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return self.predictors.loc[self.predictors["kind"] == "model", "name"].tolist()

    @property
    def tracks(self) -> dict[str, str]:
        """Label of each evaluated track; the one with reference peaks first."""
        metrics = self.peak_metrics
        with_peaks = set(metrics.loc[metrics["peak_set"] != "", "track"])
        names = sorted(dict.fromkeys(self.correlations["track"]), key=lambda t: t not in with_peaks)
        return {name: str(self._about.get(name, {}).get("label", name)) for name in names}

    def windows_of(self, track: str, part: str) -> pd.DataFrame:
        """One row per window of a set: chrom, start, end, observed_mean, and r and predicted_mean
        of each model as 'r_<name>' and 'mean_<name>'."""
        rows = self.windows[(self.windows["track"] == track) & (self.windows["set"] == part)]
        keys = ["chrom", "start", "end"]
        out = None
        for name in self.models:
            mine = rows[rows["predictor"] == name].set_index(keys)
            if not len(mine):
                continue
            here = mine.rename(columns={"r": f"r_{name}", "predicted_mean": f"mean_{name}"})
            here = here[[f"r_{name}", f"mean_{name}", "observed_mean"]]
            out = here if out is None else out.join(here.drop(columns="observed_mean"))
        if out is None:
            return pd.DataFrame(columns=[*keys, "observed_mean"])
        return out.reset_index()

    def _folder(self, name: str) -> Path | None:
        """Folder of a model of the predictors' table."""
        row = self.predictors[self.predictors["name"] == str(name)]
        if not isinstance(name, str) or not len(row) or row["kind"].iloc[0] != "model":
            raise MotiflensError("choose a model from the list")
        if not row["is_shipped"].iloc[0]:
            return self._run.path(f"model_{row['encoding'].iloc[0]}")
        listed = {path.name: path for path in _SHIPPED.iterdir()} if _SHIPPED.is_dir() else {}
        return listed.get(name)

    def curves(self, name: str) -> pd.DataFrame | None:
        """Training curves of a model; None where they were not kept."""
        folder = self._folder(name)
        path = None if folder is None else folder / "curves.parquet"
        return read_parquet(path) if path is not None and path.is_file() else None

    def card(self, name: str) -> str:
        """The model's card as Markdown: ``CARD.md``, or the main entries of ``model.json``."""
        folder = self._folder(name)
        if folder is None:
            return "The folder of this model is not here any more."
        try:
            if (folder / "CARD.md").is_file():
                return (folder / "CARD.md").read_text(encoding="utf-8")[:_CARD_LETTERS]
            data = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "The card of this model cannot be read."
        kept = (
            "encoding", "tracks", "parameters", "receptive_field", "receptive_field_unit", "epochs",
            "best_epoch", "best_validation_r", "stopped", "train_windows", "seed", "hardware",
            "precision", "split",
        )
        rows = [f"* **{key.replace('_', ' ')}**: {_text(data[key])}" for key in kept
                if data.get(key) is not None]
        return "\n".join(rows)


def _text(value: Any) -> str:
    if isinstance(value, dict) and {"chrom", "start"} <= value.keys():
        end = value.get("end")
        name, start = str(value["chrom"]), int(value["start"])
        return f"{name}:{start + 1:,} to its end" if end is None else format_locus(name, start, end)
    if isinstance(value, dict):
        return "; ".join(f"{k} {_text(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_text(v) for v in value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if isinstance(
        value, float) else str(value)
