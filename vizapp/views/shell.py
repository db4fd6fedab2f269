"""The page around the views: header, search, notices, help and the workspace grid."""

from __future__ import annotations

from typing import Any, NamedTuple

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.state import Region
from vizapp.views.benchmark_page import benchmark_page
from vizapp.views.compare import compare_tab
from vizapp.views.effects import effects_page
from vizapp.views.genome import genome_card
from vizapp.views.language import coverage_card, language_card
from vizapp.views.language_page import language_page
from vizapp.views.lexicon import lexicon_page
from vizapp.views.models_page import models_page
from vizapp.views.motif_matrix import motif_page
from vizapp.views.run import run_page
from vizapp.views.search import search_form
from vizapp.views.selection_panel import selection_card
from vizapp.views.selections import stores as selection_stores
from vizapp.views.subclusters import subclusters_tab
from vizapp.views.token_map import map_card
from vizapp.views.what_if import what_if_page
from vizapp.views.window_neighbors import neighbors_card

#: The pages in the order of the header: their name in the link, and how the header calls them.
PAGES = {
    "workspace": "Workspace", "language": "Language", "lexicon": "Lexicon", "motifs": "Motifs",
    "models": "Models", "benchmark": "Benchmark", "effects": "Effects", "what-if": "What if",
    "run": "Run",
}

_KEYS = [
    ("/", "search: region, gene, motif, community, word"), ("← →", "pan"), ("+ −", "zoom"),
    ("n p", "next, previous"),
    ("m", "mark the genome window; Shift and drag marks a part of it"),
    ("l b", "lasso, box on the map"), ("Esc", "clear the selection"),
    ("Shift, Alt", "held while drawing or clicking: add, subtract; both: intersect"),
    ("Ctrl+Z", "undo the last move or selection"), ("?", "this help"),
]
_TERMS = [
    ("Bin", "A stretch of about 15 bp between the flanks of motif-depth peaks."),
    ("Token", "A bin's vector of motif occupancy: covered bases / motif width, per motif."),
    ("Motif cluster", "Motif features with an interdependence score (IDS) above 0.62, merged."),
    ("Word", "The set of motif clusters whose mean occupancy in a bin is at least the threshold."),
    ("Megacluster", "A Louvain community of tokens on the map; subclusters lie within it."),
    ("Contribution", "DeepLIFT: what an input adds to the predicted signal, against background."),
]


def _help() -> Any:
    return dmc.Modal(
        [
            dmc.Text(
                "Select words on the map, see what they mean and where they are; or start at a "
                "place in the genome and go the other way.", mb="sm",
            ),
            html.H3("Keys"),
            html.Dl([x for key, what in _KEYS for x in (html.Dt(html.Kbd(key)), html.Dd(what))],
                    className="terms"),
            html.H3("Terms"),
            html.Dl([x for term, what in _TERMS for x in (html.Dt(term), html.Dd(what))],
                    className="terms"),
            html.H3("Regions"),
            dmc.Text(
                "chr20:1,234,567-1,240,000 is read 1-based and inclusive, as genome browsers do; "
                "chr20 100 200 with spaces or tabs is BED, 0-based and half-open. 1.2M, 500kb, "
                "1e6, 1..100, 1000+200 (start + length), 20q13.2, g.123A>G, several regions and "
                "gene names work too, each with ±5kb or 20% after it; so do next CTCF, prev "
                "CTCF, cluster 12 and token 345. Nothing typed leaves this machine.", size="sm",
            ),
        ],
        id=ids.HELP, title="motiflens", size="lg", opened=False,
    )


def _header(data: RunData, region: Region) -> Any:
    return html.Header(
        [
            html.Div([html.Span("motif", className="brand-a"), html.Span("lens")],
                     className="brand"),
            html.Span(f"run: {data.name}", className="run-name", title=data.region_text),
            search_form(region),
            dmc.SegmentedControl(
                id=ids.PAGE, value=next(iter(PAGES)), size="xs",
                data=[{"value": name, "label": label} for name, label in PAGES.items()],
            ),
            html.Span(className="spacer"),
            html.Button("undo", id=ids.UNDO, className="tool", n_clicks=0,
                        title="Undo the last move or selection (Ctrl+Z)"),
            html.Button("help", id=ids.HELP_BUTTON, className="tool", n_clicks=0,
                        title="Keys and terms (?)"),
            dmc.Switch(id=ids.THEME_SWITCH, size="sm", label="dark", checked=False,
                       persistence=True),
        ],
        className="header",
    )


def _tour() -> Any:
    steps = [
        "Draw a lasso on the map: its words, their motifs and all their places appear.",
        "Click a place in the table: the genome view goes there.",
        "Move the genome view: its tokens light up on the map and on the Zipf curve.",
    ]
    return html.Div(
        [
            html.Ol([html.Li(step) for step in steps]),
            html.Button("Got it", id=ids.TOUR_CLOSE, className="tool", n_clicks=0),
        ],
        id=ids.TOUR, className="tour", role="note", style={"display": "none"},
    )


def other_pages(data: RunData) -> dict[str, Any]:
    """What the pages beside the workspace hold. Each is sent when it is first opened, so that the
    workspace does not wait for figures that nobody looks at yet."""
    return {
        "language": language_page(data), "lexicon": lexicon_page(data),
        "motifs": motif_page(data), "models": models_page(data),
        "benchmark": benchmark_page(data), "effects": effects_page(data),
        "what-if": what_if_page(data), "run": run_page(data),
    }


def other_tabs(data: RunData) -> dict[str, Any]:
    """What the tabs behind the first ones hold, sent when they are first opened."""
    return {
        "coverage": coverage_card(data), "compare": compare_tab(),
        "subclusters": subclusters_tab(data),
    }


class Opening(NamedTuple):
    """What a fresh visit shows. It comes with the page: a callback for each would cost the browser
    more than the drawing.

    Attributes
    ----------
    map : figure of the map, and how its points are drawn
    marks : traces of the window's and the selection's words on the rank-frequency curve
    panel : title of the selection, its prominent motifs, their logos
    link : the selection in a link
    """

    region: Region
    selection: dict[str, Any]
    map: tuple[dict[str, Any], str]
    marks: list[dict[str, Any]]
    panel: tuple[Any, dict[str, Any], dict[str, Any]]
    link: str | None


def page(data: RunData, opening: Opening) -> Any:
    """The whole page for a fresh visit."""
    region, selection = opening.region, opening.selection
    workspace = html.Main(
        [
            _tour(),
            html.Div(
                [
                    html.Div([map_card(data, *opening.map), language_card(data, opening.marks)],
                             className="side"),
                    html.Div(selection_card(data, *opening.panel), className="side"),
                ],
                className="upper",
            ),
            genome_card(data, region),
            neighbors_card(data),
        ],
        id={"type": ids.PAGE_BODY, "page": "workspace"}, className="workspace",
    )
    others = [
        html.Main(
            html.Div("opening the page", className="page-opening"), style={"display": "none"},
            id={"type": ids.PAGE_BODY, "page": name}, className=f"{name}-page",
        )
        for name in PAGES if name != "workspace"
    ]
    stores = [
        *(dcc.Store(id={"type": ids.PAGE_OPENED, "page": body.id["page"]}) for body in others),
        dcc.Location(id=ids.URL, refresh=False),
        dcc.Store(id=ids.REGION_STORE, data=region._asdict()),
        dcc.Store(id=ids.REGION_SHOWN_STORE, data=region._asdict()),
        dcc.Store(id=ids.SELECTION_STORE, data=selection),
        dcc.Store(id=ids.SELECTION_SHOWN_STORE, data=selection),
        dcc.Store(id=ids.LASSO_STORE),
        *selection_stores(data, opening.link),
        dcc.Store(id=ids.TRACKS_STORE),
        dcc.Store(id=ids.MARKS_STORE),
        dcc.Store(id=ids.WHAT_IF_STORE),
        dcc.Store(id=ids.SECOND_STORE),
        dcc.Store(id=ids.GENOME_CLICK),
        dcc.Store(id=ids.HISTORY_STORE),
        dcc.Store(id=ids.TOUR_SEEN_STORE, storage_type="local"),
    ]
    return dmc.MantineProvider(
        [
            *stores,
            html.Div(
                [
                    _header(data, region),
                    html.Div(id=ids.NOTICE, className="notice", role="alert"),
                    workspace,
                    *others,
                    _help(),
                ],
                className="app", id="app",
            ),
        ],
        id=ids.PROVIDER, forceColorScheme="light",
        theme={"primaryColor": "pink", "fontFamily": "Inter, system-ui, sans-serif",
               "defaultRadius": "sm"},
    )
