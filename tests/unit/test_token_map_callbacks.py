"""Callbacks and legend of the token map, without a browser."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks import token_map
from vizapp.figures.token_map import (
    FRONT_TRACE,
    POINTS_TRACE,
    SELECTED_TRACE,
    SHARED_TRACE,
    WINDOW_TRACE,
)
from vizapp.state import Region
from vizapp.views.token_map import chips

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
    points, frame = token_map.overlay_points(data, region, MEGA), data.explorer.points
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
    points = token_map.overlay_points(data, Region(chrom, low, high), None)
    assert points[SHARED_TRACE].size == points[SELECTED_TRACE].size == 0
    assert points[WINDOW_TRACE].size == (data.explorer.points["chrom"] == chrom).sum()


@pytest.mark.parametrize("layout", ["umap", "tsne", "pca"])
@pytest.mark.parametrize("color", ["mega", "sub", "frequency", "motif:3", "signal:dnase"])
def test_the_map_is_valid_in_every_layout_and_colour(data, region, lasso, layout, color):
    hover = token_map.map_hover(data)
    figure = token_map.build_map(data, hover, layout, color, region, lasso)
    go.Figure(figure)
    assert len(figure["layout"]["shapes"]) == (layout == "tsne")
    assert len(json.dumps(figure)) < 2_000_000


def test_hover_says_locus_word_frequency_and_community(data):
    row, hover = data.explorer.points.iloc[42], token_map.map_hover(data)
    wanted = [row["start"] + 1, row["end"], row["frequency"], data.explorer.mega[42]]
    assert hover.numbers[42].tolist() == wanted
    # Two chromosomes, so the text says which.
    assert hover.text[42] == f"{row['chrom']}<br>{str(data.lexicon.labels[row['word']])[:40]}"
    assert [f"customdata[{i}]" in hover.template for i in range(4)] == [True] * 4


def test_a_moved_window_replaces_two_small_traces_only(data, region):
    patch = token_map.patch_map(data, {ids.REGION_STORE}, "tsne", "mega", region, MEGA)
    assert set(operations(patch)) == {("data", SHARED_TRACE), ("data", WINDOW_TRACE)}


def test_a_selection_replaces_its_trace_and_outline(data, region, lasso):
    changed = {ids.SELECTION_STORE}
    patch = operations(token_map.patch_map(data, changed, "tsne", "mega", region, lasso))
    assert set(patch) == {("data", SELECTED_TRACE), ("layout", "shapes")}
    assert len(patch["layout", "shapes"]) == 1
    other = operations(token_map.patch_map(data, changed, "umap", "mega", region, lasso))
    assert other["layout", "shapes"] == []


def test_a_colour_or_layout_never_sends_the_texts_again(data, region):
    changed = {ids.MAP_COLOR, ids.MAP_LAYOUT}
    patch = operations(token_map.patch_map(data, changed, "pca", "gc", region, MEGA))
    assert ("data", POINTS_TRACE, "text") not in patch
    assert ("data", POINTS_TRACE) not in patch
    assert {("data", POINTS_TRACE, "x"), ("data", POINTS_TRACE, "marker"), ("data", FRONT_TRACE),
            ("layout", "uirevision")} <= set(patch)
    assert patch["layout", "xaxis", "title", "text"].startswith("PC1 (")
    assert patch["layout", "xaxis", "showticklabels"] is True


@pytest.mark.parametrize(("layout", "color"), [("sphere", "mega"), (None, "mega"), ("umap", "x")])
def test_an_unknown_layout_or_colour_is_one_sentence(data, region, layout, color):
    with pytest.raises(MotiflensError):
        token_map.patch_map(data, {ids.MAP_COLOR}, layout, color, region, None)


def test_the_legend_names_every_community_with_its_q(data):
    for level in ("mega", "sub"):
        table = data.explorer.communities(level)
        made = chips(data, level)
        assert [c.id["index"] for c in made] == table.index.tolist()
        for chip, row in zip(made, table.itertuples(), strict=True):
            assert row.label in chip.title
            assert f"{row.n_points:,} points" in chip.title
            assert "q " in chip.title
