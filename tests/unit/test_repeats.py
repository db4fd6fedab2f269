"""Repeats in the three formats they come in, and files that are none of them."""

from __future__ import annotations

import gzip

import pytest

from precompute.errors import InputError
from precompute.inputs.repeats import read_repeats

OUT = """   SW   perc perc perc  query     position in query              matching       repeat
score   div. del. ins.  sequence  begin    end          (left)   repeat         class/family

 1504    1.3  0.4  1.3  chr20     60001    60417 (62965103) +  (CACCC)n  Simple_repeat 2 463 (0) 1
  463    1.3  0.6  1.7  chr20     60468    61000 (62964520) C  TAR1      Satellite/telo (399) 1 2 3
"""
RMSK = ("585\t1504\t13\t4\t13\tchr20\t60000\t60417\t-62965103\t+\t(CACCC)n\tSimple_repeat\t"
        "Simple_repeat\t2\t463\t0\t1\n"
        "585\t463\t13\t6\t17\tchr20\t60467\t61000\t-62964520\t-\tTAR1\tSatellite\ttelo\t"
        "-399\t1\t2\t2\n")
BED = "chrom\tstart\tend\tname\nchr20\t60000\t60417\t(CACCC)n\nchr20\t60467\t61000\tTAR1\n"


@pytest.mark.parametrize("text", [OUT, RMSK, BED])
@pytest.mark.parametrize("zipped", [False, True])
def test_the_same_repeats_from_each_format(tmp_path, text, zipped):
    path = tmp_path / "repeats"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    found = read_repeats(path)
    assert found["chrom"].tolist() == ["chr20", "chr20"]
    assert found[["start", "end"]].to_numpy().tolist() == [[60000, 60417], [60467, 61000]]
    assert found["name"].tolist() == ["(CACCC)n", "TAR1"]
    if text != BED:
        assert found["family"].iloc[1] == "Satellite/telo"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "hold no repeat"),
        (b"chrom\tstart\tend\n", "hold no repeat"),
        (b"chr1\t1\t2\nchr1\tx\t9\n", "line 2 is neither"),
        (b"chr1\t9\t2\n", "no stretch"),
        (b"\x1f\x8b\x08broken", "cannot be read"),
        (b"a\nb c d\n", "line 2 is neither"),
    ],
)
def test_what_is_no_file_of_repeats_is_one_sentence(tmp_path, content, says):
    path = tmp_path / "repeats"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_repeats(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_repeats(tmp_path / "missing")
