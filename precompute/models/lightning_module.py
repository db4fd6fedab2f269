"""Training with PyTorch Lightning: devices, precision, clipping, logs and resume.

On CUDA the network is compiled and computes in bfloat16; with several GPUs Lightning trains in
parallel (DDP), each GPU on its share of every batch. Lightning's own checkpoint is a pickle, so the
state of a training is kept by :mod:`precompute.models.resume` instead.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from precompute.models.history import Epoch, History, learning_rate
from precompute.models.resume import TrainingState, load_state, save_state
from precompute.models.training_task import Batch, Share, TrainingTask

#: Entries of AdamW's state for a parameter, all tensors.
_ADAM = ("step", "exp_avg", "exp_avg_sq")


class Fitted(NamedTuple):
    """A finished training: its course, and the weights of the best and of the last epoch."""

    history: History
    best: dict[str, Tensor]
    last: dict[str, Tensor]


class EpochBatches:
    """The batches of one epoch, as Lightning iterates over them."""

    def __init__(self, task: TrainingTask, epoch: int, share: Share, workers: int) -> None:
        self._task, self._epoch, self._share, self._workers = task, epoch, share, workers

    def __len__(self) -> int:
        return self._task.steps_per_epoch

    def __iter__(self) -> Iterator[Batch]:
        return self._task.epoch_batches(self._epoch, self._share, self._workers)


class SignalModule(LightningModule):
    """A training task as Lightning sees it.

    Parameters
    ----------
    task : network, windows and targets
    state : where the training stands: fresh, or as loaded
    folder : where the state is kept after each epoch
    """

    def __init__(self, task: TrainingTask, state: TrainingState, folder: Path) -> None:
        super().__init__()
        self.task, self.state, self.folder = task, state, folder
        self.network = task.network
        self._dense_layers: Any = task.network.after_stem
        self._done = len(state.history.epochs)
        self._loss_sum, self._rate, self._began = torch.zeros(()), 0.0, 0.0

    @property
    def epoch(self) -> int:
        """Number of the epoch in progress, from 1, over all resumptions."""
        return self._done + self.trainer.current_epoch + 1

    def on_train_start(self) -> None:
        """Compile the layers behind the first one where that pays."""
        if self.device.type == "cuda":
            self._dense_layers = torch.compile(self.network.after_stem)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW, with the state of the training that goes on."""
        config = self.task.config
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self.device.type == "cuda",
        )
        if self.state.optimizer:
            entries: dict[int, dict[str, Tensor]] = {}
            for key, value in self.state.optimizer.items():
                number, _, name = key.partition(".")
                entries.setdefault(int(number), {})[name] = value
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": entries, "param_groups": groups})
        return optimizer

    def train_dataloader(self) -> EpochBatches:
        """The batches of the epoch in progress; made anew for each."""
        share = Share(self.trainer.global_rank, self.trainer.world_size)
        workers = 1 if self.device.type == "cpu" else self.task.context.config.run.workers
        return EpochBatches(self.task, self.epoch, share, workers)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, _: int) -> Batch:
        """A batch on the device."""
        return batch.to(device)

    def on_train_epoch_start(self) -> None:
        """Random numbers of an epoch follow from its number, so that a resumed one repeats."""
        rank = f" device {self.global_rank}" if self.global_rank else ""
        torch.manual_seed(self.task.context.seed(f"dropout {self.epoch}{rank}"))
        self._loss_sum = torch.zeros((), device=self.device)
        self._began = time.perf_counter()

    def on_train_batch_start(self, _: Batch, batch_idx: int) -> None:
        """Set the step's learning rate."""
        config, per_epoch = self.task.config, self.task.steps_per_epoch
        self._rate = learning_rate(
            (self.epoch - 1) * per_epoch + batch_idx, config.max_epochs * per_epoch,
            config.warmup_epochs * per_epoch, config.learning_rate,
        )
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self._rate

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of a batch."""
        x, y, offsets = batch
        stem = self.network[0]
        first = stem(x, len(y)) if self.task.encoding == "tokens" else stem(x)
        loss = self.task.loss(self._dense_layers(first, offsets), y)
        self._loss_sum += loss.detach()
        return loss

    def on_train_batch_end(self, _: Any, __: Batch, batch_idx: int) -> None:
        """Move the progress bar."""
        share = (batch_idx + 1) / self.task.steps_per_epoch
        history = self.state.history
        note = f"epoch {self.epoch}" + (
            f", validation r {history.epochs[-1].validation_r:.3f}" if history.epochs else ""
        )
        self.task.context.progress(self.epoch - 1 + share, self.task.config.max_epochs, note)

    def on_train_epoch_end(self) -> None:
        """Validate, record and keep the state; decide whether this was the last epoch."""
        loss, r = self.task.validate(self.device)
        self.network.train()
        mean = self.trainer.strategy.reduce(self._loss_sum / self.task.steps_per_epoch)
        row = Epoch(
            self.epoch, float(mean), loss, r, self._rate, time.perf_counter() - self._began
        )
        state = self.state
        state.network = _copied(self.network.state_dict())
        if state.history.add(row) or not state.best:
            state.best = state.network
        state.optimizer = self._optimizer_state()
        if self.logger is not None:
            self.logger.log_metrics(
                {k: v for k, v in row._asdict().items() if k != "epoch"}, step=row.epoch
            )
        if self.trainer.is_global_zero:
            save_state(self.folder, state)
        over = self.trainer.strategy.reduce_boolean_decision(
            state.history.is_over(self.task.config), all=False
        )
        self.trainer.should_stop = over

    def _optimizer_state(self) -> dict[str, Tensor]:
        entries = self.trainer.optimizers[0].state_dict()["state"]
        return {f"{n}.{name}": entries[n][name] for n in entries for name in _ADAM}


def _copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.detach().cpu().clone() for key, value in state.items()}


def fit(task: TrainingTask, folder: Path, **options: Any) -> Fitted:
    """Train a task, or go on where an earlier attempt ended.

    Parameters
    ----------
    task : its network ends with the weights of the last epoch
    folder : for the state (``state/``) and the TensorBoard log (``tensorboard/``)
    options : of Lightning's trainer, e.g. ``devices``
    """
    state = load_state(folder / "state", task.fingerprint())
    if state is None:
        state = TrainingState(task.fingerprint())
    else:
        task.network.load_state_dict(state.network)
    module = SignalModule(task, state, folder / "state")
    left = task.config.max_epochs - len(state.history.epochs)
    if left > 0 and not (state.history.epochs and state.history.is_over(task.config)):
        task.network.train()
        with _quiet():
            trainer = _trainer(folder, left, task, options)
            trainer.fit(module)
        if not trainer.is_global_zero:
            # Another process, started by Lightning for another GPU, writes the artefact.
            raise SystemExit(0)
    task.network.cpu()
    return Fitted(state.history, state.best, state.network)


def _trainer(folder: Path, epochs: int, task: TrainingTask, options: dict[str, Any]) -> Trainer:
    on_gpu = torch.cuda.is_available()
    return Trainer(**{
        "accelerator": "cuda" if on_gpu else "cpu",
        "devices": "auto" if on_gpu else 1,
        "precision": "bf16-mixed" if on_gpu else "32-true",
        # Batch norm over the whole batch, whatever the number of devices.
        "sync_batchnorm": on_gpu and torch.cuda.device_count() > 1,
        "max_epochs": epochs,
        "gradient_clip_val": task.config.gradient_clip,
        "reload_dataloaders_every_n_epochs": 1,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
        "logger": TensorBoardLogger(str(folder), name="", version="tensorboard"),
        **options,
    })


class _quiet(warnings.catch_warnings):  # noqa: N801  (a context manager)
    """Lightning's hints are for people who write a training script, not for those who run one."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", module=r"pytorch_lightning\..*")
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
