"""The selection panel: what is selected, what it means, and where it is."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.views.figure_card import figure_card, help_mark, later
from vizapp.views.saved_selections import saved_row
from vizapp.views.selections import algebra_row
from vizapp.views.table import data_table

ABOUT_PROMINENT = (
    "Motif clusters whose occupancy inside the selection differs most from all other tokens of the "
    "map: the most significant of the higher (blue), and of the lower (vermilion). "
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


def instance_grid(data: RunData) -> Any:
    """The table of places; made anew for each selection, so that no old rows stay."""
    columns = [
        {"field": "locus", "headerName": "Locus", "width": 168, "sortable": True},
        {"field": "motifs", "headerName": "Motifs (strand)", "flex": 3, "minWidth": 96,
         "sortable": False, "tooltipField": "motifs"},
        {"field": "word", "headerName": "Word", "flex": 2, "minWidth": 72, "sortable": False,
         "tooltipField": "word"},
        {"field": "frequency", "headerName": "Word frequency", "width": 80, "sortable": True,
         "type": "rightAligned", "headerTooltip": "Bins of the run with this word"},
    ]
    columns += [
        {"field": f"signal_{track}", "headerName": about["short_label"], "width": 84,
         "sortable": True, "type": "rightAligned",
         "headerTooltip": f"{about['label']}; mean over the bin, {about['unit']}"}
        for track, about in data.explorer.tracks.items()
    ]
    return data_table(
        ids.INSTANCE_GRID, columns, "no place holds a selected word", header_px=46,
        is_paged=True, cacheBlockSize=100,
    )


def selection_title(size: str, source: str) -> list[Any]:
    """Size of the selection, and below it where it comes from."""
    return [html.H2(size, className="summary-size"),
            html.Span(source, className="summary-source", title=source)]


def _export_menu() -> Any:
    items = {
        "places.bed": "Places, BED", "places.csv": "Places with words and signal, CSV",
        "points.csv": "Map points with coordinates, CSV",
    }
    return dmc.Menu(
        [
            dmc.MenuTarget(html.Button("Export", id=ids.EXPORT_MENU, className="tool",
                                       title="Download the selection as BED or CSV")),
            dmc.MenuDropdown([
                dmc.MenuItem(label, id=ids.export_item(name), n_clicks=0)
                for name, label in items.items()
            ]),
        ],
        position="bottom-end", shadow="md", keepMounted=True,
    )


def selection_card(
    data: RunData, title: Any, prominent: dict[str, Any], logo: dict[str, Any]
) -> Any:
    """What is selected: size, prominent motifs, logos, places."""
    head = html.Div(
        [
            html.Div(title, id=ids.SELECTION_SUMMARY, className="summary", role="status"),
            html.Div(
                [
                    html.Button("Clear", id=ids.SELECTION_CLEAR, className="tool",
                                title="Clear the selection (Esc)", n_clicks=0),
                    _export_menu(),
                ],
                className="tools fixed",
            ),
        ],
        className="card-head",
    )
    bars = figure_card(
        ids.PROMINENT_GRAPH, "Prominent motifs", ABOUT_PROMINENT, "motiflens-prominent-motifs",
        height="270px", is_explored=False, figure=prominent,
    )
    logos = figure_card(
        ids.LOGO_GRAPH, "Logos of the top motifs", ABOUT_LOGOS, "motiflens-logos", height="150px",
        is_explored=False, has_numbers=False, figure=logo,
    )
    places = [
        html.Div(
            [html.H2("Places", className="card-title"),
             help_mark(ABOUT_INSTANCES, "the table of places")],
            className="card-name",
        ),
        html.Div(instance_grid(data), id=ids.INSTANCE_BOX, className="places"),
    ]
    tabs = {
        "motifs": ("Motifs and places", [bars, logos, *places]),
        "compare": ("Compare", later("compare")),
        "subclusters": ("Subclusters", later("subclusters")),
    }
    return html.Div(
        [
            head, algebra_row(), saved_row(),
            dmc.Tabs(
                [
                    dmc.TabsList([dmc.TabsTab(name, value=v) for v, (name, _) in tabs.items()]),
                    *(dmc.TabsPanel(html.Div(body, className="panel-tab"), value=v, pt=6)
                      for v, (_, body) in tabs.items()),
                ],
                id=ids.PANEL_TABS, value="motifs", keepMounted=True, color="pink",
                className="panel-tabs",
            ),
        ],
        className="panel selection-panel",
    )
