"""Motif coverage (figure 1d): how well some token of a tokenizer matches each profile.

A token is laid over the profile at every offset and on both strands; positions that it does not
cover count as uninformative (0.25 for each base). Since every column of a PFM sums to 1, Pearson's
r over the profile's width x 4 entries is

    sum over covered positions of (PFM[i, base] - 0.25)
    / (||PFM - 0.25|| sqrt(0.75 x covered positions)),

so a short token cannot reach 1 on a longer profile, and a long one is judged by its best part.

Offsets whose columns could not reach the best so far, whatever the bases, are passed over: the sum
of the columns' largest entries bounds what a token can collect. That changes no result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.genome import encode
from precompute.lexicon.text import Text
from precompute.streaming import in_order

#: Places of a word looked at for one without an unknown base, and bases read at a time.
_TRIES = 20
_READ_BP = 1 << 20


class Recovery(NamedTuple):
    """Best match of each profile, all (n,).

    ``correlation`` float64; ``token`` int64, which token reaches it; ``offset`` int64, profile
    column (from 0, may be negative) on which the first base stands that is read from left to right
    along the profile; ``is_reverse`` bool: it is the token's reverse complement that stands there.
    """

    correlation: NDArray[np.float64]
    token: NDArray[np.int64]
    offset: NDArray[np.int64]
    is_reverse: NDArray[np.bool_]


class Vocabulary(NamedTuple):
    """Tokens of one tokenizer on one text, with their frequency and, for motif words, number."""

    tokenizer: str
    corpus: str
    tokens: list[str]
    frequency: NDArray[np.int64]
    word: NDArray[np.int64]


@njit(cache=True, nogil=True)
def _best(pfm, tokens, first):  # type: ignore[no-untyped-def]
    """Best r over tokens, offsets and strands of one centred PFM (width, 4)."""
    width = len(pfm)
    norm = np.sqrt((pfm * pfm).sum())
    best, which, place, reverse = -2.0, 0, 0, False
    if norm == 0.0:
        return 0.0, 0, 0, False
    most = np.zeros(width + 1)
    for i in range(width):
        most[i + 1] = most[i] + pfm[i].max()
    for t in range(len(first) - 1):
        length = first[t + 1] - first[t]
        for offset in range(-length + 1, width):
            lo, hi = max(0, offset), min(width, offset + length)
            scale = norm * np.sqrt(0.75 * (hi - lo))
            need = best * scale
            # A hair of slack: sums in another order round otherwise.
            if most[hi] - most[lo] > need - 1e-9:
                value = 0.0
                for i in range(lo, hi):
                    value += pfm[i, tokens[first[t] + i - offset]]
                if value > need:
                    best, which, place, reverse = value / scale, t, offset, False
                    need = value
            if most[width - lo] - most[width - hi] > need - 1e-9:
                value = 0.0
                for i in range(lo, hi):
                    # The profile's other strand: position and base mirrored.
                    value += pfm[width - 1 - i, 3 - tokens[first[t] + i - offset]]
                if value > need:
                    best, which, reverse = value / scale, t, True
                    place = width - offset - length
    return best, which, place, reverse


def recover_motifs(
    pfms: list[NDArray[np.floating]], tokens: list[str], workers: int = 1
) -> Recovery:
    """Best correlation of each profile with any token; the first token wins a tie.

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
    return Recovery(
        np.array([r[0] for r in found]), np.array([r[1] for r in found], dtype=np.int64),
        np.array([r[2] for r in found], dtype=np.int64), np.array([r[3] for r in found]),
    )


# -- vocabularies ------------------------------------------------------------------------------


def _motif_words(context: StageContext, limit: int) -> Vocabulary:
    """Sequences of one seeded bin for each of the most frequent words that hold a motif."""
    table = context.run.table("words", ["n_clusters", "frequency"])
    is_filled = table["n_clusters"].to_numpy() > 0
    wanted = np.flatnonzero(is_filled)[: _spare(limit)]
    last = int(wanted[-1]) if len(wanted) else -1
    group, bins = context.run.group("word_ids"), context.run.group("bins")
    text, rng = Text(context.run.root), context.rng("instances")
    found: dict[int, str] = {}
    for chrom in text.chroms:
        word = group[f"{chrom}/word"][:]
        here = np.flatnonzero(word <= last)
        here = here[is_filled[word[here]] & ~np.isin(word[here], list(found))]
        edges = bins[f"{chrom}/edges"][:].astype(np.int64) - text.start(chrom)
        here = rng.permutation(here)
        found |= _instances(text, chrom, word[here], edges[here], edges[here + 1])
    kept = np.array(sorted(found)[:limit], dtype=np.int64)
    frequency = table["frequency"].to_numpy()[kept]
    return Vocabulary("motif", "sequence", [found[w] for w in kept.tolist()], frequency, kept)


def _control_words(context: StageContext, corpus: str, text: Text, limit: int) -> Vocabulary:
    """The same for the scanned sample or its shuffle."""
    table = context.run.table("control_words")
    rows = table[(table["corpus"] == corpus) & (table["n_clusters"] > 0)]
    count = rows["word"].value_counts(sort=False).reset_index()
    count = count.sort_values(["count", "word"], ascending=[False, True])
    wanted = count["word"].to_numpy()[: _spare(limit)]
    rows = rows[rows["word"].isin(wanted)]
    rows = rows.iloc[context.rng(f"instances, {corpus}").permutation(len(rows))]
    found: dict[int, str] = {}
    for chrom, part in rows.groupby("chrom", sort=False):
        start = text.start(str(chrom))
        part = part[~part["word"].isin(list(found))]
        found |= _instances(
            text, str(chrom), part["word"].to_numpy(),
            part["start"].to_numpy() - start, part["end"].to_numpy() - start,
        )
    number = dict(zip(count["word"], count["count"], strict=True))
    kept = [word for word in wanted.tolist() if word in found][:limit]
    return Vocabulary(
        "motif", corpus, [found[w] for w in kept],
        np.array([number[w] for w in kept], dtype=np.int64), np.full(len(kept), -1, dtype=np.int64),
    )


def _spare(limit: int) -> int:
    """Words looked for: a few more, since some stand only in bins with an unknown base."""
    return limit + limit // 4 + 16


def _instances(
    text: Text, chrom: str, word: NDArray[np.integer], starts: NDArray[np.integer],
    ends: NDArray[np.integer],
) -> dict[int, str]:
    """Sequence of each word's first place, in the order given, that has no unknown base."""
    found: dict[int, str] = {}
    for _ in range(_TRIES):
        _, first = np.unique(word, return_index=True)
        letters = _letters(text, chrom, starts[first], ends[first])
        found |= {
            int(w): part for w, part in zip(word[first].tolist(), letters, strict=True) if part
        }
        missed = word[first][np.array([not part for part in letters], dtype=bool)]
        left = np.isin(word, missed)
        left[first] = False
        word, starts, ends = word[left], starts[left], ends[left]
        if len(word) == 0:
            break
    return found


def _letters(
    text: Text, chrom: str, starts: NDArray[np.integer], ends: NDArray[np.integer]
) -> list[str]:
    """Letters of stretches; '' where a base is unknown. The text is read once, from left."""
    letters = [""] * len(starts)
    lo = hi = 0
    codes = np.empty(0, dtype=np.uint8)
    for i in np.argsort(starts, kind="stable").tolist():
        a, b = int(starts[i]), int(ends[i])
        if b > hi:
            lo, hi = a, a + max(_READ_BP, b - a)
            codes = text.codes(chrom, lo, hi)
        part = codes[a - lo : b - lo]
        if (part < 4).all():
            letters[i] = "".join("ACGT"[c] for c in part)
    return letters


def _vocabularies(context: StageContext) -> list[Vocabulary]:
    config, root = context.config.lexicon, context.run.root.resolve()
    limit = config.recovery_tokens
    shuffled = Text.shuffled(root, context.config.run.seed, config.shuffle_block_bp)
    out = [
        _motif_words(context, limit),
        _control_words(context, "sample", Text(root), limit),
        _control_words(context, "shuffled", shuffled, limit),
    ]
    table = context.run.table("vocabulary")
    for (name, corpus), rows in table.groupby(["tokenizer", "corpus"], sort=False):
        rows = rows[rows["token"] != ""][:limit]
        none = np.full(len(rows), -1, dtype=np.int64)
        out.append(Vocabulary(
            str(name), str(corpus), rows["token"].tolist(), rows["frequency"].to_numpy(), none
        ))
    return [vocabulary for vocabulary in out if vocabulary.tokens]


def run(context: StageContext) -> Facts:
    """Write the artefact ``motif_recovery``."""
    pfms = context.run.table("pfms")
    groups = list(pfms.groupby("profile_id", sort=False))
    matrices = [rows[list("ACGT")].to_numpy() for _, rows in groups]
    ids = [str(profile_id) for profile_id, _ in groups]
    vocabularies = _vocabularies(context)
    # All k-mers of a short k occur everywhere: overlapping, side by side and shuffled alike.
    done: dict[tuple[str, ...], Recovery] = {}
    parts, facts = [], {}
    for number, vocabulary in enumerate(vocabularies):
        tokens = vocabulary.tokens
        context.progress(number, len(vocabularies), vocabulary.tokenizer)
        # In alphabetical order, so that the token that wins a tie is no matter of frequency.
        order = np.argsort(np.array(tokens), kind="stable")
        key = tuple(tokens[i] for i in order)
        if key not in done:
            done[key] = recover_motifs(matrices, list(key), context.config.run.workers)
        found = done[key]
        token = order[found.token]
        parts.append(pd.DataFrame({
            "tokenizer": vocabulary.tokenizer,
            "corpus": vocabulary.corpus,
            "profile_id": ids,
            "correlation": found.correlation.clip(-1, 1),
            "token": [tokens[t] for t in token],
            "offset": found.offset,
            "strand": np.where(found.is_reverse, "-", "+"),
            "frequency": vocabulary.frequency[token],
            "word": vocabulary.word[token],
            "n_tokens": len(tokens),
        }))
        if vocabulary.corpus == "sequence":
            name = vocabulary.tokenizer
            facts[f"median_correlation_{name}"] = float(np.median(found.correlation))
    context.run.write_table("motif_recovery", pd.concat(parts, ignore_index=True))
    context.progress(1, 1, "")
    return facts
