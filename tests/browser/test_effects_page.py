"""The page Motif effects in a browser: a row selects, two clusters meet, sites lead to windows."""

from __future__ import annotations

from tests.browser.conftest import wait_for_figure


def test_a_row_selects_its_cluster_and_two_clusters_meet(page):
    page.get_by_text("Effects", exact=True).click()
    wait_for_figure(page, "effect-graph")
    row = page.locator("#effect-grid .ag-row").first
    row.wait_for()
    row.click()
    page.wait_for_function("location.search.includes('selection=motif')")
    for name, number in (("first", 0), ("second", 8)):
        page.locator(f"#effect-{name}").fill(f"(cluster {number})")
        page.locator("[role=option]:visible", has_text=f"(cluster {number})").first.click()
    page.wait_for_function("document.querySelector('#effect-pair').innerText.includes('By chance')")
    # The pair is told where it meets, by distance, and site by site; a site is a place.
    wait_for_figure(page, "distance-graph")
    page.wait_for_function("document.querySelector('#effect-pair').innerText.includes('log2, q')")
    page.locator("#interaction-grid .ag-row", has_text="TF01").first.click()
    site = page.locator("#site-grid .ag-row").first
    site.wait_for()
    before = page.url
    site.click()
    page.wait_for_function("old => location.href !== old && !location.search.includes('effects')",
                           arg=before)
    page.locator("#genome-graph").wait_for(state="visible")
    # Windows like the site's, and on to the first of them.
    page.locator("#alike-find").click()
    row = page.locator("#alike-grid .ag-row").first
    row.wait_for()
    assert "Windows like chr2" in page.locator("#alike-says").inner_text()
    place = row.locator("[col-id=place]").inner_text()
    row.click()
    page.wait_for_function(
        "text => document.querySelector('#region-readout').innerText.startsWith(text)", arg=place)
    page.get_by_text("Effects", exact=True).click()
    page.locator("#effect-map").click()
    page.locator("#map-graph").wait_for(state="visible")
