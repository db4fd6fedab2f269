"""Prominent motifs of subclusters (figure 2b), by brute force on the synthetic run."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from precompute.errors import MotiflensError
from vizapp.callbacks.subclusters import chosen_table, clicked_subcluster, table_says
from vizapp.data.subclusters import PER_SUBCLUSTER, subclusters
from vizapp.figures.subclusters import figure_height, subcluster_dots


@pytest.fixture(scope="module")
def table(data):
    return subclusters(data.explorer, 0)


def test_rows_are_the_subclusters_of_the_megacluster(data, table):
    expected = sorted(set(data.explorer.sub[data.explorer.mega == 0].tolist()))
    assert table.subclusters == expected
    assert table.n_points == [int((data.explorer.sub == s).sum()) for s in expected]


def test_shares_count_tokens_whose_word_holds_the_motif(data, table):
    words = data.run.table("words")["clusters"]
    point_word = data.explorer.points["word"].to_numpy()
    assert table.motifs
    for i, number in enumerate(table.subclusters):
        mine = point_word[data.explorer.sub == number]
        for j, motif in enumerate(table.motifs):
            share = np.mean([motif in words[w] for w in mine])
            assert table.share[i, j] == pytest.approx(share)


def test_ratios_and_q_are_of_the_live_comparison(data, table):
    for i, number in enumerate(table.subclusters):
        live = data.explorer.ranked.enrich(data.explorer.sub == number)
        np.testing.assert_allclose(
            table.log2_ratio[i], live["log2_ratio"][table.motifs], atol=1e-4)
        best = live[(live["log2_ratio"] > 0) & (live["q_value"] < 0.05)].sort_values(
            ["q_value", "auc"], ascending=[True, False], kind="stable").index[:PER_SUBCLUSTER]
        assert set(best) <= set(table.motifs)


def test_the_figure_has_a_dot_for_each_pair(data, table):
    figure = subcluster_dots(table, data.explorer.cluster_labels)
    go.Figure(figure)
    dots = figure["data"][0]
    n = len(table.subclusters) * len(table.motifs)
    assert len(dots["x"]) == len(dots["customdata"]) == n
    assert [row[0] for row in dots["customdata"]] == np.repeat(
        table.subclusters, len(table.motifs)).tolist()
    widths = np.array(dots["marker"]["line"]["width"])
    np.testing.assert_array_equal(widths > 0, table.q_value.ravel() < 0.05)
    assert np.argmax(dots["marker"]["size"]) == np.argmax(table.share)
    assert figure_height(20) > figure_height(2) > 100
    assert f"{len(table.motifs)} motif clusters" in table_says(table)


@pytest.mark.parametrize("choice", [None, 0, "", "x", "-1", "9999", "1" * 50, ["0"], "\u0663"])
def test_a_megacluster_that_is_not_offered_is_one_sentence(data, choice):
    with pytest.raises(MotiflensError, match="from the list"):
        chosen_table(data, choice)


@pytest.mark.parametrize(("click", "number"), [
    ({"points": [{"customdata": [4, "S4"]}]}, 4), (None, None), ({}, None), ({"points": []}, None),
    ({"points": [{"customdata": ["4"]}]}, None), ({"points": [{"customdata": [True]}]}, None),
])
def test_a_click_selects_the_subcluster_of_its_dot(click, number):
    assert clicked_subcluster(click) == number
