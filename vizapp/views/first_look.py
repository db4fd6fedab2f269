"""What stands on the page until the browser has drawn the views: its frame, and the map as a
picture. The server writes it into the page itself, so that it needs no script and no request."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from vizapp.data import RunData
from vizapp.map_state import MapOptions
from vizapp.views.map_drawing import MapDrawing
from vizapp.views.token_map import map_title

#: What a link says that makes another map or another page the first one to see.
_OTHERS = ("page", "map", "color")


def first_look(data: RunData, drawing: MapDrawing) -> str:
    """HTML of the frame with the map of a fresh visit; all text is escaped."""
    picture = drawing.first_picture(MapOptions())
    return (
        '<div id="first-look" class="first-look" role="status" aria-label="drawing the views">'
        '<div class="header"><span class="brand"><span class="brand-a">motif</span>lens</span>'
        f'<span class="run-name">run: {escape(data.name)}</span></div>'
        '<div class="workspace"><div class="upper"><div class="side"><div class="panel map-panel">'
        f'<div class="card-head"><h2 class="card-title">{escape(map_title(data))}</h2></div>'
        f'<div class="first-plot"><img alt="The token map" src="{picture}"></div>'
        '<p class="map-status">drawing the views</p></div></div>'
        '<div class="side"><div class="panel first-wait"></div></div></div>'
        '<div class="panel first-wait"></div></div></div>'
    )


def is_wanted(query: Mapping[str, str]) -> bool:
    """Whether a visit with this query begins with the map of a fresh visit."""
    return not any(name in query for name in _OTHERS)
