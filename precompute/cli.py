"""Command line: ``python -m precompute run|stage|status|doctor|report|export-anndata ...``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from precompute import cli_attribution, cli_models
from precompute.cli_bars import Bar, Bars, console
from precompute.config import Config, describe_keys, load_config
from precompute.errors import MotiflensError
from precompute.pipeline import STAGES, Pipeline

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
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


cli_models.register(app)
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
