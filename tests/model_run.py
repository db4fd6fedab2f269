"""Small trained-model settings on the synthetic run, for the tests of models and attributions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from precompute.artefacts import RunFolder
from precompute.config import Config, parse_config
from precompute.config_models import ModelConfig
from precompute.context import StageContext
from precompute.models.dataset import TargetScaling
from precompute.models.store import (
    FeatureClusters,
    TrainedModel,
    build_network,
    clusters_card,
    save_model,
)
from precompute.token_store import TokenStore
from tests.synthetic_run import make_run

TOKENS = ModelConfig(stem_channels=[9, 7], body_channels=[6, 8], head_channels=[5])
ONEHOT = ModelConfig(stem_channels=[5, 6, 7, 8], body_channels=[6, 8], head_channels=[5])
TRACKS = ["atac", "dnase"]


def write_model_run(folder: Path, n_bp: int = 60_000) -> Path:
    """A synthetic run whose motif clusters mix the strands, so that they are not their own swap."""
    root = make_run(folder, n_bp=n_bp, seed=3)
    run = RunFolder(root)
    clusters = run.table("feature_clusters")
    clusters["cluster"] = np.random.default_rng(5).permutation(clusters["cluster"].to_numpy())
    run.write_table("feature_clusters", pd.DataFrame(clusters))
    return root


def config(**changes: Any) -> Config:
    """Configuration for the synthetic run; ``changes`` replace keys of a section."""
    tracks = [
        {"name": name, "bigwig": "x.bw", "label": "made up", "short_label": name, "unit": "x"}
        for name in TRACKS
    ]
    data: dict[str, Any] = {
        "run": {"name": "test", "seed": 1, "workers": 2},
        "genome": {"fasta": "x.fa", "assembly": "none", "regions": [{"chrom": "chr20"}]},
        "motifs": {"profiles": "x.jaspar", "release": "none"},
        "tracks": tracks,
        "models": {
            "tokens": TOKENS.model_dump(),
            "onehot": ONEHOT.model_dump(),
            "training": {
                "window_bins": 100, "stride_bins": 60, "batch_size": 4, "max_epochs": 2,
                "warmup_epochs": 1, "patience_epochs": 2,
            },
            "split": {
                "train": [{"chrom": "chr20", "start": 1_000_000, "end": 1_030_000}],
                "validation": [{"chrom": "chr20", "start": 1_030_000, "end": 1_045_000}],
                "test": [
                    {"chrom": "chr20", "start": 1_045_000, "end": None}, {"chrom": "chr21"}
                ],
            },
        },
        "shipped": {},
        "attributions": {"tile_bins": 300},
        "evaluation": {},
        "interactions": {},
        "tf_benchmark": {},
    }
    for section, values in changes.items():
        target = data
        for part in section.split("__"):
            target = target[part]
        target.update(values)
    return parse_config(data, None, "test")


def context(root: Path, stage: str, **changes: Any) -> StageContext:
    """A stage's context on a run folder."""
    return StageContext(config(**changes), RunFolder(root), stage)


def random_model(encoding: str, n_channels: int, seed: int = 0, power: float = 0.5) -> TrainedModel:
    """A network of random weights whose batch norms have seen random inputs."""
    torch.manual_seed(seed)
    network = build_network(encoding, TOKENS if encoding == "tokens" else ONEHOT, n_channels, 2)
    for layer in network:
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.05, 1.5)
            layer.weight.data.uniform_(0.5, 2.0)
            layer.bias.data.normal_(0, 0.5)
    if encoding == "tokens":
        network[0].scale.uniform_(0.5, 3.0)
    network.eval()
    scalings = [TargetScaling(0.7, power), TargetScaling(2.0, power)]
    return TrainedModel(network, encoding, TRACKS, scalings, {}, encoding)


def store_model(root: Path, encoding: str, seed: int = 0) -> TrainedModel:
    """Write a random model as the run's artefact and return it."""
    run = RunFolder(root)
    model = random_model(encoding, n_channels(root, encoding), seed)
    card = {
        "encoding": encoding,
        "tracks": TRACKS,
        "n_channels": n_channels(root, encoding),
        "name": encoding,
        **clusters_card(FeatureClusters.of_run(run) if encoding == "tokens" else None),
        "architecture": (TOKENS if encoding == "tokens" else ONEHOT).model_dump(mode="json"),
    }
    with run.writing(f"model_{encoding}") as folder:
        save_model(folder, model.network.state_dict(), model.scalings, card)
    return model


def n_channels(root: Path, encoding: str) -> int:
    """Input channels of a run's encoding."""
    return TokenStore(RunFolder(root)).n_clusters if encoding == "tokens" else 4


def store_models(root: Path) -> None:
    """Write random models of both encodings as the run's artefacts."""
    for encoding in ("tokens", "onehot"):
        store_model(root, encoding)
