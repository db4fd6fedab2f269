"""Selections as short text for links: ``union(mega:3|word:9)``, and back.

Grammar: ``mega:ID``, ``sub:ID``, ``word:ID``, ``motif:ID.ID``, ``motif:ID@LEAST``,
``at:CHROM:FIRST-LAST`` (1-based, inclusive), ``drawn:LAYOUT:X,Y,X,Y,...``, and
``union(A|B)``, ``intersect(A|B)``, ``subtract(A|B)``, ``invert(A)``.
"""

from __future__ import annotations

import re
from typing import Any

from vizapp.selection import (
    MAX_DEPTH,
    AnySelection,
    Community,
    Lasso,
    Motif,
    StateError,
    Window,
    Word,
    parse_selection,
)

#: Longest text that a link carries: browsers, mails and chats cut longer addresses.
MAX_TEXT = 1_500

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_COMMUNITY = re.compile(r"(mega|sub):(\d{1,5})")
_WORD = re.compile(r"word:(\d{1,10})")
_MOTIF = re.compile(rf"motif:(\d{{1,5}}(?:\.\d{{1,5}})*)(?:@({_NUMBER}))?")
_WINDOW = re.compile(r"at:([\w.\-]{1,64}):(\d{1,13})-(\d{1,13})")
_DRAWN = re.compile(rf"drawn:(umap|tsne|pca):({_NUMBER}(?:,{_NUMBER})*)")
_OPEN = re.compile(r"(union|intersect|subtract|invert)\(")


def to_text(selection: AnySelection) -> str | None:
    """The text of a selection; None when it is too long for a link."""
    text = _write(selection)
    return text if len(text) <= MAX_TEXT and _survives(selection, text) else None


def _survives(selection: AnySelection, text: str) -> bool:
    try:
        return from_text(text) == selection
    except StateError:  # a chromosome's name that the grammar has not
        return False


def _write(selection: AnySelection) -> str:
    if isinstance(selection, Community):
        return f"{selection.level}:{selection.id}"
    if isinstance(selection, Word):
        return f"word:{selection.word}"
    if isinstance(selection, Motif):
        least = "" if selection.least is None else f"@{selection.least!r}"
        return "motif:" + ".".join(map(str, selection.clusters)) + least
    if isinstance(selection, Window):
        return f"at:{selection.chrom}:{selection.start + 1}-{selection.end}"
    if isinstance(selection, Lasso):
        numbers = (repr(v).removesuffix(".0") for corner in selection.polygon for v in corner)
        return f"drawn:{selection.layout}:" + ",".join(numbers)
    return f"{selection.kind}(" + "|".join(_write(part) for part in selection.of) + ")"


def from_text(text: str) -> AnySelection:
    """Read the text of a selection.

    Raises
    ------
    StateError
        When it is none.
    """
    wrong = StateError("the link's selection could not be read; select on the map")
    if len(text) > MAX_TEXT:
        raise wrong
    raw, end = _read(text, 0, 1)
    if raw is None or end != len(text):
        raise wrong
    selection = parse_selection(raw)
    if selection is None:
        raise wrong
    return selection


def _read(text: str, at: int, depth: int) -> tuple[dict[str, Any] | None, int]:
    """The expression that begins at a place, and where it ends; None when there is none."""
    if depth > MAX_DEPTH:
        return None, at
    opened = _OPEN.match(text, at)
    if opened is None:
        return _read_leaf(text, at)
    parts, at = [], opened.end()
    while True:
        part, at = _read(text, at, depth + 1)
        if part is None or at >= len(text):
            return None, at
        parts.append(part)
        at += 1
        if text[at - 1] == ")":
            return {"kind": opened[1], "of": parts}, at
        if text[at - 1] != "|":
            return None, at


def _read_leaf(text: str, at: int) -> tuple[dict[str, Any] | None, int]:
    if m := _COMMUNITY.match(text, at):
        return {"kind": "community", "level": m[1], "id": int(m[2])}, m.end()
    if m := _WORD.match(text, at):
        return {"kind": "word", "word": int(m[1])}, m.end()
    if m := _MOTIF.match(text, at):
        raw: dict[str, Any] = {"kind": "motif", "clusters": [int(c) for c in m[1].split(".")]}
        return raw | ({"least": float(m[2])} if m[2] else {}), m.end()
    if m := _WINDOW.match(text, at):
        start, end = int(m[2]) - 1, int(m[3])
        return {"kind": "window", "chrom": m[1], "start": start, "end": end}, m.end()
    if m := _DRAWN.match(text, at):
        numbers = [float(v) for v in m[2].split(",")]
        corners = [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=False)]
        drawn = {"kind": "lasso", "layout": m[1], "polygon": corners}
        return (drawn if len(numbers) % 2 == 0 else None), m.end()
    return None, at
