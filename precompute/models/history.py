"""The course of a training: its schedule, its epochs, and when it ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from precompute.config_models import TrainingConfig


class Epoch(NamedTuple):
    """One finished epoch: a row of ``curves.parquet``."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_r: float
    learning_rate: float
    seconds: float


@dataclass
class History:
    """What happened in training so far, and why it ended."""

    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_r: float = -math.inf
    stopped: str = "all epochs done"

    def add(self, epoch: Epoch) -> bool:
        """Append an epoch; says whether it is the best one so far."""
        self.epochs.append(epoch)
        better = epoch.validation_r > self.best_r
        if better:
            self.best_epoch, self.best_r = epoch.epoch, epoch.validation_r
        return better

    def is_over(self, config: TrainingConfig) -> bool:
        """Whether training ends before its last epoch; ``stopped`` then says why."""
        if len(self.epochs) - self.best_epoch >= config.patience_epochs:
            self.stopped = f"no better validation r for {config.patience_epochs} epochs"
            return True
        if sum(epoch.seconds for epoch in self.epochs) > 60 * config.max_minutes:
            self.stopped = f"max_minutes ({config.max_minutes:g}) reached"
            return True
        return False


def learning_rate(step: int, total: int, warmup: int, peak: float) -> float:
    """Linear warm-up to ``peak``, then cosine decay to a twentieth of it."""
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)
    return peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))
