"""The page Benchmark in a browser: a factor's sites, another score, and the way to the genome."""

from __future__ import annotations

from tests.browser.conftest import wait_for_figure


def test_a_site_of_a_factor_is_visited(page):
    page.get_by_text("Benchmark", exact=True).click()
    for graph in ("bench-graph", "bench-curves"):
        wait_for_figure(page, graph)
    page.locator("#bench-grid .ag-row").first.wait_for()
    assert "95 % interval" in page.locator("#bench-graph").inner_text()
    page.get_by_text("AUPR", exact=True).click()
    page.wait_for_function("document.querySelector('#bench-says').innerText.includes('AUPR')")
    page.locator("#bench-grid .ag-row").first.click()
    site = page.locator("#bench-sites .ag-row").first
    site.wait_for()
    with page.expect_download() as download:
        page.locator("#bench-csv").click()
    assert download.value.suggested_filename == "motiflens-tf-benchmark.csv"
    before = page.evaluate("location.search")
    site.click()
    page.wait_for_function("before => location.search !== before", arg=before)
    page.locator("#genome-graph").wait_for(state="visible")
