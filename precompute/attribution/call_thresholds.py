"""When is a motif hit's attribution more than background: p-values by profile, then FDR.

The null of a profile is the attribution of its hits, on either strand, in background windows:
stretches without a peak of any set and with at most the median signal. A hit's p-value is
(1 + hits of the null that reach its attribution) / (1 + hits of the null), one-sided; q-values are
Benjamini and Hochberg's over every hit that was tested, of all profiles. p-values are rounded up to
one of a thousand levels per power of ten, so that a genome's hits can be counted as they pass.

References
----------
Davison and Hinkley 1997, section 4.2 (the added one); Benjamini and Hochberg 1995,
doi:10.1111/j.2517-6161.1995.tb02031.x.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DECADES = 8
_PER_DECADE = 1000

#: Rising p-values that hits are rounded up to; the last one is 1.
LEVELS = 10.0 ** (np.arange(-_DECADES * _PER_DECADE, 1) / _PER_DECADE)


class ProfileNull:
    """Attributions of background hits, by profile.

    Parameters
    ----------
    n_profiles : number of profiles
    profile : int (n,), profile of each background hit
    value : float (n,), its attribution; large ones are called
    """

    def __init__(
        self, n_profiles: int, profile: NDArray[np.integer], value: NDArray[np.floating]
    ) -> None:
        order = np.lexsort((value, profile))
        self._values = np.asarray(value, dtype=np.float64)[order]
        self._first = np.searchsorted(profile[order], np.arange(n_profiles + 1))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """int64 (n_profiles,): background hits of each profile."""
        return np.diff(self._first)

    def levels(
        self, profile: NDArray[np.integer], value: NDArray[np.floating]
    ) -> NDArray[np.int16]:
        """int16 (n,): index into ``LEVELS`` of each hit's p-value, rounded up."""
        p = np.ones(len(value))
        order = np.argsort(profile, kind="stable")
        cuts = np.searchsorted(profile[order], np.arange(len(self._first)))
        for number in np.unique(profile):
            at = order[cuts[number] : cuts[number + 1]]
            null = self._values[self._first[number] : self._first[number + 1]]
            reach = len(null) - np.searchsorted(null, value[at], side="left")
            p[at] = (1 + reach) / (1 + len(null))
        # A p-value that is a level itself stays one, whatever the last bit says.
        return np.searchsorted(LEVELS, p * (1 - 1e-12)).astype(np.int16)


def q_values(counts: NDArray[np.integer], n_tested: int) -> NDArray[np.float64]:
    """q-value of each level: float64 (len(LEVELS),), rising.

    Parameters
    ----------
    counts : int (len(LEVELS),), tested hits at each level
    n_tested : all tested hits
    """
    reached = np.cumsum(counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.where(reached > 0, n_tested * LEVELS / reached, 1.0)
    return np.asarray(np.minimum(np.minimum.accumulate(q[::-1])[::-1], 1.0))
