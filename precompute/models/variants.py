"""What a variant changes in a prediction: both alleles in the same window, predicted anew.

The window is the reference around the middle of REF; the alternative is the same flanks with ALT
in place of REF. Both are tokenized from their bases, so that bins are cut again for the
alternative. The predicted signal is summed over the bases: of the whole window for ``change``,
and of :data:`CENTRE_BP` around the variant for ``log2_fold``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.context import Progress
from precompute.errors import ChromosomeError, InputError
from precompute.genome import open_sequence
from precompute.inputs.aliases import resolve
from precompute.inputs.nucleotides import decode, encode
from precompute.models.bigwig import whole_or_not
from precompute.models.fasta import Reference, track_number
from precompute.models.live import Tokenizer, predict_sequence
from precompute.models.store import TrainedModel
from precompute.models.vcf import Variant, read_vcf
from precompute.streaming import in_order

#: Sequence on either side of REF that both alleles are predicted in, bp.
FLANK_BP = 4_000
#: Stretch around the variant whose fold change is reported, bp.
CENTRE_BP = 500
#: Longest allele, bp; a longer one leaves too little of the window.
MAX_ALLELE_BP = 1_000
#: Signal per base that is added to both sums, in shares of the track's mean.
_PSEUDO_SHARE = 0.01
_COLUMNS = (
    "chrom", "position", "id", "ref", "alt", "status", "ref_sum", "alt_sum", "change",
    "log2_fold", "percentile",
)


class Effect(NamedTuple):
    """Predicted effect of an alternative allele.

    Attributes
    ----------
    ref_sum, alt_sum : predicted signal summed over the bases of the window
    log2_fold : log2 of the alternative's over the reference's sum in the middle
        :data:`CENTRE_BP`, after 1 % of the track's mean was added to every base of both
    """

    ref_sum: float
    alt_sum: float
    log2_fold: float

    @property
    def change(self) -> float:
        """Alternative minus reference, over the window."""
        return self.alt_sum - self.ref_sum


class Summary(NamedTuple):
    """How many alleles were used, and how many were not by reason."""

    used: int
    refused: dict[str, int]


class VariantPredictor:
    """Predicts both alleles of a variant.

    Parameters
    ----------
    model : trained model
    source : reference sequence
    track : number of the model's track
    profiles : motif profiles of a token model
    """

    def __init__(
        self, model: TrainedModel, source: Reference, track: int, profiles: Path | None = None
    ) -> None:
        self.model, self.source, self.track = model, source, track
        self.tokenizer = Tokenizer(model, profiles) if model.encoding == "tokens" else None

    def effect(self, chrom: str, position: int, ref: str, alt: str) -> Effect | str:
        """Effect of putting ``alt`` for ``ref`` at a 0-based position, or why there is none."""
        length = self.source.lengths[chrom]
        end = position + len(ref)
        if max(len(ref), len(alt)) > MAX_ALLELE_BP:
            return f"allele longer than {MAX_ALLELE_BP:,} bp"
        if end > length:
            return f"beyond the end of {chrom}"
        first, last = max(0, position - FLANK_BP), min(length, end + FLANK_BP)
        codes = self.source.codes(chrom, first, last)
        lo, hi = position - first, end - first
        there = decode(codes[lo:hi])
        if there != ref:
            return f"REF is {ref[:20]}, the FASTA has {there[:20]}"
        changed = np.concatenate([codes[:lo], encode(alt), codes[hi:]])
        if not (codes < 4).any() or len(changed) < 16:
            return "no known sequence around it"
        before, after = (
            self._per_base(part) for part in (codes, changed)
        )
        middle = [
            (at + size / 2) for at, size in ((lo, len(ref)), (lo, len(alt)))
        ]
        pseudo = _PSEUDO_SHARE * self.model.scalings[self.track].mean
        near = [
            _around(values, centre).mean() + pseudo
            for values, centre in zip((before, after), middle, strict=True)
        ]
        return Effect(
            float(before.sum()), float(after.sum()), float(np.log2(near[1] / near[0]))
        )

    def _per_base(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        found = predict_sequence(self.model, codes, self.tokenizer)
        return np.repeat(found.values[self.track], np.diff(found.positions))


def _around(values: NDArray[np.float64], centre: float) -> NDArray[np.float64]:
    lo = max(0, round(centre - CENTRE_BP / 2))
    return values[lo : lo + CENTRE_BP]


def background(
    predictor: VariantPredictor,
    sites: list[tuple[str, int]],
    n: int,
    rng: np.random.Generator,
    workers: int = 1,
    heard: Callable[[int], None] | None = None,
) -> NDArray[np.float64]:
    """|log2 fold| of random SNVs, sorted: the scale that percentiles are read on.

    Each is drawn within 50 kb of one of the sites, at a base that is the reference base of that
    site, and becomes another base at random: so regional signal and base are matched.
    """
    drawn = []
    for number in range(n):
        chrom, position = sites[int(rng.integers(len(sites)))]
        found = _matched(predictor.source, chrom, position, rng)
        if found is not None:
            drawn.append((chrom, *found))
        if heard is not None:
            heard(number + 1)
    folds = []
    for _, effect in in_order(lambda site: predictor.effect(*site), drawn, workers):
        if isinstance(effect, Effect):
            folds.append(abs(effect.log2_fold))
    return np.sort(np.array(folds))


def _matched(
    source: Reference, chrom: str, position: int, rng: np.random.Generator,
    reach_bp: int = 50_000,
) -> tuple[int, str, str] | None:
    first = max(0, position - reach_bp)
    codes = source.codes(chrom, first, min(source.lengths[chrom], position + reach_bp))
    here = int(codes[position - first])
    places = np.flatnonzero(codes == here)
    places = places[places != position - first]
    # Drawn whatever comes of it, so that one site does not change the next ones' draws.
    place, step = rng.random(), int(rng.integers(1, 4))
    if here > 3 or not len(places):
        return None
    return (
        first + int(places[int(place * len(places))]), "ACGT"[here], "ACGT"[(here + step) % 4]
    )


def percentile(fold: float, sorted_background: NDArray[np.float64]) -> float:
    """Share (%) of the background's |log2 fold| that is smaller, ties by half."""
    n = len(sorted_background)
    below = np.searchsorted(sorted_background, abs(fold), side="left")
    upto = np.searchsorted(sorted_background, abs(fold), side="right")
    return float(50 * (below + upto) / n)


def predict_variants(
    model: TrainedModel,
    fasta: Path,
    vcf: Path,
    out: Path,
    track: str | None = None,
    profiles: Path | None = None,
    n_background: int = 200,
    seed: int = 0,
    workers: int = 2,
    progress: Progress | None = None,
) -> Summary:
    """Predict every variant of a VCF and write a table, whole or not at all.

    Parameters
    ----------
    model : trained model
    fasta : reference that the VCF was called on
    vcf : plain or gzip
    out : tab-separated table to write: one row per alternative allele, in the order of the VCF
    track : of the model, where it has several
    profiles : motif profiles of a token model
    n_background : random SNVs that percentiles are read on; 0: none
    seed : of the random SNVs
    workers : threads; they change no result
    progress : called with (done, total, note)

    Raises
    ------
    MotiflensError
        When a file cannot be used, or not one variant can; nothing is written then.
    """
    number = track_number(model, track)
    source = Reference(open_sequence(fasta))
    variants = list(read_vcf(vcf))
    if not variants:
        raise InputError(f"the VCF {vcf} holds no variant; give one with at least one row")
    predictor = VariantPredictor(model, source, number, profiles)
    total = len(variants) + n_background

    def one(variant: Variant) -> tuple[str, Effect | str]:
        if variant.reason:
            return variant.chrom, variant.reason
        try:
            name = resolve(variant.chrom, source.lengths, "", source=f"the FASTA {fasta}")
        except ChromosomeError:
            return variant.chrom, "no such chromosome in the FASTA"
        return name, predictor.effect(name, variant.position, variant.ref, variant.alt)

    results = []
    for done, (variant, (name, effect)) in enumerate(in_order(one, variants, workers), start=1):
        results.append((variant, name, effect))
        if progress is not None:
            progress(done, total, "variants")
    usable = [(name, v.position) for v, name, effect in results if isinstance(effect, Effect)]
    if not usable:
        first = results[0]
        raise InputError(
            f"none of the {len(results):,} alleles in {vcf} can be used; the first, line "
            f"{first[0].line}: {first[2]}; is the FASTA that of the VCF's assembly?"
        )

    def heard(done: int) -> None:
        if progress is not None:
            progress(len(variants) + done, total, "background")

    folds = background(
        predictor, usable, n_background, np.random.default_rng(seed), workers, heard
    )
    with whole_or_not(out) as path, path.open("w", encoding="utf-8") as handle:
        handle.write("\t".join(_COLUMNS) + "\n")
        handle.writelines("\t".join(row) + "\n" for row in _rows(results, folds))
    refused: dict[str, int] = {}
    for _, _, effect in results:
        if isinstance(effect, str):
            kind = "REF differs from the FASTA" if effect.startswith("REF is") else effect
            refused[kind] = refused.get(kind, 0) + 1
    return Summary(len(usable), refused)


def _rows(
    results: list[tuple[Variant, str, Effect | str]], folds: NDArray[np.float64]
) -> Iterator[list[str]]:
    for variant, name, effect in results:
        start = [name, str(variant.position + 1), variant.name or ".", variant.ref, variant.alt]
        if isinstance(effect, str):
            yield [*start, effect, *[""] * 5]
            continue
        numbers = [effect.ref_sum, effect.alt_sum, effect.change, effect.log2_fold]
        share = f"{percentile(effect.log2_fold, folds):.1f}" if len(folds) else ""
        yield [*start, "ok", *(f"{value:.6g}" for value in numbers), share]
