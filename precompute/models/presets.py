"""How large the presets' networks are, and how far an output of each sees."""

from __future__ import annotations

from typing import NamedTuple

from precompute.config_models import PRESETS, preset
from precompute.errors import ConfigError


class PresetSize(NamedTuple):
    """A preset's network: its trainable parameters, and what an output sees in words."""

    preset: str
    kind: str
    encoding: str
    parameters: int
    sees: str


def describe_presets(name: str | None, n_clusters: int, n_tracks: int) -> list[PresetSize]:
    """Sizes of all networks of a preset, or of every preset.

    Parameters
    ----------
    name : of a preset; None: all of them
    n_clusters : motif clusters, the channels of token models
    n_tracks : target tracks

    Raises
    ------
    ConfigError
        For an unknown name.
    """
    import torch

    from precompute.models.architectures import count_parameters, reach
    from precompute.models.store import build_network

    names = list(dict.fromkeys(key[0] for key in PRESETS))
    if name is not None and name not in names:
        raise ConfigError(f"there is no preset {name!r}; choose one of {', '.join(names)}")
    sizes = []
    for which, kind, encoding in PRESETS:
        if name not in (None, which):
            continue
        # Shapes alone: the largest would take some time to draw.
        with torch.device("meta"):
            network = build_network(
                encoding, preset(which, kind, encoding), n_clusters, n_tracks
            )
        seen = reach(network)
        sees = "the whole window" if seen is None else (
            f"{seen.inputs:,} {'bins' if encoding == 'tokens' else 'bp'}"
        )
        sizes.append(PresetSize(which, kind, encoding, count_parameters(network), sees))
    return sizes
