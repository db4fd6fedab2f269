"""Genes, intervals and peaks: coordinates, symbols and broken files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from precompute.annotation import (
    Places,
    name_transcripts,
    read_genes,
    read_intervals,
    read_peak_folder,
    read_peaks,
    read_transcripts,
)
from precompute.errors import ChromosomeError, InputError


def put(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_bed12_exons_become_absolute(tmp_path):
    path = put(tmp_path / "t.bed", "chr1\t100\t200\tNM_1\t0\t-\t110\t190\t0\t2\t10,20,\t0,80,\n")
    row = read_transcripts(path).iloc[0]
    assert row["exon_starts"].tolist() == [100, 180]
    assert row["exon_ends"].tolist() == [110, 200]
    assert (row["thick_start"], row["thick_end"], row["strand"]) == (110, 190, "-")


def test_symbols_come_from_the_same_strand_gene_that_overlaps_most(tmp_path):
    transcripts = read_transcripts(
        put(
            tmp_path / "t.bed",
            "chr1\t100\t200\tA\t0\t+\t100\t200\t0\t1\t100,\t0,\n"
            "chr1\t100\t200\tB\t0\t-\t100\t200\t0\t1\t100,\t0,\n"
            "chr1\t900\t950\tC\t0\t+\t900\t950\t0\t1\t50,\t0,\n",
        )
    )
    genes = read_genes(
        put(
            tmp_path / "g.bed",
            "#chr\tstart\tend\tname\tscore\tstrand\n"
            "chr1\t50\t120\tNEAR\t0\t+\nchr1\t110\t300\tMOST\t0\t+\nchr1\t90\t210\tANTI\t0\t-\n",
        )
    )
    assert name_transcripts(transcripts, genes)["gene"].tolist() == ["MOST", "ANTI", ""]


def test_narrowpeak_summit_and_signal(tmp_path):
    path = tmp_path / "p.narrowPeak.gz"
    rows = "chr1\t100\t200\t.\t0\t.\t12.5\t-1\t-1\t30\nchr1\t300\t400\t.\t0\t.\t3\t-1\t-1\t-1\n"
    path.write_bytes(gzip.compress(rows.encode()))
    peaks = read_peaks(path, "CTCF")
    assert peaks["summit"].tolist() == [130, 350]
    assert peaks["signal"].tolist() == [12.5, 3.0]
    assert set(peaks["target"]) == {"CTCF"}


def test_headers_and_comments_are_skipped(tmp_path):
    path = put(tmp_path / "c.txt", "chrom\tchromStart\tchromEnd\tname\n#x\nchr1\t5\t9\tCpG: 3\n")
    assert read_intervals(path, "cpg_island")[["start", "end", "name"]].to_numpy().tolist() == [
        [5, 9, "CpG: 3"]
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chr1\t1\n", "at least"),
        ("chr1\t9\t5\tx\t0\t+\n", "not a stretch"),
        ("chr1\t1\t2\tok\t0\t+\nchr1\ta\tb\tx\t0\t+\n", "not whole numbers"),
    ],
)
def test_broken_rows_name_the_line(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_genes(put(tmp_path / "g.bed", text))


def test_binary_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "g.bed"
    path.write_bytes(b"\xff\xfe\x00\x01" * 20)
    with pytest.raises(InputError, match="cannot be read"):
        read_genes(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_genes(tmp_path / "none.bed")


def test_rows_outside_the_region_are_dropped_and_other_names_refused(tmp_path):
    frame = pd.DataFrame(
        {"chrom": ["chr1", "chr1", "chr2"], "start": [0, 50, 60], "end": [10, 70, 70]}
    )
    kept = Places({"chr1": (10, 100)}).inside(frame, tmp_path)
    assert kept[["chrom", "start", "end"]].to_numpy().tolist() == [["chr1", 50, 70]]
    with pytest.raises(ChromosomeError, match="has no chromosome 'chr3'; it has chr1, chr2"):
        Places({"chr3": (0, 100)}).inside(frame, tmp_path)


def test_rows_take_the_runs_names_of_the_chromosomes(tmp_path):
    frame = pd.DataFrame(
        {"chrom": ["1", "NC_000002.12", "1", "MT"], "start": [0, 9, 50, 1], "end": [20, 19, 70, 2]}
    )
    places = Places({"chr1": (10, 100), "chr2": (0, 50)}, "hg38")
    kept = places.inside(frame, tmp_path)
    assert kept.to_numpy().tolist() == [["chr1", 0, 20], ["chr1", 50, 70], ["chr2", 9, 19]]
    with pytest.raises(ChromosomeError, match=r"NC_000002\.12 is chr2 of hg38"):
        Places({"chr2": (0, 50)}, "hg19").inside(frame, tmp_path)
    table = {"scaffold": frozenset({"scaffold", "1"})}
    renamed = Places({"scaffold": (0, 30)}, "hg38", table).inside(frame, tmp_path)
    assert renamed.to_numpy().tolist() == [["scaffold", 0, 20]]


def test_peak_folder_needs_an_honest_index(tmp_path):
    with pytest.raises(InputError, match=r"no INDEX\.tsv"):
        read_peak_folder(tmp_path)
    put(tmp_path / "INDEX.tsv", "name\tfile\nCTCF\tmissing.narrowPeak.gz\n")
    with pytest.raises(InputError, match="lists missing"):
        read_peak_folder(tmp_path)
    put(tmp_path / "INDEX.tsv", "a\tb\n1\t2\n")
    with pytest.raises(InputError, match="no columns"):
        read_peak_folder(tmp_path)
    put(tmp_path / "INDEX.tsv", "name\tfile\nX\t../../etc/passwd\n")
    with pytest.raises(InputError, match="not in"):
        read_peak_folder(tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("chr1\t1\t9\tx\t0\t+\ta\tb\t0\t1\t8\t0", "is not BED12"),
        ("chr1\t1\t9\tx\t0\t+\t1\t9\t0\t1\t8\tzero", "is not BED12"),
        ("chr1\t1\t9\tx\t0\t+\t1\t9\t0\t1\t99999999999999999999\t0", "is not BED12"),
        ("chr1\t1\t9\tx\t0\t+\t1\t9\t0\t2\t2,2\t0", "do not fit its bounds 1-9"),
        ("chr1\t1\t9\tx\t0\t+\t1\t9\t0\t1\t8\t1", "do not fit"),
        ("chr1\t1\t9\tx\t0\t+\t1\t9\t0\t1\t8\t-1", "do not fit"),
    ],
)
def test_broken_exons_name_the_line(tmp_path, line, says):
    path = put(tmp_path / "t.bed", f"chr1\t0\t9\tok\t0\t+\t0\t9\t0\t1\t9\t0\n{line}\n")
    with pytest.raises(InputError, match=says) as caught:
        read_transcripts(path)
    assert "line 2" in str(caught.value)


def test_an_empty_index_is_refused(tmp_path):
    put(tmp_path / "INDEX.tsv", "")
    with pytest.raises(InputError, match="no tab-separated table"):
        read_peak_folder(tmp_path)
