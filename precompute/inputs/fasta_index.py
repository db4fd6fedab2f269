"""The index of a FASTA: where each sequence begins and how long its lines are (``.fai``).

References
----------
The ``faidx`` format of samtools: name, length, offset of the first base, bases and bytes a line.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError

_WINDOW = 1 << 23
_NEWLINE, _RETURN, _HEADER = b"\n\r>"


class IndexEntry(NamedTuple):
    """A line of a ``.fai``; ``line_bases`` 0 means that the lines vary in length."""

    name: str
    length: int
    offset: int
    line_bases: int
    line_width: int

    @property
    def end(self) -> int:
        """Offset after the last base."""
        if not self.length:
            return self.offset
        full, rest = divmod(self.length, self.line_bases)
        if not rest:
            return self.offset + full * self.line_width - (self.line_width - self.line_bases)
        return self.offset + full * self.line_width + rest


def open_bytes(path: Path) -> BinaryIO:
    """The uncompressed content of a file, plain or gzip.

    Raises
    ------
    InputError
        When it cannot be opened.
    """
    try:
        with path.open("rb") as handle:
            magic = handle.read(2)
    except FileNotFoundError:
        raise InputError(
            f"the FASTA {path} does not exist; correct genome.fasta in the configuration"
        ) from None
    except OSError as error:
        raise InputError(
            f"the FASTA {path} cannot be opened ({error.strerror}); check its name and permissions"
        ) from None
    return gzip.open(path, "rb") if magic == b"\x1f\x8b" else path.open("rb")  # type: ignore[return-value]


@contextlib.contextmanager
def gzip_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(
            f"the FASTA {path} is truncated or damaged (its gzip stream does not end properly); "
            "fetch or copy it again"
        ) from None


def no_fasta(path: Path) -> NoReturn:
    raise InputError(
        f"{path} does not begin with '>', so it is not a FASTA; give a FASTA file (plain, gzip or "
        "bgzip) or a UCSC 2bit file"
    )


def no_name(path: Path, where: str) -> NoReturn:
    raise InputError(f"{path}: {where} a FASTA header without a name; name every sequence")


def read_index(path: Path) -> list[IndexEntry] | None:
    """Entries of the ``.fai`` beside a FASTA, in the order of the file; None when there is none.

    Raises
    ------
    InputError
        When the index is no index.
    """
    index = Path(f"{path}.fai")
    if not index.exists():
        return None
    entries = []
    for line in index.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split("\t")
        if len(fields) < 5 or not all(field.isdigit() for field in fields[1:5]):
            raise InputError(
                f"{index} is not a FASTA index; delete it and run again, it will be made anew"
            )
        entry = IndexEntry(fields[0], *map(int, fields[1:5]))
        if entry.length and not 0 < entry.line_bases <= entry.line_width:
            raise InputError(f"{index} is damaged; delete it and run again, it will be made anew")
        entries.append(entry)
    entries.sort(key=lambda entry: entry.offset)
    return _unique(entries, index)


def _unique(entries: list[IndexEntry], path: Path) -> list[IndexEntry]:
    names = set()
    for entry in entries:
        if entry.name in names:
            raise InputError(f"{path} holds the sequence {entry.name} twice; keep one of them")
        names.add(entry.name)
    if not entries:
        raise InputError(f"{path} holds no sequence; give a FASTA with at least one")
    return entries


class _Growing:
    """The entry of the sequence that is being read."""

    def __init__(self, name: str, offset: int) -> None:
        self.name, self.offset = name, offset
        self.length = self.bases = self.width = 0
        self.is_regular, self.is_ended = True, False

    def add(self, bases: NDArray[np.int64], widths: NDArray[np.int64]) -> None:
        """Take further lines: only the last one that holds bases may be shorter."""
        filled = np.flatnonzero(bases)
        if len(filled) == 0:
            self.is_ended = self.is_ended or len(bases) > 0
            return
        last = int(filled[-1])
        if not self.length:
            self.bases, self.width = int(bases[0]), int(widths[0])
        before = (bases[:last] == self.bases) & (widths[:last] == self.width)
        fits = before.all() and bases[last] <= self.bases and not self.is_ended
        self.is_regular = self.is_regular and bool(fits)
        is_full = bases[last] == self.bases and widths[last] == self.width
        self.is_ended = not is_full or last < len(bases) - 1
        self.length += int(bases.sum())

    def entry(self) -> IndexEntry:
        if not self.is_regular:
            return IndexEntry(self.name, self.length, self.offset, 0, 0)
        return IndexEntry(self.name, self.length, self.offset, self.bases, self.width)


def build_index(path: Path) -> list[IndexEntry]:
    """Index a FASTA in one pass over its bytes.

    Raises
    ------
    InputError
        When it is missing, truncated, or no FASTA.
    """
    entries: list[IndexEntry] = []
    current: _Growing | None = None
    offset, left = 0, b""
    with gzip_errors(path), open_bytes(path) as handle:
        while True:
            block = handle.read(_WINDOW)
            text = left + block if block else left
            cut = text.rfind(b"\n") + 1 if block else len(text)
            if cut:
                current = _index_lines(path, text[:cut], offset, current, entries)
            offset, left = offset + cut, text[cut:]
            if not block:
                break
    if current is not None:
        entries.append(current.entry())
    return _unique(entries, path)


def _index_lines(
    path: Path, text: bytes, offset: int, current: _Growing | None, entries: list[IndexEntry]
) -> _Growing | None:
    """Index whole lines; ``offset`` is that of the first byte. Returns the growing entry."""
    raw = np.frombuffer(text, dtype=np.uint8)
    breaks = np.flatnonzero(raw == _NEWLINE)
    ends = breaks if text.endswith(b"\n") else np.append(breaks, len(raw))
    starts = np.concatenate([[0], ends[:-1] + 1])
    widths = ends + 1 - starts
    last = raw[np.maximum(ends - 1, 0)]
    bases = ends - starts - ((last == _RETURN) & (ends > starts))
    # Blanks at a line's end make the lines irregular: the streaming reader strips them.
    before = raw[np.maximum(ends - 2, 0)]
    last = np.where(last == _RETURN, before, last)
    blank = (ends > starts) & ((last == ord(" ")) | (last == ord("\t")))
    for line in np.flatnonzero(blank):
        bases[line] = len(text[starts[line] : ends[line]].rstrip())
    headers = np.flatnonzero((raw[starts] == _HEADER) & (ends > starts))
    stops = np.append(headers, len(starts))
    for header, stop in zip([-1, *headers.tolist()], stops.tolist(), strict=True):
        lines = slice(header + 1, stop)
        if header >= 0:
            if current is not None:
                entries.append(current.entry())
            name = text[starts[header] + 1 : ends[header]].split()
            if not name:
                no_name(path, f"the line at byte {offset + int(starts[header])} is")
            after = offset + int(starts[header] + widths[header])
            current = _Growing(name[0].decode("utf-8", "replace"), after)
        if current is not None:
            current.add(bases[lines], widths[lines])
            current.is_regular &= not bool(blank[lines].any())
        elif bases[lines].any():
            no_fasta(path)
    return current


def write_beside(path: Path, content: bytes) -> None:
    """Write an index atomically; a folder that cannot be written is no failure."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


