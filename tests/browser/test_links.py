"""The three links, driven in a real browser: map -> places -> genome, genome -> map and curve,
and the region box; with its notices, keys, downloads and URL."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

VIEW = "document.getElementById('genome-graph')"
PLOT = "document.querySelector('#{} .js-plotly-plot')"


def evaluate(page, graph: str, expression: str):
    """A JavaScript expression over the plot ``p`` of a graph."""
    return page.evaluate(f"(() => {{ const p = {PLOT.format(graph)}; return {expression}; }})()")


def region(page) -> str:
    """The region box's text."""
    return page.input_value("#region-input")


def summary(page) -> str:
    return page.inner_text("#selection-summary")


def wait_for_change(page, read, before, timeout_ms: int = 15_000) -> None:
    """Wait until ``read(page)`` differs from ``before``."""
    for _ in range(timeout_ms // 100):
        if read(page) != before:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"still {before!r} after {timeout_ms} ms")


def go(page, text: str) -> None:
    page.fill("#region-input", text)
    page.press("#region-input", "Enter")


def drag_lasso(page) -> None:
    """Draw around the middle half of the map."""
    page.click("#map-lasso")
    box = page.locator("#map-graph .nsewdrag").first.bounding_box()
    x, y, w, h = box["x"], box["y"], box["width"], box["height"]
    corners = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.22)]
    page.mouse.move(x + 0.2 * w, y + 0.2 * h)
    page.mouse.down()
    for cx, cy in corners[1:]:
        page.mouse.move(x + cx * w, y + cy * h, steps=6)
    page.mouse.up()


def test_lasso_to_places_to_genome(page):
    before = summary(page)
    selected_before = evaluate(page, "map-graph", "p._fullData.at(-2).x.length")
    drag_lasso(page)
    wait_for_change(page, summary, before)
    assert "drawn on the map" in summary(page)
    wait_for_change(page, lambda p: evaluate(p, "map-graph", "p._fullData.at(-2).x.length"),
                    selected_before)
    drawn = evaluate(page, "map-graph", "p._fullData.at(-2).x.length")
    stated = int(re.search(r"\(([\d,]+) map points", summary(page))[1].replace(",", ""))
    assert drawn == stated > 0
    page.wait_for_function(
        f"{PLOT.format('prominent-graph')}._fullData[0]?.type === 'bar'", timeout=15_000
    )
    assert evaluate(page, "logo-graph", "p._fullData.length") > 0
    # A click on a place moves the genome view there.
    row = page.locator("#instance-grid .ag-center-cols-container .ag-row[row-index='1']")
    row.wait_for(timeout=15_000)
    locus = row.locator("[col-id='locus']").inner_text()
    old = region(page)
    row.locator("[col-id='locus']").click()
    wait_for_change(page, region, old)
    chrom, start, end = re.match(r"(.+):([\d,]+)-([\d,]+)", locus).groups()
    shown = re.match(r"(.+):([\d,]+)-([\d,]+)", region(page)).groups()
    assert shown[0] == chrom
    low, high = (int(v.replace(",", "")) for v in shown[1:])
    assert low <= int(start.replace(",", "")) <= int(end.replace(",", "")) <= high


def test_genome_window_to_map_and_curve(page):
    traces = evaluate(page, "zipf-graph", "p._fullData.length")
    rings = evaluate(page, "map-graph", "p._fullData.at(-3).x.length")
    words = evaluate(page, "zipf-graph", f"p._fullData[{traces - 2}].x.length")
    assert words > 0
    old = region(page)
    for _ in range(2):
        page.click("#zoom-out")
        wait_for_change(page, region, old)
        old = region(page)
    wait_for_change(
        page, lambda p: evaluate(p, "zipf-graph", f"p._fullData[{traces - 2}].x.length"), words
    )
    assert evaluate(page, "zipf-graph", f"p._fullData[{traces - 2}].x.length") > words
    wait_for_change(page, lambda p: evaluate(p, "map-graph", "p._fullData.at(-3).x.length"), rings)
    assert evaluate(page, "map-graph", "p._fullData.at(-3).x.length") > rings


def test_region_box_takes_a_region_and_a_gene(page):
    chrom, low = re.match(r"(.+):([\d,]+)-", region(page)).groups()
    start = int(low.replace(",", "")) + 1_000
    go(page, f"{chrom}:{start}-{start + 2_999}")
    page.wait_for_function(
        f"{VIEW}.dataset.view === '{chrom}:{start - 1}-{start + 2_999}'", timeout=15_000
    )
    # The tracks are there first; the box and the link follow.
    page.wait_for_function("text => document.querySelector('#region-input').value === text",
                           arg=f"{chrom}:{start:,}-{start + 2_999:,}")
    page.wait_for_url(re.compile(f"region={chrom}%3A{start}-{start + 2_999}"), timeout=10_000)
    # The link opens the same place.
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_function(
        f"{VIEW}?.dataset.view === '{chrom}:{start - 1}-{start + 2_999}'",
        timeout=60_000,
    )
    other.close()


def test_what_is_typed_while_the_views_follow_stays(page):
    chrom, rest = page.input_value("#region-input").split(":")
    start = int(rest.split("-")[0].replace(",", ""))
    page.click("#pan-right")
    page.wait_for_function(
        "old => document.querySelector('#region-readout').innerText.split('  ')[0] !== old",
        arg=f"{chrom}:{rest}")
    page.fill("#region-input", f"{chrom}:{start}-{start + 4_999}")
    # Longer than the other views take to hear of the move.
    page.wait_for_timeout(1_500)
    assert page.input_value("#region-input") == f"{chrom}:{start}-{start + 4_999}"
    page.press("#region-input", "Enter")
    page.wait_for_function(
        "text => document.getElementById('region-input').value === text",
        arg=f"{chrom}:{start:,}-{start + 4_999:,}")


def test_a_question_mark_explains_by_pointer_and_by_key(page):
    mark = page.locator(".help-mark").first
    text = mark.get_attribute("data-help")
    mark.hover()
    page.wait_for_selector("#help-card.is-open")
    assert page.inner_text("#help-card") == text
    assert mark.get_attribute("aria-describedby") == "help-card"
    page.keyboard.press("Escape")
    page.wait_for_selector("#help-card", state="hidden")
    page.mouse.move(5, 5)
    # By keyboard: from the control before it.
    mark.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    page.wait_for_selector("#help-card.is-open")
    box, view = page.locator("#help-card").bounding_box(), page.viewport_size
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= view["width"]
    page.keyboard.press("Tab")
    page.wait_for_selector("#help-card", state="hidden")


def test_dragging_the_genome_view_moves_the_region(page):
    old = region(page)
    track = page.locator("#genome-graph .genome-canvas")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    y = page.locator("#genome-graph").evaluate("e => Math.min(innerHeight - 40, "
                                               "e.getBoundingClientRect().top + 150)")
    page.mouse.move(box["x"] + 0.6 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], y, steps=8)
    page.mouse.up()
    wait_for_change(page, region, old)
    start_of = lambda text: int(re.search(r":([\d,]+)-", text)[1].replace(",", ""))  # noqa: E731
    assert start_of(region(page)) > start_of(old)


def test_bad_regions_are_a_notice_in_place_and_the_view_goes_on(page):
    before = page.evaluate(f"{VIEW}.dataset.view")
    chrom = region(page).split(":")[0]
    for typed, says in (
        (f"{chrom}:900-100", "before it starts"), ("chrZ:1-100", "no chromosome"),
        ("NOSUCHGENE1", "there is no gene"),
        (f"{chrom}:999,999,999-1,999,999,999", "off the chromosome"),
    ):
        go(page, typed)
        page.wait_for_selector(f"#notice :text('{says}')", timeout=10_000)
        assert page.evaluate(f"{VIEW}.dataset.view") == before
    page.click("#zoom-in")
    page.wait_for_function(f"{VIEW}.dataset.view !== '{before}'", timeout=15_000)


def test_keys_move_undo_and_help(page):
    page.click(".brand")
    old = region(page)
    page.keyboard.press("ArrowRight")
    wait_for_change(page, region, old)
    moved = region(page)
    page.keyboard.press("Control+z")
    wait_for_change(page, region, moved)
    assert region(page) == old
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "region-input"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("text=1-based and inclusive", timeout=5_000)


def test_escape_clears_the_selection_and_says_what_to_do(page):
    page.click(".brand")
    page.keyboard.press("Escape")
    page.wait_for_selector("#selection-summary:has-text('nothing yet')", timeout=10_000)
    page.wait_for_selector("#prominent-graph:has-text('nothing is selected')", timeout=10_000)


def test_layouts_and_colours_redraw_the_map(page):
    first = evaluate(page, "map-graph", "p._fullData[0].x[0]")
    page.click("#map-layout >> text=UMAP")
    wait_for_change(page, lambda p: evaluate(p, "map-graph", "p._fullData[0].x[0]"), first)
    page.click("#map-color")
    page.click("[role=option]:has-text('GC content')")
    page.wait_for_function(
        f"{PLOT.format('map-graph')}._fullData.at(-5).marker.showscale === true", timeout=10_000
    )
    title = evaluate(page, "map-graph", "p._fullData.at(-5).marker.colorbar.title.text")
    assert title == "GC content (%)"


def saved(page, graph: str, kind: str) -> tuple[str, bytes]:
    """Name and content of a figure's download, once the figure is drawn."""
    if graph != "genome-graph":
        page.wait_for_function(f"{PLOT.format(graph)}?._fullData?.length > 0", timeout=10_000)
    with page.expect_download(timeout=30_000) as caught:
        page.click(f".save-figure[data-graph={graph}][data-format={kind}]")
    return caught.value.suggested_filename, Path(caught.value.path()).read_bytes()


# One page for all of them: to open one takes longer than to save from it.
def test_every_figure_downloads(page):
    for graph in ("map-graph", "prominent-graph", "logo-graph", "zipf-graph", "genome-graph",
                  "coverage-graph"):
        if graph == "coverage-graph":
            page.click("[role=tab]:has-text('Motif coverage')")
        for kind in ("png", "svg"):
            name, content = saved(page, graph, kind)
            assert name.endswith(f".{kind}"), graph
            is_right = content.startswith(b"\x89PNG") if kind == "png" else b"<svg" in content[:400]
            assert is_right, (graph, kind)


def test_the_numbers_of_figures_are_those_that_they_show(page):
    for graph in ("zipf-graph", "map-graph", "prominent-graph"):
        check_numbers(page, graph)
    check_genome_numbers(page)
    logo = page.locator(".save-figure[data-graph=logo-graph]").all_inner_texts()
    assert logo == ["PNG", "SVG"]


def check_numbers(page, graph: str) -> None:
    """A plot's table against what Plotly has drawn."""
    text = saved(page, graph, "csv")[1].decode()
    title, link = text.splitlines()[:2]
    assert page.get_attribute(f".save-figure[data-graph={graph}]", "data-title") in title
    assert link.startswith("# http://127.0.0.1")
    table = pd.read_csv(io.StringIO(text), comment="#")
    assert table.columns.tolist() == ["trace", "x", "y", "value", "text"]
    shown = evaluate(page, graph, """p._fullData.filter((t) => t.visible === true).map((t) =>
      [t.name, Array.from(t.x).filter((x, i) => x !== null && t.y[i] !== null).length])""")
    assert len(table) == sum(n for _, n in shown) > 0
    x = evaluate(page, graph, "Array.from(p._fullData.find((t) => t.visible === true).x)")
    assert table["x"].head(3).astype(str).tolist() == [str(v) for v in x[:3]] or np.allclose(
        table["x"].head(3).astype(float), np.array(x[:3], dtype=float))


def check_genome_numbers(page) -> None:
    """The genome view's table against its window."""
    span = page.input_value("#region-input").split(":")[1]
    start, end = (int(v.replace(",", "")) for v in span.split("-"))
    text = saved(page, "genome-graph", "csv")[1].decode()
    table = pd.read_csv(io.StringIO(text), comment="#")
    observed = table[table["trace"] == "Observed"]
    at = observed["x"].astype(float)
    assert at.is_monotonic_increasing
    assert at.min() <= start
    assert at.max() >= end
    assert (observed["y"].astype(float) >= 0).all()
    assert "tokens" in set(table["trace"])


def test_run_page_states_what_its_numbers_rest_on(page):
    page.click("#page label:has-text('Run')")
    page.wait_for_selector(".run-page caption", timeout=30_000)
    text = page.inner_text(".run-page")
    assert "871" in text
    assert "completeness error" in text
    assert "Region split" in text


def test_dark_theme_changes_the_page(page):
    light = page.evaluate("getComputedStyle(document.querySelector('.app')).backgroundColor")
    page.click("label:has-text('dark')")
    wait_for_change(
        page,
        lambda p: p.evaluate("getComputedStyle(document.querySelector('.app')).backgroundColor"),
        light,
    )


def test_a_link_names_its_page(at):
    page = at("")
    page.click("#page label:has-text('Run')")
    page.wait_for_function("location.search.includes('page=run')")
    page = at(page.url[page.url.index("?"):])
    page.wait_for_selector(".run-page caption", timeout=10_000)
    assert not page.is_visible(".workspace")
    page = at("?page=%3Cscript%3E")
    page.wait_for_selector(".workspace", timeout=10_000)


def test_other_pages_are_sent_once_when_they_are_opened(page):
    sent = []
    page.on("request", lambda r: sent.append(r.post_data or "")
            if "_dash-update-component" in r.url else None)
    assert page.locator(".language-page .js-plotly-plot").count() == 0
    for name in ("Language", "Workspace", "Language"):
        page.click(f"#page label:has-text('{name}')")
        page.wait_for_timeout(1_000)
    page.wait_for_selector(".language-page .js-plotly-plot", timeout=20_000)
    assert sum("page-opened" in body and ".children" in body for body in sent) == 1
