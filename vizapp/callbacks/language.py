"""Callbacks of the language panel."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import Dash, Input, Output, Patch, State

from vizapp import component_ids as ids
from vizapp.callbacks.language_page import chosen_definition
from vizapp.callbacks.links import selected_words
from vizapp.data import RunData
from vizapp.figures.language import coverage, rank_frequency, rank_marks
from vizapp.state import Region, parse_region, parse_selection
from vizapp.views.language import OPENING_DEFINITION


def marks(data: RunData, region: Region, selection: Any) -> list[dict[str, Any]]:
    """Words of the window and of the selection, as the curve's last two traces."""
    lexicon = data.lexicon
    window = np.unique(lexicon.words_of(region.chrom, *data.genome.bins(region)))
    chosen = selected_words(data, parse_selection(selection))
    return [
        rank_marks(window, lexicon.frequency, is_selection=False),
        rank_marks(chosen, lexicon.frequency, is_selection=True),
    ]


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of both tabs."""
    chroms = data.genome.chroms
    n_curves = len(data.language.zipf_table(OPENING_DEFINITION))

    # The page comes with both. One callback draws the curve, the other the marks on it: an
    # answer that a newer one supersedes then never takes the curve along.
    @app.callback(
        Output(ids.ZIPF_GRAPH, "figure"), Input(ids.ZIPF_DEFINITION, "value"),
        State(ids.REGION_SHOWN_STORE, "data"), State(ids.SELECTION_SHOWN_STORE, "data"),
        prevent_initial_call=True,
    )
    def zipf(definition: Any, region: Any, selection: Any) -> Any:
        fits = data.language.zipf_table(chosen_definition(definition))
        drawn = marks(data, parse_region(region, chroms), selection)
        return rank_frequency(data.language.rank_frequency, fits, drawn)

    @app.callback(
        Output(ids.ZIPF_GRAPH, "figure", allow_duplicate=True),
        Input(ids.REGION_SHOWN_STORE, "data"), Input(ids.SELECTION_SHOWN_STORE, "data"),
        prevent_initial_call=True,
    )
    def mark(region: Any, selection: Any) -> Any:
        patch = Patch()
        for number, trace in enumerate(marks(data, parse_region(region, chroms), selection)):
            patch["data"][n_curves + number] = trace
        return patch

    @app.callback(Output(ids.COVERAGE_GRAPH, "figure"), Input(ids.COVERAGE_GRAPH, "id"))
    def draw_coverage(_: Any) -> Any:
        language = data.language
        texts = language.texts(language.compact, with_controls=False)
        return coverage(language.of(language.recovery, texts), language.labels)
