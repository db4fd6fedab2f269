"""Callbacks of the page What if: the state of the page, and what is drawn of it."""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import parse_qs

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, no_update

from precompute.errors import MotiflensError
from vizapp import component_ids as ids
from vizapp.callbacks.clicked import named_by
from vizapp.callbacks.links import go_to
from vizapp.callbacks.what_if_drawing import choices, draw_state
from vizapp.data import RunData
from vizapp.data.what_if import N_RANDOM
from vizapp.loci import format_locus, parse_locus
from vizapp.state import Region, clamp, parse_region
from vizapp.what_if_state import WhatIf, WhatIfError, parse_what_if

_PAGE = "what-if"
#: Middle of a window that is the target when the genome view shows more, bp.
_TARGET_BP, _WIDE_BP = 500, 2_000
_EDITS_PARAMETER = re.compile(r"\s*;\s*")


def state_at(data: RunData, region: Region, before: WhatIf | None = None) -> WhatIf:
    """The page at a window of the genome view, with the model that was chosen before."""
    models = data.what_if.models
    name = before.model if before else next(iter(models), None)
    if name is None:
        raise WhatIfError("this run has no model that fits it; train one, then come back")
    model = models[name]
    middle = (region.start + region.end) // 2
    low, high = data.chroms[region.chrom]
    width = min(max(model.window_bp, min(region.width, 20_000)), high - low)
    window = clamp(Region(region.chrom, middle - width // 2, middle + width - width // 2),
                   data.chroms)
    bounds = data.what_if.bounds(*window)
    aim = region
    if region.width > _WIDE_BP:
        aim = Region(region.chrom, middle - _TARGET_BP // 2, middle + _TARGET_BP // 2)
    target = max(aim.start, bounds.start), min(aim.end, bounds.end)
    return WhatIf(
        region.chrom, bounds.start, bounds.end, target, name,
        before.track if before else model.tracks[0], (), before.eraser if before else "shuffle",
    )


def state_of_url(data: RunData, search: Any, region: Region) -> WhatIf:
    """The page that a link asks for; what it does not say is that of :func:`state_at`.

    Raises
    ------
    MotiflensError
        When it says what the run has not.
    """
    query = {k: v[0] for k, v in parse_qs(str(search or "")[:16_000].removeprefix("?")).items()}
    place = query.get("window", query.get("region"))
    if place is not None:
        region = go_to(data, place)
    raw = state_at(data, region).as_json()
    if "model" in query:
        raw |= {"model": query["model"]}
        tracks = data.what_if.tracks.get(query["model"], ("",))
        raw |= {"track": tracks[0]}
    raw |= {name: query[name] for name in ("track",) if name in query}
    if "erase" in query:
        raw |= {"eraser": query["erase"]}
    if "window" in query:
        bounds = data.what_if.bounds(*region)
        raw |= {"start": bounds.start, "end": bounds.end}
    raw |= {"edits": [e for e in _EDITS_PARAMETER.split(query.get("edits", "")) if e]}
    state = read_state(data, raw)
    return with_target(data, state, query["target"]) if "target" in query else state


def read_state(data: RunData, raw: Any) -> WhatIf:
    """A checked state."""
    return parse_what_if(raw, data.what_if.tracks)


def read_span(data: RunData, state: WhatIf, text: Any) -> tuple[int, int]:
    """A stretch as it is typed, on the window's chromosome.

    Raises
    ------
    RegionError, WhatIfError
        When it is none.
    """
    typed = str(text or "").strip()[:80]
    if not typed:
        raise WhatIfError(
            f"type a stretch, for example {format_locus(state.chrom, *state.target)}"
        )
    if ":" not in typed and re.match(r"[0-9]", typed):
        typed = f"{state.chrom}:{typed}"
    locus = parse_locus(typed, data.genome.lengths, data.genome.bands)
    if locus.chrom != state.chrom:
        raise WhatIfError(f"the window is on {state.chrom}; type a stretch of it")
    return locus.start, locus.end


def with_target(data: RunData, state: WhatIf, text: Any) -> WhatIf:
    """The state with another target, which must lie in its window."""
    start, end = read_span(data, state, text)
    if start < state.start or end > state.end:
        window = format_locus(state.chrom, state.start, state.end)
        raise WhatIfError(
            f"the target reaches beyond the window {window}; choose a stretch within it"
        )
    return state._replace(target=(start, end))


def target_of_view(state: WhatIf, relayout: Any) -> WhatIf:
    """The state with what the figure shows as its target; all of the window without a zoom."""
    zoom = relayout if isinstance(relayout, dict) else {}
    given = [zoom.get(f"xaxis.range[{i}]") for i in (0, 1)]
    ends = [float(v) for v in given if isinstance(v, int | float) and math.isfinite(v)]
    if len(ends) < 2:
        return state._replace(target=(state.start, state.end))
    start = min(max(math.floor(min(ends)), state.start), state.end - 1)
    end = max(min(math.ceil(max(ends)), state.end), start + 1)
    return state._replace(target=(start, end))


def clicked_edit(event: Any) -> str | None:
    """The edit of a clicked box; None for anything else."""
    text = named_by(event)
    return text if isinstance(text, str) else None


def changed(data: RunData, state: WhatIf, trigger: str, value: Any) -> WhatIf:
    """The state after an action of the page.

    Parameters
    ----------
    trigger : id of what was used
    value : its value: a text, a name, a click, or how a figure is zoomed

    Raises
    ------
    MotiflensError
        When the action does not fit.
    """
    if trigger in (ids.WHAT_IF_ADD, ids.WHAT_IF_EDIT, ids.WHAT_IF_PICK):
        text = str(value or "").strip()
        return data.what_if.with_edit(state, text) if text else state
    if trigger == ids.WHAT_IF_BOXES:
        edit = clicked_edit(value)
        return data.what_if.with_edit(state, edit) if edit else state
    if trigger == ids.WHAT_IF_TARGET:
        return with_target(data, state, value)
    if trigger == ids.WHAT_IF_TARGET_VIEW:
        return target_of_view(state, value)
    if value is None:
        return state
    if trigger == ids.WHAT_IF_MODEL:
        tracks = data.what_if.tracks.get(value, ()) if isinstance(value, str) else ()
        track = state.track if state.track in tracks else (tracks[0] if tracks else "")
        new = state._replace(model=value, track=track)
    elif trigger == ids.WHAT_IF_TRACK:
        new = state._replace(track=value)
    else:
        new = state._replace(eraser=value)
    return read_state(data, new.as_json())


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the state and of what is drawn; mutagenesis has its own module."""
    _register_opening(app, data)
    _register_changes(app, data)
    _register_drawing(app, data)
    _register_client(app)


def _register_opening(app: Dash, data: RunData) -> None:
    @app.callback(
        Output(ids.WHAT_IF_STORE, "data"), Output(ids.PAGE, "value", allow_duplicate=True),
        Input(ids.PAGE, "value"), Input(ids.WHAT_IF_OPEN, "n_clicks"),
        State(ids.URL, "search"), State(ids.REGION_STORE, "data"),
        State(ids.WHAT_IF_STORE, "data"), prevent_initial_call=True,
    )
    def open_page(page: Any, clicks: Any, search: Any, raw: Any, now: Any) -> Any:
        region = parse_region(raw, data.chroms)
        if ctx.triggered_id == ids.WHAT_IF_OPEN:
            if not clicks:
                return no_update, no_update
            before = read_state(data, now) if now else None
            return state_at(data, region, before).as_json(), _PAGE
        if page != _PAGE or now:
            return no_update, no_update
        query = parse_qs(str(search or "").removeprefix("?"))
        if query.get("page") == [_PAGE]:
            return state_of_url(data, search, region).as_json(), no_update
        return state_at(data, region).as_json(), no_update

    @app.callback(
        Output(ids.WHAT_IF_STORE, "data", allow_duplicate=True),
        Input(ids.WHAT_IF_HERE, "n_clicks"), State(ids.REGION_STORE, "data"),
        State(ids.WHAT_IF_STORE, "data"), prevent_initial_call=True,
    )
    def here(clicks: Any, raw: Any, now: Any) -> Any:
        if not clicks:
            return no_update
        before = read_state(data, now) if now else None
        return state_at(data, parse_region(raw, data.chroms), before).as_json()

    @app.callback(
        Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.PAGE, "value", allow_duplicate=True), Input(ids.WHAT_IF_GO, "n_clicks"),
        State(ids.WHAT_IF_STORE, "data"), prevent_initial_call=True,
    )
    def go(clicks: Any, now: Any) -> Any:
        if not clicks or not now:
            return no_update, no_update
        state = read_state(data, now)
        region = {"chrom": state.chrom, "start": state.start, "end": state.end}
        return parse_region(region, data.chroms)._asdict(), "workspace"


def _register_changes(app: Dash, data: RunData) -> None:
    @app.callback(
        Output(ids.WHAT_IF_STORE, "data", allow_duplicate=True),
        Output(ids.WHAT_IF_SAYS, "children"),
        Output(ids.WHAT_IF_EDIT, "value"), Output(ids.WHAT_IF_PICK, "value"),
        Input(ids.WHAT_IF_ADD, "n_clicks"), Input(ids.WHAT_IF_EDIT, "n_submit"),
        Input(ids.WHAT_IF_PICK, "value"), Input(ids.WHAT_IF_BOXES, "clickData"),
        Input(ids.WHAT_IF_MODEL, "value"), Input(ids.WHAT_IF_TRACK, "value"),
        Input(ids.WHAT_IF_ERASER, "value"), Input(ids.WHAT_IF_TARGET, "n_submit"),
        Input(ids.WHAT_IF_TARGET_VIEW, "n_clicks"), State(ids.WHAT_IF_EDIT, "value"),
        State(ids.WHAT_IF_TARGET, "value"), State(ids.WHAT_IF_GRAPH, "relayoutData"),
        State(ids.WHAT_IF_STORE, "data"), prevent_initial_call=True,
    )
    def change(*given: Any) -> Any:
        add, submit, pick, click, model, track, eraser, aim, view, text, target, zoom, now = given
        trigger = str(ctx.triggered_id)
        values = {
            ids.WHAT_IF_ADD: text if add else None, ids.WHAT_IF_EDIT: text if submit else None,
            ids.WHAT_IF_PICK: pick, ids.WHAT_IF_BOXES: click, ids.WHAT_IF_MODEL: model,
            ids.WHAT_IF_TRACK: track, ids.WHAT_IF_ERASER: eraser,
            ids.WHAT_IF_TARGET: target, ids.WHAT_IF_TARGET_VIEW: zoom,
        }
        is_idle = (trigger == ids.WHAT_IF_TARGET and not aim) or (
            trigger == ids.WHAT_IF_TARGET_VIEW and not view)
        if not now or trigger not in values or is_idle:
            return (no_update,) * 4
        try:
            state = read_state(data, now)
            new = changed(data, state, trigger, values[trigger])
        except MotiflensError as error:
            return no_update, str(error), no_update, None if pick else no_update
        if new == state:
            return (no_update,) * 4
        typed = trigger in (ids.WHAT_IF_ADD, ids.WHAT_IF_EDIT)
        return new.as_json(), "", "" if typed else no_update, None if pick else no_update


def _register_drawing(app: Dash, data: RunData) -> None:
    @app.callback(
        Output(ids.WHAT_IF_GRAPH, "figure"), Output(ids.WHAT_IF_BOXES, "figure"),
        Output(ids.WHAT_IF_BOXES_SAYS, "children"), Output(ids.WHAT_IF_CHIPS, "children"),
        Output(ids.WHAT_IF_EFFECT, "children"), Output(ids.WHAT_IF_PLACE, "children"),
        Output(ids.WHAT_IF_MODEL, "data"),
        Output(ids.WHAT_IF_TRACK, "data"), Output(ids.WHAT_IF_ERASER_BOX, "style"),
        Output(ids.WHAT_IF_SAYS, "children", allow_duplicate=True),
        Input(ids.WHAT_IF_STORE, "data"), prevent_initial_call="initial_duplicate",
    )
    def draw(raw: Any) -> Any:
        if not raw:
            return (no_update,) * 10
        state = read_state(data, raw)
        return draw_state(data, state)

    # A thousand choices would hold up the figures.
    @app.callback(
        Output(ids.WHAT_IF_PICK, "data"), Input(ids.WHAT_IF_STORE, "data"),
        Input(ids.WHAT_IF_EFFECT, "children"),
    )
    def offer(raw: Any, shown: Any) -> Any:
        if not raw or not shown:
            return no_update
        try:
            return choices(data.what_if.drawn(read_state(data, raw)))
        except MotiflensError:
            return no_update  # what is wrong is said where the edits are drawn

    @app.callback(
        Output(ids.WHAT_IF_AGAINST, "children"), Input(ids.WHAT_IF_STORE, "data"),
        Input(ids.WHAT_IF_EFFECT, "children"),
    )
    def hold_against(raw: Any, shown: Any) -> Any:
        if not raw or not shown:
            return ""
        try:
            share = data.what_if.percentile(read_state(data, raw))
        except MotiflensError:
            return ""  # what is wrong is said where the edits are drawn
        if share is None:
            return ""
        return (
            f"larger than the effect of {share:.0f} % of {N_RANDOM} random single-base "
            "substitutions in the target"
        )

    @app.callback(
        Output(ids.WHAT_IF_FILE, "data"), Input(ids.WHAT_IF_CSV, "n_clicks"),
        State(ids.WHAT_IF_STORE, "data"), prevent_initial_call=True,
    )
    def save(clicks: Any, raw: Any) -> Any:
        if not clicks or not raw:
            return no_update
        text = "".join(data.what_if.comparison_csv(read_state(data, raw)))
        return dcc.send_string(text, "motiflens-what-if.csv")


def _register_client(app: Dash) -> None:
    def client(name: str) -> ClientsideFunction:
        return ClientsideFunction(namespace="motiflensWhatIf", function_name=name)

    app.clientside_callback(
        client("arrive"), Output(ids.WHAT_IF_PLACE, "data-shown"), Input(ids.WHAT_IF_STORE, "data"),
        Input(ids.WHAT_IF_PLACE, "children"),
    )
    app.clientside_callback(
        client("turn"), Output(ids.WHAT_IF_CHIPS, "data-turn"), Input(ids.WHAT_IF_UNDO, "n_clicks"),
        Input(ids.WHAT_IF_REDO, "n_clicks"), Input(ids.WHAT_IF_CLEAR, "n_clicks"),
        prevent_initial_call=True,
    )
