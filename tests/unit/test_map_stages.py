"""The map's stages on the synthetic run: repeatable bytes, placed tokens, sentences for too few."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from precompute import communities, enrichment, explorer
from precompute.artefacts import RunFolder
from precompute.communities import nearest_communities
from precompute.config import load_config, parse_config
from precompute.context import StageContext
from precompute.embedding import layout, stage
from precompute.embedding.neighbors import unit_rows
from precompute.embedding.placing import place_tokens
from precompute.errors import ConfigError, StageError
from precompute.manifest import hash_path
from precompute.token_store import TokenStore
from tests.synthetic_outcomes import REPOSITORY

WRITES = ("points", "layouts", "neighbors", "layout_quality")
LATER = ("communities", "community_stability", "bin_communities", "enrichment", "community_table")


def make_map(root, workers=2, stages=("embedding", "communities", "enrichment"), **changes):
    """Run stages with changed settings: ``embedding={...}``, ``communities={...}``."""
    config = json.loads((root / "config.json").read_text())
    config["run"]["workers"] = workers
    for section, values in changes.items():
        config[section] |= values
    run = RunFolder(root)
    functions = {"embedding": stage.run, "communities": communities.run,
                 "enrichment": enrichment.run, "explorer": explorer.run}
    checked = parse_config(config, None, "test")
    return run, {name: functions[name](StageContext(checked, run, name)) for name in stages}


SMALL = {"max_points": 300, "sampling": "stratified", "placed_points": 120, "pca_components": 8,
         "umap_neighbors": 10, "tsne_perplexity": 10, "quality_neighbors": 10}
FEW = {"mega_neighbors": 60, "sub_neighbors": 20, "stability_seeds": 3}


@pytest.fixture(scope="module", autouse=True)
def few_iterations():
    """Each t-SNE takes as long as that of a whole map; a tenth of it arranges 300 tokens too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_TSNE_ITERATIONS", (60, 100))
        yield


@pytest.fixture(scope="module")
def made(synthetic_root, tmp_path_factory):
    root = tmp_path_factory.mktemp("map") / "run"
    shutil.copytree(synthetic_root, root)
    run, facts = make_map(
        root, stages=("embedding", "communities", "enrichment", "explorer"), embedding=SMALL,
        communities=FEW)
    return run, facts


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(made, tmp_path):
    shutil.copytree(made[0].root, tmp_path / "again")
    again, _ = make_map(tmp_path / "again", workers=1, embedding=SMALL, communities=FEW)
    for name in (*WRITES, *LATER):
        assert hash_path(again.path(name)) == hash_path(made[0].path(name)), name


def test_fitted_and_placed_points_are_told_apart_and_all_are_somewhere(made):
    run, facts = made
    points = run.table("points")
    assert points["is_fitted"].sum() == facts["embedding"]["fitted_points"] == 300
    assert len(points) == 420
    per_word = points[points["is_fitted"]]["word"].value_counts()
    assert per_word.max() == facts["embedding"]["word_cap"]
    layouts = run.group("layouts")
    for name in ("pca", "umap", "tsne"):
        assert np.isfinite(layouts[name][:]).all()
    node = run.group("neighbors")["node"][:]
    mega = run.table("communities")["megacluster"].to_numpy()
    for number in np.unique(node[node >= 0]):
        same = node == number
        assert len(np.unique(layouts["tsne"][:][same], axis=0)) == 1
        assert len(np.unique(mega[same])) == 1
    assert facts["embedding"]["quality"]["tsne_preservation"] > 0.3
    assert facts["embedding"]["quality"]["tsne_preservation_placed"] > 0.2


def test_placed_points_mostly_belong_to_the_community_of_the_nearest_centroid(made):
    run, _ = made
    is_fitted = run.table("points")["is_fitted"].to_numpy()
    mega = run.table("communities")["megacluster"].to_numpy()
    pca = run.group("layouts")["pca"][:]
    unit = unit_rows(pca / pca[is_fitted].std(axis=0))
    centroids = np.stack([
        unit[is_fitted & (mega == c)].mean(axis=0) for c in range(mega.max() + 1)])
    found = nearest_communities(unit[~is_fitted], centroids)
    assert (found == mega[~is_fitted]).mean() > 0.7


def test_the_stored_map_places_its_own_tokens_on_themselves(made):
    run, _ = made
    store, points = TokenStore(run), run.table("points")
    some = points[(points["chrom"] == "chr20")].iloc[::29]
    placed = place_tokens(run, store.rows("chr20", some["bin"].to_numpy()))
    for name in ("umap", "tsne"):
        stored = run.group("layouts")[name][:][some["point"].to_numpy()]
        np.testing.assert_array_equal(placed.layouts[name], stored)
    node = run.group("neighbors")["node"][:][some["point"].to_numpy()]
    assert np.array_equal(placed.equal, node)


def test_one_megacluster_is_named_all_tokens(made, tmp_path):
    shutil.copytree(made[0].root, tmp_path / "one")
    run, facts = make_map(
        tmp_path / "one", stages=("communities", "enrichment"),
        communities=FEW | {"resolution": 1e-6})
    assert facts["communities"]["megaclusters"] == 1
    assert facts["communities"]["mega_adjusted_rand"] == 1
    table = run.table("community_table")
    assert table["label"].tolist() == ["all tokens", "all tokens"]
    assert (run.table("communities")["subcluster"] == 0).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"min_frequency": 10**6}, "no word has a frequency between 1,000,000 and 1,000,000"),
        ({"max_points": 10, "umap_neighbors": 200}, "chosen tokens differ, and the map needs more "
         r"than embedding.umap_neighbors \(200\)"),
        ({"pca_components": 10**5}, "the map needs at least 100,001; lower embedding.min_freq"),
    ],
)
def test_too_few_tokens_are_one_sentence_and_leave_the_map_as_it_was(made, changes, says):
    before = hash_path(made[0].path("layouts"))
    with pytest.raises(StageError, match=says):
        make_map(made[0].root, stages=("embedding",), embedding=SMALL | changes)
    assert hash_path(made[0].path("layouts")) == before


def test_a_graph_of_fewer_neighbours_than_louvain_wants_is_refused():
    data = load_config(REPOSITORY / "configs" / "demo.yaml").model_dump(mode="json")
    data["embedding"]["graph_neighbors"] = 100
    with pytest.raises(ConfigError, match=r"raise embedding.graph_neighbors to 320"):
        parse_config(data, None, "test")
