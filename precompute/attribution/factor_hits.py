"""Motif hits of transcription factors in accessible regions, labelled bound or not.

A hit is bound where its centre lies in a ChIP-seq peak of its factor. A factor's profiles are those
that bear its name, in either case.

References
----------
The paper, figures 3c and 7; labels as Hu et al., Nature 2025.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.attribution.engine import WindowExplainer
from precompute.attribution.hits import MotifFinder
from precompute.attribution.motif_shares import feature_shares, hit_shares
from precompute.attribution.results import WindowAttribution
from precompute.errors import StageError

SITE_COLUMNS = (
    "tf", "profile_id", "strand", "chrom", "start", "end", "motif_score", "bound", "region",
    "region_start", "region_end",
)


class LabelledHits(NamedTuple):
    """Hits of factors: ``sites`` with the columns ``SITE_COLUMNS``, int64 (n,) ``feature``."""

    sites: pd.DataFrame
    feature: NDArray[np.int64]


def known_factors(run: RunFolder) -> list[str]:
    """Factors with ChIP-seq peaks and a profile of their own name, either case; sorted."""
    targets = set(run.table("peaks", ["target"])["target"].unique())
    profiles = set(run.table("profiles", ["tf"])["tf"].str.upper())
    return sorted(name for name in targets if name.upper() in profiles)


def chosen_factors(run: RunFolder, asked: Sequence[str] | None) -> list[str]:
    """The factors asked for, or all; empty when the run has none.

    Raises
    ------
    StageError
        When one that is asked for has no peaks or no profile.
    """
    known = known_factors(run)
    if asked is None:
        return known
    profiles = set(run.table("profiles", ["tf"])["tf"].str.upper())
    for name in asked:
        if name not in known:
            lacks = (
                "no ChIP-seq peaks" if name.upper() in profiles else
                "no ChIP-seq peaks with a motif profile"
            )
            raise StageError(
                f"the run has {lacks} for {name!r}; it has {', '.join(known) or 'no factor'}"
            )
    return list(dict.fromkeys(asked))


def merged(peaks: pd.DataFrame) -> pd.DataFrame:
    """Union of intervals as sorted, disjoint ones: chrom, start, end."""
    parts = []
    for chrom, here in peaks.sort_values(["chrom", "start"]).groupby("chrom", sort=True):
        start, end = here["start"].to_numpy(), np.maximum.accumulate(here["end"].to_numpy())
        first = np.concatenate([[True], start[1:] > end[:-1]])
        last = np.append(np.flatnonzero(first)[1:] - 1, len(end) - 1)
        parts.append(pd.DataFrame({"chrom": chrom, "start": start[first], "end": end[last]}))
    if not parts:
        return pd.DataFrame({
            "chrom": pd.Series(dtype=str), "start": pd.Series(dtype=np.int64),
            "end": pd.Series(dtype=np.int64),
        })
    return pd.concat(parts, ignore_index=True)


def labelled_hits(
    run: RunFolder, finder: MotifFinder, regions: pd.DataFrame, tfs: Sequence[str]
) -> LabelledHits:
    """Hits of the factors' profiles inside regions, in the order of the regions.

    Parameters
    ----------
    run : its table ``peaks`` gives the labels
    regions : chrom, start, end; sorted and disjoint
    tfs : see :func:`chosen_factors`
    """
    features = run.table("features")
    of_feature = features["tf"].str.upper().map({name.upper(): name for name in tfs})
    wanted = of_feature.notna().to_numpy()
    sequence, parts, of_hit = run.group("sequence"), [], []
    for number, region in enumerate(regions.itertuples(index=False)):
        if region.chrom not in sequence:
            continue
        codes, offset = sequence[f"{region.chrom}/codes"], sequence[region.chrom].attrs["start"]
        low, high = max(region.start - offset, 0), min(region.end - offset, codes.shape[0])
        if high <= low:
            continue
        hits = finder.find(codes[low:high])
        hits = hits.take(wanted[hits.feature])
        of_hit.append(hits.feature)
        parts.append(pd.DataFrame({
            "tf": of_feature.to_numpy()[hits.feature],
            "profile_id": features["profile_id"].to_numpy()[hits.feature],
            "strand": features["strand"].to_numpy()[hits.feature],
            "chrom": region.chrom, "start": hits.start + low + offset,
            "end": hits.end + low + offset, "motif_score": hits.relative, "bound": False,
            "region": number, "region_start": region.start, "region_end": region.end,
        }))
    if not of_hit:
        return LabelledHits(pd.DataFrame(columns=list(SITE_COLUMNS)), np.zeros(0, np.int64))
    sites = pd.concat(parts, ignore_index=True)
    sites["bound"] = bound_hits(sites, run.table("peaks", ["target", "chrom", "start", "end"]))
    return LabelledHits(sites[list(SITE_COLUMNS)], np.concatenate(of_hit))


def bound_hits(sites: pd.DataFrame, peaks: pd.DataFrame) -> NDArray[np.bool_]:
    """bool (sites,): whether the centre of a hit lies in a peak of its factor."""
    centre = (sites["start"] + sites["end"]) // 2
    out = np.zeros(len(sites), dtype=bool)
    for (tf, chrom), here in sites.groupby(["tf", "chrom"]):
        mine = peaks[(peaks["target"] == tf) & (peaks["chrom"] == chrom)]
        at = centre.loc[here.index].to_numpy()
        begun = np.searchsorted(np.sort(mine["start"].to_numpy()), at, side="right")
        ended = np.searchsorted(np.sort(mine["end"].to_numpy()), at, side="right")
        out[here.index] = begun > ended
    return out


def hit_attributions(
    explainer: WindowExplainer, found: WindowAttribution, assignment: NDArray[np.integer],
    feature: NDArray[np.integer], start: NDArray[np.integer], end: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Attribution of single hits in an explained window: float64 (n_hits,).

    On tokens a hit has its share of its motif cluster's attribution, on one-hot the sum over its
    bases.

    Parameters
    ----------
    explainer, found : what explained the window, and what it found
    assignment : int (features,), motif cluster of the model of each feature
    feature, start, end : int (n_hits,), bp; inside ``found.edges``
    """
    first = int(found.edges[0])
    if found.rows is None:
        total = np.concatenate([[0.0], np.cumsum(found.per_base())])
        return np.asarray(total[end - first] - total[start - first])
    store = explainer.source.store
    lo, _ = store.bin_range(found.chrom, first, first + 1)
    occupancy = store.feature_values(found.chrom, lo, lo + found.rows.n_rows)
    shares = feature_shares(found.rows, occupancy, assignment)
    return hit_shares(shares, occupancy, found.edges, store.widths, feature, start, end)
