"""Motif hits in the genome view: the strongest of a window as named boxes that show the strand."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.genome import Track, readable_on
from vizapp.figures.label_places import shorten
from vizapp.figures.letters import information_stack
from vizapp.theme import community_color

_MOST_ROWS, _MOST_TRIED = 8, 2_000
TITLE = "Motif hits"


class Hit(NamedTuple):
    """One hit: its place (bp, half-open), strand, names, and log2 odds (NaN where not known)."""

    start: int
    end: int
    strand: str
    tf: str
    profile_id: str
    cluster: int
    bits: float


def strongest(hits: list[Hit], gap_bp: float) -> list[list[Hit]]:
    """Hits in rows without overlap, the strongest first; what does not fit is left out.

    A hit at least half of which lies under a stronger one of its motif cluster is left out too:
    the profiles of a cluster find the same places.
    """
    order = sorted(hits, key=lambda h: (-h.bits if h.bits == h.bits else -(h.end - h.start),
                                        h.start, h.profile_id, h.strand))
    rows: list[list[Hit]] = []
    of_cluster: dict[int, list[Hit]] = {}
    for hit in order[:_MOST_TRIED]:
        same = of_cluster.setdefault(hit.cluster, [])
        width = hit.end - hit.start
        if any(2 * (min(hit.end, o.end) - max(hit.start, o.start)) >= width for o in same):
            continue
        for row in rows:
            if all(hit.end + gap_bp <= o.start or o.end + gap_bp <= hit.start for o in row):
                row.append(hit)
                break
        else:
            if len(rows) == _MOST_ROWS:
                continue
            rows.append([hit])
        same.append(hit)
    return rows


def hits_track(
    hits: list[Hit], pfms: dict[str, NDArray[np.float64]], n_clusters: int, view_bp: int,
    n_in_view: int,
) -> Track:
    """The strongest hits as arrows with names, coloured by motif cluster.

    Parameters
    ----------
    pfms : base frequencies of each profile, (width, 4), for the logo of what is pointed at
    view_bp : how much is in view at a time
    n_in_view : hits that touch the window
    """
    rows = strongest(hits, view_bp / 400)
    shapes: dict[str, tuple[list[float | None], list[float | None]]] = {}
    names: dict[str, list[Any]] = {"x": [], "y": [], "text": [], "color": []}
    boxes: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        for hit in row:
            color = community_color(hit.cluster, max(n_clusters, 8))
            x, y = shapes.setdefault(color, ([], []))
            _arrow(hit, -number, view_bp, x, y)
            room = int((hit.end - hit.start) / view_bp * 150)
            if room >= 3:
                names["x"].append((hit.start + hit.end) / 2)
                names["y"].append(-number)
                names["text"].append(shorten(hit.tf, room))
                names["color"].append(readable_on(color))
            boxes.append({
                "start": hit.start, "end": hit.end, "y": -number, "strand": hit.strand,
                "tf": hit.tf, "id": hit.profile_id,
                "bits": round(hit.bits, 2) if hit.bits == hit.bits else None,
            })
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": color, "x": x, "y": y,
         "line": {"width": 0}, "hoverinfo": "skip"}
        for color, (x, y) in shapes.items()
    ]
    traces.append({
        "type": "scatter", "mode": "text", "x": names["x"], "y": names["y"],
        "text": names["text"], "hoverinfo": "skip",
        "textfont": {"size": 9.5, "color": names["color"]},
    })
    n_rows = max(1, len(rows))
    y_axis = {"visible": False, "range": [-n_rows + 0.45, 0.55], "fixedrange": True}
    note = f"the strongest of {n_in_view:,} in the window, by log2 odds; arrows show the strand"
    logos = {box["id"]: logo_heights(pfms[box["id"]]) for box in boxes if box["id"] in pfms}
    return Track(TITLE, 0.26 * n_rows, traces, y_axis, note if rows else "none in this window",
                 extra={"boxes": boxes, "logos": logos})


def _arrow(
    hit: Hit, y: float, view_bp: int, xs: list[float | None], ys: list[float | None]
) -> None:
    """Corners of a box that points along its strand."""
    head = min((hit.end - hit.start) / 3, view_bp / 200)
    tip, back = (hit.end, hit.start) if hit.strand == "+" else (hit.start, hit.end)
    neck = tip - head if hit.strand == "+" else tip + head
    xs += [back, neck, tip, neck, back, back, None]
    ys += [y + 0.38, y + 0.38, y, y - 0.38, y - 0.38, y + 0.38, None]


def logo_heights(pfm: NDArray[np.floating]) -> list[list[float]]:
    """Height in bits of A, C, G and T at each position of a profile."""
    position, _, height, base = information_stack(pfm)
    out = np.zeros((len(pfm), 4))
    out[position, base] = height
    return [[round(float(v), 2) for v in row] for row in out]
