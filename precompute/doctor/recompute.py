"""Spot checks by doing it again: a few random windows are computed anew, compared bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from precompute.config import Config
from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.errors import MotiflensError
from precompute.manifest import hash_path
from precompute.token_store import TokenStore

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from precompute.occupancy import Occupancy, SparseCounts

_SEED = 20_220_101
WINDOWS = 8
_WINDOW_BP = 20_000
#: Means of equal members can fall a rounding error short of the threshold.
_ROUNDING = 1e-6
#: What depth and tokens are computed from.
_SOURCES = ("sequence", "profiles", "hits")


class Window(NamedTuple):
    """Bins ``[lo, hi)`` of a chromosome."""

    chrom: str
    lo: int
    hi: int


def check_windows(opened: Opened, chart: Chart) -> int:
    """Compare random windows with what comes out when they are computed again.

    Returns the number of windows compared.
    """
    config = opened.config
    if config is None:
        return 0
    needed = ("sequence", "bins")
    if not opened.has(*needed) or not chart.is_sound(*needed):
        return 0
    store = TokenStore(opened.run)
    chosen = random_windows(store)
    occupancy = _occupancy(opened, chart, config)
    if occupancy is not None:
        for window in chosen:
            _check_occupancy(opened, chart, store, occupancy, window)
    for window in chosen:
        _check_words(opened, chart, store, config, window)
    return len(chosen)


def random_windows(store: TokenStore, number: int = WINDOWS) -> list[Window]:
    """Windows of about 20 kb, the same ones every time, more on longer chromosomes."""
    rng = np.random.default_rng(_SEED)
    lengths = np.array([int(store.edges(c)[-1]) - int(store.edges(c)[0]) for c in store.chroms])
    found = []
    for chrom in rng.choice(len(lengths), size=number, p=lengths / lengths.sum()).tolist():
        edges = store.edges(store.chroms[chrom])
        start = int(edges[0]) + int(rng.integers(0, max(1, lengths[chrom] - _WINDOW_BP)))
        lo = max(0, int(np.searchsorted(edges, start, side="right")) - 1)
        hi = int(np.searchsorted(edges, start + _WINDOW_BP, side="left"))
        found.append(Window(store.chroms[chrom], lo, max(lo + 1, min(hi, len(edges) - 1))))
    return found


def _occupancy(opened: Opened, chart: Chart, config: Config) -> Occupancy | None:
    """Where the run's motifs lie: its index of ready hits, or the sequence scanned again.

    None, with a note, when the profiles are not the ones that the run was made from.
    """
    from precompute.occupancy import IndexedOccupancy, ScannedOccupancy

    profiles_are_there = _check_profiles(opened, chart, config)
    if config.motifs.hits is not None:
        needed = ("hits", "profiles", "sequence")
        is_sound = opened.has(*needed) and chart.is_sound(*needed)
        return IndexedOccupancy(opened.run) if is_sound else None
    if not profiles_are_there:
        return None
    # On the processor wherever the run was scanned: the integers are the same.
    return ScannedOccupancy(opened.run, config.motifs, "cpu")


def _check_profiles(opened: Opened, chart: Chart, config: Config) -> bool:
    """Whether the profile file is the one that was read, and the table ``profiles`` is made of."""
    from precompute.motifs import load_profiles, profile_inputs, profile_table

    try:
        paths = profile_inputs(config.motifs)
    except MotiflensError as error:
        chart.note(f"no window was scanned again: {error}")
        return False
    inputs = opened.manifest.inputs if opened.manifest else {}
    for path in paths:
        if not path.exists():
            chart.note(f"no window was scanned again: the profiles {path} are not there any more")
            return False
        recorded = [content for key, content in inputs.items() if key.startswith(f"{path}|")]
        if recorded and hash_path(path) not in recorded:
            chart.note(f"no window was scanned again: the profiles {path} have changed since")
            return False
    try:
        built = load_profiles(config.motifs)
    except MotiflensError as error:
        chart.note(f"no window was scanned again: {error}")
        return False
    if opened.has("profiles") and chart.is_sound("profiles"):
        wanted, found = profile_table(built), opened.run.table("profiles")
        if len(wanted) != len(found):
            chart.fault("profiles", "recomputed", f"has {len(found):,} profiles",
                        f"{len(wanted):,} as in the profile file")
            return False
        for column in ("profile_id", "width", "threshold", "max_score", "min_score"):
            differ = wanted[column].to_numpy() != found[column].to_numpy()
            if differ.any():
                k = int(differ.argmax())
                chart.fault(
                    "profiles", "recomputed", f"{found['profile_id'].iloc[k]} has "
                    f"{found[column].iloc[k]}", f"{wanted[column].iloc[k]} as in the profile file",
                    part=column,
                )
                return False
    return True


def _check_occupancy(
    opened: Opened, chart: Chart, store: TokenStore, occupancy: Occupancy, window: Window
) -> None:
    chrom, lo, hi = window
    start = int(opened.attribute("sequence", chrom, "start"))
    edges = store.edges(chrom)[lo : hi + 1].astype(np.int64)
    first, last = int(edges[0]), int(edges[-1])
    if opened.has("depth") and chart.is_sound("depth", chrom=chrom):
        wanted = occupancy.depth(chrom, first, last)
        found = np.asarray(opened.arrays["depth", chrom, "depth"][first - start : last - start])
        if not np.array_equal(wanted, found):
            k = int((wanted != found).argmax())
            accused = chart.blame(*_SOURCES, "depth")
            chart.fault(
                accused, "recomputed", f"{found[k]} motifs cover {chrom}:{first + k:,} in depth",
                f"{wanted[k]} when it is computed again", chrom=chrom,
                part="depth" if accused == "depth" else "",
            )
    names = ("tokens", "bins", "features")
    if not chart.is_sound(*_SOURCES, chrom=chrom):
        return
    if opened.has(*names) and chart.is_sound(*names, chrom=chrom):
        fresh = occupancy.counts(chrom, edges)
        stored = store.counts(chrom, lo, hi)
        same = (
            np.array_equal(stored.indptr, fresh.indptr)
            and np.array_equal(stored.indices, fresh.indices)
            and np.array_equal(stored.data, fresh.counts)
        )
        if not same:
            _name_difference(chart, window, stored, fresh)


def _name_difference(
    chart: Chart, window: Window, stored: csr_matrix, wanted: SparseCounts
) -> None:
    from scipy.sparse import csr_matrix

    indptr, indices, counts = wanted
    fresh = csr_matrix((counts.astype(np.int64), indices.astype(np.int32), indptr), stored.shape)
    rows, columns = (fresh != stored.astype(np.int64)).nonzero()
    bin_, feature = (int(rows[0]), int(columns[0])) if len(rows) else (0, 0)
    accused = chart.blame(*_SOURCES, "bins", "tokens")
    chart.fault(
        accused, "recomputed",
        f"feature {feature} covers {stored[bin_, feature]} bases of bin {window.lo + bin_:,} in "
        "tokens", f"{fresh[bin_, feature]} when it is computed again", chrom=window.chrom,
        part="counts" if accused == "tokens" else "",
    )


def _check_words(
    opened: Opened, chart: Chart, store: TokenStore, config: Config, window: Window
) -> None:
    """Words and contributions of a window stand for the motif clusters that its tokens hold."""
    chain = ("tokens", "features", "feature_clusters")
    if not opened.has(*chain) or not chart.is_sound(*chain):
        return
    chrom, lo, hi = window
    values = store.cluster_values(chrom, lo, hi)
    name = "attributions_tokens"
    if opened.has(name) and chart.is_sound(name, chrom=chrom):
        ends = np.asarray(opened.arrays[name, chrom, "indptr"][lo : hi + 1])
        found = np.asarray(opened.arrays[name, chrom, "indices"][int(ends[0]) : int(ends[-1])])
        if not (np.array_equal(ends - ends[0], values.indptr)
                and np.array_equal(found, values.indices)):
            chart.fault(
                chart.blame(*chain, name), "recomputed",
                f"bins {lo:,}-{hi:,} hold other motif clusters than their tokens",
                "a contribution for each motif cluster of the tokens", chrom=chrom, part="indices",
            )
    names = ("words", "word_ids")
    if not opened.has(*names) or not chart.is_sound(*names):
        return
    word = np.asarray(opened.arrays["word_ids", chrom, "word"][lo:hi])
    texts = _clusters_of(opened, np.unique(word))
    if set(word.tolist()) - set(texts):
        return
    for row in range(hi - lo):
        part = slice(values.indptr[row], values.indptr[row + 1])
        kept = values.data[part] >= config.lexicon.threshold - _ROUNDING
        wanted = values.indices[part][kept].tolist()
        if texts[int(word[row])] != wanted:
            chart.fault(
                chart.blame(*chain, *names), "recomputed",
                f"bin {lo + row:,} has the word {texts[int(word[row])]}",
                f"{wanted}, its motif clusters of at least {config.lexicon.threshold}",
                chrom=chrom, part="word",
            )
            return


def _clusters_of(opened: Opened, wanted: np.ndarray) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    at = 0
    for batch in opened.tables["words"].iter_batches(batch_size=1 << 16, columns=["clusters"]):
        here = wanted[(wanted >= at) & (wanted < at + batch.num_rows)]
        lists = batch.column("clusters")
        found |= {int(w): lists[int(w) - at].as_py() for w in here}
        at += batch.num_rows
    return found


def check_partition(opened: Opened, chart: Chart) -> None:
    """The clusters are those of the tree of the scores, cut where the configuration says."""
    names = ("interdependence", "feature_clusters")
    config = opened.config
    if config is None or not opened.has(*names) or not chart.is_sound(*names):
        return
    from precompute.motif_clusters import cluster_features

    scores = np.asarray(opened.arrays["interdependence", None, "scores"][:])
    settings = config.motif_clusters
    wanted = cluster_features(scores, settings.cut, settings.linkage)
    found = opened.column("feature_clusters", "cluster")["cluster"].to_numpy()
    if not np.array_equal(wanted, found):
        k = int((wanted != found).argmax())
        chart.fault(
            chart.blame(*names), "recomputed", f"feature {k} is in cluster {found[k]}",
            f"{wanted[k]}, with {settings.linkage} linkage cut at {settings.cut}", part="cluster",
        )
