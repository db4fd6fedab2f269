"""Motif calls: hits whose attribution stands out from background, as BED.

What the attribution of a hit is: :mod:`precompute.attribution.hit_blocks`; where background is and
when a hit is called: :mod:`precompute.attribution.call_thresholds`. Hits inside accessible peaks
are tested: of all hits of a genome so few act that no threshold keeps the false discovery rate low.
The run is explained block by block; hits that may be called wait in a file, not in memory.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.attribution.call_thresholds import LEVELS, ProfileNull, q_values
from precompute.attribution.factor_hits import merged
from precompute.attribution.hit_blocks import HitScorer, Stretch, inside
from precompute.context import Progress
from precompute.errors import RegionError, RunFolderError, StageError
from precompute.export_tables import appearing
from precompute.streaming import in_order
from precompute.tf_families import factor_name

_REGION = re.compile(r"(?P<chrom>[^:]+)(?::(?P<start>[\d,]{1,15})-(?P<end>[\d,]{1,15}))?")
_ROWS = 1 << 16
#: With fewer background hits a profile hardly reaches a small p-value; the header counts them.
_FEW = 1_000
#: Instead of peaks: every hit is tested.
EVERYWHERE = "all"
#: Colours of BED's itemRgb: hits that raise the prediction, and hits that lower it.
_COLORS = {False: "0,114,178", True: "213,94,0"}
#: What waits of a hit that may be called.
_WAITING = {
    "chrom": np.int32, "start": np.int64, "end": np.int64, "feature": np.int32,
    "relative": np.float32, "value": np.float32, "level": np.int16,
}


@dataclass(frozen=True)
class Calls:
    """What was written.

    Attributes
    ----------
    n_tested, n_called : hits
    n_background, background_bp : hits and bases behind the thresholds
    skipped_bp : bases in blocks that are mostly N
    unit : of the attributions
    """

    n_tested: int
    n_called: int
    n_background: int
    background_bp: int
    skipped_bp: int
    unit: str


# -- the export ------------------------------------------------------------------------------


def export_motif_calls(
    root: str | Path, target: str | Path, model: str = "tokens", regions: Sequence[str] = (),
    within: str = "DNase-seq", track: str | None = None, fdr: float = 0.05,
    lowering: bool = False, background_bp: int = 2_000_000, force: bool = False,
    workers: int = 2, progress: Progress | None = None,
) -> Calls:
    """Write the motif calls of a run as BED (BED9 with attribution and q-value), sorted.

    Parameters
    ----------
    root : run folder
    target : file to write, ``.bed``; whole or not at all
    model : name of a model that can be used with the run
    regions : 'chr20:0-1000000' (0-based, half-open) or 'chr20'; the whole run by default
    within : target of the peaks whose hits are tested, or ``EVERYWHERE``
    track : explained track; the model's first by default
    fdr : false discovery rate of the calls, over the tested hits
    lowering : call hits that lower the prediction instead of those that raise it
    background_bp : bases of background windows that thresholds are estimated from
    workers : threads; they change no number

    Raises
    ------
    RunFolderError
        When the file cannot be written or exists.
    ArtefactError, StageError, RegionError
        When there is no such run, model, track, background, peaks or region.
    """
    import torch

    target = Path(target)
    _check_target(target, force)
    if not 0 < fdr < 1:
        raise StageError(f"the false discovery rate is {fdr:g}; give a number between 0 and 1")
    torch.set_num_threads(1)  # blocks are explained side by side
    run = RunFolder(root)
    scorer = HitScorer(run, model, track)
    wanted = _in_peaks(run, _stretches(scorer, regions), within)
    sign = -1.0 if lowering else 1.0
    report = progress or (lambda done, total, note: None)
    null, free = _null(
        scorer, background_bp, sign, workers, lambda d, t, n: report(d * 0.3, t, n)
    )
    with appearing(target) as temporary, tempfile.TemporaryDirectory(
        prefix=f".{target.name}.", suffix=".tmp", dir=target.parent
    ) as folder:
        waiting = Path(folder) / "hits.parquet"
        counts, skipped = _pass(
            scorer, wanted, null, sign, fdr, waiting, workers,
            lambda d, t, n: report(0.3 * t + 0.7 * d, t, n),
        )
        n_tested = int(counts.sum())
        q = q_values(counts, n_tested)
        found = Calls(
            n_tested, int(counts[q <= fdr].sum()), int(null.sizes.sum()),
            sum(s.end - s.start for s in free), skipped, scorer.unit,
        )
        with temporary.open("w", encoding="utf-8", newline="\n") as handle:
            tested = "everywhere" if within == EVERYWHERE else f"inside {within} peaks"
            handle.writelines(_header(scorer, found, null, fdr, lowering, tested))
            for frame in _called(waiting, scorer, q, fdr, lowering):
                frame.to_csv(handle, sep="\t", header=False, index=False, lineterminator="\n")
    return found


def _check_target(target: Path, force: bool) -> None:
    if target.suffix != ".bed":
        raise RunFolderError(
            f"motif calls are written as .bed, got {target.name!r}; name the file so"
        )
    if target.exists() and not force:
        raise RunFolderError(
            f"{target} exists already; give another name, or --force to replace it"
        )


def read_stretch(text: str, spans: dict[str, Stretch]) -> Stretch:
    """A region within the run: 'chr20:0-1000000' (0-based, half-open) or 'chr20'.

    Raises
    ------
    RegionError
        When it cannot be read or is not inside the run.
    """
    match = _REGION.fullmatch(text.strip())
    if match is None:
        raise RegionError(
            f"the region {text!r} cannot be read; write it as chr20:0-1000000 (0-based, half-open) "
            "or chr20 for all of it"
        )
    span = spans.get(match["chrom"])
    if span is None:
        raise RegionError(
            f"this run has no chromosome {match['chrom']!r}, it has {', '.join(spans)}; choose one "
            "of them"
        )
    if match["start"] is None:
        return span
    start, end = (int(match[key].replace(",", "")) for key in ("start", "end"))
    if not span.start <= start < end <= span.end:
        raise RegionError(
            f"the region {text!r} is empty, reversed or not inside the run, which has "
            f"{span.chrom}:{span.start:,}-{span.end:,}; choose a region inside"
        )
    return Stretch(span.chrom, start, end)


def _stretches(scorer: HitScorer, texts: Sequence[str]) -> list[Stretch]:
    """The regions asked for, within the run, in the order of the run; all of it by default."""
    source = scorer.source
    spans = {
        chrom: Stretch(chrom, int(source.edges(chrom)[0]), int(source.edges(chrom)[-1]))
        for chrom in source.store.chroms
    }
    if not texts:
        return list(spans.values())
    asked = [read_stretch(text, spans) for text in texts]
    order = {chrom: number for number, chrom in enumerate(spans)}
    asked.sort(key=lambda s: (order[s.chrom], s.start))
    return [
        Stretch(chrom, int(start), int(end))
        for name in dict.fromkeys(s.chrom for s in asked)
        for chrom, start, end in merged(pd.DataFrame(
            [s for s in asked if s.chrom == name], columns=["chrom", "start", "end"],
        )).itertuples(index=False)
    ]


def _in_peaks(run: RunFolder, wanted: list[Stretch], within: str) -> list[Stretch]:
    """The parts of stretches that peaks cover; the stretches themselves for ``EVERYWHERE``."""
    if within == EVERYWHERE:
        return wanted
    peaks = run.table("peaks", ["target", "chrom", "start", "end"])
    mine = merged(peaks[peaks["target"] == within])
    if mine.empty:
        known = ", ".join(sorted(peaks["target"].unique())[:8]) or "none"
        raise StageError(
            f"the run has no {within!r} peaks (it has {known}); name the accessible ones, or "
            f"{EVERYWHERE!r} to test every hit"
        )
    found = []
    for chrom, start, end in wanted:
        here = mine[(mine["chrom"] == chrom) & (mine["end"] > start) & (mine["start"] < end)]
        low, high = here["start"].clip(lower=start), here["end"].clip(upper=end)
        found += [Stretch(chrom, int(a), int(b)) for a, b in zip(low, high, strict=True)]
    if not found:
        raise StageError(
            f"no {within} peak lies in the regions; choose other regions, or {EVERYWHERE!r} to "
            "test every hit"
        )
    return found


def _null(
    scorer: HitScorer, most_bp: int, sign: float, workers: int, report: Progress
) -> tuple[ProfileNull, list[Stretch]]:
    """Attributions of the hits in background windows, and where those are."""
    free = scorer.background(most_bp)
    blocks = scorer.blocks(free)
    profiles, values = [np.zeros(0, np.int16)], [np.zeros(0, np.float32)]
    for number, (block, found) in enumerate(in_order(scorer.score, blocks, workers), start=1):
        at = np.flatnonzero(inside(found.hits, block.chrom, free)[: len(found.value)])
        profiles.append((found.hits.feature[at] // 2).astype(np.int16))
        values.append((sign * found.value[at]).astype(np.float32))
        report(number, len(blocks), "background")
    n_profiles = len(scorer.finder.profiles)
    return ProfileNull(n_profiles, np.concatenate(profiles), np.concatenate(values)), free


def _pass(
    scorer: HitScorer, wanted: list[Stretch], null: ProfileNull, sign: float, fdr: float,
    waiting: Path, workers: int, report: Progress,
) -> tuple[NDArray[np.int64], int]:
    """Counts of tested hits by level; those that may be called are written to ``waiting``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.from_numpy_dtype(kind)) for name, kind in _WAITING.items()])
    blocks, counts, skipped = scorer.blocks(wanted), np.zeros(len(LEVELS), np.int64), 0
    numbers = {chrom: number for number, chrom in enumerate(scorer.source.store.chroms)}
    with pq.ParquetWriter(waiting, schema, compression="zstd") as writer:
        for number, (block, found) in enumerate(in_order(scorer.score, blocks, workers), start=1):
            skipped += found.skipped_bp
            at = np.flatnonzero(inside(found.hits, block.chrom, wanted))
            hits = found.hits.take(at)
            # Rounded as the null is, so that equal attributions stay equal.
            value = (sign * found.value[at]).astype(np.float32)
            levels = null.levels(hits.feature // 2, value)
            counts += np.bincount(levels, minlength=len(LEVELS))
            # A q-value is never below its p-value.
            kept = np.flatnonzero(LEVELS[levels] <= fdr)
            columns = {
                "chrom": np.full(len(kept), numbers[block.chrom]), "start": hits.start[kept],
                "end": hits.end[kept], "feature": hits.feature[kept],
                "relative": hits.relative[kept], "value": sign * value[kept],
                "level": levels[kept],
            }
            writer.write_table(pa.table(
                {name: column.astype(_WAITING[name]) for name, column in columns.items()},
                schema=schema,
            ))
            report(number, len(blocks), block.chrom)
    return counts, skipped


def _called(
    waiting: Path, scorer: HitScorer, q: NDArray[np.float64], fdr: float, lowering: bool
) -> Iterator[pd.DataFrame]:
    """Rows of the BED, by batches."""
    import pyarrow.parquet as pq

    features = scorer.run.table("features")
    names = (features["tf"].map(factor_name) + "_" + features["profile_id"]).to_numpy()
    strands = features["strand"].to_numpy()
    chroms = np.array(scorer.source.store.chroms)
    with pq.ParquetFile(waiting) as table:
        for batch in table.iter_batches(_ROWS):
            frame = batch.to_pandas()
            frame = frame[q[frame["level"]] <= fdr]
            if frame.empty:
                continue
            feature = frame["feature"].to_numpy()
            yield pd.DataFrame({
                "chrom": chroms[frame["chrom"]], "start": frame["start"], "end": frame["end"],
                "name": names[feature],
                "score": np.floor(1000 * frame["relative"] + 1e-6).astype(int),
                "strand": strands[feature], "thick_start": frame["start"],
                "thick_end": frame["end"], "color": _COLORS[lowering],
                "attribution": frame["value"].map("{:.4g}".format),
                "q_value": [f"{value:.3g}" for value in q[frame["level"]]],
            })


def _header(
    scorer: HitScorer, found: Calls, null: ProfileNull, fdr: float, lowering: bool, tested: str
) -> list[str]:
    few = int((null.sizes < _FEW).sum())
    says = (
        f"motiflens motif calls: model {scorer.name} ({scorer.source.encoding}), track "
        f"{scorer.explainer.track}, {scorer.method}, baseline {scorer.baseline}",
        f"attribution: what the hit adds to the predicted signal summed over bases, {found.unit}",
        f"called: attributions {'below' if lowering else 'above'} those of background hits of the "
        f"same profile at a false discovery rate of {fdr:g} (Benjamini-Hochberg over "
        f"{found.n_tested:,} hits {tested}); {found.n_called:,} calls",
        f"background: {found.n_background:,} hits in {found.background_bp:,} bp without a peak and "
        f"with at most the median signal; {few:,} of {len(null.sizes):,} profiles have fewer than "
        f"{_FEW} hits there",
        f"left out: {found.skipped_bp:,} bp in blocks that are mostly N",
        "score: 1,000 x relative motif score; coordinates 0-based, half-open",
    )
    columns = (
        "chrom", "start", "end", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb",
        "attribution", "q_value",
    )
    return [*(f"# {line}\n" for line in says), "#" + "\t".join(columns) + "\n"]
