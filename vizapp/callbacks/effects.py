"""Callbacks of the page Motif effects."""

from __future__ import annotations

import math
from typing import Any

from dash import Dash, Input, Output, ctx, html, no_update

from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_row, named_by
from vizapp.data import RunData
from vizapp.data.effects import EffectError, meeting
from vizapp.figures.effects import effect_plane
from vizapp.figures.interactions import q_text
from vizapp.selection import Motif, as_json, parse_selection

_PAGE = "effects"


def read_cluster(data: RunData, raw: Any) -> int | None:
    """A checked motif cluster of a list; None when none is chosen.

    Raises
    ------
    EffectError
        When the run has no such cluster.
    """
    if raw in (None, ""):
        return None
    n = len(data.explorer.cluster_labels)
    if not isinstance(raw, str) or not raw.isascii() or not raw.isdigit() or len(raw) > 6 \
            or int(raw) >= n:
        raise EffectError("this run has no such motif cluster; choose one from the list")
    return int(raw)


def clicked_cluster(data: RunData, trigger: str, event: Any, rows: Any) -> int | None:
    """The cluster of a clicked point or row; None for anything else."""
    raw = first_row(rows).get("cluster") if trigger == ids.EFFECT_GRID else named_by(event)
    return raw if type(raw) is int and 0 <= raw < len(data.explorer.cluster_labels) else None


def plane(data: RunData, raw: Any) -> tuple[dict[str, Any], str]:
    """The figure with the selected clusters ringed, and on what it stands."""
    selection = parse_selection(raw)
    chosen = tuple(selection.clusters) if isinstance(selection, Motif) else ()
    about, n_bins = data.effects.about, int(data.facts["effects"]["bins"])
    track = data.explorer.tracks.get(about["track"], {})
    name = track.get("label", about["track"])
    peaks = ", ".join(data.facts["effects"].get("peaks", []))
    over = f"around the peaks of {peaks} in" if peaks else "over"
    says = (f"DeepLIFT of the token model, {name}, {over} {n_bins:,} bins; baseline: "
            f"{about['baseline']}. Intervals: jackknife over {data.facts['effects']['stretches']} "
            "stretches of the run.")
    figure = effect_plane(data.effects.table, data.explorer.cluster_labels,
                          str(track.get("unit", "signal")), chosen)
    return figure, says


def ranking(data: RunData) -> list[dict[str, Any]]:
    """Rows of the table, the largest mean contribution first."""
    table = data.effects.table
    table = table[table["bins"] > 0].sort_values("mean", ascending=False, kind="stable")
    labels = data.explorer.cluster_labels
    names = ("mean", "mean_low", "mean_high", "mean_abs", "same_sign", "total")
    return [
        {"cluster": int(i), "label": labels[i], "bins": int(row["bins"]),
         **{name: row[name] if math.isfinite(row[name]) else None for name in names}}
        for i, row in zip(table.index, table.to_dict("records"), strict=True)
    ]


def pair_text(data: RunData, first: Any, second: Any) -> Any:
    """How often two clusters meet, in words."""
    a, b = read_cluster(data, first), read_cluster(data, second)
    if a is None or b is None:
        return "choose two motif clusters"
    if a == b:
        rows = _interaction(data, a, b)
        if not rows or data.interactions.pair(a, b) is None:
            return "both are the same cluster: choose another one beside it"
        return _terms(rows)
    holders, labels = data.word_table.search.holders, data.explorer.cluster_labels
    met = meeting(holders(a), holders(b), data.lexicon.frequency)
    if not met.expected:
        return "one of them is in no word of this run: choose another"
    ratio = met.log2_ratio
    shown = f"log2 ratio {ratio:+.2f}" if math.isfinite(ratio) else "they never meet"
    rows = [(labels[a], f"{met.first:,} bins"), (labels[b], f"{met.second:,} bins"),
            ("Both", f"{met.both:,} bins"),
            ("By chance", f"{met.expected:,.3g} bins, {shown}"), *_interaction(data, a, b)]
    return _terms(rows)


def _terms(rows: list[tuple[str, str]]) -> Any:
    return html.Dl([x for name, value in rows for x in (html.Dt(name), html.Dd(value))],
                   className="terms")


def _interaction(data: RunData, a: int, b: int) -> list[tuple[str, str]]:
    """What was found when both are knocked out; nothing in a run where no pairs were."""
    if not data.interactions.is_there:
        return []
    found = data.interactions.pair(a, b)
    if found is None:
        return [("Knocked out", "not tested: too few windows hold both, or they add too little")]
    track = data.explorer.tracks.get(data.effects.about["track"], {})
    return [
        ("Knocked out", f"{found['change_first']:+.3f} and {found['change_second']:+.3f} log2 "
         f"alone, {found['change_both']:+.3f} both, {found['sites']:,.0f} sites"),
        ("Interaction", f"{found['interaction']:+.3f} ({found['interaction_low']:+.3f} to "
         f"{found['interaction_high']:+.3f}) log2, q {q_text(found['q_value'])}"),
        ("Linear", f"{found['interaction_linear']:+.2g} {track.get('unit', '')}"),
        ("Overlap", f"{found['overlapping']:.0%} of the sites share a bin"),
    ]


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the page; without summed contributions there are none."""
    if not data.effects.is_there:
        return

    @app.callback(
        Output(ids.EFFECT_GRAPH, "figure"), Output(ids.EFFECT_SAYS, "children"),
        Input(ids.SELECTION_STORE, "data"), Input(ids.PAGE, "value"),
        Input(ids.EFFECT_GRID, "id"),
    )
    def draw(raw: Any, page: Any, _: Any) -> Any:
        return (no_update, no_update) if page != _PAGE else plane(data, raw)

    @app.callback(Output(ids.EFFECT_GRID, "rowData"), Input(ids.EFFECT_GRID, "id"))
    def rank(_: Any) -> Any:
        return ranking(data)

    @app.callback(
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input(ids.EFFECT_GRAPH, "clickData"), Input(ids.EFFECT_GRID, "selectedRows"),
        prevent_initial_call=True,
    )
    def choose(event: Any, rows: Any) -> Any:
        cluster = clicked_cluster(data, str(ctx.triggered_id), event, rows)
        if cluster is None:
            return no_update
        return as_json(Motif(kind="motif", clusters=[cluster]))

    @app.callback(
        Output(ids.EFFECT_PAIR, "children"), Input(ids.EFFECT_FIRST, "value"),
        Input(ids.EFFECT_SECOND, "value"), prevent_initial_call=True,
    )
    def pair(first: Any, second: Any) -> Any:
        return pair_text(data, first, second)

    @app.callback(
        Output(ids.PAGE, "value", allow_duplicate=True), Input(ids.EFFECT_MAP, "n_clicks"),
        prevent_initial_call=True,
    )
    def to_map(clicks: Any) -> Any:
        return "workspace" if clicks else no_update
