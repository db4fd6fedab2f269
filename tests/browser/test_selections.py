"""Selections in a real browser: modifier keys, inversion, undo, and what a link carries."""

from __future__ import annotations

import re
from pathlib import Path

from tests.browser.test_links import drag_lasso, evaluate, summary, wait_for_change


def n_points(page) -> int:
    """Map points of the selection, as the panel states them."""
    return int(re.search(r"\(([\d,]+) map points", summary(page))[1].replace(",", ""))


def draw(page, corners, key: str | None = None) -> None:
    """Drag the lasso through corners, in shares of the map's width and height."""
    page.click("#map-lasso")
    box = page.locator("#map-graph .nsewdrag").first.bounding_box()
    places = [(box["x"] + cx * box["width"], box["y"] + cy * box["height"]) for cx, cy in corners]
    for name in (key or "").split("+"):
        if name:
            page.keyboard.down(name)
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    for name in (key or "").split("+"):
        if name:
            page.keyboard.up(name)


LEFT = [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98), (0.02, 0.04)]
RIGHT = [(0.55, 0.02), (0.98, 0.02), (0.98, 0.98), (0.55, 0.98), (0.55, 0.04)]
TOP = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.5), (0.02, 0.5), (0.02, 0.04)]
# The same points, by an outline that is not the same: Plotly reports no outline twice.
TOP_AGAIN = [*TOP[:-1], (0.02, 0.05)]


def test_shift_adds_alt_subtracts_both_intersect_and_undo_returns(page):
    before = summary(page)
    draw(page, LEFT)
    wait_for_change(page, summary, before)
    left, text = n_points(page), summary(page)
    draw(page, RIGHT, "Shift")
    wait_for_change(page, summary, text)
    both, text = n_points(page), summary(page)
    assert both > left > 0
    draw(page, TOP, "Alt")
    wait_for_change(page, summary, text)
    lower, text = n_points(page), summary(page)
    assert 0 < lower < both
    assert "without" in text
    page.click(".brand")
    page.keyboard.press("Control+z")
    wait_for_change(page, summary, text)
    assert n_points(page) == both
    text = summary(page)
    draw(page, TOP_AGAIN, "Shift+Alt")
    wait_for_change(page, summary, text)
    assert n_points(page) == both - lower
    # Without a key a drawing replaces again.
    text = summary(page)
    draw(page, LEFT)
    wait_for_change(page, summary, text)
    assert n_points(page) == left
    everything = evaluate(page, "map-graph", "p._fullData.slice(0, -6).reduce("
                          "(n, t) => n + (t.visible ? t.x.length : 0), 0)")
    page.click("#selection-invert")
    wait_for_change(page, n_points, left)
    assert n_points(page) == everything - left


def test_the_choice_in_the_panel_counts_and_a_link_carries_the_drawing(page):
    before = summary(page)
    drag_lasso(page)
    wait_for_change(page, summary, before)
    first, text = n_points(page), summary(page)
    page.click("#selection-how label:has-text('intersect')")
    draw(page, TOP)
    wait_for_change(page, summary, text)
    n = n_points(page)
    assert 0 < n < first
    page.wait_for_function("location.search.includes('intersect')")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(f"#selection-summary:has-text('({n:,} map points')", timeout=60_000)
    other.close()


def test_saved_selections_outlive_a_reload_and_are_compared(page):
    before = summary(page)
    draw(page, LEFT)
    wait_for_change(page, summary, before)
    left, text = n_points(page), summary(page)
    page.click("#saved-menu")
    page.fill("#saved-name", "left <b>half</b>")
    page.press("#saved-name", "Enter")
    page.wait_for_selector("#saved-chips .chip:has-text('left <b>half</b>')", timeout=10_000)
    page.fill("#saved-list input", "left half")
    page.press("#saved-list input", "Enter")
    page.wait_for_selector("#saved-chips .chip:text-is('left half')", timeout=10_000)
    page.click(".brand")
    address = page.url
    draw(page, RIGHT)
    wait_for_change(page, summary, text)
    wait_for_change(page, lambda p: p.url, address)
    right = n_points(page)
    page.reload()
    page.wait_for_selector("#saved-chips .chip:text-is('left half')", timeout=60_000)
    # The link's selection follows the opening one.
    wait_for_change(page, lambda p: f"({right:,} map points" in summary(p), False)
    text = summary(page)
    page.click("#saved-chips .chip")
    wait_for_change(page, summary, text)
    assert n_points(page) == left
    page.click("[role=tab]:has-text('Compare')")
    page.wait_for_function(
        "document.querySelector('#volcano-graph .js-plotly-plot')?._fullData?.length === 3",
        timeout=15_000,
    )
    assert f"selection: {left:,} map points" in page.inner_text("#compare-says")
    assert evaluate(page, "volcano-graph", "p._fullData.reduce((n, t) => n + t.x.length, 0)") > 5
    # A row of the table colours the map by its motif.
    page.click("#compare-grid .ag-center-cols-container .ag-row[row-index='0'] [col-id='motif']")
    motif = page.inner_text("#compare-grid .ag-row[row-index='0'] [col-id='motif']")
    page.wait_for_function(
        "t => document.querySelector('#map-color').value === t", arg=motif, timeout=10_000)
    with page.expect_download(timeout=15_000) as caught:
        page.click("#compare-csv")
    lines = Path(caught.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("motif_cluster,tfs,mean_a,mean_b,log2_ratio,auc,p_value,q_value")
    page.click("#saved-menu")
    page.click("#saved-list button:has-text('delete')")
    page.wait_for_selector("#saved-chips:has-text('none yet')", timeout=10_000)


def test_search_offers_while_typing_and_selects_by_keyboard(page):
    place, text = page.input_value("#region-input"), summary(page)
    page.click(".brand")
    page.keyboard.press("/")
    page.keyboard.type("ctcf")
    page.wait_for_selector("#search-list[data-open] .search-hit.is-active", timeout=10_000)
    detail = page.inner_text(".search-hit.is-active .search-detail")
    page.keyboard.press("Enter")
    wait_for_change(page, summary, text)
    assert f"{n_points(page):,} map points" in detail
    assert "CTCF" in summary(page)
    assert not page.is_visible("#search-list")
    # The box says again where the genome view is.
    wait_for_change(page, lambda p: p.input_value("#region-input"), "ctcf")
    assert page.input_value("#region-input") == place
    page.fill("#region-input", "nothing has this name")
    page.wait_for_selector("#search-list:has-text('nothing in this run is called')", timeout=10_000)
    page.keyboard.press("Escape")
    assert not page.is_visible("#search-list")


def test_a_subclusters_dot_selects_it_and_exports_hold_what_is_selected(page):
    text = summary(page)
    page.click("[role=tab]:has-text('Subclusters')")
    dot = page.locator("#subclusters-graph .points path").first
    dot.wait_for(timeout=15_000)
    number = evaluate(page, "subclusters-graph", "p._fullData[0].customdata[0][0]")
    dot.click(force=True)
    wait_for_change(page, summary, text)
    assert f"subcluster {number}," in summary(page)
    places = int(re.search(r"in ([\d,]+) places?", summary(page))[1].replace(",", ""))
    contents = {}
    for name in ("places-bed", "points-csv"):
        page.click("#export-menu")
        with page.expect_download(timeout=15_000) as caught:
            page.click(f"#export-{name}")
        contents[name] = Path(caught.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(contents["places-bed"]) == places
    assert len(contents["points-csv"]) == n_points(page) + 1
    page.click("#selection-clear")
    page.wait_for_selector("#selection-summary:has-text('nothing yet')", timeout=10_000)
    page.click("#export-menu")
    page.click("#export-places-csv")
    page.wait_for_selector("#notice :text('nothing is selected')", timeout=10_000)
