"""The part of the genome that is drawn, and what is sent beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from vizapp.data import RunData
from vizapp.data.genome import MAX_COLUMNS
from vizapp.explained import Explained
from vizapp.state import Region

#: Windows' widths that are sent at a time, so that a browser can pan without the server.
_LOADED_TIMES = 3


class Asked(NamedTuple):
    """Which contributions are asked for.

    Attributes
    ----------
    choice : models, method, baseline, target, level and signal
    is_gone : whether nobody waits for them any more
    """

    choice: Explained = Explained()
    is_gone: Callable[[], bool] | None = None


class Frame(NamedTuple):
    """The window, what is sent around it, the columns of that, and what is explained."""

    view: Region
    loaded: Region
    columns: int
    asked: Asked = Asked()


def frame_of(data: RunData, view: Region, is_around: bool, asked: Asked | None = None) -> Frame:
    """The window alone, or with its surroundings as far as the run goes."""
    asked = asked or Asked()
    if not is_around:
        return Frame(view, view, MAX_COLUMNS, asked)
    low, high = data.genome.chroms[view.chrom]
    side = view.width * (_LOADED_TIMES - 1) // 2
    loaded = Region(view.chrom, max(low, view.start - side), min(high, view.end + side))
    return Frame(view, loaded, round(MAX_COLUMNS * loaded.width / view.width), asked)
