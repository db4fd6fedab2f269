"""Windows like another one against brute force over the words, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest

from precompute import window_index
from precompute.artefacts import RunFolder
from precompute.composition import cluster_weights, compositions
from precompute.config import parse_config
from precompute.context import StageContext
from precompute.manifest import hash_path
from vizapp.callbacks.window_neighbors import rows_of, says
from vizapp.data.window_neighbors import NeighborError, WindowNeighbors
from vizapp.state import Region
from vizapp.views.window_neighbors import _plain, neighbors_card

WINDOW_BP = 2_000


def brute(data):
    """Region and counts of clusters in every window, from the words of its bins."""
    words = data.run.table("words")["clusters"]
    found = []
    for chrom, (low, high) in data.chroms.items():
        starts = data.tokens.edges(chrom)[:-1]
        word = data.run.group("word_ids")[f"{chrom}/word"][:]
        for start in range(low, high, WINDOW_BP):
            counts = np.zeros(data.tokens.n_clusters, int)
            for w in word[(starts >= start) & (starts < start + WINDOW_BP)].tolist():
                counts[words[w]] += 1
            found.append((Region(chrom, start, min(start + WINDOW_BP, high)), counts))
    return found


@pytest.fixture(scope="module")
def windows(data):
    return brute(data)


def unit(counts, weights):
    vector = np.sqrt(counts) * weights
    length = np.sqrt((vector**2).sum())
    return vector / length if length else vector


def test_the_index_is_what_the_words_of_each_window_say(data, windows):
    group = data.run.group("window_index")
    counts = np.array([c for _, c in windows])
    np.testing.assert_array_equal(group.attrs["holders"], (counts > 0).sum(axis=0))
    assert group.attrs["n_windows"] == counts.any(axis=1).sum()
    weights = cluster_weights(np.array(group.attrs["holders"]), group.attrs["n_windows"])
    at = 0
    for chrom in data.chroms:
        indptr = group[f"{chrom}/indptr"][:]
        for k in range(len(indptr) - 1):
            part = slice(int(indptr[k]), int(indptr[k + 1]))
            dense = np.zeros(len(weights))
            dense[group[f"{chrom}/indices"][part]] = group[f"{chrom}/values"][part]
            np.testing.assert_allclose(dense, unit(windows[at][1], weights), atol=1e-6)
            at += 1
    assert at == len(windows)


def test_found_windows_are_the_most_similar_ones_of_all(data, windows, monkeypatch):
    """Against the cosine of dense vectors, whatever is read at a time."""
    weights = data.window_neighbors._weights
    for region, counts in (windows[7], windows[-2]):
        mine = unit(counts, weights)
        all_others = {
            r: float(unit(c, weights) @ mine) for r, c in windows
            if r.chrom != region.chrom or r.end <= region.start or r.start >= region.end
        }
        found = data.window_neighbors.find(region, most=10)
        assert found.region == region
        wanted = sorted(all_others.values(), reverse=True)[: len(found.found)]
        np.testing.assert_allclose([a.similarity for a in found.found], wanted, atol=1e-5)
        for alike in found.found:
            assert alike.similarity == pytest.approx(all_others[alike.region], abs=1e-5)
            other = dict(windows)[alike.region]
            assert all(counts[c] and other[c] for c in alike.shared)
        assert found.n_windows == len(all_others)
        assert found.median == pytest.approx(np.median(list(all_others.values())), abs=1e-5)
        monkeypatch.setattr("vizapp.data.window_neighbors._BLOCK", 37)
        assert data.window_neighbors.find(region, most=10) == found
        monkeypatch.undo()


def test_a_window_is_most_like_itself(data, windows):
    mine = data.window_neighbors.vector(windows[3][0])
    assert mine @ mine == pytest.approx(1)
    chrom = windows[3][0].chrom
    assert data.window_neighbors._similarities(chrom, mine).argmax() == 3


def test_only_the_largest_weights_are_kept_and_ties_go_to_the_smaller_cluster():
    counts = np.array([[4, 1, 1, 9, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]])
    weights = np.array([1.0, 1.0, 1.0, 0.0, 2.0])
    found = compositions(counts, weights, 2)
    assert found.indptr.tolist() == [0, 2, 2, 4]
    assert found.indices.tolist() == [0, 1, 2, 4]
    np.testing.assert_allclose(found.values, np.array([2, 1, 1, 2]) / 5**0.5, rtol=1e-6)
    np.testing.assert_allclose(
        cluster_weights(np.array([5, 10, 0]), 10), [np.log(11 / 5.5), np.log(11 / 10.5), 0])


def test_blocks_and_workers_change_nothing(data, tmp_path, monkeypatch):
    root = tmp_path / "run"
    root.mkdir()
    for name in ("sequence", "bins", "tokens", "features", "feature_clusters"):
        there = RunFolder(root).path(name)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(data.run.path(name))
    raw = {**data.config, "run": {**data.config["run"], "workers": 3}}
    monkeypatch.setattr(window_index, "_BLOCK_WINDOWS", 7)
    context = StageContext(parse_config(raw, None, "x"), RunFolder(root), "window_index")
    facts = window_index.run(context)
    assert facts["windows"] == len(brute(data))
    assert hash_path(RunFolder(root).path("window_index")) == hash_path(
        data.run.path("window_index"))


def test_rows_say_where_how_similar_and_how_active(data, windows):
    found = data.window_neighbors.find(windows[7][0])
    rows = rows_of(data, found)
    assert 0 < len(rows) <= 25
    for row, alike in zip(rows, found.found, strict=True):
        assert (row["chrom"], row["start"], row["end"]) == alike.region
        chrom, start, end = alike.region
        low = data.chroms[chrom][0]
        grid = data.run.group("signal")[f"{chrom}/atac/grid"][:]
        part = grid[(start - low) // 16 : -(-(end - low) // 16)]
        assert row["signal_atac"] == pytest.approx(part.mean(), rel=0.02)
    assert "99th percentile" in says(data, found)
    # A view of any width asks for its middle.
    wide = Region("chr20", 1_000_000, 1_100_000)
    assert data.window_neighbors.middle(wide) == Region("chr20", 1_049_000, 1_051_000)
    edge = data.window_neighbors.middle(Region("chr20", 1_000_000, 1_000_020))
    assert edge == Region("chr20", 1_000_000, 1_002_000)


def test_a_window_without_motifs_has_its_sentence(data, monkeypatch):
    from scipy.sparse import csr_matrix

    empty = csr_matrix((130, data.tokens.n_clusters), dtype=np.float32)
    monkeypatch.setattr(type(data.tokens), "cluster_values", lambda *_: empty)
    with pytest.raises(NeighborError, match=r"unknown sequence \(N\)"):
        data.window_neighbors.find(Region("chr20", 1_000_000, 1_010_000))
    monkeypatch.setattr(WindowNeighbors, "is_there", False)
    assert "the stage window_index" in str(neighbors_card(data))


def test_a_name_is_no_script():
    assert _plain("a'); alert('x") == "a alertx"
