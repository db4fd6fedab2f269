"""Commands about attributions and the motifs behind them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from precompute.cli_bars import Bar, Bars, console
from precompute.errors import RunFolderError

RunArgument = Annotated[Path, typer.Argument(help="run folder, e.g. runs/demo")]
Track = Annotated[
    str | None, typer.Option("--track", help="which track, where the model predicts several")
]


def tf_benchmark(
    run: RunArgument,
    tf: Annotated[
        list[str] | None, typer.Option("--tf", help="factor, may be repeated; default: all")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="may be repeated; default: all that fit the run"),
    ] = None,
    track: Track = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="also write the table of all scores, .csv")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="run even what is up to date")] = False,
) -> None:
    """Rank motif hits of each factor by attribution and say how well that tells bound ones."""
    from precompute import tf_benchmark as benchmark
    from precompute.artefacts import RunFolder, read_parquet
    from precompute.config import parse_config
    from precompute.export_tables import export_table
    from precompute.pipeline import Pipeline

    data = run_config(run)
    asked = {"factors": tf, "models": model, "track": track}
    data["tf_benchmark"] = {
        **(data.get("tf_benchmark") or {}), **{k: v for k, v in asked.items() if v},
    }
    config = parse_config(data, None, str(run / "config.json"))
    with Bars() as bars:
        Pipeline(config, run).run(bars, only="benchmark_tfs", force=force)
    folder = RunFolder(run).folder("tf_benchmark")
    typer.echo(benchmark.medians(
        read_parquet(folder / "benchmark.parquet"), read_parquet(folder / "factors.parquet")
    ))
    if out is not None:
        rows = export_table(run, "tf_benchmark/benchmark", out, force=True)
        console.print(f"wrote {out} ({rows:,} rows)", markup=False, soft_wrap=True)


def export_motif_calls(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(help="file to write, ending in .bed")],
    model: Annotated[
        str, typer.Option("--model", help="'tokens', 'onehot' or a shipped model")
    ] = "tokens",
    region: Annotated[
        list[str] | None,
        typer.Option("--region", help="chr20:0-1000000 (0-based) or chr20; may be repeated"),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option("--within", help="peaks whose hits are tested, or 'all' for every hit; "
                     "default: the run's accessible peaks"),
    ] = None,
    track: Track = None,
    fdr: Annotated[float, typer.Option("--fdr", help="false discovery rate of the calls")] = 0.05,
    lowering: Annotated[
        bool, typer.Option("--lowering", help="call hits that lower the prediction")
    ] = False,
    background_bp: Annotated[
        int,
        typer.Option("--background-bp", min=1_000, help="background that thresholds come from"),
    ] = 2_000_000,
    force: Annotated[bool, typer.Option("--force", help="replace the file if it exists")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="threads")] = 2,
) -> None:
    """Write motif hits whose attribution stands out from background, as BED."""
    from precompute import motif_calls

    accessible = (run_config(run).get("tf_benchmark") or {}).get("accessible", "DNase-seq")
    with Bar("Calling motifs") as bar:
        found = motif_calls.export_motif_calls(
            run, file, model, region or (), within or accessible, track, fdr, lowering,
            background_bp, force, workers, bar.progress,
        )
    console.print(
        f"wrote {file} ({found.n_called:,} calls of {found.n_tested:,} hits)", markup=False,
        soft_wrap=True,
    )


def run_config(run: Path) -> dict[str, Any]:
    """The configuration that a run was made with.

    Raises
    ------
    RunFolderError
        When the folder is no run.
    """
    try:
        data = json.loads((run / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{run} is no run folder: its config.json cannot be read ({type(error).__name__}); "
            "give the folder of a run, for example runs/demo"
        ) from None
    if not isinstance(data, dict):
        raise RunFolderError(f"{run / 'config.json'} holds no configuration; make the run again")
    return data


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tf-benchmark")(tf_benchmark)
    app.command("export-motif-calls")(export_motif_calls)
