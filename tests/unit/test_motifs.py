"""Scoring matrices, exact p-values and thresholds, against Biopython and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from precompute.errors import InputError
from precompute.inputs.profile_formats import read_profiles
from precompute.motifs import (
    build_profiles,
    feature_table,
    hit_threshold,
    pfm_table,
    profile_table,
    score_distribution,
    scoring_matrix,
)

TINY = """>MA0001.1 Alpha
A [ 9 0 1 ]
C [ 1 10 0 ]
G [ 0 0 9 ]
T [ 0 0 0 ]
>MA0001.2 Alpha
A [ 1.5 8 ]
C [ 2.5 0 ]
G [ 2 0 ]
T [ 4 2 ]
"""


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.jaspar"
    path.write_text(TINY)
    return path


def test_versions_are_kept_and_fractions_are_not_rounded(tiny):
    (id_a, tf_a, a), (id_b, tf_b, b) = read_profiles(tiny)
    assert (id_a, id_b, tf_a, tf_b) == ("MA0001.1", "MA0001.2", "Alpha", "Alpha")
    assert a.shape == (3, 4)
    assert b[0].tolist() == [1.5, 2.5, 2.0, 4.0]


def test_scores_equal_biopythons_on_all_demo_profiles(demo_profiles):
    from Bio import motifs
    from Bio.motifs import jaspar

    with demo_profiles.open() as handle:
        theirs = list(motifs.parse(handle, "jaspar"))
    ours = build_profiles(demo_profiles, 0.8, 0.05)
    assert len(ours) == len(theirs) == 841
    for mine, motif in zip(ours, theirs, strict=True):
        motif.pseudocounts = jaspar.calculate_pseudocounts(motif)
        expected = np.rint(100 * np.array([motif.pssm[base] for base in "ACGT"]).T)
        assert np.array_equal(mine.scores, expected), mine.profile_id


def test_distribution_and_threshold_equal_enumeration_of_all_words():
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 30, size=(5, 4)) + 0.5
    scores = scoring_matrix(counts)
    every = np.array(
        [
            sum(scores[i, b] for i, b in enumerate(word))
            for word in itertools.product(range(4), repeat=5)
        ]
    )
    lowest, probability = score_distribution(scores)
    assert probability.sum() == pytest.approx(1)
    for score in np.unique(every):
        assert probability[score - lowest] == pytest.approx((every == score).mean())
    for relative, p_value in ((0.8, 0.05), (0.8, 0.002), (0.3, 0.01), (0.999, 1.0)):
        threshold = hit_threshold(scores, relative, p_value)
        low, high = scores.min(axis=1).sum(), scores.max(axis=1).sum()
        by_definition = [
            s for s in np.unique(every)
            if (s - low) / (high - low) >= relative and (every >= s).mean() < p_value
        ]
        hits = every[every >= threshold]
        assert sorted(set(hits.tolist())) == sorted(int(s) for s in by_definition)


def test_pseudocount_is_the_square_root_of_the_sites():
    counts = np.array([[16.0, 0, 0, 0]])
    expected = 100 * math.log2(((16 + 1) / 20) / 0.25)
    assert scoring_matrix(counts)[0, 0] == round(expected)


def test_tables_put_cpg_last_and_pair_the_strands(tiny):
    profiles = build_profiles(tiny, 0.8, 1.0)
    table = profile_table(profiles)
    features = feature_table(table)
    assert table["profile_id"].tolist() == ["MA0001.1", "MA0001.2", "CpG"]
    assert table["consensus"].tolist() == ["ACG", "TA", "CG"]
    assert features["strand"].tolist() == ["+", "-"] * 3
    assert features["profile"].tolist() == [0, 0, 1, 1, 2, 2]
    assert features["name"].iloc[0] == "Alpha MA0001.1 (+)"
    assert features["name"].is_unique
    pfm = pfm_table(profiles)
    assert np.allclose(pfm[list("ACGT")].sum(axis=1), 1)
    assert len(pfm) == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no profile"),
        ("hello\n", "JASPAR"),
        (TINY + TINY, "twice"),
        (">MA1 x\nA [ 0 1 ]\nC [ 0 1 ]\nG [ 0 1 ]\nT [ 0 1 ]\n", "empty or negative column"),
    ],
)
def test_bad_profile_files_are_refused(tmp_path, text, says):
    path = tmp_path / "bad.jaspar"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_profiles(path)


def test_missing_profiles_name_the_key(tmp_path):
    with pytest.raises(InputError, match=r"motifs\.profiles"):
        read_profiles(tmp_path / "none.jaspar")
