"""What is selected, and where we are: the two stores that link the views."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from numpy.typing import NDArray

from precompute.errors import RegionError
from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.loci import MAX_TEXT, format_locus, is_locus_like, parse_locus, split_padding
from vizapp.selection import AnySelection, StateError, Word, as_json, parse_selection
from vizapp.selection_text import from_text
from vizapp.state import (
    Region,
    around,
    clamp,
    parse_region,
)

_INSTANCE_BP = 2_000
_MOST_STEPS = 100


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


def window_around(row: Any, now: Region, data: RunData) -> Region | None:
    """The window around a place of a table, as wide as now if that shows it; None for no place."""
    if not isinstance(row, dict) or not {"chrom", "start", "end"} <= set(row):
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


def _stepped(now: Region, raw: dict[str, Any], data: RunData) -> Region:
    """Several steps; where the last ones lead nowhere, as many as there are."""
    times, forward = raw.get("times", 1), raw.get("forward") is True
    if type(times) is not int or not 1 <= times <= _MOST_STEPS:
        raise RegionError(f"{times!r:.20} steps at a time are impossible: take 1 to {_MOST_STEPS}")
    there = _step(now, raw["step"], forward, raw.get("selection"), data)
    for _ in range(times - 1):
        try:
            there = _step(there, raw["step"], forward, raw.get("selection"), data)
        except RegionError:
            break
    return there


def led_to(data: RunData, place: Any, now: Any) -> Region:
    """Where a request of the genome view leads from where it is.

    Parameters
    ----------
    place : a text as it was typed; ``around`` a place of a table; or ``step``, the kind of what
        next and previous go to, with ``forward``, how many ``times``, and the ``selection``
    now : the window, as its store holds it

    Raises
    ------
    MotiflensError
        When it is none of these, or leads nowhere.
    """
    if not isinstance(place, dict):
        return go_to(data, place)
    here = parse_region(now, data.genome.chroms)
    if "step" in place:
        return _stepped(here, place, data)
    there = window_around(place.get("around"), here, data)
    if there is None:
        raise RegionError("the place could not be read; choose it again")
    return there


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks that write the two stores. Steps and the places of tables are asked
    for by the genome view itself, with their tracks."""

    @app.callback(
        Output(ids.REGION_STORE, "data"), Output(ids.NOTICE, "children"),
        Input(ids.REGION_GO, "n_clicks"), Input(ids.REGION_INPUT, "n_submit"),
        State(ids.REGION_INPUT, "value"), State(ids.REGION_STORE, "data"),
        prevent_initial_call=True,
    )
    def go(_clicks: Any, _submits: Any, text: Any, now: Any) -> tuple[Any, Any]:
        new = go_to(data, text)._asdict()
        return (no_update, no_update) if new == now else (new, None)

    app.clientside_callback(
        ClientsideFunction(namespace="motiflensGenome", function_name="step"),
        Output(ids.STEP_NEXT, "data-asked"),
        Input(ids.STEP_PREVIOUS, "n_clicks"), Input(ids.STEP_NEXT, "n_clicks"),
        State(ids.STEP_KIND, "value"), State(ids.SELECTION_STORE, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(namespace="motiflensGenome", function_name="around"),
        Output(ids.INSTANCE_BOX, "data-asked"), Input(ids.INSTANCE_GRID, "selectedRows"),
        prevent_initial_call=True,
    )
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
