"""Tables of a run as files for other programs: CSV or Parquet.

The file appears whole or not at all. In CSV the elements of a list are joined by ';', and a missing
value is an empty field; numbers are written so that they read back as the same number.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.errors import ArtefactError, RunFolderError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_ROWS = 1 << 16
SUFFIXES = (".csv", ".parquet")
JOINT = ";"


def table_names() -> list[str]:
    """Tables of the contract: Parquet artefacts, and 'artefact/file' for those inside folders."""
    names = []
    for name, artefact in ARTEFACTS.items():
        if artefact.format == "parquet":
            names.append(name)
        elif artefact.format == "folder":
            names += [f"{name}/{key.removesuffix('.parquet')}" for key in artefact.schema
                      if key.endswith(".parquet")]
    return names


def export_table(root: str | Path, name: str, target: str | Path, force: bool = False) -> int:
    """Write a table of a run to a file; returns its rows.

    Parameters
    ----------
    root : run folder
    name : of :func:`table_names`
    target : file to write, ``.csv`` or ``.parquet``
    force : replace the file when it exists

    Raises
    ------
    RunFolderError
        When there is no run, or the file cannot be written or exists.
    ArtefactError
        When there is no such table, or the run lacks it or holds it damaged.
    """
    root, target = Path(root), Path(target)
    if name not in table_names():
        raise ArtefactError(
            f"there is no table {name!r}; the tables are {', '.join(table_names())}"
        )
    if not (root / "manifest.json").is_file():
        raise RunFolderError(
            f"there is no run in {root} (it holds no manifest.json); give the folder of a run, "
            "for example runs/demo"
        )
    if target.suffix not in SUFFIXES:
        raise RunFolderError(
            f"a table is written as .csv or .parquet, got {target.name!r}; name the file so"
        )
    if target.exists() and not force:
        raise RunFolderError(
            f"{target} exists already; give another name, or --force to replace it"
        )
    path = _source(RunFolder(root), name)
    with _parquet(path) as table, appearing(target) as temporary:
        write = _write_csv if target.suffix == ".csv" else _write_parquet
        write(table.schema_arrow, _batches(table, path), temporary)
        return int(table.metadata.num_rows)


def _source(run: RunFolder, name: str) -> Path:
    owner, _, file = name.partition("/")
    if not file:
        run.arrow(name, [])  # checks that it is there, and its kind and version
        return run.path(name)
    path = run.folder(owner) / f"{file}.parquet"
    if not path.is_file():
        raise ArtefactError(f"{run.path(owner)} has no {file}.parquet; run the precompute again")
    return path


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What is wrong with the table is not wrong with the file that is written."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(
            f"{path} cannot be read as Parquet ({type(error).__name__}); delete it and run the "
            "precompute again"
        ) from None


def _parquet(path: Path) -> pq.ParquetFile:
    import pyarrow.parquet as pq

    with _reading(path):
        return pq.ParquetFile(path)


def _batches(table: pq.ParquetFile, path: Path) -> Iterator[pa.RecordBatch]:
    batches = table.iter_batches(_ROWS)
    while True:
        with _reading(path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A temporary file that becomes the target when the block ends well."""
    try:
        handle, text = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".tmp", dir=target.parent
        )
        os.close(handle)
        temporary = Path(text)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"cannot write {target} ({error.strerror}); give a file in a folder that exists and "
            "has room"
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_parquet(schema: pa.Schema, batches: Iterator[pa.RecordBatch], path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_csv(schema: pa.Schema, batches: Iterator[pa.RecordBatch], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv

    flat = pa.schema([
        pa.field(field.name, pa.utf8() if _is_list(field.type) else field.type)
        for field in schema
    ])
    with csv.CSVWriter(path, flat) as writer:
        for batch in batches:
            columns = [
                _joined(column) if _is_list(column.type) else column for column in batch.columns
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=flat))


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_list(kind) or kinds.is_large_list(kind))


def _joined(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join(column.cast(pa.list_(pa.utf8())), JOINT).cast(pa.utf8())
