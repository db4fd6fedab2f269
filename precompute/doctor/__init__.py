"""The doctor: is everything in a run folder what the contract and the manifest say?

:func:`examine` looks at a run in this order, and each step leans on what the steps before found
sound: half-written temporaries, content hashes against the manifest, kinds, versions, dtypes and
columns, sizes that all artefacts must share, every number's range, agreement between artefacts,
and a few windows computed again. One fault is named once, at the artefact that is to blame: the
one that was changed after it was made, else the one that contradicts the others.

Reading is streamed; a file that could crash its reader is opened in a process of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

from precompute.artefacts import ARTEFACTS
from precompute.doctor import (
    benchmark_rules,
    effect_rules,
    files,
    law_rules,
    lexicon_rules,
    map_rules,
    motif_rules,
    places,
    rows,
    rules,
    word_rules,
)
from precompute.doctor.findings import PRODUCER, Chart, Diagnosis, Finding
from precompute.doctor.opening import Opened, open_artefacts, open_records
from precompute.doctor.recompute import check_partition, check_windows
from precompute.doctor.sizes import check_sizes
from precompute.doctor.values import check_arrays, check_tables
from precompute.errors import InputError, RunFolderError
from precompute.manifest import hash_path
from precompute.pipeline import STAGES, Pipeline

__all__ = ["Diagnosis", "Finding", "examine"]

Progress = Callable[[float, float, str], None]


class _Meter:
    """Bytes looked at, of all there are; each artefact counts once for each time it is read."""

    def __init__(self, sizes: dict[str, int], passes: int, progress: Progress | None) -> None:
        self._sizes, self._progress = sizes, progress
        self._total = float(passes * sum(sizes.values())) or 1.0
        self._done = 0.0

    def step(self, name: str, share: float) -> None:
        """A share of an artefact has been read."""
        self.add(name, share * self._sizes.get(name, 0))

    def add(self, name: str, n_bytes: float) -> None:
        """Bytes of an artefact have been read."""
        self._done = min(self._total, self._done + n_bytes)
        if self._progress is not None:
            self._progress(self._done, self._total, name)

    def close(self) -> None:
        """All is read."""
        if self._progress is not None:
            self._progress(self._total, self._total, "done")


def examine(
    root: str | Path, quick: bool = False, progress: Progress | None = None
) -> Diagnosis:
    """Examine a run folder; nothing in it is changed.

    Parameters
    ----------
    root : the run folder
    quick : leave out content hashes and what is computed again
    progress : called with (bytes done, bytes in all, artefact)

    Raises
    ------
    RunFolderError
        When the path is no run folder, or a run is at work in it.

    Examples
    --------
    >>> diagnosis = examine(run)
    >>> diagnosis.is_healthy, diagnosis.findings
    (True, ())
    """
    root = Path(root)
    if not root.is_dir() or not (root / "manifest.json").is_file():
        raise RunFolderError(
            f"there is no run in {root} (it holds no manifest.json); give the folder of a run, "
            "for example runs/demo"
        )
    chart = Chart()
    with _undisturbed(root):
        opened = open_records(root, chart)
        sizes = {n: _bytes(opened.run.path(n)) for n in PRODUCER if opened.run.exists(n)}
        meter = _Meter(sizes, 1 if quick else 2, progress)
        _check_temporaries(root, chart)
        if not quick:
            _check_hashes(opened, chart, meter)
        open_artefacts(opened, chart)
        _check_contents(opened, chart, meter, quick)
        if not quick:
            _note_stale(opened, chart)
        _name_changed(opened, chart)
        meter.close()
    return Diagnosis(
        str(root), quick, tuple(chart.findings), tuple(chart.notes), len(sizes),
        0 if quick else sum(sizes.values()),
    )


def _check_contents(opened: Opened, chart: Chart, meter: _Meter, quick: bool) -> None:
    places.check_chromosomes(opened, chart)
    ledger = check_sizes(opened, chart)
    rules.apply(places.RULES[:3], opened, chart, ledger)
    rows.check_bins(opened, chart)
    check_tables(opened, chart, meter.step)
    check_arrays(opened, chart, ledger, meter.step)
    rows.check_hits(opened, chart, ledger, meter.step)
    rows.check_tokens(opened, chart, ledger, meter.step)
    rows.check_contributions(opened, chart, ledger, meter.step)
    rows.check_windows_rows(opened, chart, ledger, meter.step)
    for table in (places.RULES[3:], motif_rules.RULES, word_rules.RULES, law_rules.RULES):
        rules.apply(table, opened, chart, ledger)
    if not quick:
        # Before what is made of tokens and words is held against them.
        check_windows(opened, chart)
        check_partition(opened, chart)
    last = (map_rules.RULES, lexicon_rules.RULES, effect_rules.RULES, files.RULES,
            benchmark_rules.RULES)
    for table in last:
        rules.apply(table, opened, chart, ledger)


@contextlib.contextmanager
def _undisturbed(root: Path) -> Iterator[None]:
    """Hold the folder's lock together with other readers, so that no run begins meanwhile."""
    handle = None
    with contextlib.suppress(OSError):  # never run by the pipeline, or not ours to read
        handle = (root / ".lock").open("rb")
    with handle or contextlib.nullcontext():
        try:
            if handle is not None:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(
                f"another process is running in {root}; wait for it, then examine the run"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield


def _bytes(path: Path) -> int:
    try:
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        return sum(p.stat().st_size for p in files)
    except OSError:
        return 0


def _check_temporaries(root: Path, chart: Chart) -> None:
    owners = {artefact.path: name for name, artefact in ARTEFACTS.items()}
    owners |= {"manifest.json": "manifest", "config.json": "configuration"}
    for path in sorted(root.rglob(".*.tmp")):
        place = path.relative_to(root)
        final = path.name[1:].removesuffix(".tmp")
        # Artefacts' temporaries carry a random word: .bins.zarr.x1y2z3.tmp
        names = [place.with_name(text).as_posix() for text in (final, final.rpartition(".")[0])
                 if text]
        owner = next((owners[name] for name in names if name in owners), "file")
        chart.fault(
            "run", "temporary", f"a half-written {owner} that a stopped run left",
            "no temporaries", part=place.as_posix(),
            action="delete it, or start a run on this folder, which removes it",
        )


def _check_hashes(opened: Opened, chart: Chart, meter: _Meter) -> None:
    chart.changed = set()
    if opened.manifest is None:
        return
    for stage in opened.manifest.stages.values():
        for name, recorded in stage.outputs.items():
            if name not in PRODUCER or not opened.run.exists(name):
                continue

            def heard(n_bytes: int, name: str = name) -> None:
                meter.add(name, n_bytes)

            with chart.guard(name):
                if hash_path(opened.run.path(name), heard) != recorded:
                    chart.changed.add(name)


def _name_changed(opened: Opened, chart: Chart) -> None:
    """What was changed and has no fault that explains it better."""
    for name in sorted(chart.changed or (), key=list(PRODUCER).index):
        if chart.is_sound(name):
            chart.fault(
                name, "hash", f"the content of {ARTEFACTS[name].path} is not what the stage "
                f"{PRODUCER[name]} wrote", "the content hash in the manifest",
            )


def _note_stale(opened: Opened, chart: Chart) -> None:
    """Stages that `run` would do again: no fault, but worth knowing."""
    if opened.manifest is None or opened.config is None or chart.findings:
        return
    stale = []
    try:
        pipeline = Pipeline(opened.config, opened.run.root)
        for stage in STAGES:
            if pipeline.state(stage) == "changed":
                stale.append(stage.name)
    except InputError as error:
        chart.note(f"whether the run is up to date could not be told: {error}")
    if stale:
        chart.note(
            f"{', '.join(stale)}: made with other settings, inputs or code than there are now; "
            "`python -m precompute run` makes them anew"
        )
