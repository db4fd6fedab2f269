"""The page Models in a browser: the table, a set without peaks, a window that leads somewhere."""

from __future__ import annotations

from tests.browser.conftest import wait_for_figure

EXTREME = "#extreme-grid .ag-row[row-index='0'] [col-id='place']"
CHANGED = "([cell, old]) => ![null, old].includes(document.querySelector(cell)?.innerText ?? null)"
CELL = "#score-grid .ag-row[row-index='0'] [col-id='%s']"


def test_scores_sets_download_and_a_window_to_go_to(at):
    page = at("?page=models")
    for graph in ("window-graph", "ranking-graph", "training-graph"):
        wait_for_figure(page, graph)
    if page.locator("#tour-close").is_visible():
        page.click("#tour-close")
    page.wait_for_selector(CELL % "label")
    assert "token model" in page.locator(CELL % "label").inner_text()
    shown = page.locator(CELL % "r").inner_text()
    assert "(" in shown
    page.locator("#score-resolution label", has_text="128 bp").click()
    page.wait_for_function(CHANGED, arg=[CELL % "r", shown])
    with page.expect_download() as saved:
        page.click("#score-csv")
    assert saved.value.path().read_text().startswith("predictor,track,set,resolution_bp,")
    row = page.locator(EXTREME)
    place = row.inner_text()
    page.locator("#score-set label", has_text="train").click()
    page.wait_for_function(
        "document.querySelector('#ranking-graph').innerText.includes('validation and the test')")
    # The table of windows changes with the set too, on its own; no window is in two sets.
    page.wait_for_function(CHANGED, arg=[EXTREME, place])
    place = row.inner_text()
    row.click()
    page.wait_for_function("new URLSearchParams(location.search).get('page') === null")
    chrom, span = place.split(":")
    start, end = (int(x.replace(",", "")) for x in span.split("-"))
    page.wait_for_function(
        "([c, s, e]) => document.getElementById('region-input').value.replaceAll(',', '')"
        " === `${c}:${s}-${e}`", arg=[chrom, start, end])
