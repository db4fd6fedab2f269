"""Hits with their scores, shares of a cluster's attribution, ranks at sites."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from precompute.attribution.hits import Hits, MotifFinder, covered_sums
from precompute.attribution.motif_shares import feature_shares, hit_shares
from precompute.attribution.site_ranks import (
    SiteRank,
    chance,
    factor_sites,
    overlaps,
    rank_of,
)
from precompute.errors import StageError
from precompute.models.sparse import SparseRows
from precompute.motifs import Profile, build_profiles, hit_threshold, scoring_matrix


@pytest.fixture(scope="module")
def finder(demo_profiles):
    names = ("MA0139.1", "MA0079.5", "MA0162.4")
    chosen = [p for p in build_profiles(demo_profiles, 0.8, 0.05) if p.profile_id in names]
    return MotifFinder(chosen)


def test_hits_are_those_of_a_naive_scan(finder):
    codes = np.random.default_rng(0).integers(0, 4, 6000).astype(np.uint8)
    codes[2500:2510] = 4
    expected = []
    for number, profile in enumerate(finder.profiles):
        for strand, scores in enumerate((profile.scores, profile.scores[::-1, ::-1])):
            for start in range(len(codes) - profile.width + 1):
                word = codes[start : start + profile.width]
                if (word > 3).any():
                    continue
                score = int(scores[np.arange(profile.width), word].sum())
                if score >= profile.threshold:
                    low, high = profile.min_score, profile.max_score
                    relative = (score - low) / (high - low)
                    expected.append((start, 2 * number + strand, score, relative))
    hits = finder.find(codes)
    assert len(hits.start) > 10
    got = list(zip(hits.start, hits.feature, hits.score, hits.relative, strict=True))
    assert [row[:3] for row in got] == [row[:3] for row in sorted(expected)]
    np.testing.assert_allclose([row[3] for row in got], [row[3] for row in sorted(expected)])
    assert hits.relative.min() >= 0.8 - 1e-9


def test_overlapping_hits_of_a_group_count_their_bases_once():
    hits = Hits(*(np.array(v) for v in ([0, 1, 0, 3], [2, 4, 8, 0], [6, 7, 10, 1], [0] * 4,
                                        [0.0] * 4)))
    values = np.arange(12.0)
    got = covered_sums(hits, np.array([0, 0, 0, 2]), 4, values)
    np.testing.assert_allclose(got, [2 + 3 + 4 + 5 + 6 + 8 + 9, np.nan, 0, np.nan])


def test_shares_of_a_cluster_add_up_to_it_and_follow_occupancy():
    rng = np.random.default_rng(1)
    dense = rng.random((30, 8)) * (rng.random((30, 8)) < 0.5)
    assignment = np.array([0, 1, 0, 2, 2, 1, 3, 0])
    occupancy = csr_matrix(dense)
    present = np.stack([dense[:, assignment == c].sum(axis=1) for c in range(4)], axis=1)
    rows = SparseRows.from_dense((present > 0) * rng.normal(size=(30, 4)))
    shares = feature_shares(rows, occupancy, assignment).toarray()
    attributed = rows.dense()
    for cluster in range(4):
        members = assignment == cluster
        np.testing.assert_allclose(shares[:, members].sum(axis=1), attributed[:, cluster])
        ratio = shares[:, members] * present[:, [cluster]] - dense[:, members] * attributed[
            :, [cluster]]
        np.testing.assert_allclose(ratio, 0, atol=1e-6)


def test_a_hit_over_two_bins_takes_its_part_of_each():
    # Bins 0-10-20; feature 0 (width 8) has a hit at 6-14 and nothing else; feature 1 shares bin 0.
    occupancy = csr_matrix(np.array([[0.5, 0.5], [0.5, 0.0]]))
    rows = SparseRows.from_dense(np.array([[4.0], [3.0]]))
    shares = feature_shares(rows, occupancy, np.array([0, 0]))
    got = hit_shares(
        shares, occupancy, np.array([0, 10, 20]), np.array([8, 8]), np.array([0, 1]),
        np.array([6, 0]), np.array([14, 4]),
    )
    np.testing.assert_allclose(got, [2 + 3, 2])


def test_the_rank_is_of_the_best_own_cluster_and_ties_count_against_it():
    sums = np.array([0.5, np.nan, 2.0, 1.0, 1.0, -3.0])
    assert rank_of(sums, np.array([3, 5])) == (3, 5, 2)
    assert rank_of(sums, np.array([2])) == (1, 5, 1)
    assert rank_of(sums, np.array([1])) == (0, 5, 0)


def test_chance_is_that_of_random_order():
    ranks = [SiteRank("c", 0, 1, 1, 20, 3), SiteRank("c", 0, 1, 0, 20, 0)]
    rng = np.random.default_rng(0)
    drawn = np.array([rng.permutation(20)[:4].min() < 3 for _ in range(20_000)])
    assert chance(ranks, 4) == pytest.approx(drawn.mean() / 2, abs=0.01)


def test_sites_are_bound_and_accessible():
    rows = [
        ("CTCF", "chr1", 10, 20, 15), ("CTCF", "chr1", 100, 120, 110),
        ("DNase-seq", "chr1", 19, 30, 25),
        ("DNase-seq", "chr1", 120, 130, 125), ("DNase-seq", "chr2", 10, 20, 15),
    ]
    peaks = pd.DataFrame(rows, columns=["target", "chrom", "start", "end", "summit"])
    bound, free = factor_sites(peaks, "CTCF", "DNase-seq")
    assert bound.to_numpy().tolist() == [["chr1", 15]]
    assert free.to_numpy().tolist() == [["chr1", 125], ["chr2", 15]]
    with pytest.raises(StageError, match="the run has no GATA1 peaks; it has CTCF, DNase-seq"):
        factor_sites(peaks, "GATA1", "DNase-seq")


def test_overlap_is_half_open_and_equals_all_pairs():
    rng = np.random.default_rng(2)
    tables = []
    for _ in range(2):
        start = rng.integers(0, 500, 40)
        tables.append(pd.DataFrame({"start": start, "end": start + rng.integers(1, 20, 40)}))
    a, b = tables
    naive = [
        ((row.start < b["end"]) & (row.end > b["start"])).any() for row in a.itertuples()
    ]
    assert overlaps(a, b).tolist() == naive


def test_one_profile_is_enough():
    counts = np.array([[9.0, 1, 1, 1]] * 6)
    scores = scoring_matrix(counts)
    profile = Profile("P1", "T", counts, scores, hit_threshold(scores, 0.8, 0.05))
    hits = MotifFinder([profile]).find(np.zeros(8, dtype=np.uint8))
    assert hits.start.tolist() == [0, 1, 2]
    np.testing.assert_allclose(hits.relative, 1.0)
