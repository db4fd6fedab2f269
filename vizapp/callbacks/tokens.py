"""Callbacks of the token map and of the selection panel."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import Dash, Input, Output, Patch, State, ctx, dcc, no_update
from numpy.typing import NDArray

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.links import selected_words
from vizapp.data import RunData
from vizapp.figures.prominent import message, motif_logos, prominent_motifs, prominent_rows
from vizapp.figures.token_map import (
    SELECTED_TRACE,
    SHARED_TRACE,
    WINDOW_TRACE,
    overlay,
    token_map,
)
from vizapp.state import LAYOUTS, Region, Word, parse_region, parse_selection
from vizapp.views.tokens import instance_grid

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


def hover_texts(data: RunData) -> list[str]:
    """Locus, word, frequency and megacluster of every point."""
    points, labels = data.explorer.points, data.lexicon.labels
    mega = data.explorer.communities("mega")["label"].to_dict()
    rows = zip(points["chrom"], points["start"], points["end"], points["word"],
               points["frequency"], data.explorer.mega, strict=True)
    return [
        f"{c}:{s + 1:,}-{e:,}<br>{str(labels[w])[:40]}<br>in {f:,} bins, M{m} {mega[m][:20]}"
        for c, s, e, w, f, m in rows
    ]


def build_map(
    data: RunData, hover: list[str], layout: Any, color: Any, region: Region, selection: Any
) -> dict[str, Any]:
    """The whole map figure for a layout and a colour choice."""
    if layout not in LAYOUTS:
        raise MotiflensError("choose UMAP, t-SNE or PCA for the map")
    by = data.explorer.color_by(str(color))
    return token_map(
        data.explorer.layouts[layout], layout, by.values, by.title, by.is_category, by.is_log,
        hover, overlay_points(data, region, selection), data.explorer.explained,
    )


def describe_selection(data: RunData, raw: Any) -> str:
    """One line: how many points, words and places, and where the selection comes from."""
    selection = parse_selection(raw)
    if selection is None:
        return "Selection: nothing yet"
    words = selected_words(data, selection)
    points = int(data.explorer.members(selection).sum())
    places = data.lexicon.count_places(words) if len(words) else 0
    sources = {"lasso": "drawn on the map", "community": "", "word": "one word"}
    source = sources[selection.kind]
    if selection.kind == "community":
        label = data.explorer.communities(selection.level)["label"].get(selection.id, "?")
        source = f"{'megacluster' if selection.level == 'mega' else 'subcluster'} {selection.id}, {label}"
    return f"Selection: {len(words):,} words in {places:,} places ({points:,} map points; {source})"


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
    logos = [(n[:22], data.pfms[p]) for n, p in pairs if p in data.pfms]
    bars = prominent_motifs(table, data.explorer.cluster_labels)
    return bars, motif_logos(logos) if logos else message("no profile to draw (CpG has none)")


def instance_rows(data: RunData, raw: Any, request: Any) -> dict[str, Any]:
    """One block of the table of places, sorted as asked."""
    words = selected_words(data, parse_selection(raw))
    first = request.get("startRow") if isinstance(request, dict) else None
    last = request.get("endRow") if isinstance(request, dict) else None
    if not isinstance(first, int) or not isinstance(last, int) or not 0 <= last - first <= 1000:
        raise MotiflensError("the table asked for rows that do not exist; select again")
    model = request.get("sortModel") or [{"colId": "locus", "sort": "asc"}]
    column, direction = str(model[0].get("colId")), model[0].get("sort")
    column = column.replace("signal_", "signal:", 1)
    rows, n = data.lexicon.instances(words, max(0, first), last, column, direction == "desc")
    return {"rowData": rows, "rowCount": n}


def bed_text(data: RunData, raw: Any) -> str:
    """BED of all places of the selected words: chrom, start, end, word label, frequency."""
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
            lines.append(f"{chrom}\t{edges[b]}\t{edges[b + 1]}\t{name}\t{min(1000, w + 1)}")
    return "\n".join(lines) + "\n"


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the map and the panel."""
    hover = hover_texts(data)
    chroms = data.genome.chroms

    @app.callback(
        Output(ids.MAP_GRAPH, "figure"),
        Input(ids.MAP_LAYOUT, "value"), Input(ids.MAP_COLOR, "value"),
        Input(ids.REGION_STORE, "data"), Input(ids.SELECTION_STORE, "data"),
    )
    def draw_map(layout: Any, color: Any, region: Any, selection: Any) -> Any:
        now = parse_region(region, chroms)
        triggers = {t["prop_id"].split(".")[0] for t in ctx.triggered}
        if not triggers or triggers & {ids.MAP_LAYOUT, ids.MAP_COLOR, ""} or layout not in LAYOUTS:
            return build_map(data, hover, layout, color, now, selection)
        points = overlay_points(data, now, selection)
        wanted = [SELECTED_TRACE] if ids.SELECTION_STORE in triggers else []
        wanted += [SHARED_TRACE, WINDOW_TRACE] if ids.REGION_STORE in triggers else []
        patch = Patch()
        for trace in wanted:
            patch["data"][trace] = overlay(data.explorer.layouts[layout], points[trace], trace)
        return patch

    @app.callback(
        Output(ids.SELECTION_SUMMARY, "children"), Output(ids.PROMINENT_GRAPH, "figure"),
        Output(ids.LOGO_GRAPH, "figure"), Output(ids.INSTANCE_BOX, "children"),
        Input(ids.SELECTION_STORE, "data"),
    )
    def describe(selection: Any) -> Any:
        bars, logos = build_panel(data, selection)
        return describe_selection(data, selection), bars, logos, instance_grid(data)

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
