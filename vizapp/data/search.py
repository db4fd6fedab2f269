"""What a typed text may mean: a place, a gene, a motif, a community, words; matched literally."""

from __future__ import annotations

import difflib
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from precompute.errors import MotiflensError
from vizapp.loci import MAX_TEXT as MAX_LOCUS
from vizapp.loci import format_locus, is_locus_like, parse_locus, split_padding
from vizapp.motif_query import Numbered, Step, parse_motif_query
from vizapp.selection import Motif, Operation, Word, canonical
from vizapp.selection_text import to_text

if TYPE_CHECKING:
    from vizapp.data import RunData

_Entry = TypeVar("_Entry", bound=tuple[Any, ...])

MAX_TEXT, MAX_TERMS, MAX_PER_KIND = 100, 4, 5

#: Words that a search looks through, the most frequent: enough for the map, and quick for millions.
MAX_WORDS = 100_000

#: Kinds in the order in which they are offered.
KINDS = {
    "place": "Go to", "step": "Step to", "gene": "Gene", "tf": "Motif (transcription factor)",
    "cluster": "Motif cluster", "community": "Community", "tokens": "Tokens with all of these",
    "word": "Word",
}


class Hit(NamedTuple):
    """One offer: what it is, what it says, and what a click does.

    ``what`` is a locus or gene for 'place' and 'gene', else the text of a selection.
    """

    kind: str
    label: str
    detail: str
    what: str
    is_exact: bool

    @property
    def does(self) -> str:
        """What a click does: 'go' to a place, 'step' from where one is, or 'select'."""
        return {"place": "go", "gene": "go", "step": "step"}.get(self.kind, "select")


class Search:
    """Names of a run, ready to be searched; nothing typed is ever read as a pattern.

    Parameters
    ----------
    data : the run
    """

    def __init__(self, data: RunData) -> None:
        self._data = data

    @cached_property
    def _genes(self) -> list[tuple[str, str]]:
        genome = self._data.genome
        names = set(genome.genes["gene"]) | set(genome.transcripts["gene"])
        names |= set(genome.transcripts["name"])
        return sorted((str(n).casefold(), str(n)) for n in names if str(n))

    @cached_property
    def _tfs(self) -> list[tuple[str, str, list[int]]]:
        """(folded name, name, motif clusters) of each transcription factor."""
        clusters: dict[str, list[int]] = {}
        for number, names in enumerate(self._data.explorer.clusters["tfs"]):
            for name in names:
                clusters.setdefault(str(name), []).append(number)
        return sorted((name.casefold(), name, found) for name, found in clusters.items())

    @cached_property
    def _clusters(self) -> list[tuple[str, str, str]]:
        """(folded label, folded profile ids, label) of each motif cluster."""
        table = self._data.explorer.clusters
        return [
            (str(label).casefold(), " ".join(map(str, profiles)).casefold(), str(label))
            for label, profiles in zip(table["label"], table["profile_ids"], strict=True)
        ]

    def find(self, text: object) -> list[Hit]:
        """Offers for a text, grouped by kind; a kind with an exact match comes first.

        At most ``MAX_PER_KIND`` of each kind; an empty list for an empty text.
        """
        raw = str(text or "")
        typed = " ".join(raw[: 10 * MAX_TEXT].split())[:MAX_TEXT]
        folded = typed.casefold()
        if not folded:
            return []
        if len(raw) > MAX_TEXT or "\t" in raw:  # a BED file's lines, say
            return self._places(raw[:MAX_LOCUS], folded)
        finders = (self._places, self._queries, self._gene_hits, self._tf_hits, self._cluster_hits,
                   self._community_hits, self._word_hits)
        groups = [hits for hits in (finder(typed, folded) for finder in finders) if hits]
        groups.sort(key=lambda hits: not hits[0].is_exact)
        return [hit for hits in groups for hit in hits]

    def _places(self, typed: str, folded: str) -> list[Hit]:
        genome = self._data.genome
        if not is_locus_like(typed, genome.lengths):
            return []
        try:
            locus = parse_locus(typed, genome.lengths, genome.bands)
        except MotiflensError:
            return []
        low, high = genome.chroms[locus.chrom]
        if locus.start >= high or locus.end <= low:
            return []
        label = format_locus(locus.chrom, max(locus.start, low), min(locus.end, high))
        return [Hit("place", label, locus.understood, typed, True)]

    def why_not(self, text: object) -> str:
        """Why nothing is offered for a text, with what it may have meant; never empty."""
        genome, typed = self._data.genome, " ".join(str(text or "")[:MAX_LOCUS].split())
        if is_locus_like(typed, genome.lengths):
            try:
                locus = parse_locus(typed, genome.lengths, genome.bands)
            except MotiflensError as error:
                return str(error)
            low, high = genome.chroms[locus.chrom]
            return (f"{locus} lies outside what this run covers, "
                    f"{format_locus(locus.chrom, low, high)}: choose a place in it")
        query = parse_motif_query(typed)
        if isinstance(query, Numbered):
            is_cluster = query.kind == "cluster"
            n = len(self._clusters) if is_cluster else len(self._data.lexicon.frequency)
            numbers = f"0 to {n - 1:,}" if is_cluster else f"ranks 1 to {n:,}"
            return f"there is no {query.kind} {query.number:,} in this run, which has {numbers}"
        name = (query.name if isinstance(query, Step) else typed).casefold()[:40]
        names = dict(self._genes) | {k: shown for k, shown, _ in self._tfs}
        close = [names[k] for k in difflib.get_close_matches(name, names, n=3, cutoff=0.6)]
        hint = f"did you mean {', '.join(close)}?" if close else "try one of these"
        return f"nothing in this run is called {name!r}: {hint}"

    def _queries(self, typed: str, folded: str) -> list[Hit]:
        """``next CTCF``, ``cluster 12`` and ``token 345``."""
        query = parse_motif_query(typed)
        if isinstance(query, Step):
            name = query.name.casefold()
            exact = [found for key, _, found in self._tfs if key == name]
            clusters = exact[0] if exact else [
                n for n, (label, profiles, _) in enumerate(self._clusters)
                if name == label or name in profiles.split()]
            if not clusters:
                return []
            n = self._data.lexicon.count_places(self.words_with(clusters))
            way = "Next" if query.is_forward else "Previous"
            what = f"{way.lower()}:" + ".".join(map(str, clusters[:256]))
            return [Hit("step", f"{way} {query.name}", f"of {n:,} places", what, True)]
        if not isinstance(query, Numbered):
            return []
        if query.kind == "cluster" and query.number < len(self._clusters):
            label = self._clusters[query.number][2]
            return [self._motif("cluster", label, [query.number], "", True)]
        lexicon = self._data.lexicon
        if query.kind == "word" and 1 <= query.number <= len(lexicon.frequency):
            word = query.number - 1
            places = f"rank {query.number:,}, {int(lexicon.frequency[word]):,} places"
            return [Hit("word", lexicon.labels[word], places, f"word:{word}", True)]
        return []

    def words_with(self, clusters: list[int]) -> NDArray[np.int64]:
        """Words that hold any of some motif clusters, rising."""
        holders = self._data.word_table.search.holders
        return np.unique(np.concatenate([holders(c) for c in clusters]).astype(np.int64))

    def _gene_hits(self, typed: str, folded: str) -> list[Hit]:
        try:
            name, padding = split_padding(typed)
        except MotiflensError:
            return []
        found = _ranked(name.casefold(), self._genes)
        detail, after = "show it in the genome view", ""
        if padding:
            after = typed[len(name):]
            detail = f"with{after} on either side"
        return [Hit("gene", shown, detail, shown + after, key == name.casefold())
                for key, shown in found[:MAX_PER_KIND]]

    def _tf_hits(self, typed: str, folded: str) -> list[Hit]:
        hits = []
        for key, name, clusters in _ranked(folded, self._tfs)[:MAX_PER_KIND]:
            many = f"{len(clusters)} motif clusters" if len(clusters) > 1 else "1 motif cluster"
            hits.append(self._motif("tf", name, clusters, f"{many}, ", key == folded))
        return hits

    def _cluster_hits(self, typed: str, folded: str) -> list[Hit]:
        named = [(label, number) for number, (label, profiles, _) in enumerate(self._clusters)
                 if folded in label or folded in profiles]
        named.sort(key=lambda item: (item[0] != folded, not item[0].startswith(folded), item[1]))
        return [
            self._motif("cluster", self._clusters[number][2], [number], "", label == folded)
            for label, number in named[:MAX_PER_KIND]
        ]

    def _motif(self, kind: str, label: str, clusters: list[int], about: str, exact: bool) -> Hit:
        selection = Motif(kind="motif", clusters=clusters[:256])
        n = int(self._data.explorer.members(selection).sum())
        return Hit(kind, label, f"{about}{n:,} map points", to_text(selection) or "", exact)

    def _community_hits(self, typed: str, folded: str) -> list[Hit]:
        hits = []
        for level, letter, name in (("mega", "m", "megacluster"), ("sub", "s", "subcluster")):
            table = self._data.explorer.communities(level)
            for row in table.itertuples():
                names = (f"{letter}{row.Index}", f"{name} {row.Index}")
                is_exact = folded in names
                if is_exact or folded in str(row.label).casefold() or folded == name:
                    hits.append(Hit(
                        "community", f"{letter.upper()}{row.Index} {row.label}",
                        f"{name}, {row.n_points:,} map points", f"{level}:{row.Index}", is_exact,
                    ))
        hits.sort(key=lambda hit: not hit.is_exact)
        return hits[:MAX_PER_KIND]

    def _word_hits(self, typed: str, folded: str) -> list[Hit]:
        """Frequent words that hold a motif of every term, and all tokens that do."""
        terms = [folded]
        if not self._with_term(folded):
            parts = folded.split(" + ") if " + " in folded else folded.replace(",", " ").split()
            terms = [part.strip() for part in parts if part.strip()]
        if not terms or len(terms) > MAX_TERMS:
            return []
        groups = [self._with_term(term) for term in terms]
        if not all(groups):
            return []
        lexicon = self._data.lexicon
        words = lexicon.labels.with_each(groups, MAX_WORDS, MAX_PER_KIND)
        hits = [
            Hit("word", lexicon.labels[word], f"{int(lexicon.frequency[word]):,} places",
                to_text(Word(kind="word", word=word)) or "",
                lexicon.labels[word].casefold() == folded)
            for word in words
        ]
        hits.sort(key=lambda hit: not hit.is_exact)
        if len(groups) > 1:
            both = canonical(Operation(
                kind="intersect",
                of=[Motif(kind="motif", clusters=group[:256]) for group in groups],
            ))
            text = to_text(both)
            if text is not None:
                n = int(self._data.explorer.members(both).sum())
                hits.insert(0, Hit("tokens", " and ".join(terms), f"{n:,} map points", text, False))
        return hits

    def _with_term(self, term: str) -> list[int]:
        """Motif clusters whose label, or one of whose factors, holds a term."""
        found = {number for number, (label, _, _) in enumerate(self._clusters) if term in label}
        for key, _, clusters in self._tfs:
            if term in key:
                found.update(clusters)
        return sorted(found)


def _ranked(folded: str, named: list[_Entry]) -> list[_Entry]:
    """Entries whose first item holds the text: equal ones, then those that begin with it."""
    found = [entry for entry in named if folded in entry[0]]
    found.sort(key=lambda entry: (entry[0] != folded, not entry[0].startswith(folded),
                                  len(entry[0]), entry[0]))
    return found
