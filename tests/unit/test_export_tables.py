"""Tables as CSV and Parquet: every one, read back, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from precompute.artefacts import ARTEFACTS, RunFolder, read_parquet
from precompute.cli import app
from precompute.errors import ArtefactError, RunFolderError
from precompute.export_tables import export_table, table_names


def stored(root, name):
    owner, _, file = name.partition("/")
    run = RunFolder(root)
    return read_parquet(run.path(owner) / f"{file}.parquet") if file else run.table(owner)


def test_every_table_of_the_contract_has_a_name():
    names = set(table_names())
    assert {n for n, a in ARTEFACTS.items() if a.format == "parquet"} <= names
    assert {"predictions_tokens/metrics", "model_onehot/curves"} <= names


@pytest.mark.parametrize("name", table_names())
def test_each_table_reads_back_as_it_is(synthetic_root, tmp_path, name):
    wanted = stored(synthetic_root, name)
    assert export_table(synthetic_root, name, tmp_path / "t.parquet") == len(wanted)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), wanted)
    export_table(synthetic_root, name, tmp_path / "t.csv")
    missing = {c: [""] for c in wanted if wanted[c].dtype.kind == "f"}
    found = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, na_values=missing,
                        float_precision="round_trip")
    assert found.columns.tolist() == wanted.columns.tolist()
    assert len(found) == len(wanted)
    for column in wanted:
        values = wanted[column]
        if len(wanted) and isinstance(values.iloc[0], np.ndarray):
            values = values.map(lambda row: ";".join(map(str, row)))
        if values.dtype.kind == "f":
            same = np.asarray(found[column].astype(values.dtype))
            assert np.array_equal(same, values.to_numpy(), equal_nan=True), column
        else:
            assert found[column].astype(str).tolist() == values.astype(str).tolist(), column


@pytest.mark.parametrize(
    ("name", "file", "error", "says"),
    [
        ("lexikon", "t.csv", ArtefactError, "the tables are profiles, features"),
        ("tokens", "t.csv", ArtefactError, "no table 'tokens'"),
        ("../x", "t.csv", ArtefactError, "no table"),
        ("words", "t.tsv", RunFolderError, "as .csv or .parquet"),
        ("words", "there.csv", RunFolderError, "exists already"),
        ("words", "no/such/t.csv", RunFolderError, "No such file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(synthetic_root, tmp_path, name, file, error, says):
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(error, match=says):
        export_table(synthetic_root, name, tmp_path / file)
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["there.csv"]


def test_force_replaces_and_a_damaged_table_leaves_the_old_file(synthetic_root, tmp_path):
    target = tmp_path / "t.csv"
    target.write_text("old")
    export_table(synthetic_root, "clusters", target, force=True)
    assert target.read_text().startswith('"cluster","label"')
    target.write_text("old")
    root = tmp_path / "run"
    shutil.copytree(synthetic_root, root)
    path = RunFolder(root).path("words")
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(ArtefactError, match="cannot be read"):
        export_table(root, "words", target, force=True)
    path.unlink()
    with pytest.raises(ArtefactError, match="has no words"):
        export_table(root, "words", target, force=True)
    with pytest.raises(RunFolderError, match="no run in"):
        export_table(tmp_path, "words", target, force=True)
    assert target.read_text() == "old"
    assert not list(tmp_path.glob(".*.tmp"))


def test_the_command_writes_and_a_mistake_exits_with_2(synthetic_root, tmp_path):
    done = CliRunner().invoke(
        app, ["export-table", str(synthetic_root), "zipf", str(tmp_path / "zipf.csv")])
    assert done.exit_code == 0
    assert len(pd.read_csv(tmp_path / "zipf.csv")) == len(RunFolder(synthetic_root).table("zipf"))
    failed = subprocess.run(
        [sys.executable, "-m", "precompute", "export-table", str(synthetic_root), "nothing",
         str(tmp_path / "x.csv")], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "the tables are" in failed.stderr
    assert "Traceback" not in failed.stderr
