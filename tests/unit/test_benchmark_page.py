"""The page Benchmark: rows, figures and sites true to the artefact, and strange values refused."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from sklearn.metrics import auc, roc_auc_score

from precompute.errors import MotiflensError
from tests.unit.test_token_figures import unpacked
from vizapp.callbacks import benchmark_page as page
from vizapp.data.tf_benchmark import TfBenchmark
from vizapp.state import Region
from vizapp.views.benchmark_page import benchmark_page

KEYS = ["deeplift|tokens", "motif_score", "predicted|onehot"]


@pytest.fixture(scope="module")
def scores(data):
    return page.parse_scores(data, KEYS)


def test_scores_are_named_and_the_first_ones_are_there(data):
    found = data.tf_benchmark
    assert found.models == ["tokens", "onehot"]
    assert found.scores["motif_score"].label == "motif score"
    assert found.scores["deeplift|tokens"].label.endswith(": DeepLIFT")
    assert found.first_scores[:3] == ["deeplift|tokens", "deeplift|onehot", "motif_score"]
    assert [s.key for s in page.parse_scores(data, None)] == found.first_scores
    assert [s.key for s in page.parse_scores(data, KEYS + KEYS)] == KEYS


@pytest.mark.parametrize("wrong", [
    "motif_score", ["motif_score", "other"], [["motif_score"]], [3], {"a": 1},
    ["motif_score"] * 7, [None],
])
def test_strange_scores_are_one_sentence(data, wrong):
    with pytest.raises(MotiflensError, match="choose at most 6 scores from the list"):
        page.parse_scores(data, wrong)


@pytest.mark.parametrize("wrong", [None, "NOSUCH", ["CTCF"], 3, "../CTCF"])
def test_a_strange_factor_or_area_is_one_sentence(data, wrong):
    with pytest.raises(MotiflensError, match="no such factor"):
        page.parse_factor(data, wrong)
    with pytest.raises(MotiflensError, match="choose ROC AUC or AUPR"):
        page.parse_metric(wrong)
    assert page.chosen_factor(data, [{"tf": wrong}]) is None
    assert page.place_of(data, [{"place": wrong}]) is None
    assert page.clicked_factor(data, {"points": [{"customdata": wrong}]}, page.parse_scores(
        data, ["motif_score"]), "auc") is None


def test_rows_are_those_of_the_artefact(data, scores):
    (row,) = page.factor_rows(data, scores, "auc")
    table = data.tf_benchmark.benchmark.set_index("key")
    for number, key in enumerate(KEYS):
        got = [row[f"s{number}"], row[f"s{number}_low"], row[f"s{number}_high"]]
        assert got == table.loc[key, ["auc", "auc_low", "auc_high"]].tolist()
    assert row["share"] == row["n_bound"] / row["n_hits"]
    text = page.says(data, scores, "aupr")
    assert "Median AUPR over 1 factors" in text
    assert f"motif score {table.loc['motif_score', 'aupr']:.3f}" in text
    assert "3 for" in text
    json.dumps(page.factor_rows(data, scores, "aupr"), allow_nan=False)


@pytest.mark.parametrize("metric", ["auc", "aupr"])
def test_the_figure_holds_dots_intervals_and_chance(data, scores, metric):
    figure = page.figure(data, scores, metric, "CTCF")
    go.Figure(figure)
    table = data.tf_benchmark.benchmark.set_index("key")
    share = data.tf_benchmark.factors["n_bound"] / data.tf_benchmark.factors["n_hits"]
    assert figure["data"][0]["x"][0] == (0.5 if metric == "auc" else share[0])
    for trace, key in zip(figure["data"][1:], KEYS, strict=True):
        (value,) = unpacked(trace["x"])
        low = value - unpacked(trace["error_x"]["arrayminus"])[0]
        high = value + unpacked(trace["error_x"]["array"])[0]
        np.testing.assert_allclose(
            [value, low, high],
            table.loc[key, [metric, f"{metric}_low", f"{metric}_high"]].astype(float))
    click = {"points": [{"customdata": 0}]}
    assert page.clicked_factor(data, click, scores, metric) == "CTCF"
    assert page.clicked_factor(data, {"points": [{"customdata": 1}]}, scores, metric) is None


def test_curves_have_the_areas_of_the_table(data, scores):
    sites = data.tf_benchmark.sites("CTCF")
    assert sites.notna().all().all()
    for curve, key in zip(data.tf_benchmark.curves("CTCF", KEYS), KEYS, strict=True):
        area = auc(curve.false_positive_rate, curve.recall)
        assert area == pytest.approx(roc_auc_score(sites["bound"], sites[key]))
        stored = data.tf_benchmark.benchmark.set_index("key").loc[key, "auc"]
        assert area == pytest.approx(stored)
        assert curve.precision[-1] == pytest.approx(sites["bound"].mean())
    go.Figure(page.curves(data, "CTCF", scores))


def test_the_best_and_worst_sites_are_those_of_the_score(data):
    key = "deeplift|tokens"
    table = data.tf_benchmark.extremes("CTCF", key, 3)
    sites = data.tf_benchmark.sites("CTCF")
    bound = sites[sites["bound"]][key].sort_values()
    other = sites[~sites["bound"]][key].sort_values()
    kinds = {kind: part["value"].tolist() for kind, part in table.groupby("kind")}
    # Few bound hits are not shown twice: the upper half was found, the lower half missed.
    half = min(3, -(-len(bound) // 2))
    assert kinds["found"] == bound.iloc[::-1].iloc[:half].tolist()
    assert kinds["missed"] == bound.iloc[: min(3, len(bound) - half)].tolist()
    assert kinds["wrong"] == other.iloc[::-1].iloc[:3].tolist()
    assert not table.index.duplicated().any()
    assert table["percentile"].between(0, 100).all()
    everything = data.tf_benchmark.extremes("CTCF", key, 10_000)
    assert not everything.index.duplicated().any()
    rows = page.site_rows(data, "CTCF", key)
    site = sites.loc[int(rows[0]["id"])]
    there = page.place_of(data, rows)
    assert isinstance(there, Region)
    assert there.start <= site["start"] < site["end"] <= there.end
    assert there.end - there.start == 1_000
    assert "CTCF" in page.factor_text(data, "CTCF")


def test_tables_are_saved_whole(data):
    found = data.tf_benchmark
    table = pd.read_csv(io.StringIO(found.csv()))
    assert len(table) == len(found.benchmark)
    assert {"family", "n_hits", "auc_low", "track"} <= set(table)
    sites = pd.read_csv(io.StringIO(found.sites_csv("CTCF")))
    assert len(sites) == len(found.sites("CTCF"))
    assert set(found.scores) <= set(sites)


def test_a_run_without_benchmark_says_which_command_makes_it(data, tmp_path, monkeypatch):
    from precompute.artefacts import RunFolder

    lacking = TfBenchmark(RunFolder(tmp_path))
    assert not lacking.is_there
    monkeypatch.setattr(data, "tf_benchmark", lacking)
    assert "python -m precompute tf-benchmark" in str(benchmark_page(data))
