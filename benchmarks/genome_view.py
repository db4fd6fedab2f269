"""How fast the genome view answers in a real browser, beside igv.js on the same tracks.

    python benchmarks/genome_view.py [--run RUN] [--jumps 25] [--peer igv|none] [--live]

Jumps go to random places of a warm run. Ours are timed twice: from the Enter in the region box to
the frame that shows everything but the contributions, and how much later the contributions are
there; and the same without the box, from where the view itself is told, which is where igv.js
begins with its ``search``. The frame is the first animation frame after the drawing. Panning is
dragging by the mouse inside what is loaded: from the pointer's event to the frame, and how many
windows were asked for until then.

igv.js is installed by npm into a temporary folder, gets the sequence's length, genes, two peak
sets and four bigWigs (observed, and predicted by both models) from this machine, and is timed from
``search`` to the frame after its promise resolves. Chromium renders in software, for both.

``--live`` also times contributions that are worked out for the window.

``--openings N`` opens the page N times in a browser that has never seen it, and N times in one that
has: from the navigation to the frame that shows the window, for both.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: its tokenize.py would be taken for Python's own.
sys.path[0] = str(ROOT)

import numpy as np  # noqa: E402
from playwright.sync_api import Browser, Page, Playwright, sync_playwright  # noqa: E402

from benchmarks.explorer import FLAGS, serve_app, show  # noqa: E402
from vizapp.callbacks.genome import window_json  # noqa: E402
from vizapp.data import RunData  # noqa: E402
from vizapp.explained import Explained  # noqa: E402
from vizapp.state import Region  # noqa: E402

PATIENCE_MS = 120_000
#: Between two jumps.
REST_MS = 900

#: In our page: when a place was drawn, with and without contributions, and when it was asked for.
FRAME_OF = """
window.frameOf = (test) => new Promise((resolve) => {
  const look = () => {
    if (!test()) { requestAnimationFrame(look); return; }
    requestAnimationFrame(() => resolve(performance.now()));
  };
  look();
});
"""
WATCH = FRAME_OF + """
window.host = () => document.getElementById("genome-graph");
window.asked = 0;
const fetched = window.fetch;
window.fetch = function (url, options) {
  if (String(url).includes("genome/window")) { window.asked += 1; }
  return fetched.call(window, url, options);
};
window.reached = async (place) => {
  const plain = await frameOf(() => host().dataset.view === place
    && host().dataset.drawn.includes("signals"));
  const all = await frameOf(() => host().dataset.drawn.includes("explained"));
  return [plain, all];
};
window.told = async (region) => {
  const began = performance.now();
  const done = reached(`${region.chrom}:${region.start}-${region.end}`);
  window.dash_clientside.set_props("region-store", { data: region });
  return (await done).map((at) => at - began);
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { window.entered = performance.now(); }
  if (event.key === "n") { window.stepped = performance.now(); }
}, true);
document.addEventListener("pointermove", () => { window.moved = performance.now(); }, true);
"""

IGV = """<!doctype html><meta charset="utf-8"><script src="igv.min.js"></script>
<div id="view" style="width:1400px"></div><script>
window.jump = async (locus) => {
  const began = performance.now();
  await window.view.search(locus);
  return new Promise((resolve) =>
    requestAnimationFrame(() => resolve(performance.now() - began)));
};
fetch("options.json").then((r) => r.json()).then(async (options) => {
  window.view = await igv.createBrowser(document.getElementById("view"), options);
  window.isReady = true;
}).catch((error) => { window.failed = String(error); });
</script>"""


class RangeHandler(http.server.SimpleHTTPRequestHandler):
    """Files with byte ranges, as bigWig readers ask for them."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Send a file, or the part of it that is asked for."""
        asked = self.headers.get("Range", "")
        path = Path(self.translate_path(self.path))
        if not asked.startswith("bytes=") or not path.is_file():
            super().do_GET()
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        size = path.stat().st_size
        lo = int(first)
        hi = min(int(last) if last else size - 1, size - 1)
        with path.open("rb") as handle:
            handle.seek(lo)
            body = handle.read(hi - lo + 1)
        self.send_response(206)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Range", f"bytes {lo}-{hi}/{size}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a folder's files on this machine."""
    handler = functools.partial(RangeHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


# -- where to go -----------------------------------------------------------------------------


def places(data: RunData, width: int, n: int, seed: int = 0) -> list[Region]:
    """Random windows of the run's first chromosome; the whole chromosome in turn with a part."""
    chrom, (low, high) = next(iter(data.genome.chroms.items()))
    rng = np.random.default_rng(seed)
    if width >= high - low:
        return [Region(chrom, low, high)] * n
    starts = rng.integers(low, high - width, n).tolist()
    return [Region(chrom, start, start + width) for start in starts]


def widths(data: RunData) -> list[tuple[int, str]]:
    """The widths that are measured, and what they are called."""
    low, high = next(iter(data.genome.chroms.values()))
    return [(20_000, "20 kb"), (100_000, "100 kb"), (high - low, "whole chromosome")]


# -- ours ------------------------------------------------------------------------------------


def on_the_server(data: RunData, jumps: int, live: list[tuple[str, Explained]]) -> None:
    """Time and payload of what the server sends, in this process."""
    items = [{"id": name} for name in data.tracks.defaults]

    def measure(name: str, width: int, part: str, choice: Explained | None = None) -> None:
        times, sizes = [], []
        for region in places(data, width, jumps, 1):
            raw = {"region": region._asdict(), "tracks": items, "part": part, "around": True,
                   "explain": choice and choice.as_json()}
            began = time.perf_counter()
            body = window_json(data, raw)
            times.append(1000 * (time.perf_counter() - began))
            sizes.append(len(body) / 1e3)
        # The first is the one that loads a model.
        show(f"server, {name}", times[1:] if choice else times)
        show("  payload", sizes, "kB")

    for width, name in widths(data):
        measure(f"{name}, all but contributions", width, "signals")
        measure(f"{name}, stored contributions", width, "explained")
    for name, choice in live:
        measure(f"10 kb, {name}", 10_000, "explained", choice)


def in_the_app(
    browser: Browser, url: str, data: RunData, jumps: int, live: list[tuple[str, Explained]]
) -> None:
    """Jumps and panning in the served app."""
    page = browser.new_context(viewport={"width": 1440, "height": 1200}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_function("window.host && host()?.dataset.drawn?.includes('explained')")
    for width, name in widths(data):
        told, typed = [], []
        for region in places(data, width, jumps + 2):
            typed.append(_enter(page, region))
            _elsewhere(page, region)
            told.append(page.evaluate("r => told(r)", region._asdict()))
            _elsewhere(page, region)
        # The first two warm the caches of the browser and of the server.
        for label, found in (("Enter to drawn", typed[2:]), ("told to drawn", told[2:])):
            show(f"app, {name}, {label}", [plain for plain, _ in found])
            show("  contributions, later", [whole - plain for plain, whole in found])
    _step(page, data, jumps)
    _pan(page, data, jumps)
    for name, choice in live:
        _live(page, data, jumps, name, choice)
    page.context.close()


def _elsewhere(page: Page, region: Region) -> None:
    """Somewhere else, so that the next jump has something to do."""
    middle = (region.start + region.end) // 2
    other = {"chrom": region.chrom, "start": middle, "end": middle + 4_000}
    page.evaluate("r => told(r)", other)
    # A person looks before the next jump; until then the map and the curves have followed.
    page.wait_for_timeout(REST_MS)


def _enter(page: Page, region: Region) -> tuple[float, float]:
    place = f"{region.chrom}:{region.start}-{region.end}"
    page.fill("#region-input", f"{region.chrom}:{region.start + 1}-{region.end}")
    # A hand takes a moment from the last letter to the Enter.
    page.wait_for_timeout(300)
    page.evaluate("place => { window.done = reached(place); }", place)
    page.press("#region-input", "Enter")
    plain, whole = page.evaluate(
        "async () => (await window.done).map((at) => at - window.entered)"
    )
    return plain, whole


def _pan(page: Page, data: RunData, jumps: int) -> None:
    """Drag to and fro within what is loaded."""
    region = places(data, 20_000, 1, 5)[0]
    page.evaluate("r => told(r)", region._asdict())
    page.evaluate("host().scrollIntoView({ block: 'start' }); window.scrollBy(0, -120)")
    page.wait_for_timeout(500)
    box = page.locator("#genome-graph .genome-canvas").bounding_box()
    if box is None:
        raise SystemExit("the genome view is not on the page")
    x, y = box["x"] + 0.6 * box["width"], box["y"] + 60
    times = []
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("window.asked = 0")
    for step in range(jumps):
        page.evaluate("""() => { const before = host().dataset.at;
            window.done = frameOf(() => host().dataset.at !== before); }""")
        page.mouse.move(x - 12 * (1 + step % 8), y)
        times.append(page.evaluate("async () => (await window.done) - window.moved"))
    asked = page.evaluate("window.asked")
    page.mouse.up()
    show("app, panning, pointer to drawn", times)
    print(f"  {'  windows asked for while the hand moved':<46} {asked:>10}")
    page.wait_for_timeout(1_500)


def _step(page: Page, data: RunData, jumps: int) -> None:
    """From peak to peak, 20 kb wide: from the key to the frame, the server's search among it."""
    chrom, (low, high) = next(iter(data.genome.chroms.items()))
    first = Region(chrom, (low + high) // 4, (low + high) // 4 + 20_000)
    page.evaluate("r => told(r)", first._asdict())
    page.evaluate("document.activeElement.blur()")
    times = []
    for _ in range(jumps + 2):
        page.wait_for_timeout(REST_MS)
        page.evaluate("""() => { const before = host().dataset.view;
            window.done = frameOf(() => host().dataset.view !== before
                && host().dataset.drawn.includes("signals")); }""")
        page.keyboard.press("n")
        times.append(page.evaluate("async () => (await window.done) - window.stepped"))
    show("app, 20 kb, n (next peak) to drawn", times[2:])


def _live(page: Page, data: RunData, jumps: int, name: str, choice: Explained) -> None:
    """Contributions that are worked out: how much later than the rest they are there."""
    page.evaluate("c => { window.motiflensExplained.choice = c; }", choice.as_json())
    found = [page.evaluate("r => told(r)", region._asdict())
             for region in places(data, 10_000, jumps + 2, 7)]
    show(f"app, 10 kb, {name}", [whole - plain for plain, whole in found[2:]])


def openings(
    playwright: Playwright, chromium: str, url: str, drawn: str, name: str, n: int
) -> None:
    """Open a page ``n`` times with a new profile each, and ``n`` times with one that knows it;
    ``drawn`` is the condition for the window to be there."""
    seconds: dict[str, list[float]] = {"first visit": [], "again": []}
    for visit in range(n + 1):
        with tempfile.TemporaryDirectory() as profile:
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=chromium, args=FLAGS,
                viewport={"width": 1440, "height": 1200})
            # Chromium keeps compiled scripts from the second visit on.
            for number in range(1 if visit < n else n + 2):
                page = context.new_page()
                page.add_init_script(FRAME_OF)
                page.goto(url)
                at = page.evaluate(f"frameOf(() => {drawn})")
                page.wait_for_timeout(REST_MS)
                page.close()
                if visit < n or number >= 2:
                    seconds["first visit" if visit < n else "again"].append(at)
            context.close()
    for which, times in seconds.items():
        show(f"{name}, opened to drawn, {which}", times)


# -- igv.js ----------------------------------------------------------------------------------


def igv_files(run: Path, data: RunData, folder: Path) -> dict[str, Any]:
    """What igv.js is given, written into the folder it is served from."""
    genome, track = data.genome, data.genome.predicted_tracks[0]
    (folder / "sizes.txt").write_text(
        "".join(f"{c}\t{high}\n" for c, (_, high) in genome.chroms.items())
    )
    columns = ["chrom", "start", "end"]
    genome.genes[[*columns, "gene"]].to_csv(folder / "genes.bed", sep="\t", header=False,
                                            index=False)
    tracks: list[dict[str, Any]] = [
        {"name": "genes", "url": "genes.bed", "format": "bed", "displayMode": "EXPANDED"}
    ]
    for number, target in enumerate(list(genome.targets)[:2]):
        peaks = genome.peaks[genome.peaks["target"] == target]
        peaks[columns].to_csv(folder / f"peaks{number}.bed", sep="\t", header=False, index=False)
        tracks.append({"name": target, "url": f"peaks{number}.bed", "format": "bed"})
    _write_observed(data, track, folder / "observed.bw")
    tracks.append({"name": "observed", "url": "observed.bw"})
    for encoding in ("tokens", "onehot"):
        for name in genome.predicted_tracks[:2] if encoding == "tokens" else [track]:
            source = data.run.folder(f"predictions_{encoding}") / f"{name}.bw"
            shutil.copy(source, folder / f"{encoding}_{name}.bw")
            tracks.append({"name": f"{encoding} {name}", "url": f"{encoding}_{name}.bw"})
    for one in tracks:
        one.setdefault("type", "wig" if one["url"].endswith(".bw") else "annotation")
        one.setdefault("format", "bigwig")
    chrom, (low, _) = next(iter(genome.chroms.items()))
    return {
        "reference": {"id": data.assembly, "fastaURL": "sizes.txt", "format": "chromsizes"},
        "locus": f"{chrom}:{low + 1}-{low + 100_000}", "tracks": tracks,
        "queryParametersSupported": False, "loadDefaultGenomes": False,
    }


def _write_observed(data: RunData, track: str, path: Path) -> None:
    """The observed signal, 16 bp a step, as a bigWig."""
    import pyBigWig

    handle = pyBigWig.open(str(path), "w")
    handle.addHeader([(c, high) for c, (_, high) in data.genome.chroms.items()])
    for chrom, (low, high) in data.genome.chroms.items():
        grid = data.run.group("signal")[f"{chrom}/{track}/grid"][:]
        starts = low + 16 * np.arange(len(grid))
        kept = np.isfinite(grid)
        ends = np.minimum(starts + 16, high)
        handle.addEntries([chrom] * int(kept.sum()), starts[kept].tolist(),
                          ends=ends[kept].tolist(), values=grid[kept].astype(float).tolist())
    handle.close()


def in_igv(
    browser: Browser, data: RunData, run: Path, folder: Path, jumps: int,
    opened: Callable[[str, str, str], None],
) -> None:
    """The same jumps and openings in igv.js."""
    npm = shutil.which("npm")
    if npm is None:
        print("igv.js is left out: npm is not on this machine")
        return
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", "igv"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        print(f"igv.js is left out: npm could not install it ({made.stderr.strip()[:160]})")
        return
    modules = folder / "node_modules" / "igv"
    print(f"igv.js {json.loads((modules / 'package.json').read_text())['version']}")
    shutil.copy(modules / "dist" / "igv.min.js", folder)
    (folder / "options.json").write_text(json.dumps(igv_files(run, data, folder)))
    (folder / "igv.html").write_text(IGV)
    with serving(folder) as address:
        page = browser.new_context(viewport={"width": 1440, "height": 1200}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address + "igv.html")
        page.wait_for_function("window.isReady || window.failed")
        failed = page.evaluate("window.failed")
        if failed:
            print(f"igv.js is left out: {failed}")
            return
        for width, name in widths(data):
            times = []
            for region in places(data, width, jumps + 2):
                times.append(page.evaluate("l => jump(l)", _locus(region)))
                middle = (region.start + region.end) // 2
                page.evaluate("l => jump(l)", _locus(Region(region.chrom, middle, middle + 4_000)))
                page.wait_for_timeout(REST_MS)
            show(f"igv.js, {name}, search to drawn", times[2:])
        page.context.close()
        opened(address + "igv.html", "window.isReady", "igv.js")


def _locus(region: Region) -> str:
    return f"{region.chrom}:{region.start + 1}-{region.end}"


# -- all -------------------------------------------------------------------------------------


def live_choices(data: RunData) -> list[tuple[str, Explained]]:
    """What is worked out live: the run's own models and the shipped ones, at the centre."""
    track = data.genome.predicted_tracks[-1]
    own = Explained(target="centre", track=track)
    found = [("own models, DeepLIFT", own),
             ("own models, Input x Gradient", own._replace(method="input_x_gradient"))]
    shipped = {m.encoding: m.name for m in data.live.models.values()
               if m.name not in ("tokens", "onehot")}
    if set(shipped) == {"tokens", "onehot"}:
        found.append(("shipped models, DeepLIFT", own._replace(**shipped)))
    return found


def load() -> str:
    """How busy the machine is."""
    return f"load of the last minute {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=ROOT / "runs" / "demo")
    parser.add_argument("--jumps", type=int, default=25)
    parser.add_argument("--peer", choices=["igv", "none"], default="igv")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--openings", type=int, default=0)
    chosen = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no chromium here; install it (Debian: apt-get install chromium)")
    data = RunData(chosen.run)
    data.genome.warm()
    live = live_choices(data) if chosen.live else []
    print(load())
    print(f"{'':<48} {'median':>10} {'p95':>10}")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)

        def opened(url: str, drawn: str, name: str) -> None:
            if chosen.openings:
                openings(playwright, chromium, url, drawn, name, chosen.openings)

        steps: list[Callable[[], None]] = [lambda: on_the_server(data, chosen.jumps, live)]
        if chosen.peer == "igv":
            steps.append(
                lambda: in_igv(browser, data, chosen.run, Path(name), chosen.jumps, opened))
        for step in steps:
            step()
        process, url = serve_app(chosen.run)
        try:
            in_the_app(browser, url, data, chosen.jumps, live)
            for part, name in (("signals", "all but contributions"), ("explained", "all")):
                drawn = "document.getElementById('genome-graph')?.dataset.drawn"
                opened(url, f"{drawn}?.includes('{part}')", f"app, {name}")
        finally:
            process.terminate()
            process.wait(30)
        browser.close()
    print(load())


if __name__ == "__main__":
    main()
