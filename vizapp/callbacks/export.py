"""Downloads of selections: streamed by the server, so that large ones fit in no callback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
from dash import ClientsideFunction, Dash, Input, Output, State

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.links import selected_words
from vizapp.data import RunData
from vizapp.data.export import places_bed, places_csv, points_csv
from vizapp.selection import parse_selection

#: Names of the downloads.
FILES = ("places.bed", "places.csv", "points.csv")


def selection_file(data: RunData, name: str, raw: Any) -> Iterator[str]:
    """Text of a download, in blocks.

    Raises
    ------
    MotiflensError
        When the selection is empty, or there is no such download.
    """
    chosen = parse_selection(raw)
    if chosen is None:
        raise MotiflensError("nothing is selected, so there is nothing to download; select first")
    if name == "points.csv":
        members = data.explorer.members(chosen)
        if not members.any():
            raise MotiflensError("the selection holds no map point to download; select others")
        return points_csv(data, members)
    if name not in FILES:
        raise MotiflensError(f"there is no download {name[:40]!r}, only {', '.join(FILES)}")
    words = selected_words(data, chosen)
    if len(words) == 0:
        raise MotiflensError("the selection holds no word, so it has no place; select others")
    return places_bed(data, words) if name == "places.bed" else places_csv(data, words)


def register(app: Dash, data: RunData) -> None:
    """Register the address of the downloads, and the buttons that ask for them."""
    server: flask.Flask = app.server
    prefix = app.config.routes_pathname_prefix

    @server.post(f"{prefix}export/<name>")
    def export(name: str) -> flask.Response:
        try:
            body = flask.request.get_json(silent=True)
            raw = body.get("selection") if isinstance(body, dict) else None
            text = selection_file(data, name, raw)
        except (MotiflensError, RecursionError) as error:
            says = str(error) if isinstance(error, MotiflensError) else "the request is too deep"
            return flask.make_response({"error": says}, 400)
        return flask.Response(text, mimetype="text/plain" if name.endswith("bed") else "text/csv")

    app.clientside_callback(
        ClientsideFunction(namespace="motiflens_selection", function_name="download"),
        Output(ids.EXPORT_MENU, "data-asked"),
        *(Input(ids.export_item(name), "n_clicks") for name in FILES),
        State(ids.SELECTION_STORE, "data"), prevent_initial_call=True,
    )
