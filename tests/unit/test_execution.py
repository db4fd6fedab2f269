"""Threads and a Dask cluster: the same results in the same order, whoever dies."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from precompute.execution import Threads, executing

REPOSITORY = Path(__file__).resolve().parents[2]


def slow_square(pause_s: float, n: int) -> int:
    time.sleep(pause_s * (n % 3))
    return n * n


def die_once(folder: str, n: int) -> int:
    """Kills the worker process the first time that item 5 is worked on."""
    with open(f"{folder}/{n}.tries", "a") as handle:
        handle.write("x")
    if n == 5 and not os.path.exists(f"{folder}/died"):
        Path(folder, "died").touch()
        os.kill(os.getpid(), 9)
    return -n


def die_always(n: int) -> int:
    os.kill(os.getpid(), 9)
    return n


def script(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script on a local cluster in a process of its own, as the command line does."""
    text = textwrap.dedent(body)
    code = (
        "from functools import partial\nimport sys\n"
        "from precompute.execution import executing\n"
        "from tests.unit.test_execution import slow_square, die_once, die_always\n"
        f"def main():\n{textwrap.indent(text, '    ')}\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=REPOSITORY, capture_output=True, text=True,
        timeout=120, check=False,
    )


def test_threads_keep_the_order_whatever_finishes_first():
    with executing(None, 3) as execution:
        assert isinstance(execution, Threads)
        assert not execution.is_distributed
        found = list(execution.in_order(partial(slow_square, 0.01), range(20)))
    assert found == [(n, n * n) for n in range(20)]


def test_an_error_in_a_thread_reaches_the_caller():
    with executing(None, 2) as execution, pytest.raises(ZeroDivisionError):
        list(execution.in_order(lambda n: 1 // n, [2, 1, 0, 3]))


def test_a_local_cluster_keeps_the_order():
    done = script("""
        with executing("local", 2) as execution:
            assert execution.is_distributed and execution.workers == 2
            print(list(execution.in_order(partial(slow_square, 0.01), range(12))))
    """)
    assert done.stdout.strip() == str([(n, n * n) for n in range(12)]), done.stderr


def test_a_killed_worker_costs_only_what_it_was_working_on(tmp_path):
    done = script("""
        with executing("local", 2) as execution:
            print([r for _, r in execution.in_order(partial(die_once, sys.argv[1]), range(30))])
    """, str(tmp_path))
    assert done.stdout.strip() == str([-n for n in range(30)]), done.stderr
    assert "Traceback" not in done.stderr
    tries = {int(p.stem): len(p.read_text()) for p in tmp_path.glob("*.tries")}
    assert tries[5] == 2
    # Besides what was at work, results that lay in the dead worker's memory are made again.
    assert sum(tries.values()) - 30 <= 6


def test_a_window_that_kills_every_worker_is_one_sentence():
    done = script("""
        from precompute.errors import ExecutionError
        with executing("local", 1) as execution:
            try:
                list(execution.in_order(die_always, [1]))
            except ExecutionError as error:
                print(error)
    """)
    assert "several workers of the Dask cluster died on the same window" in done.stdout, done.stderr


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "http://x:1", "tcp://"])
def test_a_scheduler_that_is_not_there_is_one_sentence(address):
    done = script("""
        import precompute.execution
        from precompute.errors import ExecutionError
        precompute.execution._CONNECT_SECONDS = 1
        try:
            with executing(sys.argv[1], 2):
                pass
        except ExecutionError as error:
            print(error)
    """, address)
    assert done.stdout.startswith(f"no Dask scheduler with a worker answers at {address!r}")
    assert "Traceback" not in done.stderr
