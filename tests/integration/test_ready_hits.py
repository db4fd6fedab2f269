"""Ready hits of JASPAR's kinds give the artefacts that scanning gives, byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from precompute.artefacts import RunFolder
from precompute.config import load_config
from precompute.manifest import hash_path
from precompute.motifs import build_profiles, load_profiles
from precompute.occupancy import OccupancyRef
from precompute.pipeline import Pipeline, stage_named
from precompute.ready_hits.stored import StoredHits
from tests.hit_export import rows_of, write_bigbed, write_tsv
from tests.integration.test_pipeline import Listener, run_chain, write_config

START, END = 1_000_000, 1_100_000
CHAIN = ["genome", "motifs", "hits", "depth", "bins", "tokens"]
RESULTS = ["sequence", "profiles", "depth", "bins", "tokens"]
REGION = {"regions": [{"chrom": "chr20", "start": START, "end": END}]}
# Hits beyond the region, on other chromosomes and across the region's ends change nothing.
ELSEWHERE = "chr19\t5\t{w5}\t{tf}\t900\t300\t+\n" "chr20_alt\t5\t{w5}\t{tf}\t900\t300\t-\n"
ELSEWHERE += "chr20\t999999\t{over}\t{tf}\t900\t300\t+\nchr20\t0\t{w}\t{tf}\t900\t300\t+\n"


@pytest.fixture(scope="module")
def profiles(demo_profiles):
    return build_profiles(demo_profiles, 0.8, 0.05)


@pytest.fixture(scope="module")
def rows(profiles, demo_codes):
    """Hits of the region, by profile."""
    return rows_of(profiles, demo_codes[START:END], START)


@pytest.fixture(scope="module")
def folder(profiles, rows, tmp_path_factory) -> Path:
    """A folder as JASPAR's: plain and gzip, each with rows that must not count."""
    folder = tmp_path_factory.mktemp("tsv")
    for number, (profile, hits) in enumerate(zip(profiles, rows, strict=True)):
        w = profile.width
        more = ELSEWHERE.format(tf=profile.tf, w=w, w5=5 + w, over=999_999 + w)
        suffix = ".tsv.gz" if number % 2 else ".tsv"
        # Their order is no promise, and a row given twice is one hit.
        shuffled = [*hits[1::2], *hits[::2], *hits[:1]] if number % 3 == 0 else hits
        write_tsv(folder / f"{profile.profile_id}{suffix}", "chr20", profile.tf, shuffled, more)
    return folder


@pytest.fixture(scope="module")
def bigbed(profiles, rows, tmp_path_factory) -> Path:
    """A bigBed as UCSC's: profile id, score, strand, TF."""
    path = tmp_path_factory.mktemp("bb") / "jaspar.bb"
    every = [
        ("chr20", r.start, r.end,
         f"{profile.profile_id}\t{min(r.log_p, 1000)}\t{r.strand}\t{profile.tf}")
        for profile, hits in zip(profiles, rows, strict=True)
        for r in hits
    ]
    write_bigbed(path, {"chr19": 1_000, "chr20": 63_025_520}, every)
    return path


@pytest.fixture(scope="module")
def scanned(tmp_path_factory) -> RunFolder:
    folder = tmp_path_factory.mktemp("scanned")
    run_chain(write_config(folder, genome=REGION), folder / "run", CHAIN)
    return RunFolder(folder / "run")


def results(run: RunFolder) -> dict[str, str]:
    return {name: hash_path(run.path(name)) for name in RESULTS}


@pytest.fixture(scope="module")
def from_folder(folder, tmp_path_factory) -> tuple[Path, RunFolder]:
    place = tmp_path_factory.mktemp("ready")
    config = write_config(place, genome=REGION, motifs={"hits": {"folder": str(folder)}})
    run_chain(config, place / "run", CHAIN)
    return config, RunFolder(place / "run")


def test_a_tsv_folder_gives_the_artefacts_of_scanning(scanned, from_folder, profiles, rows):
    config, run = from_folder
    assert results(run) == results(scanned)
    facts = Pipeline(load_config(config), run.root).manifest.stages["hits"].facts
    assert facts["hits"] == sum(len(set(hits)) for hits in rows)
    # A hit across the region's beginning, and the doubled rows.
    assert facts["hits_at_unknown_or_edge"] >= len(profiles)
    assert facts["sampled_hits"] > 20_000
    assert facts["sampled_hits_that_fit"] == facts["sampled_hits"]
    assert not list(run.root.glob(".hits*"))


def test_a_bigbed_gives_the_artefacts_of_scanning(scanned, bigbed, tmp_path):
    config = write_config(tmp_path, genome=REGION, motifs={"hits": {"bigbed": str(bigbed)}})
    run_chain(config, tmp_path / "run", CHAIN)
    run = RunFolder(tmp_path / "run")
    assert results(run) == results(scanned)
    facts = Pipeline(load_config(config), run.root).manifest.stages["hits"].facts
    assert facts["sampled_hits_that_fit"] == facts["sampled_hits"] > 20


def test_every_window_equals_the_scanners(scanned, from_folder, demo_profiles):
    config = load_config(from_folder[0])
    scans = config.motifs.model_copy(update={"hits": None})
    scanner = OccupancyRef(scanned.root, scans, "cpu", "x").open()
    ready = StoredHits(from_folder[1])
    assert (ready.n_features, ready.n_profiles) == (scanner.n_features, scanner.n_profiles)
    rng = np.random.default_rng(5)
    spans = [(START, START + 1), (END - 1, END), (START, END), (1_015_800, 1_015_820)]
    spans += [tuple(sorted(rng.choice(np.arange(START, END), 2, replace=False))) for _ in range(9)]
    for lo, hi in spans:
        expected = scanner.depth("chr20", int(lo), int(hi))
        assert np.array_equal(ready.depth("chr20", int(lo), int(hi)), expected), (lo, hi)
        edges = np.unique([lo, hi, *rng.integers(lo, hi + 1, 30)])
        for ours, theirs in zip(
            ready.counts("chr20", edges), scanner.counts("chr20", edges), strict=True
        ):
            assert np.array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


def test_windows_workers_and_processes_leave_the_index_byte_for_byte(from_folder, folder, tmp_path):
    config = write_config(
        tmp_path, genome=REGION, motifs={"hits": {"folder": str(folder)}},
        run={"window_bp": 13_337, "workers": 1},
    )
    pipeline = Pipeline(load_config(config), tmp_path / "run")
    for name, scheduler in (("genome", None), ("motifs", None), ("hits", "local")):
        pipeline.run(Listener(), only=name, scheduler=scheduler)
    ours, theirs = RunFolder(tmp_path / "run"), from_folder[1]
    assert hash_path(ours.path("hits")) == hash_path(theirs.path("hits"))


def test_a_threshold_in_the_files_unit_equals_scanning_with_it(folder, tmp_path):
    strict = write_config(tmp_path, genome=REGION, motifs={"min_relative_score": 0.9})
    run_chain(strict, tmp_path / "a", ["genome", "motifs", "depth"])
    ready = write_config(
        tmp_path, genome=REGION,
        motifs={"hits": {"folder": str(folder), "min_relative_score_x1000": 900}},
    )
    run_chain(ready, tmp_path / "b", ["genome", "motifs", "hits", "depth"])
    a, b = (RunFolder(tmp_path / name).group("depth")["chr20/depth"][:] for name in "ab")
    assert np.array_equal(a, b)
    assert a.mean() > 3


def test_masked_bases_drop_the_hits_that_touch_them(folder, tmp_path):
    bed = tmp_path / "x.bed"
    bed.write_text("chr20\t1010000\t1020000\n20\t1020100\t1150000\n")
    depths = []
    for name, motifs in (("a", {}), ("b", {"hits": {"folder": str(folder)}})):
        config = write_config(tmp_path, genome={**REGION, "bed": str(bed)}, motifs=motifs)
        run_chain(config, tmp_path / name, ["genome", "motifs", "hits", "depth", "bins", "tokens"])
        run = RunFolder(tmp_path / name)
        depths.append([hash_path(run.path(kind)) for kind in ("depth", "bins", "tokens")])
    assert depths[0] == depths[1]


def test_a_changed_threshold_or_folder_runs_the_index_again(from_folder, folder, tmp_path):
    config, run = from_folder
    listener = Listener()
    pipeline = Pipeline(load_config(config), run.root)
    for name in CHAIN:
        pipeline.run(listener, only=name)
    assert listener.skipped == CHAIN
    changed = write_config(
        tmp_path, genome=REGION,
        motifs={"hits": {"folder": str(folder), "min_minus_log10_p_x100": 400}},
    )
    states = Pipeline(load_config(changed), run.root)
    assert states.state(stage_named("hits")) == "changed"


def test_scanning_does_not_need_the_index(tmp_path):
    config = write_config(tmp_path, genome={"regions": [
        {"chrom": "chr20", "start": START, "end": START + 20_000}]})
    run_chain(config, tmp_path / "run", ["genome", "motifs", "depth"])
    run = RunFolder(tmp_path / "run")
    assert not run.exists("hits")
    before = hash_path(run.path("depth"))
    run_chain(config, tmp_path / "run", ["hits"])
    assert run.group("hits").attrs["source"] == "scan"
    listener = run_chain(config, tmp_path / "run", ["depth"])
    assert listener.skipped == ["depth"]
    assert hash_path(run.path("depth")) == before
    assert len(load_profiles(load_config(config).motifs)) == 841
