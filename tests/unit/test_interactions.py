"""Interactions by knock-out: networks whose interaction is known, and a stage against one pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, wilcoxon
from torch import nn

from precompute.artefacts import RunFolder
from precompute.errors import MotiflensError
from precompute.interactions import stage
from precompute.interactions.contrast import contrast, summarize
from precompute.interactions.knockout import Taken, predict_batch, target, without
from precompute.interactions.windows import occurrences, pairs_in_window, summits
from precompute.manifest import hash_path
from precompute.models.architectures import Network
from precompute.models.blocks import TokenStem
from precompute.models.dataset import Source, TargetScaling, Window
from precompute.models.predict import Predictor
from precompute.models.sparse import SparseRows
from precompute.models.store import TrainedModel, load_own_model
from tests.model_run import context, store_model, write_model_run

N_BINS = 12
SETTINGS = {"windows": 30, "clusters": 6, "pairs": 5, "sites": 4, "min_sites": 3, "bootstrap": 20,
            "min_occupancy": 0.1}


def gate(bias: float) -> Predictor:
    """relu(bias + the occupancy of clusters 0 and 1 in a bin and its neighbours)."""
    stem, conv = TokenStem(3, 1), nn.Conv1d(1, 1, 3, padding=1)
    with torch.no_grad():
        stem.weight[:] = torch.tensor([[1.0], [1.0], [0.0]])
        conv.weight[:] = 1.0
        conv.bias[:] = bias
    network = Network(stem, conv, nn.ReLU())
    scalings = [TargetScaling(1.0, 1.0)]
    return Predictor(TrainedModel(network, "tokens", ["signal"], scalings, {}))


def interaction(predictor: Predictor, c: float = 0.01):
    """Contrast of cluster 0 in bin 5 and cluster 1 in bin 6, bins of 10 bp."""
    dense = np.zeros((N_BINS, 3), dtype=np.float32)
    dense[5, 0] = dense[6, 1] = dense[2, 2] = 1
    rows = SparseRows.from_dense(dense)
    first, second = Taken(0, 5, 6), Taken(1, 6, 7)
    variants = [without(rows, taken) for taken in ([], [first], [second], [first, second])]
    np.testing.assert_array_equal(rows.dense(), dense)
    whole = target(10 * np.arange(N_BINS + 1), 0, 10 * N_BINS)
    y = predict_batch(predictor, 0, variants, [whole] * 4)
    return y, contrast(*y[:, None], pseudo_value=c)


def test_an_additive_network_has_no_interaction():
    y, found = interaction(gate(0.0))
    np.testing.assert_allclose(y, np.array([6, 3, 3, 0]) / N_BINS)
    assert found.linear[0] == 0


def test_an_and_gate_loses_everything_with_either_one():
    y, found = interaction(gate(-1.0), c=0.01)
    np.testing.assert_allclose(y, np.array([2, 0, 0, 0]) / N_BINS, atol=1e-7)
    assert found.linear[0] == pytest.approx(2 / N_BINS)
    assert found.log2[0] == pytest.approx(np.log2((2 / N_BINS + 0.01) / 0.01))
    assert found.first[0] == found.second[0] == found.both[0] < 0


def test_clusters_that_stand_in_for_each_other_interact_negatively():
    """An OR gate: nothing changes until both are gone."""
    found = contrast(*np.array([[1.0], [1.0], [1.0], [0.0]]), pseudo_value=0.1)
    assert found.linear[0] == -1
    assert found.log2[0] == pytest.approx(np.log2(0.1 / 1.1))


def test_independent_fold_changes_are_none_on_the_logarithmic_scale_only():
    whole = np.array([3.0, 0.2])
    found = contrast(whole, whole * 0.5, whole * 0.25, whole * 0.125, 1e-12)
    np.testing.assert_array_equal(found.log2, 0)
    # Less than the two single losses together: convex, hence the logarithm.
    np.testing.assert_array_less(0, whole - whole * 0.5 - whole * 0.25 + whole * 0.125)


def test_the_target_counts_bases_not_bins():
    found = target(np.array([0, 10, 40, 50]), 5, 40)
    np.testing.assert_allclose(found.weight, [5 / 35, 30 / 35, 0])
    np.testing.assert_allclose(found.offsets_bp, [5, 25, 45])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.5))
def test_occurrences_are_the_runs_of_bins_that_hold_a_cluster(seed, least):
    rng = np.random.default_rng(seed)
    dense = (rng.random((14, 4)) * (rng.random((14, 4)) < 0.5)).astype(np.float32)
    wanted = []
    for cluster in range(4):
        row = 0
        while row < 14:
            end = row
            while end < 14 and dense[end, cluster] > 0:
                end += 1
            if end > row and dense[row:end, cluster].astype(float).sum() >= least:
                wanted.append((cluster, row, end))
            row = max(end, row) + 1
    found = occurrences(SparseRows.from_dense(dense), least)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == wanted


def test_pairs_are_near_and_seen_by_one_output():
    dense = np.zeros((40, 3), dtype=np.float32)
    dense[[4, 9, 30], 0] = dense[[5, 6], 1] = dense[20, 2] = 1
    found = occurrences(SparseRows.from_dense(dense), 0.5)
    centre = (found.lo + found.hi) / 2 * 10.0
    pairs = pairs_in_window(found, centre, np.array([0, 1]), 60, None)
    assert pairs == {(0, 0): [(0, 1)], (0, 1): [(0, 3), (1, 3)]}
    # Bins 4 and 9 lie 5 apart: an output that sees 2 on either side cannot see both.
    assert (0, 0) not in pairs_in_window(found, centre, np.array([0, 1]), 60, 4)
    assert (0, 0) in pairs_in_window(found, centre, np.array([0, 1]), 60, 5)


def test_summits_are_the_highest_windows_and_lie_apart():
    rng = np.random.default_rng(2)
    grid = rng.gamma(0.3, 1, 4000).astype(np.float32)
    grid[100:140] = np.nan
    cell, height = summits(grid, 31)
    known = np.nan_to_num(grid.astype(float))
    means = np.array([known[max(0, c - 15) : c + 16].sum() / 31 for c in cell])
    np.testing.assert_allclose(height, means, rtol=1e-9)
    assert np.diff(cell).min() >= 31
    every = np.convolve(known, np.ones(31) / 31, "same")
    assert height.max() == pytest.approx(every[1:-1].max())
    assert len(summits(np.zeros(500, np.float32), 31).cell) == 0


def test_the_summary_is_the_bootstrap_and_the_signed_rank_test():
    values = np.random.default_rng(3).normal(0.4, 1, 40)
    values[7] = 0.0
    found = summarize(values, 2000, np.random.default_rng(0))
    assert found.mean == pytest.approx(values.mean())
    error = values.std(ddof=1) / 40**0.5
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    assert found.p_value == pytest.approx(wilcoxon(values[values != 0]).pvalue)
    assert summarize(np.zeros(12), 50, np.random.default_rng(0)).p_value == 1


# -- the stage -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """A run with a random token model whose pairs were knocked out, and the facts."""
    root = write_model_run(tmp_path_factory.mktemp("interactions") / "run", n_bp=40_000)
    store_model(root, "tokens")
    return root, stage.run(context(root, "interactions", interactions=SETTINGS))


def test_predictions_are_those_of_one_pass_over_the_changed_chromosome(tested):
    run = RunFolder(tested[0])
    model = load_own_model(run, "tokens")
    source = Source(run, "tokens", model.tracks)
    sites = run.table("interaction_sites")
    assert len(sites) >= 8
    for row in sites.iloc[:: max(1, len(sites) // 6)].itertuples():
        edges = source.edges(row.chrom)
        dense = source.rows(Window(row.chrom, 0, len(edges) - 1)).dense()
        share = np.clip(np.minimum(edges[1:], row.window_end)
                        - np.maximum(edges[:-1], row.window_start), 0, None)
        taken = [
            (slice(*np.searchsorted(edges, ends)), cluster) for ends, cluster in (
                ((row.first_start, row.first_end), row.first),
                ((row.second_start, row.second_end), row.second))
        ]
        assert all((dense[place] > 0).all() for place in taken)
        for places, found in (
            ([], row.predicted), (taken[:1], row.without_first), (taken[1:], row.without_second),
            (taken, row.without_both),
        ):
            x = dense.copy()
            for place in places:
                x[place] = 0
            with torch.no_grad():
                y = model.network(torch.from_numpy(x.T[None]))[0, 0].numpy()
            wanted = np.average(model.scalings[0].restore(y), weights=share)
            assert found == pytest.approx(wanted, rel=1e-4)


def test_numbers_of_a_pair_are_those_of_its_sites(tested):
    run, facts = RunFolder(tested[0]), tested[1]
    pairs, sites = run.table("interactions"), run.table("interaction_sites")
    assert facts["pairs"] == len(pairs) == 5
    np.testing.assert_allclose(pairs["q_value"], false_discovery_control(pairs["p_value"]))
    for row in pairs.itertuples():
        mine = sites[(sites["first"] == row.first) & (sites["second"] == row.second)]
        logs = [np.log2(mine[c] + facts["pseudo_value"]) for c in (
            "without_both", "predicted", "without_first", "without_second")]
        assert row.sites == len(mine) <= min(4, row.windows)
        assert row.interaction == pytest.approx((logs[0] + logs[1] - logs[2] - logs[3]).mean(),
                                                abs=1e-5)
        assert row.interaction_low <= row.interaction <= row.interaction_high
        assert mine["distance_bp"].max() <= 150
        # One site in each window: sites are independent.
        assert not mine.duplicated(["chrom", "window_start"]).any()
        middle = (mine["first_start"] + mine["first_end"]) / 2
        assert (middle >= mine["window_start"]).all()
        assert (middle < mine["window_end"]).all()


def test_workers_change_nothing_and_a_stopped_stage_goes_on(tested, monkeypatch):
    root = tested[0]
    names = ("interactions", "interaction_sites")
    before = {name: hash_path(RunFolder(root).path(name)) for name in names}
    monkeypatch.setattr(stage, "_KEPT_EVERY", 1)
    monkeypatch.setattr(stage, "_BATCH", 16)

    class StoppedError(Exception):
        """The machine went down."""

    calls = []

    def fail_late(done, total, note):
        calls.append(done)
        if done > total / 2:
            raise StoppedError

    one = context(root, "interactions", interactions=SETTINGS, run={"workers": 1})
    with pytest.raises(StoppedError):
        stage.run(stage.StageContext(one.config, one.run, one.stage, fail_late))
    partial = root / "effects" / "interactions.partial.npz"
    assert partial.exists()
    resumed = []
    stage.run(stage.StageContext(one.config, one.run, one.stage,
                                 lambda done, total, note: resumed.append(done)))
    assert len(resumed) < len(calls) * 2
    assert resumed[0] > calls[0]
    assert not partial.exists()
    # Other batches round otherwise, so only the same batches give the same bytes.
    monkeypatch.undo()
    stage.run(one)
    assert {name: hash_path(RunFolder(root).path(name)) for name in names} == before
    partial.write_bytes(b"PK no archive")
    stage.run(one)
    assert {name: hash_path(RunFolder(root).path(name)) for name in names} == before


def test_without_pairs_the_tables_are_empty_and_typed(tested):
    root = tested[0]
    facts = stage.run(context(root, "interactions", interactions={**SETTINGS, "min_sites": 31}))
    assert facts["pairs"] == facts["sites"] == 0
    table = RunFolder(root).table("interactions")
    assert list(table.columns) == [*stage.PAIR_COLUMNS[:13], "q_value", *stage.PAIR_COLUMNS[13:]]
    assert str(table["first"].dtype) == "int32"
    with pytest.raises(MotiflensError, match="choose one of them"):
        stage.run(context(root, "interactions", attributions={"track": "other"}))
