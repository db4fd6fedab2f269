"""The page Language in a browser: laws, definitions, controls, and a click on a profile."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import wait_for_figure

PLOT = "document.querySelector('#%s .js-plotly-plot')"


def evaluate(page, graph, expression):
    return page.evaluate(f"(() => {{ const p = {PLOT % graph}; return {expression}; }})()")


@pytest.fixture
def language(at):
    page = at("?page=language")
    for graph in ("law-curves-graph", "growth-graph", "abbreviation-graph", "profile-graph",
                  "carrier-graph"):
        wait_for_figure(page, graph)
    if page.locator("#tour-close").is_visible():
        page.click("#tour-close")
    return page


def cell(page, row, column):
    return page.locator(f"#law-grid .ag-row[row-index='{row}'] [col-id='{column}']").inner_text()


def test_laws_controls_definitions_and_a_profile(language):
    page = language
    page.wait_for_selector("#law-grid .ag-row[row-index='2']")
    assert cell(page, 0, "name") == "Motif words"
    assert cell(page, 0, "paper") == "−0.99"
    before = cell(page, 0, "r")
    assert re.fullmatch(r"−[01]\.\d{3} \(−[01]\.\d{3} to −[01]\.\d{3}\)", before)
    dashes = evaluate(page, "law-curves-graph", "p.data.map(t => t.line.dash)")
    assert {"solid", "dash", "dot"} == set(dashes)

    page.click("#law-definition")
    page.get_by_role("option", name="r over all types").click()
    page.wait_for_function(
        "old => document.querySelector(\"#law-grid .ag-row[row-index='0'] [col-id='r']\")"
        ".innerText !== old", arg=before)

    page.locator(".mantine-Switch-root", has_text="shuffled controls").click()
    page.wait_for_function(f"{PLOT % 'law-curves-graph'}.data.every(t => t.line.dash === 'solid')")
    page.wait_for_function(f"{PLOT % 'profile-graph'}.data.length <= 4")

    with page.expect_download() as saved:
        page.click("#law-csv")
    text = saved.value.path().read_text()
    assert text.startswith("tokenizer,corpus,label,")
    assert "r_low_seen3" in text.splitlines()[0]


def test_a_click_on_a_profile_shows_its_token_and_selects_its_word(language):
    page = language
    shown = page.input_value("#profile-select")
    page.locator("#profile-graph").scroll_into_view_if_needed()
    # The first violin's points lie about its middle: walk up it until one is hit.
    spot = evaluate(page, "profile-graph", """(() => {
        const box = p.getBoundingClientRect(), layout = p._fullLayout, calc = p.calcdata[0][0];
        const points = [...p.querySelectorAll('.trace.violins path.point')];
        const other = points.map(q => q.getBoundingClientRect()).filter(b => b.width > 0);
        const b = other[Math.floor(other.length / 2)];
        return [b.left + b.width / 2, b.top + b.height / 2];
    })()""")
    page.mouse.move(*spot)
    page.wait_for_timeout(300)
    page.mouse.click(*spot)
    page.wait_for_function("old => document.getElementById('profile-select').value !== old",
                           arg=shown)
    page.wait_for_function(
        "document.getElementById('carrier-says').innerText.includes('motif word')")
    page.click("#carrier-show")
    page.wait_for_function("new URLSearchParams(location.search).get('page') === null")
    page.wait_for_function("location.search.includes('word')")


def test_nothing_sticks_out(language):
    for width in (1440, 1000):
        language.set_viewport_size({"width": width, "height": 900})
        language.wait_for_timeout(400)
        assert language.evaluate("document.documentElement.scrollWidth") <= width
