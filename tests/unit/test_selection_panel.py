"""Callbacks of the selection panel, without a browser."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from precompute.errors import MotiflensError
from vizapp.callbacks import selection_panel
from vizapp.callbacks.export import selection_file
from vizapp.callbacks.links import selected_words
from vizapp.state import parse_selection

MEGA = {"kind": "community", "level": "mega", "id": 1}


@pytest.fixture(scope="module")
def lasso(data):
    low, high = np.quantile(data.explorer.layouts["tsne"].astype(float), [0.2, 0.9], axis=0)
    corners = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]
    polygon = [[float(x), float(y)] for x, y in corners]
    return {"kind": "lasso", "layout": "tsne", "polygon": polygon}


def test_the_summary_counts_words_places_and_points(data, lasso):
    size, source = selection_panel.describe_selection(data, lasso)
    members = data.explorer.members(parse_selection(lasso))
    words = set(data.explorer.points["word"][members])
    places = int(data.run.table("words")["frequency"][sorted(words)].sum())
    assert size == f"Selection: {len(words):,} words in {places:,} places"
    assert source == f"({members.sum():,} map points; drawn on the map, t-SNE)"
    assert "megacluster 1, " in selection_panel.describe_selection(data, MEGA)[1]
    assert "nothing yet" in selection_panel.describe_selection(data, None)[0]
    one = selection_panel.describe_selection(data, {"kind": "word", "word": 3})
    assert one[0].startswith("Selection: 1 word in ")
    assert str(data.lexicon.labels[3]) in one[1]


def test_the_panel_shows_the_enrichment_of_the_selection(data):
    bars, logos = selection_panel.build_panel(data, MEGA)
    go.Figure(bars)
    go.Figure(logos)
    stored = data.run.table("community_table")
    label = stored[(stored["level"] == "mega") & (stored["community"] == 1)]["label"].iloc[0]
    assert label in bars["data"][0]["y"]
    assert 1 <= len(logos["layout"]["annotations"]) <= 3


@pytest.mark.parametrize(
    ("selection", "says"),
    [(None, "nothing is selected"), ({"kind": "community", "level": "sub", "id": 999}, "selected"),
     ({"kind": "word", "word": 10**6}, "")])
def test_an_empty_selection_says_what_to_do(data, selection, says):
    bars, logos = selection_panel.build_panel(data, selection)
    assert says in bars["layout"]["annotations"][0]["text"]
    go.Figure(logos)


def test_a_word_that_the_run_has_not_is_refused(data):
    with pytest.raises(MotiflensError, match="no word"):
        selected_words(data, parse_selection({"kind": "word", "word": 2**31 - 1}))


def test_the_table_pages_and_sorts_as_asked(data):
    by_signal = [{"colId": "signal_atac", "sort": "desc"}]
    request = {"startRow": 10, "endRow": 25, "sortModel": by_signal}
    answer = selection_panel.instance_rows(data, MEGA, request)
    words = selected_words(data, parse_selection(MEGA))
    assert answer["rowCount"] == data.lexicon.count_places(words)
    rows, _ = data.lexicon.instances(words, 10, 25, "signal:atac", True)
    assert answer["rowData"] == rows
    plain = selection_panel.instance_rows(data, MEGA, {"startRow": 0, "endRow": 5})
    assert plain["rowData"] == data.lexicon.instances(words, 0, 5, "locus", False)[0]
    assert selection_panel.instance_rows(data, None, {"startRow": 0, "endRow": 5})["rowCount"] == 0


@pytest.mark.parametrize(
    "request_", ["x", {}, {"startRow": "0", "endRow": 5}, {"startRow": 9, "endRow": 2},
                 {"startRow": 0, "endRow": 10**9}])
def test_impossible_pages_are_refused(data, request_):
    with pytest.raises(MotiflensError, match="rows that do not exist"):
        selection_panel.instance_rows(data, MEGA, request_)


@pytest.mark.parametrize("model", ["x", [], [3], [{}], [{"colId": ["a"], "sort": 3}]])
def test_a_malformed_sort_is_by_locus(data, model):
    request = {"startRow": 0, "endRow": 4, "sortModel": model}
    expected = selection_panel.instance_rows(data, MEGA, {"startRow": 0, "endRow": 4})
    assert selection_panel.instance_rows(data, MEGA, request) == expected


def test_bed_lists_every_place_with_its_frequency(data):
    lines = "".join(selection_file(data, "places.bed", MEGA)).splitlines()
    words = selected_words(data, parse_selection(MEGA))
    rows, n = data.lexicon.instances(words, 0, 10**6, "locus", False)
    assert len(lines) == n
    for line, row in zip(lines, rows, strict=True):
        chrom, start, end, name, score = line.split("\t")
        assert (chrom, int(start), int(end)) == (row["chrom"], row["start"], row["end"])
        assert name == row["word"].replace(" ", "_")
        assert int(score) == min(1000, row["frequency"])
    with pytest.raises(MotiflensError, match="nothing is selected"):
        selection_file(data, "places.bed", None)
