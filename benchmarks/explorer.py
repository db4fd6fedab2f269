"""How fast the token map of 100,000 and of 1,000,000 points answers in a real browser.

    python benchmarks/explorer.py [--run RUN] [--points 100000,1000000] [--repeats 5]
                                  [--peers scattergl,regl-scatterplot]

The maps are made from a complete run by drawing its points with replacement and jittering their
places (tests/enlarged_run.py), in a temporary folder. Beside them, on the same points in the same
browser: Plotly's plain ``scattergl`` with its own lasso, and regl-scatterplot, which npm installs
into the temporary folder. Chromium renders in software, for all.

First paint runs from the navigation to the frame that shows the points: as the picture that the
page itself holds, then as the map that can be drawn on. Lasso runs from the release of the
button to the frame that shows the selection; zoom from the last wheel event to the frame that
shows the new image (120 ms of it is the wait for the hand to rest). Peers zoom without a server.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: its tokenize.py would be taken for Python's own.
sys.path[0] = str(ROOT)

import numpy as np  # noqa: E402
import orjson  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.enlarged_run import enlarge  # noqa: E402
from vizapp.callbacks.token_map import patch_points, patch_selection, read_options  # noqa: E402
from vizapp.data import RunData  # noqa: E402
from vizapp.map_state import MapView, ViewOf  # noqa: E402
from vizapp.views.map_drawing import MapDrawing  # noqa: E402

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-unsafe-swiftshader",
]
#: Milliseconds after which a peer is given up.
PATIENCE_MS = 240_000

#: In every page: the frame in which something first holds, in ms since the navigation.
WATCH = """
window.when = (test) => new Promise((resolve) => {
  const look = () => {
    let holds = false;
    try { holds = test(); } catch (error) { holds = false; }
    if (!holds) { requestAnimationFrame(look); return; }
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now())));
  };
  look();
});
window.addEventListener("pointerup", () => { window.released = performance.now(); }, true);
window.addEventListener("wheel", () => { window.wheeled = performance.now(); }, true);
window.map = () => document.querySelector("#map-graph .js-plotly-plot");
window.drawn = () => JSON.stringify([map().layout.images?.[0]?.source?.length,
  map().layout.images?.[0]?.x, map()._fullData[0].x?.length]);
window.selected = () => JSON.stringify([map().layout.images?.[1]?.source?.length,
  map()._fullData.at(-2).x?.length]);
"""
PICTURED = (
    "when(() => document.querySelector('#first-look img')?.complete || "
    "(map()?.querySelector('.nsewdrag') && 1))"
)
PAINTED = (
    "when(() => map()._fullData.length > 4 && map().querySelector('canvas') && "
    "(map()._fullData[0].x?.length || map().querySelector('image')))"
)
OUTLINED = "map().layout.shapes.length > 0 && map().querySelector('.shapelayer path')"
NEWLY_SELECTED = "selected() !== before"

SCATTERGL = """<!doctype html><meta charset="utf-8"><script src="plotly.min.js"></script>
<div id="plot" style="width:680px;height:560px"></div><script>
window.done = fetch("points.bin").then((r) => r.arrayBuffer()).then(async (buffer) => {
  const n = buffer.byteLength / 12, all = new Float32Array(buffer);
  const [x, y, c] = [0, 1, 2].map((i) => all.subarray(i * n, (i + 1) * n));
  const plot = document.getElementById("plot");
  await Plotly.newPlot(plot, [{ type: "scattergl", mode: "markers", x: x, y: y, hoverinfo: "skip",
    marker: { size: 3.2, opacity: 0.75, color: c, colorscale: "Portland" } }],
    { dragmode: "lasso", margin: { l: 46, r: 8, t: 8, b: 40 } }, { scrollZoom: true });
  plot.on("plotly_selected", () => { window.chosen = 1; });
  window.isPainted = 1;
});</script>"""

REGL = """<!doctype html><meta charset="utf-8"><script src="regl.js"></script>
<script type="importmap">{"imports": {"pub-sub-es": "./pub-sub-es.js",
 "regl": "data:text/javascript,export default window.createREGL"}}</script>
<canvas id="plot" style="width:680px;height:560px"></canvas><script type="module">
import createScatterplot from "./regl-scatterplot.esm.js";
const buffer = await (await fetch("points.bin")).arrayBuffer();
const n = buffer.byteLength / 12, all = new Float32Array(buffer);
const [x, y, c] = [0, 1, 2].map((i) => all.subarray(i * n, (i + 1) * n));
const unit = (v) => { let a = Infinity, b = -Infinity;
  for (const value of v) { a = Math.min(a, value); b = Math.max(b, value); }
  return v.map((value) => 1.9 * (value - a) / (b - a) - 0.95); };
const plot = createScatterplot({ canvas: document.getElementById("plot"), width: 680, height: 560,
  pointSize: 3, colorBy: "valueA", mouseMode: "lasso",
  pointColor: ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"] });
plot.subscribe("select", () => { window.chosen = 1; });
await plot.draw({ x: unit(x), y: unit(y), z: c.map((v) => v % 7) });
window.isPainted = 1;
</script>"""


def show(name: str, measured: list[float], unit: str = "ms") -> None:
    """One row: median, 95th percentile, repeats."""
    if not measured:
        print(f"  {name:<46} not measured")
        return
    middle, high = np.percentile(measured, [50, 95])
    print(f"  {name:<46} {middle:>10,.0f} {high:>10,.0f} {unit}   n = {len(measured)}", flush=True)


def on_the_server(run: Path, repeats: int) -> None:
    """Time and payload of what the server draws, in this process, each view a new one."""
    data = RunData(run)
    drawing, explorer = MapDrawing(data), data.explorer
    whole = explorer.map.whole("tsne")
    rng = np.random.default_rng(0)
    drawing.base(read_options("tsne", "mega"))
    # Where all points are sent, the view changes nothing.
    views = ((1.0, "whole map"), (0.4, "zoomed to 40 %"), (0.05, "zoomed to 5 %"))
    for color in ("mega", "gc"):
        for share, name in views if explorer.map.is_image else views[:1]:
            times, sizes, worked = [], [], []
            for _ in range(max(repeats, 10)):
                view = _some_view(whole, share, rng)
                options = read_options("tsne", color)._replace(view=ViewOf("tsne", view))
                began, busy = time.perf_counter(), time.process_time()
                patch, _ = patch_points(data, drawing, options)
                answer = orjson.dumps(patch.to_plotly_json())
                times.append(1000 * (time.perf_counter() - began))
                worked.append(1000 * (time.process_time() - busy))
                sizes.append(len(answer) / 1e3)
            show(f"server, {name}, colour {color}", times)
            show("  of it processor time", worked)
            show(f"payload, {name}, colour {color}", sizes, "kB")
    times, sizes = [], []
    for _ in range(max(repeats, 10)):
        box = _some_view(whole, 0.3, rng)
        polygon = [[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]]
        raw = {"kind": "lasso", "layout": "tsne", "polygon": polygon}
        began = time.perf_counter()
        patch = patch_selection(drawing, raw, "tsne", None, None)
        sizes.append(len(orjson.dumps(patch.to_plotly_json())) / 1e3)
        times.append(1000 * (time.perf_counter() - began))
    show("server, members of a drawn box and their overlay", times)
    show("payload of the selection", sizes, "kB")


def _some_view(whole: MapView, share: float, rng: np.random.Generator) -> MapView:
    x, y = rng.uniform(-0.1, 0.1, 2) if share < 1 else rng.uniform(-0.01, 0.01, 2)
    width, height = whole.x1 - whole.x0, whole.y1 - whole.y0
    cx, cy = whole.x0 + (0.5 + x) * width, whole.y0 + (0.5 + y) * height
    half = share / 2
    ends = (cx - half * width, cx + half * width, cy - half * height, cy + half * height)
    return MapView(*map(float, ends), whole.width, whole.height)


def in_the_app(browser: Browser, url: str, repeats: int) -> None:
    """First paint, lasso and zoom of the served app."""
    pictures, paints, outlines, lassos, zooms, largest = [], [], [], [], [], 0
    for i in range(repeats + 1):
        page = _page(browser)
        sizes: list[int] = []
        page.on("response", functools.partial(_note_size, sizes))
        page.goto(url, wait_until="commit")
        pictured = page.evaluate(PICTURED)
        painted = page.evaluate(PAINTED)
        page.wait_for_timeout(4_000)
        if i > 0:  # the first load fills the server's caches
            pictures.append(pictured)
            paints.append(painted)
            outline, selected = _lasso(page, "#map-graph .nsewdrag", OUTLINED, NEWLY_SELECTED)
            outlines.append(outline)
            lassos.append(selected)
            page.wait_for_timeout(2_500)
            zooms += [z for z in (_zoom(page) for _ in range(3)) if z is not None]
        largest = max([largest, *sizes])
        page.context.close()
    show("app, first paint of the points (picture)", pictures)
    show("app, map to draw on", paints)
    show("app, lasso to outline (browser)", outlines)
    show("app, lasso to selected points (server)", lassos)
    show("app, zoom to new image", zooms)
    show("app, largest answer", [largest / 1e3], "kB")


def _note_size(sizes: list[int], response) -> None:  # type: ignore[no-untyped-def]
    if "_dash-update-component" in response.url or "_dash-layout" in response.url:
        sizes.append(int(response.headers.get("content-length", 0)))


def _page(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(WATCH)
    return page


def _lasso(page: Page, target: str, *tests: str) -> list[float]:
    """Draw around the middle of a plot; ms from the release to the frames in which tests hold."""
    box = page.locator(target).first.bounding_box()
    assert box is not None
    x, y, w, h = box["x"], box["y"], box["width"], box["height"]
    page.evaluate("() => { window.before = window.map() && selected(); window.chosen = 0; }")
    page.mouse.move(x + 0.3 * w, y + 0.3 * h)
    page.mouse.down()
    for cx, cy in ((0.6, 0.32), (0.62, 0.6), (0.35, 0.62), (0.3, 0.31)):
        page.mouse.move(x + cx * w, y + cy * h, steps=5)
    watched = ", ".join(f"when(() => isFinite(released) && ({test}))" for test in tests)
    page.evaluate("() => { window.released = Infinity; "
                  f"window.seen = Promise.all([{watched}]); }}")
    page.mouse.up()
    return [float(at) for at in page.evaluate(
        "async () => (await window.seen).map((at) => at - window.released)")]


def _zoom(page: Page) -> float | None:
    """One turn of the wheel; None where all points were sent, so that nothing is drawn anew."""
    box = page.locator("#map-graph .nsewdrag").first.bounding_box()
    assert box is not None
    if not page.evaluate("() => Boolean(map()._fullLayout.meta.isImage)"):
        return None
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.45 * box["height"])
    page.evaluate("() => { window.before = drawn(); "
                  "window.seen = when(() => drawn() !== before); }")
    page.mouse.wheel(0, -200)
    taken = float(page.evaluate("async () => (await window.seen) - window.wheeled"))
    page.wait_for_timeout(1_500)
    return taken


def in_a_peer(browser: Browser, url: str, name: str, target: str, repeats: int) -> None:
    """First paint and lasso of a plain page."""
    paints, lassos = [], []
    for _ in range(repeats):
        page = _page(browser)
        page.goto(url, wait_until="commit")
        paints.append(page.evaluate("when(() => window.isPainted)"))
        page.wait_for_timeout(500)
        lassos += _lasso(page, target, "window.chosen")
        page.context.close()
    show(f"{name}, first paint", paints)
    show(f"{name}, lasso to selected points", lassos)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve_folder(folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    """Serve files to the peers' pages."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}/"


def serve_app(run: Path) -> tuple[subprocess.Popen, str]:
    """Start the app; gives its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--run", str(run), "--port", str(port)], cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    while process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            show("app, start", [1000 * (time.perf_counter() - began)])
            return process, url
    raise SystemExit("the app did not start; its message is above")


def prepare_peers(folder: Path, wanted: list[str]) -> dict[str, tuple[str, str]]:
    """Pages of the peers: name -> (page, what is drawn on)."""
    import plotly

    found: dict[str, tuple[str, str]] = {}
    if "scattergl" in wanted:
        source = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
        shutil.copy(source, folder / "plotly.min.js")
        (folder / "scattergl.html").write_text(SCATTERGL)
        found["scattergl"] = ("scattergl.html", ".nsewdrag")
    if "regl-scatterplot" in wanted:
        npm = shutil.which("npm")
        if npm is None:
            print("regl-scatterplot is left out: npm is not on this machine")
            return found
        command = [npm, "install", "--no-audit", "--no-fund", "--silent", "regl-scatterplot"]
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            print(f"regl-scatterplot is left out: npm could not install it "
                  f"({' '.join(made.stderr.split())[:160]})")
            return found
        modules = folder / "node_modules"
        version = json.loads((modules / "regl-scatterplot" / "package.json").read_text())["version"]
        print(f"regl-scatterplot {version}")
        for path in ("regl-scatterplot/dist/regl-scatterplot.esm.js", "regl/dist/regl.js"):
            shutil.copy(modules / path, folder)
        shutil.copy(modules / "pub-sub-es" / "dist" / "index.js", folder / "pub-sub-es.js")
        (folder / "regl.html").write_text(REGL)
        found["regl-scatterplot"] = ("regl.html", "#plot")
    return found


def write_points(run: Path, path: Path) -> None:
    """x, y and megacluster of all points as float32, one after the other."""
    explorer = RunData(run).explorer
    xy = explorer.layouts["tsne"]
    np.concatenate([xy[:, 0], xy[:, 1], explorer.mega]).astype("<f4").tofile(path)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=ROOT / "runs" / "demo")
    parser.add_argument("--points", default="100000,1000000")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", default="scattergl,regl-scatterplot")
    chosen = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no chromium here; install it (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        peers = prepare_peers(folder, chosen.peers.split(","))
        server, address = serve_folder(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        print(f"load of the last minute {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print(f"{'':<48} {'median':>10} {'p95':>10}")
        for n in (int(text) for text in chosen.points.split(",")):
            print(f"{n:,} points, drawn with replacement from {chosen.run.name}")
            run = enlarge(chosen.run.resolve(), folder / f"run{n}", n)
            on_the_server(run, chosen.repeats)
            process, url = serve_app(run)
            try:
                _when_warm(url)
                in_the_app(browser, url, chosen.repeats)
            finally:
                process.terminate()
                process.wait(30)
            write_points(run, folder / "points.bin")
            for peer, (page, target) in peers.items():
                # A million points take it over a minute each time.
                repeats = 1 if peer == "scattergl" and n > 500_000 else chosen.repeats
                in_a_peer(browser, address + page, peer, target, repeats)
        print(f"load of the last minute {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        browser.close()
        server.shutdown()


def _when_warm(url: str, patience_s: float = 120.0) -> None:
    """Wait until the app answers at once: a large map is read beside the first visitors."""
    end, quick = time.perf_counter() + patience_s, 0
    while quick < 5 and time.perf_counter() < end:
        began = time.perf_counter()
        urllib.request.urlopen(url + "_dash-dependencies", timeout=60).close()
        quick = quick + 1 if time.perf_counter() - began < 0.1 else 0
        time.sleep(1)


if __name__ == "__main__":
    main()
