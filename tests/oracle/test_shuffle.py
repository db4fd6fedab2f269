"""The dinucleotide-preserving shuffle: exact counts, every walk alike, the same in any window."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from precompute.genome import decode, encode
from precompute.lexicon.shuffle import dinucleotide_counts, shuffle_codes


def pairs(text: str) -> Counter:
    return Counter(a + b for a, b in itertools.pairwise(text) if "N" not in a + b)


@given(st.text("ACGTN", max_size=300), st.integers(0, 2**32), st.integers(2, 400))
@settings(max_examples=150, deadline=None)
def test_every_dinucleotide_and_every_n_stays(text, seed, block):
    found = decode(shuffle_codes(encode(text), seed, block))
    assert pairs(found) == pairs(text)
    assert [c == "N" for c in found] == [c == "N" for c in text]


@given(st.text("AC", min_size=4, max_size=40), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_hard_graphs_are_walked_too(text, seed):
    # A rare way out, as in ACACACG, is where draws with rejection take long.
    found = decode(shuffle_codes(encode(text + "G"), seed, 1000))
    assert pairs(found) == pairs(text + "G")


def walks(prefix: str, left: dict[str, int]):
    """Every sequence that uses up the dinucleotides ``left``."""
    if not any(left.values()):
        yield prefix
    for base in "ACGT":
        pair = prefix[-1] + base
        if left.get(pair, 0):
            left[pair] -= 1
            yield from walks(prefix + base, left)
            left[pair] += 1


@pytest.mark.parametrize("text", ["ACAGACATAAGC", "AACCAACGTTACA"])
def test_every_sequence_with_those_counts_is_as_likely(text):
    every = sorted(set(walks(text[0], dict(pairs(text)))))
    n = 60 * len(every)
    drawn = Counter(decode(shuffle_codes(encode(text), seed, 100)) for seed in range(n))
    assert set(drawn) <= set(every)
    assert chisquare([drawn[walk] for walk in every]).pvalue > 1e-3


def test_real_sequence_keeps_its_counts_and_changes(demo_codes):
    part = demo_codes[55_000:455_000]
    found = shuffle_codes(part, 3, 10_000)
    assert np.array_equal(dinucleotide_counts(found), dinucleotide_counts(part))
    counted = pairs(decode(part))
    naive = np.array([[counted[a + b] for b in "ACGT"] for a in "ACGT"])
    assert np.array_equal(dinucleotide_counts(part), naive)
    assert 0.2 < (found == part)[5_000:].mean() < 0.35
    # Composition keeps its course: each block has its own.
    gc = [np.isin(x[5_000:], (1, 2)).reshape(-1, 5_000).mean(axis=1) for x in (part, found)]
    assert np.abs(gc[0][1::2] + gc[0][::2][1:] - gc[1][1::2] - gc[1][::2][1:]).max() < 0.2


@pytest.mark.parametrize("first", [0, 1, 7])
def test_a_block_is_the_same_in_any_window(demo_codes, first):
    part, block = demo_codes[90_000:190_500], 1_000
    whole = shuffle_codes(part, 5, block)
    window = part[first * block : (first + 3) * block + 1]
    found = shuffle_codes(window, 5, block, first)[: 3 * block]
    assert np.array_equal(found, whole[first * block : (first + 3) * block])
    last = shuffle_codes(part[99 * block :], 5, block, 99)
    assert np.array_equal(last, whole[99 * block :])


def test_seeds_differ_and_repeat(demo_codes):
    part = demo_codes[90_000:100_000]
    assert np.array_equal(shuffle_codes(part, 1, 5_000), shuffle_codes(part, 1, 5_000))
    assert not np.array_equal(shuffle_codes(part, 1, 5_000), shuffle_codes(part, 2, 5_000))
