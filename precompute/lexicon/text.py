"""The sequence as tokenizers read it: in windows, as it is or shuffled, cut into blocks.

A block is the unit that is drawn when laws are resampled. Blocks are equal stretches that end at a
chromosome's end; what they are depends on the sequence's length alone.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.context import derived_seed
from precompute.lexicon.shuffle import shuffle_codes
from precompute.streaming import windows

#: Blocks that the sequence is cut into, and what their length is a multiple of (BPE's pieces).
BLOCKS = 50
_MULTIPLE_BP = 256
#: Longest window handled at a time, a multiple of the above.
_WINDOW_BP = 1 << 22


class Window(NamedTuple):
    """A stretch ``[lo, hi)`` of a chromosome, positions from the region's start, of one block."""

    chrom: str
    lo: int
    hi: int
    block: int


class Text:
    """The run's sequence, or its shuffle.

    Parameters
    ----------
    root : run folder with the artefact ``sequence``
    shuffle_seed : None for the sequence as it is
    shuffle_block_bp : block of the shuffle
    """

    def __init__(
        self, root: Path, shuffle_seed: int | None = None, shuffle_block_bp: int = 10_000
    ) -> None:
        self._root, self._seed, self._block_bp = root, shuffle_seed, shuffle_block_bp

    @classmethod
    def shuffled(cls, root: Path, seed: int, block_bp: int) -> Text:
        """The shuffle that every control of a run reads; ``seed`` is the run's."""
        return cls(root, derived_seed(seed, "lexicon", "shuffle"), block_bp)

    @cached_property
    def _sequence(self):  # type: ignore[no-untyped-def]
        return RunFolder(self._root).group("sequence")

    def __getstate__(self) -> dict:
        # An open group stays with its process.
        return {k: v for k, v in self.__dict__.items() if k != "_sequence"}

    @property
    def chroms(self) -> list[str]:
        """Chromosomes in the run's order."""
        return list(self._sequence.attrs["chroms"])

    def start(self, chrom: str) -> int:
        """First base of the region, bp."""
        return int(self._sequence[chrom].attrs["start"])

    def length(self, chrom: str) -> int:
        """Bases of the region."""
        return int(self._sequence[f"{chrom}/codes"].shape[0])

    def codes(self, chrom: str, lo: int, hi: int) -> NDArray[np.uint8]:
        """Codes of positions ``[lo, hi)``, cut at the region's end."""
        stored = self._sequence[f"{chrom}/codes"]
        hi = min(hi, stored.shape[0])
        if self._seed is None or hi <= lo:
            return stored[lo:hi]
        first, past = lo // self._block_bp, -(-hi // self._block_bp)
        begin = first * self._block_bp
        whole = stored[begin : past * self._block_bp + 1]
        seed = derived_seed(self._seed, chrom)
        return shuffle_codes(whole, seed, self._block_bp, first)[lo - begin : hi - begin]

    @property
    def block_bp(self) -> int:
        """Length of a block to resample, bp."""
        total = sum(self.length(chrom) for chrom in self.chroms)
        return max(1, -(-total // (BLOCKS * _MULTIPLE_BP))) * _MULTIPLE_BP

    def windows(self) -> list[Window]:
        """Windows that tile the sequence, block by block."""
        out, number = [], 0
        for chrom in self.chroms:
            for lo, hi in windows(self.length(chrom), self.block_bp):
                out += [
                    Window(chrom, lo + a, lo + b, number) for a, b in windows(hi - lo, _WINDOW_BP)
                ]
                number += 1
        return out
