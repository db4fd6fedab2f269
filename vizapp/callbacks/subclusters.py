"""Callbacks of the subclusters' prominent motifs."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.clicked import named_by
from vizapp.data import RunData
from vizapp.data.subclusters import Subclusters, subclusters
from vizapp.figures.subclusters import figure_height, subcluster_dots
from vizapp.selection import combine
from vizapp.theme import blank_figure


def chosen_table(data: RunData, choice: Any) -> Subclusters:
    """The table of the chosen megacluster.

    Raises
    ------
    MotiflensError
        When it is none of the run's.
    """
    text = choice if isinstance(choice, str) else ""
    if not (text.isascii() and text.isdigit()) or len(text) > 5:
        raise MotiflensError("choose a megacluster from the list")
    return subclusters(data.explorer, int(text))


def table_says(table: Subclusters) -> str:
    """What the dots' sizes mean, in a sentence."""
    if not table.motifs:
        return "no motif cluster is enriched in any of its subclusters at q < 0.05"
    return (
        f"{len(table.subclusters)} subcluster{'s' if len(table.subclusters) > 1 else ''} x "
        f"{len(table.motifs)} motif clusters; the largest dot is "
        f"{100 * table.share.max():.0f} % of a subcluster's tokens"
    )


def clicked_subcluster(click: Any) -> int | None:
    """Subcluster of a clicked dot; None for anything else."""
    number = named_by(click)
    return number if type(number) is int else None


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the tab."""

    @app.callback(
        Output(ids.SUBCLUSTERS_GRAPH, "figure"), Output(ids.SUBCLUSTERS_GRAPH, "style"),
        Output(ids.SUBCLUSTERS_SAYS, "children"),
        Input(ids.PANEL_TABS, "value"), Input(ids.SUBCLUSTERS_OF, "value"),
    )
    def draw(tab: Any, choice: Any) -> Any:
        if tab != "subclusters":
            return no_update, no_update, no_update
        table = chosen_table(data, choice)
        style = {"height": f"{figure_height(len(table.subclusters))}px"}
        if not table.motifs:
            return blank_figure("nothing is enriched"), style, table_says(table)
        dots = subcluster_dots(table, data.explorer.cluster_labels)
        return dots, style, table_says(table)

    @app.callback(
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input(ids.SUBCLUSTERS_GRAPH, "clickData"), State(ids.SELECTION_STORE, "data"),
        State(ids.SELECTION_HOW_STORE, "data"), prevent_initial_call=True,
    )
    def select(click: Any, now: Any, how: Any) -> Any:
        number = clicked_subcluster(click)
        if number is None:
            return no_update
        return combine(now, {"kind": "community", "level": "sub", "id": number}, how)
