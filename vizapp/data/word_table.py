"""The lexicon's table: filtered, sorted and paged by DuckDB on the Parquet artefact.

Nothing of the table is held in memory. The words in a chosen order are found first, from one
column, and the rows of one page are read then. Every request has a cursor of its own; what is
typed reaches SQL only as bound parameters, and column names only from a fixed set.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from vizapp.data.word_search import Answer, ByteCache, Query, QueryError, WordSearch

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: Rows at the head of an order that are found at once; one further down makes the whole order.
_HEAD = 1_000
MAX_PAGE = 500
_EXPORT_WORDS = 1 << 16
_MEMORY = "1GB"


class Sort(NamedTuple):
    """A column of the table and the direction."""

    column: str = "rank"
    is_falling: bool = False


class Page(NamedTuple):
    """Rows of a page, how many words are found in all, and how the search was read."""

    rows: list[dict[str, Any]]
    n_found: int


class WordTable:
    """The artefact ``lexicon``, ready for questions from many threads.

    Parameters
    ----------
    run : RunFolder
    search : of the same run
    frequency : int64 (n_words,), falling
    chroms : in the order of the run
    cache_bytes : memory for recent orders, shared by all visitors
    """

    def __init__(
        self, run: RunFolder, search: WordSearch, frequency: NDArray[np.int64],
        chroms: list[str], cache_bytes: int = 96 << 20,
    ) -> None:
        self._run, self.search, self._frequency = run, search, frequency
        self._chroms = chroms
        self._orders = ByteCache(cache_bytes)
        self._lock = threading.Lock()

    @cached_property
    def columns(self) -> list[str]:
        """Columns of the artefact, in its order; its stamp is checked."""
        return list(self._run.arrow("lexicon", ["word"]).schema.names) + [
            name for name in self._schema if name != "word"
        ]

    @cached_property
    def _schema(self) -> list[str]:
        import pyarrow.parquet as pq

        return list(pq.read_schema(self._run.path("lexicon")).names)

    @cached_property
    def given(self) -> dict[str, bool]:
        """For each share of an annotation, whether the run has that annotation."""
        shares = [name for name in self.columns if name.startswith("in_")]
        row = self._one(f"SELECT {', '.join(shares)} FROM lexicon WHERE word = 0", [])
        return {name: value is not None for name, value in zip(shares, row or [], strict=False)}

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        path = str(self._run.path("lexicon").resolve())
        database = duckdb.connect(":memory:", config={
            "memory_limit": _MEMORY, "autoinstall_known_extensions": False,
            "autoload_known_extensions": False, "temp_directory": "",
        })
        quoted = path.replace("'", "''")
        database.execute("SET parquet_metadata_cache = true")
        database.execute(f"SET allowed_paths = ['{quoted}']")
        # From here on the database reads that file and no other, whatever it is asked.
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        database.execute(f"CREATE VIEW lexicon AS SELECT * FROM read_parquet('{quoted}')")
        return database

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            return self._database.cursor()

    def _one(self, sql: str, parameters: list[Any]) -> tuple[Any, ...] | None:
        with self._cursor() as cursor:
            return cursor.execute(sql, parameters).fetchone()

    # -- which words ---------------------------------------------------------------------------

    def bounds(self, query: Query) -> tuple[int, int]:
        """Words ``[lo, hi)`` with a frequency of the query: words are ordered by it."""
        rising, n = self._frequency[::-1], len(self._frequency)
        hi = n - int(np.searchsorted(rising, query.least, side="left"))
        lo = n - int(np.searchsorted(rising, query.most, side="right"))
        return lo, max(lo, hi)

    def found(self, query: Query) -> tuple[NDArray[np.integer], Answer]:
        """Words of a query in order of rank, and how its terms were read."""
        answer = self.search.find(query.terms)
        lo, hi = self.bounds(query)
        if answer.words is None:
            return np.arange(lo, hi, dtype=np.int32), answer
        first, last = np.searchsorted(answer.words, [lo, hi])
        return answer.words[first:last], answer

    def sortable(self) -> list[str]:
        """Columns that the table can be sorted by."""
        return [name for name in self.columns if name not in ("word", "chrom", "start", "end")] + [
            "locus"
        ]

    def words(self, query: Query, sort: Sort, first: int, last: int) -> tuple[NDArray, int]:
        """Words ``[first, last)`` of a query in the order asked, and how many it finds.

        Raises
        ------
        QueryError
            When there is no such column, or the page is none.
        """
        if sort.column not in self.sortable():
            raise QueryError("the table has no such column; sort by one of its headers")
        if not 0 <= first <= last or last - first > MAX_PAGE:
            raise QueryError("the table asked for rows that do not exist; search again")
        chosen, _ = self.found(query)
        n = len(chosen)
        last = min(last, n)
        first = min(first, last)
        if sort.column in ("rank", "frequency"):
            # Words are numbered by falling frequency.
            backwards = sort.is_falling == (sort.column == "rank")
            page = chosen[n - last : n - first][::-1] if backwards else chosen[first:last]
            return page, n
        key = (query, sort)
        order = self._orders.get(key)
        if order is None or len(order) < last:
            limit = min(_HEAD, n) if last <= _HEAD else n
            order = self._sorted(query, sort, chosen, limit)
            self._orders.put(key, order)
        return order[first:last], n

    def _sorted(
        self, query: Query, sort: Sort, chosen: NDArray[np.integer], limit: int
    ) -> NDArray[np.int32]:
        import pyarrow as pa

        way = "DESC" if sort.is_falling else "ASC"
        by = f'"{sort.column}" {way} NULLS LAST'
        parameters: list[Any] = []
        if sort.column == "locus":
            by = f"list_position(?::VARCHAR[], chrom) {way}, start {way}"
            parameters = [self._chroms]
        lo, hi = self.bounds(query)
        where = "word >= ? AND word < ?"
        with self._cursor() as cursor:
            if query.terms:
                cursor.register("chosen", pa.table({"word": chosen}))
                where += " AND word IN (SELECT word FROM chosen)"
            found = cursor.execute(
                f"SELECT word FROM lexicon WHERE {where} ORDER BY {by}, word LIMIT ?",
                [lo, hi, *parameters, limit],
            ).fetchnumpy()["word"]
        return np.ascontiguousarray(found, dtype=np.int32)

    # -- what they are like --------------------------------------------------------------------

    def rows(self, words: NDArray[np.integer]) -> list[dict[str, Any]]:
        """Rows of the table, in the order of ``words``."""
        if len(words) == 0:
            return []
        names = ", ".join(f'"{name}"' for name in self.columns)
        with self._cursor() as cursor:
            found = cursor.execute(
                f"SELECT {names} FROM lexicon WHERE word BETWEEN ? AND ? "
                "AND word IN (SELECT unnest(?::INTEGER[]))",
                [int(words.min()), int(words.max()), words.tolist()],
            ).fetchall()
        by_word = {row[0]: dict(zip(self.columns, row, strict=True)) for row in found}
        return [by_word[word] for word in words.tolist()]

    def page(self, query: Query, sort: Sort, first: int, last: int) -> Page:
        """Rows ``[first, last)`` of a query in the order asked.

        Raises
        ------
        QueryError
            As :meth:`words`.
        """
        words, n = self.words(query, sort, first, last)
        return Page(self.rows(words), n)

    def batches(self, query: Query) -> Iterator[pa.RecordBatch]:
        """All rows of a query in order of rank, in batches of bounded size."""
        import pyarrow as pa

        chosen, _ = self.found(query)
        names = ", ".join(f'"{name}"' for name in self.columns)
        for at in range(0, len(chosen), _EXPORT_WORDS):
            words = chosen[at : at + _EXPORT_WORDS]
            with self._cursor() as cursor:
                cursor.register("chosen", pa.table({"word": words}))
                table: pa.Table = cursor.sql(
                    f"SELECT {names} FROM lexicon WHERE word BETWEEN ? AND ? "
                    "AND word IN (SELECT word FROM chosen) ORDER BY word",
                    params=[int(words[0]), int(words[-1])],
                ).to_arrow_table()
            yield from table.combine_chunks().to_batches()
