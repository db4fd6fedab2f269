"""What the genome view draws of a window: its tracks, filled from the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from precompute.errors import MotiflensError
from vizapp.data import RunData
from vizapp.data.genome import MAX_COLUMNS, MAX_LETTER_BP, MAX_STRIP_BP
from vizapp.figures.genome import (
    GeneShape,
    Track,
    gene_track,
    interval_track,
    sequence_track,
    signal_track,
    stack,
    strip_track,
)
from vizapp.loci import format_locus
from vizapp.state import Region
from vizapp.theme import MODEL_COLORS, MODEL_LABELS, OBSERVED, OKABE_ITO
from vizapp.views.genome_explained import explained
from vizapp.views.genome_frame import Frame, frame_of

#: What is asked for: the tracks that are there at once, the contributions, or both.
PARTS = ("signals", "explained", "all")

_MAX_PEAK_SETS = 6
_HOVER_BINS = 700


def _genes(data: RunData, frame: Frame) -> Track:
    region = frame.loaded
    table = data.genome.in_window(data.genome.transcripts, region)
    if len(table) == 0 and len(data.genome.transcripts) == 0:
        table = data.genome.in_window(data.genome.genes, region)
    shapes: dict[str, GeneShape] = {}
    for row in table.itertuples():
        label = row.gene or getattr(row, "name", "")
        has_exons = hasattr(row, "exon_starts")
        exons = list(zip(row.exon_starts, row.exon_ends, strict=True)) if has_exons else []
        known = shapes.get(label)
        # The longest transcript stands for its gene.
        if known is None or row.end - row.start > known.end - known.start:
            spans = [(int(a), int(b)) for a, b in exons]
            shapes[label] = GeneShape(label, int(row.start), int(row.end), row.strand, spans)
    widest = sorted(shapes.values(), key=lambda g: g.start - g.end)[:150]
    drawn = gene_track(widest, region.start, region.end, frame.view.width)
    is_here = any(g.end > frame.view.start and g.start < frame.view.end for g in widest)
    return drawn if is_here else replace(drawn, note="no gene in this window")


def _signals(data: RunData, frame: Frame, track: str) -> list[Track]:
    genome, about = data.genome, data.genome.tracks[track]
    edges, values = genome.observed(frame.loaded, track, frame.columns)
    tracks = [
        signal_track("Observed", edges, values, OBSERVED, about["unit"], about["short_label"])
    ]
    for encoding, label in MODEL_LABELS.items():
        edges, values = genome.predicted(frame.loaded, track, encoding, frame.columns)
        r, n = genome.correlation(frame.view, track, encoding)
        shown = f"r {r:.2f} (n {n:,}, 16 bp)" if np.isfinite(r) else "r not defined here"
        note = f"predicted {about['short_label']}, {shown}"
        tracks.append(
            signal_track(label, edges, values, MODEL_COLORS[encoding], about["unit"], note)
        )
    return tracks


def _summary(data: RunData, frame: Frame) -> list[Track]:
    """Tokens of a wide window: how many, and how mixed."""
    density, entropy = data.genome.token_summary(frame.loaded, frame.columns // 2)
    return [
        signal_track("Token density", *density, "#7A6A53", "tokens per kb"),
        signal_track("Token entropy", *entropy, "#009E73", "bits",
                     "of the megaclusters in a column; zoom in below "
                     f"{MAX_STRIP_BP // 1000} kb to see tokens"),
    ]


def _strip(data: RunData, frame: Frame) -> Track:
    region, times = frame.loaded, frame.columns / MAX_COLUMNS
    steps, reduced = data.genome.strip(region, round(4000 * times), frame.columns)
    total = len(data.explorer.communities("mega"))
    lo, hi = data.genome.bins(region)
    hover = words = labels = None
    if not reduced and hi - lo <= _HOVER_BINS * times:
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
    return strip_track(shown, steps.values, total, hover, words, reduced, labels,
                       frame.view.width)


def _peaks(data: RunData, frame: Frame, targets: list[str]) -> Track:
    region = frame.loaded
    rows = []
    inside = data.genome.in_window(data.genome.peaks, region)
    for number, target in enumerate(targets):
        mine = inside[inside["target"] == target]
        spans = [(int(a), int(b)) for a, b in zip(mine["start"], mine["end"], strict=True)]
        rows.append((target, OKABE_ITO[(number + 2) % len(OKABE_ITO)], spans))
    islands = data.genome.in_window(data.genome.intervals, region)
    islands = islands[islands["kind"] == "cpg_island"]
    spans = [(int(a), int(b)) for a, b in zip(islands["start"], islands["end"], strict=True)]
    rows.append(("CpG islands", "#009E73", spans))
    return interval_track("K562 peaks and CpG islands", rows, region.start, region.end,
                          frame.view.width)


def build_genome(
    data: RunData, region: Region, track: Any, targets: Any, part: Any = "all",
    is_around: bool = False,
) -> dict[str, Any]:
    """The genome figure of a window.

    Parameters
    ----------
    part : one of ``PARTS``
    is_around : whether what lies around the window is in the figure too; its axis shows the window

    Raises
    ------
    MotiflensError
        When the track, a peak set or the part is not one that there is.
    """
    if not isinstance(track, str) or track not in data.genome.predicted_tracks:
        raise MotiflensError("choose a signal track from the list")
    chosen = [] if targets is None else targets
    if not isinstance(chosen, list) or not all(
        isinstance(t, str) and t in data.genome.targets for t in chosen
    ):
        raise MotiflensError("choose peak sets from the list")
    if part not in PARTS:
        raise MotiflensError(f"a part of the view is one of {', '.join(PARTS)}; reload the page")
    frame = frame_of(data, region, is_around)
    tracks: list[Track] = []
    if part != "explained":
        tracks += _plain(data, frame, track, chosen[:_MAX_PEAK_SETS])
    if part != "signals":
        tracks += explained(data, frame)
    return stack(tracks, region.chrom, region.start, region.end, data.assembly)


def _plain(data: RunData, frame: Frame, track: str, targets: list[str]) -> list[Track]:
    depth = data.genome.depth(frame.loaded, frame.columns)
    n_unknown = data.genome.unknown_bp(frame.view)
    unknown = f"; {n_unknown:,} of {frame.view.width:,} bases are unknown (N)" if n_unknown else ""
    is_wide = frame.view.width > MAX_STRIP_BP
    has_letters = frame.view.width <= MAX_LETTER_BP
    return [
        _genes(data, frame),
        *_signals(data, frame, track),
        signal_track("Motif depth", depth.edges, depth.values, "#7A6A53", "motif features",
                     f"hits over each base{unknown}"),
        *(_summary(data, frame) if is_wide else [_strip(data, frame)]),
        *([sequence_track(frame.loaded.start, data.genome.codes(frame.loaded))]
          if has_letters else []),
        _peaks(data, frame, targets),
    ]


def width_text(width: int) -> str:
    """A width for a person: 812 bp, 20.0 kb, 1.25 Mb."""
    if width < 1000:
        return f"{width:,} bp"
    return f"{width / 1000:.3g} kb" if width < 1_000_000 else f"{width / 1e6:.3g} Mb"
