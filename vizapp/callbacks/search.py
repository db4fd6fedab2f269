"""Callbacks of the search box: offers while one types, and what choosing one does."""

from __future__ import annotations

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from vizapp import component_ids as ids
from vizapp.callbacks.links import go_to
from vizapp.data import RunData
from vizapp.selection import as_json, combine
from vizapp.selection_text import from_text
from vizapp.views.search import search_offers


def chosen(data: RunData, hit: Any, now: Any, how: Any) -> tuple[Any, Any]:
    """Region and selection after an offer was chosen; one of them stays.

    Raises
    ------
    MotiflensError
        When the offer is none of the app's.
    """
    does, what = str(hit.get("does")), str(hit.get("what"))
    if does == "go":
        return go_to(data, what[:200])._asdict(), no_update
    new = from_text(what)
    data.explorer.members(new)
    return no_update, combine(now, as_json(new), how)


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the box."""

    @app.callback(
        Output(ids.SEARCH_LIST, "children"), Input(ids.SEARCH_QUERY, "data"),
        prevent_initial_call=True,
    )
    def offer(text: Any) -> Any:
        typed = text[:200] if isinstance(text, str) else ""
        return search_offers(typed, data.search.find(typed))

    @app.callback(
        Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input({"type": ids.SEARCH_HIT, "does": ALL, "what": ALL, "place": ALL}, "n_clicks"),
        State(ids.SELECTION_STORE, "data"), State(ids.SELECTION_HOW_STORE, "data"),
        prevent_initial_call=True,
    )
    def choose(_: Any, now: Any, how: Any) -> Any:
        trigger = ctx.triggered_id
        if not isinstance(trigger, dict) or not ctx.triggered[0]["value"]:
            return no_update, no_update
        return chosen(data, trigger, now, how)
