"""DeepLIFT (rescale rule) of the predicted signal, per motif cluster and per base.

The networks are flat sequences of layers, so the multipliers are propagated by hand: transposed
through linear layers, times difference-out over difference-in at each non-linearity, and to the
arg-max positions of input and baseline at a max-pool. No hooks, no change of mode.

Multipliers add up over targets. With a baseline that is the same at every position, an input's
contribution to the summed prediction therefore does not depend on how the sequence is tiled: each
tile is computed with two receptive fields of context, and its target is every output that the
tile's inputs can reach.

References
----------
Shrikumar et al., DeepLIFT, arXiv:1704.02685; the paper, section on attributions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.models.dataset import CELL_BP, Source, Window
from precompute.models.store import TrainedModel, features_digest, load_model

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

_TINY = 1e-9
_MIN_BACKGROUND = 1000

TARGET = (
    "sum of the model's output (target units: square root of signal over its training mean) over "
    "the tile and one receptive field on either side"
)


@dataclass(frozen=True)
class Attribution:
    """DeepLIFT of one window.

    Attributes
    ----------
    values : float64 (channels, length), contribution of each input
    prediction, baseline_prediction : the target for the input and for the baseline
    error : |sum of values - (prediction - baseline)| / max(1, |prediction - baseline|)
    """

    values: NDArray[np.float64]
    prediction: float
    baseline_prediction: float
    error: float


def _forward(network: nn.Sequential, x: Tensor) -> list[Tensor]:
    """Input of every layer, and the output last."""
    values = [x]
    for layer in network:
        values.append(layer(values[-1]))
    return values


def _through_linear(layer: nn.Module, m: Tensor) -> Tensor:
    import torch.nn.functional as F
    from torch import nn

    from precompute.models.architectures import Scale

    if isinstance(layer, Scale):
        return m * layer.scale[:, None]
    if isinstance(layer, nn.BatchNorm1d):
        gain = layer.weight / (layer.running_var + layer.eps).sqrt()  # type: ignore[operator]
        return m * gain[:, None]
    if isinstance(layer, nn.Conv1d):
        return F.conv_transpose1d(m, layer.weight, padding=layer.padding[0])
    raise StageError(
        f"DeepLIFT has no rule for {type(layer).__name__}; build the network from Scale, Conv1d, "
        "BatchNorm1d, ReLU, Softplus and MaxPool1d"
    )


def _through_elementwise(
    layer: nn.Module, m: Tensor, x: Tensor, b: Tensor, y: Tensor, c: Tensor
) -> Tensor:
    """Rescale rule; where the inputs agree, the derivative at the input."""
    import torch
    from torch import nn

    delta = x - b
    same = delta.abs() < _TINY
    slope = (x > 0).to(x.dtype) if isinstance(layer, nn.ReLU) else torch.sigmoid(x)
    return m * torch.where(same, slope, (y - c) / torch.where(same, torch.ones_like(delta), delta))


def _through_pool(m: Tensor, x: Tensor, b: Tensor, y: Tensor, c: Tensor) -> Tensor:
    """Max-pool by 2: a rise of the maximum belongs to the input's arg-max, a fall to the
    baseline's, so each contribution has the sign of its own difference."""
    import torch

    def pairs(t: Tensor) -> Tensor:
        return t[..., : t.shape[-1] // 2 * 2].unflatten(-1, (-1, 2))

    px, pb = pairs(x), pairs(b)
    delta = px - pb
    rise = torch.clamp(y - c, min=0)[..., None]
    fall = torch.clamp(y - c, max=0)[..., None]
    at_x = torch.zeros_like(px).scatter_(-1, px.argmax(-1, keepdim=True), 1.0)
    at_b = torch.zeros_like(pb).scatter_(-1, pb.argmax(-1, keepdim=True), 1.0)
    share = at_x * rise + at_b * fall
    same = delta.abs() < _TINY
    ratio = torch.where(same, at_x, share / torch.where(same, torch.ones_like(delta), delta))
    out = torch.zeros_like(x)
    out[..., : ratio.shape[-2] * 2] = (m[..., None] * ratio).flatten(-2)
    return out


def multipliers(
    network: nn.Sequential, xs: list[Tensor], bs: list[Tensor], seed: Tensor
) -> Tensor:
    """Multipliers of the inputs for the target ``(output * seed).sum()``.

    Parameters
    ----------
    network : in evaluation mode
    xs, bs : :func:`_forward` of the input and of the baseline
    seed : weight of every output, shape of the output
    """
    from torch import nn

    m = seed
    for number in range(len(network) - 1, -1, -1):
        layer = network[number]
        around = (xs[number], bs[number], xs[number + 1], bs[number + 1])
        if isinstance(layer, nn.ReLU | nn.Softplus):
            m = _through_elementwise(layer, m, *around)
        elif isinstance(layer, nn.MaxPool1d):
            m = _through_pool(m, *around)
        else:
            m = _through_linear(layer, m)
    return m


class Explainer:
    """DeepLIFT of one track of a model against a baseline that is the same at every position.

    Parameters
    ----------
    model : trained model; its network is copied to float64
    baseline : float (channels,), input values of the baseline at every position
    track : index of the explained track
    """

    def __init__(self, model: TrainedModel, baseline: NDArray[np.floating], track: int) -> None:
        import copy

        import torch

        self.network = copy.deepcopy(model.network).double().eval()
        self._baseline = torch.from_numpy(np.asarray(baseline, dtype=np.float64))
        self._track = track
        # The baseline's layer values depend on the window's length alone.
        self._cache: dict[int, list[Tensor]] = {}

    def _baseline_values(self, length: int) -> list[Tensor]:
        if length not in self._cache:
            if len(self._cache) > 3:
                self._cache.clear()
            b = self._baseline[None, :, None].expand(1, -1, length).contiguous()
            self._cache[length] = _forward(self.network, b)
        return self._cache[length]

    def explain(
        self, x: NDArray[np.floating], target: tuple[int, int] | None = None
    ) -> Attribution:
        """Attribution of the output summed over positions ``target`` (all by default).

        Parameters
        ----------
        x : float (channels, length), unscaled network input
        target : half-open range of output positions
        """
        import torch

        with torch.no_grad():
            tensor = torch.from_numpy(np.asarray(x, dtype=np.float64))[None]
            xs = _forward(self.network, tensor)
            bs = self._baseline_values(x.shape[1])
            seed = torch.zeros_like(xs[-1])
            lo, hi = target or (0, xs[-1].shape[-1])
            seed[:, self._track, lo:hi] = 1.0
            m = multipliers(self.network, xs, bs, seed)
            values = (m * (tensor - bs[0]))[0].numpy()
            prediction = float((xs[-1] * seed).sum())
            base = float((bs[-1] * seed).sum())
        gap = prediction - base
        error = abs(float(values.sum()) - gap) / max(1.0, abs(gap))
        return Attribution(values, prediction, base, error)


def background_baseline(
    source: Source, peaks: pd.DataFrame, mode: str, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Mean input per position over windows without a peak of any set; float64 (channels,).

    ``mode`` 'zero' gives zeros instead.

    Raises
    ------
    StageError
        When peaks leave too little background.
    """
    n_channels = source.store.n_clusters if source.encoding == "tokens" else 4
    if mode == "zero":
        return np.zeros(n_channels)
    length = 200
    free: list[Window] = []
    for chrom in source.store.chroms:
        edges = source.edges(chrom)
        here = peaks[peaks["chrom"] == chrom]
        busy = np.zeros(len(edges), dtype=np.int64)
        first = np.searchsorted(edges, here["start"].to_numpy(), side="right") - 1
        last = np.searchsorted(edges, here["end"].to_numpy(), side="left")
        np.add.at(busy, np.clip(first, 0, len(edges) - 1), 1)
        np.add.at(busy, np.clip(last, 0, len(edges) - 1), -1)
        taken = np.concatenate([[0], np.cumsum(np.cumsum(busy)[:-1] > 0)])
        for lo in range(0, len(edges) - 1 - length, length):
            window = Window(chrom, lo, lo + length)
            if taken[lo + length] == taken[lo] and source.unknown_share(window) == 0:
                free.append(window)
    if len(free) * length < _MIN_BACKGROUND:
        raise StageError(
            f"only {len(free)} background windows hold no peak; set attributions.baseline: zero "
            "or give fewer peak sets"
        )
    chosen = rng.permutation(len(free))[:200]
    total = np.zeros(n_channels)
    for number in np.sort(chosen):
        total += source.inputs(free[number]).sum(axis=1, dtype=np.float64)
    steps = length * (1 if source.encoding == "tokens" else CELL_BP)
    return total / (len(chosen) * steps)


def attribute_tiles(
    explainer: Explainer,
    source: Source,
    chrom: str,
    tile: int,
    consume: Callable[[int, int, NDArray[np.float64], Attribution], None],
    progress: Callable[[int], None] | None = None,
) -> None:
    """Attribute a chromosome tile by tile.

    ``consume(lo, hi, values, attribution)`` gets the values of the inputs of positions
    ``[lo, hi)``, and the attribution of the whole window that they were cut from.
    """
    from precompute.models.architectures import reach

    halo = reach(explainer.network).outputs
    step = 1 if source.encoding == "tokens" else CELL_BP
    n = source.n_positions(chrom)
    for lo in range(0, n, tile):
        hi = min(lo + tile, n)
        first, last = max(0, lo - 2 * halo), min(n, hi + 2 * halo)
        target = (max(0, lo - halo) - first, min(n, hi + halo) - first)
        found = explainer.explain(source.inputs(Window(chrom, first, last)), target)
        consume(lo, hi, found.values[:, (lo - first) * step : (hi - first) * step], found)
        if progress is not None:
            progress(hi)


def _prepare(context: StageContext, encoding: str) -> tuple[Explainer, Source, dict[str, Any]]:
    import torch

    torch.set_num_threads(context.config.run.workers)
    run, config = context.run, context.config.attributions
    model = load_model(run.folder(f"model_{encoding}"), features_digest(run))
    track = config.track or model.tracks[0]
    if track not in model.tracks:
        raise StageError(
            f"attributions.track is {track!r}, the model predicts {', '.join(model.tracks)}; "
            "choose one of them"
        )
    source = Source(run, encoding, model.tracks)
    baseline = background_baseline(
        source, run.table("peaks"), config.baseline, context.rng("background")
    )
    explainer = Explainer(model, baseline, model.tracks.index(track))
    about = {"track": track, "baseline": config.baseline, "target": TARGET}
    return explainer, source, about


class _Tile(NamedTuple):
    """What is kept of a tile's attribution: keeping its values would hold them all in memory."""

    prediction: float
    baseline_prediction: float
    error: float

    @classmethod
    def of(cls, found: Attribution) -> _Tile:
        return cls(found.prediction, found.baseline_prediction, found.error)


def _write_tiles(group: Any, n: int, tile: int, found: list[_Tile]) -> None:
    edges = np.append(np.arange(0, n, tile), n).astype(np.int64)
    group.create_array("tile_edges", data=edges)
    for name, values in (
        ("tile_prediction", [a.prediction for a in found]),
        ("tile_baseline", [a.baseline_prediction for a in found]),
        ("tile_error", [a.error for a in found]),
    ):
        group.create_array(name, data=np.array(values, dtype=np.float64))


def run_tokens(context: StageContext) -> Facts:
    """Attribute the token model: artefact ``attributions_tokens``."""
    explainer, source, about = _prepare(context, "tokens")
    tile, store = context.config.attributions.tile_bins, source.store
    worst, summed = 0.0, np.zeros(store.n_clusters)
    total, before = sum(store.n_bins(c) for c in store.chroms), 0
    with context.run.writing_group("attributions_tokens", chroms=store.chroms, **about) as group:
        for chrom in store.chroms:
            indptr, indices, data, absent, found = [np.zeros(1, np.int64)], [], [], [], []

            def consume(
                lo: int, hi: int, values: NDArray, whole: Attribution, chrom: str = chrom,
                indptr: list = indptr, indices: list = indices, data: list = data,
                absent: list = absent, found: list = found,
            ) -> None:
                present = store.cluster_values(chrom, lo, hi)
                row = np.repeat(np.arange(hi - lo), np.diff(present.indptr))
                kept = values[present.indices, row]
                indptr.append(indptr[-1][-1] + present.indptr[1:].astype(np.int64))
                indices.append(present.indices.astype(np.uint16))
                data.append(kept.astype(np.float32))
                absent.append(values.sum(axis=0) - np.bincount(row, kept, hi - lo))
                summed[:] += np.bincount(present.indices, np.abs(kept), store.n_clusters)
                found.append(_Tile.of(whole))

            def report(n: int, before: int = before, chrom: str = chrom) -> None:
                context.progress(before + n, total, chrom)

            attribute_tiles(explainer, source, chrom, tile, consume, report)
            before += store.n_bins(chrom)
            child = group.create_group(chrom)
            for name, parts, dtype in (
                ("indptr", indptr, np.int64), ("indices", indices, np.uint16),
                ("values", data, np.float32), ("absent", absent, np.float32),
            ):
                array = np.concatenate(parts).astype(dtype)
                child.create_array(name, data=array, chunks=(1 << 18,))
            _write_tiles(child, store.n_bins(chrom), tile, found)
            worst = max(worst, *(a.error for a in found))
        group.attrs["mean_abs"] = (summed / total).tolist()
    return {"track": about["track"], "baseline": about["baseline"], "completeness_error": worst}


def run_onehot(context: StageContext) -> Facts:
    """Attribute the one-hot model: artefact ``attributions_onehot``."""
    explainer, source, about = _prepare(context, "onehot")
    tile, worst = context.config.attributions.tile_bins, 0.0
    chroms = source.store.chroms
    total, before = sum(source.n_positions(c) for c in chroms), 0
    with context.run.writing_group("attributions_onehot", chroms=chroms, **about) as group:
        for chrom in chroms:
            n = source.n_positions(chrom)
            values = np.zeros(len(source.codes(chrom)), dtype=np.float32)
            found: list[_Tile] = []

            def consume(
                lo: int, hi: int, part: NDArray, whole: Attribution,
                values: NDArray = values, found: list = found,
            ) -> None:
                values[lo * CELL_BP : hi * CELL_BP] = part.sum(axis=0)
                found.append(_Tile.of(whole))

            def report(done: int, before: int = before, chrom: str = chrom) -> None:
                context.progress(before + done, total, chrom)

            attribute_tiles(explainer, source, chrom, tile, consume, report)
            before += n
            child = group.create_group(chrom)
            child.create_array("values", data=values, chunks=(1 << 18,))
            _write_tiles(child, n, tile, found)
            worst = max(worst, *(a.error for a in found))
    return {"track": about["track"], "baseline": about["baseline"], "completeness_error": worst}
