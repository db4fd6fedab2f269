"""The embedded data: whole, small, what its README says it is, and cut as its script says."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
import yaml

from precompute.config import Config, load_config

REPOSITORY = Path(__file__).resolve().parents[2]
END = 13_400_000
CHR20 = 63_025_520
TAG = "hg19.chr20_1-13400000"


def sums(folder: Path) -> dict[str, str]:
    """Checksum of each file that SHA256SUMS lists."""
    rows = (folder / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (row.split("  ", 1) for row in rows)}


def peak_index(folder: Path) -> list[dict[str, str]]:
    """Rows of the index of the peak sets."""
    with (folder / "peaks" / "INDEX.tsv").open() as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def load_build(folder: Path):
    """The script that cuts the data, as a module."""
    spec = importlib.util.spec_from_file_location("build_demo", folder / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def build(demo_data):
    return load_build(demo_data)


@pytest.fixture(scope="module")
def sequence(demo_data) -> np.ndarray:
    """Letters of the demo FASTA, uint8 (13,400,000,)."""
    with gzip.open(demo_data / f"{TAG}.fa.gz", "rb") as handle:
        assert handle.readline() == b">chr20\n"
        return np.frombuffer(handle.read().replace(b"\n", b""), dtype=np.uint8)


# -- the files as they lie there ---------------------------------------------------------------


def test_every_file_has_its_checksum(demo_data):
    listed = sums(demo_data)
    for name, digest in listed.items():
        assert hashlib.sha256((demo_data / name).read_bytes()).hexdigest() == digest, name


def test_nothing_lies_there_unlisted(demo_data):
    about = {"README.md", "SHA256SUMS", "build.py", "licences/GPL-3.txt", "licences/NOTICES.md"}
    found = {
        path.relative_to(demo_data).as_posix()
        for path in demo_data.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
        # Indexes that a run makes beside the FASTA.
        and path.suffix not in (".fai", ".gzi")
    }
    assert found == set(sums(demo_data)) | about


def test_it_stays_under_12_mb(demo_data):
    size = sum(path.stat().st_size for path in demo_data.rglob("*") if path.is_file())
    assert 5e6 < size < 12e6


def test_the_readme_and_the_notices_name_every_file(demo_data):
    top = {name for name in sums(demo_data) if "/" not in name}
    notices = (demo_data / "licences" / "NOTICES.md").read_text()
    readme = (demo_data / "README.md").read_text()
    for name in top:
        assert f"`{name}`" in readme, name
        assert f"`{name}`" in notices, name
    assert "GNU GENERAL PUBLIC LICENSE" in (demo_data / "licences" / "GPL-3.txt").read_text()


def test_the_labels_say_what_the_tracks_are_not(demo_data):
    """Neither track may pass for K562 ATAC-seq, in the README or in the configuration."""
    config = load_config(REPOSITORY / "configs" / "demo.yaml")
    atac, dnase = config.tracks
    assert "not K562" in atac.label
    assert "not K562" in atac.short_label
    assert "peak score" in dnase.label
    assert "not read coverage" in dnase.label
    assert "peak score" in dnase.short_label
    readme = (demo_data / "README.md").read_text()
    assert "*not* K562" in readme
    assert "*peak-score* track" in readme


def test_the_configuration_names_files_that_are_there(demo_data):
    text = (REPOSITORY / "configs" / "demo.yaml").read_text()
    named = re.findall(r"\.\./data/demo/(\S+)", text)
    assert len(named) == 9
    for name in named:
        assert (demo_data / name).exists(), name


def test_no_machine_path_in_the_text_files(demo_data):
    for name in ("README.md", "build.py", "licences/NOTICES.md", "peaks/INDEX.tsv"):
        text = (demo_data / name).read_text()
        assert not re.search(r"(?<![\w.])/(work|home|root|tmp|usr)\b", text)


# -- what is in them ---------------------------------------------------------------------------


def test_sequence_is_the_first_13_4_mb_of_chr20(sequence):
    letters, counts = np.unique(sequence, return_counts=True)
    assert dict(zip(letters.tobytes().decode(), counts.tolist(), strict=True)) == {
        "A": 3_869_995, "C": 2_772_379, "G": 2_782_434, "N": 60_000, "T": 3_915_192,
    }
    # The short arm's telomere is the only gap here.
    assert (sequence[:60_000] == ord("N")).all()


def test_fasta_is_bgzip(demo_data):
    """Blocks with the BC field and bgzip's end marker, so that samtools and browsers open it."""
    raw = (demo_data / f"{TAG}.fa.gz").read_bytes()
    assert raw[:4] == b"\x1f\x8b\x08\x04"
    assert raw[4:8] == b"\0\0\0\0", "the header holds a time, so the bytes depend on the clock"
    assert raw[12:14] == b"BC"
    assert raw.endswith(bytes.fromhex("1f8b08040000000000ff0600424302001b0003" + "00" * 9))


def test_jaspar_has_the_papers_profiles(demo_data):
    text = (demo_data / "JASPAR2022_CORE_vertebrates_841.jaspar").read_text()
    ids = re.findall(r"^>(\S+)", text, re.M)
    assert len(ids) == len(set(ids)) == 841
    assert all(re.fullmatch(r"MA\d{4}\.\d+", name) for name in ids)
    bases = {"MA" + x.split(".")[0][2:] for x in ids}
    assert len(bases) == 841, "only the latest version of each profile belongs here"


@pytest.mark.parametrize(
    ("name", "total", "largest", "last"),
    [
        ("esATAC_insertions", 100_000, 16, 13_383_583),
        ("K562_DNase_peak_score", 2_682_760, 205, END),
    ],
)
def test_bigwigs_keep_chr20s_size_and_lie_in_the_region(demo_data, name, total, largest, last):
    with pyBigWig.open(str(demo_data / f"{name}.{TAG}.bw")) as handle:
        assert handle.chroms() == {"chr20": CHR20}
        runs = handle.intervals("chr20")
        assert sum((end - start) * value for start, end, value in runs) == total
        assert max(value for _, _, value in runs) == largest
        assert runs[-1][1] <= last
        # pyBigWig sizes its zoom levels by the file, so what a browser draws zoomed out works too.
        assert handle.stats("chr20", 0, END, type="max") == [largest]


def test_dnase_track_is_painted_from_the_dnase_peaks(demo_data):
    """Every peak's bases bear its signalValue (column 7), and there is nothing elsewhere."""
    (entry,) = [row for row in peak_index(demo_data) if row["name"] == "DNase-seq"]
    expected = np.zeros(END)
    with gzip.open(demo_data / "peaks" / entry["file"], "rt") as handle:
        for line in handle:
            fields = line.split("\t")
            place = slice(int(fields[1]), int(fields[2]))
            expected[place] = np.maximum(expected[place], float(fields[6]))
    with pyBigWig.open(str(demo_data / f"K562_DNase_peak_score.{TAG}.bw")) as handle:
        values = np.nan_to_num(handle.values("chr20", 0, END, numpy=True))
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_peak_sets_are_indexed_sorted_inside_and_have_a_profile(demo_data, build, sequence):
    rows = peak_index(demo_data)
    on_disk = {path.name for path in (demo_data / "peaks").glob("*.gz")}
    assert {row["file"] for row in rows} == on_disk
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) == 60
    tfs = build.profile_tfs(demo_data / "JASPAR2022_CORE_vertebrates_841.jaspar")
    assert all(name in tfs for name in names if name != "DNase-seq")
    assert {"CTCF", "GATA1", "REST"} <= set(names)
    for row in rows:
        with gzip.open(demo_data / "peaks" / row["file"], "rt") as handle:
            peaks = [line.rstrip("\n").split("\t") for line in handle]
        assert len(peaks) == int(row["n_region"]) > 0
        assert re.fullmatch(r"GSE\d+", row["accession"])
        assert {len(peak) for peak in peaks} == {10}
        starts = [int(peak[1]) for peak in peaks]
        assert starts == sorted(starts)
        for chrom, start, end, *_ in peaks:
            assert chrom == "chr20"
            assert 0 <= int(start) < END
            assert int(start) < int(end) <= CHR20
            assert ord("N") not in sequence[int(start) : int(end)]


@pytest.mark.parametrize(
    ("name", "rows", "header"),
    [
        (f"refseq.{TAG}.bed12", 285, None),
        (f"genes.{TAG}.bed", 121, "#chr"),
        (f"cpg_islands.{TAG}.txt", 135, "chrom"),
        ("cytobands.hg19.chr20.tsv", 20, "chrom"),
    ],
)
def test_annotation_rows(demo_data, name, rows, header):
    lines = [line.split("\t") for line in (demo_data / name).read_text().splitlines()]
    if header is not None:
        assert lines.pop(0)[0] == header
    assert len(lines) == rows
    limit = CHR20 if name.startswith("cytobands") else END
    assert all(x[0] == "chr20" and 0 <= int(x[1]) < limit for x in lines)
    assert all(int(x[1]) < int(x[2]) <= CHR20 for x in lines)


def test_cytobands_tile_the_chromosome(demo_data):
    lines = (demo_data / "cytobands.hg19.chr20.tsv").read_text().splitlines()[1:]
    edges = [tuple(map(int, line.split("\t")[1:3])) for line in lines]
    assert edges[0][0] == 0
    assert edges[-1][1] == CHR20
    assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))


# -- the script that cuts them -------------------------------------------------------------------


def test_cut_fasta_takes_the_beginning_and_renames(tmp_path, build):
    source, target = tmp_path / "whole.fa.gz", tmp_path / "cut.fa.gz"
    rng = np.random.default_rng(0)
    letters = "".join(rng.choice(list("ACGT"), 500))
    lines = "\n".join(letters[i : i + 60] for i in range(0, 500, 60))
    source.write_bytes(gzip.compress(f">20 whole\n{lines}\n".encode()))
    build.cut_fasta(source, target, end=237)
    header, *rest = gzip.decompress(target.read_bytes()).decode().splitlines()
    assert header == ">chr20"
    assert "".join(rest) == letters[:237]
    assert {len(line) for line in rest[:-1]} == {80}
    with pytest.raises(ValueError, match="500 bases, expected at least 501"):
        build.cut_fasta(source, target, end=501)


def test_cut_bigwig_keeps_every_value(tmp_path, build):
    source, target = tmp_path / "whole.bw", tmp_path / "cut.bw"
    rng = np.random.default_rng(1)
    values = np.repeat(rng.integers(0, 3, 400), rng.integers(1, 6, 400)).astype(float)
    with pyBigWig.open(str(source), "w") as out:
        out.addHeader([("chr20", len(values))])
        out.addEntries("chr20", 0, values=values.tolist(), span=1, step=1)
    for end in (1, 700, len(values), len(values) + 50):
        build.cut_bigwig(source, target, end=end)
        inside = min(end, len(values))
        with pyBigWig.open(str(target)) as handle:
            found = np.nan_to_num(handle.values("chr20", 0, len(values), numpy=True))
        np.testing.assert_array_equal(found[:inside], values[:inside])
        assert not found[inside:].any()


def test_cut_rows_keeps_the_header_and_what_begins_inside(tmp_path, build):
    source, target = tmp_path / "rows.bed", tmp_path / "cut.bed"
    rows = [
        "chrom\tstart\tend",
        "chr20\t0\t10",
        f"chr20\t{END - 1}\t{END + 9}",
        f"chr20\t{END}\t{END + 9}",
        "chr2\t5\t10",
    ]
    source.write_text("\n".join(rows) + "\n")
    build.cut_rows(source, target)
    assert target.read_text().splitlines() == rows[:3]
    build.cut_rows(source, target, inside=False)
    assert target.read_text().splitlines() == rows[:4]


def test_profile_tfs_leaves_out_dimers_and_variants(tmp_path, build):
    path = tmp_path / "profiles.jaspar"
    path.write_text(">MA0001.1 FOS::JUN\n>MA0002.2 Gata1\n>MA0003.1 RORA(var.2)\n")
    assert build.profile_tfs(path) == {"GATA1", "RORA"}


def test_the_script_says_how_to_call_it(demo_data, tmp_path):
    for arguments in ([], [str(tmp_path / "absent")], [str(tmp_path)] * 3):
        done = subprocess.run(
            [sys.executable, str(demo_data / "build.py"), *arguments],
            capture_output=True, text=True, check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("usage: python data/demo/build.py SOURCE")
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    "MOTIFLENS_DEMO_SOURCE" not in os.environ,
    reason="MOTIFLENS_DEMO_SOURCE does not name the folder of the whole-chromosome sources",
)
def test_the_sources_give_the_same_bytes(demo_data, tmp_path, build):
    build.main(Path(os.environ["MOTIFLENS_DEMO_SOURCE"]), tmp_path)
    assert sums(tmp_path) == sums(demo_data)


# -- the configurations that use such data --------------------------------------------------------


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "configs").glob("*.yaml")), ids=lambda p: p.name
)
def test_every_configuration_loads(path):
    config = load_config(path)
    assert isinstance(config, Config)
    assert config.run.name == yaml.safe_load(path.read_text())["run"]["name"]
