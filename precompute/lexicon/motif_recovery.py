"""Motif coverage (figure 1d): how well some token of a tokenizer matches each profile.

A token is laid over the profile at every offset and on both strands; positions that it does not
cover count as uninformative (0.25 for each base). Since every column of a PFM sums to 1, Pearson's
r over the profile's width x 4 entries is

    sum over covered positions of (PFM[i, base] - 0.25)
    / (||PFM - 0.25|| sqrt(0.75 x covered positions)),

so a short token cannot reach 1 on a longer profile, and a long one is judged by its best part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.genome import encode
from precompute.lexicon.tokenizers import kmer_counts, kmer_text
from precompute.streaming import in_order, load_codes


class Recovery(NamedTuple):
    """Best correlation of each profile, float64 (n,), and the token that reaches it, int64 (n,)."""

    correlation: NDArray[np.float64]
    token: NDArray[np.int64]


@njit(cache=True, nogil=True)
def _best(pfm, tokens, first):  # type: ignore[no-untyped-def]
    """Best r over tokens, offsets and strands of one centred PFM (width, 4)."""
    width = len(pfm)
    norm = np.sqrt((pfm * pfm).sum())
    best, which = -2.0, -1
    if norm == 0.0:
        return 0.0, 0
    for t in range(len(first) - 1):
        length = first[t + 1] - first[t]
        for offset in range(-length + 1, width):
            lo, hi = max(0, offset), min(width, offset + length)
            forward = backward = 0.0
            for i in range(lo, hi):
                base = tokens[first[t] + i - offset]
                forward += pfm[i, base]
                # The profile's other strand: position and base mirrored.
                backward += pfm[width - 1 - i, 3 - base]
            value = max(forward, backward) / (norm * np.sqrt(0.75 * (hi - lo)))
            if value > best:
                best, which = value, t
    return best, which


def recover_motifs(
    pfms: list[NDArray[np.floating]], tokens: list[str], workers: int = 1
) -> Recovery:
    """Best correlation of each profile with any token.

    Parameters
    ----------
    pfms : float (width, 4) each, rows sum to 1
    tokens : sequences over ACGT, at least one
    workers : threads
    """
    encoded = [encode(token) for token in tokens]
    flat = np.concatenate(encoded)
    first = np.concatenate([[0], np.cumsum([len(e) for e in encoded])]).astype(np.int64)
    centred = [np.ascontiguousarray(pfm, dtype=np.float64) - 0.25 for pfm in pfms]
    found = [r for _, r in in_order(lambda pfm: _best(pfm, flat, first), centred, workers)]
    return Recovery(np.array([r for r, _ in found]), np.array([t for _, t in found]))


def _motif_tokens(context: StageContext, limit: int) -> list[str]:
    """Sequences of one seeded bin for each of the most frequent words that hold a motif."""
    filled = context.run.table("words", ["n_clusters"])["n_clusters"].to_numpy() > 0
    group, bins = context.run.group("word_ids"), context.run.group("bins")
    rng = context.rng("instances")
    texts: dict[int, str] = {}
    for chrom in bins.attrs["chroms"]:
        codes, start = load_codes(context.run, chrom)
        edges = bins[f"{chrom}/edges"][:].astype(np.int64) - start
        word = group[f"{chrom}/word"][:]
        order = rng.permutation(len(word))
        values, where = np.unique(word[order], return_index=True)
        for value, at in zip(values.tolist(), order[where].tolist(), strict=True):
            part = codes[edges[at] : edges[at + 1]]
            if filled[value] and value not in texts and (part < 4).all():
                texts[value] = "".join("ACGT"[c] for c in part)
    return [texts[value] for value in sorted(texts)[:limit]]


def _vocabularies(context: StageContext) -> dict[str, list[str]]:
    config = context.config.lexicon
    limit = config.recovery_tokens
    result = {"motif": _motif_tokens(context, limit)}
    chroms = list(context.run.group("sequence").attrs["chroms"])
    codes = [load_codes(context.run, chrom)[0] for chrom in chroms]
    for k in config.kmers:
        counts = np.asarray(sum(kmer_counts(part, k) for part in codes))
        order = np.argsort(-counts, kind="stable")[:limit]
        result[f"kmer{k}"] = [kmer_text(int(code), k) for code in order if counts[code] > 0]
    table = context.run.table("bpe_vocabulary")
    for name, rows in table.groupby("tokenizer", sort=False):
        result[str(name)] = rows["token"].tolist()[:limit]
    return result


def run(context: StageContext) -> Facts:
    """Write the artefact ``motif_recovery``."""
    pfms = context.run.table("pfms")
    groups = list(pfms.groupby("profile_id", sort=False))
    matrices = [rows[list("ACGT")].to_numpy() for _, rows in groups]
    ids = [str(profile_id) for profile_id, _ in groups]
    vocabularies = _vocabularies(context)
    parts, facts = [], {}
    for number, (name, tokens) in enumerate(vocabularies.items()):
        context.progress(number, len(vocabularies), name)
        found = recover_motifs(matrices, tokens, context.config.run.workers)
        parts.append(pd.DataFrame({
            "tokenizer": name,
            "profile_id": ids,
            "correlation": found.correlation,
            "token": [tokens[t] for t in found.token],
            "n_tokens": len(tokens),
        }))
        facts[f"median_correlation_{name}"] = float(np.median(found.correlation))
    context.run.write_table("motif_recovery", pd.concat(parts, ignore_index=True))
    context.progress(1, 1, "")
    return facts
