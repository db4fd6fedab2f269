"""The genome view by hand: overview, wheel, steps, tokens; errors leave the rest alive."""

from __future__ import annotations

import json
import re

import pytest

from tests.browser.conftest import opened, serving, wait_for_figure
from tests.synthetic_run import make_run
from vizapp.data.genome import MAX_STRIP_BP

VIEW = "document.getElementById('genome-graph')"
WHOLE = f"{VIEW}?.dataset.drawn === 'signals explained'"


def region(page) -> tuple[str, int, int]:
    """Chromosome, first and last base of the region box."""
    text = page.input_value("#region-input")
    chrom, start, end = re.match(r"(.+):([\d,]+)-([\d,]+)", text).groups()
    return chrom, int(start.replace(",", "")), int(end.replace(",", ""))


def wait_for_region(page, old) -> tuple[str, int, int]:
    """The region once it is another and drawn; a burst on a slow machine may pass through several,
    so the region is read again at each look."""
    drawn = None
    for _ in range(300):
        new = region(page)
        drawn = page.evaluate(f"{WHOLE} ? {VIEW}.dataset.view : ''")
        if new != old and drawn == f"{new[0]}:{new[1] - 1}-{new[2]}":
            return new
        page.wait_for_timeout(100)
    raise AssertionError(f"the region is {region(page)} after {old}, drawn from {drawn}")


def show(page, selector: str):
    """Scroll an element into the window, below the header; raw mouse events reach nothing else."""
    page.evaluate(
        "s => { const e = document.querySelector(s);"
        " window.scrollBy(0, e.getBoundingClientRect().top - 100); }", selector
    )
    page.wait_for_timeout(200)
    return page.locator(selector).first


def test_a_press_on_the_overview_goes_there_and_keeps_the_width(page):
    old = region(page)
    track = show(page, ".overview-track")
    box = track.bounding_box()
    low, high = int(track.get_attribute("data-low")), int(track.get_attribute("data-high"))
    # In the half where the window is not, for a press on the window itself takes hold of it.
    share = 0.25 if (old[1] + old[2]) / 2 > (low + high) / 2 else 0.75
    page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    new = wait_for_region(page, old)
    middle = (new[1] + new[2]) / 2
    assert new[2] - new[1] == old[2] - old[1]
    assert abs(middle - (low + share * (high - low))) < 0.01 * (high - low)


def test_the_overviews_window_can_be_dragged(page):
    old = region(page)
    mark = show(page, ".overview-window").bounding_box()
    track = page.locator(".overview-track").bounding_box()
    x, y = mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2
    # Towards the side with more room.
    way = 1 if x < track["x"] + track["width"] / 2 else -1
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + way * 0.3 * track["width"], y, steps=6)
    page.mouse.up()
    new = wait_for_region(page, old)
    assert (new[1] - old[1]) * way > 0


def test_a_burst_of_the_wheel_asks_the_server_once(page):
    old = region(page)
    show(page, "#genome-graph")
    asked = []
    page.on("request", lambda r: asked.append(r.post_data or "")
            if "genome/window" in r.url else None)
    box = page.locator("#genome-graph .genome-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    for _ in range(6):
        page.mouse.wheel(0, -60)
        page.wait_for_timeout(20)
    first = wait_for_region(page, old)
    page.wait_for_timeout(500)
    new = region(page)
    assert new[2] - new[1] <= first[2] - first[1] < old[2] - old[1]
    assert page.evaluate(f"{VIEW}.dataset.view") == f"{new[0]}:{new[1] - 1}-{new[2]}"
    # A busy machine may stretch the burst over a pause; it is never one request for each turn.
    drawn = [body for body in asked if '"part":"signals"' in body]
    assert 1 <= len(drawn) <= 3


def test_next_and_previous_lead_there_and_back(page):
    page.click(".brand")
    start = region(page)
    page.keyboard.press("n")
    after = wait_for_region(page, start)
    page.keyboard.press("n")
    beyond = wait_for_region(page, after)
    page.keyboard.press("p")
    assert wait_for_region(page, beyond) == after


def test_steps_and_places_need_one_request_for_the_tracks_and_none_before_it(page):
    sent = []
    page.on("request", lambda r: sent.append((r.url, r.post_data or "")))
    old = region(page)
    page.click(".brand")
    page.keyboard.press("n")
    page.keyboard.press("n")
    after = wait_for_region(page, old)
    page.wait_for_function(f"{VIEW}.dataset.drawn === 'signals explained'")
    windows = [body for url, body in sent if "genome/window" in url and '"signals"' in body]
    assert len(windows) <= 2
    assert all('"place":{"step"' in body for body in windows)
    # Both presses count: the second begins where the first ended.
    page.keyboard.press("p")
    between = wait_for_region(page, after)
    assert between != old
    sent.clear()
    show(page, "#instance-grid")
    place = page.locator("#instance-grid .ag-center-cols-container .ag-row[row-index='2']")
    place.locator("[col-id='locus']").click()
    wait_for_region(page, between)
    first = next(url for url, _ in sent)
    assert "genome/window" in first


def test_a_click_on_a_token_selects_its_word(page):
    before = page.inner_text("#selection-summary")
    for _ in range(5):
        old = region(page)
        page.click("#zoom-in")
        wait_for_region(page, old)
    show(page, "#genome-graph")
    box = page.locator("#genome-graph .genome-canvas").bounding_box()
    x = box["x"] + 150 + (box["width"] - 234) / 2
    # The strip is where hovering names a word's frequency.
    for y in range(int(box["y"]) + 10, int(box["y"] + box["height"]), 12):
        page.mouse.move(x, y)
        if re.search(r"in [\d,]+ bins", page.inner_text(".genome-tip")):
            break
    page.mouse.click(x, y)
    page.wait_for_function(
        "before => document.getElementById('selection-summary').innerText !== before", arg=before
    )
    # The link is written a moment after: the server says what fits into it.
    page.wait_for_url(re.compile("selection=word%3A"), timeout=10_000)


def drag(page, start, end, key=None):
    """Drag the mouse from a place to another, with a key held."""
    page.mouse.move(*start)
    if key:
        page.keyboard.down(key)
    page.mouse.down()
    page.mouse.move(*((a + b) / 2 for a, b in zip(start, end, strict=True)))
    page.mouse.move(*end)
    page.mouse.up()
    if key:
        page.keyboard.up(key)


def shown_tracks(page) -> list[str]:
    """Ids of the tracks from top to bottom, as their grips lie."""
    return page.evaluate(f"""[...{VIEW}.querySelectorAll('.genome-grip')]
        .sort((a, b) => a.offsetTop - b.offsetTop).map((g) => g.dataset.track)""")


def wait_until(page, is_so) -> None:
    """Wait for what is read from the page, 10 s at most."""
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(100)
    assert is_so()


def test_tracks_are_added_moved_resized_scaled_and_removed_and_the_link_brings_them_back(
    page, at
):
    usual = shown_tracks(page)
    assert usual[0] == "genes"
    assert "contributions.onehot" in usual
    asked = []
    page.on("request", lambda r: asked.append(r.post_data or "")
            if "genome/window" in r.url else None)
    show(page, ".genome-controls")
    page.click("#tracks-button")
    page.fill("#track-panel input[type=search]", "residual")
    boxes = page.locator("#track-panel label:visible")
    added = boxes.first.locator("input").get_attribute("value")
    assert added.startswith("residual.")
    boxes.first.click()
    page.wait_for_function(f"{VIEW}.querySelector('[data-track=\"{added}\"]')", timeout=10_000)
    page.keyboard.press("Escape")
    # Only what was added was asked for, and nothing for all that follows.
    assert [body.count('"id"') for body in asked] == [1]
    assert shown_tracks(page) == [*usual, added]
    # Keys bring it to the top.
    page.focus(f'[data-track="{added}"]')
    for _ in usual:
        page.keyboard.press("ArrowUp")
    wait_until(page, lambda: shown_tracks(page) == [added, *usual])
    show(page, "#genome-graph")
    boxes = [page.locator(f'[data-track="{name}"]').bounding_box() for name in (added, usual[0])]
    height = boxes[1]["y"] - boxes[0]["y"]
    # Its lower edge, 100 pixels down.
    x = boxes[0]["x"] + 200
    drag(page, (x, boxes[1]["y"] - 1), (x, boxes[1]["y"] + 99))
    second = page.locator(f'[data-track="{usual[0]}"]')
    wait_until(page, lambda: 90 < second.bounding_box()["y"] - boxes[0]["y"] - height < 110)
    # By the title, below the next one.
    grip = page.locator(f'[data-track="{added}"]').bounding_box()
    third = page.locator(f'[data-track="{usual[1]}"]').bounding_box()
    drag(page, (grip["x"] + 6, grip["y"] + 8), (grip["x"] + 6, third["y"] + 4))
    wait_until(page, lambda: shown_tracks(page)[:2] == [usual[0], added])
    # A fixed scale from its menu, and one less track, all by keyboard.
    page.focus(f'[data-track="{added}"]')
    page.keyboard.press("Enter")
    page.wait_for_selector(".genome-menu [role=menuitem]")
    page.fill(".genome-fixed input >> nth=0", "-3")
    page.fill(".genome-fixed input >> nth=1", "4.5")
    page.keyboard.press("Enter")
    page.focus('[data-track="depth"]')
    page.keyboard.press("Delete")
    page.wait_for_function(f"!{VIEW}.querySelector('[data-track=depth]')")
    assert len(asked) == 1
    order = shown_tracks(page)
    page.wait_for_url(re.compile(r"tracks=genes%2Cresidual[^&]*-3_4\.5"), timeout=10_000)
    again = at(page.url[page.url.index("?"):])
    again.wait_for_function(WHOLE, timeout=60_000)
    assert shown_tracks(again) == order
    again = at("?tracks=genes,nope")
    again.wait_for_selector("#notice :text(\"no track 'nope'\")", timeout=60_000)
    again.wait_for_function(WHOLE, timeout=60_000)
    assert shown_tracks(again) == usual


def test_shift_and_drag_marks_a_region_that_can_be_named_removed_and_gone_to(page):
    show(page, "#genome-graph")
    old = region(page)
    box = page.locator("#genome-graph .genome-canvas").bounding_box()
    plot = box["width"] - 234
    left = box["x"] + 150
    drag(page, (left + 0.25 * plot, box["y"] + 120), (left + 0.5 * plot, box["y"] + 120), "Shift")
    page.wait_for_selector(".mark-chip input")
    assert region(page) == old
    page.fill(".mark-chip input", "my enhancer")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"marks=.*my%2520enhancer"), timeout=10_000)
    page.click(".mark-chip button >> nth=0")
    new = wait_for_region(page, old)
    width = old[2] - old[1] + 1
    # A tenth on either side of the quarter that was marked.
    assert new[2] - new[1] + 1 == pytest.approx(0.3 * width, rel=0.02)
    assert new[1] - old[1] == pytest.approx((0.25 - 0.025) * width, rel=0.05)
    page.click(".brand")
    page.keyboard.press("m")
    page.wait_for_function("document.querySelectorAll('.mark-chip').length === 2")
    page.click(".mark-chip >> nth=1 >> button >> nth=1")
    page.click(".mark-chip >> nth=0 >> button >> nth=1")
    page.wait_for_function(
        "!document.querySelector('.mark-chip') && !location.search.includes('marks')")


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A run whose chromosome is wider than tokens are drawn one by one."""
    return make_run(tmp_path_factory.mktemp("long") / "run", n_bp=MAX_STRIP_BP + 10_000)


def test_another_chromosome_has_its_own_overview_and_the_way_back_too(page):
    for place in ("chr21:2,001-4,000", "chr20:1,010,001-1,012,000", "chr21:2001..4000"):
        chrom = place.split(":")[0]
        page.fill("#region-input", place)
        page.press("#region-input", "Enter")
        first = {"chr21": 2_000, "chr20": 1_010_000}[chrom]
        page.wait_for_function(
            """([chrom, first]) => {
              const track = document.querySelector('.overview-track').dataset;
              return document.querySelector('.overview-name').innerText === chrom
                && track.chrom === chrom && Number(track.start) === first
                && Number(track.end) === first + 2000 && Number(track.high) >= first + 2000; }""",
            arg=[chrom, first], timeout=15_000)
    # However it was written, the box says it in one way.
    page.wait_for_function(
        "document.getElementById('region-input').value === 'chr21:2,001-4,000'")
    page.fill("#region-input", "chr21:2001-4000")
    page.press("#region-input", "Enter")
    page.wait_for_function(
        "document.getElementById('region-input').value === 'chr21:2,001-4,000'")


def test_each_zoom_level_shows_what_can_be_read_there(browser, long_run):
    with serving(long_run) as url, opened(browser, url) as page:
        wait_for_figure(page, "genome-graph")
        zoom_levels(page)


def zoom_levels(page) -> None:
    """From the whole chromosome to bases."""
    told = f"{VIEW}.getAttribute('aria-label')"
    chrom, start, _ = region(page)
    low, high = (int(page.locator(".overview-track").get_attribute(f"data-{end}"))
                 for end in ("low", "high"))
    named = """window.motiflensShown.views['genome-graph'].placed()
      .filter((one) => one.item.id === 'tokens').flatMap((one) => one.row.traces)
      .filter((trace) => trace.mode === 'text').flatMap((trace) => trace.text).length"""

    def go(first: int, last: int) -> str:
        page.fill("#region-input", f"{chrom}:{first}-{last}")
        page.press("#region-input", "Enter")
        page.wait_for_function(
            f"{VIEW}.dataset.view === '{chrom}:{first - 1}-{last}' && {WHOLE}", timeout=30_000)
        return page.evaluate(told)

    whole = go(low + 1, high)
    assert "Token density" in whole
    assert "Token entropy" in whole
    assert "Tokens by megacluster" not in whole
    middle = min(start, high - 50_000)
    wide = go(middle, middle + 49_999)
    assert "Tokens by megacluster" in wide
    assert "Token density" not in wide
    assert page.evaluate(named) == 0
    assert "named: " in go(middle, middle + 9_999)
    assert page.evaluate(named) > 3
    close = go(middle, middle + 199)
    assert "Bases" in close
    assert "Bases" not in go(middle, middle + 9_999)


def test_below_400_bp_there_are_letters_and_hits_with_logos_and_steps_go_from_hit_to_hit(page):
    # A screen reader is told what the canvas shows.
    told = f"{VIEW}.getAttribute('aria-label')"
    assert "Bases" not in page.evaluate(told)
    assert "Motif hits" not in page.evaluate(told)
    assert "letters below 400 bp" in page.evaluate(told)
    chrom, start, _ = region(page)
    page.fill("#region-input", f"{chrom}:{start}-{start + 199}")
    page.press("#region-input", "Enter")
    page.wait_for_function(f"{told}.includes('Bases') && {WHOLE}", timeout=15_000)
    assert "letters below" not in page.evaluate(told)
    page.wait_for_function(f"{told}.includes('Motif hits (the strongest of')", timeout=60_000)
    show(page, "#genome-graph")
    find = """(() => {
      const view = window.motiflensShown.views['genome-graph'], at = view.region();
      const one = view.placed().find((o) => o.item.id === 'hits'), [low, high] = one.range;
      const box = one.row.boxes.find((b) => b.start >= at.start && b.end <= at.end);
      return { share: ((box.start + box.end) / 2 - at.start) / (at.end - at.start), tf: box.tf,
               y: one.bottom - (box.y - low) / (high - low) * (one.bottom - one.top) }; })()"""
    hit = page.evaluate(find)
    box = page.locator("#genome-graph .genome-canvas").bounding_box()
    page.mouse.move(box["x"] + 150 + hit["share"] * (box["width"] - 234), box["y"] + hit["y"])
    page.wait_for_selector(".genome-logo", state="visible")
    assert page.inner_text(".genome-tip").startswith(hit["tf"])
    inked = """(() => { const c = document.querySelector('.genome-logo');
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      return d.some((v) => v > 0); })()"""
    assert page.evaluate(inked)
    # The factor of that hit, by name; then to the next one, on, and back.
    page.fill("#step-kind", hit["tf"])
    page.locator(f"[role=option]:has-text('{hit['tf']} motif hit')").first.click()
    page.click(".brand")
    places = [region(page)]
    for key in "nnp":
        page.keyboard.press(key)
        places.append(wait_for_region(page, places[-1]))
    middles = [(a + b) // 2 for _, a, b in places]
    assert middles[0] < middles[1] < middles[2]
    assert middles[3] == middles[1]


def test_a_second_place_has_the_same_tracks_and_moves_on_its_own(page):
    old = region(page)
    second = "document.getElementById('genome-graph-2')"
    drawn = f"{second}.dataset.drawn === 'signals explained'"
    show(page, ".genome-controls")
    page.click("#second-button")
    page.wait_for_function(drawn, timeout=30_000)
    chrom, start, end = old
    assert page.evaluate(f"{second}.dataset.view") == f"{chrom}:{start - 1}-{end}"
    page.fill("#second-input", f"{chrom}:{start + 500}-{start + 1499}")
    page.press("#second-input", "Enter")
    place = f"{chrom}:{start + 499}-{start + 1499}"
    page.wait_for_function(f"{second}.dataset.view === '{place}' && {drawn}", timeout=30_000)
    page.focus("#genome-graph-2")
    page.keyboard.press("ArrowRight")
    moved = f"{chrom}:{start + 999}-{start + 1999}"
    page.wait_for_function(f"{second}.dataset.view === '{moved}' && {drawn}", timeout=30_000)
    assert region(page) == old
    assert page.evaluate(f"{VIEW}.dataset.view") == f"{chrom}:{start - 1}-{end}"
    page.wait_for_url(re.compile("region2="), timeout=10_000)
    # A track that goes from one goes from both.
    page.focus("#genome-graph-2 [data-track=depth]")
    page.keyboard.press("Delete")
    page.wait_for_function("!document.querySelector('[data-track=depth]')", timeout=10_000)
    page.click("#second-close")
    page.wait_for_selector("#second-place", state="hidden")
    page.wait_for_function("!location.search.includes('region2')", timeout=10_000)


def test_a_bad_step_is_a_notice_and_the_views_go_on(page):
    chrom, _, _ = region(page)
    high = int(page.locator(".overview-track").get_attribute("data-high"))
    old = region(page)
    page.fill("#region-input", f"{chrom}:{high - 499}-{high}")
    page.press("#region-input", "Enter")
    last = wait_for_region(page, old)
    page.click("#step-next")
    page.wait_for_selector("#notice :text('there is no')", timeout=10_000)
    page.click("#pan-left")
    wait_for_region(page, last)


def test_a_bad_link_opens_the_app_with_a_notice(at):
    page = at("?region=chrZ:5-9")
    page.wait_for_selector("#notice :text('no chromosome')", timeout=60_000)
    page.wait_for_function(WHOLE, timeout=60_000)


def test_panning_inside_what_is_loaded_draws_before_the_server_answers(page):
    show(page, "#genome-graph")
    old = region(page)
    page.route("**/genome/window", lambda route: route.abort())
    page.route("**/_dash-update-component", lambda route: None)
    box = page.locator("#genome-graph .genome-canvas").bounding_box()
    page.mouse.move(box["x"] + 700, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 150, steps=5)
    page.wait_for_function(f"!{VIEW}.dataset.view.includes(':{old[1] - 1}-')", timeout=5_000)
    first = int(page.evaluate(f"{VIEW}.dataset.view").split(":")[1].split("-")[0])
    # 200 pixels of the window's 1440 - margins; the drawn place moved by as many bases.
    share = 200 / (box["width"] - 234)
    assert abs((first - (old[1] - 1)) - share * (old[2] - old[1] + 1)) <= 2
    # Not blank: what was loaded beside the window is drawn.
    inked = page.evaluate(f"""(() => {{
      const c = {VIEW}.querySelector(".genome-canvas"), s = c.width / c.clientWidth;
      const d = c.getContext('2d').getImageData((c.clientWidth - 200) * s, 60 * s,
                                                100 * s, 300 * s);
      return d.data.some((v, i) => i % 4 === 3 && v > 60); }})()""")
    assert inked
    page.unroute("**/_dash-update-component")
    page.unroute("**/genome/window")
    page.mouse.up()


@pytest.mark.parametrize("search", ["", "?region=chr20:1,010,001-1,014,000&selection=mega:1"])
def test_a_visits_window_is_drawn_before_the_page_asks_the_server_for_anything(
    browser, at, search
):
    browser.route("**/_dash-update-component*", lambda route: None)
    try:
        page = at(search)
        page.wait_for_function(WHOLE, timeout=60_000)
        if search:
            assert page.evaluate(f"{VIEW}.dataset.view") == "chr20:1010000-1014000"
    finally:
        browser.unroute("**/_dash-update-component*")  # which lets those that wait go on
    # What the page hears later is what is drawn already.
    page.wait_for_function("new URLSearchParams(location.search).has('region')")
    drawn = page.evaluate(f"{VIEW}.dataset.view").replace("-", ":").split(":")
    assert region(page) == (drawn[0], int(drawn[1]) + 1, int(drawn[2]))
    if not search:
        return
    # What a link brought is one step, undone at once.
    page.wait_for_function("location.search.includes('selection=mega%3A1')")
    page.click("#undo")
    opening = json.loads(page.get_attribute("#genome-graph", "data-opening"))
    place = f"{opening['chrom']}:{opening['start'] + 1}-{opening['end']}"
    page.wait_for_function(
        "place => { const said = new URLSearchParams(location.search);"
        " return said.get('region') === place && said.get('selection') === 'mega:0'; }", arg=place)


def test_no_request_leaves_this_machine(browser, served):
    tab = browser.new_page()
    hosts = set()
    tab.on("request", lambda r: hosts.add(re.sub(r"^(\w+://[^/]+).*", r"\1", r.url)))
    tab.goto(served)
    tab.wait_for_function(WHOLE, timeout=60_000)
    tab.wait_for_timeout(1_000)
    tab.close()
    outside = {h for h in hosts if not h.startswith(("data:", "blob:"))}
    assert outside == {served.rstrip("/")}
