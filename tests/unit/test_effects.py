"""The page Motif effects against sums over the stored contributions and words."""

from __future__ import annotations

import numpy as np
import pytest

from precompute.errors import MotiflensError
from vizapp.callbacks.effects import clicked_cluster, pair_text, plane, ranking, read_cluster
from vizapp.data.effects import EffectData, meeting


def stored(data):
    group = data.run.group("attributions_tokens")
    parts = [(group[f"{c}/indices"][:].astype(int), group[f"{c}/values"][:]) for c in data.chroms]
    return [np.concatenate(side) for side in zip(*parts, strict=True)]


def test_sums_are_those_of_all_stored_contributions(data, monkeypatch):
    cluster, value = stored(data)
    for block in (1 << 22, 1000):
        monkeypatch.setattr("vizapp.data.effects._BLOCK", block)
        found = EffectData(data.run, len(data.explorer.cluster_labels)).effects
        assert found.n_bins == found.n_all == sum(map(data.tokens.n_bins, data.chroms))
        for number, row in found.table.iterrows():
            mine = value[cluster == number].astype(float)
            assert row["bins"] == len(mine)
            if len(mine):
                assert row["mean"] == pytest.approx(mine.mean())
                assert row["mean_abs"] == pytest.approx(np.abs(mine).mean())
                assert row["total"] == pytest.approx(mine.sum())


def test_a_large_run_is_read_in_spread_stretches_and_says_so(data, monkeypatch):
    monkeypatch.setattr("vizapp.data.effects._BLOCK", 500)
    monkeypatch.setattr("vizapp.data.effects.MAX_READ", len(stored(data)[0]) // 3)
    found = EffectData(data.run, len(data.explorer.cluster_labels)).effects
    assert 0.1 < found.n_bins / found.n_all < 0.6


def test_ranking_and_plane_show_every_cluster_that_occurs(data):
    rows, (figure, says) = ranking(data), plane(data, {"kind": "motif", "clusters": [2]})
    assert [r["mean"] for r in rows] == sorted((r["mean"] for r in rows), reverse=True)
    points = figure["data"][0]
    assert {r["cluster"] for r in rows} == {c[0] for c in points["customdata"]}
    ringed = [c[0] for c, w in zip(points["customdata"], points["marker"]["line"]["width"],
                                   strict=True) if w]
    assert ringed == [2]
    assert "bins; baseline: " in says


def test_two_clusters_meet_in_the_bins_whose_words_hold_both(data):
    words = data.run.table("words")
    holds = [np.array([c in set(w) for w in words["clusters"]]) for c in (0, 8)]
    frequency = words["frequency"].to_numpy()
    holders = data.word_table.search.holders
    met = meeting(holders(0), holders(8), frequency)
    n = [int(frequency[h].sum()) for h in (*holds, holds[0] & holds[1])]
    assert (met.first, met.second, met.both) == tuple(n)
    assert met.expected == pytest.approx(n[0] * n[1] / frequency.sum())
    assert met.log2_ratio == pytest.approx(np.log2(n[2] / met.expected))
    assert f"{n[2]:,} bins" in str(pair_text(data, "0", "8"))
    assert "the same cluster" in pair_text(data, "3", "3")
    assert "choose two" in pair_text(data, None, "3")


@pytest.mark.parametrize("raw", ["99", "-1", "x", 3, [], {}, "²", "9" * 40, True])
def test_no_other_cluster_is_read(data, raw):
    with pytest.raises(MotiflensError, match="choose one from the list"):
        read_cluster(data, raw)


@pytest.mark.parametrize("raw", [None, [], {}, [{"cluster": 99}], [{"cluster": True}], [3], "x",
                                 {"points": [{"customdata": ["0"]}]}, {"points": 3}])
def test_a_click_on_anything_else_selects_nothing(data, raw):
    assert clicked_cluster(data, "effect-grid", None, raw) is None
    assert clicked_cluster(data, "effect-graph", raw, None) is None
    assert clicked_cluster(data, "effect-grid", None, [{"cluster": 3}]) == 3
