"""Opening what a run holds: is it there, can it be read, and is it what the contract says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.config import Config, parse_config
from precompute.doctor.contract import (
    ATTRIBUTES,
    CHROM_ATTRIBUTES,
    ArraySpec,
    ColumnSpec,
    arrays,
    columns,
)
from precompute.doctor.findings import PRODUCER, Chart
from precompute.errors import ConfigError, RunFolderError
from precompute.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zarr

#: A chunk larger than this is no chunk that motiflens writes; decoding it could fill the memory.
_LARGEST_CHUNK = 1 << 27


@dataclass
class Opened:
    """What of a run could be opened, and holds what the contract says.

    Attributes
    ----------
    tables : Parquet artefacts with the right kind, version and columns
    groups : Zarr artefacts with the right kind, version and attributes
    folders : folder and AnnData artefacts; only stamps have been read
    arrays : (artefact, chromosome or None, part): arrays of the right dtype and rank
    attributes : (artefact, chromosome or None): attributes that are as the contract says
    """

    run: RunFolder
    manifest: Manifest | None = None
    config: Config | None = None
    tables: dict[str, pq.ParquetFile] = field(default_factory=dict)
    groups: dict[str, zarr.Group] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    arrays: dict[tuple[str, str | None, str], zarr.Array] = field(default_factory=dict)
    attributes: dict[tuple[str, str | None], dict[str, Any]] = field(default_factory=dict)

    def has(self, *artefacts: str) -> bool:
        """Whether all of them could be opened."""
        return all(a in self.tables or a in self.groups or a in self.folders for a in artefacts)

    def array(self, artefact: str, chrom: str | None, part: str) -> zarr.Array | None:
        """An array, or None."""
        return self.arrays.get((artefact, chrom, part))

    def of(self, artefact: str) -> Iterator[tuple[str | None, str, zarr.Array]]:
        """Chromosome, part and array of everything opened in a Zarr artefact."""
        for (name, chrom, part), array in self.arrays.items():
            if name == artefact:
                yield chrom, part, array

    def chroms(self, artefact: str) -> list[str]:
        """Chromosomes that a Zarr artefact lists."""
        return list(self.attributes[artefact, None].get("chroms", []))

    def attribute(self, artefact: str, chrom: str | None, key: str) -> Any:
        """An attribute, None when it could not be read."""
        return self.attributes.get((artefact, chrom), {}).get(key)

    @property
    def tracks(self) -> dict[str, dict[str, Any]]:
        """Tracks that the signal describes."""
        return dict(self.attribute("signal", None, "tracks") or {})

    @property
    def target_tracks(self) -> list[str]:
        """Those that the models predict."""
        return [name for name, about in self.tracks.items() if about.get("target")]

    def column(self, artefact: str, *names: str) -> Any:
        """Columns of a small table as a data frame."""
        return self.tables[artefact].read(columns=list(names)).to_pandas()


# -- manifest and configuration --------------------------------------------------------------


def open_records(root: Path, chart: Chart) -> Opened:
    """Read ``manifest.json`` and ``config.json``."""
    opened = Opened(RunFolder(root))
    try:
        opened.manifest = Manifest.load(root / "manifest.json")
    except RunFolderError as error:
        is_newer = "newer motiflens" in str(error)
        chart.fault(
            "manifest", "version" if is_newer else "unreadable", str(error).partition(";")[0],
            "a manifest of this motiflens",
            action="update motiflens" if is_newer else
            "delete manifest.json and run all stages again",
        )
    with chart.guard("config"):
        data = json.loads((root / "config.json").read_text(encoding="utf-8"))
        try:
            opened.config = parse_config(data, None, "config.json")
        except (ConfigError, TypeError) as error:
            chart.fault("config", "schema", error, "the settings of a run")
    return opened


# -- artefacts -------------------------------------------------------------------------------


def open_artefacts(opened: Opened, chart: Chart) -> None:
    """Open every artefact that is there or should be."""
    recorded: set[str] = set()
    if opened.manifest is not None:
        recorded = {n for s in opened.manifest.stages.values() for n in s.outputs}
    for name in PRODUCER:
        path = opened.run.path(name)
        if not path.exists():
            if name in recorded:
                chart.fault(name, "missing", f"{ARTEFACTS[name].path} is not there",
                            "it, since the manifest records it")
            continue
        if opened.manifest is not None and name not in recorded:
            chart.note(
                f"{name} is there but not in the manifest, so its stage {PRODUCER[name]} did not "
                "finish; run it"
            )
        with chart.guard(name):
            {"zarr": _open_group, "parquet": _open_table, "folder": _open_folder,
             "h5ad": _open_file}[ARTEFACTS[name].format](opened, chart, name, path)


def is_stamped(chart: Chart, name: str, kind: Any, version: Any) -> bool:
    """Whether kind and version are what this code knows."""
    artefact = ARTEFACTS[name]
    if not chart.require(kind == artefact.kind, name, "version", f"is of kind {kind!r}",
                         f"{artefact.kind!r}"):
        return False
    if isinstance(version, int) and version <= artefact.version:
        return True
    chart.fault(
        name, "version", f"has version {version!r}", f"at most {artefact.version}",
        action="update motiflens, or " + f"run the stage {PRODUCER[name]} with --force",
    )
    return False


def _open_folder(opened: Opened, chart: Chart, name: str, path: Path) -> None:
    stamp = json.loads((path / "artefact.json").read_text(encoding="utf-8"))
    if is_stamped(chart, name, stamp.get("kind"), stamp.get("version")):
        opened.folders[name] = path


def _open_file(opened: Opened, chart: Chart, name: str, path: Path) -> None:
    opened.folders[name] = path


# -- tables ----------------------------------------------------------------------------------


def _open_table(opened: Opened, chart: Chart, name: str, path: Path) -> None:
    import pyarrow.parquet as pq

    # Closed with the Python object; memory mapping would crash on a file that shrinks.
    table = pq.ParquetFile(path, memory_map=False)
    stamp = json.loads((table.schema_arrow.metadata or {}).get(b"motiflens", b"{}"))
    if is_stamped(chart, name, stamp.get("kind"), stamp.get("version")) and has_columns(
        chart, name, "", table, columns(ARTEFACTS[name], opened.tracks)
    ):
        opened.tables[name] = table


def has_columns(
    chart: Chart, name: str, file: str, table: pq.ParquetFile, wanted: dict[str, ColumnSpec]
) -> bool:
    """Whether a table has the columns of the contract with their types; names what it lacks."""
    is_right = True
    types = {field.name: field.type for field in table.schema_arrow}
    for column, spec in wanted.items():
        text = f"list of {spec.type}" if spec.is_list else spec.type
        part = f"{file} {column}".strip()
        # A table without rows has no types to speak of.
        found = types.get(column)
        fits = found is not None and (table.metadata.num_rows == 0 or _fits(found, spec))
        is_right &= chart.require(
            fits, name, "schema",
            "the column is not there" if found is None else f"the column is {found}",
            f"a column of {text}", part=part,
        )
    return is_right


def _fits(found: pa.DataType, spec: ColumnSpec) -> bool:
    import pyarrow.types as kinds

    if spec.is_list:
        if not (kinds.is_list(found) or kinds.is_large_list(found)):
            return False
        # Empty lists alone have no type.
        found = found.value_type
        if kinds.is_null(found):
            return True
    if spec.type == "str":
        return bool(kinds.is_string(found) or kinds.is_large_string(found))
    if spec.type == "float":
        return bool(kinds.is_floating(found))
    if spec.type == "int":
        return bool(kinds.is_integer(found))
    return str(found) == spec.type


# -- Zarr groups -----------------------------------------------------------------------------


def _open_group(opened: Opened, chart: Chart, name: str, path: Path) -> None:
    import zarr

    group = zarr.open_group(path, mode="r")
    if not is_stamped(chart, name, group.attrs.get("kind"), group.attrs.get("version")):
        return
    found = dict(group.attrs)
    if not _has_attributes(chart, name, None, found, ATTRIBUTES.get(name, {})):
        return
    chroms: list[str | None] = [None]
    if "chroms" in ATTRIBUTES.get(name, {}):
        chroms = list(found["chroms"])
        if not chart.require(
            (chroms or found.get("source") == "scan")
            and all(isinstance(c, str) for c in chroms) and len(set(chroms)) == len(chroms),
            name, "schema", f"the attribute chroms is {chroms!r}", "a list of different names",
        ):
            return
        there = sorted(p.name for p in path.iterdir() if p.is_dir() and p.name[:1] != ".")
        if not chart.require(
            sorted(map(str, chroms)) == there, name, "schema",
            f"it lists {', '.join(map(str, chroms))} and holds {', '.join(there) or 'nothing'}",
            "a group for each chromosome it lists, and no other",
        ):
            return
    opened.groups[name] = group
    opened.attributes[name, None] = found
    for chrom in chroms:
        with chart.guard(name, chrom=chrom):
            _open_arrays(opened, chart, name, chrom, group if chrom is None else group[chrom])


def _has_attributes(
    chart: Chart, name: str, chrom: str | None, found: dict[str, Any], wanted: dict[str, Any]
) -> bool:
    is_right = True
    for key, kind in wanted.items():
        value = found.get(key)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        is_right &= chart.require(
            isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)), name,
            "schema",
            f"the attribute {key} is {value!r}" if key in found else f"no attribute {key}",
            f"{key} of type {kinds[0].__name__}", chrom=chrom, part=f"attribute {key}",
        )
    return is_right


def _open_arrays(
    opened: Opened, chart: Chart, name: str, chrom: str | None, group: zarr.Group
) -> None:
    if chrom is not None:
        found = dict(group.attrs)
        if not _has_attributes(chart, name, chrom, found, CHROM_ATTRIBUTES.get(name, {})):
            return
        opened.attributes[name, chrom] = found
    tracks = opened.attribute(name, None, "tracks") or {}
    for pattern, spec in arrays(ARTEFACTS[name]).items():
        path = pattern.removeprefix("<chrom>/")
        for part in (
            [path.replace("<track>", str(track)) for track in tracks]
            if "<track>" in path else [path]
        ):
            if spec.is_optional and part not in group:
                continue
            with chart.guard(name, chrom=chrom, part=part):
                _open_array(opened, chart, (name, chrom, part), group, spec)


def _open_array(
    opened: Opened, chart: Chart, key: tuple[str, str | None, str], group: zarr.Group,
    spec: ArraySpec,
) -> None:
    import zarr

    name, chrom, part = key
    found = group.get(part)
    wanted = f"{' or '.join(spec.dtypes)} ({', '.join(spec.dims)})"
    if not isinstance(found, zarr.Array):
        chart.fault(name, "schema", "the array is not there", wanted, chrom=chrom, part=part)
        return
    if not chart.require(
        str(found.dtype) in spec.dtypes and found.ndim == len(spec.dims), name, "schema",
        f"is {found.dtype} {found.shape}", wanted, chrom=chrom, part=part,
    ):
        return
    chunk = 1
    for side in found.chunks:
        chunk *= int(side)
    if chart.require(
        chunk <= _LARGEST_CHUNK, name, "schema", f"has chunks of {chunk:,} values",
        f"chunks of at most {_LARGEST_CHUNK:,}", chrom=chrom, part=part,
    ):
        opened.arrays[key] = found
