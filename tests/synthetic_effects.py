"""Interactions of the synthetic run: made-up predictions, and the numbers that follow from them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from precompute.artefacts import RunFolder
from precompute.context import StageContext
from precompute.interactions import stage
from precompute.token_store import TokenStore

#: Pairs of motif clusters that were tested, and sites of each.
PAIRS = [(0, 1), (0, 8), (2, 2), (3, 8)]
SITES = 24


def write_interactions(context: StageContext) -> dict[str, Any]:
    """Write ``interactions`` and ``interaction_sites``; returns what the stage would report."""
    run: RunFolder = context.run
    rng, store = np.random.default_rng(17), TokenStore(run)
    tables, rows = [], []
    for pair in PAIRS:
        made = []
        for _ in range(SITES):
            chrom = store.chroms[int(rng.integers(len(store.chroms)))]
            edges = store.edges(chrom).astype(np.int64)
            at = int(rng.integers(20, len(edges) - 30))
            made.append((chrom, edges[at], edges[at + 1], edges[at + 4], edges[at + 5]))
        made.sort(key=lambda m: (store.chroms.index(m[0]), m[1]))
        whole = rng.uniform(0.5, 2, SITES)
        kept = rng.uniform(0.5, 1, (SITES, 2))
        both = kept.prod(axis=1) * np.exp2(rng.normal(-0.1 if pair[0] else 0.2, 0.05, SITES))
        values = whole[:, None] * np.column_stack([np.ones(SITES), kept, both])
        windows = [_window(*m) for m in made]
        sites = [stage.Site(k, 0, 1) for k in range(SITES)]
        table = stage.site_table(pair, sites, values, windows)
        tables.append(table)
        rows.append(stage.pair_row(table, SITES + 3, 0.01, 50, rng))
    written = stage._write(context, tables, rows)
    return {
        "track": "atac", "windows": 100, "window_bp": 500, "max_distance_bp": 150.0,
        "clusters": sorted({c for pair in PAIRS for c in pair}), "pairs": len(written),
        "sites": int(written["sites"].sum()), "predictions": 300, "pseudo_value": 0.01,
        "reach_bins": 13,
    }


def _window(chrom: str, a: int, b: int, c: int, d: int) -> Any:
    places = [(int(a), int(b)), (int(c), int(d))]
    return SimpleNamespace(
        chrom=chrom, start=int(a), end=int(d), place=places.__getitem__,
        centre_bp=np.array([(a + b) / 2, (c + d) / 2]),
    )
