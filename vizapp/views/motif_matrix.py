"""The page Motifs: the matrix of interdependence scores, and one pair of features beside it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.views.figure_card import figure_card, help_mark

ABOUT_MATRIX = (
    "IDS is the largest absolute Pearson correlation, across bins, of any of 36 pairs of functions "
    "x^n exp(-x²/2), n = 0 to 5, of two features' occupancies x: 0 is none, 1 is complete "
    "dependence (Radhakrishnan et al., PNAS 2025; the paper's figure 4). A feature is a profile on "
    "one strand. Order and tree are those of the linkage over 1 - IDS. Where more than 300 "
    "features are in view, a cell is the largest score in its block. Red squares are clusters at "
    "the slider's cut, blue ones those of the run. Drag or scroll zooms, a double click shows all."
)
ABOUT_PAIR = (
    "Profile similarity is the Pearson correlation of the base frequencies of both profiles, each "
    "on its feature's strand, at the best offset with at least half of the narrower one (and 4 bp) "
    "overlapping; -1 to 1. IDS tells of occurring together or apart in bins, similarity of looking "
    "alike: a high IDS without similarity is a real pair, not one motif twice."
)


def motif_page(data: RunData) -> list[Any]:
    """The matrix with its controls, and the pair under the pointer."""
    matrix = data.matrix
    names = [{"value": str(i), "label": name} for i, name in enumerate(matrix.names)]
    title = f"Interdependence of {matrix.n:,} motif features, {data.region_text}, {matrix.about}"
    controls = html.Div(
        [
            dmc.Select(
                id=ids.MATRIX_FIND, data=names, searchable=True, clearable=True, size="xs", w=250,
                placeholder="find a motif feature", limit=60, nothingFoundMessage="no such motif",
                **{"aria-label": "Find a motif feature in the matrix"},
            ),
            html.Span("cut at 1 - IDS", className="row-name"),
            dmc.Slider(
                id=ids.MATRIX_CUT, min=0, max=1, step=0.01, value=matrix.cut, w=160, size="sm",
                marks=[{"value": matrix.cut}], updatemode="drag",
                thumbLabel="Cut of the tree, distance 1 - IDS",
            ),
            html.Span(id=ids.MATRIX_SAYS, className="readout", role="status"),
            html.Button("all", id=ids.MATRIX_ALL, className="tool", n_clicks=0,
                        title="Show the whole matrix"),
            html.Button("CSV", id=ids.MATRIX_CSV, className="tool", n_clicks=0,
                        title="Features in the tree's order with their clusters at this cut"),
        ],
        className="controls",
    )
    pair = html.Section(
        [
            html.Div([html.H2("Two features", className="card-title"),
                      help_mark(ABOUT_PAIR, "profile similarity")], className="card-name"),
            html.Div("point at a cell of the matrix to see its two features", id=ids.MATRIX_PAIR,
                     className="summary", role="status"),
            figure_card(ids.MATRIX_LOGOS, "Both logos, laid as they correlate best", ABOUT_PAIR,
                        "motiflens-two-features", height="250px", is_explored=False,
                        has_numbers=False),
            html.P("A click on a cell selects the motif clusters of both features.",
                   className="caption"),
            html.Button("Show the selection on the map", id=ids.MATRIX_MAP, className="tool",
                        n_clicks=0),
        ],
        className="panel matrix-pair", **{"aria-label": "Two features"},
    )
    return [
        dcc.Store(id=ids.MATRIX_VIEW), dcc.Download(id=ids.MATRIX_FILE),
        html.Section(
            [controls,
             figure_card(ids.MATRIX_GRAPH, title, ABOUT_MATRIX, "motiflens-interdependence",
                         height="min(820px, calc(100vh - 170px))", clear_on_unhover=False)],
            className="panel matrix-panel", **{"aria-label": title},
        ),
        pair,
    ]
