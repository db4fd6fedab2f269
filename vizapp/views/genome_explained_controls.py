"""What the contributions in the genome view are: models, method, baseline, target and level."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.explained import BASELINES, LEVELS, METHODS, Explained
from vizapp.state import Region
from vizapp.views.figure_card import help_mark

ABOUT_EXPLAINED = (
    "A contribution is what an input adds to a prediction, against a baseline. DeepLIFT (rescale "
    "rule, arXiv:1704.02685) walks convolutional models; Input x Gradient and integrated gradients "
    "(arXiv:1703.01365) take any. The baseline is the mean of windows without peaks, zero, or "
    "shuffles of the window. What is explained is the mean predicted signal of the whole window, "
    "of its centre (the middle half), or of a stretch that you name. The completeness error is how "
    "far the contributions are from adding up to the change of the prediction. A cluster's "
    "contribution is shared among profiles by their occupancy of the bin, and added up per factor "
    "or family (JASPAR's). The run has stored its own models' DeepLIFT of all positions; "
    "everything else is worked out for the window in view, which must not be longer than what the "
    "model was trained on."
)


def chosen_text(choice: Explained, default: Explained) -> str:
    """The button's text: what differs from what is stored, in few words."""
    if choice == default:
        return "Contributions: stored"
    live = choice._replace(by=default.by) != default
    parts = [METHODS[choice.method]] if live else ["stored"]
    if isinstance(choice.target, Region):
        parts.append("stretch")
    elif choice.target == "centre":
        parts.append("centre")
    if choice.by != "cluster":
        parts.append(f"per {LEVELS[choice.by]}")
    return "Contributions: " + ", ".join(parts)


def _models(data: RunData, encoding: str) -> list[dict[str, str]]:
    return [{"value": m.name, "label": m.label} for m in data.live.models.values()
            if m.encoding == encoding]


def _select(label: str, identity: str, value: str, options: list[dict[str, str]]) -> Any:
    return dmc.Select(id=identity, label=label, size="xs", allowDeselect=False, value=value,
                      data=options, comboboxProps={"withinPortal": False})


def explain_menu(data: RunData) -> Any:
    """A button that opens the choice, and the stores behind it."""
    about = data.genome.attributions.about
    default = Explained(baseline=about["baseline"], track=about["track"])
    options = {name: [{"value": k, "label": v} for k, v in table.items()]
               for name, table in (("method", METHODS), ("baseline", BASELINES), ("by", LEVELS))}
    targets = [{"value": "all", "label": "whole window"},
               {"value": "centre", "label": "centre, the middle half"},
               {"value": "stretch", "label": "a stretch"}]
    menu = dmc.Popover(
        [
            dmc.PopoverTarget(
                html.Button(chosen_text(default, default), id=ids.EXPLAIN_MENU, className="tool",
                            title="Choose which contributions are drawn, and how they are read")
            ),
            dmc.PopoverDropdown(
                html.Div([
                    html.Div([html.Strong("Contributions"),
                              help_mark(ABOUT_EXPLAINED, "a contribution")],
                             className="explain-head"),
                    _select("Predicted signal", ids.EXPLAIN_TRACK, default.track, [
                        {"value": t, "label": data.genome.tracks[t]["short_label"]}
                        for t in data.genome.predicted_tracks
                    ]),
                    _select("Motifs by", ids.EXPLAIN_TOKENS, default.tokens,
                            _models(data, "tokens")),
                    _select("Bases by", ids.EXPLAIN_ONEHOT, default.onehot,
                            _models(data, "onehot")),
                    _select("Method", ids.EXPLAIN_METHOD, default.method, options["method"]),
                    _select("Baseline", ids.EXPLAIN_BASELINE, default.baseline,
                            options["baseline"]),
                    _select("What is explained", ids.EXPLAIN_TARGET, "all", targets),
                    dmc.TextInput(id=ids.EXPLAIN_STRETCH, size="xs", value="", debounce=True,
                                  placeholder=data.genome.example, style={"display": "none"},
                                  **{"aria-label": "Stretch to explain"}),
                    _select("Rows per", ids.EXPLAIN_BY, default.by, options["by"]),
                ], className="explain-choice"),
            ),
        ],
        position="bottom-end", withArrow=True, shadow="md", withinPortal=True, keepMounted=True,
    )
    return html.Span([menu, dcc.Store(id=ids.EXPLAIN_STORE), dcc.Store(id=ids.EXPLAIN_LINK_STORE)])
