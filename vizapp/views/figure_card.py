"""A card around a figure: what it shows, what it means, and how to take it along."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.theme import blank_figure


def graph_config(
    filename: str, is_explored: bool = True, drawing: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Mode bar of a figure, shown under the pointer; none where nothing is to be explored.

    ``drawing`` names Plotly's drawing tools that the mode bar offers.
    """
    return {
        "displaylogo": False,
        "displayModeBar": "hover" if is_explored else False,
        "responsive": True,
        "scrollZoom": is_explored,
        "modeBarButtonsToRemove": [
            "toImage", "sendDataToCloud", "autoScale2d", "lasso2d", "select2d",
        ],
        "modeBarButtonsToAdd": list(drawing),
        "toImageButtonOptions": {"filename": filename, "scale": 2},
    }


def help_mark(text: str, label: str) -> Any:
    """A question mark that explains, reachable by keyboard; the browser shows the text.

    One card serves all of them: a component that opens would cost time at every change of the
    page, for each mark.
    """
    return html.Button("?", className="help-mark", **{
        "aria-label": f"What is {label}?", "data-help": text})


def download_buttons(
    graph_id: str, filename: str, title: str, has_numbers: bool = True
) -> Any:
    """Buttons that save the figure with its title, on white, or what it shows as a table; the
    browser does the work."""
    kinds = {"png": "Save this figure as PNG", "svg": "Save this figure as SVG"}
    if has_numbers:
        kinds["csv"] = "Save the numbers that this figure shows as CSV"
    return html.Span(
        [
            html.Button(
                kind.upper(), className="save-figure", title=hint,
                **{"data-graph": graph_id, "data-format": kind, "data-name": filename,
                   "data-title": title},
            )
            for kind, hint in kinds.items()
        ],
        className="save-figures",
    )


def later(tab: str) -> Any:
    """Stands for a tab that is sent when it is first opened; a hidden figure would be drawn too."""
    return [
        dcc.Store(id={"type": ids.TAB_OPENED, "page": tab}),
        html.Div(html.Div("opening the tab", className="page-opening"),
                 id={"type": ids.TAB_BODY, "page": tab}, className="tab-body"),
    ]


def figure_card(
    graph_id: str, title: Any, about: str, filename: str, figure: dict | None = None,
    toolbar: Any = None, height: str = "100%", is_explored: bool = True,
    drawing: tuple[str, ...] = (), has_numbers: bool = True, **graph: Any,
) -> Any:
    """Title row with help, tools and downloads; the figure under it with a loading skeleton.

    ``is_explored`` and ``drawing`` are of :func:`graph_config`, ``has_numbers`` is of
    :func:`download_buttons`: letters are none.
    """
    head = html.Div(
        [
            html.Div([html.H2(title, className="card-title"), help_mark(about, str(title))],
                     className="card-name"),
            html.Div([toolbar, download_buttons(graph_id, filename, str(title), has_numbers)],
                     className="card-tools"),
        ],
        className="card-head",
    )
    body = dcc.Loading(
        dcc.Graph(
            id=graph_id, figure=figure or {"data": [], "layout": blank_figure()["layout"]},
            config=graph_config(filename, is_explored, drawing), style={"height": height}, **graph,
        ),
        delay_show=300, overlay_style={"visibility": "visible", "opacity": 0.5},
        type="dot", color="#C2185B", parent_className="card-loading",
    )
    return html.Section([head, body], className="card-body", **{"aria-label": str(title)})
