"""How long an edit of the page What if takes to be seen, and a saturation mutagenesis of 200 bp.

    python benchmarks/what_if.py [--run RUN] [--models tokens onehot]

In a real browser, at the opening locus of the run: from the Enter after a factor was named to the
figure of both predictions, and from the Enter in the stretch to its last base. Without a peer: none
of the tools of this kind predicts an edited window.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: its tokenize.py would be taken for Python's own.
sys.path[0] = str(ROOT)

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from benchmarks.explorer import FLAGS, serve_app, show  # noqa: E402
from benchmarks.genome_view import load  # noqa: E402

PATIENCE_MS = 120_000
FACTORS = ("GATA1", "KLF4", "CTCF", "NFYA", "SP1", "ETV1", "MAX", "RUNX1", "NRF1", "YY1")
STRETCH_BP = 200

#: When the figure was drawn last, and when a key was pressed last.
WATCH = """() => {
  const plot = document.querySelector('#what-if-graph .js-plotly-plot');
  plot.on('plotly_afterplot', () => { window.drawn = performance.now(); });
  document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
}"""


def edits(page: Page) -> list[float]:
    """Milliseconds from the Enter to the figure, for each factor knocked out on top of the last."""
    times = []
    for factor in FACTORS:
        page.fill("#what-if-edit", f"factor {factor} off")
        page.press("#what-if-edit", "Enter")
        page.wait_for_function("window.drawn > window.pressed")
        times.append(page.evaluate("window.drawn - window.pressed"))
        # Until what follows the figures has come.
        page.wait_for_timeout(1_200)
    return times


def mutagenesis(page: Page) -> float:
    """Milliseconds until all bases of a stretch in the middle of the target are done."""
    low, high = (int(v.replace(",", "")) for v in page.input_value("#what-if-target").split("-"))
    start = (low + high - STRETCH_BP) // 2
    page.fill("#mutate-stretch", f"{start}-{start + STRETCH_BP - 1}")
    began = time.perf_counter()
    page.press("#mutate-stretch", "Enter")
    page.wait_for_function(
        f"document.querySelector('#mutate-says').innerText.startsWith('{STRETCH_BP} of')")
    return 1000 * (time.perf_counter() - began)


def measure(browser: Browser, url: str, model: str) -> None:
    """One model: its edits, and one mutagenesis."""
    page = browser.new_context(viewport={"width": 1440, "height": 1400}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}?page=what-if&model={model}")
    page.wait_for_function(
        "document.querySelector('#what-if-effect')?.innerText.includes('predicted')")
    page.wait_for_timeout(3_000)
    page.evaluate(WATCH)
    show(f"{model}, edit to drawn", edits(page))
    show(f"{model}, mutagenesis of {STRETCH_BP} bp", [mutagenesis(page)])
    page.context.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=ROOT / "runs" / "demo")
    parser.add_argument("--models", nargs="+", default=["tokens", "onehot", "k562_dnase_tokens"])
    chosen = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no chromium here; install it (Debian: apt-get install chromium)")
    print(load())
    print(f"{'':<48} {'median':>10} {'p95':>10}")
    process, url = serve_app(chosen.run)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for model in chosen.models:
                measure(browser, url, model)
            browser.close()
    finally:
        process.terminate()
        process.wait(30)
    print(load())


if __name__ == "__main__":
    main()
