"""Saved selections: what a browser keeps is checked, and each change gives what it should."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp.saved import (
    MAX_NAME,
    MAX_SAVED,
    SWATCHES,
    clean_name,
    delete,
    item_at,
    parse_saved,
    rename,
    save,
    toggle,
)
from vizapp.selection import StateError, parse_selection
from vizapp.views.saved_selections import saved_chips, saved_lines

MEGA = {"kind": "community", "level": "mega", "id": 1}
WORD = {"kind": "word", "word": 7}


@pytest.fixture
def two():
    return save(save(None, "first", MEGA), "second", WORD)


def test_what_is_saved_is_what_was_selected(two):
    items = parse_saved(json.loads(json.dumps(two)))
    assert [(i.name, i.color, i.shown) for i in items] == [
        ("first", 0, False), ("second", 1, False)]
    assert items[0].selection == parse_selection(MEGA)
    assert items[1].selection == parse_selection(WORD)
    assert parse_saved(None) == []


def test_renaming_showing_and_deleting_touch_one(two):
    assert [i.name for i in parse_saved(rename(two, 1, "  third\n one "))] == ["first", "third one"]
    assert [i.shown for i in parse_saved(toggle(two, 0))] == [True, False]
    assert toggle(toggle(two, 0), 0) == two
    left = delete(two, 0)
    assert [i.name for i in parse_saved(left)] == ["second"]
    # A freed swatch is given again.
    assert [i.color for i in parse_saved(save(left, "new", MEGA))] == [1, 0]


def test_eight_and_no_more_with_a_swatch_each():
    now = None
    for _ in range(MAX_SAVED):
        now = save(now, "", WORD)
    items = parse_saved(now)
    assert len({i.name for i in items}) == len({i.color for i in items}) == MAX_SAVED
    assert len(set(SWATCHES)) == MAX_SAVED
    with pytest.raises(StateError, match="delete one first"):
        save(now, "ninth", WORD)


@pytest.mark.parametrize(("action", "says"), [
    (lambda two: save(two, "third", None), "nothing is selected"),
    (lambda two: save(two, "first", MEGA), "is saved already"),
    (lambda two: rename(two, 0, "second"), "is saved already"),
    (lambda two: rename(two, 0, " \x00\u202e "), "needs a name"),
    (lambda two: rename(two, 2, "x"), "no such saved"),
    (lambda two: delete(two, -1), "no such saved"),
    (lambda two: delete(two, True), "no such saved"),
    (lambda two: toggle(two, "0"), "no such saved"),
    (lambda two: item_at(None, 0), "no such saved"),
])
def test_what_cannot_be_done_is_one_sentence(two, action, says):
    with pytest.raises(StateError, match=says):
        action(two)


GOOD = {"name": "a", "color": 0, "shown": True, "selection": MEGA}


@pytest.mark.parametrize("raw", [
    1, "x", {}, [1], [None], [GOOD | {"extra": 1}], [GOOD | {"name": ""}],
    [GOOD | {"name": "x" * (MAX_NAME + 1)}], [GOOD | {"color": 8}], [GOOD | {"color": "red"}],
    [GOOD | {"shown": 1}], [GOOD | {"selection": None}], [GOOD] * 9,
    [GOOD | {"selection": {"kind": "word", "word": -1}}],
])
def test_a_store_that_the_app_did_not_write_is_refused_and_replaced(raw):
    with pytest.raises(StateError):
        parse_saved(raw)
    assert [i.name for i in parse_saved(save(raw, "fresh", MEGA))] == ["fresh"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_a_name_is_one_short_line(text):
    name = clean_name(text)
    assert len(name) <= MAX_NAME
    assert name == " ".join(name.split())
    assert not any(c in name for c in "\x00\n\t\u202e\u2028")


def test_names_are_shown_as_text(two):
    hostile = "<img src=x onerror=alert(1)>"
    items = parse_saved(rename(two, 0, hostile))
    chip, line = saved_chips(items)[0], saved_lines(items)[0]
    assert chip.children[1] == hostile
    assert line.children[1].value == hostile
    assert "dangerously" not in str(chip.to_plotly_json())


def test_a_run_has_an_identity_of_its_own(data, tmp_path, synthetic_root):
    import shutil

    from vizapp.data import RunData

    assert RunData(synthetic_root).identity == data.identity
    copy = shutil.copytree(synthetic_root, tmp_path / "run")
    manifest = json.loads((copy / "manifest.json").read_text())
    stage = next(s for s in manifest["stages"].values() if "communities" in s["outputs"])
    stage["outputs"]["communities"] = "0" * 64
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert RunData(copy).identity != data.identity


def test_only_shown_selections_are_ringed_each_in_its_colour(data, two):
    import base64

    import numpy as np
    import plotly.graph_objects as go

    from vizapp.callbacks.saved_selections import patch_saved
    from vizapp.figures.token_map import SAVED_TRACE
    from vizapp.views.map_drawing import MapDrawing

    def numbers(packed, dtype):
        return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=dtype)

    drawing = MapDrawing(data)
    steps = patch_saved(drawing, toggle(two, 1), "umap", None).to_plotly_json()["operations"]
    assert [s["location"] for s in steps] == [["data", drawing.place(SAVED_TRACE)]]
    trace = steps[0]["params"]["value"]
    go.Figure({"data": [trace]})
    members = data.explorer.members(parse_selection(WORD))
    assert members.any()
    np.testing.assert_array_equal(
        numbers(trace["x"], "f4"), data.explorer.layouts["umap"][members, 0])
    assert trace["marker"]["colorscale"] == [[0.0, SWATCHES[1]], [1.0, SWATCHES[1]]]
    both = patch_saved(drawing, toggle(toggle(two, 0), 1), "pca", None)
    trace = both.to_plotly_json()["operations"][0]["params"]["value"]
    n = [int(data.explorer.members(parse_selection(s)).sum()) for s in (MEGA, WORD)]
    assert np.bincount(numbers(trace["marker"]["color"], "i1")).tolist() == n
    nothing = patch_saved(drawing, None, "tsne", None).to_plotly_json()["operations"][0]
    assert len(numbers(nothing["params"]["value"]["x"], "f4")) == 0


def test_very_many_saved_points_are_thinned_evenly():
    import numpy as np

    from vizapp.figures.token_map import saved_overlay

    xy = np.zeros((100_000, 2), dtype=np.float32)
    trace = saved_overlay(xy, [(np.arange(100_000), "#000000"), (np.arange(50), "#FFFFFF")])
    assert len(trace["x"]["bdata"]) < 20_100 * 4 * 4 / 3 + 10
