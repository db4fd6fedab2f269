"""Names of chromosomes: what is the same, what only looks the same, and what is refused."""

from __future__ import annotations

import pytest

from precompute.errors import ChromosomeError, InputError
from precompute.inputs.aliases import assembly_family, find, matching, read_aliases, resolve


@pytest.mark.parametrize(
    ("asked", "present", "assembly", "expected"),
    [
        ("chr20", ["chr2", "chr20"], "hg38", "chr20"),
        ("chr20", ["2", "20"], "hg38", "20"),
        ("20", ["chr2", "chr20"], "hg38", "chr20"),
        ("chrx", ["chrX"], "dm6", "chrX"),
        ("20", ["20", "chr20"], "hg38", "20"),
        ("chr20", ["20", "chr20"], "hg38", "chr20"),
        ("chr20", ["NC_000020.11"], "hg38", "NC_000020.11"),
        ("NC_000020.11", ["chr20"], "GRCh38.p14", "chr20"),
        ("NC_000020.11", ["CM000682.2"], "hg38", "CM000682.2"),
        ("20", ["NC_000020.10", "NC_000019.9"], "GRCh37", "NC_000020.10"),
        ("nc_000020.10", ["chr20"], "b37", "chr20"),
        ("chr5", ["NC_000005.9"], "hg19", "NC_000005.9"),
        ("chr7", ["NC_000007.14"], "hg38", "NC_000007.14"),
        ("chrY", ["NC_000024.10"], "hg38", "NC_000024.10"),
        ("chr1", ["CP068277.2"], "T2T-CHM13v2.0", "CP068277.2"),
        ("chrX", ["CP068255.2", "CP086569.2"], "hs1", "CP068255.2"),
        ("chr22", ["NC_060946.1"], "hs1", "NC_060946.1"),
        ("chr2", ["NC_000068.7"], "mm10", "NC_000068.7"),
        ("chr2", ["NC_000068.8"], "GRCm39", "NC_000068.8"),
        ("chrY", ["CM001014.3"], "mm39", "CM001014.3"),
        ("chrM", ["1", "MT"], "mm10", "MT"),
        ("MT", ["chrM"], "hg38", "chrM"),
        ("M", ["NC_012920.1"], "hg38", "NC_012920.1"),
        ("chrMT", ["NC_012920.1"], "hg19", "NC_012920.1"),
        ("chrM", ["NC_001807.4"], "hg19", "NC_001807.4"),
    ],
)
def test_names_of_one_chromosome(asked, present, assembly, expected):
    assert resolve(asked, present, assembly) == expected


@pytest.mark.parametrize(
    ("asked", "present", "assembly", "says"),
    [
        ("NC_000020.10", ["chr20"], "hg38", r"NC_000020\.10 is chr20 of hg19, and genome\.ass"),
        ("NC_000020.10", ["NC_000020.10"], "hg38", r"is chr20 of hg19"),
        ("chr20", ["NC_000019.9", "NC_000020.10"], "hg38", r"NC_000020\.10 is chr20 of hg19"),
        ("CM000682.2", ["chr20"], "GRCh37", r"CM000682\.2 is chr20 of hg38"),
        ("NC_000068.7", ["chr2"], "mm39", "is chr2 of mm10"),
        ("NC_000020.11", ["chr20"], "canFam6", "is chr20 of hg38"),
        ("chrx", ["chrX", "X"], "hg38", "could be 'chrX' or 'X'"),
        ("chr20", ["20", "NC_000020.11", "Chr20"], "hg38", "could be '20' or 'Chr20'"),
        ("chrM", ["1", "MT"], "hg19", "two mitochondria"),
        ("MT", ["chrM"], "GRCh37.p13", "two mitochondria"),
        ("chr21", ["chr20", "chr22", "scaffold"], "hg38", "it has chr20, chr22"),
        ("chr9*", ["NC_000019.9"], "hg38", r"its NC_000019\.9 is chr19 of hg19"),
        ("NC_000020", ["chr20"], "hg38", "has no chromosome 'NC_000020'"),
        ("chr1", [], "hg38", "no chromosome"),
    ],
)
def test_what_is_not_the_same_is_refused_by_name(asked, present, assembly, says):
    with pytest.raises(ChromosomeError, match=says):
        resolve(asked, present, assembly, source="x.fa")


def test_find_says_none_for_what_is_not_there():
    assert find("chr7", ["chr8"], "hg38") is None


def test_assemblies_go_by_several_names():
    names = ["hg38", "GRCh38", "GRCh38.p14", " grch38 ", "GRCh38_no_alt_analysis_set"]
    assert {assembly_family(name) for name in names} == {"hg38"}
    assert {assembly_family(name) for name in ("hs37d5", "b37", "GRCh37.p13")} == {"hg19"}
    assert {assembly_family(name) for name in ("hs1", "T2T-CHM13v2.0")} == {"hs1"}
    for other in ("hg18", "hg380", "chm13v1.1", "mm9", "hs10", ""):
        assert assembly_family(other) is None


def test_an_unknown_assembly_may_use_accessions_as_they_are():
    assert resolve("NC_000020.11", ["NC_000020.11"], "my assembly") == "NC_000020.11"
    with pytest.raises(ChromosomeError, match="is chr20 of hg38, and"):
        resolve("chr20", ["NC_000020.11"], "my assembly")


HUB = "# ucsc\tassembly\tgenbank\trefseq\nscaf_1\t1\tXX000001.1\tNW_1.1\nscaf_2\t\tXX000002.1\t\n"
DUMP = "1\tscaf_1\tensembl\nXX000001.1\tscaf_1\tgenbank\nXX000002.1\tscaf_2\tgenbank\n"


@pytest.mark.parametrize("text", [HUB, DUMP, "#alias\tchrom\tsource\n" + DUMP])
def test_alias_tables_of_either_form(tmp_path, text):
    path = tmp_path / "chromAlias.txt"
    path.write_text(text)
    table = read_aliases(path)
    assert resolve("scaf_1", ["XX000001.1", "XX000002.1"], "x", table) == "XX000001.1"
    assert resolve("chr1", ["scaf_1", "scaf_2"], "x", table) == "scaf_1"
    assert resolve("XX000002.1", ["scaf_1", "scaf_2"], "x", table) == "scaf_2"
    assert find("genbank", ["scaf_1", "scaf_2"], "x", table) is None
    assert read_aliases(None) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# a\tb\nchr1\t1\nchr2\t1\n", "line 3 gives the name '1' to two sequences"),
        ("", "names no chromosome"),
        ("# a\tb\nchr1 1\n", "line 2 has no tab-separated names"),
        ("\xff\xfe", "it is no text file"),
    ],
)
def test_broken_alias_tables_are_refused(tmp_path, text, says):
    path = tmp_path / "chromAlias.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=says):
        read_aliases(path)
    with pytest.raises(InputError, match=r"correct genome\.aliases"):
        read_aliases(tmp_path / "none")


def test_patterns_take_the_names_as_they_are_before_any_other():
    names = ["chr1", "chr2", "chr10", "chrX", "chr1_random", "1"]
    assert list(matching("chr[0-9]*", names, "hg38")) == ["chr1", "chr2", "chr10", "chr1_random"]
    assert matching("chr[0-9]", ["1", "2", "X"], "hg38") == {"1": "chr1", "2": "chr2"}
    assert matching("[0-9]*", ["chr1", "chrX"], "hg38") == {"chr1": "1"}
    accessions = ["NC_000001.11", "NC_000023.11", "NT_1.1"]
    assert matching("chr*", accessions, "hg38") == {
        "NC_000001.11": "chr1", "NC_000023.11": "chrX",
    }
    assert matching("chrQ*", names, "hg38") == {}
