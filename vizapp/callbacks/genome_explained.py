"""Choosing which contributions the genome view shows: from the controls, and from a link."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from precompute.errors import RegionError
from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.explained import Explained, explained_from_text, explained_text, parse_explained
from vizapp.loci import format_locus, parse_locus
from vizapp.state import Region
from vizapp.views.genome_explained_controls import chosen_text


def checked(data: RunData, raw: Any) -> Explained:
    """A store's value; what the run has stored by default."""
    default = default_choice(data)
    if raw is None or raw == default.as_json():
        return default
    return parse_explained(
        raw, data.live.encodings, data.genome.chroms, data.genome.predicted_tracks
    )


def default_choice(data: RunData) -> Explained:
    """What the run has stored."""
    about = data.genome.attributions.about
    return Explained(baseline=about["baseline"], track=about["track"])


def target_of(kind: Any, text: Any, data: RunData) -> Any:
    """The target as a store holds it, from the controls.

    Raises
    ------
    RegionError
        When a stretch is asked for and the text names none.
    """
    if kind != "stretch":
        return kind
    typed = str(text or "").strip()
    if not typed:
        raise RegionError("type the stretch to explain, such as " + data.genome.example)
    locus = parse_locus(typed, data.genome.lengths, data.genome.bands)
    return Region(locus.chrom, locus.start, locus.end)._asdict()


#: The controls of a choice, in the order of :func:`choice_of_link`'s values.
CONTROLS = (
    ids.EXPLAIN_TOKENS, ids.EXPLAIN_ONEHOT, ids.EXPLAIN_METHOD, ids.EXPLAIN_BASELINE,
    ids.EXPLAIN_TARGET, ids.EXPLAIN_STRETCH, ids.EXPLAIN_BY, ids.EXPLAIN_TRACK,
)


def choice_of_link(data: RunData, text: str) -> tuple[Any, ...]:
    """The choice of a link, as its controls hold it; None for what stays.

    Raises
    ------
    MotiflensError
        When it could not be read, or names what there is not.
    """
    choice = checked(data, explained_from_text(text))
    target = choice.target
    is_stretch = isinstance(target, Region)
    return (
        *choice[:4], "stretch" if is_stretch else target,
        format_locus(*target) if isinstance(target, Region) else None, choice.by,
        choice.track or default_choice(data).track,
    )


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the choice."""
    default = default_choice(data)

    @app.callback(
        Output(ids.EXPLAIN_STORE, "data"), Output(ids.EXPLAIN_LINK_STORE, "data"),
        Output(ids.EXPLAIN_MENU, "children"),
        *(Input(name, "value") for name in CONTROLS), prevent_initial_call=True,
    )
    def choose(*values: Any) -> Any:
        tokens, onehot, method, baseline, kind, text, by, track = values
        raw = {
            "tokens": tokens, "onehot": onehot, "method": method, "baseline": baseline,
            "target": target_of(kind, text, data), "by": by, "track": track,
        }
        choice = checked(data, raw)
        link = "" if choice == default else explained_text(choice)
        return choice.as_json(), link, chosen_text(choice, default)

    app.clientside_callback(
        "(kind) => ({ display: kind === 'stretch' ? 'block' : 'none' })",
        Output(ids.EXPLAIN_STRETCH, "style"), Input(ids.EXPLAIN_TARGET, "value"),
    )
    app.clientside_callback(
        ClientsideFunction(namespace="motiflensExplained", function_name="choose"),
        Output(ids.EXPLAIN_MENU, "data-explain"), Input(ids.EXPLAIN_STORE, "data"),
    )
    app.clientside_callback(
        ClientsideFunction(namespace="motiflensExplained", function_name="link"),
        Output(ids.EXPLAIN_MENU, "data-link"), Input(ids.EXPLAIN_LINK_STORE, "data"),
        prevent_initial_call=True,
    )
