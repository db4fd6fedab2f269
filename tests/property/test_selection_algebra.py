"""Selections are sets of points: their laws hold, and texts and stores keep the meaning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp.selection import (
    HOW,
    MAX_PARTS,
    Operation,
    StateError,
    as_json,
    canonical,
    combine,
    invert,
    key,
    parse_selection,
)
from vizapp.selection_text import MAX_TEXT, from_text, to_text

number = st.floats(-50, 50, allow_nan=False)
leaves = st.one_of(
    st.builds(lambda level, i: {"kind": "community", "level": level, "id": i},
              st.sampled_from(["mega", "sub"]), st.integers(0, 5)),
    st.builds(lambda w: {"kind": "word", "word": w}, st.integers(0, 40)),
    st.builds(lambda c, least: {"kind": "motif", "clusters": c} | least,
              st.lists(st.integers(0, 9), min_size=1, max_size=3),
              st.just({}) | st.builds(lambda v: {"least": v}, st.floats(0.1, 2))),
    st.builds(lambda s, w: {"kind": "window", "chrom": "chr20", "start": s, "end": s + w},
              st.integers(990_000, 1_090_000), st.integers(1, 50_000)),
    st.builds(lambda layout, p: {"kind": "lasso", "layout": layout, "polygon": p},
              st.sampled_from(["umap", "tsne", "pca"]),
              st.lists(st.tuples(number, number), min_size=3, max_size=6)),
)


def nested(inner):
    """Operations over smaller expressions."""
    many = st.lists(inner, min_size=2, max_size=3)
    return st.one_of(
        st.builds(lambda kind, of: {"kind": kind, "of": of},
                  st.sampled_from(["union", "intersect"]), many),
        st.builds(lambda a, b: {"kind": "subtract", "of": [a, b]}, inner, inner),
        st.builds(lambda a: {"kind": "invert", "of": [a]}, inner),
    )


expressions = st.recursive(leaves, nested, max_leaves=8)


def op(kind, *parts):
    return {"kind": kind, "of": list(parts)}


def literally(data, raw):
    """Points of a raw expression as a Python set, leaf by leaf, without the canonical form."""
    everything = set(range(data.explorer.n))
    if "of" not in raw:
        return set(np.flatnonzero(data.explorer.members(parse_selection(raw))).tolist())
    first, *rest = (literally(data, part) for part in raw["of"])
    if raw["kind"] == "invert":
        return everything - first
    for other in rest:
        first = {"union": first | other, "intersect": first & other,
                 "subtract": first - other}[raw["kind"]]
    return first


@pytest.fixture(scope="module")
def points(data):
    """Members of a raw expression, as the app finds them."""
    return lambda raw: data.explorer.members(parse_selection(raw))


@settings(max_examples=60, deadline=None)
@given(expressions)
def test_an_expression_is_the_set_that_it_says(data, points, raw):
    assert set(np.flatnonzero(points(raw)).tolist()) == literally(data, raw)


@settings(max_examples=40, deadline=None)
@given(expressions, expressions)
def test_the_laws_of_sets_hold(points, a, b):
    not_a, not_b = op("invert", a), op("invert", b)
    same = [
        (op("invert", op("union", a, b)), op("intersect", not_a, not_b)),
        (op("invert", op("intersect", a, b)), op("union", not_a, not_b)),
        (op("subtract", a, b), op("intersect", a, not_b)),
        (op("invert", not_a), a),
        (op("union", a, b), op("union", b, a)),
        (op("union", a, a), a),
        (op("intersect", a, op("union", a, b)), a),
    ]
    for left, right in same:
        np.testing.assert_array_equal(points(left), points(right))


@settings(max_examples=100, deadline=None)
@given(expressions)
def test_stores_and_canonical_forms_are_stable(raw):
    selection = parse_selection(raw)
    assert canonical(selection) == selection
    assert parse_selection(as_json(selection)) == selection
    assert key(parse_selection(as_json(selection))) == key(selection)


@settings(max_examples=200, deadline=None)
@given(expressions)
def test_a_link_carries_what_fits(raw):
    selection = parse_selection(raw)
    text = to_text(selection)
    if text is None:
        assert len(str(raw)) > MAX_TEXT / 2
    else:
        assert from_text(text) == selection


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"\A(union|invert|mega|drawn)[(:|0-9,a-z)]{0,40}\Z"))
def test_any_text_of_a_link_is_a_selection_or_one_sentence(text):
    try:
        selection = from_text(text)
    except StateError:
        return
    assert from_text(to_text(selection)) == selection


@settings(max_examples=60, deadline=None)
@given(expressions, expressions)
def test_drawing_combines_with_what_is_selected(points, a, b):
    assert combine(None, b, "replace") == combine(None, b, "union") == as_json(parse_selection(b))
    for how in HOW:
        expected = points(b) if how == "replace" else points(op(how, a, b))
        np.testing.assert_array_equal(points(combine(a, b, how)), expected)
    np.testing.assert_array_equal(points(invert(a)), ~points(a))
    assert invert(invert(a)) == as_json(parse_selection(a))


def test_nothing_to_subtract_from_is_one_sentence():
    mega = {"kind": "community", "level": "mega", "id": 0}
    for how in ("subtract", "intersect"):
        with pytest.raises(StateError, match="select first"):
            combine(None, mega, how)
    with pytest.raises(StateError, match="select first"):
        invert(None)
    for how in (None, "xor", ["union"], 3):
        with pytest.raises(StateError):
            combine(mega, mega, how)


def deep(levels):
    raw = {"kind": "word", "word": 1}
    for i in range(levels):
        raw = op("subtract", raw, {"kind": "word", "word": i})
    return raw


WORD = {"kind": "word", "word": 1}
TRIANGLE = {"kind": "lasso", "layout": "umap", "polygon": [[0, 0], [1, 0], [1, 1]]}


@pytest.mark.parametrize("raw", [
    deep(25), deep(100_000), op("union", *[WORD] * 65), op("union", *[WORD] * 10**6),
    op("union", WORD), op("intersect", WORD), op("invert", WORD, WORD), op("invert"),
    op("subtract", WORD, WORD, WORD), op("xor", WORD, WORD), op("union", WORD, None),
    op("union", WORD, "x"), {"kind": "union", "of": "ab"}, {"kind": "union", "of": {"a": WORD}},
    TRIANGLE | {"polygon": [[float("nan"), 0], [1, 0], [1, 1]]},
    TRIANGLE | {"polygon": [[float("inf"), 0], [1, 0], [1, 1]]},
    TRIANGLE | {"polygon": [[1e300, 0], [1, 0], [1, 1]]},
    TRIANGLE | {"polygon": [[0, 0, 0], [1, 0, 0], [1, 1, 0]]},
    TRIANGLE | {"polygon": [[0, 0]] * 2_001},
    op("union", *[TRIANGLE | {"polygon": [[0, 0], [1, 0], [1, 1]] * 333}] * 3),
    {"kind": "motif", "clusters": []}, {"kind": "motif", "clusters": [1] * 300},
    {"kind": "motif", "clusters": [-1]}, {"kind": "motif", "clusters": [1], "least": 0},
    {"kind": "motif", "clusters": [True]},
    {"kind": "motif", "clusters": [1], "least": float("nan")},
    {"kind": "window", "chrom": "", "start": 0, "end": 1},
    {"kind": "window", "chrom": "c" * 65, "start": 0, "end": 1},
    {"kind": "window", "chrom": "chr20", "start": -1, "end": 1},
    {"kind": "window", "chrom": "chr20", "start": 0, "end": 2**70},
    {"kind": "word", "word": 1, "__proto__": {}},
])
def test_hostile_selections_are_one_sentence(raw):
    with pytest.raises(StateError, match="select") as caught:
        parse_selection(raw)
    assert len(str(caught.value)) < 200


def test_what_grows_too_large_is_refused_and_changes_nothing():
    now = None
    for i in range(MAX_PARTS - 1):
        now = combine(now, {"kind": "word", "word": i}, "union")
    assert isinstance(parse_selection(now), Operation)
    assert len(now["of"]) == MAX_PARTS - 1
    with pytest.raises(StateError, match="more than 64 parts"):
        combine(now, {"kind": "word", "word": 999}, "union")
    assert to_text(parse_selection(now)) is not None


@pytest.mark.parametrize(("raw", "says"), [
    ({"kind": "motif", "clusters": [30_000]}, "no motif cluster 30000"),
    ({"kind": "window", "chrom": "chrZ", "start": 0, "end": 9}, "no chromosome 'chrZ'"),
])
def test_what_the_run_has_not_is_one_sentence(points, raw, says):
    with pytest.raises(StateError, match=says):
        points(raw)
    with pytest.raises(StateError, match=says):
        points(op("invert", raw))


def test_what_a_motif_selects_has_it_in_its_word(data, points):
    words = data.run.table("words")["clusters"]
    for cluster in (0, 3, 7):
        holds = {int(w) for w in data.explorer.points["word"].unique() if cluster in words[w]}
        expected = data.explorer.points["word"].isin(holds).to_numpy()
        np.testing.assert_array_equal(points({"kind": "motif", "clusters": [cluster]}), expected)


def test_members_are_the_callers_own(points):
    raw = {"kind": "community", "level": "mega", "id": 0}
    first = points(raw)
    expected = first.copy()
    first[:] = False
    np.testing.assert_array_equal(points(raw), expected)
