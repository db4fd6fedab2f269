"""The control of our own words: its windows, and words that are those of the pipeline's steps."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from precompute.artefacts import RunFolder
from precompute.config import BinConfig, MotifConfig
from precompute.lexicon.control_words import sample_windows, window_words
from precompute.lexicon.shuffle import dinucleotide_counts
from precompute.lexicon.text import BLOCKS, Text
from precompute.motifs import load_profiles
from precompute.region_tokens import tokenize_codes
from precompute.scan import compile_scanner


def test_words_are_the_thresholded_tokens_of_the_region(demo_codes, demo_profiles):
    codes = demo_codes[1_000_000:1_004_000].copy()
    codes[700:720] = 4
    motifs, rules = MotifConfig(profiles=demo_profiles, release="test"), BinConfig()
    scanner = compile_scanner(load_profiles(motifs))
    n = scanner.n_features
    cluster = np.random.default_rng(0).integers(0, 300, n)
    weight = 1 / (np.append(scanner.width, [1, 1]) * np.bincount(cluster)[cluster])
    to_cluster = csr_matrix((weight.astype(np.float32), cluster, np.arange(n + 1)), (n, 300))
    found = window_words(codes, scanner, rules, to_cluster, 0.3)

    region = tokenize_codes(codes, motifs, rules, workers=1)
    assert np.array_equal(found.edges, region.edges)
    values = region.counts.toarray().astype(float) @ to_cluster.toarray().astype(float)
    for row, word in zip(values, found.words, strict=True):
        assert np.frombuffer(word, dtype=np.int16).tolist() == np.flatnonzero(
            row >= 0.3 - 1e-6).tolist()
    known = [(codes[a:b] < 4).sum() for a, b in zip(found.edges[:-1], found.edges[1:], strict=True)]
    assert found.known_bp.tolist() == known


@pytest.fixture(scope="module")
def text(synthetic_root):
    return Text(synthetic_root)


def test_the_sample_lies_in_the_sequence_one_window_in_each_stratum(text):
    places = sample_windows(text, 40_000, np.random.default_rng(1))
    assert len(places) == 40
    assert sum(p.hi - p.lo for p in places) <= 40_000
    for place in places:
        assert 0 <= place.lo < place.hi <= text.length(place.chrom)
    first = {chrom: sum(text.length(c) for c in text.chroms[:i])
             for i, chrom in enumerate(text.chroms)}
    starts = [first[p.chrom] + p.lo for p in places]
    assert (np.array(starts) // 6_000).tolist() == list(range(40))
    assert sample_windows(text, 40_000, np.random.default_rng(1)) == places


def test_a_sample_larger_than_the_sequence_is_the_sequence(text):
    places = sample_windows(text, 10**9, np.random.default_rng(1))
    for chrom in text.chroms:
        mine = [p for p in places if p.chrom == chrom]
        assert mine[0].lo == 0
        assert mine[-1].hi == text.length(chrom)
        assert all(a.hi == b.lo for a, b in itertools.pairwise(mine))


def test_windows_tile_the_text_block_by_block(text):
    windows = text.windows()
    assert [w.block for w in windows] == sorted(w.block for w in windows)
    assert BLOCKS <= windows[-1].block + 1 <= BLOCKS + len(text.chroms)
    for chrom in text.chroms:
        mine = [w for w in windows if w.chrom == chrom]
        assert (mine[0].lo, mine[-1].hi) == (0, text.length(chrom))
        assert all(a.hi == b.lo for a, b in itertools.pairwise(mine))


def test_the_shuffle_of_a_text_is_one_sequence_however_it_is_read(text, synthetic_root):
    shuffled = Text.shuffled(synthetic_root, 1, 1_000)
    for chrom in text.chroms:
        n = text.length(chrom)
        whole, real = shuffled.codes(chrom, 0, n), text.codes(chrom, 0, n)
        assert np.array_equal(dinucleotide_counts(whole), dinucleotide_counts(real))
        assert np.array_equal(whole > 3, real > 3)
        for lo, hi in ((0, 17), (999, 1_001), (3_333, 8_888), (n - 5, n + 40)):
            assert np.array_equal(shuffled.codes(chrom, lo, hi), whole[lo:hi])


def test_the_artefact_of_the_real_demo_compares_like_with_like(real_run):
    run = RunFolder(real_run)
    if not run.exists("control_words"):
        pytest.skip("the run was made before controls were")
    table = run.table("control_words")
    sums = table.assign(bp=table["end"] - table["start"]).groupby(["corpus", "window"])[
        ["bp", "known_bp"]].sum()
    sample, shuffled = (sums.loc[corpus] for corpus in ("sample", "shuffled"))
    pd.testing.assert_frame_equal(sample, shuffled)
    types = table[table["n_clusters"] > 0].groupby("corpus")["word"].nunique()
    assert types["sample"] > 1_000
