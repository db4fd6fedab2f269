"""The reproduction report: its own counts, its verdicts and reasons, its figures and its page."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from precompute.artefacts import RunFolder
from precompute.config_inputs import HitsConfig
from precompute.errors import ArtefactError, ConfigError, RunFolderError
from precompute.pipeline import STAGES
from precompute.report import (
    figures,
    page,
    provenance,
    reasons,
    report_tables,
    tables,
    write_report,
)
from precompute.report import measure as measuring
from precompute.report.content import Comparison
from precompute.report.measure import Measured, measure
from precompute.report.reasons import Numbers
from precompute.report.reference import AUTOSOME_BP, AUTOSOME_KNOWN_BP, REFERENCES
from precompute.report.tables import _compared
from precompute.token_store import TokenStore
from tests.synthetic_run import make_run

REPOSITORY = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("report") / "run", n_bp=20_000)


@pytest.fixture(scope="module")
def report(root):
    return report_tables(root)


@pytest.fixture
def run(root, tmp_path):
    shutil.copytree(root, tmp_path / "run")
    return tmp_path / "run"


def row(report, key):
    return next(c for c in report.comparisons if c.key == key)


def spoil(run, change):
    """Change the manifest."""
    data = json.loads((run / "manifest.json").read_text())
    change(data)
    (run / "manifest.json").write_text(json.dumps(data))


# -- its own counts ----------------------------------------------------------------------------


def test_counts_are_those_of_a_plain_loop(root):
    folder = RunFolder(root)
    found = measure(folder)
    lengths, depths = [], []
    known = bins_with_cpg = known_bins = covered = covered_known = 0
    for chrom in folder.group("bins").attrs["chroms"]:
        codes = folder.group("sequence")[f"{chrom}/codes"][:]
        depth = folder.group("depth")[f"{chrom}/depth"][:]
        start = folder.group("sequence")[chrom].attrs["start"]
        text = "".join("ACGTN"[c] for c in codes)
        in_cpg = {i + k for i in range(len(text)) if text[i : i + 2] == "CG" for k in (0, 1)}
        edges = folder.group("bins")[f"{chrom}/edges"][:] - start
        for lo, hi in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            here = [i for i in range(lo, hi) if text[i] != "N"]
            bins_with_cpg += any(i in in_cpg for i in range(lo, hi))
            if here:
                known_bins += 1
                lengths.append(hi - lo)
                depths += depth[here].tolist()
        known += len(text) - text.count("N")
        covered += int((depth > 0).sum())
        covered_known += sum(bool(d) for d, letter in zip(depth, text, strict=True)
                             if letter != "N")
    assert (found.known_bp, found.known_bins, found.cpg_bins) == (known, known_bins, bins_with_cpg)
    assert (found.covered_bp, found.covered_known_bp) == (covered, covered_known)
    assert found.lengths.tolist() == np.bincount(lengths).tolist()
    assert found.depths.tolist() == np.bincount(depths).tolist()
    assert found.mean_length_bp == pytest.approx(np.mean(lengths))
    assert found.sd_length_bp == pytest.approx(np.std(lengths))
    assert found.mean_depth == pytest.approx(np.mean(depths))
    assert found.bins > found.known_bins


@pytest.mark.parametrize("bins", [1, 7, 100])
def test_the_size_of_a_block_changes_no_count(root, monkeypatch, bins):
    whole = measure(RunFolder(root))
    monkeypatch.setattr(measuring, "_BLOCK_BINS", bins)
    heard = []
    parts = measure(RunFolder(root), lambda *x: heard.append(x))
    for name in vars(whole):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name
    assert heard[-1][0] <= heard[-1][1]


def test_non_zeros_without_cpg_are_those_of_the_motifs(root):
    store, found = TokenStore(RunFolder(root)), measure(RunFolder(root))
    counts = [store.counts(c, 0, store.n_bins(c)) for c in store.chroms]
    motifs = sum(int((c[:, :-2] != 0).sum()) for c in counts)
    assert motifs == sum(c.nnz for c in counts) - 2 * found.cpg_bins


# -- rows --------------------------------------------------------------------------------------


def test_the_rows_say_what_the_run_says(report, root):
    m = measure(RunFolder(root))
    assert report.name == "synthetic"
    assert report.region == "simulated chr20:1,000,001-1,020,000, chr21:1-4,000"
    assert row(report, "bins").text == f"{m.bins:,}"
    assert row(report, "clusters").value == 12
    assert row(report, "clusters").reference == 871
    assert row(report, "genome_bins").value == pytest.approx(
        m.known_bins / m.known_bp * AUTOSOME_KNOWN_BP)
    assert row(report, "covered_known").reference is None
    assert [c.key for c in report.comparisons if not c.key.startswith(("r_", "aupr_"))] == [
        "covered_bases", "covered_known", "bins", "genome_bins", "mean_length", "long_share",
        "non_zeros", "clusters", "rand", "words",
    ]
    folder = RunFolder(root).folder("evaluation")
    r = pd.read_parquet(folder / "correlations.parquet").query(
        "set == 'test' and resolution_bp == 16 and track == 'dnase'").set_index("predictor")["r"]
    assert row(report, "r_tokens_dnase").value == r["tokens"]
    assert row(report, "r_onehot_dnase").reference == 0.69
    best = r[r.index.difference(["tokens", "onehot"])].max()
    assert f"{best:.3f}." in row(report, "r_tokens_dnase").why[0]
    assert row(report, "aupr_tokens_dnase").reference is None
    assert [law.tokenizer for law in report.laws] == [
        "motif", "kmer3", "kmer6", "bpe600", "bpe4096"]
    assert {law.tokenizer: law.paper_r for law in report.laws}["bpe600"] == -0.77
    laws = RunFolder(root).table("laws")
    for law in report.laws:
        row_ = laws[(laws["tokenizer"] == law.tokenizer) & (laws["corpus"] == "sequence")].iloc[0]
        assert (law.heaps, law.exponent) == (row_["heaps"], row_["exponent"])
        assert law.r_seen3_range[0] <= law.r_seen3 <= law.r_seen3_range[1]
        assert law.r_shuffled is not None
    assert report.inputs[0].role == "sequence"
    assert all(re.fullmatch(r"[0-9a-f]{64}", item.sha256) for item in report.inputs)
    assert not any("/" in item.name for item in report.inputs)
    assert [s.name for s in report.stages] == [s.name for s in STAGES]
    settings = {s.name: s for s in report.settings}
    assert settings["motif_clusters.cut"].is_default
    assert not settings["lexicon.threshold"].is_default
    assert settings["genome.regions"].value == "chr21:1-4,000"


def test_the_same_run_gives_the_same_report(report, root):
    assert report_tables(root) == report
    assert report_tables(RunFolder(root)) == report


def test_a_run_up_to_its_bins_has_a_shorter_report(run):
    def cut(data):
        keep = ("genome", "motifs", "depth", "bins")
        data["stages"] = {k: v for k, v in data["stages"].items() if k in keep}

    spoil(run, cut)
    short = report_tables(run)
    assert [c.key for c in short.comparisons] == [
        "covered_bases", "covered_known", "bins", "genome_bins", "mean_length", "long_share"]
    assert short.laws == ()
    assert [f.key for f in short.figures] == ["bin_lengths", "depths"]
    assert "<h2>Rank and frequency</h2>" not in page.render_page(short)


def test_what_is_no_run_or_lacks_its_bins_is_one_sentence(run, tmp_path):
    with pytest.raises(RunFolderError, match="there is no run in"):
        report_tables(tmp_path / "nowhere")
    shutil.rmtree(run / "bins.zarr")
    with pytest.raises(ArtefactError, match="has no bins"):
        report_tables(run)
    (run / "config.json").write_text("{}")
    with pytest.raises(ConfigError):
        report_tables(run)
    (run / "config.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"config\.json cannot be read"):
        report_tables(run)


# -- verdicts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "verdict"),
    [
        ("mean_length", 14.66, "agrees"),
        ("mean_length", 15.5, "agrees"),
        ("mean_length", 15.6, "+ 4.0 %"),
        ("clusters", 871, "agrees"),
        ("clusters", 834, "− 4.2 %"),
        ("clusters", 2000, "+ 130 %"),
        ("genome_bins", 187.4e6, "agrees"),
        ("genome_bins", 188.3e6, "+ 0.7 %"),
        ("covered_bases", 0.9954, "+ 7.5 points"),
        ("long_share", 0.0039, "− 0.11 points"),
        ("long_share", 0.0046, "agrees"),
        ("words", 5, ""),
    ],
)
def test_a_verdict_knows_the_rounding_of_its_reference(key, value, verdict):
    is_share = key in ("covered_bases", "long_share")
    assert _compared(key, key, value, "", [], is_share).verdict == verdict


# -- reasons -----------------------------------------------------------------------------------


def numbers(**changes):
    """A run like the paper's in every way: all of the autosomes, on hg38."""
    bins = round(AUTOSOME_KNOWN_BP / 14.74)
    measured = Measured(
        total_bp=AUTOSOME_BP, known_bp=AUTOSOME_KNOWN_BP, bins=bins + 4_746_819, known_bins=bins,
        cpg_bins=20_000_000, covered_bp=round(0.92 * AUTOSOME_BP),
        covered_known_bp=round(0.92 * AUTOSOME_BP),
        lengths=np.bincount([15], minlength=20) * bins, depths=np.array([10, 90]),
    )
    for name in list(changes):
        if hasattr(measured, name):
            measured = replace(measured, **{name: changes.pop(name)})
    return replace(
        Numbers(measured, "hg38", 0.005, linkage="single", cut=0.38, clusters=871,
                non_zeros=83 * bins), **changes,
    )


def test_where_nothing_differs_nothing_is_explained():
    n = numbers()
    assert reasons.scope(n) == []
    assert reasons.covered_bases(n) == []
    assert reasons.mean_length(n) == []
    assert reasons.long_share(n, 0.005) == []
    assert reasons.clusters(n) == []


def test_the_scope_says_what_share_of_which_genome():
    n = numbers(known_bp=13_340_000, assembly="hg19")
    assert reasons.scope(n) == [
        "This run covers 13,340,000 known bases, 0.484 % of the 2,756,331,041 of the human "
        "autosomes (GRCh38).",
        "It is on hg19; the paper's genome is hg38.",
    ]
    assert reasons.scope(numbers(assembly="GRCh38")) == []


def test_the_scope_names_inputs_unlike_the_papers(run):
    assert reasons.scope(numbers(other_inputs=("x",))) == ["x"]
    spoil(run, lambda d: d["stages"]["motifs"]["facts"].update(profiles=841))
    manifest, config = tables._records(RunFolder(run))
    assert tables._other_inputs(manifest, config) == []
    manifest.stages["motifs"].facts["profiles"] = 30
    manifest.stages["genome"].facts["masked_bp"] = 1234
    motifs = config.motifs.model_copy(update={"max_p_value": 1e-4})
    few, limits, masked = tables._other_inputs(
        manifest, config.model_copy(update={"motifs": motifs}))
    assert few.startswith("It has 30 motif profiles; the paper has 841")
    assert "at least 0.8 and p < 0.0001" in limits
    assert masked == "1,234 known bases lie outside its BED and count as N."
    hits = HitsConfig(folder=Path("/x/tsv"), min_relative_score_x1000=850)
    motifs = config.motifs.model_copy(update={"hits": hits})
    ready = tables._other_inputs(manifest, config.model_copy(update={"motifs": motifs}))[1]
    assert ready == (
        "Its hits are ready ones of tsv (min_relative_score_x1000 850), not scanned.")
    with_hits = config.model_copy(update={"motifs": motifs})
    assert [i.name for i in provenance.inputs(manifest, with_hits) if i.role == "hits"] == ["tsv"]


def test_coverage_is_put_down_to_n_as_far_as_it_goes():
    n = numbers(total_bp=13_400_000, known_bp=13_340_000, covered_bp=13_339_626,
                covered_known_bp=13_339_626)
    first, second = reasons.covered_bases(n)
    assert "0.448 % of these bases are N, against 4.13 % of the autosomes" in first
    assert "covered to 95.87 %" in second
    assert "3.9 points" in second
    # All of the genome and still more than the paper: N cannot be the reason.
    full = numbers(covered_bp=AUTOSOME_KNOWN_BP, covered_known_bp=AUTOSOME_KNOWN_BP)
    assert len(reasons.covered_bases(full)) == 1
    assert "not explained by this run's data" in reasons.covered_bases(full)[0]


def test_a_share_of_long_bins_is_held_against_chance():
    often = numbers(bins=913_823)
    assert "chance does not explain" in reasons.long_share(often, 0.0039)[0]
    assert "standard error of 0.0065 points" in reasons.long_share(often, 0.0039)[0]
    seldom = numbers(bins=3_000)
    assert "it may be chance" in reasons.long_share(seldom, 0.0039)[0]
    other = numbers(bins=913_823, max_bin_bp=60)
    assert "this run cuts at 60" in reasons.long_share(other, 0.0039)[0]


def test_cluster_counts_are_put_down_to_what_applies():
    n = numbers(sample_bins=60_000, half_bins=30_000, rand=0.87, halves=(818, 821),
                largest_change=0.82, cut_at_reference=0.37, clusters=834, clusters_without_cpg=829)
    text = " ".join(reasons.clusters(n))
    assert "60,000 of 191,743,497 bins (0.0313 %)" in text
    assert "disjoint samples of 30,000 bins give 818 and 821 clusters, with an" in text
    assert "Rand index of 0.87" in text
    assert "at a cut of 0.37 instead of 0.38" in text
    assert "the motifs alone make 829 clusters" in text
    assert "linkage is" not in text
    same = " ".join(reasons.clusters(replace(n, halves=(820, 820))))
    assert "820 both clusters" not in same
    assert "820 clusters each" in same
    exact = reasons.clusters(replace(n, is_exact=True, sample_bins=n.measured.bins))[0]
    assert exact.startswith("The scores rest on all 191,743,497 bins, the paper's")
    other = " ".join(reasons.clusters(numbers(linkage="average", clusters=900)))
    assert other == (
        "The linkage is average; the paper's partition is that of single linkage.")


def test_stretches_of_n_explain_a_mean_length():
    n = numbers(total_bp=1_600_000, bins=100_000, known_bins=90_000)
    assert reasons.mean_length(n) == [
        "Stretches of N are cut every 25 bp: without their 10,000 bins the mean is 15.00 bp."]
    every = numbers(total_bp=1_600_000, bins=100_000, known_bins=100_000)
    assert "Every one" in reasons.mean_length(every)[0]


def test_the_reference_of_non_zeros_is_freed_of_its_empty_bins():
    text = " ".join(reasons.non_zeros(numbers()))
    assert "85.9 in the reference, 3.4 % of whose bins are stretches of N" in text


def test_the_cut_at_the_reference_lies_between_its_neighbours(run):
    folder = RunFolder(run)
    folder.write_table("cluster_cuts", pd.DataFrame({
        "linkage": "single", "cut": [0.3, 0.36, 0.4], "n_clusters": [1000, 891, 851]}))
    assert tables._cut_at_reference(folder, "single") == 0.38
    assert tables._cut_at_reference(folder, "average") is None
    folder.write_table("cluster_cuts", pd.DataFrame({
        "linkage": "single", "cut": [0.3, 0.4], "n_clusters": [500, 400]}))
    assert tables._cut_at_reference(folder, "single") is None


@pytest.mark.parametrize("module", [reasons, figures, tables])
def test_the_examples_are_true(module, root):
    globs = {**vars(module), "run": root}
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder().find(module, globs=globs):
        runner.run(test)
    assert runner.failures == 0
    assert runner.tries > 0


# -- figures -----------------------------------------------------------------------------------


def drawing(figure):
    return ET.fromstring(figure.svg)


def test_every_figure_is_svg_with_axes_units_and_nothing_outside(report):
    assert [f.key for f in report.figures] == [
        "bin_lengths", "cluster_counts", "depths", "rank_frequency", "vocabulary_growth"]
    for figure in report.figures:
        svg = drawing(figure)
        width, height = map(float, svg.get("viewBox").split()[2:])
        assert svg.get("role") == "img"
        assert svg.find(f"{SVG}title").text == figure.title
        assert "http" not in figure.svg.replace("http://www.w3.org/2000/svg", "")
        for part in svg.iter():
            for name in ("x", "x1", "x2", "cx"):
                if part.get(name):
                    assert 0 <= float(part.get(name)) <= width, (figure.key, part.attrib)
            for name in ("y", "y1", "y2", "cy"):
                if part.get(name):
                    assert 0 <= float(part.get(name)) <= height, (figure.key, part.attrib)
            for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", part.get("d", "")):
                assert -1 <= float(x) <= width + 1
                assert -1 <= float(y) <= height + 1
    texts = {f.key: "".join(drawing(f).itertext()) for f in report.figures}
    assert "length of a bin (bp)" in texts["bin_lengths"]
    assert "cut (distance 1 − IDS)" in texts["cluster_counts"]
    assert "the paper: 871" in texts["cluster_counts"]
    assert "this run: 12 at 0.38" in texts["cluster_counts"]
    assert "motif features over a base" in texts["depths"]
    assert "rank (types, log)" in texts["rank_frequency"]
    assert "distinct types (log)" in texts["vocabulary_growth"]


def test_bars_stand_as_high_as_their_counts():
    figure = figures.bin_lengths(np.array([0, 0, 10, 30, 60]), 3.5, 0.7)
    bars = next(p for p in drawing(figure).iter(f"{SVG}path") if p.get("fill") != "none")
    heights = [float(y) for y in re.findall(r"V([\d.]+)", bars.get("d"))]
    zero = heights[-1]
    shares = [zero - y for y in heights[:4]]
    assert shares[0] == pytest.approx(0, abs=0.1)
    assert [s / shares[3] for s in shares] == pytest.approx([0, 1 / 6, 0.5, 1], abs=0.01)


def test_a_normal_sample_is_called_one():
    rng = np.random.default_rng(0)
    lengths = np.bincount(np.clip(rng.normal(25, 4, 200_000).round().astype(int), 1, 50))
    caption = figures.bin_lengths(lengths, 25.0, 4.0).caption
    assert "the skewness is -0.0" in caption or "the skewness is 0.0" in caption
    inside, normally = map(float, re.search(r"here ([\d.]+) % .* \(([\d.]+) %", caption).groups())
    assert inside == pytest.approx(normally, abs=0.3)
    # Whole bp from 21 to 29 take in half a bp more on either side.
    assert normally == pytest.approx(74.0, abs=0.1)


def test_an_empty_or_flat_distribution_is_drawn_too():
    for counts in (np.zeros(1, dtype=int), np.array([5]), np.array([0, 7])):
        drawing(figures.depths(counts, 0.0))
        drawing(figures.bin_lengths(counts, 1.0, 0.0))


# -- the page ----------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Tags, attributes and text of a page; open tags must close in order."""

    VOID = frozenset({"meta", "br", "img", "link", "input"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_and_asks_nobody_for_anything(report):
    read = Reader(page.render_page(report))
    names = {name for name, _ in read.attributes}
    assert not {"script", "link", "img", "iframe"} & set(read.tags)
    assert not {"src", "href"} & names
    assert not any(name.startswith("on") for name in names)
    text = page.render_page(report)
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    words = " ".join(read.words)
    for shown in ("187 million", "871", "92 %", "Reproduction report: synthetic", "Inputs"):
        assert shown in words


def test_every_text_from_the_run_is_escaped(report):
    evil = '<img src=x onerror=alert(1)>"&\''
    dirty = replace(
        report, name=evil, region=evil, release=evil, scope=(evil,), law_notes=(evil,),
        sources=(evil,), versions=((evil, evil),),
        comparisons=(Comparison(evil, evil, 1.0, evil, 2.0, evil, evil, False, False, (evil,)),),
        laws=tuple(replace(law, label=evil) for law in report.laws),
        settings=tuple(replace(s, name=evil, value=evil) for s in report.settings),
        inputs=tuple(replace(i, role=evil, name=evil, sha256=evil) for i in report.inputs),
        stages=tuple(replace(s, name=evil, title=evil, finished=evil) for s in report.stages),
        figures=(figures.rank_frequency(
            pd.DataFrame({"tokenizer": evil, "rank": [1, 2], "frequency": [3, 1]}), {evil: evil}),
        ),
    )
    read = Reader(page.render_page(dirty))
    assert "img" not in read.tags
    assert not any(name == "onerror" for name, _ in read.attributes)
    assert evil in " ".join(read.words)


# -- writing -----------------------------------------------------------------------------------


def test_page_and_json_lie_in_the_run_folder(run, report):
    path = write_report(run)
    assert path == run / "report.html"
    assert path.read_text() == page.render_page(report)
    data = json.loads((run / "report.json").read_text())
    assert (data["kind"], data["version"]) == ("motiflens.report", 1)
    assert [c["verdict"] for c in data["comparisons"]] == [c.verdict for c in report.comparisons]
    assert not list(run.rglob("*.tmp"))


def test_elsewhere_means_nothing_in_the_run_folder(run, tmp_path):
    before = sorted(p.name for p in run.iterdir())
    assert write_report(run, tmp_path / "page.html").exists()
    assert sorted(p.name for p in run.iterdir()) == before
    with pytest.raises(RunFolderError, match="cannot write"):
        write_report(run, tmp_path / "nowhere" / "page.html")


def test_a_report_leaves_the_run_healthy(run):
    from precompute.doctor import examine

    write_report(run)
    assert examine(run, quick=True).is_healthy


def test_the_command_writes_the_page_or_says_why_not(run, tmp_path):
    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "precompute", "report", *map(str, arguments)], cwd=REPOSITORY,
            capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
        )

    done = command(run, "--out", tmp_path / "x.html")
    assert (done.returncode, done.stderr) == (0, f"wrote {tmp_path / 'x.html'}\n")
    assert (tmp_path / "x.html").read_text().startswith("<!doctype html>")
    failed = command(tmp_path / "nowhere")
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: there is no run in")
    assert failed.stderr.count("\n") == 1


def test_references_are_written_as_they_are_meant():
    for key, reference in REFERENCES.items():
        number = float(reference.text.split()[0])
        scale = {"covered_bases": 100, "long_share": 100, "genome_bins": 1e-6}.get(key, 1)
        assert number == pytest.approx(reference.value * scale)
        assert reference.half_digit * scale in (0.5, pytest.approx(0.05), pytest.approx(0.005))
