"""FASTA reading: encoding, streaming and every way a file can be bad."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from precompute.config import Region
from precompute.errors import InputError
from precompute.genome import (
    chromosome_hint,
    cut_region,
    decode,
    encode,
    read_fasta,
    reverse_complement,
)


def write(path, text: str, zipped: bool = False):
    data = text.encode()
    path.write_bytes(gzip.compress(data) if zipped else data)
    return path


def test_codes_of_either_case_and_of_ambiguous_letters():
    assert encode("ACGTacgtNnRY").tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 4, 4]
    assert decode(encode("ACGTN")) == "ACGTN"


def test_reverse_complement_is_an_involution_and_keeps_n():
    codes = encode("AACGTN")
    assert decode(reverse_complement(codes)) == "NACGTT"
    assert np.array_equal(reverse_complement(reverse_complement(codes)), codes)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_reads_several_sequences_over_many_lines(tmp_path, zipped, newline):
    text = newline.join([">one some words", "ACGT", "AC", ">two", "nnAC", ""])
    found = list(read_fasta(write(tmp_path / "x.fa", text, zipped)))
    assert [c.name for c in found] == ["one", "two"]
    assert [decode(c.codes) for c in found] == ["ACGTAC", "NNAC"]


def test_wanted_skips_the_others_without_storing_them(tmp_path):
    path = write(tmp_path / "x.fa", ">one\nACGT\n>two\nCC\n")
    assert [c.name for c in read_fasta(path, {"two"})] == ["two"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no sequence"),
        (">one\n>two\nAC\n", "no sequence under it"),
        ("ACGT\n", "does not begin with '>'"),
        (">\nACGT\n", "header without a name"),
        (">one\nAC>T\n", "no nucleotide letter"),
        (">one\nMKVLEF\n", "no nucleotide letter"),
    ],
)
def test_what_is_no_fasta_is_refused(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        list(read_fasta(write(tmp_path / "x.fa", text)))


def test_missing_file_names_the_key_to_correct(tmp_path):
    with pytest.raises(InputError, match=r"does not exist; correct genome\.fasta"):
        list(read_fasta(tmp_path / "nowhere.fa"))


def test_truncated_gzip_is_noticed(tmp_path):
    rng = np.random.default_rng(0)
    body = "".join("ACGT"[i] for i in rng.integers(0, 4, 50_000))
    whole = gzip.compress(f">one\n{body}\n".encode())
    path = tmp_path / "x.fa.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated"):
        list(read_fasta(path))


def test_plain_file_cut_at_a_line_end_is_noticed_by_its_index(tmp_path):
    path = write(tmp_path / "x.fa", ">one\nACGT\n")
    (tmp_path / "x.fa.fai").write_text("one\t8\t5\t4\t5\n")
    with pytest.raises(InputError, match=r"4 bp of one, its \.fai says 8"):
        list(read_fasta(path))


def test_region_beyond_the_sequence_is_refused(tmp_path):
    path = write(tmp_path / "x.fa", ">one\nACGTACGT\n")
    chromosome = next(read_fasta(path))
    assert decode(cut_region(chromosome, Region(chrom="one", start=2, end=6), path)) == "GTAC"
    assert decode(cut_region(chromosome, Region(chrom="one", start=6), path)) == "GT"
    for start, end in ((0, 9), (8, None), (100, 200)):
        with pytest.raises(InputError, match="goes beyond one"):
            cut_region(chromosome, Region(chrom="one", start=start, end=end), path)


def test_hint_recognizes_the_other_naming_style():
    assert "'20'" in chromosome_hint("chr20", ["1", "20"])
    assert "'chr20'" in chromosome_hint("20", ["chr1", "chr20"])
    assert "chr1, chr2" in chromosome_hint("chrZ", ["chr1", "chr2"])
