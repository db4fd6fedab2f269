"""Convolutional networks on tokens and on one-hot sequence, after the paper's section on models.

Both are fully convolutional and end in the same body and per-position head, so any length can be
predicted. A network is a flat ``nn.Sequential`` of a few kinds of layers, which is what lets
:mod:`precompute.attributions` walk it.

The output is a softplus, not the paper's ReLU: it is as good as linear above 1, and an output
that is 0 still learns.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from precompute.config import ModelConfig
from precompute.errors import ConfigError

ONEHOT_KERNELS = (5, 5, 3, 3)
ONEHOT_STEP = 16


class Scale(nn.Module):
    """Multiplies each channel by a fixed number (1 / spread on the training set)."""

    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, length) to the same shape."""
        return x * self.scale[:, None]


def _unit(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    # Not in place: attributions need the values on both sides of each ReLU.
    return [conv, nn.BatchNorm1d(outputs), nn.ReLU()]


def _body_and_head(config: ModelConfig, channels: int, n_tracks: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in config.body_channels:
        layers += _unit(channels, width, 3)
        channels = width
    for width in config.head_channels:
        layers += [nn.Conv1d(channels, width, 1), nn.ReLU()]
        channels = width
    return [*layers, nn.Conv1d(channels, n_tracks, 1), nn.Softplus()]


def token_network(config: ModelConfig, n_clusters: int, n_tracks: int) -> nn.Sequential:
    """Network from (batch, n_clusters, bins) to (batch, n_tracks, bins)."""
    layers: list[nn.Module] = [Scale(n_clusters)]
    channels = n_clusters
    for width in config.stem_channels:
        layers += _unit(channels, width, 1)
        channels = width
    return nn.Sequential(*layers, *_body_and_head(config, channels, n_tracks))


def onehot_network(config: ModelConfig, n_tracks: int) -> nn.Sequential:
    """Network from (batch, 4, 16 n) to (batch, n_tracks, n): four poolings by 2.

    Raises
    ------
    ConfigError
        When the stem has not four widths.
    """
    if len(config.stem_channels) != len(ONEHOT_KERNELS):
        raise ConfigError(
            f"models.onehot.stem_channels has {len(config.stem_channels)} widths, expected "
            f"{len(ONEHOT_KERNELS)}: one for each pooling by 2, which make 16 bp per output"
        )
    layers: list[nn.Module] = []
    channels = 4
    for width, kernel in zip(config.stem_channels, ONEHOT_KERNELS, strict=True):
        layers += [*_unit(channels, width, kernel), nn.MaxPool1d(2)]
        channels = width
    return nn.Sequential(*layers, *_body_and_head(config, channels, n_tracks))


class Reach(NamedTuple):
    """How far one output sees: inputs before and after its own, and inputs per output."""

    before: int
    after: int
    step: int

    @property
    def inputs(self) -> int:
        """Width of the receptive field, in inputs."""
        return self.before + self.step + self.after

    @property
    def outputs(self) -> int:
        """Halo that makes an output independent of where a window ends, in outputs."""
        return -(-max(self.before, self.after) // self.step)


def reach(network: nn.Sequential) -> Reach:
    """Receptive field of a network's output, from its layers."""
    before = after = 0
    step = 1
    for layer in network:
        if isinstance(layer, nn.Conv1d):
            before += layer.kernel_size[0] // 2 * step
            after += (layer.kernel_size[0] - 1) // 2 * step
        elif isinstance(layer, nn.MaxPool1d):
            step *= 2
    return Reach(before, after, step)


def count_parameters(network: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
