"""What a link asks for. All views' parts of it are read in one answer: a fresh page waits for one
request, and one wrong part leaves the others as they were meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from dash import Dash, Input, Output, no_update, set_props

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks import genome, genome_explained, links, token_map
from vizapp.callbacks.shell import notice
from vizapp.data import RunData

#: Longest query that is read, characters.
_MOST = 8_000


class Part(NamedTuple):
    """What one name of a link's query sets, and how its text is read into these values."""

    properties: tuple[tuple[str, str], ...]
    read: Callable[[RunData, str], tuple[Any, ...]]


PARTS = {
    "region": Part(((ids.REGION_STORE, "data"),), links.region_of_link),
    "selection": Part(((ids.SELECTION_STORE, "data"),), links.selection_of_link),
    "region2": Part(((ids.SECOND_STORE, "data"),), links.region_of_link),
    "tracks": Part(((ids.TRACKS_STORE, "data"),), genome.tracks_of_link),
    "marks": Part(((ids.MARKS_STORE, "data"),), genome.marks_of_link),
    "map": Part(((ids.MAP_LAYOUT, "value"),), token_map.layout_of_link),
    "color": Part(((ids.MAP_COLOR, "value"),), token_map.color_of_link),
    "explain": Part(tuple((name, "value") for name in genome_explained.CONTROLS),
                    genome_explained.choice_of_link),
}
#: Stores that other callbacks own.
_OWNED = {ids.REGION_STORE, ids.SELECTION_STORE, ids.SECOND_STORE}


def read_link(data: RunData, search: Any) -> tuple[dict[str, Any], list[str]]:
    """Values of a link's query by component, and a sentence for each part that is wrong.

    What the link does not say is left out.
    """
    query = parse_qs(str(search or "")[:_MOST].removeprefix("?"))
    values: dict[str, Any] = {}
    wrong = []
    for name, part in PARTS.items():
        if name not in query:
            continue
        try:
            found = part.read(data, query[name][0])
        except MotiflensError as error:
            wrong.append(str(error))
            continue
        pairs = zip(part.properties, found, strict=True)
        values |= {component: v for (component, _), v in pairs if v is not None}
    return values, wrong


def register(app: Dash, data: RunData) -> None:
    """Register the callback."""
    properties = [p for part in PARTS.values() for p in part.properties]

    @app.callback(
        [Output(*p, allow_duplicate=p[0] in _OWNED) for p in properties],
        Input(ids.URL, "search"), prevent_initial_call="initial_duplicate",
    )
    def arrive(search: Any) -> Any:
        values, wrong = read_link(data, search)
        if wrong:
            set_props(ids.NOTICE, {"children": [notice(text) for text in wrong]})
        return [values.get(component, no_update) for component, _ in properties]
