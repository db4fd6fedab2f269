"""The header's one search box: regions, genes, motifs, communities and words."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data.search import KINDS, Hit
from vizapp.loci import format_locus
from vizapp.state import Region

EXAMPLES = (
    "a region such as chr20:1,000,000-1,020,000, 20q13.2, a gene, a gene ±5kb, a motif, "
    "next CTCF, cluster 12, M3, or two motifs"
)


def search_form(region: Region) -> Any:
    """The box with its list of offers; between searches it says where the genome view is."""
    return html.Form(
        [
            dcc.Input(
                id=ids.REGION_INPUT, type="text", className="region-input", n_submit=0,
                placeholder="region, gene, motif, community or word", debounce=False,
                maxLength=4000, autoComplete="off", spellCheck=False, value=format_locus(*region),
            ),
            html.Button("Go", id=ids.REGION_GO, type="button", className="tool go",
                        n_clicks=0),
            html.Div(id=ids.SEARCH_LIST, className="search-list", role="listbox",
                     **{"aria-label": "What the text may mean"}),
            # Filled in the browser with what it remembers; the server never sees it.
            html.Div(id=ids.SEARCH_RECENT, className="search-list search-recent", role="listbox",
                     **{"aria-label": "Places visited last"}),
            dcc.Store(id=ids.SEARCH_QUERY),
        ],
        className="region-form", role="search",
        **{"aria-label": "Region, gene, motif, community or word"},
    )


def search_offers(text: str, hits: list[Hit], why: str = "") -> Any:
    """Offers under their kinds, or ``why`` there is none; the attribute says for which text."""
    body: list[Any] = []
    for kind, group in groupby(hits, key=lambda hit: hit.kind):
        body.append(html.Div(KINDS[kind], className="search-kind"))
        body += [
            html.Button(
                [html.Span(hit.label, className="search-label"),
                 html.Span(hit.detail, className="search-detail")],
                id={"type": ids.SEARCH_HIT, "does": hit.does,
                    "what": hit.what, "place": f"{kind}{place}"},
                type="button", role="option", className="search-hit", n_clicks=0, tabIndex="-1",
                title=hit.label,
            )
            for place, hit in enumerate(group)
        ]
    if text and not hits:
        body = [html.Div(why or "nothing is called so", className="search-why"),
                html.Div(f"try {EXAMPLES}", className="search-kind")]
    return html.Div(body, **{"data-for": text})
