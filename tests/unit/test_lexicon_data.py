"""Words and their places against brute force on the synthetic run."""

from __future__ import annotations

import numpy as np
import pytest

from precompute.artefacts import RunFolder
from precompute.token_store import TokenStore


@pytest.fixture(scope="module")
def lexicon(data):
    return data.lexicon


@pytest.fixture(scope="module")
def everywhere(data):
    """(chromosome number, bin, word) of every bin, by a plain loop."""
    group = data.run.group("word_ids")
    return [
        (number, i, word)
        for number, chrom in enumerate(data.tokens.chroms)
        for i, word in enumerate(group[f"{chrom}/word"][:].tolist())
    ]


@pytest.mark.parametrize("words", [[2], [0, 5, 9], [3, 3, 3], [1, 40]])
def test_places_are_all_bins_with_one_of_the_words(lexicon, everywhere, words):
    places = lexicon.places(np.array(words))
    expected = [(c, b) for c, b, w in everywhere if w in words]
    assert list(zip(places.chrom.tolist(), places.bin.tolist(), strict=True)) == expected
    assert lexicon.count_places(np.array(words)) == len(expected)


def test_no_word_has_no_place(lexicon):
    none = np.empty(0, dtype=np.int64)
    assert lexicon.places(none).bin.size == 0
    assert lexicon.count_places(none) == 0
    assert lexicon.instances(none, 0, 100, "locus", False) == ([], 0)


def test_pages_of_the_table_join_to_the_whole(lexicon):
    words = np.array([4, 7, 11])
    whole, n = lexicon.instances(words, 0, 10**6, "locus", False)
    assert len(whole) == n > 50
    paged = [
        row for first in range(0, n, 37)
        for row in lexicon.instances(words, first, first + 37, "locus", False)[0]
    ]
    assert paged == whole


@pytest.mark.parametrize(
    ("sort", "key"),
    [("frequency", "frequency"), ("signal:atac", "signal_atac"), ("signal:dnase", "signal_dnase")])
@pytest.mark.parametrize("descending", [False, True])
def test_the_table_is_sorted_by_the_whole_not_by_the_page(lexicon, sort, key, descending):
    words = np.array([4, 7, 11, 30])
    rows, n = lexicon.instances(words, 0, 10**6, sort, descending)
    values = [row[key] for row in rows]
    assert values == sorted(values, reverse=descending)
    assert lexicon.instances(words, 5, 15, sort, descending)[0] == rows[5:15]
    plain = lexicon.instances(words, 0, n, "locus", False)[0]
    assert {r["locus"] for r in rows} == {r["locus"] for r in plain}


def test_locus_backwards_is_the_reverse(lexicon):
    words = np.array([4, 7])
    forward = lexicon.instances(words, 0, 10**6, "locus", False)[0]
    assert lexicon.instances(words, 0, 10**6, "locus", True)[0] == forward[::-1]
    assert lexicon.instances(words, 0, 10**6, "nonsense", False)[0] == forward


def test_a_row_says_where_what_and_how_strong(data, lexicon):
    rows, _ = lexicon.instances(np.array([6]), 0, 5, "locus", False)
    signal = data.run.group("signal")
    for row in rows:
        lo, hi = data.tokens.bin_range(row["chrom"], row["start"], row["end"])
        assert hi - lo == 1
        assert row["locus"] == f"{row['chrom']}:{row['start'] + 1:,}-{row['end']:,}"
        assert row["frequency"] == data.run.table("words")["frequency"][6]
        assert row["signal_atac"] == pytest.approx(
            float(signal[f"{row['chrom']}/atac/bins"][lo]), abs=6e-5)


def test_motifs_of_a_bin_are_its_strongest_features_with_strand(data, lexicon):
    features = data.run.table("features")
    for chrom in data.tokens.chroms:
        bins = np.array([50, 51, 7, 300, 51])
        got = lexicon.top_motifs(chrom, bins)
        for b, text in zip(bins.tolist(), got, strict=True):
            values = data.tokens.feature_values(chrom, b, b + 1).toarray()[0]
            order = sorted(np.flatnonzero(values), key=lambda f: (-values[f], f))
            expected: list[str] = []
            for f in order:
                tf, strand = features["tf"][f], features["strand"][f]
                name = "CpG" if tf == "CpG" else f"{tf}({strand})"
                if name not in expected:
                    expected.append(name)
            assert text == ", ".join(expected[:3])


def test_gathered_counts_equal_one_read_per_bin(data):
    store = TokenStore(data.run)
    rng = np.random.default_rng(5)
    for chrom in store.chroms:
        bins = rng.integers(0, store.n_bins(chrom), 60)
        got = store.gather_counts(chrom, bins)
        expected = np.concatenate([store.counts(chrom, b, b + 1).toarray() for b in bins])
        np.testing.assert_array_equal(got.toarray(), expected)
        assert store.gather_counts(chrom, bins[:0]).shape == (0, expected.shape[1])


def test_words_of_a_stretch(data, lexicon):
    expected = data.run.group("word_ids")["chr21/word"][10:30]
    np.testing.assert_array_equal(lexicon.words_of("chr21", 10, 30), expected)


def test_labels_are_those_of_the_artefact(lexicon, synthetic_root):
    stored = RunFolder(synthetic_root).table("words")["label"]
    assert len(lexicon.labels) == len(stored)
    assert [lexicon.labels[w] for w in range(len(stored))] == stored.tolist()
