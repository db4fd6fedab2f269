"""Windows of a run: inputs on both strands, targets, borders."""

import numpy as np
import pytest

from precompute.artefacts import RunFolder
from precompute.config_inputs import Region
from precompute.errors import StageError
from precompute.models import dataset
from precompute.models.dataset import (
    CELL_BP,
    Source,
    TargetScaling,
    TokenBlocks,
    Window,
    training_batches,
)
from precompute.token_store import TokenStore
from tests.model_run import TRACKS

TRAIN = Region(chrom="chr20", start=1_000_000, end=1_030_000)


@pytest.fixture(scope="module")
def run(model_root):
    return RunFolder(model_root)


def test_tokens_are_the_stores_cluster_values(run):
    source, store = Source(run, "tokens", TRACKS), TokenStore(run)
    got = source.rows(Window("chr21", 30, 130)).dense()
    np.testing.assert_array_equal(got, store.cluster_values("chr21", 30, 130).toarray())


def test_reverse_strand_swaps_features_before_clustering(run):
    source, store = Source(run, "tokens", TRACKS), TokenStore(run)
    values = store.feature_values("chr20", 500, 620).toarray()
    swapped = values.reshape(len(values), -1, 2)[:, :, ::-1].reshape(values.shape)
    cluster = store.feature_cluster
    expected = np.stack([
        swapped[:, cluster == c].mean(axis=1) for c in range(store.n_clusters)
    ], axis=1)[::-1]
    got = source.rows(Window("chr20", 500, 620), reverse=True).dense()
    np.testing.assert_allclose(got, expected, atol=1e-6)
    # It is no mere reordering of the forward strand: the clusters mix the strands.
    forward = source.rows(Window("chr20", 500, 620)).dense()
    assert not np.allclose(got, forward[::-1])


def test_token_blocks_join_across_their_borders_within_their_memory(run, monkeypatch):
    monkeypatch.setattr(dataset, "_BLOCK_BINS", 64)
    store = TokenStore(run)
    blocks = TokenBlocks(store, cache_mb=0.05)
    n = store.n_bins("chr20")
    for lo, hi in ((0, 10), (60, 70), (64, 128), (100, 400), (n - 90, n)):
        expected = store.cluster_values("chr20", lo, hi).toarray()
        got = blocks.rows(Window("chr20", lo, hi)).dense()
        np.testing.assert_array_equal(got, expected)
        assert blocks.blocks.held <= 0.05 * 2**20
    backwards = blocks.rows(Window("chr20", 100, 400), reverse=True).dense()
    plain = Source(run, "tokens", TRACKS).rows(Window("chr20", 100, 400), True).dense()
    np.testing.assert_array_equal(backwards, plain)


def test_onehot_and_its_reverse_complement(run):
    source = Source(run, "onehot", TRACKS)
    window = Window("chr20", 2, 12)
    codes = source.codes("chr20")[32:192]
    assert (codes == 4).any()
    x = source.onehot(window)
    for position, code in enumerate(codes):
        expected = np.zeros(4) if code == 4 else np.eye(4)[code]
        np.testing.assert_array_equal(x[:, position], expected)
    complement = np.array([3, 2, 1, 0, 4])[codes[::-1]]
    reverse = source.onehot(window, reverse=True)
    for position, code in enumerate(complement):
        expected = np.zeros(4) if code == 4 else np.eye(4)[code]
        np.testing.assert_array_equal(reverse[:, position], expected)


def test_an_incomplete_last_cell_is_filled_with_nothing(model_root, tmp_path):
    codes = np.tile(np.arange(4, dtype=np.uint8), 10)[:37]
    run = RunFolder(tmp_path)
    for name in ("bins", "tokens", "motifs"):
        target = RunFolder(model_root).root / f"{name}.zarr"
        if target.exists():
            (tmp_path / target.name).symlink_to(target)
    (tmp_path / "motifs").symlink_to(model_root / "motifs")
    with run.writing_group("sequence") as group:
        for chrom in ("chr20", "chr21"):
            child = group.create_group(chrom, attributes={"start": 160, "end": 197, "length": 400})
            child.create_array("codes", data=codes)
    with run.writing_group("signal", tracks={}) as group:
        for chrom in ("chr20", "chr21"):
            group.create_array(f"{chrom}/atac/grid", data=np.ones(3, dtype=np.float32))
    source = Source(run, "onehot", ["atac"])
    assert source.n_positions("chr20") == 3
    np.testing.assert_array_equal(source.edges("chr20"), [160, 176, 192, 197])
    x = source.onehot(Window("chr20", 1, 3))
    assert x.shape == (4, 32)
    np.testing.assert_array_equal(x.sum(axis=0), [1.0] * 21 + [0.0] * 11)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_windows_stay_inside_their_region(run, encoding):
    source = Source(run, encoding, TRACKS)
    windows = source.windows([TRAIN], 100, 60)
    edges = source.edges("chr20")
    assert all(window.hi - window.lo == 100 for window in windows)
    assert all(edges[w.lo] >= TRAIN.start and edges[w.hi] <= TRAIN.end for w in windows)
    bounds = [("chr20", *source.positions(TRAIN))]
    seen = set()
    for epoch in range(5):
        rng = np.random.default_rng(epoch)
        items = [i for b in training_batches(windows, bounds, 4, 30, rng) for i in b]
        assert len(items) == len(windows)
        for window, reverse in items:
            assert edges[window.lo] >= TRAIN.start
            assert edges[window.hi] <= TRAIN.end
            assert window.hi - window.lo == 100
            seen.add((window.lo, reverse))
    # Shifts and strands are drawn anew each epoch.
    assert len(seen) > 3 * len(windows)
    assert {reverse for _, reverse in seen} == {True, False}


def test_both_encodings_have_windows_of_the_same_centre(run):
    tokens, onehot = (Source(run, e, TRACKS) for e in ("tokens", "onehot"))
    ours, theirs = tokens.windows([TRAIN], 100, 60), onehot.windows([TRAIN], 100, 60)
    assert len(ours) == len(theirs)
    # Those at the region's ends may have been moved inside it.
    for a, b in list(zip(ours, theirs, strict=True))[2:-2]:
        centre = tokens.edges("chr20")[[a.lo, a.hi]].mean()
        assert abs(onehot.edges("chr20")[[b.lo, b.hi]].mean() - centre) <= CELL_BP


def test_windows_of_unknown_bases_are_dropped(run):
    source = Source(run, "onehot", TRACKS)
    # Bases 50 to 90 of the synthetic chromosome are N.
    region = Region(chrom="chr20", start=1_000_000, end=1_002_000)
    assert min(w.lo for w in source.windows([region], 4, 4)) * CELL_BP > 50
    np.testing.assert_array_equal(
        source.unknown_bp("chr20", 1_000_000 + np.array([0, 48, 64, 96, 200])), [0, 14, 26, 0]
    )


def test_signal_is_read_on_the_strand_of_the_input(run):
    source = Source(run, "onehot", TRACKS)
    window = Window("chr21", 5, 25)
    expected = run.group("signal")["chr21/dnase/grid"][5:25]
    np.testing.assert_array_equal(source.signal(window)[1], expected)
    np.testing.assert_array_equal(source.signal(window, reverse=True)[1], expected[::-1])


def test_windows_that_cannot_be_are_refused(run):
    source = Source(run, "tokens", TRACKS)
    with pytest.raises(StageError, match="no window of 100000 positions fits"):
        source.windows([TRAIN], 100_000, 10)
    with pytest.raises(StageError, match="names chr7, which is no chromosome of the run"):
        source.windows([Region(chrom="chr7")], 10, 10)


@pytest.mark.parametrize("power", [0.5, 1.0, 0.25])
def test_scaling_is_undone_by_its_inverse(power):
    scaling = TargetScaling(0.3, power)
    signal = np.array([0.0, 0.01, 0.3, 7.0])
    np.testing.assert_allclose(scaling.restore(scaling.scale(signal)), signal, rtol=1e-5)
    assert scaling.scale(np.array([0.3]))[0] == pytest.approx(1.0)
    np.testing.assert_array_equal(scaling.restore(np.array([-1.0])), [0.0])
