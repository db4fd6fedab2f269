"""Callbacks of the page Language."""

from __future__ import annotations

import math
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_point
from vizapp.data import RunData
from vizapp.figures.language import DEFINITIONS, PAPER_R
from vizapp.figures.laws import (
    Text,
    abbreviation_curves,
    growth_curves,
    law_curves,
    text_name,
)
from vizapp.figures.recovery import carriers, coverage_by_profile

#: Letters of a word's label that are shown.
_LABEL = 140

_NUMBERS = (
    "n_tokens", "n_types", "seen_once", "exponent", "exponent_low", "exponent_high", "xmin",
    "tail_types", "ratio", "p_value", "heaps", "heaps_low", "heaps_high", "kendall",
    "kendall_low", "kendall_high", "spearman", "spearman_low", "spearman_high",
)


def chosen_texts(data: RunData, tokenizers: Any, controls: Any) -> list[Text]:
    """Texts to show, in the order of the interface.

    Raises
    ------
    MotiflensError
        When a tokenizer is none of the run's.
    """
    labels = data.language.labels
    if not isinstance(tokenizers, list) or not set(map(str, tokenizers)) <= set(labels):
        raise MotiflensError("choose the tokenizers to compare from the list")
    wanted = [name for name in labels if name in tokenizers]
    return data.language.texts(wanted, bool(controls))


def chosen_definition(definition: Any) -> str:
    """A definition of r.

    Raises
    ------
    MotiflensError
        When it is none of the list.
    """
    if not isinstance(definition, str) or definition not in DEFINITIONS:
        raise MotiflensError("choose a definition of r from the list")
    return str(definition)


def law_rows(data: RunData, texts: list[Text], definition: str) -> list[dict[str, Any]]:
    """Rows of the table of laws; a number that is not defined is None."""
    language = data.language
    fits = language.zipf[language.zipf["definition"] == definition]
    fits = fits.set_index(["tokenizer", "corpus"])
    rows = []
    for law in language.of(language.laws, texts).to_dict("records"):
        text = (law["tokenizer"], law["corpus"])
        fit = fits.loc[text]
        numbers = {name: law[name] for name in _NUMBERS} | {
            "r": fit["r"], "r_low": fit["r_low"], "r_high": fit["r_high"],
            "n_in_r": int(fit["n_types"]),
            "paper": PAPER_R.get(text[0]) if text[1] == "sequence" else None,
        }
        rows.append({
            "name": text_name(language.labels[text[0]], text[1]),
            **{k: v if v is not None and math.isfinite(v) else None for k, v in numbers.items()},
        })
    return rows


def law_csv(data: RunData) -> str:
    """The laws of every text and r of every definition as CSV."""
    language = data.language
    wide = language.zipf.pivot(
        index=["tokenizer", "corpus"], columns="definition", values=["r", "r_low", "r_high"]
    )
    wide.columns = [f"{value}_{definition}" for value, definition in wide.columns]
    return str(language.laws.merge(wide.reset_index(), on=["tokenizer", "corpus"]).to_csv(
        index=False))


def clicked_profile(data: RunData, click: Any) -> str | None:
    """Profile of a clicked point of the coverage; None for anything else."""
    number, profiles = first_point(click).get("customdata"), data.language.profiles
    return profiles[number] if type(number) is int and 0 <= number < len(profiles) else None


def carried(data: RunData, profile: Any, texts: list[Text]) -> tuple[dict[str, Any], str]:
    """The figure of the tokens that carry a profile, and its motif word in a sentence."""
    rows = data.language.best_tokens(str(profile), texts)
    figure = carriers(data.pfms[str(profile)], rows, data.language.labels)
    word = data.language.word_of(str(profile))
    if word is None:
        return figure, ""
    label, n = data.lexicon.labels[word], int(data.lexicon.frequency[word])
    short = label if len(label) <= _LABEL else f"{label[:_LABEL]} ..."
    return figure, f"Its motif word, {short}, stands in {n:,} {'bin' if n == 1 else 'bins'}."


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the page."""
    choice = (Input(ids.LAW_TOKENIZERS, "value"), Input(ids.LAW_CONTROLS, "checked"))

    @app.callback(
        Output(ids.LAW_GRID, "rowData"), Output(ids.LAW_CURVES_GRAPH, "figure"), *choice,
        Input(ids.LAW_DEFINITION, "value"),
    )
    def straightness(tokenizers: Any, controls: Any, definition: Any) -> Any:
        texts, language = chosen_texts(data, tokenizers, controls), data.language
        name = chosen_definition(definition)
        fits = language.zipf[language.zipf["definition"] == name]
        return law_rows(data, texts, name), law_curves(
            language.rank_frequency, fits, texts, language.labels)

    @app.callback(
        Output(ids.GROWTH_GRAPH, "figure"), Output(ids.ABBREVIATION_GRAPH, "figure"),
        Output(ids.PROFILE_GRAPH, "figure"), *choice,
    )
    def other_laws(tokenizers: Any, controls: Any) -> Any:
        texts, language = chosen_texts(data, tokenizers, controls), data.language
        return (
            growth_curves(language.growth, language.laws, texts, language.labels),
            abbreviation_curves(language.abbreviation, language.laws, texts, language.labels),
            coverage_by_profile(language.recovery, language.profiles, texts, language.labels),
        )

    @app.callback(
        Output(ids.PROFILE_SELECT, "value"), Output(ids.SELECTION_STORE, "data",
                                                    allow_duplicate=True),
        Input(ids.PROFILE_GRAPH, "clickData"), prevent_initial_call=True,
    )
    def click(point: Any) -> Any:
        profile = clicked_profile(data, point)
        if profile is None:
            return no_update, no_update
        word = data.language.word_of(profile)
        return profile, no_update if word is None else {"kind": "word", "word": word}

    @app.callback(
        Output(ids.CARRIER_GRAPH, "figure"), Output(ids.CARRIER_SAYS, "children"),
        Input(ids.PROFILE_SELECT, "value"), *choice,
    )
    def carrier(profile: Any, tokenizers: Any, controls: Any) -> Any:
        return carried(data, profile, chosen_texts(data, tokenizers, controls))

    @app.callback(
        Output(ids.PAGE, "value", allow_duplicate=True),
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input(ids.CARRIER_SHOW, "n_clicks"), State(ids.PROFILE_SELECT, "value"),
        prevent_initial_call=True,
    )
    def show(clicks: Any, profile: Any) -> Any:
        word = data.language.word_of(str(profile))
        if not clicks or ctx.triggered_id != ids.CARRIER_SHOW:
            return no_update, no_update
        if word is None:
            raise MotiflensError(
                "no motif word of this run was tried on that profile; choose another profile"
            )
        return "workspace", {"kind": "word", "word": word}

    @app.callback(
        Output(ids.LAW_FILE, "data"), Input(ids.LAW_CSV, "n_clicks"), prevent_initial_call=True,
    )
    def save(clicks: Any) -> Any:
        return dcc.send_string(law_csv(data), "motiflens-laws.csv")
