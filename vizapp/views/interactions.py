"""Cards of the page Motif effects about pairs of motif clusters that are knocked out."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.views.figure_card import figure_card
from vizapp.views.table import data_table, number_column, written

ABOUT_MATRIX = (
    "Interaction is what taking out both clusters changes beyond the two single changes together: "
    "log2 change without both - without the first - without the second, mean over sites. 0: each "
    "acts alone. Above 0 (red): the loss of one already takes what both do, as where one needs the "
    "other. Below 0 (blue): one can stand in for the other. Changes are on the logarithmic scale "
    "because independent effects on accessibility multiply; the linear scale is in the table. A "
    "site is two occurrences (consecutive bins that hold the cluster) in one of the windows of the "
    "highest observed signal; taken out means occupancy 0; the target is the window's mean "
    "predicted signal. Dots: q below 0.05 (Wilcoxon signed-rank over sites, Benjamini-Hochberg). "
    "Colours end at the 97th percentile. Profiles that look alike share bins: see the overlap of "
    "the chosen pair. It tells of the model, not of the cell. In silico perturbation: Avsec et al. "
    "2021, doi:10.1038/s41588-021-00782-6."
)
ABOUT_DISTANCE = (
    "Each point is a site of the pair; orange are means of groups of equal size with 95 % "
    "bootstrap intervals. A network sees a limited number of bins: farther apart no output sees "
    "both occurrences, and their interaction is 0 by construction. A click goes to the site."
)


def interaction_cards(data: RunData) -> list[Any]:
    """The matrix of pairs, their table, and the chosen pair's distances and sites."""
    if not data.interactions.is_there:
        return [html.Section(
            [html.H2("Interaction of two clusters", className="card-title"),
             html.P("No pairs were knocked out in this run: run `python -m precompute run` with "
                    "its configuration, which makes the stage interactions, and start the app "
                    "again.", className="caption")],
            className="panel", **{"aria-label": "Interaction of two clusters"})]
    facts = data.facts["interactions"]
    title = f"Interaction by double knock-out, {facts['windows']:,} windows, {data.region_text}"
    return [
        dcc.Download(id=ids.INTERACTION_FILE),
        html.Section(
            [figure_card(ids.INTERACTION_GRAPH, title, ABOUT_MATRIX, "motiflens-interactions",
                         height="600px"),
             html.P(id=ids.INTERACTION_SAYS, className="caption", role="status")],
            className="panel", **{"aria-label": title},
        ),
        html.Section(
            [
                html.Div(
                    [html.H2("Pairs by interaction", className="card-title"),
                     html.Button("CSV", id=ids.INTERACTION_CSV, className="tool", n_clicks=0,
                                 title="All tested pairs")],
                    className="card-head",
                ),
                data_table(ids.INTERACTION_GRID, _pair_columns(), "no pair was tested",
                           height="270px", row_id="id"),
                figure_card(ids.DISTANCE_GRAPH, "The chosen pair by distance", ABOUT_DISTANCE,
                            "motiflens-interaction-distance", height="230px"),
                html.H2("Its sites (click to go there)", className="card-title"),
                data_table(ids.SITE_GRID, _site_columns(),
                           "choose a pair in the table or the matrix", height="220px",
                           row_id="id"),
                html.Button("Select the words with both on the map", id=ids.INTERACTION_MAP,
                            className="tool", n_clicks=0),
            ],
            className="panel effect-list", **{"aria-label": "Pairs by interaction"},
        ),
    ]


def _pair_columns() -> list[dict[str, Any]]:
    name = {"sortable": True, "flex": 1, "minWidth": 96}
    form = "+.2~g"
    interval = f"{written(form, 'params.data.low')} + ' to ' + {written(form, 'params.data.high')}"
    return [
        {"field": "first_label", "headerName": "First", "tooltipField": "first_label", **name},
        {"field": "second_label", "headerName": "Second", "tooltipField": "second_label", **name},
        number_column("interaction", "Interaction", "Mean, log2", "+.3~g", 84),
        {"field": "low", "headerName": "95 % interval", "width": 138, "type": "rightAligned",
         "sortable": True, "headerTooltip": "Bootstrap over sites; sorts by the lower end",
         "valueFormatter": {"function": interval}},
        {"field": "q", "headerName": "q", "width": 64, "type": "rightAligned", "sortable": True,
         "valueFormatter": {"function": "params.data.q_text"},
         "headerTooltip": "Benjamini-Hochberg over all tested pairs"},
        number_column("sites", "Sites", "Windows that were tested, one site in each", ",d", 56),
        number_column("linear", "Linear", "The same in the track's unit, not log2", "+.1e", 76),
    ]


def _site_columns() -> list[dict[str, Any]]:
    return [
        {"field": "place", "headerName": "Site", "flex": 1, "minWidth": 160},
        number_column("distance", "Apart (bp)", "Distance of the centres", ",.0f", 86),
        number_column("first", "First out", "log2 change without the first", "+.3~g", 80),
        number_column("second", "Second out", "log2 change without the second", "+.3~g", 88),
        number_column("both", "Both out", "log2 change without both", "+.3~g", 80),
        number_column("interaction", "Interaction", "log2", "+.3~g", 88),
    ]


