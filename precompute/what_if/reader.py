"""A model made ready for edited windows: its network, its motifs and its motif clusters."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.attribution.hits import MotifFinder, finder_of, motif_config
from precompute.config import BinConfig
from precompute.errors import ArtefactError
from precompute.models.dataset import to_clusters
from precompute.models.predict import Predictor
from precompute.models.registry import open_model
from precompute.models.store import FeatureClusters, TrainedModel, run_features
from precompute.models.tokenization import tokenization_of
from precompute.motifs import Profile, feature_table, profile_table
from precompute.scan import Scanner

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def bin_config(run: RunFolder) -> BinConfig:
    """How a run cut its bins.

    Raises
    ------
    ArtefactError
        When the run has no readable ``config.json``.
    """
    path = run.root / "config.json"
    try:
        return BinConfig.model_validate(json.loads(path.read_text(encoding="utf-8"))["bins"])
    except (OSError, ValueError, KeyError) as error:
        raise ArtefactError(
            f"{path} cannot be read ({type(error).__name__}); run the precompute again"
        ) from None


class Reader:
    """What turns an edited window into a prediction; made once for a model and shared.

    Parameters
    ----------
    run : run folder; its motif profiles are those of the model
    model : trained model that fits the run

    Raises
    ------
    ArtefactError, InputError
        When the profiles are gone or are not those of the model, or the model was trained on
        ready hits, which an edited sequence has none of.
    """

    def __init__(self, run: RunFolder, model: TrainedModel) -> None:
        self.run, self.model = run, model
        self.predictor = Predictor(model)
        config = motif_config(run)
        self.bins: BinConfig = bin_config(run)
        if model.encoding == "tokens":
            rules = tokenization_of(model)
            self.bins = rules.bins
            config = config.model_copy(update={
                "min_relative_score": rules.min_relative_score, "max_p_value": rules.max_p_value,
            })
        finder: MotifFinder = finder_of(config)
        self.finder = finder
        self.scanner: Scanner = finder.scanner
        table = feature_table(profile_table(finder.profiles))
        self.names: list[str] = table["name"].tolist()
        if self.names != run_features(run):
            raise ArtefactError(
                f"the motif profiles of {run.root} have changed since it was made; run the "
                "precompute again"
            )
        self.tf: list[str] = table["tf"].tolist()
        self.profile_id: list[str] = table["profile_id"].tolist()
        self.strand: list[str] = table["strand"].tolist()
        clusters = model.clusters or FeatureClusters.of_run(run)
        #: (n_features, n_clusters), from covered bases to cluster values
        self.matrix: csr_matrix = to_clusters(
            clusters, self.names, table["width"].to_numpy(np.int32)
        )
        self.cluster_names: list[str] = clusters.names
        #: int (n_features,), motif cluster of each feature
        self.cluster: NDArray[np.integer] = self.matrix.indices

    @classmethod
    def open(cls, run: RunFolder, name: str) -> Reader:
        """The reader of a model by its name, see :func:`precompute.models.registry.open_model`."""
        return cls(run, open_model(run, name))

    @property
    def reads_tokens(self) -> bool:
        """Whether the model reads tokens, not bases."""
        return self.model.encoding == "tokens"

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        """Profiles by their id."""
        return {profile.profile_id: profile for profile in self.finder.profiles}

    @cached_property
    def numbers(self) -> dict[tuple[str, str], int]:
        """Number of each feature by profile id and strand."""
        pairs = zip(self.profile_id, self.strand, strict=True)
        return {pair: number for number, pair in enumerate(pairs)}
