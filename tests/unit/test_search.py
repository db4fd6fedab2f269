"""The search box's offers against plain scans of the run's names, and what choosing one does."""

from __future__ import annotations

import numpy as np
import pytest
from dash import no_update
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.errors import MotiflensError
from vizapp.callbacks.search import chosen
from vizapp.data.search import KINDS, MAX_PER_KIND
from vizapp.selection import parse_selection
from vizapp.selection_text import from_text
from vizapp.views.search import search_offers


@pytest.fixture(scope="module")
def search(data):
    return data.search


def of_kind(hits, kind):
    return [hit for hit in hits if hit.kind == kind]


def test_a_factor_selects_all_points_whose_word_holds_one_of_its_clusters(data, search):
    table, words = data.explorer.clusters, data.run.table("words")["clusters"]
    for name in sorted({tf for tfs in table["tfs"] for tf in tfs})[:6]:
        mine = {i for i, tfs in enumerate(table["tfs"]) if name in tfs}
        hit = next(h for h in search.find(name.lower()) if h.kind == "tf" and h.label == name)
        members = data.explorer.members(from_text(hit.what))
        expected = [bool(mine & set(words[w])) for w in data.explorer.points["word"]]
        np.testing.assert_array_equal(members, expected)
        assert f"{sum(expected):,} map points" in hit.detail


def test_clusters_communities_genes_and_places_are_found(data, search):
    label = data.explorer.cluster_labels[2]
    assert of_kind(search.find(label), "cluster")[0].what == "motif:2"
    assert of_kind(search.find(label), "cluster")[0].is_exact
    profile = data.explorer.clusters["profile_ids"][2][0]
    assert "motif:2" in [h.what for h in of_kind(search.find(profile), "cluster")]
    assert [h.what for h in search.find("M1") if h.is_exact] == ["mega:1"]
    assert [h.what for h in search.find("megacluster 1") if h.is_exact] == ["mega:1"]
    assert [h.what for h in search.find("s2") if h.is_exact] == ["sub:2"]
    gene = str(data.genome.genes["gene"].iloc[0])
    assert search.find(gene.lower())[0].what == gene
    chrom, (low, _) = next(iter(data.chroms.items()))
    place = search.find(f"{chrom}:{low + 101}-{low + 200}")[0]
    assert (place.kind, place.label) == ("place", f"{chrom}:{low + 101:,}-{low + 200:,}")


def test_words_hold_a_motif_of_every_term_most_frequent_first(data, search):
    labels, words = data.explorer.cluster_labels, data.run.table("words")["clusters"]
    both = next(w for w in words if len(w) >= 2)
    a, b = labels[both[0]], labels[both[1]]
    hits = search.find(f"{a} + {b}")
    found = [int(h.what.removeprefix("word:")) for h in of_kind(hits, "word")]
    expected = [i for i, w in enumerate(words)
                if any(a.casefold() in labels[c].casefold() for c in w)
                and any(b.casefold() in labels[c].casefold() for c in w)][:MAX_PER_KIND]
    assert set(expected) <= set(found) or found == expected
    tokens = of_kind(hits, "tokens")[0]
    members = data.explorer.members(from_text(tokens.what))
    holds = [set(both[:2]) <= set(words[w]) for w in data.explorer.points["word"]]
    assert members[holds].all()


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_any_text_gives_few_offers_that_can_all_be_chosen(data, search, text):
    hits = search.find(text)
    assert len(hits) <= MAX_PER_KIND * len(KINDS) + 1
    search_offers(text, hits).to_plotly_json()
    for hit in hits:
        region, selection = chosen(
            data, {"does": hit.does, "what": hit.what}, None, "replace",
            data.genome.opening._asdict())
        assert (region is no_update) != (selection is no_update)


@pytest.mark.parametrize("text", [
    "", None, 3.5, [], {"a": 1}, "   ", "x" * 10**6, ".*", "(", "\\d+", "[a-z]", "%",
    "'; drop table words; --", "\x00",
])
def test_texts_are_literal_and_bounded(search, text):
    assert all(hit.kind in KINDS for hit in search.find(text))
    if text in (".*", "\\d+", "[a-z]", "%", ""):
        assert search.find(text) == []


def test_a_choice_adds_as_the_keys_say_and_refuses_what_is_not_offered(data):
    now = {"kind": "community", "level": "mega", "id": 0}
    _, added = chosen(data, {"does": "select", "what": "mega:1"}, now, "union")
    members = data.explorer.members(from_text("union(mega:0|mega:1)"))
    np.testing.assert_array_equal(data.explorer.members(parse_selection(added)), members)
    for hit in ({"does": "step", "what": "next:1"}, {},
                {"does": "select", "what": "x"}, {"does": "go", "what": "nowhere"},
                {"does": "select", "what": "motif:30000"}, {"does": ["go"], "what": None}):
        with pytest.raises(MotiflensError):
            chosen(data, hit, now, "union")


def test_no_offer_says_what_to_try(search):
    shown = search_offers("qqqq", search.find("qqqq"), search.why_not("qqqq")).to_plotly_json()
    why, hint = shown["props"]["children"]
    assert why.children == "nothing in this run is called 'qqqq': try one of these"
    assert "try a region" in hint.children


@pytest.mark.parametrize(("text", "says"), [
    ("GENE99", "did you mean GENE"), ("next CTFC", "did you mean CTCF"),
    ("chr20:9-5", "swap the two numbers"), ("chr20:1-5", "lies outside what this run covers"),
    ("rs123", "leaves this machine"), ("cluster 9999", "which has 0 to 11"),
    ("token 0", "no word 0 in this run, which has ranks 1 to"), ("chr9:1-5", "no chromosome"),
])
def test_why_nothing_is_offered_is_one_sentence_with_a_way_on(search, text, says):
    assert search.find(text) == []
    assert says in search.why_not(text)


def test_numbers_name_clusters_and_words(data, search):
    assert [h.what for h in search.find("cluster 3") if h.is_exact] == ["motif:3"]
    hit = next(h for h in search.find("token 5") if h.is_exact)
    assert hit.what == "word:4"
    assert f"{data.lexicon.frequency[4]:,} places" in hit.detail
    assert search.find("word 1")[0].what == "word:0"


def test_next_and_previous_step_to_every_place_of_a_motif_in_turn(data, search):
    mine = [i for i, tfs in enumerate(data.explorer.clusters["tfs"]) if "CTCF" in tfs]
    words = data.run.table("words")["clusters"]
    holds = np.array([bool(set(w) & set(mine)) for w in words])
    edges = data.tokens.edges("chr20")
    bins = np.flatnonzero(holds[data.run.group("word_ids")["chr20/word"][:]])
    centres = (edges[bins] + edges[bins + 1]) // 2
    region = {"chrom": "chr20", "start": 1_050_000, "end": 1_050_400}
    seen = []
    for text in ("next CTCF", "next ctcf", "prev CTCF"):
        hit = search.find(text)[0]
        assert (hit.does, hit.is_exact) == ("step", True)
        click = {"does": "step", "what": hit.what}
        region, selection = chosen(data, click, None, "replace", region)
        assert selection is no_update
        seen.append((region["start"] + region["end"]) // 2)
    after = centres[centres > 1_050_201]
    assert seen[0] == seen[2] == after[0]
    assert seen[1] == after[after > seen[0] + 1][0]
    with pytest.raises(MotiflensError, match="type it again"):
        chosen(data, {"does": "step", "what": "next:99999"}, None, "replace", region)


def test_a_padded_gene_is_exactly_so_much_wider(data, search):
    row = data.genome.transcripts.iloc[1]
    for text, added in ((f"{row['gene']} ±1kb", 1_000), (f"{row['gene']} 10%", None)):
        hit = search.find(text)[0]
        region, _ = chosen(data, {"does": hit.does, "what": hit.what}, None, "replace")
        wide = row["end"] - row["start"]
        expected = wide + 2 * (added if added is not None else round(0.1 * wide))
        genes = data.genome.genes.set_index("gene").loc[row["gene"]]
        assert genes["start"] == row["start"]
        assert region["end"] - region["start"] == expected


def test_bands_and_pasted_bed_lines_are_places(data, search):
    assert search.find("20p13")[0].detail.startswith("cytoband, ")
    hit = search.find("chr20\t1050000\t1050100\nchr20\t1060000\t1060100")[0]
    assert hit.label == "chr20:1,050,001-1,050,100"
    assert hit.detail == "BED, 0-based half-open, 100 bp, the first of 2 loci"
