"""Kills at random moments, full disks and folders that cannot be written.

``MOTIFLENS_KILLS=20 make test`` kills more often than the few times of every run.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from precompute.artefacts import RunFolder
from precompute.config import load_config
from precompute.errors import RunFolderError
from precompute.manifest import Manifest, hash_path
from precompute.pipeline import Pipeline, stage_named
from tests.integration.test_pipeline import CHAIN, Listener, run_chain, write_config

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("MOTIFLENS_KILLS", "3"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Configuration, run folder and seconds of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    config = write_config(folder)
    began = time.perf_counter()
    process = start(config, folder / "run")
    assert process.wait(timeout=300) == 0
    return config, folder / "run", time.perf_counter() - began


def start(config: Path, root: Path) -> subprocess.Popen[bytes]:
    # One process, so that it is gone with its lock once it is waited for.
    script = (
        "from tests.integration.test_pipeline import run_chain; from pathlib import Path; "
        f"run_chain(Path({str(config)!r}), Path({str(root)!r}))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], cwd=REPOSITORY, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )


@pytest.mark.timeout(240 + 60 * KILLS)
def test_killed_at_random_moments_and_resumed_it_ends_the_same(uninterrupted, tmp_path):
    config, whole, seconds = uninterrupted
    rng = random.Random(KILLS)
    kills = 0
    while kills < KILLS:
        root = tmp_path / f"run{kills}"
        process = start(config, root)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=rng.uniform(0.15, 1.0) * seconds)
            continue
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        run_chain(config, root)
        assert not list(root.rglob(".*.tmp"))
        recorded = Manifest.load(root / "manifest.json")
        for name in CHAIN:
            for output in stage_named(name).writes:
                digest = hash_path(RunFolder(root).path(output))
                assert digest == hash_path(RunFolder(whole).path(output)), output
                assert digest == recorded.stages[name].outputs[output]


@contextlib.contextmanager
def mounted(folder: Path, options: str):
    """A small file system of its own, where this user may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount file systems")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size_kb", [16, 200, 1024])
def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(tmp_path, size_kb):
    config = write_config(tmp_path)
    with mounted(tmp_path / "small", f"size={size_kb}k"):
        root = tmp_path / "small" / "run"
        with pytest.raises(RunFolderError, match=r"disk is full|No space left"):
            run_chain(config, root)
        manifest = Manifest.load(root / "manifest.json")
        finished = manifest.stages if manifest else {}
        for name, record in finished.items():
            for output in stage_named(name).writes:
                assert hash_path(RunFolder(root).path(output)) == record.outputs[output]
        assert "tokens" not in finished
        # More room, and it goes on from there.
        subprocess.run(
            ["mount", "-o", "remount,size=200m", str(tmp_path / "small")], check=True
        )
        listener = Listener()
        for name in CHAIN[:2]:
            Pipeline(load_config(config), root).run(listener, only=name)
        assert sorted(listener.skipped) == sorted(set(finished) & set(CHAIN[:2]))
        assert not list(root.rglob(".*.tmp"))


def test_a_read_only_folder_is_one_sentence(tmp_path):
    config = write_config(tmp_path)
    with mounted(tmp_path / "fixed", "size=1m,ro"):
        done = subprocess.run(
            [sys.executable, "-m", "precompute", "run", str(config), "--run-dir",
             str(tmp_path / "fixed" / "run")],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Read-only file system" in done.stderr
    assert "--run-dir" in done.stderr
