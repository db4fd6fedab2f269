"""Make the screenshots of this folder: ``python docs/screenshots.py [RUN]`` (needs Chromium)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader"]
DRAWN = "id => document.querySelector(`#${id} .js-plotly-plot`)?._fullData?.length > 0"


def _ready(page: Page) -> None:
    for graph in ("map-graph", "zipf-graph"):
        page.wait_for_function(DRAWN, arg=graph, timeout=60_000)
    page.wait_for_function("document.getElementById('genome-graph').dataset.drawn === "
                           "'signals explained'", timeout=60_000)
    page.wait_for_timeout(1500)


def shoot(page: Page, folder: Path) -> None:
    """Workspace in light and dark, each panel, and the run page."""
    page.click("#tour-close")
    _ready(page)
    page.locator(".app").screenshot(path=folder / "workspace.png")
    page.locator(".genome-panel").screenshot(path=folder / "genome.png")
    page.locator(".panel:has(#map-graph)").screenshot(path=folder / "tokens.png")
    page.click("[role=tab]:has-text('Motif coverage')")
    page.wait_for_function(DRAWN, arg="coverage-graph", timeout=30_000)
    page.wait_for_timeout(500)
    page.locator(".panel:has(#coverage-graph)").screenshot(path=folder / "coverage.png")
    page.click("[role=tab]:has-text('Zipf')")
    page.click("label:has-text('dark')")
    page.wait_for_timeout(1500)
    page.locator(".app").screenshot(path=folder / "workspace-dark.png")
    page.click("label:has-text('dark')")
    text = page.input_value("#region-input")
    chrom, _, span = text.partition(":")
    middle = sum(int(part.replace(",", "")) for part in span.split("-")) // 2
    page.fill("#region-input", f"{chrom}:{middle - 90}-{middle + 90}")
    page.press("#region-input", "Enter")
    page.wait_for_timeout(2500)
    page.locator(".genome-panel").screenshot(path=folder / "letters.png")
    page.click("#page label:has-text('Run')")
    page.set_viewport_size({"width": 1440, "height": 3600})
    page.wait_for_timeout(800)
    page.locator(".run-page").screenshot(path=folder / "run.png")


#: Pages that a link opens: name, what follows the address, and figures to wait for.
PAGES = (
    ("what-if", "?page=what-if&region=chr20:1483501-1485500&edits=factor CTCF off",
     ("what-if-graph",)),
    ("effects", "?page=effects", ("effect-graph", "interaction-graph")),
    ("benchmark", "?page=benchmark", ("bench-graph",)),
)


def shoot_pages(page: Page, url: str, folder: Path) -> None:
    """The pages that a link opens."""
    page.set_viewport_size({"width": 1440, "height": 2000})
    for name, link, graphs in PAGES:
        page.goto(url + link)
        for graph in graphs:
            page.wait_for_function(DRAWN, arg=graph, timeout=60_000)
        page.wait_for_timeout(2_500)
        page.locator(f".{name}-page").screenshot(path=folder / f"{name}.png")


def main(run: Path) -> None:
    """Serve the run, take the pictures, stop."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--run", str(run), "--port", str(port)], cwd=ROOT
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except OSError:
                time.sleep(0.3)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
                args=FLAGS,
            )
            # Tall enough to need no scrolling, so that the header stays at the top.
            page = browser.new_page(viewport={"width": 1440, "height": 2400})
            page.goto(url)
            _ready(page)
            shoot(page, ROOT / "docs")
            shoot_pages(page, url, ROOT / "docs")
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=10)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs" / "demo")
