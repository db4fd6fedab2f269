"""Callbacks that change the selection: drawings, clicks, inversion; and its text for the link."""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_point
from vizapp.data import RunData
from vizapp.selection import combine, invert, parse_selection
from vizapp.selection_text import to_text


def clicked_word(click: Any) -> int | None:
    """Word of a clicked cell of the token strip; None for other tracks and other shapes."""
    word = first_point(click).get("customdata")
    return word if type(word) is int and word >= 0 else None


def link_text(raw: Any) -> tuple[str | None, str]:
    """The selection's text for the link, and what to say when it does not fit."""
    selection = parse_selection(raw)
    if selection is None:
        return None, ""
    text = to_text(selection)
    return text, "" if text else "too long for the link: it will not carry this selection"


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks that write the selection store."""

    @app.callback(
        Output(ids.SELECTION_STORE, "data"),
        Input(ids.LASSO_STORE, "data"), Input(ids.SELECTION_CLEAR, "n_clicks"),
        Input({"type": ids.LEGEND_CHIP, "level": ALL, "index": ALL}, "n_clicks"),
        Input(ids.GENOME_CLICK, "data"), Input(ids.SELECTION_INVERT, "n_clicks"),
        State(ids.SELECTION_STORE, "data"), State(ids.SELECTION_HOW_STORE, "data"),
        prevent_initial_call=True,
    )
    def select(lasso: Any, _clear: Any, _chips: Any, click: Any, _turn: Any, *state: Any) -> Any:
        now, how = state
        trigger = ctx.triggered_id
        if trigger == ids.SELECTION_CLEAR:
            return None
        if trigger == ids.SELECTION_INVERT:
            return invert(now)
        if trigger == ids.LASSO_STORE:
            return no_update if lasso is None else combine(now, lasso, how)
        if trigger == ids.GENOME_CLICK:
            word = clicked_word(click)
            return no_update if word is None else combine(now, {"kind": "word", "word": word}, how)
        if isinstance(trigger, dict) and ctx.triggered and ctx.triggered[0]["value"]:
            raw = {"kind": "community", "level": trigger["level"], "id": trigger["index"]}
            return combine(now, raw, how)
        return no_update

    @app.callback(
        Output(ids.SELECTION_LINK_STORE, "data"), Output(ids.SELECTION_LINK_NOTE, "children"),
        Input(ids.SELECTION_SHOWN_STORE, "data"), prevent_initial_call=True,
    )
    def link(selection: Any) -> Any:
        return link_text(selection)

    app.clientside_callback(
        ClientsideFunction(namespace="motiflens_selection", function_name="choose"),
        Output(ids.SELECTION_HOW_STORE, "data"), Input(ids.SELECTION_HOW, "value"),
    )
