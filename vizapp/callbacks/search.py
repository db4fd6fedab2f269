"""Callbacks of the search box: offers while one types, and what choosing one does."""

from __future__ import annotations

import re
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from vizapp import component_ids as ids
from vizapp.callbacks.links import go_to, step_to
from vizapp.data import RunData
from vizapp.loci import MAX_TEXT
from vizapp.selection import StateError, as_json, combine
from vizapp.selection_text import from_text
from vizapp.state import Region, parse_region
from vizapp.views.search import search_offers

_STEP = re.compile(r"(next|previous):([0-9]{1,5}(?:\.[0-9]{1,5}){0,255})")


def chosen(data: RunData, hit: Any, now: Any, how: Any, region: Any = None) -> tuple[Any, Any]:
    """Region and selection after an offer was chosen; one of them stays.

    Raises
    ------
    MotiflensError
        When the offer is none of the app's.
    """
    does, what = str(hit.get("does")), str(hit.get("what"))
    if does == "go":
        return go_to(data, what[:MAX_TEXT])._asdict(), no_update
    if does == "step":
        return _stepped(data, what, region)._asdict(), no_update
    new = from_text(what)
    data.explorer.members(new)
    return no_update, combine(now, as_json(new), how)


def _stepped(data: RunData, what: str, region: Any) -> Region:
    match = _STEP.fullmatch(what)
    clusters = [int(c) for c in match[2].split(".")] if match else []
    if match is None or max(clusters) >= len(data.explorer.cluster_labels):
        raise StateError("the search could not be read; type it again")
    now = parse_region(region, data.genome.chroms)
    return step_to(now, data.search.words_with(clusters), match[1] == "next", data)


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the box."""

    @app.callback(
        Output(ids.SEARCH_LIST, "children"), Input(ids.SEARCH_QUERY, "data"),
        prevent_initial_call=True,
    )
    def offer(text: Any) -> Any:
        typed = text[:MAX_TEXT] if isinstance(text, str) else ""
        hits = data.search.find(typed)
        return search_offers(typed, hits, "" if hits else data.search.why_not(typed))

    @app.callback(
        Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input({"type": ids.SEARCH_HIT, "does": ALL, "what": ALL, "place": ALL}, "n_clicks"),
        State(ids.SELECTION_STORE, "data"), State(ids.SELECTION_HOW_STORE, "data"),
        State(ids.REGION_STORE, "data"),
        prevent_initial_call=True,
    )
    def choose(_: Any, now: Any, how: Any, region: Any) -> Any:
        trigger = ctx.triggered_id
        if not isinstance(trigger, dict) or not ctx.triggered[0]["value"]:
            return no_update, no_update
        return chosen(data, trigger, now, how, region)
