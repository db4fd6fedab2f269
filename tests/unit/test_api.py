"""The notebook API: light to import, exact on small sequence, and clear about what is wrong."""

from __future__ import annotations

import doctest
import gzip
import inspect
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from precompute import api
from precompute.api import Tokens, cluster_motifs, interdependence, tokenize, tokenize_sequence
from precompute.config import BinConfig, ClusterConfig, InterdependenceConfig, MotifConfig
from precompute.errors import (
    ChromosomeError,
    ConfigError,
    InputError,
    RegionError,
    StageError,
)

HEAVY = {"numba", "torch", "scipy", "pandas", "zarr", "anndata", "sklearn", "umap", "pyarrow"}
#: Two profiles whose hits can be told by eye: ACGTAC (not its own complement) and TTTAAA (is).
JASPAR = """>MA0001.1 one
A [ 99 0 0 0 99 0 ]
C [ 0 99 0 0 0 99 ]
G [ 0 0 99 0 0 0 ]
T [ 0 0 0 99 0 0 ]
>MA0002.1 two
A [ 0 0 0 99 99 99 ]
C [ 0 0 0 0 0 0 ]
G [ 0 0 0 0 0 0 ]
T [ 99 99 99 0 0 0 ]
"""


@pytest.fixture
def two(tmp_path):
    path = tmp_path / "two.jaspar"
    path.write_text(JASPAR)
    return path


@pytest.fixture
def fasta(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "small.fa.gz"
    with gzip.open(path, "wt") as handle:
        for name, n in (("chr1", 3000), ("chr2", 5000)):
            handle.write(f">{name} made up\n{''.join(rng.choice(list('ACGT'), n))}\n")
    return path


# -- weight ------------------------------------------------------------------------------------


def test_importing_it_imports_nothing_heavy():
    code = "import sys, precompute.api; print(' '.join({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "precompute" in loaded
    assert not loaded & HEAVY


def test_it_promises_the_signatures_of_its_documentation():
    shown = {
        tokenize: "(fasta, profiles, *, chrom, start=0, end=None",
        interdependence: "(tokens, sample=60000, random_state=0, *",
        cluster_motifs: "(scores, cut=0.38, *",
    }
    for function, begins in shown.items():
        signature = inspect.signature(function)
        bare = [p.replace(annotation=inspect.Parameter.empty)
                for p in signature.parameters.values()]
        text = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
        assert text.startswith(begins)


@pytest.mark.parametrize("function", [tokenize, tokenize_sequence])
def test_its_defaults_are_those_of_the_configuration(function):
    given = inspect.signature(function).parameters
    fields = {**BinConfig.model_fields, **MotifConfig.model_fields}
    for name in (*BinConfig.model_fields, "min_relative_score", "max_p_value"):
        assert given[name].default == fields[name].default, name
    assert inspect.signature(interdependence).parameters["sample"].default == (
        InterdependenceConfig().sample_bins
    )
    assert inspect.signature(cluster_motifs).parameters["cut"].default == ClusterConfig().cut


def test_its_examples_are_true(demo_data, demo_profiles):
    globs = {**vars(api), "fasta": demo_data / "hg19.chr20_1-13400000.fa.gz",
             "profiles": demo_profiles}
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    tried = sum(runner.run(test).attempted for test in finder.find(api, globs=globs))
    assert tried > 10
    assert runner.failures == 0


# -- what it computes --------------------------------------------------------------------------


def test_counts_are_the_bases_under_hits(two):
    sequence = "G" * 40 + "ACGTAC" + "G" * 40 + "TTTAAA" + "G" * 40
    tokens = tokenize_sequence(sequence, two, chrom="x", start=100, min_relative_score=1.0)
    assert (tokens.chrom, tokens.start, tokens.end) == ("x", 100, 100 + len(sequence))
    assert (np.diff(tokens.edges) > 0).all()
    assert len(tokens) == tokens.n_bins == tokens.counts.shape[0]
    total = np.asarray(tokens.counts.sum(axis=0)).ravel()
    # GTACGT, the first on '-', is not there; TTTAAA is its own complement; CG within the first
    # profile's hit and behind it.
    assert total.tolist() == [6, 0, 6, 6, 4, 4]
    assert tokens.features["profile_id"].tolist() == ["MA0001.1"] * 2 + ["MA0002.1"] * 2 + [
        "CpG"] * 2
    assert tokens.features["width"].tolist() == [6, 6, 6, 6, 1, 1]
    assert np.allclose(np.asarray(tokens.values().sum(axis=0)).ravel(), [1, 0, 1, 1, 4, 4])


def test_values_of_a_part_are_a_part_of_the_values(demo_codes, demo_profiles):
    sequence = "".join("ACGTN"[c] for c in demo_codes[200_000:210_000])
    tokens = tokenize_sequence(sequence, demo_profiles)
    whole = tokens.values()
    assert whole.dtype == np.float32
    dense = tokens.counts.toarray() / tokens.features["width"].to_numpy()
    assert np.allclose(whole.toarray(), dense)
    assert np.array_equal(tokens.values(10, 20).toarray(), whole[10:20].toarray())
    assert np.array_equal(tokens.values(0, 5).toarray(), whole[:5].toarray())
    assert np.array_equal(tokens.values(5).toarray(), whole[5:].toarray())


def test_a_region_of_a_file_is_that_sequence_at_hand(fasta, two):
    with gzip.open(fasta, "rt") as handle:
        letters = handle.read().split("\n")[3]
    ours = tokenize(str(fasta), str(two), chrom="chr2", start=700, end=4200)
    theirs = tokenize_sequence(letters[700:4200].lower(), two, chrom="chr2", start=700)
    assert np.array_equal(ours.edges, theirs.edges)
    assert (ours.counts != theirs.counts).nnz == 0
    whole = tokenize(fasta, two, chrom="chr2")
    assert (whole.start, whole.end) == (0, 5000)


def test_workers_and_blocks_change_nothing(demo_codes, demo_profiles, monkeypatch):
    from precompute import region_tokens

    sequence = "".join("ACGTN"[c] for c in demo_codes[1_000_000:1_030_000])
    ours = tokenize_sequence(sequence, demo_profiles, workers=1)
    monkeypatch.setattr(region_tokens, "_WINDOW_BP", 7_001)
    monkeypatch.setattr(region_tokens, "_BLOCK_BP", 3_007)
    theirs = tokenize_sequence(sequence, demo_profiles, workers=3)
    for name in ("indptr", "indices", "data"):
        assert np.array_equal(getattr(ours.counts, name), getattr(theirs.counts, name)), name
    assert np.array_equal(ours.edges, theirs.edges)


def test_an_uncut_long_bin_needs_wider_counts(two):
    tokens = tokenize_sequence("CG" * 400, two, max_bin_bp=10_000)
    assert tokens.counts.dtype == np.uint16
    assert tokens.counts.toarray().max() == 800


def test_progress_rises_to_its_end(fasta, two):
    heard = []
    tokenize(fasta, two, chrom="chr1", progress=lambda *told: heard.append(told))
    done = [told[0] for told in heard]
    assert done == sorted(done)
    assert heard[-1][:2] == (6000, 6000)
    assert {told[2] for told in heard} == {"scanning for motif hits", "counting motifs in bins"}


def test_the_representation_says_what_it_is(fasta, two):
    tokens = tokenize(fasta, two, chrom="chr1", start=1000)
    assert repr(tokens).startswith("Tokens(chr1:1,000-3,000: ")
    assert "6 features" in repr(tokens)
    with pytest.raises(AttributeError):
        tokens.chrom = "chr2"


def test_anndata_holds_values_loci_and_features(fasta, two):
    tokens = tokenize(fasta, two, chrom="chr1")
    data = tokens.to_anndata()
    assert np.array_equal(data.X.toarray(), tokens.values().toarray())
    assert data.obs["start"].tolist() == tokens.edges[:-1].tolist()
    assert data.obs_names[0] == f"chr1:1-{tokens.edges[1]}"
    assert data.var_names.tolist() == tokens.features["name"].tolist()


def test_scores_of_all_bins_are_those_of_a_sample_of_all():
    rng = np.random.default_rng(3)
    counts = csr_matrix(rng.poisson(0.4, (400, 12)).astype(np.uint8))
    features = pd.DataFrame({"feature": np.arange(12), "width": np.arange(12) + 1})
    tokens = Tokens("x", np.arange(401, dtype=np.int32), counts, features)
    every = interdependence(tokens, sample=None)
    assert np.allclose(every, interdependence(tokens, sample=400, random_state=rng), atol=1e-6)
    assert np.allclose(every, interdependence(tokens, sample=9000), atol=1e-6)
    fewer = interdependence(tokens, sample=200, random_state=1)
    assert np.array_equal(fewer, interdependence(tokens, sample=200, random_state=1))
    assert not np.array_equal(fewer, interdependence(tokens, sample=200, random_state=2))


def test_clusters_join_what_is_nearer_than_the_cut():
    scores = np.array([[1, 0.7, 0.0], [0.7, 1, 0.65], [0.0, 0.65, 1]], dtype=np.float32)
    assert cluster_motifs(scores).tolist() == [0, 0, 0]
    assert cluster_motifs(scores, cut=0.32).tolist() == [0, 0, 1]
    assert cluster_motifs(scores, linkage="complete").tolist() == [0, 0, 1]
    assert cluster_motifs(scores).dtype == np.int32


def test_a_chromosome_may_be_called_by_its_other_name(fasta, two):
    one, other = (tokenize(fasta, two, chrom=name) for name in ("chr2", "2"))
    assert np.array_equal(one.edges, other.edges)
    assert (one.counts != other.counts).nnz == 0


# -- what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"chrom": "chr9"}, ChromosomeError, "has no chromosome 'chr9'"),
        ({"start": 20, "end": 10}, RegionError, "ends before it starts"),
        ({"start": 10, "end": 10}, RegionError, "ends before it starts or is empty"),
        ({"start": -1}, RegionError, "0-based"),
        ({"start": 0.5}, RegionError, "whole number"),
        ({"end": 3001}, RegionError, "goes beyond chr1"),
        ({"start": 3000}, RegionError, "which has 3,000 bp"),
        ({"min_relative_score": 0}, ConfigError, "min_relative_score is 0"),
        ({"max_p_value": 2}, ConfigError, "max_p_value is 2"),
        ({"sigma_bp": -1}, ConfigError, "sigma_bp is -1"),
        ({"cut_every_bp": "x"}, ConfigError, "cut_every_bp is 'x'"),
        ({"workers": 0}, ConfigError, "workers is 0"),
        ({"fasta": "/nowhere.fa"}, InputError, "does not exist"),
        ({"profiles": "/nowhere.jaspar"}, InputError, "do not exist"),
    ],
)
def test_a_mistake_is_one_sentence(fasta, two, changes, error, says):
    given = {"fasta": fasta, "profiles": two, "chrom": "chr1", **changes}
    with pytest.raises(error, match=says) as caught:
        tokenize(given.pop("fasta"), given.pop("profiles"), **given)
    assert "\n" not in str(caught.value)


def test_mistakes_of_the_other_functions(fasta, two):
    with pytest.raises(RegionError, match="empty"):
        tokenize_sequence("", two)
    tokens = tokenize(fasta, two, chrom="chr1")
    for changes, says in (({"sample": 3}, "sample_bins is 3"), ({"max_order": 99}, "max_order"),
                          ({"random_state": -1}, "seed is -1"), ({"workers": 0}, "workers")):
        with pytest.raises(ConfigError, match=says):
            interdependence(tokens, **changes)
    with pytest.raises(ConfigError, match="cut is 1"):
        cluster_motifs(np.eye(3), cut=1.0)
    with pytest.raises(ConfigError, match="linkage is 'ward'"):
        cluster_motifs(np.eye(3), linkage="ward")
    with pytest.raises(StageError, match="not symmetric"):
        cluster_motifs(np.array([[1, 0.5], [0.1, 1]]))
