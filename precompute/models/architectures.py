"""Networks on tokens and on one-hot sequence, after the paper's section on models.

A convolutional network reads any length. A transformer sees the whole window that it is given, in
the middle of the same kind of layers, and knows its positions by their offsets in bp. A network is
a flat sequence of a few kinds of layers, which is what lets :mod:`precompute.models.deeplift` walk
it.

The output is a softplus or, in the paper's convolutional models, a ReLU. The softplus is as good
as linear above 1, and an output that is 0 still learns.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from precompute.config_models import ModelConfig
from precompute.errors import ConfigError, StageError
from precompute.models.attention import Encoder, PositionCode
from precompute.models.blocks import PairPool, TokenStem, unit
from precompute.models.sparse import SparseRows, SparseTensors

ONEHOT_KERNELS = (5, 5, 3, 3)
ONEHOT_STEP = 16

NetworkInput = Tensor | SparseRows | SparseTensors


class Network(nn.Sequential):
    """A sequence of layers whose input may be sparse token rows of ``batch`` windows."""

    @property
    def needs_offsets(self) -> bool:
        """Whether the positions' offsets are an input: true of transformers on tokens."""
        return any(isinstance(layer, PositionCode) for layer in self) and isinstance(
            self[0], TokenStem
        )

    def forward(
        self, x: NetworkInput, batch: int = 1, offsets_bp: Tensor | None = None
    ) -> Tensor:
        """(batch, channels, length) or sparse rows to (batch, tracks, positions).

        Parameters
        ----------
        x : dense channels, or sparse rows (batch x positions, channels)
        batch : windows in sparse rows
        offsets_bp : float (batch or 1, positions), centres of the positions from the window's
            first base; for transformers on tokens. One-hot positions are 16 bp apart.
        """
        first = self[0]
        out = first(x, batch) if isinstance(first, TokenStem) else first(x)
        return self.after_stem(out, offsets_bp)

    def after_stem(self, out: Tensor, offsets_bp: Tensor | None = None) -> Tensor:
        """The layers behind the first one."""
        for layer in list(self)[1:]:
            if isinstance(layer, PositionCode):
                out = layer(out, self._offsets(out, offsets_bp))
            else:
                out = layer(out)
        return out

    def _offsets(self, out: Tensor, offsets_bp: Tensor | None) -> Tensor:
        if offsets_bp is not None:
            return offsets_bp
        if self.needs_offsets:
            raise StageError(
                "a transformer on tokens was given no offsets of its bins; give the centres of "
                "the bins from the window's first base, in bp"
            )
        steps = torch.arange(out.shape[-1], dtype=torch.float64, device=out.device)
        return ONEHOT_STEP * (steps[None] + 0.5)


def _body_and_head(config: ModelConfig, channels: int, n_tracks: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in config.body_channels:
        layers += unit(channels, width, 3)
        channels = width
    if config.kind == "transformer":
        layers += [
            PositionCode(),
            Encoder(channels, config.layers, config.heads, config.feedforward, config.dropout),
        ]
    for width in config.head_channels:
        layers += [nn.Conv1d(channels, width, 1), nn.ReLU()]
        channels = width
    output = nn.ReLU() if config.output == "relu" else nn.Softplus()
    last = nn.Conv1d(channels, n_tracks, 1)
    if config.output == "relu" and last.bias is not None:
        # An output that is 0 everywhere could not learn: start at the targets' scale.
        nn.init.constant_(last.bias, 0.5)
    return [*layers, last, output]


def token_network(config: ModelConfig, n_clusters: int, n_tracks: int) -> Network:
    """Network from (batch, n_clusters, bins) to (batch, n_tracks, bins)."""
    channels, *more = config.stem_channels
    layers = [TokenStem(n_clusters, channels), nn.BatchNorm1d(channels), nn.ReLU()]
    for width in more:
        layers += unit(channels, width, 1)
        channels = width
    return Network(*layers, *_body_and_head(config, channels, n_tracks))


def onehot_network(config: ModelConfig, n_tracks: int) -> Network:
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
        layers += [*unit(channels, width, kernel), PairPool()]
        channels = width
    return Network(*layers, *_body_and_head(config, channels, n_tracks))


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


def reach(network: nn.Sequential) -> Reach | None:
    """Receptive field of a network's output, from its layers; None: the whole window."""
    if any(isinstance(layer, Encoder) for layer in network):
        return None
    before = after = 0
    step = 1
    for layer in network:
        if isinstance(layer, nn.Conv1d):
            before += layer.kernel_size[0] // 2 * step
            after += (layer.kernel_size[0] - 1) // 2 * step
        elif isinstance(layer, nn.MaxPool1d):
            step *= 2
    return Reach(before, after, step)


def _merge(before: TokenStem | nn.Conv1d, norm: nn.BatchNorm1d) -> None:
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise StageError("a batch norm without running statistics cannot be folded in")
    with torch.no_grad():
        gain = norm.weight / (variance + norm.eps).sqrt()
        shift = norm.bias - mean * gain
        if before.bias is not None:
            shift = shift + before.bias * gain
        before.bias = nn.Parameter(shift.clone())
        before.weight.mul_(gain if isinstance(before, TokenStem) else gain[:, None, None])


def fold_batch_norm(network: Network) -> Network:
    """A copy in evaluation mode whose batch norms are merged into the layers before them.

    A batch norm in evaluation mode is affine, so the copy computes the same function.
    """
    layers: list[nn.Module] = []
    for layer in network:
        if not isinstance(layer, nn.BatchNorm1d):
            layers.append(copy.deepcopy(layer))
            continue
        before = layers[-1]
        if not isinstance(before, TokenStem | nn.Conv1d):
            raise StageError(f"a batch norm follows {type(before).__name__}, not a convolution")
        _merge(before, layer)
    return Network(*layers).eval().requires_grad_(False)


def count_parameters(network: nn.Module) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
