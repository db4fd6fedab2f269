"""Words, where they stand, and the laws that are computed from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger
from precompute.doctor.values import blocks


def _frequencies(opened: Opened) -> NDArray[np.int64]:
    table = opened.tables["words"].read(columns=["frequency"])
    return np.asarray(table.column("frequency").to_numpy(), dtype=np.int64)


def _check_words(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    rises = np.flatnonzero(np.diff(_frequencies(opened)) > 0)
    if len(rises):
        chart.fault("words", "values", f"word {rises[0] + 1:,} is more frequent than the word "
                    "before it", "falling frequencies", part="frequency")
    n, at = ledger.size("n_clusters"), 0
    for batch in opened.tables["words"].iter_batches(
        batch_size=1 << 16, columns=["clusters", "n_clusters"]
    ):
        lists = batch.column("clusters")
        lengths = np.asarray(lists.value_lengths())
        counted = batch.column("n_clusters").to_numpy()
        if (counted != lengths).any():
            k = int((counted != lengths).argmax())
            chart.fault("words", "values", f"word {at + k:,} has n_clusters {counted[k]} and "
                        f"{lengths[k]} clusters", "the same number", part="n_clusters")
            return
        flat = lists.flatten().to_numpy(zero_copy_only=False)
        row = np.repeat(np.arange(len(lengths)), lengths)
        bad = np.zeros(len(flat), dtype=bool)
        bad[1:] = (np.diff(flat) <= 0) & (row[1:] == row[:-1])
        bad |= flat < 0
        if n is not None:
            bad |= flat >= n
        if bad.any():
            k = int(bad.argmax())
            chart.fault("words", "values", f"word {at + row[k]:,} has the cluster {flat[k]}",
                        f"rising numbers of 0 to {'n_clusters' if n is None else n} - 1",
                        part="clusters")
            return
        at += batch.num_rows


def _check_word_ids(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    frequency = _frequencies(opened)
    seen = np.zeros(len(frequency), dtype=np.int64)
    for chrom, part, array in opened.of("word_ids"):
        for lo, values in blocks(array):
            strange = (values < 0) | (values >= len(frequency))
            if strange.any():
                k = int(strange.argmax())
                chart.fault("word_ids", "agreement", f"bin {lo + k:,} has the word {values[k]:,}",
                            f"0 to {len(frequency) - 1:,} as in words", chrom=chrom, part=part)
                return
            seen += np.bincount(values, minlength=len(frequency))
    differ = np.flatnonzero(seen != frequency)
    if len(differ):
        k = differ[0]
        accused = chart.blame("words", "word_ids")
        chart.fault(
            accused, "agreement",
            f"word {k:,} stands in {seen[k]:,} bins of word_ids and has frequency "
            f"{frequency[k]:,} in words", "the same number",
            part="frequency" if accused == "words" else "word",
        )


def _check_curves(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("rank_frequency", "tokenizer", "rank", "frequency")
    for name, rows in table.groupby("tokenizer", sort=False):
        rank, frequency = rows["rank"].to_numpy(), rows["frequency"].to_numpy()
        if (np.diff(rank) <= 0).any() or (np.diff(frequency) > 0).any():
            chart.fault("rank_frequency", "values", f"{name} does not fall with the rank",
                        "rising ranks and falling frequencies", part="frequency")
            return
    mine = table[table["tokenizer"] == "motif"]
    words = _frequencies(opened)
    rank = mine["rank"].to_numpy()
    inside = rank <= len(words)
    if not inside.all() or (words[rank - 1] != mine["frequency"].to_numpy()).any():
        k = int((~inside).argmax()) if not inside.all() else int(
            (words[rank - 1] != mine["frequency"].to_numpy()).argmax())
        chart.fault(
            chart.blame("words", "rank_frequency"), "agreement",
            f"rank {rank[k]:,} of the motif words has frequency {mine['frequency'].iloc[k]:,}",
            f"{words[rank[k] - 1]:,} as in words" if inside[k] else f"{len(words):,} words",
            part="frequency",
        )


def _check_zipf(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("zipf", "tokenizer", "definition", "n_tokens", "n_types")
    words = _frequencies(opened)
    mine = table[(table["tokenizer"] == "motif") & (table["definition"] == "all")]
    if not len(mine):
        chart.fault("zipf", "agreement", "no row for the motif words", "one per definition",
                    part="tokenizer")
        return
    found = int(mine["n_tokens"].iloc[0]), int(mine["n_types"].iloc[0])
    wanted = int(words.sum()), len(words)
    chart.require(
        found == wanted, chart.blame("words", "zipf"), "agreement",
        f"{found[0]:,} motif words of {found[1]:,} types in zipf",
        f"{wanted[0]:,} of {wanted[1]:,} as in words", part="n_types",
    )
    named = set(table["tokenizer"])
    curves = set(opened.column("rank_frequency", "tokenizer")["tokenizer"])
    chart.require(
        named == curves, "zipf", "agreement", f"the tokenizers {', '.join(sorted(named))}",
        f"{', '.join(sorted(curves))} as in rank_frequency", part="tokenizer",
    )


def _check_vocabulary(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    for batch in opened.tables["bpe_vocabulary"].iter_batches(columns=["token"]):
        for token in batch.column("token").to_pylist():
            if not token or set(token) - set("ACGT"):
                chart.fault("bpe_vocabulary", "values", f"the token {token!r}",
                            "sequences over ACGT", part="token")
                return


def _check_recovery(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    known = set(opened.column("profiles", "profile_id")["profile_id"])
    named = set(opened.column("motif_recovery", "profile_id")["profile_id"])
    chart.require(
        named <= known, "motif_recovery", "agreement",
        f"names the profile {min(named - known, default='')}", "profiles of the run",
        part="profile_id",
    )


RULES = [
    Rule(("words",), _check_words),
    Rule(("words", "word_ids"), _check_word_ids),
    Rule(("words", "rank_frequency"), _check_curves),
    Rule(("words", "rank_frequency", "zipf"), _check_zipf),
    Rule(("bpe_vocabulary",), _check_vocabulary),
    Rule(("profiles", "motif_recovery"), _check_recovery),
]
