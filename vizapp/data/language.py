"""The laws of every tokenizer, and which of its tokens carries each motif profile."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from precompute.artefacts import RunFolder
from precompute.errors import MotiflensError

#: Text that a tokenizer's control is held against: motif words are shuffled on a sample only.
_PARTNER = {"motif": "sample"}


def family(tokenizer: str) -> str:
    """Kind of a tokenizer: 'motif', 'onehot', 'kmer', 'apart', 'bpe' or 'bpefile'."""
    return tokenizer.rstrip("0123456789")


class LanguageData:
    """Tables of the laws.

    Parameters
    ----------
    run : run folder whose stages up to ``motif_recovery`` have run
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self.zipf = run.table("zipf")
        self.laws = run.table("laws")
        self.rank_frequency = run.table("rank_frequency")

    @cached_property
    def growth(self) -> pd.DataFrame:
        """Vocabulary growth of every text."""
        return self._run.table("vocabulary_growth")

    @cached_property
    def abbreviation(self) -> pd.DataFrame:
        """Frequencies by length of every text."""
        return self._run.table("abbreviation")

    @cached_property
    def recovery(self) -> pd.DataFrame:
        """Best token of every profile, by tokenizer and text."""
        return self._run.table("motif_recovery")

    @cached_property
    def labels(self) -> dict[str, str]:
        """Label of each tokenizer, in the order of the interface."""
        first = self.laws.drop_duplicates("tokenizer")
        return dict(zip(first["tokenizer"], first["label"], strict=True))

    @cached_property
    def compact(self) -> list[str]:
        """Tokenizers of the workspace's card: neither single bases nor k-mers side by side."""
        return [name for name in self.labels if family(name) not in ("onehot", "apart")]

    @cached_property
    def profiles(self) -> list[str]:
        """Motif profiles, in the order of the run."""
        return list(dict.fromkeys(self.recovery["profile_id"]))

    @cached_property
    def profile_names(self) -> dict[str, str]:
        """Name of each profile for a person, e.g. 'CTCF MA0139.1'."""
        table = self._run.table("profiles", ["profile_id", "tf"])
        names = dict(zip(table["profile_id"], table["tf"], strict=True))
        return {profile: f"{names.get(profile, '')} {profile}".strip() for profile in self.profiles}

    @property
    def first_profile(self) -> str:
        """The profile shown at first: CTCF's when there is one."""
        ctcf = [p for p, name in self.profile_names.items() if name.startswith("CTCF ")]
        return (ctcf or self.profiles)[0]

    def word_of(self, profile_id: str) -> int | None:
        """The motif word whose token matches a profile best; None when there is none."""
        rows = self.best_tokens(profile_id, [("motif", "sequence")])
        word = int(rows["word"].iloc[0]) if len(rows) else -1
        return word if word >= 0 else None

    def zipf_table(
        self, definition: str, tokenizers: list[str] | None = None, corpus: str = "sequence"
    ) -> pd.DataFrame:
        """Rows of the Zipf table of one definition of r and one text, of chosen tokenizers."""
        rows = self.zipf[(self.zipf["definition"] == definition) & (self.zipf["corpus"] == corpus)]
        wanted = self.compact if tokenizers is None else tokenizers
        return rows[rows["tokenizer"].isin(wanted)]

    def texts(self, tokenizers: list[str], with_controls: bool) -> list[tuple[str, str]]:
        """(tokenizer, corpus) of what is shown: the sequence, and with controls the shuffle.

        For motif words the shuffle stands beside the sample that was shuffled.
        """
        out = []
        for name in tokenizers:
            out.append((name, "sequence"))
            if with_controls:
                out += [(name, _PARTNER[name])] if name in _PARTNER else []
                out.append((name, "shuffled"))
        there = set(zip(self.laws["tokenizer"], self.laws["corpus"], strict=True))
        return [text for text in out if text in there]

    def of(self, table: pd.DataFrame, texts: list[tuple[str, str]]) -> pd.DataFrame:
        """Rows of a table that speak of one of the texts, in the order of the texts."""
        groups = dict(list(table.groupby(["tokenizer", "corpus"], sort=False)))
        parts = [groups[text] for text in texts if text in groups]
        return pd.concat(parts, ignore_index=True) if parts else table.iloc[:0]

    def best_tokens(self, profile_id: str, texts: list[tuple[str, str]]) -> pd.DataFrame:
        """Rows of ``recovery`` of one profile.

        Raises
        ------
        MotiflensError
            When the run has no such profile.
        """
        mine = self.recovery[self.recovery["profile_id"] == profile_id]
        if not len(mine):
            raise MotiflensError(
                f"this run has no motif profile {str(profile_id)[:40]!r}; choose one from the list"
            )
        return self.of(mine, texts)
