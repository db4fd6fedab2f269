"""The page Models: rows and figures true to the evaluation, and values from a browser that are
not."""

from __future__ import annotations

import csv
import io

import numpy as np
import plotly.graph_objects as go
import pytest

from precompute.errors import MotiflensError
from tests.unit.test_token_figures import unpacked
from vizapp.callbacks import models_page as page
from vizapp.callbacks.clicked import shown_place
from vizapp.data.model_scores import ModelScores
from vizapp.loci import format_locus
from vizapp.views.models_page import models_page


@pytest.fixture(scope="module")
def choice(data):
    return page.parse_choice(data, "dnase", "test", "16")


def test_the_track_with_reference_peaks_comes_first(data):
    assert list(data.model_scores.tracks) == ["dnase", "atac"]
    assert data.model_scores.models == ["tokens", "onehot"]


@pytest.mark.parametrize("wrong", [
    ("other", "test", "16"), (None, "test", "16"), (["dnase"], "test", "16"),
    ("dnase", "all", "16"), ("dnase", ["test"], "16"), ("dnase", "test", 17),
])
def test_a_strange_choice_is_one_sentence(data, wrong):
    with pytest.raises(MotiflensError, match=r"from the lists?$"):
        page.parse_choice(data, *wrong)


@pytest.mark.parametrize("wrong", [None, "gc", "../tokens", ["tokens"], 3])
def test_a_strange_model_is_one_sentence(data, wrong):
    with pytest.raises(MotiflensError, match="choose a model"):
        page.parse_model(data, wrong)
    with pytest.raises(MotiflensError):
        data.model_scores.card(wrong)


def test_rows_are_those_of_the_tables(data, choice):
    rows = {row["predictor"]: row for row in page.score_rows(data, choice)}
    r = data.model_scores.correlations.query(
        "predictor == 'tokens' and track == 'dnase' and set == 'test' and resolution_bp == 16")
    assert rows["tokens"]["r"] == r["r"].item()
    assert rows["tokens"]["n"] == r["n"].item()
    peaks = data.model_scores.peak_metrics.query(
        "predictor == 'gc' and track == 'dnase' and set == 'test'")
    assert rows["gc"]["aupr"] == peaks["aupr"].item()
    assert rows["mean"]["r"] is None
    assert "constant" in rows["mean"]["reason"]
    train = page.score_rows(data, choice._replace(part="train"))
    assert all(row["auc"] is None for row in train)
    coarse = page.score_rows(data, choice._replace(resolution_bp=128))
    assert coarse[0]["n"] < rows["tokens"]["n"] / 7


def test_a_point_of_the_scatter_is_a_window_and_leads_to_it(data, choice):
    table = data.model_scores.windows_of("dnase", "test")
    for view, x in (("r", "r_onehot"), ("mean", "observed_mean")):
        figure, _ = page.window_figure(data, choice, view, "tokens")
        go.Figure(figure)
        points = figure["data"][1]
        places = [shown_place(data, text) for text in points["text"]]
        assert len(places) > 3
        by_place = table.set_index(["chrom", "start", "end"])[x]
        np.testing.assert_allclose(unpacked(points["x"]), [by_place[place] for place in places])
    with pytest.raises(MotiflensError):
        page.window_figure(data, choice, "other", "tokens")


def test_best_and_worst_windows_are_the_extremes(data, choice):
    rows = page.window_figure(data, choice, "r", "tokens")[1]
    table = data.model_scores.windows_of("dnase", "test")
    best = [row for row in rows if row["kind"] == "best"]
    assert best[0]["r"] == table["r_tokens"].max()
    worst = [row for row in rows if row["kind"] == "worst"]
    assert worst[0]["r"] == table["r_tokens"].min()
    by_place = table.set_index(["chrom", "start", "end"])["r_tokens"]
    for row in rows:
        assert by_place[shown_place(data, row["place"])] == row["r"]


def test_a_row_of_one_set_still_leads_to_its_window_when_another_set_is_chosen(data, choice):
    places = {part: {row["place"] for row in page.window_figure(
        data, choice._replace(part=part), "r", "tokens")[1]} for part in ("test", "train")}
    assert places["test"]
    assert places["test"].isdisjoint(places["train"])
    for text in places["test"]:
        assert format_locus(*shown_place(data, text)) == text


def test_a_negative_difference_has_minus_signs_and_names_keep_their_hyphens(
    data, choice, monkeypatch
):
    paired = data.model_scores.paired.assign(
        difference=-0.25, difference_low=-0.5, difference_high=0.125, p_value=1e-9)
    monkeypatch.setattr(data.model_scores, "paired", paired)
    text = page.says(data, choice)
    assert "\N{MINUS SIGN}0.250 (\N{MINUS SIGN}0.500 to +0.125)" in text
    assert "one-hot" in text
    assert text.count("\N{MINUS SIGN}") == 2 * len(paired[
        (paired["track"] == choice.track) & (paired["set"] == choice.part)])


def test_curves_and_cards(data, choice):
    figure = page.ranking_figure(data, choice)
    go.Figure(figure)
    names = [trace.get("name", "") for trace in figure["data"]]
    assert any("AUPR" in name and "token" in name for name in names)
    go.Figure(page.ranking_figure(data, choice._replace(track="atac")))
    go.Figure(page.ranking_figure(data, choice._replace(part="train")))
    assert len(data.model_scores.curves("tokens")) == 3
    card = data.model_scores.card("onehot")
    assert "hardware" in card
    assert "chrom chr" not in card


def test_a_card_brings_no_link_and_no_html(data, monkeypatch):
    evil = "<script>x</script> [a](javascript:alert(1)) ![b](http://c)"
    monkeypatch.setattr(ModelScores, "card", lambda self, name: evil)
    text = page.card_text(data, "tokens")
    assert "](" not in text
    assert "<" not in text


def test_every_metric_is_in_the_csv(data):
    rows = list(csv.DictReader(io.StringIO(page.all_metrics(data))))
    r = data.model_scores.correlations.query(
        "predictor == 'onehot' and track == 'atac' and set == 'test' and resolution_bp == 128")
    assert float(next(
        row["value"] for row in rows if (row["predictor"], row["track"], row["set"],
                                         row["resolution_bp"], row["metric"])
        == ("onehot", "atac", "test", "128", "r"))) == pytest.approx(r["r"].item())


def test_a_p_value_is_never_nought():
    assert page.p_text(0.0) == "< 1e-300"
    assert page.p_text(0.01234) == "0.0123"


def test_without_an_evaluation_the_page_says_what_to_do(data, monkeypatch):
    monkeypatch.setattr(ModelScores, "is_there", False)
    assert "python -m precompute run" in str(models_page(data))
