"""The token map: its card, tools and legend."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.figures.prominent import format_q
from vizapp.theme import community_color
from vizapp.views.figure_card import figure_card

ABOUT_MAP = (
    "Each point is one bin of the genome, a token: a vector of motif-cluster occupancy. Bins whose "
    "word is frequent enough are reduced by PCA, laid out by UMAP with cosine distance, and by "
    "FFT-accelerated t-SNE from there. Distances between far groups mean little. Rings: tokens in "
    "the genome window; faint rings: the same words elsewhere. Source: the paper's token explorer."
)


def chips(data: RunData, level: str) -> list[Any]:
    """Legend of a level, largest community first: a click selects all its points."""
    table = data.explorer.communities(level)
    letter, name = ("M", "Megacluster") if level == "mega" else ("S", "Subcluster")
    out = []
    for row in table.itertuples():
        number = int(row.Index)
        inside = f" of megacluster {row.parent}" if level == "sub" else ""
        dot = html.Span(
            className="chip-dot", style={"background": community_color(number, len(table))}
        )
        out.append(
            html.Button(
                [dot, f"{letter}{number} {row.label}"],
                id={"type": ids.LEGEND_CHIP, "level": level, "index": number},
                className="chip", n_clicks=0,
                title=f"{name} {number}{inside}: {row.n_points:,} points; named by its most "
                f"enriched motif cluster, {row.label}, {format_q(row.q_value)}. "
                "Click to select it.",
            )
        )
    return out


def legend(data: RunData) -> Any:
    """The legend under the map; it follows the level that colours the map."""
    return html.Div(
        chips(data, "mega"), id=ids.MAP_LEGEND, className="legend", role="group",
        **{"aria-label": "Communities"},
    )


def _tools() -> Any:
    tools = [
        (ids.MAP_LASSO, "Lasso", "drawclosedpath", "Draw around tokens to select them (key l)"),
        (ids.MAP_BOX, "Box", "drawrect", "Drag a box to select tokens"),
        (ids.MAP_PAN, "Pan", "pan", "Drag to move the map"),
        (ids.MAP_ZOOM, "Zoom", "zoom", "Drag a box to zoom into"),
        (ids.MAP_RESET, "Reset", "reset", "Show the whole map again"),
    ]
    return html.Div(
        [
            html.Button(
                label, id=i, title=hint,
                className="tool is-on" if i == ids.MAP_LASSO else "tool",
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
                id=ids.MAP_LAYOUT, value="tsne", size="xs",
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
    card = figure_card(
        ids.MAP_GRAPH, title, ABOUT_MAP, "motiflens-token-map",
        drawing=("drawclosedpath", "drawrect"),
    )
    return html.Div([card, controls, legend(data)], className="panel map-panel")
