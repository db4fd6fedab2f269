"""A served run and a browser. ``MOTIFLENS_RUN`` names a real run; without it a synthetic one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

REPOSITORY = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-unsafe-swiftshader",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: a file that forgot would run beside the others."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(run: Path | str) -> Iterator[str]:
    """Address of a run's app, served as a user serves it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--run", str(run), "--port", str(port)],
        cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(600):
            if process.poll() is not None:
                pytest.fail(f"the app did not start: {process.stderr.read()}")
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stderr.close()


@contextmanager
def opened(browser: BrowserContext, url: str, height: int = 900) -> Iterator[Page]:
    """A page at an address, with its console under watch: an error fails the test. It leaves
    nothing in the profile but the scripts, which are then not compiled again."""
    tab = browser.new_page()
    tab.set_viewport_size({"width": 1440, "height": height})
    errors: list[str] = []
    tab.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda e: errors.append(str(e)))
    tab.goto(url)
    try:
        yield tab
    finally:
        browser.new_cdp_session(tab).send("Storage.clearDataForOrigin", {
            "origin": url.partition("?")[0].rstrip("/"), "storageTypes": "local_storage"})
        tab.close()
    assert errors == []


@pytest.fixture(scope="session")
def served(synthetic_root):
    """Address of the app."""
    with serving(os.environ.get("MOTIFLENS_RUN", synthetic_root)) as url:
        yield url


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Debian's Chromium, headless, with a profile of its own."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no chromium; make test installs it")
        pytest.skip("no chromium on this machine; install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=path, args=FLAGS)
        yield context
        context.close()


@pytest.fixture
def at(browser, served):
    """Opens the app at a link of its own, such as ``?page=models``."""
    with ExitStack() as pages:
        yield lambda search: pages.enter_context(opened(browser, served + search))


@pytest.fixture
def page(at):
    """The workspace, drawn."""
    tab = at("")
    for graph in ("map-graph", "genome-graph", "zipf-graph"):
        wait_for_figure(tab, graph)
    return tab


def wait_for_figure(page, graph: str) -> None:
    """Wait until a graph has drawn traces; the genome view, its window with contributions."""
    if graph == "genome-graph":
        page.wait_for_function(
            "document.getElementById('genome-graph')?.dataset.drawn === 'signals explained'",
            timeout=60_000,
        )
        return
    page.wait_for_function(
        "id => (document.querySelector('#' + id + ' .js-plotly-plot') || {})._fullData?.length > 0",
        arg=graph, timeout=60_000,
    )
