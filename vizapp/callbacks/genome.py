"""Callbacks of the genome view."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import Dash, Input, Output

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.genome import MAX_ATTRIBUTION_BP, MAX_LETTER_BP
from vizapp.figures.genome import (
    GeneShape,
    Track,
    attribution_track,
    base_track,
    gene_track,
    interval_track,
    signal_track,
    stack,
    strip_track,
)
from vizapp.loci import format_locus
from vizapp.state import Region, parse_region
from vizapp.theme import MODEL_COLORS, MODEL_LABELS, OBSERVED, OKABE_ITO
from vizapp.views.genome import overview

_MAX_PEAK_SETS = 6
_HOVER_BINS = 700


def _genes(data: RunData, region: Region) -> Track:
    frame = data.genome.in_window(data.genome.transcripts, region)
    if len(frame) == 0 and len(data.genome.transcripts) == 0:
        frame = data.genome.in_window(data.genome.genes, region)
    shapes: dict[str, GeneShape] = {}
    for row in frame.itertuples():
        label = row.gene or getattr(row, "name", "")
        has_exons = hasattr(row, "exon_starts")
        exons = list(zip(row.exon_starts, row.exon_ends, strict=True)) if has_exons else []
        known = shapes.get(label)
        # The longest transcript stands for its gene.
        if known is None or row.end - row.start > known.end - known.start:
            spans = [(int(a), int(b)) for a, b in exons]
            shapes[label] = GeneShape(label, int(row.start), int(row.end), row.strand, spans)
    widest = sorted(shapes.values(), key=lambda g: g.start - g.end)[:150]
    return gene_track(widest, region.start, region.end)


def _signals(data: RunData, region: Region, track: str) -> list[Track]:
    genome, about = data.genome, data.genome.tracks[track]
    edges, values = genome.observed(region, track)
    tracks = [
        signal_track("Observed", edges, values, OBSERVED, about["unit"], about["short_label"])
    ]
    for encoding, label in MODEL_LABELS.items():
        edges, values = genome.predicted(region, track, encoding)
        r, n = genome.correlation(region, track, encoding)
        shown = f"r {r:.2f} (n {n:,}, 16 bp)" if np.isfinite(r) else "r not defined here"
        note = f"predicted {about['short_label']}, {shown}"
        tracks.append(
            signal_track(label, edges, values, MODEL_COLORS[encoding], about["unit"], note)
        )
    return tracks


def _strip(data: RunData, region: Region) -> Track:
    steps, reduced = data.genome.strip(region)
    total = len(data.explorer.communities("mega"))
    lo, hi = data.genome.bins(region)
    hover = words = labels = None
    if not reduced and hi - lo <= _HOVER_BINS:
        words = data.lexicon.words_of(region.chrom, lo, hi)
        names = data.explorer.communities("mega")["label"].to_dict()
        labels = [f"M{number} {names[number]}" for number in range(total)]
        hover = [
            f"{format_locus(region.chrom, int(a), int(b))}<br>{str(data.lexicon.labels[w])[:60]}"
            f"<br>in {data.lexicon.frequency[w]:,} bins, "
            + (f"M{m} {names[m]}" if m >= 0 else "no motif")
            for a, b, w, m in zip(
                steps.edges[:-1], steps.edges[1:], words, steps.values, strict=True
            )
        ]
    # The outer bins reach beyond the window; what is drawn of them ends with it.
    shown = np.clip(steps.edges, region.start, region.end)
    return strip_track(shown, steps.values, total, hover, words, reduced, labels)


def _peaks(data: RunData, region: Region, targets: list[str]) -> Track:
    rows = []
    inside = data.genome.in_window(data.genome.peaks, region)
    for number, target in enumerate(targets):
        mine = inside[inside["target"] == target]
        spans = [(int(a), int(b)) for a, b in zip(mine["start"], mine["end"], strict=True)]
        rows.append((target, OKABE_ITO[(number + 2) % len(OKABE_ITO)], spans))
    islands = data.genome.in_window(
        data.genome.intervals[data.genome.intervals["kind"] == "cpg_island"], region
    )
    spans = [(int(a), int(b)) for a, b in zip(islands["start"], islands["end"], strict=True)]
    rows.append(("CpG islands", "#009E73", spans))
    return interval_track("K562 peaks and CpG islands", rows, region.start, region.end)


def _explained(data: RunData, region: Region) -> list[Track]:
    genome = data.genome
    heat = genome.attribution(region)
    track = genome.tracks[genome.attribution_about["track"]]["short_label"]
    if heat is None:
        note = f"zoom in below {MAX_ATTRIBUTION_BP // 1000} kb to see contributions"
        return [Track("DeepLIFT per motif cluster, token model", 0.3, [], {"visible": False}, note)]
    note = f"of predicted {track}; completeness error {error_text(heat.error)} (float64)"
    tracks = []
    if len(heat.labels):
        tracks.append(attribution_track(heat.edges, heat.labels, heat.values, note))
    else:
        empty = "no motif in this window"
        tracks.append(Track("DeepLIFT per motif cluster", 0.3, [], {"visible": False}, empty))
    steps, error = genome.base_attribution(region)
    letters = genome.codes(region) if region.width <= MAX_LETTER_BP else None
    hint = "" if letters is not None else f"; letters below {MAX_LETTER_BP} bp"
    note = f"of predicted {track}; completeness error {error_text(error)} (float64){hint}"
    return [*tracks, base_track(steps.edges, steps.values, letters, note)]


def build_genome(data: RunData, region: Region, track: Any, targets: Any) -> dict[str, Any]:
    """The whole genome figure of a window.

    Raises
    ------
    MotiflensError
        When the track or a peak set is not one of the run's.
    """
    if track not in data.genome.predicted_tracks:
        raise MotiflensError("choose a signal track from the list")
    chosen = [] if targets is None else targets
    if not isinstance(chosen, list) or not all(
        isinstance(t, str) and t in data.genome.targets for t in chosen
    ):
        raise MotiflensError("choose peak sets from the list")
    depth = data.genome.depth(region)
    tracks = [
        _genes(data, region),
        *_signals(data, region, track),
        signal_track("Motif depth", depth.edges, depth.values, "#7A6A53", "motif features",
                     "hits over each base"),
        _strip(data, region),
        _peaks(data, region, chosen[:_MAX_PEAK_SETS]),
        *_explained(data, region),
    ]
    return stack(tracks, region.chrom, region.start, region.end, data.assembly)


def error_text(error: float) -> str:
    """A completeness error for a person; rounding hides one below 1e-16, which is not nothing."""
    return f"{error:.0e}" if error >= 1e-16 else "< 1e-16"


def width_text(width: int) -> str:
    """A width for a person: 812 bp, 20.0 kb, 1.25 Mb."""
    if width < 1000:
        return f"{width:,} bp"
    return f"{width / 1000:.3g} kb" if width < 1_000_000 else f"{width / 1e6:.3g} Mb"


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the genome view."""

    @app.callback(
        Output(ids.GENOME_GRAPH, "figure"), Output(ids.REGION_INPUT, "value"),
        Output(ids.REGION_READOUT, "children"), Output(ids.OVERVIEW, "children"),
        Input(ids.REGION_STORE, "data"), Input(ids.TRACK_SELECT, "value"),
        Input(ids.PEAK_SELECT, "value"),
    )
    def draw(raw: Any, track: Any, targets: Any) -> Any:
        region = parse_region(raw, data.genome.chroms)
        text = format_locus(*region)
        readout = f"{text}  ({width_text(region.width)})"
        figure = build_genome(data, region, track, targets)
        return figure, text, readout, overview(data, region)
