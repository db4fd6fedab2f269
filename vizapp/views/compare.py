"""The tab that compares two selections."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.views.figure_card import figure_card
from vizapp.views.table import data_table

ABOUT_VOLCANO = (
    "Each point is a motif cluster. Effect: log2 of the ratio of its mean occupancy in the first "
    "group to that in the second, 0.001 added to both. Significance: q of a two-sided "
    "Mann-Whitney test on the occupancies of both groups' tokens, ranks and ties within the two, "
    "continuity corrected; Benjamini-Hochberg over all motif clusters. AUC: chance that a token of "
    "the first group exceeds one of the second, ties half. Tokens of a map are not independent "
    "draws (neighbours share words), so q ranks differences more than it proves them. Points in "
    "both groups count for neither. The dotted line is q 0.05. Click a motif to colour the map."
)

CURRENT, REST = "current", "rest"


def compare_choices(names: list[str], is_second: bool) -> list[dict[str, str]]:
    """What can be compared: the selection, saved ones, and all other points."""
    saved = [{"value": f"saved:{i}", "label": name} for i, name in enumerate(names)]
    first = [{"value": CURRENT, "label": "the current selection"}]
    return first + saved + ([{"value": REST, "label": "all other tokens"}] if is_second else [])


def _grid() -> Any:
    def number(field: str, name: str, hint: str, width: int = 84) -> dict[str, Any]:
        return {"field": field, "headerName": name, "width": width, "type": "rightAligned",
                "headerTooltip": hint, "valueFormatter": {
                    # A p-value below what a float64 holds well is only a bound.
                    "function": "params.value > 0 && params.value < 1e-290 ? '< 1e-290' :"
                    " Math.abs(params.value) >= 0.01 || params.value === 0"
                    " ? d3.format('.3~g')(params.value) : d3.format('.2~e')(params.value)"}}

    columns = [
        {"field": "motif", "headerName": "Motif cluster", "flex": 2, "minWidth": 130,
         "tooltipField": "tfs"},
        number("log2_ratio", "log2 ratio", "Mean occupancy, first over second, log2"),
        number("auc", "AUC", "Chance that a token of the first exceeds one of the second", 72),
        number("mean_a", "Mean, first", "Mean occupancy in the first group"),
        number("mean_b", "Mean, second", "Mean occupancy in the second group"),
        number("p_value", "p", "Mann-Whitney, two-sided"),
        number("q_value", "q", "Benjamini-Hochberg over all motif clusters"),
    ]
    return data_table(
        ids.COMPARE_GRID, columns, "choose two groups above", header_px=40, rowBuffer=5
    )


def compare_tab() -> Any:
    """Choice of two groups, the volcano, and the table behind it."""
    def choice(i: str, value: str, name: str, is_second: bool) -> Any:
        return dmc.Select(
            id=i, value=value, data=compare_choices([], is_second), size="xs", w=190,
            allowDeselect=False, **{"aria-label": name},
        )

    head = html.Div(
        [
            choice(ids.COMPARE_A, CURRENT, "First group", is_second=False),
            html.Span("against", className="row-name"),
            choice(ids.COMPARE_B, REST, "Second group", is_second=True),
            html.Button("Save CSV", id=ids.COMPARE_CSV, className="tool", n_clicks=0,
                        title="Download the whole table as CSV"),
        ],
        className="algebra-row",
    )
    card = figure_card(
        ids.VOLCANO_GRAPH, "Differential motifs", ABOUT_VOLCANO, "motiflens-differential-motifs",
        height="320px",
    )
    says = html.P(id=ids.COMPARE_SAYS, className="caption", role="status")
    table = html.Div(_grid(), className="places")
    return [head, says, card, table, dcc.Download(id=ids.COMPARE_FILE)]
