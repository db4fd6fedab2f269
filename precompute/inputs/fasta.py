"""FASTA files: an index of the lines, random access through it, and plain streaming.

A ``.fai`` beside the file is checked wherever it is used: the header must stand before the first
base, the line breaks where they are expected, and the next header (or the end) after the last
base. One that is missing is made in a single pass and written beside the file when that is
possible. Files whose lines vary in length, and gzip that is not bgzip, are streamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError
from precompute.inputs.bgzip import BgzipFile, block_size
from precompute.inputs.fasta_index import (
    IndexEntry,
    build_index,
    gzip_errors,
    no_fasta,
    no_name,
    open_bytes,
    read_index,
    write_beside,
)
from precompute.inputs.nucleotides import Chromosome, encode, first_strange

_WINDOW = 1 << 23
_NEWLINE, _RETURN = b"\n\r"


# -- streaming -----------------------------------------------------------------------------------


def read_fasta(path: str | Path, wanted: set[str] | None = None) -> Iterator[Chromosome]:
    """Stream the sequences of a FASTA, plain, gzip or bgzip.

    Memory is one chromosome at a byte per base. A ``.fai`` beside the file is used as a check of
    the lengths, so that a file cut off at a line end is noticed too.

    Raises
    ------
    InputError
        When the file is missing, truncated, empty, or not a nucleotide FASTA.
    """
    path = Path(path)
    expected = {entry.name: entry.length for entry in read_index(path) or []}
    name: str | None = None
    parts: list[NDArray[np.uint8]] = []
    for line_number, line in enumerate(_lines(path), start=1):
        if line.startswith(b">"):
            if name is not None and (wanted is None or name in wanted):
                yield _finish(path, name, parts, expected)
            fields = line[1:].split()
            if not fields:
                no_name(path, f"line {line_number} is")
            name, parts = fields[0].decode("utf-8", "replace"), []
        elif name is None:
            if line:
                no_fasta(path)
        elif wanted is None or name in wanted:
            raw = np.frombuffer(line, dtype=np.uint8)
            strange = first_strange(raw)
            if strange is not None:
                raise InputError(
                    f"{path} line {line_number} holds {chr(raw[strange])!r}, which is no "
                    "nucleotide letter; give a nucleotide FASTA"
                )
            parts.append(encode(raw))
    if name is None:
        raise InputError(f"{path} holds no sequence; give a FASTA with at least one")
    if wanted is None or name in wanted:
        yield _finish(path, name, parts, expected)


def _lines(path: Path) -> Iterator[bytes]:
    handle = open_bytes(path)
    with gzip_errors(path), handle:
        for line in handle:
            yield line.rstrip(b"\r\n \t")


def _finish(
    path: Path, name: str, parts: list[NDArray[np.uint8]], expected: dict[str, int]
) -> Chromosome:
    codes = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint8)
    if len(codes) == 0:
        _empty(path, name)
    if name in expected and expected[name] != len(codes):
        raise InputError(
            f"{path} holds {len(codes):,} bp of {name}, its .fai says {expected[name]:,}; "
            "the FASTA is truncated or the index is another file's: make both again"
        )
    return Chromosome(name, codes)


def _empty(path: Path, name: str) -> NoReturn:
    raise InputError(
        f"{path} has a header for {name} and no sequence under it; fetch or copy it again"
    )


# -- random access -------------------------------------------------------------------------------


class _PlainFile:
    """The same reading as :class:`precompute.inputs.bgzip.BgzipFile`, of a file as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, start: int, length: int) -> bytes:
        """Bytes ``[start, start + length)``, fewer at the end."""
        with self._path.open("rb") as handle:
            handle.seek(start)
            return handle.read(length)


class Fasta:
    """A FASTA and its index.

    Parameters
    ----------
    path : plain, gzip or bgzip

    Attributes
    ----------
    lengths : bp of each sequence, in the order of the file

    Raises
    ------
    InputError
        When the file is missing, truncated, no FASTA, or its index is no index.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_bytes(path):
            pass
        with path.open("rb") as handle:
            start = handle.read(512)
        self._content: _PlainFile | BgzipFile | None = None
        if start[:2] != b"\x1f\x8b":
            self._content = _PlainFile(path)
        elif block_size(start) is not None:
            self._content = BgzipFile(path)
        self._entries = read_index(path) or self._make_index()
        if not all(entry.line_bases or not entry.length for entry in self._entries):
            self._content = None
        self.lengths = {entry.name: entry.length for entry in self._entries}

    def _make_index(self) -> list[IndexEntry]:
        entries = build_index(self.path)
        if all(entry.line_bases or not entry.length for entry in entries):
            rows = "".join("\t".join(map(str, entry)) + "\n" for entry in entries)
            write_beside(Path(f"{self.path}.fai"), rows.encode())
            if isinstance(self._content, BgzipFile) and not Path(f"{self.path}.gzi").exists():
                write_beside(Path(f"{self.path}.gzi"), self._content.gzi())
        return entries

    @property
    def is_random_access(self) -> bool:
        """Whether only the wanted stretches are read."""
        return self._content is not None

    def read(self, spans: Mapping[str, tuple[int, int]]) -> Iterator[Chromosome]:
        """Codes of a stretch ``[start, end)`` of each named sequence, in the file's order.

        Raises
        ------
        InputError
            When the file is truncated, holds what is no nucleotide, or its index is stale.
        """
        if self._content is None:
            left = set(spans)
            for name, codes in read_fasta(self.path, left):
                start, end = spans[name]
                yield Chromosome(name, codes[start:end])
                left.discard(name)
                if not left:
                    return
            self._stale(f"the file has no {min(left)}")
        for number, entry in enumerate(self._entries):
            if entry.name in spans:
                self._check_place(number)
                yield Chromosome(entry.name, self._codes(entry, *spans[entry.name]))

    def _check_place(self, number: int) -> None:
        """The headers before and after a sequence must be where the index has them."""
        entry = self._entries[number]
        if not entry.length:
            _empty(self.path, entry.name)
        previous_end = self._entries[number - 1].end if number else 0
        self._check_header(previous_end, entry)
        if number + 1 < len(self._entries):
            self._check_header(entry.end, self._entries[number + 1])
        elif self._read(entry.end, 64).strip():
            self._stale(f"more follows after {entry.name}")

    def _check_header(self, start: int, entry: IndexEntry) -> None:
        text = self._read(start, min(entry.offset - start, 1 << 16))
        line = text.lstrip(b"\r\n")
        name = line[1:].split()[:1]
        is_there = len(text) == entry.offset - start and line.startswith(b">")
        is_one_line = line.endswith(b"\n") and line.count(b"\n") == 1
        if not (is_there and is_one_line and name == [entry.name.encode()]):
            self._stale(f"the header of {entry.name} is not where it says")

    def _read(self, start: int, length: int) -> bytes:
        if self._content is None or length < 0:
            return b""
        return self._content.read(start, length)

    def _stale(self, why: str) -> NoReturn:
        raise InputError(
            f"{self.path}.fai does not fit {self.path} ({why}), so one of them is truncated or "
            "another file's; check the FASTA, delete the index and run again, it will be made anew"
        )

    def _codes(self, entry: IndexEntry, start: int, end: int) -> NDArray[np.uint8]:
        bases, width = entry.line_bases, entry.line_width
        codes = np.empty(end - start, dtype=np.uint8)
        done = 0
        step = max(1, _WINDOW // width)
        for line in range(start // bases, -(-end // bases), step):
            lo, hi = max(start, line * bases), min(end, (line + step) * bases)
            letters = self._letters(entry, line, -(-hi // bases))
            part = letters[lo - line * bases : hi - line * bases]
            strange = first_strange(part)
            if strange is not None:
                raise InputError(
                    f"{self.path} holds {chr(part[strange])!r} at {entry.name}:"
                    f"{lo + strange + 1:,}, which is no nucleotide letter; give a nucleotide FASTA"
                )
            codes[done : done + len(part)] = encode(part)
            done += len(part)
        return codes

    def _letters(self, entry: IndexEntry, first: int, stop: int) -> NDArray[np.uint8]:
        """Letters of the lines ``[first, stop)`` of a sequence, without the line breaks."""
        bases, width = entry.line_bases, entry.line_width
        at = entry.offset + first * width
        expected = min(entry.end - at, (stop - first) * width)
        raw = np.frombuffer(self._read(at, expected), dtype=np.uint8)
        if len(raw) < expected:
            self._stale(f"the file ends within {entry.name}")
        lines = np.full((stop - first) * width, _NEWLINE, dtype=np.uint8)
        lines[: len(raw)] = raw
        block = lines.reshape(-1, width)
        breaks = block[:, bases:]
        if not ((breaks == _NEWLINE) | (breaks == _RETURN)).all():
            self._stale(f"the lines of {entry.name} are not as long as it says")
        n_letters = min(entry.length - first * bases, (stop - first) * bases)
        letters = np.ascontiguousarray(block[:, :bases]).ravel()[:n_letters]
        if (letters == _NEWLINE).any():
            self._stale(f"the lines of {entry.name} are not as long as it says")
        return letters
