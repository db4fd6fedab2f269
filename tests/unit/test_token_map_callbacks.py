"""Callbacks and legend of the token map, without a browser."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest

from precompute.errors import MotiflensError
from vizapp.callbacks import token_map
from vizapp.data.explorer import ExplorerData
from vizapp.data.map_points import MapPoints
from vizapp.figures.token_map import (
    BAR_TRACE,
    CONTOUR_TRACE,
    POINTS_IMAGE,
    SELECTED_IMAGE,
    SELECTED_TRACE,
    SHARED_TRACE,
    WINDOW_TRACE,
)
from vizapp.map_state import NOTHING_HIDDEN, Hidden, MapOptions
from vizapp.state import Region, parse_selection
from vizapp.views import map_drawing
from vizapp.views.map_drawing import MapDrawing
from vizapp.views.token_map import chips

MEGA = {"kind": "community", "level": "mega", "id": 1}


@pytest.fixture(scope="module")
def drawing(data):
    return MapDrawing(data)


@pytest.fixture
def many(data, monkeypatch):
    """The map as a run draws it whose points are too many: as an image, points from 300 on."""
    monkeypatch.setattr(MapPoints, "is_image", property(lambda self: True))
    monkeypatch.setattr(map_drawing, "MOST_IN_VIEW", 300)
    return MapDrawing(data)


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


def numbers(value):
    """The numbers of a packed array."""
    return np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])


def drawn_points(base):
    """x of all drawn points, rising."""
    seen = [t for i, t in base.drawn.traces.items() if i >= 0 and t.get("visible", True)]
    return np.sort(np.concatenate([np.empty(0), *(numbers(trace["x"]) for trace in seen)]))


def whole_view(data, layout="tsne", share=1.0):
    """A view store's value around the middle of a layout."""
    view = data.explorer.map.whole(layout)
    x, y = (view.x0 + view.x1) / 2, (view.y0 + view.y1) / 2
    dx, dy = share * (view.x1 - view.x0) / 2, share * (view.y1 - view.y0) / 2
    return {"layout": layout, "x": [x - dx, x + dx], "y": [y - dy, y + dy], "width": 400,
            "height": 300}


def test_overlays_are_the_window_and_the_shared_words(data, drawing, region):
    points, frame = drawing.window_points(region), data.explorer.points
    window = [i for i, p in enumerate(frame.itertuples())
              if p.chrom == region.chrom and p.start < region.end and p.end > region.start]
    lo, hi = data.tokens.bin_range(*region)
    words = set(data.lexicon.words_of(region.chrom, lo, hi).tolist())
    shared = [i for i, w in enumerate(frame["word"]) if w in words and i not in window]
    assert points[WINDOW_TRACE].tolist() == window != []
    assert points[SHARED_TRACE].tolist() == shared != []


def test_a_wide_window_rings_no_shared_words(data, drawing):
    chrom, (low, high) = next(iter(data.chroms.items()))
    points = drawing.window_points(Region(chrom, low, high))
    assert points[SHARED_TRACE].size == 0
    assert points[WINDOW_TRACE].size == (data.explorer.points["chrom"] == chrom).sum()


@pytest.mark.parametrize("layout", ["umap", "tsne", "pca"])
@pytest.mark.parametrize("color", ["mega", "sub", "frequency", "motif:3", "signal:dnase"])
def test_the_map_is_valid_in_every_layout_and_colour(data, drawing, region, lasso, layout, color):
    options = token_map.read_options(layout, color, shows=["contours", "labels"])
    figure, says = drawing.figure(options, region, parse_selection(lasso))
    go.Figure(figure)
    assert len(figure["layout"]["shapes"]) == (layout == "tsne")
    assert len(json.dumps(figure)) < 2_000_000
    assert says == f"{data.explorer.n:,} tokens"
    tags = [tag["text"] for tag in figure["layout"]["annotations"]]
    table = data.explorer.communities("mega")
    assert tags == [f"M{i} {label}" for i, label in table["label"].items()]


def test_a_moved_window_replaces_two_small_traces_only(drawing, region):
    patch = operations(token_map.patch_window(drawing, region, "tsne", None))
    places = drawing.place(SHARED_TRACE), drawing.place(WINDOW_TRACE)
    assert set(patch) == {("data", place) for place in places}


def test_a_selection_replaces_its_trace_image_and_outline(data, drawing, lasso):
    patch = operations(token_map.patch_selection(drawing, lasso, "tsne", None, None))
    place = ("data", drawing.place(SELECTED_TRACE))
    assert set(patch) == {place, ("layout", "images", SELECTED_IMAGE), ("layout", "shapes")}
    assert len(patch["layout", "shapes"]) == 1
    members = data.explorer.members(parse_selection(lasso))
    np.testing.assert_array_equal(
        numbers(patch[place]["x"]), data.explorer.layouts["tsne"][members, 0])
    other = operations(token_map.patch_selection(drawing, lasso, "umap", None, None))
    assert other["layout", "shapes"] == []
    none = operations(token_map.patch_selection(drawing, None, "umap", None, None))
    assert len(numbers(none[place]["x"])) == 0


def test_new_points_leave_window_selection_and_zoom_alone(data, drawing):
    options = token_map.read_options("pca", "gc")
    patch, _ = token_map.patch_points(data, drawing, options)
    patch = operations(patch)
    traces = {place[1] for place in patch if place[0] == "data"}
    assert traces == {
        *range(drawing.places), drawing.place(BAR_TRACE), drawing.place(CONTOUR_TRACE)}
    assert patch["layout", "xaxis", "title", "text"].startswith("PC1 (")
    assert patch["layout", "xaxis", "showticklabels"] is True
    assert ("layout", "xaxis", "range") not in patch


def test_hidden_communities_are_not_drawn_ringed_or_found(data, drawing, region):
    hidden = {"mega": [0], "sub": []}
    kept = data.explorer.mega != 0
    base = drawing.base(token_map.read_options("umap", "mega", hidden))
    np.testing.assert_array_equal(
        drawn_points(base), np.sort(data.explorer.layouts["umap"][kept, 0]))
    assert base.says == f"{kept.sum():,} of {len(kept):,} tokens, the rest is hidden"
    window = drawing.window_points(region, kept)
    assert all(kept[points].all() for points in window.values())
    chosen = parse_selection({"kind": "community", "level": "mega", "id": 0})
    trace = drawing.selection(chosen, "umap", Hidden((0,)), None).traces[SELECTED_TRACE]
    assert len(numbers(trace["x"])) == 0
    point = int(np.flatnonzero(~kept)[0])
    x, y = (float(v) for v in data.explorer.layouts["umap"][point])
    here = {"x": x, "y": y, "rx": 1e-6, "ry": 1e-6}
    assert token_map.describe_point(data, here, "umap", None) is not None
    assert token_map.describe_point(data, here, "umap", hidden) is None


def test_many_points_are_an_image_of_the_view_and_few_are_points(data, many):
    view = whole_view(data)
    base = many.base(token_map.read_options("tsne", "mega", view=view))
    picture = base.drawn.images[POINTS_IMAGE]
    assert (picture["x"], picture["y"]) == (view["x"][0], view["y"][1])
    assert picture["sizex"] == pytest.approx(view["x"][1] - view["x"][0])
    assert base64.b64decode(picture["source"].split(",")[1])[:4] == b"\x89PNG"
    assert len(drawn_points(base)) == 0
    assert f"{data.explorer.n:,} in view as an image" in base.says
    x, y = data.explorer.layouts["tsne"][17].tolist()
    near = {"layout": "tsne", "x": [x - 1, x + 1], "y": [y - 1, y + 1], "width": 300, "height": 300}
    close = many.base(token_map.read_options("tsne", "gc", view=near))
    assert close.drawn.images[POINTS_IMAGE] == {"visible": False}
    xy = data.explorer.layouts["tsne"]
    # A quarter more on each side, so that a small move finds points there.
    inside = (abs(xy - [x, y]) <= 1.5).all(axis=1)
    assert 0 < inside.sum() <= 700
    np.testing.assert_array_equal(drawn_points(close), np.sort(xy[inside, 0]))


def test_a_view_of_another_layout_counts_as_its_size_only(data, many):
    options = token_map.read_options("umap", "mega", view=whole_view(data, "tsne", 0.1))
    picture = many.base(options).drawn.images[POINTS_IMAGE]
    whole = data.explorer.map.whole("umap")
    assert (picture["x"], picture["y"]) == (whole.x0, whole.y1)


def test_many_selected_points_are_an_image_on_top(data, many):
    chosen = parse_selection({"kind": "community", "level": "mega", "id": 0})
    drawn = many.selection(chosen, "tsne", NOTHING_HIDDEN, None)
    n = int((data.explorer.mega == 0).sum())
    assert n > 300
    assert drawn.images[SELECTED_IMAGE]["visible"] is True
    assert len(numbers(drawn.traces[SELECTED_TRACE]["x"])) == 0


def test_a_range_is_sent_only_when_the_layout_was_switched(data, many):
    for is_new in (True, False):
        patch, _ = token_map.patch_points(data, many, MapOptions(layout="umap"), is_new)
        assert (("layout", "xaxis", "range") in operations(patch)) is is_new


@pytest.mark.parametrize(("layout", "color"), [("sphere", "mega"), (None, "mega"), ("umap", "x")])
def test_an_unknown_layout_or_colour_is_one_sentence(drawing, layout, color):
    with pytest.raises(MotiflensError):
        drawing.base(token_map.read_options(layout, color))


def test_the_pointer_finds_locus_word_motifs_and_communities(data):
    point, row = 42, data.explorer.points.iloc[42]
    x, y = (float(v) for v in data.explorer.layouts["tsne"][point])
    found = token_map.describe_point(data, {"x": x, "y": y, "rx": 1e-4, "ry": 1e-4}, "tsne", None)
    assert (found["x"], found["y"], found["layout"]) == (x, y, "tsne")
    locus, word, motifs, rest = found["lines"]
    assert locus == f"{row['chrom']}:{row['start'] + 1:,}-{row['end']:,}"
    assert word == str(data.lexicon.labels[row["word"]])[:80]
    assert motifs == "top motifs: " + data.lexicon.top_motifs(row["chrom"], [row["bin"]])[0]
    assert f"megacluster M{data.explorer.mega[point]}, " in rest
    assert f"in {row['frequency']:,} bin" in rest
    nowhere = {"x": 1e6, "y": 1e6, "rx": 1.0, "ry": 1.0}
    assert token_map.describe_point(data, nowhere, "tsne", None) is None
    assert token_map.describe_point(data, None, "tsne", None) is None


def test_a_small_map_is_read_at_start_and_a_large_one_beside(data, monkeypatch):
    read = []
    monkeypatch.setattr(ExplorerData, "_read_all", lambda self: read.append("all"))
    monkeypatch.setattr("vizapp.data.explorer.threading.Thread", lambda **options: SimpleNamespace(
        start=lambda: read.append(options["name"])))
    data.explorer.warm()
    monkeypatch.setattr("vizapp.data.explorer._READ_AT_START", 10)
    data.explorer.warm()
    assert read == ["all", "warm-explorer"]


def test_the_legend_names_every_community_with_its_q_and_an_eye(data):
    for level, hidden in (("mega", Hidden((1,), ())), ("sub", Hidden((1,), (0, 2)))):
        table = data.explorer.communities(level)
        everything, *made = chips(data, level, hidden)
        n_hidden = len(hidden.mega) + len(hidden.sub)
        assert everything.children == f"show all ({n_hidden} hidden)"
        eyes, names = zip(*(chip.children for chip in made), strict=True)
        assert [name.id["index"] for name in names] == table.index.tolist()
        here = hidden.mega if level == "mega" else hidden.sub
        for eye, name, row in zip(eyes, names, table.itertuples(), strict=True):
            assert row.label in name.title
            assert f"{row.n_points:,} points" in name.title
            assert "q " in name.title
            shown = eye.to_plotly_json()["props"]["aria-checked"]
            assert shown == ("false" if row.Index in here else "true")
    assert len(chips(data, "mega")) == len(data.explorer.communities("mega"))
