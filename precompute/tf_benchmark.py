"""Which motif hits are bound: attributions against motif scores and the predicted signal.

For each transcription factor with ChIP-seq peaks and a profile, the hits of its profiles in
accessible regions are labelled bound where their centre lies in a peak of the factor, and ranked by
what the model attributes to them: DeepLIFT and Input x Gradient, on tokens and on one-hot. The
target is the mean predicted signal over the accessible region. Beside them stand the motif's own
relative score and the predicted signal of the region, which know nothing of attribution.

References
----------
The paper, figures 3c and 7; labels as Hu et al., Nature 2025.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder, write_parquet
from precompute.attribution.engine import WindowExplainer
from precompute.attribution.hits import MotifFinder, run_finder, run_seed
from precompute.attribution.motif_shares import feature_shares, hit_shares
from precompute.attribution.opening import assignment_of, opened_model
from precompute.attribution.ranking_quality import quality
from precompute.context import Progress, derived_seed
from precompute.errors import RegionError, StageError

FOLDER = "tf_benchmark"
METHODS = ("deeplift", "input_x_gradient")
ACCESSIBLE = "DNase-seq"

#: Fewer bound or unbound hits than this say nothing.
MIN_HITS = 5
_MARGIN_BP = 64


class Benchmark(NamedTuple):
    """``table``: one row per factor and score; ``sites``: one row per hit with every score."""

    table: pd.DataFrame
    sites: pd.DataFrame


def candidate_sites(
    run: RunFolder, finder: MotifFinder, codes: Callable[[str], NDArray[np.uint8]],
    starts: dict[str, int], tfs: Sequence[str],
) -> pd.DataFrame:
    """Hits of the factors' profiles in accessible regions, labelled.

    Columns: tf, profile_id, feature, strand, chrom, start, end, motif_score (relative, 0-1),
    bound, region (number of the accessible region), region_start, region_end.
    """
    peaks, features = run.table("peaks"), run.table("features")
    wanted = {name.upper(): name for name in tfs}
    of_feature = features["tf"].str.upper().map(wanted)
    regions = merged(peaks[peaks["target"] == ACCESSIBLE])
    parts = []
    for number, region in enumerate(regions.itertuples(index=False)):
        offset, sequence = starts[region.chrom], codes(region.chrom)
        low, high = max(region.start - offset, 0), min(region.end - offset, len(sequence))
        if high <= low:
            continue
        hits = finder.find(sequence[low:high])
        hits = hits.take(of_feature.iloc[hits.feature].notna().to_numpy())
        parts.append(pd.DataFrame({
            "tf": of_feature.iloc[hits.feature].to_numpy(),
            "profile_id": features["profile_id"].to_numpy()[hits.feature],
            "feature": hits.feature, "strand": features["strand"].to_numpy()[hits.feature],
            "chrom": region.chrom, "start": hits.start + low + offset,
            "end": hits.end + low + offset, "motif_score": hits.relative, "region": number,
            "region_start": region.start, "region_end": region.end,
        }))
    sites = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if sites.empty:
        raise StageError(
            f"no accessible region ({ACCESSIBLE} peaks) holds a motif hit of {', '.join(tfs)}; "
            "give other factors"
        )
    sites["bound"] = _bound(sites, peaks)
    return sites


def merged(peaks: pd.DataFrame) -> pd.DataFrame:
    """Union of intervals as sorted, disjoint ones: chrom, start, end."""
    parts = []
    for chrom, here in peaks.sort_values(["chrom", "start"]).groupby("chrom", sort=True):
        start, end = here["start"].to_numpy(), np.maximum.accumulate(here["end"].to_numpy())
        first = np.concatenate([[True], start[1:] > end[:-1]])
        last = np.append(np.flatnonzero(first)[1:] - 1, len(end) - 1)
        parts.append(pd.DataFrame({"chrom": chrom, "start": start[first], "end": end[last]}))
    if not parts:
        raise StageError(
            f"the run has no {ACCESSIBLE} peaks, which say where chromatin is accessible; add "
            "them to annotation.peaks"
        )
    return pd.concat(parts, ignore_index=True)


def _bound(sites: pd.DataFrame, peaks: pd.DataFrame) -> NDArray[np.bool_]:
    centre = (sites["start"] + sites["end"]) // 2
    out = np.zeros(len(sites), dtype=bool)
    for (tf, chrom), here in sites.groupby(["tf", "chrom"]):
        mine = peaks[(peaks["target"] == tf) & (peaks["chrom"] == chrom)]
        at = centre.loc[here.index].to_numpy()
        begun = np.searchsorted(np.sort(mine["start"].to_numpy()), at, side="right")
        ended = np.searchsorted(np.sort(mine["end"].to_numpy()), at, side="right")
        out[here.index] = begun > ended
    return out


def _score_model(
    run: RunFolder, name: str, track: str | None, sites: pd.DataFrame, seed: int,
    report: Callable[[], None],
) -> tuple[dict[str, NDArray[np.float64]], str]:
    """A model's attribution of each hit by both methods and its prediction for the region."""
    model, source = opened_model(run, name)
    explainer = WindowExplainer(model, source, track, seed)
    assignment = assignment_of(run, model)
    scores = {f"{method}_{name}": np.full(len(sites), np.nan) for method in METHODS}
    scores[f"predicted_{name}"] = np.full(len(sites), np.nan)
    for (chrom, start, end), here in sites.groupby(["chrom", "region_start", "region_end"]):
        edges = source.edges(chrom)
        low, high = max(int(edges[0]), start - _MARGIN_BP), min(int(edges[-1]), end + _MARGIN_BP)
        for method in METHODS:
            baseline = "background" if method == "deeplift" else "zero"
            try:
                found = explainer.explain(chrom, low, high, method, baseline, (start, end))
            except RegionError:
                continue  # too long or mostly N: no score, and the hits count for no method
            scores[f"{method}_{name}"][here.index] = _of_hits(explainer, found, here, assignment)
            scores[f"predicted_{name}"][here.index] = found.prediction
        report()
    return scores, explainer.track


def _of_hits(explainer, found, here, assignment):  # type: ignore[no-untyped-def]
    first = int(found.edges[0])
    start, end = here["start"].to_numpy(), here["end"].to_numpy()
    if found.rows is None:
        total = np.concatenate([[0.0], np.cumsum(found.per_base())])
        return total[end - first] - total[start - first]
    store = explainer.source.store
    lo, _ = store.bin_range(found.chrom, first, first + 1)
    occupancy = store.feature_values(found.chrom, lo, lo + found.rows.n_rows)
    shares = feature_shares(found.rows, occupancy, assignment)
    return hit_shares(
        shares, occupancy, found.edges, store.widths, here["feature"].to_numpy(), start, end
    )


def known_factors(run: RunFolder) -> list[str]:
    """Factors with ChIP-seq peaks and a profile of their own name, either case; sorted."""
    targets = set(run.table("peaks", ["target"])["target"].unique())
    profiles = set(run.table("profiles", ["tf"])["tf"].str.upper())
    return sorted(name for name in targets if name.upper() in profiles)


def _factors(run: RunFolder, asked: Sequence[str] | None) -> list[str]:
    known = known_factors(run)
    if not known:
        raise StageError(
            "the run has no ChIP-seq peaks of a factor that has a motif profile; add peak sets to "
            "annotation.peaks"
        )
    for name in asked or []:
        if name not in known:
            raise StageError(
                f"the run has no ChIP-seq peaks with a motif profile for {name!r}; it has "
                f"{', '.join(known)}"
            )
    return list(asked or known)


def benchmark(
    run: RunFolder, tfs: Sequence[str] | None = None,
    models: Sequence[str] = ("tokens", "onehot"), track: str | None = None,
    progress: Progress | None = None,
) -> Benchmark:
    """Score every hit and summarise per factor.

    Parameters
    ----------
    run : run folder with peaks and models
    tfs : factors; all that have peaks and a profile by default
    models : names of the models, see :func:`precompute.attribution.opening.opened_model`
    track : explained track; each model's first by default

    Raises
    ------
    StageError
        When a factor has no peaks or profile, or there is nothing accessible.
    """
    chosen, seed = _factors(run, tfs), run_seed(run)
    finder = run_finder(run)
    sequence = run.group("sequence")
    chroms = list(run.group("bins").attrs["chroms"])
    codes = {chrom: sequence[f"{chrom}/codes"][:] for chrom in chroms}
    starts = {chrom: int(sequence[chrom].attrs["start"]) for chrom in chroms}
    sites = candidate_sites(run, finder, codes.__getitem__, starts, chosen)
    total = len(models) * sites["region"].nunique()
    done = 0

    def report() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, "explaining accessible regions")

    tracks = []
    for name in models:
        scores, explained = _score_model(run, name, track, sites, seed, report)
        sites = sites.assign(**scores)
        tracks.append(explained)
    columns = ["motif_score", *(c for c in sites if c.startswith(("predicted_", *METHODS)))]
    table = summarise(sites, chosen, columns, seed)
    table["track"] = ", ".join(dict.fromkeys(tracks))
    return Benchmark(table, sites.drop(columns=["feature"]))


def summarise(
    sites: pd.DataFrame, tfs: Sequence[str], columns: Sequence[str], seed: int
) -> pd.DataFrame:
    """One row per factor and score; ``note`` says why there is no number."""
    rows = []
    for tf in tfs:
        here = sites[sites["tf"] == tf].dropna(subset=list(columns))
        bound = here["bound"].to_numpy(bool)
        n_bound = int(bound.sum())
        about = {"tf": tf, "n_hits": len(here), "n_bound": n_bound,
                 "n_regions": int(here["region"].nunique())}
        too_few = min(n_bound, len(here) - n_bound) < MIN_HITS
        note = (
            f"{n_bound} bound and {len(here) - n_bound} other hits in accessible "
            f"regions, at least {MIN_HITS} of each are needed" if too_few else ""
        )
        for column in columns:
            row: dict[str, Any] = {**about, "score": column, "note": note}
            if not too_few:
                rng = np.random.default_rng(derived_seed(seed, "tf_benchmark", f"{tf}/{column}"))
                values, region = here[column].to_numpy(), here["region"].to_numpy()
                row.update(quality(values, bound, region, rng)._asdict())
            rows.append(row)
    names = ["auc", "auc_low", "auc_high", "aupr", "aupr_low", "aupr_high"]
    frame = pd.DataFrame(rows)
    return frame.reindex(columns=["tf", "score", "n_hits", "n_bound", "n_regions", *names, "note"])


def medians(table: pd.DataFrame) -> str:
    """Median areas over the factors, one line per score."""
    scored = table.dropna(subset=["auc"])
    rows = scored.groupby("score", sort=False).agg(
        factors=("tf", "size"), median_auc=("auc", "median"), median_aupr=("aupr", "median")
    )
    return str(rows.round(3).to_string()) if len(rows) else "no factor has hits enough"


def write_benchmark(run: RunFolder, found: Benchmark) -> Path:
    """Write both tables as Parquet and CSV into the run; the old ones are replaced as a whole."""
    final = run.root / FOLDER
    holder = Path(tempfile.mkdtemp(prefix=f".{FOLDER}.", suffix=".tmp", dir=run.root))
    try:
        fresh = holder / FOLDER
        fresh.mkdir()
        for name, frame in (("benchmark", found.table), ("sites", found.sites)):
            write_parquet(fresh / f"{name}.parquet", frame, f"motiflens.tf_{name}", 1)
            frame.to_csv(fresh / f"{name}.csv", index=False)
        if final.exists():
            final.rename(holder / "old")
        fresh.rename(final)
    finally:
        shutil.rmtree(holder, ignore_errors=True)
    return final
