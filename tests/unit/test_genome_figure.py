"""How tracks are drawn: nothing vanishes in wide windows, nothing is cut off in narrow ones."""

from __future__ import annotations

import base64
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizapp.figures.genome import (
    GeneShape,
    NameLane,
    attribution_track,
    base_track,
    gene_track,
    interval_track,
    names_with_room,
    readable_on,
    stack,
    strip_track,
)
from vizapp.state import Region
from vizapp.theme import DIVERGING
from vizapp.views.genome_drawing import build_genome
from vizapp.views.genome_explained import error_text


def decoded(packed: dict) -> np.ndarray:
    """The array of a packed one."""
    kinds = {"f4": np.float32, "f8": np.float64, "i4": np.int32, "i2": np.int16, "u1": np.uint8}
    return np.frombuffer(base64.b64decode(packed["bdata"]), kinds[packed["dtype"]])


def test_a_narrow_peak_stays_visible_in_a_wide_window_and_its_hover_stays_true():
    start, end = 0, 13_400_000
    track = interval_track("peaks", [("CTCF", "#000000", [(5_000_000, 5_000_200)])], start, end)
    x = track.traces[0]["x"]
    assert x[1] - x[0] >= (end - start) / 1000
    assert x[0] < 5_000_000 < 5_000_200 < x[1]
    assert track.traces[0]["text"][0] == "5,000,001-5,000,200"


def test_a_wide_peak_is_drawn_as_it_is_and_cut_at_the_window():
    track = interval_track("peaks", [("CTCF", "#000000", [(900, 1_500)])], 1_000, 2_000)
    assert track.traces[0]["x"] == [1_000, 1_500, None]


def test_gene_names_keep_away_from_both_ends():
    genes = [GeneShape("LEFT", 0, 1_010, "+", []), GeneShape("RIGHT", 1_990, 9_000, "-", [])]
    text = gene_track(genes, 1_000, 2_000).traces[2]
    assert min(text["x"]) >= 1_000 + 50
    assert max(text["x"]) <= 2_000 - 50


def test_only_tokens_with_room_for_it_carry_a_name():
    edges = np.array([0, 400, 405, 1_000])
    community = np.array([0, 1, -1])
    names = ["M0 CTCF", "M1 KLF4"]
    track = strip_track(edges, community, 2, None, None, False, names)
    labels = track.traces[1]
    # The second is too narrow, the third has no motif.
    assert labels["text"] == ["M0 CTCF"]
    assert decoded(labels["x"]).tolist() == [200]
    assert strip_track(edges, community, 2, None, None, False).traces[1:] == []


@given(st.lists(
    st.tuples(st.integers(0, 2_000), st.integers(1, 16), st.sampled_from([0, 0.5, 1, 2, 7])),
    max_size=40,
))
def test_named_tokens_never_touch_and_only_weightier_names_keep_one_out(tokens):
    middle, letters, weight = (np.array([t[i] for t in tokens], dtype=float) for i in range(3))
    shown = names_with_room(middle, letters, weight, 5.0).tolist()
    half = (letters + 1.5) * 5.0 / 2
    def touch(a: int, b: int) -> bool:
        return abs(middle[a] - middle[b]) < half[a] + half[b]

    assert shown == sorted(set(shown))
    assert not any(touch(a, b) for a, b in pairwise(shown))
    for i in set(range(len(tokens))) - set(shown):
        assert weight[i] == 0 or any(touch(i, k) and weight[k] >= weight[i] for k in shown)


def test_names_stand_below_their_tokens_and_say_what_chose_them():
    edges, community = np.array([0, 10, 20, 1_000]), np.array([0, 1, -1])
    lane = NameLane(["CTCF", "KLF4", "NFYA"], np.array([1.0, 3.0, 2.0]), "the rarest")
    track = strip_track(edges, community, 2, None, None, False, None, 1_000, lane)
    ticks, names = track.traces[1:]
    # The first two stand in each other's way, and the second weighs more.
    assert names["text"] == ["KLF4", "NFYA"]
    assert decoded(names["x"]).tolist() == decoded(ticks["x"]).tolist() == [15, 510]
    assert track.yaxis["range"][0] < min(names["y"]) <= max(names["y"]) < 0
    assert track.note.endswith("named: the rarest")
    plain = strip_track(edges, community, 2, None, None, False, None, 1_000)
    assert track.height > plain.height


@pytest.mark.parametrize(("color", "ink"), [("#FFFFFF", "#000000"), ("#F0E442", "#000000"),
                                            ("#000000", "#FFFFFF"), ("#0072B2", "#FFFFFF")])
def test_names_are_readable_on_their_colour(color, ink):
    assert readable_on(color) == ink


def test_the_attribution_map_is_centred_at_zero_and_zero_is_see_through():
    values = np.array([[-1.0, 0.0, 3.0]], dtype=np.float32)
    heat = attribution_track(np.array([0, 1, 2, 3]), ["CTCF"], values, "").traces[0]
    assert heat["zmin"] == -heat["zmax"]
    assert dict(DIVERGING)[0.5].endswith(",0)")


def test_letters_point_down_where_the_contribution_is_negative():
    edges = np.arange(4)
    track = base_track(edges, np.array([1.0, -2.0, 0.5]), np.array([0, 1, 3]), "")
    by_name = {t.get("name"): t for t in track.traces}
    # The round outline of a C stops half a percent short.
    assert min(v for v in by_name["C"]["y"] if v is not None) == pytest.approx(-2.0, rel=0.01)
    assert max(v for v in by_name["A"]["y"] if v is not None) == pytest.approx(1.0)
    assert track.yaxis["range"][0] < -2 < 1 < track.yaxis["range"][1]


def test_the_axis_lies_under_all_tracks_even_when_the_last_is_empty(data):
    low, high = data.genome.chroms["chr20"]
    layout = build_genome(data, Region("chr20", low, high))["layout"]
    assert (layout["xaxis"]["anchor"], layout["xaxis"]["position"]) == ("free", 0)
    domains = [layout[k]["domain"] for k in layout if k.startswith("yaxis")]
    tops = [b for _, b in domains]
    assert tops == sorted(tops, reverse=True)
    assert all(0 <= a < b <= 1 for a, b in domains)
    assert all(a[0] >= b[1] - 1e-9 for a, b in pairwise(domains))


def test_wide_windows_are_reduced_to_what_a_screen_can_show(data):
    low, high = data.genome.chroms["chr20"]
    figure = build_genome(data, Region("chr20", low, high))
    for trace in figure["data"]:
        if isinstance(trace.get("x"), dict):
            assert len(decoded(trace["x"])) <= 1_202


def test_an_error_is_never_printed_as_zero():
    assert error_text(0.0) == "< 1e-16"
    assert error_text(2.3e-9) == "2e-09"


def test_an_empty_stack_of_one_track_is_a_figure():
    track = interval_track("none", [], 0, 100)
    go.Figure(stack([track], "chr20", 0, 100, "hg19"))
