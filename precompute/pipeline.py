"""The stages in order, and the runner that skips what is up to date.

This module and the command line are the only places that know more than one stage.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from precompute import __version__
from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.config import Config
from precompute.context import Facts, StageContext
from precompute.errors import ConfigError, InputError, RunFolderError
from precompute.execution import Execution, executing
from precompute.manifest import Manifest, StageRecord, combine, hash_path, stat_key, write_text

State = Literal["done", "changed", "missing"]


@dataclass(frozen=True)
class Stage:
    """One step: ``function`` is 'module:name', imported only when the stage runs.

    ``sections`` are the configuration sections that decide its result; ``version`` goes up when
    the code's result changes, so that old artefacts are made again.
    """

    name: str
    title: str
    function: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    sections: tuple[str, ...]
    inputs: Callable[[Config], list[Path | None]] = lambda config: []
    version: int = 1

    def load(self) -> Callable[[StageContext], Facts]:
        """Import the stage's function."""
        module, _, name = self.function.partition(":")
        function: Callable[[StageContext], Facts] = getattr(importlib.import_module(module), name)
        return function


def _annotation_inputs(config: Config) -> list[Path | None]:
    a = config.annotation
    return [
        a.transcripts, a.genes, a.cpg_islands, a.cytobands, a.repeats,
        a.peaks.folder if a.peaks else None, config.genome.aliases,
    ]


def _genome_inputs(config: Config) -> list[Path | None]:
    return [config.genome.fasta, config.genome.bed, config.genome.aliases]


def _profile_inputs(config: Config) -> list[Path | None]:
    from precompute.motifs import profile_inputs

    return [*profile_inputs(config.motifs)]


def _hit_inputs(config: Config) -> list[Path | None]:
    hits = config.motifs.hits
    if hits is None:
        return []
    return [*_profile_inputs(config), hits.folder, hits.bigbed, config.genome.aliases]


def _shipped_files(wanted: list[str] | None) -> list[Path | None]:
    from precompute.models.registry import shipped_models

    return [
        entry.folder / name
        for entry in shipped_models() if wanted is None or entry.name in wanted
        for name in ("model.json", "weights.safetensors")
    ]


def _benchmark_inputs(config: Config) -> list[Path | None]:
    return [*_profile_inputs(config), *_shipped_files(config.tf_benchmark.models)]


def _training_inputs(config: Config) -> list[Path | None]:
    return [config.models.blacklist]


_P = "precompute."
_TOKENS = ("bins", "tokens", "features", "feature_clusters", "clusters")

STAGES: tuple[Stage, ...] = (
    Stage(
        "genome", "Read the genome", _P + "genome:run", (), ("sequence",), ("genome",),
        _genome_inputs,
    ),
    Stage(
        "motifs", "Read the motif profiles", _P + "motifs:run", (),
        ("profiles", "features", "pfms"), ("motifs",), _profile_inputs,
    ),
    Stage(
        "hits", "Index ready motif hits", _P + "ready_hits.index:run", ("sequence", "profiles"),
        ("hits",),
        ("genome", "motifs"), _hit_inputs,
    ),
    Stage(
        "annotation", "Read genes and peaks", _P + "annotation:run", ("sequence",),
        ("transcripts", "genes", "intervals", "peaks", "repeats"), ("genome", "annotation"),
        _annotation_inputs,
    ),
    Stage(
        "depth", "Scan for motif hits", _P + "depth:run", ("sequence", "profiles", "hits"),
        ("depth",), ("genome", "motifs"), _profile_inputs, version=2,
    ),
    Stage("bins", "Cut the sequence into bins", _P + "bins:run", ("depth",), ("bins",), ("bins",)),
    Stage(
        "tracks", "Average the signal tracks", _P + "tracks:run", ("bins",), ("signal",),
        ("genome", "tracks"), lambda c: [*(t.bigwig for t in c.tracks), c.genome.aliases],
    ),
    Stage(
        "tokens", "Count motifs in bins", _P + "tokens:run",
        ("sequence", "bins", "profiles", "hits"), ("tokens",), ("motifs",), _profile_inputs,
        version=2,
    ),
    Stage(
        "interdependence", "Score interdependence", _P + "interdependence:run",
        ("bins", "tokens", "features"), ("interdependence",), ("interdependence",), version=2,
    ),
    Stage(
        "motif_clusters", "Cluster the motifs", _P + "motif_clusters:run",
        ("interdependence", "features"), ("feature_clusters", "clusters", "cluster_cuts"),
        ("motif_clusters",), version=2,
    ),
    Stage(
        "words", "Collect the words", _P + "lexicon.words:run", _TOKENS, ("words", "word_ids"),
        ("lexicon",), version=2,
    ),
    Stage(
        "control_words", "Tokenize a shuffled sample", _P + "lexicon.control_words:run",
        ("sequence", "features", "feature_clusters"), ("control_words",),
        ("motifs", "bins", "lexicon"), _profile_inputs,
    ),
    Stage(
        "zipf", "Compare the tokenizers", _P + "lexicon.zipf:run",
        ("sequence", "bins", "word_ids", "control_words"),
        (
            "rank_frequency", "zipf", "laws", "vocabulary_growth", "abbreviation", "vocabulary",
        ),
        ("lexicon",), lambda config: [config.lexicon.bpe_file], version=2,
    ),
    Stage(
        "motif_recovery", "Recover motifs from tokens", _P + "lexicon.motif_recovery:run",
        ("sequence", "bins", "pfms", "words", "word_ids", "control_words", "vocabulary"),
        ("motif_recovery",), ("lexicon",), version=2,
    ),
    Stage(
        "embedding", "Lay out the token map", _P + "embedding.stage:run",
        ("sequence", *_TOKENS, "words", "word_ids"),
        ("points", "layouts", "neighbors", "layout_quality"), ("embedding",), version=2,
    ),
    Stage(
        "communities", "Find communities", _P + "communities:run",
        (*_TOKENS, "words", "word_ids", "points", "layouts", "neighbors"),
        ("communities", "community_stability", "bin_communities"), ("communities",), version=2,
    ),
    Stage(
        "enrichment", "Name the communities", _P + "enrichment:run",
        (*_TOKENS, "points", "communities"), ("enrichment", "community_table"), (), version=3,
    ),
    Stage(
        "lexicon", "Describe the words", _P + "lexicon.entries:run",
        ("sequence", "bins", "clusters", "words", "word_ids", "signal", "transcripts", "genes",
         "intervals", "peaks", "repeats", "bin_communities"),
        ("lexicon", "cluster_words"), ("annotation",),
    ),
    Stage(
        "window_index", "Index windows by their motifs", _P + "window_index:run",
        ("sequence", *_TOKENS), ("window_index",), ("window_index", "lexicon"),
        version=2,
    ),
    Stage(
        "explorer", "Write the explorer's AnnData", _P + "explorer:run",
        (*_TOKENS, "signal", "points", "layouts", "communities"), ("explorer",), (), version=3,
    ),
    *(
        stage
        for encoding, what in (("tokens", "token"), ("onehot", "one-hot"))
        for stage in (
            Stage(
                f"train_{encoding}", f"Train the {what} model",
                f"{_P}models.train:run_{encoding}", ("sequence", "signal", *_TOKENS),
                (f"model_{encoding}",), ("models", "tracks"), _training_inputs, version=2,
            ),
            Stage(
                f"predict_{encoding}", f"Predict with the {what} model",
                f"{_P}predictions:run_{encoding}",
                ("sequence", "signal", *_TOKENS, f"model_{encoding}"),
                (f"predictions_{encoding}",), ("models",),
            ),
            Stage(
                f"attribute_{encoding}", f"Explain the {what} model",
                f"{_P}attributions:run_{encoding}",
                ("sequence", "signal", "peaks", *_TOKENS, f"model_{encoding}"),
                (f"attributions_{encoding}",), ("attributions",), version=2,
            ),
        )
    ),
    Stage(
        "effects", "Sum the motif clusters' contributions", _P + "effects:run",
        ("attributions_tokens",), ("effects",), ("effects",),
    ),
    Stage(
        "interactions", "Knock out pairs of motif clusters", _P + "interactions.stage:run",
        ("sequence", "signal", *_TOKENS, "model_tokens", "attributions_tokens"),
        ("interactions", "interaction_sites"), ("interactions", "attributions"),
    ),
    Stage(
        "predict_shipped", "Predict with the shipped models",
        _P + "predictions_shipped:run", ("sequence", "signal", "bins", "tokens", "features",
        "feature_clusters"), ("predictions_shipped",), ("shipped",),
        lambda c: _shipped_files(c.shipped.models),
    ),
    Stage(
        "evaluate", "Evaluate the models", _P + "evaluation.stage:run",
        ("sequence", "signal", "peaks", "depth", *_TOKENS, "model_tokens", "model_onehot",
         "predictions_tokens", "predictions_onehot", "predictions_shipped"),
        ("evaluation",), ("models", "evaluation"),
    ),
    Stage(
        "benchmark_tfs", "Rank motif hits of bound factors", _P + "tf_benchmark:run",
        ("sequence", "signal", "peaks", "profiles", *_TOKENS, "model_tokens", "model_onehot"),
        ("tf_benchmark",), ("motifs", "tf_benchmark"), _benchmark_inputs, version=2,
    ),
)


def stage_named(name: str) -> Stage:
    """The stage of that name.

    Raises
    ------
    ConfigError
        When there is none.
    """
    for stage in STAGES:
        if stage.name == name:
            return stage
    known = ", ".join(stage.name for stage in STAGES)
    raise ConfigError(f"there is no stage {name!r}; the stages are {known}")


class Reporter(Protocol):
    """Hears about the run; the command line draws bars, tests listen."""

    def begin(self, stage: Stage, number: int, total: int) -> None:
        """A stage begins."""

    def progress(self, done: float, total: float, note: str) -> None:
        """The stage has done a part of its work."""

    def end(self, stage: Stage, record: StageRecord | None) -> None:
        """A stage ended; without a record it was up to date and skipped."""


class Pipeline:
    """Runs stages of one configuration in one run folder.

    Parameters
    ----------
    config : checked configuration
    root : run folder; made when missing
    """

    def __init__(self, config: Config, root: str | Path) -> None:
        self.config = config
        self.run_folder = RunFolder(root)
        self.root = self.run_folder.root
        self._manifest_path = self.root / "manifest.json"
        loaded = Manifest.load(self._manifest_path)
        self.manifest = loaded or Manifest(config.run.name, __version__, config.genome.assembly)

    # -- what is up to date ------------------------------------------------------------------

    def digest(self, stage: Stage) -> str:
        """Digest of everything that decides the stage's result."""
        parts = [f"{stage.name}/{stage.version}", str(self.config.run.seed)]
        parts.append(self.config.digest(*stage.sections))
        parts += [self._input_hash(path) for path in stage.inputs(self.config) if path]
        producers = {name: s.name for s in STAGES for name in s.writes}
        for name in self._reads(stage):
            record = self.manifest.stages.get(producers[name])
            parts.append(record.outputs.get(name, "") if record else "")
        return combine(*parts)

    def _reads(self, stage: Stage) -> list[str]:
        """What the stage reads under this configuration."""
        scans = self.config.motifs.hits is None
        return [name for name in stage.reads if not (scans and ARTEFACTS[name].is_optional)]

    def _input_hash(self, path: Path) -> str:
        if not path.exists():
            raise InputError(
                f"the input {path} does not exist; correct the configuration or put it there"
            )
        key = stat_key(path)
        if key not in self.manifest.inputs:
            stale = [old for old in self.manifest.inputs if old.startswith(f"{path}|")]
            for old in stale:
                del self.manifest.inputs[old]
            self.manifest.inputs[key] = hash_path(path)
        return self.manifest.inputs[key]

    def state(self, stage: Stage) -> State:
        """Whether the stage's artefacts are there and made from what is there now."""
        record = self.manifest.stages.get(stage.name)
        if record is None or not all(self.run_folder.exists(name) for name in stage.writes):
            return "missing"
        return "done" if record.digest == self.digest(stage) else "changed"

    # -- running -----------------------------------------------------------------------------

    def run(
        self,
        reporter: Reporter,
        only: str | None = None,
        force: bool = False,
        scheduler: str | None = None,
    ) -> None:
        """Run all stages, or one; stages that are up to date are skipped unless forced.

        Parameters
        ----------
        reporter : hears about the run
        only : name of the one stage to run
        force : run what is up to date too
        scheduler : where windows are worked on, see :func:`precompute.execution.executing`;
            it changes no artefact

        Raises
        ------
        MotiflensError
            Whatever a stage cannot go on with; finished stages stay.
        """
        chosen = [stage_named(only)] if only else list(STAGES)
        with self._locked(), contextlib.ExitStack() as stack:
            write_text(
                self.root / "config.json",
                json.dumps(self.config.model_dump(mode="json"), indent=1) + "\n",
            )
            execution: Execution | None = None
            for number, stage in enumerate(chosen, start=1):
                reporter.begin(stage, number, len(chosen))
                if not force and self.state(stage) == "done":
                    reporter.end(stage, None)
                    continue
                if execution is None:
                    workers = self.config.run.workers
                    execution = stack.enter_context(executing(scheduler, workers))
                record = self._run_stage(stage, reporter, execution)
                reporter.end(stage, record)

    def _run_stage(
        self, stage: Stage, reporter: Reporter, execution: Execution
    ) -> StageRecord:
        self._require_inputs(stage)
        digest = self.digest(stage)
        context = StageContext(
            self.config, self.run_folder, stage.name, reporter.progress, execution
        )
        began = time.perf_counter()
        with _peak_memory() as peak:
            facts = stage.load()(context)
        record = StageRecord(
            digest=digest,
            seconds=round(time.perf_counter() - began, 2),
            peak_rss_mb=round(peak[0] / 2**20, 1),
            facts=facts,
            outputs={name: hash_path(self.run_folder.path(name)) for name in stage.writes},
            finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        self.manifest.stages[stage.name] = record
        self.manifest.motiflens = __version__
        self.manifest.name = self.config.run.name
        self.manifest.assembly = self.config.genome.assembly
        self.manifest.save(self._manifest_path)
        return record

    def _require_inputs(self, stage: Stage) -> None:
        producers = {name: s.name for s in STAGES for name in s.writes}
        for name in self._reads(stage):
            if not self.run_folder.exists(name):
                raise RunFolderError(
                    f"stage {stage.name} needs {name} ({ARTEFACTS[name].path}), which is not in "
                    f"{self.root}; run the stage {producers[name]} first"
                )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the run folder: a second run on it is refused."""
        import fcntl

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = (self.root / ".lock").open("w")
        except OSError as error:
            raise RunFolderError(
                f"cannot write to the run folder {self.root} ({error.strerror}); choose another "
                "with --run-dir"
            ) from None
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunFolderError(
                    f"another process is running in {self.root}; wait for it or choose another "
                    "folder with --run-dir"
                ) from None
            _sweep(self.root)
            yield


def _sweep(root: Path) -> None:
    """Remove what a killed run left half-written; the lock is held, so nobody is writing."""
    import shutil

    for path in root.rglob(".*.tmp"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _peak_memory(every_seconds: float = 0.1) -> Iterator[list[int]]:
    """Largest resident memory of this process and its children while the block runs, in bytes."""
    import psutil

    process = psutil.Process(os.getpid())
    peak = [process.memory_info().rss]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(every_seconds):
            total = process.memory_info().rss
            for child in process.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += child.memory_info().rss
            peak[0] = max(peak[0], total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
