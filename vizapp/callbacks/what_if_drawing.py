"""What the page What if draws of a state: figures, edits as chips, and what can be knocked out."""

from __future__ import annotations

from typing import Any

from dash import no_update

from precompute.errors import MotiflensError
from vizapp.data import RunData
from vizapp.data.what_if import MOST_CALLS, Drawn
from vizapp.figures.what_if import (
    CALL_COLOR,
    NEW_TOKEN_COLOR,
    NO_TOKEN_COLOR,
    Box,
    editable_figure,
    prediction_figure,
)
from vizapp.loci import format_locus
from vizapp.theme import MODEL_COLORS, community_color
from vizapp.views.what_if import chips
from vizapp.what_if_state import WhatIf

_WIDEST_LETTERS_BP = 120
_SHOWN_EDIT = 46


def draw_state(data: RunData, state: WhatIf) -> tuple[Any, ...]:
    """Both figures, what is said of the boxes, chips, the effect, the place, models, tracks, the
    eraser's style, and what is wrong.

    A state that cannot be drawn keeps the figures and says why, so that its edits can be taken
    away again.
    """
    models = data.what_if.models
    model = models[state.model]
    shared = (
        [{"value": m.name, "label": m.label} for m in models.values()],
        [{"value": t, "label": _track_label(data, t)} for t in model.tracks],
        {} if model.encoding == "onehot" else {"display": "none"},
    )
    place = f"{format_locus(state.chrom, state.start, state.end)}  ({state.end - state.start:,} bp)"
    listed = chips(state.edits, [_short(edit) for edit in state.edits])
    try:
        drawn = data.what_if.drawn(state)
    except MotiflensError as error:
        keep = no_update
        return keep, keep, keep, listed, "", place, *shared, str(error)
    unit = _unit(data, state.track)
    where = f"{data.assembly} {state.chrom}"
    comparison = drawn.comparison
    figure = prediction_figure(
        comparison.edges, drawn.observed, comparison.reference,
        comparison.edited if state.edits else None, state.target,
        data.what_if.edit_spans(state), unit, where, MODEL_COLORS[model.encoding],
        f"{state.chrom}:{state.start}-{state.end}",
    )
    boxes, left_out = editable_figure(
        _tokens(data, drawn), _calls(drawn),
        drawn.letters if state.target[1] - state.target[0] <= _WIDEST_LETTERS_BP else None,
        state.target, where, str(state.target),
    )
    return (
        figure, boxes, _boxes_say(drawn, state, left_out), listed, effect_text(drawn, state, unit),
        place, *shared, "",
    )


def effect_text(drawn: Drawn, state: WhatIf, unit: str) -> str:
    """What the edits do to the target, in words."""
    effect = drawn.comparison.effect
    if not state.edits:
        return f"predicted {effect.reference:.3g} {summed_unit(unit)}"
    return (
        f"predicted {effect.reference:.3g} → {effect.edited:.3g} {summed_unit(unit)}: change "
        f"{effect.change:+.3g}, log2 fold {effect.log2_fold:+.3g}"
    )


def summed_unit(unit: str) -> str:
    """The unit of a sum over bases of what is measured in ``unit``.

    >>> summed_unit("insertions per bp"), summed_unit("peak score")
    ('insertions', 'peak score × bp')
    """
    return unit.removesuffix(" per bp") if unit.endswith(" per bp") else f"{unit} × bp"


def _unit(data: RunData, track: str) -> str:
    return str(data.what_if.track_about.get(track, {}).get("unit", "signal"))


def _track_label(data: RunData, track: str) -> str:
    about = data.what_if.track_about.get(track, {})
    return str(about.get("short_label", about.get("label", track)))


def _short(edit: str) -> str:
    return edit if len(edit) <= _SHOWN_EDIT else edit[: _SHOWN_EDIT - 1] + "…"


def _boxes_say(drawn: Drawn, state: WhatIf, left_out: int) -> str:
    calls = len(drawn.calls)
    if not calls:
        return f"{len(drawn.tokens):,} tokens; no motif call lies wholly in the target."
    most = f" the {calls:,} strongest motif calls" if calls == MOST_CALLS else (
        f" {calls:,} motif calls")
    rest = f" ({left_out:,} more do not fit: make the target shorter)" if left_out > 0 else ""
    return f"{len(drawn.tokens):,} tokens and{most} of {drawn.n_calls:,} in the target{rest}."


def _tokens(data: RunData, drawn: Drawn) -> list[Box]:
    total = len(data.explorer.communities("mega"))
    boxes = []
    for token in drawn.tokens:
        if token.community is None:
            color, what = NEW_TOKEN_COLOR, "cut anew by the edits"
        elif token.community < 0:
            color, what = NO_TOKEN_COLOR, "in no megacluster"
        else:
            color, what = community_color(token.community, total), f"megacluster {token.community}"
        action = "click to " + ("put its motifs back" if token.is_off else "empty it")
        hover = (
            f"token {token.start + 1:,}-{token.end:,}<br>{'emptied' if token.is_off else what}"
            f"<br>most of {token.name}" + (f"<br>{action}" if token.text else "")
        )
        boxes.append(Box(token.start, token.end, "", hover, token.text, color, token.is_off))
    return boxes


def _calls(drawn: Drawn) -> list[Box]:
    boxes = []
    for call in drawn.calls:
        score = "put here by an edit" if call.bits is None else f"{call.bits:.1f} bits (log2 odds)"
        hover = (
            f"{call.name}<br>{call.start + 1:,}-{call.end:,}<br>{score}<br>click to take it away"
        )
        boxes.append(Box(call.start, call.end, call.tf, hover, call.text, CALL_COLOR))
    return boxes


def choices(drawn: Drawn) -> list[dict[str, Any]]:
    """What can be knocked out, in groups, for the keyboard."""
    calls = [
        {"value": c.text, "label": f"{c.name} at {c.start + 1:,}"
         + (f", {c.bits:.1f} bits" if c.bits is not None else "")}
        for c in drawn.calls
    ]
    tokens = [
        {"value": t.text, "label": f"token {t.start + 1:,}-{t.end:,}, most of {t.name}"}
        for t in drawn.tokens if t.text and not t.is_off
    ]
    groups = [
        ("Motif calls of the target", calls),
        ("Factors, everywhere in the window",
         [{"value": text, "label": name} for name, text in drawn.factors]),
        ("Motif clusters, everywhere in the window",
         [{"value": text, "label": name} for name, text in drawn.clusters]),
        ("Tokens of the target", tokens),
    ]
    return [{"group": name, "items": items} for name, items in groups if items]
