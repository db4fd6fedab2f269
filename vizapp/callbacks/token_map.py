"""Callbacks of the token map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from dash import Dash, Input, Output, Patch, ctx
from numpy.typing import NDArray

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.figures.arrays import packed
from vizapp.figures.token_map import (
    FRONT_TRACE,
    POINTS_TRACE,
    SELECTED_TRACE,
    SHARED_TRACE,
    WINDOW_TRACE,
    Hover,
    axis_names,
    front,
    marker,
    outline,
    overlay,
    token_map,
)
from vizapp.state import LAYOUTS, Lasso, Region, parse_region, parse_selection
from vizapp.views.token_map import chips


def overlay_points(data: RunData, region: Region, selection: Any) -> dict[int, NDArray]:
    """Points of the three overlays of the map."""
    explorer, lexicon = data.explorer, data.lexicon
    window = explorer.in_window(*region)
    # Wide windows hold nearly every word: then only the tokens themselves are ringed.
    shared = np.empty(0, dtype=np.int64)
    if region.width <= 100_000:
        words = lexicon.words_of(region.chrom, *data.genome.bins(region))
        shared = np.setdiff1d(explorer.with_words(np.unique(words)), window)
    chosen = parse_selection(selection)
    members = np.flatnonzero(explorer.members(chosen)) if chosen else np.empty(0, dtype=np.int64)
    return {SHARED_TRACE: shared, WINDOW_TRACE: window, SELECTED_TRACE: members}


def map_hover(data: RunData) -> Hover:
    """Locus, word, frequency and megacluster of every point."""
    points, labels = data.explorer.points, data.lexicon.labels
    columns = (points["start"] + 1, points["end"], points["frequency"], data.explorer.mega)
    numbers = np.stack([np.asarray(column) for column in columns], axis=1).astype(np.int32)
    words = [str(labels[w])[:40] for w in points["word"]]
    span, rest = "%{customdata[0]:,}-%{customdata[1]:,}", (
        "<br>in %{customdata[2]:,} bins, megacluster M%{customdata[3]}<extra></extra>"
    )
    chroms = points["chrom"].unique()
    if len(chroms) == 1:
        return Hover(numbers, words, f"{chroms[0]}:{span}<br>%{{text}}{rest}")
    texts = [f"{chrom}<br>{word}" for chrom, word in zip(points["chrom"], words, strict=True)]
    return Hover(numbers, texts, f"{span} on %{{text}}{rest}")


def _positions(data: RunData, layout: Any) -> NDArray:
    if layout not in LAYOUTS:
        raise MotiflensError("choose UMAP, t-SNE or PCA for the map")
    return data.explorer.layouts[layout]


def _drawn(layout: Any, selection: Any) -> Sequence[tuple[float, float]]:
    """Outline of a selection that was drawn on this layout."""
    chosen = parse_selection(selection)
    return chosen.polygon if isinstance(chosen, Lasso) and chosen.layout == layout else ()


def build_map(
    data: RunData, hover: Hover, layout: Any, color: Any, region: Region, selection: Any
) -> dict[str, Any]:
    """The whole map figure for a layout and a colour choice."""
    xy, by = _positions(data, layout), data.explorer.color_by(str(color))
    points = overlay_points(data, region, selection)
    drawn = _drawn(layout, selection)
    return token_map(xy, layout, by, hover, points, data.explorer.explained, drawn)


def patch_map(
    data: RunData, changed: set[str], layout: Any, color: Any, region: Region, selection: Any
) -> Patch:
    """Only what changed: the texts of the points, the bulk of the figure, are never sent again."""
    xy, by = _positions(data, layout), data.explorer.color_by(str(color))
    points = overlay_points(data, region, selection)
    patch = Patch()
    drawn = patch["data"][POINTS_TRACE]
    wanted = {SELECTED_TRACE} if ids.SELECTION_STORE in changed else set()
    if ids.REGION_STORE in changed:
        wanted |= {SHARED_TRACE, WINDOW_TRACE}
    if ids.MAP_LAYOUT in changed:
        wanted |= {SHARED_TRACE, WINDOW_TRACE, SELECTED_TRACE}
        drawn["x"], drawn["y"] = packed(xy[:, 0], "float32"), packed(xy[:, 1], "float32")
        for name, title in zip("xy", axis_names(layout, data.explorer.explained), strict=True):
            here = patch["layout"][f"{name}axis"]
            here["title"]["text"], here["showticklabels"] = title, layout == "pca"
        patch["layout"]["uirevision"] = layout
    if changed & {ids.MAP_LAYOUT, ids.SELECTION_STORE}:
        patch["layout"]["shapes"] = outline(_drawn(layout, selection))
    if ids.MAP_COLOR in changed:
        drawn["marker"] = marker(by)
    if changed & {ids.MAP_COLOR, ids.MAP_LAYOUT}:
        patch["data"][FRONT_TRACE] = front(xy, by)
    for trace in sorted(wanted):
        patch["data"][trace] = overlay(xy, points[trace], trace)
    return patch


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the map."""
    hover = map_hover(data)
    data.explorer.warm()
    chroms = data.genome.chroms

    @app.callback(
        Output(ids.MAP_GRAPH, "figure"),
        Input(ids.MAP_LAYOUT, "value"), Input(ids.MAP_COLOR, "value"),
        Input(ids.REGION_STORE, "data"), Input(ids.SELECTION_STORE, "data"),
    )
    def draw_map(layout: Any, color: Any, region: Any, selection: Any) -> Any:
        now = parse_region(region, chroms)
        changed = {t["prop_id"].split(".")[0] for t in ctx.triggered} - {""}
        if not changed:
            return build_map(data, hover, layout, color, now, selection)
        return patch_map(data, changed, layout, color, now, selection)

    @app.callback(
        Output(ids.MAP_LEGEND, "children"), Input(ids.MAP_COLOR, "value"),
        prevent_initial_call=True,
    )
    def draw_legend(color: Any) -> Any:
        return chips(data, "sub" if color == "sub" else "mega")
