"""The page Motif effects against sums over the stored contributions and words."""

from __future__ import annotations

import numpy as np
import pytest

from precompute import effects
from precompute.config import parse_config
from precompute.context import StageContext
from precompute.errors import MotiflensError
from vizapp.callbacks.effects import clicked_cluster, pair_text, plane, ranking, read_cluster
from vizapp.data.effects import meeting
from vizapp.figures.effects import decade_ticks
from vizapp.figures.label_places import _placed, place_names


def stored(data):
    group = data.run.group("attributions_tokens")
    parts = [(group[f"{c}/indices"][:].astype(int), group[f"{c}/values"][:]) for c in data.chroms]
    return [np.concatenate(side) for side in zip(*parts, strict=True)]


def test_sums_are_those_of_all_stored_contributions(data, monkeypatch):
    cluster, value = stored(data)
    table = data.effects.table
    for number, row in table.iterrows():
        mine = value[cluster == number].astype(float)
        assert row["bins"] == len(mine)
        if len(mine):
            assert row["mean"] == pytest.approx(mine.mean())
            assert row["mean_abs"] == pytest.approx(np.abs(mine).mean())
            assert row["total"] == pytest.approx(mine.sum())
            same = (mine > 0) if row["mean"] >= 0 else (mine <= 0)
            assert row["same_sign"] == pytest.approx(same.mean())
    context = StageContext(parse_config(data.config, None, "x"), data.run, "effects")
    group, chroms = data.run.group("attributions_tokens"), list(data.chroms)
    n = len(table)
    whole = effects.summed(group, chroms, n, 100, context)
    monkeypatch.setattr(effects, "_BLOCK", 1000)
    again = effects.summed(group, chroms, n, 100, context)
    np.testing.assert_array_equal(again.bins, whole.bins)
    np.testing.assert_allclose(again.total, whole.total, rtol=1e-12, atol=1e-12)
    # Stretches run on over the chromosomes' ends and lose no bin.
    for cut in (2, 7):
        again = effects.summed(group, chroms, n, cut, context)
        np.testing.assert_array_equal(again.bins.sum(0), whole.bins.sum(0))


def test_what_was_not_explained_counts_nowhere():
    """Around peaks alone the other contributions are NaN."""
    value = np.array([1.0, np.nan, -3.0, np.nan, 2.0], np.float32)
    sums = effects.EffectSums.zeros(2, 3)
    sums.add(1, np.array([0, 0, 0, 1, 2]), value)
    table = effects.effect_table(sums)
    assert table["bins"].tolist() == [2, 0, 1]
    assert table["mean"].tolist()[::2] == [-1.0, 2.0]
    assert table["same_sign"][0] == 0.5
    assert np.isnan(table["mean"][1])


def test_the_interval_is_that_of_leaving_out_stretches_one_by_one():
    """Against the delete-m jackknife as Busing et al. write it, for stretches of unequal size."""
    rng = np.random.default_rng(3)
    m, t = rng.integers(1, 40, 12), rng.normal(2, 5, 12)
    n, theta = m.sum(), t.sum() / m.sum()
    left_out = np.array([(t.sum() - t[j]) / (n - m[j]) for j in range(12)])
    h = n / m
    theta_j = 12 * theta - ((1 - m / n) * left_out).sum()
    variance = (((h * theta - (h - 1) * left_out - theta_j) ** 2) / (h - 1)).mean()
    low, high = effects.jackknife_interval(m[:, None], t[:, None])
    assert low[0] == pytest.approx(theta - 1.959964 * variance**0.5)
    assert high[0] == pytest.approx(theta + 1.959964 * variance**0.5)
    one = np.eye(12, dtype=int)[:, :1] * 5
    assert np.isnan(effects.jackknife_interval(one, one * 1.0)).all()
    assert np.isnan(effects.jackknife_interval(one * 0, one * 0.0)).all()


def test_the_interval_covers_the_mean_of_correlated_neighbours():
    """Blocks of equal values: an interval over single bins would be far too narrow."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        block = rng.normal(1, 1, 60)
        low, high = effects.jackknife_interval(np.full((60, 1), 50), 50 * block[:, None])
        covered += low[0] <= 1 <= high[0]
    assert 0.88 <= covered / 200 <= 0.99


def test_names_on_the_plane_lie_on_no_other_name_or_point():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0, 560, 25).tolist(), rng.uniform(0, 440, 25).tolist()
    x[1], y[1] = x[0] + 3, y[0] + 2
    names = ["n" * int(k) for k in rng.integers(3, 24, 25)]
    sides = place_names(x, y, names, 560, 440)
    boxes = [(k, _placed(x[k], y[k], 5.6 * len(names[k]), side))
             for k, side in enumerate(sides) if side]
    assert len(boxes) > 15
    for i, a in boxes:
        assert min(a.left, a.top, 560 - a.right, 440 - a.bottom) >= 0
        assert not any(a.meets(b) for j, b in boxes if i != j)
        assert not any(a.left < x[k] < a.right and a.top < y[k] < a.bottom
                       for k in range(25) if k != i)


@pytest.mark.parametrize(("low", "high"), [(3, 9e5), (90, 110), (1, 1e12), (7e5, 9e5), (2, 40)])
def test_ticks_of_a_logarithmic_axis_are_few_and_inside(low, high):
    ticks = decade_ticks(low, high)
    assert 1 < len(ticks) <= 7
    assert all(low <= t <= high for t in ticks)
    assert ticks == sorted(set(ticks))


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
