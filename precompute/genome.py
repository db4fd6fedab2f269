"""Sequence in: a FASTA or 2bit file, one code per base.

Any letter but A, C, G, T (either case) becomes code 4, and no motif hit may touch it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from precompute.config_inputs import GenomeConfig, Region
from precompute.context import Facts, StageContext
from precompute.errors import ChromosomeError, InputError
from precompute.inputs.aliases import AliasTable, find, matching, read_aliases, resolve
from precompute.inputs.bed import read_rows, span
from precompute.inputs.fasta import Fasta, read_fasta
from precompute.inputs.nucleotides import (
    LETTERS,
    Chromosome,
    decode,
    encode,
    reverse_complement,
)
from precompute.inputs.twobit import SIGNATURES, TwoBit

__all__ = [
    "LETTERS",
    "Chosen",
    "Chromosome",
    "SequenceFile",
    "choose",
    "decode",
    "encode",
    "open_sequence",
    "read_fasta",
    "reverse_complement",
]


class SequenceFile(Protocol):
    """What a FASTA and a 2bit file have in common."""

    path: Path
    #: bp of each sequence, in the order of the file
    lengths: dict[str, int]

    def read(self, spans: Mapping[str, tuple[int, int]]) -> Iterator[Chromosome]:
        """Codes of a stretch ``[start, end)`` of each named sequence, in the file's order."""


def open_sequence(path: Path) -> SequenceFile:
    """Open a FASTA (plain, gzip, bgzip) or 2bit file, told apart by its first bytes.

    Raises
    ------
    InputError
        When it is missing, truncated or neither.
    """
    try:
        with path.open("rb") as handle:
            magic = handle.read(4)
    except OSError:
        magic = b""
    return TwoBit(path) if magic in SIGNATURES else Fasta(path)


class Chosen(NamedTuple):
    """A stretch to read: the run calls it ``chrom``, the file ``source_name``."""

    chrom: str
    source_name: str
    start: int
    end: int


def choose(
    config: GenomeConfig, lengths: Mapping[str, int], table: AliasTable | None = None
) -> list[Chosen]:
    """The stretches that a configuration asks for, of a file with these sequences (bp).

    Raises
    ------
    ChromosomeError
        When a chromosome or pattern matches none or several sequences.
    InputError
        When a region goes beyond its sequence.
    """
    if config.include:
        return _included(config, lengths, table)
    chosen = []
    for region in config.regions:
        name = resolve(
            region.chrom, lengths, config.assembly, table, f"the FASTA {config.fasta}"
        )
        chosen.append(Chosen(region.chrom, name, *_bounds(region, lengths[name], config.fasta)))
    return _one_name_each(chosen, config.fasta)


def _bounds(region: Region, length: int, path: Path) -> tuple[int, int]:
    end = length if region.end is None else region.end
    if region.start >= length or end > length:
        raise InputError(
            f"the region {region.chrom}:{region.start}-{end} goes beyond {region.chrom} in {path}, "
            f"which has {length:,} bp; the file may be truncated, or correct genome.regions"
        )
    return region.start, end


def _included(
    config: GenomeConfig, lengths: Mapping[str, int], table: AliasTable | None
) -> list[Chosen]:
    source = f"the FASTA {config.fasta}"
    named: dict[str, str] = {}
    for pattern in config.include:
        found = matching(pattern, lengths, config.assembly)
        if not found:
            found = {resolve(pattern, lengths, config.assembly, table, source): pattern}
        for name, chrom in found.items():
            named.setdefault(name, chrom)
    for pattern in config.exclude:
        gone = set(matching(pattern, lengths, config.assembly))
        gone |= {find(pattern, lengths, config.assembly, table, source) or ""}
        if not gone & set(lengths):
            resolve(pattern, lengths, config.assembly, table, f"genome.exclude: {source}")
        named = {name: chrom for name, chrom in named.items() if name not in gone}
    if not named:
        raise ChromosomeError(
            f"{source} has no chromosome that genome.include matches and genome.exclude leaves; "
            "correct these patterns"
        )
    chosen = [Chosen(named[name], name, 0, lengths[name]) for name in lengths if name in named]
    return _one_name_each(chosen, config.fasta)


def _one_name_each(chosen: list[Chosen], path: Path) -> list[Chosen]:
    for key in ("chrom", "source_name"):
        seen: dict[str, Chosen] = {}
        for entry in chosen:
            other = seen.setdefault(getattr(entry, key), entry)
            if other is not entry:
                raise ChromosomeError(
                    f"{entry.chrom} ({entry.source_name} in {path}) and {other.chrom} "
                    f"({other.source_name}) are asked for at once; name each chromosome once, as "
                    "the FASTA does"
                )
    return chosen


# -- stretches to keep ---------------------------------------------------------------------------


def read_bed(
    path: Path, chosen: list[Chosen], lengths: Mapping[str, int], config: GenomeConfig,
    table: AliasTable | None,
) -> dict[str, NDArray[np.int64]]:
    """Stretches of ``genome.bed`` by the run's chromosomes, int64 (n, 2), start and end in bp.

    Raises
    ------
    InputError
        When the file cannot be read, holds no stretch, or one beyond its chromosome.
    """
    rows: dict[str, list[tuple[int, int]]] = {}
    for number, fields in read_rows(path, 3, "BED file", "genome.bed"):
        chrom, start, end = span(path, number, fields)
        if end > start:
            rows.setdefault(chrom, []).append((start, end))
    if not rows:
        raise InputError(f"{path} holds no stretch of sequence; correct genome.bed")
    kept = {}
    for entry in chosen:
        name = find(entry.chrom, rows, config.assembly, table, str(path))
        if name is None:
            continue
        stretches = np.array(rows[name], dtype=np.int64)
        length = lengths[entry.source_name]
        if stretches.max() > length:
            raise InputError(
                f"{path}: {name} goes to {int(stretches.max()):,} and {entry.chrom} in the FASTA "
                f"has {length:,} bp; is the BED of another assembly than {config.assembly}?"
            )
        kept[entry.chrom] = stretches
    if not kept:
        resolve(chosen[0].chrom, rows, config.assembly, table, str(path))
    return kept


def mask_outside(
    codes: NDArray[np.uint8], start: int, stretches: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Codes with 4 outside the stretches; ``codes`` begin at ``start``.

    >>> mask_outside(np.zeros(5, dtype=np.uint8), 10, np.array([[8, 11], [13, 14]])).tolist()
    [0, 4, 4, 0, 4]
    """
    kept = np.full_like(codes, 4)
    for a, b in np.clip(stretches - start, 0, len(codes)).tolist():
        kept[a:b] = codes[a:b]
    return kept


def _inside_bed(
    config: GenomeConfig, chosen: list[Chosen], lengths: Mapping[str, int],
    table: AliasTable | None,
) -> tuple[list[Chosen], dict[str, NDArray[np.int64]]]:
    """What is left to read when only the stretches of ``genome.bed`` count."""
    if config.bed is None:
        return chosen, {}
    bed = read_bed(config.bed, chosen, lengths, config, table)
    left = []
    for entry in chosen:
        stretches = bed.get(entry.chrom, np.empty((0, 2), dtype=np.int64))
        if ((stretches[:, 0] < entry.end) & (stretches[:, 1] > entry.start)).any():
            left.append(entry)
        elif config.regions:
            raise InputError(
                f"{config.bed} leaves nothing of {entry.chrom}:{entry.start}-{entry.end}; take "
                "the region out of genome.regions or correct genome.bed"
            )
    return left, bed


def run(context: StageContext) -> Facts:
    """Read the configured stretches into the artefact ``sequence``."""
    config = context.config.genome
    table = read_aliases(config.aliases)
    source = open_sequence(config.fasta)
    chosen = choose(config, source.lengths, table)
    chosen, bed = _inside_bed(config, chosen, source.lengths, table)
    by_name = {entry.source_name: entry for entry in chosen}
    known = total = masked = 0
    chroms = [entry.chrom for entry in chosen]
    with context.run.writing_group("sequence", chroms=chroms) as group:
        spans = {name: (entry.start, entry.end) for name, entry in by_name.items()}
        for number, (name, codes) in enumerate(source.read(spans), start=1):
            entry = by_name[name]
            if entry.chrom in bed:
                before = int((codes < 4).sum())
                codes = mask_outside(codes, entry.start, bed[entry.chrom])
                masked += before - int((codes < 4).sum())
            child = group.create_group(entry.chrom)
            child.attrs.update(
                {"start": entry.start, "end": entry.end, "length": source.lengths[name]}
            )
            child.create_array("codes", data=codes, chunks=(1 << 20,))
            total += len(codes)
            known += int((codes < 4).sum())
            context.progress(number, len(chosen), entry.chrom)
    return {
        "sequence_bp": total,
        "known_bp": known,
        "unknown_bp": total - known,
        "masked_bp": masked,
        "other_names": {e.chrom: e.source_name for e in chosen if e.chrom != e.source_name},
    }
