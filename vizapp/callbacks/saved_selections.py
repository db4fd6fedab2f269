"""Callbacks of the saved selections: the browser keeps them, the server checks each change."""

from __future__ import annotations

from typing import Any

from dash import ALL, Dash, Input, Output, Patch, State, ctx, no_update

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.map_state import parse_hidden, parse_layout
from vizapp.saved import SWATCHES, delete, item_at, parse_saved, rename, save, toggle
from vizapp.selection import as_json, combine
from vizapp.views.map_drawing import MapDrawing
from vizapp.views.saved_selections import saved_chips, saved_lines


def was_pressed() -> bool:
    """Whether a button was pressed, rather than drawn anew by a callback."""
    return bool(ctx.triggered and ctx.triggered[0]["value"])


def patch_saved(drawing: MapDrawing, raw: Any, layout: Any, hidden: Any) -> Patch:
    """The saved selections that are shown, on the map."""
    groups = [(item.selection, SWATCHES[item.color]) for item in parse_saved(raw) if item.shown]
    drawn, patch = drawing.saved(groups, parse_layout(layout), parse_hidden(hidden)), Patch()
    for place, trace in drawn.traces.items():
        patch["data"][drawing.place(place)] = trace
    return patch


def register(app: Dash, data: RunData, drawing: MapDrawing | None = None) -> None:
    """Register the callbacks."""
    drawing = drawing or MapDrawing(data)
    store = ids.saved_store(data.identity)

    @app.callback(
        Output(store, "data"), Output(ids.SAVED_NAME, "value"),
        Input(ids.SAVED_SAVE, "n_clicks"), Input(ids.SAVED_NAME, "n_submit"),
        Input({"type": ids.SAVED_SHOWN, "index": ALL}, "n_clicks"),
        Input({"type": ids.SAVED_RENAME, "index": ALL}, "value"),
        Input({"type": ids.SAVED_DELETE, "index": ALL}, "n_clicks"),
        State(ids.SAVED_NAME, "value"), State(ids.SELECTION_STORE, "data"), State(store, "data"),
        prevent_initial_call=True,
    )
    def change(*values: Any) -> Any:
        name, selection, raw = values[-3:]
        trigger = ctx.triggered_id
        if trigger in (ids.SAVED_SAVE, ids.SAVED_NAME):
            return save(raw, name, selection), ""
        if not isinstance(trigger, dict) or not was_pressed():
            return no_update, no_update
        kind, index = trigger.get("type"), trigger.get("index")
        if kind == ids.SAVED_RENAME:
            new = ctx.triggered[0]["value"]
            same = item_at(raw, index).name == new
            return (no_update if same else rename(raw, index, new)), no_update
        return (toggle if kind == ids.SAVED_SHOWN else delete)(raw, index), no_update

    @app.callback(
        Output(ids.SAVED_CHIPS, "children"), Output(ids.SAVED_LIST, "children"),
        Input(store, "data"), prevent_initial_call=True,
    )
    def show(raw: Any) -> Any:
        items = parse_saved(raw)
        return saved_chips(items), saved_lines(items)

    @app.callback(
        Output(ids.MAP_GRAPH, "figure", allow_duplicate=True), Input(store, "data"),
        Input(ids.MAP_LAYOUT, "value"), Input(ids.MAP_HIDDEN, "data"), prevent_initial_call=True,
    )
    def draw(raw: Any, layout: Any, hidden: Any) -> Any:
        return patch_saved(drawing, raw, layout, hidden)

    @app.callback(
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input({"type": ids.SAVED_RECALL, "index": ALL}, "n_clicks"),
        State(store, "data"), State(ids.SELECTION_STORE, "data"),
        State(ids.SELECTION_HOW_STORE, "data"), prevent_initial_call=True,
    )
    def recall(_: Any, raw: Any, now: Any, how: Any) -> Any:
        trigger = ctx.triggered_id
        if not isinstance(trigger, dict) or not was_pressed():
            return no_update
        return combine(now, as_json(item_at(raw, trigger["index"]).selection), how)
