"""The FASTA index: made, used, refused when it does not fit; streaming and random access agree."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.errors import InputError
from precompute.inputs.bgzip import BgzipFile, block_size
from precompute.inputs.fasta import Fasta, read_fasta
from precompute.inputs.nucleotides import decode, encode
from tests.sequence_files import END, bgzip, fasta, put

SEQUENCES = {
    "chr1": "ACGTN" * 51,
    "chr2": "acgtRYNN" * 15,
    "chr3": "G" * 60,
    "chr4": "T",
    "chr5": "CATG" * 30,
}
# What samtools faidx writes for fasta(SEQUENCES).
FAI = "chr1\t255\t20\t60\t61\nchr2\t120\t300\t60\t61\nchr3\t60\t442\t60\t61\n"
FAI += "chr4\t1\t523\t1\t2\nchr5\t120\t545\t60\t61\n"

FORMS = {"x.fa": lambda data: data, "x.fa.gz": gzip.compress, "x.fa.bgz": bgzip}


@pytest.fixture(params=list(FORMS))
def file(request, tmp_path):
    """The same sequences plain, as gzip and as bgzip."""
    return put(tmp_path / request.param, FORMS[request.param](fasta(SEQUENCES)))


def spans_of(lengths):
    return {name: (0, length) for name, length in lengths.items()}


def test_the_index_is_made_beside_the_file_as_samtools_makes_it(file):
    lengths = Fasta(file).lengths
    assert lengths == {name: len(text) for name, text in SEQUENCES.items()}
    assert (file.parent / f"{file.name}.fai").read_text() == FAI
    assert not list(file.parent.glob(".*"))
    assert (file.parent / f"{file.name}.gzi").exists() == file.name.endswith("bgz")


def test_whole_sequences_and_stretches_in_the_order_of_the_file(file):
    for _ in ("index made", "index found"):
        reader = Fasta(file)
        whole = list(reader.read(spans_of(reader.lengths)))
        assert [c.name for c in whole] == list(SEQUENCES)
        assert all(np.array_equal(c.codes, encode(SEQUENCES[c.name])) for c in whole)
        some = list(reader.read({"chr5": (59, 61), "chr1": (100, 255)}))
        assert [c.name for c in some] == ["chr1", "chr5"]
        assert decode(some[0].codes) == SEQUENCES["chr1"][100:]
        assert decode(some[1].codes) == SEQUENCES["chr5"][59:61]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_access_equals_streaming(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("f")
    letters = st.text("ACGTNacgtnRY", min_size=1, max_size=90)
    texts = data.draw(st.lists(letters, min_size=1, max_size=4))
    sequences = {f"s{i}": text for i, text in enumerate(texts)}
    width = data.draw(st.integers(1, 40))
    raw = fasta(sequences, width, data.draw(st.sampled_from(["\n", "\r\n"])))
    if data.draw(st.booleans()):
        raw = raw.rstrip()
    path = put(folder / "x.fa", data.draw(st.sampled_from([raw, bgzip(raw, 37)])))
    streamed = {c.name: c.codes for c in read_fasta(path)}
    reader = Fasta(path)
    assert reader.is_random_access
    for name, text in sequences.items():
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        (found,) = reader.read({name: (start, end)})
        assert np.array_equal(found.codes, streamed[name][start:end])


def test_windows_change_nothing(tmp_path, monkeypatch):
    for module in ("fasta", "fasta_index"):
        monkeypatch.setattr(f"precompute.inputs.{module}._WINDOW", 64)
    for name, form in FORMS.items():
        path = put(tmp_path / name, form(fasta(SEQUENCES)))
        reader = Fasta(path)
        assert (tmp_path / f"{name}.fai").read_text() == FAI
        found = {c.name: decode(c.codes) for c in reader.read(spans_of(reader.lengths))}
        assert found == {n: decode(encode(text)) for n, text in SEQUENCES.items()}


@pytest.mark.parametrize(
    "text",
    [
        ">a\nACGT\nACGTACGT\nAC\n>b\nGG\n",
        ">a\nACGT\nAC\nACGT\n>b\nGG\n",
        ">a\nACGT  \nACGT\nAC\n>b\nGG\n",
        ">a\nACGT\n\nACGT\nAC\n>b\nGG\n",
        ">a\n\nACGT\nACGT\nAC\n>b\nGG\n",
        ">a\nACGT\r\nACGT\nAC\n>b\nGG\n",
        ">a\nACGT\t\r\nACGT\t\r\nAC\n>b\nGG\n",
    ],
)
def test_lines_of_varying_length_are_streamed_and_leave_no_index(tmp_path, text):
    path = put(tmp_path / "x.fa", text.encode())
    reader = Fasta(path)
    expected = "".join(text[: text.index(">b")].split()[1:])
    assert reader.lengths == {"a": len(expected), "b": 2}
    assert not reader.is_random_access
    assert [decode(c.codes) for c in reader.read({"a": (1, 7), "b": (0, 2)})] == [
        expected[1:7], "GG",
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_blank_lines_between_sequences_are_no_fault(tmp_path):
    path = put(tmp_path / "x.fa", b"\n>a\nACGT\nAC\n\n\n>b\nGG\n\n")
    reader = Fasta(path)
    assert reader.is_random_access
    assert [decode(c.codes) for c in reader.read(spans_of(reader.lengths))] == ["ACGTAC", "GG"]


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path, monkeypatch):
    path = put(tmp_path / "x.fa", fasta(SEQUENCES))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    reader = Fasta(path)
    assert reader.is_random_access
    assert list(tmp_path.iterdir()) == [path]


def test_only_the_wanted_chromosome_is_read(tmp_path):
    # What follows chr1 is no FASTA at all, which only a reader of everything would notice.
    good = fasta({"chr1": "ACGT" * 50})
    path = put(tmp_path / "x.fa", good + b">chr2\n" + b"!?!?\n" * 20)
    (found,) = Fasta(path).read({"chr1": (0, 200)})
    assert decode(found.codes) == "ACGT" * 50
    with pytest.raises(InputError, match=r"holds '!' at chr2:1, which is no nucleotide"):
        list(Fasta(path).read({"chr2": (0, 8)}))


def stale(path, rows):
    (path.parent / f"{path.name}.fai").write_text(rows)
    return pytest.raises(InputError, match="does not fit")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("chr2\t120\t300\t60\t61", "chr2\t119\t300\t60\t61"),
        ("chr2\t120\t300\t60\t61", "chr2\t121\t300\t60\t61"),
        ("chr2\t120\t300\t60\t61", "chr2\t120\t301\t60\t61"),
        ("chr2\t120\t300\t60\t61", "chr2\t120\t299\t60\t61"),
        ("chr2\t120\t300\t60\t61", "chr2\t120\t300\t50\t51"),
        ("chr2\t120\t300\t60\t61", "chr9\t120\t300\t60\t61"),
        ("chr1\t255\t20\t60\t61\n", ""),
        ("chr3\t60\t442\t60\t61\n", ""),
    ],
)
@pytest.mark.parametrize("form", ["x.fa", "x.fa.bgz"])
def test_a_stale_index_is_refused(tmp_path, old, new, form):
    path = put(tmp_path / form, FORMS[form](fasta(SEQUENCES)))
    name = "chr9" if "chr9" in new else "chr2"
    with stale(path, FAI.replace(old, new)):
        list(Fasta(path).read({name: (0, 100)}))


def test_an_index_of_a_longer_or_shorter_file_is_refused(tmp_path):
    path = put(tmp_path / "x.fa", fasta(SEQUENCES))
    with stale(path, FAI.replace("chr5\t120", "chr5\t500")):
        list(Fasta(path).read({"chr5": (0, 500)}))
    with stale(path, FAI.replace("chr5\t120", "chr5\t60")):
        list(Fasta(path).read({"chr5": (0, 60)}))
    # The index is right and the file was cut off.
    path.write_bytes(fasta(SEQUENCES)[:-100])
    with stale(path, FAI):
        list(Fasta(path).read({"chr5": (0, 10)}))


def test_a_stale_index_of_a_gzip_is_refused(tmp_path):
    path = put(tmp_path / "x.fa.gz", gzip.compress(fasta(SEQUENCES)))
    with stale(path, FAI + "chr6\t10\t700\t60\t61\n"):
        list(Fasta(path).read({"chr6": (0, 10)}))


@pytest.mark.parametrize("text", ["hello\n", "chr1\t10\tx\t3\t4\n", "chr1\t10\t6\t0\t0\n"])
def test_what_is_no_index_is_refused(tmp_path, text):
    path = put(tmp_path / "x.fa", fasta(SEQUENCES))
    (tmp_path / "x.fa.fai").write_text(text)
    with pytest.raises(InputError, match="delete it and run again"):
        Fasta(path)


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no sequence"),
        ("ACGT\n", "does not begin with '>'"),
        (">\nACGT\n", "header without a name"),
        (">a\nAC\n>a\nGG\n", "holds the sequence a twice"),
    ],
)
def test_what_is_no_fasta_is_refused_while_it_is_indexed(tmp_path, form, text, says):
    path = put(tmp_path / form, FORMS[form](text.encode()))
    with pytest.raises(InputError, match=says):
        Fasta(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_header_without_sequence_is_refused_when_it_is_wanted(tmp_path):
    path = put(tmp_path / "x.fa", b">a\n>b\nAC\n")
    reader = Fasta(path)
    assert [decode(c.codes) for c in reader.read({"b": (0, 2)})] == ["AC"]
    with pytest.raises(InputError, match="no sequence under it"):
        list(reader.read({"a": (0, 0)}))


def test_a_missing_file_names_the_key(tmp_path):
    with pytest.raises(InputError, match=r"does not exist; correct genome\.fasta"):
        Fasta(tmp_path / "none.fa")
    with pytest.raises(InputError, match="cannot be opened"):
        Fasta(tmp_path)


# -- bgzip ---------------------------------------------------------------------------------------


def test_bgzip_reads_any_stretch_with_and_without_its_index(tmp_path):
    data = bytes(range(256)) * 5
    path = put(tmp_path / "x.gz", bgzip(data, 97))
    assert gzip.decompress(path.read_bytes()) == data
    reader = BgzipFile(path)
    index = tmp_path / "x.gz.gzi"
    for _ in ("walked", "indexed"):
        assert reader.size == len(data)
        for start in (0, 1, 96, 97, 98, 700, 1279, 1280, 5000):
            for length in (0, 1, 97, 200, 2000):
                assert reader.read(start, length) == data[start : start + length]
        index.write_bytes(reader.gzi())
        reader = BgzipFile(path)
    n = struct.unpack("<Q", index.read_bytes()[:8])[0]
    assert n == len(data) // 97
    assert index.stat().st_size == 8 + 16 * n


def test_truncated_bgzip_is_noticed_at_any_place(tmp_path):
    whole = bgzip(fasta(SEQUENCES))
    second = block_size(whole[:100])
    for cut in (second, second + 40, len(whole) - len(END), len(whole) - 1):
        path = put(tmp_path / "x.fa.gz", whole[:cut])
        with pytest.raises(InputError, match="truncated or damaged"):
            Fasta(path)
    damaged = bytearray(whole)
    damaged[second + 30] ^= 255
    with pytest.raises(InputError, match="truncated or damaged"):
        Fasta(put(tmp_path / "x.fa.gz", bytes(damaged)))


@pytest.mark.parametrize(
    "pairs", [[(50, 100)], [(0, 0)], [(10**9, 100)], [(200, 100), (100, 200)], None]
)
def test_a_foreign_gzi_is_refused(tmp_path, pairs):
    path = put(tmp_path / "x.fa.gz", bgzip(fasta(SEQUENCES)))
    raw = b"nonsense!" if pairs is None else struct.pack("<Q", len(pairs))
    raw += b"".join(struct.pack("<QQ", *pair) for pair in pairs or [])
    put(tmp_path / "x.fa.gz.gzi", raw)
    with pytest.raises(InputError, match=r"gzi does not fit"):
        Fasta(path)


def test_a_gzi_with_wrong_content_offsets_is_refused(tmp_path):
    path = put(tmp_path / "x.fa.gz", bgzip(fasta(SEQUENCES)))
    right = bytearray(BgzipFile(path).gzi())
    right[16:24] = struct.pack("<Q", 99)
    put(tmp_path / "x.fa.gz.gzi", bytes(right))
    with pytest.raises(InputError, match=r"gzi does not fit"):
        BgzipFile(path).read(0, 50)


def test_truncated_gzip_is_noticed_while_it_is_indexed(tmp_path):
    whole = gzip.compress(fasta({"a": "".join(SEQUENCES.values())}))
    with pytest.raises(InputError, match="truncated"):
        Fasta(put(tmp_path / "x.fa.gz", whole[: len(whole) // 2]))


def test_the_readers_import_nothing_heavy():
    code = (
        "import sys, precompute.inputs.fasta, precompute.inputs.twobit, precompute.inputs.aliases; "
        "print({'torch', 'pandas', 'numba', 'zarr'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
