"""The page What if: edits of a window, both predictions, and saturation mutagenesis."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.theme import blank_figure
from vizapp.views.figure_card import figure_card, help_mark
from vizapp.what_if_state import ERASERS, MAX_EDIT_TEXT

ABOUT_PREDICTION = (
    "The model's predicted signal of the window's own sequence and of the edited one, mean per "
    "base in 16-bp cells, beside the observed track; below, edited minus reference. Bases that "
    "were edited are scanned for motifs anew and the window is cut into bins again, exactly as for "
    "variants. Inserted bases count with the base to their left; deleted cells are gaps. The sum "
    "is over the shaded target; log2 fold adds 1 % of the track's mean to every base of both sums. "
    "Predictions tell of the model, not of the cell."
)
ABOUT_BOXES = (
    "Tokens (bins) and the motif calls with the largest log2-odds scores in the target. A click "
    "takes one away, another click puts it back; the list above does the same by keyboard. For a "
    "token model a call's hit is removed and bins are cut again, and a token keeps its bin but "
    "holds no motif. A one-hot model reads bases: there they are replaced by a shuffle of "
    "themselves that keeps dinucleotides, or by N. Colours are megaclusters of the run's tokens; "
    "tokens that the edits cut anew are teal."
)
ABOUT_HEAT = (
    "Each base of the stretch is replaced by each of the other three, one at a time, on top of the "
    "edits, and the window is tokenized and predicted again: colour is the log2 fold change of the "
    "signal summed over the target. Dots mark the base that is there. At most 200 bp."
)
#: How an edit is typed.
EXAMPLE = "1484437 A>G · 1484437 ins ACGT · 1484437-1484440 del · factor CTCF off"


def _button(name: str, label: str, hint: str) -> Any:
    return html.Button(label, id=name, className="tool", n_clicks=0, title=hint)


def _typed(name: str, label: str, kind: str, longest: int, example: str = "") -> Any:
    """A box to type in, with its name before it."""
    box = dcc.Input(
        id=name, className="region-input", type="text", maxLength=longest, autoComplete="off",
        placeholder=example,
    )
    return html.Label([html.Span(label, className="row-name"), box], className=f"typed {kind}")


def open_button() -> Any:
    """Opens the page at the genome view's window."""
    return _button(ids.WHAT_IF_OPEN, "What if …",
                   "Edit motifs, tokens or bases of this window and see the prediction change")


def _place_controls() -> Any:
    """Where, with which model, on which track."""
    small: dict[str, Any] = {"size": "xs", "allowDeselect": False, "data": []}
    return html.Div(
        [
            html.Span("opening the model", id=ids.WHAT_IF_PLACE, className="readout",
                      role="status"),
            _button(ids.WHAT_IF_HERE, "use the genome view's window",
                    "Edit the window that the genome view shows; edits are cleared"),
            _button(ids.WHAT_IF_GO, "show in the genome view", "Go to this window"),
            dmc.Select(id=ids.WHAT_IF_MODEL, w=210, **{"aria-label": "Model"}, **small),
            dmc.Select(id=ids.WHAT_IF_TRACK, w=190, **{"aria-label": "Track"}, **small),
            html.Div(
                [html.Span("erase by", className="row-name"),
                 dmc.SegmentedControl(
                     id=ids.WHAT_IF_ERASER, size="xs", value="shuffle",
                     data=[{"value": k, "label": v} for k, v in ERASERS.items()])],
                id=ids.WHAT_IF_ERASER_BOX, className="tools", style={"display": "none"},
            ),
        ],
        className="controls",
    )


def _edit_controls() -> Any:
    """How edits are made, undone and saved."""
    return html.Div(
        [
            _typed(ids.WHAT_IF_EDIT, "edit", "what-if-edit", MAX_EDIT_TEXT, EXAMPLE),
            _button(ids.WHAT_IF_ADD, "add edit", "Add the typed edit (Enter)"),
            dmc.Select(
                id=ids.WHAT_IF_PICK, size="xs", w=290, data=[], searchable=True, limit=80,
                placeholder="knock out a call, token, factor, cluster", clearable=True,
                nothingFoundMessage="nothing of that name in the target",
                comboboxProps={"width": 380},
                **{"aria-label": "Knock out a motif call, token, factor or cluster"},
            ),
            _button(ids.WHAT_IF_UNDO, "undo", "Undo the last edit (Ctrl+Z)"),
            _button(ids.WHAT_IF_REDO, "redo", "Redo (Ctrl+Y)"),
            _button(ids.WHAT_IF_CLEAR, "clear", "Take all edits away"),
            _button(ids.WHAT_IF_CSV, "CSV", "Edits and both predictions as a table"),
        ],
        className="controls",
    )


def _mutagenesis(where: str) -> Any:
    """Saturation mutagenesis with its controls."""
    return html.Section(
        [
            html.Div(
                [
                    _typed(ids.MUTATE_STRETCH, "stretch", "what-if-target", 80),
                    _button(ids.MUTATE_START, "mutate every base",
                            "Predict all substitutions of the stretch"),
                    _button(ids.MUTATE_STOP, "stop", "Stop; what is done stays"),
                    _button(ids.MUTATE_CSV, "CSV", "Every substitution as a table"),
                    html.Span("choose a stretch of at most 200 bp", id=ids.MUTATE_SAYS,
                              className="row-name", role="status"),
                    help_mark(ABOUT_HEAT, "saturation mutagenesis"),
                ],
                className="controls",
            ),
            figure_card(ids.MUTATE_GRAPH, f"Every substitution, {where}", ABOUT_HEAT,
                        "motiflens-mutagenesis", height="230px",
                        figure=blank_figure("press “mutate every base” to see which bases matter")),
        ],
        className="panel", **{"aria-label": "Saturation mutagenesis"},
    )


def what_if_page(data: RunData) -> list[Any]:
    """Controls and edits, predictions, boxes, mutagenesis."""
    where = data.assembly
    return [
        dcc.Download(id=ids.WHAT_IF_FILE), dcc.Download(id=ids.MUTATE_FILE),
        dcc.Store(id=ids.MUTATE_ASK), dcc.Store(id=ids.MUTATE_DONE),
        html.Section(
            [
                _place_controls(), _edit_controls(),
                html.Div(id=ids.WHAT_IF_CHIPS, className="what-if-chips",
                         **{"aria-label": "Edits, in order"}),
                html.Div(id=ids.WHAT_IF_SAYS, className="what-if-says", role="alert"),
                html.Div(
                    [_typed(ids.WHAT_IF_TARGET, "target", "what-if-target", 80),
                     _button(ids.WHAT_IF_TARGET_VIEW, "= view",
                             "Sum over what the upper figure shows"),
                     html.Span(id=ids.WHAT_IF_EFFECT, role="status"),
                     html.Span(id=ids.WHAT_IF_AGAINST, className="what-if-against")],
                    className="what-if-effect",
                ),
                figure_card(ids.WHAT_IF_GRAPH, f"Predicted with and without the edits, {where}",
                            ABOUT_PREDICTION, "motiflens-what-if", height="400px"),
            ],
            className="panel", **{"aria-label": "Predicted with and without the edits"},
        ),
        html.Section(
            [
                figure_card(ids.WHAT_IF_BOXES, f"Tokens and motif calls of the target, {where}",
                            ABOUT_BOXES, "motiflens-what-if-calls", height="330px"),
                html.P(id=ids.WHAT_IF_BOXES_SAYS, className="caption", role="status"),
            ],
            className="panel", **{"aria-label": "Tokens and motif calls of the target"},
        ),
        _mutagenesis(where),
    ]


def chips(edits: tuple[str, ...], labels: list[str]) -> list[Any]:
    """One button for each edit, which takes it away."""
    if not edits:
        return [html.Span("no edit yet: type one, choose one from the list, or click a token or a "
                          "motif call below", className="row-name")]
    return [
        html.Button(
            [html.Span(label, className="what-if-chip-text"), html.Span("×", className="chip-x")],
            className="chip what-if-chip", title=f"{text}: click to take this edit away",
            **{"aria-label": f"Take away edit {number + 1}: {text}", "data-edit": str(number)},
        )
        for number, (text, label) in enumerate(zip(edits, labels, strict=True))
    ]
