"""p-values of interdependence scores by rotating features against each other along the genome.

Under the null hypothesis two features occur independently of each other. Neighbouring bins are
alike (hits span bins, repeats and isochores hold many), so shuffling bins would destroy that and
make chance look too rare. Instead the bins, in their order along the genome, are closed to a ring
and each feature is rotated by a random amount: its values and the dependence between its bins
stay, and only the alignment of two features is lost. Rotations form a group, so a p-value with the
observed alignment among the random ones is exact for a stationary sequence of bins.

References
----------
Cabrera et al., G3 2012 (circular genomic permutation); Phipson and Smyth, Stat. Appl. Genet. Mol.
Biol. 2010 (p-values that are never 0); Hemerik and Goeman, TEST 2018 (random transformations of a
group); Benjamini and Hochberg, J. R. Stat. Soc. B 1995 (q-values).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.scores.moments import Spread, block_scores
from precompute.scores.token_levels import Levels, TokenBlock

#: Scores closer than this are equal: rare features often reach the same score in another
#: alignment, up to rounding, and that must count against them.
_EQUAL = 1e-6


class PairTests(NamedTuple):
    """Tests of all pairs of features.

    Both float32 (n_features, n_features), symmetric; 1 on the diagonal and wherever a feature is
    constant, which is not tested.
    """

    p_values: NDArray[np.float32]
    q_values: NDArray[np.float32]
    n_tested: int


def permutation_tests(
    block: TokenBlock,
    levels: Levels,
    max_order: int,
    permutations: int,
    rng: np.random.Generator,
    workers: int = 1,
    progress: Callable[[float, float], None] | None = None,
) -> PairTests:
    """p- and q-values of the scores of a block, their maximum over the orders included.

    Parameters
    ----------
    block : bins in their order along the genome
    levels : what its levels stand for
    max_order : highest order of the Hermite functions
    permutations : random rotations, N; p = (1 + scores of them that reach the observed) / (N + 1)
    rng : source of the rotations
    workers : threads; they change nothing
    progress : called with (rotations done, rotations)
    """
    observed = block_scores(block, levels, max_order, workers)
    reached = np.zeros(observed.shape, dtype=np.int32)
    for done in range(1, permutations + 1):
        shifts = rng.integers(0, block.n_bins, size=block.n_features)
        null = block_scores(block.rotated(shifts), levels, max_order, workers)
        reached += null >= observed - np.float32(_EQUAL)
        if progress is not None:
            progress(done, permutations)
    varies = Spread.of_block(block, levels, max_order).scale.max(axis=1) > 0
    tested = np.triu(np.logical_and.outer(varies, varies), 1)
    p_values = np.ones(observed.shape)
    p_values[tested] = (1 + reached[tested]) / (permutations + 1)
    q_values = np.ones_like(p_values)
    if tested.any():
        from scipy.stats import false_discovery_control

        q_values[tested] = false_discovery_control(p_values[tested], method="bh")
    return PairTests(
        np.minimum(p_values, p_values.T).astype(np.float32),
        np.minimum(q_values, q_values.T).astype(np.float32),
        int(tested.sum()),
    )
