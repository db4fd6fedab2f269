"""How selections are worded, combined and kept: the controls above the selection panel."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.loci import format_locus
from vizapp.selection import AnySelection, Community, Lasso, Motif, Window, Word
from vizapp.views.figure_card import help_mark

LAYOUT_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}

ABOUT_HOW = (
    "How a drawing on the map, a click on a community or on a token, or a search counts with what "
    "is selected: it replaces it, is added (hold Shift), subtracted (hold Alt), or only what is in "
    "both stays (hold both). A selection is a set of map points; its words are the words of those "
    "points, and its places are all bins of the run with one of these words."
)

_JOINED = {"union": " or ", "intersect": " and ", "subtract": " without "}


def selection_phrase(data: RunData, selection: AnySelection) -> str:
    """Where a selection comes from, in words."""
    if isinstance(selection, Community):
        label = data.explorer.communities(selection.level)["label"].get(selection.id, "?")
        name = "megacluster" if selection.level == "mega" else "subcluster"
        return f"{name} {selection.id}, {label}"
    if isinstance(selection, Word):
        known = selection.word < len(data.lexicon.labels)
        return f"the word {data.lexicon.labels[selection.word] if known else selection.word}"
    if isinstance(selection, Lasso):
        return f"drawn on the map, {LAYOUT_NAMES[selection.layout]}"
    if isinstance(selection, Window):
        return f"bins in {format_locus(selection.chrom, selection.start, selection.end)}"
    if isinstance(selection, Motif):
        return _motif_phrase(data.explorer.cluster_labels, selection)
    parts = [selection_phrase(data, part) for part in selection.of]
    if selection.kind == "invert":
        return f"all but ({parts[0]})"
    shown = [f"({part})" for part in parts[:4]]
    if len(parts) > 4:
        shown.append(f"{len(parts) - 4} more")
    return _JOINED[selection.kind].join(shown)


def _motif_phrase(labels: list[str], selection: Motif) -> str:
    known = [labels[c] for c in selection.clusters if c < len(labels)]
    names = ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")
    if selection.least is None:
        return f"words with {names}"
    return f"occupancy of {names} at least {selection.least:g}"


def algebra_row() -> Any:
    """How the next drawing or click counts, and what goes wrong with the link."""
    return html.Div(
        [
            html.Span("Draw or click to", className="row-name"),
            dmc.SegmentedControl(
                id=ids.SELECTION_HOW, value="replace", size="xs",
                data=[{"value": "replace", "label": "select"}, {"value": "union", "label": "add"},
                      {"value": "subtract", "label": "subtract"},
                      {"value": "intersect", "label": "intersect"}],
            ),
            help_mark(ABOUT_HOW, "selecting"),
            html.Button("Invert", id=ids.SELECTION_INVERT, className="tool", n_clicks=0,
                        title="Select all other points of the map"),
            html.Span(id=ids.SELECTION_LINK_NOTE, className="link-note", role="status"),
        ],
        className="algebra-row",
    )


def stores(data: RunData, link: str | None) -> list[Any]:
    """Stores of the selection controls; ``link`` is the selection in a link. Saved selections stay
    in the browser, by run."""
    return [
        dcc.Store(id=ids.SELECTION_HOW_STORE, data="replace"),
        dcc.Store(id=ids.SELECTION_LINK_STORE, data=link),
        # None is what a browser that has saved nothing holds: it then asks for nothing.
        dcc.Store(id=ids.saved_store(data.identity), storage_type="local", data=None),
    ]
