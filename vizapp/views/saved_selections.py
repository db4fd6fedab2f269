"""The row of saved selections: recall by a click; save, rename, show and delete in a small menu."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.saved import MAX_NAME, MAX_SAVED, SWATCHES, Saved
from vizapp.views.figure_card import help_mark

ABOUT_SAVED = (
    f"Up to {MAX_SAVED} selections, kept in this browser for this run only; the server keeps none. "
    "A filled swatch is drawn on the map as rings of its colour. Click a name to select it again; "
    "Shift and Alt add it to or subtract it from what is selected."
)


def saved_row() -> Any:
    """The row while nothing is saved; a callback fills in what is."""
    menu = dmc.Popover(
        [
            dmc.PopoverTarget(
                html.Button("Save and manage", id=ids.SAVED_MENU, className="tool",
                            title="Save the current selection; rename, show or delete saved ones")
            ),
            dmc.PopoverDropdown([
                html.Div(
                    [
                        dcc.Input(id=ids.SAVED_NAME, type="text", maxLength=MAX_NAME, value="",
                                  placeholder="name of the current selection", debounce=False,
                                  autoComplete="off", className="saved-name", n_submit=0),
                        html.Button("Save", id=ids.SAVED_SAVE, className="tool", n_clicks=0,
                                    title="Save the current selection under this name"),
                    ],
                    className="saved-line",
                ),
                html.Div(id=ids.SAVED_LIST, className="saved-list"),
            ]),
        ],
        position="bottom-end", withArrow=True, shadow="md", withinPortal=True, keepMounted=True,
    )
    return html.Div(
        [html.Span("Saved", className="row-name"),
         html.Div(saved_chips([]), id=ids.SAVED_CHIPS, className="saved-chips", role="group",
                  **{"aria-label": "Saved selections"}),
         menu, help_mark(ABOUT_SAVED, "saving a selection")],
        className="algebra-row",
    )


def _swatch(item: Saved) -> dict[str, str]:
    color = SWATCHES[item.color]
    return {"borderColor": color, "background": color if item.shown else "transparent"}


def saved_chips(items: list[Saved]) -> list[Any]:
    """A button for each saved selection."""
    if not items:
        return [html.Span("none yet", className="row-name")]
    return [
        html.Button(
            [html.Span(className="chip-swatch", style=_swatch(item)), item.name],
            id={"type": ids.SAVED_RECALL, "index": number}, className="chip", n_clicks=0,
            title=f"Select {item.name} again",
        )
        for number, item in enumerate(items)
    ]


def saved_lines(items: list[Saved]) -> list[Any]:
    """A line for each saved selection: its name to change, whether it is shown, delete."""
    return [
        html.Div(
            [
                html.Button(
                    html.Span(className="chip-swatch", style=_swatch(item)),
                    id={"type": ids.SAVED_SHOWN, "index": number}, className="tool", n_clicks=0,
                    title="Hide it on the map" if item.shown else "Show it on the map",
                    **{"aria-label": f"Show {item.name} on the map",
                       "aria-pressed": str(item.shown).lower()},
                ),
                dcc.Input(
                    id={"type": ids.SAVED_RENAME, "index": number}, type="text", value=item.name,
                    maxLength=MAX_NAME, debounce=True, className="saved-name", autoComplete="off",
                ),
                html.Button(
                    "delete", id={"type": ids.SAVED_DELETE, "index": number}, className="tool",
                    n_clicks=0, title="Delete this saved selection",
                    **{"aria-label": f"Delete {item.name}"},
                ),
            ],
            className="saved-line",
        )
        for number, item in enumerate(items)
    ]
