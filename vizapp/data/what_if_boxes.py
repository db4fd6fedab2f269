"""Tokens and motif calls of an edited window, as the page What if draws and lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vizapp.what_if_state import WhatIf

if TYPE_CHECKING:
    from precompute.what_if.calls import Call
    from precompute.what_if.window import EditedWindow


class TokenBox(NamedTuple):
    """A token of the edited window, in coordinates of the reference.

    ``community`` is its megacluster, -1 for none, None where the edits cut it anew; ``text`` is
    the edit that empties it, None where it cannot be named.
    """

    start: int
    end: int
    community: int | None
    name: str
    text: str | None
    is_off: bool


class CallBox(NamedTuple):
    """A motif call of the edited window; ``text`` is the edit that takes it away."""

    start: int
    end: int
    name: str
    tf: str
    bits: float | None
    text: str


def token_boxes(
    state: WhatIf, window: EditedWindow, communities: Mapping[tuple[int, int], int]
) -> list[TokenBox]:
    """Tokens that overlap the target; ``communities`` are those of the run's own by their ends."""
    filled, edges = window.filled, window.bin_edges
    lo, hi = np.searchsorted(filled, state.target).tolist()
    first = int(np.searchsorted(edges, lo, side="right")) - 1
    last = int(np.searchsorted(edges, hi, side="left"))
    values = window.rows(first, last).dense()
    boxes = []
    for bin_ in range(first, last):
        a, b = int(edges[bin_]), int(edges[bin_ + 1])
        begin, stop = int(filled[a]), int(filled[b - 1]) + 1
        is_whole = stop - begin == b - a and window.origin[a] >= 0 and window.origin[b - 1] >= 0
        top = values[bin_ - first]
        name = window.reader.cluster_names[int(top.argmax())] if top.any() else "no motif"
        boxes.append(TokenBox(
            begin, stop, communities.get((begin, stop)), name,
            f"token {state.chrom}:{begin + 1}-{stop} off" if is_whole else None,
            bool(window.off[a:b].all()),
        ))
    return boxes


def call_boxes(chrom: str, window: EditedWindow, calls: Sequence[Call]) -> list[CallBox]:
    """Motif calls with their names and edits."""
    reader = window.reader
    boxes = []
    for call in calls:
        tf, profile = reader.tf[call.feature], reader.profile_id[call.feature]
        strand = reader.strand[call.feature]
        boxes.append(CallBox(
            call.start, call.end, f"{tf} {profile} ({strand})", tf, call.bits,
            f"call {profile} {strand} {chrom}:{call.start + 1}-{call.end} off",
        ))
    return boxes


def factors_of(window: EditedWindow, calls: Sequence[Call]) -> list[tuple[str, str]]:
    """Factors with calls among some, by name: what is shown, and the edit that takes all away."""
    number: dict[str, int] = {}
    for call in calls:
        tf = window.reader.tf[call.feature]
        number[tf] = number.get(tf, 0) + 1
    return [
        (f"{tf} ({n:,} in the target)", f"factor {tf} off")
        for tf, n in sorted(number.items(), key=lambda item: item[0].upper())
    ]


def clusters_of(window: EditedWindow, calls: Sequence[Call]) -> list[tuple[str, str]]:
    """Motif clusters with calls among some, most calls first: what is shown, and the edit."""
    names = window.reader.cluster_names
    features = np.array([call.feature for call in calls], dtype=np.int64)
    size = np.bincount(window.reader.cluster[features], minlength=len(names))
    return [
        (f"{names[i]} ({size[i]:,} in the target)", f"cluster {i} off")
        for i in np.argsort(-size, kind="stable").tolist() if size[i]
    ]


def letters(state: WhatIf, window: EditedWindow) -> str:
    """Bases of the target where the edited window still has them, '-' for deleted ones."""
    start, end = state.target
    lo, hi = np.searchsorted(window.filled, [start, end]).tolist()
    shown = np.full(end - start, "-")
    own = window.origin[lo:hi]
    shown[own[own >= 0] - start] = np.array(list("ACGTN"))[window.codes[lo:hi][own >= 0]]
    return "".join(shown)
