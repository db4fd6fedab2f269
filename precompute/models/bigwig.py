"""Predictions as bigWig: step functions with zoom levels, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError

if TYPE_CHECKING:
    import pyBigWig

#: Edges (bp) and the value between each two of them.
Steps = tuple[NDArray[np.integer], NDArray[np.floating]]
_ENTRIES = 500_000


def write_bigwig(path: Path, chrom_sizes: Mapping[str, int], steps: Mapping[str, Steps]) -> None:
    """Write step functions, one (edges, values) per chromosome, as a bigWig with zoom levels."""
    write_pieces(path, {chrom: chrom_sizes[chrom] for chrom in steps}, steps.items())


def write_pieces(
    path: Path, chrom_sizes: Mapping[str, int], pieces: Iterable[tuple[str, Steps]]
) -> None:
    """The same from pieces (chromosome, (edges, values)) in the order of ``chrom_sizes``."""
    writer = BigWigWriter(path, chrom_sizes)
    for chrom, steps in pieces:
        writer.add(chrom, steps)
    writer.close()


class BigWigWriter:
    """Writes step functions piece by piece; chromosomes in the order of ``chrom_sizes`` (bp)."""

    def __init__(self, path: Path, chrom_sizes: Mapping[str, int]) -> None:
        import pyBigWig

        self._handle: pyBigWig.bigWigFile = pyBigWig.open(str(path), "w")
        self._handle.addHeader(list(chrom_sizes.items()), maxZooms=10)

    def add(self, chrom: str, steps: Steps) -> None:
        """Add values between edges (bp) that follow what is there."""
        edges, values = steps
        for lo in range(0, len(values), _ENTRIES):
            hi = min(lo + _ENTRIES, len(values))
            self._handle.addEntries(
                [chrom] * (hi - lo), edges[lo:hi].tolist(), ends=edges[lo + 1 : hi + 1].tolist(),
                values=values[lo:hi].astype(np.float64).tolist(),
            )

    def close(self) -> None:
        """Write the zoom levels and close."""
        self._handle.close()


@contextmanager
def whole_or_not(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when all went well.

    Raises
    ------
    InputError
        When the folder is not there or cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.touch()
    except OSError as error:
        raise InputError(
            f"cannot write {path} ({error.strerror}); give a file in a folder that is there and "
            "can be written to"
        ) from None
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
