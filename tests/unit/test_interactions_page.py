"""The cards about knocked-out pairs against the tables that they show."""

from __future__ import annotations

import numpy as np
import pytest

from precompute.errors import MotiflensError
from vizapp.callbacks.effects import pair_text
from vizapp.callbacks.interactions import (
    chosen_pair,
    clicked_pair,
    clicked_site,
    matrix,
    pair_rows,
    site_rows,
    words_with,
)
from vizapp.data.interactions import InteractionData, by_distance
from vizapp.figures.interactions import distance_figure, q_text
from vizapp.views.interactions import interaction_cards


def test_the_matrix_shows_every_pair_on_both_sides(data):
    figure, says = matrix(data, (0, 8))
    heat, dots = figure["data"][:2]
    pairs = data.run.table("interactions")
    shown = {(c[0], c[1]) for row in heat["customdata"] for c in row if c}
    assert shown == set(zip(pairs["first"], pairs["second"], strict=True))
    n_cells = sum(1 if a == b else 2 for a, b in shown)
    assert np.isfinite(np.array(heat["z"], float)).sum() == n_cells
    z = np.array(heat["z"], float)
    np.testing.assert_array_equal(z, z.T)
    for row in pairs.itertuples():
        assert (z == row.interaction).sum() == (1 if row.first == row.second else 2)
    significant = {(r.first, r.second) for r in pairs.itertuples() if r.q_value < 0.05}
    assert {(c[0], c[1]) for c in dots["customdata"]} == significant
    assert len([s for s in figure["layout"]["shapes"] if s["line"]["width"] == 2]) == 2
    assert "4 pairs of 5 clusters at 96 sites" in says


def test_the_table_is_ranked_and_its_rows_choose_their_pair(data):
    rows = pair_rows(data)
    assert [r["q"] for r in rows] == sorted(r["q"] for r in rows)
    assert all(r["q_text"] != "0" for r in rows)
    for row in rows:
        assert clicked_pair(data, "interaction-grid", None, [row]) == (row["first"], row["second"])
    event = {"points": [{"customdata": [8, 0, "x"]}]}
    assert clicked_pair(data, "interaction-graph", event, None) == (0, 8)
    assert q_text(0.0) == "< 1e-300"


def test_sites_of_a_pair_lead_to_their_places(data):
    table = data.run.table("interaction_sites")
    mine = table[(table["first"] == 0) & (table["second"] == 8)].reset_index(drop=True)
    rows = site_rows(data, (0, 8))
    assert len(rows) == len(mine)
    strength = [abs(r["interaction"]) for r in rows]
    assert strength == sorted(strength, reverse=True)
    for row in rows[:5]:
        site = mine.iloc[int(row["id"].split("-")[2])]
        logs = [np.log2(site[c] + 0.01) for c in (
            "predicted", "without_first", "without_second", "without_both")]
        assert row["interaction"] == pytest.approx(logs[3] + logs[0] - logs[1] - logs[2])
        assert row["both"] == pytest.approx(logs[3] - logs[0])
        there = clicked_site(data, "site-grid", None, [row])
        assert there.chrom == site["chrom"]
        assert there.start <= site["start"] < site["end"] <= there.end
        point = {"customdata": [row["place"], 0.0]}
        assert clicked_site(data, "distance-graph", {"points": [point]}, None) == there


def test_groups_by_distance_hold_every_site_once(data):
    sites = data.interactions.sites(8, 0)
    near = by_distance(sites)
    assert near.sites.sum() == len(sites)
    assert (np.diff(near.distance_bp) >= 0).all()
    assert ((near.low <= near.mean) & (near.mean <= near.high)).all()
    assert (near.mean * near.sites).sum() / len(sites) == pytest.approx(sites["interaction"].mean())
    assert len(by_distance(sites.head(9)).sites) == 1
    assert len(distance_figure(sites, near)["data"]) == 2


def test_a_pair_is_told_beside_its_meeting(data):
    text = str(pair_text(data, "0", "8"))
    pair = data.interactions.pair(8, 0)
    assert f"{pair['interaction']:+.3f}" in text
    assert "By chance" in text
    assert "not tested" in str(pair_text(data, "1", "8"))
    assert f"{data.interactions.pair(2, 2)['interaction']:+.3f}" in str(pair_text(data, "2", "2"))


def test_both_clusters_select_the_words_that_hold_both(data):
    both = set(data.explorer.members(words_with((0, 8))).nonzero()[0].tolist())
    each = [set(data.explorer.members(words_with((c, c))).nonzero()[0].tolist()) for c in (0, 8)]
    assert both == each[0] & each[1]


@pytest.mark.parametrize("raw", [None, [], {}, [{"first": 99, "second": 0}], [{"first": True}],
                                 [3], "x", {"points": [{"customdata": ["0", 1]}]}, {"points": 3},
                                 {"points": [{"customdata": [-1, 0]}]}, [{"id": "99"}],
                                 [{"id": "²"}], {"points": [{"customdata": [None, 4]}]}])
def test_a_click_on_anything_else_does_nothing(data, raw):
    for trigger in ("interaction-grid", "interaction-graph"):
        assert clicked_pair(data, trigger, raw, raw) is None
    for trigger in ("site-grid", "distance-graph"):
        assert clicked_site(data, trigger, raw, raw) is None


def test_what_is_missing_has_its_sentence(data, tmp_path, monkeypatch):
    assert chosen_pair(data, None, "3") is None
    with pytest.raises(MotiflensError, match="choose one from the list"):
        chosen_pair(data, "0", "77")
    monkeypatch.setattr(InteractionData, "is_there", False)
    assert "the stage interactions" in str(interaction_cards(data))
    assert "Knocked out" not in str(pair_text(data, "0", "8"))
