"""Networks: what an output sees, sparse against dense, folded against not."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn

from precompute.errors import ConfigError
from precompute.models.architectures import (
    ONEHOT_STEP,
    count_parameters,
    fold_batch_norm,
    onehot_network,
    reach,
    token_network,
)
from precompute.models.blocks import PairPool, TokenStem
from precompute.models.sparse import SparseRows, clustered, dots, times, transposed_times
from tests.model_run import ONEHOT, TOKENS, random_model


@pytest.fixture
def dense(rng_seed=0):
    rng = np.random.default_rng(rng_seed)
    values = rng.random((40, 12)) * (rng.random((40, 12)) < 0.3)
    values[7] = 0
    return values.astype(np.float32)


def test_sparse_rows_round_trip_and_slice(dense):
    rows = SparseRows.from_dense(dense)
    np.testing.assert_array_equal(rows.dense(), dense)
    np.testing.assert_array_equal(rows.rows(5, 21).dense(), dense[5:21])
    np.testing.assert_array_equal(rows.rows(7, 8).dense(), dense[7:8])
    np.testing.assert_array_equal(rows.reversed().dense(), dense[::-1])
    joined = SparseRows.joined([rows.rows(0, 9), rows.rows(9, 9), rows.rows(9, 40)])
    np.testing.assert_array_equal(joined.dense(), dense)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_products_equal_dense_ones(dense, dtype):
    rng = np.random.default_rng(1)
    rows = SparseRows.from_dense(dense)
    weight = rng.normal(size=(12, 5)).astype(dtype)
    grad = rng.normal(size=(40, 5)).astype(dtype)
    tolerance = 1e-5 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(times(rows, weight), dense @ weight, atol=tolerance)
    np.testing.assert_allclose(transposed_times(rows, grad), dense.T @ grad, atol=tolerance)
    row, column = np.nonzero(dense)
    expected = (grad @ weight.T)[row, column]
    np.testing.assert_allclose(dots(rows, grad, weight), expected, atol=tolerance)


def test_sparse_products_do_not_depend_on_threads(dense):
    rows = SparseRows.from_dense(dense)
    weight = np.random.default_rng(1).normal(size=(12, 5)).astype(np.float32)
    grad = np.random.default_rng(2).normal(size=(40, 5)).astype(np.float32)
    np.testing.assert_array_equal(times(rows, weight, 1), times(rows, weight, 3))
    np.testing.assert_array_equal(transposed_times(rows, grad, 1), transposed_times(rows, grad, 3))


def test_stem_is_a_scaled_1x1_convolution_with_its_gradient(dense):
    stem = TokenStem(12, 5)
    stem.scale.uniform_(0.5, 2)
    x = torch.from_numpy(dense).unflatten(0, (2, 20)).transpose(1, 2)
    reference = nn.Conv1d(12, 5, 1, bias=False)
    reference.weight.data = stem.weight.data.T[..., None].clone()
    expected = reference(x * stem.scale[:, None])
    upstream = torch.randn_like(expected)
    (expected * upstream).sum().backward()
    rows = SparseRows.from_dense(dense)
    # As arrays, as they are on a CPU; as tensors for embedding_bag, as on a GPU.
    for given in (x, rows, rows.tensors()):
        stem.zero_grad()
        out = stem(given, 2)
        torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)
        (out * upstream).sum().backward()
        wanted = reference.weight.grad[..., 0].T
        torch.testing.assert_close(stem.weight.grad, wanted, atol=1e-5, rtol=1e-5)


def test_networks_have_no_in_place_relu_and_the_stated_length():
    tokens, onehot = token_network(TOKENS, 12, 2).eval(), onehot_network(ONEHOT, 2).eval()
    for network in (tokens, onehot):
        assert not any(layer.inplace for layer in network if isinstance(layer, nn.ReLU))
    for n in (1, 7, 50):
        assert tokens(torch.randn(3, 12, n)).shape == (3, 2, n)
        assert onehot(torch.randn(3, 4, ONEHOT_STEP * n)).shape == (3, 2, n)
    assert (tokens(torch.randn(1, 12, 30) * 50) >= 0).all()


def test_parameters_are_counted_by_hand():
    # Stem 12 x 9 and 9 x 7, two bodies of 3, head and tracks; two batch-norm numbers a channel.
    convolutions = 12 * 9 + 9 * 7 + 3 * 7 * 6 + 3 * 6 * 8
    norms = 2 * (9 + 7 + 6 + 8)
    head = 8 * 5 + 5 + 5 * 2 + 2
    assert count_parameters(token_network(TOKENS, 12, 2)) == convolutions + norms + head


@pytest.mark.parametrize(("encoding", "channels"), [("tokens", 12), ("onehot", 4)])
def test_receptive_field_equals_an_empirical_probe(encoding, channels):
    model = random_model(encoding, channels)
    # Only positive weights and inputs, so that no ReLU and no maximum can hide a position.
    for layer in model.network:
        for parameter in layer.parameters():
            parameter.data.abs_()
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.zero_()
    network = model.network.double()
    seen = reach(network)
    length = 24 * seen.step
    x = torch.rand(1, channels, length, dtype=torch.float64)
    output = 12
    before = network(x)[0, 0, output]
    touched = []
    with torch.no_grad():
        for position in range(length):
            probe = x.clone()
            probe[..., position] += 100.0
            if abs(network(probe)[0, 0, output] - before) > 1e-12:
                touched.append(position)
    first = output * seen.step
    assert touched[0] == first - seen.before
    assert touched[-1] == first + seen.step - 1 + seen.after
    assert seen.inputs == touched[-1] - touched[0] + 1
    assert seen.outputs * seen.step >= max(seen.before, seen.after)


@pytest.mark.parametrize(("encoding", "channels"), [("tokens", 12), ("onehot", 4)])
def test_folding_batch_norm_keeps_the_function_and_the_original(encoding, channels):
    model = random_model(encoding, channels)
    network = model.network.double()
    state = {k: v.clone() for k, v in network.state_dict().items()}
    folded = fold_batch_norm(network)
    assert not any(isinstance(layer, nn.BatchNorm1d) for layer in folded)
    x = torch.randn(2, channels, 160, dtype=torch.float64)
    torch.testing.assert_close(folded(x), network(x), rtol=1e-10, atol=1e-12)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=0, atol=0)


def test_onehot_stem_must_have_four_widths():
    with pytest.raises(ConfigError, match="has 3 widths, expected 4"):
        onehot_network(ONEHOT.model_copy(update={"stem_channels": [4, 4, 4]}), 1)


@pytest.mark.parametrize("length", [2, 7, 20])
def test_pooling_by_pairs_equals_torchs_with_its_gradient(length):
    # Whole numbers, so that there are ties.
    x = torch.randint(0, 3, (2, 3, length)).float().requires_grad_()
    ours, theirs = PairPool()(x), nn.functional.max_pool1d(x, 2)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    upstream = torch.randn_like(ours)
    gradients = [torch.autograd.grad(y, x, upstream)[0] for y in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


@pytest.mark.parametrize("swapped", [False, True])
def test_clustered_counts_equal_scipys_product_to_the_last_bit(swapped):
    rng = np.random.default_rng(6)
    dense = rng.integers(1, 60, (50, 16)) * (rng.random((50, 16)) < 0.3)
    counts = csr_matrix(dense.astype(np.uint16))
    cluster = np.array([*range(5), *rng.integers(0, 5, 11)])
    weight = rng.random(16).astype(np.float32)
    matrix = csr_matrix((weight, cluster, np.arange(17)), shape=(16, 5))
    rows = clustered(counts, matrix, swapped)
    order = np.arange(16) ^ 1 if swapped else np.arange(16)
    exact = (dense[:, order].astype(np.float64) @ matrix.toarray().astype(np.float64))
    np.testing.assert_allclose(rows.dense(), exact, rtol=1e-5)
    if swapped:
        counts.indices ^= 1
    theirs = counts.astype(np.float32) @ matrix
    theirs.sort_indices()
    np.testing.assert_array_equal(rows.indptr, theirs.indptr)
    np.testing.assert_array_equal(rows.indices, theirs.indices)
    np.testing.assert_array_equal(rows.values, theirs.data)


def test_a_feature_in_two_clusters_is_refused():
    with pytest.raises(ValueError, match="exactly one motif cluster"):
        clustered(csr_matrix(np.ones((3, 2), np.uint16)), csr_matrix(np.ones((2, 2), np.float32)))
