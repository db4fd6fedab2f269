"""Bases as small integers: A 0, C 1, G 2, T 3, anything else 4."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    """One sequence of a file.

    ``codes`` is uint8 (length,): A 0, C 1, G 2, T 3, any other letter 4.
    """

    name: str
    codes: NDArray[np.uint8]


def encode(sequence: str | bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes of a sequence: uint8 (n,), A 0, C 1, G 2, T 3, other 4, either case.

    >>> encode("ACGTn").tolist()
    [0, 1, 2, 3, 4]
    """
    if isinstance(sequence, np.ndarray):
        return _CODES[sequence]
    raw = sequence.encode() if isinstance(sequence, str) else sequence
    return _CODES[np.frombuffer(raw, dtype=np.uint8)]


def decode(codes: NDArray[np.uint8]) -> str:
    """Letters of codes; the inverse of :func:`encode` for upper-case ACGTN."""
    return np.frombuffer(LETTERS.encode(), dtype=np.uint8)[codes].tobytes().decode()


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes of the other strand, read 5' to 3'; code 4 stays 4."""
    return np.array([3, 2, 1, 0, 4], dtype=np.uint8)[codes[::-1]]


def first_strange(letters: NDArray[np.uint8]) -> int | None:
    """Position of the first byte that no nucleotide FASTA holds, or None."""
    allowed = _ALLOWED[letters]
    return None if allowed.all() else int(allowed.argmin())
