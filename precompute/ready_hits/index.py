"""The index of ready motif hits: made once from their files, then read by window.

It holds every hit as a feature and a start, 4 bytes, in tiles along the chromosome, so a
window is one stretch of two arrays. Hits that leave the run's region or touch an unknown base are
left out, as the scanner never finds them. A sample of the hits is scored on the sequence: hits of
another assembly, or with starts that count from 1, do not score what their file says.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config_inputs import HitsConfig
from precompute.context import Facts, StageContext
from precompute.errors import ChromosomeError, InputError
from precompute.inputs.aliases import find, read_aliases, resolve
from precompute.motifs import Profile, load_profiles
from precompute.ready_hits.files import (
    HitBatch,
    Named,
    bigbed_chroms,
    check_bigbed,
    read_bigbed,
    read_tsv,
    tsv_files,
)
from precompute.ready_hits.fit import SAMPLE, Fit, check_fit, fit_of
from precompute.ready_hits.stored import TILE_BP, TileWriter
from precompute.streaming import windows

_BLOCK_TILES = 16
# The entries of a bigBed pass through Python, at about 4 a base.
_BIGBED_TILES = 4


class Place(NamedTuple):
    """A stretch of the run: ``length`` is the whole chromosome's, bp."""

    chrom: str
    start: int
    end: int
    length: int


class Job(NamedTuple):
    """What a worker needs; it can be sent to another process."""

    root: Path
    scratch: Path
    hits: HitsConfig
    assembly: str
    aliases: Path | None
    places: tuple[Place, ...]
    named: Named


class Parsed(NamedTuple):
    """What became of a profile's file."""

    bounds: list[int]
    names: dict[str, set[str]]
    other_names: set[str]
    below: int
    fit: Fit


class Block(NamedTuple):
    """Hits of some tiles: how many in each, their features and starts within the tile."""

    per_tile: NDArray[np.int64]
    feature: NDArray[np.uint16]
    offset: NDArray[np.uint16]
    dropped: int
    below: int = 0


def _passes(batch: HitBatch, hits: HitsConfig) -> NDArray[np.bool_]:
    keep = np.ones(len(batch.start), dtype=bool)
    if hits.min_relative_score_x1000 is not None:
        keep &= batch.relative >= hits.min_relative_score_x1000
    if hits.min_minus_log10_p_x100 is not None:
        keep &= batch.log_p >= hits.min_minus_log10_p_x100
    return keep


# -- a folder of TSVs: each profile's starts, sorted, as an array in the scratch folder -----------


def _parse(job: Job, item: tuple[int, Path, Profile]) -> Parsed:
    """Write the starts of a profile's hits, by chromosome and strand, to the scratch folder."""
    number, path, profile = item
    table = read_aliases(job.aliases)
    parts: list[list[NDArray[np.int32]]] = [[] for _ in range(2 * len(job.places))]
    chroms = [place.chrom for place in job.places]
    called: dict[str, int] = {}
    names: dict[str, set[str]] = {}
    below = 0
    fit = Fit()
    for batch in read_tsv(path, number, job.named):
        for name in batch.chrom_names:
            if name not in called:
                found = find(name, chroms, job.assembly, table, str(path))
                called[name] = -1 if found is None else chroms.index(found)
                if found is not None:
                    names.setdefault(found, set()).add(name)
        place_of = np.array([called[name] for name in batch.chrom_names])[batch.chrom]
        keep = _passes(batch, job.hits)
        below += int((~keep & (place_of >= 0)).sum())
        for k, place in enumerate(job.places):
            here = keep & (place_of == k)
            if not here.any():
                continue
            _check_ends(batch.start[here], profile.width, place, path)
            for strand in (0, 1):
                chosen = here & (batch.is_minus == bool(strand))
                parts[2 * k + strand].append(batch.start[chosen].astype(np.int32))
            if fit.checked == 0:
                fit = _fit_here(job, place, [profile], batch, here)
    arrays = [_sorted_once(part) for part in parts]
    np.save(job.scratch / f"{number}.npy", np.concatenate(arrays))
    bounds = np.concatenate([[0], np.cumsum([len(a) for a in arrays])]).tolist()
    others = {name for name, k in called.items() if k < 0}
    return Parsed(bounds, names, others, below, fit)


def _sorted_once(parts: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Rising starts without repeats; a sort in place, as a profile can have millions."""
    starts = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    starts.sort()
    return starts[np.append(True, starts[1:] != starts[:-1])] if len(starts) else starts


def _check_ends(start: NDArray[np.int64], width: int, place: Place, path: Path) -> None:
    last = int(start.max()) + width
    if last > place.length or int(start.min()) < 0:
        raise InputError(
            f"{path} has a hit that ends at {last:,} on {place.chrom}, which has {place.length:,} "
            "bp in the FASTA; give hits of the same assembly"
        )


def _fit_here(
    job: Job, place: Place, profiles: list[Profile], batch: HitBatch, chosen: NDArray[np.bool_]
) -> Fit:
    """Score the first hits of a batch that lie close together in the place."""
    margin = max(profile.width for profile in profiles)
    inside = chosen & (batch.start > place.start) & (batch.start + margin <= place.end)
    at = np.flatnonzero(inside)
    if len(at) == 0:
        return Fit()
    first = int(batch.start[at].min())
    at = at[batch.start[at] < first + (1 << 18)][: SAMPLE * len(profiles)]
    codes = RunFolder(job.root).group("sequence")[f"{place.chrom}/codes"]
    lo = first - 1 - place.start
    view = codes[lo : int(batch.start[at].max()) - place.start + margin]
    shift = lo + place.start
    fit = Fit()
    for number, profile in enumerate(profiles):
        rows = at[batch.profile[at] == number] if len(profiles) > 1 else at
        rows = rows[:SAMPLE]
        if len(rows):
            fit += fit_of(
                profile, view, batch.start[rows] - shift, batch.is_minus[rows],
                batch.relative[rows], batch.log_p[rows],
            )
    return fit


@lru_cache(maxsize=1)
def _scratch_arrays(scratch: Path, n: int) -> tuple[NDArray[np.int64], list[NDArray[np.int32]]]:
    """Bounds of each chromosome and strand, and the profiles' arrays, mapped."""
    arrays = [np.load(scratch / f"{number}.npy", mmap_mode="r") for number in range(n)]
    return np.load(scratch / "bounds.npy"), arrays


def _tsv_block(job: Job, item: tuple[int, int, int]) -> Block:
    """Hits of the tiles in ``[lo, hi)`` of a place, from the scratch folder."""
    k, lo, hi = item
    bounds, arrays = _scratch_arrays(job.scratch, len(job.named.ids))
    features, starts = [], []
    for number, array in enumerate(arrays):
        for strand in (0, 1):
            a, b = bounds[number, 2 * k + strand : 2 * k + strand + 2]
            first, last = np.searchsorted(array[a:b], (lo, hi))
            if first < last:
                starts.append(array[a + first : a + last])
                features.append(np.full(last - first, 2 * number + strand, dtype=np.uint16))
    feature = np.concatenate(features) if features else np.empty(0, dtype=np.uint16)
    start = np.concatenate(starts).astype(np.int64) if starts else np.empty(0, dtype=np.int64)
    return _tiled(job, job.places[k], lo, hi, feature, start)


# -- a bigBed: tiles straight from the file -------------------------------------------------------


def _bigbed_block(job: Job, their_names: tuple[str, ...], item: tuple[int, int, int]) -> Block:
    """Hits of the tiles in ``[lo, hi)`` of a place, from the bigBed."""
    k, lo, hi = item
    batch = _read_bigbed(job, their_names[k], lo, hi)
    keep = _passes(batch, job.hits)
    feature = (2 * batch.profile + batch.is_minus)[keep].astype(np.uint16)
    start = batch.start[keep]
    order = np.lexsort((start, feature))
    block = _tiled(job, job.places[k], lo, hi, feature[order], start[order])
    return block._replace(below=int((~keep).sum()))


def _read_bigbed(job: Job, name: str, lo: int, hi: int) -> HitBatch:
    return read_bigbed(_source(job.hits), name, lo, hi, job.named, job.hits.ignore_unknown)


def _bigbed_fit(job: Job, profiles: list[Profile], their_names: tuple[str, ...]) -> Fit:
    """Score hits of the first stretches that have any."""
    fit = Fit()
    for k, lo, hi in _blocks(job.places, _BIGBED_TILES):
        batch = _read_bigbed(job, their_names[k], lo, hi)
        fit += _fit_here(job, job.places[k], profiles, batch, _passes(batch, job.hits))
        if fit.checked >= SAMPLE * 4:
            break
    return fit


# -- the index -----------------------------------------------------------------------------------


def _source(hits: HitsConfig) -> Path:
    path = hits.folder or hits.bigbed
    if path is None:
        raise InputError("give either motifs.hits.folder or motifs.hits.bigbed")
    return path


def _blocks(places: tuple[Place, ...], tiles: int) -> Iterator[tuple[int, int, int]]:
    """(number of the place, start, end) of stretches of whole tiles, in order."""
    for k, place in enumerate(places):
        first = place.start // TILE_BP * TILE_BP
        end = -(-place.end // TILE_BP) * TILE_BP
        for lo, hi in windows(end - first, tiles * TILE_BP):
            yield k, first + lo, first + hi


def _tiled(
    job: Job, place: Place, lo: int, hi: int, feature: NDArray[np.uint16],
    start: NDArray[np.int64],
) -> Block:
    """Hits of ``[lo, hi)`` by tile; ``feature`` rises, and ``start`` within it."""
    widths = np.asarray(job.named.widths, dtype=np.int64)
    end = start + widths[feature >> 1]
    touching = (start < place.end) & (end > place.start)
    keep = (start >= place.start) & (end <= place.end)
    keep[1:] &= (feature[1:] != feature[:-1]) | (start[1:] != start[:-1])
    base = max(lo, place.start)
    codes = RunFolder(job.root).group("sequence")[f"{place.chrom}/codes"]
    view = codes[base - place.start : hi + int(widths.max()) - place.start]
    unknown = np.concatenate([[0], np.cumsum(view > 3)])
    at = np.flatnonzero(keep)
    keep[at] = unknown[end[at] - base] == unknown[start[at] - base]
    tile, offset = np.divmod(start[keep] - lo, TILE_BP)
    order = np.argsort(tile, kind="stable")
    return Block(
        np.bincount(tile, minlength=(hi - lo) // TILE_BP),
        feature[keep][order],
        offset[order].astype(np.uint16),
        int((touching & ~keep).sum()),
    )


def run(context: StageContext) -> Facts:
    """Write the artefact ``hits``; it is empty where the run scans."""
    hits = context.config.motifs.hits
    if hits is None:
        with context.run.writing_group("hits", chroms=[], source="scan"):
            return {"source": "scan"}
    profiles = load_profiles(context.config.motifs)
    scratch = Path(tempfile.mkdtemp(prefix=".hits.", suffix=".tmp", dir=context.run.root))
    try:
        return _index(context, _job(context, hits, profiles, scratch.resolve()), profiles)
    finally:
        _scratch_arrays.cache_clear()
        shutil.rmtree(scratch, ignore_errors=True)


def _job(
    context: StageContext, hits: HitsConfig, profiles: list[Profile], scratch: Path
) -> Job:
    sequence = context.run.group("sequence")
    places = tuple(
        Place(chrom, *(int(sequence[chrom].attrs[key]) for key in ("start", "end", "length")))
        for chrom in sequence.attrs["chroms"]
    )
    named = Named(
        tuple(p.profile_id for p in profiles),
        tuple(p.tf for p in profiles),
        tuple(p.width for p in profiles),
    )
    genome = context.config.genome
    return Job(
        context.run.root.resolve(), scratch, hits, genome.assembly, genome.aliases, places, named
    )


def _index(context: StageContext, job: Job, profiles: list[Profile]) -> Facts:
    source = str(_source(job.hits))
    total = sum(place.end - place.start for place in job.places)
    below = before = 0
    worker: Callable[[tuple[int, int, int]], Block]
    if job.hits.folder is not None:
        below, fit = _parse_folder(context, job, profiles)
        before = total
        worker, tiles = partial(_tsv_block, job), _BLOCK_TILES
    else:
        check_bigbed(_source(job.hits))
        chroms = bigbed_chroms(_source(job.hits))
        table = read_aliases(job.aliases)
        theirs = tuple(
            resolve(p.chrom, chroms, job.assembly, table, source) for p in job.places
        )
        fit = _bigbed_fit(job, profiles, theirs)
        worker, tiles = partial(_bigbed_block, job, theirs), _BIGBED_TILES
    check_fit(fit, source, job.assembly)
    blocks = context.execution.in_order(worker, _blocks(job.places, tiles))
    per_profile = np.zeros(len(profiles), dtype=np.int64)
    dropped = done = 0
    chroms_here = [place.chrom for place in job.places]
    with context.run.writing_group(
        "hits", chroms=chroms_here, source="folder" if job.hits.folder else "bigbed"
    ) as group:
        writer: TileWriter | None = None
        for (k, lo, hi), block in blocks:
            if writer is None or writer.chrom != job.places[k].chrom:
                if writer is not None:
                    writer.close()
                writer = TileWriter(group, job.places[k].chrom, job.places[k].start)
            writer.append(block.per_tile, block.feature, block.offset)
            per_profile += np.bincount(block.feature >> 1, minlength=len(profiles))
            dropped, below = dropped + block.dropped, below + block.below
            done += min(hi, job.places[k].end) - max(lo, job.places[k].start)
            context.progress(before + done, before + total, f"{job.places[k].chrom}: indexing hits")
        if writer is not None:
            writer.close()
        if not per_profile.any():
            raise InputError(
                f"{source} has no hit in the run's regions that passes motifs.hits; lower the "
                "threshold or correct genome.regions"
            )
    return {
        "source": source,
        "hits": int(per_profile.sum()),
        "hits_per_bp": float(per_profile.sum() / total),
        "hits_below_threshold": below,
        "hits_at_unknown_or_edge": dropped,
        "profiles_without_hits": int((per_profile == 0).sum()),
        "sampled_hits": fit.checked,
        "sampled_hits_that_fit": fit.agree,
    }


def _parse_folder(
    context: StageContext, job: Job, profiles: list[Profile]
) -> tuple[int, Fit]:
    """Parse every profile's file into the scratch folder."""
    folder = _source(job.hits)
    files = tsv_files(folder, job.named.ids, job.hits.ignore_unknown)
    items = [(n, path, p) for n, (path, p) in enumerate(zip(files, profiles, strict=True))]
    bounds, below, fit = [], 0, Fit()
    names: dict[str, set[str]] = {}
    others: set[str] = set()
    for (number, _, profile), parsed in context.execution.in_order(partial(_parse, job), items):
        bounds.append(parsed.bounds)
        below, fit = below + parsed.below, fit + parsed.fit
        others |= parsed.other_names
        for chrom, theirs in parsed.names.items():
            names.setdefault(chrom, set()).update(theirs)
        context.progress(number + 1, 2 * len(items), f"reading the hits of {profile.tf}")
    for place in job.places:
        found = sorted(names.get(place.chrom, ()))
        if len(found) > 1:
            raise ChromosomeError(
                f"{folder} calls {place.chrom} {' and '.join(found)}; use one name in every file"
            )
        if not found:
            table = read_aliases(job.aliases)
            resolve(place.chrom, sorted(others), job.assembly, table, str(folder))
    np.save(job.scratch / "bounds.npy", np.array(bounds, dtype=np.int64))
    return below, fit
