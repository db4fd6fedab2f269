"""The page What if in a browser: a motif call is knocked out, and put back; on the demo, CTCF's."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tests.browser.conftest import opened, serving, wait_for_figure
from tests.model_run import store_models
from tests.synthetic_run import make_run

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: CTCF's call at the site that the demo opens at, as the list of what can be knocked out has it.
CALL = "CTCF MA0139.1 (-) at 1,484,423"
SHOWN = "() => document.querySelector('#what-if-effect').innerText"


#: A link to a window of the made-up run.
LINK = "?page=what-if&window=chr20:1005001-1013000&target=1008001-1008800&model=tokens"


@contextmanager
def what_if(browser, run: Path, search: str = "") -> Iterator[Page]:
    """The page What if of a run, at its opening locus or at a link's."""
    with serving(run) as url, opened(browser, url + search, height=1400) as page:
        if not search:
            page.locator("#what-if-open").click()
        wait_for_figure(page, "what-if-graph")
        yield page


def sums(page) -> list[float]:
    """Predicted sums as they are shown: the reference's, then the edited one's."""
    return [float(x) for x in re.findall(
        r"[0-9.]+(?:e[-+]\d+)?", page.evaluate(SHOWN).split(":")[0])]


def wait_for_edits(page, n: int) -> None:
    page.wait_for_function(
        "n => document.querySelectorAll('.what-if-chip').length === n && "
        "document.querySelector('#what-if-effect').innerText.includes('→') === n > 0",
        arg=n, timeout=30_000)


def knock_out(page, option: str) -> tuple[float, float]:
    """Choose the first option with this text; the sums before and after."""
    reference = sums(page)
    page.locator("#what-if-pick").fill(option)
    page.locator("[role=option]:visible", has_text=option).first.click()
    wait_for_edits(page, 1)
    before, after = sums(page)
    assert [before] == reference
    page.wait_for_function("location.search.includes('edits=call')")
    return before, after


def saved(page) -> tuple[str, pd.DataFrame]:
    """The exported table, as text and read."""
    with page.expect_download() as download:
        page.locator("#what-if-csv").click()
    text = Path(download.value.path()).read_text()
    return text, pd.read_csv(io.StringIO(text), comment="#")


def put_back_and_mutate(page, before: float, after: float, wrong: str, stretch: str) -> None:
    """Undo by key, redo by button, and the edit is gone by its chip; what does not fit is said in
    place; every base of a stretch is substituted; the link brings the edit back."""
    link = page.url
    page.locator("#what-if-effect").click()
    page.keyboard.press("Control+z")
    wait_for_edits(page, 0)
    assert sums(page) == [before]
    page.locator("#what-if-redo").click()
    wait_for_edits(page, 1)
    assert sums(page)[1] == after
    page.locator(".what-if-chip").click()
    wait_for_edits(page, 0)
    page.locator("#what-if-edit").fill(wrong)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#what-if-says').innerText.includes('holds')")
    page.locator("#mutate-stretch").fill(stretch)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('#mutate-says').innerText.startsWith('30 of 30 bp')",
        timeout=60_000)
    page.goto(link)
    wait_for_figure(page, "what-if-graph")
    wait_for_edits(page, 1)
    assert sums(page)[1] == after


def test_a_call_is_knocked_out_undone_exported_and_linked(browser, tmp_path):
    root = make_run(tmp_path / "run", n_bp=30_000)
    store_models(root)
    with what_if(browser, root, LINK) as page:
        before, after = knock_out(page, " at 1,008,")
        text, table = saved(page)
        assert len(re.findall(r"# edit \d+: call .* off\n", text)) == 1
        changed = table[table["edited"] != table["reference"]]
        # Only what the network sees around the call changes.
        assert 0 < len(changed) < len(table) / 2
        assert changed["start"].min() > 1_006_000
        put_back_and_mutate(page, before, after, "1008476 N>G", "1,008,425-1,008,454")


def test_ctcfs_call_of_the_demo_carries_its_site(browser, real_run):
    with what_if(browser, real_run) as page:
        before, after = knock_out(page, CALL)
        assert after < 0.6 * before
        page.wait_for_function(
            "document.querySelector('#what-if-against').innerText.includes('random single-base')")
        text, table = saved(page)
        assert "# edit 1: call MA0139.1 - chr20:1484423-1484441 off\n" in text
        target = table[(table["start"] < 1_484_500) & (table["end"] > 1_484_400)]
        assert target["edited"].sum() < target["reference"].sum()
        put_back_and_mutate(page, before, after, "1484476 N>G", "1,484,425-1,484,454")
