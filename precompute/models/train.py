"""Stages that train the models: AdamW with warm-up and decay, stopped by validation Pearson."""

from __future__ import annotations

import platform
import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd

from precompute.artefacts import ARTEFACTS, write_parquet
from precompute.context import Facts, StageContext
from precompute.models.store import clusters_card, save_model
from precompute.models.tokenization import tokenization_card

if TYPE_CHECKING:
    from precompute.models.history import History
    from precompute.models.training_task import TrainingTask


def card(task: TrainingTask, history: History) -> dict[str, Any]:
    """The content of ``model.json``, without what :func:`save_model` adds."""
    import torch

    from precompute.models.architectures import count_parameters, reach

    seen = reach(task.network)
    on_gpu = torch.cuda.is_available()
    return {
        "name": task.encoding,
        "encoding": task.encoding,
        "tracks": task.tracks,
        "n_channels": task.source.n_channels,
        "architecture": task.architecture.model_dump(mode="json"),
        **clusters_card(task.clusters),
        **tokenization_card(task.context.config),
        "position_unit": "bp" if task.architecture.kind == "transformer" else None,
        "split": task.split.model_dump(mode="json"),
        "training": task.config.model_dump(mode="json"),
        "seed": task.context.config.run.seed,
        "parameters": count_parameters(task.network),
        "receptive_field": seen and seen.inputs,
        "receptive_field_unit": "bins" if task.encoding == "tokens" else "bp",
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "best_validation_r": history.best_r,
        "stopped": history.stopped,
        "train_windows": len(task.train_windows),
        "validation_windows": len(task.validation_windows),
        "hardware": torch.cuda.get_device_name() if on_gpu else "cpu",
        "precision": "bfloat16" if on_gpu else "float32",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _run(context: StageContext, encoding: str) -> Facts:
    from precompute.models.lightning_module import fit
    from precompute.models.training_task import TrainingTask

    task = TrainingTask(context, encoding)
    folder = context.run.root / "training" / encoding
    history, best, last = fit(task, folder)
    about = card(task, history)
    name = f"model_{encoding}"
    with context.run.writing(name) as path:
        save_model(path, best, task.scalings, about, last)
        write_parquet(
            path / "curves.parquet", pd.DataFrame(history.epochs), ARTEFACTS[name].kind,
            ARTEFACTS[name].version,
        )
    # The next training begins anew; the log stays.
    shutil.rmtree(folder / "state", ignore_errors=True)
    context.progress(1, 1, history.stopped)
    keys = ("parameters", "receptive_field", "best_epoch", "best_validation_r", "stopped")
    return {**{key: about[key] for key in keys}, "epochs": len(history.epochs)}


def run_tokens(context: StageContext) -> Facts:
    """Train the token model: artefact ``model_tokens``."""
    return _run(context, "tokens")


def run_onehot(context: StageContext) -> Facts:
    """Train the one-hot model: artefact ``model_onehot``."""
    return _run(context, "onehot")
