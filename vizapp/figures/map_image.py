"""Cells of the token map as an image: colour by category or magnitude, density as opacity."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizapp.theme import MAGNITUDE, UNMEASURED

#: Opacity of a cell with one point; the fullest has 1.
_FAINTEST = 0.45
#: Steps of the magnitudes' scale.
_STOPS = 256
DENSITIES = {"log": "log", "equal": "equal steps"}


def opacity(count: NDArray[np.integer], density: str) -> NDArray[np.float64]:
    """Opacity of each cell from its number of points; 0 where there is none.

    Parameters
    ----------
    count : int (n_cells,)
    density : 'log' is linear in log(1 + count); 'equal' gives each count the share of filled cells
        that have at most so many points (histogram equalisation)
    """
    filled = count > 0
    result = np.zeros(count.shape)
    if not filled.any():
        return result
    most = int(count.max())
    if density == "equal":
        # By count, not by cell: there are far fewer different counts than cells.
        size = np.bincount(count[filled], minlength=most + 1)
        level = np.cumsum(size) / size.sum()
    else:
        level = np.log1p(np.arange(most + 1)) / np.log1p(most)
    start = level[int(count[filled].min())]
    level = (level - start) / max(1 - start, 1e-12) if start < 1 else np.ones(most + 1)
    result[filled] = (_FAINTEST + (1 - _FAINTEST) * level)[count[filled]]
    return result


def category_pixels(
    category: NDArray[np.integer], count: NDArray[np.integer], colors: list[str], density: str
) -> NDArray[np.uint8]:
    """RGBA uint8 (n_cells, 4) of the colour of each cell's category; negative is see-through."""
    table = np.array([_rgb(color) for color in colors], dtype=np.uint8)
    return _painted(table, np.maximum(category, 0), opacity(count, density))


def magnitude_pixels(
    mean: NDArray[np.floating], count: NDArray[np.integer], low: float, high: float, density: str
) -> NDArray[np.uint8]:
    """RGBA uint8 (n_cells, 4) of the mean of each cell on the scale from ``low`` to ``high``.

    A cell with points of which nothing was measured (NaN) is grey.
    """
    place = np.clip((np.nan_to_num(mean, nan=low) - low) / (high - low), 0, 1)
    which = np.round(place * (_STOPS - 1)).astype(np.int64)
    table = np.vstack([_magnitude_table(), np.array(_rgb(UNMEASURED), dtype=np.uint8)])
    return _painted(table, np.where(np.isnan(mean), _STOPS, which), opacity(count, density))


def marked_pixels(layers: list[tuple[NDArray[np.integer], str, float]]) -> NDArray[np.uint8]:
    """RGBA uint8 (n_cells, 4): cells with a marked point in the layer's colour, last on top.

    Parameters
    ----------
    layers : counts int (n_cells,), colour, opacity
    """
    result = np.zeros((len(layers[0][0]), 4), dtype=np.uint8)
    for count, color, alpha in layers:
        result[count > 0] = (*_rgb(color), round(255 * alpha))
    return result


def _painted(
    table: NDArray[np.uint8], which: NDArray[np.integer], alpha: NDArray[np.floating]
) -> NDArray[np.uint8]:
    result = np.zeros((len(which), 4), dtype=np.uint8)
    filled = np.flatnonzero(alpha > 0)
    result[filled, :3] = table[which[filled]]
    result[filled, 3] = np.round(255 * alpha[filled])
    return result


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _magnitude_table() -> NDArray[np.uint8]:
    """The scale of points and colour bar in 256 steps, uint8 (256, 3)."""
    from plotly.colors import get_colorscale

    scale = get_colorscale(MAGNITUDE)
    places = [place for place, _ in scale]
    colors = np.array([_rgb(color) for _, color in scale], dtype=float)
    steps = np.linspace(0, 1, _STOPS)
    channels = [np.interp(steps, places, colors[:, i]) for i in range(3)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)


def magnitude_colors(levels: int) -> list[str]:
    """Evenly spread colours of the magnitudes' scale."""
    table = _magnitude_table()[np.linspace(0, _STOPS - 1, levels).round().astype(int)]
    return ["#" + "".join(f"{channel:02X}" for channel in color) for color in table.tolist()]


def png(pixels: NDArray[np.uint8], rows: int, columns: int) -> bytes:
    """A PNG of RGBA pixels uint8 (rows x columns, 4), first row at the top.

    References
    ----------
    Portable Network Graphics, third edition, W3C: colour type 6, no filter.
    """
    lines = np.zeros((rows, 1 + 4 * columns), dtype=np.uint8)
    lines[:, 1:] = pixels.reshape(rows, 4 * columns)

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(
        b"IDAT", zlib.compress(lines.tobytes(), 1)) + chunk(b"IEND", b"")


def image(
    picture: bytes, x0: float, x1: float, y0: float, y1: float
) -> dict[str, Any]:
    """A PNG as an image under the traces that covers a part of the layout, and moves with it."""
    return {
        "source": "data:image/png;base64," + base64.b64encode(picture).decode(),
        "xref": "x", "yref": "y", "x": x0, "y": y1, "sizex": x1 - x0, "sizey": y1 - y0,
        "xanchor": "left", "yanchor": "top", "sizing": "stretch", "layer": "below",
        "visible": True,
    }


def no_image() -> dict[str, Any]:
    """An image slot with nothing in it."""
    return {"visible": False}
