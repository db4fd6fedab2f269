"""The comparison of two selections: groups, table, volcano and CSV, without a browser."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from scipy.stats import mannwhitneyu

from precompute.errors import MotiflensError
from vizapp.callbacks.compare import (
    clicked_motif,
    compare,
    comparison_csv,
    comparison_rows,
    comparison_says,
)
from vizapp.figures.volcano import FDR, volcano
from vizapp.saved import save

MEGA = {"kind": "community", "level": "mega", "id": 0}
OTHER = {"kind": "community", "level": "mega", "id": 1}


@pytest.fixture(scope="module")
def saved():
    return save(save(None, "largest", MEGA), "second", OTHER)


@pytest.fixture(scope="module")
def found(data, saved):
    return compare(data, "saved:0", "saved:1", None, saved)


def test_the_table_is_scipys_test_of_the_two_groups(data, found):
    values = data.explorer.values.toarray().astype(np.float64)
    first, second = values[data.explorer.mega == 0], values[data.explorer.mega == 1]
    for j in np.flatnonzero(np.ptp(np.vstack([first, second]), axis=0))[:12]:
        wanted = mannwhitneyu(first[:, j], second[:, j], method="asymptotic")
        assert found.table["p_value"][j] == pytest.approx(max(wanted.pvalue, 1e-300), rel=1e-6)
        auc = wanted.statistic / (len(first) * len(second))
        assert found.table["auc"][j] == pytest.approx(auc)
    assert found.n_both == 0


def test_overlap_is_counted_and_left_out(data, saved):
    wide = save(saved, "not the second", {"kind": "invert", "of": [OTHER]})
    found = compare(data, "current", "saved:2", {"kind": "union", "of": [MEGA, OTHER]}, wide)
    n = int((data.explorer.mega == 0).sum())
    only = data.explorer.ranked.compare(data.explorer.mega == 1, data.explorer.mega > 1)
    pd.testing.assert_frame_equal(found.table, only)
    assert found.n_both == n
    assert f"{n:,} in both, left out" in comparison_says(found)
    with pytest.raises(MotiflensError, match="tokens of their own"):
        compare(data, "saved:0", "saved:0", None, saved)


def test_all_others_are_the_rest(data, saved):
    found = compare(data, "saved:0", "rest", None, saved)
    np.testing.assert_array_equal(found.b.members, data.explorer.mega != 0)
    plain = data.explorer.ranked.enrich(data.explorer.mega == 0)
    np.testing.assert_array_equal(found.table["q_value"], plain["q_value"])


def test_the_volcano_places_every_motif_and_names_those_of_the_top(data, found):
    figure = volcano(found.table, data.explorer.cluster_labels, ("largest", "second"))
    go.Figure(figure)
    shown = {row[0]: (x, y) for t in figure["data"]
             for row, x, y in zip(t["customdata"], t["x"], t["y"], strict=True)}
    assert sorted(shown) == list(range(len(found.table)))
    for i, row in found.table.iterrows():
        assert shown[i] == pytest.approx(
            (row["log2_ratio"], -np.log10(row["q_value"])), abs=6e-4)
    quiet, higher, lower = figure["data"]
    assert all(found.table["q_value"][r[0]] >= FDR for r in quiet["customdata"])
    assert all(x > 0 for x in higher["x"])
    assert all(x <= 0 for x in lower["x"])
    best = found.table.sort_values("q_value").index[0]
    assert data.explorer.cluster_labels[best] in {
        a["text"] for a in figure["layout"]["annotations"]}


def test_the_volcano_of_no_difference_has_no_names(data, found):
    table = found.table.assign(q_value=1.0, log2_ratio=0.0)
    figure = volcano(table, data.explorer.cluster_labels, ("a", "b"))
    go.Figure(figure)
    assert figure["layout"]["annotations"] == []


def test_rows_are_sorted_by_significance_and_the_csv_keeps_all_digits(data, found):
    rows = comparison_rows(data, found.table)
    assert sorted(r["cluster"] for r in rows) == list(range(len(found.table)))
    q = [r["q_value"] for r in rows]
    assert q == sorted(q)
    assert min(q) > 0
    text = io.StringIO(comparison_csv(data, found.table))
    table = pd.read_csv(text, float_precision="round_trip")
    for column in found.table:
        np.testing.assert_array_equal(table[column], found.table[column])
    assert table["motif_cluster"].tolist() == data.explorer.cluster_labels


@pytest.mark.parametrize(("first", "second", "says"), [
    ("current", "rest", "nothing is selected"), ("saved:9", "rest", "no such saved"),
    (None, "rest", "from the lists"), ("saved:x", "rest", "from the lists"),
    ("saved:0", {"a": 1}, "from the lists"), ("saved:" + "9" * 400, "rest", "no such saved"),
])
def test_impossible_choices_are_one_sentence(data, saved, first, second, says):
    with pytest.raises(MotiflensError, match=says):
        compare(data, first, second, None, saved)


@pytest.mark.parametrize(("click", "rows", "color"), [
    ({"points": [{"customdata": [3, "x"]}]}, None, "motif:3"),
    (None, [{"cluster": 2}], "motif:2"), (None, None, None), ({"points": []}, None, None),
    ({"points": [{"customdata": "3"}]}, None, None), (None, [{"cluster": 10**6}], None),
    (None, [{"cluster": True}], None), (None, [{"cluster": -1}], None), ("x", [[]], None),
])
def test_a_click_colours_the_map_by_its_motif(data, click, rows, color):
    assert clicked_motif(data, click, rows) == color
