"""Callbacks of the list of windows like the one that is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.window_neighbors import NeighborError, Neighbors
from vizapp.loci import format_locus
from vizapp.state import Region, parse_region


def rows_of(data: RunData, found: Neighbors) -> list[dict[str, Any]]:
    """Rows of the list, the most similar first."""
    labels = data.explorer.cluster_labels
    return [
        {"id": str(number), **alike.region._asdict(), "place": format_locus(*alike.region),
         "similarity": alike.similarity, "shared": ", ".join(labels[c] for c in alike.shared),
         **{f"signal_{track}": _mean(data, alike.region, track) for track in data.genome.tracks}}
        for number, alike in enumerate(found.found)
    ]


def _mean(data: RunData, region: Region, track: str) -> float | None:
    values = data.genome.observed(region, track).values
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def says(data: RunData, found: Neighbors) -> str:
    """What was compared, and how similar windows are otherwise."""
    labels = data.explorer.cluster_labels
    own = ", ".join(labels[c] for c in found.own)
    return (f"Windows like {format_locus(*found.region)} ({own}). Over all {found.n_windows:,} "
            f"windows the median similarity is {found.median:.3f}, the 99th percentile "
            f"{found.percentile_99:.3f}.")


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks; without an index there are none."""
    if not data.window_neighbors.is_there:
        return

    @app.callback(
        Output(ids.ALIKE_GRID, "rowData"), Output(ids.ALIKE_SAYS, "children"),
        Output(ids.ALIKE_BOX, "style"), Input(ids.ALIKE_FIND, "n_clicks"),
        State(ids.REGION_STORE, "data"), prevent_initial_call=True,
    )
    def find(clicks: Any, raw: Any) -> Any:
        if not clicks:
            return no_update, no_update, no_update
        region = parse_region(raw, data.genome.chroms)
        try:
            found = data.window_neighbors.find(region)
        except NeighborError as error:
            return [], str(error), {"display": "none"}
        return rows_of(data, found), says(data, found), {}

    app.clientside_callback(
        ClientsideFunction(namespace="motiflensGenome", function_name="visit"),
        Output(ids.ALIKE_BOX, "data-asked"), Input(ids.ALIKE_GRID, "selectedRows"),
        prevent_initial_call=True,
    )
