"""Callbacks of the cards about pairs of motif clusters that are knocked out."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import Dash, Input, Output, State, ctx, dcc, no_update

from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_point, first_row, named_by, shown_place
from vizapp.callbacks.effects import read_cluster
from vizapp.data import RunData
from vizapp.data.effects import EffectError
from vizapp.data.interactions import by_distance
from vizapp.figures.interactions import MOST, distance_figure, interaction_matrix, q_text
from vizapp.loci import format_locus
from vizapp.selection import AnySelection, Motif, Operation, as_json, canonical
from vizapp.state import Region, around

_SITE_BP = 2_000


def chosen_pair(data: RunData, first: Any, second: Any) -> tuple[int, int] | None:
    """The pair of the two lists, the smaller number first; None until both are chosen.

    Raises
    ------
    EffectError
        When one is no cluster of the run.
    """
    a, b = read_cluster(data, first), read_cluster(data, second)
    return None if a is None or b is None else (min(a, b), max(a, b))


def matrix(data: RunData, pair: tuple[int, int] | None) -> tuple[dict[str, Any], str]:
    """The matrix with the chosen pair framed, and what it stands on."""
    facts = data.facts["interactions"]
    total = data.effects.table["total"].abs()
    clusters = sorted(facts["clusters"], key=lambda c: -float(total[c]))
    track = data.explorer.tracks.get(facts["track"], {})
    reach = facts["reach_bins"]
    sees = "its whole window" if reach is None else f"{reach} bins at a time"
    shown = f" Shown: the {MOST} clusters of the largest summed contribution." if len(
        clusters) > MOST else ""
    says = (f"Token model, {track.get('label', facts['track'])}. {facts['pairs']:,} pairs of "
            f"{len(clusters)} clusters at {facts['sites']:,} sites, at most "
            f"{facts['max_distance_bp']:.0f} bp apart; windows of {facts['window_bp']:,} bp. The "
            f"model sees {sees}. Blank: meets in too few windows.{shown}")
    labels = data.explorer.cluster_labels
    return interaction_matrix(data.interactions.pairs, clusters, labels, pair), says


def pair_rows(data: RunData) -> list[dict[str, Any]]:
    """Rows of the table, the smallest q first, then the strongest interaction."""
    labels = data.explorer.cluster_labels
    table = data.interactions.pairs
    table = table.iloc[np.lexsort((-table["interaction"].abs(), table["q_value"]))]
    return [
        {"id": f"{row['first']}-{row['second']}", "first": row["first"], "second": row["second"],
         "first_label": labels[row["first"]], "second_label": labels[row["second"]],
         "interaction": row["interaction"], "low": row["interaction_low"],
         "high": row["interaction_high"], "q": row["q_value"], "q_text": q_text(row["q_value"]),
         "sites": row["sites"], "linear": row["interaction_linear"]}
        for row in table.to_dict("records")
    ]


def site_rows(data: RunData, pair: tuple[int, int]) -> list[dict[str, Any]]:
    """Rows of the sites of a pair, the strongest first."""
    sites = data.interactions.sites(*pair)
    order = (-sites["interaction"].abs()).argsort(kind="stable")
    rows = sites.iloc[order].to_dict("records")
    return [
        {"id": f"{pair[0]}-{pair[1]}-{number}",
         "place": format_locus(row["chrom"], row["start"], row["end"]),
         "distance": row["distance_bp"], "first": row["change_first"],
         "second": row["change_second"], "both": row["change_both"],
         "interaction": row["interaction"]}
        for number, row in zip(order.tolist(), rows, strict=True)
    ]


def clicked_pair(data: RunData, trigger: str, event: Any, rows: Any) -> tuple[int, int] | None:
    """The pair of a clicked cell or row; None for anything else."""
    if trigger == ids.INTERACTION_GRID:
        row = first_row(rows)
        raw = [row.get("first"), row.get("second")]
    else:
        custom = first_point(event).get("customdata")
        raw = custom[:2] if isinstance(custom, list) else []
    n = len(data.explorer.cluster_labels)
    if len(raw) != 2 or not all(type(c) is int and 0 <= c < n for c in raw):
        return None
    first, second = sorted(int(c) for c in raw if c is not None)
    return first, second


def clicked_site(data: RunData, trigger: str, event: Any, rows: Any) -> Region | None:
    """The window around a clicked point or row of a pair's sites; None for anything else."""
    text = first_row(rows).get("place") if trigger == ids.SITE_GRID else named_by(event)
    site = shown_place(data, text)
    if site is None:
        return None
    return around(site.chrom, site.start, site.end, _SITE_BP, data.chroms)


def words_with(pair: tuple[int, int]) -> AnySelection:
    """The selection of words that hold both clusters of a pair."""
    parts: list[AnySelection] = [Motif(kind="motif", clusters=[c]) for c in dict.fromkeys(pair)]
    return parts[0] if len(parts) == 1 else canonical(Operation(kind="intersect", of=parts))


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks; without knocked-out pairs there are none."""
    if not data.interactions.is_there or not data.effects.is_there:
        return
    pair_inputs = (Input(ids.EFFECT_FIRST, "value"), Input(ids.EFFECT_SECOND, "value"))
    pair_states = (State(ids.EFFECT_FIRST, "value"), State(ids.EFFECT_SECOND, "value"))

    @app.callback(
        Output(ids.INTERACTION_GRAPH, "figure"), Output(ids.INTERACTION_SAYS, "children"),
        Output(ids.DISTANCE_GRAPH, "figure"), Output(ids.SITE_GRID, "rowData"), *pair_inputs,
    )
    def draw(first: Any, second: Any) -> Any:
        pair = chosen_pair(data, first, second)
        sites = None if pair is None else data.interactions.sites(*pair)
        if pair is None or sites is None or not len(sites):
            return *matrix(data, pair), distance_figure(data.interactions.pairs, None), []
        return *matrix(data, pair), distance_figure(sites, by_distance(sites)), site_rows(
            data, pair)

    @app.callback(Output(ids.INTERACTION_GRID, "rowData"), Input(ids.INTERACTION_GRID, "id"))
    def rank(_: Any) -> Any:
        return pair_rows(data)

    @app.callback(
        Output(ids.EFFECT_FIRST, "value"), Output(ids.EFFECT_SECOND, "value"),
        Input(ids.INTERACTION_GRAPH, "clickData"), Input(ids.INTERACTION_GRID, "selectedRows"),
        prevent_initial_call=True,
    )
    def choose(event: Any, rows: Any) -> Any:
        pair = clicked_pair(data, str(ctx.triggered_id), event, rows)
        return (no_update, no_update) if pair is None else (str(pair[0]), str(pair[1]))

    @app.callback(
        Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.PAGE, "value", allow_duplicate=True),
        Input(ids.DISTANCE_GRAPH, "clickData"), Input(ids.SITE_GRID, "selectedRows"),
        prevent_initial_call=True,
    )
    def visit(event: Any, rows: Any) -> Any:
        there = clicked_site(data, str(ctx.triggered_id), event, rows)
        return (no_update, no_update) if there is None else (there._asdict(), "workspace")

    @app.callback(
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Output(ids.PAGE, "value", allow_duplicate=True),
        Input(ids.INTERACTION_MAP, "n_clicks"), *pair_states, prevent_initial_call=True,
    )
    def to_map(clicks: Any, first: Any, second: Any) -> Any:
        pair = chosen_pair(data, first, second)
        if not clicks:
            return no_update, no_update
        if pair is None:
            raise EffectError("choose a pair in the matrix or the table first")
        return as_json(words_with(pair)), "workspace"

    @app.callback(
        Output(ids.INTERACTION_FILE, "data"), Input(ids.INTERACTION_CSV, "n_clicks"),
        prevent_initial_call=True,
    )
    def save(clicks: Any) -> Any:
        if not clicks:
            return no_update
        labels = data.explorer.cluster_labels
        table = data.interactions.pairs
        table = table.assign(first_label=table["first"].map(lambda c: labels[c]),
                             second_label=table["second"].map(lambda c: labels[c]))
        return dcc.send_string(table.to_csv(index=False), "motiflens-interactions.csv")
