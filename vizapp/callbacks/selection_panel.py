"""Callbacks of the selection panel: what is selected, what it means, and where it is."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output, State, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.links import selected_words
from vizapp.data import RunData
from vizapp.figures.prominent import motif_logos, prominent_motifs, prominent_rows
from vizapp.selection import Word, parse_selection
from vizapp.theme import blank_figure
from vizapp.views.selection_panel import instance_grid, selection_title
from vizapp.views.selections import selection_phrase

_EMPTY = "nothing is selected:<br>draw a lasso on the map, click a megacluster or a token"


def describe_selection(data: RunData, raw: Any) -> tuple[str, str]:
    """How many words and places are selected, and where the selection comes from."""
    selection = parse_selection(raw)
    if selection is None:
        return "Selection: nothing yet", "draw a lasso on the map or click a megacluster"
    words = selected_words(data, selection)
    points = int(data.explorer.members(selection).sum())
    places = data.lexicon.count_places(words) if len(words) else 0
    source = selection_phrase(data, selection)
    plural = ("word" if len(words) == 1 else "words", "place" if places == 1 else "places")
    size = f"Selection: {len(words):,} {plural[0]} in {places:,} {plural[1]}"
    return size, f"({points:,} map points; {source})"


def build_panel(data: RunData, raw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Prominent motifs and logos of a selection."""
    selection = parse_selection(raw)
    if selection is None:
        return blank_figure(_EMPTY), blank_figure("logos appear with a selection")
    members = data.explorer.members(selection)
    if not members.any():
        text = "this word has no token on the map" if isinstance(selection, Word) else _EMPTY
        return blank_figure(text), blank_figure("no token on the map")
    if members.all():
        return blank_figure("everything is selected: select less to compare"), blank_figure("")
    table = data.explorer.ranked.enrich(members)
    top = prominent_rows(table, 3).index
    profiles = [data.explorer.clusters["representative"][c] for c in top]
    names = [data.explorer.cluster_labels[c] for c in top]
    pairs = zip(names, profiles, strict=True)
    logos = [(f"{n[:22]}, {p}", data.pfms[p]) for n, p in pairs if p in data.pfms]
    bars = prominent_motifs(table, data.explorer.cluster_labels)
    return bars, motif_logos(logos) if logos else blank_figure("no profile to draw (CpG has none)")


def panel(data: RunData, raw: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Title, prominent motifs and logos of a selection."""
    return selection_title(*describe_selection(data, raw)), *build_panel(data, raw)


def instance_rows(data: RunData, raw: Any, request: Any) -> dict[str, Any]:
    """One block of the table of places, sorted as asked."""
    words = selected_words(data, parse_selection(raw))
    first = request.get("startRow") if isinstance(request, dict) else None
    last = request.get("endRow") if isinstance(request, dict) else None
    if not isinstance(first, int) or not isinstance(last, int) or not 0 <= last - first <= 1000:
        raise MotiflensError("the table asked for rows that do not exist; select again")
    model = request.get("sortModel")
    chosen = model[0] if isinstance(model, list) and model else {}
    sort = chosen if isinstance(chosen, dict) else {}
    column = str(sort.get("colId", "locus")).replace("signal_", "signal:", 1)
    is_falling = sort.get("sort") == "desc"
    rows, n = data.lexicon.instances(words, max(0, first), last, column, is_falling)
    return {"rowData": rows, "rowCount": n}


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the panel."""

    @app.callback(
        Output(ids.SELECTION_SUMMARY, "children"), Output(ids.PROMINENT_GRAPH, "figure"),
        Output(ids.LOGO_GRAPH, "figure"), Output(ids.INSTANCE_BOX, "children"),
        Input(ids.SELECTION_SHOWN_STORE, "data"), prevent_initial_call=True,
    )
    def describe(selection: Any) -> Any:
        return *panel(data, selection), instance_grid(data)

    @app.callback(
        Output(ids.INSTANCE_GRID, "getRowsResponse"),
        Input(ids.INSTANCE_GRID, "getRowsRequest"), State(ids.SELECTION_STORE, "data"),
        prevent_initial_call=True,
    )
    def rows(request: Any, selection: Any) -> Any:
        return no_update if request is None else instance_rows(data, selection, request)
