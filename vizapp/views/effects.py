"""The page Motif effects: motif clusters ranked by what they add, and pairs of them."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.views.figure_card import figure_card, help_mark
from vizapp.views.interactions import interaction_cards
from vizapp.views.table import data_table, number_column, written

ABOUT_PLANE = (
    "Each point is a motif cluster: in how many bins any of it occurs, and its mean DeepLIFT "
    "contribution there to the token model's prediction (its attribution, against the stored "
    "baseline): mean size upwards, orange where the mean is above 0, blue below. Low and far right "
    "is common but inert; high and far left is rare but decisive. Contributions tell of the model, "
    "not of the cell. A click selects a cluster."
)
ABOUT_PAIR = (
    "Bins whose word holds both motif clusters, against what chance gives when each falls on bins "
    "independently: bins of the first x bins of the second / all bins. A pair whose profiles look "
    "alike meets often for that reason alone: see both scores on the page Motifs."
)


def empty_page() -> Any:
    """What to do where the contributions were not summed."""
    return html.Div(
        [
            html.H2("No summed contributions in this run", className="card-title"),
            html.P("Run `python -m precompute run` with the run's configuration: the stage "
                   "effects makes what this page shows. Then start the app again.",
                   className="caption"),
        ],
        className="panel",
    )


def effects_page(data: RunData) -> list[Any]:
    """The plane, the ranking, and the meeting of two clusters."""
    if not data.effects.is_there:
        return [empty_page()]
    labels = [{"value": str(i), "label": f"{label} (cluster {i})"}
              for i, label in enumerate(data.explorer.cluster_labels)]
    mean = f"{written('.3~g', 'params.data.mean_low')} + ' to ' + " \
           f"{written('.3~g', 'params.data.mean_high')}"
    columns: list[dict[str, Any]] = [
        {"field": "label", "headerName": "Motif cluster (click to select)", "flex": 1,
         "minWidth": 130, "tooltipField": "label"},
        number_column("bins", "Bins", "Bins that hold any of the cluster", ",d", 72),
        number_column("mean", "Mean", "Mean contribution where it is", ".3~g", 74),
        number_column("mean_low", "95 % interval", "Of the mean: jackknife over equal stretches "
                      "of the run; sorts by the lower end", width=132)
        | {"valueFormatter": {"function": mean}},
        number_column("mean_abs", "Mean size", "Mean absolute contribution where it is", ".3~g",
                      82),
        number_column("same_sign", "Same sign", "Share of its bins in which the contribution has "
                      "the sign of the mean", ".0%", 76),
        number_column("total", "Sum", "Sum over the run", ".3~g", 70),
    ]
    pick: dict[str, Any] = {"searchable": True, "size": "xs", "w": 240, "limit": 60,
                            "nothingFoundMessage": "no such motif cluster", "clearable": True}
    return [
        html.Section(
            [figure_card(ids.EFFECT_GRAPH, f"Frequency and contribution, {data.region_text}",
                         ABOUT_PLANE, "motiflens-motif-effects", height="520px"),
             html.P(id=ids.EFFECT_SAYS, className="caption", role="status")],
            className="panel", **{"aria-label": "Frequency and contribution"},
        ),
        html.Section(
            [
                html.H2("Motif clusters by contribution", className="card-title"),
                data_table(ids.EFFECT_GRID, columns, "no motif cluster holds a contribution",
                           height="380px", header_px=40),
                html.Button("Show the selection on the map", id=ids.EFFECT_MAP, className="tool",
                            n_clicks=0),
                html.Div([html.H2("Two clusters in one word", className="card-title"),
                          help_mark(ABOUT_PAIR, "the meeting of two clusters")],
                         className="card-name"),
                html.Div(
                    [dmc.Select(id=ids.EFFECT_FIRST, data=labels, placeholder="first cluster",
                                **{"aria-label": "First motif cluster"}, **pick),
                     dmc.Select(id=ids.EFFECT_SECOND, data=labels, placeholder="second cluster",
                                **{"aria-label": "Second motif cluster"}, **pick)],
                    className="controls",
                ),
                html.Div("choose two motif clusters", id=ids.EFFECT_PAIR, role="status"),
            ],
            className="panel effect-list", **{"aria-label": "Motif clusters by contribution"},
        ),
        *interaction_cards(data),
    ]
