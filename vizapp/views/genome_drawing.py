"""What the genome view draws of a window: its tracks, filled from the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from precompute.errors import MotiflensError
from vizapp.data import RunData
from vizapp.data.genome import MAX_COLUMNS, MAX_LETTER_BP, MAX_STRIP_BP
from vizapp.data.genome_tracks import ModelInfo, TrackInfo
from vizapp.figures.genome import (
    GeneShape,
    NameLane,
    Track,
    gene_track,
    interval_track,
    limits_of,
    sequence_track,
    signal_track,
    stack,
    strip_track,
)
from vizapp.figures.genome_hits import TITLE, Hit, hits_track
from vizapp.figures.genome_signals import Curve, curves_track, difference
from vizapp.figures.label_places import first_factor, shorten
from vizapp.genome_state import Mark, TrackItem
from vizapp.loci import format_locus
from vizapp.state import Region
from vizapp.theme import OBSERVED, OKABE_ITO, RESIDUAL
from vizapp.views.genome_explained import base_contributions, motif_contributions
from vizapp.views.genome_frame import Asked, Frame, frame_of

#: What is asked for: the tracks that are there at once, the contributions, motif hits, or all.
PARTS = ("signals", "explained", "scanned", "all")

#: Widest window whose motif hits are drawn one by one, bp: there are about four a base.
_MAX_HIT_BP = 1_000

#: Widest window in which tokens are named, bp.
MAX_NAMED_BP = 20_000
_NAME_LETTERS = 16

_HOVER_BINS = 700


def _genes(data: RunData, frame: Frame) -> Track:
    region = frame.loaded
    table = data.genome.transcript_rows.overlapping(region)
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


def _r_text(data: RunData, frame: Frame, model: str, track: str) -> str:
    r, n = data.genome.correlation(frame.view, track, model)
    return f"r {r:.2f} (n {n:,}, 16 bp)" if np.isfinite(r) else "r not defined here"


def _observed(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    about = data.genome.tracks[info.of]
    edges, values = data.genome.observed(frame.loaded, info.of, frame.columns)
    label = about["short_label"]
    track = signal_track("Observed", edges, values, OBSERVED, about["unit"], label)
    return [replace(track, group=label)]


def _predicted(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    about, model = data.genome.tracks[info.of], data.tracks.models[info.model]
    edges, values = data.genome.predicted(frame.loaded, info.of, model.name, frame.columns)
    note = f"predicted {about['short_label']}, {_r_text(data, frame, model.name, info.of)}"
    track = signal_track(model.label, edges, values, model.color, about["unit"], note)
    return [replace(track, group=about["short_label"])]


def _curves(data: RunData, frame: Frame, track: str, models: list[ModelInfo]) -> list[Curve]:
    observed = data.genome.observed(frame.loaded, track, frame.columns)
    return [
        Curve("observed", *observed, OBSERVED, is_filled=True),
        *(Curve(m.label, *data.genome.predicted(frame.loaded, track, m.name, frame.columns),
                m.color) for m in models),
    ]


def _residual(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    about, model = data.genome.tracks[info.of], data.tracks.models[info.model]
    observed, predicted = _curves(data, frame, info.of, [model])
    rest = Curve("residual", observed.edges, difference(observed, predicted), RESIDUAL,
                 is_filled=True)
    note = f"observed - predicted {about['short_label']}, {model.label}"
    track = curves_track("Residual", [rest], about["unit"], note, is_centred=True)
    return [replace(track, group=f"residual of {about['short_label']}")]


def _together(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    about, model = data.genome.tracks[info.of], data.tracks.models[info.model]
    observed, predicted = _curves(data, frame, info.of, [model])
    rest = Curve("residual", observed.edges, difference(observed, predicted), RESIDUAL)
    note = (f"grey observed, line predicted, purple residual; {about['short_label']}, "
            f"{_r_text(data, frame, model.name, info.of)}")
    track = curves_track(model.label, [observed, predicted, rest], about["unit"], note, 1.3)
    return [replace(track, group=about["short_label"])]


def _models(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    about, models = data.genome.tracks[info.of], data.tracks.models_of(info.of)
    note = f"{about['short_label']}, grey observed; r: " + ", ".join(
        f"{m.label} {_r_text(data, frame, m.name, info.of).removeprefix('r ').split(' (')[0]}"
        for m in models
    )
    curves = _curves(data, frame, info.of, models)
    track = curves_track("Models", curves, about["unit"], note, 1.3)
    return [replace(track, group=about["short_label"])]


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
    lane = None
    if not reduced and frame.view.width <= MAX_NAMED_BP:
        lane = _name_lane(data, region, lo, hi)
    # The outer bins reach beyond the window; what is drawn of them ends with it.
    shown = np.clip(steps.edges, region.start, region.end)
    return strip_track(shown, steps.values, total, hover, words, reduced, labels,
                       frame.view.width, lane)


def _name_lane(data: RunData, region: Region, lo: int, hi: int) -> NameLane:
    """Tokens named by the motif cluster that contributes most to what the run's token model
    predicts; by their word, the rarest first, where it was not explained."""
    stored = data.genome.attributions
    if stored.covers(region, "tokens"):
        cluster, weight = stored.leading(region)
        names = [first_factor(label) for label in data.explorer.cluster_labels]
        return NameLane([names[c] for c in cluster.tolist()], weight,
                        "the motif that contributes most to the token model's prediction")
    words = data.lexicon.words_of(region.chrom, lo, hi)
    is_word = np.array([bool(data.lexicon.labels.clusters_of(w)) for w in words])
    return NameLane([shorten(data.lexicon.labels[w], _NAME_LETTERS) for w in words],
                    is_word / data.lexicon.frequency[words], "rarest words")


def _spans(table: pd.DataFrame) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in zip(table["start"], table["end"], strict=True)]


def _intervals(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    """Peaks of a set, intervals of a kind, or repeats: a row of blocks."""
    genome, region = data.genome, frame.loaded
    name, color = info.label, "#009E73"
    if info.kind == "peaks":
        among = genome.peaks_of(info.of)
        name = f"{info.of} peaks"
        color = OKABE_ITO[(2 + list(genome.targets).index(info.of)) % len(OKABE_ITO)]
    elif info.kind == "repeats":
        among, color = data.tracks.repeats, "#7A6A53"
    else:
        among = genome.intervals_of(info.of)
    rows = [(name, color, _spans(among.overlapping(region)))]
    return [interval_track("", rows, region.start, region.end, frame.view.width)]


def _contributions(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    draw = motif_contributions if info.model == "tokens" else base_contributions
    return draw(data, frame)


def _depth(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    depth = data.genome.depth(frame.loaded, frame.columns)
    n_unknown = data.genome.unknown_bp(frame.view)
    unknown = f"; {n_unknown:,} of {frame.view.width:,} bases are unknown (N)" if n_unknown else ""
    return [signal_track("Motif depth", depth.edges, depth.values, "#7A6A53", "motif features",
                         f"hits over each base{unknown}")]


def _tokens(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    is_wide = frame.view.width > MAX_STRIP_BP
    return _summary(data, frame) if is_wide else [_strip(data, frame)]


def _sequence(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    if frame.view.width > MAX_LETTER_BP:
        return []
    return [sequence_track(frame.loaded.start, data.genome.codes(frame.loaded))]


def _hits(data: RunData, frame: Frame, info: TrackInfo) -> list[Track]:
    if frame.view.width > _MAX_HIT_BP:
        return []
    motifs = data.motif_hits
    try:
        found = motifs.window(frame.loaded)
    except MotiflensError as error:
        return [Track(TITLE, 0.3, [], {"visible": False}, str(error))]
    n = int(((found.end > frame.view.start) & (found.start < frame.view.end)).sum())
    hits = [
        Hit(int(start), int(end), motifs.strands[f], motifs.names[f], motifs.profile_ids[f],
            int(motifs.clusters[f]), float(bits))
        for f, start, end, bits in zip(*found, strict=True)
    ]
    n_clusters = len(data.genome.cluster_labels)
    return [hits_track(hits, data.pfms, n_clusters, frame.view.width, n)]


_Draw = Callable[[RunData, Frame, TrackInfo], list[Track]]

#: How each kind of the catalogue is drawn.
_DRAWN: dict[str, _Draw] = {
    "genes": lambda data, frame, info: [_genes(data, frame)],
    "observed": _observed, "predicted": _predicted, "residual": _residual,
    "together": _together, "models": _models, "depth": _depth, "tokens": _tokens,
    "bases": _sequence, "hits": _hits, "peaks": _intervals, "intervals": _intervals,
    "repeats": _intervals,
    "contributions": _contributions,
}

#: Kinds that come after the rest is drawn, for they take longer, and the part they come with.
LATER = {"contributions": "explained", "hits": "scanned"}


def build_tracks(
    data: RunData, region: Region, items: list[TrackItem], part: Any = "all",
    is_around: bool = False, asked: Asked | None = None,
) -> list[Track]:
    """Rows of a window, from top to bottom; a track may have none or several.

    Parameters
    ----------
    items : known tracks, see :func:`vizapp.genome_state.parse_tracks`
    part : one of ``PARTS``
    is_around : whether what lies around the window is in the rows too
    asked : which contributions are drawn; those that the run has stored by default

    Raises
    ------
    MotiflensError
        When the part is not one that there is.
    """
    if part not in PARTS:
        raise MotiflensError(f"a part of the view is one of {', '.join(PARTS)}; reload the page")
    frame = frame_of(data, region, is_around, asked)
    rows: list[Track] = []
    for item in items:
        info = data.tracks.catalogue[item.id]
        if part in ("all", LATER.get(info.kind, "signals")):
            rows += [replace(row, id=item.id) for row in _DRAWN[info.kind](data, frame, info)]
    return rows


def build_genome(
    data: RunData, region: Region, items: list[TrackItem] | None = None,
    is_around: bool = False, marks: list[Mark] | None = None, asked: Asked | None = None,
) -> dict[str, Any]:
    """The genome view of a window as one figure, for export.

    Parameters
    ----------
    items : known tracks; by default those of a fresh view
    is_around : whether what lies around the window is in the figure too; its axis shows the window
    marks : marked regions; those of the window are drawn
    asked : which contributions are drawn; those that the run has stored by default
    """
    chosen = [TrackItem(i) for i in data.tracks.defaults] if items is None else items
    rows = scaled(build_tracks(data, region, chosen, "all", is_around, asked), chosen)
    shown = [
        (m.region.start, m.region.end, m.name, OKABE_ITO[n % len(OKABE_ITO)])
        for n, m in enumerate(marks or [])
        if m.region.chrom == region.chrom and m.region.start < region.end
        and m.region.end > region.start
    ]
    return stack(rows, region.chrom, region.start, region.end, data.assembly, shown)


def scaled(rows: list[Track], items: list[TrackItem]) -> list[Track]:
    """Rows with the heights and scales that their items ask for."""
    asked = {item.id: item for item in items}
    limits = [limits_of(row) for row in rows]
    shared: dict[str, list[tuple[float, float]]] = {}
    for row, ends in zip(rows, limits, strict=True):
        if ends and row.group and asked[row.id].scale == "group":
            shared.setdefault(row.group, []).append(ends)
    out = []
    for row, ends in zip(rows, limits, strict=True):
        item = asked[row.id]
        y_axis = row.yaxis
        if ends and isinstance(item.scale, tuple):
            y_axis = {**y_axis, "range": list(item.scale)}
        elif ends and item.scale == "group" and row.group:
            of_group = shared[row.group]
            y_axis = {**y_axis, "range": [min(e[0] for e in of_group),
                                          max(e[1] for e in of_group)]}
        out.append(replace(row, height=row.height * item.times, yaxis=y_axis))
    return out


def width_text(width: int) -> str:
    """A width for a person: 812 bp, 20.0 kb, 1.25 Mb."""
    if width < 1000:
        return f"{width:,} bp"
    # What would be rounded to 1,000 kb is 1 Mb.
    return f"{width / 1000:.3g} kb" if width < 999_500 else f"{width / 1e6:.3g} Mb"
