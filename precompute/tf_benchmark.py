"""Which motif hits are bound: attributions against motif scores and the predicted signal.

For each transcription factor with ChIP-seq peaks and a profile, the hits of its profiles in
accessible regions are labelled bound where their centre lies in a peak of the factor, and ranked by
what a model attributes to them: DeepLIFT (integrated gradients for a transformer) and Input x
Gradient, for every model of the run, its own and shipped ones. The target is the mean predicted
signal over the accessible region. Beside them stand the motif's own relative score and the
predicted signal of the region, which know nothing of attribution. All scores rank the same hits.

References
----------
The paper, figures 3c and 7; labels as Hu et al., Nature 2025.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder, write_parquet
from precompute.attribution.engine import WindowExplainer
from precompute.attribution.factor_hits import (
    LabelledHits,
    chosen_factors,
    hit_attributions,
    labelled_hits,
    merged,
)
from precompute.attribution.hits import run_finder
from precompute.attribution.opening import assignment_of, opened_model
from precompute.attribution.ranking_quality import quality
from precompute.config import TfBenchmarkConfig
from precompute.config_inputs import Region
from precompute.context import Facts, Progress, StageContext, derived_seed
from precompute.errors import RegionError, StageError
from precompute.models.registry import ModelEntry, model_names
from precompute.streaming import in_order
from precompute.tf_families import family_of

MOTIF_SCORE, PREDICTED = "motif_score", "predicted"
_AREAS = ("auc", "auc_low", "auc_high", "aupr", "aupr_low", "aupr_high")
_MARGIN_BP = 64

FACTOR_COLUMNS = (
    "tf", "family", "profile_ids", "n_peaks", "n_hits", "n_bound", "n_regions", "note",
)
RESULT_COLUMNS = ("tf", "score", "model", *_AREAS)
MODEL_COLUMNS = (
    "model", "label", "encoding", "is_shipped", "track", "n_regions", "n_trained_on",
)
SCORE_COLUMNS = ("site", "model", "score", "value")


class ModelScores(NamedTuple):
    """What a model says of each hit, by the name of the score; NaN where it cannot tell."""

    entry: ModelEntry
    track: str
    values: dict[str, NDArray[np.float64]]


class Benchmark(NamedTuple):
    """The tables of the artefact ``tf_benchmark``, and why they are empty ('' when not)."""

    factors: pd.DataFrame
    benchmark: pd.DataFrame
    explained: pd.DataFrame
    sites: pd.DataFrame
    site_scores: pd.DataFrame
    reason: str = ""


def methods_of(explainer: WindowExplainer) -> tuple[str, str]:
    """The two methods that a model can be explained by."""
    return ("deeplift" if explainer.is_walkable else "integrated_gradients", "input_x_gradient")


# -- scores of hits --------------------------------------------------------------------------


def model_scores(
    run: RunFolder, entry: ModelEntry, track: str | None, hits: LabelledHits, seed: int,
    workers: int = 1, report: Progress | None = None,
) -> ModelScores:
    """A model's attribution of each hit by both methods, and its prediction for the hit's region.

    Parameters
    ----------
    track : explained track; the model's first by default
    workers : threads; they change no number
    """
    model, source = opened_model(run, entry.name)
    explainer = WindowExplainer(model, source, track, seed)
    assignment, methods = assignment_of(run, model), methods_of(explainer)
    values = {name: np.full(len(hits.sites), np.nan) for name in (*methods, PREDICTED)}
    keys = ["chrom", "region_start", "region_end"]
    regions = [(key, part.index.to_numpy()) for key, part in hits.sites.groupby(keys, sort=False)]
    start, end = hits.sites["start"].to_numpy(), hits.sites["end"].to_numpy()
    for method in methods:
        explainer.baseline(_baseline(method))

    def one(item: tuple[Any, NDArray[np.int64]]) -> list[tuple[NDArray[np.float64], float]] | None:
        (chrom, first, last), at = item
        edges = source.edges(chrom)
        low, high = max(int(edges[0]), first - _MARGIN_BP), min(int(edges[-1]), last + _MARGIN_BP)
        aim = max(first, low), min(last, high)
        out = []
        for method in methods:
            try:
                found = explainer.explain(chrom, low, high, method, _baseline(method), aim)
            except RegionError:
                return None  # too long or mostly N: the hits count for no score
            of_hits = hit_attributions(
                explainer, found, assignment, hits.feature[at], start[at], end[at]
            )
            out.append((of_hits, found.prediction))
        return out

    if regions:
        one(regions[0])  # makes what all regions share; threads would make it several times
    for number, (item, scored) in enumerate(in_order(one, regions, workers), start=1):
        for method, found in zip(methods, scored or [], strict=False):
            values[method][item[1]], values[PREDICTED][item[1]] = found
        if report is not None and number % 50 == 0:
            report(number, len(regions), entry.label)
    return ModelScores(entry, explainer.track, values)


def _baseline(method: str) -> str:
    return "zero" if method == "input_x_gradient" else "background"


def n_trained_on(entry: ModelEntry, regions: pd.DataFrame) -> int:
    """How many regions overlap where a model was trained."""
    card = json.loads((entry.folder / "model.json").read_text(encoding="utf-8"))
    seen = [Region.model_validate(r) for r in (card.get("split") or {}).get("train", [])]
    inside = np.zeros(len(regions), dtype=bool)
    for part in seen:
        inside |= (
            (regions["chrom"] == part.chrom) & (regions["end"] > part.start)
            & (regions["start"] < (part.end or 2**62))
        ).to_numpy()
    return int(inside.sum())


# -- the benchmark ---------------------------------------------------------------------------


def chosen_entries(
    run: RunFolder, asked: Sequence[str] | None, track: str | None
) -> list[ModelEntry]:
    """The models asked for, or all that can be used with the run and predict the track.

    Raises
    ------
    StageError
        When one that is asked for is not among them, or none predicts the track.
    """
    known = {entry.name: entry for entry in model_names(run)}
    for name in asked or []:
        if name not in known:
            raise StageError(
                f"there is no model {name!r}; {run.root} can be used with "
                f"{', '.join(known) or 'none'}"
            )
    chosen = [known[name] for name in (known if asked is None else dict.fromkeys(asked))]
    lacking = [entry for entry in chosen if track not in (None, *entry.tracks)]
    if chosen and lacking and (asked is not None or len(lacking) == len(chosen)):
        raise StageError(
            f"tf_benchmark.track is {track!r}, and {lacking[0].name} predicts "
            f"{', '.join(lacking[0].tracks)}; choose one of them"
        )
    return [entry for entry in chosen if entry not in lacking]


def benchmark(
    run: RunFolder, config: TfBenchmarkConfig, seed: int, workers: int = 1,
    progress: Progress | None = None,
) -> Benchmark:
    """Score every hit and summarise per factor.

    Raises
    ------
    StageError
        When a factor or model that is asked for is not there, or a model lacks the track.
    """
    tfs = chosen_factors(run, config.factors)
    entries = chosen_entries(run, config.models, config.track)
    if not tfs:
        return empty("the run has no ChIP-seq peaks of a factor that has a motif profile; add "
                     "peak sets to annotation.peaks")
    peaks = run.table("peaks", ["target", "chrom", "start", "end"])
    regions = merged(peaks[peaks["target"] == config.accessible])
    if len(regions) > config.max_regions:
        rng = np.random.default_rng(derived_seed(seed, "tf_benchmark", "regions"))
        kept = np.sort(rng.permutation(len(regions))[: config.max_regions])
        regions = regions.iloc[kept].reset_index(drop=True)
    hits = labelled_hits(run, run_finder(run), regions, tfs)
    if hits.sites.empty:
        return empty(
            f"no accessible region ({config.accessible} peaks: {len(regions):,}) holds a motif "
            "hit of a factor with ChIP-seq peaks; add peaks, or name them in "
            "tf_benchmark.accessible"
        )
    scored = []
    for number, entry in enumerate(entries):

        def report(done: float, total: float, note: str, number: int = number) -> None:
            if progress is not None:
                progress(number + done / total, len(entries), note)

        scored.append(model_scores(run, entry, config.track, hits, seed, workers, report))
    about = pd.DataFrame(
        [
            (m.entry.name, m.entry.label, m.entry.encoding, m.entry.shipped, m.track,
             len(regions), n_trained_on(m.entry, regions))
            for m in scored
        ],
        columns=list(MODEL_COLUMNS),
    )
    return tables(hits.sites, peaks, tfs, scored, about, config, seed)


def empty(reason: str) -> Benchmark:
    """No hit and no number, for a reason."""
    sites = pd.DataFrame(columns=[
        "site", "tf", "profile_id", "strand", "chrom", "start", "end", MOTIF_SCORE, "bound",
        "region", "region_start", "region_end",
    ])
    return Benchmark(
        _typed(pd.DataFrame(columns=list(FACTOR_COLUMNS))),
        _typed(pd.DataFrame(columns=list(RESULT_COLUMNS))),
        _typed(pd.DataFrame(columns=list(MODEL_COLUMNS))), _typed(sites),
        _typed(pd.DataFrame(columns=list(SCORE_COLUMNS))), reason,
    )


_TYPES = {
    **dict.fromkeys(("start", "end", "region", "region_start", "region_end", "site", "n_peaks",
                     "n_hits", "n_bound", "n_regions", "n_trained_on"), np.int64),
    **dict.fromkeys((MOTIF_SCORE, "value", *_AREAS), np.float64),
    "bound": bool, "is_shipped": bool,
}


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of the contract's types, also where a frame is empty."""
    return frame.astype({name: _TYPES.get(name, object) for name in frame})


def tables(
    sites: pd.DataFrame, peaks: pd.DataFrame, tfs: Sequence[str], scored: Sequence[ModelScores],
    about: pd.DataFrame, config: TfBenchmarkConfig, seed: int,
) -> Benchmark:
    """The tables of scored hits.

    Parameters
    ----------
    sites : of :func:`precompute.attribution.factor_hits.labelled_hits`
    peaks : target of each peak
    scored, about : scores of each model, and its row of ``MODEL_COLUMNS``
    """
    columns = {(MOTIF_SCORE, ""): sites[MOTIF_SCORE].to_numpy()}
    long = []
    for model in scored:
        for name, values in model.values.items():
            columns[name, model.entry.name] = values
            long.append(pd.DataFrame({
                "site": np.arange(len(sites)), "model": model.entry.name, "score": name,
                "value": values,
            }))
    is_scored = ~np.any([np.isnan(values) for values in columns.values()], axis=0)
    n_peaks = peaks["target"].value_counts()
    factors, results = [], []
    for tf in tfs:
        at = np.flatnonzero((sites["tf"] == tf).to_numpy() & is_scored)
        row = _factor(tf, sites.iloc[at], config.min_hits)
        factors.append({**row, "n_peaks": int(n_peaks.get(tf, 0))})
        results += [
            {
                "tf": tf, "score": score, "model": name,
                **({} if row["note"] else _areas(
                    values[at], sites.iloc[at], config.bootstrap,
                    derived_seed(seed, "tf_benchmark", f"{tf}/{score}/{name}"),
                )),
            }
            for (score, name), values in columns.items()
        ]
    numbered = sites.assign(site=np.arange(len(sites)))
    return Benchmark(
        _typed(pd.DataFrame(factors, columns=list(FACTOR_COLUMNS))),
        _typed(pd.DataFrame(results, columns=list(RESULT_COLUMNS))), _typed(about),
        _typed(numbered[["site", *sites.columns]]),
        _typed(pd.concat(long, ignore_index=True) if long
               else pd.DataFrame(columns=list(SCORE_COLUMNS))),
    )


def _factor(tf: str, sites: pd.DataFrame, min_hits: int) -> dict[str, Any]:
    """A row of ``factors``; its note says why there is no number."""
    n_bound, profiles = int(sites["bound"].sum()), sorted(set(sites["profile_id"]))
    too_few = min(n_bound, len(sites) - n_bound) < min_hits
    return {
        "tf": tf, "family": family_of(profiles[0], tf) if profiles else family_of("", tf),
        "profile_ids": ";".join(profiles), "n_hits": len(sites), "n_bound": n_bound,
        "n_regions": int(sites["region"].nunique()),
        "note": (
            f"{n_bound:,} bound and {len(sites) - n_bound:,} other hits in accessible regions, at "
            f"least {min_hits} of each are needed" if too_few else ""
        ),
    }


def _areas(
    values: NDArray[np.float64], sites: pd.DataFrame, resamples: int, seed: int
) -> dict[str, float]:
    return quality(
        values, sites["bound"].to_numpy(bool), sites["region"].to_numpy(),
        np.random.default_rng(seed), resamples,
    )._asdict()


def medians(benchmark: pd.DataFrame, factors: pd.DataFrame) -> str:
    """Median areas over the factors, one line per score."""
    scored = benchmark.dropna(subset=["auc"])
    if scored.empty:
        return "no factor with ChIP-seq peaks and hits enough in accessible regions"
    rows = scored.groupby(["score", "model"], sort=False).agg(
        median_auc=("auc", "median"), median_aupr=("aupr", "median")
    )
    counted = factors[factors["note"] == ""]
    share = (counted["n_bound"] / counted["n_hits"]).median()
    return (
        f"{len(counted)} of {len(factors)} factors have hits enough; median share of bound hits "
        f"{share:.3f}\n{rows.round(3).to_string()}"
    )


def write_benchmark(run: RunFolder, found: Benchmark) -> None:
    """Write the artefact ``tf_benchmark``."""
    with run.writing("tf_benchmark") as folder:
        for name, frame in found._asdict().items():
            if isinstance(frame, pd.DataFrame):
                write_parquet(folder / f"{name}.parquet", frame, f"motiflens.{name}", 1)


def run(context: StageContext) -> Facts:
    """Write the artefact ``tf_benchmark``; without peaks it holds no rows and the facts say why."""
    import torch

    # Regions are explained side by side, each on one thread.
    torch.set_num_threads(1)
    config = context.config
    found = benchmark(
        context.run, config.tf_benchmark, config.run.seed, config.run.workers, context.progress
    )
    write_benchmark(context.run, found)
    scored = found.benchmark.dropna(subset=["auc"])
    facts: Facts = {
        "reason": found.reason, "factors": len(found.factors),
        "factors_with_hits_enough": int((found.factors["note"] == "").sum()),
        "hits": len(found.sites), "bound": int(found.sites["bound"].sum()),
    }
    for (score, model), part in scored.groupby(["score", "model"], sort=False):
        facts["_".join(filter(None, ("median_auc", score, model)))] = float(part["auc"].median())
    return facts
