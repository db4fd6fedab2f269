"""A window read backwards is that of the reverse complement, scanned anew, on real sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from precompute.genome import reverse_complement
from precompute.models.dataset import TokenBlocks, Window
from precompute.models.live import Tokenizer
from precompute.models.store import load_model
from precompute.scan import count_window

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "models" / "k562_dnase_tokens"


class Counted:
    """Counts of one sequence on given edges."""

    def __init__(self, tokenizer, codes, edges):
        indptr, indices, counts = count_window(tokenizer.scanner, codes, edges)
        self._counts = csr_matrix(
            (counts, indices, indptr), shape=(len(edges) - 1, len(tokenizer.features))
        )

    def n_bins(self, chrom):
        return self._counts.shape[0]

    def counts(self, chrom, lo, hi):
        return self._counts[lo:hi]


@pytest.mark.parametrize("start", [1_108_000, 9_000_000])
def test_tokens_read_backwards_are_those_of_the_reverse_complement(demo_codes, start):
    tokenizer = Tokenizer(load_model(SHIPPED))
    codes = np.array(demo_codes[start : start + 12_000])
    edges = tokenizer.edges(codes)
    mirrored = (len(codes) - edges[::-1]).astype(np.int32)
    there = TokenBlocks(Counted(tokenizer, codes, edges), 64, tokenizer.matrix)
    back = TokenBlocks(
        Counted(tokenizer, reverse_complement(codes), mirrored), 64, tokenizer.matrix
    )
    n = len(edges) - 1
    assert n > 500
    got = there.rows(Window("chr20", 40, n - 90), reverse=True).dense()
    expected = back.rows(Window("chr20", 90, n - 40)).dense()
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert (got > 0).sum() > 1_000
    # Reversing alone is not enough: the motif clusters are of one strand or mix both.
    assert not np.allclose(there.rows(Window("chr20", 40, n - 90)).dense()[::-1], expected)
