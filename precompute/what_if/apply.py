"""Typed edits put into effect on a window, each checked against what is there.

A token model reads motifs, so a token or a motif call is taken away as such. A one-hot model reads
bases alone: there the bases under the token or the call are replaced, either by a shuffle of
themselves that keeps their dinucleotide counts (fixed by the seed and the place) or by N.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.context import derived_seed
from precompute.inputs.nucleotides import decode, encode
from precompute.lexicon.shuffle import shuffle_codes
from precompute.what_if.edits import (
    Edit,
    EditBases,
    EditCall,
    EditCluster,
    EditError,
    EditFactor,
    EditToken,
    Span,
)
from precompute.what_if.hits import Hits, joined
from precompute.what_if.window import EditedWindow
from precompute.what_if.words import mean_token

#: How bases are taken away from a one-hot model.
ERASERS = ("shuffle", "n")
#: Shuffles drawn, of which the one that leaves fewest bases in place is taken.
_SHUFFLES = 16


class Bounds(NamedTuple):
    """The stretch in which edits may be, coordinates of the reference, bp."""

    chrom: str
    start: int
    end: int


@dataclass(frozen=True)
class Editor:
    """Puts edits into effect.

    Attributes
    ----------
    bounds : where edits may be
    eraser : one of :data:`ERASERS`
    seed : of the shuffles
    """

    bounds: Bounds
    eraser: str = "shuffle"
    seed: int = 1

    def apply(
        self, window: EditedWindow, edits: tuple[Edit, ...], first: int = 1
    ) -> EditedWindow:
        """The window after all edits, in their order; ``first`` is the number of the first.

        Edits before them that the window has had already need not be put into effect again.

        Raises
        ------
        EditError
            When one does not fit; the sentence begins with its number.
        """
        for number, edit in enumerate(edits, start=first):
            try:
                window = self.one(window, edit)
            except EditError as error:
                raise EditError(f"edit {number}: {error}") from None
        return window

    def one(self, window: EditedWindow, edit: Edit) -> EditedWindow:
        """The window after one edit.

        Raises
        ------
        EditError
            When it does not fit the window as it now is.
        """
        if isinstance(edit, EditBases):
            return self._bases(window, edit)
        if isinstance(edit, EditToken):
            return self._token(window, edit)
        if isinstance(edit, EditCall):
            return self._call(window, edit)
        if isinstance(edit, EditFactor):
            wanted = [tf.upper() == edit.tf.upper() for tf in window.reader.tf]
            return self._many(window, np.array(wanted), f"{edit.tf[:40]!r}")
        return self._cluster(window, edit)

    # -- where an edit is -------------------------------------------------------------------------

    def _place(self, window: EditedWindow, span: Span) -> tuple[int, int]:
        """Positions ``[lo, hi)`` of a span in the window as it now is."""
        chrom, start, end = self.bounds
        if span.start < start or span.end > end:
            raise EditError(
                f"{span.start + 1:,}-{max(span.end, span.start + 1):,} is outside of the window "
                f"{chrom}:{start + 1:,}-{end:,}; edit within it or move the window"
            )
        if span.start == span.end:
            before = window.position_of(span.start - 1)
            if before is None:
                raise EditError(f"base {span.start:,} has been deleted before; undo that first")
            return before + 1, before + 1
        ends = window.position_of(span.start), window.position_of(span.end - 1)
        if ends[0] is None or ends[1] is None:
            gone = span.start + 1 if ends[0] is None else span.end
            raise EditError(f"base {gone:,} has been deleted before; undo that first")
        return ends[0], ends[1] + 1

    # -- kinds of edits ---------------------------------------------------------------------------

    def _bases(self, window: EditedWindow, edit: EditBases) -> EditedWindow:
        span = edit.span
        if span.start == span.end and span.start <= self.bounds.start:
            raise EditError("bases cannot be inserted before the window; insert within it")
        lo, hi = self._place(window, span)
        there = decode(window.codes[lo:hi])
        if edit.expected is not None and there != edit.expected:
            raise EditError(
                f"{self.bounds.chrom}:{span.start + 1:,} holds {there[:20]}, not "
                f"{edit.expected[:20]}; is the edit of another assembly, or of bases that were "
                "edited before?"
            )
        if there == edit.bases:
            raise EditError(f"{edit.bases[:20]} is what is there already; give other bases")
        return window.with_bases(lo, hi, encode(edit.bases))

    def _token(self, window: EditedWindow, edit: EditToken) -> EditedWindow:
        lo, hi = self._place(window, edit.span)
        edges = window.bin_edges
        at = int(np.searchsorted(edges, lo, side="right")) - 1
        if (edges[at], edges[at + 1]) != (lo, hi):
            a, b = window.filled[edges[at]], window.filled[edges[at + 1] - 1]
            raise EditError(
                f"no token begins at {edit.span.start + 1:,} and ends at {edit.span.end:,}; the "
                f"one there now is {a + 1:,}-{b + 1:,}"
            )
        if window.reader.reads_tokens:
            values = None
            if edit.word is not None:
                values = mean_token(window.reader, edit.word)
            return window.with_token(lo, hi, values)
        if edit.word is not None:
            raise EditError(
                "a one-hot model reads bases, and a word has none of its own; choose a token model"
            )
        return self._erased(window, [(lo, hi)], "the token")

    def _call(self, window: EditedWindow, edit: EditCall) -> EditedWindow:
        number = self._feature(window, edit.profile_id, edit.strand)
        lo, hi = self._place(window, edit.span)
        hits = window.hits
        is_it = (hits.feature == number) & (hits.start == lo)
        width = int(window.reader.scanner.width[number])
        if not is_it.any() or hi - lo != width:
            raise EditError(
                f"{edit.profile_id} ({edit.strand}) has no call at {edit.span.start + 1:,}-"
                f"{edit.span.end:,}; an edit before may have changed its bases"
            )
        other = None
        if edit.other is not None:
            other = self._feature(window, edit.other, edit.strand)
            if other == number:
                raise EditError(f"{edit.other} is the profile that is there; choose another")
        if window.reader.reads_tokens:
            return self._exchanged(window, is_it, lo, width, other)
        if other is None:
            return self._erased(window, [(lo, hi)], "the motif call")
        first, size = self._centred(window, lo, width, other)
        return window.with_bases(first, first + size, _consensus(window, other))

    def _cluster(self, window: EditedWindow, edit: EditCluster) -> EditedWindow:
        names = window.reader.cluster_names
        if edit.cluster >= len(names):
            raise EditError(
                f"there is no motif cluster {edit.cluster}, the model's are numbered 0 to "
                f"{len(names) - 1}"
            )
        wanted = np.asarray(window.reader.cluster == edit.cluster)
        return self._many(window, wanted, names[edit.cluster])

    def _feature(self, window: EditedWindow, profile_id: str, strand: str) -> int:
        number = window.reader.numbers.get((profile_id, strand))
        if number is None or number >= len(window.reader.scanner.width):
            raise EditError(
                f"there is no motif profile {profile_id[:40]!r}; choose one by its id, for example "
                f"{window.reader.profile_id[0]}"
            )
        return number

    def _centred(
        self, window: EditedWindow, lo: int, width: int, other: int
    ) -> tuple[int, int]:
        size = int(window.reader.scanner.width[other])
        first = lo + (width - size) // 2
        if first < 0 or first + size > len(window.codes):
            raise EditError("the other profile is wider and does not fit before the window ends")
        return first, size

    def _exchanged(
        self, window: EditedWindow, is_it: NDArray[np.bool_], lo: int, width: int,
        other: int | None,
    ) -> EditedWindow:
        hits, first, last = window.hits.take(~is_it), lo, lo + width
        if other is not None:
            start, size = self._centred(window, lo, width, other)
            hits = joined(hits, Hits(np.array([other], np.int32), np.array([start])))
            first, last = min(first, start), max(last, start + size)
        return window.with_hits(hits, first, last)

    def _many(
        self, window: EditedWindow, wanted: NDArray[np.bool_], name: str
    ) -> EditedWindow:
        """All calls of some features, as far as they lie in the bounds, taken away."""
        hits, width = window.hits, window.reader.scanner.width
        end = hits.start + width[hits.feature]
        filled = window.filled
        inside = (filled[hits.start] >= self.bounds.start) & (filled[end - 1] < self.bounds.end)
        chosen = wanted[hits.feature] & inside
        if not chosen.any():
            raise EditError(f"{name} has no motif call in the window; choose another or move it")
        first, last = int(hits.start[chosen].min()), int(end[chosen].max())
        if window.reader.reads_tokens:
            return window.with_hits(hits.take(~chosen), first, last)
        spans: list[tuple[int, int]] = []
        for lo, hi in zip(hits.start[chosen].tolist(), end[chosen].tolist(), strict=True):
            if spans and lo < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(hi, spans[-1][1]))
            else:
                spans.append((lo, hi))
        return self._erased(window, spans, name)

    def _erased(
        self, window: EditedWindow, spans: list[tuple[int, int]], what: str
    ) -> EditedWindow:
        """Bases replaced, so that a one-hot model cannot see what was there."""
        before = window.codes
        for lo, hi in spans:
            codes = before[lo:hi]
            place = f"{window.filled[lo]}-{window.filled[hi - 1]}"
            new = self._shuffled(codes, place) if self.eraser == "shuffle" else np.full_like(
                codes, 4
            )
            if not np.array_equal(new, codes):
                window = window.with_bases(lo, hi, new)
        if np.array_equal(window.codes, before):
            how = "a shuffle that keeps its dinucleotides" if self.eraser == "shuffle" else "N"
            raise EditError(f"{how} leaves the bases of {what} as they are; replace them by "
                            "others, or by N")
        return window

    def _shuffled(self, codes: NDArray[np.uint8], place: str) -> NDArray[np.uint8]:
        first = derived_seed(self.seed, "what-if", f"{self.bounds.chrom}:{place}")
        drawn = [shuffle_codes(codes, first + i, len(codes)) for i in range(_SHUFFLES)]
        return max(drawn, key=lambda new: int((new != codes).sum()))


def _consensus(window: EditedWindow, number: int) -> NDArray[np.uint8]:
    """The likeliest bases of a feature, on its strand."""
    profile = window.reader.finder.profiles[number // 2]
    best: NDArray[np.uint8] = profile.counts.argmax(axis=1).astype(np.uint8)
    return best if number % 2 == 0 else (3 - best[::-1])
