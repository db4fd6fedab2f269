"""The state of an unfinished training on disk, from which it goes on after a kill.

One folder per finished epoch, of which the newest is kept: ``state.safetensors`` (the network, its
best weights, the optimizer) and ``state.json``. A folder appears whole or not at all, and nothing
in it is a pickle.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from precompute.models.history import Epoch, History

if TYPE_CHECKING:
    from torch import Tensor

KIND, VERSION = "motiflens.training", 1
_PARTS = ("network", "best", "optimizer")


@dataclass
class TrainingState:
    """Where a training stands after an epoch.

    Attributes
    ----------
    fingerprint : digest of everything that the training follows from
    history : finished epochs
    network, best : weights now, and of the best epoch
    optimizer : AdamW's state, ``<parameter number>.<name>``
    """

    fingerprint: str
    history: History = field(default_factory=History)
    network: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)


def save_state(folder: Path, state: TrainingState) -> None:
    """Write the state of the last finished epoch in place of an older one."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"epoch-{len(state.history.epochs):05d}"
    temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".tmp", dir=folder))
    try:
        tensors = {
            f"{part}/{key}": value.detach().cpu().contiguous().clone()
            for part in _PARTS for key, value in getattr(state, part).items()
        }
        save_file(tensors, str(temporary / "state.safetensors"))
        about = {
            "kind": KIND, "version": VERSION, "fingerprint": state.fingerprint,
            "epochs": [epoch._asdict() for epoch in state.history.epochs],
        }
        (temporary / "state.json").write_text(json.dumps(about, indent=1) + "\n")
        shutil.rmtree(final, ignore_errors=True)
        os.rename(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for older in folder.glob("epoch-*"):
        if older != final:
            shutil.rmtree(older, ignore_errors=True)


def load_state(folder: Path, fingerprint: str) -> TrainingState | None:
    """The newest whole state of the same training; None when there is none.

    A state of another training (other data, settings or seed) is passed over: training then
    begins at the first epoch, as it would without it.
    """
    for path in sorted(folder.glob("epoch-*"), reverse=True):
        state = _read(path, fingerprint)
        if state is not None:
            return state
    return None


def _read(path: Path, fingerprint: str) -> TrainingState | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about: dict[str, Any] = json.loads((path / "state.json").read_text())
        if (about["kind"], about["version"], about["fingerprint"]) != (KIND, VERSION, fingerprint):
            return None
        tensors = load_file(str(path / "state.safetensors"))
        epochs = [Epoch(**row) for row in about["epochs"]]
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None
    state = TrainingState(fingerprint)
    for epoch in epochs:
        state.history.add(epoch)
    for key, value in tensors.items():
        part, _, name = key.partition("/")
        getattr(state, part)[name] = value
    return state
