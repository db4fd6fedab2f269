"""What a run was made of and what it took: settings, inputs with their hashes, stages, versions."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from precompute import __version__
from precompute.config import Config
from precompute.errors import MotiflensError
from precompute.manifest import Manifest
from precompute.pipeline import STAGES
from precompute.report.content import Input, Setting, StageCost

_PACKAGES = (
    "numpy", "scipy", "numba", "pandas", "zarr", "pyarrow", "scikit-learn", "umap-learn",
    "openTSNE", "igraph", "torch", "pyBigWig",
)


def settings(config: Config) -> list[Setting]:
    """Every setting by its full name, but for the paths of files."""
    out: list[Setting] = []

    def walk(prefix: str, model: Any) -> None:
        for key, field in type(model).model_fields.items():
            value = getattr(model, key)
            name = f"{prefix}{key}"
            if hasattr(type(value), "model_fields"):
                walk(f"{name}.", value)
            elif isinstance(value, list) and value and hasattr(type(value[0]), "model_fields"):
                for item in value:
                    data = item.model_dump(mode="json", exclude={"bigwig"})
                    out.append(Setting(name, _compact(data), False))
            elif not isinstance(value, Path) and value is not None and value != []:
                is_default = not field.is_required() and value == field.get_default()
                out.append(Setting(name, _text(value), is_default))

    walk("", config)
    return out


def _compact(data: dict[str, Any]) -> str:
    if set(data) == {"chrom", "start", "end"}:
        end = "end" if data["end"] is None else f"{data['end']:,}"
        return f"{data['chrom']}:{data['start'] + 1:,}-{end}"
    return ", ".join(f"{key} {value}" for key, value in data.items() if value is not None)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def inputs(manifest: Manifest, config: Config) -> list[Input]:
    """Input files, and the hashes of the content that was read."""
    hashes = {key.rpartition("|")[0]: digest for key, digest in manifest.inputs.items()}
    hits = config.motifs.hits
    named: list[tuple[str, Path | None]] = [
        ("sequence", config.genome.fasta),
        ("stretches", config.genome.bed),
        ("aliases", config.genome.aliases),
        *(("motif profiles", path) for path in _profile_files(config)),
        ("hits", (hits.folder or hits.bigbed) if hits else None),
        *((f"track {track.name}", track.bigwig) for track in config.tracks),
        ("transcripts", config.annotation.transcripts),
        ("genes", config.annotation.genes),
        ("CpG islands", config.annotation.cpg_islands),
        ("cytobands", config.annotation.cytobands),
        ("peaks", config.annotation.peaks.folder if config.annotation.peaks else None),
    ]
    # The name and not the path: a report is passed on, and the hash says which file it was.
    return [
        Input(role, path.name, hashes.get(str(path), "")) for role, path in named
        if path is not None
    ]


def _profile_files(config: Config) -> list[Path]:
    from precompute.motifs import profile_inputs

    try:
        return profile_inputs(config.motifs)
    except MotiflensError:  # the database of profiles by name is not installed here
        return []


def stages(manifest: Manifest) -> list[StageCost]:
    """Time and memory of each stage that has run, in their order."""
    return [
        StageCost(stage.name, stage.title, record.seconds, record.peak_rss_mb / 1024,
                  record.finished)
        for stage in STAGES
        if (record := manifest.stages.get(stage.name)) is not None
    ]


def versions(manifest: Manifest) -> list[tuple[str, str]]:
    """Versions of motiflens, Python and the packages that compute."""
    out = [("motiflens that made the run", manifest.motiflens),
           ("motiflens that wrote this page", __version__), ("Python", platform.python_version())]
    for name in _PACKAGES:
        try:
            out.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return out
