"""Sequence that keeps every dinucleotide count: the control of each tokenizer.

A stretch of known bases is a walk over its dinucleotides, from base to base. Every walk that uses
each dinucleotide as often as the sequence does, from the same first base, is an Eulerian path of
one multigraph, and the shuffle draws one of them, all with the same chance: first the edge by which
each base is left for the last time (a tree that leads to the last base), then the order of all
other edges. With four bases the at most 64 trees are listed and drawn by their number of edges, so
nothing is rejected.

Long sequence is shuffled in blocks that share their boundary base. The shuffle keeps a stretch's
first and last base, so counts across boundaries are kept too, and composition keeps its course
along the chromosome at the scale of a block. Each block has its own seed, so windows, workers and
order change nothing.

References
----------
Altschul and Erickson, Mol. Biol. Evol. 2, 526 (1985), doi 10.1093/oxfordjournals.molbev.a040370.
Kandel, Matias, Unger and Winkler, Discrete Appl. Math. 71, 171 (1996), on uniform Eulerian walks.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _mixed(state):  # type: ignore[no-untyped-def]
    """Next state and output of SplitMix64."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _below(state, n):  # type: ignore[no-untyped-def]
    """Next state and a number below ``n``; the bias of at most n / 2**53 is nothing here."""
    state, z = _mixed(state)
    return state, int((z >> np.uint64(11)) * (1.0 / 9007199254740992.0) * n)


@njit(cache=True, nogil=True)
def _leads_home(last, used, home):  # type: ignore[no-untyped-def]
    """Whether the last edges of all bases in use lead to ``home``."""
    for base in range(4):
        at = base
        for _ in range(4):
            if at == home:
                break
            at = last[at]
        if used[base] and at != home:
            return False
    return True


@njit(cache=True, nogil=True)
def _draw_tree(pairs, home, last, state):  # type: ignore[no-untyped-def]
    """Draw the last edge of every base but ``home`` into ``last``; returns the next state."""
    used = np.zeros(4, dtype=np.bool_)
    for base in range(4):
        used[base] = pairs[base].sum() > 0
    weight = np.zeros(256)
    for choice in range(256):
        product = 1.0
        for base in range(4):
            to = choice >> (2 * base) & 3
            last[base] = to
            if base == home or not used[base]:
                # No choice there: count the combinations once.
                product *= 1.0 if to == 0 else 0.0
            else:
                product *= pairs[base, to]
        if product > 0 and _leads_home(last, used, home):
            weight[choice] = product
    state, z = _mixed(state)
    wanted = (z >> np.uint64(11)) * (1.0 / 9007199254740992.0) * weight.sum()
    chosen = -1
    for choice in range(256):
        if weight[choice] > 0:
            chosen = choice
            wanted -= weight[choice]
            if wanted < 0:
                break
    for base in range(4):
        last[base] = chosen >> (2 * base) & 3
        if base == home or not used[base]:
            last[base] = -1
    return state


@njit(cache=True, nogil=True)
def _shuffle_stretch(codes, lo, hi, state):  # type: ignore[no-untyped-def]
    """Shuffle ``codes[lo:hi]`` (known bases) in place; returns the next state."""
    if hi - lo < 4:
        return state
    pairs = np.zeros((4, 4), dtype=np.int64)
    for i in range(lo, hi - 1):
        pairs[codes[i], codes[i + 1]] += 1
    home = codes[hi - 1]
    last = np.full(4, -1, dtype=np.int64)
    state = _draw_tree(pairs, home, last, state)
    first = np.zeros(5, dtype=np.int64)
    for base in range(4):
        first[base + 1] = first[base] + pairs[base].sum()
    edge = np.empty(hi - lo - 1, dtype=np.uint8)
    for base in range(4):
        at = first[base]
        for to in range(4):
            n = pairs[base, to] - (1 if last[base] == to else 0)
            edge[at : at + n] = to
            at += n
        end = first[base + 1]
        if last[base] >= 0:
            end -= 1
            edge[end] = last[base]
        for i in range(end - 1, first[base], -1):
            state, j = _below(state, i - first[base] + 1)
            j += first[base]
            edge[i], edge[j] = edge[j], edge[i]
    base = codes[lo]
    for i in range(lo + 1, hi):
        to = edge[first[base]]
        first[base] += 1
        codes[i] = to
        base = to
    return state


@njit(cache=True, nogil=True)
def _shuffle_block(codes, seed):  # type: ignore[no-untyped-def]
    state = seed
    lo = 0
    while lo < len(codes):
        if codes[lo] > 3:
            lo += 1
            continue
        hi = lo
        while hi < len(codes) and codes[hi] < 4:
            hi += 1
        state = _shuffle_stretch(codes, lo, hi, state)
        lo = hi


def shuffle_codes(
    codes: NDArray[np.uint8], seed: int, block_bp: int, first_block: int = 0
) -> NDArray[np.uint8]:
    """Codes with the same dinucleotide counts, shuffled in blocks; unknown bases stay.

    Parameters
    ----------
    codes : uint8 (n,), the beginning of a block; unless they end a sequence, give one base more
        than whole blocks: it is the last block's boundary
    seed : of the whole sequence; 64 bits
    block_bp : length of a block
    first_block : number of the first block; block ``i`` is the same whatever stretch it is in

    Examples
    --------
    >>> from precompute.genome import decode, encode
    >>> decode(shuffle_codes(encode("ACGTNAACAGATAC"), 1, 1000))[4]
    'N'
    """
    out = codes.copy()
    for number, lo in enumerate(range(0, len(codes), block_bp)):
        key = np.random.SeedSequence([seed, first_block + number]).generate_state(1, np.uint64)[0]
        _shuffle_block(out[lo : lo + block_bp + 1], key)
    return out


@njit(cache=True)
def dinucleotide_counts(codes):  # type: ignore[no-untyped-def]
    """Occurrences of each dinucleotide of known bases, int64 (4, 4)."""
    counts = np.zeros((4, 4), dtype=np.int64)
    for i in range(len(codes) - 1):
        if codes[i] < 4 and codes[i + 1] < 4:
            counts[codes[i], codes[i + 1]] += 1
    return counts
