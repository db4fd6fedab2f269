"""Byte-pair encoding of DNA with Hugging Face's ``tokenizers``: trained here, or read from a file.

The text is given in pieces of at most ``PIECE_BP`` known bases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError, StageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: BPE merges within pieces of this length. Training and encoding cost grow with it, and longer
#: pieces change few merges, since a word of 4,096 is about 6 bp long.
PIECE_BP = 256

#: What byte-level BPE and SentencePiece write for the space before a word.
_SPACES = "\u0120\u2581"
_BATCH = 4096


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


class BpeModel:
    """A tokenizer whose tokens spell the sequence.

    Parameters
    ----------
    tokenizer : of the package ``tokenizers``
    is_lower : it was trained on lower case

    Attributes
    ----------
    words : letters of each number; '' for one that is no sequence, such as '[CLS]'
    """

    def __init__(self, tokenizer: Tokenizer, is_lower: bool = False) -> None:
        self._tokenizer, self._is_lower = tokenizer, is_lower
        vocabulary = tokenizer.get_vocab()
        self.words = [""] * (max(vocabulary.values(), default=-1) + 1)
        for token, number in vocabulary.items():
            self.words[number] = _letters(token)

    @cached_property
    def _length(self) -> NDArray[np.int64]:
        return np.array([len(word) for word in self.words], dtype=np.int64)

    def encode(self, texts: Iterator[str]) -> Iterator[NDArray[np.int64]]:
        """Numbers of the tokens of ``texts``, in batches.

        Raises
        ------
        StageError
            When the tokens do not spell a text.
        """
        group: list[str] = []
        for text in texts:
            group.append(text.lower() if self._is_lower else text)
            if len(group) == _BATCH:
                yield self._ids(group)
                group = []
        if group:
            yield self._ids(group)

    def _ids(self, group: list[str]) -> NDArray[np.int64]:
        encodings = self._tokenizer.encode_batch_fast(group, add_special_tokens=False)
        ids = np.concatenate([np.asarray(e.ids, dtype=np.int64) for e in encodings])
        ids = ids[self._length[ids] > 0] if len(ids) else ids
        given, spelled = sum(map(len, group)), int(self._length[ids].sum())
        if given != spelled:
            raise StageError(
                f"the BPE tokens spell {spelled:,} of {given:,} bases; the vocabulary must hold A, "
                "C, G and T and truncate nothing, so correct or leave out lexicon.bpe_file"
            )
        return ids


def _letters(token: str) -> str:
    """The bases that a token stands for; '' when it is no sequence."""
    text = token.strip(_SPACES).upper()
    return text if text and not set(text) - set("ACGT") else ""


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
    from tokenizers import Tokenizer

    data = json.loads(tokenizer.to_str())
    vocabulary = data["model"]["vocab"]
    kept = {token: number for token, number in vocabulary.items() if number < n_words}
    alphabet = sum(len(token) == 1 for token in kept)
    data["model"]["vocab"] = kept
    data["model"]["merges"] = data["model"]["merges"][: n_words - alphabet]
    return Tokenizer.from_str(json.dumps(data))


def read_bpe(path: Path) -> BpeModel:
    """A pre-trained vocabulary from a ``tokenizer.json``.

    Either case, the space marks of byte-level BPE and SentencePiece, and special tokens are
    allowed; the tokens must spell any sequence of A, C, G and T.

    Raises
    ------
    InputError
        When the file is missing, is no tokenizer, or does not spell DNA.
    """
    from tokenizers import Tokenizer

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise InputError(
            f"cannot read lexicon.bpe_file {path} ({why}); give the tokenizer.json that Hugging "
            "Face's tokenizers saved"
        ) from None
    try:
        tokenizer = Tokenizer.from_str(text)
    # The package raises Exception itself for whatever is wrong with the JSON.
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise InputError(
            f"lexicon.bpe_file {path} is no tokenizer ({' '.join(str(error).split())[:80]}); give "
            "the tokenizer.json that Hugging Face's tokenizers saved"
        ) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return _spelling(tokenizer, path)


def _spelling(tokenizer: Tokenizer, path: Path) -> BpeModel:
    """The model in the case that spells a probe; upper case where both do."""
    probe = "ACGTTGCATCGGATTACAAACCCGGGTTTT"
    for is_lower in (False, True):
        model = BpeModel(tokenizer, is_lower)
        try:
            ids = np.concatenate(list(model.encode(iter([probe, *"ACGT"]))))
        except StageError:
            continue
        if "".join(model.words[i] for i in ids) == probe + "ACGT":
            return model
    raise InputError(
        f"lexicon.bpe_file {path} does not spell DNA: the tokens of {probe} do not give it back; "
        "give a tokenizer whose words are made of A, C, G and T (either case)"
    )
