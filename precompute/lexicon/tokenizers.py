"""Tokenizers to compare with: k-mers, single bases and byte-pair encoding, on the same text.

An unknown base ends a token: no k-mer and no BPE piece spans an N.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.lexicon.block_counts import NO_BP, Counted
from precompute.lexicon.bpe import BpeModel, pieces


class SequenceTokenizer(Protocol):
    """A tokenizer that reads bases."""

    name: str
    label: str
    #: Bases to look at beyond a window.
    halo_bp: int
    n_types: int

    @property
    def lengths(self) -> NDArray[np.integer]:
        """Length of each type, bp, (n_types,)."""

    def text(self, number: int) -> str:
        """Letters of a type."""

    def count(self, codes: NDArray[np.uint8], lo: int, n: int) -> Counted:
        """Tokens that begin in the first ``n`` of ``codes``, which begin at position ``lo``."""


@njit(cache=True, nogil=True)
def _count_kmers(codes, k, step, phase, n, counts, first):  # type: ignore[no-untyped-def]
    """Count k-mers of known bases that begin at ``phase``, ``phase + step``, ... below ``n``."""
    mask = (1 << 2 * k) - 1
    code = known = tokens = 0
    for i in range(min(len(codes), n + k - 1)):
        if codes[i] > 3:
            known = 0
            continue
        code = (code << 2 | codes[i]) & mask
        known += 1
        start = i - k + 1
        if known >= k and (start - phase) % step == 0:
            if counts[code] == 0:
                first[code] = tokens
            counts[code] += 1
            tokens += 1
    return tokens


class Kmers:
    """Every k-mer, or those that begin at multiples of k from the region's start.

    Parameters
    ----------
    k : length, bp
    is_apart : side by side instead of overlapping
    """

    def __init__(self, k: int, is_apart: bool = False) -> None:
        self.k, self.is_apart = k, is_apart
        if k == 1:
            self.name, self.label = "onehot", "One-hot (bases)"
        elif is_apart:
            self.name, self.label = f"apart{k}", f"{k}-mers side by side"
        else:
            self.name, self.label = f"kmer{k}", f"{k}-mers"
        self.halo_bp, self.n_types = k - 1, 4**k

    @property
    def lengths(self) -> NDArray[np.integer]:
        return np.full(self.n_types, self.k, dtype=np.int64)

    def text(self, number: int) -> str:
        return kmer_text(number, self.k)

    def count(self, codes: NDArray[np.uint8], lo: int, n: int) -> Counted:
        counts = np.zeros(self.n_types, dtype=np.int32)
        first = np.empty(self.n_types, dtype=np.int32)
        step = self.k if self.is_apart else 1
        n_tokens = _count_kmers(codes, self.k, step, -lo % step, n, counts, first)
        seen = np.flatnonzero(counts)
        return Counted(seen.astype(np.int32), counts[seen], first[seen], NO_BP, int(n_tokens))


def kmer_text(code: int, k: int) -> str:
    """Letters of a k-mer's base-4 code.

    >>> kmer_text(0b00011011, 4)
    'ACGT'
    """
    return "".join("ACGT"[code >> 2 * (k - 1 - j) & 3] for j in range(k))


class Bpe:
    """Byte-pair encoding of the pieces of a text.

    Parameters
    ----------
    model : vocabulary and merges
    name, label : of the tokenizer
    """

    halo_bp = 0

    def __init__(self, model: BpeModel, name: str, label: str) -> None:
        self.model, self.name, self.label = model, name, label
        self.n_types = len(model.words)

    @cached_property
    def lengths(self) -> NDArray[np.integer]:
        return np.array([len(word) for word in self.model.words], dtype=np.int64)

    def text(self, number: int) -> str:
        return self.model.words[number]

    def count(self, codes: NDArray[np.uint8], lo: int, n: int) -> Counted:
        counts = np.zeros(self.n_types, dtype=np.int64)
        first = np.full(self.n_types, -1, dtype=np.int64)
        n_tokens = 0
        for ids in self.model.encode(pieces(codes[:n])):
            types, where, here = np.unique(ids, return_index=True, return_counts=True)
            new = first[types] < 0
            first[types[new]] = n_tokens + where[new]
            counts[types] += here
            n_tokens += len(ids)
        seen = np.flatnonzero(counts)
        return Counted(
            seen.astype(np.int32), counts[seen].astype(np.int32), first[seen].astype(np.int32),
            NO_BP, n_tokens,
        )


def kmer_counts(codes: NDArray[np.uint8], k: int, is_apart: bool = False) -> NDArray[np.int64]:
    """Occurrences of every k-mer of a whole sequence, int64 (4 ** k,), by base-4 code."""
    counts = np.zeros(4**k, dtype=np.int64)
    found = Kmers(k, is_apart).count(codes, 0, len(codes))
    counts[found.types] = found.counts
    return counts


def sequence_tokenizers(
    one_hot: bool, kmers: list[int], apart: list[int], bpe: list[Bpe]
) -> Iterator[SequenceTokenizer]:
    """The tokenizers of a configuration in the order of the interface, each once."""
    if one_hot:
        yield Kmers(1)
    for k in sorted(set(kmers)):
        yield Kmers(k)
    for k in sorted(set(apart) - {1}):
        yield Kmers(k, is_apart=True)
    yield from bpe
