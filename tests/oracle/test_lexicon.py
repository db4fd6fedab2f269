"""Words, k-mers, BPE, Zipf fits and motif coverage against plain Python on real sequence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import linregress

from precompute.errors import StageError
from precompute.genome import decode
from precompute.lexicon.motif_recovery import recover_motifs
from precompute.lexicon.tokenizers import (
    PIECE_BP,
    encode_counts,
    kmer_counts,
    kmer_text,
    pieces,
    train_bpe,
    truncate_bpe,
)
from precompute.lexicon.zipf import log_ranks, thin, zipf_fit


@pytest.fixture(scope="module")
def codes(demo_codes):
    """60 kb that begins in the telomere's N, with N strewn in."""
    part = demo_codes[59_000:119_000].copy()
    part[np.random.default_rng(0).integers(1_000, len(part), 40)] = 4
    return part


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("block", [997, 1 << 22])
def test_kmers_are_counted_as_by_hand(codes, k, block):
    text = decode(codes)
    naive = Counter(text[i : i + k] for i in range(len(text) - k + 1))
    wanted = {word: n for word, n in naive.items() if "N" not in word}
    counts = kmer_counts(codes, k, block)
    assert {kmer_text(i, k): int(n) for i, n in enumerate(counts) if n} == wanted


def test_a_sequence_shorter_than_k_has_no_kmer():
    assert kmer_counts(np.zeros(3, dtype=np.uint8), 5).sum() == 0


def test_pieces_are_the_known_sequence_in_order(codes):
    found = list(pieces(codes))
    assert "".join(found) == decode(codes).replace("N", "")
    assert max(map(len, found)) <= PIECE_BP
    assert sum(map(len, pieces(codes, limit_bp=5_000))) < 5_000 + PIECE_BP


def test_bpe_tokens_spell_the_sequence(codes):
    tokenizer = train_bpe(pieces(codes), 200)
    counts = encode_counts(tokenizer, pieces(codes), batch=37)
    assert sum(len(word) * n for word, n in counts.items()) == (codes < 4).sum()
    direct = Counter(t for text in pieces(codes) for t in tokenizer.encode(text).tokens)
    assert counts == direct


def test_a_smaller_vocabulary_is_a_prefix_of_a_larger_one(codes):
    larger, smaller = (train_bpe(pieces(codes), n) for n in (300, 120))
    cut = truncate_bpe(larger, 120)
    assert cut.get_vocab() == smaller.get_vocab()
    assert encode_counts(cut, pieces(codes)) == encode_counts(smaller, pieces(codes))


def test_too_many_bpe_words_for_the_sequence_is_one_sentence():
    with pytest.raises(StageError, match="allows only"):
        train_bpe(iter(["ACGT"]), 600)


# -- Zipf ----------------------------------------------------------------------------------------


def test_a_power_law_is_straight_with_its_slope():
    frequency = 1e9 / np.arange(1, 2001) ** 1.3
    n, r, slope = zipf_fit(frequency, "all")
    assert (n, r) == (2000, pytest.approx(-1))
    assert slope == pytest.approx(-1.3)
    assert zipf_fit(frequency, "logranks")[2] == pytest.approx(-1.3)


@pytest.mark.parametrize(("definition", "least"), [("all", 1), ("seen2", 2), ("seen10", 10)])
def test_r_is_that_of_a_regression_over_the_types_it_names(definition, least):
    frequency = np.sort(np.random.default_rng(1).zipf(1.6, 5000))[::-1]
    kept = frequency[frequency >= least]
    wanted = linregress(np.log10(np.arange(1, len(kept) + 1)), np.log10(kept))
    n, r, slope = zipf_fit(frequency, definition)
    assert n == len(kept)
    assert r == pytest.approx(wanted.rvalue)
    assert slope == pytest.approx(wanted.slope)


@pytest.mark.parametrize("frequency", [[], [5], [5, 4], [3, 3, 3, 3]])
def test_r_is_undefined_on_too_little(frequency):
    assert np.isnan(zipf_fit(np.array(frequency), "all")[1])


def test_the_drawn_curve_keeps_the_head_and_both_ends():
    frequency = np.sort(np.random.default_rng(1).zipf(1.6, 50_000))[::-1]
    rank, kept = thin(frequency)
    assert rank[:50].tolist() == list(range(1, 51))
    assert rank[-1] == 50_000
    assert len(rank) < 500
    assert np.array_equal(kept, frequency[rank - 1])
    assert (np.diff(log_ranks(10_000, 60)) > 0).all()


# -- motif coverage ------------------------------------------------------------------------------


def slow_recovery(pfm: np.ndarray, token: str) -> float:
    """Best Pearson r over offsets and strands; uncovered positions are uninformative."""
    onehot = np.eye(4)[["ACGT".index(base) for base in token]]
    best = -2.0
    for strand in (pfm, pfm[::-1, ::-1]):
        for offset in range(-len(token) + 1, len(pfm)):
            laid = np.full(pfm.shape, 0.25)
            for i in range(len(pfm)):
                if 0 <= i - offset < len(token):
                    laid[i] = onehot[i - offset]
            best = max(best, float(np.corrcoef(strand.ravel(), laid.ravel())[0, 1]))
    return best


def test_motif_coverage_is_the_best_correlation_over_offsets_and_strands():
    rng = np.random.default_rng(7)
    pfms = [rng.dirichlet([0.3] * 4, size=width) for width in (4, 7, 11)]
    tokens = ["".join(rng.choice(list("ACGT"), n)) for n in (1, 3, 5, 9, 16)]
    found = recover_motifs(pfms, tokens, workers=2)
    for pfm, r, which in zip(pfms, found.correlation, found.token, strict=True):
        every = [slow_recovery(pfm, token) for token in tokens]
        assert r == pytest.approx(max(every))
        assert which == int(np.argmax(every))


def test_a_consensus_is_recovered_on_either_strand():
    pfm = np.eye(4)[[0, 1, 2, 3, 3, 0]]
    assert recover_motifs([pfm], ["GG", "ACGTTA"]).correlation[0] == pytest.approx(1)
    assert recover_motifs([pfm], ["GG", "TAACGT"]).correlation[0] == pytest.approx(1)
