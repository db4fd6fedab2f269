"""Which words hold motif clusters of given names: by an index, never by reading millions of texts.

A search is a list of terms. A motif cluster answers to a term that is part of its label, of the
name of one of its TFs or of a profile id, letter for letter but for case; a word is found when for
each term it holds a motif cluster that answers to it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import MotiflensError

if TYPE_CHECKING:
    import pandas as pd

MAX_TEXT = 200
MAX_TERMS = 8
_MOST = 2**53
#: What stands between names in a label, and so is no name.
_JOINTS = frozenset({"/", "+", ",", ";", "&", "|"})


class QueryError(MotiflensError):
    """A search of the lexicon that cannot be made; the message says what to type instead."""


class Query(NamedTuple):
    """Terms in lower case, and the frequencies kept, both ends included."""

    terms: tuple[str, ...] = ()
    least: int = 1
    most: int = _MOST


class Answer(NamedTuple):
    """Words found, rising int32, or None for all; and the motif clusters behind each term."""

    words: NDArray[np.int32] | None
    clusters: dict[str, list[int]]


def parse_query(text: Any, least: Any, most: Any) -> Query:
    """A query from what a browser sends.

    Raises
    ------
    QueryError
        When it is too long, or the frequencies are no range of whole numbers from 1.
    """
    if text is not None and not isinstance(text, str):
        raise QueryError("the search could not be read; type names of motifs, TFs or clusters")
    text = (text or "").strip()
    if len(text) > MAX_TEXT:
        raise QueryError(f"a search has at most {MAX_TEXT} characters, got {len(text):,}; shorten")
    terms = tuple(dict.fromkeys(t for t in text.lower().split() if t not in _JOINTS))
    if len(terms) > MAX_TERMS:
        raise QueryError(f"a search has at most {MAX_TERMS} names, got {len(terms)}; take some out")
    low = 1 if least is None or least == "" else _whole(least)
    high = _MOST if most is None or most == "" else _whole(most)
    if low > high:
        raise QueryError(
            f"the frequency goes from {low:,} to {high:,}, which holds nothing; swap the two"
        )
    return Query(terms, low, high)


def _whole(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 17:
        return max(1, int(value))
    if not is_number or not abs(value) < _MOST or value != int(value) or value < 0:
        raise QueryError("a frequency is a whole number of bins, 1 or more; correct the range")
    return max(1, int(value))


class ByteCache:
    """Arrays kept until they hold more than ``budget`` bytes together; the oldest go first."""

    def __init__(self, budget: int) -> None:
        self._budget, self._held = budget, 0
        self._arrays: OrderedDict[Any, NDArray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> NDArray | None:
        """The array of a key, None when it is not kept."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def put(self, key: Any, array: NDArray) -> None:
        """Keep an array, which nobody may write to."""
        array.setflags(write=False)
        with self._lock:
            old = self._arrays.pop(key, None)
            self._held += array.nbytes - (0 if old is None else old.nbytes)
            self._arrays[key] = array
            while self._held > self._budget and len(self._arrays) > 1:
                _, gone = self._arrays.popitem(last=False)
                self._held -= gone.nbytes


class WordSearch:
    """Searches by the names of motif clusters.

    Parameters
    ----------
    run : with the artefacts ``clusters`` and ``cluster_words``
    cache_bytes : memory for the answers of recent searches, shared by all visitors
    """

    def __init__(self, run: RunFolder, cache_bytes: int = 64 << 20) -> None:
        self._run = run
        self._cache = ByteCache(cache_bytes)

    @cached_property
    def clusters(self) -> pd.DataFrame:
        """The table of motif clusters."""
        return self._run.table("clusters")

    @cached_property
    def _names(self) -> list[str]:
        table = self.clusters
        return [
            # A line break between names, which no term holds: none matches across two of them.
            "\n".join([label, *tfs, *profiles]).lower()
            for label, tfs, profiles in zip(
                table["label"], table["tfs"], table["profile_ids"], strict=True
            )
        ]

    @cached_property
    def _indptr(self) -> NDArray[np.int64]:
        return self._run.group("cluster_words")["indptr"][:]

    @cached_property
    def _words(self):  # type: ignore[no-untyped-def]
        return self._run.group("cluster_words")["words"]

    def holders(self, cluster: int) -> NDArray[np.int32]:
        """Words that hold a motif cluster, rising."""
        found = self._words[int(self._indptr[cluster]) : int(self._indptr[cluster + 1])]
        return np.asarray(found)

    def n_holders(self, cluster: int) -> int:
        """How many words hold a motif cluster."""
        return int(self._indptr[cluster + 1] - self._indptr[cluster])

    def answering(self, term: str) -> list[int]:
        """Motif clusters that answer to a term in lower case."""
        return [number for number, names in enumerate(self._names) if term in names]

    def find(self, terms: tuple[str, ...]) -> Answer:
        """Words that hold, for each term, a motif cluster that answers to it."""
        clusters = {term: self.answering(term) for term in terms}
        if not terms:
            return Answer(None, clusters)
        # Terms with the same motif clusters ask the same.
        sets = tuple(sorted({tuple(numbers) for numbers in clusters.values()}, key=self._size))
        found = self._cache.get(sets)
        if found is None:
            found = self._union(sets[0])
            for numbers in sets[1:]:
                if len(found) == 0:
                    break
                found = np.intersect1d(found, self._union(numbers), assume_unique=True)
            self._cache.put(sets, found)
        return Answer(found, clusters)

    def _size(self, numbers: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        return sum(self.n_holders(c) for c in numbers), numbers

    def _union(self, numbers: tuple[int, ...]) -> NDArray[np.int32]:
        if not numbers:
            return np.empty(0, dtype=np.int32)
        if len(numbers) == 1:
            return self.holders(numbers[0])
        found = self._cache.get(numbers)
        if found is None:
            mask = np.zeros(self._n_words, dtype=bool)
            for c in numbers:
                mask[self.holders(c)] = True
            found = np.flatnonzero(mask).astype(np.int32)
            self._cache.put(numbers, found)
        return found

    @cached_property
    def _n_words(self) -> int:
        import pyarrow.parquet as pq

        return int(pq.read_metadata(self._run.path("words")).num_rows)
