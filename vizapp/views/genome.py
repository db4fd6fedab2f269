"""The genome view: where, what to step to, and the stacked tracks."""

from __future__ import annotations

import json
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.genome_tracks import TrackInfo
from vizapp.loci import format_locus
from vizapp.state import Region
from vizapp.views.figure_card import download_buttons, help_mark
from vizapp.views.genome_drawing import LATER, width_text
from vizapp.views.genome_explained_controls import explain_menu
from vizapp.views.genome_second import second_card
from vizapp.views.what_if import open_button

#: Giemsa stains of cytobands; each has its own grey in the style sheet.
STAINS = frozenset({"gneg", "gpos25", "gpos50", "gpos75", "gpos100", "acen", "gvar", "stalk"})

#: Factors, and clusters, that the list of steps offers at a time.
_MOST_OFFERED = 25

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


def controls(data: RunData, region: Region) -> Any:
    """Pan, zoom, step, and what opens the list of tracks."""
    def button(i: str, label: str, hint: str) -> Any:
        return html.Button(label, id=i, title=hint, className="tool", n_clicks=0,
                           **{"aria-label": hint})

    targets = data.genome.targets
    default = f"peak:{'CTCF' if 'CTCF' in targets else next(iter(targets))}" if targets else "gene"
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
            # The browser says here where the window is.
            html.Span(f"{format_locus(*region)}  ({width_text(region.width)})",
                      id=ids.REGION_READOUT, className="readout", role="status"),
            html.Div(
                [
                    button(ids.STEP_PREVIOUS, "previous", "Previous of the chosen kind (p)"),
                    dmc.Select(
                        id=ids.STEP_KIND, size="xs", w=210, searchable=True, allowDeselect=False,
                        value=default, data=step_options(data, "", default),
                        nothingFoundMessage="nothing is called that; type a factor, such as CTCF",
                        **{"aria-label": "What previous and next go to"},
                    ),
                    button(ids.STEP_NEXT, "next", "Next of the chosen kind (n)"),
                ],
                className="tools",
            ),
            open_button(),
            html.Button(
                "tracks", id=ids.TRACKS_BUTTON, className="tool", title="Add and remove tracks",
                **{"aria-expanded": "false", "aria-controls": ids.TRACKS_PANEL},
            ),
            explain_menu(data),
            button(ids.SECOND_BUTTON, "second place",
                   "Compare with a second place below, or close it"),
            button(ids.MARK_WINDOW, "mark", "Mark this window (m); Shift and drag marks a part"),
        ],
        className="controls genome-controls",
    )


def step_options(data: RunData, typed: str, value: str) -> list[dict[str, Any]]:
    """What next and previous can go to, in groups: peaks, genes, the selection, and motif hits of
    the factors and clusters that hold what is typed.

    Parameters
    ----------
    typed : what a person has typed so far
    value : what is chosen; it stays on the list
    """
    peaks = [{"value": f"peak:{t}", "label": f"{t} peak ({n:,})"}
             for t, n in data.genome.targets.items()]
    places = [{"value": "gene", "label": "gene"},
              {"value": "selection", "label": "place of the selected words"}]
    text = " ".join(typed[:60].split()).casefold().removesuffix(" motif hit")
    motifs = data.motif_hits
    factors = _offered({f"motif:{name}": name for name in motifs.factors}, text, value)
    clusters = _offered(
        {f"cluster:{n}": label for n, label in enumerate(data.genome.cluster_labels)
         if n in motifs.clusters_with_hits}, text.removeprefix("cluster "), value,
    )
    groups = {
        "Places": places,
        "Motif hits of a factor": [{"value": v, "label": f"{n} motif hit"} for v, n in factors],
        "Hits of a motif cluster": [{"value": v, "label": f"cluster {n}"} for v, n in clusters],
        "Peaks": peaks,
    }
    return [{"group": name, "items": items} for name, items in groups.items() if items]


def _offered(names: dict[str, str], text: str, value: str) -> list[tuple[str, str]]:
    """The names that hold a text, those that begin with it first, and the chosen one."""
    found = [(v, n) for v, n in names.items() if text and text in n.casefold()]
    found.sort(key=lambda one: (not one[1].casefold().startswith(text), len(one[1]), one[1]))
    chosen = [(value, names[value])] if value in names else []
    return [*chosen, *(one for one in found[:_MOST_OFFERED] if one[0] != value)]


def overview(data: RunData, region: Region) -> Any:
    """The chromosome with its bands, as far as the run covers it, and the window on it."""
    low, high = data.genome.chroms[region.chrom]

    def place(start: int, end: int) -> dict[str, str]:
        start, end = max(start, low), min(end, high)
        share = 100 / (high - low)
        return {"left": f"{(start - low) * share:.4f}%", "width": f"{(end - start) * share:.4f}%"}

    bands = data.genome.intervals_of("cytoband").overlapping(Region(region.chrom, low, high))
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


def genome_card(data: RunData, region: Region) -> Any:
    """The genome view, full width, at a place."""
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
           "data-opening": json.dumps(region._asdict()), "data-chroms": json.dumps(ends),
           "data-defaults": json.dumps(data.tracks.defaults),
           "data-catalogue": json.dumps(catalogue(data))},
    )
    card = html.Section([head, canvas], className="card-body", **{"aria-label": title})
    strip = html.Div(overview(data, region), id=ids.OVERVIEW, className="overview")
    elsewhere = dcc.Store(id=ids.OVERVIEW_STORE)
    panel = html.Div(id=ids.TRACKS_PANEL, className="track-panel", hidden=True, role="group",
                     **{"aria-label": "Tracks to show"})
    marks = html.Div(id=ids.MARKS_LIST, className="genome-marks",
                     **{"aria-label": "Marked regions"})
    return html.Div(
        [controls(data, region), panel, marks, strip, elsewhere, card, second_card(data)],
        className="panel genome-panel",
    )


def catalogue(data: RunData) -> dict[str, dict[str, Any]]:
    """Every track by its id, as the browser lists it; ``part`` says what it comes with."""
    return {
        info.id: {"id": info.id, "group": info.group, "label": info.label, "name": named(info),
                  "part": LATER.get(info.kind, "signals")}
        for info in data.tracks.catalogue.values()
    }


def named(info: TrackInfo) -> str:
    """A track's name where its group is not seen beside it."""
    is_alone = info.kind in {"genes", "intervals", "repeats", "depth", "tokens", "bases", "hits"}
    return info.label if is_alone else f"{info.group}, {info.label}"
