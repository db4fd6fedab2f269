"""The doctor: each of many faults is named, alone and at the right artefact; health is found."""

from __future__ import annotations

import doctest
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.doctor import contract, examine, files, rules
from precompute.doctor.findings import PRODUCER, Chart, plain
from precompute.errors import RunFolderError
from tests.damage import (
    DAMAGES,
    HIT_DAMAGES,
    Damage,
    array,
    index_hits,
    put,
    record,
    recount,
    rows,
)
from tests.synthetic_run import make_run

REPOSITORY = Path(__file__).resolve().parents[2]

#: Two artefacts contradict each other, and only the hashes tell which one was touched.
NEED_HASHES = {
    "a frequency", "other clusters", "a layout that moved", "features of other names",
}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("doctor") / "run", n_bp=20_000)


@pytest.fixture
def run(healthy, tmp_path):
    shutil.copytree(healthy, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module", autouse=True)
def probes():
    """A file that has been looked at from another process need not be looked at again."""
    seen: dict[str, subprocess.CompletedProcess] = {}
    real = files._apart

    def remembered(script, path, *arguments):
        content = path.read_bytes() + repr((script, arguments)).encode()
        key = hashlib.sha256(content).hexdigest()
        if key not in seen:
            seen[key] = real(script, path, *arguments)
        return seen[key]

    patch = pytest.MonkeyPatch()
    patch.setattr(files, "_apart", remembered)
    yield
    patch.undo()


def told(diagnosis):
    return "\n".join(finding.line() for finding in diagnosis.findings)


# -- health ------------------------------------------------------------------------------------


def test_a_healthy_run_has_no_fault(healthy):
    heard = []
    diagnosis = examine(healthy, progress=lambda *x: heard.append(x))
    assert told(diagnosis) == ""
    assert diagnosis.notes == ()
    assert diagnosis.artefacts == len(ARTEFACTS)
    assert diagnosis.repair() == []
    assert "is healthy" in diagnosis.summary()
    done = [x[0] for x in heard]
    assert done == sorted(done)
    assert heard[-1][0] == heard[-1][1]


def test_its_example_is_true(healthy):
    runner = doctest.DocTestRunner()
    (test,) = doctest.DocTestFinder().find(
        examine, globs={"examine": examine, "run": healthy}, name="examine")
    assert runner.run(test) == (0, 2)


def test_examining_changes_nothing(run):
    def state():
        return {str(p): p.stat().st_mtime_ns for p in run.rglob("*")}

    before = state()
    examine(run)
    assert state() == before


def test_a_real_run_has_no_fault(real_run):
    assert told(examine(real_run)) == ""


def test_an_unfinished_run_is_healthy_as_far_as_it_goes(run):
    data = json.loads((run / "manifest.json").read_text())
    for stage in list(data["stages"]):
        if stage not in ("genome", "motifs", "depth"):
            del data["stages"][stage]
    kept = {n for n, s in PRODUCER.items() if s in data["stages"]}
    for name in set(ARTEFACTS) - kept - {"bins"}:
        path = RunFolder(run).path(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (run / "manifest.json").write_text(json.dumps(data))
    diagnosis = examine(run)
    assert told(diagnosis) == ""
    assert diagnosis.artefacts == len(kept) + 1
    assert any("bins is there but not in the manifest" in note for note in diagnosis.notes)


# -- faults ------------------------------------------------------------------------------------


def by_name(damage: Damage) -> str:
    return damage.name.replace(" ", "-")


@pytest.mark.parametrize("damage", DAMAGES, ids=by_name)
def test_each_fault_is_named_and_nothing_else(run, damage: Damage):
    check(run, damage)


@pytest.mark.parametrize("damage", HIT_DAMAGES, ids=by_name)
def test_each_fault_of_ready_hits_is_named_and_nothing_else(run, damage: Damage):
    index_hits(run)
    check(run, damage)


def test_a_run_of_ready_hits_is_healthy_and_computed_again(run):
    index_hits(run)
    diagnosis = examine(run)
    assert told(diagnosis) == ""
    assert not any("computed again" in note for note in diagnosis.notes)
    array("tokens", "chr20/counts", recount)(run)
    record(run)
    assert "when it is computed again" in told(examine(run))


def check(run, damage):
    """Break the run; its fault is named, alone, at its place and with its remedy."""
    damage.harm(run)
    if damage.is_recorded:
        record(run)
    # The rest is found on the same way in both modes.
    is_told_twice = damage.is_quick and damage.code in ("missing", "schema", "agreement")
    modes = (False, True) if is_told_twice else (False,)
    for quick in modes:
        diagnosis = examine(run, quick)
        assert len(diagnosis.findings) == 1, told(diagnosis)
        (finding,) = diagnosis.findings
        assert (finding.artefact, finding.code) == (damage.artefact, damage.code), told(diagnosis)
        assert finding.chrom == damage.chrom, told(diagnosis)
        assert damage.says in finding.found, told(diagnosis)
        assert finding.expected
        assert finding.action
        assert finding.line().isprintable()
        if damage.artefact in PRODUCER and "motiflens" not in finding.action:
            assert f"run the stage {PRODUCER[damage.artefact]} with --force" in finding.action
            assert f"stage {PRODUCER[damage.artefact]} " in diagnosis.repair()[0]
    if not damage.is_quick:
        assert damage.code in ("hash", "recomputed") or damage.name in NEED_HASHES


def test_the_list_covers_every_artefact_and_every_kind_of_check():
    assert len({d.name for d in DAMAGES}) == len(DAMAGES)
    assert {d.artefact for d in DAMAGES} >= set(ARTEFACTS) - {"intervals", "hits"}
    assert {d.code for d in DAMAGES} == {
        "missing", "unreadable", "version", "hash", "schema", "values", "agreement", "recomputed",
        "temporary",
    }


def test_two_faults_are_both_named(run):
    rows("genes", ("strand", 0, "+"))(run)
    array("tokens", "chr20/counts", put(4, 0))(run)
    array("tokens", "chr21/counts", put(9, 0))(run)
    array("signal", "chr20/atac/bins", put(0, np.nan))(run)
    named = {(f.artefact, f.chrom) for f in examine(run).findings}
    assert named == {("tokens", "chr20"), ("tokens", "chr21"), ("signal", "chr20")}


def test_any_byte_that_changes_is_noticed_and_no_damage_stops_the_doctor(run, healthy):
    rng = np.random.default_rng(20)
    everything = sorted(
        p for name in ARTEFACTS for p in (
            [RunFolder(run).path(name)] if RunFolder(run).path(name).is_file()
            else RunFolder(run).path(name).rglob("*")
        ) if p.is_file()
    )
    for path in rng.choice(np.array(everything, dtype=object), 16, replace=False):
        whole = bytearray(path.read_bytes())
        how = rng.integers(0, 3)
        if how == 0 or len(whole) < 4:
            whole = whole[: len(whole) // 2]
        elif how == 1:
            at = int(rng.integers(0, len(whole)))
            whole[at] ^= int(rng.integers(1, 256))
        else:
            at = int(rng.integers(0, max(1, len(whole) - 32)))
            part = rng.integers(0, 256, 32, dtype=np.uint8).tobytes()
            whole[at : at + 32] = part[: len(whole) - at]
        original = path.read_bytes()
        path.write_bytes(bytes(whole))
        diagnosis = examine(run)
        owner = {n for n in ARTEFACTS if path.is_relative_to(RunFolder(run).path(n))}
        assert {f.artefact for f in diagnosis.findings} == owner, (path, how, told(diagnosis))
        assert all(f.line().isprintable() for f in diagnosis.findings)
        path.write_bytes(original)


def test_text_from_a_damaged_file_cannot_reach_the_terminal_raw():
    assert plain("a\x1b[2Jb\nc") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c"
    assert len(plain("x" * 10_000)) <= 240
    chart = Chart()
    chart.fault("bins", "values", "\x07", "\x00", chrom="\x1b", part="\r")
    assert chart.findings[0].line().isprintable()


def test_a_crash_of_the_bigwig_reader_is_a_finding(run, monkeypatch):
    monkeypatch.setattr(files, "_PROBE_BIGWIG", "import os; os.kill(os.getpid(), 11)")
    codes = {(f.artefact, f.code) for f in examine(run, quick=True).findings}
    assert codes == {
        (f"predictions_{name}", "unreadable") for name in ("tokens", "onehot", "shipped")
    }
    assert "kills its reader (signal 11)" in told(examine(run, quick=True))


def test_blame_falls_on_what_was_changed(run):
    """Without hashes the later artefact is accused; with them the one that was touched."""
    rows("words", ("frequency", 0, 10**6))(run)
    assert [f.artefact for f in examine(run).findings] == ["words"]
    assert "word_ids" in {f.artefact for f in examine(run, quick=True).findings}


def test_profiles_that_are_gone_are_a_note(run):
    data = json.loads((run / "config.json").read_text())
    data["motifs"]["profiles"] = str(run / "nowhere.jaspar")
    (run / "config.json").write_text(json.dumps(data))
    diagnosis = examine(run)
    assert told(diagnosis) == ""
    assert any("no window was scanned again" in note for note in diagnosis.notes)
    data["motifs"]["profiles"] = str(run / "profiles.jaspar")
    (run / "config.json").write_text(json.dumps(data))
    (run / "profiles.jaspar").write_text("changed")
    assert any("no window was scanned again" in note for note in examine(run).notes)


def test_changed_settings_are_a_note(run):
    data = json.loads((run / "config.json").read_text())
    data["communities"]["resolution"] = 1.5
    (run / "config.json").write_text(json.dumps(data))
    diagnosis = examine(run)
    assert diagnosis.is_healthy
    assert any(note.startswith("communities: made with other settings") for note in diagnosis.notes)


# -- what is no run ----------------------------------------------------------------------------


def test_what_is_no_run_is_refused(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere", REPOSITORY / "pyproject.toml"):
        with pytest.raises(RunFolderError, match="there is no run in"):
            examine(place)


def test_a_run_at_work_is_left_alone(run):
    with (run / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(RunFolderError, match="another process is running"):
            examine(run)
    assert examine(run, quick=True).is_healthy


# -- the contract ------------------------------------------------------------------------------


def test_every_line_of_the_contract_is_executable():
    for name, artefact in ARTEFACTS.items():
        if artefact.format == "parquet":
            assert set(contract.columns(artefact, ["<track>"])) == set(artefact.schema), name
        if artefact.format == "zarr":
            said = {path for line in artefact.schema for path in line.split(", ")}
            assert said - set(contract.arrays(artefact)) <= {"attrs", "<chrom> attrs"}, name
            assert name in contract.ATTRIBUTES, name


def test_lines_of_the_contract_are_read_as_meant():
    assert contract.array_spec("uint8 or uint16 (nnz,), bases") == (
        ("uint8", "uint16"), ("nnz",), False)
    assert contract.array_spec("float32 (ceil(n_bp / 16),), mean") == (
        ("float32",), ("ceil(n_bp / 16)",), False)
    assert contract.array_spec("float32 (n_points, 2)") == (("float32",), ("n_points", "2"), False)
    assert contract.array_spec("int8 (n,), only with x") == (("int8",), ("n",), True)
    scores = contract.arrays(ARTEFACTS["interdependence"])
    assert scores["half1"] == scores["scores"]
    assert scores["q_values"] == scores["p_values"]
    assert [name for name, spec in scores.items() if spec.is_optional] == ["p_values", "q_values"]
    assert contract.array_spec("start int, end int (bp)") is None
    assert contract.column_spec("'+', '-' or '+-'").choices == ("+", "-", "+-")
    assert contract.column_spec("list of int16, rising") == ("int16", True, (), False)
    assert contract.column_spec("float 0-1, of the bin's known bases").is_share
    with pytest.raises(ValueError, match="begins with no type"):
        contract.column_spec("something")


def test_rules_name_artefacts_that_exist():
    from precompute.doctor import map_rules, motif_rules, places, word_rules

    for module in (files, map_rules, motif_rules, places, word_rules):
        for rule in module.RULES:
            assert set(rule.needs) <= set(ARTEFACTS), rule
            assert isinstance(rule, rules.Rule)


# -- the command -------------------------------------------------------------------------------


def doctor(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "precompute", "doctor", *map(str, arguments)], cwd=REPOSITORY,
        capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )


def test_the_command_prints_plain_lines_and_exits_with_what_it_found(run, tmp_path):
    done = doctor(run, "--quick")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{run} is healthy: {len(ARTEFACTS)} artefacts read, no fault\n"
    group = zarr.open_group(run / "bins.zarr", mode="a")
    group.attrs["version"] = 7
    done = doctor(run)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("FAULT bins: has version 7; expected at most 1; ")
    assert lines[1] == (
        f"run   python -m precompute stage bins {run}/config.json --run-dir {run} --force")
    assert lines[-1] == f"{run} has 1 fault: {len(ARTEFACTS)} artefacts hashed and read"
    assert done.stderr == ""
    gone = doctor(tmp_path / "nowhere")
    assert gone.returncode == 2
    assert gone.stderr.startswith("error: there is no run in")
    assert gone.stderr.count("\n") == 1


def test_the_commands_json_is_what_it_says(run):
    rows("genes", ("chrom", 0, "chrZ"))(run)
    done = doctor(run, "--quick", "--json")
    assert done.returncode == 1
    data = json.loads(done.stdout)
    assert (data["kind"], data["version"]) == ("motiflens.diagnosis", 1)
    assert data["healthy"] is False
    (finding,) = data["findings"]
    assert finding["artefact"] == "genes"
    assert set(finding) == {"artefact", "chrom", "part", "code", "found", "expected", "action"}
