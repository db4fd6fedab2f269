"""The page Lexicon: every word of the run in a table, and one word beside it."""

from __future__ import annotations

import math
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.word_search import MAX_TEXT, Answer, Query
from vizapp.views.figure_card import figure_card, help_mark
from vizapp.views.table import data_table

PAGE_ROWS = 50
ABOUT_TABLE = (
    "A word is the set of motif clusters whose mean occupancy in a bin is at least the threshold "
    "of the run; its places are the bins that hold it. Rank is by frequency. Signal is the mean "
    "over the places of the bin's mean signal per base; a place lies in a promoter, an exon and so "
    "on when at least half of its bases do. Definitions: docs/lexicon.md."
)
ABOUT_SEARCH = (
    "Names of TFs, JASPAR profiles or motif clusters, or parts of them, as they are written; "
    "several names must all be in the word. Upper and lower case are the same."
)
ABOUT_LOGOS = (
    "Information content (bits) of the profile that stands for each motif cluster of the word. The "
    "motif clusters that the fewest words hold come first, since they tell most about this word."
)
ABOUT_LENGTHS = "Lengths in bp of all places of the word."
ABOUT_POSITIONS = (
    "Places of the word in equal stretches of each chromosome, as far as the run covers it; an "
    "empty stretch has none."
)
#: Most motif clusters with a logo, and most TFs named for one motif cluster.
MAX_LOGOS, MAX_TFS = 4, 12

_SHARES = {
    "in_repeats": ("Repeats (%)", "repeats"),
    "in_cpg_islands": ("CpG islands (%)", "CpG islands"),
    "in_promoters": ("Promoters (%)", "promoters"),
    "in_exons": ("Exons (%)", "exons"),
    "in_peaks": ("Peaks (%)", "a peak of any set of the run"),
}


def shares(data: RunData) -> dict[str, tuple[str, str]]:
    """Shares for which the run has an annotation: header, and what it is a share in."""
    given = data.word_table.given
    return {name: text for name, text in _SHARES.items() if given.get(name)}


def not_given(data: RunData) -> str:
    """A sentence on the annotation that the run has not; empty when it has all."""
    given = data.word_table.given
    lacking = [text.removeprefix("a ").split(" of ")[0] for name, (_, text) in _SHARES.items()
               if not given.get(name)]
    if not lacking:
        return ""
    listed = ", ".join(lacking[:-1]) + (" or " if len(lacking) > 1 else "") + lacking[-1]
    return f"This run was given no annotation of {listed}, so there is no column for it."


def _columns(data: RunData) -> list[dict[str, Any]]:
    start, end = (data.config["annotation"].get(f"promoter_{side}_bp")
                  for side in ("upstream", "downstream"))
    about = {"in_promoters": f"; {start:,} bp before to {end:,} bp after a transcript's start"}
    numeric: list[tuple[str, str, int, str]] = [
        ("frequency", "Frequency (bins)", 100, "Bins of the run with this word: its places"),
        ("n_clusters", "Motif clusters (n)", 88, "Motif clusters in the word"),
        ("mean_length_bp", "Mean length (bp)", 84, "Mean over the places"),
        ("min_length_bp", "Min. (bp)", 72, "Length of the shortest place"),
        ("max_length_bp", "Max. (bp)", 72, "Length of the longest place"),
        ("gc", "G+C (%)", 76, "Of the known bases of all places"),
        *((f"signal_{track}", f"{t['short_label']} ({t['unit']})", 118,
           f"{t['label']}; mean over the places, {t['unit']}")
          for track, t in data.explorer.tracks.items()),
        *((name, header, 92, f"Places with at least half of their bases in {where}"
           + about.get(name, "")) for name, (header, where) in shares(data).items()),
    ]
    right = {"type": "rightAligned", "sortable": True}
    return [
        {"field": "rank", "headerName": "Rank", "width": 84, "pinned": "left",
         "headerTooltip": "1 is the most frequent word", **right},
        {"field": "label", "headerName": "Motif clusters", "width": 250, "sortable": False,
         "tooltipField": "label", "headerTooltip": "Sort by their number beside"},
        *({"field": field, "headerName": header, "width": width, "headerTooltip": tip, **right}
          for field, header, width, tip in numeric),
        {"field": "megacluster", "headerName": "Megacluster", "width": 128, "sortable": True,
         "tooltipField": "megacluster",
         "headerTooltip": "Of most of its places; the nearest one for places not on the map"},
        {"field": "locus", "headerName": "First place", "width": 178, "sortable": True},
    ]


def _number(value: Any) -> str:
    """Three significant digits with separators; what is missing is a dash."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"


def row_text(data: RunData, row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table as it is shown: texts, and the word's number for the click."""
    names = data.explorer.communities("mega")["label"].to_dict()
    shown: dict[str, Any] = {"word": row["word"], "label": str(data.lexicon.labels[row["word"]])}
    for name, value in row.items():
        if name == "gc" or name in _SHARES:
            shown[name] = "–" if value is None else f"{100 * value:.3g}"
        elif name not in ("word", "chrom", "start", "end", "megacluster"):
            shown[name] = _number(value)
    m = row["megacluster"]
    shown["megacluster"] = f"M{m} {names.get(m, '')}" if m >= 0 else "–"
    shown["locus"] = f"{row['chrom']}:{row['start'] + 1:,}-{row['end']:,}"
    return shown


def word_grid(data: RunData) -> Any:
    """The table of words; rows come from the server as they are scrolled to."""
    return data_table(
        ids.LEXICON_GRID, _columns(data), "no word is found", header_px=50, is_paged=True,
        column={"sortingOrder": ["desc", "asc", None]}, cacheBlockSize=PAGE_ROWS,
    )


def places_grid() -> Any:
    """The table of a word's places."""
    columns = [
        {"field": "locus", "headerName": "Locus (click to go there)", "width": 190},
        {"field": "motifs", "headerName": "Motifs (strand)", "flex": 1, "minWidth": 120,
         "tooltipField": "motifs"},
    ]
    return data_table(
        ids.LEXICON_PLACES, columns, "no place of this word", header_px=30, is_paged=True,
        cacheBlockSize=PAGE_ROWS,
    )


def status(data: RunData, query: Query, answer: Answer, n_found: int) -> Any:
    """How many words are found and how the search was read; what to do when none is."""
    n_words, says = len(data.lexicon.frequency), []
    for term, clusters in answer.clusters.items():
        labels = [data.word_table.search.clusters["label"][c] for c in clusters]
        more = f" and {len(labels) - 2:,} more" if len(labels) > 2 else ""
        says.append(f"“{term}”: " + (", ".join(labels[:2]) + more if labels else "no motif"))
    read = f" ({'; '.join(says)})" if says else ""
    if n_found:
        return f"{n_found:,} of {n_words:,} words{read}"
    unknown = [f"“{term}”" for term, clusters in answer.clusters.items() if not clusters]
    if unknown:
        text = (f"no TF, profile or motif cluster is called {', '.join(unknown)}. Check the "
                "spelling, or type a shorter part of the name.")
    elif len(query.terms) > 1:
        text = (f"no word of these frequencies holds all of these names{read}. Take one out, or "
                "widen the frequencies.")
    else:
        text = f"no word is in this range of frequencies{read}. Widen it."
    return html.Strong(f"No match: {text}")


def _filters() -> Any:
    number: dict[str, Any] = {
        "size": "xs", "w": 116, "min": 1, "allowDecimal": False, "allowNegative": False,
        "thousandSeparator": ",", "debounce": 400, "hideControls": True,
    }
    return html.Div(
        [
            dmc.TextInput(
                id=ids.LEXICON_SEARCH, placeholder="CTCF KLF4", size="xs", w=260, debounce=300,
                value="", inputProps={"maxLength": MAX_TEXT, "spellCheck": False,
                                      "autoComplete": "off"},
                **{"aria-label": "Search words by TF, profile or motif cluster"},
            ),
            help_mark(ABOUT_SEARCH, "searched"),
            html.Span("frequency from", className="row-name"),
            dmc.NumberInput(id=ids.LEXICON_LEAST, placeholder="1",
                            **{"aria-label": "Least frequency (bins)"}, **number),
            html.Span("to", className="row-name"),
            dmc.NumberInput(id=ids.LEXICON_MOST, placeholder="any",
                            **{"aria-label": "Largest frequency (bins)"}, **number),
        ],
        className="controls", role="search",
    )


def _table(data: RunData) -> Any:
    n_words = len(data.lexicon.frequency)
    saves = html.Div(
        [
            html.Button(kind, id=name, className="tool", n_clicks=0,
                        title=f"Download all words that are found as {kind}, in order of rank")
            for kind, name in (("CSV", ids.LEXICON_CSV), ("Parquet", ids.LEXICON_PARQUET))
        ],
        className="tools fixed",
    )
    title = f"Lexicon, {data.region_text}: {n_words:,} words"
    return html.Section(
        [
            html.Div(
                [html.Div([html.H2(title, className="card-title"),
                           help_mark(ABOUT_TABLE, "the lexicon")], className="card-name"), saves],
                className="card-head",
            ),
            _filters(),
            html.P(id=ids.LEXICON_STATUS, className="caption", role="status"),
            dcc.Loading(
                html.Div(word_grid(data), className="lexicon-grid"), type="dot", color="#C2185B",
                delay_show=300, target_components={ids.LEXICON_GRID: "getRowsResponse"},
                overlay_style={"visibility": "visible", "opacity": 0.6},
                parent_className="lexicon-grid",
            ),
            html.P(not_given(data), className="caption"),
        ],
        className="panel lexicon-table", **{"aria-label": title},
    )


def cluster_list(data: RunData, clusters: list[int]) -> list[Any]:
    """Motif clusters of a word with their TFs, rarest first."""
    table = data.word_table.search.clusters
    items: list[Any] = []
    for c in clusters:
        tfs = list(table["tfs"][c])
        more = f" and {len(tfs) - MAX_TFS:,} more" if len(tfs) > MAX_TFS else ""
        n = data.word_table.search.n_holders(c)
        items += [
            html.Dt(str(table["label"][c])),
            html.Dd([", ".join(tfs[:MAX_TFS]) + more, html.Small(f" in {n:,} words")]),
        ]
    return items


def _word() -> Any:
    places = html.Div(
        [
            html.H2("Places", className="card-title"),
            html.Div(
                [
                    html.Button(kind, id=name, className="tool", n_clicks=0,
                                title=f"Download all places of the word as {kind}")
                    for kind, name in (("BED", ids.LEXICON_PLACES_BED),
                                       ("CSV", ids.LEXICON_PLACES_CSV))
                ],
                className="tools fixed",
            ),
        ],
        className="card-head",
    )
    return html.Section(
        [
            html.Div(id=ids.LEXICON_WORD, className="summary", role="status"),
            figure_card(
                ids.LEXICON_LOGOS, "Logos of its rarest motif clusters", ABOUT_LOGOS,
                "motiflens-word-logos", height="140px", is_explored=False, has_numbers=False,
            ),
            html.Dl(id=ids.LEXICON_CLUSTERS, className="terms word-clusters"),
            html.Div(
                [
                    figure_card(ids.LEXICON_LENGTHS, "Lengths", ABOUT_LENGTHS,
                                "motiflens-word-lengths", height="170px", is_explored=False),
                    figure_card(ids.LEXICON_POSITIONS, "Positions", ABOUT_POSITIONS,
                                "motiflens-word-positions", height="170px", is_explored=False),
                ],
                className="word-figures",
            ),
            places,
            html.Div(places_grid(), className="word-places"),
        ],
        className="panel word-panel", **{"aria-label": "One word"},
    )


def lexicon_page(data: RunData) -> list[Any]:
    """The table of words, and the selected word beside it."""
    return [
        dcc.Store(id=ids.LEXICON_QUERY_STORE, data={"text": "", "least": None, "most": None}),
        dcc.Store(id=ids.LEXICON_SAVED),
        _table(data), _word(),
    ]
