"""The token map in a real browser: an image for many points that turns to points when zoomed in,
the legend's filter, contours, names, what is under the pointer, and the link."""

from __future__ import annotations

import pytest

from tests.browser.conftest import opened, serving, wait_for_figure
from tests.enlarged_run import enlarge

MAP = "document.querySelector('#map-graph .js-plotly-plot')"
DRAWN = "p._fullData.slice(0, -6).reduce((n, t) => n + (t.visible ? t.x.length : 0), 0)"


def on_map(page, expression: str):
    """A JavaScript expression over the map's plot ``p``."""
    return page.evaluate(f"(() => {{ const p = {MAP}; return {expression}; }})()")


def wait_until(page, expression: str) -> None:
    page.wait_for_function(f"(() => {{ const p = {MAP}; return {expression}; }})()", timeout=30_000)


def middle(page, selector: str = "#map-graph .nsewdrag"):
    box = page.locator(selector).first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture(scope="module")
def big(browser, synthetic_root, tmp_path_factory):
    """A page with a map of 120,000 points."""
    root = enlarge(synthetic_root, tmp_path_factory.mktemp("big") / "run", 120_000)
    with serving(root) as url, opened(browser, url) as page:
        wait_for_figure(page, "map-graph")
        yield page


def test_many_points_are_an_image_that_is_drawn_anew_and_turns_to_points(big):
    wait_until(big, "p.querySelector('image') && p.layout.images[0].visible")
    assert on_map(big, DRAWN) == 0
    assert "120,000 in view as an image" in big.inner_text("#map-status")
    # The first image was made before the plot's size was known.
    wait_until(big, "p.layout.images[0].x === p._fullLayout.xaxis.range[0]")
    whole = on_map(big, "p._fullLayout.xaxis.range")
    big.mouse.move(*middle(big))
    big.mouse.wheel(0, -250)
    wait_until(big, f"p.layout.images[0].x > {whole[0]}")
    shown = on_map(big, "p._fullLayout.xaxis.range")
    # The zoom stays, and the image is that of the view.
    assert whole[0] < shown[0] < shown[1] < whole[1]
    assert on_map(big, "p.layout.images[0].x") == pytest.approx(shown[0], abs=1e-3)
    # Around one community: few enough for points.
    on_map(big, "window.Plotly.relayout(p, {'xaxis.range': [-62, -54], 'yaxis.range': [-4, 4]})")
    wait_until(big, f"{DRAWN} > 0 && !p.layout.images[0].visible")
    assert "as points" in big.inner_text("#map-status")
    big.click("#map-reset")
    wait_until(big, f"{DRAWN} === 0 && p.layout.images[0].visible")
    assert on_map(big, "p._fullLayout.xaxis.range") == whole


def test_another_layout_begins_whole_and_is_remembered_in_the_link(big):
    tsne = on_map(big, "p._fullLayout.xaxis.range")
    big.click("#map-layout label:has-text('UMAP')")
    wait_until(big, "p._fullLayout.meta.layout === 'umap'")
    umap = on_map(big, "p._fullLayout.meta.whole.slice(0, 2)")
    assert on_map(big, "p._fullLayout.xaxis.range") == umap != tsne
    big.wait_for_function("location.search.includes('map=umap')")
    big.click("#map-reset")
    wait_until(big, f"p._fullLayout.xaxis.range[0] === {umap[0]}")
    big.click("#map-layout label:has-text('t-SNE')")
    wait_until(big, "p._fullLayout.meta.layout === 'tsne'")


def test_the_legend_hides_shows_and_isolates(page):
    every = on_map(page, DRAWN)
    eye = page.locator(".chip-eye").first
    eye.click()
    wait_until(page, f"{DRAWN} < {every}")
    fewer = on_map(page, DRAWN)
    assert "the rest is hidden" in page.inner_text("#map-status")
    assert page.locator(".chip-eye").first.get_attribute("aria-checked") == "false"
    page.locator(".chip-eye").first.click(modifiers=["Shift"])
    wait_until(page, f"{DRAWN} === {every - fewer}")
    page.click(".show-all")
    wait_until(page, f"{DRAWN} === {every}")
    # Filtering selects nothing.
    assert "megacluster" in page.inner_text("#selection-summary")


def test_contours_names_and_the_colour_scale(page):
    assert not page.locator("#map-scale-box").is_visible()
    page.click(".display > summary")
    page.click("text=density contours")
    wait_until(page, "p._fullData.at(-1).x.length > 20")
    page.click("text=names of megaclusters")
    wait_until(page, "p._fullLayout.annotations.length > 1")
    page.click("text=density contours")
    wait_until(page, "!(p._fullData.at(-1).x || []).length")
    page.mouse.click(5, 400)
    assert not page.locator(".display-panel").is_visible()


def test_the_pointer_tells_the_point_and_keys_choose_the_tool(page):
    x, y = on_map(page, """(() => {
      const t = p._fullData[0], a = p._fullLayout, b = p.getBoundingClientRect();
      return [b.left + a.xaxis._offset + a.xaxis.d2p(t.x[5]),
              b.top + a.yaxis._offset + a.yaxis.d2p(t.y[5])];
    })()""")
    page.mouse.move(x + 40, y)
    page.mouse.move(x, y)
    tip = page.locator("#map-tip")
    tip.wait_for(state="visible", timeout=15_000)
    assert "chr2" in tip.inner_text()
    assert "megacluster M" in tip.inner_text()
    page.keyboard.press("b")
    wait_until(page, "p._fullLayout.dragmode === 'drawrect'")
    page.keyboard.press("l")
    wait_until(page, "p._fullLayout.dragmode === 'drawclosedpath'")


def test_a_link_opens_its_layout_and_colour(at):
    page = at("?map=pca&color=gc")
    wait_for_figure(page, "map-graph")
    wait_until(page, "p._fullLayout.meta.layout === 'pca' && p._fullData.at(-5).marker.showscale")
    assert on_map(page, "p._fullData.at(-5).marker.colorbar.title.text") == "GC content (%)"
    page = at("?map=sphere")
    page.wait_for_selector(".notice-alert", timeout=20_000)
    assert "choose UMAP, t-SNE or PCA" in page.inner_text(".notice-alert")
