"""The page Motifs in a browser: cut, search, hover, click, and on to the map."""

from __future__ import annotations

from tests.browser.conftest import wait_for_figure


def test_the_matrix_is_searched_pointed_at_and_leads_to_the_map(page):
    page.get_by_text("Motifs", exact=True).click()
    wait_for_figure(page, "matrix-graph")
    says = page.locator("#matrix-says")
    assert "(the run's cut)" in says.inner_text()
    thumb = page.locator("#matrix-cut [role=slider]")
    thumb.focus()
    thumb.press("ArrowRight")
    page.wait_for_function("document.querySelector('#matrix-says').innerText.startsWith('0.39')")
    page.locator("#matrix-find").fill("CTCF (+)")
    page.locator("[role=option]", has_text="CTCF (+) MA0000.1").click()
    page.wait_for_function("document.querySelector('#matrix-graph .js-plotly-plot')"
                           "._fullData.at(-1).mode === 'markers'")
    box = page.locator("#matrix-graph .nsewdrag[data-subplot=xy]").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.52)
    page.wait_for_function("document.querySelector('#matrix-pair').innerText.includes('IDS')")
    wait_for_figure(page, "matrix-logos")
    page.mouse.down()
    page.mouse.up()
    page.locator("#matrix-map").click()
    page.wait_for_function("location.search.includes('selection=motif')")
    page.locator("#map-graph").wait_for(state="visible")
