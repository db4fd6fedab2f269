"""Callbacks of the page Benchmark."""

from __future__ import annotations

import math
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_point, first_row, shown_place
from vizapp.data import RunData
from vizapp.data.tf_benchmark import KINDS, METRICS, MOST_SCORES, Score
from vizapp.figures.tf_benchmark import Ranking, Series, area_figure, factor_curves
from vizapp.loci import format_locus
from vizapp.state import Region, around
from vizapp.views.benchmark_page import factor_columns

_SITES = 12
#: Shown around a hit, so that its neighbours and the whole peak can be seen.
_AROUND_BP = 500


def parse_metric(raw: Any) -> str:
    """A checked area.

    Raises
    ------
    MotiflensError
        When it is none of the list.
    """
    if not isinstance(raw, str) or raw not in METRICS:
        raise MotiflensError("choose ROC AUC or AUPR")
    return raw


def parse_scores(data: RunData, raw: Any) -> list[Score]:
    """Checked scores, in the order chosen; the first ones of the run where none is chosen.

    Raises
    ------
    MotiflensError
        When one is none of the list, or there are too many.
    """
    known = data.tf_benchmark.scores
    keys = raw or data.tf_benchmark.first_scores
    if not isinstance(keys, list) or len(keys) > MOST_SCORES or not all(
        isinstance(key, str) and key in known for key in keys
    ):
        raise MotiflensError(f"choose at most {MOST_SCORES} scores from the list")
    return [known[key] for key in dict.fromkeys(keys)]


def parse_factor(data: RunData, raw: Any) -> str:
    """A checked factor.

    Raises
    ------
    MotiflensError
        When the benchmark does not have it.
    """
    if not isinstance(raw, str) or raw not in set(data.tf_benchmark.factors["tf"]):
        raise MotiflensError("the benchmark has no such factor; choose one from the list")
    return raw


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def factor_rows(data: RunData, scores: list[Score], metric: str) -> list[dict[str, Any]]:
    """Rows of the table; None where there is no number."""
    found = data.tf_benchmark
    areas = [found.areas(metric, score.key) for score in scores]
    rows = []
    for row in found.factors.to_dict("records"):
        tf = str(row["tf"])
        row["share"] = row["n_bound"] / row["n_hits"] if row["n_hits"] else None
        for number, table in enumerate(areas):
            value, low, high = table.loc[tf, ["value", "low", "high"]]
            row |= {f"s{number}": _finite(value), f"s{number}_low": _finite(low),
                    f"s{number}_high": _finite(high)}
        rows.append(row)
    return rows


def says(data: RunData, scores: list[Score], metric: str) -> str:
    """Medians of the scores, how often each beats the motif score, and where models trained."""
    found = data.tf_benchmark
    counted = found.counted
    motif = found.areas(metric, "motif_score")["value"].reindex(counted)
    parts = []
    for score in scores:
        values = found.areas(metric, score.key)["value"].reindex(counted)
        text = f"{score.label} {values.median():.3f}"
        if score.model:
            text += f" (above the motif score for {int((values > motif).sum())} of {len(counted)})"
        parts.append(text)
    shown = {score.model for score in scores if score.model}
    about = found.explained[found.explained["model"].isin(shown)]
    tracks = ", ".join(dict.fromkeys(about["track"]))
    out = f"Median {METRICS[metric]} over {len(counted)} factors: {'; '.join(parts)}."
    if tracks:
        out += f" Explained: {tracks}."
    seen = [f"{row.n_trained_on:,} for {row.label}" for row in about.itertuples()
            if row.n_trained_on]
    if seen:
        out += (f" Of {int(about['n_regions'].max()):,} accessible regions so many lie where the "
                f"model was trained: {'; '.join(seen)}.")
    return out


def order(data: RunData, scores: list[Score], metric: str) -> list[str]:
    """Factors that have a number, the highest area of the first score on top."""
    found = data.tf_benchmark
    values = found.areas(metric, scores[0].key)["value"].reindex(found.counted)
    return [str(tf) for tf in values.sort_values(ascending=False, kind="stable").index]


def figure(data: RunData, scores: list[Score], metric: str, chosen: str) -> dict[str, Any]:
    """Areas by factor and score."""
    found, factors = data.tf_benchmark, order(data, scores, metric)
    about = found.factors.set_index("tf").loc[factors]
    chance = about["n_bound"] / about["n_hits"] if metric == "aupr" else about["n_hits"] * 0 + 0.5
    series = [
        Series(score.label, score.score, score.model, found.areas(metric, score.key))
        for score in scores
    ]
    return area_figure(series, factors, chance.tolist(), METRICS[metric], found.models, chosen)


def factor_text(data: RunData, tf: str) -> str:
    """What is known of a factor."""
    row = data.tf_benchmark.factors.set_index("tf").loc[tf]
    text = (f"{tf} ({row['family']}): {row['n_peaks']:,} ChIP-seq peaks; {row['n_hits']:,} hits of "
            f"{row['profile_ids'].replace(';', ', ') or 'no profile'} in {row['n_regions']:,} "
            f"accessible regions, {row['n_bound']:,} bound.")
    return f"{text} No areas: {row['note']}." if row["note"] else text


def site_rows(data: RunData, tf: str, key: str) -> list[dict[str, Any]]:
    """The best and worst sites of a factor."""
    return [
        {
            "id": str(number), "kind": KINDS[row["kind"]], "strand": row["strand"],
            "place": format_locus(row["chrom"], row["start"], row["end"]),
            "profile_id": row["profile_id"], "value": _finite(row["value"]),
            "percentile": _finite(row["percentile"]), "motif_score": _finite(row["motif_score"]),
        }
        for number, row in data.tf_benchmark.extremes(tf, key, _SITES).iterrows()
    ]


def curves(data: RunData, tf: str, scores: list[Score]) -> dict[str, Any]:
    """How a factor's hits rank; an empty figure where it has too few."""
    found = data.tf_benchmark
    if tf not in found.counted:
        return factor_curves([], 0.0, found.models)
    keys = {score.label: score for score in scores}
    rankings = [
        Ranking(one.label, keys[one.label].score, keys[one.label].model, one.recall,
                one.precision, one.false_positive_rate)
        for one in found.curves(tf, [score.key for score in scores])
    ]
    row = found.factors.set_index("tf").loc[tf]
    return factor_curves(rankings, float(row["n_bound"] / row["n_hits"]), found.models)


def clicked_factor(data: RunData, event: Any, scores: list[Score], metric: str) -> str | None:
    """The factor of a clicked dot; None for anything else."""
    number = first_point(event).get("customdata")
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    factors = order(data, scores, metric)
    is_one = type(number) is int and 0 <= number < len(factors)
    return factors[number] if is_one else None  # type: ignore[index]


def chosen_factor(data: RunData, rows: Any) -> str | None:
    """The factor of a selected row; None for anything else."""
    tf = first_row(rows).get("tf")
    return tf if isinstance(tf, str) and tf in set(data.tf_benchmark.factors["tf"]) else None


def place_of(data: RunData, rows: Any) -> Region | None:
    """The surroundings of a selected site; None for anything else."""
    site = shown_place(data, first_row(rows).get("place"))
    if site is None:
        return None
    return around(site.chrom, site.start, site.end, 2 * _AROUND_BP, data.chroms)


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the page; without a benchmark there are none."""
    if not data.tf_benchmark.is_there or data.tf_benchmark.factors.empty:
        return
    shown = (Input(ids.BENCH_METRIC, "value"), Input(ids.BENCH_SCORES, "value"))

    @app.callback(
        Output(ids.BENCH_GRID, "columnDefs"), Output(ids.BENCH_GRID, "rowData"),
        Output(ids.BENCH_SAYS, "children"), *shown,
    )
    def table(metric: Any, scores: Any) -> Any:
        area, chosen = parse_metric(metric), parse_scores(data, scores)
        return (factor_columns(chosen, area), factor_rows(data, chosen, area),
                says(data, chosen, area))

    @app.callback(Output(ids.BENCH_GRAPH, "figure"), *shown, Input(ids.BENCH_TF, "value"))
    def draw(metric: Any, scores: Any, tf: Any) -> Any:
        return figure(data, parse_scores(data, scores), parse_metric(metric),
                      parse_factor(data, tf))

    @app.callback(
        Output(ids.BENCH_SITES, "rowData"), Output(ids.BENCH_TF_SAYS, "children"),
        Input(ids.BENCH_TF, "value"), Input(ids.BENCH_RANKED, "value"),
    )
    def sites(tf: Any, ranked: Any) -> Any:
        factor, score = parse_factor(data, tf), parse_scores(data, [ranked])[0]
        return site_rows(data, factor, score.key), factor_text(data, factor)

    @app.callback(
        Output(ids.BENCH_CURVES, "figure"), Input(ids.BENCH_TF, "value"),
        Input(ids.BENCH_SCORES, "value"),
    )
    def rank(tf: Any, scores: Any) -> Any:
        return curves(data, parse_factor(data, tf), parse_scores(data, scores))

    @app.callback(
        Output(ids.BENCH_TF, "value"), Input(ids.BENCH_GRAPH, "clickData"),
        Input(ids.BENCH_GRID, "selectedRows"), State(ids.BENCH_METRIC, "value"),
        State(ids.BENCH_SCORES, "value"), prevent_initial_call=True,
    )
    def choose(event: Any, rows: Any, metric: Any, scores: Any) -> Any:
        if ctx.triggered_id == ids.BENCH_GRID:
            tf = chosen_factor(data, rows)
        else:
            tf = clicked_factor(data, event, parse_scores(data, scores), parse_metric(metric))
        return no_update if tf is None else tf

    @app.callback(
        Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.PAGE, "value", allow_duplicate=True),
        Input(ids.BENCH_SITES, "selectedRows"), prevent_initial_call=True,
    )
    def visit(rows: Any) -> Any:
        there = place_of(data, rows)
        return (no_update, no_update) if there is None else (there._asdict(), "workspace")

    @app.callback(
        Output(ids.BENCH_FILE, "data"), Input(ids.BENCH_CSV, "n_clicks"),
        prevent_initial_call=True,
    )
    def save(clicks: Any) -> Any:
        if not clicks:
            return no_update
        return dcc.send_string(data.tf_benchmark.csv(), "motiflens-tf-benchmark.csv")

    @app.callback(
        Output(ids.BENCH_SITES_FILE, "data"), Input(ids.BENCH_SITES_CSV, "n_clicks"),
        State(ids.BENCH_TF, "value"), prevent_initial_call=True,
    )
    def save_sites(clicks: Any, tf: Any) -> Any:
        if not clicks:
            return no_update
        factor = parse_factor(data, tf)
        return dcc.send_string(data.tf_benchmark.sites_csv(factor), "motiflens-tf-sites.csv")
