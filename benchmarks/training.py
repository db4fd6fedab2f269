"""Training: does the loader keep the network busy, and how fast is ours beside a plain loop?

    python benchmarks/training.py [RUN] [--preset NAME] [--kind KIND] [--windows N] [--epochs N]

Both loops train the same network from the same weights on the same windows of RUN (runs/demo) with
configs/demo.yaml. The plain one is what one would write first: dense float32 tokens, batches made
when they are asked for, every step waited for. Ours reads sparse tokens and makes the next batches
meanwhile; on CUDA it is compiled and computes in bfloat16. Without --preset the network is `paper`
on CUDA and `demo` elsewhere, where `paper` takes about a second a window.

Printed for each encoding: windows a second that the loader makes (with tokens in memory, and when
they are read from disk first), those that the network takes, the share of the time that it waits,
and the loss of each epoch of both loops.
"""

from __future__ import annotations

import sys
from pathlib import Path

# In place of this folder, whose tokenize.py would hide Python's own from numba and scipy.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import argparse  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from typing import NamedTuple  # noqa: E402

import torch  # noqa: E402
from torch import nn  # noqa: E402

from precompute.artefacts import RunFolder  # noqa: E402
from precompute.config import Config, load_config  # noqa: E402
from precompute.context import StageContext  # noqa: E402
from precompute.models.blocks import PairPool  # noqa: E402
from precompute.models.dataset import training_batches  # noqa: E402
from precompute.models.history import learning_rate  # noqa: E402
from precompute.models.lightning_module import fit  # noqa: E402
from precompute.models.sparse import SparseRows  # noqa: E402
from precompute.models.training_task import Batch, Share, TrainingTask  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
VALIDATION_WINDOWS = 4


class Measured(NamedTuple):
    """Windows a second in each epoch, its loss, and the share of the time spent waiting."""

    speeds: list[float]
    losses: list[float]
    waiting: float


class TimedTask(TrainingTask):
    """A task that notes how long its batches are waited for."""

    waited_s = 0.0

    def epoch_batches(self, epoch: int, share: Share, workers: int = 1) -> Iterator[Batch]:
        """The batches, timed from being asked for to being there."""
        batches = super().epoch_batches(epoch, share, workers)
        while True:
            began = time.perf_counter()
            batch = next(batches, None)
            self.waited_s += time.perf_counter() - began
            if batch is None:
                return
            yield batch


def settings(preset: str, kind: str, epochs: int) -> Config:
    """configs/demo.yaml with other networks and so many epochs."""
    config = load_config(ROOT / "configs" / "demo.yaml")
    sizes = {"preset": preset, "kind": kind}
    models = {
        **config.models.model_dump(), "tokens": sizes, "onehot": sizes,
        "training": {
            **config.models.training.model_dump(), "max_epochs": epochs,
            "patience_epochs": epochs, "max_minutes": 1e6,
        },
    }
    return config.model_copy(update={"models": type(config.models).model_validate(models)})


def make_task(config: Config, run: RunFolder, encoding: str, n_windows: int) -> TimedTask:
    """A task on the first windows of the run, whose tokens are in memory."""
    task = TimedTask(StageContext(config, run, f"train_{encoding}"), encoding)
    task.train_windows = task.train_windows[:n_windows]
    task.validation_windows = task.validation_windows[:VALIDATION_WINDOWS]
    return task


def loader_speed(task: TrainingTask) -> float:
    """Windows a second that the loader makes when nobody else works."""
    began = time.perf_counter()
    for _ in task.epoch_batches(1, Share()):
        pass
    return len(task.train_windows) / (time.perf_counter() - began)


def ours(task: TimedTask) -> Measured:
    """Train as the stages do."""
    with tempfile.TemporaryDirectory() as folder:
        task.waited_s = 0.0
        history = fit(task, Path(folder)).history
    n = len(task.train_windows)
    seconds = [epoch.seconds for epoch in history.epochs]
    return Measured(
        [n / s for s in seconds], [epoch.train_loss for epoch in history.epochs],
        task.waited_s / sum(seconds),
    )


def plain(task: TrainingTask) -> Measured:
    """Train in a plain float32 loop on dense inputs."""
    for number, layer in enumerate(task.network):
        if isinstance(layer, PairPool):
            task.network[number] = nn.MaxPool1d(2)
    config, network = task.config, task.network.to(DEVICE).train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
    per_epoch, losses, speeds, waited, whole = task.steps_per_epoch, [], [], 0.0, 0.0
    bounds = [(r.chrom, *task.source.positions(r)) for r in task.split.train]
    for epoch in range(1, config.max_epochs + 1):
        torch.manual_seed(task.context.seed(f"dropout {epoch}"))
        began, total = time.perf_counter(), 0.0
        batches = training_batches(
            task.train_windows, bounds, config.batch_size, config.stride_bins // 2,
            task.context.rng(f"epoch {epoch}"),
        )
        for step, items in enumerate(batches):
            asked = time.perf_counter()
            x, y, offsets = task.batch(items)
            if isinstance(x, SparseRows):
                x = torch.from_numpy(x.dense()).unflatten(0, (len(y), -1)).transpose(1, 2)
            x, y = x.to(DEVICE), y.to(DEVICE)
            waited += time.perf_counter() - asked
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(
                    (epoch - 1) * per_epoch + step, config.max_epochs * per_epoch,
                    config.warmup_epochs * per_epoch, config.learning_rate,
                )
            optimizer.zero_grad()
            loss = task.loss(network(x, len(y), offsets), y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
            optimizer.step()
            total += loss.item()
        task.validate(DEVICE)
        network.train()
        seconds = time.perf_counter() - began
        whole += seconds
        losses.append(total / per_epoch)
        speeds.append(len(task.train_windows) / seconds)
    return Measured(speeds, losses, waited / whole)


def compare(config: Config, run: RunFolder, encoding: str, n_windows: int) -> None:
    """Print the loader's speed and both loops of one encoding."""
    task = make_task(config, run, encoding, n_windows)
    cold, warm = loader_speed(task), loader_speed(task)
    print(f"{encoding}: {len(task.train_windows):,} windows, "
          f"{sum(p.numel() for p in task.network.parameters()):,} parameters")
    print(f"  loader alone      {warm:8.1f} windows/s ({cold:.1f} read from disk first)")
    weights = {key: value.clone() for key, value in task.network.state_dict().items()}
    found = {"ours": ours(task)}
    # The same tokens in memory, the same first weights.
    task.network.load_state_dict(weights)
    found["plain float32"] = plain(task)
    for name, measured in found.items():
        # The first epoch compiles and allocates.
        best = max(measured.speeds[1:] or measured.speeds)
        losses = ", ".join(f"{loss:.4f}" for loss in measured.losses)
        print(f"  {name:<16}  {best:8.1f} windows/s, waits {measured.waiting:.1%} of the time; "
              f"loss {losses}")
    fast, slow = (max(m.speeds[1:] or m.speeds) for m in found.values())
    apart = max(abs(a - b) for a, b in zip(found["ours"].losses,
                                           found["plain float32"].losses, strict=True))
    print(f"  ours / plain {fast / slow:.2f}; the loader makes {warm / fast:,.0f} x what the "
          f"network takes ({cold / fast:.1f} x from disk); losses at most {apart:.4f} apart")


def main() -> None:
    """Both encodings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", nargs="?", type=Path, default=ROOT / "runs" / "demo")
    parser.add_argument("--preset", default="paper" if DEVICE.type == "cuda" else "demo")
    parser.add_argument("--kind", default="conv", choices=["conv", "transformer"])
    parser.add_argument("--windows", type=int, default=10_000 if DEVICE.type == "cuda" else 40)
    parser.add_argument("--epochs", type=int, default=2)
    asked = parser.parse_args()
    where = torch.cuda.get_device_name() if DEVICE.type == "cuda" else (
        "a CPU: the first layer's sparse tokens, the pooling and the loader differ, precision and "
        "compilation do not"
    )
    print(f"preset {asked.preset}, {asked.kind}, on {where}")
    config = settings(asked.preset, asked.kind, asked.epochs)
    for encoding in ("tokens", "onehot"):
        compare(config, RunFolder(asked.run), encoding, asked.windows)


if __name__ == "__main__":
    main()
