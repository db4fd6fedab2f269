"""The report page in a browser: on light and dark, narrow and wide, it is whole and legible."""

from __future__ import annotations

import pytest

from precompute.report import write_report

#: WCAG contrast of every text with the nearest background behind it; the lowest, and whose it is.
CONTRAST = """() => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  let worst = [99, ''];
  for (const node of document.querySelectorAll('h1,h2,h3,p,th,td,span,figcaption,caption,text')) {
    if (!node.textContent.trim() || (node.tagName === 'text' && !node.getAttribute('fill')
        .includes('currentColor'))) continue;
    let place = node;
    while (place && rgb(getComputedStyle(place).backgroundColor)[3] === 0)
      place = place.parentElement;
    const behind = rgb(getComputedStyle(place || document.body).backgroundColor);
    const style = getComputedStyle(node);
    const ink = rgb(node.tagName === 'text' ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(behind)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.tagName + ': ' + node.textContent.slice(0, 40)];
  }
  return worst;
}"""


@pytest.fixture(scope="module")
def path(synthetic_root, tmp_path_factory):
    return write_report(synthetic_root, tmp_path_factory.mktemp("page") / "report.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_is_whole_and_legible(browser, path, scheme, width):
    tab = browser.new_page()
    tab.set_viewport_size({"width": width, "height": 900})
    tab.emulate_media(color_scheme=scheme)
    requests, errors = [], []
    tab.on("request", lambda r: requests.append(r.url))
    tab.on("console", lambda m: errors.append(m.text))
    tab.goto(path.as_uri())
    assert requests == [path.as_uri()]
    assert errors == []
    assert tab.locator("figure svg").count() == 5
    for box in tab.locator("figure svg").all():
        assert box.bounding_box()["width"] > 200
    # Wide tables scroll in their own frame; the page itself does not.
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    ratio, whose = tab.evaluate(CONTRAST)
    assert ratio >= 4.5, whose
    tab.close()


def test_the_page_prints_on_white(browser, path):
    tab = browser.new_page()
    tab.emulate_media(color_scheme="dark", media="print")
    tab.goto(path.as_uri())
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.evaluate(CONTRAST)[0] >= 4.5
    tab.close()
