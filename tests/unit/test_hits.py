"""Ready hits on a small sequence: windows against a naive count, and every kind of bad file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import yaml

from precompute import genome, motifs
from precompute.artefacts import RunFolder
from precompute.config import load_config
from precompute.config_inputs import HitsConfig
from precompute.context import StageContext
from precompute.errors import ChromosomeError, InputError, MotiflensError, RunFolderError
from precompute.inputs.nucleotides import decode, encode
from precompute.motifs import build_profiles
from precompute.ready_hits import index
from precompute.ready_hits.files import Named, check_bigbed, read_bigbed, read_tsv, tsv_files
from precompute.ready_hits.fit import Fit, check_fit, fit_of, scores_at
from precompute.ready_hits.stored import StoredHits
from tests.hit_export import Row, rows_of, write_bigbed, write_tsv
from tests.sequence_files import fasta, put

REPOSITORY = Path(__file__).resolve().parents[2]
PROFILES = """>MA1.1 Alpha
A [ 9 0 1 0 9 ]
C [ 1 10 0 5 0 ]
G [ 0 0 9 5 1 ]
T [ 0 0 0 0 0 ]
>MA2.1 Beta
A [ 0 8 8 0 0 8 1 ]
C [ 0 1 0 0 8 0 1 ]
G [ 0 1 1 9 1 1 7 ]
T [ 10 0 1 1 1 1 1 ]
"""
START, END, LENGTH = 100, 40_000, 40_100


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a FASTA, its profiles, their hits and a writer of configurations."""
    return Place(tmp_path_factory.mktemp("hits"))


class Place:
    """The inputs of a small run, and the stages on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = np.random.default_rng(1)
        codes = rng.integers(0, 4, LENGTH).astype(np.uint8)
        codes[5_000:5_200] = 4
        codes[20_000] = 4
        self.codes = codes
        put(folder / "x.fa", fasta({"chr1": decode(codes), "chr2": "ACGT" * 50}))
        put(folder / "p.jaspar", PROFILES.encode())
        self.profiles = build_profiles(folder / "p.jaspar", 0.8, 0.05)
        self.rows = rows_of(self.profiles, codes, 0)
        self.n = 0

    def tsv(self, tmp_path: Path, rows=None, chrom: str = "chr1", **more: str) -> Path:
        """A folder of hits; ``more`` are further lines by TF."""
        folder = tmp_path / "tsv"
        folder.mkdir()
        for profile, here in zip(self.profiles, rows or self.rows, strict=True):
            write_tsv(
                folder / f"{profile.profile_id}.tsv.gz", chrom, profile.tf, here,
                more.get(profile.tf, ""),
            )
        return folder

    def run(self, tmp_path: Path, regions=None, **ready) -> tuple[RunFolder, dict]:
        """The stages genome, motifs and hits; what the last one reports."""
        text = yaml.safe_load((REPOSITORY / "configs" / "demo.yaml").read_text())
        text["genome"] = {
            "fasta": str(self.folder / "x.fa"), "assembly": "hg38",
            "regions": regions or [{"chrom": "chr1", "start": START, "end": END}],
        }
        text["motifs"] = {
            "profiles": str(self.folder / "p.jaspar"), "release": "x",
            "hits": {key: str(v) if isinstance(v, Path) else v for key, v in ready.items()},
        }
        for track in text["tracks"]:
            track["bigwig"] = "x.bw"
        (tmp_path / "c.yaml").write_text(yaml.safe_dump(text))
        config = load_config(tmp_path / "c.yaml")
        folder = RunFolder(tmp_path / "run")
        folder.root.mkdir(exist_ok=True)
        for stage in (genome, motifs, index):
            facts = stage.run(StageContext(config, folder, stage.__name__.split(".")[-1]))
        return folder, facts


def covers(place, rows, lo=START, hi=END) -> np.ndarray:
    """Whether each base is covered, bool (n_features, LENGTH), of the hits inside [lo, hi)."""
    cover = np.zeros((2 * len(rows), LENGTH), dtype=bool)
    for number, here in enumerate(rows):
        for row in here:
            inside = lo <= row.start and row.end <= hi
            if inside and (place.codes[row.start : row.end] < 4).all():
                cover[2 * number + (row.strand == "-"), row.start : row.end] = True
    return cover


def test_windows_equal_a_naive_count(place, tmp_path):
    run, facts = place.run(tmp_path, folder=place.tsv(tmp_path))
    stored = StoredHits(run)
    cover = covers(place, place.rows)
    assert np.array_equal(stored.depth("chr1", START, END), cover.sum(axis=0)[START:END])
    edges = np.array([START, 150, 4_990, 5_150, 16_380, 16_384, 16_390, 33_000, END])
    indptr, indices, counts = stored.counts("chr1", edges)
    dense = np.zeros((len(edges) - 1, stored.n_features), dtype=int)
    for k in range(len(dense)):
        dense[k, indices[indptr[k] : indptr[k + 1]]] = counts[indptr[k] : indptr[k + 1]]
    expected = np.add.reduceat(cover[:, :END].astype(int), edges[:-1], axis=1).T
    assert np.array_equal(dense[:, :-2], expected)
    text = decode(place.codes)
    cpg = np.zeros(LENGTH, dtype=int)
    for at in range(START, END - 1):
        if text[at : at + 2] == "CG":
            cpg[at : at + 2] = 1
    assert np.array_equal(dense[:, -1], np.add.reduceat(cpg[:END], edges[:-1]))
    assert facts["profiles_without_hits"] == 0
    assert facts["sampled_hits_that_fit"] == facts["sampled_hits"] == 64


def test_hits_on_unknown_bases_beyond_the_region_or_given_twice_are_left_out(place, tmp_path):
    width = place.profiles[0].width
    extra = [(4_998, "+"), (5_100, "-"), (19_999, "+"), (START - 2, "+"), (END - 2, "-")]
    more = [Row(s, s + width, 800, 200, strand) for s, strand in extra]
    rows = [place.rows[0] + more + place.rows[0][:50], place.rows[1]]
    run, facts = place.run(tmp_path, folder=place.tsv(tmp_path, rows))
    clean = covers(place, place.rows)
    found = StoredHits(run).depth("chr1", START, END)
    assert np.array_equal(found, clean.sum(axis=0)[START:END])
    assert facts["hits_at_unknown_or_edge"] >= len(more)


@pytest.mark.parametrize("threshold", [{"min_relative_score_x1000": 900}, {
    "min_minus_log10_p_x100": 250}, {"min_relative_score_x1000": 850,
    "min_minus_log10_p_x100": 240}])
def test_thresholds_are_in_the_files_units(place, tmp_path, threshold):
    run, facts = place.run(tmp_path, folder=place.tsv(tmp_path), **threshold)
    relative = threshold.get("min_relative_score_x1000", 0)
    log_p = threshold.get("min_minus_log10_p_x100", 0)
    kept = [[r for r in rows if r.relative >= relative and r.log_p >= log_p] for rows in place.rows]
    depth = StoredHits(run).depth("chr1", START, END)
    assert np.array_equal(depth, covers(place, kept).sum(axis=0)[START:END])
    assert 0 < facts["hits"] < sum(map(len, place.rows))
    assert facts["hits_below_threshold"] == sum(map(len, place.rows)) - sum(map(len, kept))


def bed_rows(place, chrom="chr1", name="{id}", more="\t{tf}", scale=1):
    return [
        (chrom, r.start, r.end,
         f"{name}\t{min(r.log_p, 1000)}\t{r.strand}{more}".format(id=p.profile_id, tf=p.tf))
        for p, rows in zip(place.profiles, place.rows, strict=True)
        for r in rows
    ]


@pytest.mark.parametrize(
    ("name", "more"), [("{id}", "\t{tf}"), ("{tf}", ""), ("{tf}", "\t{id}"), ("{id}", "")]
)
def test_bigbeds_that_name_profiles_or_factors(place, tmp_path, name, more):
    path = tmp_path / "x.bb"
    write_bigbed(path, {"1": LENGTH}, bed_rows(place, "1", name, more))
    run, facts = place.run(tmp_path, bigbed=path, min_minus_log10_p_x100=290)
    kept = [[r for r in rows if r.log_p >= 290] for rows in place.rows]
    depth = StoredHits(run).depth("chr1", START, END)
    assert np.array_equal(depth, covers(place, kept).sum(axis=0)[START:END])
    assert facts["hits_below_threshold"] > 0


def test_names_of_chromosomes_resolve_in_hits_too(place, tmp_path):
    tmp_path.joinpath("a").mkdir()
    tmp_path.joinpath("b").mkdir()
    here, _ = place.run(tmp_path / "a", folder=place.tsv(tmp_path / "a"))
    there, _ = place.run(
        tmp_path / "b", folder=place.tsv(tmp_path / "b", chrom="NC_000001.11")
    )
    assert np.array_equal(
        StoredHits(here).depth("chr1", START, END), StoredHits(there).depth("chr1", START, END)
    )


# -- folders that are refused --------------------------------------------------------------------


def refused(place, tmp_path, folder, says, error=MotiflensError, **ready):
    with pytest.raises(error, match=says):
        place.run(tmp_path, folder=folder, **ready)
    assert not (tmp_path / "run" / "hits.zarr").exists()
    assert not list((tmp_path / "run").glob(".*.tmp"))


def test_starts_that_count_from_one_are_noticed_by_their_scores(place, tmp_path):
    shifted = [
        [r._replace(start=r.start + 1, end=r.end + 1) for r in rows] for rows in place.rows
    ]
    refused(place, tmp_path, place.tsv(tmp_path, shifted), "starts count from 1")


def test_hits_of_another_sequence_are_noticed_by_their_scores(place, tmp_path):
    moved = [
        [r._replace(start=r.start + 77, end=r.end + 77) for r in rows if r.end < END - 77]
        for rows in place.rows
    ]
    refused(place, tmp_path, place.tsv(tmp_path, moved), "sampled hits score on the sequence what")


def test_the_same_is_noticed_in_a_bigbed(place, tmp_path):
    path = tmp_path / "x.bb"
    rows = [(c, s + 1, e + 1, rest) for c, s, e, rest in bed_rows(place) if e < LENGTH]
    write_bigbed(path, {"chr1": LENGTH}, rows)
    with pytest.raises(InputError, match="starts count from 1"):
        place.run(tmp_path, bigbed=path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"end": -1}, "one base shorter than the profile .* so the ends are inclusive"),
        ({"end": 1}, "one base longer than the profile"),
        ({"end": 3}, r"is 8 bp wide and the profile 5; give hits of the same profiles"),
    ],
)
def test_ends_that_do_not_fit_the_width(place, tmp_path, change, says):
    wrong = [[r._replace(end=r.end + change["end"]) for r in rows] for rows in place.rows]
    refused(place, tmp_path, place.tsv(tmp_path, wrong), says, InputError)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("chr1\t5\t10\tAlpha\t900\n", "no TSV of JASPAR's hits"),
        ("chr1\tfive\t10\tAlpha\t900\t300\t+\n", "no TSV of JASPAR's hits"),
        ("chr1\t5\t10\tAlpha\t\t300\t+\n", "no TSV of JASPAR's hits"),
        ("chr1\t5\t10\tAlpha\t900\t300\t.\n", "strand '.', expected"),
        ("chr1\t5\t10\tGamma\t900\t300\t+\n", "hits of 'Gamma', and MA1.1 is Alpha"),
        ("chr1\t50000\t50005\tAlpha\t900\t300\t+\n", "ends at 50,005 on chr1, which has 40,100"),
        ("1\t500\t505\tAlpha\t900\t300\t+\n", "calls chr1 1 and chr1"),
        ("NC_000001.10\t5\t10\tAlpha\t900\t300\t+\n", "is chr1 of hg19"),
    ],
)
def test_broken_rows_are_refused(place, tmp_path, line, says):
    refused(place, tmp_path, place.tsv(tmp_path, Alpha=line), says)


def test_folders_that_do_not_fit_the_profiles(place, tmp_path):
    folder = place.tsv(tmp_path)
    write_tsv(folder / "MA9.1.tsv", "chr1", "Nu", [])
    refused(place, tmp_path, folder, r"has hits of MA9\.1, which motifs\.profiles does not have")
    _, facts = place.run(tmp_path, folder=folder, ignore_unknown=True)
    assert facts["hits"] > 0
    (folder / "MA9.1.tsv").unlink()
    write_tsv(folder / "MA2.1.tsv", "chr1", "Beta", [])
    with pytest.raises(InputError, match=r"two files of MA2\.1, MA2\.1\.tsv and MA2\.1\.tsv\.gz"):
        place.run(tmp_path, folder=folder)
    (folder / "MA2.1.tsv").unlink()
    (folder / "MA2.1.tsv.gz").unlink()
    with pytest.raises(InputError, match=r"no <profile id>\.tsv or \.tsv\.gz of MA2\.1"):
        place.run(tmp_path, folder=folder)
    with pytest.raises(InputError, match=r"does not exist; correct motifs\.hits\.folder"):
        place.run(tmp_path, folder=tmp_path / "none")
    with pytest.raises(InputError, match="of a, b, c, d, e and 1 more"):
        tsv_files(folder, list("fedcba"), True)


def test_a_profile_without_hits_is_an_empty_file(place, tmp_path):
    _, facts = place.run(tmp_path, folder=place.tsv(tmp_path, [place.rows[0], []]))
    assert facts["profiles_without_hits"] == 1


def test_folders_without_a_chromosome_or_any_hit(place, tmp_path):
    folder = place.tsv(tmp_path)
    regions = [{"chrom": "chr1", "start": START, "end": END}, {"chrom": "chr2"}]
    with pytest.raises(ChromosomeError, match="no chromosome 'chr2'"):
        place.run(tmp_path, regions, folder=folder)
    with pytest.raises(InputError, match="no hit in the run's regions that passes"):
        place.run(tmp_path, folder=folder, min_minus_log10_p_x100=10_000)
    with pytest.raises(InputError, match="no hit in the run's regions"):
        place.run(tmp_path, [{"chrom": "chr1", "start": 5_010, "end": 5_100}], folder=folder)


@pytest.mark.parametrize("cut", [0.3, 0.9, -4])
def test_truncated_gzip_is_refused(place, tmp_path, cut):
    folder = place.tsv(tmp_path)
    path = folder / "MA1.1.tsv.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut) if cut > 0 else cut])
    refused(place, tmp_path, folder, r"MA1\.1\.tsv\.gz is truncated or no TSV", InputError)


def test_gzip_of_several_members_is_read_whole(place, tmp_path):
    folder = place.tsv(tmp_path)
    path = folder / "MA1.1.tsv.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(b"".join(gzip.compress(b"".join(lines[i::3])) for i in range(3)))
    run, _ = place.run(tmp_path, folder=folder)
    depth = StoredHits(run).depth("chr1", START, END)
    assert np.array_equal(depth, covers(place, place.rows).sum(axis=0)[START:END])


def test_batches_change_nothing(place, tmp_path, monkeypatch):
    folder = place.tsv(tmp_path)
    named = Named(("MA1.1", "MA2.1"), ("Alpha", "Beta"), (5, 7))
    whole = list(read_tsv(folder / "MA1.1.tsv.gz", 0, named))
    monkeypatch.setattr("precompute.ready_hits.files._BLOCK_BYTES", 400)
    parts = list(read_tsv(folder / "MA1.1.tsv.gz", 0, named))
    assert len(parts) > 20
    for column in ("start", "is_minus", "relative", "log_p", "profile"):
        joined = [np.concatenate([getattr(b, column) for b in batches]) for batches in (
            whole, parts)]
        assert np.array_equal(*joined)


# -- bigBeds that are refused --------------------------------------------------------------------


def test_what_is_no_bigbed_is_refused(place, tmp_path):
    with pytest.raises(InputError, match=r"cannot be opened .* correct motifs\.hits\.bigbed"):
        check_bigbed(tmp_path / "none.bb")
    for data in (b"", b"chr1\t5\t10\n", (REPOSITORY / "app.py").read_bytes()):
        with pytest.raises(InputError, match="is not a bigBed"):
            check_bigbed(put(tmp_path / "x.bb", data))
    write_bigbed(tmp_path / "x.bb", {"chr1": LENGTH}, bed_rows(place))
    check_bigbed(tmp_path / "x.bb")
    whole = (tmp_path / "x.bb").read_bytes()
    for cut in (4, 70, len(whole) // 3):
        with pytest.raises(InputError, match="damaged or truncated"):
            check_bigbed(put(tmp_path / "y.bb", whole[:cut]))
    bigwig = next((REPOSITORY / "data" / "demo").glob("*.bw"))
    with pytest.raises(InputError, match="is not a bigBed"):
        check_bigbed(bigwig)


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("MA9.1\t300\t+\tNu", r"hits of MA9\.1 \(Nu\), which motifs\.profiles does not have"),
        ("Nu\t300\t+", r"hits of Nu, which motifs\.profiles does not have"),
        ("Beta\t300\t+", r"is 5 bp wide and the profile 7"),
        ("Alpha\t300\t*", "expected"),
        ("Alpha\t300", "not name, score, strand"),
        ("Alpha\tx\t+", "not name, score, strand"),
    ],
)
def test_strange_entries_are_refused(place, tmp_path, rest, says):
    path = tmp_path / "x.bb"
    write_bigbed(path, {"chr1": LENGTH}, [("chr1", 10, 15, rest)])
    named = Named(("MA1.1", "MA2.1"), ("Alpha", "Beta"), (5, 7))
    with pytest.raises(InputError, match=says):
        read_bigbed(path, "chr1", 0, 1000, named, False)


def test_a_factor_of_two_profiles_cannot_be_told_by_its_name(tmp_path):
    path = tmp_path / "x.bb"
    rows = [("chr1", 10, 15, "Alpha\t300\t+"), ("chr1", 20, 25, "Nu\t300\t-")]
    write_bigbed(path, {"chr1": 100}, rows)
    twice = Named(("MA1.1", "MA1.2"), ("Alpha", "alpha"), (5, 5))
    with pytest.raises(InputError, match=r"'Alpha' without a profile id, and MA1\.1, MA1\.2"):
        read_bigbed(path, "chr1", 0, 100, twice, False)
    once = Named(("MA1.1",), ("Alpha",), (5,))
    batch = read_bigbed(path, "chr1", 0, 100, once, ignore_unknown=True)
    assert (batch.start.tolist(), batch.is_minus.tolist()) == ([10], [False])
    assert read_bigbed(path, "chr1", 11, 20, once, True).start.tolist() == []
    assert read_bigbed(path, "chr1", 200, 300, once, True).start.tolist() == []


# -- configuration and parts ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "either folder or bigbed, got neither"),
        ({"folder": "x", "bigbed": "y"}, "got both"),
        ({"bigbed": "y", "min_relative_score_x1000": 800}, "a bigBed holds no relative score"),
        ({"bigbed": "y", "min_minus_log10_p_x100": 1001}, "ends at 1000"),
        ({"folder": "x", "min_relative_score_x1000": 1001}, "less than or equal to 1000"),
        ({"folder": "x", "min_score": 800}, "not permitted"),
    ],
)
def test_thresholds_must_be_in_a_unit_that_the_file_has(values, says):
    with pytest.raises(ValueError, match=says):
        HitsConfig(**values)


def test_scores_of_sites_by_hand(place):
    profile = place.profiles[0]
    codes = encode("TACGCATTTGCGTN")
    scores = scores_at(profile, codes, np.array([1, 8, 9]), np.array([False, True, True]))
    by_hand = sum(profile.scores[i, b] for i, b in enumerate([0, 1, 2, 1, 0]))
    # ACGCA on '+'; its complement TGCGT on '-'; the last site holds an N.
    assert scores.tolist() == [by_hand, by_hand, profile.min_score]


def test_few_sampled_hits_decide_nothing(place):
    check_fit(Fit(19, 0, 19), "x", "hg38")
    with pytest.raises(InputError, match="hits of hg38"):
        check_fit(Fit(20, 15, 15), "x", "hg38")
    check_fit(Fit(20, 16, 0), "x", "hg38")
    profile, rows = place.profiles[1], place.rows[1][5:45]
    start = np.array([r.start for r in rows])
    is_minus = np.array([r.strand == "-" for r in rows])
    log_p = np.array([r.log_p for r in rows])
    fit = fit_of(profile, place.codes, start, is_minus, np.full(40, -1), log_p)
    assert (fit.checked, fit.agree) == (40, 40)
    assert fit.agree_before < 20


def test_an_index_of_another_sequence_is_refused(place, tmp_path):
    run, _ = place.run(tmp_path, folder=place.tsv(tmp_path))
    with run.writing_group("hits", chroms=[], source="scan"):
        pass
    with pytest.raises(RunFolderError, match="run the stage hits again"):
        StoredHits(run)
