"""DeepLIFT of a whole run: per motif cluster on tokens, per base on one-hot sequence.

The run is explained tile by tile: the target is the predicted signal summed over the tile's
positions, and each tile is read with one receptive field of context on either side. Multipliers
add up over targets, and the baseline is the same at every position, so the sum of the tiles'
contributions to an input is its contribution to the summed prediction of the whole region,
however the region is tiled.

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
from precompute.context import Facts, StageContext
from precompute.errors import StageError
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


class Tile(NamedTuple):
    """Target positions ``[lo, hi)`` and the positions ``[first, last)`` read for them."""

    lo: int
    hi: int
    first: int
    last: int

    @property
    def target(self) -> tuple[int, int]:
        """The target within what is read."""
        return self.lo - self.first, self.hi - self.first


def tiles(n: int, size: int, halo: int) -> list[Tile]:
    """Tiles of ``size`` target positions over ``[0, n)``, read with ``halo`` more on each side."""
    return [
        Tile(lo, hi, max(0, lo - halo), min(n, hi + halo)) for lo, hi in windows(n, size)
    ]


class Overlap:
    """Adds up runs of values that overlap the run before; gives out what no later run touches."""

    def __init__(self) -> None:
        self._start = 0
        self._waiting = np.zeros(0)

    def add(self, start: int, values: NDArray[np.float64], upto: int) -> NDArray[np.float64]:
        """Add ``values`` at ``start``; return the sums before position ``upto``."""
        stop = max(start + len(values), self._start + len(self._waiting))
        total = np.zeros(stop - self._start)
        total[: len(self._waiting)] = self._waiting
        at = start - self._start
        total[at : at + len(values)] += values
        done = upto - self._start
        self._start, self._waiting = upto, total[done:]
        return total[:done]


class _Numbers(NamedTuple):
    """What is kept of a tile."""

    prediction: float
    baseline_prediction: float
    error: float


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


def _write_tiles(group: zarr.Group, todo: list[Tile], found: list[_Numbers]) -> None:
    edges = np.array([0, *(tile.hi for tile in todo)], dtype=np.int64)
    group.create_array("tile_edges", data=edges)
    columns = ("tile_prediction", "tile_baseline", "tile_error")
    for name, values in zip(columns, np.array(found, dtype=np.float64).T, strict=True):
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
    }
    work = Work(run.root.resolve(), encoding, number, np.asarray(baseline, np.float64).tobytes())
    # The run may have been made anew under the same path since.
    _open_once.cache_clear()
    return _Prepared(work, _open(work), about)


def _facts(about: dict[str, Any], errors: list[float]) -> Facts:
    return {
        "track": about["track"], "baseline": about["baseline"], "tiles": len(errors),
        "completeness_error": max(errors),
    }


def run_tokens(context: StageContext) -> Facts:
    """Attribute the token model: artefact ``attributions_tokens``."""
    work, opened, about = _prepare(context, "tokens")
    store, errors = opened.source.store, []
    summed = np.zeros(store.n_clusters)
    total, before = sum(store.n_bins(c) for c in store.chroms), 0
    with context.run.writing_group("attributions_tokens", **about) as group:
        for chrom in store.chroms:

            def report(n: int, before: int = before, chrom: str = chrom) -> None:
                context.progress(before + n, total, chrom)

            child = group.create_group(chrom)
            found = _tokens_of(context, work, child, summed, report)
            errors += [numbers.error for numbers in found]
            before += store.n_bins(chrom)
        group.attrs["mean_abs"] = (summed / total).tolist()
    return _facts(about, errors)


def _tokens_of(
    context: StageContext, work: Work, group: zarr.Group, summed: NDArray[np.float64],
    report: Callable[[int], None],
) -> list[_Numbers]:
    """Write one chromosome's group; adds each cluster's absolute contributions to ``summed``."""
    chrom, (explainer, source) = group.basename, _open(work)
    todo = tiles(
        source.n_positions(chrom), context.config.attributions.tile_bins, explainer.reach.outputs
    )
    arrays = {
        name: _Growing(group, name, dtype)
        for name, dtype in (
            ("indptr", np.int64), ("indices", np.uint16), ("values", np.float32),
            ("absent", np.float32),
        )
    }
    arrays["indptr"].append(np.zeros(1, np.int64))
    present, absent, numbers = Overlap(), Overlap(), []
    nnz = done = 0
    function = partial(_tile_tokens, work, chrom)
    for tile, upto, (rows, found) in _explained(context.execution, function, todo, report):
        ready = rows.rows(done - tile.first, upto - tile.first)
        # Non-zeros are counted from the chromosome's first: those of bin ``done`` start at nnz.
        start = nnz - int(rows.indptr[done - tile.first])
        values = present.add(start, found.values, nnz + len(ready.indices))
        arrays["values"].append(values)
        arrays["indices"].append(ready.indices)
        arrays["indptr"].append(nnz + ready.indptr[1:])
        arrays["absent"].append(absent.add(tile.first, found.absent, upto))
        summed += np.bincount(ready.indices, np.abs(values), len(summed))
        nnz, done = nnz + len(ready.indices), upto
        numbers.append(_Numbers(found.prediction, found.baseline_prediction, found.error))
    for array in arrays.values():
        array.close()
    _write_tiles(group, todo, numbers)
    return numbers


def run_onehot(context: StageContext) -> Facts:
    """Attribute the one-hot model: artefact ``attributions_onehot``."""
    work, (_, source), about = _prepare(context, "onehot")
    chroms, errors = source.store.chroms, []
    total, before = sum(source.n_positions(c) for c in chroms), 0
    with context.run.writing_group("attributions_onehot", **about) as group:
        for chrom in chroms:

            def report(n: int, before: int = before, chrom: str = chrom) -> None:
                context.progress(before + n, total, chrom)

            found = _bases_of(context, work, group.create_group(chrom), report)
            errors += [numbers.error for numbers in found]
            before += source.n_positions(chrom)
    return _facts(about, errors)


def _bases_of(
    context: StageContext, work: Work, group: zarr.Group, report: Callable[[int], None],
) -> list[_Numbers]:
    chrom, (explainer, source) = group.basename, _open(work)
    n = source.n_positions(chrom)
    todo = tiles(n, context.config.attributions.tile_bins, explainer.reach.outputs)
    array, overlap, numbers = _Growing(group, "values", np.float32), Overlap(), []
    function, length = partial(_tile_bases, work, chrom), source.n_bp(chrom)
    for tile, upto, (values, found) in _explained(context.execution, function, todo, report):
        start, stop = tile.first * CELL_BP, upto * CELL_BP
        done = overlap.add(start, values, stop)
        # The last cell may reach beyond the sequence.
        array.append(done[: len(done) - max(0, stop - length)])
        numbers.append(found)
    array.close()
    _write_tiles(group, todo, numbers)
    return numbers
