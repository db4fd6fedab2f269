"""The map as an image: counts against numpy's histogram, colours exact, PNG read by another reader,
and what of a request is refused."""

from __future__ import annotations

import io
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp.data.map_points import MapPoints
from vizapp.data.map_raster import cells, grid_counts, in_view
from vizapp.figures import map_image
from vizapp.map_state import (
    MAX_SIDE_PIXELS,
    Hidden,
    MapView,
    Pointer,
    parse_density,
    parse_hidden,
    parse_layout,
    parse_pointer,
    parse_scale,
    parse_view,
)
from vizapp.state import StateError
from vizapp.theme import ACCENT

VIEW = MapView(-2.0, 3.0, -1.0, 1.5, 50, 40)


@pytest.fixture
def cloud():
    rng = np.random.default_rng(7)
    return rng.normal(0, 1.5, (2, 5000)).astype(np.float32)


def histogram(x, y, view, rows, columns):
    """numpy's own count, first row at the top."""
    edges = [np.linspace(view.y0, view.y1, rows + 1), np.linspace(view.x0, view.x1, columns + 1)]
    return np.histogram2d(y.astype(float), x.astype(float), bins=edges)[0][::-1]


def test_counts_are_those_of_a_histogram(cloud):
    found = cells(*cloud, VIEW)
    # Few points: two by two pixels make a cell.
    assert (found.rows, found.columns) == (20, 25)
    expected = histogram(*cloud, VIEW, 20, 25)
    np.testing.assert_array_equal(found.counts().reshape(20, 25), expected)
    np.testing.assert_array_equal(grid_counts(*cloud, VIEW, 30), histogram(*cloud, VIEW, 30, 30))


def test_many_points_have_a_cell_for_each_pixel(cloud, monkeypatch):
    monkeypatch.setattr("vizapp.data.map_raster._FINE_FROM", 1000)
    found = cells(*cloud, VIEW)
    assert (found.rows, found.columns) == (VIEW.height, VIEW.width)
    assert found.counts().sum() == len(in_view(*cloud, VIEW)) > 1000


def test_a_filter_leaves_only_what_it_shows(cloud):
    shown = cloud[0] > 0
    x, y = cloud[:, shown]
    np.testing.assert_array_equal(
        cells(*cloud, VIEW, shown).counts(), histogram(x, y, VIEW, 20, 25).ravel())


def test_points_on_the_border_are_in_view():
    x = np.array([-2, 3, 3.0001, -2], dtype=np.float32)
    y = np.array([-1, 1.5, 0, 1.5], dtype=np.float32)
    found = cells(x, y, VIEW)
    assert found.points.tolist() == [0, 1, 3]
    assert found.cell.tolist() == [19 * 25, 24, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5)), max_size=60))
def test_the_colour_of_a_cell_is_its_most_frequent_category(points):
    x = np.array([p[0] + 0.5 for p in points], dtype=np.float32)
    y = np.array([p[1] + 0.5 for p in points], dtype=np.float32)
    category = np.array([p[2] for p in points], dtype=np.int16)
    found = cells(x, y, MapView(0, 4, 0, 4, 8, 8)).dominant(category).reshape(4, 4)[::-1]
    for column in range(4):
        for row in range(4):
            here = Counter(c for i, j, c in points if (i, j) == (column, row))
            best = min((-n, c) for c, n in here.items())[1] if here else -1
            assert found[row, column] == best


def test_the_mean_of_a_cell(cloud):
    values = np.random.default_rng(1).uniform(0, 9, cloud.shape[1])
    found = cells(*cloud, VIEW)
    mean, count = found.mean(values), found.counts()
    for cell in np.flatnonzero(count)[::37]:
        assert mean[cell] == pytest.approx(values[found.points[found.cell == cell]].mean())
    assert np.isnan(mean[count == 0]).all()


@pytest.mark.parametrize("density", ["log", "equal"])
def test_fuller_cells_are_more_opaque(density):
    count = np.array([0, 1, 1, 2, 5, 100])
    alpha = map_image.opacity(count, density)
    assert alpha[0] == 0
    assert alpha[1] == alpha[2] == pytest.approx(0.45)
    assert (np.diff(alpha[2:]) > 0).all()
    assert alpha[-1] == pytest.approx(1)
    assert map_image.opacity(np.array([0, 3, 3]), density).tolist() == [0, 1, 1]
    assert map_image.opacity(np.zeros(4, dtype=int), density).tolist() == [0] * 4


def test_category_colours_are_exact():
    pixels = map_image.category_pixels(
        np.array([1, -1, 0]), np.array([4, 0, 4]), ["#102030", "#A0B0C0"], "log")
    assert pixels.tolist() == [[0xA0, 0xB0, 0xC0, 255], [0, 0, 0, 0], [0x10, 0x20, 0x30, 255]]


def test_magnitudes_go_from_the_scales_first_colour_to_its_last():
    mean = np.array([-5, 2.0, 12.0, 99.0, np.nan])
    pixels = map_image.magnitude_pixels(mean, np.array([1, 1, 1, 1, 0]), 2.0, 12.0, "log")
    first, last = [0x00, 0x22, 0x4E], [0xFE, 0xE8, 0x38]  # Cividis
    assert pixels[:, :3].tolist() == [first, first, last, last, [0, 0, 0]]
    assert pixels[-1, 3] == 0


def test_marked_cells_have_the_accent_and_later_layers_are_on_top():
    layers = [(np.array([1, 1, 0]), "#00A5A8", 1.0), (np.array([0, 3, 0]), ACCENT, 0.9)]
    pixels = map_image.marked_pixels(layers).tolist()
    assert pixels == [[0, 0xA5, 0xA8, 255], [0xC2, 0x18, 0x5B, 230], [0, 0, 0, 0]]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (40, 7)])
def test_another_reader_reads_the_same_pixels(rows, columns):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (rows * columns, 4), dtype=np.uint8)
    with image.open(io.BytesIO(map_image.png(pixels, rows, columns))) as read:
        read.load()
        assert read.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(read).reshape(-1, 4), pixels)


@pytest.fixture
def points(cloud):
    layouts = {"umap": cloud.T}
    category = np.arange(cloud.shape[1]) % 4
    return MapPoints(layouts, {"mega": category, "sub": np.arange(cloud.shape[1]) % 9})


def test_hidden_communities_leave_the_others(points):
    assert points.shown(Hidden()) is None
    shown = points.shown(Hidden((1, 30_000), (8,)))
    number = np.arange(points.n)
    np.testing.assert_array_equal(shown, (number % 4 != 1) & (number % 9 != 8))


def test_the_nearest_point_is_the_nearest_on_the_screen(points, cloud):
    rng = np.random.default_rng(3)
    for x, y in rng.normal(0, 1, (40, 2)).tolist():
        pointer = Pointer(x, y, 0.05, 0.02)
        far = ((cloud[0] - x) / 0.05) ** 2 + ((cloud[1] - y) / 0.02) ** 2
        best = int(far.argmin()) if far.min() <= 1 else None
        assert points.nearest("umap", pointer, None) == best
    only = np.zeros(points.n, dtype=bool)
    assert points.nearest("umap", Pointer(0, 0, 5, 5), only) is None


def test_a_contour_holds_its_share_of_the_points():
    rng = np.random.default_rng(0)
    xy = rng.normal(0, 1, (200_000, 2)).astype(np.float32)
    points = MapPoints({"umap": xy}, {"mega": np.zeros(len(xy), dtype=int)})
    lines = points.contours("umap", None)
    for share in (0.25, 0.5, 0.75, 0.95):
        here = np.isclose(lines.share, share) & np.isfinite(lines.x)
        radius = np.hypot(lines.x[here], lines.y[here])
        # Of a standard normal cloud, a circle holds 1 - exp(-r^2 / 2). The kernel widens it a bit.
        assert np.median(radius) == pytest.approx(math.sqrt(-2 * math.log(1 - share)), rel=0.06)
    nobody = points.contours("umap", np.zeros(len(xy), dtype=bool))
    assert len(nobody.x) == 0


def test_a_name_stands_where_its_community_is_dense():
    rng = np.random.default_rng(0)
    # Two parts, far from each other: the mean lies where there is nothing.
    part = [rng.normal(-10, 0.3, (300, 2)), rng.normal(10, 0.3, (900, 2))]
    other = rng.normal(0, 0.2, (50, 2))
    xy = np.concatenate([*part, other]).astype(np.float32)
    points = MapPoints({"umap": xy}, {"mega": np.repeat([0, 5], [1200, 50])})
    places = points.label_places("umap", "mega", None)
    assert set(places) == {0, 5}
    assert places[0] == pytest.approx((10, 10), abs=0.5)
    assert places[5] == pytest.approx((0, 0), abs=0.3)
    shown = np.arange(len(xy)) < 300
    assert points.label_places("umap", "mega", shown)[0] == pytest.approx((-10, -10), abs=0.5)


GOOD_VIEW = {"layout": "umap", "x": [-1, 2.5], "y": [0, 1], "width": 860, "height": 560}


def test_a_view_is_read():
    found = parse_view(GOOD_VIEW)
    assert (found.layout, found.view) == ("umap", MapView(-1, 2.5, 0, 1, 860, 560))
    assert parse_view(None) is None
    assert found.view.wider(0.5) == MapView(-2.75, 4.25, -0.5, 1.5, 1720, 1120)


@pytest.mark.parametrize("change", [
    {"x": [math.nan, 1]}, {"x": [-math.inf, 1]}, {"x": [2, 1]}, {"x": [1, 1]}, {"x": [0, 1, 2]},
    {"x": ["0", "1"]}, {"x": [0, True]}, {"x": None}, {"y": {"0": 1}}, {"x": [-1e300, 1e300]},
    {"width": 10**9}, {"width": MAX_SIDE_PIXELS + 1}, {"height": 0}, {"height": -5},
    {"height": math.nan}, {"width": "860"}, {"layout": "sphere"}, {"layout": None},
    {"layout": ["umap"]}, {"more": 1},
])
def test_an_impossible_view_is_one_sentence(change):
    with pytest.raises(StateError, match="press Reset"):
        parse_view({**GOOD_VIEW, **change})


@pytest.mark.parametrize("raw", [0, "x", [], {}, True, {"layout": "umap"}])
def test_what_is_no_view_is_one_sentence(raw):
    with pytest.raises(StateError, match="press Reset"):
        parse_view(raw)


@pytest.mark.parametrize("raw", [
    3, "x", [], {"mega": 3}, {"mega": ["1"]}, {"mega": [-1]}, {"mega": [True]}, {"mega": [1.5]},
    {"mega": [10**9]}, {"sub": [1] * 40_000},
])
def test_an_impossible_filter_is_one_sentence(raw):
    with pytest.raises(StateError, match="show all"):
        parse_hidden(raw)


def test_a_filter_is_read():
    assert parse_hidden({"mega": [3, 1, 3]}) == Hidden((1, 3), ())
    assert parse_hidden(None) == parse_hidden({}) == Hidden()


@pytest.mark.parametrize("raw", [
    3, [], {}, {"x": 0, "y": 0}, {"x": math.nan, "y": 0, "rx": 1, "ry": 1},
    {"x": 0, "y": 0, "rx": -1, "ry": 1}, {"x": "0", "y": 0, "rx": 1, "ry": 1},
    {"x": 0, "y": 0, "rx": 1e300, "ry": 1},
])
def test_an_impossible_pointer_is_one_sentence(raw):
    with pytest.raises(StateError, match="move the pointer"):
        parse_pointer(raw)


@pytest.mark.parametrize("ends", [
    None, 5, [], [1], [5, 5], [9, 2], [-1, 50], [0, 101], [0, math.nan], ["0", "9"], [0, True]])
def test_an_impossible_scale_is_one_sentence(ends):
    with pytest.raises(StateError, match="two rising percentiles"):
        parse_scale(ends, False)


def test_scale_density_and_layout_are_read():
    assert parse_scale([5, 95.5], True) == (5, 95.5, True)
    assert parse_scale([0, 100], "yes").is_log is False
    assert parse_density("equal") == "equal"
    assert parse_layout("pca") == "pca"
    for bad in (None, [], "dark", {"log": 1}):
        with pytest.raises(StateError):
            parse_density(bad)
        with pytest.raises(StateError):
            parse_layout(bad)
