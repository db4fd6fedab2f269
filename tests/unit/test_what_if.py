"""Edits of a window: what a model reads of it is that of the edited sequence made from nothing."""

import dataclasses
import io
import shutil

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from precompute import cli
from precompute.artefacts import RunFolder
from precompute.attribution.hits import motif_config
from precompute.bin_edges import find_edges
from precompute.config_models import ModelConfig
from precompute.errors import ArtefactError, MotiflensError, RegionError
from precompute.inputs.nucleotides import decode
from precompute.lexicon.shuffle import dinucleotide_counts
from precompute.models.live import Tokenizer, predict_sequence
from precompute.models.store import build_network
from precompute.token_store import TokenStore
from precompute.what_if.apply import Editor
from precompute.what_if.compare import bounds_of, compare, open_stage
from precompute.what_if.edits import (
    EditBases,
    EditCall,
    EditCluster,
    EditError,
    EditFactor,
    EditToken,
    Span,
    edit_text,
    parse_edit,
    parse_edits,
)
from precompute.what_if.hits import scan
from precompute.what_if.mutagenesis import mutate, random_folds
from precompute.what_if.predict import predict_edited, predict_whole
from precompute.what_if.reader import Reader
from tests.model_run import store_models, write_model_run

START, END = 1_010_000, 1_014_000


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = write_model_run(tmp_path_factory.mktemp("what-if") / "run", n_bp=30_000)
    store_models(root)
    return root


@pytest.fixture(scope="module")
def stages(root):
    run = RunFolder(root)
    found = {}
    for encoding in ("tokens", "onehot"):
        reader = Reader.open(run, encoding)
        found[encoding] = open_stage(reader, bounds_of(run, "chr20", START, END))
    return found


def edited(stage, *texts, eraser="shuffle"):
    parsed = parse_edits(texts, stage.bounds.chrom)
    window = Editor(stage.bounds, eraser).apply(stage.predicted.window, parsed.edits)
    return predict_edited(stage.predicted, window)


def calls(window, lo=START, hi=END):
    """Hits in a stretch: profile id, strand, span as in the texts, feature, position."""
    reader = window.reader
    for feature, at in zip(window.hits.feature.tolist(), window.hits.start.tolist(), strict=True):
        start, width = window.start + at, int(reader.scanner.width[feature])
        if lo <= start and start + width <= hi:
            span = f"chr20:{start + 1}-{start + width}"
            yield reader.profile_id[feature], reader.strand[feature], span, feature, at


def base_at(stage, coordinate):
    window = stage.predicted.window
    return decode(window.codes[coordinate - 1 - window.start :][:1])


def other(base):
    return "CGTA"["ACGT".index(base)]


# -- edits of bases -------------------------------------------------------------------------------


@st.composite
def base_edits(draw):
    """Edits as (kind, offset, length, letters)."""
    letters = st.text("ACGTN", min_size=1, max_size=40)
    one = st.tuples(
        st.sampled_from(["ins", "del", "to"]), st.integers(40, 900), st.integers(1, 60), letters
    )
    return draw(st.lists(one, min_size=1, max_size=5))


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
@settings(max_examples=15, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=base_edits())
def test_edits_of_bases_give_the_sequence_tokenized_from_nothing(stages, encoding, plan):
    stage = stages[encoding]
    start = stage.predicted.window
    naive = list(zip(start.origin.tolist(), decode(start.codes), strict=True))
    texts = []
    for kind, offset, length, letters in plan:
        lo = START + 1_000 + offset
        hi = lo + (1 if kind == "ins" else length)
        places = [i for i, (at, _) in enumerate(naive) if lo <= at < hi]
        if not places or naive[places[0]][0] != lo or naive[places[-1]][0] != hi - 1:
            continue
        a, b = places[0], places[-1] + 1
        if kind == "ins":
            naive[b:b] = [(-1, letter) for letter in letters]
            texts.append(f"chr20:{lo + 1} ins {letters}")
        elif kind == "del":
            naive[a:b] = []
            texts.append(f"chr20:{lo + 1}-{hi} del")
        elif "".join(letter for _, letter in naive[a:b]) != letters:
            own = [at for at, _ in naive[a:b]][: len(letters)]
            own += [-1] * (len(letters) - len(own))
            naive[a:b] = list(zip(own, letters, strict=True))
            texts.append(f"chr20:{lo + 1}-{hi} to {letters}")
    got = edited(stage, *texts)
    window = got.window
    sequence = "".join(letter for _, letter in naive)
    assert decode(window.codes) == sequence
    assert window.origin.tolist() == [at for at, _ in naive]
    fresh = scan(window.reader.scanner, window.codes)
    np.testing.assert_array_equal(window.hits.start, fresh.start)
    np.testing.assert_array_equal(window.hits.feature, fresh.feature)
    expected = predict_sequence(window.reader.model, sequence, _tokenizer(window.reader))
    np.testing.assert_array_equal(window.positions, expected.positions)
    np.testing.assert_allclose(got.values, expected.values, rtol=1e-4, atol=1e-7)


def _tokenizer(reader):
    """The model's tokenizer as variants use it."""
    if not reader.reads_tokens:
        return None
    return Tokenizer(reader.model, motif_config(reader.run).profiles)


def test_a_transformer_is_run_on_the_whole_window(root, stages):
    reader = Reader.open(RunFolder(root), "tokens")
    config = ModelConfig(
        kind="transformer", stem_channels=[9, 7], body_channels=[6, 8], head_channels=[5],
        layers=1, heads=2, feedforward=16,
    )
    n = reader.matrix.shape[1]
    network = build_network("tokens", config, n, 2).eval()
    reader = Reader(reader.run, dataclasses.replace(reader.model, network=network))
    stage = open_stage(reader, stages["tokens"].bounds)
    got = edited(stage, f"chr20:{START + 2_001}-{START + 2_020} del")
    np.testing.assert_array_equal(got.values, predict_whole(got.window).values)
    parts = mutate(stage, stage.predicted, Span(START + 2_000, START + 2_002),
                   Span(START + 1_900, START + 2_100), 1)
    assert np.isfinite(parts.change).sum() == 6


def test_deleted_and_inserted_bases_are_laid_on_the_reference(stages):
    stage = stages["tokens"]
    target = Span(START + 1_900, START + 2_300)
    at = START + 2_000
    got = edited(stage, f"chr20:{at + 1}-{at + 48} del", f"chr20:{at + 100} ins {'ACGT' * 10}")
    result = compare(stage, got, target, 1)
    values = got.per_base(1)
    cells = (result.edges[:-1] >= at) & (result.edges[1:] <= at + 48)
    assert cells.sum() == 3
    assert np.isnan(result.edited[cells]).all()
    assert np.isfinite(result.edited[~cells]).all()
    assert result.reference[0] == pytest.approx(
        stage.predicted.per_base(1)[START - stage.predicted.window.start :][:16].mean()
    )
    lo = START - got.window.start
    assert result.edited[0] == pytest.approx(values[lo : lo + 16].mean())
    assert result.edited[-1] == pytest.approx(
        values[END - got.window.start - 48 + 40 - 16 :][:16].mean()
    )
    first = target.start - got.window.start
    assert result.effect.edited == pytest.approx(values[first : first + 400 - 48 + 40].sum())
    pseudo = 0.01 * 2.0 * 400
    assert result.effect.log2_fold == pytest.approx(np.log2(
        (result.effect.edited + pseudo) / (result.effect.reference + pseudo)
    ))


# -- tokens and motif calls -----------------------------------------------------------------------


def naive_tokens(window, hits):
    """Bins and cluster values of a set of (feature, start), worked out base by base."""
    reader, n = window.reader, len(window.codes)
    covered = np.zeros((len(reader.names), n), dtype=bool)
    for feature, start in hits:
        covered[feature, start : start + reader.scanner.width[feature]] = True
    depth = covered.sum(axis=0).astype(np.uint16)
    letters = decode(window.codes)
    for i in range(n - 1):
        if letters[i : i + 2] == "CG":
            covered[-2:, i : i + 2] = True
    edges = find_edges(depth, reader.bins)[0]
    counts = np.add.reduceat(covered, edges[:-1], axis=1, dtype=np.int64).T
    return edges, counts @ reader.matrix.toarray()


@pytest.mark.parametrize("kind", ["call", "exchange", "factor", "cluster"])
def test_a_call_taken_away_is_a_hit_less_and_bins_are_cut_again(stages, kind):
    stage = stages["tokens"]
    window, reader = stage.predicted.window, stage.predicted.window.reader
    all_hits = set(zip(window.hits.feature.tolist(), window.hits.start.tolist(), strict=True))
    profile, strand, span, feature, at = list(calls(window, START + 1_500, START + 2_500))[7]
    inside = {(f, s) for *_, f, s in calls(window)}
    if kind == "call":
        text, gone = f"call {profile} {strand} {span} off", {(feature, at)}
    elif kind == "exchange":
        other_id = next(p for p in reader.profile_id if p != profile)
        number = reader.numbers[other_id, strand]
        width, size = (int(reader.scanner.width[i]) for i in (feature, number))
        text, gone = f"call {profile} {strand} {span} as {other_id}", {(feature, at)}
        all_hits.add((number, at + (width - size) // 2))
    elif kind == "factor":
        text = f"factor {reader.tf[feature].lower()} off"
        gone = {(f, s) for f, s in inside if reader.tf[f] == reader.tf[feature]}
    else:
        cluster = int(reader.cluster[feature])
        text = f"cluster {cluster} off"
        gone = {(f, s) for f, s in inside if reader.cluster[f] == cluster}
    got = edited(stage, text)
    edges, values = naive_tokens(window, all_hits - gone)
    np.testing.assert_array_equal(got.window.bin_edges, edges)
    rows = got.window.rows(0, got.window.n_positions).dense()
    np.testing.assert_allclose(rows, values, atol=1e-6)
    np.testing.assert_allclose(got.values, predict_whole(got.window).values, rtol=1e-4)
    assert gone


def test_a_token_without_its_motifs_changes_its_row_alone(root, stages):
    stage = stages["tokens"]
    window = stage.predicted.window
    before = window.rows(0, window.n_positions).dense()
    at = window.bin_of(START + 2_000 - window.start, START + 2_001 - window.start)
    assert before[at].any()
    lo, hi = (window.start + window.bin_edges[[at, at + 1]]).tolist()
    empty = edited(stage, f"token chr20:{lo + 1}-{hi} off")
    expected = before.copy()
    expected[at] = 0
    np.testing.assert_array_equal(empty.window.bin_edges, window.bin_edges)
    np.testing.assert_array_equal(empty.window.rows(0, len(before)).dense(), expected)
    np.testing.assert_allclose(empty.values, predict_whole(empty.window).values, rtol=1e-4)
    # Another word: the mean of what its places hold.
    run = RunFolder(root)
    words = run.group("word_ids")["chr20/word"][:]
    word = int(np.bincount(words[words > 0]).argmax())
    got = edited(stage, f"token chr20:{lo + 1}-{hi} as {word}")
    store = TokenStore(run)
    places = [(c, b) for c in store.chroms
              for b in np.flatnonzero(run.group("word_ids")[f"{c}/word"][:] == word)][:200]
    mean = np.mean([store.cluster_values(c, b, b + 1).toarray()[0] for c, b in places], axis=0)
    expected[at] = mean
    np.testing.assert_allclose(got.window.rows(0, len(before)).dense(), expected, atol=1e-6)
    # Both remain where an insertion before it has moved it, and its own bases stay empty.
    moved = edited(
        stage, f"token chr20:{lo + 1}-{hi} off", f"chr20:{lo - 200} ins {'ACGTT' * 3}"
    ).window
    assert moved.off.sum() == hi - lo
    assert moved.filled[moved.off].tolist() == list(range(lo, hi))


@pytest.mark.parametrize("eraser", ["shuffle", "n"])
def test_a_one_hot_model_loses_the_bases_of_the_call(stages, eraser):
    stage = stages["onehot"]
    before = stage.predicted.window
    profile, strand, span, feature, at = next(
        c for c in calls(before, START + 1_000, START + 3_000)
        if int(before.reader.scanner.width[c[3]]) >= 8
    )
    text = f"call {profile} {strand} {span} off"
    got = edited(stage, text, eraser=eraser)
    width = int(before.reader.scanner.width[feature])
    changed = np.flatnonzero(got.window.codes != before.codes)
    assert changed.min() >= at
    assert changed.max() < at + width
    assert (feature, at) not in set(
        zip(got.window.hits.feature.tolist(), got.window.hits.start.tolist(), strict=True)
    )
    if eraser == "n":
        assert (got.window.codes[at : at + width] == 4).all()
    else:
        part = slice(at, at + width)
        np.testing.assert_array_equal(
            dinucleotide_counts(got.window.codes[part]), dinucleotide_counts(before.codes[part])
        )
    again = edited(stage, text, eraser=eraser)
    np.testing.assert_array_equal(got.values, again.values)
    np.testing.assert_allclose(got.values, predict_whole(got.window).values, rtol=1e-4)
    # Another profile in its place is written as its likeliest bases.
    other_id = next(p for p in before.reader.profile_id if p != profile)
    put = edited(stage, f"call {profile} {strand} {span} as {other_id}").window
    number = before.reader.numbers[other_id, strand]
    size = int(before.reader.scanner.width[number])
    first = at + (width - size) // 2
    best = before.reader.profiles[other_id].counts.argmax(axis=1)
    best = best if strand == "+" else 3 - best[::-1]
    np.testing.assert_array_equal(put.codes[first : first + size], best)


# -- saturation mutagenesis -----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_mutagenesis_is_editing_base_by_base(stages, encoding):
    stage = stages[encoding]
    first = START + 2_000
    target = Span(START + 1_900, START + 2_150)
    begun = (f"chr20:{first + 4}-{first + 6} del", f"chr20:{first + 9} ins GATTACA")
    base = edited(stage, *begun)
    found = mutate(stage, base, Span(first, first + 24), target, 1)
    assert np.isnan(found.change[:, 3:6]).all()
    assert found.bases[3:6].tolist() == [4, 4, 4]
    unedited = compare(stage, base, target, 1).effect.edited
    # Signal is float32: a change is known to the rounding of what it changes.
    rounding = 3e-7 * unedited
    assert np.nanmax(np.abs(found.change)) > 50 * rounding
    for column in range(24):
        for letter, name in enumerate("ACGT"):
            base_code = found.bases[column]
            if base_code > 3 or letter == base_code:
                assert np.isnan(found.change[letter, column])
                continue
            text = f"chr20:{first + column + 1} {'ACGT'[base_code]}>{name}"
            one = edited(stage, *begun, text)
            by_hand = compare(stage, one, target, 1).effect.edited - unedited
            assert found.change[letter, column] == pytest.approx(by_hand, abs=rounding)
    parts = [mutate(stage, base, Span(first + a, first + b), target, 1)
             for a, b in ((0, 7), (7, 24))]
    np.testing.assert_allclose(
        np.concatenate([part.change for part in parts], axis=1), found.change, rtol=0,
        atol=rounding,
    )
    folds = random_folds(stage, target, 1, 40, seed=3)
    np.testing.assert_array_equal(folds, random_folds(stage, target, 1, 40, seed=3))
    assert len(folds) == 40
    assert (np.diff(folds) >= 0).all()


# -- texts ----------------------------------------------------------------------------------------

_spans = st.integers(0, 10**9).flatmap(
    lambda a: st.integers(1, 900).map(lambda n: Span(a, a + n)))
_ids = st.text("ABMZ019._:-", min_size=1, max_size=12)
_dna = st.text("ACGTN", min_size=1, max_size=30)
EDITS = st.one_of(
    st.builds(EditToken, _spans, st.none() | st.integers(0, 10**8)),
    st.builds(EditCall, _ids, st.sampled_from("+-"), _spans, st.none() | _ids),
    st.builds(EditFactor, st.text("ABC:12() x-", min_size=1, max_size=20).map(
        lambda t: " ".join(t.split())).filter(bool)),
    st.builds(EditCluster, st.integers(0, 10**5)),
    st.builds(lambda a, new: EditBases(Span(a, a), new), st.integers(1, 10**9), _dna),
    st.builds(lambda span, new: EditBases(span, new), _spans, _dna),
    st.builds(lambda span: EditBases(span, ""), _spans),
    st.builds(lambda a, old, new: EditBases(Span(a, a + len(old)), new, old),
              st.integers(0, 10**9), _dna, _dna),
)


@given(EDITS)
def test_the_text_of_an_edit_gives_the_edit_back(edit):
    assert parse_edit(edit_text(edit, "chr20"), "chr20") == edit


@given(st.lists(st.sampled_from([
    "chr20:", "chr", "1", "20", ",", "-", ">", "A", "acg", " ", "ins", "del", "to", "token", "call",
    "factor", "cluster", "off", "as", "+", "é", "0", "MA1.1",
]), max_size=12).map("".join))
def test_any_other_text_is_a_sentence(text):
    try:
        edit = parse_edit(text, "chr20")
    except EditError:
        return
    assert parse_edit(edit_text(edit, "chr20"), "chr20") == edit


@pytest.mark.parametrize(("texts", "message"), [
    (["nonsense"], "'nonsense' is no edit"),
    ([""], "the edit is empty"),
    (["chr21:1010001 A>C"], "is on chr21 and the window on chr20"),
    (["chr20:500 ins ACGT"], "edit 1: bases cannot be inserted before the window"),
    (["chr20:500 A>C"], "edit 1: 500-500 is outside of the window chr20:1,010,001-1,014,000"),
    (["chr20:1010100-1010090 del"], "before it starts"),
    (["chr20:0 del"], "positions begin at 1"),
    (["chr20:1010001-1010003 AC>T"], "has 3 bp and AC has 2"),
    (["chr20:1010001-1020003 del"], "at most 1,000 bp can be changed at once"),
    (["chr20:1010100 ins " + "A" * 1001], "at most 1,000 bp"),
    (["chr20:1010100-1010102 ins A"], "its position alone"),
    (["chr20:1010101-1010110 del", "chr20:1010105 del"], "edit 2: base 1,010,105 has been deleted"),
    (["chr20:1010101-1010110 del", "chr20:1010105 ins A"], "edit 2: base 1,010,105 has been"),
    (["token chr20:1010101-1010102 off"], "no token begins at 1,010,101"),
    (["call XX + chr20:1010101-1010110 off"], "no motif profile 'XX'"),
    (["call CpG + chr20:1010101-1010101 off"], "no motif profile 'CpG'"),
    (["factor nobody off"], "'nobody' has no motif call in the window"),
    (["cluster 9999 off"], "there is no motif cluster 9999"),
    (["factor A off"] * 51, "51 edits are more than the 50"),
])
def test_an_edit_that_does_not_fit_is_a_sentence(stages, texts, message):
    with pytest.raises(EditError, match=message.replace("(", r"\(")):
        edited(stages["tokens"], *texts)


def test_what_depends_on_the_window_is_a_sentence_too(root, stages):
    stage, run = stages["tokens"], RunFolder(root)
    window = stage.predicted.window
    here = base_at(stage, START + 101)
    with pytest.raises(EditError, match=f"holds {here}, not {other(here)}"):
        edited(stage, f"{START + 101} {other(here)}>N")
    with pytest.raises(EditError, match="is what is there already"):
        edited(stage, f"{START + 101} to {here}")
    profile, strand, span, *_ = list(calls(window))[3]
    with pytest.raises(EditError, match=r"edit 2: .* has no call at"):
        edited(stage, *[f"call {profile} {strand} {span} off"] * 2)
    with pytest.raises(EditError, match="is the profile that is there"):
        edited(stage, f"call {profile} {strand} {span} as {profile}")
    lo, hi = (window.start + window.bin_edges[[100, 101]]).tolist()
    with pytest.raises(EditError, match="this run has no word 99,999,999"):
        edited(stage, f"token chr20:{lo + 1}-{hi} as 99999999")
    bases = stages["onehot"]
    edges = bases.predicted.window.bin_edges + bases.predicted.window.start
    with pytest.raises(EditError, match="choose a token model"):
        edited(bases, f"token chr20:{edges[100] + 1}-{edges[101]} as 1")
    for start, end, message in (
        (START, START + 100, "a window of 100 bp cannot be edited"),
        (0, 4_000, "reaches beyond the run's sequence"),
        (START, START + 1_000_000, "reaches beyond|cannot be edited"),
    ):
        with pytest.raises(RegionError, match=message):
            bounds_of(run, "chr20", start, end)
    with pytest.raises(RegionError, match="no chromosome 'chrX'"):
        bounds_of(run, "chrX", 0, 4_000)
    for stretch, message in ((Span(START, START + 201), "at most 200 can"),
                             (Span(START + 5, START), "before it starts"),
                             (Span(START - 900, START - 800), "reaches beyond the window")):
        with pytest.raises(EditError, match=message):
            mutate(stage, stage.predicted, stretch, Span(START, END))
    with pytest.raises(RegionError, match="reaches beyond the window"):
        compare(stage, stage.predicted, Span(START - 500, START))
    with pytest.raises(RegionError, match="before it starts"):
        compare(stage, stage.predicted, Span(START + 5, START))


def test_a_window_of_n_and_changed_profiles_are_refused(root, stages, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(root, copy)
    run = RunFolder(copy)
    group = zarr.open_group(copy / "sequence.zarr", mode="r+")
    group["chr20/codes"][10_000:13_000] = 4
    reader = Reader.open(run, "onehot")
    with pytest.raises(RegionError, match="are N, which no model can read"):
        open_stage(reader, bounds_of(run, "chr20", START, END))
    config = (copy / "config.json").read_text()
    profiles = copy / "fewer.jaspar"
    text = (root / "profiles.jaspar").read_text()
    profiles.write_text(text[: text.rindex(">")])
    (copy / "config.json").write_text(
        config.replace(str((root / "profiles.jaspar").resolve()), str(profiles))
    )
    with pytest.raises(ArtefactError, match="have changed since it was made"):
        Reader.open(run, "onehot")
    (copy / "config.json").unlink()
    with pytest.raises(ArtefactError, match="cannot be read"):
        Reader.open(run, "onehot")


# -- the command line -----------------------------------------------------------------------------


def test_the_command_writes_both_tables(root, stages, tmp_path):
    stage, out = stages["tokens"], tmp_path / "o.csv"
    edits = (f"chr20:{START + 2_001}-{START + 2_020} del",)
    arguments = ["what-if", str(root), "--region", f"chr20:{START + 1:,}-{END:,}", "--track",
                 "dnase", "--out", str(out)]
    target = f"{START + 1901}-{START + 2150}"
    result = CliRunner().invoke(cli.app, [*arguments, "--target", target, "--edit", edits[0]])
    assert result.exit_code == 0, result.output
    assert "log2 fold" in result.output
    text = out.read_text()
    assert f"# edit 1: {edits[0]}\n" in text
    table = pd.read_csv(io.StringIO(text), comment="#")
    expected = compare(stage, edited(stage, *edits), Span(START + 1_900, START + 2_150), 1)
    np.testing.assert_allclose(table["reference"], expected.reference, rtol=1e-5)
    np.testing.assert_allclose(table["edited"], expected.edited, rtol=1e-5)
    np.testing.assert_array_equal(table["start"], expected.edges[:-1])
    result = CliRunner().invoke(
        cli.app, [*arguments, "--target", target, "--mutagenesis", f"{START + 1}-{START + 10}"]
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out, comment="#")
    assert len(table) == 30
    assert (table["reference"] != table["alternative"]).all()
    assert table["position"].tolist() == np.repeat(START + 1 + np.arange(10), 3).tolist()


@pytest.mark.parametrize(("change", "message"), [
    (["--region", "chr20"], "is no region"),
    (["--region", "chr20:9-5"], "is empty"),
    (["--erase", "zap"], "'shuffle' or 'n'"),
    (["--model", "gpt"], "there is no model 'gpt'"),
    (["--track", "x"], "track"),
    (["--mutagenesis", "1010001-1010900"], "at most 200 can"),
    (["--edit", "5 A>C"], "outside of the window"),
])
def test_a_mistake_on_the_command_line_is_a_sentence_and_no_file(root, tmp_path, change, message):
    out = tmp_path / "o.csv"
    arguments = ["what-if", str(root), "--region", f"chr20:{START + 1}-{END}", "--track", "dnase",
                 "--out", str(out), *change]
    result = CliRunner().invoke(cli.app, arguments)
    assert isinstance(result.exception, MotiflensError)
    assert message in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_windows_are_whole_cells_of_the_runs_grid(root):
    run = RunFolder(root)
    bounds = bounds_of(run, "chr20", 1_000_005, 1_004_001)
    assert (bounds.start, bounds.end) == (1_000_000, 1_004_016)
    assert bounds_of(run, "chr20", 1_029_000, 1_030_000).end == 1_030_000
