"""Going on after a kill: the same curve and weights, from files that hold no pickle."""

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from precompute.models.lightning_module import fit
from precompute.models.training_task import TrainingTask
from tests.model_run import context, write_model_run

SETTINGS = {"max_epochs": 4, "patience_epochs": 4}
DROPOUT = {"kind": "transformer", "layers": 1, "heads": 2, "feedforward": 8, "dropout": 0.5}
#: Trains, and kills itself without a chance to clean up in the middle of the third epoch.
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.model_run import context
from tests.unit.test_models_resume import DROPOUT, SETTINGS
from precompute.models.lightning_module import fit
from precompute.models.training_task import TrainingTask

stage = context(Path(sys.argv[1]), "train_tokens", models__training=SETTINGS,
                models__tokens=DROPOUT)
def progress(done, total, note):
    if done > 2.4:
        os.kill(os.getpid(), signal.SIGKILL)
object.__setattr__(stage, "progress", progress)
fit(TrainingTask(stage, "tokens"), Path(sys.argv[2]))
"""


def task(root, **training):
    return TrainingTask(
        context(root, "train_tokens", models__training={**SETTINGS, **training},
                models__tokens=DROPOUT),
        "tokens",
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_model_run(tmp_path_factory.mktemp("resume") / "run", n_bp=60_000)


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory):
    """A training without a break."""
    return fit(task(root), tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def killed(root, tmp_path_factory):
    """The folder of a training that was killed in its third epoch."""
    folder = tmp_path_factory.mktemp("killed")
    repository = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(root), str(folder)], cwd=repository, timeout=200,
        env={**os.environ, "PYTHONPATH": str(repository)}, capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    return folder


def refuse(*_, **__):
    raise AssertionError("something is unpickled")


def test_a_killed_training_goes_on_to_the_same_curve_and_weights(
    root, whole, killed, monkeypatch
):
    for module, name in ((pickle, "load"), (pickle, "loads"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)
    (state,) = (killed / "state").glob("epoch-*")
    assert state.name == "epoch-00002"
    again = fit(task(root), killed)
    keys = [[row._replace(seconds=0.0) for row in f.history.epochs] for f in (whole, again)]
    assert keys[0] == keys[1]
    assert again.history.best_epoch == whole.history.best_epoch
    for ours, theirs in ((again.best, whole.best), (again.last, whole.last)):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    # A finished training is not trained further.
    once_more = fit(task(root), killed)
    assert once_more.history == again.history
    torch.testing.assert_close(once_more.last, again.last, rtol=0, atol=0)


def test_no_file_of_a_training_is_a_pickle(killed):
    files = [path for path in killed.rglob("*") if path.is_file()]
    assert {path.suffix for path in files if "state" in path.parts} == {".json", ".safetensors"}
    for path in files:
        # A file of torch.save is a zip; a safetensors file begins with the length of its JSON.
        head = path.read_bytes()[:9]
        assert head[:2] != b"PK"
        assert path.suffix != ".safetensors" or head[8:] == b"{"


class Trap:
    """Fails where it is unpickled."""

    def __reduce__(self):
        return refuse, ()


@pytest.mark.parametrize("damage", ["truncated", "another training", "no json", "a pickle"])
def test_a_state_that_does_not_fit_is_passed_over(root, whole, tmp_path, damage):
    fit(task(root, max_epochs=1), tmp_path)
    (state,) = (tmp_path / "state").glob("epoch-*")
    if damage == "truncated":
        weights = state / "state.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "a pickle":
        torch.save({"a": Trap()}, state / "state.safetensors")
    elif damage == "no json":
        (state / "state.json").unlink()
    else:
        about = json.loads((state / "state.json").read_text())
        (state / "state.json").write_text(json.dumps({**about, "fingerprint": "0"}))
    again = fit(task(root, max_epochs=1), tmp_path)
    assert len(again.history.epochs) == 1
    # It was trained again: the state is whole.
    (state,) = (tmp_path / "state").glob("epoch-*")
    assert json.loads((state / "state.json").read_text())["fingerprint"] != "0"


def test_other_settings_are_another_training(root):
    prints = {task(root).fingerprint(), task(root, learning_rate=0.5).fingerprint()}
    assert len(prints) == 2
    assert task(root).fingerprint() in prints


#: Two processes on one machine, as Lightning starts one for each GPU.
SHARED = """
import sys
from pathlib import Path
from tests.model_run import context
from precompute.models.lightning_module import fit
from precompute.models.training_task import TrainingTask

stage = context(Path(sys.argv[1]), "train_tokens", models__training={"max_epochs": 2})
fitted = fit(TrainingTask(stage, "tokens"), Path(sys.argv[2]), devices=2, strategy="ddp")
print("losses", *[epoch.train_loss for epoch in fitted.history.epochs])
"""


def test_two_devices_share_each_batch_and_one_of_them_answers(root, tmp_path):
    repository = Path(__file__).resolve().parents[2]
    # A file: the second process is started by its name.
    script = tmp_path / "shared.py"
    script.write_text(SHARED)
    done = subprocess.run(
        [sys.executable, str(script), str(root), str(tmp_path / "two")], cwd=repository,
        timeout=200, env={**os.environ, "PYTHONPATH": str(repository)}, capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("losses")]
    stage = context(root, "train_tokens", models__training={"max_epochs": 2})
    alone = fit(TrainingTask(stage, "tokens"), tmp_path / "one")
    # Each batch norm sees half of a batch on a CPU, so the curve is near and not the same.
    expected = [epoch.train_loss for epoch in alone.history.epochs]
    assert [float(word) for word in line.split()[1:]] == pytest.approx(expected, rel=0.01)
