"""The map's data layer against brute force on the synthetic run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.errors import MotiflensError
from vizapp.data.selection import inside_polygon
from vizapp.state import Community, Word, parse_selection


@pytest.fixture(scope="module")
def explorer(data):
    return data.explorer


def winding(point, polygon):
    """Even-odd by walking the edges one at a time, in Python floats."""
    x, y = point
    inside = False
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside


coordinate = st.floats(-10, 10, allow_nan=False, width=32)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_polygon_agrees_with_a_walk_along_its_edges(polygon, seed):
    points = np.random.default_rng(seed).uniform(-11, 11, (50, 2)).astype(np.float32)
    got = inside_polygon(points, np.array(polygon))
    expected = [winding((float(x), float(y)), polygon) for x, y in points]
    assert got.tolist() == expected


def test_a_bow_tie_leaves_its_crossing_sides_out():
    bow = np.array([[0, 0], [2, 2], [2, 0], [0, 2]], dtype=float)
    points = np.array([[0.2, 1], [1.8, 1], [1, 1.8], [1, 0.2], [5, 5]])
    assert inside_polygon(points, bow).tolist() == [True, True, False, False, False]


def test_a_turned_polygon_selects_the_same_points(explorer):
    xy = explorer.layouts["umap"]
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    circle = xy[0] + 4 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    first = inside_polygon(xy, circle)
    assert 0 < first.sum() < len(xy)
    assert (inside_polygon(xy, np.roll(circle, 17, axis=0)) == first).all()
    assert (inside_polygon(xy, circle[::-1]) == first).all()


@pytest.mark.parametrize("layout", ["umap", "tsne", "pca"])
def test_a_box_on_any_layout_holds_the_points_between_its_sides(explorer, layout):
    xy = explorer.layouts[layout]
    # A hair off the quantiles: no point lies on a side.
    sides = np.quantile(xy.astype(float), [0.31, 0.83], axis=0) + 1e-9
    (x0, y0), (x1, y1) = sides.tolist()
    box = {"kind": "lasso", "layout": layout,
           "polygon": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]}
    expected = [x0 <= x <= x1 and y0 <= y <= y1 for x, y in xy.tolist()]
    assert explorer.members(parse_selection(box)).tolist() == expected
    assert any(expected)


def test_values_are_the_tokens_of_the_points(data, explorer):
    rng = np.random.default_rng(3)
    for point in rng.choice(explorer.n, 40, replace=False).tolist():
        row = explorer.points.iloc[point]
        token = data.tokens.cluster_values(row["chrom"], row["bin"], row["bin"] + 1).toarray()
        np.testing.assert_array_equal(explorer.values[point].toarray(), token)


def test_communities_and_words_select_their_members(explorer):
    for row in explorer.community_table.itertuples():
        members = explorer.members(Community(kind="community", level=row.level, id=row.community))
        assert members.sum() == row.n_points
    word = int(explorer.points["word"].iloc[0])
    members = explorer.members(Word(kind="word", word=word))
    assert (explorer.points["word"].to_numpy()[members] == word).all()
    assert members.sum() == (explorer.points["word"] == word).sum() > 0


def test_live_enrichment_repeats_the_precomputed_one(data, explorer):
    stored = data.run.table("enrichment")
    live = explorer.ranked.enrich(explorer.mega == 1)
    mine = stored[(stored["level"] == "mega") & (stored["community"] == 1)]
    np.testing.assert_allclose(
        live["log2_ratio"], mine.sort_values("cluster")["log2_ratio"], atol=1e-5)


def test_signal_colours_are_the_signal_of_the_bin(data, explorer):
    group = data.run.group("signal")
    shown = explorer.color_by("signal:dnase")
    for point in (0, explorer.n // 2, explorer.n - 1):
        row = explorer.points.iloc[point]
        assert shown.values[point] == group[f"{row['chrom']}/dnase/bins"][row["bin"]]
    assert "peak score" in shown.title


def test_every_offered_colour_has_a_finite_value_for_each_point(explorer):
    for group in explorer.color_options():
        for item in group["items"]:
            shown = explorer.color_by(item["value"])
            assert len(shown.values) == explorer.n
            assert np.isfinite(shown.values).all()
            assert shown.title


def test_quality_colours_are_the_artefacts(data, explorer):
    group = data.run.group("layout_quality")
    for key in ("umap_preservation", "tsne_trustworthiness", "pca_preservation"):
        shown = explorer.color_by(f"quality:{key}")
        np.testing.assert_array_equal(shown.values, group[key][:])
        assert "(0-1)" in shown.title
        assert not shown.is_category


def test_motif_colour_is_that_cluster_column(explorer):
    number = explorer.cluster_labels.index("TF05 / TF16")
    expected = explorer.values[:, number].toarray()[:, 0]
    np.testing.assert_array_equal(explorer.color_by(f"motif:{number}").values, expected)


@pytest.mark.parametrize(
    "choice", ["", "motif:", "motif:99999", "motif:-1", "signal:nope", "quality:umap",
               "quality:umap_k", "__class__", "mega:1"])
def test_a_colour_that_is_not_offered_is_refused_in_a_sentence(explorer, choice):
    with pytest.raises(MotiflensError, match="choose from the list"):
        explorer.color_by(choice)


def test_the_window_holds_points_that_overlap_it(explorer):
    row = explorer.points.iloc[7]
    found = explorer.in_window(row["chrom"], int(row["end"]) - 1, int(row["end"]) + 400)
    expected = [
        i for i, p in enumerate(explorer.points.itertuples())
        if p.chrom == row["chrom"] and p.start < row["end"] + 400 and p.end > row["end"] - 1
    ]
    assert found.tolist() == expected
    assert 7 in found
    assert explorer.in_window("chr20", 0, 10).size == 0


def test_points_with_words(explorer):
    words = explorer.points["word"].to_numpy()[[3, 11]]
    found = explorer.with_words(words)
    assert found.tolist() == [
        i for i, w in enumerate(explorer.points["word"]) if w in set(words.tolist())]
    assert explorer.with_words(np.empty(0, dtype=int)).size == 0
