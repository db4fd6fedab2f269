"""The TF benchmark of a run: factors, areas of every score, and the hits behind them."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder, read_parquet
from precompute.errors import ArtefactError

MOTIF_SCORE, PREDICTED = "motif_score", "predicted"
METHODS = {
    "deeplift": "DeepLIFT", "integrated_gradients": "integrated gradients",
    "input_x_gradient": "Input x Gradient", PREDICTED: "predicted signal",
}
METRICS = {"auc": "ROC AUC", "aupr": "AUPR"}
#: Kinds of sites: what ranks right, and the two ways to be wrong.
KINDS = {
    "found": "bound, high", "missed": "bound, low", "wrong": "not bound, high",
}
#: A page's figure and table hold at most so many scores.
MOST_SCORES = 6


class Score(NamedTuple):
    """A score that ranks hits: its key in the page, the name of the score and of the model."""

    key: str
    score: str
    model: str
    label: str


class Curve(NamedTuple):
    """A score's ranking of one factor's hits."""

    label: str
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    false_positive_rate: NDArray[np.float64]


class TfBenchmark:
    """The artefact ``tf_benchmark`` of a run.

    Parameters
    ----------
    run : run folder; it may lack the artefact
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._of_factor = lru_cache(maxsize=8)(self._read_factor)

    @property
    def is_there(self) -> bool:
        """Whether the run has the artefact."""
        return self._run.exists("tf_benchmark")

    @property
    def command(self) -> str:
        """What makes the artefact."""
        return f"python -m precompute tf-benchmark {self._run.root}"

    def _table(self, name: str) -> pd.DataFrame:
        return read_parquet(self._run.folder("tf_benchmark") / f"{name}.parquet")

    @cached_property
    def factors(self) -> pd.DataFrame:
        """One row per factor."""
        return self._table("factors")

    @cached_property
    def benchmark(self) -> pd.DataFrame:
        """One row per factor and score, with the key of the score."""
        table = self._table("benchmark")
        return table.assign(key=[_key(*pair) for pair in zip(
            table["score"], table["model"], strict=True)])

    @cached_property
    def explained(self) -> pd.DataFrame:
        """One row per model."""
        return self._table("explained")

    @cached_property
    def models(self) -> list[str]:
        """Names of the models, in the order of the run."""
        return [str(name) for name in self.explained["model"]]

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Scores by key: the motif score, then those of each model."""
        labels = dict(zip(self.explained["model"], self.explained["label"], strict=True))
        pairs = self.benchmark[["score", "model"]].drop_duplicates().itertuples(index=False)
        found = {}
        for score, model in pairs:
            label = "motif score" if not model else f"{labels.get(model, model)}: {METHODS[score]}"
            found[_key(score, model)] = Score(_key(score, model), score, model, label)
        return found

    @cached_property
    def first_scores(self) -> list[str]:
        """Keys shown first: baselines and DeepLIFT of the shipped models, or of the run's own."""
        about = self.explained
        names = about[about["is_shipped"]]["model"].tolist() or about["model"].tolist()
        explains = ("deeplift", "integrated_gradients")
        keys = [_key(score, m) for score in explains for m in names]
        keys += [_key(MOTIF_SCORE, "")] + [_key(PREDICTED, m) for m in names]
        return [key for key in keys if key in self.scores][:MOST_SCORES]

    @cached_property
    def counted(self) -> list[str]:
        """Factors that have a number."""
        return self.factors[self.factors["note"] == ""]["tf"].tolist()

    def areas(self, metric: str, key: str) -> pd.DataFrame:
        """Columns value, low, high of a score, by factor; missing where there is no number."""
        mine = self.benchmark[self.benchmark["key"] == key].set_index("tf")
        names = {metric: "value", f"{metric}_low": "low", f"{metric}_high": "high"}
        return mine[list(names)].rename(columns=names)

    # -- hits of one factor --------------------------------------------------------------------

    @cached_property
    def _sites(self) -> pd.DataFrame:
        return self._table("sites")

    def sites(self, tf: str) -> pd.DataFrame:
        """Hits of a factor with one column per score key; read-only."""
        return self._of_factor(tf)

    def _read_factor(self, tf: str) -> pd.DataFrame:
        import pyarrow as pa
        import pyarrow.parquet as pq

        sites = self._sites[self._sites["tf"] == tf].set_index("site")
        path = self._run.folder("tf_benchmark") / "site_scores.parquet"
        try:
            found = pq.read_table(path, filters=[("site", "in", sites.index.tolist())])
        except (pa.ArrowInvalid, OSError) as error:
            raise ArtefactError(
                f"{path} cannot be read as Parquet ({type(error).__name__}); run "
                f"`{self.command} --force`"
            ) from None
        table = found.to_pandas()
        table["key"] = [_key(*pair) for pair in zip(table["score"], table["model"], strict=True)]
        wide = table.pivot(index="site", columns="key", values="value") if len(table) else \
            pd.DataFrame()
        keys = [key for key, score in self.scores.items() if score.model]
        return sites.join(wide.reindex(sites.index, columns=keys)).dropna(subset=keys)

    def extremes(self, tf: str, key: str, n: int) -> pd.DataFrame:
        """Hits that a score ranks best and worst: ``kind`` of ``KINDS``, ``percentile`` 0-100.

        Percentiles are of the factor's hits, 100 the highest score. At most ``n`` of each kind, and
        never a bound hit as both found and missed.
        """
        sites = self.sites(tf)
        rank = sites[key].rank(method="average", pct=True) * 100
        table = sites.assign(value=sites[key], percentile=rank)
        bound = table[table["bound"]].sort_values("value", ascending=False, kind="stable")
        other = table[~table["bound"]].sort_values("value", ascending=False, kind="stable")
        half = min(n, (len(bound) + 1) // 2)
        parts = {
            "found": bound.iloc[:half],
            "missed": bound.iloc[half:].iloc[::-1].iloc[:n],
            "wrong": other.iloc[:n],
        }
        return pd.concat([part.assign(kind=kind) for kind, part in parts.items()])

    def curves(self, tf: str, keys: list[str]) -> list[Curve]:
        """How each score ranks a factor's hits; equal scores make one step."""
        sites, found = self.sites(tf), []
        bound = sites["bound"].to_numpy(float)
        for key in keys:
            values = sites[key].to_numpy()
            order = np.argsort(-values, kind="stable")
            last = np.append(np.flatnonzero(np.diff(values[order])), len(order) - 1)
            hits = np.cumsum(bound[order])[last]
            taken = last + 1.0
            found.append(Curve(
                self.scores[key].label, np.append(0, hits / bound.sum()),
                np.append(hits[0] / taken[0], hits / taken),
                np.append(0, (taken - hits) / (len(bound) - bound.sum())),
            ))
        return found

    def csv(self) -> str:
        """The whole table as CSV, one row per factor and score."""
        table = self.benchmark.drop(columns="key").merge(self.factors, on="tf", how="left")
        tracks = self.explained[["model", "label", "encoding", "track"]]
        return str(table.merge(tracks, on="model", how="left").to_csv(index=False))

    def sites_csv(self, tf: str) -> str:
        """A factor's hits with every score as CSV; coordinates 0-based, half-open."""
        return str(self.sites(tf).reset_index().to_csv(index=False))


def _key(score: Any, model: Any) -> str:
    return f"{score}|{model}" if model else str(score)
