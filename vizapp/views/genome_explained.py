"""What the genome view draws of contributions: of motifs, and of bases.

What the run has stored is drawn where it is what was asked for; anything else is worked out for
the window. What cannot be explained is a sentence in its track, and the rest goes on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from precompute.errors import MotiflensError
from vizapp.data import RunData
from vizapp.data.attributions_live import GoneError
from vizapp.data.genome import MAX_ATTRIBUTION_BP, MAX_LETTER_BP
from vizapp.data.stored_attributions import Heat
from vizapp.explained import LEVELS, METHODS
from vizapp.figures.genome import Track, attribution_track, base_track, interval_track
from vizapp.loci import format_locus
from vizapp.theme import ACCENT
from vizapp.views.genome_frame import Frame

#: Rows of the heatmap.
_MOST = 12

#: Widest window whose stored contributions are shared out among motifs when they are looked at.
_MAX_SHARED_BP = 100_000


def is_stored(data: RunData, frame: Frame, encoding: str) -> bool:
    """Whether the run has stored what is asked for."""
    choice, about = frame.asked.choice, data.genome.attributions.about
    model = choice.tokens if encoding == "tokens" else choice.onehot
    chosen = (model, choice.method, choice.baseline, choice.target, choice.track or about["track"])
    is_asked = chosen == (encoding, "deeplift", about["baseline"], "all", about["track"])
    return is_asked and data.genome.attributions.covers(frame.loaded, encoding)


def motif_contributions(data: RunData, frame: Frame) -> list[Track]:
    """The heatmap of the strongest motifs."""
    choice = frame.asked.choice
    try:
        if is_stored(data, frame, "tokens"):
            return [_stored_motifs(data, frame)]
        return _live_motifs(data, frame)
    except GoneError:
        raise
    except MotiflensError as error:
        return [_sentence(_title(data, choice.tokens, choice.method, LEVELS[choice.by]), error)]


def base_contributions(data: RunData, frame: Frame) -> list[Track]:
    """The curve or the letters of the bases."""
    choice = frame.asked.choice
    try:
        if is_stored(data, frame, "onehot"):
            return [_stored_bases(data, frame)]
        return _live_bases(data, frame)
    except GoneError:
        raise
    except MotiflensError as error:
        return [_sentence(_title(data, choice.onehot, choice.method, "base"), error)]


def _sentence(title: str, says: MotiflensError | str) -> Track:
    return Track(title, 0.3, [], {"visible": False}, str(says))


def _title(data: RunData, model: str, method: str, unit: str) -> str:
    own = {"tokens": "token model", "onehot": "one-hot model"}
    # Only a shipped model's label needs the list of models.
    label = own.get(model) or data.live.models[model].label
    return f"{METHODS[method]} per {unit}, {label}"


# -- stored ----------------------------------------------------------------------------------


def _stored_note(data: RunData, error: float, more: str = "") -> str:
    track = data.genome.tracks[data.genome.attributions.about["track"]]["short_label"]
    return f"of predicted {track}; completeness error {error_text(error)} (float64){more}"


def _stored_motifs(data: RunData, frame: Frame) -> Track:
    stored, by, view = data.genome.attributions, frame.asked.choice.by, frame.view
    title = _title(data, "tokens", "deeplift", LEVELS[by])
    if view.width > MAX_ATTRIBUTION_BP:
        return _sentence(
            title, f"zoom in below {MAX_ATTRIBUTION_BP // 1000} kb to see contributions"
        )
    if by == "cluster":
        heat = stored.heat(view, _MOST, frame.loaded, frame.columns)
    elif view.width > _MAX_SHARED_BP:
        return _sentence(
            title, f"zoom in below {_MAX_SHARED_BP // 1000} kb to read contributions per "
            f"{LEVELS[by]}"
        )
    else:
        rows, first, error = stored.rows(view)
        heat = data.live.stored_heat(
            rows, first, view.chrom, by, _MOST, frame.columns, error
        )
    if heat is None or not heat.labels:
        return _sentence(title, "no motif in this window")
    return _heatmap(heat, title, _stored_note(data, heat.error))


def _heatmap(heat: Heat, title: str, note: str) -> Track:
    return replace(attribution_track(heat.edges, heat.labels, heat.values, note), title=title)


def _stored_bases(data: RunData, frame: Frame) -> Track:
    genome = data.genome
    title = _title(data, "onehot", "deeplift", "base")
    if frame.view.width > MAX_ATTRIBUTION_BP:
        return _sentence(
            title, f"zoom in below {MAX_ATTRIBUTION_BP // 1000} kb to see contributions"
        )
    steps, error = genome.attributions.bases(frame.view, frame.loaded, frame.columns)
    letters = genome.codes(frame.loaded) if frame.view.width <= MAX_LETTER_BP else None
    hint = "" if letters is not None else f"; letters below {MAX_LETTER_BP} bp"
    track = base_track(steps.edges, steps.values, letters, _stored_note(data, error, hint))
    return replace(track, title=title)


# -- live ------------------------------------------------------------------------------------


def _found(data: RunData, frame: Frame, model: str) -> Any:
    asked = frame.asked
    track = asked.choice.track or data.genome.attributions.about["track"]
    return data.live.explain(model, frame.view, asked.choice, track, asked.is_gone)


def _target(found: Any, frame: Frame) -> Track:
    """The stretch whose prediction is explained."""
    start, end = found.target
    rows = [("explained", ACCENT, [(start, end)])]
    track = interval_track("Explained stretch", rows, frame.loaded.start, frame.loaded.end,
                           frame.view.width)
    return replace(track, note=f"{format_locus(found.chrom, start, end)}, {end - start:,} bp")


def _live_note(data: RunData, found: Any, more: str = "") -> str:
    about = data.genome.tracks.get(found.track, {})
    name, unit = about.get("short_label", found.track), about.get("unit", "signal")
    return (
        f"completeness error {error_text(found.error)}; mean predicted {name} "
        f"{found.prediction:.3g}, of the baseline {found.baseline_prediction:.3g} {unit}{more}"
    )


def _live_motifs(data: RunData, frame: Frame) -> list[Track]:
    choice = frame.asked.choice
    found = _found(data, frame, choice.tokens)
    title = _title(data, choice.tokens, choice.method, LEVELS[choice.by])
    heat = data.live.heat(choice.tokens, found, choice.by, _MOST, frame.columns)
    if not heat.labels:
        return [_target(found, frame), _sentence(title, "no motif in this window")]
    return [_target(found, frame), _heatmap(heat, title, _live_note(data, found))]


def _live_bases(data: RunData, frame: Frame) -> list[Track]:
    choice, is_close = frame.asked.choice, frame.view.width <= MAX_LETTER_BP
    found = _found(data, frame, choice.onehot)
    first, last = int(found.edges[0]), int(found.edges[-1])
    # Letters need every base; a curve, as many columns as a screen has.
    columns = last - first if is_close else frame.columns
    steps = data.live.bases(found, columns)
    region = frame.view._replace(start=first, end=last)
    letters = data.genome.codes(region) if is_close else None
    hint = "" if is_close else f"; letters below {MAX_LETTER_BP} bp"
    track = base_track(steps.edges, steps.values, letters, _live_note(data, found, hint))
    title = _title(data, choice.onehot, choice.method, "base")
    # The token model's row has drawn the stretch already, unless it is stored.
    above = [_target(found, frame)] if is_stored(data, frame, "tokens") else []
    return [*above, replace(track, title=title)]


def error_text(error: float) -> str:
    """A completeness error for a person; rounding hides one below 1e-16, which is not nothing."""
    if not math.isfinite(error):
        return "not defined (the baseline predicts the same)"
    if error >= 0.01:
        return f"{100 * error:.0f} %"
    return f"{error:.0e}" if error >= 1e-16 else "< 1e-16"
