"""Callbacks of saturation mutagenesis: part after part, each asked for by the browser.

The browser asks for the first bases, then for the next ones when those have come, so that a person
sees it grow and can stop it by no longer asking; the server keeps no job.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.what_if import read_span, read_state
from vizapp.callbacks.what_if_drawing import summed_unit
from vizapp.data import RunData
from vizapp.data.what_if import PART_BP
from vizapp.figures.what_if import mutagenesis_figure
from vizapp.loci import format_locus
from vizapp.what_if_state import WhatIf, WhatIfError

#: Longest stretch, bp.
MAX_BP = 200


def read_stretch(data: RunData, state: WhatIf, text: Any) -> tuple[int, int]:
    """A typed stretch that can be mutated.

    Raises
    ------
    RegionError, WhatIfError
        When it is none, too long, or not in the window.
    """
    start, end = read_span(data, state, text)
    if end - start > MAX_BP:
        raise WhatIfError(
            f"{end - start:,} bp cannot be mutated base by base, at most {MAX_BP} can; choose a "
            "shorter stretch"
        )
    if start < state.start or end > state.end:
        raise WhatIfError(
            "the stretch reaches beyond the window "
            f"{format_locus(state.chrom, state.start, state.end)}; choose one within it"
        )
    return start, end


def read_ask(data: RunData, raw: Any) -> tuple[WhatIf, tuple[int, int], int]:
    """What a browser asks for: the state, the stretch, and up to how many of its bases.

    Raises
    ------
    WhatIfError
        When it cannot be read.
    """
    problem = WhatIfError("the request could not be read; press the button again")
    if not isinstance(raw, dict) or set(raw) != {"state", "stretch", "upto"}:
        raise problem
    stretch, upto = raw["stretch"], raw["upto"]
    if not isinstance(stretch, list) or [type(v) for v in [*stretch, upto]] != [int, int, int]:
        raise problem
    if not 0 < stretch[1] - stretch[0] <= MAX_BP or not 0 < upto <= MAX_BP:
        raise problem
    return read_state(data, raw["state"]), (stretch[0], stretch[1]), upto


def draw_part(data: RunData, raw: Any) -> tuple[Any, dict[str, int], str]:
    """The figure as far as it is asked for, how far that is, and what is said of it."""
    state, stretch, upto = read_ask(data, raw)
    parts = data.what_if.mutations(state, stretch, upto)
    n = stretch[1] - stretch[0]
    bases = np.concatenate([part.bases for part in parts])
    fold = np.concatenate([part.log2_fold for part in parts], axis=1)
    change = np.concatenate([part.change for part in parts], axis=1)
    unit = str(data.what_if.track_about.get(state.track, {}).get("unit", "signal"))
    figure = mutagenesis_figure(
        stretch[0], bases, fold, change, n, summed_unit(unit), f"{data.assembly} {state.chrom}"
    )
    count = len(state.edits)
    edits = f", on top of {count} edit{'s' if count > 1 else ''}" if count else ""
    says = (
        f"{len(bases):,} of {n:,} bp, {int(np.isfinite(fold).sum()):,} substitutions{edits}, "
        f"effect on {format_locus(state.chrom, *state.target)}"
    )
    return figure, {"upto": upto, "of": n}, says


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks."""

    @app.callback(
        Output(ids.MUTATE_ASK, "data"), Output(ids.MUTATE_SAYS, "children"),
        Input(ids.MUTATE_START, "n_clicks"), Input(ids.MUTATE_STRETCH, "n_submit"),
        State(ids.MUTATE_STRETCH, "value"), State(ids.WHAT_IF_STORE, "data"),
        prevent_initial_call=True,
    )
    def begin(clicks: Any, submits: Any, text: Any, raw: Any) -> Any:
        if not raw or not (clicks or submits):
            return no_update, no_update
        try:
            state = read_state(data, raw)
            stretch = read_stretch(data, state, text)
        except MotiflensError as error:
            return no_update, str(error)
        return {"state": state.as_json(), "stretch": list(stretch), "upto": PART_BP}, "working"

    @app.callback(
        Output(ids.MUTATE_GRAPH, "figure"), Output(ids.MUTATE_DONE, "data"),
        Output(ids.MUTATE_SAYS, "children", allow_duplicate=True), Input(ids.MUTATE_ASK, "data"),
        prevent_initial_call=True,
    )
    def step(raw: Any) -> Any:
        if not raw:
            return no_update, no_update, no_update
        try:
            return draw_part(data, raw)
        except MotiflensError as error:
            return no_update, no_update, str(error)

    @app.callback(
        Output(ids.MUTATE_FILE, "data"), Output(ids.MUTATE_SAYS, "children", allow_duplicate=True),
        Input(ids.MUTATE_CSV, "n_clicks"), State(ids.MUTATE_STRETCH, "value"),
        State(ids.WHAT_IF_STORE, "data"), prevent_initial_call=True,
    )
    def save(clicks: Any, text: Any, raw: Any) -> Any:
        if not clicks or not raw:
            return no_update, no_update
        try:
            state = read_state(data, raw)
            rows = data.what_if.mutagenesis_csv(state, read_stretch(data, state, text))
        except MotiflensError as error:
            return no_update, str(error)
        return dcc.send_string("".join(rows), "motiflens-mutagenesis.csv"), no_update

    app.clientside_callback(
        ClientsideFunction(namespace="motiflensWhatIf", function_name="goOn"),
        Output(ids.MUTATE_STOP, "data-on"), Input(ids.MUTATE_DONE, "data"),
        Input(ids.MUTATE_STOP, "n_clicks"), Input(ids.MUTATE_ASK, "data"),
        prevent_initial_call=True,
    )
