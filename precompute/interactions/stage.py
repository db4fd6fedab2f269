"""The stage: which pairs of motif clusters interact in the token model, and where.

Only active windows are looked at: those with the highest observed signal of the explained track,
where there is something to lose. In each window the target is the mean predicted signal; what is
knocked out is a run of consecutive bins that hold a motif cluster, whose occupancy is set to 0.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.config import InteractionConfig
from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.interactions.contrast import contrast, summarize
from precompute.interactions.knockout import Taken, Target, predict_batch, target, without
from precompute.interactions.plan import NONE, Partial, Plan
from precompute.interactions.windows import (
    Occurrences,
    Site,
    choose_sites,
    occurrences,
    pairs_in_window,
    summits,
)
from precompute.manifest import hash_path
from precompute.models.dataset import CELL_BP, Source, Window
from precompute.models.predict import Predictor
from precompute.models.sparse import SparseRows
from precompute.models.store import load_own_model
from precompute.streaming import in_order, windows

#: Windows predicted at a time; a fixed number, so that no result depends on the machine.
_BATCH = 64
#: Batches after which the predictions so far are kept for a run that is stopped.
_KEPT_EVERY = 100

Pair = tuple[int, int]
SITE_COLUMNS = (
    "first", "second", "chrom", "start", "end", "first_start", "first_end", "second_start",
    "second_end", "distance_bp", "window_start", "window_end", "predicted", "without_first",
    "without_second", "without_both",
)
PAIR_COLUMNS = (
    "first", "second", "windows", "sites", "overlapping", "distance_bp", "change_first",
    "change_second", "change_both", "interaction", "interaction_low", "interaction_high",
    "p_value", "interaction_linear", "interaction_linear_low", "interaction_linear_high",
)


class ActiveWindow(NamedTuple):
    """One window: where it lies, its tokens and its target.

    Attributes
    ----------
    chrom, start, end : interval whose mean signal is the target, bp
    edges : int64 (n_rows + 1,), bp
    rows, target : tokens with context on either side, and what counts of them
    found : occurrences of all motif clusters whose centre lies in the interval
    centre_bp : float64, of each occurrence
    """

    chrom: str
    start: int
    end: int
    edges: NDArray[np.int64]
    rows: SparseRows
    target: Target
    found: Occurrences
    centre_bp: NDArray[np.float64]

    def place(self, number: int) -> tuple[int, int]:
        """Interval of an occurrence, bp."""
        return int(self.edges[self.found.lo[number]]), int(self.edges[self.found.hi[number]])


# -- where -----------------------------------------------------------------------------------


def active_intervals(
    source: Source, track: str, config: InteractionConfig
) -> list[tuple[str, int, int]]:
    """The intervals of the highest observed signal, along the run."""
    half = config.window_bp // 2
    cells = max(1, config.window_bp // CELL_BP)
    parts = []
    signal = source.run.group("signal")
    for number, chrom in enumerate(source.store.chroms):
        cell, height = summits(signal[f"{chrom}/{track}/grid"][:], cells)
        parts.append(np.stack([np.full(len(cell), number), cell, height], axis=1))
    table = np.concatenate(parts)
    order = np.lexsort((table[:, 1], table[:, 0], -table[:, 2]))[: config.windows]
    chosen = table[np.sort(order)]
    intervals = []
    for number, cell, _ in chosen.tolist():
        chrom = source.store.chroms[int(number)]
        low = source.start(chrom)
        centre = low + int(cell) * CELL_BP + CELL_BP // 2
        high = low + source.n_bp(chrom)
        intervals.append((chrom, max(low, centre - half), min(high, centre + half)))
    return intervals


def _bins(source: Source, interval: tuple[str, int, int]) -> tuple[int, int]:
    return source.store.bin_range(*interval)


def read_windows(
    source: Source, predictor: Predictor, intervals: list[tuple[str, int, int]],
    min_occupancy: float,
) -> list[ActiveWindow]:
    """Tokens of the intervals with what the network sees on either side.

    All have the same number of bins; an interval on a chromosome with fewer is left out.
    """
    if not intervals:
        return []
    if predictor.halo is None:
        length = predictor.window
    else:
        widest = max(hi - lo for lo, hi in (_bins(source, i) for i in intervals))
        length = widest + 2 * predictor.halo
    found = []
    for chrom, start, end in intervals:
        n = source.n_positions(chrom)
        if n < length:
            continue
        lo, hi = _bins(source, (chrom, start, end))
        first = min(max(0, (lo + hi - length) // 2), n - length)
        rows = source.rows(Window(chrom, first, first + length))
        edges = source.store.edges(chrom)[first : first + length + 1].astype(np.int64)
        every = occurrences(rows, min_occupancy)
        centre = (edges[every.lo] + edges[every.hi]) / 2
        kept = (centre >= start) & (centre < end)
        found.append(ActiveWindow(
            chrom, start, end, edges, rows.copy(), target(edges, start, end),
            Occurrences(*(part[kept] for part in every)), centre[kept],
        ))
    return found


# -- which -----------------------------------------------------------------------------------


def choose_clusters(
    active: list[ActiveWindow], mean_abs: NDArray[np.floating], config: InteractionConfig
) -> NDArray[np.int64]:
    """The clusters of the largest summed contribution that occur in enough windows, rising.

    The sum over the run is how often a cluster occurs times what it adds where it does.
    """
    in_windows = np.zeros(len(mean_abs), dtype=np.int64)
    for window in active:
        in_windows[np.unique(window.found.cluster)] += 1
    able = np.flatnonzero(in_windows >= config.min_sites)
    best = able[np.argsort(-mean_abs[able], kind="stable")][: config.clusters]
    return np.sort(best).astype(np.int64)


def choose_pairs(
    near: list[dict[Pair, list[Pair]]], mean_abs: NDArray[np.floating], config: InteractionConfig
) -> dict[Pair, int]:
    """Windows in which each chosen pair meets: the pairs of the largest number of windows times
    mean contribution (geometric mean of both clusters')."""
    counts = Counter(pair for pairs in near for pair in pairs)
    able = [pair for pair in sorted(counts) if counts[pair] >= config.min_sites]
    able.sort(key=lambda p: -counts[p] * float(mean_abs[p[0]] * mean_abs[p[1]]) ** 0.5)
    return {pair: counts[pair] for pair in sorted(able[: config.pairs])}


# -- how much --------------------------------------------------------------------------------


def _variant(active: list[ActiveWindow], variant: list[int]) -> tuple[SparseRows, Target]:
    window = active[variant[0]]
    taken = [
        Taken(int(window.found.cluster[k]), int(window.found.lo[k]), int(window.found.hi[k]))
        for k in variant[1:] if k != NONE
    ]
    return without(window.rows, taken), window.target


def predict_plan(
    plan: Plan, active: list[ActiveWindow], predictor: Predictor, track: int, partial: Partial,
    context: StageContext,
) -> NDArray[np.float64]:
    """Predicted mean signal of every variant of a plan, float64 (n,)."""
    n = len(plan.variants)
    values = np.empty(n)
    stored = partial.load()
    done = len(stored) if len(stored) <= n and len(stored) % _BATCH == 0 else 0
    values[:done] = stored[:done]

    def one(bounds: tuple[int, int]) -> NDArray[np.float64]:
        batch = [_variant(active, v) for v in plan.variants[slice(*bounds)].tolist()]
        rows, targets = zip(*batch, strict=True)
        return predict_batch(predictor, track, rows, targets)

    todo = [b for b in windows(n, _BATCH) if b[0] >= done]
    for number, ((lo, hi), y) in enumerate(in_order(one, todo, context.config.run.workers), 1):
        values[lo:hi] = y
        if number % _KEPT_EVERY == 0 and hi < n:
            partial.save(values[:hi])
        context.progress(hi, n, "knock-outs")
    return values


def site_table(
    pair: Pair, sites: list[Site], values: NDArray[np.float64], active: list[ActiveWindow]
) -> pd.DataFrame:
    """Rows of the artefact ``interaction_sites`` of one pair; ``values`` (n_sites, 4)."""
    rows = []
    for site, predictions in zip(sites, values.tolist(), strict=True):
        window = active[site.window]
        a, b = window.place(site.first), window.place(site.second)
        distance = abs(float(window.centre_bp[site.first] - window.centre_bp[site.second]))
        rows.append((
            *pair, window.chrom, min(a[0], b[0]), max(a[1], b[1]), *a, *b, distance, window.start,
            window.end, *predictions,
        ))
    return pd.DataFrame(rows, columns=list(SITE_COLUMNS))


def pair_row(
    table: pd.DataFrame, in_windows: int, pseudo_value: float, resamples: int,
    rng: np.random.Generator,
) -> tuple[Any, ...]:
    """Row of the artefact ``interactions`` without its q-value, of the sites of one pair."""
    whole, first, second, both = (table[c].to_numpy() for c in SITE_COLUMNS[-4:])
    changes = contrast(whole, first, second, both, pseudo_value)
    log2 = summarize(changes.log2, resamples, rng)
    linear = summarize(changes.linear, resamples, rng)
    overlap = (table["first_start"] < table["second_end"]) & (
        table["second_start"] < table["first_end"])
    return (
        int(table["first"].iloc[0]), int(table["second"].iloc[0]), in_windows, len(table),
        float(overlap.mean()), float(table["distance_bp"].median()), changes.first.mean(),
        changes.second.mean(), changes.both.mean(), log2.mean, log2.low, log2.high, log2.p_value,
        linear.mean, linear.low, linear.high,
    )


def _write(
    context: StageContext, sites: list[pd.DataFrame], pairs: list[tuple[Any, ...]]
) -> pd.DataFrame:
    from scipy.stats import false_discovery_control

    table = pd.DataFrame(pairs, columns=list(PAIR_COLUMNS))
    kinds = {"first": np.int32, "second": np.int32, "windows": np.int64, "sites": np.int64}
    table = table.astype({
        c: kinds.get(c, np.float64) for c in PAIR_COLUMNS
    })
    q = false_discovery_control(table["p_value"]) if len(table) else np.empty(0)
    table.insert(list(PAIR_COLUMNS).index("p_value") + 1, "q_value", q)
    empty = pd.DataFrame(columns=list(SITE_COLUMNS))
    whole = pd.concat(sites, ignore_index=True) if sites else empty
    floats = {"distance_bp", *SITE_COLUMNS[-4:]}
    whole = whole.astype({
        c: np.float64 if c in floats else str if c == "chrom" else
        np.int32 if c in kinds else np.int64 for c in SITE_COLUMNS
    })
    context.run.write_table("interaction_sites", whole)
    context.run.write_table("interactions", table)
    return table


def run(context: StageContext) -> Facts:
    """Write the artefacts ``interactions`` and ``interaction_sites``.

    Raises
    ------
    StageError
        When the model does not predict the explained track.
    """
    import torch

    # Batches run side by side, each on one thread.
    torch.set_num_threads(1)
    config = context.config.interactions
    model = load_own_model(context.run, "tokens")
    track = context.config.attributions.track or model.tracks[0]
    if track not in model.tracks:
        raise StageError(
            f"attributions.track is {track!r}, the model predicts {', '.join(model.tracks)}; "
            "choose one of them"
        )
    number = model.tracks.index(track)
    source, predictor = Source(context.run, "tokens", model.tracks), Predictor(model)
    mean_abs = np.array(context.run.group("attributions_tokens").attrs["mean_abs"])
    intervals = active_intervals(source, track, config)
    active = read_windows(source, predictor, intervals, config.min_occupancy)
    clusters = choose_clusters(active, mean_abs, config)
    gap = None if predictor.halo is None else 2 * predictor.halo
    near = [
        pairs_in_window(w.found, w.centre_bp, clusters, config.max_distance_bp, gap)
        for w in active
    ]
    pairs = choose_pairs(near, mean_abs, config)
    sites = {
        pair: choose_sites(near, pair, config.sites, context.rng(f"sites {pair}"))
        for pair in pairs
    }
    plan = Plan([site for chosen in sites.values() for site in chosen])
    pseudo_value = config.pseudo_share * model.scalings[number].mean
    partial = Partial(
        context.run.root / "effects" / "interactions.partial.npz",
        plan.fingerprint(hash_path(context.run.path("model_tokens")), track, repr(config)),
    )
    values = predict_plan(plan, active, predictor, number, partial, context)
    tables = {
        pair: site_table(pair, chosen, values[plan.numbers(chosen)], active)
        for pair, chosen in sites.items()
    }
    rows = [
        pair_row(tables[pair], n, pseudo_value, config.bootstrap, context.rng(f"means {pair}"))
        for pair, n in pairs.items()
    ]
    table = _write(context, list(tables.values()), rows)
    partial.remove()
    return {
        "track": track, "windows": len(active), "window_bp": config.window_bp,
        "max_distance_bp": config.max_distance_bp, "clusters": clusters.tolist(),
        "pairs": len(table), "sites": int(table["sites"].sum()), "predictions": len(values),
        "pseudo_value": pseudo_value,
        "reach_bins": None if predictor.halo is None else 2 * predictor.halo + 1,
    }
