"""Trained models on disk: safetensors weights and a JSON that says what they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config_models import ModelConfig
from precompute.errors import ArtefactError
from precompute.models.dataset import TargetScaling

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor

    from precompute.models.architectures import Network

KIND, VERSION = "motiflens.model", 2


@dataclass(frozen=True)
class FeatureClusters:
    """A model's own motif clusters: what its token channels mean.

    Attributes
    ----------
    features : name of each profile-strand feature
    assignment : int32 (n_features,), cluster of each
    names : label of each cluster
    """

    features: list[str]
    assignment: NDArray[np.int32]
    names: list[str]

    def matrix(self) -> csr_matrix:
        """CSR float32 (n_features, n_clusters): 1 / members of the cluster."""
        from scipy.sparse import csr_matrix

        size = np.bincount(self.assignment, minlength=len(self.names))
        n = len(self.features)
        return csr_matrix(
            ((1.0 / size[self.assignment]).astype(np.float32), self.assignment, np.arange(n + 1)),
            shape=(n, len(self.names)), dtype=np.float32,
        )

    def same_as(self, other: FeatureClusters) -> bool:
        """Whether the same features are in the same clusters, of the same numbers and names."""
        return (
            self.features == other.features
            and np.array_equal(self.assignment, other.assignment)
            and self.names == other.names
        )

    @classmethod
    def of_run(cls, run: RunFolder) -> FeatureClusters:
        """The clusters of a run."""
        return cls(
            run_features(run),
            run.table("feature_clusters")["cluster"].to_numpy(np.int32),
            run.table("clusters")["label"].tolist(),
        )


@dataclass(frozen=True)
class TrainedModel:
    """A network in evaluation mode with what it needs to be used.

    ``clusters`` is None for one-hot sequence.
    """

    network: Network
    encoding: str
    tracks: list[str]
    scalings: list[TargetScaling]
    card: dict[str, Any]
    name: str = ""
    clusters: FeatureClusters | None = None


def run_features(run: RunFolder) -> list[str]:
    """Names of a run's profile-strand features."""
    names: list[str] = run.table("features", ["name"])["name"].tolist()
    return names


def clusters_card(clusters: FeatureClusters | None) -> dict[str, Any]:
    """The entries of ``model.json`` that say what the token channels mean."""
    return {
        "features": clusters and clusters.features,
        "feature_cluster": clusters and clusters.assignment.tolist(),
        "cluster_names": clusters and clusters.names,
    }


def clusters_of_card(card: dict[str, Any]) -> FeatureClusters | None:
    """The motif clusters of a ``model.json``; None for one-hot.

    Raises
    ------
    ValueError
        When the three entries do not fit each other.
    """
    if card["encoding"] != "tokens":
        return None
    features, names = card["features"], card["cluster_names"]
    assignment = np.asarray(card["feature_cluster"], dtype=np.int32)
    if len(assignment) != len(features) or len(names) != card["n_channels"]:
        raise ValueError(
            f"{len(features)} features, {len(assignment)} of them in {len(names)} clusters, "
            f"and {card['n_channels']} channels do not fit each other"
        )
    if not np.array_equal(np.unique(assignment), np.arange(len(names))):
        raise ValueError(f"the features are not in clusters 0 to {len(names) - 1}")
    return FeatureClusters(features, assignment, names)


def build_network(encoding: str, config: ModelConfig, n_channels: int, n_tracks: int) -> Network:
    """A fresh network for an encoding."""
    from precompute.models.architectures import onehot_network, token_network

    if encoding == "tokens":
        return token_network(config, n_channels, n_tracks)
    return onehot_network(config, n_tracks)


def save_model(
    folder: Path,
    weights: dict[str, Tensor],
    scalings: list[TargetScaling],
    card: dict[str, Any],
    last: dict[str, Tensor] | None = None,
) -> None:
    """Write ``weights.safetensors`` and ``model.json``, and ``last.safetensors`` where given."""
    from safetensors.torch import save_file

    for stem, state in (("weights", weights), ("last", last)):
        if state is not None:
            tensors = {k: v.detach().cpu().contiguous() for k, v in state.items()}
            save_file(tensors, str(folder / f"{stem}.safetensors"))
    data = {"kind": KIND, "version": VERSION, "scalings": [asdict(s) for s in scalings], **card}
    (folder / "model.json").write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def load_model(folder: Path, features: Sequence[str] | None = None) -> TrainedModel:
    """Read a model in evaluation mode.

    Parameters
    ----------
    folder : with ``weights.safetensors`` and ``model.json``
    features : :func:`run_features` of the run it is used on, in any order; a token model reads
        only those it was trained on. Other motif clusters are fine: it brings its own.

    Raises
    ------
    ArtefactError
        When files are missing, damaged, of another version, or the model was trained on other
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
    if not isinstance(card, dict) or (card.get("kind"), card.get("version")) != (KIND, VERSION):
        found = card if isinstance(card, dict) else {}
        raise ArtefactError(
            f"{folder} holds {found.get('kind')!r} version {found.get('version')}, expected "
            f"{KIND!r} version {VERSION}; train it again or update motiflens"
        )
    clusters = _checked_clusters(folder, card, features)
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
    name = str(card.get("name") or card["encoding"])
    return TrainedModel(
        network, card["encoding"], card["tracks"], scalings, card, name, clusters
    )


def load_own_model(run: RunFolder, encoding: str) -> TrainedModel:
    """The model that a run trained itself, for tokens in the run's own clusters.

    Raises
    ------
    ArtefactError
        As :func:`load_model`, and when the run's clusters have changed since.
    """
    model = load_model(run.folder(f"model_{encoding}"), run_features(run))
    if model.clusters is not None and not model.clusters.same_as(FeatureClusters.of_run(run)):
        raise ArtefactError(
            f"the token model of {run.root} was trained on other motif clusters than the run's "
            "present ones; train it again"
        )
    return model


def _checked_clusters(
    folder: Path, card: dict[str, Any], features: Sequence[str] | None
) -> FeatureClusters | None:
    try:
        clusters = clusters_of_card(card)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"the motif clusters in {folder / 'model.json'} are damaged "
            f"({type(error).__name__}: {error}); train the model again"
        ) from None
    if clusters is None or features is None:
        return clusters
    own, given = set(clusters.features), set(features)
    if own != given:
        example = sorted(own ^ given)[0]
        raise ArtefactError(
            f"the model {folder} was trained on other motif features than this run's "
            f"({len(own):,} there, {len(given):,} here; {example!r} is not in both); use a run of "
            "the same motif profiles, or train the model again"
        )
    return clusters
