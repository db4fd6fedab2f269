"""Rows of BED-like text files, plain or gzip, checked line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from precompute.errors import InputError


def read_rows(path: Path, columns: int, what: str, key: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and tab-separated fields, without comments, track lines and a header.

    Parameters
    ----------
    path : text file
    columns : least number of columns
    what : what the messages call the file
    key : the configuration keys to correct

    Raises
    ------
    InputError
        When the file cannot be read or a row is too short.
    """
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt") if zipped else path.open() as handle:
            for number, line in enumerate(handle, start=1):
                fields = line.rstrip("\r\n").split("\t")
                if line.startswith(("#", "track", "browser")) or not line.strip():
                    continue
                if number == 1 and len(fields) > 2 and not fields[1].strip().isdigit():
                    continue
                if len(fields) < columns:
                    raise InputError(
                        f"{path} line {number} has {len(fields)} tab-separated columns, a {what} "
                        f"has at least {columns}; correct {key} in the configuration"
                    )
                yield number, fields
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or no text file"
        raise InputError(f"the {what} {path} cannot be read ({reason}); correct {key}") from None


def span(path: Path, number: int, fields: list[str]) -> tuple[str, int, int]:
    """Chromosome, start and end of a row.

    Raises
    ------
    InputError
        When they are no 0-based half-open stretch.
    """
    try:
        start, end = int(fields[1]), int(fields[2])
    except ValueError:
        raise InputError(
            f"{path} line {number}: start {fields[1]!r} and end {fields[2]!r} are not whole "
            "numbers; give a BED-like file"
        ) from None
    if start < 0 or end < start:
        raise InputError(
            f"{path} line {number}: {fields[0]}:{start}-{end} is not a stretch of a chromosome "
            "(0-based, start before end); correct that line"
        )
    return fields[0], start, end
