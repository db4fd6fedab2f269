"""Tokenizers side by side: what each makes of the sequence and of its shuffle, and their laws."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.lexicon.block_counts import BlockCounts, BlockWriter, Counted, count_ids
from precompute.lexicon.bpe import BpeModel, pieces, read_bpe, train_bpe, truncate_bpe
from precompute.lexicon.law_tables import LawTables
from precompute.lexicon.laws import find_laws
from precompute.lexicon.text import BLOCKS, Text, Window
from precompute.lexicon.tokenizers import Bpe, SequenceTokenizer, sequence_tokenizers

#: Name of our tokenizer in every table, and its label.
MOTIF = ("motif", "Motif words")

#: Bins of a chromosome counted at a time.
_BLOCK_BINS = 1 << 18


class Corpus(NamedTuple):
    """One tokenizer's counts of one text; ``lengths`` bp of each type, None where they differ."""

    tokenizer: str
    label: str
    corpus: str
    blocks: BlockCounts
    lengths: NDArray[np.integer] | None
    reader: SequenceTokenizer | None = None


def count_window(text: Text, tokenizers: list[SequenceTokenizer], window: Window) -> list[Counted]:
    """What each tokenizer makes of a window of a text."""
    halo = max((tokenizer.halo_bp for tokenizer in tokenizers), default=0)
    codes = text.codes(window.chrom, window.lo, window.hi + halo)
    return [
        tokenizer.count(codes, window.lo, window.hi - window.lo) for tokenizer in tokenizers
    ]


def _sequence_corpora(
    context: StageContext, text: Text, corpus: str, tokenizers: list[SequenceTokenizer]
) -> Iterator[Corpus]:
    """Counts of a text by every tokenizer, in one pass over it."""
    writers = [BlockWriter(tokenizer.n_types) for tokenizer in tokenizers]
    windows = text.windows()
    work = context.execution.in_order(partial(count_window, text, tokenizers), windows)
    for number, (window, parts) in enumerate(work):
        context.progress(number, len(windows), f"tokenizing the {corpus}")
        for writer, part in zip(writers, parts, strict=True):
            writer.add(window.block, part)
    for tokenizer, writer in zip(tokenizers, writers, strict=True):
        yield Corpus(
            tokenizer.name, tokenizer.label, corpus, writer.close(), tokenizer.lengths, tokenizer
        )


def _word_corpus(context: StageContext, text: Text) -> Corpus:
    """The run's own words, in the blocks of the sequence in which their bins begin."""
    ids, bins = context.run.group("word_ids"), context.run.group("bins")
    writer, block_bp, before = BlockWriter(), text.block_bp, 0
    for chrom in text.chroms:
        stored, word = bins[f"{chrom}/edges"], ids[f"{chrom}/word"]
        start = text.start(chrom)
        for lo in range(0, word.shape[0], _BLOCK_BINS):
            edges = stored[lo : lo + _BLOCK_BINS + 1].astype(np.int64) - start
            here = word[lo : lo + _BLOCK_BINS]
            codes = text.codes(chrom, int(edges[0]), int(edges[-1]))
            is_known = np.logical_or.reduceat(codes < 4, edges[:-1] - edges[0])
            block = edges[:-1] // block_bp
            cuts = np.flatnonzero(np.diff(block)) + 1
            lengths = np.diff(edges)
            for a, b in zip([0, *cuts], [*cuts, len(here)], strict=True):
                block_number = before + int(block[a])
                writer.add(block_number, count_ids(here[a:b], lengths[a:b], is_known[a:b]))
        before += -(-text.length(chrom) // block_bp)
    return Corpus(*MOTIF, "sequence", writer.close(), None)


def _control_corpora(context: StageContext) -> Iterator[Corpus]:
    """Words of the sample that was scanned, and of its shuffle; a window is a block."""
    columns = ["corpus", "window", "start", "end", "known_bp", "word"]
    table = context.run.table("control_words", columns)
    for corpus in ("sample", "shuffled"):
        rows = table[table["corpus"] == corpus]
        writer = BlockWriter()
        for window, part in rows.groupby("window", sort=True):
            length = (part["end"] - part["start"]).to_numpy()
            is_known = part["known_bp"].to_numpy() > 0
            writer.add(int(window), count_ids(part["word"].to_numpy(), length, is_known))
        yield Corpus(*MOTIF, corpus, writer.close(), None)


# -- byte-pair encoding ------------------------------------------------------------------------


def _corpus_pieces(text: Text, limit_bp: int) -> Iterator[str]:
    """The first pieces of the sequence, a window at a time."""
    given = 0
    parts = (pieces(text.codes(w.chrom, w.lo, w.hi)) for w in text.windows())
    for part in chain.from_iterable(parts):
        if given >= limit_bp:
            return
        given += len(part)
        yield part


class _Counting:
    """Passes texts on and adds up their bases."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts, self.bp = texts, 0

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.bp += len(text)
            yield text


def bpe_tokenizers(
    text: Text, sizes: list[int], limit_bp: int, pretrained: Path | None
) -> tuple[list[Bpe], Facts]:
    """BPE of every size, trained on the beginning of a text, and the one of a file.

    Raises
    ------
    StageError, InputError
        When the text allows fewer words, or the file is no tokenizer of DNA.
    """
    found: list[Bpe] = []
    facts: Facts = {}
    sizes = sorted(set(sizes))
    if sizes:
        corpus = _Counting(_corpus_pieces(text, limit_bp))
        largest = train_bpe(iter(corpus), sizes[-1])
        facts["bpe_corpus_bp"] = corpus.bp
        for size in sizes:
            trained = largest if size == sizes[-1] else truncate_bpe(largest, size)
            found.append(Bpe(BpeModel(trained), f"bpe{size}", f"BPE {size:,}"))
    if pretrained is not None:
        model = read_bpe(pretrained)
        n_words = sum(bool(word) for word in model.words)
        found.append(Bpe(model, "bpefile", f"BPE {n_words:,}, pre-trained"))
        facts |= {"bpe_file": pretrained.name, "bpe_file_words": n_words}
    return found, facts


# -- the stage ---------------------------------------------------------------------------------


def _corpora(
    context: StageContext, text: Text, tokenizers: list[SequenceTokenizer]
) -> Iterator[Corpus]:
    config = context.config.lexicon
    yield _word_corpus(context, text)
    yield from _control_corpora(context)
    yield from _sequence_corpora(context, text, "sequence", tokenizers)
    root, seed = context.run.root.resolve(), context.config.run.seed
    shuffled = Text.shuffled(root, seed, config.shuffle_block_bp)
    yield from _sequence_corpora(context, shuffled, "shuffled", tokenizers)


def run(context: StageContext) -> Facts:
    """Write the artefacts of the laws and of the tokenizers' vocabularies."""
    config = context.config.lexicon
    text = Text(context.run.root.resolve())
    bpe, facts = bpe_tokenizers(text, config.bpe_words, config.bpe_corpus_bp, config.bpe_file)
    tokenizers = list(sequence_tokenizers(config.one_hot, config.kmers, config.kmers_apart, bpe))
    tables = LawTables(config.recovery_tokens)
    for number, corpus in enumerate(_corpora(context, text, tokenizers)):
        context.progress(number, 2 * len(tokenizers) + 3, f"{corpus.label}: laws")
        rng = context.rng(f"laws of {corpus.tokenizer}, {corpus.corpus}")
        laws = find_laws(
            corpus.blocks, corpus.lengths, rng, config.bootstrap, context.config.run.workers
        )
        tables.add(corpus.tokenizer, corpus.label, corpus.corpus, laws)
        if corpus.reader is not None:
            tables.add_vocabulary(
                corpus.tokenizer, corpus.corpus, corpus.blocks, corpus.reader.text
            )
    tables.write(context.run)
    context.progress(1, 1, "")
    return {**tables.facts(), **facts, "blocks": BLOCKS, "resamples": config.bootstrap}


