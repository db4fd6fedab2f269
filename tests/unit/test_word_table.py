"""The lexicon's table against pandas on the synthetic run: searches, sorts, pages, hostile text."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp.data import word_table
from vizapp.data.word_search import ByteCache, Query, QueryError, WordSearch, parse_query
from vizapp.data.word_table import Sort, WordTable

HOSTILE = [
    "'; DROP VIEW lexicon; --", "x' OR '1'='1", "\" UNION SELECT 1 --", "%", "_", "\\", "$1", "?",
    "read_csv('/etc/passwd')", "word; SELECT 1", "frequency\" DESC; --", "\x00", "CTCF'", "*", ".",
]


@pytest.fixture(scope="module")
def table(data) -> WordTable:
    return data.word_table


@pytest.fixture(scope="module")
def frame(data):
    """The artefact and, for each word, the names of all its motif clusters."""
    clusters = data.run.table("clusters")
    names = [
        "\n".join([r.label, *r.tfs, *r.profile_ids]).lower() for r in clusters.itertuples()
    ]
    frame = data.run.table("lexicon")
    frame["names"] = [[names[c] for c in row] for row in data.run.table("words")["clusters"]]
    return frame


def slow(frame, query: Query):
    """Words of a query by reading every name of every word."""
    held = frame["names"].map(
        lambda names: all(any(term in name for name in names) for term in query.terms))
    return frame[held & frame["frequency"].between(query.least, query.most)]


@pytest.mark.parametrize("text", ["", "ctcf", "TF01", "tf0", "MA0003.1", "CTCF / TF11", "tf01 tf02",
                                  "ctcf tf1 tf2 tf03", "cpg", "tf", *HOSTILE])
@pytest.mark.parametrize("bounds", [(None, None), (2, 30), (5, None), (10**9, None)])
def test_a_search_finds_what_reading_every_name_finds(table, frame, text, bounds):
    query = parse_query(text, *bounds)
    found, _ = table.found(query)
    assert found.tolist() == slow(frame, query)["word"].tolist()


def test_sorts_are_those_of_pandas_and_pages_join_to_the_whole(table, frame, monkeypatch):
    monkeypatch.setattr(word_table, "_HEAD", 40)
    for query in (Query(), parse_query("tf0", 2, 500)):
        rows = slow(frame, query).assign(locus=lambda t: t["start"] + (t["chrom"] == "chr21") * 1e9)
        for column in table.sortable():
            for falling in (False, True):
                by = rows.sort_values([column, "word"], ascending=[not falling, True],
                                      na_position="last")["word"].tolist()
                if column == "frequency" and not falling:
                    by = rows["word"].tolist()[::-1]
                sort = Sort(column, falling)
                whole, n = [], len(rows)
                for first in range(0, n, 33):
                    page, count = table.words(query, sort, first, first + 33)
                    assert count == n
                    whole += page.tolist()
                    if first > 150:
                        break
                assert whole == by[: len(whole)], (column, falling)
                far, _ = table.words(query, sort, max(0, n - 20), n + 50)
                assert far.tolist() == by[max(0, n - 20):]


def test_rows_are_those_of_the_artefact_in_the_order_asked(table, frame):
    words = np.array([7, 3, 200, 0])
    for row, word in zip(table.rows(words), words.tolist(), strict=True):
        for column in table.columns:
            wanted = frame[column][word]
            if row[column] is None:
                assert np.isnan(wanted)
            else:
                assert row[column] == pytest.approx(wanted) if column != "chrom" else wanted
    assert table.rows(words[:0]) == []


@pytest.mark.parametrize("column", [*HOSTILE, "word", "start", "names", "", "label"])
def test_a_column_that_is_none_is_refused(table, column):
    with pytest.raises(QueryError, match="no such column"):
        table.page(Query(), Sort(column), 0, 10)


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 1), (0, 10**6)])
def test_a_page_that_is_none_is_refused(table, first, last):
    with pytest.raises(QueryError, match="do not exist"):
        table.page(Query(), Sort(), first, last)


@pytest.mark.parametrize(
    ("text", "least", "most", "says"),
    [
        (7, None, None, "could not be read"),
        ("x" * 201, None, None, "at most 200 characters"),
        ("a b c d e f g h i", None, None, "at most 8 names"),
        ("", 10, 2, "holds nothing"),
        ("", "1e3", None, "whole number"),
        ("", -1, None, "whole number"),
        ("", 1.5, None, "whole number"),
        ("", float("nan"), None, "whole number"),
        ("", float("inf"), None, "whole number"),
        ("", True, None, "whole number"),
        ("", None, [1], "whole number"),
        ("", None, 2**60, "whole number"),
    ],
)
def test_a_query_that_is_none_is_one_sentence(text, least, most, says):
    with pytest.raises(QueryError, match=says):
        parse_query(text, least, most)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=30), column=st.text(max_size=20))
def test_no_text_is_more_than_text(table, frame, text, column):
    try:
        query = parse_query(text, None, None)
    except QueryError:
        return
    assert len(table.found(query)[0]) == len(slow(frame, query))
    if column not in table.sortable():
        with pytest.raises(QueryError):
            table.page(query, Sort(column), 0, 5)


def test_the_database_reads_its_own_file_and_no_other(table, tmp_path):
    import duckdb

    (tmp_path / "x.csv").write_text("a\n1\n")
    for sql in (f"SELECT * FROM read_csv('{tmp_path}/x.csv')", "SET enable_external_access = true",
                f"COPY lexicon TO '{tmp_path}/y.parquet'", "INSTALL httpfs"):
        with table._cursor() as cursor, pytest.raises(duckdb.Error):
            cursor.execute(sql)
    assert not (tmp_path / "y.parquet").exists()


def test_many_threads_get_each_their_own(table, frame):
    wanted = {t: slow(frame, parse_query(t, None, None))["word"].tolist()
              for t in ("tf01", "tf02", "ctcf", "tf0", "tf1")}
    wrong: list[str] = []

    def ask(term: str) -> None:
        fresh = WordTable(table._run, table.search, table._frequency, table._chroms)
        for source in (table, fresh):
            for column in ("gc", "mean_length_bp", "rank"):
                words, n = source.words(parse_query(term, None, None), Sort(column), 0, 300)
                rows = source.rows(words)
                if n != len(wanted[term]) or not {r["word"] for r in rows} <= set(wanted[term]):
                    wrong.append(term)

    threads = [threading.Thread(target=ask, args=(term,)) for term in wanted for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_cache_keeps_within_its_bytes():
    cache = ByteCache(1000)
    for k in range(20):
        cache.put(k, np.zeros(25, dtype=np.int64))
    assert sum(cache.get(k) is not None for k in range(20)) == 5
    cache.put("large", np.zeros(1000, dtype=np.int64))
    assert cache.get("large") is not None
    assert cache.get(19) is None
    with pytest.raises(ValueError, match="read-only"):
        cache.get("large")[0] = 1


def test_a_search_is_the_same_from_the_cache_and_anew(data):
    search = WordSearch(data.run)
    first = search.find(("tf0", "tf1"))
    assert first.words.tolist() == search.find(("tf0", "tf1")).words.tolist()
    assert first.words.tolist() == search.find(("tf1", "tf0")).words.tolist()
    assert search.find(()).words is None


def test_batches_are_the_rows_of_a_query_in_order(table, frame, monkeypatch):
    monkeypatch.setattr(word_table, "_EXPORT_WORDS", 64)
    for query in (Query(), parse_query("tf0", 2, 40)):
        found = [w for batch in table.batches(query) for w in batch.column("word").to_pylist()]
        assert found == slow(frame, query)["word"].tolist()
