"""Why a number differs from its reference: sentences computed from the run, or none."""

from __future__ import annotations

import math
from dataclasses import dataclass

from precompute.report.measure import Measured
from precompute.report.reference import (
    AUTOSOME_BP,
    AUTOSOME_KNOWN_BP,
    EARLIER_BINS,
    EARLIER_UNKNOWN_BP,
    REFERENCES,
)


@dataclass(frozen=True)
class Numbers:
    """What the sentences are computed from.

    ``halves`` are cluster counts of the two disjoint half samples of ``half_bins`` bins,
    ``cut_at_reference`` the cut at which this run has the reference's number of clusters,
    ``other_inputs`` sentences on inputs that are not like the paper's.
    """

    measured: Measured
    assembly: str
    long_share: float | None = None
    max_bin_bp: int = 50
    other_inputs: tuple[str, ...] = ()
    linkage: str = ""
    cut: float = 0.0
    clusters: int = 0
    clusters_without_cpg: int | None = None
    sample_bins: int = 0
    half_bins: int = 0
    is_exact: bool = False
    rand: float | None = None
    largest_change: float | None = None
    halves: tuple[int, ...] = ()
    cut_at_reference: float | None = None
    non_zeros: int = 0

    @property
    def share_of_autosomes(self) -> float:
        """Known bases of the run against those of the autosomes."""
        return self.measured.known_bp / AUTOSOME_KNOWN_BP

    @property
    def genome_bins(self) -> float:
        """Bins per known base, times the known bases of the autosomes."""
        return self.measured.known_bins / max(self.measured.known_bp, 1) * AUTOSOME_KNOWN_BP


def percent(share: float, digits: int = 3) -> str:
    """A share in per cent with that many significant digits, e.g. '0.484 %'.

    >>> percent(0.99997196), percent(0.0039113), percent(1)
    ('99.997 %', '0.391 %', '100 %')
    """
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f} %"
    # Near 100 it is the distance to 100 that has digits.
    distance = min(abs(value), abs(100 - value)) if 50 < value < 100 else abs(value)
    places = max(0, digits - 1 - math.floor(math.log10(max(distance, 1e-12))))
    if 50 < value < 100:
        places = max(1, min(places, 3))
    return f"{value:.{min(places, 6)}f} %"


def scope(n: Numbers) -> list[str]:
    """What part of the genome the run is: true of every difference, so it is said once."""
    out = []
    if n.share_of_autosomes < 0.995:
        out.append(
            f"This run covers {n.measured.known_bp:,} known bases, {percent(n.share_of_autosomes)} "
            f"of the {AUTOSOME_KNOWN_BP:,} of the human autosomes (GRCh38)."
        )
    if n.assembly.lower() not in ("hg38", "grch38"):
        out.append(f"It is on {n.assembly}; the paper's genome is hg38.")
    return out + list(n.other_inputs)


def covered_bases(n: Numbers) -> list[str]:
    """Share of all bases under a motif."""
    m = n.measured
    unknown, elsewhere = 1 - m.known_bp / m.total_bp, 1 - AUTOSOME_KNOWN_BP / AUTOSOME_BP
    of_known = m.covered_known_bp / max(m.known_bp, 1)
    out = []
    if abs(unknown - elsewhere) > 0.001:
        out.append(
            f"No motif may lie on an N, and {percent(unknown)} of these bases are N, against "
            f"{percent(elsewhere)} of the autosomes."
        )
    expected = of_known * (1 - elsewhere)
    gap = expected - REFERENCES["covered_bases"].value
    if abs(gap) > REFERENCES["covered_bases"].half_digit:
        out.append(
            f"With this run's {percent(of_known)} of the known bases, the autosomes would be "
            f"covered to {percent(expected)}; the {abs(100 * gap):.1f} points between that and the "
            "paper's 92 % are not explained by this run's data."
        )
    return out


def genome_bins(n: Numbers) -> list[str]:
    """Bins of a whole genome."""
    m, reference = n.measured, REFERENCES["genome_bins"].value
    out = [
        f"{m.known_bins:,} bins on {m.known_bp:,} known bases, times {AUTOSOME_KNOWN_BP:,}: one "
        f"bin per {m.known_bp / max(m.known_bins, 1):.2f} known bases here, one per "
        f"{AUTOSOME_KNOWN_BP / reference:.2f} in the paper if its bins are those of known bases."
    ]
    gaps = (AUTOSOME_BP - AUTOSOME_KNOWN_BP) / 25
    out.append(
        f"The autosomes' stretches of N, cut every 25 bp, would be {gaps / 1e6:.1f} million bins "
        "more; they are left out."
    )
    return out


def mean_length(n: Numbers) -> list[str]:
    """Mean length of bins."""
    m, reference = n.measured, REFERENCES["mean_length"]
    if abs(m.total_bp / m.bins - reference.value) <= reference.half_digit:
        return []
    if m.known_bins == m.bins:
        return [f"Every one of the {m.bins:,} bins holds a known base."]
    return [
        f"Stretches of N are cut every 25 bp: without their {m.bins - m.known_bins:,} bins the "
        f"mean is {m.mean_length_bp:.2f} bp."
    ]


def long_share(n: Numbers, share: float) -> list[str]:
    """Share of long bins before they are cut."""
    reference = REFERENCES["long_share"]
    difference = abs(share - reference.value)
    if difference <= reference.half_digit:
        return []
    if n.max_bin_bp != 50:
        return [f"The paper counts bins over 50 bp; this run cuts at {n.max_bin_bp}."]
    error = math.sqrt(max(share * (1 - share), 0) / max(n.measured.bins, 1))
    times = difference / error if error > 0 else math.inf
    text = (
        f"On {n.measured.bins:,} bins the share has a standard error of {100 * error:.2g}"
    )
    if times > 3:
        text += (
            f" points, so chance does not explain a difference of {100 * difference:.2g}: "
            "either this sequence has another share of stretches without peaks than the genome, "
            "or the paper counts otherwise"
        )
    else:
        text += f" points, and the difference is {times:.1f} of them: it may be chance"
    return [f"{text}."]


def clusters(n: Numbers) -> list[str]:
    """Number of motif clusters."""
    m = n.measured
    out = []
    if n.sample_bins:
        of_all = percent(n.sample_bins / max(m.bins, 1))
        bins = f"all {n.sample_bins:,} bins" if n.is_exact else (
            f"{n.sample_bins:,} of {m.bins:,} bins ({of_all})")
        text = f"The scores rest on {bins}, the paper's on the whole genome"
        if len(n.halves) == 2 and n.rand is not None:
            low, high = sorted(n.halves)
            spread = f"{low} and {high} clusters" if low != high else f"{low} clusters each"
            moves = ", so the count itself moves with the sample" if low != high else ""
            text += (
                f"; two disjoint samples of {n.half_bins:,} bins give {spread}, with an adjusted "
                f"Rand index of {n.rand:.2f}{moves}"
            )
        out.append(f"{text}.")
    if n.largest_change is not None:
        out.append(
            f"Between those samples a single score moves by up to {n.largest_change:.2f}: profiles "
            "with few hits have too few bins in common."
        )
    if n.cut_at_reference is not None and n.cut_at_reference != n.cut:
        out.append(
            f"With {n.linkage} linkage this run has about {REFERENCES['clusters'].text} clusters "
            f"at a cut of {n.cut_at_reference:.2f} instead of {n.cut:g}."
        )
    if n.linkage and n.linkage != "single":
        out.append(f"The linkage is {n.linkage}; the paper's partition is that of single linkage.")
    if n.clusters_without_cpg is not None:
        out.append(
            f"CpG is clustered with the motifs; the motifs alone make {n.clusters_without_cpg} "
            "clusters."
        )
    return out


def non_zeros(n: Numbers) -> list[str]:
    """Non-zeros per token."""
    m, reference = n.measured, REFERENCES["non_zeros"].value
    motifs = n.non_zeros - 2 * m.cpg_bins
    empty = EARLIER_UNKNOWN_BP / 25
    return [
        f"{m.cpg_bins:,} bins hold a CpG, which counts on both strands; without it there are "
        f"{motifs / max(m.bins, 1):.1f} per token, and the reference is counted without it.",
        f"Bins that are all N are empty. Without them it is {motifs / max(m.known_bins, 1):.1f} "
        f"here, and {reference * EARLIER_BINS / (EARLIER_BINS - empty):.1f} in the reference, "
        f"{percent(empty / EARLIER_BINS, 2)} of whose bins are stretches of N.",
    ]
