"""The second place of the genome view: opened, closed, typed, and brought by a link."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx

from vizapp import component_ids as ids
from vizapp.callbacks.links import go_to
from vizapp.data import RunData
from vizapp.loci import format_locus
from vizapp.state import Region, parse_region


def second_place(
    data: RunData, trigger: str, text: Any, first: Any, second: Any
) -> Region | None:
    """The second place after an action; None when it is closed.

    Parameters
    ----------
    trigger : id of what was pressed
    text : what is typed into its box
    first, second : where the view is, and the second place, as their stores hold them

    Raises
    ------
    MotiflensError
        When what is typed leads nowhere, or a store holds no region.
    """
    if trigger in (ids.SECOND_INPUT, ids.SECOND_GO):
        return go_to(data, text)
    if trigger == ids.SECOND_CLOSE or second is not None:
        return None
    return parse_region(first, data.genome.chroms)


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the second place."""

    @app.callback(
        Output(ids.SECOND_STORE, "data"), Output(ids.NOTICE, "children", allow_duplicate=True),
        Input(ids.SECOND_BUTTON, "n_clicks"), Input(ids.SECOND_CLOSE, "n_clicks"),
        Input(ids.SECOND_GO, "n_clicks"), Input(ids.SECOND_INPUT, "n_submit"),
        State(ids.SECOND_INPUT, "value"), State(ids.REGION_STORE, "data"),
        State(ids.SECOND_STORE, "data"), prevent_initial_call=True,
    )
    def change(*values: Any) -> tuple[Any, Any]:
        new = second_place(data, str(ctx.triggered_id), *values[-3:])
        return (None if new is None else new._asdict()), None

    @app.callback(
        Output(ids.SECOND_INPUT, "value"), Input(ids.SECOND_STORE, "data"),
        prevent_initial_call=True,
    )
    def tell(raw: Any) -> str:
        return "" if raw is None else format_locus(*parse_region(raw, data.genome.chroms))

    app.clientside_callback(
        ClientsideFunction(namespace="motiflensGenome", function_name="showSecond"),
        Output(ids.SECOND_GRAPH, "data-asked"), Input(ids.SECOND_STORE, "data"),
        Input(ids.TRACKS_STORE, "data"), Input(ids.MARKS_STORE, "data"),
    )
