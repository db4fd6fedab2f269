"""What is trained on what: a network, its windows, targets and scalings; and how good it is.

:mod:`precompute.models.lightning_module` does the training.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from precompute.context import StageContext
from precompute.errors import StageError
from precompute.models.architectures import NetworkInput
from precompute.models.blacklist import read_blacklist
from precompute.models.blocks import TokenStem
from precompute.models.dataset import Source, TargetScaling, Window, training_batches
from precompute.models.losses import poisson_multinomial
from precompute.models.metrics import CorrelationSums
from precompute.models.sparse import SparseRows
from precompute.models.store import FeatureClusters, build_network
from precompute.streaming import in_order

if TYPE_CHECKING:
    from precompute.models.architectures import Network

_MIN_SPREAD = 0.05
#: Memory for tokens, within a quarter of what is free: both strands of the demo's take 500 MB, of
#: 100 Mb of sequence 4 GB; a genome's are read again.
_CACHE_MB = (600, 4096)

Item = tuple[Window, bool]


class Batch(NamedTuple):
    """Windows as the network takes them.

    Attributes
    ----------
    x : sparse rows of tokens, or one-hot float32 (batch, 4, length)
    y : float32 (batch, tracks, positions), target units, NaN where nothing was measured
    offsets_bp : float64 (batch, positions), for transformers on tokens; otherwise None
    """

    x: NetworkInput
    y: Tensor
    offsets_bp: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """The batch on a device; on the CPU, sparse rows stay as they are."""
        x = self.x
        if isinstance(x, SparseRows):
            x = x if device.type == "cpu" else x.tensors().to(device)
        else:
            x = x.to(device)
        offsets = None if self.offsets_bp is None else self.offsets_bp.to(device)
        return Batch(x, self.y.to(device), offsets)


class Share(NamedTuple):
    """The part of each batch that one of several devices works on: windows rank, rank + n, ..."""

    rank: int = 0
    n: int = 1

    def of(self, items: list[Item]) -> list[Item]:
        """The share's windows; a batch that cannot be shared evenly begins again."""
        if self.n == 1:
            return items
        padded = [items[i % len(items)] for i in range(-(-len(items) // self.n) * self.n)]
        return padded[self.rank :: self.n]


class Validation(NamedTuple):
    """Loss and Pearson r (target units, mean over tracks) on the validation windows."""

    loss: float
    r: float


def bin_offsets(source: Source, window: Window, reverse: bool = False) -> NDArray[np.float64]:
    """Centres of a window's positions from its first base on the strand read, bp."""
    edges = source.edges(window.chrom)[window.lo : window.hi + 1].astype(np.float64)
    centres = (edges[1:] + edges[:-1]) / 2
    return (edges[-1] - centres)[::-1] if reverse else centres - edges[0]


def _cache_mb() -> float:
    free = psutil.virtual_memory().available / 2**20
    return min(max(free / 4, _CACHE_MB[0]), _CACHE_MB[1])


class TrainingTask:
    """One network and one encoding; everything random comes from the run's seed.

    Parameters
    ----------
    context : of the stage
    encoding : 'tokens' or 'onehot'
    """

    def __init__(self, context: StageContext, encoding: str) -> None:
        self.context, self.encoding = context, encoding
        self.config = context.config.models.training
        self.split = context.config.models.split
        self.tracks = [t.name for t in context.config.tracks if t.target]
        self.source = Source(
            context.run, encoding, self.tracks, cache_mb=_cache_mb(),
            blacklist=read_blacklist(context.config.models.blacklist, context.config.genome),
        )
        self.clusters = FeatureClusters.of_run(context.run) if encoding == "tokens" else None
        torch.set_num_threads(context.config.run.workers)
        torch.manual_seed(context.seed("weights"))
        n = self.config.window_bins
        self.train_windows = self.source.windows(self.split.train, n, self.config.stride_bins)
        self.validation_windows = self.source.windows(self.split.validation, n, n)
        self.scalings = self._scalings()
        self.architecture = getattr(context.config.models, encoding)
        self.network: Network = build_network(
            encoding, self.architecture, self.source.n_channels, len(self.tracks)
        )
        stem = self.network[0]
        if isinstance(stem, TokenStem):
            stem.scale.copy_(torch.from_numpy(self.input_scale()))

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch."""
        return -(-len(self.train_windows) // self.config.batch_size)

    def _scalings(self) -> list[TargetScaling]:
        parts = [self.source.signal(window) for window in self.train_windows]
        signal = np.concatenate(parts, axis=1)
        for track, values in zip(self.tracks, signal, strict=True):
            if not np.isfinite(values).any():
                raise StageError(
                    f"the track {track!r} has no measured value in the training regions; choose "
                    "other regions or set its target to false"
                )
        means = [float(np.nanmean(values, dtype=np.float64)) for values in signal]
        return [TargetScaling(max(mean, 1e-9)) for mean in means]

    def input_scale(self) -> NDArray[np.float32]:
        """1 / standard deviation of each cluster over some training windows, rare ones bounded."""
        step = max(1, len(self.train_windows) // 40)
        sampled = [self.source.rows(w) for w in self.train_windows[::step]]
        rows = SparseRows.joined(sampled)
        mean, square = (
            np.bincount(rows.indices, rows.values.astype(np.float64) ** power, rows.n_columns)
            / rows.n_rows
            for power in (1, 2)
        )
        spread = np.sqrt(np.maximum(square - mean**2, 0))
        return (1 / np.maximum(spread, _MIN_SPREAD)).astype(np.float32)

    def fingerprint(self) -> str:
        """Digest of everything that the training follows from: settings, data, first weights."""
        digest = hashlib.sha256()
        about = {
            "models": self.context.config.models.model_dump(mode="json"),
            "seed": self.context.config.run.seed,
            "encoding": self.encoding,
            "tracks": self.tracks,
            "windows": [self.train_windows, self.validation_windows],
            "scalings": [[s.mean, s.power] for s in self.scalings],
            "features": self.clusters and [self.clusters.features, self.clusters.names],
        }
        digest.update(json.dumps(about, sort_keys=True).encode())
        for key, value in self.network.state_dict().items():
            digest.update(key.encode() + value.cpu().numpy().tobytes())
        return digest.hexdigest()

    def batch(self, items: list[Item]) -> Batch:
        """Inputs and scaled targets of some windows, on the CPU."""
        y = np.stack([
            np.stack([s.scale(row) for s, row in zip(self.scalings, signal, strict=True)])
            for signal in (self.source.signal(w, r) for w, r in items)
        ])
        target = torch.from_numpy(y)
        if self.encoding != "tokens":
            x = np.stack([self.source.onehot(w, r) for w, r in items])
            return Batch(torch.from_numpy(x), target, None)
        rows = SparseRows.joined([self.source.rows(w, r) for w, r in items])
        offsets = None
        if self.network.needs_offsets:
            offsets = torch.from_numpy(
                np.stack([bin_offsets(self.source, w, r) for w, r in items])
            )
        return Batch(rows, target, offsets)

    def epoch_batches(self, epoch: int, share: Share, workers: int = 1) -> Iterator[Batch]:
        """Batches of an epoch, whose order follows from the seed and the epoch's number.

        The next ``workers`` + 1 batches are read while the network works on this one.
        """
        rng = self.context.rng(f"epoch {epoch}")
        bounds = [(r.chrom, *self.source.positions(r)) for r in self.split.train]
        batches = training_batches(
            self.train_windows, bounds, self.config.batch_size, self.config.stride_bins // 2, rng
        )
        shares = (share.of(items) for items in batches)
        for _, batch in in_order(self.batch, shares, workers):
            yield batch

    def loss(self, predicted: Tensor, observed: Tensor) -> Tensor:
        """Training loss, in float32 whatever the network computed in."""
        return poisson_multinomial(predicted.float(), observed, self.config.multinomial_weight)

    def validate(self, device: torch.device | None = None) -> Validation:
        """How good the network is now; it is left in evaluation mode.

        Every device validates everything, so that all of them take the same decisions.
        """
        device = device or torch.device("cpu")
        self.network.eval()
        sums = CorrelationSums(len(self.tracks))
        losses = []
        size = self.config.batch_size
        groups = [
            [(w, False) for w in self.validation_windows[first : first + size]]
            for first in range(0, len(self.validation_windows), size)
        ]
        with torch.no_grad():
            for _, batch in in_order(self.batch, groups, workers=1):
                x, y, offsets = batch.to(device)
                with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                    out = self.network(x, len(y), offsets).float()
                losses.append(float(self.loss(out, y)))
                sums.add(out.cpu().numpy(), batch.y.numpy())
        return Validation(float(np.mean(losses)), float(np.nan_to_num(np.mean(sums.pearson()))))
