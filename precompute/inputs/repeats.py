"""Repeats of a genome: RepeatMasker's own output, UCSC's rmsk table or BED, told apart by content.

References
----------
Smit, Hubley and Green, RepeatMasker Open-4.0; UCSC table schema ``rmsk``.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from precompute.errors import InputError

COLUMNS = ("chrom", "start", "end", "name", "family")
_KEY = "annotation.repeats"
#: First word of the two title lines of RepeatMasker's output.
_TITLES = ("SW", "score")


def read_repeats(path: Path) -> pd.DataFrame:
    """Repeats with 0-based half-open coordinates, in the order of the file.

    Parameters
    ----------
    path : plain or gzip; RepeatMasker ``.out`` (blank-separated, 1-based and inclusive), UCSC
        ``rmsk.txt`` (17 columns) or BED of at least 3 columns (the name is column 4)

    Returns
    -------
    DataFrame with ``chrom``, ``start``, ``end`` (int64), ``name`` and ``family`` (class/family).

    Raises
    ------
    InputError
        When the file cannot be read, holds no repeat, or a line fits none of the three.
    """
    rows = [row for number, line in _lines(path) if (row := _row(path, number, line)) is not None]
    if not rows:
        raise InputError(f"the repeats {path} hold no repeat; correct {_KEY}")
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"start": np.int64, "end": np.int64})


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt") if zipped else path.open() as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip() and not line.startswith(("#", "track", "browser")):
                    yield number, line.rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or no text file"
        raise InputError(f"the repeats {path} cannot be read ({reason}); correct {_KEY}") from None


def _row(path: Path, number: int, line: str) -> tuple[str, int, int, str, str] | None:
    """One repeat; None for a title line."""
    fields = line.split("\t")
    try:
        if len(fields) >= 17:
            found = (fields[5], int(fields[6]), int(fields[7]), fields[10],
                     f"{fields[11]}/{fields[12]}")
        elif len(fields) >= 3:
            found = (fields[0], int(fields[1]), int(fields[2]),
                     fields[3] if len(fields) > 3 else "", "")
        else:
            fields = line.split()
            found = (fields[4], int(fields[5]) - 1, int(fields[6]), fields[9], fields[10])
    except (ValueError, IndexError):
        if line.split()[0] in _TITLES or number == 1:
            return None
        raise InputError(
            f"{path} line {number} is neither RepeatMasker output, a row of UCSC's rmsk table nor "
            f"BED; correct it, or {_KEY} in the configuration"
        ) from None
    if found[1] < 0 or found[2] < found[1]:
        raise InputError(
            f"{path} line {number}: {found[0]}:{found[1]}-{found[2]} is no stretch of a "
            "chromosome (start before end); correct that line"
        )
    return found
