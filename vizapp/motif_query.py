"""Queries for motifs, and numbers: ``next CTCF``, ``cluster 12``, ``token 345``."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

_STEP = re.compile(r"(next|prev(?:ious)?)\s+(.{1,100})", re.IGNORECASE)
_NUMBERED = re.compile(r"(cluster|token|word)\s+#?\s?([0-9][0-9,]{0,14})", re.IGNORECASE)


class Step(NamedTuple):
    """To the next or the previous place of a motif."""

    name: str
    is_forward: bool


class Numbered(NamedTuple):
    """A motif cluster by its number from 0, or a word by its rank from 1."""

    kind: Literal["cluster", "word"]
    number: int


def parse_motif_query(text: str) -> Step | Numbered | None:
    """Read a query; None for any other text.

    >>> parse_motif_query("next CTCF")
    Step(name='CTCF', is_forward=True)
    >>> parse_motif_query("token 1,345")
    Numbered(kind='word', number=1345)
    """
    text = " ".join(text[:200].split())
    if match := _STEP.fullmatch(text):
        return Step(match[2], match[1].lower() == "next")
    if match := _NUMBERED.fullmatch(text):
        kind: Literal["cluster", "word"] = "cluster" if match[1].lower() == "cluster" else "word"
        return Numbered(kind, int(match[2].replace(",", "")))
    return None
