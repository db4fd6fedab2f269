"""Ways to break a run folder, each with the one fault that the doctor must name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.manifest import Manifest, hash_path


@dataclass(frozen=True)
class Damage:
    """How a run is broken, and what the doctor is to say.

    Attributes
    ----------
    name : for the test's id
    harm : breaks the run folder it is given
    artefact, chrom, code : of the only finding
    says : part of what was found
    is_recorded : the manifest records the damaged content, as a faulty stage would leave it
    is_quick : ``--quick`` finds it too
    """

    name: str
    harm: Callable[[Path], None]
    artefact: str
    code: str
    says: str
    chrom: str | None = None
    is_recorded: bool = False
    is_quick: bool = True


def record(root: Path) -> None:
    """Make the manifest record what lies there now."""
    manifest = Manifest.load(root / "manifest.json")
    assert manifest is not None
    for stage in manifest.stages.values():
        for name in stage.outputs:
            if RunFolder(root).exists(name):
                stage.outputs[name] = hash_path(RunFolder(root).path(name))
    manifest.save(root / "manifest.json")


# -- tools -----------------------------------------------------------------------------------


def path_of(root: Path, name: str) -> Path:
    return root / ARTEFACTS[name].path


def array(name: str, key: str, change: Callable[[np.ndarray], Any]) -> Callable[[Path], None]:
    """Replace an array by what ``change`` returns of it (or makes of it in place)."""

    def harm(root: Path) -> None:
        group = zarr.open_group(path_of(root, name), mode="a")
        values = group[key][:]
        changed = change(values)
        del group[key]
        group.create_array(key, data=values if changed is None else np.ascontiguousarray(changed))

    return harm


def put(place: Any, value: Any) -> Callable[[np.ndarray], None]:
    def change(values: np.ndarray) -> None:
        values[place] = value

    return change


def add(place: Any, value: Any) -> Callable[[np.ndarray], None]:
    def change(values: np.ndarray) -> None:
        values[place] += value

    return change


def attribute(name: str, key: str, value: Any, group: str = "") -> Callable[[Path], None]:
    """Set an attribute; None removes it."""

    def harm(root: Path) -> None:
        opened = zarr.open_group(path_of(root, name) / group, mode="a")
        if value is None:
            del opened.attrs[key]
        else:
            opened.attrs[key] = value

    return harm


def table(name: str, change: Callable[[pd.DataFrame], Any]) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        run = RunFolder(root)
        frame = run.table(name)
        changed = change(frame)
        run.write_table(name, frame if changed is None else changed)

    return harm


def cell(column: str, row: int, value: Any) -> Callable[[pd.DataFrame], None]:
    def change(frame: pd.DataFrame) -> None:
        frame.loc[frame.index[row], column] = value

    return change


def rows(name: str, *pairs: tuple[str, int, Any]) -> Callable[[Path], None]:
    def change(frame: pd.DataFrame) -> None:
        for column, row, value in pairs:
            frame.loc[frame.index[row], column] = value

    return table(name, change)


def overwrite(relative: str, data: bytes, at: int | None = None) -> Callable[[Path], None]:
    """Replace a file, or some bytes of it."""

    def harm(root: Path) -> None:
        path = root / relative
        if at is None:
            path.write_bytes(data)
        else:
            whole = bytearray(path.read_bytes())
            whole[at : at + len(data)] = data
            path.write_bytes(bytes(whole))

    return harm


def truncate(relative: str, share: float) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        path = root / relative
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return harm


def remove(relative: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        path = root / relative
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return harm


def write(relative: str, text: str = "") -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        (root / relative).write_text(text)

    return harm


def edit_json(relative: str, change: Callable[[dict], Any]) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        data = json.loads((root / relative).read_text())
        change(data)
        (root / relative).write_text(json.dumps(data))

    return harm


def rename(old: str, new: str) -> Callable[[Path], None]:
    return lambda root: (root / old).rename(root / new)


def chunk_of(relative: str, data: bytes) -> Callable[[Path], None]:
    """Overwrite the beginning of an array's first chunk."""

    def harm(root: Path) -> None:
        path = min(p for p in (root / relative / "c").rglob("*") if p.is_file())
        path.write_bytes(data + path.read_bytes()[len(data) :])

    return harm


def retype(name: str, key: str, dtype: str) -> Callable[[Path], None]:
    return array(name, key, lambda values: values.astype(dtype))


def swap_first_two(values: np.ndarray) -> None:
    values[[0, 1]] = values[[1, 0]]


def swap_first_and_later(values: np.ndarray) -> None:
    """Exchange two features of the first tile."""
    later = int((values != values[0]).argmax())
    values[[0, later]] = values[[later, 0]]


def move_hits(values: np.ndarray) -> None:
    """Move every hit by one base, where the order allows."""
    values[:] = np.maximum(values.astype(int) - 1, 0)


def swap_words(root: Path) -> None:
    """Exchange two different words, so that no frequency changes."""
    group = zarr.open_group(path_of(root, "word_ids"), mode="a")
    word = group["chr20/word"][:]
    # Far apart and many, so that a random window meets some.
    half = len(word) // 2
    word[:half], word[half : 2 * half] = word[half : 2 * half].copy(), word[:half].copy()
    del group["chr20/word"]
    group.create_array("chr20/word", data=word)


def recount(values: np.ndarray) -> None:
    """Counts that are possible and wrong, everywhere."""
    values[values > 1] -= 1


def rewrite_bigwig(change: str) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        import pyBigWig

        path = root / "predictions/tokens/atac.bw"
        with pyBigWig.open(str(path)) as handle:
            sizes = handle.chroms()
            steps = {c: handle.intervals(c) for c in sizes}
        handle = pyBigWig.open(str(path), "w")
        names = {c: c.removeprefix("chr") if change == "names" else c for c in sizes}
        length = 7 if change == "sizes" else 0
        handle.addHeader([(names[c], n + length) for c, n in sizes.items()])
        for chrom, parts in steps.items():
            kept = parts[5:] if change == "gap" and chrom == "chr21" else parts
            handle.addEntries(
                [names[chrom]] * len(kept), [s for s, _, _ in kept], ends=[e for _, e, _ in kept],
                values=[v for _, _, v in kept],
            )
        handle.close()

    return harm


def weights(root: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"weight": np.array([0, np.nan], np.float32)},
              root / "models/tokens/weights.safetensors")


def tear_subcluster(frame: pd.DataFrame) -> None:
    """Move one point to another megacluster, without its subcluster."""
    frame.loc[0, "megacluster"] = 0 if frame.loc[0, "megacluster"] else 1


def explorer(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        import anndata

        data = anndata.read_h5ad(root / "explorer.h5ad")
        changed = change(data)
        (data if changed is None else changed).write_h5ad(root / "explorer.h5ad")

    return harm


def move_map(data: Any) -> None:
    data.obsm["X_umap"] = data.obsm["X_umap"] + np.float32(1)


def inner_table(relative: str, change: Callable[[pd.DataFrame], Any]) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        frame = pd.read_parquet(root / relative)
        changed = change(frame)
        (frame if changed is None else changed).to_parquet(root / relative)

    return harm


def parquet_stamp(name: str, kind: str | None, version: int) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        from precompute.artefacts import write_parquet

        frame = RunFolder(root).table(name)
        write_parquet(path_of(root, name), frame, kind or ARTEFACTS[name].kind, version)

    return harm


def index_hits(root: Path) -> None:
    """Make a synthetic run one of ready hits: those that the scanner finds."""
    from precompute.motifs import build_profiles
    from precompute.ready_hits.stored import TileWriter
    from precompute.scan import compile_scanner, find_hits

    run = RunFolder(root)
    scanner = compile_scanner(build_profiles(root / "profiles.jaspar", 0.8, 0.05))
    sequence = run.group("sequence")
    chroms = list(sequence.attrs["chroms"])
    with run.writing_group("hits", chroms=chroms, source="folder") as group:
        for chrom in chroms:
            start, end = (sequence[chrom].attrs[key] for key in ("start", "end"))
            feature, place = find_hits(scanner, sequence[f"{chrom}/codes"][:])
            tile, offset = np.divmod(place + start, 1 << 14)
            order = np.lexsort((offset, feature, tile))
            writer = TileWriter(group, chrom, start)
            n_tiles = (end - 1 >> 14) - (start >> 14) + 1
            writer.append(
                np.bincount(tile - (start >> 14), minlength=n_tiles), feature[order],
                offset[order].astype(np.uint16),
            )
            writer.close()
    edit_json("config.json", lambda d: d["motifs"].update(
        hits={"folder": str(root / "ready"), "min_relative_score_x1000": 800}))(root)
    record(root)


# -- the lists --------------------------------------------------------------------------------

DAMAGES = [
    # hashes and presence
    Damage("a renamed gene", rows("genes", ("gene", 0, "OTHER")), "genes", "hash",
           "is not what the stage annotation wrote", is_quick=False),
    Damage("a lost artefact", remove("bins.zarr"), "bins", "missing", "bins.zarr is not there"),
    Damage("a lost table", remove("lexicon/zipf.parquet"), "zipf", "missing", "zipf.parquet"),
    # temporaries
    Damage("a half-written group", write(".tokens.zarr.ab12cd.tmp/tokens.zarr/zarr.json"), "run",
           "temporary", "half-written tokens"),
    Damage("a half-written manifest", write(".manifest.json.tmp"), "run", "temporary",
           "half-written manifest"),
    # kinds, versions, records
    Damage("a newer manifest", edit_json("manifest.json", lambda d: d.update(version=9)),
           "manifest", "version", "newer motiflens", is_quick=True),
    Damage("a garbled manifest", write("manifest.json", "{"), "manifest", "unreadable",
           "cannot be read"),
    Damage("a garbled configuration", write("config.json", "no"), "config", "unreadable",
           "cannot be read"),
    Damage("an unknown setting", edit_json("config.json", lambda d: d["bins"].update(x=1)),
           "config", "schema", "unknown key 'bins.x'"),
    Damage("a newer group", attribute("signal", "version", 9), "signal", "version", "version 9"),
    Damage("another kind", attribute("depth", "kind", "other"), "depth", "version", "kind 'other'"),
    Damage("a newer table", parquet_stamp("peaks", None, 5), "peaks", "version", "version 5"),
    Damage("a table of another kind", parquet_stamp("peaks", "x", 1), "peaks", "version",
           "kind 'x'"),
    Damage("a newer model", edit_json("models/onehot/model.json", lambda d: d.update(version=3)),
           "model_onehot", "version", "version 3"),
    Damage("a newer folder", edit_json("predictions/onehot/artefact.json",
                                       lambda d: d.update(version=2)),
           "predictions_onehot", "version", "version 2"),
    # unreadable files
    Damage("a garbled group", overwrite("tokens.zarr/zarr.json", b"\x00\xff{"), "tokens",
           "unreadable", "cannot be read"),
    Damage("a garbled chunk", chunk_of("tokens.zarr/chr21/counts", b"\x00" * 16), "tokens",
           "unreadable", "cannot be read", chrom="chr21"),
    Damage("a garbled dense chunk", chunk_of("sequence.zarr/chr20/codes", b"\xff" * 8), "sequence",
           "unreadable", "cannot be read", chrom="chr20"),
    Damage("a truncated table", truncate("lexicon/words.parquet", 0.5), "words", "unreadable",
           "cannot be read"),
    Damage("a garbled page", overwrite("embedding/points.parquet", b"\xff" * 40, 30), "points",
           "unreadable", "cannot be read"),
    Damage("an absurd chunk size",
           edit_json("depth.zarr/chr20/depth/zarr.json", lambda d: d["chunk_grid"][
               "configuration"].update(chunk_shape=[1 << 50])),
           "depth", "schema", "chunks of", chrom="chr20"),
    # schemas
    Damage("a dtype", retype("tokens", "chr20/indices", "int32"), "tokens", "schema",
           "is int32", chrom="chr20"),
    Damage("a lost column", table("clusters", lambda t: t.drop(columns="label")), "clusters",
           "schema", "the column is not there"),
    Damage("a column's type", table("words", lambda t: t.astype({"frequency": float})), "words",
           "schema", "the column is double"),
    Damage("a lost array", remove("attributions/tokens.zarr/chr21/absent"), "attributions_tokens",
           "schema", "the array is not there", chrom="chr21"),
    Damage("a lost attribute", attribute("bin_communities", "agreement", None), "bin_communities",
           "schema", "no attribute agreement"),
    Damage("three coordinates", array("layouts", "tsne", lambda v: np.c_[v, v[:, 0]]), "layouts",
           "schema", "has 3 values"),
    Damage("a strand", rows("features", ("strand", 3, "?")), "features", "values", "holds '?'"),
    Damage("a row number", rows("clusters", ("cluster", 4, 5)), "clusters", "values", "row 4"),
    # chromosomes and regions
    Damage("a renamed chromosome", rename("tokens.zarr/chr21", "tokens.zarr/21"), "tokens",
           "schema", "lists chr20, chr21 and holds 21, chr20"),
    Damage("chromosomes in another order", attribute("signal", "chroms", ["chr21", "chr20"]),
           "signal", "agreement", "lists the chromosomes chr21, chr20"),
    Damage("a region that moved", attribute("sequence", "start", 1_000_016, "chr20"), "sequence",
           "agreement", "is for", chrom="chr20"),
    Damage("depth that begins elsewhere", attribute("depth", "start", 7, "chr20"), "depth",
           "agreement", "begins at 7", chrom="chr20"),
    Damage("a strange chromosome", rows("genes", ("chrom", 0, "chrZ")), "genes", "agreement",
           "names the chromosome 'chrZ'"),
    Damage("a reversed peak", rows("peaks", ("start", 2, 9_999_999)), "peaks", "values",
           "goes from 9,999,999"),
    Damage("a reversed repeat",
           table("repeats", lambda t: pd.DataFrame(
               {"chrom": ["chr20"], "start": [9_999_999], "end": [1_000_100], "name": ["AluY"],
                "family": ["SINE/Alu"]})),
           "repeats", "values", "goes from 9,999,999"),
    Damage("exons without ends",
           table("transcripts", lambda t: t.assign(exon_ends=[e[:2] for e in t["exon_ends"]])),
           "transcripts", "values", "has exons"),
    # sequence, depth, bins
    Damage("a strange base", array("sequence", "chr20/codes", put(11, 7)), "sequence", "values",
           "the value 7 at 11", chrom="chr20"),
    Damage("a shorter depth", array("depth", "chr20/depth", lambda v: v[:-9]), "depth",
           "agreement", "bases", chrom="chr20"),
    Damage("an impossible depth", array("depth", "chr21/depth", put(5, 900)), "depth", "values",
           "the value 900", chrom="chr21"),
    Damage("a wrong depth", array("depth", "chr20/depth", add(slice(None), 1)), "depth",
           "recomputed", "motifs cover", chrom="chr20", is_recorded=True, is_quick=False),
    Damage("an edge twice", array("bins", "chr20/edges", lambda v: put(8, v[7])(v)), "bins",
           "values", "bin 7 goes from", chrom="chr20"),
    Damage("a lost edge", array("bins", "chr20/edges", lambda v: np.delete(v, 30)), "bins",
           "agreement", "is for", chrom="chr20"),
    Damage("bins beyond the region", array("bins", "chr21/edges", add(-1, 4)), "bins",
           "agreement", "covers 0-", chrom="chr21"),
    # tokens
    Damage("rows in disorder", array("tokens", "chr20/indices", swap_first_two), "tokens",
           "values", "after a number that is not smaller", chrom="chr20"),
    Damage("an unknown feature", array("tokens", "chr20/indices", put(-1, 60_000)), "tokens",
           "values", "60,000 in bin", chrom="chr20"),
    Damage("a stored zero", array("tokens", "chr20/counts", put(4, 0)), "tokens", "values",
           "0 covered bases", chrom="chr20"),
    Damage("more bases than the bin has", array("tokens", "chr20/counts", put(4, 200)), "tokens",
           "agreement", "200 covered bases in bin", chrom="chr20"),
    Damage("rows that end early", array("tokens", "chr21/indptr", add(-1, 7)), "tokens",
           "values", "ends at", chrom="chr21"),
    Damage("rows that go back", array("tokens", "chr20/indptr", put(9, 0)), "tokens", "values",
           "falls from", chrom="chr20"),
    Damage("fewer counts than features", array("tokens", "chr20/counts", lambda v: v[:-1]),
           "tokens", "schema", "non-zeros", chrom="chr20"),
    Damage("wrong counts", array("tokens", "chr20/counts", recount), "tokens", "recomputed",
           "bases of bin", chrom="chr20", is_recorded=True,
           is_quick=False),
    # signal
    Damage("a missing number", array("signal", "chr20/atac/grid", put(3, np.nan)), "signal",
           "values", "the value nan at 3", chrom="chr20"),
    Damage("an infinite number", array("signal", "chr21/dnase/bins", put(0, np.inf)), "signal",
           "values", "the value inf", chrom="chr21"),
    Damage("a short grid", array("signal", "chr20/atac/grid", lambda v: v[:-2]), "signal",
           "agreement", "has", chrom="chr20"),
    Damage("a short track", array("signal", "chr20/atac/bins", lambda v: v[:-2]), "signal",
           "agreement", "bins", chrom="chr20"),
    Damage("a track less", edit_json("signal.zarr/zarr.json",
                                     lambda d: d["attributes"]["tracks"].pop("dnase")),
           "signal", "agreement", "has the tracks atac"),
    # motifs
    Damage("frequencies", rows("pfms", ("A", 2, 0.9)), "pfms", "values", "sums to"),
    Damage("a lost position", table("pfms", lambda t: t.drop(index=1)), "pfms", "agreement",
           "positions"),
    Damage("another width", rows("features", ("width", 2, 99)), "features", "agreement",
           "feature 2 has 99"),
    Damage("a threshold out of reach", rows("profiles", ("threshold", 1, 99_999)), "profiles",
           "values", "has the threshold 99,999"),
    Damage("a wrong threshold", rows("profiles", ("threshold", 1, 10)), "profiles", "recomputed",
           "has 10", is_recorded=True, is_quick=False),
    Damage("scores of one side", array("interdependence", "scores", put((2, 9), 0.01)),
           "interdependence", "values", "the other way"),
    Damage("a score above 1", array("interdependence", "scores", put((2, 9), 1.5)),
           "interdependence", "values", "the value 1.5"),
    Damage("a feature unlike itself", array("interdependence", "scores", put((4, 4), 0.5)),
           "interdependence", "values", "with itself"),
    Damage("an empty cluster",
           table("feature_clusters", lambda t: t.assign(cluster=np.maximum(t["cluster"], 1))),
           "feature_clusters", "agreement", "cluster 0 has no feature"),
    Damage("other clusters",
           table("feature_clusters", lambda t: cell("cluster", 4, 3)(t)), "feature_clusters",
           "agreement", "cluster 2 has 5 members", is_quick=False),
    Damage("two labels", rows("clusters", ("label", 1, "same"), ("label", 2, "same")), "clusters",
           "values", "two clusters are called 'same'"),
    Damage("a rising count", rows("cluster_cuts", ("n_clusters", 9, 600)), "cluster_cuts",
           "values", "more clusters at"),
    # words
    Damage("an unknown word", array("word_ids", "chr20/word", put(3, 10**8)), "word_ids",
           "agreement", "bin 3 has the word 100,000,000", chrom="chr20"),
    Damage("a frequency", rows("words", ("frequency", 0, 10**6)), "words", "agreement",
           "has frequency 1,000,000", is_quick=False),
    Damage("a rising frequency", rows("words", ("frequency", 5, 10**6)), "words", "values",
           "more frequent"),
    Damage("an unknown cluster", table("words", lambda t: t.assign(
        clusters=[np.array([400] * len(c), np.int16) for c in t["clusters"]])), "words",
        "values", "has the cluster 400"),
    Damage("a miscounted word", rows("words", ("n_clusters", 4, 60)), "words", "values",
           "word 4 has n_clusters 60"),
    Damage("words in other places", swap_words, "word_ids", "recomputed", "has the word",
           chrom="chr20", is_recorded=True, is_quick=False),
    Damage("an entry's frequency", rows("lexicon", ("frequency", 7, 10**6)), "lexicon",
           "agreement", "word 7 has frequency 1,000,000"),
    Damage("a rank", rows("lexicon", ("rank", 7, 3)), "lexicon", "values",
           "word 7 has the rank 3"),
    Damage("a mean below the least", rows("lexicon", ("mean_length_bp", 3, 1.5)), "lexicon",
           "values", "the mean length 1.5 bp"),
    Damage("longer places", table("lexicon", lambda t: t.assign(
        mean_length_bp=t["max_length_bp"].astype("float32"))), "lexicon", "agreement",
        "the places of all words have"),
    Damage("an entry elsewhere", rows("lexicon", ("chrom", 2, "chrZ")), "lexicon", "agreement",
           "names the chromosome 'chrZ'"),
    Damage("a word under another motif", array("cluster_words", "words", put(-1, 10**8)),
           "cluster_words", "agreement", "pairs of motif cluster and word"),
    Damage("words in disorder under a motif", array("cluster_words", "words", swap_first_two),
           "cluster_words", "values", "after a number that is not smaller"),
    Damage("a bent curve", rows("rank_frequency", ("frequency", 0, 1)), "rank_frequency",
           "values", "does not fall"),
    Damage("fewer types", rows("zipf", ("n_types", 0, 7)), "zipf", "agreement", "7 types"),
    Damage("a correlation", rows("zipf", ("r", 0, -1.2)), "zipf", "values", "the value -1.2"),
    Damage("a text without laws", table("laws", lambda t: t[1:]), "laws", "agreement",
           "no row for motif (sequence)"),
    Damage("fewer tokens in the laws", rows("laws", ("n_tokens", 2, 7)), "laws", "agreement",
           "7 for kmer6 (sequence)"),
    Damage("an impossible exponent", rows("laws", ("exponent", 0, 0.5)), "laws", "values",
           "the value 0.5"),
    Damage("a vocabulary that shrinks", rows("vocabulary_growth", ("n_types", 9, 0)),
           "vocabulary_growth", "values", "the value 0"),
    Damage("more types than tokens", rows("vocabulary_growth", ("n_types", 0, 2)),
           "vocabulary_growth", "values", "faster than it"),
    Damage("a length of nothing", rows("abbreviation", ("length_bp", 1, 0)), "abbreviation",
           "values", "the value 0"),
    Damage("more known bases than bases", rows("control_words", ("known_bp", 3, 10**6)),
           "control_words", "values", "1,000,000 known bases"),
    Damage("an unknown corpus", rows("control_words", ("corpus", 0, "x")), "control_words",
           "values", "holds 'x'"),
    Damage("an unknown word of a profile", rows("motif_recovery", ("word", 0, 10**7)),
           "motif_recovery", "agreement", "names the word 10,000,000"),
    Damage("a token that is none", rows("vocabulary", ("token", 0, "ANT")), "vocabulary",
           "values", "'ANT'"),
    Damage("an unknown profile", rows("motif_recovery", ("profile_id", 0, "XX")),
           "motif_recovery", "agreement", "names the profile XX"),
    # the map
    Damage("a point beside its bin", rows("points", ("start", 3, 1)), "points", "agreement",
           "point 3 lies on bin", chrom="chr20"),
    Damage("another word", rows("points", ("word", 3, 0)), "points", "agreement",
           "point 3 has the word 0", chrom="chr20"),
    Damage("an impossible share", rows("points", ("gc", 0, 1.4)), "points", "values",
           "the value 1.4"),
    Damage("a layout with a hole", array("layouts", "umap", put((4, 1), np.nan)), "layouts",
           "values", "the value nan at 4"),
    Damage("a layout that moved", array("layouts", "umap", add(slice(None), 1)), "layouts",
           "agreement", "does not agree with explorer obsm", is_quick=False),
    Damage("features of other names", rows("features", ("name", 0, "other")), "features",
           "agreement", "does not agree with model_tokens", is_quick=False),
    Damage("fewer points", array("layouts", "umap", lambda v: v[:-3]), "layouts", "agreement",
           "points"),
    Damage("a node that knows itself", array("neighbors", "nodes", put((7, 2), 7)), "neighbors",
           "values", "row 7 names itself"),
    Damage("a neighbour that there is not", array("neighbors", "placed", put((3, 0), 10**6)),
           "neighbors", "values", "row 3 names"),
    Damage("a fitted point without a node", array("neighbors", "node", put(0, -1)), "neighbors",
           "values", "point 0 has the node -1"),
    Damage("another point for a node", array("neighbors", "first", add(-1, 1)), "neighbors",
           "values", "not that of the point"),
    Damage("a placed point lost", array("neighbors", "placed", lambda v: v[:-1]), "neighbors",
           "values", "has 39 rows"),
    Damage("a quality beyond 1", array("layout_quality", "umap_preservation", put(5, 1.2)),
           "layout_quality", "values", "the value 1.2"),
    Damage("a community too stable", rows("community_stability", ("overlap", 0, 1.3)),
           "community_stability", "values", "the value 1.3"),
    Damage("a community left out", table("community_stability", lambda t: t.iloc[:-1]),
           "community_stability", "agreement", "13 rows for 13"),
    Damage("a torn subcluster", table("communities", tear_subcluster), "communities",
           "values", "lies in 2 megaclusters"),
    Damage("another size", rows("community_table", ("n_points", 0, 1)), "community_table",
           "agreement", "mega 0 has 1 points"),
    Damage("a q-value", rows("enrichment", ("q_value", 0, 2.0)), "enrichment", "values",
           "the value 2"),
    Damage("an unknown community", rows("enrichment", ("community", 0, 77)), "enrichment",
           "agreement", "77"),
    Damage("a bin in the wrong family", array("bin_communities", "chr20/megacluster",
                                              lambda v: put(np.flatnonzero(v == 0)[0], 2)(v)),
           "bin_communities", "agreement", "megacluster 2", chrom="chr20"),
    Damage("a truncated AnnData", truncate("explorer.h5ad", 0.6), "explorer", "unreadable",
           "cannot be read"),
    Damage("no AnnData at all", write("explorer.h5ad", "text"), "explorer", "unreadable",
           "begins with 74657874"),
    Damage("another map", explorer(move_map), "explorer", "agreement", "X_umap is missing or"),
    Damage("fewer tokens", explorer(lambda d: d[:-5].copy()), "explorer", "agreement", "is "),
    # models
    Damage("a weight", weights, "model_tokens", "values", "not finite"),
    Damage("truncated weights", truncate("models/onehot/weights.safetensors", 0.7),
           "model_onehot", "unreadable", "cannot be read"),
    Damage("truncated last weights", truncate("models/onehot/last.safetensors", 0.7),
           "model_onehot", "unreadable", "cannot be read"),
    Damage("other features", edit_json("models/tokens/model.json",
                                       lambda d: d["features"].__setitem__(0, "other")),
           "model_tokens", "agreement", "other motif features"),
    Damage("other tracks", edit_json("models/onehot/model.json",
                                     lambda d: d.update(tracks=["dnase", "atac"])),
           "model_onehot", "agreement", "predicts dnase, atac"),
    Damage("curves", inner_table("models/tokens/curves.parquet", cell("train_loss", 0, np.inf)),
           "model_tokens", "values", "the value inf"),
    Damage("a bigWig that is none", write("predictions/onehot/atac.bw", "BED"),
           "predictions_onehot", "unreadable", "begins with 424544"),
    Damage("a truncated bigWig", truncate("predictions/tokens/dnase.bw", 0.5),
           "predictions_tokens", "unreadable", ""),
    Damage("a bigWig of other names", rewrite_bigwig("names"), "predictions_tokens", "agreement",
           "has the chromosomes {'20'"),
    Damage("a bigWig of other lengths", rewrite_bigwig("sizes"), "predictions_tokens",
           "agreement", "has the chromosomes"),
    Damage("a bigWig with a gap", rewrite_bigwig("gap"), "predictions_tokens", "values",
           "have no finite value", chrom="chr21"),
    Damage("a lost bigWig", remove("predictions/onehot/dnase.bw"), "predictions_onehot",
           "agreement", "holds the bigWigs of atac"),
    Damage("a shipped model's bigWig cut short",
           truncate("predictions/shipped/made_up_tokens/dnase.bw", 0.5), "predictions_shipped",
           "unreadable", ""),
    Damage("a shipped model without its bigWig",
           remove("predictions/shipped/made_up_tokens/dnase.bw"), "predictions_shipped",
           "agreement", "holds no bigWig"),
    Damage("a metric", inner_table("predictions/tokens/metrics.parquet", cell("r", 0, 1.5)),
           "predictions_tokens", "values", "the value 1.5"),
    Damage("an area beyond 1", inner_table("evaluation/peak_metrics.parquet", cell("f1", 0, 1.5)),
           "evaluation", "values", "the value 1.5"),
    Damage("an unknown predictor", inner_table(
           "evaluation/correlations.parquet", cell("predictor", 0, "oracle")),
           "evaluation", "agreement", "names 'oracle'"),
    Damage("an unknown factor", inner_table(
           "tf_benchmark/benchmark.parquet", cell("tf", 0, "NOSUCH")),
           "tf_benchmark", "agreement", "names 'NOSUCH'"),
    Damage("a hit outside its region", inner_table(
           "tf_benchmark/sites.parquet", cell("start", 0, 3)),
           "tf_benchmark", "values", "the hit 3-"),
    Damage("another number of bound hits", inner_table(
           "tf_benchmark/factors.parquet", cell("n_bound", 0, 777)),
           "tf_benchmark", "agreement", "777 bound"),
    Damage("an area of a benchmark beyond 1", inner_table(
           "tf_benchmark/benchmark.parquet", cell("auc", 0, 1.5)),
           "tf_benchmark", "values", "the value 1.5"),
    Damage("a window elsewhere", inner_table("predictions/onehot/windows.parquet",
                                             cell("chrom", 0, "chrZ")),
           "predictions_onehot", "agreement", "names 'chrZ'"),
    # attributions
    Damage("tiles with a hole", array("attributions_tokens", "chr20/tile_edges", add(-1, -2)),
           "attributions_tokens", "values", "tiles from 0 to", chrom="chr20"),
    Damage("an incomplete tile", array("attributions_onehot", "chr20/tile_error", put(0, 0.2)),
           "attributions_onehot", "values", "the value 0.2", chrom="chr20"),
    Damage("contributions that do not add up", array("attributions_onehot", "chr20/values",
                                                     add(slice(None), 0.5)),
           "attributions_onehot", "agreement", "add up to", chrom="chr20"),
    Damage("an infinite contribution", array("attributions_tokens", "chr21/values",
                                             put(2, np.inf)),
           "attributions_tokens", "values", "the value inf", chrom="chr21"),
    Damage("an unknown track", attribute("attributions_tokens", "track", "x"),
           "attributions_tokens", "agreement", "explains the track 'x'"),
    # effects
    Damage("a mean outside of its interval", rows("effects", ("mean_low", 2, 1e6)), "effects",
           "values", "has mean_low 1e+06"),
    Damage("a sum that is another", rows("effects", ("total", 3, 1e6)), "effects", "values",
           "has total 1e+06"),
    Damage("a cluster less", table("effects", lambda t: t.iloc[:-1]), "effects", "agreement",
           "motif clusters"),
    Damage("bins of nothing", table("effects", lambda t: t.assign(bins=t["bins"] + (
        t["bins"] > 0), total=t["mean"] * (t["bins"] + (t["bins"] > 0)))), "effects",
        "agreement", "the bins of all clusters"),
    Damage("a window of another length", array("window_index", "chr20/values", put(3, 2.5)),
           "window_index", "values", "has the length", chrom="chr20"),
    Damage("windows that end early", array("window_index", "chr21/first_bin", add(-1, -2)),
           "window_index", "agreement", "windows from bin 0 to", chrom="chr21"),
    Damage("clusters of a window in disorder", array("window_index", "chr20/indices",
                                                     swap_first_two), "window_index", "values",
           "in window 0", chrom="chr20"),
    Damage("a cluster that no window counts", attribute("window_index", "holders", [1, 2]),
           "window_index", "agreement", "motif clusters"),
    Damage("a pair twice", rows("interactions", ("second", 1, 1)), "interactions", "values",
           "has the pair 0 and 1"),
    Damage("a mean interaction outside of its interval", rows(
           "interactions", ("interaction_high", 0, -9.0)), "interactions", "values",
           "is outside of its interval"),
    Damage("a lost site", table("interaction_sites", lambda t: t.iloc[:-1]), "interaction_sites",
           "agreement", "23 sites of the pair 3 and 8"),
    Damage("a site in the sea", rows("interaction_sites", ("end", 3, 10**9)),
           "interaction_sites", "agreement", "outside of the sequence"),
    Damage("a signal below nothing", rows("interaction_sites", ("without_both", 2, -0.5)),
           "interaction_sites", "values", "the value -0.5"),
]

#: On a run that was made from ready hits.
HIT_DAMAGES = [
    Damage("an unknown motif", array("hits", "chr20/feature", put(-1, 60)), "hits", "values",
           "60 in tile", chrom="chr20"),
    Damage("a start beyond its tile", array("hits", "chr21/offset", put(-1, 1 << 15)), "hits",
           "values", "32,768 in tile", chrom="chr21"),
    Damage("hits in disorder", array("hits", "chr20/feature", swap_first_and_later), "hits",
           "values", "in tile", chrom="chr20"),
    Damage("tiles that fall", array("hits", "chr20/tiles", put(1, 10**9)), "hits", "values",
           "tiles do not rise", chrom="chr20"),
    Damage("fewer tiles", array("hits", "chr20/tiles", lambda v: v[[0, -1]]), "hits", "values",
           "tiles from 999,424", chrom="chr20"),
    Damage("hits that begin elsewhere", attribute("hits", "start", 5, "chr20"), "hits",
           "agreement", "hits begins at 5", chrom="chr20"),
    Damage("fewer starts than hits", array("hits", "chr20/offset", lambda v: v[:-1]), "hits",
           "schema", "hits", chrom="chr20"),
    Damage("hits of another sample", array("hits", "chr20/offset", move_hits), "hits",
           "recomputed", "motifs cover chr20:", chrom="chr20", is_quick=False),
]
