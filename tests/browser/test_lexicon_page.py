"""The page Lexicon in a real browser: search, sort, click through to places and the workspace."""

from __future__ import annotations

import re

import pandas as pd
import pytest

GRID = "#lexicon-grid .ag-center-cols-container .ag-row[row-index='{}'] [col-id='{}']"


@pytest.fixture
def lexicon(page):
    page.click("#page label:has-text('Lexicon')")
    page.wait_for_selector(GRID.format(0, "frequency"), timeout=15_000)
    page.wait_for_function("location.search.includes('page=lexicon')")
    return page


def cell(page, row: int, column: str) -> str:
    return page.locator(GRID.format(row, column)).inner_text(timeout=15_000)


def wait_for_cell(page, row: int, column: str, is_right) -> str:
    for _ in range(150):
        found = page.locator(GRID.format(row, column))
        if found.count() and is_right(found.inner_text()):
            return found.inner_text()
        page.wait_for_timeout(100)
    raise AssertionError(f"row {row} of {column} never became right")


def test_search_sort_click_places_workspace(lexicon, synthetic_root):
    page = lexicon
    table = pd.read_parquet(synthetic_root / "lexicon" / "lexicon.parquet")
    page.wait_for_selector("#lexicon-status:has-text('words')")
    assert cell(page, 0, "frequency") == f"{table['frequency'][0]:,}"
    page.fill("#lexicon-search", "ctcf")
    page.wait_for_selector("#lexicon-status:has-text('“ctcf”')", timeout=15_000)
    found = page.inner_text("#lexicon-status")
    counts = re.match(r"([\d,]+) of ([\d,]+) words", found).groups()
    n, of = (int(v.replace(",", "")) for v in counts)
    assert 0 < n < of == len(table)
    wait_for_cell(page, 0, "label", lambda text: "CTCF" in text)
    # Longest first, over all words that are found.
    page.click("#lexicon-grid .ag-header-cell[col-id='max_length_bp'] .ag-header-cell-text")
    longest = int(wait_for_cell(page, 0, "max_length_bp", lambda text: int(text or 0) > 15))
    assert longest >= int(cell(page, 5, "max_length_bp"))
    page.locator(GRID.format(1, "label")).click()
    rank = page.locator(
        "#lexicon-grid .ag-pinned-left-cols-container .ag-row[row-index='1'] [col-id='rank']"
    ).inner_text()
    page.wait_for_selector(f"#lexicon-word:has-text('Rank {rank}:')", timeout=15_000)
    page.wait_for_function("location.search.includes('selection=word')", timeout=15_000)
    page.wait_for_function(
        "document.querySelector('#lexicon-positions .js-plotly-plot')?._fullData?.[0]?.type "
        "=== 'heatmap'", timeout=15_000)
    place = page.locator("#lexicon-places .ag-row[row-index='0'] [col-id='locus']")
    locus = place.inner_text(timeout=15_000)
    chrom, start, end = re.match(r"(.+):([\d,]+)-([\d,]+)", locus).groups()
    place.click()
    page.wait_for_selector(".workspace", state="visible", timeout=15_000)
    page.wait_for_selector("#selection-summary:has-text('1 word in')", timeout=15_000)
    for _ in range(100):
        shown = re.match(r"(.+):([\d,]+)-([\d,]+)", page.input_value("#region-input")).groups()
        low, high = (int(v.replace(",", "")) for v in shown[1:])
        inside = low <= int(start.replace(",", "")) <= int(end.replace(",", "")) <= high
        if shown[0] == chrom and inside:
            break
        page.wait_for_timeout(100)
    else:
        raise AssertionError(f"{page.input_value('#region-input')} does not show {locus}")


def test_no_match_says_what_to_do_and_a_bad_range_is_a_notice(lexicon):
    page = lexicon
    page.fill("#lexicon-search", "<img src=x>")
    page.wait_for_selector("#lexicon-status:has-text('No match')", timeout=15_000)
    assert "Check the spelling" in page.inner_text("#lexicon-status")
    assert page.locator("#lexicon-status img").count() == 0
    page.fill("#lexicon-search", "")
    page.fill("#lexicon-least", "50")
    page.wait_for_selector("#lexicon-status:has-text('words')", timeout=15_000)
    page.fill("#lexicon-most", "3")
    page.wait_for_selector("#notice :text('holds nothing')", timeout=15_000)


def test_downloads_and_a_link_to_a_word(lexicon, at, tmp_path):
    page = lexicon
    page.fill("#lexicon-search", "tf01")
    page.wait_for_selector("#lexicon-status:has-text('“tf01”')", timeout=15_000)
    n = int(page.inner_text("#lexicon-status").split()[0].replace(",", ""))
    for name, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        with page.expect_download(timeout=30_000) as caught:
            page.click(f"#lexicon-{name}")
        assert caught.value.suggested_filename == f"motiflens-words.{name}"
        caught.value.save_as(tmp_path / name)
        assert len(read(tmp_path / name)) == n
    other = at("?page=lexicon&selection=word%3A3")
    other.wait_for_selector("#lexicon-word:has-text('Rank 4:')", timeout=60_000)
    with other.expect_download(timeout=30_000) as caught:
        other.click("#lexicon-places-bed")
    caught.value.save_as(tmp_path / "bed")
    assert len((tmp_path / "bed").read_text().splitlines()) > 1
