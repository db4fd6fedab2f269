"""Callbacks of the language panel."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import Dash, Input, Output, Patch, ctx

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.links import selected_words
from vizapp.data import RunData
from vizapp.figures.language import DEFINITIONS, coverage, rank_frequency, rank_marks
from vizapp.state import Region, parse_region, parse_selection


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

    @app.callback(
        Output(ids.ZIPF_GRAPH, "figure"), Input(ids.ZIPF_DEFINITION, "value"),
        Input(ids.REGION_STORE, "data"), Input(ids.SELECTION_STORE, "data"),
    )
    def zipf(definition: Any, region: Any, selection: Any) -> Any:
        if definition not in DEFINITIONS:
            raise MotiflensError("choose a definition of r from the list")
        drawn = marks(data, parse_region(region, chroms), selection)
        fits = data.language.zipf_table(definition)
        triggers = {t["prop_id"].split(".")[0] for t in ctx.triggered}
        if not triggers or triggers & {ids.ZIPF_DEFINITION, ""}:
            return rank_frequency(data.language.rank_frequency, fits, drawn)
        patch = Patch()
        for number, trace in enumerate(drawn):
            patch["data"][len(fits) + number] = trace
        return patch

    @app.callback(Output(ids.COVERAGE_GRAPH, "figure"), Input(ids.COVERAGE_GRAPH, "id"))
    def draw_coverage(_: Any) -> Any:
        language = data.language
        texts = language.texts(language.compact, with_controls=False)
        return coverage(language.of(language.recovery, texts), language.labels)
