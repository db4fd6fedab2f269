"""2bit files: against one that UCSC's own tool made, Biopython, and every kind of damage."""

from __future__ import annotations

import struct
import warnings

import numpy as np
import pytest
from Bio import SeqIO

from precompute.errors import InputError
from precompute.genome import open_sequence
from precompute.inputs.nucleotides import decode, encode
from precompute.inputs.twobit import TwoBit
from tests.sequence_files import put, two_bit

# Made by faToTwoBit; the test file of the MIT-licensed package py2bit.
FOO = bytes.fromhex(
    "4327411a000000000200000000000000046368723122000000046368723270000000960000000200000000000000"
    "640000003200000032000000010000003e0000000800000000000000000000000000000000000000"
    "09c9c9cb4b4e1e1cb4b4b4b4e1000000000000000000000000006400000001000000320000003200000000000000"
    "000000009c9c9cb4b4e1e1cb4b4b4b4e10000000000000000000000000"
)
CHR1 = "N" * 50 + "ACGTACGTACGTAGCTAGCTGATCGATCGTAGCTAGCTAGCTAGCTGATC" + "N" * 50
SEQUENCES = {
    "one": "NNNACGTTGCAnnacgtGGGCN",
    "two": "T",
    "three": "ACGT" * 9 + "NN",
    "none_unknown": "GATTACA",
}


def test_a_file_of_ucscs_tool(tmp_path):
    reader = open_sequence(put(tmp_path / "foo.2bit", FOO))
    assert isinstance(reader, TwoBit)
    assert reader.lengths == {"chr1": 150, "chr2": 100}
    (one, two) = reader.read({"chr1": (0, 150), "chr2": (0, 100)})
    assert decode(one.codes) == CHR1
    assert decode(two.codes) == CHR1[50:]


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_stretch_of_every_sequence(tmp_path, version, order):
    reader = TwoBit(put(tmp_path / "x.2bit", two_bit(SEQUENCES, version, order)))
    assert reader.lengths == {name: len(text) for name, text in SEQUENCES.items()}
    for name, text in SEQUENCES.items():
        for start in range(len(text)):
            for end in range(start + 1, len(text) + 1):
                (found,) = reader.read({name: (start, end)})
                assert np.array_equal(found.codes, encode(text[start:end])), (name, start, end)


def test_biopython_reads_the_same(tmp_path):
    path = put(tmp_path / "x.2bit", two_bit(SEQUENCES))
    with path.open("rb") as handle, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {r.id: str(r.seq).upper() for r in SeqIO.parse(handle, "twobit")}
    spans = {name: (0, len(text)) for name, text in SEQUENCES.items()}
    assert {c.name: decode(c.codes) for c in TwoBit(path).read(spans)} == theirs


def test_windows_change_nothing(tmp_path, monkeypatch):
    path = put(tmp_path / "x.2bit", two_bit(SEQUENCES))
    monkeypatch.setattr("precompute.inputs.twobit._WINDOW_BP", 5)
    for start, end in ((0, 38), (3, 30), (7, 8)):
        (found,) = TwoBit(path).read({"three": (start, end)})
        assert decode(found.codes) == SEQUENCES["three"][start:end]


@pytest.mark.parametrize("cut", [5, 15, 20, 40, 60, 100, -1])
def test_truncation_anywhere_is_noticed(tmp_path, cut):
    whole = two_bit({**SEQUENCES, "last": "ACGT" * 8})
    with pytest.raises(InputError, match="truncated or damaged"):
        TwoBit(put(tmp_path / "x.2bit", whole[:cut]))


def test_damage_is_a_sentence(tmp_path):
    whole = two_bit(SEQUENCES)

    def refused(data: bytes, says: str) -> None:
        with pytest.raises(InputError, match=says):
            TwoBit(put(tmp_path / "x.2bit", data))

    refused(b"\x00" * 30, "signature")
    refused(whole[:4] + struct.pack("<I", 7) + whole[8:], "version 7")
    refused(two_bit({}), "holds no sequence")
    # The first sequence's offset, far beyond the end and beyond a signed number.
    at = 16 + 1 + len("one")
    for offset in (10**6, 2**32 - 1):
        refused(whole[:at] + struct.pack("<I", offset) + whole[at + 4 :], "beyond its end")
    first = struct.unpack("<I", whole[at : at + 4])[0]
    for n_blocks in (10**5, 2**32 - 1):
        refused(
            whole[: first + 4] + struct.pack("<I", n_blocks) + whole[first + 8 :],
            "beyond its end",
        )
    refused(
        whole[:first] + struct.pack("<I", 2**31) + whole[first + 4 :], "one ends beyond the file"
    )
    refused(
        whole[: first + 8] + struct.pack("<I", 500) + whole[first + 12 :],
        "unknown stretch of one ends beyond the sequence",
    )
    refused(whole.replace(b"\x03two", b"\x03one"), "lists one twice")
