"""ROC AUC and AUPR against scikit-learn, and their intervals."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from precompute.attribution.ranking_quality import quality


@pytest.mark.parametrize("seed", range(4))
def test_areas_are_scikit_learns_with_ties(seed):
    rng = np.random.default_rng(seed)
    bound = rng.random(200) < 0.3
    score = np.round(rng.normal(size=200) + bound, 1)
    found = quality(score, bound, np.arange(200), rng)
    assert found.auc == pytest.approx(roc_auc_score(bound, score))
    assert found.aupr == pytest.approx(average_precision_score(bound, score))
    assert found.auc_low < found.auc < found.auc_high
    assert found.aupr_low < found.aupr < found.aupr_high


def test_the_bootstrap_draws_regions():
    # Copies of sites in the same region say nothing new: the interval must not shrink.
    rng = np.random.default_rng(0)
    bound = rng.random(60) < 0.5
    score = rng.normal(size=60) + bound
    region = np.arange(60)
    once = quality(score, bound, region, np.random.default_rng(1))
    often = [np.repeat(v, 9) for v in (score, bound, region)]
    copied = quality(*often, np.random.default_rng(1))
    assert copied == pytest.approx(once)
    other = quality(often[0], often[1], np.arange(540), np.random.default_rng(1))
    assert other.auc_high - other.auc_low < 0.6 * (once.auc_high - once.auc_low)


def test_a_perfect_score_and_its_opposite():
    bound = np.repeat([True, False], 10)
    rng = np.random.default_rng(0)
    assert quality(bound * 1.0, bound, np.arange(20), rng).auc == 1
    assert quality(bound * -1.0, bound, np.arange(20), rng).auc == 0
    assert quality(np.zeros(20), bound, np.arange(20), rng).auc == 0.5
