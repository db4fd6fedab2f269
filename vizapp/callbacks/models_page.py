"""Callbacks of the page Models."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd
from dash import Dash, Input, Output, dcc, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_point, first_row, shown_place
from vizapp.data import RunData
from vizapp.data.model_scores import RESOLUTIONS_BP, SETS
from vizapp.figures.model_scores import (
    color_of,
    ranking_curves,
    training_curves,
    window_scatter,
)
from vizapp.loci import format_locus

_EXTREMES = 12


class Choice(NamedTuple):
    """What is shown: a track, a set, and a resolution in bp."""

    track: str
    part: str
    resolution_bp: int


def parse_choice(data: RunData, track: Any, part: Any, resolution: Any = "16") -> Choice:
    """A checked choice.

    Raises
    ------
    MotiflensError
        When a part of it is none of the lists.
    """
    if not isinstance(track, str) or track not in data.model_scores.tracks:
        raise MotiflensError("choose a track from the list")
    known = {str(r) for r in RESOLUTIONS_BP}
    if part not in SETS or not isinstance(resolution, str) or resolution not in known:
        raise MotiflensError("choose a set and a resolution from the lists")
    return Choice(track, part, int(resolution))


def parse_model(data: RunData, name: Any) -> str:
    """The name of a model.

    Raises
    ------
    MotiflensError
        When it is none of the list.
    """
    if not isinstance(name, str) or name not in data.model_scores.models:
        raise MotiflensError("choose a model from the list")
    return name


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in row.items()}


def score_rows(data: RunData, choice: Choice) -> list[dict[str, Any]]:
    """Rows of the table: r of the resolution, peaks at 16 bp; None where it is not defined."""
    scores = data.model_scores
    r, peaks = scores.correlations, scores.peak_metrics
    r = r[(r["track"] == choice.track) & (r["set"] == choice.part)
          & (r["resolution_bp"] == choice.resolution_bp)]
    peaks = peaks[(peaks["track"] == choice.track) & (peaks["set"] == choice.part)]
    both = r.merge(peaks.drop(columns=["track", "set", "n"]), on="predictor", how="left",
                   suffixes=("", "_peaks"))
    both = both.merge(scores.predictors[["name", "label", "about"]], left_on="predictor",
                      right_on="name")
    both["reason"] = [
        "; ".join(dict.fromkeys(x for x in pair if isinstance(x, str) and x))
        for pair in zip(both["reason"], both["reason_peaks"], strict=True)
    ]
    return [_plain(row) for row in both.drop(columns="reason_peaks").to_dict("records")]


def p_text(p: float) -> str:
    """A p-value that is never 0."""
    return "< 1e-300" if p < 1e-300 else f"{p:.3g}"


def says(data: RunData, choice: Choice) -> str:
    """The paired comparison, and what the numbers rest on."""
    scores = data.model_scores
    rows = scores.paired
    rows = rows[(rows["track"] == choice.track) & (rows["set"] == choice.part)]
    out = []
    for row in rows.itertuples():
        names = scores.labels[row.first], scores.labels[row.second]
        if not math.isfinite(row.difference):
            out.append(f"{names[0]} against {names[1]}: {row.reason}.")
            continue
        mean, low, high = (f"{value:+.3f}".replace("-", "\N{MINUS SIGN}") for value in (
            row.difference, row.difference_low, row.difference_high))
        out.append(f"{names[0]} minus {names[1]}, mean r per window on the same {row.windows:,} "
                   f"windows: {mean} ({low} to {high}), Wilcoxon p {p_text(row.p_value)}.")
    peaks = scores.peak_metrics
    peaks = peaks[(peaks["track"] == choice.track) & (peaks["set"] == choice.part)
                  & (peaks["peak_set"] != "")]
    if len(peaks):
        first = peaks.iloc[0]
        out.append(f"Reference peaks: {first['peak_set']}, {first['n_reference']:,} in this set.")
    return " ".join(out)


def extremes(data: RunData, table: pd.DataFrame, model: str) -> list[dict[str, Any]]:
    """The windows with the highest and the lowest r of a model."""
    column = f"r_{model}"
    if column not in table:
        return []
    known = table[table[column].notna()].sort_values(column, kind="stable")
    n = min(_EXTREMES, len(known) // 2)
    parts = (("best", known.iloc[::-1].iloc[:n]), ("worst", known.iloc[:n]))
    return [
        _plain({
            "kind": kind, "place": format_locus(row["chrom"], row["start"], row["end"]),
            "r": row[column], "observed": row["observed_mean"],
            "predicted": row[f"mean_{model}"],
        })
        for kind, rows in parts for row in rows.to_dict("records")
    ]


def window_figure(
    data: RunData, choice: Choice, view: Any, model: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The scatter of windows, and the rows of the best and worst.

    Raises
    ------
    MotiflensError
        When the view is none of the list.
    """
    if view not in ("r", "mean"):
        raise MotiflensError("choose what is compared from the list")
    scores = data.model_scores
    table = scores.windows_of(choice.track, choice.part)
    unit = str(data.genome.tracks.get(choice.track, {}).get("unit", ""))
    if view == "mean":
        x, y = "observed_mean", f"mean_{model}"
    else:
        y = f"r_{model}"
        others = [name for name in scores.models if name != model and f"r_{name}" in table]
        kin = scores.predictors.set_index("name")["is_shipped"]
        others.sort(key=lambda name: kin[name] != kin[model])
        x = f"r_{others[0]}" if others else ""
    figure = window_scatter(table, x, y, scores.labels, unit, color_of(model, scores.models))
    return figure, extremes(data, table, model)


def ranking_figure(data: RunData, choice: Choice) -> dict[str, Any]:
    """Precision-recall and ROC of a track and a set."""
    scores = data.model_scores
    rates, metrics = scores.rates, scores.peak_metrics
    rates = rates[(rates["track"] == choice.track) & (rates["set"] == choice.part)]
    metrics = metrics[(metrics["track"] == choice.track) & (metrics["set"] == choice.part)]
    reason, share = "peaks are called on the validation and the test set", 0.0
    if len(metrics):
        first = metrics.iloc[0]
        reason, share = str(first["reason"]), float(first["n_in_peaks"] / max(first["n"], 1))
    return ranking_curves(rates, metrics, scores.labels, scores.models, share, reason)


def card_text(data: RunData, name: str) -> str:
    """The card as Markdown without links, pictures or HTML: a file may say anything."""
    text = data.model_scores.card(name)
    return text.replace("](", "] (").replace("<", "‹").replace("![", "[")


def all_metrics(data: RunData) -> str:
    """Every metric of every predictor as CSV, one number a row."""
    scores = data.model_scores
    parts = []
    for table, keys in (
        (scores.correlations, ["predictor", "track", "set", "resolution_bp"]),
        (scores.peak_metrics.assign(resolution_bp=16),
         ["predictor", "track", "set", "resolution_bp"]),
    ):
        numbers = [c for c in table if c not in keys and table[c].dtype.kind in "fi"]
        parts.append(table.melt(keys, numbers, "metric", "value"))
    return str(pd.concat(parts, ignore_index=True).to_csv(index=False))


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the page; without an evaluation there are none."""
    if not data.model_scores.is_there:
        return
    where = (Input(ids.SCORE_TRACK, "value"), Input(ids.SCORE_SET, "value"))

    @app.callback(
        Output(ids.SCORE_GRID, "rowData"), Output(ids.SCORE_SAYS, "children"), *where,
        Input(ids.SCORE_RESOLUTION, "value"),
    )
    def table(track: Any, part: Any, resolution: Any) -> Any:
        choice = parse_choice(data, track, part, resolution)
        return score_rows(data, choice), says(data, choice)

    @app.callback(
        Output(ids.WINDOW_GRAPH, "figure"), Output(ids.EXTREME_GRID, "rowData"), *where,
        Input(ids.WINDOW_VIEW, "value"), Input(ids.WINDOW_MODEL, "value"),
    )
    def windows(track: Any, part: Any, view: Any, model: Any) -> Any:
        choice = parse_choice(data, track, part)
        return window_figure(data, choice, view, parse_model(data, model))

    @app.callback(Output(ids.RANKING_GRAPH, "figure"), *where)
    def ranking(track: Any, part: Any) -> Any:
        return ranking_figure(data, parse_choice(data, track, part))

    @app.callback(
        Output(ids.TRAINING_GRAPH, "figure"), Output(ids.MODEL_CARD, "children"),
        Input(ids.CARD_MODEL, "value"),
    )
    def training(model: Any) -> Any:
        scores = data.model_scores
        text = card_text(data, parse_model(data, model))
        curves = {name: scores.curves(name) for name in scores.models}
        there = {name: table for name, table in curves.items() if table is not None}
        return training_curves(there, scores.labels, scores.models), text

    go = (
        Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.PAGE, "value", allow_duplicate=True),
    )

    @app.callback(*go, Input(ids.WINDOW_GRAPH, "clickData"), prevent_initial_call=True)
    def click(event: Any) -> Any:
        there = shown_place(data, first_point(event).get("text"))
        return (no_update, no_update) if there is None else (there._asdict(), "workspace")

    @app.callback(*go, Input(ids.EXTREME_GRID, "selectedRows"), prevent_initial_call=True)
    def visit(rows: Any) -> Any:
        there = shown_place(data, first_row(rows).get("place"))
        return (no_update, no_update) if there is None else (there._asdict(), "workspace")

    @app.callback(
        Output(ids.SCORE_FILE, "data"), Input(ids.SCORE_CSV, "n_clicks"),
        prevent_initial_call=True,
    )
    def save(clicks: Any) -> Any:
        return dcc.send_string(all_metrics(data), "motiflens-models.csv") if clicks else no_update
