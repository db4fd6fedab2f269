"""Words and the places where they stand."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.token_store import TokenStore


class Places(NamedTuple):
    """Bins as (chromosome number, bin) pairs; numbers index ``LexiconData.chroms``."""

    chrom: NDArray[np.int32]
    bin: NDArray[np.int64]


class WordLabels:
    """Labels of words, put together when they are asked for: millions of texts take long to read.

    Parameters
    ----------
    first : int (n_words + 1,), where each word's motif clusters begin in ``clusters``
    clusters : int16, motif clusters of all words
    names : label of each motif cluster
    """

    def __init__(
        self, first: NDArray[np.integer], clusters: NDArray[np.int16], names: list[str]
    ) -> None:
        self._first, self._clusters, self._names = first, clusters, names

    def __len__(self) -> int:
        return len(self._first) - 1

    def __getitem__(self, word: int) -> str:
        return " + ".join(self._names[c] for c in self.clusters_of(word)) or "(no motif)"

    def clusters_of(self, word: int) -> list[int]:
        """Motif clusters of a word, rising."""
        part = slice(self._first[word], self._first[word + 1])
        clusters: list[int] = self._clusters[part].tolist()
        return clusters

    def with_each(self, groups: list[list[int]], among: int, most: int) -> list[int]:
        """The first words, by rank, that hold a motif cluster of every group.

        Parameters
        ----------
        groups : motif clusters; one of each group must be in the word
        among : words looked at, the most frequent
        most : words returned at most
        """
        among = min(among, len(self))
        first = self._first[: among + 1] - self._first[0]
        clusters = self._clusters[self._first[0] : self._first[among]]
        kept = np.ones(among, dtype=bool)
        for group in groups:
            wanted = np.zeros(len(self._names), dtype=bool)
            wanted[group] = True
            held = np.concatenate([[0], np.cumsum(wanted[clusters])])
            kept &= held[first[1:]] > held[first[:-1]]
        return np.flatnonzero(kept)[:most].tolist()


class LexiconData:
    """The words of a run and where they are."""

    def __init__(self, run: RunFolder, tokens: TokenStore) -> None:
        self._run, self._tokens = run, tokens
        self.chroms = tokens.chroms
        table = run.arrow("words", ["clusters", "frequency"])
        lists = table["clusters"].combine_chunks()
        self.labels = WordLabels(
            lists.offsets.to_numpy(), lists.values.to_numpy(),
            run.table("clusters", ["label"])["label"].tolist(),
        )
        self.frequency = table["frequency"].to_numpy()

    @cached_property
    def _word(self) -> dict[str, NDArray[np.int32]]:
        group = self._run.group("word_ids")
        return {chrom: group[f"{chrom}/word"][:] for chrom in self.chroms}

    @cached_property
    def _index(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Bins sorted by word, where each word begins among them, and chromosome offsets."""
        joined = np.concatenate([self._word[c] for c in self.chroms])
        order = np.argsort(joined, kind="stable")
        first = np.concatenate([[0], np.cumsum(self.frequency)])
        offsets = np.cumsum([0] + [len(self._word[c]) for c in self.chroms])
        return order, first, offsets

    def words_of(self, chrom: str, lo: int, hi: int) -> NDArray[np.int32]:
        """Word of each bin ``[lo, hi)``."""
        return self._word[chrom][lo:hi]

    def places(self, words: NDArray[np.integer]) -> Places:
        """All bins that hold one of the words, in genome order."""
        order, first, offsets = self._index
        words = np.unique(words)
        parts = [order[first[w] : first[w + 1]] for w in words.tolist()]
        flat = np.sort(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)
        chrom = np.searchsorted(offsets, flat, side="right") - 1
        return Places(chrom.astype(np.int32), flat - offsets[chrom])

    def count_places(self, words: NDArray[np.integer]) -> int:
        """Bins that hold one of the words."""
        return int(self.frequency[np.unique(words)].sum())

    def spans(self, places: Places) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Start and end of places, bp."""
        start = np.empty(len(places.bin), dtype=np.int64)
        end = np.empty_like(start)
        for number in np.unique(places.chrom).tolist():
            here = places.chrom == number
            edges = self._tokens.edges(self.chroms[number])
            start[here], end[here] = edges[places.bin[here]], edges[places.bin[here] + 1]
        return start, end

    def signal_at(
        self, chrom: NDArray[np.integer], bins: NDArray[np.integer]
    ) -> dict[str, NDArray[np.float32]]:
        """Mean signal per base of chosen bins, by track; ``chrom`` numbers index ``chroms``."""
        tracks = list(self._signal[self.chroms[0]])
        found = {track: np.empty(len(bins), dtype=np.float32) for track in tracks}
        for number in np.unique(chrom).tolist():
            here = chrom == number
            for track, values in self._signal[self.chroms[number]].items():
                found[track][here] = values[bins[here]]
        return found

    @cached_property
    def _signal(self) -> dict[str, dict[str, NDArray[np.float32]]]:
        group = self._run.group("signal")
        tracks = list(group.attrs["tracks"])
        return {c: {t: group[f"{c}/{t}/bins"][:] for t in tracks} for c in self.chroms}

    def signal(self, chrom: str) -> dict[str, NDArray[np.float32]]:
        """Mean signal of each track over the bins of a chromosome."""
        return self._signal[chrom]

    def instances(
        self, words: NDArray[np.integer], first: int, last: int, sort: str, descending: bool
    ) -> tuple[list[dict], int]:
        """Rows ``[first, last)`` of the table of places, and how many there are.

        ``sort`` is 'locus', 'frequency' or 'signal:<track>'; anything else counts as 'locus'.
        """
        places = self.places(words)
        n = len(places.bin)
        order = self._order(places, sort, descending)[first:last]
        numbers, bins = places.chrom[order], places.bin[order]
        motifs = np.empty(len(order), dtype=object)
        for number in np.unique(numbers).tolist():
            here = numbers == number
            motifs[here] = self.top_motifs(self.chroms[number], bins[here])
        rows = []
        for number, b, names in zip(numbers.tolist(), bins.tolist(), motifs, strict=True):
            chrom = self.chroms[number]
            start, end = self._tokens.edges(chrom)[b : b + 2].tolist()
            word = int(self._word[chrom][b])
            row = {
                "chrom": chrom, "start": start, "end": end,
                "locus": f"{chrom}:{start + 1:,}-{end:,}", "motifs": names,
                "word": str(self.labels[word]), "frequency": int(self.frequency[word]),
            }
            for track, values in self._signal[chrom].items():
                value = float(values[b])
                # Not measured is missing, as JSON knows no NaN.
                row[f"signal_{track}"] = round(value, 4) if value == value else None
            rows.append(row)
        return rows, n

    def _order(self, places: Places, sort: str, descending: bool) -> NDArray[np.intp]:
        n = len(places.bin)
        kind, _, track = sort.partition(":")
        if kind == "frequency":
            key = np.concatenate(
                [self.frequency[self._word[self.chroms[c]][places.bin[places.chrom == c]]]
                 for c in np.unique(places.chrom)]
            )
        elif kind == "signal" and track in self._signal[self.chroms[0]]:
            key = np.concatenate(
                [self._signal[self.chroms[c]][track][places.bin[places.chrom == c]]
                 for c in np.unique(places.chrom)]
            )
        else:
            return np.arange(n)[::-1] if descending else np.arange(n)
        return np.argsort(-key if descending else key, kind="stable")

    @cached_property
    def _feature_names(self) -> list[str]:
        features = self._run.table("features", ["tf", "strand"])
        return [  # CpG is the same on both strands
            tf if tf == "CpG" else f"{tf}({strand})"
            for tf, strand in zip(features["tf"], features["strand"], strict=True)
        ]

    def top_motifs(self, chrom: str, bins: NDArray[np.integer], most: int = 3) -> list[str]:
        """The strongest profiles of each bin with their strand, e.g. 'CTCF(+), KLF4(-)'."""
        values = self._tokens.gather_counts(chrom, bins)
        share = values.data / self._tokens.widths[values.indices]
        out = []
        for i in range(len(bins)):
            part = slice(values.indptr[i], values.indptr[i + 1])
            names: list[str] = []
            for j in np.argsort(-share[part], kind="stable"):
                name = self._feature_names[values.indices[part][j]]
                if name not in names:
                    names.append(name)
                if len(names) == most:
                    break
            out.append(", ".join(names))
        return out
