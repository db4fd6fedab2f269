"""Opening a model of a run by name together with its inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.models.dataset import Source
from precompute.models.registry import open_model
from precompute.models.store import FeatureClusters, TrainedModel, run_features


def opened_model(run: RunFolder, name: str) -> tuple[TrainedModel, Source]:
    """A model that fits the run, its own or a shipped one, and the run's inputs for it.

    Raises
    ------
    ArtefactError
        When the run has no such model; the sentence lists those it has.
    """
    model = open_model(run, name)
    return model, Source(run, model.encoding, model.tracks, clusters=model.clusters)


def assignment_of(run: RunFolder, model: TrainedModel) -> NDArray[np.int32]:
    """int32 (features,): the model's cluster of each feature, in the order of the run's features.

    A one-hot model has no clusters: the run's stand in.
    """
    clusters = model.clusters or FeatureClusters.of_run(run)
    number = dict(zip(clusters.features, clusters.assignment.tolist(), strict=True))
    return np.array([number[name] for name in run_features(run)], dtype=np.int32)
