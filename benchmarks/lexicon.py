"""Time of sorting, searching and paging the lexicon of a run, as the app's table asks for it.

    python benchmarks/lexicon.py runs/chr20

Every time is of one page of 50 rows, from the question to the rows, in this process alone. "New"
orders and searches are asked for the first time; the next page of the same order is the one that
scrolling asks for.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from precompute.artefacts import RunFolder
from vizapp.data.word_search import Query, WordSearch, parse_query
from vizapp.data.word_table import Sort, WordTable

PAGE = 50
SEARCHES = 30


def main(root: Path) -> None:
    """Print medians and 95th percentiles by kind of question."""
    import psutil

    run = RunFolder(root)
    frequency = run.arrow("words", ["frequency"])["frequency"].to_numpy()
    chroms = list(run.group("bins").attrs["chroms"])
    table = WordTable(run, WordSearch(run), frequency, chroms)
    table.page(Query(), Sort(), 0, PAGE)
    taken: dict[str, list[float]] = defaultdict(list)

    def ask(kind: str, query: Query, sort: Sort, first: int = 0) -> None:
        began = time.perf_counter()
        table.page(query, sort, first, first + PAGE)
        taken[kind].append(1000 * (time.perf_counter() - began))

    for i in range(20):
        ask("by rank", Query(), Sort("rank", bool(i % 2)), i * PAGE)
    middle = len(frequency) // 2
    for column in table.sortable():
        for is_falling in (False, True):
            sort = Sort(column, is_falling)
            ask("new order", Query(), sort)
            ask("next page", Query(), sort, PAGE)
        if column not in ("rank", "frequency"):
            ask("middle of an order, first time", Query(), sort, middle)
            ask("middle of an order, next page", Query(), sort, middle + PAGE)
    names = sorted({tf for tfs in table.search.clusters["tfs"] for tf in tfs})
    rng = np.random.default_rng(0)
    for _ in range(SEARCHES):
        one, two = rng.choice(names, 2, replace=False)
        ask("search of one name", parse_query(str(one), None, None), Sort())
        pair = parse_query(f"{one} {two}", None, None)
        ask("search of two names", pair, Sort())
        ask("search of two names, new order", pair, Sort("gc", True))
    for most in (2, 5, 20, 100, 10_000):
        ask("range of frequencies, new order", parse_query(None, 2, most), Sort("gc", True))
    print(f"{len(frequency):,} words, pages of {PAGE} rows; times in ms")
    for kind, times in [*taken.items(), ("all", [t for ts in taken.values() for t in ts])]:
        print(f"{kind:<34} n {len(times):>3}  median {np.median(times):6.0f}  "
              f"p95 {np.percentile(times, 95):6.0f}  max {max(times):6.0f}")
    print(f"memory of this process: {psutil.Process().memory_info().rss / 2**20:,.0f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
