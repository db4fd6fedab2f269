"""Figures of the token map and of the selection: valid Plotly, and true to their data."""

from __future__ import annotations

import base64
import itertools
import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from vizapp.data.explorer import ColorBy
from vizapp.figures.arrays import packed
from vizapp.figures.letters import OUTLINES, information_stack, letter_traces
from vizapp.figures.prominent import (
    HIGHER,
    LOWER,
    format_q,
    motif_logos,
    prominent_motifs,
    prominent_rows,
)
from vizapp.figures.token_map import (
    BAR_TRACE,
    CONTOUR_TRACE,
    SAVED_TRACE,
    SELECTED_TRACE,
    SHARED_TRACE,
    WINDOW_TRACE,
    axis_names,
    bar_trace,
    color_bar,
    color_groups,
    contour_trace,
    name_tags,
    outline,
    overlay,
    palette,
    point_traces,
    saved_overlay,
    shades,
    token_map,
)
from vizapp.theme import ACCENT, blank_figure


def unpacked(value):
    """The numbers of a base64 array, as the browser decodes them."""
    array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
    shape = value.get("shape")
    return array.reshape([int(n) for n in shape.split(",")]) if shape else array


def shoelace(outline_points):
    x, y = np.asarray(outline_points).T
    return abs(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2


@pytest.fixture
def xy():
    return np.random.default_rng(0).normal(0, 5, (200, 2)).astype(np.float32)


@pytest.mark.parametrize("values", [
    np.array([1, 2, 3]), np.array([2**40, -3]), np.array([0.5, np.nan], dtype=np.float32),
    np.array([[1, 2], [3, 4]], dtype=np.int16), np.array([True, False]), np.empty(0),
])
def test_packed_numbers_come_back(values):
    np.testing.assert_array_equal(unpacked(packed(values)), values)


def test_packed_arrays_are_narrowed_on_request():
    assert packed(np.arange(3.0), "float32")["dtype"] == "f4"
    assert packed(np.arange(3))["dtype"] == "i4"


def category(n):
    return ColorBy(np.arange(n) % 7, "Megacluster", True)


def test_the_map_is_valid_and_keeps_the_order_of_its_traces(xy):
    sizes = {SELECTED_TRACE: 9, SHARED_TRACE: 3, WINDOW_TRACE: 2}
    traces = {trace: overlay(xy, np.arange(size), trace) for trace, size in sizes.items()}
    traces |= {CONTOUR_TRACE: contour_trace(), BAR_TRACE: bar_trace("x", None),
               SAVED_TRACE: saved_overlay(xy, [])}
    traces |= point_traces(xy, color_groups(category(200), None), 10)
    triangle = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
    figure = token_map(traces, {}, "umap", [0.5, 0.2], (-1, 1, -2, 2), polygon=triangle)
    go.Figure(figure)
    json.dumps(figure)
    assert [t["name"] for t in figure["data"][SAVED_TRACE:]] == [
        "saved selections", "colour bar", "same word as the window", "in the genome window",
        "selected", "density contours"]
    assert len(figure["data"]) == 16
    assert [t.get("visible", True) for t in figure["data"]] == [True] * 7 + [False] * 3 + [True] * 6
    np.testing.assert_array_equal(unpacked(figure["data"][SELECTED_TRACE]["y"]), xy[:9, 1])
    assert figure["data"][SELECTED_TRACE]["marker"]["color"] == ACCENT
    assert figure["layout"]["uirevision"] == "umap"
    assert figure["layout"]["meta"] == {
        "layout": "umap", "whole": [-1, 1, -2, 2], "isImage": False}
    assert figure["layout"]["yaxis"]["range"] == [-2, 2]
    assert "no unit" in figure["layout"]["xaxis"]["title"]["text"]


def test_the_selection_is_whole_and_the_window_thinned_evenly():
    xy = np.arange(20_000, dtype=np.float32).reshape(10_000, 2)
    every = np.arange(10_000)
    assert len(unpacked(overlay(xy, every, SELECTED_TRACE)["x"])) == 10_000
    drawn = unpacked(overlay(xy, every, WINDOW_TRACE)["x"])
    assert len(drawn) == 5_000
    assert (drawn[0], drawn[-1]) == (0, 19_998)
    assert np.ptp(np.diff(drawn)) <= 2


def test_each_community_is_a_trace_of_its_colour(xy):
    groups = color_groups(category(200), None)
    assert [color for color, _ in groups] == palette(category(200))
    for number, (_, part) in enumerate(groups):
        assert part.tolist() == list(range(number, 200, 7))
    for (color, part), trace in zip(groups, point_traces(xy, groups, 7).values(), strict=True):
        assert trace["marker"]["color"] == color
        np.testing.assert_array_equal(unpacked(trace["x"]), xy[part, 0])


def test_colours_that_repeat_share_a_trace():
    # Glasbey has 256 colours; more communities take them once more.
    by = ColorBy(np.arange(600), "Subcluster", True)
    groups = color_groups(by, None)
    assert len(groups) == len(set(palette(by))) <= 256
    assert sorted(np.concatenate([part for _, part in groups]).tolist()) == list(range(600))


def test_chosen_points_keep_their_colours(xy):
    chosen = np.array([3, 50, 51, 199])
    groups = color_groups(category(200), None, chosen)
    colors = palette(category(200))
    got = {int(point): color for color, part in groups for point in part}
    assert got == {point: colors[point % 7] for point in chosen.tolist()}
    values = ColorBy(np.arange(200.0), "GC content (%)", False)
    # The scale is that of all points, so that a zoom changes no colour.
    every = {int(p): c for c, part in color_groups(values, shades(values)) for p in part}
    some = {int(p): c for c, part in color_groups(values, shades(values), chosen) for p in part}
    assert some == {point: every[point] for point in chosen.tolist()}


def test_percentiles_and_logarithms_make_the_scale():
    values = np.array([0.0, 0, 1, 10, 100, 1000])
    plain = shades(ColorBy(values, "ATAC", False), 0, 50)
    assert (plain.low, plain.high) == (0, np.percentile([1, 10, 100, 1000], 50))
    logged = shades(ColorBy(values, "ATAC", False), 0, 100, True)
    # A zero stands at the smallest positive value.
    np.testing.assert_allclose(logged.values, [0, 0, 0, 1, 2, 3], atol=1e-6)
    assert logged.high == pytest.approx(3)
    clipped = shades(ColorBy(np.arange(101.0), "GC", False), 10, 90)
    assert (clipped.low, clipped.high) == pytest.approx((10, np.percentile(np.arange(1, 101), 90)))
    narrow = color_bar("x", shades(ColorBy(np.array([2.0, 9.0]), "x", False), 0, 100, True))
    assert {"2", "5", "10"} <= set(narrow["ticktext"])


def test_names_are_text_never_markup():
    (tag,) = name_tags({3: (1.0, 2.0)}, {3: "M3 <b>&"})
    assert tag["text"] == "M3 &lt;b&gt;&amp;"
    go.Figure({"data": [], "layout": {"annotations": [tag]}})


def test_axes_of_components_state_their_share_of_the_variance():
    assert axis_names("pca", [0.123, 0.04, 0.01]) == (
        "PC1 (12.3 % of variance)", "PC2 (4.0 % of variance)")
    assert axis_names("tsne", []) == ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)")


def test_a_log_scale_is_labelled_in_plain_numbers():
    by = ColorBy(np.array([1, 10, 100, 1000]), "Word frequency (bins)", False, True)
    scale = shades(by)
    np.testing.assert_allclose(scale.values, [0, 1, 2, 3], atol=1e-6)
    bar = bar_trace(by.title, scale)["marker"]["colorbar"]
    assert dict(zip(bar["tickvals"], bar["ticktext"], strict=True))[3] == "1,000"
    assert bar["title"]["text"] == "Word frequency (bins)"


def test_rare_high_values_are_drawn_above_the_rest_highest_last():
    values = np.zeros(200)
    values[[5, 90, 17]] = [3, 1, 2]
    by = ColorBy(values, "CTCF (occupancy)", False)
    scale = shades(by)
    groups = color_groups(by, scale)
    assert [part.tolist() for _, part in groups[1:]] == [[90], [17], [5]]
    # The scale is that of the values that are there, so that a rare signal is not one colour.
    assert 2 < scale.high <= 3


def test_a_constant_colours_without_a_zero_wide_scale():
    by = ColorBy(np.full(200, 4.0), "Bin length (bp)", False)
    scale = shades(by)
    assert scale.low < scale.high
    assert len(color_groups(by, scale)) == 1


def test_the_outline_closes_and_is_nothing_without_a_polygon():
    assert outline(()) == []
    (shape,) = outline([(0.0, 1.5), (2.25, 1e-7), (-3.0, 4.0)])
    assert shape["path"] == "M0,1.5L2.25,1e-07L-3,4Z"
    go.Figure({"data": [], "layout": {"shapes": [shape]}})


def table():
    return pd.DataFrame({
        "mean_in": [0.5, 0.1, 0.3, 0.0, 0.2], "mean_out": [0.1, 0.1, 0.1, 0.4, 0.3],
        "log2_ratio": [2.3, 0.0, 1.5, -7.0, -0.5], "auc": [0.9, 0.5, 0.95, 0.1, 0.45],
        "p_value": [1e-300, 1, 1e-300, 1e-20, 0.4], "q_value": [1e-299, 1, 1e-299, 1e-19, 0.5],
    })


def test_prominent_rows_rank_by_q_then_auc_and_lower_needs_significance():
    assert prominent_rows(table(), 9).index.tolist() == [2, 0]
    assert prominent_rows(table(), 1).index.tolist() == [2]
    assert prominent_rows(table(), 9, is_higher=False).index.tolist() == [3]


def test_bars_are_coloured_by_sign_and_carry_their_q():
    figure = prominent_motifs(table(), list("abcde"))
    go.Figure(figure)
    (bars,) = figure["data"]
    # Drawn from the bottom up, so the most prominent comes last.
    assert bars["y"] == ["d", "a", "c"]
    assert bars["marker"]["color"] == [LOWER, HIGHER, HIGHER]
    assert bars["text"] == ["q 1e-19", "q < 1e-290", "q < 1e-290"]
    assert "log2" in figure["layout"]["xaxis"]["title"]["text"]


@pytest.mark.parametrize(
    ("q", "text"), [(0.0, "q < 1e-290"), (1e-299, "q < 1e-290"), (3.2e-20, "q 3e-20"),
                    (0.0123, "q 0.012"), (1.0, "q 1")])
def test_a_q_value_is_never_zero(q, text):
    assert format_q(q) == text


def test_information_of_certain_and_uniform_positions():
    position, bottom, height, base = information_stack(np.array([[0, 0, 1, 0], [0.25] * 4]))
    first = position == 0
    assert height[first].max() == pytest.approx(2)
    assert base[first][height[first].argmax()] == 2
    assert height[~first] == pytest.approx(0)
    assert bottom.min() == 0


def test_letters_of_a_position_stack_without_gap_largest_on_top():
    _, bottom, height, _ = information_stack(np.array([[0.1, 0.2, 0.6, 0.1]]))
    entropy = -sum(p * np.log2(p) for p in (0.1, 0.2, 0.6, 0.1))
    assert height.sum() == pytest.approx(2 - entropy)
    np.testing.assert_allclose(bottom[1:], (bottom + height)[:-1])
    assert (np.diff(height) >= 0).all()


@pytest.mark.parametrize("letter", "ACGT")
def test_letters_fill_their_box_and_no_more(letter):
    points = OUTLINES[letter]
    assert points.min() >= -1e-9
    assert points.max() <= 1 + 1e-9
    assert np.ptp(points[:, 1]) > 0.9
    assert np.ptp(points[:, 0]) > 0.7
    assert (points[0] == points[-1]).all()
    assert 0.15 < shoelace(points) < 0.7


def test_letter_traces_put_each_letter_where_it_is_told():
    traces = letter_traces(
        np.array([10.0, 11.0, 12.0, 13.0]), 1.0, np.zeros(4), np.array([1.0, -2.0, 0.0, 0.5]),
        np.array([0, 3, 1, 0]),
    )
    assert [t["name"] for t in traces] == ["A", "T"]
    x = [v for v in traces[0]["x"] if v is not None]
    assert 10 <= min(x) < 10.2
    assert 13.8 < max(x) <= 14
    assert min(v for v in traces[1]["y"] if v is not None) == pytest.approx(-2)
    assert traces[0]["x"].count(None) == traces[0]["y"].count(None) == 2
    go.Figure({"data": traces})


def test_logos_stand_side_by_side_with_their_titles():
    pfm = np.array([[0.7, 0.1, 0.1, 0.1], [0, 1, 0, 0]])
    figure = motif_logos([("CTCF", pfm), ("KLF4", pfm), ("GATA1", pfm)])
    go.Figure(figure)
    assert [a["text"] for a in figure["layout"]["annotations"]] == ["CTCF", "KLF4", "GATA1"]
    domains = [figure["layout"][f"xaxis{n}"]["domain"] for n in ("", "2", "3")]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(domains))
    assert figure["layout"]["yaxis"]["title"]["text"] == "bits"


def test_an_empty_figure_says_what_to_do():
    figure = blank_figure("draw a lasso")
    go.Figure(figure)
    assert figure["layout"]["annotations"][0]["text"] == "draw a lasso"
