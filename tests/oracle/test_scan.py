"""The scanner against MOODS on real sequence and against a naive walk over every position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.genome import decode, encode, reverse_complement
from precompute.motifs import build_profiles
from precompute.scan import compile_scanner, count_window, depth_window, find_hits


@pytest.fixture(scope="module")
def profiles(demo_profiles):
    return build_profiles(demo_profiles, 0.8, 0.05)


@pytest.fixture(scope="module")
def scanner(profiles):
    return compile_scanner(profiles)


@pytest.fixture(scope="module")
def few(profiles):
    """Short, middling, wide and fractional profiles."""
    by_width = sorted(profiles, key=lambda p: p.width)
    fractional = [p for p in profiles if (p.counts != np.rint(p.counts)).any()]
    chosen = by_width[:3] + by_width[400:403] + by_width[-3:] + fractional[:3]
    return list({p.profile_id: p for p in chosen}.values())


def naive_hits(profiles, codes):
    """(feature, start) of every position that scores enough and touches no unknown base."""
    found = set()
    for number, profile in enumerate(profiles):
        for strand, scores in enumerate((profile.scores, profile.scores[::-1, ::-1])):
            for start in range(len(codes) - profile.width + 1):
                word = codes[start : start + profile.width]
                if (word < 4).all():
                    score = scores[np.arange(profile.width), word].sum()
                    if score >= profile.threshold:
                        found.add((2 * number + strand, start))
    return found


def as_set(scanner, codes):
    feature, start = find_hits(scanner, codes)
    pairs = list(zip(feature.tolist(), start.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def test_hits_equal_moods_on_one_megabase(profiles, scanner, demo_codes):
    scan = pytest.importorskip("MOODS.scan")
    codes = demo_codes[5_000_000:6_000_000]
    matrices, thresholds = [], []
    for profile in profiles:
        for scores in (profile.scores, profile.scores[::-1, ::-1]):
            matrices.append((scores.T / 100).tolist())
            # Integer scores lie on a grid of 0.01: half a step is a safe float threshold.
            thresholds.append((profile.threshold - 0.5) / 100)
    moods = scan.scan_dna(decode(codes), matrices, [0.25] * 4, thresholds, 7)
    expected = np.array([len(hits) for hits in moods])
    feature, start = find_hits(scanner, codes)
    assert np.array_equal(np.bincount(feature, minlength=len(matrices)), expected)
    assert expected.sum() > 3_500_000
    for f in (0, 1, 500, 1001, 1681):
        assert sorted(start[feature == f].tolist()) == sorted(hit.pos for hit in moods[f])


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_hits_equal_a_naive_walk(few, data):
    n = data.draw(st.integers(1, 160))
    letters = data.draw(st.lists(st.sampled_from("ACGTACGTACGTN"), min_size=n, max_size=n))
    codes = encode("".join(letters))
    assert as_set(compile_scanner(few), codes) == naive_hits(few, codes)


def test_consensus_sites_are_found_at_the_very_ends(few):
    scanner = compile_scanner(few)
    for number, profile in enumerate(few):
        site = profile.counts.argmax(axis=1).astype(np.uint8)
        hits = as_set(scanner, site)
        assert (2 * number, 0) in hits
        assert (2 * number + 1, 0) in as_set(scanner, reverse_complement(site))


def test_masking_a_base_removes_exactly_the_hits_that_touch_it(profiles, scanner, demo_codes):
    codes = demo_codes[3_000_000:3_003_000].copy()
    before = as_set(scanner, codes)
    at = 1500
    codes[at] = 4
    width = np.repeat([p.width for p in profiles], 2)
    expected = {(f, s) for f, s in before if not s <= at < s + width[f]}
    assert as_set(scanner, codes) == expected
    assert expected != before


def test_depth_counts_each_feature_once_per_base(profiles, scanner, demo_codes):
    codes = demo_codes[4_000_000:4_002_000]
    width = np.repeat([p.width for p in profiles], 2)
    cover = np.zeros((len(width), len(codes)), dtype=bool)
    for f, s in as_set(scanner, codes):
        cover[f, s : s + width[f]] = True
    assert np.array_equal(depth_window(scanner, codes, 0, len(codes)), cover.sum(axis=0))
    edges = np.array([0, 7, 8, 30, 31, 700, 702, 1990, 2000])
    indptr, indices, counts = count_window(scanner, codes, edges)
    dense = np.zeros((len(edges) - 1, scanner.n_features), dtype=int)
    for k in range(len(edges) - 1):
        dense[k, indices[indptr[k] : indptr[k + 1]]] = counts[indptr[k] : indptr[k + 1]]
    expected = np.add.reduceat(cover.astype(int), edges[:-1], axis=1).T
    assert np.array_equal(dense[:, :-2], expected)
    text = decode(codes)
    in_cpg = np.zeros(len(codes), dtype=int)
    for i in range(len(codes) - 1):
        if text[i : i + 2] == "CG":
            in_cpg[i : i + 2] = 1
    assert np.array_equal(dense[:, -2], np.add.reduceat(in_cpg, edges[:-1]))
    assert np.array_equal(dense[:, -1], dense[:, -2])


def test_reverse_complement_mirrors_the_depth_exactly(scanner, demo_codes):
    codes = demo_codes[59_000:75_000]
    forward = depth_window(scanner, codes, 0, len(codes))
    backward = depth_window(scanner, reverse_complement(codes), 0, len(codes))
    assert np.array_equal(forward, backward[::-1])
    assert forward.any()


def test_reverse_complement_swaps_the_strands_on_mirrored_edges(scanner, demo_codes):
    codes = demo_codes[9_000_000:9_003_000]
    n = len(codes)
    edges = np.array([0, 15, 40, 41, 900, 1500, 2400, n])
    rows = [
        count_window(scanner, c, e)
        for c, e in ((codes, edges), (reverse_complement(codes), n - edges[::-1]))
    ]
    dense = []
    for indptr, indices, counts in rows:
        matrix = np.zeros((len(edges) - 1, scanner.n_features), dtype=int)
        for k in range(len(matrix)):
            matrix[k, indices[indptr[k] : indptr[k + 1]]] = counts[indptr[k] : indptr[k + 1]]
        dense.append(matrix)
    swapped = np.arange(scanner.n_features) ^ 1
    assert np.array_equal(dense[0], dense[1][::-1][:, swapped])
