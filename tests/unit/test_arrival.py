"""A link sets what it says, leaves what it does not say, and one wrong part spoils no other."""

from __future__ import annotations

import json

import dash
import pytest
from dash import html
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp import component_ids as ids
from vizapp import create_app
from vizapp.callbacks import arrival, language, selection_panel
from vizapp.callbacks.arrival import PARTS, read_link
from vizapp.state import Region

PLACE = "chr20:1000001-1000500"
WHOLE = (
    f"?page=models&region={PLACE}&selection=mega:0&region2=chr20:1001001-1001200"
    f"&tracks=tokens,genes~2&marks={PLACE}~a%2520b&map=umap&color=motif:3"
)


def test_every_part_of_a_link_is_read(data):
    values, wrong = read_link(data, WHOLE)
    assert wrong == []
    assert values == {
        ids.REGION_STORE: {"chrom": "chr20", "start": 1_000_000, "end": 1_000_500},
        ids.SELECTION_STORE: {"kind": "community", "level": "mega", "id": 0},
        ids.SECOND_STORE: {"chrom": "chr20", "start": 1_001_000, "end": 1_001_200},
        ids.TRACKS_STORE: [{"id": "tokens", "times": 1.0, "scale": "auto"},
                           {"id": "genes", "times": 2.0, "scale": "auto"}],
        ids.MARKS_STORE: [{"chrom": "chr20", "start": 1_000_000, "end": 1_000_500, "name": "a b"}],
        ids.MAP_LAYOUT: "umap", ids.MAP_COLOR: "motif:3",
    }


@pytest.mark.parametrize("search", [None, "", "?", "?page=models", "?other=1", 7])
def test_a_link_that_says_nothing_of_it_changes_nothing(data, search):
    assert read_link(data, search) == ({}, [])


@pytest.mark.parametrize(("name", "wrong", "says"), [
    ("region", "chrZ:5-9", "no chromosome"),
    ("region", "chr20:9-5", "before it starts"),
    ("region2", "nowhere+at+all", "nowhere at all"),
    ("selection", "<script>", "select"),
    ("selection", "word:999999999", "no word"),
    ("tracks", "genes,nope", "no track 'nope'"),
    ("marks", "chr20:5", "mark"),
    ("map", "sphere", "choose UMAP, t-SNE or PCA"),
    ("color", "motif:99999", "this run has not"),
    ("color", "<script>", "this run has not"),
    ("explain", "tokens", "could not be read"),
])
def test_a_wrong_part_is_a_sentence_and_the_others_hold(data, name, wrong, says):
    right, _ = read_link(data, WHOLE)
    parts = dict(p.split("=") for p in WHOLE.removeprefix("?").split("&")) | {name: wrong}
    values, sentences = read_link(data, "?" + "&".join(f"{k}={v}" for k, v in parts.items()))
    (sentence,) = sentences
    assert says in sentence
    spoiled = {component for component, _ in PARTS[name].properties}
    assert values == {k: v for k, v in right.items() if k not in spoiled}


def test_two_wrong_parts_are_two_sentences(data):
    values, sentences = read_link(data, "?map=sphere&region=chrZ:1-5&color=gc")
    assert values == {ids.MAP_COLOR: "gc"}
    assert len(sentences) == 2


@given(st.dictionaries(st.sampled_from(list(PARTS)), st.text(max_size=40)))
@settings(max_examples=300, deadline=None)
def test_no_link_is_a_fault(data, query):
    values, sentences = read_link(data, "?" + "&".join(f"{k}={v}" for k, v in query.items()))
    known = {component for part in PARTS.values() for component, _ in part.properties}
    assert set(values) <= known
    assert len(sentences) <= len(query)
    json.dumps(values)


def test_no_two_parts_set_the_same_thing(data):
    app = dash.Dash("test")
    arrival.register(app, data)
    (callback,) = app.callback_map
    assert len(callback.strip(".").split("...")) == sum(len(p.properties) for p in PARTS.values())
    all_of_them = [p for part in PARTS.values() for p in part.properties]
    assert len(set(all_of_them)) == len(all_of_them)


def test_a_fresh_page_comes_with_what_its_callbacks_would_bring(synthetic_root, data):
    found = {}
    for component in html.Div(create_app(synthetic_root).layout)._traverse():
        if isinstance(getattr(component, "id", None), str):
            found[component.id] = component
    selection = found[ids.SELECTION_STORE].data
    title, bars, logos = selection_panel.panel(data, selection)
    as_text = dash._utils.to_json
    assert as_text(found[ids.SELECTION_SUMMARY].children) == as_text(title)
    assert as_text(found[ids.PROMINENT_GRAPH].figure) == as_text(bars)
    assert as_text(found[ids.LOGO_GRAPH].figure) == as_text(logos)
    region = Region(**found[ids.REGION_STORE].data)
    marks = language.marks(data, region, selection)
    assert as_text(found[ids.ZIPF_GRAPH].figure["data"][-2:]) == as_text(marks)
    assert json.loads(found[ids.GENOME_GRAPH].to_plotly_json()["props"]["data-opening"]) == {
        **region._asdict()}
    link, _ = read_link(data, f"?selection={found[ids.SELECTION_LINK_STORE].data}")
    assert link == {ids.SELECTION_STORE: selection}
