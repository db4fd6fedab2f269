"""How a token model's sequence was tokenized, as its ``model.json`` says it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from precompute.config import BinConfig, Config
from precompute.config_inputs import MotifConfig, Strict
from precompute.errors import ArtefactError, InputError

if TYPE_CHECKING:
    from precompute.models.store import TrainedModel

#: The profiles of the demo and of the shipped models lie in the repository.
DEMO_PROFILES = (
    Path(__file__).resolve().parents[2] / "data" / "demo" / "JASPAR2022_CORE_vertebrates_841.jaspar"
)


class Tokenization(Strict):
    """What turns sequence into the model's tokens, beside the profiles themselves."""

    profiles: str = Field("", description="name of the profile file")
    release: str = "not recorded"
    min_relative_score: float = 0.80
    max_p_value: float = 0.05
    bins: BinConfig = BinConfig()
    ready_hits: bool = Field(False, description="hits were read, not scanned")

    @classmethod
    def of_config(cls, config: Config) -> Tokenization:
        """The settings of a run."""
        motifs = config.motifs
        return cls(
            profiles=motifs.profiles.name if motifs.profiles else "",
            release=motifs.release,
            min_relative_score=motifs.min_relative_score,
            max_p_value=motifs.max_p_value,
            bins=config.bins,
            ready_hits=motifs.hits is not None,
        )

    def hits(self, profiles: Path) -> MotifConfig:
        """What a hit is, with the profiles of a file."""
        return MotifConfig(
            profiles=profiles, release=self.release, min_relative_score=self.min_relative_score,
            max_p_value=self.max_p_value,
        )


def tokenization_card(config: Config) -> dict[str, Any]:
    """The entry of ``model.json``."""
    return {"tokenization": Tokenization.of_config(config).model_dump(mode="json")}


def tokenization_of(model: TrainedModel) -> Tokenization:
    """The settings that a model's sequence is tokenized with; the paper's where it says nothing.

    Raises
    ------
    ArtefactError
        When the entry is damaged.
    InputError
        When the model was trained on ready hits, which no other sequence has.
    """
    from pydantic import ValidationError

    try:
        found = Tokenization.model_validate(model.card.get("tokenization") or {})
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ArtefactError(
            f"the tokenization in the model.json of {model.name} is damaged ({where}); train the "
            "model again"
        ) from None
    if found.ready_hits:
        raise InputError(
            f"the model {model.name} was trained on ready motif hits, and a sequence has none; "
            "use a model whose run scanned its motifs"
        )
    return found
