"""The tab with the prominent motifs of a megacluster's subclusters."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.views.figure_card import figure_card

ABOUT_SUBCLUSTERS = (
    "Subclusters of a megacluster (number of map points) against the three motif clusters most "
    "enriched in each: smallest q, ties by AUC. Area of a dot: share of the subcluster's tokens "
    "whose word holds the motif cluster. Colour: log2 ratio of mean occupancy inside against all "
    "other tokens of the map; outlined where q is below 0.05 (Mann-Whitney, Benjamini-Hochberg "
    "over all motif clusters). Click a dot to select its subcluster. After figure 2b of the paper."
)


def subclusters_tab(data: RunData) -> list[Any]:
    """Choice of a megacluster, and the dots; the largest is shown first."""
    table = data.explorer.communities("mega")
    choice = dmc.Select(
        id=ids.SUBCLUSTERS_OF, value=str(table.index[0]), size="xs", w=300, allowDeselect=False,
        searchable=True,
        data=[{"value": str(row.Index), "label": f"M{row.Index} {row.label} ({row.n_points:,})"}
              for row in table.itertuples()],
        **{"aria-label": "Megacluster"},
    )
    card = figure_card(
        ids.SUBCLUSTERS_GRAPH, "Prominent motifs of the subclusters", ABOUT_SUBCLUSTERS,
        "motiflens-subclusters", height="300px", is_explored=False,
    )
    says = html.P(id=ids.SUBCLUSTERS_SAYS, className="caption", role="status")
    head = html.Div([html.Span("Megacluster", className="row-name"), choice],
                    className="algebra-row")
    return [head, says, card]
