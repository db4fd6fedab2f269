"""Predict regions of any FASTA or 2bit file, to a bigWig."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.context import Progress
from precompute.errors import ArtefactError, RegionError
from precompute.genome import SequenceFile, open_sequence
from precompute.inputs.aliases import resolve
from precompute.models.bigwig import Steps, whole_or_not, write_pieces
from precompute.models.dataset import CELL_BP
from precompute.models.live import SequenceInputs, Tokenizer
from precompute.models.predict import Predictor
from precompute.models.store import TrainedModel

#: Sequence read on either side of a region, so that its ends are not the sequence's ends.
FLANK_BP = 20_000
_REGION = re.compile(r"(?P<chrom>.+?)(?::(?P<start>[\d,]+)-(?P<end>[\d,]+))?")


class Place(NamedTuple):
    """A stretch ``[start, end)`` of a sequence of the file, bp."""

    chrom: str
    start: int
    end: int


def parse_regions(texts: list[str], source: SequenceFile | Reference) -> list[Place]:
    """Regions such as ``chr22:0-1000000`` or ``chr22``, 0-based half-open, in the file's order.

    Raises
    ------
    ChromosomeError
        When the file has no such sequence.
    RegionError
        When a region is malformed, reversed, beyond its sequence, or overlaps another.
    """
    places = []
    for text in texts:
        match = _REGION.fullmatch(text.strip())
        if match is None or (match["start"] is None and ":" in text):
            raise RegionError(
                f"the region {text!r} cannot be read; write it as chr22:0-1000000 (0-based "
                "half-open), or chr22 for all of it"
            )
        name = resolve(match["chrom"], source.lengths, "", source=f"the FASTA {source.path}")
        length = source.lengths[name]
        start, end = (
            (0, length) if match["start"] is None
            else (int(match[key].replace(",", "")) for key in ("start", "end"))
        )
        if not start < end <= length:
            raise RegionError(
                f"the region {text!r} is empty, reversed or goes beyond {name}, which has "
                f"{length:,} bp; give start < end <= {length}"
            )
        places.append(Place(name, start, end))
    order = {name: number for number, name in enumerate(source.lengths)}
    places.sort(key=lambda p: (order[p.chrom], p.start))
    for a, b in pairwise(places):
        if a.chrom == b.chrom and b.start < a.end:
            raise RegionError(
                f"the regions {a.chrom}:{a.start}-{a.end} and {b.chrom}:{b.start}-{b.end} "
                "overlap; give them as one"
            )
    return places


class Reference:
    """Stretches of a sequence file, from any thread.

    A file without random access (gzip that is not bgzip) is read once for each chromosome, whose
    codes then stay, one byte per base, until another two are asked for.
    """

    def __init__(self, source: SequenceFile) -> None:
        self.path, self.lengths = source.path, source.lengths
        self._source = source
        self._jumps = bool(getattr(source, "is_random_access", True))
        self._whole: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._lock = threading.Lock()

    def codes(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        """Codes of ``[start, end)``, uint8."""
        with self._lock:
            if self._jumps:
                return next(iter(self._source.read({chrom: (start, end)}))).codes
            if chrom not in self._whole:
                whole = next(iter(self._source.read({chrom: (0, self.lengths[chrom])}))).codes
                self._whole[chrom] = whole
                if len(self._whole) > 2:
                    self._whole.popitem(last=False)
            return self._whole[chrom][start:end]


def track_number(model: TrainedModel, track: str | None) -> int:
    """Which output of a model is meant.

    Raises
    ------
    ArtefactError
        When there is no such track, or there are several and none was named.
    """
    if track is None and len(model.tracks) == 1:
        return 0
    if track not in model.tracks:
        got = "no track was named" if track is None else f"it has no track {track!r}"
        raise ArtefactError(
            f"the model {model.name} predicts {', '.join(model.tracks)} and {got}; give one of "
            "them with --track"
        )
    return model.tracks.index(track)


def predict_fasta(
    model: TrainedModel,
    fasta: Path,
    regions: list[str],
    out: Path,
    track: str | None = None,
    profiles: Path | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> int:
    """Predict regions of a file and write them as a bigWig, whole or not at all.

    Each region is read with :data:`FLANK_BP` of sequence on either side and tokenized in one
    piece, so that its bins are those of its surroundings; counting and predicting stream.

    Parameters
    ----------
    model : trained model
    fasta : FASTA (plain, gzip, bgzip) or 2bit
    regions : see :func:`parse_regions`
    out : bigWig to write
    track : of the model, where it has several
    profiles : motif profiles; by default those of the demo and the shipped models
    workers : threads; they change no result
    progress : called with (done, total, note)

    Returns
    -------
    Bases predicted

    Raises
    ------
    MotiflensError
        When the model, the file, a region or the output is not what it should be.
    """
    number = track_number(model, track)
    source = Reference(open_sequence(fasta))
    places = parse_regions(regions, source)
    if not places:
        raise RegionError("no region was given; give at least one, for example chr22:0-1000000")
    tokenizer = Tokenizer(model, profiles) if model.encoding == "tokens" else None
    predictor = Predictor(model)
    total = sum(p.end - p.start for p in places)

    def pieces() -> Iterator[tuple[str, Steps]]:
        done = 0
        for place in places:
            report = _Share(progress, place, done, total)
            yield from _place_pieces(
                predictor, source, place, tokenizer, number, workers, report
            )
            done += place.end - place.start

    sizes = {p.chrom: source.lengths[p.chrom] for p in places}
    with whole_or_not(out) as path:
        write_pieces(path, sizes, pieces())
    return total


class _Share:
    """Reports one region's part of all the work; scanning and predicting are half of it each."""

    def __init__(self, progress: Progress | None, place: Place, done: int, total: int) -> None:
        self._progress, self._place, self._done, self._total = progress, place, done, total

    def scanning(self, part: float, whole: float, note: str) -> None:
        """Heard by the scanner."""
        self(part / whole / 2, note)

    def __call__(self, share: float, note: str) -> None:
        if self._progress is not None:
            bases = share * (self._place.end - self._place.start)
            self._progress(self._done + bases, self._total, f"{self._place.chrom} {note}")


def _place_pieces(
    predictor: Predictor, source: Reference, place: Place, tokenizer: Tokenizer | None,
    number: int, workers: int, report: _Share,
) -> Iterator[tuple[str, Steps]]:
    # Cells of 16 bp are those of the whole chromosome.
    first = max(0, place.start - FLANK_BP) // CELL_BP * CELL_BP
    last = min(source.lengths[place.chrom], place.end + FLANK_BP)
    codes = source.codes(place.chrom, first, last)
    inputs = SequenceInputs(
        predictor.model, codes, tokenizer, first, workers, report.scanning
    )
    edges, n = inputs.edges(), inputs.n_positions()
    for lo, hi, values in predictor.pieces(inputs, "", workers=workers):
        steps = clipped(edges[lo : hi + 1], values[number], place)
        if len(steps[1]):
            yield place.chrom, steps
        report(0.5 + 0.5 * hi / n, "predicting")


def clipped(
    edges: NDArray[np.int64], values: NDArray[np.float64], place: Place
) -> Steps:
    """The part of a step function inside a stretch; steps across its ends are cut."""
    inside = (edges[1:] > place.start) & (edges[:-1] < place.end)
    if not inside.any():
        return edges[:0], values[:0]
    lo = int(inside.argmax())
    hi = len(inside) - int(inside[::-1].argmax())
    return np.clip(edges[lo : hi + 1], place.start, place.end), values[lo:hi]
