"""Numbers that a run is held against, each with its source."""

from __future__ import annotations

from typing import NamedTuple

PAPER = "the paper, human genome"
EARLIER = "motiflens, all of hg19 chr20"


class Reference(NamedTuple):
    """A number, half of its last written digit, and where it comes from."""

    value: float
    half_digit: float
    text: str
    source: str


#: Davarmanesh et al., "Motif-aware Tokenization of the Genome".
REFERENCES = {
    "covered_bases": Reference(0.92, 0.005, "92 %", PAPER),
    "genome_bins": Reference(187e6, 0.5e6, "187 million", PAPER),
    "mean_length": Reference(15.0, 0.5, "15 bp", PAPER),
    "long_share": Reference(0.005, 0.0005, "0.5 %", PAPER),
    "clusters": Reference(871, 0.5, "871", PAPER),
    "non_zeros": Reference(83, 0.5, "83", EARLIER),
    "r_tokens": Reference(0.65, 0.005, "0.65", "the paper, chr10 of hg38"),
    "r_onehot": Reference(0.69, 0.005, "0.69", "the paper, chr10 of hg38"),
}

#: Motif profiles of the paper: JASPAR 2022 CORE vertebrates, latest versions.
PAPER_PROFILES = 841

#: Pearson r of log rank and log frequency in the paper.
PAPER_R = {"motif": -0.99, "bpe600": -0.77, "bpe4096": -0.94}

#: GRCh38 chromosomes 1-22: bases in all, and those that are A, C, G or T (no gap). The sum of the
#: sequences' lengths, and of their ungapped lengths, in the GRCh38 assembly (GCA_000001405.15).
AUTOSOME_BP = 2_875_001_522
AUTOSOME_KNOWN_BP = 2_756_331_041

#: The earlier measurement was over all bins of hg19 chr20, those of its stretches of N included.
EARLIER_BINS = 4_195_589
EARLIER_UNKNOWN_BP = 3_520_000

SOURCES = (
    "Davarmanesh et al., Motif-aware Tokenization of the Genome: Towards Interpretable Modeling of "
    "Gene Regulation: the numbers called the paper's.",
    f"GRCh38 (GCA_000001405.15): chromosomes 1-22 have {AUTOSOME_BP:,} bases, of which "
    f"{AUTOSOME_KNOWN_BP:,} are known; the rest is N.",
)
