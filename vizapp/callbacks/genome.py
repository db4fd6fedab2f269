"""The genome view's answers: tracks of a window for the browser to draw, and where it is."""

from __future__ import annotations

from typing import Any

import flask
import orjson
from dash import ClientsideFunction, Dash, Input, Output

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.loci import format_locus
from vizapp.state import parse_region
from vizapp.views.genome import overview
from vizapp.views.genome_drawing import build_genome, width_text


def window_json(data: RunData, raw: Any) -> bytes:
    """Tracks of a window as JSON: a figure in the terms of Plotly, arrays packed.

    Parameters
    ----------
    raw : what a browser sent: ``region``, ``track``, ``targets``, ``part``, and ``around``, whether
        what lies beside the window is to be sent too

    Raises
    ------
    MotiflensError
        When anything in it is not what the view sends.
    """
    if not isinstance(raw, dict):
        raise MotiflensError("the request could not be read; reload the page")
    region = parse_region(raw.get("region"), data.genome.chroms)
    figure = build_genome(
        data, region, raw.get("track"), raw.get("targets"), raw.get("part"),
        raw.get("around") is True,
    )
    return orjson.dumps({"figure": figure, "region": region._asdict()})


def register(app: Dash, data: RunData) -> None:
    """Register the address of windows and the callbacks of the genome view."""
    server: flask.Flask = app.server

    @server.post(f"{app.config.routes_pathname_prefix}genome/window")
    def window() -> flask.Response:
        try:
            body = window_json(data, flask.request.get_json(silent=True))
        except (MotiflensError, RecursionError) as error:
            says = str(error) if isinstance(error, MotiflensError) else "the request is too deep"
            return flask.make_response({"error": says}, 400)
        return flask.Response(body, mimetype="application/json")

    @app.callback(
        Output(ids.REGION_INPUT, "value"), Output(ids.REGION_READOUT, "children"),
        Output(ids.OVERVIEW, "children"), Input(ids.REGION_STORE, "data"),
    )
    def tell(raw: Any) -> Any:
        region = parse_region(raw, data.genome.chroms)
        text = format_locus(*region)
        return text, f"{text}  ({width_text(region.width)})", overview(data, region)

    app.clientside_callback(
        ClientsideFunction(namespace="motiflensGenome", function_name="show"),
        Output(ids.GENOME_GRAPH, "data-asked"), Input(ids.REGION_STORE, "data"),
        Input(ids.TRACK_SELECT, "value"), Input(ids.PEAK_SELECT, "value"),
    )
