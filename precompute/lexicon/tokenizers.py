"""Tokenizers to compare with: k-mers and byte-pair encoding, on the same sequence.

An unknown base ends a token: no k-mer and no BPE piece spans an N.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.errors import StageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: BPE merges within pieces of this length. Training and encoding cost grow with it, and longer
#: pieces change few merges, since a word of 4,096 is about 6 bp long.
PIECE_BP = 256


def kmer_counts(codes: NDArray[np.uint8], k: int, block: int = 1 << 22) -> NDArray[np.int64]:
    """Occurrences of every overlapping k-mer, int64 (4 ** k,), in the order of its base-4 code."""
    counts = np.zeros(4**k, dtype=np.int64)
    for lo in range(0, max(0, len(codes) - k + 1), block):
        part = codes[lo : lo + block + k - 1].astype(np.int64)
        n = len(part) - k + 1
        code = np.zeros(n, dtype=np.int64)
        known = np.ones(n, dtype=bool)
        for j in range(k):
            code = code * 4 + part[j : j + n]
            known &= part[j : j + n] < 4
        counts += np.bincount(code[known], minlength=4**k)
    return counts


def kmer_text(code: int, k: int) -> str:
    """Letters of a k-mer's base-4 code."""
    return "".join("ACGT"[code >> 2 * (k - 1 - j) & 3] for j in range(k))


def pieces(codes: NDArray[np.uint8], limit_bp: int | None = None) -> Iterator[str]:
    """Stretches of known bases of at most ``PIECE_BP``, until ``limit_bp`` bases are given."""
    letters = np.frombuffer(b"ACGTN", dtype=np.uint8)
    given = 0
    for lo in range(0, len(codes), PIECE_BP):
        text = letters[codes[lo : lo + PIECE_BP]].tobytes().decode()
        for part in text.split("N"):
            if part:
                if limit_bp is not None and given >= limit_bp:
                    return
                given += len(part)
                yield part


def train_bpe(texts: Iterator[str], n_words: int) -> Tokenizer:
    """Byte-pair encoding with ``n_words`` words, the four bases included.

    Raises
    ------
    StageError
        When the corpus allows fewer words.
    """
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=n_words, initial_alphabet=list("ACGT"), special_tokens=[], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() < n_words:
        raise StageError(
            f"the sequence allows only {tokenizer.get_vocab_size()} BPE words, lexicon.bpe_words "
            f"asks for {n_words}; ask for fewer or give more sequence (lexicon.bpe_corpus_bp)"
        )
    return tokenizer


def truncate_bpe(tokenizer: Tokenizer, n_words: int) -> Tokenizer:
    """The tokenizer that training stops at ``n_words`` words with: BPE is greedy, so a smaller
    vocabulary is a prefix of a larger one."""
    import json

    from tokenizers import Tokenizer

    data = json.loads(tokenizer.to_str())
    vocabulary = data["model"]["vocab"]
    kept = {token: number for token, number in vocabulary.items() if number < n_words}
    alphabet = sum(len(token) == 1 for token in kept)
    data["model"]["vocab"] = kept
    data["model"]["merges"] = data["model"]["merges"][: n_words - alphabet]
    return Tokenizer.from_str(json.dumps(data))


def encode_counts(tokenizer: Tokenizer, texts: Iterator[str], batch: int = 4096) -> Counter[str]:
    """Occurrences of each word when ``texts`` are encoded, streamed in batches."""
    counts = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)

    def add(group: list[str]) -> None:
        for encoding in tokenizer.encode_batch_fast(group):
            np.add.at(counts, encoding.ids, 1)

    group: list[str] = []
    for text in texts:
        group.append(text)
        if len(group) == batch:
            add(group)
            group = []
    if group:
        add(group)
    names = {number: token for token, number in tokenizer.get_vocab().items()}
    return Counter({names[i]: int(n) for i, n in enumerate(counts) if n})
