"""The notebook API: tokens, interdependence and motif clusters of any sequence, without a run.

Each function gives exactly what the pipeline's stage of that name gives for the same sequence,
profiles and settings; nothing is written. Importing this module imports nothing heavy.

Examples
--------
>>> from precompute.api import cluster_motifs, interdependence, tokenize
>>> tokens = tokenize(fasta, profiles, chrom="chr20", start=3_000_000, end=3_060_000)
>>> tokens
Tokens(chr20:3,000,000-3,060,000: 4,047 bins of 14.8 bp, 1,684 features, 74.7 non-zeros per bin)
>>> scores = interdependence(tokens, sample=2_000, random_state=0)
>>> scores.shape
(1684, 1684)
>>> labels = cluster_motifs(scores, cut=0.38)
>>> labels.shape
(1684,)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from precompute.context import Progress, derived_seed
from precompute.errors import ConfigError, RegionError

if TYPE_CHECKING:
    import anndata
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from pydantic import BaseModel
    from scipy.sparse import csr_matrix

    from precompute.config import BinConfig, MotifConfig

__all__ = ["Tokens", "cluster_motifs", "interdependence", "tokenize", "tokenize_sequence"]


@dataclass(frozen=True, eq=False, repr=False)
class Tokens:
    """Continuous tokens of one stretch of sequence.

    Attributes
    ----------
    chrom : name of the sequence
    edges : int32 (n_bins + 1,), bp, absolute 0-based coordinates, strictly rising
    counts : CSR uint8 (n_bins, n_features), or uint16 where a bin is longer than 255 bp: bases of
        the bin that a hit of the feature covers
    features : data frame of n_features rows: ``feature``, ``profile``, ``profile_id``, ``tf``,
        ``width`` (bp), ``strand``, ``name``; the last two are CpG, of width 1
    """

    chrom: str
    edges: NDArray[np.int32]
    counts: csr_matrix
    features: pd.DataFrame

    @property
    def start(self) -> int:
        """First base, 0-based."""
        return int(self.edges[0])

    @property
    def end(self) -> int:
        """End, half-open."""
        return int(self.edges[-1])

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def n_features(self) -> int:
        """Number of features: two strands of every profile and of CpG."""
        return len(self.features)

    def __len__(self) -> int:
        return self.n_bins

    def __repr__(self) -> str:
        return (
            f"Tokens({self.chrom}:{self.start:,}-{self.end:,}: {self.n_bins:,} bins of "
            f"{(self.end - self.start) / self.n_bins:.1f} bp, {self.n_features:,} features, "
            f"{self.counts.nnz / self.n_bins:.1f} non-zeros per bin)"
        )

    def values(self, lo: int = 0, hi: int | None = None) -> csr_matrix:
        """Feature values of bins ``[lo, hi)``: CSR float32 (bins, n_features), counts / width."""
        import numpy as np
        from scipy.sparse import csr_matrix

        part = self.counts[lo:hi] if lo or hi is not None else self.counts
        width = self.features["width"].to_numpy(np.float32)
        data = part.data.astype(np.float32) / width[part.indices]
        return csr_matrix((data, part.indices, part.indptr), shape=part.shape)

    def to_anndata(self) -> anndata.AnnData:
        """Bins x features as AnnData: values in ``X``, loci in ``obs``, features in ``var``."""
        import anndata
        import pandas as pd

        loci = pd.DataFrame(
            {"chrom": self.chrom, "start": self.edges[:-1], "end": self.edges[1:]},
            index=[f"{self.chrom}:{s + 1}-{e}"
                   for s, e in zip(self.edges[:-1].tolist(), self.edges[1:].tolist(), strict=True)],
        )
        return anndata.AnnData(X=self.values(), obs=loci, var=self.features.set_index("name"))


# -- tokens ----------------------------------------------------------------------------------


def tokenize(
    fasta: str | Path,
    profiles: str | Path,
    *,
    chrom: str,
    start: int = 0,
    end: int | None = None,
    min_relative_score: float = 0.80,
    max_p_value: float = 0.05,
    sigma_bp: float = 3.0,
    min_peak_width_bp: float = 5.0,
    max_bin_bp: int = 50,
    cut_every_bp: int = 25,
    workers: int = 2,
    progress: Progress | None = None,
) -> Tokens:
    """Tokens of a region of a FASTA: the stages genome, motifs, depth, bins and tokens in one.

    As in a run, the sequence beyond the region is not looked at.

    Parameters
    ----------
    fasta : path of a FASTA, plain or gzip
    profiles : path of motif profiles in JASPAR format
    chrom : name of the sequence in the FASTA
    start, end : bp, 0-based half-open; ``end=None`` is the sequence's end
    min_relative_score, max_p_value : what a hit is; JASPAR's own by default
    sigma_bp, min_peak_width_bp, max_bin_bp, cut_every_bp : how bins are cut; the paper's by default
    workers : threads; they change no result
    progress : called with (done, total, note)

    Raises
    ------
    InputError, ChromosomeError, RegionError, ConfigError
        When a file is missing or damaged, the FASTA has no such sequence, the region is reversed
        or beyond it, or a setting is out of its range.

    References
    ----------
    The paper, sections on motif-aware bins and continuous tokens.

    Examples
    --------
    >>> tokens = tokenize(fasta, profiles, chrom="chr20", start=3_000_000, end=3_020_000)
    >>> tokens.edges[:4].tolist()
    [3000000, 3000006, 3000024, 3000045]
    >>> tokens.features.loc[tokens.counts[0].indices[:2], ["profile_id", "strand", "width"]]
       profile_id strand  width
    60   MA0048.2      +     10
    61   MA0048.2      -     10
    """
    import numpy as np

    from precompute.region_tokens import read_region, tokenize_codes

    hits, rules = _checked_rules(
        Path(profiles), min_relative_score, max_p_value, workers, sigma_bp=sigma_bp,
        min_peak_width_bp=min_peak_width_bp, max_bin_bp=max_bin_bp, cut_every_bp=cut_every_bp,
    )
    _check_region(chrom, start, end)
    codes = read_region(Path(fasta), chrom, start, end)
    found = tokenize_codes(codes, hits, rules, workers, progress)
    return Tokens(chrom, found.edges + np.int32(start), found.counts, found.features)


def tokenize_sequence(
    sequence: str | bytes,
    profiles: str | Path,
    *,
    chrom: str = "sequence",
    start: int = 0,
    min_relative_score: float = 0.80,
    max_p_value: float = 0.05,
    sigma_bp: float = 3.0,
    min_peak_width_bp: float = 5.0,
    max_bin_bp: int = 50,
    cut_every_bp: int = 25,
    workers: int = 2,
    progress: Progress | None = None,
) -> Tokens:
    """Tokens of a sequence at hand; parameters as in :func:`tokenize`.

    Parameters
    ----------
    sequence : letters, either case; any but A, C, G, T can be under no hit
    chrom, start : name and first coordinate (bp) that the tokens are to bear

    Raises
    ------
    RegionError, InputError, ConfigError
        When the sequence is empty, the profiles cannot be read, or a setting is out of its range.

    Examples
    --------
    >>> tokens = tokenize_sequence("ACGT" * 40, profiles)
    >>> tokens.start, tokens.end
    (0, 160)
    """
    import numpy as np

    from precompute.genome import encode
    from precompute.region_tokens import tokenize_codes

    hits, rules = _checked_rules(
        Path(profiles), min_relative_score, max_p_value, workers, sigma_bp=sigma_bp,
        min_peak_width_bp=min_peak_width_bp, max_bin_bp=max_bin_bp, cut_every_bp=cut_every_bp,
    )
    if len(sequence) == 0:
        raise RegionError("the sequence is empty; give at least one base")
    _check_region(chrom, start, None)
    found = tokenize_codes(encode(sequence), hits, rules, workers, progress)
    return Tokens(chrom, found.edges + np.int32(start), found.counts, found.features)


def _checked(model: type[BaseModel], **values: Any) -> Any:
    """A configuration section, checked as a configuration file is."""
    from pydantic import ValidationError

    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{name} is {first.get('input')!r}, but: {first['msg'].lower()}; give another value"
        ) from None


def _checked_rules(
    profiles: Path, min_relative_score: float, max_p_value: float, workers: int, **bins: float
) -> tuple[MotifConfig, BinConfig]:
    from precompute.config import BinConfig, MotifConfig, RunSection

    _checked(RunSection, name="notebook", workers=workers)
    hits = _checked(
        MotifConfig, profiles=profiles, release="", min_relative_score=min_relative_score,
        max_p_value=max_p_value,
    )
    return hits, _checked(BinConfig, **bins)


def _check_region(chrom: str, start: int, end: int | None) -> None:
    for name, value in (("start", start), ("end", end)):
        if value is not None and int(value) != value:
            raise RegionError(f"{name} is {value!r}, expected a whole number of bases")
    if start < 0:
        raise RegionError(f"start is {start:,}, expected 0 or more: coordinates are 0-based")
    if end is not None and end <= start:
        raise RegionError(
            f"the region {chrom}:{start:,}-{end:,} ends before it starts or is empty; "
            "give start < end, 0-based half-open"
        )


# -- interdependence and clusters ------------------------------------------------------------


def interdependence(
    tokens: Tokens,
    sample: int | None = 60_000,
    random_state: int | np.random.Generator = 0,
    *,
    max_order: int = 5,
    workers: int = 2,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Interdependence scores (IDS) between the features.

    Parameters
    ----------
    tokens : from :func:`tokenize`
    sample : bins drawn without replacement; ``None`` takes all of them
    random_state : seed or generator of the sample; the same seed draws the bins that a run of
        that seed draws
    max_order : highest order of the Hermite functions
    workers : threads
    progress : called with (done, total, note)

    Returns
    -------
    float32 (n_features, n_features), symmetric, in [0, 1], diagonal 1

    Raises
    ------
    ConfigError, StageError
        When a setting is out of its range, or there are fewer than two bins.

    References
    ----------
    Radhakrishnan et al., PNAS 2025; the paper, section on motif clusters.
    """
    import numpy as np

    from precompute.config import InterdependenceConfig, RunSection
    from precompute.interdependence import interdependence as scores_of

    seed = 0 if isinstance(random_state, np.random.Generator) else random_state
    _checked(RunSection, name="notebook", workers=workers, seed=seed)
    given = {} if sample is None else {"sample_bins": sample}
    _checked(InterdependenceConfig, max_order=max_order, **given)
    if isinstance(random_state, np.random.Generator):
        rng = random_state
    else:
        rng = np.random.default_rng(derived_seed(random_state, "interdependence", "sample"))
    counts = tokens.counts
    if sample is not None and sample < tokens.n_bins:
        counts = counts[np.sort(rng.choice(tokens.n_bins, size=sample, replace=False))]
    widths = tokens.features["width"].to_numpy()
    return scores_of(counts, max_order, workers, progress, widths=widths)


def cluster_motifs(
    scores: NDArray[np.floating], cut: float = 0.38, *, linkage: str = "single"
) -> NDArray[np.int32]:
    """Motif cluster of each feature, int32 (n_features,), numbered by smallest member.

    Parameters
    ----------
    scores : float (n_features, n_features) from :func:`interdependence`
    cut : distance 1 - IDS up to which features are joined
    linkage : 'single' (the paper's), 'average' or 'complete'

    Raises
    ------
    ConfigError, StageError
        When the cut or the linkage is not one of those, or the scores are not a symmetric matrix.

    Examples
    --------
    >>> import numpy as np
    >>> cluster_motifs(np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])).tolist()
    [0, 0, 1]
    """
    from precompute.config import ClusterConfig
    from precompute.motif_clusters import cluster_features

    _checked(ClusterConfig, cut=cut, linkage=linkage)
    return cluster_features(scores, cut, linkage)
