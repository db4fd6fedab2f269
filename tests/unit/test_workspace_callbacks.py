"""Layouts of the workspace and registration of its callbacks, without a browser."""

from __future__ import annotations

import dash
import plotly.io
import pytest

from vizapp import component_ids as ids
from vizapp.callbacks import language, selection_panel, token_map
from vizapp.state import Region
from vizapp.views.language import language_card
from vizapp.views.selection_panel import instance_grid, selection_card
from vizapp.views.token_map import map_card

MEGA = {"kind": "community", "level": "mega", "id": 1}


@pytest.fixture(scope="module")
def region(data):
    row = data.explorer.points.iloc[100]
    return Region(row["chrom"], int(row["start"]) - 1000, int(row["start"]) + 1000)


def test_words_of_window_and_selection_are_marked_on_the_curve(data, region):
    window, chosen = language.marks(data, region, MEGA)
    lo, hi = data.tokens.bin_range(*region)
    n_window = len(set(data.lexicon.words_of(region.chrom, lo, hi).tolist()))
    assert window["name"] == f"words in the genome window ({n_window:,})"
    n_chosen = data.explorer.points["word"][data.explorer.mega == 1].nunique()
    assert chosen["name"] == f"selected words ({n_chosen:,})"


def everything(component):
    """A component and all below it."""
    yield component
    children = getattr(component, "children", None)
    for child in children if isinstance(children, list | tuple) else [children]:
        if isinstance(child, dash.development.base_component.Component):
            yield from everything(child)


def test_layouts_are_json_and_every_button_says_what_it_does(data):
    map_ = map_card(data, {"data": []}, "no tokens")
    panel = selection_card(data, *selection_panel.panel(data, MEGA))
    for card in (map_, panel, language_card(data, [])):
        plotly.io.json.to_json_plotly(card)
        for part in everything(card):
            if type(part).__name__ == "Button":
                said = part.to_plotly_json()["props"]
                assert said.get("title") or said.get("aria-label")
    fields = [c["field"] for c in instance_grid(data).columnDefs]
    assert fields == ["locus", "motifs", "word", "frequency", "signal_atac", "signal_dnase"]


def test_callbacks_register_once_and_on_known_ids(data):
    app = dash.Dash("test")
    token_map.register(app, data)
    selection_panel.register(app, data)
    language.register(app, data)
    known = {v for k, v in vars(ids).items() if k.isupper() and isinstance(v, str)}
    for callback in app.callback_map.values():
        for part in (*callback["inputs"], *callback["state"]):
            assert part["id"] in known
