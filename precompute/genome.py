"""Sequence in: a FASTA, plain or gzip, streamed into one code per base.

Any letter but A, C, G, T (either case) becomes code 4, and no motif hit may touch it.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.config import Region
from precompute.context import Facts, StageContext
from precompute.errors import ChromosomeError, InputError

#: Letters of codes 0-4.
LETTERS = "ACGTN"

_CODES = np.full(256, 4, dtype=np.uint8)
for _code, _letter in enumerate("ACGT"):
    _CODES[ord(_letter)] = _CODES[ord(_letter.lower())] = _code

# What IUPAC allows in a nucleotide FASTA; anything else means the file is not one.
_ALLOWED = np.zeros(256, dtype=bool)
for _letter in "ACGTUNRYSWKMBDHVX-*.acgtunryswkmbdhvx":
    _ALLOWED[ord(_letter)] = True


class Chromosome(NamedTuple):
    """One sequence of a FASTA.

    ``codes`` is uint8 (length,): A 0, C 1, G 2, T 3, any other letter 4.
    """

    name: str
    codes: NDArray[np.uint8]


def encode(sequence: str | bytes) -> NDArray[np.uint8]:
    """Codes of a sequence: uint8 (n,), A 0, C 1, G 2, T 3, other 4, either case.

    >>> encode("ACGTn").tolist()
    [0, 1, 2, 3, 4]
    """
    raw = sequence.encode() if isinstance(sequence, str) else sequence
    return _CODES[np.frombuffer(raw, dtype=np.uint8)]


def decode(codes: NDArray[np.uint8]) -> str:
    """Letters of codes; the inverse of :func:`encode` for upper-case ACGTN."""
    return np.frombuffer(LETTERS.encode(), dtype=np.uint8)[codes].tobytes().decode()


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes of the other strand, read 5' to 3'; code 4 stays 4."""
    return np.array([3, 2, 1, 0, 4], dtype=np.uint8)[codes[::-1]]


def _open(path: Path) -> BinaryIO:
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
    expected = _fai_lengths(path)
    name: str | None = None
    parts: list[NDArray[np.uint8]] = []
    seen = False
    for line_number, line in enumerate(_lines(path), start=1):
        if line.startswith(b">"):
            if name is not None and (wanted is None or name in wanted):
                yield _finish(path, name, parts, expected)
            fields = line[1:].split()
            if not fields:
                raise InputError(f"{path} line {line_number} is a FASTA header without a name")
            name, parts, seen = fields[0].decode("utf-8", "replace"), [], True
        elif not seen:
            if line:
                raise InputError(
                    f"{path} does not begin with '>', so it is not a FASTA; "
                    "give a FASTA file, plain or gzip"
                )
        elif wanted is None or name in wanted:
            raw = np.frombuffer(line, dtype=np.uint8)
            if not _ALLOWED[raw].all():
                bad = chr(raw[~_ALLOWED[raw]][0])
                raise InputError(
                    f"{path} line {line_number} holds {bad!r}, which is no nucleotide letter; "
                    "give a nucleotide FASTA"
                )
            parts.append(_CODES[raw])
    if name is None:
        raise InputError(f"{path} holds no sequence; give a FASTA with at least one")
    if wanted is None or name in wanted:
        yield _finish(path, name, parts, expected)


def _lines(path: Path) -> Iterator[bytes]:
    handle = _open(path)
    try:
        with handle:
            for line in handle:
                yield line.rstrip(b"\r\n \t")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(
            f"the FASTA {path} is truncated or damaged (its gzip stream does not end properly); "
            "fetch or copy it again"
        ) from None


def _finish(
    path: Path, name: str, parts: list[NDArray[np.uint8]], expected: dict[str, int]
) -> Chromosome:
    codes = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint8)
    if len(codes) == 0:
        raise InputError(f"{path} has a header for {name} and no sequence under it")
    if name in expected and expected[name] != len(codes):
        raise InputError(
            f"{path} holds {len(codes):,} bp of {name}, its .fai says {expected[name]:,}; "
            "the FASTA is truncated or the index is another file's: make both again"
        )
    return Chromosome(name, codes)


def _fai_lengths(path: Path) -> dict[str, int]:
    index = Path(f"{path}.fai")
    if not index.exists():
        return {}
    lengths = {}
    for line in index.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split("\t")
        if len(fields) < 2 or not fields[1].isdigit():
            raise InputError(f"{index} is not a FASTA index; delete it or make it again")
        lengths[fields[0]] = int(fields[1])
    return lengths


def chromosome_hint(asked: str, present: list[str]) -> str:
    """Sentence end naming what is there, and the likely alias (``20`` against ``chr20``)."""
    other = asked.removeprefix("chr") if asked.startswith("chr") else f"chr{asked}"
    shown = ", ".join(present[:5]) + (" ..." if len(present) > 5 else "")
    if other in present:
        return f"it calls it {other!r}: use one name in every file and in the configuration"
    return f"it has {shown}: use the same names in every file and in the configuration"


def cut_region(chromosome: Chromosome, region: Region, path: Path) -> NDArray[np.uint8]:
    """Codes of a region, uint8 (end - start,).

    Raises
    ------
    InputError
        When the region ends beyond the sequence.
    """
    length = len(chromosome.codes)
    end = length if region.end is None else region.end
    if region.start >= length or end > length:
        raise InputError(
            f"the region {region.chrom}:{region.start}-{end} goes beyond {region.chrom} in {path}, "
            f"which has {length:,} bp; the file may be truncated, or correct genome.regions"
        )
    return chromosome.codes[region.start : end]


def run(context: StageContext) -> Facts:
    """Read the configured regions into the artefact ``sequence``."""
    config = context.config.genome
    regions = {region.chrom: region for region in config.regions}
    names: list[str] = []
    known = total = 0
    with context.run.writing_group("sequence", chroms=list(regions)) as group:
        missing = set(regions)
        for chromosome in read_fasta(config.fasta):
            names.append(chromosome.name)
            if chromosome.name not in missing:
                continue
            region = regions[chromosome.name]
            codes = cut_region(chromosome, region, config.fasta)
            child = group.create_group(chromosome.name)
            child.attrs.update(
                {
                    "start": region.start,
                    "end": region.start + len(codes),
                    "length": len(chromosome.codes),
                }
            )
            child.create_array("codes", data=codes, chunks=(1 << 20,))
            missing.discard(chromosome.name)
            total += len(codes)
            known += int((codes < 4).sum())
            context.progress(len(regions) - len(missing), len(regions), chromosome.name)
            if not missing:
                break
        if missing:
            asked = min(missing)
            raise ChromosomeError(
                f"the FASTA {config.fasta} has no chromosome {asked!r}; "
                + chromosome_hint(asked, names)
            )
    return {"sequence_bp": total, "known_bp": known, "unknown_bp": total - known}
