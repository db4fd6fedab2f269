"""Interdependence scores over all bins of a run, streamed from the token store.

Bins are read in blocks of a fixed size. Moments of ``GROUP_BLOCKS`` blocks are summed in the order
of the blocks, and groups in the order of the groups; so threads, a cluster and the number of passes
over the tokens leave every bit alone. Memory does not grow with the number of bins.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config import InterdependenceConfig
from precompute.execution import Execution
from precompute.scores.moments import (
    Spread,
    block_moments,
    combine,
    feature_stripes,
    fill_scores,
    moments_shape,
)
from precompute.scores.token_levels import Levels, TokenBlock, level_counts
from precompute.token_store import BinBlock

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Bins of a block, and blocks whose moments are summed before they meet those of others. They fix
#: the order of the sums, so they are no configuration.
BLOCK_BINS = 1 << 18
GROUP_BLOCKS = 4

#: ``bar(done, total)`` in any unit.
Bar = Callable[[float, float], None]


def count_bins(run: RunFolder) -> dict[str, int]:
    """Number of bins of each chromosome, in the order of the run."""
    tokens = run.group("tokens")
    chroms = run.group("bins").attrs["chroms"]
    return {chrom: tokens[f"{chrom}/indptr"].shape[0] - 1 for chrom in chroms}


def longest_bin(run: RunFolder) -> int:
    """Length of the longest bin in bp, which no count exceeds."""
    longest = 0
    for chrom, n in count_bins(run).items():
        edges = run.group("bins")[f"{chrom}/edges"]
        for lo in range(0, n, BLOCK_BINS):
            longest = max(longest, int(np.diff(edges[lo : lo + BLOCK_BINS + 1]).max()))
    return longest


def count_levels(run: RunFolder) -> Levels:
    """The levels of a run's tokens: covered bases, from 0 to the longest bin's."""
    widths = run.table("features", ["width"])["width"].to_numpy(np.int64)
    return Levels.of_counts(widths, longest_bin(run))


def bin_blocks(run: RunFolder, block_bins: int) -> list[list[BinBlock]]:
    """All bins of a run in blocks of ``block_bins``, chromosome after chromosome.

    A block is a list of stretches, because it may reach over the end of a chromosome.
    """
    blocks: list[list[BinBlock]] = [[]]
    free = block_bins
    for chrom, n in count_bins(run).items():
        lo = 0
        while lo < n:
            if free == 0:
                blocks.append([])
                free = block_bins
            hi = min(n, lo + free)
            blocks[-1].append(BinBlock(chrom, lo, hi))
            free -= hi - lo
            lo = hi
    return blocks


def read_counts(run: RunFolder, block: list[BinBlock], n_features: int) -> csr_matrix:
    """Covered bases of a block's bins, CSR uint8 or uint16 (n_bins, n_features).

    Unlike :class:`precompute.token_store.TokenStore` it keeps nothing of the chromosome.
    """
    from scipy.sparse import csr_matrix, vstack

    group = run.group("tokens")
    parts = []
    for chrom, lo, hi in block:
        arrays = group[chrom]
        indptr = arrays["indptr"][lo : hi + 1]
        indices = arrays["indices"][indptr[0] : indptr[-1]].astype(np.int32)
        counts = arrays["counts"][indptr[0] : indptr[-1]]
        shape = (hi - lo, n_features)
        parts.append(csr_matrix((counts, indices, indptr - indptr[0]), shape=shape))
    return parts[0] if len(parts) == 1 else vstack(parts, format="csr")


class Part(NamedTuple):
    """What one group of blocks adds: moments, and the bins that hold each level."""

    moments: NDArray[np.float64]
    level_counts: NDArray[np.int64]


def _ahead(run: RunFolder, blocks: list[list[BinBlock]], levels: Levels) -> Iterator[TokenBlock]:
    """Blocks in order, the next one being read while the present one is worked on."""

    def load(block: list[BinBlock]) -> TokenBlock:
        return TokenBlock.of(read_counts(run, block, levels.n_features), levels)

    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(load, blocks[0])
        for block in blocks[1:]:
            ready, waiting = waiting.result(), pool.submit(load, block)
            yield ready
            del ready
        yield waiting.result()


def _parts(
    run: RunFolder,
    groups: list[list[list[BinBlock]]],
    levels: Levels,
    max_order: int,
    stripe: tuple[int, int],
    workers: int,
) -> Iterator[Part]:
    """What each group adds to the moments of features [first, last) with all later ones."""
    shape = moments_shape(levels.n_features, max_order, *stripe)
    blocks = _ahead(run, [block for group in groups for block in group], levels)
    for group in groups:
        moments = np.zeros(shape)
        counts = np.zeros(len(levels.value), dtype=np.int64)
        for block in itertools.islice(blocks, len(group)):
            block_moments(block, levels, max_order, *stripe, workers, moments, add=True)
            block.add_level_counts(counts)
        yield Part(moments, counts)
        del moments


def group_moments(
    root: Path, max_order: int, item: tuple[tuple[int, int], list[list[BinBlock]]]
) -> Part:
    """What one group of blocks adds: a task that any worker who sees the run folder can do.

    Parameters
    ----------
    root : run folder
    max_order : highest order of the Hermite functions
    item : features [first, last), and the blocks
    """
    stripe, group = item
    run = RunFolder(root)
    return next(_parts(run, [group], count_levels(run), max_order, stripe, 1))


def _stripes(
    n_features: int, config: InterdependenceConfig, n_groups: int, execution: Execution
) -> list[tuple[int, int]]:
    # The sum and what is added to it are held at the same time.
    most_bytes = config.moments_mb * 2**20 / min(2, n_groups)
    if execution.is_distributed:
        # Enough tasks for every worker, even of a short run.
        per_group = -(-2 * execution.workers // n_groups)
        all_bytes = 4 * n_features**2 * (config.max_order + 1) ** 2
        most_bytes = min(most_bytes, all_bytes / per_group)
    return feature_stripes(n_features, config.max_order, most_bytes)


def exact_scores(
    run: RunFolder, config: InterdependenceConfig, execution: Execution, bar: Bar
) -> NDArray[np.float32]:
    """Scores over all bins of a run, streamed: memory does not grow with the number of bins.

    Parameters
    ----------
    run : run folder with ``bins``, ``tokens`` and ``features``
    config : ``max_order``, and ``moments_mb``, the memory of the moments held at a time
    execution : threads share out the features of each block, a cluster the groups of blocks;
        neither changes a bit
    bar : called with (parts done, parts)
    """
    levels = count_levels(run)
    n, order = levels.n_features, config.max_order
    blocks = bin_blocks(run, BLOCK_BINS)
    groups = [blocks[i : i + GROUP_BLOCKS] for i in range(0, len(blocks), GROUP_BLOCKS)]
    stripes = _stripes(n, config, len(groups), execution)
    parts: Iterator[Part]
    if execution.is_distributed:
        task = partial(group_moments, run.root.resolve(), order)
        items = itertools.product(stripes, groups)
        parts = (part for _, part in execution.in_order(task, items))
    else:
        parts = itertools.chain.from_iterable(
            _parts(run, groups, levels, order, stripe, execution.workers) for stripe in stripes
        )
    scores = np.eye(n, dtype=np.float32)
    n_bins = sum(count_bins(run).values())
    for number, (first, last) in enumerate(stripes):
        moments, counts = next(parts)
        bar(number * len(groups) + 1, len(stripes) * len(groups))
        for k in range(1, len(groups)):
            part = next(parts)
            moments, counts = combine((moments, part.moments)), counts + part.level_counts
            del part
            bar(number * len(groups) + k + 1, len(stripes) * len(groups))
        spread = Spread.of(counts, levels, order, n_bins)
        fill_scores(moments, spread, first, last, scores, execution.workers)
        del moments
    return scores


def exact_dense_scores(
    run: RunFolder, config: InterdependenceConfig, device: str, bar: Bar
) -> NDArray[np.float32]:
    """:func:`exact_scores` by dense products on a device; parameters as there."""
    from precompute.scores.moments_torch import DenseMoments

    levels = count_levels(run)
    moments = DenseMoments(levels, config.max_order, device)
    counts = np.zeros(len(levels.value), dtype=np.int64)
    n_bins = 0
    blocks = bin_blocks(run, BLOCK_BINS)
    for done, block in enumerate(blocks, start=1):
        tokens = read_counts(run, block, levels.n_features)
        moments.add(tokens)
        counts += level_counts(tokens, levels)
        n_bins += tokens.shape[0]
        bar(done, len(blocks))
    return moments.scores(Spread.of(counts, levels, config.max_order, n_bins))
