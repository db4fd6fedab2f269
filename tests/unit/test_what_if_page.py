"""The page What if: states and links checked on the server, what is drawn, hostile requests."""

import base64
import io
import json
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.errors import MotiflensError
from tests.model_run import store_models
from tests.security.test_every_callback import HOSTILE, body_of, fault_of, served
from tests.synthetic_run import make_run
from vizapp import component_ids as ids
from vizapp import create_app
from vizapp.callbacks.mutagenesis import draw_part, read_ask, read_stretch
from vizapp.callbacks.what_if import (
    changed,
    read_span,
    read_state,
    state_at,
    state_of_url,
    target_of_view,
)
from vizapp.callbacks.what_if_drawing import choices, draw_state, summed_unit
from vizapp.data import RunData
from vizapp.figures.what_if import Box, mutagenesis_figure, packed_rows, prediction_figure
from vizapp.state import Region
from vizapp.what_if_state import WhatIfError

REGION = Region("chr20", 1_010_000, 1_011_000)
NAMES = ("figure", "boxes", "boxes_say", "chips", "effect", "place", "models", "tracks", "eraser",
         "says")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = make_run(tmp_path_factory.mktemp("what-if") / "run", n_bp=30_000)
    store_models(root)
    return root


@pytest.fixture(scope="module")
def data(root):
    return RunData(root)


@pytest.fixture(scope="module")
def state(data):
    return state_at(data, REGION)


def drawn(data, state):
    return dict(zip(NAMES, draw_state(data, state), strict=True))


def numbers(packed):
    kinds = {"f4": np.float32, "f8": np.float64, "i4": np.int32}
    return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=kinds[packed["dtype"]])


def pick(data, state, group, number=0):
    offered = choices(data.what_if.drawn(state))
    found = next(g for g in offered if g["group"].startswith(group))
    return found["items"][number]["value"]


@pytest.mark.parametrize("model", ["tokens", "onehot"])
def test_edits_one_after_another_are_all_edits_at_once(root, data, state, model):
    now = state._replace(model=model)
    middle = sum(state.target) // 2
    for text in (pick(data, now, "Motif calls"), pick(data, now, "Motif clusters"),
                 f"{middle} ins ACGTACGT", pick(data, now, "Factors", 1)):
        now = changed(data, now, ids.WHAT_IF_PICK, text)
        step = data.what_if.compare(now)
    # Nothing is kept yet by another reader of the same run.
    whole = RunData(root).what_if.compare(now)
    assert len(now.edits) == 4
    assert np.array_equal(step.edited, whole.edited, equal_nan=True)
    with pytest.raises(MotiflensError, match="edit 5: "):
        data.what_if.compare(now._replace(edits=(*now.edits, f"{middle} N>A")))


def test_without_an_edit_nothing_edited_is_drawn(data, state):
    names = [trace["name"] for trace in drawn(data, state)["figure"]["data"]]
    assert names == ["observed", "predicted, reference"]
    edited = changed(data, state, ids.WHAT_IF_PICK, pick(data, state, "Motif calls"))
    names = [trace["name"] for trace in drawn(data, edited)["figure"]["data"]]
    assert {"predicted, edited", "edited − reference"} <= set(names)


# -- states ---------------------------------------------------------------------------------------


def test_a_page_opens_at_the_genome_views_window(data, state):
    assert state.model == "tokens"
    assert state.target == (REGION.start, REGION.end)
    middle = (state.start + state.end) / 2
    assert abs(middle - 1_010_500) < 16
    assert (state.start - 1_000_000) % 16 == 0
    wide = state_at(data, Region("chr20", 1_000_000, 1_030_000))
    assert wide.target[1] - wide.target[0] == 500
    assert state_at(data, Region("chr20", 1_000_000, 1_000_040)).start == 1_000_000
    after = state._replace(model="onehot", track="dnase", eraser="n", edits=("factor x off",))
    moved = state_at(data, Region("chr21", 2_000, 2_400), after)
    assert (moved.chrom, moved.model, moved.track, moved.eraser, moved.edits) == (
        "chr21", "onehot", "dnase", "n", ())


def test_a_link_gives_the_state_back(data, state):
    edited = state._replace(
        target=(1_010_100, 1_010_400), track="dnase", model="onehot", eraser="n",
        edits=("chr20:1010200 ins ACGT", "chr20:1010300-1010310 del"),
    )
    link = (
        f"?page=what-if&region=chr20:1-5&window=chr20:{edited.start + 1}-{edited.end}"
        "&target=1010101-1010400&model=onehot&track=dnase&erase=n"
        "&edits=chr20%3A1010200+ins+ACGT%3B+chr20%3A1010300-1010310+del"
    )
    assert state_of_url(data, link, REGION) == edited
    assert read_state(data, json.loads(json.dumps(edited.as_json()))) == edited
    assert state_of_url(data, "?page=what-if", REGION) == state


@pytest.mark.parametrize(("change", "message"), [
    ({"model": "gpt"}, "no model 'gpt'"),
    ({"track": "x"}, "no track 'x'"),
    ({"eraser": "zap"}, "dinucleotide shuffle or N"),
    ({"edits": ["x" * 3_000]}, "at most 1,000 bp"),
    ({"edits": ["factor A off"] * 51}, "could not be read"),
    ({"edits": "factor A off"}, "could not be read"),
    ({"target": [1, 2, 3]}, "could not be read"),
    ({"start": True}, "could not be read"),
    ({"extra": 1}, "could not be read"),
])
def test_a_state_that_is_none_is_a_sentence(data, state, change, message):
    with pytest.raises(WhatIfError, match=message):
        read_state(data, state.as_json() | change)


@pytest.mark.parametrize(("query", "message"), [
    ("window=chr20:1-500", "outside"),
    ("window=chr20:1000001-1000100", "cannot be edited"),
    ("model=gpt", "no model 'gpt'"),
    ("target=5-9", "beyond the window"),
    ("target=what", "."),
    ("edits=" + "factor+A+off;" * 51, "could not be read"),
    ("region=nowhere", "."),
])
def test_a_link_that_cannot_be_followed_is_a_sentence(data, query, message):
    with pytest.raises(MotiflensError, match=message):
        state_of_url(data, "?page=what-if&" + query, REGION)


def test_what_is_used_on_the_page_changes_the_state(data, state):
    text = pick(data, state, "Motif calls")
    one = changed(data, state, ids.WHAT_IF_EDIT, f"  {text} ")
    assert one.edits == (text,)
    event = {"points": [{"customdata": [text]}]}
    assert changed(data, one, ids.WHAT_IF_BOXES, event).edits == ()
    assert changed(data, state, ids.WHAT_IF_BOXES, {"points": [{}]}) == state
    assert changed(data, state, ids.WHAT_IF_ADD, "  ") == state
    onehot = changed(data, state._replace(track="dnase"), ids.WHAT_IF_MODEL, "onehot")
    assert (onehot.model, onehot.track) == ("onehot", "dnase")
    assert changed(data, state, ids.WHAT_IF_ERASER, "n").eraser == "n"
    assert changed(data, state, ids.WHAT_IF_TRACK, "dnase").track == "dnase"
    aimed = changed(data, state, ids.WHAT_IF_TARGET, "chr20:1,010,101-1,010,200")
    assert aimed.target == (1_010_100, 1_010_200)
    assert read_span(data, state, "1,010,101-1,010,200") == aimed.target
    zoom = {"xaxis.range[0]": 1_010_050.6, "xaxis.range[1]": 1_010_099.2}
    assert target_of_view(state, zoom).target == (1_010_050, 1_010_100)
    for odd in (None, {}, {"xaxis.range[0]": "x", "xaxis.range[1]": float("nan")}, []):
        assert target_of_view(state, odd).target == (state.start, state.end)
    for trigger, value, message in (
        (ids.WHAT_IF_EDIT, "nonsense", "is no edit"),
        (ids.WHAT_IF_TARGET, "chr21:1-100", "the window is on chr20"),
        (ids.WHAT_IF_TARGET, "", "type a stretch"),
        (ids.WHAT_IF_MODEL, "gpt", "no model"), (ids.WHAT_IF_MODEL, [], "could not be read"),
    ):
        with pytest.raises(MotiflensError, match=message):
            changed(data, state, trigger, value)
    full = state._replace(edits=tuple(f"factor {i} off" for i in range(50)))
    with pytest.raises(WhatIfError, match="can have 50 edits"):
        changed(data, full, ids.WHAT_IF_EDIT, text)


# -- what is drawn --------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["tokens", "onehot"])
def test_the_figures_show_the_predictions_and_what_can_be_edited(data, state, model):
    # A token of a few bases may have no other shuffle; N always takes it away.
    state = changed(data, state, ids.WHAT_IF_MODEL, model)._replace(eraser="n")
    before = drawn(data, state)
    assert before["eraser"] == ({} if model == "onehot" else {"display": "none"})
    assert "→" not in before["effect"]
    text = pick(data, state, "Motif calls")
    edited = changed(data, state, ids.WHAT_IF_PICK, text)
    after = drawn(data, edited)
    assert after["says"] == ""
    assert "→" in after["effect"]
    assert len(after["chips"]) == 1
    traces = {t["name"]: t for t in after["figure"]["data"]}
    comparison = data.what_if.compare(edited)
    for name, values in (("predicted, reference", comparison.reference),
                         ("predicted, edited", comparison.edited)):
        np.testing.assert_allclose(numbers(traces[name]["y"])[:-1], values, rtol=1e-5)
    assert not np.array_equal(comparison.reference, comparison.edited)
    observed = data.run.group("signal")["chr20/atac/grid"][:]
    lo = (state.start - 1_000_000) // 16
    shown = numbers(traces["observed"]["y"])[:-1]
    np.testing.assert_array_equal(shown, observed[lo : lo + len(shown)])
    boxes = [t for t in after["boxes"]["data"] if t["type"] == "bar"]
    texts = [c[0] for trace in boxes for c in trace["customdata"] if c[0]]
    for one in texts[:: max(1, len(texts) // 12)]:
        assert changed(data, edited, ids.WHAT_IF_PICK, one).edits == (text, one)
    assert text not in texts
    assert len(json.dumps(draw_state(data, edited), default=str)) < 2_000_000
    share = data.what_if.percentile(edited)
    assert 0 <= share <= 100
    assert data.what_if.percentile(state) is None
    csv = pd.read_csv(io.StringIO("".join(data.what_if.comparison_csv(edited))), comment="#")
    np.testing.assert_allclose(csv["edited"], comparison.edited, rtol=1e-5)


def test_an_emptied_token_is_hollow_and_a_click_puts_it_back(data, state):
    token = pick(data, state, "Tokens", 3)
    edited = changed(data, state, ids.WHAT_IF_PICK, token)
    boxes = drawn(data, edited)["boxes"]["data"][0]
    at = [c[0] for c in boxes["customdata"]].index(token)
    assert boxes["marker"]["color"][at] == "rgba(0,0,0,0)"
    assert boxes["marker"]["color"].count("rgba(0,0,0,0)") == 1
    again = changed(data, edited, ids.WHAT_IF_BOXES,
                    {"points": [{"customdata": boxes["customdata"][at]}]})
    assert again == state


def test_edits_that_no_longer_fit_are_said_and_can_be_taken_away(data, state):
    broken = state._replace(edits=("chr20:1010100-1010110 del", "chr20:1010105 ins A"))
    shown = drawn(data, broken)
    assert "edit 2" in shown["says"]
    assert len(shown["chips"]) == 2
    assert shown["place"].startswith("chr20:")


def test_sums_are_in_the_unit_of_a_sum():
    assert summed_unit("insertions per bp") == "insertions"
    assert summed_unit("peak score") == "peak score × bp"


# -- mutagenesis ----------------------------------------------------------------------------------


def test_mutagenesis_grows_part_by_part(data, state):
    stretch = read_stretch(data, state, "1,010,101-1,010,150")
    ask = {"state": state.as_json(), "stretch": list(stretch), "upto": 20}
    figure, done, says = draw_part(data, ask)
    assert done == {"upto": 20, "of": 50}
    assert "20 of 50 bp, 60 substitutions" in says
    z = np.array(figure["data"][0]["z"], dtype=float)
    assert z.shape == (4, 50)
    assert np.isnan(z[:, 20:]).all()
    codes = data.run.group("sequence")["chr20/codes"][10_100:10_120]
    np.testing.assert_array_equal(np.isnan(z[:, :20]).argmax(axis=0), codes)
    figure, done, _ = draw_part(data, ask | {"upto": 50})
    assert done == {"upto": 50, "of": 50}
    whole = np.array(figure["data"][0]["z"], dtype=float)
    np.testing.assert_array_equal(whole[:, :20], z[:, :20])
    assert np.isfinite(whole).sum() == 150
    table = pd.read_csv(
        io.StringIO("".join(data.what_if.mutagenesis_csv(state, stretch))), comment="#")
    first = table[table["position"] == 1_010_101]
    for row in first.itertuples():
        assert row.log2_fold == pytest.approx(whole["ACGT".index(row.alternative), 0], abs=1e-5)


@pytest.mark.parametrize(("text", "message"), [
    ("1010101-1010301", "at most 200 can"), ("chr21:5-9", "is on chr20"),
    ("1000000-1000100", "."), ("", "type a stretch"), ("abc", "."),
])
def test_a_stretch_that_cannot_be_mutated_is_a_sentence(data, state, text, message):
    with pytest.raises(MotiflensError, match=message):
        read_stretch(data, state, text)


@pytest.mark.parametrize("change", [
    {"stretch": [5, 1]}, {"stretch": [0, 201]}, {"stretch": ["a", "b"]}, {"stretch": None},
    {"upto": 0}, {"upto": 10**9}, {"upto": True}, {"upto": None}, {"more": 1}, {"state": None},
])
def test_a_request_of_a_part_is_checked(data, state, change):
    ask = {"state": state.as_json(), "stretch": [1_010_100, 1_010_150], "upto": 20}
    with pytest.raises(WhatIfError, match="could not be read"):
        read_ask(data, ask | change)


# -- figures --------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(5, 30), st.text("abc", max_size=9)),
                max_size=40))
def test_boxes_and_their_names_never_overlap(given_boxes):
    boxes = [Box(s, s + n, label, "", None, "") for s, n, label in given_boxes]
    rows = packed_rows(boxes, 2.5, 6)
    assert len(rows) <= 6
    for row in rows:
        spans = sorted(
            ((b.start + b.end) / 2 - max(b.end - b.start, 2.5 * (len(b.label) + 1)) / 2,
             (b.start + b.end) / 2 + max(b.end - b.start, 2.5 * (len(b.label) + 1)) / 2)
            for b in row)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_a_stretch_without_a_known_base_is_drawn_empty():
    empty = np.full((4, 5), np.nan)
    figure = mutagenesis_figure(9, np.full(5, 4, np.uint8), empty, empty, 5, "u", "x")
    assert figure["data"][0]["z"] == [[None] * 5] * 4
    assert figure["data"][0]["zmax"] == 1.0


# -- requests -------------------------------------------------------------------------------------


def test_strange_values_beside_a_sound_state_are_no_fault(root, state):
    client = (app := create_app(root)).server.test_client()
    wanted = [(n, c) for n, c in served(app) if any(
        p["id"] in (ids.WHAT_IF_STORE, ids.MUTATE_ASK) for p in [*c["inputs"], *c["state"]])]
    assert len(wanted) >= 9
    sound = {ids.WHAT_IF_STORE: state.as_json(), ids.REGION_STORE: REGION._asdict()}
    faults = []
    for what in ("a huge number", "a path", "a list of lists", "a strange object", "markup"):
        for name, callback in wanted:
            for changed_input in range(len(callback["inputs"])):
                body = body_of(
                    name, callback,
                    lambda _, part, what=what: sound.get(part["id"], HOSTILE[what]), changed_input)
                if fault_of(client, body) is not None:
                    faults.append((what, body["changedPropIds"], name[:80]))
    assert not faults, faults[:5]


def test_every_row_of_the_figure_has_a_curve_and_the_axis_is_below_the_last():
    edges, flat = np.arange(0, 48, 16), np.ones(2)
    for edited in (None, flat * 2):
        figure = prediction_figure(
            edges, flat, flat, edited, (0, 16), [], "reads", "hg19 chr20", "#000000", "key")
        go.Figure(figure)
        layout = figure["layout"]
        drawn = {trace.get("yaxis", "y") for trace in figure["data"]}
        lowest = min((layout["yaxis" + name[1:]]["domain"][0], name) for name in drawn)
        # Plotly draws an axis without a curve nowhere, and what hangs on it in the wrong place.
        assert lowest == (0, layout["xaxis"]["anchor"])
        assert len(layout["annotations"]) == len(drawn)
