"""The token map and the selection panel."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.theme import community_color
from vizapp.views.figure_card import figure_card

ABOUT_MAP = (
    "Each point is one bin of the genome, a token: a vector of motif-cluster occupancy. Bins whose "
    "word is frequent enough are reduced by PCA, laid out by UMAP with cosine distance, and by "
    "FFT-accelerated t-SNE from there. Distances between far groups mean little. Rings: tokens in "
    "the genome window; faint rings: the same words elsewhere. Source: the paper's token explorer."
)
ABOUT_PROMINENT = (
    "Motif clusters that are higher inside the selection than in all other tokens of the map. "
    "Effect: log2 ratio of mean occupancy. q: two-sided Mann-Whitney test with tie correction, "
    "Benjamini-Hochberg over all motif clusters."
)
ABOUT_LOGOS = (
    "Information content of the representative profile of the top three motif clusters, in bits "
    "(JASPAR 2022 frequencies, no pseudocount)."
)
ABOUT_INSTANCES = (
    "Every bin of the run whose word is among the selected words. Motifs are JASPAR profiles with "
    "the strand of the hit, strongest first. Click a row to see it in the genome view."
)


def legend(data: RunData) -> Any:
    """Chips of the megaclusters: a click selects all points of one."""
    table = data.explorer.communities("mega")
    total = len(table)
    chips = []
    for row in table.itertuples():
        q = "q < 1e-298" if row.q_value <= 1e-298 else f"q {row.q_value:.1g}"
        chips.append(
            html.Button(
                [
                    html.Span(
                        className="chip-dot",
                        style={"background": community_color(int(row.Index), total)},
                    ),
                    f"M{row.Index} {row.label}",
                ],
                id={"type": ids.LEGEND_CHIP, "level": "mega", "index": int(row.Index)},
                className="chip", n_clicks=0,
                title=f"Megacluster {row.Index}: {row.n_points:,} points; named by its most "
                f"enriched motif cluster {row.label}, {q}. Click to select it.",
            )
        )
    return html.Div(chips, id=ids.MAP_LEGEND, className="legend", role="group",
                    **{"aria-label": "Megaclusters"})


def _tools() -> Any:
    tools = [
        (ids.MAP_LASSO, "Lasso", "lasso", "Draw around tokens to select them (key l)"),
        (ids.MAP_BOX, "Box", "select", "Drag a box to select tokens"),
        (ids.MAP_PAN, "Pan", "pan", "Drag to move the map"),
        (ids.MAP_ZOOM, "Zoom", "zoom", "Drag a box to zoom into"),
        (ids.MAP_RESET, "Reset", "reset", "Show the whole map again"),
    ]
    return html.Div(
        [
            html.Button(
                label, id=i, title=hint, className="tool",
                **{"data-graph": ids.MAP_GRAPH, "data-drag": mode},
            )
            for i, label, mode, hint in tools
        ],
        id=ids.MAP_TOOLS, className="tools", role="group", **{"aria-label": "Map tools"},
    )


def map_card(data: RunData) -> Any:
    """The map with its switches and legend."""
    controls = html.Div(
        [
            dmc.SegmentedControl(
                id=ids.MAP_LAYOUT, value="umap", size="xs",
                data=[{"value": "umap", "label": "UMAP"}, {"value": "tsne", "label": "t-SNE"},
                      {"value": "pca", "label": "PCA"}],
            ),
            dmc.Select(
                id=ids.MAP_COLOR, value="mega", data=data.explorer.color_options(), size="xs",
                searchable=True, allowDeselect=False, w=210, limit=200,
                nothingFoundMessage="no such motif cluster", maxDropdownHeight=340,
                **{"aria-label": "Colour the map by"},
            ),
            _tools(),
        ],
        className="controls",
    )
    n, candidates = data.explorer.n, data.explorer.n_candidates
    title = f"Token map, {n:,} of {candidates:,} tokens on {data.region_text}"
    card = figure_card(ids.MAP_GRAPH, title, ABOUT_MAP, "motiflens-token-map")
    return html.Div([card, controls, legend(data)], className="panel map-panel")


def instance_grid(data: RunData) -> Any:
    """The table of places; made anew for each selection, so that no old rows stay."""
    columns = [
        {"field": "locus", "headerName": "Locus", "width": 190, "sortable": True},
        {"field": "motifs", "headerName": "Motifs (strand)", "flex": 2, "minWidth": 190,
         "sortable": False, "tooltipField": "motifs"},
        {"field": "word", "headerName": "Word", "flex": 1, "minWidth": 120, "sortable": False,
         "tooltipField": "word"},
        {"field": "frequency", "headerName": "Frequency", "width": 108, "sortable": True,
         "type": "rightAligned"},
    ]
    columns += [
        {"field": f"signal_{track}", "headerName": about["short_label"], "width": 150,
         "sortable": True, "type": "rightAligned",
         "headerTooltip": f"{about['label']}; mean over the bin, {about['unit']}"}
        for track, about in data.explorer.tracks.items()
    ]
    return dag.AgGrid(
        id=ids.INSTANCE_GRID, columnDefs=columns, rowModelType="infinite",
        defaultColDef={"resizable": True, "suppressMovable": True},
        dashGridOptions={
            "rowHeight": 26, "headerHeight": 30, "cacheBlockSize": 100, "maxBlocksInCache": 20,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "tooltipShowDelay": 300, "infiniteInitialRowCount": 1, "rowBuffer": 5,
        },
        className="ag-theme-alpine instances", style={"height": "100%"},
    )


def selection_card(data: RunData) -> Any:
    """What is selected: size, prominent motifs, logos, places."""
    head = html.Div(
        [
            html.Div(id=ids.SELECTION_SUMMARY, className="summary", role="status"),
            html.Div(
                [
                    html.Button("Clear", id=ids.SELECTION_CLEAR, className="tool",
                                title="Clear the selection (Esc)", n_clicks=0),
                    html.Button("BED", id=ids.INSTANCE_BED, className="tool", n_clicks=0,
                                title="Download the places of the selected words as BED"),
                ],
                className="tools",
            ),
        ],
        className="card-head",
    )
    bars = figure_card(
        ids.PROMINENT_GRAPH, "Prominent motifs", ABOUT_PROMINENT, "motiflens-prominent-motifs",
        height="270px",
    )
    logos = figure_card(ids.LOGO_GRAPH, "Logos", ABOUT_LOGOS, "motiflens-logos", height="150px")
    return html.Div(
        [
            head, bars, logos,
            html.Div([html.H2("Places", className="card-title"), _mark(ABOUT_INSTANCES)],
                     className="card-name"),
            html.Div(instance_grid(data), id=ids.INSTANCE_BOX, className="places"),
            dcc.Download(id=ids.INSTANCE_DOWNLOAD),
        ],
        className="panel selection-panel",
    )


def _mark(text: str) -> Any:
    from vizapp.views.figure_card import help_mark

    return help_mark(text, "the table of places")
