"""The laws, the tokenizers' vocabularies and the controls, against words and each other."""

from __future__ import annotations

import numpy as np

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger
from precompute.doctor.word_rules import word_frequencies


def _check_curves(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("rank_frequency", "tokenizer", "corpus", "rank", "frequency")
    for (name, corpus), rows in table.groupby(["tokenizer", "corpus"], sort=False):
        rank, frequency = rows["rank"].to_numpy(), rows["frequency"].to_numpy()
        if (np.diff(rank) <= 0).any() or (np.diff(frequency) > 0).any():
            chart.fault("rank_frequency", "values",
                        f"{name} ({corpus}) does not fall with the rank",
                        "rising ranks and falling frequencies", part="frequency")
            return
    mine = table[(table["tokenizer"] == "motif") & (table["corpus"] == "sequence")]
    words = word_frequencies(opened)
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
    table = opened.column("zipf", "tokenizer", "corpus", "definition", "n_tokens", "n_types")
    words = word_frequencies(opened)
    mine = table[
        (table["tokenizer"] == "motif") & (table["corpus"] == "sequence")
        & (table["definition"] == "all")
    ]
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
    _require_texts(opened, chart, "zipf")


def _texts(opened: Opened, name: str) -> set[str]:
    """The texts that a table speaks of, such as 'kmer6 (shuffled)'."""
    table = opened.column(name, "tokenizer", "corpus").drop_duplicates()
    return {f"{row.tokenizer} ({row.corpus})" for row in table.itertuples()}


def _require_texts(opened: Opened, chart: Chart, name: str) -> None:
    """The table speaks of the tokenizers and texts of the curves."""
    named, curves = _texts(opened, name), _texts(opened, "rank_frequency")
    differ = sorted(named ^ curves)
    chart.require(
        not differ, name, "agreement",
        f"{'no ' if differ and differ[0] in curves else ''}row for {''.join(differ[:1])}",
        f"the {len(curves)} texts of rank_frequency", part="tokenizer",
    )


def _check_laws(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    _require_texts(opened, chart, "laws")
    laws = opened.column("laws", "tokenizer", "corpus", "n_tokens", "n_types")
    zipf = opened.column("zipf", "tokenizer", "corpus", "definition", "n_tokens", "n_types")
    wanted = zipf[zipf["definition"] == "all"].drop(columns="definition")
    both = laws.merge(wanted, on=["tokenizer", "corpus"], suffixes=("", "_zipf"))
    for column in ("n_tokens", "n_types"):
        wrong = both[both[column] != both[f"{column}_zipf"]]
        if len(wrong):
            row = wrong.iloc[0]
            chart.fault(
                chart.blame("laws", "zipf"), "agreement",
                f"{row[column]:,} for {row['tokenizer']} ({row['corpus']})",
                f"{row[f'{column}_zipf']:,} as in zipf", part=column,
            )
            return


def _check_growth(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("vocabulary_growth", "tokenizer", "corpus", "n_tokens", "n_types")
    for (name, corpus), rows in table.groupby(["tokenizer", "corpus"], sort=False):
        tokens, types = rows["n_tokens"].to_numpy(), rows["n_types"].to_numpy()
        if (np.diff(tokens) <= 0).any() or (np.diff(types) < 0).any() or (types > tokens).any():
            chart.fault("vocabulary_growth", "values", f"{name} ({corpus}) does not grow with the "
                        "text, or faster than it", "rising tokens and types", part="n_types")
            return


def _check_controls(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("control_words", "start", "end", "known_bp")
    length = table["end"] - table["start"]
    wrong = np.flatnonzero((length <= 0) | (table["known_bp"] > length))
    if len(wrong):
        row = table.iloc[wrong[0]]
        chart.fault(
            "control_words", "values", f"row {wrong[0]:,} goes from {row['start']:,} to "
            f"{row['end']:,} with {row['known_bp']:,} known bases", "a bin and its known bases",
            part="end",
        )


def _check_vocabulary(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    for batch in opened.tables["vocabulary"].iter_batches(columns=["token"]):
        for token in batch.column("token").to_pylist():
            if not token or set(token) - set("ACGT"):
                chart.fault("vocabulary", "values", f"the token {token!r}",
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
    numbers = opened.column("motif_recovery", "word")["word"].to_numpy()
    n_words = len(word_frequencies(opened))
    chart.require(
        not (numbers >= n_words).any(), "motif_recovery", "agreement",
        f"names the word {numbers.max(initial=-1):,}", f"0 to {n_words - 1:,} as in words",
        part="word",
    )


RULES = [
    Rule(("words", "rank_frequency"), _check_curves),
    Rule(("words", "rank_frequency", "zipf"), _check_zipf),
    Rule(("rank_frequency", "zipf", "laws"), _check_laws),
    Rule(("vocabulary_growth",), _check_growth),
    Rule(("control_words",), _check_controls),
    Rule(("vocabulary",), _check_vocabulary),
    Rule(("profiles", "words", "motif_recovery"), _check_recovery),
]
