"""Callbacks of the token map and of the selection panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from dash import Dash, Input, Output, Patch, State, ctx, dcc, no_update
from numpy.typing import NDArray

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.links import selected_words
from vizapp.data import RunData
from vizapp.figures.arrays import packed
from vizapp.figures.prominent import message, motif_logos, prominent_motifs, prominent_rows
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
from vizapp.state import LAYOUTS, Community, Lasso, Region, Word, parse_region, parse_selection
from vizapp.views.tokens import chips, instance_grid, selection_title

LAYOUT_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
_EMPTY = "nothing is selected:<br>draw a lasso on the map, click a megacluster or a token"


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


def describe_selection(data: RunData, raw: Any) -> tuple[str, str]:
    """How many words and places are selected, and where the selection comes from."""
    selection = parse_selection(raw)
    if selection is None:
        return "Selection: nothing yet", "draw a lasso on the map or click a megacluster"
    words = selected_words(data, selection)
    points = int(data.explorer.members(selection).sum())
    places = data.lexicon.count_places(words) if len(words) else 0
    if isinstance(selection, Community):
        label = data.explorer.communities(selection.level)["label"].get(selection.id, "?")
        name = "megacluster" if selection.level == "mega" else "subcluster"
        source = f"{name} {selection.id}, {label}"
    elif isinstance(selection, Word):
        source = f"the word {data.lexicon.labels[selection.word]}"
    else:
        source = f"drawn on the map, {LAYOUT_NAMES[selection.layout]}"
    plural = ("word" if len(words) == 1 else "words", "place" if places == 1 else "places")
    size = f"Selection: {len(words):,} {plural[0]} in {places:,} {plural[1]}"
    return size, f"({points:,} map points; {source})"


def build_panel(data: RunData, raw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Prominent motifs and logos of a selection."""
    selection = parse_selection(raw)
    if selection is None:
        return message(_EMPTY), message("logos appear with a selection")
    members = data.explorer.members(selection)
    if not members.any():
        text = "this word has no token on the map" if isinstance(selection, Word) else _EMPTY
        return message(text), message("no token on the map")
    if members.all():
        return message("everything is selected: select less to compare"), message("")
    table = data.explorer.ranked.enrich(members)
    top = prominent_rows(table, 3).index
    profiles = [data.explorer.clusters["representative"][c] for c in top]
    names = [data.explorer.cluster_labels[c] for c in top]
    pairs = zip(names, profiles, strict=True)
    logos = [(f"{n[:22]}, {p}", data.pfms[p]) for n, p in pairs if p in data.pfms]
    bars = prominent_motifs(table, data.explorer.cluster_labels)
    return bars, motif_logos(logos) if logos else message("no profile to draw (CpG has none)")


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


def bed_text(data: RunData, raw: Any) -> str:
    """BED5 of all places of the selected words: the score is the word's frequency, at most 1000."""
    words = selected_words(data, parse_selection(raw))
    if len(words) == 0:
        raise MotiflensError("nothing is selected, so there is no BED to download; select first")
    places = data.lexicon.places(words)
    lines = []
    for number, chrom in enumerate(data.lexicon.chroms):
        bins = places.bin[places.chrom == number]
        edges = data.tokens.edges(chrom)
        word = data.lexicon.words_of(chrom, 0, data.tokens.n_bins(chrom))[bins]
        for b, w in zip(bins.tolist(), word.tolist(), strict=True):
            name = str(data.lexicon.labels[w]).replace(" ", "_")
            score = min(1000, int(data.lexicon.frequency[w]))
            lines.append(f"{chrom}\t{edges[b]}\t{edges[b + 1]}\t{name}\t{score}")
    return "\n".join(lines) + "\n"


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the map and the panel."""
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

    @app.callback(
        Output(ids.SELECTION_SUMMARY, "children"), Output(ids.PROMINENT_GRAPH, "figure"),
        Output(ids.LOGO_GRAPH, "figure"), Output(ids.INSTANCE_BOX, "children"),
        Input(ids.SELECTION_STORE, "data"),
    )
    def describe(selection: Any) -> Any:
        bars, logos = build_panel(data, selection)
        size, source = describe_selection(data, selection)
        return selection_title(size, source), bars, logos, instance_grid(data)

    @app.callback(
        Output(ids.INSTANCE_GRID, "getRowsResponse"),
        Input(ids.INSTANCE_GRID, "getRowsRequest"), State(ids.SELECTION_STORE, "data"),
    )
    def rows(request: Any, selection: Any) -> Any:
        return no_update if request is None else instance_rows(data, selection, request)

    @app.callback(
        Output(ids.INSTANCE_DOWNLOAD, "data"), Input(ids.INSTANCE_BED, "n_clicks"),
        State(ids.SELECTION_STORE, "data"), prevent_initial_call=True,
    )
    def bed(clicks: Any, selection: Any) -> Any:
        return dcc.send_string(bed_text(data, selection), "motiflens-places.bed")
