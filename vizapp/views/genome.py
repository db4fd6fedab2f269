"""The genome view: where, what to step to, and the stacked tracks."""

from __future__ import annotations

import json
from typing import Any

import dash_mantine_components as dmc
from dash import html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.genome_tracks import TrackInfo
from vizapp.state import Region
from vizapp.views.figure_card import download_buttons, help_mark
from vizapp.views.genome_drawing import LATER
from vizapp.views.genome_explained_controls import explain_menu

#: Giemsa stains of cytobands; each has its own grey in the style sheet.
STAINS = frozenset({"gneg", "gpos25", "gpos50", "gpos75", "gpos100", "acen", "gvar", "stalk"})

ABOUT_GENOME = (
    "All tracks share one axis in bp. Predictions are mean signal per base; r is Pearson's "
    "correlation of observed and predicted over the window's 16-bp cells. Contributions are "
    "DeepLIFT (rescale) of the summed model output against the mean of background windows that "
    "hold no peak; the completeness error is |sum of contributions - (f(x) - f(background))|, "
    "relative, in float64. Below 400 bp the one-hot model's contributions are drawn as letters. "
    "Drag to pan, wheel to zoom, arrow keys and + - work too; Shift and drag marks a region. A "
    "track is moved by its title, resized by its lower edge, and has a menu behind its grip. "
    "Residual is observed - predicted; a group's scale is one for all tracks of its signal."
)


def controls(data: RunData) -> Any:
    """Pan, zoom, step, and what opens the list of tracks."""
    def button(i: str, label: str, hint: str) -> Any:
        return html.Button(label, id=i, title=hint, className="tool", n_clicks=0,
                           **{"aria-label": hint})

    targets = data.genome.targets
    steps = [{"value": f"peak:{t}", "label": f"{t} peak ({n:,})"} for t, n in targets.items()]
    default = "peak:CTCF" if "CTCF" in targets else (steps[0]["value"] if steps else "gene")
    return html.Div(
        [
            html.Div(
                [
                    button(ids.PAN_LEFT, "◀", "Pan left (left arrow)"),
                    button(ids.PAN_RIGHT, "▶", "Pan right (right arrow)"),
                    button(ids.ZOOM_OUT, "−", "Zoom out (-)"),
                    button(ids.ZOOM_IN, "+", "Zoom in (+)"),
                ],
                className="tools",
            ),
            html.Span(id=ids.REGION_READOUT, className="readout", role="status"),
            html.Div(
                [
                    button(ids.STEP_PREVIOUS, "previous", "Previous of the chosen kind (p)"),
                    dmc.Select(
                        id=ids.STEP_KIND, size="xs", w=190, searchable=True, allowDeselect=False,
                        value=default, data=[
                            *steps, {"value": "gene", "label": "gene"},
                            {"value": "selection", "label": "place of the selected words"},
                        ],
                        **{"aria-label": "What previous and next go to"},
                    ),
                    button(ids.STEP_NEXT, "next", "Next of the chosen kind (n)"),
                ],
                className="tools",
            ),
            html.Button(
                "tracks", id=ids.TRACKS_BUTTON, className="tool", title="Add and remove tracks",
                **{"aria-expanded": "false", "aria-controls": ids.TRACKS_PANEL},
            ),
            explain_menu(data),
            button(ids.MARK_WINDOW, "mark", "Mark this window (m); Shift and drag marks a part"),
        ],
        className="controls genome-controls",
    )


def overview(data: RunData, region: Region) -> Any:
    """The chromosome with its bands, as far as the run covers it, and the window on it."""
    low, high = data.genome.chroms[region.chrom]

    def place(start: int, end: int) -> dict[str, str]:
        start, end = max(start, low), min(end, high)
        share = 100 / (high - low)
        return {"left": f"{(start - low) * share:.4f}%", "width": f"{(end - start) * share:.4f}%"}

    table = data.genome.intervals
    bands = data.genome.in_window(
        table[table["kind"] == "cytoband"], Region(region.chrom, low, high)
    )
    # A name needs about 7 px a letter of a bar of about 700 px, or it would run into the next.
    least = 0.010 * (high - low)
    shown = [
        html.Span(
            str(band.name) if min(band.end, high) - max(band.start, low)
            >= least * (len(str(band.name)) + 1) else None,
            className=f"band {band.stain if band.stain in STAINS else 'gneg'}",
            style=place(int(band.start), int(band.end)), title=f"{region.chrom} {band.name}",
        )
        for band in bands.itertuples()
    ]
    window = html.Span(className="overview-window", style=place(region.start, region.end))
    return [
        html.Span(region.chrom, className="overview-name"),
        html.Div(
            [*shown, window], className="overview-track",
            title="Drag the window, or press where it shall go",
            **{"data-chrom": region.chrom, "data-low": str(low), "data-high": str(high),
               "data-start": str(region.start), "data-end": str(region.end)},
        ),
    ]


def genome_card(data: RunData) -> Any:
    """The genome view, full width."""
    title = f"Genome, {data.assembly}"
    ends = [[chrom, low, high] for chrom, (low, high) in data.genome.chroms.items()]
    head = html.Div(
        [
            html.Div([html.H2(title, className="card-title"), help_mark(ABOUT_GENOME, title)],
                     className="card-name"),
            html.Div(download_buttons(ids.GENOME_GRAPH, "motiflens-genome", title),
                     className="card-tools"),
        ],
        className="card-head",
    )
    # assets/genome_view.js draws into it.
    canvas = html.Div(
        id=ids.GENOME_GRAPH, className="genome-view", tabIndex=0, role="img",
        **{"aria-label": f"{title}: the tracks are being loaded",
           "data-chroms": json.dumps(ends), "data-defaults": json.dumps(data.tracks.defaults),
           "data-catalogue": json.dumps(catalogue(data))},
    )
    card = html.Section([head, canvas], className="card-body", **{"aria-label": title})
    strip = html.Div(id=ids.OVERVIEW, className="overview")
    panel = html.Div(id=ids.TRACKS_PANEL, className="track-panel", hidden=True, role="group",
                     **{"aria-label": "Tracks to show"})
    marks = html.Div(id=ids.MARKS_LIST, className="genome-marks",
                     **{"aria-label": "Marked regions"})
    return html.Div(
        [controls(data), panel, marks, strip, card], className="panel genome-panel"
    )


def catalogue(data: RunData) -> dict[str, dict[str, Any]]:
    """Every track by its id, as the browser lists it; ``later`` says which part it comes with."""
    return {
        info.id: {"id": info.id, "group": info.group, "label": info.label, "name": named(info),
                  "later": info.kind in LATER}
        for info in data.tracks.catalogue.values()
    }


def named(info: TrackInfo) -> str:
    """A track's name where its group is not seen beside it."""
    is_alone = info.kind in {"genes", "intervals", "repeats", "depth", "tokens", "bases", "hits"}
    return info.label if is_alone else f"{info.group}, {info.label}"
