"""Attributions of every motif hit of a run, block by block.

The attribution of a hit is what it adds to the predicted signal summed over all bases that it can
change: on tokens its share of its motif cluster's contribution, on one-hot the sum over its bases.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.attribution.background import background_windows
from precompute.attribution.engine import WindowExplainer
from precompute.attribution.factor_hits import hit_attributions, merged
from precompute.attribution.hits import Hits, run_finder, run_seed
from precompute.attribution.opening import assignment_of, opened_model
from precompute.context import derived_seed
from precompute.errors import StageError
from precompute.models.dataset import CELL_BP

_BLOCK_POSITIONS = 1000
_MAX_UNKNOWN = 0.5


class Block(NamedTuple):
    """Positions ``[lo, hi)`` of a chromosome, whose hits are those that begin in them."""

    chrom: str
    lo: int
    hi: int


class Stretch(NamedTuple):
    """Half-open interval, bp."""

    chrom: str
    start: int
    end: int


class Scored(NamedTuple):
    """Hits of a block with absolute positions and attributions, float64 (n,); bases left out."""

    hits: Hits
    value: NDArray[np.float64]
    skipped_bp: int


class HitScorer:
    """Attributions of all hits of a run by one model, block by block.

    Blocks lie on a grid of the chromosome's positions, so a hit's number does not depend on what
    else is asked for.

    Parameters
    ----------
    run : run folder
    name : of the model, see :func:`precompute.models.registry.model_names`
    track : explained track; the model's first by default
    """

    def __init__(self, run: RunFolder, name: str, track: str | None = None) -> None:
        model, self.source = opened_model(run, name)
        self.run, self.name = run, name
        self.explainer = WindowExplainer(model, self.source, track, run_seed(run))
        self.assignment = assignment_of(run, model)
        self.finder = run_finder(run)
        walks = self.explainer.is_walkable
        self.method = "deeplift" if walks else "input_x_gradient"
        self.baseline = "background" if walks else "zero"
        self._codes = {
            chrom: run.group("sequence")[f"{chrom}/codes"] for chrom in self.source.store.chroms
        }
        self.explainer.baseline(self.baseline)

    @property
    def unit(self) -> str:
        """Unit of the attributions."""
        tracks = self.run.group("signal").attrs["tracks"]
        return f"{tracks[self.explainer.track]['unit']} x bp"

    @cached_property
    def block_positions(self) -> int:
        """Positions of a block: with what its hits can change, no more than the trained length."""
        per_position = 1 if self.source.encoding == "tokens" else CELL_BP
        widest = int(self.finder.scanner.width.max())
        around = 2 * self.explainer.seen_outputs + -(-widest // per_position) + 2
        room = self.explainer.trained_positions - around
        if room < 1:
            raise StageError(
                f"the model was trained on {self.explainer.trained_positions:,} positions, and a "
                f"motif with all that it can change takes {around:,}; choose another model"
            )
        return min(_BLOCK_POSITIONS, room)

    def blocks(self, stretches: Sequence[Stretch]) -> list[Block]:
        """Blocks that hold the first base of a hit in one of the stretches, in their order."""
        size, found = self.block_positions, []
        for chrom, start, end in stretches:
            edges = self.source.edges(chrom)
            n = len(edges) - 1
            lo = int(np.searchsorted(edges, start, side="right")) - 1
            hi = min(int(np.searchsorted(edges, end, side="left")), n)
            found += [Block(chrom, i * size, min((i + 1) * size, n))
                      for i in range(max(lo, 0) // size, -(-hi // size))]
        return list(dict.fromkeys(found))

    def score(self, block: Block) -> Scored:
        """Attributions of the hits that begin in a block, in the order of start and feature."""
        edges = self.source.edges(block.chrom)
        n, seen = len(edges) - 1, self.explainer.seen_outputs
        start, end = int(edges[block.lo]), int(edges[block.hi])
        reach = min(end + int(self.finder.scanner.width.max()) - 1, int(edges[-1]))
        last = int(np.searchsorted(edges, reach, side="left"))
        aim = int(edges[max(0, block.lo - seen)]), int(edges[min(n, last + seen)])
        unknown = int(self.source.unknown_bp(block.chrom, np.array(aim))[0])
        hits = self._hits(block.chrom, start, end, reach)
        if unknown > _MAX_UNKNOWN * (aim[1] - aim[0]):
            return Scored(hits.take(np.zeros(0, np.int64)), np.zeros(0), end - start)
        found = self.explainer.explain(block.chrom, *aim, self.method, self.baseline, aim)
        mean = hit_attributions(
            self.explainer, found, self.assignment, hits.feature, hits.start, hits.end
        )
        return Scored(hits, mean * (aim[1] - aim[0]), 0)

    def _hits(self, chrom: str, start: int, end: int, reach: int) -> Hits:
        offset = self.source.start(chrom)
        found = self.finder.find(self._codes[chrom][start - offset : reach - offset])
        found = found.take(found.start < end - start)
        return found._replace(start=found.start + start, end=found.end + start)

    # -- background --------------------------------------------------------------------------

    def background(self, most_bp: int) -> list[Stretch]:
        """Background windows, those side by side joined: whole blocks of them, drawn at random.

        Raises
        ------
        StageError
            When there is none.
        """
        track = self.source.tracks.index(self.explainer.track)
        free = background_windows(self.source, self.run.table("peaks"), track)
        rows = [
            (w.chrom, int(self.source.edges(w.chrom)[w.lo]), int(self.source.edges(w.chrom)[w.hi]))
            for w in free
        ]
        joined = merged(pd.DataFrame(rows, columns=["chrom", "start", "end"]))
        if joined.empty:
            raise StageError(
                "no background window is free of peaks and has little signal, so no threshold can "
                "be estimated; give fewer peak sets"
            )
        stretches = [Stretch(*row) for row in joined.itertuples(index=False)]
        blocks = self.blocks(stretches)
        rng = np.random.default_rng(derived_seed(run_seed(self.run), "motif_calls", "background"))
        chosen: list[Stretch] = []
        total = 0
        for number in rng.permutation(len(blocks)):
            inside = _within(blocks[number], stretches, self.source.edges(blocks[number].chrom))
            chosen += inside
            total += sum(s.end - s.start for s in inside)
            if total >= most_bp:
                break
        return sorted(chosen)


def _within(block: Block, stretches: list[Stretch], edges: NDArray[np.integer]) -> list[Stretch]:
    """The parts of sorted, disjoint stretches that lie in a block."""
    start, end = int(edges[block.lo]), int(edges[block.hi])
    found = []
    at = max(bisect_right(stretches, Stretch(block.chrom, start, 2**62)) - 1, 0)
    for chrom, first, last in stretches[at:]:
        if (chrom, first) >= (block.chrom, end):
            break
        low, high = max(first, start), min(last, end)
        if chrom == block.chrom and low < high:
            found.append(Stretch(chrom, low, high))
    return found


def inside(hits: Hits, chrom: str, stretches: Sequence[Stretch]) -> NDArray[np.bool_]:
    """bool (hits,): whether a hit lies wholly in one of the disjoint stretches."""
    mine = sorted((s.start, s.end) for s in stretches if s.chrom == chrom)
    if not mine:
        return np.zeros(len(hits.start), dtype=bool)
    start, end = np.array(mine).T
    at = np.searchsorted(start, hits.start, side="right") - 1
    return (at >= 0) & (hits.end <= end[np.maximum(at, 0)])
