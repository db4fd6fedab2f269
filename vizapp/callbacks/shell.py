"""Callbacks of the page: notices, help, theme, pages, undo, the first visit's tour."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from vizapp import component_ids as ids


def notice(text: str, kind: str = "error") -> Any:
    """A notice in place; the text is shown as text, never as markup."""
    return dmc.Alert(
        text, color="red" if kind == "error" else "blue", withCloseButton=True, variant="light",
        className="notice-alert", duration=0,
    )


def _client(name: str) -> ClientsideFunction:
    return ClientsideFunction(namespace="motiflens", function_name=name)


def register(app: Dash, bodies: dict[str, Any], tabs: dict[str, Any]) -> None:
    """Register the callbacks; all but the sending of a page run in the browser.

    Parameters
    ----------
    bodies : what each page beside the workspace holds, by name
    tabs : the same for tabs behind the first ones
    """

    @app.callback(
        Output({"type": ids.PAGE_BODY, "page": MATCH}, "children"),
        Input({"type": ids.PAGE_OPENED, "page": MATCH}, "data"), prevent_initial_call=True,
    )
    def send_page(opened: Any) -> Any:
        asked = ctx.triggered_id
        name = asked.get("page") if isinstance(asked, dict) else None
        return bodies[name] if opened is True and name in bodies else no_update

    @app.callback(
        Output({"type": ids.TAB_BODY, "page": MATCH}, "children"),
        Input({"type": ids.TAB_OPENED, "page": MATCH}, "data"), prevent_initial_call=True,
    )
    def send_tab(opened: Any) -> Any:
        asked = ctx.triggered_id
        name = asked.get("page") if isinstance(asked, dict) else None
        return tabs[name] if opened is True and name in tabs else no_update

    app.clientside_callback(
        _client("openTab"), Output({"type": ids.TAB_OPENED, "page": ALL}, "data"),
        Input(ids.PANEL_TABS, "value"), Input(ids.LANGUAGE_TABS, "value"),
        State({"type": ids.TAB_OPENED, "page": ALL}, "id"),
        State({"type": ids.TAB_OPENED, "page": ALL}, "data"),
    )
    app.clientside_callback(
        _client("openPage"), Output({"type": ids.PAGE_OPENED, "page": ALL}, "data"),
        Input(ids.PAGE, "value"), State({"type": ids.PAGE_OPENED, "page": ALL}, "id"),
        State({"type": ids.PAGE_OPENED, "page": ALL}, "data"),
    )
    app.clientside_callback(
        _client("toggleHelp"), Output(ids.HELP, "opened"), Input(ids.HELP_BUTTON, "n_clicks"),
        State(ids.HELP, "opened"), prevent_initial_call=True,
    )
    app.clientside_callback(
        _client("colorScheme"), Output(ids.PROVIDER, "forceColorScheme"),
        Input(ids.THEME_SWITCH, "checked"),
    )
    app.clientside_callback(
        _client("showPage"), Output({"type": ids.PAGE_BODY, "page": ALL}, "style"),
        Input(ids.PAGE, "value"), State({"type": ids.PAGE_BODY, "page": ALL}, "id"),
    )
    app.clientside_callback(
        _client("arriveOnPage"), Output(ids.PAGE, "value"), Input(ids.URL, "search"),
        State(ids.PAGE, "data"),
    )
    app.clientside_callback(
        _client("tour"), Output(ids.TOUR, "style"), Output(ids.TOUR_SEEN_STORE, "data"),
        Input(ids.TOUR_CLOSE, "n_clicks"), State(ids.TOUR_SEEN_STORE, "data"),
    )
    app.clientside_callback(
        _client("remember"), Output(ids.HISTORY_STORE, "data"),
        Input(ids.REGION_STORE, "data"), Input(ids.SELECTION_STORE, "data"),
    )
    app.clientside_callback(
        _client("undo"), Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input(ids.UNDO, "n_clicks"), prevent_initial_call=True,
    )
