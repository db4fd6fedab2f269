"""The page Language: figures true to their tables, and values from a browser that are not."""

from __future__ import annotations

import csv
import io

import numpy as np
import plotly.graph_objects as go
import pytest

from precompute.errors import MotiflensError
from tests.unit.test_token_figures import unpacked
from vizapp.callbacks import language_page as page
from vizapp.figures.laws import (
    DASHES,
    abbreviation_curves,
    growth_curves,
    law_curves,
    with_interval,
)
from vizapp.figures.recovery import carriers, coverage_by_profile, reverse_complement


@pytest.fixture(scope="module")
def language(data):
    return data.language


@pytest.fixture(scope="module")
def texts(data):
    return page.chosen_texts(data, ["bpe600", "motif", "kmer3"], True)


def test_texts_are_in_the_order_of_the_interface_with_their_controls(texts):
    assert texts == [
        ("motif", "sequence"), ("motif", "sample"), ("motif", "shuffled"),
        ("kmer3", "sequence"), ("kmer3", "shuffled"),
        ("bpe600", "sequence"), ("bpe600", "shuffled"),
    ]


def test_without_controls_only_the_sequence_is_shown(data):
    assert page.chosen_texts(data, ["kmer3"], False) == [("kmer3", "sequence")]
    assert page.chosen_texts(data, [], True) == []


@pytest.mark.parametrize("wrong", [None, "motif", ["nothing"], [None], [["motif"]], 3])
def test_a_strange_choice_of_tokenizers_is_one_sentence(data, wrong):
    with pytest.raises(MotiflensError, match="from the list"):
        page.chosen_texts(data, wrong, True)


@pytest.mark.parametrize("wrong", [None, "every", 3, ["all"]])
def test_a_strange_definition_is_one_sentence(wrong):
    with pytest.raises(MotiflensError, match="from the list"):
        page.chosen_definition(wrong if not isinstance(wrong, list) else str(wrong))


def test_rows_are_those_of_the_tables(data, language, texts):
    rows = page.law_rows(data, texts, "seen2")
    assert len(rows) == len(texts)
    for row, (tokenizer, corpus) in zip(rows, texts, strict=True):
        law = language.laws.query("tokenizer == @tokenizer and corpus == @corpus").iloc[0]
        fit = language.zipf.query(
            "tokenizer == @tokenizer and corpus == @corpus and definition == 'seen2'").iloc[0]
        assert row["heaps"] == law["heaps"]
        assert row["r"] == (fit["r"] if np.isfinite(fit["r"]) else None)
        assert row["n_in_r"] == fit["n_types"]
        has_paper = corpus == "sequence" and tokenizer in ("motif", "bpe600")
        assert (row["paper"] is not None) == has_paper


def test_the_csv_holds_every_text_and_definition(data, language):
    rows = list(csv.DictReader(io.StringIO(page.law_csv(data))))
    assert len(rows) == len(language.laws)
    first = language.zipf[(language.zipf["definition"] == "logranks")].iloc[0]
    assert float(rows[0]["r_logranks"]) == pytest.approx(first["r"])


def test_curves_are_the_tables_solid_and_dashed(language, texts):
    fits = language.zipf[language.zipf["definition"] == "all"]
    figures = [
        law_curves(language.rank_frequency, fits, texts, language.labels),
        growth_curves(language.growth, language.laws, texts, language.labels),
        abbreviation_curves(language.abbreviation, language.laws, texts, language.labels),
    ]
    tables = [
        (language.rank_frequency, "rank", "frequency"), (language.growth, "n_tokens", "n_types"),
        (language.abbreviation, "length_bp", "median"),
    ]
    for figure, (table, x, y) in zip(figures, tables, strict=True):
        go.Figure(figure)
        for trace, (tokenizer, corpus) in zip(figure["data"], texts, strict=True):
            mine = table[(table["tokenizer"] == tokenizer) & (table["corpus"] == corpus)]
            np.testing.assert_array_equal(unpacked(trace["x"]), mine[x])
            np.testing.assert_allclose(unpacked(trace["y"]), mine[y])
            assert trace["line"]["dash"] == DASHES[corpus]
    assert "paper −0.99" in figures[0]["data"][0]["name"]
    assert "paper" not in figures[0]["data"][1]["name"]


def test_types_of_one_length_have_no_abbreviation(language, texts):
    flat = language.abbreviation.groupby(["tokenizer", "corpus"]).head(1)
    figure = abbreviation_curves(flat, language.laws, texts, language.labels)
    assert figure["data"] == []
    assert "choose BPE or motif words" in figure["layout"]["annotations"][0]["text"]


def test_each_profile_is_a_point_that_names_it(data, language, texts):
    figure = coverage_by_profile(language.recovery, language.profiles, texts, language.labels)
    go.Figure(figure)
    for trace, text in zip(figure["data"], texts, strict=True):
        mine = language.of(language.recovery, [text])
        np.testing.assert_allclose(unpacked(trace["y"]), mine["correlation"], rtol=1e-6)
        for number, profile in zip(trace["customdata"], mine["profile_id"], strict=True):
            click = {"points": [{"customdata": number}]}
            assert page.clicked_profile(data, click) == profile


@pytest.mark.parametrize("wrong", [
    None, {}, {"points": []}, {"points": [{"customdata": "x"}]}, {"points": [{"customdata": True}]},
    {"points": [{"customdata": 10**9}]}, {"points": [{"customdata": -1}]}, {"points": 3}, "x"])
def test_any_other_click_is_nothing(data, wrong):
    assert page.clicked_profile(data, wrong) is None


def test_carriers_lie_on_the_profile_at_their_offset(data, language, texts):
    profile = language.profiles[2]
    rows = language.best_tokens(profile, texts).copy()
    rows.loc[1, ["token", "offset", "strand"]] = ["AACG", -2, "-"]
    figure = carriers(data.pfms[profile], rows, language.labels)
    go.Figure(figure)
    drawn = {}
    for trace in figure["data"]:
        if trace["yaxis"] != "y2":
            continue
        x = np.array([np.nan if v is None else v for v in trace["x"]])
        y = np.array([np.nan if v is None else v for v in trace["y"]])
        for piece in np.split(np.arange(len(x)), np.flatnonzero(np.isnan(x)) + 1):
            if len(piece) > 1 and -2 < np.nanmean(y[piece]) < -1:
                drawn[round(float(np.nanmean(x[piece])))] = trace["name"]
    # CGTT from two columns before the first one, which is position 1.
    assert "".join(drawn[i] for i in sorted(drawn)) == reverse_complement("AACG") == "CGTT"
    assert sorted(drawn) == [-1, 0, 1, 2]


def test_an_unknown_profile_is_one_sentence(data, texts):
    with pytest.raises(MotiflensError, match="no motif profile"):
        page.carried(data, "<b>", texts)


def test_the_word_of_a_profile_is_named(data, language, texts):
    _, says = page.carried(data, language.first_profile, texts)
    word = language.word_of(language.first_profile)
    assert data.lexicon.labels[word][:40] in says
    assert f"{data.lexicon.frequency[word]:,} bin" in says


@pytest.mark.parametrize(("numbers", "text"), [
    ((-0.5, np.nan, np.nan), "−0.500"), ((np.nan, 0, 1), ""), ((1.25, 1.0, 1.5), "1.250 [1.000, ")])
def test_numbers_with_intervals(numbers, text):
    assert with_interval(*numbers).startswith(text)
    assert (with_interval(*numbers) == "") == (text == "")
