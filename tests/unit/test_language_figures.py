"""Rank-frequency curves and coverage: valid Plotly, and true to their tables."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from tests.unit.test_token_figures import unpacked
from vizapp.figures.language import (
    DEFINITIONS,
    PAPER_R,
    coverage,
    rank_frequency,
    rank_marks,
    tokenizer_color,
)
from vizapp.theme import ACCENT


@pytest.fixture(scope="module")
def lexicon(data):
    return data.lexicon


@pytest.fixture(scope="module")
def language(data):
    return data.language


@pytest.mark.parametrize("definition", list(DEFINITIONS))
def test_curves_are_the_table_and_their_names_give_r_n_and_the_paper(language, definition):
    fits = language.zipf_table(definition)
    curves = language.rank_frequency
    figure = rank_frequency(curves, fits, [])
    curves = curves[curves["corpus"] == "sequence"]
    go.Figure(figure)
    assert len(figure["data"]) == len(fits) == 5
    for trace, fit in zip(figure["data"], fits.itertuples(), strict=True):
        mine = curves[curves["tokenizer"] == fit.tokenizer]
        np.testing.assert_array_equal(unpacked(trace["x"]), mine["rank"])
        np.testing.assert_array_equal(unpacked(trace["y"]), mine["frequency"])
        assert f"n {fit.n_types:,}" in trace["name"]
        assert (f"{fit.r:.3f}" if np.isfinite(fit.r) else "not defined") in trace["name"]
        paper = PAPER_R.get(fit.tokenizer)
        assert (paper is None) == ("paper" not in trace["name"])
    assert figure["layout"]["xaxis"]["type"] == figure["layout"]["yaxis"]["type"] == "log"


def test_marks_lie_on_the_curve_of_motif_words(lexicon, language):
    curves = language.rank_frequency
    mine = curves[(curves["tokenizer"] == "motif") & (curves["corpus"] == "sequence")]
    on_curve = dict(zip(mine["rank"], mine["frequency"], strict=True))
    marks = rank_marks(np.array([7, 0, 7, 30]), lexicon.frequency, is_selection=True)
    ranks, frequency = unpacked(marks["x"]), unpacked(marks["y"])
    assert ranks.tolist() == [1, 8, 31]
    assert [on_curve[r] for r in ranks.tolist()] == frequency.tolist()
    assert "(3)" in marks["name"]
    assert marks["marker"]["color"] == ACCENT


def test_many_marks_are_thinned_but_counted_in_full(lexicon):
    frequency = np.arange(10_000, 0, -1)
    marks = rank_marks(np.arange(10_000), frequency, is_selection=False, most=500)
    ranks = unpacked(marks["x"])
    assert len(ranks) <= 500
    assert (ranks[0], ranks[-1]) == (1, 10_000)
    assert "(10,000)" in marks["name"]


def test_no_word_leaves_no_mark(lexicon):
    marks = rank_marks(np.empty(0, dtype=np.int64), lexicon.frequency, is_selection=True)
    go.Figure({"data": [marks]})
    assert len(unpacked(marks["x"])) == 0
    assert not marks["showlegend"]


def test_the_accent_is_for_the_selection_alone(language):
    names = language.rank_frequency["tokenizer"].unique()
    colors = [tokenizer_color(name) for name in names]
    assert ACCENT not in colors
    assert len(set(colors)) == len(colors)


def test_coverage_states_tokens_tried_and_the_median(language):
    labels, recovery = language.labels, language.recovery
    recovery = recovery[recovery["corpus"] == "sequence"]
    figure = coverage(recovery, labels)
    go.Figure(figure)
    for trace, (name, rows) in zip(
        figure["data"], recovery.groupby("tokenizer", sort=False), strict=True
    ):
        np.testing.assert_allclose(unpacked(trace["y"]), rows["correlation"], rtol=1e-6)
        assert trace["name"].startswith(labels[name])
        assert "600 tokens" in trace["name"]
        assert f"median {np.median(rows['correlation']):.2f}" in trace["name"]
    low, high = figure["layout"]["yaxis"]["range"]
    assert low <= recovery["correlation"].min()
    assert high >= 1
