"""Profiles in every format against Biopython, round trips, and every way a file can be broken."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pytest
from Bio import motifs

from precompute.errors import InputError
from precompute.inputs.nucleotides import reverse_complement
from precompute.inputs.profile_formats import (
    MAX_WIDTH_BP,
    RawProfile,
    check_profiles,
    parse_jaspar,
    parse_meme,
    read_profiles,
)
from precompute.motifs import Profile, hit_threshold, scoring_matrix
from precompute.scan import compile_scanner, find_hits

MATRIX = """>MA0001.1 Alpha
A  [ 9 0  1.5 ]
C  [ 1 10 0 ]
G  [ 0 0  8.5 ]
T  [ 0 0 0 ]
"""
RAW = """>MA0001.1\tAlpha
9 0 1.5
1 10 0
0 0 8.5
0 0 0
"""
MEME = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.3 C 0.2 G 0.2 T 0.3

MOTIF MA0001.1 Alpha
letter-probability matrix: alength= 4 w= 3 nsites= 10 E= 0
 0.9  0.1  0.0  0.0
 0.0  1.0  0.0  0.0
 0.15 0.0  0.85 0.0
URL http://example.org

MOTIF second
log-odds matrix: alength= 4 w= 1 E= 0
 100 -50 -50 -50
letter-probability matrix: alength= 4 w= 1
0.25 0.25 0.25 0.25
"""
COUNTS = [[9, 1, 0, 0], [0, 10, 0, 0], [1.5, 0, 8.5, 0]]


def put(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", [MATRIX, RAW, MATRIX.replace("\n", "\r\n"), "\n" + MATRIX + "\n"])
def test_jaspars_matrices_and_raw_counts(tmp_path, text):
    ((profile_id, tf, counts),) = read_profiles(put(tmp_path / "x.jaspar", text))
    assert (profile_id, tf, counts.tolist()) == ("MA0001.1", "Alpha", COUNTS)


def test_biopython_reads_the_same_841_profiles(demo_profiles):
    with demo_profiles.open() as handle:
        theirs = list(motifs.parse(handle, "jaspar"))
    ours = read_profiles(demo_profiles)
    assert len(ours) == len(theirs) == 841
    for mine, motif in zip(ours, theirs, strict=True):
        assert (mine.profile_id, mine.tf) == (motif.matrix_id, motif.name)
        assert np.array_equal(mine.counts, np.array([motif.counts[b] for b in "ACGT"]).T)


def test_meme_counts_are_frequencies_times_sites():
    first, second = parse_meme(MEME, "x")
    assert (first.profile_id, first.tf, second.profile_id, second.tf) == (
        "MA0001.1", "Alpha", "second", "second",
    )
    assert np.allclose(first.counts, COUNTS)
    # MEME's own default of 20 sites.
    assert second.counts.tolist() == [[5, 5, 5, 5]]


def test_jaspars_profiles_survive_meme_within_its_six_digits(demo_profiles):
    every = read_profiles(demo_profiles)
    # MEME keeps one number of sites, so profiles whose columns differ in it cannot survive.
    ours = [p for p in every if np.ptp(p.counts.sum(axis=1)) < 1e-6]
    assert len(ours) == 312
    lines = ["MEME version 5.5.5", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    for profile in ours:
        sites = profile.counts.sum(axis=1)
        lines += [f"MOTIF {profile.profile_id} {profile.tf}"]
        head = f"letter-probability matrix: alength= 4 w= {len(sites)}"
        lines += [f"{head} nsites= {sites.mean():.6g} E= 0"]
        lines += [" ".join(f"{x:.6f}" for x in row) for row in profile.counts / sites[:, None]]
        lines += [""]
    back = parse_meme("\n".join(lines), "x")
    assert [p[:2] for p in back] == [p[:2] for p in ours]
    for mine, theirs in zip(ours, back, strict=True):
        assert np.abs(scoring_matrix(mine.counts) - scoring_matrix(theirs.counts)).max() <= 1
    same = sum(
        hit_threshold(scoring_matrix(a.counts), 0.8, 0.05)
        == hit_threshold(scoring_matrix(b.counts), 0.8, 0.05)
        for a, b in zip(ours[:60], back[:60], strict=True)
    )
    assert same > 50


def test_biopythons_minimal_reader_sees_the_same_frequencies(tmp_path):
    text = MEME[: MEME.index("MOTIF second")]
    with put(tmp_path / "x.meme", text).open() as handle:
        (theirs,) = motifs.parse(handle, "minimal")
    (mine,) = parse_meme(text, "x")
    frequency = np.array([theirs.pwm[base] for base in "ACGT"]).T
    assert np.allclose(mine.counts / mine.counts.sum(axis=1, keepdims=True), frequency, atol=0.05)
    assert theirs.num_occurrences == mine.counts.sum(axis=1).mean()


def test_folders_zips_and_gzip(tmp_path):
    folder = tmp_path / "profiles"
    folder.mkdir()
    put(folder / "MA0002.1.jaspar", MATRIX.replace("MA0001.1", "MA0002.1"))
    put(folder / "MA0001.1.pfm", RAW)
    put(folder / "README.md", "no profile")
    put(folder / "z.meme", MEME.replace("MA0001.1", "MA0003.1"))
    ids = ["MA0001.1", "MA0002.1", "MA0003.1", "second"]
    assert [p.profile_id for p in read_profiles(folder)] == ids
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"inner/{file.name}")
    assert [p.profile_id for p in read_profiles(tmp_path / "x.zip")] == ids
    (tmp_path / "x.jaspar.gz").write_bytes(gzip.compress(MATRIX.encode()))
    assert [p.profile_id for p in read_profiles(tmp_path / "x.jaspar.gz")] == ids[:1]


BROKEN_JASPAR = [
    ("hello\n", "not in JASPAR or MEME format"),
    ("", "no profile"),
    (">\nA [ 1 ]\nC [ 1 ]\nG [ 1 ]\nT [ 1 ]\n", "without an id"),
    (MATRIX + ">MA2 x\nA [ 1 2 ]\nC [ 1 2 ]\n", "MA2 has 2 rows"),
    (MATRIX.replace("C  [ 1 10 0 ]", "C  [ 1 10 ]"), r"rows of \[2, 3\] numbers"),
    (MATRIX.replace("C  [", "A  ["), "four rows A, C, G, T"),
    (MATRIX.replace("1.5", "x"), "no row of a JASPAR matrix"),
    (MATRIX.replace("1.5", "nan"), "empty or negative"),
    (MATRIX.replace("1.5", "-1"), "empty or negative"),
    (MATRIX.replace("10", "0"), "empty or negative"),
    (MATRIX + MATRIX, "MA0001.1 twice"),
    (MATRIX.replace("Alpha", "CpG"), "called CpG"),
    (">MA1 x\nA [ ]\nC [ ]\nG [ ]\nT [ ]\n", "empty or negative"),
]
BROKEN_MEME = [
    (MEME.replace("ALPHABET= ACGT", "ALPHABET= ACGU"), "alphabet ACGU, expected ACGT"),
    (MEME.replace("ALPHABET= ACGT", 'ALPHABET "RNA" RNA-LIKE'), "alphabet RNA"),
    (MEME.replace("ALPHABET= ACGT", "ALPHABET= ACDEFGHIKLMNPQRSTVWY"), "expected ACGT"),
    (MEME.replace("w= 3", "w= 4"), "says w= 4 and has 3 rows"),
    (MEME.replace("nsites= 10", "nsites= 0"), "nsites= 0, expected more than 0"),
    (MEME.replace("nsites= 10", "nsites= ten"), "nsites= ten, expected a number"),
    (MEME.replace("alength= 4 w= 3", "alength= 20 w= 3"), "four probabilities"),
    (MEME.replace(" 0.0  1.0  0.0  0.0", " 0.0  1.0  0.0"), "four probabilities"),
    (MEME.replace(" 0.0  1.0  0.0  0.0", " 0.0  9.0  0.0  0.0"), "does not sum to 1"),
    (MEME.replace(" 0.0  1.0  0.0  0.0", " -0.5  1.0  0.5  0.0"), "does not sum to 1"),
    (MEME.replace("MOTIF second", "MOTIF"), "without a name"),
    (MEME.replace("MOTIF second", "MOTIF MA0001.1"), "MA0001.1 twice"),
    (MEME[: MEME.index("letter-prob")], "no letter-probability matrix"),
    (MEME[: MEME.index("MOTIF")], "holds no profile"),
]


@pytest.mark.parametrize(("text", "says"), BROKEN_JASPAR + BROKEN_MEME)
def test_broken_profiles_are_refused(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_profiles(put(tmp_path / "x.txt", text))


def test_profiles_that_the_scanner_cannot_take_are_refused(monkeypatch):
    widest = RawProfile("MA1", "x", np.ones((MAX_WIDTH_BP, 4)))
    assert check_profiles([widest], "x") == [widest]
    with pytest.raises(InputError, match="256 bp wide, the scanner takes at most 255"):
        check_profiles([RawProfile("MA1", "x", np.ones((MAX_WIDTH_BP + 1, 4)))], "x")
    monkeypatch.setattr("precompute.inputs.profile_formats.MAX_PROFILES", 1)
    with pytest.raises(InputError, match="holds 2 profiles, at most 1"):
        check_profiles([widest, RawProfile("MA2", "y", np.ones((3, 4)))], "x")


def test_the_widest_profile_is_still_scanned_exactly():
    rng = np.random.default_rng(2)
    site = rng.integers(0, 4, MAX_WIDTH_BP).astype(np.uint8)
    counts = np.full((MAX_WIDTH_BP, 4), 6.0)
    counts[np.arange(MAX_WIDTH_BP), site] = 9
    scores = scoring_matrix(counts)
    profile = Profile("MA1", "x", counts, scores, int(0.9 * scores.max(axis=1).sum()))
    codes = np.concatenate([[4], site, [0, 1], reverse_complement(site), [2]]).astype(np.uint8)
    feature, start = find_hits(compile_scanner([profile]), codes)
    assert list(zip(feature.tolist(), start.tolist(), strict=True)) == [(0, 1), (1, 258)]
    codes[200] = 4
    assert find_hits(compile_scanner([profile]), codes)[1].tolist() == [258]


def test_unreadable_places_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"do not exist; correct motifs\.profiles"):
        read_profiles(tmp_path / "none")
    with pytest.raises(InputError, match="holds no profile"):
        read_profiles(tmp_path)
    (tmp_path / "x.jaspar").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(InputError, match="damaged or no text"):
        read_profiles(tmp_path / "x.jaspar")
    (tmp_path / "x.jaspar.gz").write_bytes(gzip.compress(MATRIX.encode() * 50)[:-9])
    with pytest.raises(InputError, match="damaged or no text"):
        read_profiles(tmp_path / "x.jaspar.gz")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.jaspar", MATRIX * 9)
    whole = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(whole.replace(b"Alpha", b"Bravo", 1))
    with pytest.raises(InputError, match="damaged or no text"):
        read_profiles(tmp_path / "x.zip")


def test_parsers_name_their_source():
    with pytest.raises(InputError, match=r"^here: 'x' under MA1"):
        parse_jaspar(">MA1\nx\n", "here")
