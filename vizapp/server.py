"""The Dash app: assembled here, with its error handler and security headers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import dash
import flask
from dash import Dash, set_props

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks import (
    arrival,
    benchmark_page,
    compare,
    effects,
    export,
    genome,
    genome_explained,
    genome_second,
    interactions,
    language,
    language_page,
    lexicon,
    lexicon_downloads,
    links,
    models_page,
    motif_matrix,
    mutagenesis,
    saved_selections,
    search,
    selection_panel,
    selections,
    shell,
    subclusters,
    token_map,
    what_if,
    window_neighbors,
)
from vizapp.data import RunData
from vizapp.map_state import MapOptions
from vizapp.state import parse_selection
from vizapp.views import first_look
from vizapp.views.genome_drawing import build_genome
from vizapp.views.map_drawing import MapDrawing
from vizapp.views.shell import Opening, other_pages, other_tabs, page

_LOG = logging.getLogger("motiflens")
_MAX_REQUEST_BYTES = 1 << 20
_ASSETS = Path(__file__).resolve().parent.parent / "assets"


class _App(Dash):
    """A Dash app whose page holds the first look until the views are drawn."""

    first_look = ""

    def interpolate_index(self, **parts: Any) -> str:
        if first_look.is_wanted(flask.request.args):
            parts["app_entry"] = self.first_look + parts["app_entry"]
        return str(super().interpolate_index(**parts))


def show_error(error: Exception) -> Any:
    """A failed callback leaves what is drawn and says what happened in the notice."""
    if isinstance(error, MotiflensError):
        text = str(error)
    else:
        _LOG.exception("callback failed", exc_info=error)
        text = "something went wrong in the app; the rest goes on, and the log has the details"
    set_props(ids.NOTICE, {"children": shell.notice(text)})
    return dash.no_update


def build(run_dir: Path) -> Dash:
    """Open the run, lay out the page and register every callback."""
    data = RunData(run_dir)
    region = data.genome.opening
    selection = links.opening_selection(data, region)
    app = _App(
        "motiflens", assets_folder=str(_ASSETS), title="motiflens", update_title="",
        serve_locally=True, on_error=show_error, suppress_callback_exceptions=True,
    )
    drawing = MapDrawing(data)
    # Built once: a page load then costs no reading, and a damaged artefact is found at start.
    app.layout = page(data, Opening(
        region, selection, drawing.figure(MapOptions(), region, parse_selection(selection)),
        language.marks(data, region, selection), selection_panel.panel(data, selection),
        selections.link_text(selection)[0],
    ))
    app.first_look = first_look.first_look(data, drawing)
    shell.register(app, other_pages(data), other_tabs(data))
    token_map.register(app, data, drawing)
    for module in (
        selection_panel, selections, saved_selections, compare, subclusters, search, export,
        language, language_page, genome, genome_explained, genome_second, links, arrival, lexicon,
        lexicon_downloads, motif_matrix, models_page, benchmark_page, effects, interactions,
        what_if, mutagenesis, window_neighbors,
    ):
        module.register(app, data)
    data.genome.warm()
    data.explorer.warm()
    build_genome(data, region)
    _secure(app)
    return app


def _secure(app: Dash) -> None:
    server: flask.Flask = app.server
    server.config["MAX_CONTENT_LENGTH"] = _MAX_REQUEST_BYTES
    # plotly.js compiles its WebGL shaders' bindings, hence unsafe-eval; no other host is allowed.
    scripts = " ".join(["'self'", "'unsafe-eval'", *(f"'{h}'" if not h.startswith("'") else h
                                                     for h in app.csp_hashes())])
    policy = (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
        "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )

    @server.after_request
    def headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
