"""Losses and metrics against their definitions and scipy."""

import numpy as np
import pytest
import torch
from scipy import stats

from precompute.models.losses import poisson_multinomial
from precompute.models.metrics import CorrelationSums, coarsen, pearson, resample, spearman


def test_correlations_equal_scipy_and_skip_nan():
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    b = np.round(a + rng.normal(size=200), 1)
    assert pearson(a, b) == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-12)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    c = a.copy()
    c[[3, 50]] = np.nan
    keep = np.isfinite(c)
    assert pearson(c, b) == pytest.approx(stats.pearsonr(a[keep], b[keep]).statistic, abs=1e-12)
    assert spearman(b, c) == pytest.approx(stats.spearmanr(b[keep], a[keep]).statistic, abs=1e-12)


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_correlations_without_an_answer_are_nan(correlation):
    assert np.isnan(correlation(np.ones(10), np.arange(10.0)))
    assert np.isnan(correlation(np.arange(2.0), np.arange(2.0)))
    assert np.isnan(correlation(np.full(9, np.nan), np.arange(9.0)))


def test_resampling_equals_means_over_bases():
    rng = np.random.default_rng(1)
    edges = np.concatenate([[100], 100 + np.cumsum(rng.integers(1, 40, 60))])
    values = rng.random(60)
    grid = np.arange(100, edges[-1] - 16, 16)
    by_base = np.repeat(values, np.diff(edges))
    expected = by_base[: grid[-1] - 100].reshape(-1, 16).mean(axis=1)
    np.testing.assert_allclose(resample(values, edges, grid), expected, atol=1e-12)


def test_coarsening_drops_an_incomplete_group():
    np.testing.assert_array_equal(coarsen(np.arange(8.0), 3), [1.0, 4.0])


def test_loss_is_poisson_plus_weighted_multinomial():
    rng = np.random.default_rng(2)
    predicted, observed = rng.random((2, 3, 20)) + 0.1, rng.poisson(1.0, (2, 3, 20)).astype(float)
    rate = predicted + 1e-6
    poisson = np.mean([
        rate[i] - observed[i] * np.log(rate[i]) for i in np.ndindex(observed.shape)
    ])
    share = rate / rate.sum(axis=-1, keepdims=True)
    shape = np.mean(-observed * np.log(share))
    got = poisson_multinomial(torch.from_numpy(predicted), torch.from_numpy(observed), 0.3)
    assert float(got) == pytest.approx(poisson + 0.3 * shape, rel=1e-12)


def test_loss_is_least_at_the_truth_and_its_shape_term_ignores_scale():
    observed = torch.tensor([[[0.0, 1.0, 4.0, 2.0]]], dtype=torch.float64)
    best = poisson_multinomial(observed, observed, 0.5)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert poisson_multinomial(factor * observed, observed, 0.5) > best
    flat = torch.full_like(observed, 7 / 4)
    near = poisson_multinomial(observed, observed, 1.0) - poisson_multinomial(observed, observed, 0)
    far = poisson_multinomial(flat, observed, 1.0) - poisson_multinomial(flat, observed, 0)
    scaled = poisson_multinomial(3 * observed, observed, 1.0) - poisson_multinomial(
        3 * observed, observed, 0
    )
    assert far > near
    assert float(scaled) == pytest.approx(float(near), abs=1e-5)


# -- positions without a measurement ---------------------------------------------------------


def test_loss_leaves_unmeasured_positions_out():
    rng = np.random.default_rng(0)
    p, o = torch.tensor(rng.random((2, 2, 9))), torch.tensor(rng.random((2, 2, 9)))
    kept = poisson_multinomial(p[..., :6], o[..., :6], 0.3)
    o[..., 6:] = torch.nan
    p.requires_grad_()
    loss = poisson_multinomial(p, o, 0.3)
    assert loss.item() == pytest.approx(kept.item(), rel=1e-6)
    loss.backward()
    assert torch.isfinite(p.grad).all()
    assert (p.grad[..., 6:] == 0).all()
    assert (p.grad[..., :6] != 0).all()


def test_loss_of_a_window_without_any_measurement_is_zero_and_trains_nothing():
    p = torch.rand(1, 2, 5, requires_grad=True)
    loss = poisson_multinomial(p, torch.full((1, 2, 5), torch.nan), 0.3)
    loss.backward()
    assert loss.item() == 0
    assert (p.grad == 0).all()


def test_loss_is_the_same_on_the_reverse_strand():
    rng = np.random.default_rng(2)
    p, o = torch.tensor(rng.random((3, 2, 20))), torch.tensor(rng.random((3, 2, 20)))
    o[0, 1, 3] = torch.nan
    there, back = (poisson_multinomial(*pair, 0.3) for pair in ((p, o), (p.flip(-1), o.flip(-1))))
    assert float(there) == pytest.approx(float(back), rel=1e-12)


def test_correlation_by_batches_equals_the_one_of_all():
    rng = np.random.default_rng(3)
    p, o = rng.random((7, 3, 50)), rng.random((7, 3, 50))
    o[:, 0] += p[:, 0]
    o[2, 1, :30] = np.nan
    p[:, 2] = 0.75
    sums = CorrelationSums(3)
    for lo in range(0, 7, 2):
        sums.add(p[lo : lo + 2], o[lo : lo + 2])
    expected = [pearson(p[:, t], o[:, t]) for t in range(3)]
    np.testing.assert_allclose(sums.pearson(), expected, rtol=1e-10)
    assert np.isnan(sums.pearson()[2])
    assert np.isnan(CorrelationSums(1).pearson()).all()
