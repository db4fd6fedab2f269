"""Command line: ``python -m precompute run|stage|status|doctor|report|export-anndata ...``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Self

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from precompute import cli_attribution
from precompute.config import Config, describe_keys, load_config
from precompute.errors import MotiflensError
from precompute.manifest import StageRecord
from precompute.pipeline import STAGES, Pipeline, Stage

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
console = Console(stderr=True, highlight=False)

ConfigArgument = Annotated[Path, typer.Argument(help="YAML configuration, e.g. configs/demo.yaml")]
RunDir = Annotated[
    Path | None, typer.Option("--run-dir", help="run folder; default runs/<name in the config>")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        help="work on a Dask cluster: the address of its scheduler, or 'local' for processes on "
        "this machine; default: threads",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="run even what is up to date")]


class Bars:
    """Draws one bar per stage and an overall one; prints plain lines when there is no terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>4.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
            disable=not console.is_terminal,
        )
        self._overall: TaskID | None = None
        self._task: TaskID | None = None
        self._last_percent = -1
        self._label = ""

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.__exit__(None, None, None)

    def begin(self, stage: Stage, number: int, total: int) -> None:
        """Open the stage's bar."""
        if self._overall is None:
            self._overall = self._progress.add_task("All stages", total=total, note="")
        self._task = self._progress.add_task(stage.title, total=1.0, note="")
        self._label = f"[{number}/{total}] {stage.title}"
        self._last_percent = -1

    def progress(self, done: float, total: float, note: str) -> None:
        """Move the stage's bar; without a terminal, print every further quarter."""
        share = done / total if total else 1.0
        if self._task is not None:
            self._progress.update(self._task, completed=share, note=note)
        percent = int(share * 4) * 25
        if not console.is_terminal and percent > self._last_percent and percent < 100:
            self._last_percent = percent
            console.print(f"{self._label} {percent}% {note}")

    def end(self, stage: Stage, record: StageRecord | None) -> None:
        """Close the stage's bar and say what it took."""
        note = "up to date" if record is None else (
            f"{record.seconds:.1f} s, {record.peak_rss_mb / 1024:.1f} GB"
        )
        if self._task is not None and self._overall is not None:
            self._progress.update(self._task, completed=1.0, note=note)
            self._progress.advance(self._overall)
        if not console.is_terminal:
            console.print(f"{self._label}: {note}")


class Bar:
    """One bar on a terminal, and nothing anywhere else."""

    def __init__(self, label: str) -> None:
        self._bar = Progress(
            TextColumn(label),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>4.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, note="")

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.__exit__(None, None, None)

    def progress(self, done: float, total: float, note: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done / total if total else 1.0, note=note)


def _run_dir(config: Config, run_dir: Path | None) -> Path:
    return run_dir if run_dir is not None else Path("runs") / config.run.name


def _pipeline(config_path: Path, run_dir: Path | None) -> Pipeline:
    config = load_config(config_path)
    return Pipeline(config, _run_dir(config, run_dir))


@app.command()
def run(
    config: ConfigArgument,
    run_dir: RunDir = None,
    force: Force = False,
    scheduler: Scheduler = None,
) -> None:
    """Run every stage that is not up to date."""
    pipeline = _pipeline(config, run_dir)
    with Bars() as bars:
        pipeline.run(bars, force=force, scheduler=scheduler)
    seconds = sum(record.seconds for record in pipeline.manifest.stages.values())
    console.print(f"{pipeline.root} is complete ({seconds:.0f} s of work in all)")


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help="stage, see `status`")],
    config: ConfigArgument,
    run_dir: RunDir = None,
    force: Force = False,
    scheduler: Scheduler = None,
) -> None:
    """Run one stage; the stages that it reads from must have run."""
    pipeline = _pipeline(config, run_dir)
    with Bars() as bars:
        pipeline.run(bars, only=name, force=force, scheduler=scheduler)


@app.command()
def status(config: ConfigArgument, run_dir: RunDir = None) -> None:
    """Show which stages are done, changed or missing, their time and memory."""
    pipeline = _pipeline(config, run_dir)
    table = Table("stage", "state", "seconds", "peak GB", "makes", box=None)
    for entry in STAGES:
        record = pipeline.manifest.stages.get(entry.name)
        table.add_row(
            entry.name,
            pipeline.state(entry),
            f"{record.seconds:.1f}" if record else "-",
            f"{record.peak_rss_mb / 1024:.2f}" if record else "-",
            ", ".join(entry.writes),
        )
    Console(highlight=False).print(table)


@app.command("show-config")
def show_config(
    config: Annotated[Path | None, typer.Argument(help="YAML configuration")] = None,
) -> None:
    """Print a configuration with every default filled in, or without one, the keys that exist."""
    if config is not None:
        data = load_config(config).model_dump(mode="json")
        typer.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)
        return
    for line in describe_keys():
        typer.echo(line)


@app.command()
def models(
    preset: Annotated[
        str | None, typer.Option("--preset", help="paper, small or demo; default: all")
    ] = None,
    clusters: Annotated[int, typer.Option("--clusters", help="motif clusters", min=1)] = 871,
    tracks: Annotated[int, typer.Option("--tracks", help="target tracks", min=1)] = 1,
) -> None:
    """Show the models' presets: parameters and what one output sees."""
    from precompute.models.presets import describe_presets

    table = Table("preset", "kind", "encoding", "parameters", "sees", box=None)
    for size in describe_presets(preset, clusters, tracks):
        table.add_row(
            size.preset, size.kind, size.encoding, f"{size.parameters:,}", size.sees
        )
    Console(highlight=False).print(table)


@app.command()
def doctor(
    run: Annotated[Path, typer.Argument(help="run folder, e.g. runs/demo")],
    quick: Annotated[
        bool, typer.Option("--quick", help="leave out content hashes and re-scanned windows")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print findings as JSON")] = False,
) -> None:
    """Check everything in a run folder and name each fault; exit code 1 when there is one."""
    from precompute.doctor import examine

    with Bar("Examining") as bar:
        diagnosis = examine(run, quick, bar.progress)
    if as_json:
        typer.echo(json.dumps(diagnosis.as_json(), indent=1))
    else:
        out = Console(highlight=False, soft_wrap=True)
        for finding in diagnosis.findings:
            out.print(Text("FAULT ", style="bold red"), finding.line(), sep="", markup=False)
        for note in diagnosis.notes:
            out.print(Text("note  ", style="dim"), note, sep="", markup=False)
        for command in diagnosis.repair():
            out.print(Text("run   ", style="dim"), command, sep="", markup=False)
        out.print(diagnosis.summary(), markup=False)
    raise typer.Exit(0 if diagnosis.is_healthy else 1)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="run folder, e.g. runs/demo")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="file for the page; default report.html in the run folder"),
    ] = None,
) -> None:
    """Write a page with the run's numbers beside the paper's, and why any differ."""
    from precompute.report import write_report

    with Bar("Reporting") as bar:
        path = write_report(run, out, bar.progress)
    console.print(f"wrote {path}", markup=False, soft_wrap=True)


@app.command("export-anndata")
def export(
    run: Annotated[Path, typer.Argument(help="run folder, e.g. runs/demo")],
    file: Annotated[Path, typer.Argument(help="file to write, ending in .h5ad or .zarr")],
    force: Annotated[bool, typer.Option("--force", help="replace the file if it exists")] = False,
) -> None:
    """Write the token map as AnnData, which scanpy opens."""
    from precompute.artefacts import RunFolder
    from precompute.export import export_anndata

    path = export_anndata(RunFolder(run), file, overwrite=force)
    console.print(f"wrote {path}", markup=False, soft_wrap=True)


@app.command("export-table")
def export_table(
    run: Annotated[Path, typer.Argument(help="run folder, e.g. runs/demo")],
    name: Annotated[str, typer.Argument(help="table, e.g. lexicon; a wrong name lists them all")],
    file: Annotated[Path, typer.Argument(help="file to write, .csv or .parquet")],
    force: Annotated[bool, typer.Option("--force", help="replace the file if it exists")] = False,
) -> None:
    """Write a table of a run as CSV or Parquet."""
    from precompute import export_tables

    rows = export_tables.export_table(run, name, file, force)
    console.print(f"wrote {file} ({rows:,} rows)", markup=False, soft_wrap=True)


ModelName = Annotated[
    str, typer.Option("--model", help="a shipped model, or with --run 'tokens' or 'onehot'")
]
ModelRun = Annotated[
    Path | None, typer.Option("--run", help="run folder whose models are meant too")
]
Fasta = Annotated[Path, typer.Option("--fasta", help="FASTA (plain, gzip, bgzip) or 2bit")]
Track = Annotated[
    str | None, typer.Option("--track", help="which track, where the model predicts several")
]
Profiles = Annotated[
    Path | None,
    typer.Option(
        "--profiles",
        help="motif profiles of the model; default: the run's, or without one the 841 that "
        "shipped models read",
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="threads")]


@app.command()
def predict(
    model: ModelName,
    fasta: Fasta,
    region: Annotated[
        list[str],
        typer.Option("--region", help="chr22:0-1000000 (0-based) or chr22; may be repeated"),
    ],
    out: Annotated[Path, typer.Option("--out", help="bigWig to write")],
    run: ModelRun = None,
    track: Track = None,
    profiles: Profiles = None,
    workers: Workers = 2,
) -> None:
    """Predict regions of any FASTA with a trained model, to a bigWig."""
    from precompute.models.fasta import predict_fasta
    from precompute.models.registry import open_for_sequence

    opened, found = open_for_sequence(run, model, profiles)
    with Bar("Predicting") as bar:
        bases = predict_fasta(
            opened, fasta, region, out, track, found, workers, bar.progress
        )
    console.print(f"wrote {out} ({bases:,} bp)", markup=False, soft_wrap=True)


@app.command("predict-variants")
def predict_variants(
    model: ModelName,
    fasta: Fasta,
    vcf: Annotated[Path, typer.Option("--vcf", help="variants, plain or gzip")],
    out: Annotated[Path, typer.Option("--out", help="tab-separated table to write")],
    run: ModelRun = None,
    track: Track = None,
    profiles: Profiles = None,
    background: Annotated[
        int, typer.Option("--background", min=0, max=100_000, help="random SNVs for percentiles")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="of the random SNVs")] = 0,
    workers: Workers = 2,
) -> None:
    """Predict what the variants of a VCF change; bins are cut again for each allele."""
    from precompute.models import variants
    from precompute.models.registry import open_for_sequence

    opened, found = open_for_sequence(run, model, profiles)
    with Bar("Predicting") as bar:
        summary = variants.predict_variants(
            opened, fasta, vcf, out, track, found, background, seed, workers, bar.progress
        )
    console.print(f"wrote {out} ({summary.used:,} alleles predicted)", markup=False, soft_wrap=True)
    for reason, count in summary.refused.items():
        console.print(f"not used: {count:,} ({reason})", markup=False, soft_wrap=True)


@app.command("what-if")
def what_if(
    run: Annotated[Path, typer.Argument(help="run folder, e.g. runs/demo")],
    region: Annotated[
        str, typer.Option("--region", help="window, e.g. chr20:1474477-1494476 (1-based)")
    ],
    out: Annotated[Path, typer.Option("--out", help="CSV to write")],
    edit: Annotated[
        list[str] | None,
        typer.Option("--edit", help="e.g. '1484437 A>G' or 'factor CTCF off'; may be repeated"),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", help="'tokens', 'onehot' or a shipped model")
    ] = "tokens",
    track: Track = None,
    target: Annotated[
        str | None, typer.Option("--target", help="stretch that is summed; default: the middle")
    ] = None,
    erase: Annotated[
        str, typer.Option("--erase", help="bases taken from a one-hot model: shuffle or n")
    ] = "shuffle",
    mutagenesis: Annotated[
        str | None, typer.Option("--mutagenesis", help="write every substitution of this stretch")
    ] = None,
) -> None:
    """Predict a window with and without edits of its motifs, tokens or bases."""
    from precompute.artefacts import RunFolder
    from precompute.what_if import command

    effect = command.what_if(
        RunFolder(run), model, region, edit or [], out, track, target, erase, mutagenesis
    )
    typer.echo(
        f"sum over the target: reference {effect.reference:.3g}, edited {effect.edited:.3g}, "
        f"log2 fold {effect.log2_fold:+.3g}"
    )
    console.print(f"wrote {out}", markup=False, soft_wrap=True)


@app.command("model-card")
def model_card(
    model: Annotated[Path, typer.Argument(help="model folder, e.g. data/models/NAME")],
    run: Annotated[Path, typer.Option("--run", help="evaluated run that holds its metrics")],
    name: Annotated[
        str | None, typer.Option("--name", help="the model's name in that evaluation")
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", help="where the labels come from, and their licence")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="file; default CARD.md in the model's folder")
    ] = None,
) -> None:
    """Write CARD.md of a model: data, split, hardware, metrics with intervals, limits."""
    from precompute.artefacts import RunFolder
    from precompute.evaluation.card import write_card

    path = write_card(model, RunFolder(run), name, origin, out)
    console.print(f"wrote {path}", markup=False, soft_wrap=True)


cli_attribution.register(app)


def main() -> None:
    """Entry point: a user's mistake ends in one sentence and exit code 2."""
    try:
        app(standalone_mode=True)
    except MotiflensError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", markup=True, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        console.print("stopped; finished stages are kept, run again to go on")
        sys.exit(130)
