"""Commands that predict with a model, or tell of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from precompute.cli_bars import Bar, console

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


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("predict")(predict)
    app.command("predict-variants")(predict_variants)
    app.command("what-if")(what_if)
    app.command("model-card")(model_card)
