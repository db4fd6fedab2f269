"""Words, k-mers, BPE, Zipf fits and motif coverage against plain Python on real sequence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress

from precompute.errors import StageError
from precompute.genome import decode, encode, reverse_complement
from precompute.lexicon.block_counts import BlockWriter, pool
from precompute.lexicon.bpe import PIECE_BP, BpeModel, pieces, train_bpe, truncate_bpe
from precompute.lexicon.motif_recovery import recover_motifs
from precompute.lexicon.rank_laws import log_ranks, thin, zipf_fit
from precompute.lexicon.tokenizers import Bpe, Kmers, kmer_counts


@pytest.fixture(scope="module")
def codes(demo_codes):
    """60 kb that begins in the telomere's N, with N strewn in."""
    part = demo_codes[59_000:119_000].copy()
    part[np.random.default_rng(0).integers(1_000, len(part), 40)] = 4
    return part


def by_text(tokenizer, codes, pieces_bp):
    """Frequency of each token, and tokens until each stands first, counted in stretches."""
    writer = BlockWriter(tokenizer.n_types)
    for number, lo in enumerate(range(0, len(codes), pieces_bp)):
        hi = min(lo + pieces_bp, len(codes))
        part = tokenizer.count(codes[lo : hi + tokenizer.halo_bp], lo, hi - lo)
        writer.add(number // 3, part)
    blocks = writer.close()
    n = int(blocks.n_tokens.sum())
    pooled = pool(blocks, None, np.arange(1, n + 1))
    counts = {tokenizer.text(i): int(f) for i, f in enumerate(pooled.frequency) if f}
    return counts, pooled.growth.tolist()


def grown(tokens):
    """Distinct tokens among the first 1, 2, ... of a list."""
    seen, out = set(), []
    for token in tokens:
        seen.add(token)
        out.append(len(seen))
    return out


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize("stretch", [1_009, 1 << 20])
def test_kmers_are_counted_as_by_hand(codes, k, is_apart, stretch):
    text = decode(codes)
    naive = [text[i : i + k] for i in range(0, len(text) - k + 1, k if is_apart else 1)]
    naive = [word for word in naive if "N" not in word]
    counts, growth = by_text(Kmers(k, is_apart), codes, stretch)
    assert counts == dict(Counter(naive))
    assert growth == grown(naive)
    assert all(Kmers(k).lengths == k)


def test_a_sequence_shorter_than_k_has_no_kmer():
    assert kmer_counts(np.zeros(3, dtype=np.uint8), 5).sum() == 0


def test_pieces_are_the_known_sequence_in_order(codes):
    found = list(pieces(codes))
    assert "".join(found) == decode(codes).replace("N", "")
    assert max(map(len, found)) <= PIECE_BP
    assert sum(map(len, pieces(codes, limit_bp=5_000))) < 5_000 + PIECE_BP


def test_bpe_tokens_spell_the_sequence_and_are_counted_in_order(codes):
    trained = train_bpe(pieces(codes), 200)
    bpe = Bpe(BpeModel(trained), "bpe200", "BPE 200")
    counts, growth = by_text(bpe, codes, 40 * PIECE_BP)
    assert sum(len(word) * n for word, n in counts.items()) == (codes < 4).sum()
    direct = [t for text in pieces(codes) for t in trained.encode(text).tokens]
    assert counts == dict(Counter(direct))
    assert growth == grown(direct)
    assert [len(bpe.text(i)) for i in range(bpe.n_types)] == bpe.lengths.tolist()


def test_a_smaller_vocabulary_is_a_prefix_of_a_larger_one(codes):
    larger, smaller = (train_bpe(pieces(codes), n) for n in (300, 120))
    cut = truncate_bpe(larger, 120)
    assert cut.get_vocab() == smaller.get_vocab()
    assert [cut.encode(t).tokens for t in pieces(codes)] == [
        smaller.encode(t).tokens for t in pieces(codes)]


def test_too_many_bpe_words_for_the_sequence_is_one_sentence():
    with pytest.raises(StageError, match="allows only"):
        train_bpe(iter(["ACGT"]), 600)


# -- Zipf ----------------------------------------------------------------------------------------


def test_a_power_law_is_straight_with_its_slope():
    frequency = np.rint(1e12 / np.arange(1, 2001) ** 1.3).astype(np.int64)
    n, r, slope = zipf_fit(frequency, "all")
    assert (n, r) == (2000, pytest.approx(-1))
    assert slope == pytest.approx(-1.3)
    assert zipf_fit(frequency, "logranks").slope == pytest.approx(-1.3)


def test_one_point_per_log_rank_is_a_regression_over_those_ranks():
    frequency = np.sort(np.random.default_rng(2).zipf(1.7, 3000))[::-1]
    rank = log_ranks(3000, 60)
    wanted = linregress(np.log10(rank), np.log10(frequency[rank - 1]))
    fit = zipf_fit(frequency, "logranks")
    assert (fit.n_types, fit.r) == (3000, pytest.approx(wanted.rvalue))


@pytest.mark.parametrize(("definition", "least", "most"), [
    ("all", 1, np.inf), ("seen2", 2, np.inf), ("seen10", 10, np.inf), ("paper", 500, 1e6)])
def test_r_is_that_of_a_regression_over_the_types_it_names(definition, least, most):
    frequency = np.sort(np.random.default_rng(1).zipf(1.4, 5000).astype(float))[::-1]
    frequency = np.minimum(frequency, 5e6).astype(np.int64)
    assert frequency[0] > 1e6
    is_kept = (frequency >= least) & (frequency <= most)
    kept, rank = frequency[is_kept], np.arange(1, len(frequency) + 1)[is_kept]
    wanted = linregress(np.log10(rank), np.log10(kept))
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


def laid_over(pfm: np.ndarray, token: str, offset: int) -> float:
    """Pearson r of a PFM and a token whose first base lies on column ``offset``."""
    laid = np.full(pfm.shape, 0.25)
    for i, base in enumerate(token):
        if 0 <= offset + i < len(pfm):
            laid[offset + i] = np.eye(4)["ACGT".index(base)]
    return float(np.corrcoef(pfm.ravel(), laid.ravel())[0, 1])


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
    for pfm, r, which, offset, is_reverse in zip(pfms, *found, strict=True):
        every = [slow_recovery(pfm, token) for token in tokens]
        assert r == pytest.approx(max(every))
        assert which == int(np.argmax(every))
        token = tokens[which]
        shown = decode(reverse_complement(encode(token))) if is_reverse else token
        assert laid_over(pfm, shown, offset) == pytest.approx(r)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_passing_over_offsets_changes_no_match(seed):
    rng = np.random.default_rng(seed)
    pfm = rng.dirichlet([0.2] * 4, size=int(rng.integers(1, 9)))
    tokens = ["".join(rng.choice(list("ACGT"), int(rng.integers(1, 10)))) for _ in range(6)]
    found = recover_motifs([pfm], tokens)
    if np.ptp(pfm) > 1e-6:
        assert found.correlation[0] == pytest.approx(max(slow_recovery(pfm, t) for t in tokens))


def test_a_consensus_is_recovered_on_either_strand():
    pfm = np.eye(4)[[0, 1, 2, 3, 3, 0]]
    assert recover_motifs([pfm], ["GG", "ACGTTA"]).correlation[0] == pytest.approx(1)
    assert recover_motifs([pfm], ["GG", "TAACGT"]).correlation[0] == pytest.approx(1)
