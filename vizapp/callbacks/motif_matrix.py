"""Callbacks of the page Motifs: what part of the matrix is seen, and which pair is looked at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_point
from vizapp.data import RunData
from vizapp.data.motif_matrix import MatrixError, MotifMatrix, fitted, read_cut, read_view
from vizapp.figures.motif_matrix import aligned_logos, matrix_figure
from vizapp.figures.prominent import motif_logos
from vizapp.selection import Motif, as_json
from vizapp.theme import blank_figure

_PAGE = "motifs"
_AROUND = 20


def draw(data: RunData, view: Any, cut: Any, found: Any = None) -> dict[str, Any]:
    """The figure of a view of the matrix.

    Raises
    ------
    MatrixError
        When the view, the cut or the feature is none of the run's.
    """
    matrix = data.matrix
    lo, hi = read_view(view, matrix.n)
    at = read_cut(cut)
    part = matrix.window(lo, hi)
    place = None if found in (None, "") else int(matrix.place[_feature(found, matrix)])
    return matrix_figure(
        lo, hi, part.edges, part.scores, matrix.squares(at), matrix.nodes, at,
        [matrix.names[i] for i in matrix.order[lo:hi]], matrix.squares(matrix.cut),
        None if place is None else (place, place),
    )


def _feature(raw: Any, matrix: MotifMatrix) -> int:
    if not isinstance(raw, str) or not raw.isdecimal() or len(raw) > 6 or int(raw) >= matrix.n:
        raise MatrixError("this run has no such motif feature; choose one from the list")
    return int(raw)


def new_view(data: RunData, trigger: str, relayout: Any, found: Any, now: Any) -> Any:
    """The view after a zoom, a search or 'all'; ``no_update`` for other events."""
    n = data.matrix.n
    if trigger == ids.MATRIX_ALL:
        return {"lo": 0, "hi": n}
    if trigger == ids.MATRIX_FIND:
        if found in (None, ""):
            return no_update
        at = int(data.matrix.place[_feature(found, data.matrix)])
        return _as_view(fitted(at - _AROUND, at + _AROUND, n))
    if not isinstance(relayout, dict):
        return no_update
    if relayout.get("xaxis.autorange") or relayout.get("yaxis.autorange"):
        return {"lo": 0, "hi": n}
    given = [relayout.get(f"{a}axis.range[{i}]") for a in "xy" for i in (0, 1)]
    ends = [v for v in given if isinstance(v, int | float) and math.isfinite(v) and abs(v) < 1e9]
    if len(ends) < 4:
        return no_update
    # The view is square: rows and columns are the same features.
    lo, hi = min(ends) + 0.5, max(ends) + 0.5
    view = fitted(lo, hi, n)
    return no_update if view == read_view(now, n) else _as_view(view)


def _as_view(window: tuple[int, int]) -> dict[str, int]:
    return {"lo": window[0], "hi": window[1]}


def pointed(data: RunData, event: Any, view: Any) -> tuple[int, int] | None:
    """Features of the strongest pair in the block under the pointer; None outside of the cells."""
    point = first_point(event)
    if point.get("curveNumber") != 0:
        return None
    lo, hi = read_view(view, data.matrix.n)
    edges = data.matrix.window(lo, hi).edges
    spans = []
    for name in ("y", "x"):
        value = point.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not lo - 1 < value < hi:
            return None
        block = int(np.clip(np.searchsorted(edges - 0.5, value, side="right") - 1, 0,
                            len(edges) - 2))
        spans.append((int(edges[block]), int(edges[block + 1])))
    row, column = data.matrix.strongest(spans[0], spans[1])
    i, j, _ = data.matrix.pair(row, column)
    return i, j


def describe(data: RunData, pair: tuple[int, int]) -> tuple[Any, dict[str, Any]]:
    """Both names, both scores and both logos of two features."""
    matrix, (i, j) = data.matrix, pair
    score = float(matrix.pair(int(matrix.place[i]), int(matrix.place[j]))[2])
    like = matrix.similarity(i, j)
    labels = data.explorer.cluster_labels
    clusters = [int(matrix.features["cluster"].iloc[k]) for k in (i, j)]
    rows = [
        ("Rows", matrix.names[i], f"motif cluster {clusters[0]}, {labels[clusters[0]]}"),
        ("Columns", matrix.names[j], f"motif cluster {clusters[1]}, {labels[clusters[1]]}"),
        ("IDS", f"{score:.3g}", "0 to 1, over bins"),
        ("Profile similarity", "–" if like is None else f"{like.r:.3g}",
         "CpG has no profile" if like is None else f"Pearson r over {like.overlap} bp"),
    ]
    text = html.Dl([x for name, value, note in rows for x in (
        html.Dt(name), html.Dd([html.Strong(value), html.Small(f" {note}")]))], className="terms")
    a, b = matrix.pfm(i), matrix.pfm(j)
    if a is not None and b is not None and like is not None:
        return text, aligned_logos((matrix.names[i], a), (matrix.names[j], b), like.offset)
    one = [(matrix.names[k], p) for k, p in ((i, a), (j, b)) if p is not None]
    return text, motif_logos(one) if one else blank_figure("CpG has no profile to draw")


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the page."""

    @app.callback(
        Output(ids.MATRIX_VIEW, "data"), Input(ids.MATRIX_GRAPH, "relayoutData"),
        Input(ids.MATRIX_FIND, "value"), Input(ids.MATRIX_ALL, "n_clicks"),
        State(ids.MATRIX_VIEW, "data"), prevent_initial_call=True,
    )
    def move(relayout: Any, found: Any, _: Any, now: Any) -> Any:
        return new_view(data, str(ctx.triggered_id), relayout, found, now)

    @app.callback(
        Output(ids.MATRIX_GRAPH, "figure"), Output(ids.MATRIX_SAYS, "children"),
        Input(ids.MATRIX_VIEW, "data"), Input(ids.MATRIX_CUT, "value"),
        State(ids.MATRIX_FIND, "value"),
    )
    def show(view: Any, cut: Any, found: Any) -> Any:
        at = read_cut(cut)
        own = " (the run's cut)" if abs(at - data.matrix.cut) < 1e-9 else ""
        says = f"{at:.2f}: {data.matrix.n_clusters(at):,} clusters{own}"
        return draw(data, view, cut, found), says

    @app.callback(
        Output(ids.MATRIX_PAIR, "children"), Output(ids.MATRIX_LOGOS, "figure"),
        Input(ids.MATRIX_GRAPH, "hoverData"), State(ids.MATRIX_VIEW, "data"),
        prevent_initial_call=True,
    )
    def look(event: Any, view: Any) -> Any:
        pair = pointed(data, event, view)
        return (no_update, no_update) if pair is None else describe(data, pair)

    @app.callback(
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input(ids.MATRIX_GRAPH, "clickData"), State(ids.MATRIX_VIEW, "data"),
        prevent_initial_call=True,
    )
    def choose(event: Any, view: Any) -> Any:
        pair = pointed(data, event, view)
        if pair is None:
            return no_update
        clusters = sorted({int(data.matrix.features["cluster"].iloc[k]) for k in pair})
        return as_json(Motif(kind="motif", clusters=clusters))

    @app.callback(
        Output(ids.PAGE, "value", allow_duplicate=True), Input(ids.MATRIX_MAP, "n_clicks"),
        prevent_initial_call=True,
    )
    def to_map(clicks: Any) -> Any:
        return "workspace" if clicks else no_update

    @app.callback(
        Output(ids.MATRIX_FILE, "data"), Input(ids.MATRIX_CSV, "n_clicks"),
        State(ids.MATRIX_CUT, "value"), prevent_initial_call=True,
    )
    def save(clicks: Any, cut: Any) -> Any:
        if not clicks:
            return no_update
        table = data.matrix.table(read_cut(cut))
        return dcc.send_string(table.to_csv(index=False), "motiflens-motif-order.csv")
