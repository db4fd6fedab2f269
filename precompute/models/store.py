"""Trained models on disk: safetensors weights and a JSON that says what they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from precompute.artefacts import RunFolder
from precompute.config import ModelConfig
from precompute.errors import ArtefactError
from precompute.models.dataset import TargetScaling

if TYPE_CHECKING:
    from precompute.models.architectures import Network

KIND, VERSION = "motiflens.model", 1


@dataclass(frozen=True)
class TrainedModel:
    """A network in evaluation mode with what it needs to be used."""

    network: Network
    encoding: str
    tracks: list[str]
    scalings: list[TargetScaling]
    card: dict[str, Any]


def features_digest(run: RunFolder) -> str:
    """Digest of the motif features and their clusters: what the token channels mean."""
    features = run.table("features")["name"].tolist()
    clusters = run.table("feature_clusters")["cluster"].tolist()
    return hashlib.sha256(json.dumps([features, clusters]).encode()).hexdigest()


def build_network(encoding: str, config: ModelConfig, n_channels: int, n_tracks: int) -> Network:
    """A fresh network for an encoding."""
    from precompute.models.architectures import onehot_network, token_network

    if encoding == "tokens":
        return token_network(config, n_channels, n_tracks)
    return onehot_network(config, n_tracks)


def save_model(
    folder: Path, network: Network, scalings: list[TargetScaling], card: dict[str, Any]
) -> None:
    """Write ``weights.safetensors`` and ``model.json``."""
    from safetensors.torch import save_file

    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    save_file(tensors, str(folder / "weights.safetensors"))
    data = {"kind": KIND, "version": VERSION, "scalings": [asdict(s) for s in scalings], **card}
    (folder / "model.json").write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def load_model(folder: Path, digest: str | None = None) -> TrainedModel:
    """Read a model in evaluation mode.

    Parameters
    ----------
    folder : with ``weights.safetensors`` and ``model.json``
    digest : :func:`features_digest` of the run it is used on; checked for token models

    Raises
    ------
    ArtefactError
        When files are missing, damaged, of a newer version, or the model was trained on other
        motif features.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        card = json.loads((folder / "model.json").read_text())
        tensors = load_file(str(folder / "weights.safetensors"))
    except (OSError, ValueError, SafetensorError) as error:
        raise ArtefactError(
            f"the model {folder} cannot be read ({type(error).__name__}); train it again"
        ) from None
    if card.get("kind") != KIND or card.get("version") != VERSION:
        raise ArtefactError(
            f"{folder} holds {card.get('kind')!r} version {card.get('version')}, expected "
            f"{KIND!r} version {VERSION}; train it again or update motiflens"
        )
    if card["encoding"] == "tokens" and digest is not None and card["features_digest"] != digest:
        raise ArtefactError(
            f"the model {folder} was trained on other motif features than this run's; "
            "use the run it was trained on, or train it again"
        )
    network = build_network(
        card["encoding"],
        ModelConfig.model_validate(card["architecture"]),
        card["n_channels"],
        len(card["tracks"]),
    )
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise ArtefactError(
            f"the weights in {folder} do not fit the architecture in its model.json; "
            "train it again"
        ) from None
    network.eval()
    scalings = [TargetScaling(**s) for s in card["scalings"]]
    return TrainedModel(network, card["encoding"], card["tracks"], scalings, card)
