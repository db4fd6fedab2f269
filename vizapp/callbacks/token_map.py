"""Callbacks of the token map.

Three callbacks draw on the one figure, each for its own concern: the points, the genome window,
the selection. A newer call of one supersedes an older that is under way, so each answer replaces
all of its concern.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, Patch, State, ctx, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.figures.token_map import axes, map_meta
from vizapp.map_state import (
    MapOptions,
    ViewOf,
    parse_density,
    parse_hidden,
    parse_layout,
    parse_pointer,
    parse_scale,
    parse_view,
)
from vizapp.state import Region, parse_region, parse_selection
from vizapp.views.map_drawing import Drawn, MapDrawing, shapes
from vizapp.views.token_map import chips


def read_options(
    layout: Any, color: Any, hidden: Any = None, ends: Any = None, is_log: Any = False,
    density: Any = "log", shows: Any = None, view: Any = None,
) -> MapOptions:
    """The map's options from what the browser sent, all checked."""
    shown = shows if isinstance(shows, list) else []
    return MapOptions(
        parse_layout(layout), str(color), parse_hidden(hidden),
        parse_scale([0, 99.5] if ends is None else ends, is_log), parse_density(density),
        "contours" in shown, "labels" in shown, parse_view(view),
    )


def _patched(drawing: MapDrawing, drawn: Drawn) -> Patch:
    patch = Patch()
    for place, trace in drawn.traces.items():
        patch["data"][drawing.place(place)] = trace
    for place, picture in drawn.images.items():
        patch["layout"]["images"][place] = picture
    return patch


def patch_points(
    data: RunData, drawing: MapDrawing, options: MapOptions, is_new: bool = False
) -> tuple[Patch, str]:
    """All points anew, with axes and name tags; window and selection stay.

    ``is_new`` says that the layout was switched, which begins with all points in view.
    """
    base = drawing.base(options)
    patch, layout = _patched(drawing, base.drawn), options.layout
    begin = drawing.begin(layout)
    for name, axis in axes(layout, data.explorer.explained, begin).items():
        here = patch["layout"][name]
        here["title"]["text"], here["showticklabels"] = axis["title"]["text"], layout == "pca"
        # Only then: a range that is sent again would undo the reader's zoom.
        if is_new:
            here["range"] = axis["range"]
    patch["layout"]["uirevision"] = layout
    patch["layout"]["annotations"] = base.tags
    patch["layout"]["meta"] = map_meta(layout, begin, data.explorer.map.is_image)
    return patch, base.says


def patch_window(drawing: MapDrawing, region: Region, layout: Any, hidden: Any) -> Patch:
    """The points of the genome window."""
    found = drawing.window(region, parse_layout(layout), parse_hidden(hidden))
    return _patched(drawing, found)


def patch_selection(
    drawing: MapDrawing, selection: Any, layout: Any, hidden: Any, view: ViewOf | None
) -> Patch:
    """The selected points and the outline that was drawn around them."""
    chosen, layout = parse_selection(selection), parse_layout(layout)
    patch = _patched(drawing, drawing.selection(chosen, layout, parse_hidden(hidden), view))
    patch["layout"]["shapes"] = shapes(chosen, layout)
    return patch


def describe_point(
    data: RunData, raw: Any, layout: Any, hidden: Any
) -> dict[str, Any] | None:
    """The point under the pointer in a few lines, and where it is; None when there is none."""
    pointer, layout = parse_pointer(raw), parse_layout(layout)
    if pointer is None:
        return None
    explorer, lexicon = data.explorer, data.lexicon
    found = explorer.map.nearest(layout, pointer, explorer.map.shown(parse_hidden(hidden)))
    if found is None:
        return None
    row = explorer.points.iloc[found]
    chrom, start, end, b = str(row["chrom"]), int(row["start"]), int(row["end"]), int(row["bin"])
    mega, sub = int(explorer.mega[found]), int(explorer.sub[found])
    motifs = lexicon.top_motifs(chrom, np.array([b]))[0]
    x, y = (float(v) for v in explorer.layouts[layout][found])
    frequency = int(row["frequency"])
    return {
        "x": x, "y": y, "layout": layout,
        "lines": [
            f"{chrom}:{start + 1:,}-{end:,}",
            str(lexicon.labels[int(row["word"])])[:80],
            f"top motifs: {motifs}" if motifs else "no motif",
            f"word in {frequency:,} bin{'' if frequency == 1 else 's'}; megacluster M{mega}, "
            f"subcluster S{sub}",
        ],
    }


def layout_of_link(_: RunData, text: str) -> tuple[str]:
    """The layout of a link.

    Raises
    ------
    MotiflensError
        When it is none of the map's.
    """
    return (parse_layout(text),)


def color_of_link(data: RunData, text: str) -> tuple[str]:
    """The colour of a link.

    Raises
    ------
    MotiflensError
        When this run has no such colour.
    """
    offered = {item["value"] for group in data.explorer.color_options() for item in group["items"]}
    if text not in offered:
        raise MotiflensError(
            f"the link colours the map by {text[:60]!r}, which this run has not; choose from the "
            "list above the map"
        )
    return (text,)


def _changed() -> set[str]:
    return {t["prop_id"].split(".")[0] for t in ctx.triggered}


def _current(view: ViewOf | None) -> ViewOf | None:
    """The view, without its range when the layout was changed: the range is of an earlier visit."""
    return view.forget_range() if view is not None and ids.MAP_LAYOUT in _changed() else view


def register(app: Dash, data: RunData, drawing: MapDrawing | None = None) -> None:
    """Register the callbacks of the map."""
    drawing = drawing or MapDrawing(data)
    _register_drawing(app, data, drawing)
    _register_controls(app, data)


def _register_drawing(app: Dash, data: RunData, drawing: MapDrawing) -> None:
    figure = Output(ids.MAP_GRAPH, "figure", allow_duplicate=True)

    @app.callback(
        figure, Output(ids.MAP_STATUS, "children"),
        Input(ids.MAP_LAYOUT, "value"), Input(ids.MAP_COLOR, "value"),
        Input(ids.MAP_HIDDEN, "data"), Input(ids.MAP_SCALE, "value"), Input(ids.MAP_LOG, "checked"),
        Input(ids.MAP_DENSITY, "value"), Input(ids.MAP_SHOWS, "value"),
        Input(ids.MAP_VIEW, "data"), prevent_initial_call=True,
    )
    def draw_points(*values: Any) -> tuple[Any, Any]:
        options = read_options(*values)
        options = options._replace(view=_current(options.view))
        return patch_points(data, drawing, options, ids.MAP_LAYOUT in _changed())

    @app.callback(
        figure, Input(ids.REGION_SHOWN_STORE, "data"), Input(ids.MAP_LAYOUT, "value"),
        Input(ids.MAP_HIDDEN, "data"), prevent_initial_call=True,
    )
    def draw_window(region: Any, layout: Any, hidden: Any) -> Any:
        return patch_window(drawing, parse_region(region, data.genome.chroms), layout, hidden)

    @app.callback(
        figure, Output(ids.SELECTION_SHOWN_STORE, "data"),
        Input(ids.SELECTION_STORE, "data"), Input(ids.MAP_LAYOUT, "value"),
        Input(ids.MAP_HIDDEN, "data"), Input(ids.MAP_VIEW, "data"), prevent_initial_call=True,
    )
    def draw_selection(selection: Any, layout: Any, hidden: Any, view: Any) -> Any:
        patch = patch_selection(drawing, selection, layout, hidden, _current(parse_view(view)))
        # The other views hear of it now: their work does not hold up the map.
        return patch, selection if ids.SELECTION_STORE in _changed() else no_update


def _register_controls(app: Dash, data: RunData) -> None:
    @app.callback(
        Output(ids.MAP_LEGEND, "children"), Input(ids.MAP_COLOR, "value"),
        Input(ids.MAP_HIDDEN, "data"), prevent_initial_call=True,
    )
    def draw_legend(color: Any, hidden: Any) -> Any:
        return chips(data, "sub" if color == "sub" else "mega", parse_hidden(hidden))

    @app.callback(
        Output(ids.MAP_FOUND, "data"), Input(ids.MAP_POINTER, "data"),
        State(ids.MAP_LAYOUT, "value"), State(ids.MAP_HIDDEN, "data"), prevent_initial_call=True,
    )
    def find_point(pointer: Any, layout: Any, hidden: Any) -> Any:
        return describe_point(data, pointer, layout, hidden)

    app.clientside_callback(
        "(color) => (['mega', 'sub'].includes(color) ? { display: 'none' } : {})",
        Output(ids.MAP_SCALE_BOX, "style"), Input(ids.MAP_COLOR, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(namespace="motiflensMap", function_name="tell"),
        Output(ids.MAP_TIP, "data-shown"), Input(ids.MAP_FOUND, "data"), prevent_initial_call=True,
    )
