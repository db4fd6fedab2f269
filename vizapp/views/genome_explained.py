"""What the genome view draws of contributions: of motif clusters, and of bases."""

from __future__ import annotations

from vizapp.data import RunData
from vizapp.data.genome import MAX_ATTRIBUTION_BP, MAX_LETTER_BP
from vizapp.figures.genome import Track, attribution_track, base_track
from vizapp.views.genome_frame import Frame


def explained(data: RunData, frame: Frame) -> list[Track]:
    """The tracks of contributions."""
    genome, region = data.genome, frame.view
    stored = genome.attributions
    heat = stored.heat(region, loaded=frame.loaded, columns=frame.columns)
    track = genome.tracks[stored.about["track"]]["short_label"]
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
    steps, error = stored.bases(region, frame.loaded, frame.columns)
    letters = genome.codes(frame.loaded) if region.width <= MAX_LETTER_BP else None
    hint = "" if letters is not None else f"; letters below {MAX_LETTER_BP} bp"
    note = f"of predicted {track}; completeness error {error_text(error)} (float64){hint}"
    return [*tracks, base_track(steps.edges, steps.values, letters, note)]


def error_text(error: float) -> str:
    """A completeness error for a person; rounding hides one below 1e-16, which is not nothing."""
    return f"{error:.0e}" if error >= 1e-16 else "< 1e-16"
