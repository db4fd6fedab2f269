"""Results that are kept while there is room; those used longest ago go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


def _one(_: Any) -> float:
    return 1.0


class RecentlyUsed:
    """Results by what they follow from; threads may share it.

    Parameters
    ----------
    limit : what the sizes of all results may add up to, in bytes, say, or their number; the newest
        result is always kept
    size : of a result; by default each counts as one

    Examples
    --------
    >>> kept = RecentlyUsed(2)
    >>> [kept.get(n, lambda: n * n) for n in (3, 4, 3, 5)], len(kept)
    ([9, 16, 9, 25], 2)
    >>> 4 in kept
    False
    """

    def __init__(self, limit: float, size: Callable[[Any], float] = _one) -> None:
        self._limit, self._size = limit, size
        self._found: OrderedDict[Hashable, tuple[Any, float]] = OrderedDict()
        self._held = 0.0
        self._lock = threading.Lock()

    @property
    def held(self) -> float:
        """What the sizes add up to."""
        return self._held

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._found

    def get(
        self, key: Hashable, make: Callable[[], Any], size: Callable[[Any], float] | None = None
    ) -> Any:
        """The result for a key, made when it is not there.

        It is made outside of the lock: two threads may make the same, none waits for another's.

        Parameters
        ----------
        make : makes the result
        size : of this result, in place of the one of all
        """
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key][0]
        made = make()
        taken = (size or self._size)(made)
        with self._lock:
            if key not in self._found:
                self._found[key] = (made, taken)
                self._held += taken
            while self._held > self._limit and len(self._found) > 1:
                self._held -= self._found.popitem(last=False)[1][1]
        return made
