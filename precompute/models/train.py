"""Training: AdamW with warm-up and decay, early stopping on validation Pearson."""

from __future__ import annotations

import math
import platform
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import ARTEFACTS, write_parquet
from precompute.context import Facts, StageContext
from precompute.models.dataset import Source, TargetScaling, Window, training_batches
from precompute.models.metrics import pearson
from precompute.models.sparse import SparseRows
from precompute.models.store import build_network, features_digest, save_model
from precompute.streaming import in_order

if TYPE_CHECKING:
    from torch import Tensor

_MIN_SPREAD = 0.05
#: Both strands of the demo's tokens fit; a genome's are read again.
_CACHE_MB = 600


@dataclass
class History:
    """What happened in training: one row per epoch, and why it ended."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_r: float = -math.inf
    stopped: str = "all epochs done"


def learning_rate(step: int, total: int, warmup: int, peak: float) -> float:
    """Linear warm-up to ``peak``, then cosine decay to a twentieth of it."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)
    return peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


class Trainer:
    """Trains one network on one encoding; everything random comes from ``seed``."""

    def __init__(self, context: StageContext, encoding: str) -> None:
        import torch

        from precompute.models.blocks import TokenStem

        self.context, self.encoding = context, encoding
        self.config = context.config.models.training
        self.split = context.config.models.split
        self.tracks = [t.name for t in context.config.tracks if t.target]
        self.source = Source(context.run, encoding, self.tracks, cache_mb=_CACHE_MB)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_num_threads(context.config.run.workers)
        torch.manual_seed(context.seed("weights"))
        n = self.config.window_bins
        self.train_windows = self.source.windows(self.split.train, n, self.config.stride_bins)
        self.validation_windows = self.source.windows(self.split.validation, n, n)
        self.scalings = self._scalings()
        self.architecture = getattr(context.config.models, encoding)
        self.network = build_network(
            encoding, self.architecture, self.source.n_channels, len(self.tracks)
        )
        stem = self.network[0]
        if isinstance(stem, TokenStem):
            stem.scale.copy_(torch.from_numpy(self._input_scale()))
        self.network.to(self.device)

    def _scalings(self) -> list[TargetScaling]:
        parts = [self.source.signal(window) for window in self.train_windows]
        means = np.concatenate(parts, axis=1).mean(axis=1, dtype=np.float64)
        return [TargetScaling(float(max(mean, 1e-9))) for mean in means]

    def _input_scale(self) -> NDArray[np.float32]:
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

    def batch(self, items: list[tuple[Window, bool]]) -> tuple[Tensor | SparseRows, Tensor]:
        """Inputs and scaled targets of some windows; dense ones on the device."""
        import torch

        y = np.stack([
            np.stack([s.scale(row) for s, row in zip(self.scalings, signal, strict=True)])
            for signal in (self.source.signal(w, r) for w, r in items)
        ])
        target = torch.from_numpy(y).to(self.device)
        if self.encoding == "tokens":
            return SparseRows.joined([self.source.rows(w, r) for w, r in items]), target
        x = np.stack([self.source.onehot(w, r) for w, r in items])
        return torch.from_numpy(x).to(self.device), target

    def fit(self) -> tuple[History, dict[str, Tensor]]:
        """Train; returns the history and the weights of the best epoch."""
        import torch

        config, history = self.config, History()
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        per_epoch = -(-len(self.train_windows) // config.batch_size)
        best: dict[str, Tensor] = {}
        began = time.perf_counter()
        for epoch in range(1, config.max_epochs + 1):
            epoch_began = time.perf_counter()
            train_loss, rate = self._epoch(optimizer, epoch, per_epoch)
            loss, r = self.validate()
            history.rows.append({
                "epoch": epoch, "train_loss": train_loss, "validation_loss": loss,
                "validation_r": r, "learning_rate": rate,
                "seconds": time.perf_counter() - epoch_began,
            })
            if r > history.best_r:
                history.best_epoch, history.best_r = epoch, r
                best = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
            if epoch - history.best_epoch >= config.patience_epochs:
                history.stopped = f"no better validation r for {config.patience_epochs} epochs"
                break
            if time.perf_counter() - began > 60 * config.max_minutes:
                history.stopped = f"max_minutes ({config.max_minutes:g}) reached"
                break
        return history, best or self.network.state_dict()

    def _epoch(self, optimizer: Any, epoch: int, per_epoch: int) -> tuple[float, float]:
        import torch

        from precompute.models.losses import poisson_multinomial

        config = self.config
        self.network.train()
        rng = self.context.rng(f"epoch {epoch}")
        bounds = [(r.chrom, *self.source.positions(r)) for r in self.split.train]
        batches = training_batches(
            self.train_windows, bounds, config.batch_size, config.stride_bins // 2, rng
        )
        total = 0.0
        rate = 0.0
        # The next batch is read while the network works on this one.
        for step, (_, (x, y)) in enumerate(in_order(self.batch, batches, workers=1)):
            rate = learning_rate(
                (epoch - 1) * per_epoch + step, config.max_epochs * per_epoch,
                config.warmup_epochs * per_epoch, config.learning_rate,
            )
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            loss = poisson_multinomial(self.network(x, len(y)), y, config.multinomial_weight)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_clip)
            optimizer.step()
            total += float(loss.detach())
            self.context.progress(
                epoch - 1 + (step + 1) / per_epoch, config.max_epochs, f"epoch {epoch}"
            )
        return total / per_epoch, rate

    def validate(self) -> tuple[float, float]:
        """Loss and Pearson r (target units, mean over tracks) on the validation windows."""
        import torch

        from precompute.models.losses import poisson_multinomial

        self.network.eval()
        predicted, observed, losses = [], [], []
        step = self.config.batch_size
        with torch.no_grad():
            for first in range(0, len(self.validation_windows), step):
                items = [(w, False) for w in self.validation_windows[first : first + step]]
                x, y = self.batch(items)
                out = self.network(x, len(y))
                losses.append(float(poisson_multinomial(out, y, self.config.multinomial_weight)))
                predicted.append(out.cpu().numpy())
                observed.append(y.cpu().numpy())
        p, o = np.concatenate(predicted), np.concatenate(observed)
        per_track = [pearson(p[:, t], o[:, t]) for t in range(len(self.tracks))]
        return float(np.mean(losses)), float(np.nan_to_num(np.mean(per_track)))

    def card(self, history: History) -> dict[str, Any]:
        """The content of ``model.json``, without what :func:`save_model` adds."""
        import torch

        from precompute.models.architectures import count_parameters, reach

        device = "cpu" if self.device.type == "cpu" else torch.cuda.get_device_name()
        return {
            "encoding": self.encoding,
            "tracks": self.tracks,
            "n_channels": self.source.n_channels,
            "architecture": self.architecture.model_dump(mode="json"),
            "features_digest": features_digest(self.context.run),
            "split": self.split.model_dump(mode="json"),
            "training": self.config.model_dump(mode="json"),
            "seed": self.context.config.run.seed,
            "parameters": count_parameters(self.network),
            "receptive_field": reach(self.network).inputs,
            "receptive_field_unit": "bins" if self.encoding == "tokens" else "bp",
            "best_epoch": history.best_epoch,
            "best_validation_r": history.best_r,
            "stopped": history.stopped,
            "train_windows": len(self.train_windows),
            "validation_windows": len(self.validation_windows),
            "hardware": device,
            "torch": torch.__version__,
            "python": platform.python_version(),
        }


def _run(context: StageContext, encoding: str) -> Facts:
    trainer = Trainer(context, encoding)
    history, best = trainer.fit()
    trainer.network.load_state_dict(best)
    card = trainer.card(history)
    name = f"model_{encoding}"
    with context.run.writing(name) as folder:
        save_model(folder, trainer.network, trainer.scalings, card)
        write_parquet(
            folder / "curves.parquet", pd.DataFrame(history.rows), ARTEFACTS[name].kind,
            ARTEFACTS[name].version,
        )
    context.progress(1, 1, history.stopped)
    keys = ("parameters", "receptive_field", "best_epoch", "best_validation_r", "stopped")
    return {**{key: card[key] for key in keys}, "epochs": len(history.rows)}


def run_tokens(context: StageContext) -> Facts:
    """Train the token model: artefact ``model_tokens``."""
    return _run(context, "tokens")


def run_onehot(context: StageContext) -> Facts:
    """Train the one-hot model: artefact ``model_onehot``."""
    return _run(context, "onehot")
