"""The page Motifs: order, cuts, blocks and profile similarity against plain computation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from precompute.errors import MotiflensError
from vizapp.callbacks.motif_matrix import describe, draw, new_view, pointed
from vizapp.data.motif_matrix import MotifMatrix, fitted, profile_similarity, read_cut, read_view


@pytest.fixture(scope="module")
def scores(data):
    return data.run.group("interdependence")["scores"][:]


def naive_similarity(a, b):
    found = []
    narrow = min(len(a), len(b))
    least = min(narrow, max(4, int(np.ceil(narrow / 2))))
    for offset in range(-len(b), len(a) + 1):
        pairs = [(a[i], b[i - offset]) for i in range(len(a)) if 0 <= i - offset < len(b)]
        if len(pairs) >= least:
            x, y = (np.concatenate(side) for side in zip(*pairs, strict=True))
            found.append((np.corrcoef(x, y)[0, 1], len(pairs), offset))
    return max(found)


def test_profile_similarity_is_the_best_of_all_offsets():
    rng = np.random.default_rng(0)
    for _ in range(40):
        a, b = (rng.dirichlet([0.4] * 4, rng.integers(5, 20)) for _ in range(2))
        r, overlap, offset = naive_similarity(a, b)
        found = profile_similarity(a, b)
        assert found.r == pytest.approx(r)
        assert (found.overlap, found.offset) == (overlap, offset)
        back = profile_similarity(b, a)
        assert (back.r, back.offset) == (pytest.approx(r), -offset)


def test_a_profile_within_a_longer_one_is_found_where_it_lies(data):
    whole = np.vstack([data.pfms["MA0000.1"], data.pfms["MA0001.1"], data.pfms["MA0002.1"]])
    first = len(data.pfms["MA0000.1"])
    found = profile_similarity(whole, data.pfms["MA0001.1"])
    assert (found.offset, found.overlap) == (first, len(data.pfms["MA0001.1"]))
    assert found.r == pytest.approx(1)


def test_the_minus_strand_is_the_reverse_complement(data):
    plus, minus = data.matrix.pfm(0), data.matrix.pfm(1)
    np.testing.assert_array_equal(minus, plus[::-1, [3, 2, 1, 0]])
    assert data.matrix.pfm(data.matrix.n - 1) is None  # CpG
    assert data.matrix.similarity(0, data.matrix.n - 1) is None


def test_clusters_at_a_cut_are_those_of_the_tree_and_lie_together(data, scores):
    tree = linkage(squareform(1 - scores.astype(float), checks=False), "single")
    matrix = data.matrix
    stored = data.run.table("cluster_cuts")
    for cut in (0.0, 0.1, 0.3, 0.38, 0.62, 1.0):
        expected = fcluster(tree, cut, "distance")
        mine = matrix.clusters_at(cut)
        assert len(set(zip(mine, expected, strict=True))) == len(set(expected)) == len(set(mine))
        assert matrix.n_clusters(cut) == len(set(expected))
        sizes = np.bincount(expected)
        spans = matrix.squares(cut)
        assert sorted(spans[:, 1] - spans[:, 0]) == sorted(sizes[sizes > 1])
    for row in stored[stored["linkage"] == "single"].itertuples():
        assert matrix.n_clusters(row.cut) == row.n_clusters
    table = matrix.table(0.38)
    assert sorted(table["profile_id"] + table["strand"]) == sorted(
        data.run.table("features")["profile_id"] + data.run.table("features")["strand"])


def test_a_block_shows_the_largest_score_of_two_different_features(data, scores, monkeypatch):
    monkeypatch.setattr("vizapp.data.motif_matrix.MAX_ROWS", 9)
    part = data.matrix.window(3, 45)
    order, edges = data.matrix.order, part.edges
    assert part.scores.shape == (9, 9)
    for i in range(9):
        for j in range(9):
            pairs = [(a, b) for a in order[edges[i]:edges[i + 1]]
                     for b in order[edges[j]:edges[j + 1]] if a != b]
            assert part.scores[i, j] == max(scores[a, b] for a, b in pairs)
    event = {"points": [{"curveNumber": 0, "x": float(edges[2]), "y": float(edges[5])}]}
    i, j = pointed(data, event, {"lo": 3, "hi": 45})
    assert scores[i, j] == part.scores[5, 2]


def test_the_tree_s_joins_span_their_leaves(data):
    nodes = data.matrix.nodes
    assert (nodes[:, 0] < nodes[:, 2]).all()
    assert (nodes[:, 4] >= np.maximum(nodes[:, 1], nodes[:, 3]) - 1e-12).all()
    assert nodes[-1, 4] == nodes[:, 4].max()


def test_the_pair_has_both_scores_and_both_logos(data, scores):
    text, figure = describe(data, (0, 1))
    shown = json.dumps(text.to_plotly_json(), default=lambda o: o.to_plotly_json())
    assert f"{scores[0, 1]:.3g}" in shown
    assert f"{data.matrix.similarity(0, 1).r:.3g}" in shown
    assert [a["text"] for a in figure["layout"]["annotations"]] == data.matrix.names[:2]
    _, cpg = describe(data, (data.matrix.n - 2, data.matrix.n - 1))
    assert "no profile" in str(cpg)


def test_zoom_search_and_reset_move_the_view(data):
    n = data.matrix.n
    dragged = {"xaxis.range[0]": 9.6, "xaxis.range[1]": 29.4, "yaxis.range[0]": 29.4,
               "yaxis.range[1]": 9.6}
    assert new_view(data, "matrix-graph", dragged, None, None) == {"lo": 10, "hi": 30}
    place = int(data.matrix.place[7])
    view = new_view(data, "matrix-find", None, "7", None)
    assert view["lo"] <= place < view["hi"]
    assert new_view(data, "matrix-all", None, None, view) == {"lo": 0, "hi": n}
    assert new_view(data, "matrix-graph", {"xaxis.autorange": True}, None, view)["hi"] == n
    marked = draw(data, view, 0.38, "7")["data"][-1]
    assert (marked["x"], marked["y"]) == ([place], [place])


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3),
                            st.dictionaries(st.sampled_from(
                                ["lo", "hi", "points", "x", "y", "curveNumber",
                                 "xaxis.range[0]", "xaxis.range[1]"]), inner, max_size=4)),
    max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(raw=_JSON, view=_JSON)
def test_whatever_a_browser_sends_is_a_view_or_a_sentence(data, raw, view):
    for ask in (lambda: draw(data, view, 0.3), lambda: draw(data, None, raw),
                lambda: draw(data, None, 0.3, raw), lambda: pointed(data, raw, view),
                lambda: new_view(data, "matrix-graph", raw, None, view),
                lambda: new_view(data, "matrix-find", None, raw, view)):
        try:
            ask()
        except MotiflensError as error:
            assert ";" in str(error)  # noqa: PT017


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(2, 3000))
def test_a_fitted_view_is_inside(lo, hi, n):
    first, last = fitted(min(lo, hi), max(lo, hi), n)
    assert read_view({"lo": first, "hi": last}, n) == (first, last)


@pytest.mark.parametrize("cut", [None, "0.3", True, -0.1, 1.1, float("nan"), [0.3]])
def test_no_cut_but_a_distance(cut):
    with pytest.raises(MotiflensError, match="from 0 to 1"):
        read_cut(cut)


def test_a_view_is_small(data):
    assert isinstance(data.matrix, MotifMatrix)
    assert len(json.dumps(draw(data, None, 0.38))) < 700_000
