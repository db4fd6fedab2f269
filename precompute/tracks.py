"""Measured signal: bigWig tracks averaged over bins and over 16-bp cells.

A base without a value in the bigWig counts as 0, as bigWigs of coverage leave zeros out. Under
``absent: missing`` a chromosome that the bigWig does not have is NaN, and so is every interval that
reaches beyond the end of its shorter chromosome: models are not trained on it. Otherwise both are
errors, because a shorter chromosome is mostly one of another assembly.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.errors import InputError
from precompute.inputs.aliases import AliasTable, find, read_aliases, resolve
from precompute.streaming import windows

if TYPE_CHECKING:
    import pyBigWig

GRID_BP = 16

_MAGIC = (0x888FFC26).to_bytes(4, "little"), (0x888FFC26).to_bytes(4, "big")

# libBigWig can crash on a damaged file, so the first opening happens in a process of its own.
_PROBE = """
import sys, pyBigWig
handle = pyBigWig.open(sys.argv[1])
chroms = handle.chroms()
name = next(iter(chroms))
handle.stats(name, 0, chroms[name])
handle.values(name, 0, min(1000, chroms[name]))
handle.values(name, max(0, chroms[name] - 1000), chroms[name])
"""


def check_bigwig(path: str | Path) -> None:
    """Make sure that a file is a bigWig that can be read.

    Raises
    ------
    InputError
        When it is missing, is not a bigWig, or is damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as handle:
            magic = handle.read(4)
    except OSError as error:
        raise InputError(
            f"the track {path} cannot be opened ({error.strerror}); correct tracks.bigwig in the "
            "configuration"
        ) from None
    if magic not in _MAGIC:
        raise InputError(
            f"{path} is not a bigWig (its first bytes are {magic.hex() or 'missing'}); give a "
            "bigWig file, for example one made by bedGraphToBigWig"
        )
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, str(path)], capture_output=True, timeout=300, check=False
    )
    if probe.returncode != 0:
        raise InputError(
            f"{path} begins like a bigWig but cannot be read, so it is damaged or truncated; "
            "copy or make it again"
        )


class SignalReader:
    """Reads a checked bigWig in windows; values are float64 per base, gaps are 0."""

    def __init__(self, path: Path) -> None:
        import pyBigWig

        check_bigwig(path)
        self.path = path
        self._handle: pyBigWig.bigWigFile = pyBigWig.open(str(path))
        self.chroms: dict[str, int] = self._handle.chroms()

    def resolve(self, chrom: str, assembly: str, table: AliasTable | None = None) -> str:
        """The track's name of a chromosome; raises ChromosomeError when it has none."""
        return resolve(chrom, self.chroms, assembly, table, f"the track {self.path}")

    def require(self, chrom: str, end: int) -> None:
        """Make sure that a chromosome reaches as far as position ``end``, bp.

        Raises
        ------
        InputError
            When it is shorter.
        """
        if end > self.chroms[chrom]:
            raise InputError(
                f"{chrom} has {self.chroms[chrom]:,} bp in the track {self.path} and the run reads "
                f"it up to {end:,}; give the bigWig of this assembly, or set absent: missing for "
                "the track to leave unmeasured what lies beyond its end"
            )

    def values(self, chrom: str, start: int, end: int) -> NDArray[np.float64]:
        """float64 (end - start,); bases beyond the track's chromosome are 0."""
        out = np.zeros(end - start)
        stop = min(end, self.chroms[chrom])
        if stop > start:
            part = self._handle.values(chrom, start, stop, numpy=True)
            np.nan_to_num(part, copy=False, nan=0.0)
            out[: stop - start] = part
        return out

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def mean_over(
    reader: SignalReader, chrom: str, edges: NDArray[np.integer], window_bp: int = 1 << 20
) -> NDArray[np.float32]:
    """Mean signal per base of each interval between consecutive ``edges``; float32 (n,)."""
    edges = np.asarray(edges, dtype=np.int64)
    sums = np.empty(len(edges) - 1)
    step = max(1, int(window_bp / max(1.0, float(np.diff(edges).mean()))))
    for lo, hi in windows(len(edges) - 1, step):
        first = edges[lo]
        values = reader.values(chrom, int(first), int(edges[hi]))
        sums[lo:hi] = np.add.reduceat(values, edges[lo:hi] - first)
    return (sums / np.diff(edges)).astype(np.float32)


def measured_over(
    reader: SignalReader, chrom: str | None, edges: NDArray[np.integer]
) -> NDArray[np.float32]:
    """As :func:`mean_over`, with NaN where an interval reaches beyond the track's chromosome.

    ``chrom`` is None where the track has no such chromosome.
    """
    if chrom is None:
        return np.full(len(edges) - 1, np.nan, dtype=np.float32)
    means = mean_over(reader, chrom, edges)
    means[np.asarray(edges)[1:] > reader.chroms[chrom]] = np.nan
    return means


def grid_edges(start: int, end: int, step: int = GRID_BP) -> NDArray[np.int64]:
    """Edges of ``step``-bp cells from ``start``; the last cell may be shorter."""
    return np.append(np.arange(start, end, step, dtype=np.int64), end)


def run(context: StageContext) -> Facts:
    """Write the artefact ``signal``."""
    bins = context.run.group("bins")
    chroms = list(bins.attrs["chroms"])
    described = {
        t.name: {
            "label": t.label,
            "short_label": t.short_label,
            "unit": t.unit,
            "target": t.target,
            **({"absent": t.absent} if t.absent == "missing" else {}),
        }
        for t in context.config.tracks
    }
    facts: Facts = {}
    genome = context.config.genome
    table = read_aliases(genome.aliases)
    total = len(context.config.tracks) * len(chroms)
    done = 0
    with context.run.writing_group("signal", chroms=chroms, tracks=described) as group:
        for track in context.config.tracks:
            reader = SignalReader(track.bigwig)
            summed = bases = 0.0
            for chrom in chroms:
                edges = bins[f"{chrom}/edges"][:]
                cells = grid_edges(int(edges[0]), int(edges[-1]))
                child = group.require_group(f"{chrom}/{track.name}")
                if track.absent == "missing":
                    theirs = find(
                        chrom, reader.chroms, genome.assembly, table, f"the track {reader.path}"
                    )
                    per_bin, grid = (measured_over(reader, theirs, e) for e in (edges, cells))
                else:
                    theirs = reader.resolve(chrom, genome.assembly, table)
                    reader.require(theirs, int(edges[-1]))
                    per_bin, grid = (mean_over(reader, theirs, e) for e in (edges, cells))
                child.create_array("bins", data=per_bin, chunks=(1 << 18,))
                child.create_array("grid", data=grid, chunks=(1 << 18,))
                known = np.isfinite(per_bin)
                summed += float((per_bin.astype(np.float64) * np.diff(edges))[known].sum())
                bases += float(np.diff(edges)[known].sum())
                done += 1
                context.progress(done, total, track.short_label)
            reader.close()
            if not bases:
                raise InputError(
                    f"the track {track.bigwig} has none of the run's chromosomes "
                    f"({', '.join(chroms)}), it has {', '.join(list(reader.chroms)[:5])}; give the "
                    "bigWig of this assembly"
                )
            facts[f"mean_{track.name}"] = summed / bases
    return facts
