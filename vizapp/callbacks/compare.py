"""Callbacks that compare two selections."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from dash import Dash, Input, Output, State, ctx, dcc, no_update
from numpy.typing import NDArray

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_row, named_by
from vizapp.data import RunData
from vizapp.figures.volcano import volcano
from vizapp.saved import item_at, parse_saved
from vizapp.selection import parse_selection
from vizapp.theme import blank_figure
from vizapp.views.compare import CURRENT, REST, compare_choices


class Group(NamedTuple):
    """One side of a comparison: its name and its points, bool (n_points,)."""

    name: str
    members: NDArray[np.bool_]


class Comparison(NamedTuple):
    """Two groups, the points in both, and the table of motif clusters."""

    a: Group
    b: Group
    n_both: int
    table: pd.DataFrame


def _group(data: RunData, choice: Any, selection: Any, saved: Any) -> Group:
    if choice == CURRENT:
        chosen = parse_selection(selection)
        if chosen is None:
            raise MotiflensError(
                "nothing is selected: draw a lasso on the map, or choose a saved selection"
            )
        return Group("selection", data.explorer.members(chosen))
    kind, _, number = str(choice).partition(":")
    if kind != "saved" or not number.isdigit():
        raise MotiflensError("choose the two groups to compare from the lists")
    item = item_at(saved, int(number[:3]))
    return Group(item.name, data.explorer.members(item.selection))


def compare(data: RunData, first: Any, second: Any, selection: Any, saved: Any) -> Comparison:
    """The comparison of two choices.

    Raises
    ------
    MotiflensError
        When a choice is none, or the groups hold no tokens of their own.
    """
    a = _group(data, first, selection, saved)
    if second == REST:
        b = Group("all others", ~a.members)
    else:
        b = _group(data, second, selection, saved)
    return Comparison(a, b, int((a.members & b.members).sum()),
                      data.explorer.ranked.compare(a.members, b.members))


def comparison_says(found: Comparison) -> str:
    """Sizes of both groups and their overlap, in a sentence."""
    n_a, n_b = int(found.a.members.sum()), int(found.b.members.sum())
    n_significant = int((found.table["q_value"] < 0.05).sum())
    left_out = f"{found.n_both:,} in both, left out; " if found.n_both else ""
    return (
        f"{found.a.name}: {n_a:,} map points; {found.b.name}: {n_b:,}; {left_out}"
        f"{n_significant:,} of {len(found.table):,} motif clusters differ at q < 0.05"
    )


def comparison_rows(data: RunData, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table in the page, most significant first."""
    ordered = table.assign(far=-(table["auc"] - 0.5).abs()).sort_values(
        ["q_value", "far"], kind="stable").drop(columns="far")
    tfs = data.explorer.clusters["tfs"]
    return [
        {"cluster": int(i), "motif": data.explorer.cluster_labels[i],
         "tfs": ", ".join(tfs[i])[:300],
         **{k: float(f"{v:.6g}") for k, v in zip(table.columns, row, strict=True)}}
        for i, row in zip(ordered.index, ordered.itertuples(index=False), strict=True)
    ]


def comparison_csv(data: RunData, table: pd.DataFrame) -> str:
    """The whole table as CSV, in the order of motif clusters, with all digits."""
    out = table.copy()
    out.insert(0, "motif_cluster", data.explorer.cluster_labels)
    out.insert(1, "tfs", [", ".join(tfs) for tfs in data.explorer.clusters["tfs"]])
    return out.to_csv(index=False, lineterminator="\n")


def clicked_motif(data: RunData, click: Any, rows: Any) -> str | None:
    """Colour choice of a clicked motif; None when none was clicked."""
    number = first_row(rows).get("cluster") if rows else named_by(click)
    is_one = type(number) is int and 0 <= number < len(data.explorer.cluster_labels)
    return f"motif:{number}" if is_one else None


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the tab."""
    store = ids.saved_store(data.identity)
    chosen = (State(ids.SELECTION_STORE, "data"), State(store, "data"))

    @app.callback(
        Output(ids.COMPARE_A, "data"), Output(ids.COMPARE_B, "data"), Input(store, "data"),
    )
    def offer(saved: Any) -> Any:
        names = [item.name for item in parse_saved(saved)]
        return compare_choices(names, is_second=False), compare_choices(names, is_second=True)

    @app.callback(
        Output(ids.VOLCANO_GRAPH, "figure"), Output(ids.COMPARE_GRID, "rowData"),
        Output(ids.COMPARE_SAYS, "children"),
        Input(ids.PANEL_TABS, "value"), Input(ids.COMPARE_A, "value"),
        Input(ids.COMPARE_B, "value"), Input(ids.SELECTION_SHOWN_STORE, "data"),
        Input(store, "data"),
    )
    def draw(tab: Any, first: Any, second: Any, selection: Any, saved: Any) -> Any:
        if tab != "compare":
            return no_update, no_update, no_update
        try:
            found = compare(data, first, second, selection, saved)
        except MotiflensError as error:
            return blank_figure("nothing to compare yet"), [], str(error)
        names = (found.a.name, found.b.name)
        figure = volcano(found.table, data.explorer.cluster_labels, names)
        return figure, comparison_rows(data, found.table), comparison_says(found)

    @app.callback(
        Output(ids.COMPARE_FILE, "data"), Input(ids.COMPARE_CSV, "n_clicks"),
        State(ids.COMPARE_A, "value"), State(ids.COMPARE_B, "value"), *chosen,
        prevent_initial_call=True,
    )
    def save(clicks: Any, first: Any, second: Any, selection: Any, saved: Any) -> Any:
        found = compare(data, first, second, selection, saved)
        text = comparison_csv(data, found.table)
        return dcc.send_string(text, "motiflens-differential-motifs.csv")

    @app.callback(
        Output(ids.MAP_COLOR, "value", allow_duplicate=True),
        Input(ids.VOLCANO_GRAPH, "clickData"), Input(ids.COMPARE_GRID, "selectedRows"),
        prevent_initial_call=True,
    )
    def color(click: Any, rows: Any) -> Any:
        if ctx.triggered_id == ids.VOLCANO_GRAPH:
            rows = None
        return clicked_motif(data, click, rows) or no_update
