"""Callbacks and layouts of the map, the selection and the language panel, without a browser."""

from __future__ import annotations

import json

import dash
import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks import language, tokens
from vizapp.callbacks.links import selected_words
from vizapp.figures.token_map import (
    FRONT_TRACE,
    POINTS_TRACE,
    SELECTED_TRACE,
    SHARED_TRACE,
    WINDOW_TRACE,
)
from vizapp.state import Region, parse_selection
from vizapp.views.language import language_card
from vizapp.views.tokens import chips, instance_grid, map_card, selection_card

MEGA = {"kind": "community", "level": "mega", "id": 1}


@pytest.fixture(scope="module")
def region(data):
    row = data.explorer.points.iloc[100]
    return Region(row["chrom"], int(row["start"]) - 1000, int(row["start"]) + 1000)


@pytest.fixture(scope="module")
def lasso(data):
    low, high = np.quantile(data.explorer.layouts["tsne"].astype(float), [0.2, 0.9], axis=0)
    corners = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]
    polygon = [[float(x), float(y)] for x, y in corners]
    return {"kind": "lasso", "layout": "tsne", "polygon": polygon}


def operations(patch):
    """A patch as {path: value}."""
    steps = patch.to_plotly_json()["operations"]
    return {tuple(step["location"]): step["params"].get("value") for step in steps}


def test_overlays_are_the_window_the_shared_words_and_the_selection(data, region):
    points, frame = tokens.overlay_points(data, region, MEGA), data.explorer.points
    window = [i for i, p in enumerate(frame.itertuples())
              if p.chrom == region.chrom and p.start < region.end and p.end > region.start]
    lo, hi = data.tokens.bin_range(*region)
    words = set(data.lexicon.words_of(region.chrom, lo, hi).tolist())
    shared = [i for i, w in enumerate(frame["word"]) if w in words and i not in window]
    assert points[WINDOW_TRACE].tolist() == window != []
    assert points[SHARED_TRACE].tolist() == shared != []
    assert points[SELECTED_TRACE].tolist() == np.flatnonzero(data.explorer.mega == 1).tolist()


def test_a_wide_window_rings_no_shared_words(data):
    chrom, (low, high) = next(iter(data.chroms.items()))
    points = tokens.overlay_points(data, Region(chrom, low, high), None)
    assert points[SHARED_TRACE].size == points[SELECTED_TRACE].size == 0
    assert points[WINDOW_TRACE].size == (data.explorer.points["chrom"] == chrom).sum()


@pytest.mark.parametrize("layout", ["umap", "tsne", "pca"])
@pytest.mark.parametrize("color", ["mega", "sub", "frequency", "motif:3", "signal:dnase"])
def test_the_map_is_valid_in_every_layout_and_colour(data, region, lasso, layout, color):
    hover = tokens.map_hover(data)
    figure = tokens.build_map(data, hover, layout, color, region, lasso)
    go.Figure(figure)
    assert len(figure["layout"]["shapes"]) == (layout == "tsne")
    assert len(json.dumps(figure)) < 2_000_000


def test_hover_says_locus_word_frequency_and_community(data):
    row, hover = data.explorer.points.iloc[42], tokens.map_hover(data)
    wanted = [row["start"] + 1, row["end"], row["frequency"], data.explorer.mega[42]]
    assert hover.numbers[42].tolist() == wanted
    # Two chromosomes, so the text says which.
    assert hover.text[42] == f"{row['chrom']}<br>{str(data.lexicon.labels[row['word']])[:40]}"
    assert [f"customdata[{i}]" in hover.template for i in range(4)] == [True] * 4


def test_a_moved_window_replaces_two_small_traces_only(data, region):
    patch = tokens.patch_map(data, {ids.REGION_STORE}, "tsne", "mega", region, MEGA)
    assert set(operations(patch)) == {("data", SHARED_TRACE), ("data", WINDOW_TRACE)}


def test_a_selection_replaces_its_trace_and_outline(data, region, lasso):
    patch = operations(tokens.patch_map(data, {ids.SELECTION_STORE}, "tsne", "mega", region, lasso))
    assert set(patch) == {("data", SELECTED_TRACE), ("layout", "shapes")}
    assert len(patch["layout", "shapes"]) == 1
    other = operations(tokens.patch_map(data, {ids.SELECTION_STORE}, "umap", "mega", region, lasso))
    assert other["layout", "shapes"] == []


def test_a_colour_or_layout_never_sends_the_texts_again(data, region):
    changed = {ids.MAP_COLOR, ids.MAP_LAYOUT}
    patch = operations(tokens.patch_map(data, changed, "pca", "gc", region, MEGA))
    assert ("data", POINTS_TRACE, "text") not in patch
    assert ("data", POINTS_TRACE) not in patch
    assert {("data", POINTS_TRACE, "x"), ("data", POINTS_TRACE, "marker"), ("data", FRONT_TRACE),
            ("layout", "uirevision")} <= set(patch)
    assert patch["layout", "xaxis", "title", "text"].startswith("PC1 (")
    assert patch["layout", "xaxis", "showticklabels"] is True


@pytest.mark.parametrize(("layout", "color"), [("sphere", "mega"), (None, "mega"), ("umap", "x")])
def test_an_unknown_layout_or_colour_is_one_sentence(data, region, layout, color):
    with pytest.raises(MotiflensError):
        tokens.patch_map(data, {ids.MAP_COLOR}, layout, color, region, None)


def test_the_summary_counts_words_places_and_points(data, lasso):
    size, source = tokens.describe_selection(data, lasso)
    members = data.explorer.members(parse_selection(lasso))
    words = set(data.explorer.points["word"][members])
    places = int(data.run.table("words")["frequency"][sorted(words)].sum())
    assert size == f"Selection: {len(words):,} words in {places:,} places"
    assert source == f"({members.sum():,} map points; drawn on the map, t-SNE)"
    assert "megacluster 1, " in tokens.describe_selection(data, MEGA)[1]
    assert "nothing yet" in tokens.describe_selection(data, None)[0]
    one = tokens.describe_selection(data, {"kind": "word", "word": 3})
    assert one[0].startswith("Selection: 1 word in ")
    assert str(data.lexicon.labels[3]) in one[1]


def test_the_panel_shows_the_enrichment_of_the_selection(data):
    bars, logos = tokens.build_panel(data, MEGA)
    go.Figure(bars)
    go.Figure(logos)
    stored = data.run.table("community_table")
    label = stored[(stored["level"] == "mega") & (stored["community"] == 1)]["label"].iloc[0]
    assert label in bars["data"][0]["y"]
    assert 1 <= len(logos["layout"]["annotations"]) <= 3


@pytest.mark.parametrize(
    ("selection", "says"),
    [(None, "nothing is selected"), ({"kind": "community", "level": "sub", "id": 999}, "selected"),
     ({"kind": "word", "word": 10**6}, "")])
def test_an_empty_selection_says_what_to_do(data, selection, says):
    bars, logos = tokens.build_panel(data, selection)
    assert says in bars["layout"]["annotations"][0]["text"]
    go.Figure(logos)


def test_a_word_that_the_run_has_not_is_refused(data):
    with pytest.raises(MotiflensError, match="no word"):
        selected_words(data, parse_selection({"kind": "word", "word": 2**31 - 1}))


def test_the_table_pages_and_sorts_as_asked(data):
    by_signal = [{"colId": "signal_atac", "sort": "desc"}]
    request = {"startRow": 10, "endRow": 25, "sortModel": by_signal}
    answer = tokens.instance_rows(data, MEGA, request)
    words = selected_words(data, parse_selection(MEGA))
    assert answer["rowCount"] == data.lexicon.count_places(words)
    rows, _ = data.lexicon.instances(words, 10, 25, "signal:atac", True)
    assert answer["rowData"] == rows
    plain = tokens.instance_rows(data, MEGA, {"startRow": 0, "endRow": 5})
    assert plain["rowData"] == data.lexicon.instances(words, 0, 5, "locus", False)[0]
    assert tokens.instance_rows(data, None, {"startRow": 0, "endRow": 5})["rowCount"] == 0


@pytest.mark.parametrize(
    "request_", ["x", {}, {"startRow": "0", "endRow": 5}, {"startRow": 9, "endRow": 2},
                 {"startRow": 0, "endRow": 10**9}])
def test_impossible_pages_are_refused(data, request_):
    with pytest.raises(MotiflensError, match="rows that do not exist"):
        tokens.instance_rows(data, MEGA, request_)


@pytest.mark.parametrize("model", ["x", [], [3], [{}], [{"colId": ["a"], "sort": 3}]])
def test_a_malformed_sort_is_by_locus(data, model):
    request = {"startRow": 0, "endRow": 4, "sortModel": model}
    expected = tokens.instance_rows(data, MEGA, {"startRow": 0, "endRow": 4})
    assert tokens.instance_rows(data, MEGA, request) == expected


def test_bed_lists_every_place_with_its_frequency(data):
    lines = tokens.bed_text(data, MEGA).splitlines()
    words = selected_words(data, parse_selection(MEGA))
    rows, n = data.lexicon.instances(words, 0, 10**6, "locus", False)
    assert len(lines) == n
    for line, row in zip(lines, rows, strict=True):
        chrom, start, end, name, score = line.split("\t")
        assert (chrom, int(start), int(end)) == (row["chrom"], row["start"], row["end"])
        assert name == row["word"].replace(" ", "_")
        assert int(score) == min(1000, row["frequency"])
    with pytest.raises(MotiflensError, match="nothing is selected"):
        tokens.bed_text(data, None)


def test_words_of_window_and_selection_are_marked_on_the_curve(data, region):
    window, chosen = language.marks(data, region, MEGA)
    lo, hi = data.tokens.bin_range(*region)
    n_window = len(set(data.lexicon.words_of(region.chrom, lo, hi).tolist()))
    assert window["name"] == f"words in the genome window ({n_window:,})"
    n_chosen = data.explorer.points["word"][data.explorer.mega == 1].nunique()
    assert chosen["name"] == f"selected words ({n_chosen:,})"


def everything(component):
    """A component and all below it."""
    yield component
    children = getattr(component, "children", None)
    for child in children if isinstance(children, list | tuple) else [children]:
        if isinstance(child, dash.development.base_component.Component):
            yield from everything(child)


def test_the_legend_names_every_community_with_its_q(data):
    for level in ("mega", "sub"):
        table = data.explorer.communities(level)
        made = chips(data, level)
        assert [c.id["index"] for c in made] == table.index.tolist()
        for chip, row in zip(made, table.itertuples(), strict=True):
            assert row.label in chip.title
            assert f"{row.n_points:,} points" in chip.title
            assert "q " in chip.title


def test_layouts_are_json_and_every_button_says_what_it_does(data):
    for card in (map_card(data), selection_card(data), language_card(data)):
        plotly.io.json.to_json_plotly(card)
        for part in everything(card):
            if type(part).__name__ == "Button":
                said = part.to_plotly_json()["props"]
                assert said.get("title") or said.get("aria-label")
    fields = [c["field"] for c in instance_grid(data).columnDefs]
    assert fields == ["locus", "motifs", "word", "frequency", "signal_atac", "signal_dnase"]


def test_callbacks_register_once_and_on_known_ids(data):
    app = dash.Dash("test")
    tokens.register(app, data)
    language.register(app, data)
    known = {v for k, v in vars(ids).items() if k.isupper() and isinstance(v, str)}
    for callback in app.callback_map.values():
        for part in (*callback["inputs"], *callback["state"]):
            assert part["id"] in known
