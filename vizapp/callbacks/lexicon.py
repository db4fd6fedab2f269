"""Callbacks of the page Lexicon: what is searched, which rows are seen, which word is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from vizapp import component_ids as ids
from vizapp.callbacks.clicked import first_row
from vizapp.callbacks.links import window_around
from vizapp.data import RunData
from vizapp.data.word_search import Query, QueryError, parse_query
from vizapp.data.word_table import Sort
from vizapp.figures.lexicon import lengths, positions
from vizapp.figures.prominent import motif_logos
from vizapp.selection import Word, parse_selection
from vizapp.state import parse_region
from vizapp.theme import blank_figure
from vizapp.views.lexicon import MAX_LOGOS, cluster_list, row_text, status

_PAGE = "lexicon"
_HINT = "click a word in the table to see it here"


def read_query(raw: Any) -> Query:
    """The query of its store.

    Raises
    ------
    QueryError
        When it is not what the page sends.
    """
    if not isinstance(raw, dict) or set(raw) - {"text", "least", "most"}:
        raise QueryError("the search could not be read; type it again")
    return parse_query(raw.get("text"), raw.get("least"), raw.get("most"))


def read_request(request: Any) -> tuple[int, int, Sort]:
    """Rows ``[first, last)`` that a table asks for, and in which order.

    Raises
    ------
    QueryError
        When it is no request for rows.
    """
    given = request if isinstance(request, dict) else {}
    first, last = given.get("startRow"), given.get("endRow")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last < 2**53:
        raise QueryError("the table asked for rows that do not exist; search again")
    model = given.get("sortModel")
    chosen = model[0] if isinstance(model, list) and model and isinstance(model[0], dict) else None
    if chosen is None:
        return first, last, Sort()
    return first, last, Sort(str(chosen.get("colId"))[:200], chosen.get("sort") == "desc")


def word_rows(data: RunData, raw: Any, request: Any) -> dict[str, Any]:
    """One block of the table of words."""
    query = read_query(raw)
    first, last, sort = read_request(request)
    page = data.word_table.page(query, sort, first, last)
    return {"rowData": [row_text(data, row) for row in page.rows], "rowCount": page.n_found}


def search_status(data: RunData, raw: Any) -> Any:
    """What the search finds, in a sentence."""
    query = read_query(raw)
    words, answer = data.word_table.found(query)
    return status(data, query, answer, len(words))


def clicked_word(data: RunData, rows: Any) -> dict[str, Any] | None:
    """Selection of the word of a clicked row; None when no row is."""
    word = first_row(rows).get("word")
    if type(word) is not int or not 0 <= word < len(data.lexicon.frequency):
        return None
    return {"kind": "word", "word": word}


def selected_word(data: RunData, raw: Any) -> int | None:
    """The selected word, None when something else or nothing is selected.

    Raises
    ------
    QueryError
        When the run has no such word.
    """
    selection = parse_selection(raw)
    if not isinstance(selection, Word):
        return None
    if selection.word >= len(data.lexicon.frequency):
        raise QueryError(f"this run has no word {selection.word:,}; choose one from the table")
    return selection.word


def _short(name: str, most: int = 16) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def describe_word(data: RunData, raw: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Heading, logos, motif clusters, lengths and positions of the selected word."""
    word = selected_word(data, raw)
    if word is None:
        heading = [html.H2("No word is selected", className="summary-size"),
                   html.Span(_HINT, className="summary-source")]
        logos = blank_figure("logos appear with a word")
        return heading, logos, [], blank_figure(), blank_figure()
    label = str(data.lexicon.labels[word])
    n = int(data.lexicon.frequency[word])
    holders = data.word_table.search.n_holders
    clusters = sorted(data.lexicon.labels.clusters_of(word), key=lambda c: (holders(c), c))
    heading = [
        html.H2(label, className="summary-size", title=label),
        html.Span(
            f"Rank {word + 1:,}: {n:,} {'place' if n == 1 else 'places'}, {len(clusters):,} "
            f"motif {'cluster' if len(clusters) == 1 else 'clusters'}", className="summary-source",
        ),
    ]
    table = data.word_table.search.clusters
    profiles = [(_short(str(table["label"][c])), table["representative"][c]) for c in clusters]
    drawn = [(name, data.pfms[p]) for name, p in profiles if p in data.pfms][:MAX_LOGOS]
    logos = motif_logos(drawn) if drawn else blank_figure(
        "CpG has no profile to draw" if clusters else "this word holds no motif"
    )
    places = data.lexicon.places(np.array([word]))
    start, end = data.lexicon.spans(places)
    chroms = [(name, *data.chroms[name]) for name in data.lexicon.chroms]
    return (
        heading, logos, cluster_list(data, clusters), lengths(end - start),
        positions(chroms, places.chrom, (start + end) // 2),
    )


def place_rows(data: RunData, raw: Any, request: Any) -> dict[str, Any]:
    """One block of the table of the selected word's places, in genome order."""
    first, last, _ = read_request(request)
    word = selected_word(data, raw)
    if word is None:
        return {"rowData": [], "rowCount": 0}
    last = min(last, first + 500)
    rows, n = data.lexicon.instances(np.array([word]), first, last, "locus", False)
    kept = ("chrom", "start", "end", "locus", "motifs")
    return {"rowData": [{name: row[name] for name in kept} for row in rows], "rowCount": n}


def _client(name: str) -> ClientsideFunction:
    return ClientsideFunction(namespace="motiflens_lexicon", function_name=name)


def register(app: Dash, data: RunData) -> None:
    """Register the callbacks of the page."""

    @app.callback(
        Output(ids.LEXICON_QUERY_STORE, "data"), Output(ids.LEXICON_STATUS, "children"),
        Input(ids.LEXICON_SEARCH, "value"), Input(ids.LEXICON_LEAST, "value"),
        Input(ids.LEXICON_MOST, "value"),
    )
    def search(text: Any, least: Any, most: Any) -> Any:
        raw = {"text": text or "", "least": least, "most": most}
        return raw, search_status(data, raw)

    @app.callback(
        Output(ids.LEXICON_GRID, "getRowsResponse"), Input(ids.LEXICON_GRID, "getRowsRequest"),
        State(ids.LEXICON_QUERY_STORE, "data"),
    )
    def rows(request: Any, raw: Any) -> Any:
        return no_update if request is None else word_rows(data, raw, request)

    @app.callback(
        Output(ids.SELECTION_STORE, "data", allow_duplicate=True),
        Input(ids.LEXICON_GRID, "selectedRows"), prevent_initial_call=True,
    )
    def choose(chosen: Any) -> Any:
        selection = clicked_word(data, chosen)
        return no_update if selection is None else selection

    @app.callback(
        Output(ids.LEXICON_WORD, "children"), Output(ids.LEXICON_LOGOS, "figure"),
        Output(ids.LEXICON_CLUSTERS, "children"), Output(ids.LEXICON_LENGTHS, "figure"),
        Output(ids.LEXICON_POSITIONS, "figure"),
        Input(ids.SELECTION_STORE, "data"), Input(ids.PAGE, "value"),
    )
    def describe(raw: Any, page: Any) -> Any:
        return (no_update,) * 5 if page != _PAGE else describe_word(data, raw)

    @app.callback(
        Output(ids.LEXICON_PLACES, "getRowsResponse"),
        Input(ids.LEXICON_PLACES, "getRowsRequest"), State(ids.SELECTION_STORE, "data"),
    )
    def places(request: Any, raw: Any) -> Any:
        return no_update if request is None else place_rows(data, raw, request)

    @app.callback(
        Output(ids.REGION_STORE, "data", allow_duplicate=True),
        Output(ids.PAGE, "value", allow_duplicate=True),
        Input(ids.LEXICON_PLACES, "selectedRows"), State(ids.REGION_STORE, "data"),
        prevent_initial_call=True,
    )
    def visit(chosen: Any, region: Any) -> Any:
        there = window_around(first_row(chosen), parse_region(region, data.genome.chroms), data)
        return (no_update, no_update) if there is None else (there._asdict(), "workspace")

    app.clientside_callback(
        _client("refresh"), Output(ids.LEXICON_GRID, "className"),
        Input(ids.LEXICON_QUERY_STORE, "data"), State(ids.LEXICON_GRID, "id"),
        State(ids.LEXICON_GRID, "className"), prevent_initial_call=True,
    )
    app.clientside_callback(
        _client("refresh"), Output(ids.LEXICON_PLACES, "className"),
        Input(ids.SELECTION_STORE, "data"), State(ids.LEXICON_PLACES, "id"),
        State(ids.LEXICON_PLACES, "className"), prevent_initial_call=True,
    )
    app.clientside_callback(
        _client("save"), Output(ids.LEXICON_SAVED, "data"),
        Input(ids.LEXICON_CSV, "n_clicks"), Input(ids.LEXICON_PARQUET, "n_clicks"),
        Input(ids.LEXICON_PLACES_BED, "n_clicks"), Input(ids.LEXICON_PLACES_CSV, "n_clicks"),
        State(ids.LEXICON_QUERY_STORE, "data"), State(ids.SELECTION_STORE, "data"),
        prevent_initial_call=True,
    )
