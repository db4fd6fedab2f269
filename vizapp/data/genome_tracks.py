"""Every track that a run has, by the ids that stand in links."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from vizapp.data.genome_places import Rows
from vizapp.theme import MODEL_COLORS, MODEL_LABELS

if TYPE_CHECKING:
    from vizapp.data import RunData

#: Colours of shipped models, after those of the run's own.
_SHIPPED_COLORS = ("#009E73", "#CC79A7", "#56B4E9", "#E69F00")

_KIND_LABELS = {"cpg_island": "CpG islands"}


class ModelInfo(NamedTuple):
    """A model whose predictions the run holds."""

    name: str
    label: str
    color: str
    tracks: tuple[str, ...]
    is_shipped: bool


class TrackInfo(NamedTuple):
    """A track of the catalogue.

    Attributes
    ----------
    id : unique; stands in links
    kind : what is drawn, e.g. 'observed'
    group : heading in the list of tracks
    label : name in the list of tracks
    of : what the kind is drawn of: a signal, a peak set, a kind of intervals; '' for none
    model : of a prediction; '' for none
    is_default : whether a fresh view shows it
    """

    id: str
    kind: str
    group: str
    label: str
    of: str = ""
    model: str = ""
    is_default: bool = False


class GenomeTracks:
    """The catalogue of a run's tracks.

    Parameters
    ----------
    data : the run
    """

    def __init__(self, data: RunData) -> None:
        self._data = data

    # -- what there is -----------------------------------------------------------------------

    @cached_property
    def models(self) -> dict[str, ModelInfo]:
        """Models by name: the run's own, then those shipped that fit it."""
        tracks: dict[str, list[str]] = {}
        for model, track in self._data.genome.predictions:
            tracks.setdefault(model, []).append(track)
        shipped = [name for name in tracks if name not in MODEL_LABELS]
        found = {
            name: ModelInfo(name, label, MODEL_COLORS[name], tuple(tracks[name]), False)
            for name, label in MODEL_LABELS.items() if name in tracks
        }
        for number, name in enumerate(shipped):
            color = _SHIPPED_COLORS[number % len(_SHIPPED_COLORS)]
            found[name] = ModelInfo(name, f"{name} (shipped)", color, tuple(tracks[name]), True)
        return found

    @cached_property
    def repeats(self) -> Rows:
        """Repeats of the run's region by place; none when it was made without."""
        run = self._data.run
        if not run.exists("repeats"):
            return Rows(pd.DataFrame({"chrom": [], "start": [], "end": [], "name": []}))
        return Rows(run.table("repeats"))

    @cached_property
    def catalogue(self) -> dict[str, TrackInfo]:
        """Every track by its id, in the order of the list of tracks."""
        rows = [*self._annotation(), *self._signals(), *self._motifs(), *self._peaks(),
                *self._contributions()]
        return {row.id: row for row in rows}

    @cached_property
    def defaults(self) -> list[str]:
        """Ids of a fresh view's tracks, from top to bottom."""
        order = ("genes", "observed", "predicted", "depth", "tokens", "hits", "bases", "peaks",
                 "intervals", "contributions")
        rows = [row for row in self.catalogue.values() if row.is_default]
        return [row.id for row in sorted(rows, key=lambda row: order.index(row.kind))]

    def _annotation(self) -> list[TrackInfo]:
        group = "Genes and intervals"
        rows = [TrackInfo("genes", "genes", group, "Genes", is_default=True)]
        for kind in self._data.genome.intervals["kind"].unique():
            if kind != "cytoband":
                label = _KIND_LABELS.get(kind, str(kind).replace("_", " "))
                rows.append(TrackInfo(f"intervals.{kind}", "intervals", group, label, str(kind),
                                      is_default=kind == "cpg_island"))
        if len(self.repeats.frame):
            rows.append(TrackInfo("repeats", "repeats", group, "Repeats"))
        return rows

    def _signals(self) -> list[TrackInfo]:
        genome = self._data.genome
        short = {t: str(about["short_label"]) for t, about in genome.tracks.items()}
        first = next(iter(genome.predicted_tracks), None)
        rows = [
            TrackInfo(f"observed.{t}", "observed", "Observed signal", label, t,
                      is_default=t == first)
            for t, label in short.items()
        ]
        for kind, group in (
            ("predicted", "Predicted signal"), ("residual", "Residual, observed - predicted"),
            ("together", "Observed, predicted, residual on one axis"),
        ):
            rows += [
                TrackInfo(f"{kind}.{m.name}.{t}", kind, group, f"{short[t]}: {m.label}", t, m.name,
                          kind == "predicted" and t == first and not m.is_shipped)
                for t in short for m in self.models_of(t)
            ]
        rows += [
            TrackInfo(f"models.{t}", "models", "Models on one axis",
                      f"{label}: observed and {n} models", t)
            for t, label in short.items() if (n := len(self.models_of(t))) > 1
        ]
        return rows

    def _motifs(self) -> list[TrackInfo]:
        group = "Motifs and sequence"
        return [
            TrackInfo("depth", "depth", group, "Motif depth", is_default=True),
            TrackInfo("tokens", "tokens", group, "Tokens by megacluster", is_default=True),
            TrackInfo("hits", "hits", group, "Motif hits (below 1 kb)", is_default=True),
            TrackInfo("bases", "bases", group, "Bases (below 400 bp)", is_default=True),
        ]

    def _peaks(self) -> list[TrackInfo]:
        targets = self._data.genome.targets
        shown = [t for t in ("CTCF", "DNase-seq") if t in targets] or list(targets)[:2]
        return [
            TrackInfo(f"peaks.{t}", "peaks", "Peak sets", f"{t} ({n:,})", str(t),
                      is_default=t in shown)
            for t, n in targets.items()
        ]

    def _contributions(self) -> list[TrackInfo]:
        group = "Contributions"
        return [
            TrackInfo("contributions.tokens", "contributions", group,
                      "Per motif cluster, token model", model="tokens", is_default=True),
            TrackInfo("contributions.onehot", "contributions", group,
                      "Per base, one-hot model", model="onehot", is_default=True),
        ]

    def models_of(self, track: str) -> list[ModelInfo]:
        """Models that predict a signal."""
        return [model for model in self.models.values() if track in model.tracks]
