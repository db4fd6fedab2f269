"""The part of the genome that is drawn, and what is sent beside it."""

from __future__ import annotations

from typing import NamedTuple

from vizapp.data import RunData
from vizapp.data.genome import MAX_COLUMNS
from vizapp.state import Region

#: Windows' widths that are sent at a time, so that a browser can pan without the server.
_LOADED_TIMES = 3


class Frame(NamedTuple):
    """The window, what is sent around it, and the columns of that."""

    view: Region
    loaded: Region
    columns: int


def frame_of(data: RunData, view: Region, is_around: bool) -> Frame:
    """The window alone, or with its surroundings as far as the run goes."""
    if not is_around:
        return Frame(view, view, MAX_COLUMNS)
    low, high = data.genome.chroms[view.chrom]
    side = view.width * (_LOADED_TIMES - 1) // 2
    loaded = Region(view.chrom, max(low, view.start - side), min(high, view.end + side))
    return Frame(view, loaded, round(MAX_COLUMNS * loaded.width / view.width))
