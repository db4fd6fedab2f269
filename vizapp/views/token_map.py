"""The token map: its card, tools and legend."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.explorer import QUALITY_LAYOUTS
from vizapp.figures.prominent import format_q
from vizapp.map_state import NOTHING_HIDDEN, Hidden
from vizapp.theme import community_color
from vizapp.views.figure_card import figure_card

ABOUT_MAP = (
    "Each point is one bin of the genome, a token: a vector of motif-cluster occupancy. Bins whose "
    "word is frequent enough are reduced by PCA, laid out by UMAP with cosine distance, and by "
    "FFT-accelerated t-SNE from there. Distances between far groups mean little. Rings: tokens in "
    "the genome window; faint rings: the same words elsewhere. Maps of more than 100,000 tokens "
    "are drawn as an image, which becomes points where fewer than 30,000 are in view. Hidden "
    "communities stay in selections. Source: the paper's token explorer."
)


def about_map(data: RunData) -> str:
    """What the map is, and how well each layout keeps neighbours."""
    facts = data.facts["embedding"]
    quality, k = facts["quality"], facts["quality_neighbors"]
    kept = ", ".join(
        f"{name} keeps {100 * quality[f'{layout}_preservation']:.3g} % (trustworthiness "
        f"{quality[f'{layout}_trustworthiness']:.3g})"
        for layout, name in QUALITY_LAYOUTS.items()
    )
    n_placed = facts["points"] - facts["fitted_points"]
    placed = (
        f" {n_placed:,} of the tokens were placed on the finished map by their nearest neighbours."
        if n_placed else ""
    )
    return (
        f"{ABOUT_MAP}{placed} Of a token's {k} nearest in the principal components, {kept}; colour "
        "the map by it to see where. Trustworthiness: 1 when none that is near on the map is far "
        "in the components (doi:10.1007/3-540-44668-0_68)."
    )


def chips(data: RunData, level: str, hidden: Hidden = NOTHING_HIDDEN) -> list[Any]:
    """Legend of a level, largest community first: the name selects, the eye hides and shows."""
    table = data.explorer.communities(level)
    letter, name = ("M", "Megacluster") if level == "mega" else ("S", "Subcluster")
    out = [_chip(row, level, letter, name, len(table), hidden) for row in table.itertuples()]
    n_hidden = len(hidden.mega) + len(hidden.sub)
    if n_hidden:
        out.insert(0, html.Button(
            f"show all ({n_hidden} hidden)", className="chip show-all", title="Hide nothing",
            **{"data-show-all": "1"},
        ))
    return out


def _chip(row: Any, level: str, letter: str, name: str, total: int, hidden: Hidden) -> Any:
    number = int(row.Index)
    inside = f" of megacluster {row.parent}" if level == "sub" else ""
    is_hidden = number in (hidden.mega if level == "mega" else hidden.sub)
    dot = html.Span(className="chip-dot", style={"background": community_color(number, total)})
    eye = html.Button(
        html.Span(className="eye"), className="chip-eye", role="switch",
        title=f"{'Show' if is_hidden else 'Hide'} {name.lower()} {number} on the map; with Shift "
        "show it alone",
        **{"data-level": level, "data-number": str(number),
           "aria-checked": "false" if is_hidden else "true",
           "aria-label": f"{name} {number} on the map"},
    )
    label = html.Button(
        [dot, f"{letter}{number} {row.label}"],
        id={"type": ids.LEGEND_CHIP, "level": level, "index": number},
        className="chip-name", n_clicks=0,
        title=f"{name} {number}{inside}: {row.n_points:,} points; named by its most "
        f"enriched motif cluster, {row.label}, {format_q(row.q_value)}. "
        "Click to select it.",
    )
    return html.Span([eye, label], className="chip is-hidden" if is_hidden else "chip")


def legend(data: RunData) -> Any:
    """The legend under the map; it follows the level that colours the map."""
    return html.Div(
        chips(data, "mega"), id=ids.MAP_LEGEND, className="legend", role="group",
        **{"aria-label": "Communities"},
    )


def _display(data: RunData) -> Any:
    """What is drawn besides the points, and how magnitudes and density become colour."""
    density = html.Div(
        [
            html.Span("Opacity by density", className="display-name"),
            dmc.SegmentedControl(
                id=ids.MAP_DENSITY, value="log", size="xs",
                data=[{"value": "log", "label": "log"}, {"value": "equal", "label": "equal steps"}],
            ),
        ],
        style={} if data.explorer.map.is_image else {"display": "none"},
    )
    scale = html.Div(
        [
            html.Span("Colour scale, percentiles", className="display-name"),
            dmc.RangeSlider(
                id=ids.MAP_SCALE, value=[0, 99.5], min=0, max=100, step=0.5, minRange=1, size="sm",
                marks=[{"value": v, "label": str(v)} for v in (0, 50, 100)], mb=28, color="pink",
            ),
            dmc.Switch(id=ids.MAP_LOG, label="logarithmic", size="xs", checked=False),
        ],
        id=ids.MAP_SCALE_BOX, style={"display": "none"},
    )
    shows = dmc.CheckboxGroup(
        html.Div(
            [dmc.Checkbox(label="density contours (25, 50, 75, 95 % of tokens)", value="contours",
                          size="xs"),
             dmc.Checkbox(label="names of megaclusters", value="labels", size="xs")],
            className="display-shows",
        ),
        id=ids.MAP_SHOWS, value=[],
    )
    return html.Details(
        [html.Summary("Display", className="tool", title="Contours, names, colour scale"),
         html.Div([shows, density, scale], className="display-panel")],
        className="display",
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


def map_title(data: RunData) -> str:
    """How many tokens of what the map shows."""
    n, candidates = data.explorer.n, data.explorer.n_candidates
    return f"Token map, {n:,} of {candidates:,} tokens on {data.region_text}"


def map_card(data: RunData, figure: dict[str, Any], says: str) -> Any:
    """The map with its switches and legend; ``says`` is how the points are drawn."""
    controls = html.Div(
        [
            dmc.SegmentedControl(
                id=ids.MAP_LAYOUT, value="tsne", size="xs",
                data=[{"value": "umap", "label": "UMAP"}, {"value": "tsne", "label": "t-SNE"},
                      {"value": "pca", "label": "PCA"}],
            ),
            dmc.Select(
                id=ids.MAP_COLOR, value="mega", data=data.explorer.color_options(), size="xs",
                searchable=True, allowDeselect=False, w=164, limit=200,
                nothingFoundMessage="no such motif cluster", maxDropdownHeight=340,
                **{"aria-label": "Colour the map by"},
            ),
            _tools(),
            _display(data),
        ],
        className="controls",
    )
    card = figure_card(
        ids.MAP_GRAPH, map_title(data), about_map(data), "motiflens-token-map",
        figure=figure, drawing=("drawclosedpath", "drawrect"),
    )
    status = html.P(says, id=ids.MAP_STATUS, className="map-status", role="status")
    stores = [dcc.Store(id=i) for i in (ids.MAP_VIEW, ids.MAP_HIDDEN, ids.MAP_POINTER,
                                        ids.MAP_FOUND)]
    tip = html.Div(id=ids.MAP_TIP, className="map-tip", role="tooltip")
    return html.Div(
        [card, controls, status, legend(data), tip, *stores], className="panel map-panel")
