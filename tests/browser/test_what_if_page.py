"""The page What if in a browser, on the real demo: a motif call is knocked out, and put back."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pandas as pd
import pytest

from tests.browser.conftest import REPOSITORY, free_port, wait_for_figure

#: CTCF's call at the site that the demo opens at, as the list of what can be knocked out has it.
CALL = "CTCF MA0139.1 (-) at 1,484,423"
SHOWN = "() => document.querySelector('#what-if-effect').innerText"


@pytest.fixture
def real_page(browser, real_run):
    """The page, open at the demo's opening locus; an error in the console fails the test."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--run", str(real_run), "--port", str(port)],
        cwd=REPOSITORY, stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.2)
        context = browser.new_context(
            viewport={"width": 1440, "height": 1400}, accept_downloads=True)
        tab = context.new_page()
        errors: list[str] = []
        tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        tab.on("pageerror", lambda e: errors.append(str(e)))
        tab.goto(url)
        tab.locator("#what-if-open").click()
        wait_for_figure(tab, "what-if-graph")
        yield tab
        context.close()
    finally:
        process.terminate()
        process.wait(timeout=10)
    assert errors == []


def sums(page) -> list[float]:
    """Predicted sums as they are shown: the reference's, then the edited one's."""
    return [float(x) for x in re.findall(
        r"[0-9.]+(?:e[-+]\d+)?", page.evaluate(SHOWN).split(":")[0])]


def wait_for_edits(page, n: int) -> None:
    page.wait_for_function(
        "n => document.querySelectorAll('.what-if-chip').length === n && "
        "document.querySelector('#what-if-effect').innerText.includes('→') === n > 0",
        arg=n, timeout=30_000)


def test_the_ctcf_call_is_knocked_out_undone_exported_and_linked(real_page):
    page = real_page
    reference = sums(page)[0]
    page.locator("#what-if-pick").fill(CALL)
    page.locator("[role=option]:visible", has_text=CALL).first.click()
    wait_for_edits(page, 1)
    before, after = sums(page)
    assert before == reference
    assert after < 0.6 * before
    page.wait_for_function(
        "document.querySelector('#what-if-against').innerText.includes('random single-base')")
    page.wait_for_function("location.search.includes('edits=call')")
    with page.expect_download() as download:
        page.locator("#what-if-csv").click()
    text = Path(download.value.path()).read_text()
    table = pd.read_csv(io.StringIO(text), comment="#")
    assert "# edit 1: call MA0139.1 - chr20:1484423-1484441 off\n" in text
    target = table[(table["start"] < 1_484_500) & (table["end"] > 1_484_400)]
    assert target["edited"].sum() < target["reference"].sum()
    link = page.url
    # Undo by key, redo by button, and the edit is gone by its chip.
    page.locator("#what-if-effect").click()
    page.keyboard.press("Control+z")
    wait_for_edits(page, 0)
    assert sums(page) == [reference]
    page.locator("#what-if-redo").click()
    wait_for_edits(page, 1)
    assert sums(page)[1] == after
    page.locator(".what-if-chip").click()
    wait_for_edits(page, 0)
    # What does not fit is said in place.
    page.locator("#what-if-edit").fill("1484476 N>G")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#what-if-says').innerText.includes('holds')")
    page.locator("#mutate-stretch").fill("1,484,425-1,484,454")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('#mutate-says').innerText.startsWith('30 of 30 bp')",
        timeout=30_000)
    page.goto(link)
    wait_for_figure(page, "what-if-graph")
    wait_for_edits(page, 1)
    assert sums(page)[1] == after
