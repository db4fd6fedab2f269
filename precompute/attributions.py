"""DeepLIFT of a run or around its peaks: per motif cluster on tokens, per base on one-hot sequence.

The run is explained tile by tile: the target is the predicted signal summed over the tile's
positions, and each tile is read with one receptive field of context on either side (see
:mod:`precompute.attribution.tiling`). With ``attributions.peaks`` only what lies around peaks is
explained, and the rest is NaN.

References
----------
Shrikumar et al., DeepLIFT, arXiv:1704.02685; the paper, section on attributions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.attribution.background import background_baseline
from precompute.attribution.tiling import Overlap, Stretch, Tile, stretches
from precompute.context import Facts, StageContext
from precompute.errors import ConfigError, StageError
from precompute.models.dataset import CELL_BP, Source, Window
from precompute.models.sparse import SparseRows
from precompute.models.store import TrainedModel, load_own_model
from precompute.streaming import windows

if TYPE_CHECKING:
    import zarr

    from precompute.execution import Execution
    from precompute.models.deeplift import Attribution, Explainer, SparseAttribution

_CHUNK = 1 << 18

Found = TypeVar("Found")


def explain(
    model: TrainedModel, x: NDArray[np.floating], baseline: NDArray[np.floating], track: int = 0
) -> Attribution:
    """DeepLIFT of one window: what each input adds to the predicted signal summed over it.

    Parameters
    ----------
    model : trained model; it is left as it is
    x : float (channels, length), clusters x bins or 4 x bases, as the model takes it
    baseline : float (channels,), the baseline at every position, or (channels, length)
    track : index into ``model.tracks``

    Returns
    -------
    Attribution with ``values`` (channels, length) in the track's unit, ``prediction``,
    ``baseline_prediction`` and the completeness ``error``
    """
    from precompute.models.deeplift import Explainer

    return Explainer(model, baseline, track).dense(x)


# -- tiles -----------------------------------------------------------------------------------


class _Numbers(NamedTuple):
    """What is kept of a tile."""

    prediction: float
    baseline_prediction: float
    error: float


#: Of tiles that nobody asked for.
_LEFT_OUT = _Numbers(np.nan, np.nan, np.nan)


def _explained(
    execution: Execution, function: Callable[[Tile], Found], todo: list[Tile],
    report: Callable[[int], None],
) -> Iterator[tuple[Tile, int, Found]]:
    """Tiles in order, the position before which their values are final, and what was found."""
    for number, (tile, found) in enumerate(execution.in_order(function, todo)):
        upto = todo[number + 1].first if number + 1 < len(todo) else tile.last
        yield tile, upto, found
        report(tile.hi)


class _Growing:
    """A one-dimensional Zarr array that is written from front to back."""

    def __init__(self, group: zarr.Group, name: str, dtype: type) -> None:
        self._array = group.create_array(name, shape=(0,), dtype=dtype, chunks=(_CHUNK,))
        self._parts: list[NDArray] = []
        self._length = 0

    def append(self, values: NDArray) -> None:
        """Add values at the end; whole chunks are written at once."""
        self._parts.append(values.astype(self._array.dtype))
        self._length += len(values)
        if self._length >= 4 * _CHUNK:
            self._write(self._length // _CHUNK * _CHUNK)

    def _write(self, upto: int) -> None:
        values = np.concatenate(self._parts) if self._parts else np.zeros(0, self._array.dtype)
        if upto:
            start = self._array.shape[0]
            self._array.resize((start + upto,))
            self._array[start : start + upto] = values[:upto]
        self._parts, self._length = [values[upto:]], len(values) - upto

    def close(self) -> None:
        """Write what is left."""
        self._write(self._length)


class _Tiles:
    """What is said of the tiles of a chromosome; NaN of a stretch that is left out."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._found: list[_Numbers] = []

    def add(self, end: int, found: _Numbers = _LEFT_OUT) -> None:
        """A tile that ends at position ``end``."""
        self._ends.append(end)
        self._found.append(found)

    @property
    def explained(self) -> list[_Numbers]:
        """Of the tiles that were explained."""
        return [found for found in self._found if found is not _LEFT_OUT]

    def write(self, group: zarr.Group) -> None:
        """Write edges and numbers."""
        group.create_array("tile_edges", data=np.array([0, *self._ends], dtype=np.int64))
        columns = ("tile_prediction", "tile_baseline", "tile_error")
        for name, values in zip(columns, np.array(self._found, np.float64).T, strict=True):
            group.create_array(name, data=np.ascontiguousarray(values))


# -- stages ----------------------------------------------------------------------------------


class Work(NamedTuple):
    """What a tile is explained with: small, so that it travels to a worker of a cluster.

    ``baseline`` is float64 (channels,) as bytes.
    """

    root: Path
    encoding: str
    track: int
    baseline: bytes


class _Opened(NamedTuple):
    explainer: Explainer
    source: Source


class _Prepared(NamedTuple):
    work: Work
    opened: _Opened
    about: dict[str, Any]


_lock = threading.Lock()


def _open(work: Work) -> _Opened:
    """The explainer and its inputs, opened once in each process."""
    with _lock:
        return _open_once(work)


@lru_cache(maxsize=1)
def _open_once(work: Work) -> _Opened:
    import torch

    from precompute.models.deeplift import Explainer

    # Tiles are explained side by side, each on one thread.
    torch.set_num_threads(1)
    run = RunFolder(work.root)
    model = load_own_model(run, work.encoding)
    baseline = np.frombuffer(work.baseline).copy()
    return _Opened(
        Explainer(model, baseline, work.track), Source(run, work.encoding, model.tracks)
    )


def _tile_tokens(work: Work, chrom: str, tile: Tile) -> tuple[SparseRows, SparseAttribution]:
    explainer, source = _open(work)
    rows = source.rows(Window(chrom, tile.first, tile.last))
    return rows, explainer.tokens(rows, tile.target)


def _tile_bases(work: Work, chrom: str, tile: Tile) -> tuple[NDArray[np.float64], _Numbers]:
    explainer, source = _open(work)
    found = explainer.dense(source.onehot(Window(chrom, tile.first, tile.last)), tile.target)
    # Only what is kept travels: one value a base.
    numbers = _Numbers(found.prediction, found.baseline_prediction, found.error)
    return found.values.sum(axis=0), numbers


def _prepare(context: StageContext, encoding: str) -> _Prepared:
    run, config = context.run, context.config.attributions
    model = load_own_model(run, encoding)
    track = config.track or model.tracks[0]
    if track not in model.tracks:
        raise StageError(
            f"attributions.track is {track!r}, the model predicts {', '.join(model.tracks)}; "
            "choose one of them"
        )
    source, number = Source(run, encoding, model.tracks), model.tracks.index(track)
    if config.baseline == "zero":
        baseline = np.zeros(source.n_channels)
    else:
        peaks = run.table("peaks")
        baseline = background_baseline(source, peaks, number, context.rng("background"))
    positions = "bins" if encoding == "tokens" else "16-bp cells"
    unit = run.group("signal").attrs["tracks"][track]["unit"]
    about = {
        "track": track,
        "baseline": config.baseline,
        "target": f"predicted signal ({unit}) summed over the {positions} of the tile",
        "chroms": source.store.chroms,
        **({"peaks": config.peaks, "flank_bp": config.flank_bp} if config.peaks else {}),
    }
    work = Work(run.root.resolve(), encoding, number, np.asarray(baseline, np.float64).tobytes())
    # The run may have been made anew under the same path since.
    _open_once.cache_clear()
    return _Prepared(work, _open(work), about)


def intervals(
    context: StageContext, source: Source, chrom: str
) -> NDArray[np.int64] | None:
    """Positions of a chromosome that are explained, int64 (k, 2); None is all of them.

    Raises
    ------
    ConfigError
        When the annotation has no such peaks.
    """
    config = context.config.attributions
    if not config.peaks:
        return None
    table = context.run.table("peaks", ["target", "set", "chrom", "start", "end"])
    known = set(table["target"]) | set(table["set"])
    for name in config.peaks:
        if name not in known:
            shown = sorted(set(table["target"]))
            raise ConfigError(
                f"attributions.peaks names {name!r}, and the annotation's peaks are "
                f"{', '.join(shown[:8]) or 'none'}{' ...' if len(shown) > 8 else ''}; name some "
                "of them, or leave it empty to explain the whole run"
            )
    named = table["target"].isin(config.peaks) | table["set"].isin(config.peaks)
    here = table[named & (table["chrom"] == chrom)]
    edges = source.edges(chrom)
    lo = np.searchsorted(edges, here["start"].to_numpy() - config.flank_bp, side="right") - 1
    hi = np.searchsorted(edges, here["end"].to_numpy() + config.flank_bp, side="left")
    return np.stack([lo, hi], axis=1).astype(np.int64)


def _facts(about: dict[str, Any], found: list[_Numbers], share: float) -> Facts:
    errors = [numbers.error for numbers in found]
    facts: Facts = {
        "track": about["track"], "baseline": about["baseline"], "tiles": len(errors),
        "completeness_error": max(errors, default=0.0),
    }
    return facts | ({"explained_share": share} if "peaks" in about else {})


def run_tokens(context: StageContext) -> Facts:
    """Attribute the token model: artefact ``attributions_tokens``."""
    work, opened, about = _prepare(context, "tokens")
    source, store = opened.source, opened.source.store
    found: list[_Numbers] = []
    summed = np.zeros(store.n_clusters)
    total, before, explained = sum(store.n_bins(c) for c in store.chroms), 0, 0
    with context.run.writing_group("attributions_tokens", **about) as group:
        for chrom in store.chroms:
            parts = stretches(store.n_bins(chrom), intervals(context, source, chrom))
            report = partial(_report, context, before, total, chrom)
            tiles_of = _tokens_of(context, work, parts, group.create_group(chrom), summed, report)
            found += tiles_of.explained
            before += store.n_bins(chrom)
            explained += sum(part.hi - part.lo for part in parts if part.is_explained)
        group.attrs["mean_abs"] = (summed / max(1, explained)).tolist()
    return _facts(about, found, explained / total)


def _report(context: StageContext, before: int, total: int, chrom: str, done: int) -> None:
    context.progress(before + done, total, chrom)


def _tokens_of(
    context: StageContext, work: Work, parts: list[Stretch], group: zarr.Group,
    summed: NDArray[np.float64], report: Callable[[int], None],
) -> _Tiles:
    """Write one chromosome's group; adds each cluster's absolute contributions to ``summed``."""
    chrom, (explainer, source) = group.basename, _open(work)
    size = context.config.attributions.tile_bins
    rows_out, numbers = _TokenRows(group), _Tiles()
    for part in parts:
        if not part.is_explained:
            for lo, hi in windows(part.hi - part.lo, size):
                rows = source.rows(Window(chrom, part.lo + lo, part.lo + hi))
                missing = np.full(len(rows.indices), np.nan), np.full(rows.n_rows, np.nan)
                rows_out.append(rows, *missing)
                report(part.lo + hi)
            numbers.add(part.hi)
            continue
        todo = part.tiles(source.n_positions(chrom), size, explainer.reach.outputs)
        done, nnz = todo[0].first, 0
        present, absent = Overlap(), Overlap(done)
        function = partial(_tile_tokens, work, chrom)
        for tile, upto, (rows, found) in _explained(context.execution, function, todo, report):
            ready = rows.rows(done - tile.first, upto - tile.first)
            # Non-zeros are counted from the stretch's first row: those of ``done`` start at nnz.
            start = nnz - int(rows.indptr[done - tile.first])
            values = present.add(start, found.values, nnz + len(ready.indices))
            beside = absent.add(tile.first, found.absent, upto)
            lo, hi = (min(max(at, done), upto) - done for at in (part.lo, part.hi))
            kept = ready.rows(lo, hi)
            values = values[int(ready.indptr[lo]) : int(ready.indptr[hi])]
            rows_out.append(kept, values, beside[lo:hi])
            summed += np.bincount(kept.indices, np.abs(values), len(summed))
            nnz, done = nnz + len(ready.indices), upto
            _note(numbers, part, tile, found)
    rows_out.close()
    numbers.write(group)
    return numbers


def _note(numbers: _Tiles, part: Stretch, tile: Tile, found: Any) -> None:
    """Note a tile of a stretch; tiles that lie wholly beside it are there for others' sake."""
    if tile.lo < part.hi and tile.hi > part.lo:
        said = _Numbers(found.prediction, found.baseline_prediction, found.error)
        numbers.add(min(tile.hi, part.hi), said)


class _TokenRows:
    """Contributions of one chromosome, bin after bin."""

    def __init__(self, group: zarr.Group) -> None:
        self._arrays = {
            name: _Growing(group, name, dtype)
            for name, dtype in (
                ("indptr", np.int64), ("indices", np.uint16), ("values", np.float32),
                ("absent", np.float32),
            )
        }
        self._nnz = 0
        self._arrays["indptr"].append(np.zeros(1, np.int64))

    def append(
        self, rows: SparseRows, values: NDArray[np.float64], absent: NDArray[np.float64]
    ) -> None:
        """Add bins: what they hold, its contributions, and those of what they do not hold."""
        self._arrays["values"].append(values)
        self._arrays["indices"].append(rows.indices)
        self._arrays["indptr"].append(self._nnz + rows.indptr[1:])
        self._arrays["absent"].append(absent)
        self._nnz += len(rows.indices)

    def close(self) -> None:
        """Write what is left."""
        for array in self._arrays.values():
            array.close()


def run_onehot(context: StageContext) -> Facts:
    """Attribute the one-hot model: artefact ``attributions_onehot``."""
    work, (_, source), about = _prepare(context, "onehot")
    chroms = source.store.chroms
    found: list[_Numbers] = []
    total, before, explained = sum(source.n_positions(c) for c in chroms), 0, 0
    with context.run.writing_group("attributions_onehot", **about) as group:
        for chrom in chroms:
            parts = stretches(source.n_positions(chrom), intervals(context, source, chrom))
            report = partial(_report, context, before, total, chrom)
            found += _bases_of(context, work, parts, group.create_group(chrom), report).explained
            before += source.n_positions(chrom)
            explained += sum(part.hi - part.lo for part in parts if part.is_explained)
    return _facts(about, found, explained / total)


def _bases_of(
    context: StageContext, work: Work, parts: list[Stretch], group: zarr.Group,
    report: Callable[[int], None],
) -> _Tiles:
    chrom, (explainer, source) = group.basename, _open(work)
    n, size = source.n_positions(chrom), context.config.attributions.tile_bins
    # The last cell may reach beyond the sequence.
    length = source.n_bp(chrom)
    array, numbers = _Growing(group, "values", np.float32), _Tiles()
    for part in parts:
        if not part.is_explained:
            for lo, hi in windows(min(part.hi * CELL_BP, length) - part.lo * CELL_BP, _CHUNK):
                array.append(np.full(hi - lo, np.nan))
            numbers.add(part.hi)
            report(part.hi)
            continue
        todo = part.tiles(n, size, explainer.reach.outputs)
        done = todo[0].first
        overlap, function = Overlap(done * CELL_BP), partial(_tile_bases, work, chrom)
        for tile, upto, (values, found) in _explained(context.execution, function, todo, report):
            ready = overlap.add(tile.first * CELL_BP, values, upto * CELL_BP)
            lo, hi = (min(max(at, done), upto) * CELL_BP for at in (part.lo, part.hi))
            array.append(ready[lo - done * CELL_BP : min(hi, length) - done * CELL_BP])
            done = upto
            _note(numbers, part, tile, found)
    array.close()
    numbers.write(group)
    return numbers
