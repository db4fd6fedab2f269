"""The card under the genome view: windows like the one that is shown."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.views.figure_card import help_mark
from vizapp.views.table import data_table

ABOUT = (
    "The stretch in the middle of the genome view is compared with all windows of that length. A "
    "window counts, for each motif cluster, its bins whose word holds it; a cluster weighs the "
    "square root of the count (Hellinger) times ln((N + 1) / (n + 0.5)), n of N windows holding "
    "it; the largest weights are kept, and the similarity is the cosine: 0 nothing shared, 1 the "
    "same. Shared motifs are those that make most of it. Windows that touch the stretch are left "
    "out. Weights: Salton and Buckley 1988, doi:10.1016/0306-4573(88)90021-0."
)


def neighbors_card(data: RunData) -> Any:
    """The button, what it found, and the list."""
    title = "Windows like this one"
    if not data.window_neighbors.is_there:
        body: list[Any] = [html.P(
            "Windows were not indexed in this run: run `python -m precompute run` with its "
            "configuration, which makes the stage window_index, and start the app again.",
            className="caption")]
    else:
        body = [
            html.Div(
                [html.Button("Find windows like this one", id=ids.ALIKE_FIND, className="tool",
                             n_clicks=0),
                 html.Span("press the button to compare the "
                           f"{data.window_neighbors.window_bp:,} bp in the middle of the genome "
                           "view with the whole run", id=ids.ALIKE_SAYS, className="caption",
                           role="status")],
                className="controls",
            ),
            dcc.Loading(html.Div(_grid(data), id=ids.ALIKE_BOX, style={"display": "none"}),
                        delay_show=300, type="dot", color="#C2185B"),
        ]
    return html.Section(
        [html.Div([html.H2(f"{title}, {data.region_text}", className="card-title"),
                   help_mark(ABOUT, title)], className="card-name"), *body],
        className="panel", **{"aria-label": title},
    )


def _grid(data: RunData) -> Any:
    number: dict[str, Any] = {"type": "rightAligned", "sortable": True, "filter": False}
    columns: list[dict[str, Any]] = [
        {"field": "place", "headerName": "Window (click to go there)", "width": 240},
        {"field": "similarity", "headerName": "Similarity", "width": 100, **number,
         "valueFormatter": {"function": "d3.format('.3f')(params.value)"}},
        {"field": "shared", "headerName": "Shared motifs", "flex": 1, "minWidth": 220,
         "tooltipField": "shared"},
        *({"field": f"signal_{name}", "headerName": about["short_label"], "width": 190, **number,
           "headerTooltip": f"Mean {about['label']}, {about['unit']}",
           "valueFormatter": {"function": "params.value == null ? 'not measured' : "
                              f"d3.format('.3~g')(params.value) + ' {_plain(about['unit'])}'"}}
          for name, about in data.genome.tracks.items()),
    ]
    return data_table(
        ids.ALIKE_GRID, columns, "no window like this one", height="300px", row_id="id"
    )


def _plain(unit: Any) -> str:
    """A unit that is safe inside a formatter: a configuration may say anything."""
    return "".join(c for c in str(unit) if c.isalnum() or c in " /%.-")[:40]
