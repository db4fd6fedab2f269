"""The configuration of the models: layer sizes, by name or one by one, training and split.

:mod:`precompute.config` puts all sections together and loads them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from precompute.config_inputs import InputPath, Name, Region, Strict

Kind = Literal["conv", "transformer"]
Encoding = Literal["tokens", "onehot"]
Preset = Literal["paper", "small", "demo"]

_PAPER_BODY = [128, 128, 128, 512]
#: Layer sizes by preset, kind and encoding. ``paper``: the paper's section on models (docs and
#: tests count its parameters); ``small``: what two CPU cores train in a night; ``demo``: minutes.
PRESETS: dict[tuple[Preset, Kind, Encoding], dict[str, Any]] = {
    ("paper", "conv", "tokens"): {
        "stem_channels": [400, 100], "body_channels": _PAPER_BODY + [512] * 7,
        "head_channels": [4096, 1028], "output": "relu",
    },
    ("paper", "conv", "onehot"): {
        "stem_channels": [64, 128, 256, 512], "body_channels": _PAPER_BODY + [512] * 7,
        "head_channels": [4096, 1028], "output": "relu",
    },
    ("paper", "transformer", "tokens"): {
        "stem_channels": [400, 100], "body_channels": _PAPER_BODY, "head_channels": [],
        "layers": 10, "heads": 8, "feedforward": 1024, "dropout": 0.2,
    },
    ("paper", "transformer", "onehot"): {
        "stem_channels": [64, 128, 256, 512], "body_channels": _PAPER_BODY, "head_channels": [],
        "layers": 10, "heads": 8, "feedforward": 1024, "dropout": 0.2,
    },
    ("small", "conv", "tokens"): {
        "stem_channels": [256, 96], "body_channels": [96] * 4 + [160] * 4, "head_channels": [256],
    },
    ("small", "conv", "onehot"): {
        "stem_channels": [48, 64, 96, 128], "body_channels": [96] * 4 + [160] * 4,
        "head_channels": [256],
    },
    ("small", "transformer", "tokens"): {
        "stem_channels": [256, 96], "body_channels": [96, 128], "head_channels": [128],
        "layers": 3, "heads": 4, "feedforward": 256, "dropout": 0.1,
    },
    ("small", "transformer", "onehot"): {
        "stem_channels": [48, 64, 96, 128], "body_channels": [96, 128], "head_channels": [128],
        "layers": 3, "heads": 4, "feedforward": 256, "dropout": 0.1,
    },
    ("demo", "conv", "tokens"): {
        "stem_channels": [128, 64], "body_channels": [64, 64, 64, 96, 96, 96],
        "head_channels": [128],
    },
    ("demo", "conv", "onehot"): {
        "stem_channels": [32, 48, 64, 96], "body_channels": [64, 64, 64, 96, 96, 96],
        "head_channels": [128],
    },
    ("demo", "transformer", "tokens"): {
        "stem_channels": [128, 64], "body_channels": [64, 64], "head_channels": [],
        "layers": 2, "heads": 4, "feedforward": 128, "dropout": 0.1,
    },
    ("demo", "transformer", "onehot"): {
        "stem_channels": [32, 48, 64, 96], "body_channels": [64, 64], "head_channels": [],
        "layers": 2, "heads": 4, "feedforward": 128, "dropout": 0.1,
    },
}


class ModelConfig(Strict):
    """Layer sizes of a model: those of ``preset``, each of which can be given instead.

    ``stem_channels`` are the 1x1 convolutions on tokens or the pooled convolutions on one-hot.
    The head is per position.
    """

    preset: Preset | None = Field(None, description="layer sizes by name; null: those given here")
    kind: Kind = Field("conv", description="convolutions, or a transformer behind a few of them")
    stem_channels: list[int] = Field(min_length=1)
    body_channels: list[int] = Field(min_length=1, description="3-wide convolutions")
    head_channels: list[int] = Field(default=[64], description="per-position linear layers")
    output: Literal["softplus", "relu"] = "softplus"
    layers: int = Field(0, ge=0, description="pre-norm layers of the transformer")
    heads: int = Field(8, ge=1, description="attention heads of the transformer")
    feedforward: int = Field(1024, ge=1, description="inner width of the transformer's layers")
    dropout: float = Field(0.0, ge=0, lt=1, description="in the transformer's layers")

    @model_validator(mode="after")
    def _transformer(self) -> ModelConfig:
        width = self.body_channels[-1]
        if self.kind == "conv":
            if self.layers:
                raise ValueError(
                    f"layers is {self.layers} and kind is conv; layers belong to kind: transformer"
                )
        elif not self.layers:
            raise ValueError("kind is transformer and layers is 0; give at least one layer")
        elif width % self.heads or width % 2:
            raise ValueError(
                f"the last of body_channels is {width}, which {self.heads} heads and the sine and "
                "cosine of the position code cannot share; make it a multiple of both"
            )
        return self


def preset(name: Preset, kind: Kind, encoding: Encoding) -> ModelConfig:
    """The layer sizes of a preset."""
    return ModelConfig(preset=name, kind=kind, **PRESETS[name, kind, encoding])


class TrainingConfig(Strict):
    window_bins: int = Field(1250, ge=32)
    stride_bins: int = Field(500, ge=16)
    batch_size: int = Field(8, ge=1, description="windows of a step, over all devices")
    max_epochs: int = Field(15, ge=1)
    warmup_epochs: int = Field(2, ge=0)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    gradient_clip: float = Field(2.0, gt=0)
    multinomial_weight: float = Field(0.2, ge=0, description="beside the Poisson loss")
    patience_epochs: int = Field(4, ge=1)
    max_minutes: float = Field(60.0, gt=0, description="recorded; training stops after it")


class SplitConfig(Strict):
    train: list[Region] = Field(min_length=1)
    validation: list[Region] = Field(min_length=1)
    test: list[Region] = Field(min_length=1)

    @model_validator(mode="after")
    def _disjoint(self) -> SplitConfig:
        parts = [
            (name, region)
            for name in ("train", "validation", "test")
            for region in getattr(self, name)
        ]
        for i, (name_a, a) in enumerate(parts):
            for name_b, b in parts[i + 1 :]:
                if a.chrom == b.chrom and a.start < (b.end or 1e18) and b.start < (a.end or 1e18):
                    raise ValueError(
                        f"{name_a} {a.chrom}:{a.start}-{a.end} overlaps "
                        f"{name_b} {b.chrom}:{b.start}-{b.end}"
                    )
        return self


class ShippedConfig(Strict):
    """A section of its own, so that it decides nothing about the run's own models."""

    models: list[Name] | None = Field(
        None, description="shipped models to predict with; null: all that fit the run"
    )


class ModelsConfig(Strict):
    tokens: ModelConfig
    onehot: ModelConfig
    training: TrainingConfig = TrainingConfig()
    split: SplitConfig
    blacklist: InputPath | None = Field(
        None, description="BED of stretches, plain or gzip; windows that touch one are not used"
    )
    grid_bp: int = Field(16, ge=16, le=16, description="output step of the one-hot model")

    @model_validator(mode="before")
    @classmethod
    def _fill_presets(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {**data, **{
            encoding: _filled(data[encoding], encoding)
            for encoding in ("tokens", "onehot") if isinstance(data.get(encoding), dict)
        }}


def _filled(section: dict[str, Any], encoding: str) -> dict[str, Any]:
    # A name that is no preset stays, for the field's own error.
    sizes: Any = PRESETS
    return {**sizes.get((section.get("preset"), section.get("kind", "conv"), encoding), {}),
            **section}
