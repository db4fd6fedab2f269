"""Attribution stages: tiles against one pass, the contract, the background."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from precompute import attributions
from precompute.artefacts import RunFolder
from precompute.attribution.background import background_baseline, background_windows
from precompute.attribution.tiling import Overlap, stretches, tiles
from precompute.errors import ConfigError, StageError
from precompute.manifest import hash_path
from precompute.models.dataset import CELL_BP, Source, Window
from precompute.models.deeplift import Explainer
from tests.courier import Courier
from tests.model_run import TRACKS, context, random_model, store_model, write_model_run

ENCODINGS = ["tokens", "onehot"]
STAGES = {"tokens": attributions.run_tokens, "onehot": attributions.run_onehot}


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """A run with random models explained in tiles of 300, and the facts."""
    root = write_model_run(tmp_path_factory.mktemp("explained") / "run", n_bp=40_005)
    facts = {}
    for encoding in ENCODINGS:
        store_model(root, encoding)
        facts[encoding] = STAGES[encoding](context(root, f"attribute_{encoding}"))
    return root, facts


def whole(root, encoding, chrom):
    """One DeepLIFT pass over a chromosome with the stage's own baseline."""
    run = RunFolder(root)
    source = Source(run, encoding, TRACKS)
    stage = context(root, f"attribute_{encoding}")
    baseline = background_baseline(source, run.table("peaks"), 0, stage.rng("background"))
    window = Window(chrom, 0, source.n_positions(chrom))
    x = source.rows(window).dense().T if encoding == "tokens" else source.onehot(window)
    model = random_model(encoding, source.n_channels)
    return source, x, Explainer(model, baseline, 0).dense(x)


@pytest.mark.parametrize("chrom", ["chr20", "chr21"])
def test_token_tiles_equal_one_pass(explained, chrom):
    root, _ = explained
    source, x, found = whole(root, "tokens", chrom)
    group = RunFolder(root).group("attributions_tokens")[chrom]
    indptr, indices = group["indptr"][:], group["indices"][:]
    present = source.store.cluster_values(chrom, 0, source.n_positions(chrom))
    np.testing.assert_array_equal(indptr, present.indptr)
    np.testing.assert_array_equal(indices, present.indices)
    bins = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    scale = np.abs(found.values).max()
    np.testing.assert_allclose(
        group["values"][:], found.values[indices, bins], rtol=1e-6, atol=1e-7 * scale
    )
    absent = np.where(x == 0, found.values, 0).sum(axis=0)
    np.testing.assert_allclose(group["absent"][:], absent, rtol=1e-5, atol=1e-6 * scale)
    total = group["values"][:].sum(dtype=float) + group["absent"][:].sum(dtype=float)
    assert total == pytest.approx(found.prediction - found.baseline_prediction, rel=1e-4)


@pytest.mark.parametrize("chrom", ["chr20", "chr21"])
def test_base_tiles_equal_one_pass(explained, chrom):
    root, _ = explained
    source, _, found = whole(root, "onehot", chrom)
    values = RunFolder(root).group("attributions_onehot")[f"{chrom}/values"][:]
    n_bp = len(source.codes(chrom))
    assert values.shape == (n_bp,)
    expected = found.values.sum(axis=0)[:n_bp]
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tile_size_and_workers_change_nothing(explained, tmp_path, encoding):
    root, _ = explained
    name = f"attributions_{encoding}"
    before = {
        key: RunFolder(root).group(name)[f"chr21/{key}"][:]
        for key in ("values", *(["absent", "indptr"] if encoding == "tokens" else []))
    }
    again = write_model_run(tmp_path / "run", n_bp=40_005)
    store_model(again, encoding)
    stage = context(
        again, f"attribute_{encoding}", attributions={"tile_bins": 64}, run={"workers": 1}
    )
    STAGES[encoding](stage)
    for key, values in before.items():
        got = RunFolder(again).group(name)[f"chr21/{key}"][:]
        np.testing.assert_allclose(got, values, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_tiles_partition_the_prediction_and_state_their_error(explained, encoding):
    root, facts = explained
    group = RunFolder(root).group(f"attributions_{encoding}")
    worst = 0.0
    for chrom in ("chr20", "chr21"):
        source, _, found = whole(root, encoding, chrom)
        edges = group[f"{chrom}/tile_edges"][:]
        assert edges[0] == 0
        assert edges[-1] == source.n_positions(chrom)
        assert (np.diff(edges) > 0).all()
        assert (np.diff(edges)[:-1] == 300).all()
        assert group[f"{chrom}/tile_prediction"][:].sum() == pytest.approx(found.prediction)
        baseline = group[f"{chrom}/tile_baseline"][:].sum()
        assert baseline == pytest.approx(found.baseline_prediction)
        errors = group[f"{chrom}/tile_error"][:]
        assert (errors < 1e-9).all()
        worst = max(worst, errors.max())
    assert facts[encoding]["completeness_error"] == worst
    assert facts[encoding]["track"] == "atac"


def test_attributes_say_what_was_explained(explained):
    root, _ = explained
    for encoding, positions in (("tokens", "bins"), ("onehot", "16-bp cells")):
        attributes = RunFolder(root).group(f"attributions_{encoding}").attrs
        assert attributes["track"] == "atac"
        assert attributes["baseline"] == "background"
        assert attributes["target"] == (
            f"predicted signal (insertions per bp) summed over the {positions} of the tile"
        )
    group = RunFolder(root).group("attributions_tokens")
    summed, bins = np.zeros(len(group.attrs["mean_abs"])), 0
    for chrom in ("chr20", "chr21"):
        indices, values = group[f"{chrom}/indices"][:], group[f"{chrom}/values"][:]
        summed += np.bincount(indices, np.abs(values), len(summed))
        bins += group[f"{chrom}/indptr"].shape[0] - 1
    np.testing.assert_allclose(group.attrs["mean_abs"], summed / bins, rtol=1e-5)


def test_another_track_and_the_zero_baseline_are_used_when_asked(explained, tmp_path):
    root = write_model_run(tmp_path / "run", n_bp=20_000)
    store_model(root, "tokens")
    changes = {"attributions": {"track": "dnase", "baseline": "zero"}}
    facts = attributions.run_tokens(context(root, "attribute_tokens", **changes))
    assert (facts["track"], facts["baseline"]) == ("dnase", "zero")
    group = RunFolder(root).group("attributions_tokens")
    assert np.abs(group["chr20/absent"][:]).max() < 1e-6 * np.abs(group["chr20/values"][:]).max()
    with pytest.raises(StageError, match="is 'other', the model predicts atac, dnase"):
        attributions.run_tokens(
            context(root, "attribute_tokens", attributions={"track": "other"})
        )


# -- background ------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_background_has_no_peak_no_n_and_low_signal(model_root, encoding):
    run = RunFolder(model_root)
    source, peaks = Source(run, encoding, TRACKS), run.table("peaks")
    found = background_windows(source, peaks, 0)
    assert found
    means = []
    for window in found:
        edges = source.edges(window.chrom)
        start, end = edges[window.lo], edges[window.hi]
        here = peaks[peaks["chrom"] == window.chrom]
        assert not ((here["start"] < end) & (here["end"] > start)).any()
        assert source.unknown_bp(window.chrom, np.array([start, end]))[0] == 0
        means.append(source.signal(window)[0].mean())
    overall = np.concatenate([
        source.signal(Window(c, 0, source.n_positions(c)))[0] for c in source.store.chroms
    ])
    assert np.mean(means) < overall.mean()


def test_baseline_is_the_mean_of_the_background(model_root):
    run = RunFolder(model_root)
    peaks = run.table("peaks")
    for encoding in ENCODINGS:
        source = Source(run, encoding, TRACKS)
        windows = background_windows(source, peaks, 0)
        rng = np.random.default_rng(0)
        baseline = background_baseline(source, peaks, 0, rng)
        if encoding == "tokens":
            x = np.concatenate([source.rows(w).dense() for w in windows]).T
        else:
            x = np.concatenate([source.onehot(w) for w in windows], axis=1)
            assert baseline.sum() == pytest.approx(1)
        # Every window is used: there are fewer than the stage would sample.
        np.testing.assert_allclose(baseline, x.mean(axis=1, dtype=np.float64), rtol=1e-5)


def test_what_was_not_measured_is_no_background(model_root, tmp_path):
    shutil.copytree(model_root, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    source, peaks = Source(run, "tokens", TRACKS), run.table("peaks")
    before = background_windows(source, peaks, 0)
    array = zarr.open_group(run.path("signal"), mode="r+")["chr20/atac/bins"]
    hole = before[0]
    array[hole.lo + 3 : hole.hi] = np.nan
    source = Source(run, "tokens", TRACKS)
    found = background_windows(source, peaks, 0)
    assert hole not in found
    assert len(found) > 0.8 * len(before)
    assert all(np.isfinite(source.signal(window)[0]).all() for window in found)
    assert np.isfinite(background_baseline(source, peaks, 0, np.random.default_rng(0))).all()


def test_peaks_everywhere_leave_no_background(model_root):
    run = RunFolder(model_root)
    source, peaks = Source(run, "tokens", TRACKS), run.table("peaks")
    peaks["start"], peaks["end"] = 0, 10_000_000
    with pytest.raises(StageError, match="only 0 background windows hold no peak"):
        background_baseline(source, peaks, 0, np.random.default_rng(0))


# -- tiles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "size", "halo"), [(100, 30, 4), (100, 10, 25), (5, 10, 3), (91, 30, 9)]
)
def test_overlapping_tiles_add_up(n, size, halo):
    rng = np.random.default_rng(0)
    expected, got, overlap = np.zeros(n), [], Overlap()
    todo = tiles(n, size, halo)
    assert [t.lo for t in todo[1:]] == [t.hi for t in todo[:-1]]
    for number, tile in enumerate(todo):
        assert tile.first == max(0, tile.lo - halo)
        assert tile.last == min(n, tile.hi + halo)
        values = rng.normal(size=tile.last - tile.first)
        expected[tile.first : tile.last] += values
        upto = todo[number + 1].first if number + 1 < len(todo) else n
        got.append(overlap.add(tile.first, values, upto))
    np.testing.assert_allclose(np.concatenate(got), expected, atol=1e-12)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_cluster_writes_the_same_bytes(explained, tmp_path, encoding):
    root, facts = explained
    shutil.copytree(root, tmp_path / "run")
    name = f"attributions_{encoding}"
    stage = context(tmp_path / "run", f"attribute_{encoding}")
    cluster = Courier(3)
    assert STAGES[encoding](dataclasses.replace(stage, cluster=cluster)) == facts[encoding]
    assert cluster.tasks > 1
    assert hash_path(RunFolder(tmp_path / "run").path(name)) == hash_path(
        RunFolder(root).path(name))


# -- around peaks ----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_lies_around_peaks_is_what_the_whole_run_gives_and_the_rest_is_nan(
    explained, tmp_path, encoding
):
    root, _ = explained
    shutil.copytree(root, tmp_path / "run")
    run, name = RunFolder(tmp_path / "run"), f"attributions_{encoding}"
    peaks = run.table("peaks")
    target = peaks["target"].iloc[0]
    stage = context(
        tmp_path / "run", f"attribute_{encoding}",
        attributions={"peaks": [target], "flank_bp": 150, "tile_bins": 64},
    )
    facts = STAGES[encoding](stage)
    assert 0 < facts["explained_share"] < 0.9
    some, every = run.group(name), RunFolder(root).group(name)
    source, n_known = Source(run, encoding, TRACKS), 0
    for chrom in source.store.chroms:
        here = peaks[(peaks["target"] == target) & (peaks["chrom"] == chrom)]
        edges = source.edges(chrom)
        is_near = np.zeros(len(edges) - 1, dtype=bool)
        for start, end in zip(here["start"], here["end"], strict=True):
            is_near |= (edges[:-1] < end + 150) & (edges[1:] > start - 150)
        if encoding == "tokens":
            indptr = some[f"{chrom}/indptr"][:]
            np.testing.assert_array_equal(indptr, every[f"{chrom}/indptr"][:])
            np.testing.assert_array_equal(
                some[f"{chrom}/indices"][:], every[f"{chrom}/indices"][:])
            wanted = np.repeat(is_near, np.diff(indptr))
        else:
            wanted = np.repeat(is_near, CELL_BP)[: source.n_bp(chrom)]
        values = some[f"{chrom}/values"][:]
        np.testing.assert_array_equal(np.isfinite(values), wanted)
        np.testing.assert_allclose(
            values[wanted], every[f"{chrom}/values"][:][wanted], rtol=1e-5, atol=1e-8)
        tiles, error = some[f"{chrom}/tile_edges"][:], some[f"{chrom}/tile_error"][:]
        assert (tiles[0], tiles[-1]) == (0, len(is_near))
        assert (np.diff(tiles) > 0).all()
        np.testing.assert_array_equal(np.repeat(np.isfinite(error), np.diff(tiles)), is_near)
        n_known += int(wanted.sum())
    assert n_known > 100


def test_peaks_that_the_annotation_lacks_are_refused(explained):
    root, _ = explained
    stage = context(root, "attribute_tokens", attributions={"peaks": ["nobody"]})
    before = hash_path(RunFolder(root).path("attributions_tokens"))
    with pytest.raises(ConfigError, match=r"names 'nobody', and the annotation's peaks are .*;"):
        attributions.run_tokens(stage)
    assert hash_path(RunFolder(root).path("attributions_tokens")) == before


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=6),
)
def test_stretches_cover_everything_once_and_are_what_was_asked_for(n, given_intervals):
    found = stretches(n, np.array(given_intervals, dtype=np.int64).reshape(-1, 2))
    assert found[0].lo == 0
    assert found[-1].hi == n
    asked = {p for lo, hi in given_intervals for p in range(max(lo, 0), min(hi, n))}
    for before, after in itertools.pairwise(found):
        assert before.hi == after.lo
        assert before.is_explained != after.is_explained
    assert {p for s in found if s.is_explained for p in range(s.lo, s.hi)} == asked
