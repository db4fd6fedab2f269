"""Sequence in: streaming a FASTA, choosing chromosomes, masking, and the artefact itself."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import yaml

from precompute.artefacts import RunFolder
from precompute.config import parse_config
from precompute.config_inputs import GenomeConfig
from precompute.context import StageContext
from precompute.errors import InputError
from precompute.genome import choose, decode, encode, read_fasta, reverse_complement, run
from precompute.manifest import hash_path
from tests.sequence_files import bgzip, fasta, put, two_bit

REPOSITORY = Path(__file__).resolve().parents[2]


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


# -- which chromosomes ---------------------------------------------------------------------------

LENGTHS = {"chr1": 100, "chr2": 80, "chr10": 60, "chrX": 50, "chr1_random": 10, "chrM": 5}


def genome(**changes) -> GenomeConfig:
    return GenomeConfig(**{"fasta": "x.fa", "assembly": "hg38", **changes})


def names(chosen) -> list[str]:
    return [entry.chrom for entry in chosen]


def test_regions_keep_the_configurations_names_and_order():
    regions = [{"chrom": "X", "start": 5, "end": 9}, {"chrom": "NC_000001.11", "start": 90}]
    chosen = choose(genome(regions=regions), LENGTHS)
    assert chosen == [("X", "chrX", 5, 9), ("NC_000001.11", "chr1", 90, 100)]


def test_include_takes_whole_chromosomes_in_the_order_of_the_file():
    chosen = choose(genome(include=["chr[0-9]*"], exclude=["*_*"]), LENGTHS)
    assert chosen == [
        ("chr1", "chr1", 0, 100), ("chr2", "chr2", 0, 80), ("chr10", "chr10", 0, 60),
    ]
    assert names(choose(genome(include=["chrX", "chr2", "chr?"]), LENGTHS)) == [
        "chr1", "chr2", "chrX", "chrM",
    ]
    ensembl = {"1": 100, "2": 80, "X": 50, "MT": 5, "KI270706.1": 10}
    chosen = choose(genome(include=["chr*"], exclude=["chrM"]), ensembl)
    assert [entry[:2] for entry in chosen] == [("chr1", "1"), ("chr2", "2"), ("chrX", "X")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"regions": [{"chrom": "chr3"}]}, "no chromosome 'chr3'; it has"),
        ({"regions": [{"chrom": "chr1", "end": 101}]}, "goes beyond chr1"),
        ({"regions": [{"chrom": "chr1", "start": 100}]}, "goes beyond chr1"),
        ({"regions": [{"chrom": "chr1"}, {"chrom": "1"}]}, "asked for at once"),
        ({"regions": [{"chrom": "NC_000001.10"}]}, "is chr1 of hg19"),
        ({"include": ["chr3"]}, "no chromosome 'chr3'"),
        ({"include": ["scaffold*"]}, r"no chromosome 'scaffold\*'"),
        ({"include": ["chr1"], "exclude": ["chr3*"]}, r"genome\.exclude: .* no chromosome 'chr3"),
        ({"include": ["chr1"], "exclude": ["1"]}, "exclude leaves; correct these patterns"),
    ],
)
def test_chromosomes_that_are_not_there_are_refused(changes, says):
    with pytest.raises(InputError, match=says):
        choose(genome(**changes), LENGTHS)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "got neither"),
        ({"regions": [{"chrom": "chr1"}], "include": ["chr2"]}, "got both"),
        ({"regions": [{"chrom": "chr1"}], "exclude": ["chr2"]}, "exclude goes with include"),
        ({"include": [""]}, "at least 1 character"),
        ({"regions": [{"chrom": "chr1"}, {"chrom": "chr1", "start": 5}]}, "listed twice"),
    ],
)
def test_regions_and_include_exclude_each_other(changes, says):
    with pytest.raises(ValueError, match=says):
        genome(**changes)


# -- the artefact --------------------------------------------------------------------------------

#: What the stage reported last.
FACTS: dict = {}
TEXTS = {"chr1": "ACGTACGTNNACGTACGTAC", "chr2": "GGGGCCCCAAAATTTT", "chr3": "TTTT"}


def sequence_of(tmp_path, data: bytes, name: str = "x.fa", **changes) -> RunFolder:
    """Run the stage on ``data`` and return the run folder."""
    put(tmp_path / name, data)
    text = yaml.safe_load((REPOSITORY / "configs" / "demo.yaml").read_text())
    text["genome"] = {"fasta": str(tmp_path / name), "assembly": "hg38", **changes}
    config = parse_config(text, REPOSITORY / "configs", "test")
    folder = RunFolder(tmp_path / f"run_{name}")
    folder.root.mkdir()
    FACTS.clear()
    FACTS.update(run(StageContext(config, folder, "genome")))
    return folder


def texts_of(folder: RunFolder) -> dict[str, str]:
    group = folder.group("sequence")
    return {chrom: decode(group[f"{chrom}/codes"][:]) for chrom in group.attrs["chroms"]}


def test_fasta_gzip_bgzip_and_2bit_give_the_same_bytes(tmp_path):
    forms = {
        "x.fa": fasta(TEXTS, 7),
        "x.fa.gz": gzip.compress(fasta(TEXTS, 9)),
        "x.bgz": bgzip(fasta(TEXTS, 8)),
        "x.2bit": two_bit(TEXTS),
        "masked.2bit": two_bit({name: text.lower() for name, text in TEXTS.items()}, 1, ">"),
    }
    regions = [{"chrom": "chr2"}, {"chrom": "1", "start": 3, "end": 17}]
    hashes = set()
    for name, data in forms.items():
        folder = sequence_of(tmp_path, data, name, regions=regions)
        hashes.add(hash_path(folder.path("sequence")))
        assert texts_of(folder) == {"chr2": TEXTS["chr2"], "1": TEXTS["chr1"][3:17]}
        assert folder.group("sequence")["1"].attrs.asdict() == {
            "start": 3, "end": 17, "length": 20,
        }
        assert FACTS["other_names"] == {"1": "chr1"}
        assert FACTS["unknown_bp"] == 2
    assert len(hashes) == 1


def test_bases_outside_the_bed_are_unknown_and_coordinates_stay(tmp_path):
    bed = put(tmp_path / "x.bed", b"track name=x\n1\t2\t6\n1\t4\t8\n1\t12\t14\n3\t0\t4\tname\n")
    folder = sequence_of(tmp_path, fasta(TEXTS), include=["*"], bed=str(bed))
    assert texts_of(folder) == {"chr1": "NNGTACGTNNNNGTNNNNNN", "chr3": "TTTT"}
    assert FACTS["masked_bp"] == 10
    folder = sequence_of(
        tmp_path, fasta(TEXTS), "y.fa",
        regions=[{"chrom": "chr1", "start": 3, "end": 13}], bed=str(bed),
    )
    assert texts_of(folder) == {"chr1": "TACGTNNNNG"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no stretch"),
        ("chr1\t5\t5\n", "holds no stretch"),
        ("chr1\t0\t21\n", r"goes to 21 and chr1 in the FASTA has 20 bp; is the BED of another"),
        ("chr1 0 5\n", "1 tab-separated columns"),
        ("chr1\t9\t5\n", "not a stretch"),
        ("chr2\t0\t5\n", "leaves nothing of chr1:0-20"),
        ("chr1\t0\t5\n1\t0\t5\nchr3\t0\t1\n", "leaves nothing of chr2:0-16"),
        ("chr7\t0\t5\n", "no chromosome 'chr1'; it has chr7"),
        ("NC_000001.10\t0\t5\n", "is chr1 of hg19"),
    ],
)
def test_bad_beds_are_refused(tmp_path, text, says):
    bed = put(tmp_path / "x.bed", text.encode())
    with pytest.raises(InputError, match=says):
        sequence_of(
            tmp_path, fasta(TEXTS), regions=[{"chrom": "chr1"}, {"chrom": "chr2"}], bed=str(bed)
        )
    assert not (tmp_path / "run_x.fa" / "sequence.zarr").exists()


def test_an_alias_table_names_what_rules_do_not(tmp_path):
    table = put(tmp_path / "a.txt", b"# ucsc\tgenbank\nchr1\tXY1.1\nchr2\tXY2.1\n")
    data = fasta({"XY1.1": "ACGT", "XY2.1": "GG"})
    with pytest.raises(InputError, match="give a UCSC"):
        sequence_of(tmp_path, data, regions=[{"chrom": "chr2"}])
    folder = sequence_of(
        tmp_path, data, "y.fa", regions=[{"chrom": "chr2"}], aliases=str(table)
    )
    assert texts_of(folder) == {"chr2": "GG"}
