"""The genome view's answers: tracks of a window for the browser to draw, and where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import orjson
from dash import ClientsideFunction, Dash, Input, Output, State

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.genome_explained import checked
from vizapp.callbacks.links import led_to
from vizapp.data import RunData
from vizapp.figures.genome import x_title
from vizapp.genome_state import marks_from_text, parse_marks, parse_tracks, tracks_from_text
from vizapp.state import parse_region
from vizapp.views.genome import overview, step_options
from vizapp.views.genome_drawing import build_genome, build_tracks
from vizapp.views.genome_frame import Asked


def window_json(
    data: RunData, raw: Any, is_gone: Callable[[], bool] | None = None
) -> bytes:
    """Tracks of a window as JSON: rows with traces in the terms of Plotly, arrays packed; for
    the part 'all' one figure of them, for export.

    Parameters
    ----------
    raw : what a browser sent: ``region``, or ``place`` as :func:`~vizapp.callbacks.links.led_to`
        takes it with where it was ``now``, ``tracks``, ``part``, ``around``, whether what lies
        beside the window is to be sent too, ``explain``, which contributions, and ``marks`` for
        the whole figure
    is_gone : whether the browser has given up waiting

    Raises
    ------
    MotiflensError
        When anything in it is not what the view sends.
    """
    if not isinstance(raw, dict):
        raise MotiflensError("the request could not be read; reload the page")
    place = raw.get("place")
    region = (
        parse_region(raw.get("region"), data.genome.chroms) if place is None
        else led_to(data, place, raw.get("now"))
    )
    items = parse_tracks(raw.get("tracks"), data.tracks.catalogue)
    part, is_around = raw.get("part"), raw.get("around") is True
    asked = Asked(checked(data, raw.get("explain")), is_gone)
    answer: dict[str, Any] = {"region": region._asdict()}
    if part == "all":
        marks = parse_marks(raw.get("marks") or [], data.genome.chroms)
        answer["figure"] = build_genome(data, region, items, is_around, marks, asked)
    else:
        rows = build_tracks(data, region, items, part, is_around, asked)
        answer |= {"rows": [row.as_row() for row in rows],
                   "xTitle": x_title(data.assembly, region.chrom)}
    return orjson.dumps(answer)


def tracks_of_link(data: RunData, text: str) -> tuple[Any]:
    """The tracks of a link, as their store holds them.

    Raises
    ------
    MotiflensError
        When it names what this run has not.
    """
    return ([item.as_json() for item in tracks_from_text(text, data.tracks.catalogue)],)


def marks_of_link(data: RunData, text: str) -> tuple[Any]:
    """The marked regions of a link, as their store holds them.

    Raises
    ------
    MotiflensError
        When one could not be read or lies outside of the run.
    """
    return ([mark.as_json() for mark in marks_from_text(text, data.genome.chroms)],)


def register(app: Dash, data: RunData) -> None:
    """Register the address of windows and the callbacks of the genome view."""
    server: flask.Flask = app.server

    @server.post(f"{app.config.routes_pathname_prefix}genome/window")
    def window() -> flask.Response:
        asked = flask.request.get_json(silent=True)
        try:
            body = window_json(
                data, asked,
                flask.request.environ.get("waitress.client_disconnected"),
            )
        except (MotiflensError, RecursionError) as error:
            says = str(error) if isinstance(error, MotiflensError) else "the request is too deep"
            # A place that was mistyped, or that there is none of, is no fault of the browser's.
            is_sought = isinstance(asked, dict) and isinstance(asked.get("place"), str | dict)
            return flask.make_response({"error": says}, 200 if is_sought else 400)
        return flask.Response(body, mimetype="application/json")

    # The browser moves the window on it, and says where it is.
    @app.callback(
        Output(ids.OVERVIEW, "children"), Input(ids.OVERVIEW_STORE, "data"),
        prevent_initial_call=True,
    )
    def another_chromosome(raw: Any) -> Any:
        return overview(data, parse_region(raw, data.genome.chroms))

    @app.callback(
        Output(ids.STEP_KIND, "data"), Input(ids.STEP_KIND, "searchValue"),
        State(ids.STEP_KIND, "value"), prevent_initial_call=True,
    )
    def offer_steps(typed: Any, value: Any) -> Any:
        return step_options(data, *(v if isinstance(v, str) else "" for v in (typed, value)))

    app.clientside_callback(
        ClientsideFunction(namespace="motiflensGenome", function_name="show"),
        Output(ids.GENOME_GRAPH, "data-asked"), Input(ids.REGION_STORE, "data"),
        Input(ids.TRACKS_STORE, "data"), Input(ids.MARKS_STORE, "data"),
    )
