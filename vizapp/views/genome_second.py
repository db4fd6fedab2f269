"""A second place below the genome view, with the same tracks, panned on its own."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.views.figure_card import download_buttons, help_mark

ABOUT_SECOND = (
    "The tracks of the genome view at another place, to compare the two. Type a region, a gene or "
    "a cytoband, drag to pan, wheel to zoom; arrow keys and + - work while it has the focus. "
    "Tracks, their order, heights and fixed scales, and marked regions are those of the view "
    "above; automatic and group scales fit what each of them shows."
)


def second_card(data: RunData) -> Any:
    """The second place, hidden until someone opens it."""
    title = f"Second place, {data.assembly}"

    def button(i: str, label: str, hint: str) -> Any:
        return html.Button(label, id=i, title=hint, className="tool", n_clicks=0,
                           **{"aria-label": f"{hint} at the second place"})

    head = html.Div(
        [
            html.Div([html.H2(title, className="card-title"), help_mark(ABOUT_SECOND, title)],
                     className="card-name"),
            html.Div(
                [
                    html.Div(
                        [
                            button(ids.SECOND_LEFT, "◀", "Pan left"),
                            button(ids.SECOND_RIGHT, "▶", "Pan right"),
                            button(ids.SECOND_OUT, "−", "Zoom out"),
                            button(ids.SECOND_IN, "+", "Zoom in"),
                        ],
                        className="tools fixed",
                    ),
                    html.Label([
                        html.Span("at"),
                        dcc.Input(
                            id=ids.SECOND_INPUT, className="region-input", type="text",
                            n_submit=0, debounce=False, placeholder="region or gene",
                            autoComplete="off", spellCheck=False, maxLength=4000,
                        ),
                    ], className="second-at"),
                    html.Button("Go", id=ids.SECOND_GO, className="tool", n_clicks=0),
                    download_buttons(ids.SECOND_GRAPH, "motiflens-second-place", title),
                    html.Button("close", id=ids.SECOND_CLOSE, className="tool", n_clicks=0,
                                title="Close the second place"),
                ],
                className="card-tools",
            ),
        ],
        className="card-head",
    )
    # assets/genome_view.js draws into it.
    canvas = html.Div(
        id=ids.SECOND_GRAPH, className="genome-view", tabIndex=0, role="img",
        **{"aria-label": f"{title}: the tracks are being loaded"},
    )
    return html.Section([head, canvas], id=ids.SECOND_CARD, className="card-body second-place",
                        hidden=True, **{"aria-label": title})
