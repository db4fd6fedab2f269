"""What is selected, and where we are: the two stores that link the views."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from numpy.typing import NDArray

from precompute.errors import RegionError
from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_row
from vizapp.data import RunData
from vizapp.loci import MAX_TEXT, format_locus, is_locus_like, parse_locus, split_padding
from vizapp.selection import AnySelection, StateError, Word, as_json, parse_selection
from vizapp.selection_text import from_text
from vizapp.state import (
    Region,
    around,
    clamp,
    moved,
    parse_region,
    zoomed,
)

_INSTANCE_BP = 2_000


def opening_selection(data: RunData, region: Region) -> dict[str, Any]:
    """The megacluster of the token in the middle of the window, or the largest."""
    middle = (region.start + region.end) // 2
    steps, _ = data.genome.strip(Region(region.chrom, middle, middle + 1))
    number = int(steps.values[0]) if len(steps.values) else 0
    return {"kind": "community", "level": "mega", "id": max(0, number)}


def selected_words(data: RunData, selection: AnySelection | None) -> NDArray:
    """Words of a selection's points, rising; int64 (n_words,). A word alone is itself.

    Raises
    ------
    StateError
        When it names what the run has not.
    """
    if selection is None:
        return np.empty(0, dtype=np.int64)
    if isinstance(selection, Word):
        if selection.word >= len(data.lexicon.frequency):
            raise StateError(f"this run has no word {selection.word}; select again")
        return np.array([selection.word])
    members = data.explorer.members(selection)
    return np.unique(data.explorer.points["word"].to_numpy()[members])


def go_to(data: RunData, text: Any) -> Region:
    """Where a typed text leads: a locus, or a gene.

    Raises
    ------
    RegionError
        When it is neither, with the reason and a suggestion.
    """
    text = str(text or "").strip()
    name, padding = split_padding(text[:MAX_TEXT])
    if name and not is_locus_like(name, data.genome.lengths):
        return data.genome.find_gene(name, padding)
    locus = parse_locus(text, data.genome.lengths, data.genome.bands)
    low, high = data.genome.chroms[locus.chrom]
    if locus.convention == "whole chromosome" and not locus.padding_bp:
        return Region(locus.chrom, low, high)
    if locus.start >= high or locus.end <= low:
        raise RegionError(
            f"{format_locus(locus.chrom, locus.start, locus.end)} lies outside what this run "
            f"covers, {format_locus(locus.chrom, low, high)}: choose a place in it"
        )
    if locus.end - locus.start == 1:
        return around(locus.chrom, locus.start, locus.end, 200, data.genome.chroms)
    start, end = max(locus.start, low), min(locus.end, high)
    return clamp(Region(locus.chrom, start, end), data.genome.chroms)


def _dragged(relayout: Any, now: Region, data: RunData) -> Region | None:
    """The region after a drag or wheel on the axis; None for other events."""
    if not isinstance(relayout, dict):
        return None
    first, last = relayout.get("xaxis.range[0]"), relayout.get("xaxis.range[1]")
    if not isinstance(first, int | float) or not isinstance(last, int | float):
        return None
    if not math.isfinite(first) or not math.isfinite(last):
        return None
    low, high = data.genome.chroms[now.chrom]
    start, end = (round(min(max(v, low - 1e9), high + 1e9)) for v in (first, last))
    if end <= start or (start, end) == (now.start, now.end):
        return None
    return clamp(Region(now.chrom, start, end), data.genome.chroms)


def window_around(grid_row: Any, now: Region, data: RunData) -> Region | None:
    """The window around a clicked row of the table of places."""
    row = first_row(grid_row)
    if not {"chrom", "start", "end"} <= set(row):
        return None
    place = parse_region({k: row[k] for k in ("chrom", "start", "end")}, data.genome.chroms)
    width = now.width if 500 <= now.width <= 20_000 else _INSTANCE_BP
    return around(place.chrom, int(row["start"]), int(row["end"]), width, data.genome.chroms)


def _step(now: Region, kind: Any, forward: bool, selection: Any, data: RunData) -> Region:
    if str(kind).startswith(("motif:", "cluster:")):
        features, what = data.motif_hits.chosen(str(kind), data.genome.cluster_labels)
        return data.motif_hits.step(now, features, what, forward)
    if kind != "selection":
        return data.genome.step(now, str(kind), forward)
    return step_to(now, selected_words(data, parse_selection(selection)), forward, data)


def step_to(now: Region, words: NDArray[np.integer], forward: bool, data: RunData) -> Region:
    """The next or previous place of one of some words, window width kept.

    Raises
    ------
    RegionError
        When there is none in that direction on the chromosome.
    """
    places = data.lexicon.places(words)
    here = places.bin[places.chrom == data.lexicon.chroms.index(now.chrom)]
    edges = data.tokens.edges(now.chrom)
    centre = (edges[here] + edges[here + 1]) // 2
    middle = (now.start + now.end) // 2
    beyond = centre[centre > middle + 1] if forward else centre[centre < middle - 1]
    if len(beyond) == 0:
        side = "after" if forward else "before"
        raise RegionError(
            f"there is no further place of these words {side} this window on {now.chrom}; "
            "step the other way"
        )
    target = int(beyond.min() if forward else beyond.max())
    return around(now.chrom, target, target + 1, now.width, data.genome.chroms)


def region_of_link(data: RunData, text: str) -> tuple[Any]:
    """The window of a link, as its store holds it."""
    return (go_to(data, text)._asdict(),)


def selection_of_link(data: RunData, text: str) -> tuple[Any]:
    """The selection of a link, as its store holds it.

    Raises
    ------
    MotiflensError
        When it could not be read, or names what this run has not.
    """
    found = from_text(text)
    selected_words(data, found)
    return (as_json(found),)


def navigate(
    trigger: str, now: Region, data: RunData, text: Any, kind: Any, relayout: Any, row: Any,
    selection: Any,
) -> Region | None:
    """The new region after an action; None when nothing changes."""
    chroms = data.genome.chroms
    if trigger in (ids.REGION_GO, ids.REGION_INPUT):
        return go_to(data, text)
    if trigger in (ids.GENOME_GRAPH, ids.DRAG_STORE):
        return _dragged(relayout, now, data)
    if trigger == ids.INSTANCE_GRID:
        return window_around(row, now, data)
    moves = {
        ids.PAN_LEFT: lambda: moved(now, -0.5, chroms),
        ids.PAN_RIGHT: lambda: moved(now, 0.5, chroms),
        ids.ZOOM_IN: lambda: zoomed(now, 0.5, chroms),
        ids.ZOOM_OUT: lambda: zoomed(now, 2.0, chroms),
        ids.STEP_PREVIOUS: lambda: _step(now, kind, False, selection, data),
        ids.STEP_NEXT: lambda: _step(now, kind, True, selection, data),
    }
    return moves[trigger]() if trigger in moves else None


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks that write the two stores."""

    @app.callback(
        Output(ids.REGION_STORE, "data"), Output(ids.NOTICE, "children"),
        Input(ids.REGION_GO, "n_clicks"), Input(ids.REGION_INPUT, "n_submit"),
        Input(ids.PAN_LEFT, "n_clicks"), Input(ids.PAN_RIGHT, "n_clicks"),
        Input(ids.ZOOM_IN, "n_clicks"), Input(ids.ZOOM_OUT, "n_clicks"),
        Input(ids.STEP_PREVIOUS, "n_clicks"), Input(ids.STEP_NEXT, "n_clicks"),
        Input(ids.DRAG_STORE, "data"), Input(ids.INSTANCE_GRID, "selectedRows"),
        State(ids.REGION_INPUT, "value"), State(ids.STEP_KIND, "value"),
        State(ids.REGION_STORE, "data"), State(ids.SELECTION_STORE, "data"),
        prevent_initial_call=True,
    )
    def move(*values: Any) -> tuple[Any, Any]:
        relayout, row, text, kind, region, selection = values[-6:]
        now = parse_region(region, data.genome.chroms)
        new = navigate(str(ctx.triggered_id), now, data, text, kind, relayout, row, selection)
        if new is None or new == now:
            return no_update, no_update
        return new._asdict(), None

    app.clientside_callback(
        ClientsideFunction(namespace="motiflens", function_name="outline"),
        Output(ids.LASSO_STORE, "data"), Input(ids.MAP_GRAPH, "relayoutData"),
        State(ids.MAP_LAYOUT, "value"), prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(namespace="motiflens", function_name="writeUrl"),
        Output("app", "data-region"), Input(ids.REGION_STORE, "data"),
        Input(ids.SELECTION_LINK_STORE, "data"), Input(ids.PAGE, "value"),
        Input(ids.MAP_LAYOUT, "value"), Input(ids.MAP_COLOR, "value"),
        Input(ids.TRACKS_STORE, "data"), Input(ids.MARKS_STORE, "data"),
        Input(ids.SECOND_STORE, "data"),
    )
