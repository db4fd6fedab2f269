"""What the genome view draws of contributions: of motif clusters, and of bases."""

from __future__ import annotations

from vizapp.data import RunData
from vizapp.data.genome import MAX_ATTRIBUTION_BP, MAX_LETTER_BP
from vizapp.figures.genome import Track, attribution_track, base_track
from vizapp.views.genome_frame import Frame

_TOO_WIDE = f"zoom in below {MAX_ATTRIBUTION_BP // 1000} kb to see contributions"


def motif_contributions(data: RunData, frame: Frame) -> list[Track]:
    """The heatmap of the strongest motif clusters."""
    stored = data.genome.attributions
    title = "DeepLIFT per motif cluster, token model"
    heat = stored.heat(frame.view, loaded=frame.loaded, columns=frame.columns)
    if heat is None:
        return [_sentence(title, _TOO_WIDE)]
    if not len(heat.labels):
        return [_sentence(title, "no motif in this window")]
    return [attribution_track(heat.edges, heat.labels, heat.values, _note(data, heat.error))]


def base_contributions(data: RunData, frame: Frame) -> list[Track]:
    """The curve or the letters of the bases."""
    genome, width = data.genome, frame.view.width
    if width > MAX_ATTRIBUTION_BP:
        return [_sentence("DeepLIFT per base, one-hot model", _TOO_WIDE)]
    steps, error = genome.attributions.bases(frame.view, frame.loaded, frame.columns)
    letters = genome.codes(frame.loaded) if width <= MAX_LETTER_BP else None
    hint = "" if letters is not None else f"; letters below {MAX_LETTER_BP} bp"
    return [base_track(steps.edges, steps.values, letters, _note(data, error, hint))]


def _sentence(title: str, says: str) -> Track:
    return Track(title, 0.3, [], {"visible": False}, says)


def _note(data: RunData, error: float, more: str = "") -> str:
    track = data.genome.tracks[data.genome.attributions.about["track"]]["short_label"]
    return f"of predicted {track}; completeness error {error_text(error)} (float64){more}"


def error_text(error: float) -> str:
    """A completeness error for a person; rounding hides one below 1e-16, which is not nothing."""
    return f"{error:.0e}" if error >= 1e-16 else "< 1e-16"
