"""The command line of the app: one sentence and exit code 2 for every mistake."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import app

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(synthetic_root, tmp_path) -> Path:
    """A run folder of one's own, to break."""
    return Path(shutil.copytree(synthetic_root, tmp_path / "run"))


def fails(capsys, *arguments: str) -> str:
    """Run the command, expect exit code 2 and one line on stderr; the line."""
    assert app.main([*arguments]) == 2
    text = capsys.readouterr().err
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def test_a_missing_run_says_how_to_make_one(capsys, tmp_path):
    assert "precompute run" in fails(capsys, "--run", str(tmp_path / "none"), "--port", free())


def free() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_an_incomplete_run_names_what_is_missing(capsys, copy):
    (copy / "annotation" / "genes.parquet").unlink()
    text = fails(capsys, "--run", str(copy), "--port", free())
    assert "genes" in text
    assert "not complete" in text


def test_a_newer_run_asks_for_an_update(capsys, copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "version": 99}))
    text = fails(capsys, "--run", str(copy), "--port", free())
    assert "newer" in text
    assert "update motiflens" in text


def test_a_newer_artefact_asks_for_an_update(capsys, copy):
    place = copy / "bins.zarr" / "zarr.json"
    group = json.loads(place.read_text())
    group["attributes"]["version"] = 99
    place.write_text(json.dumps(group))
    assert "version 99" in fails(capsys, "--run", str(copy), "--port", free())


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"kind": "something else"}'])
def test_a_damaged_manifest_is_one_sentence(capsys, copy, text):
    (copy / "manifest.json").write_text(text)
    fails(capsys, "--run", str(copy), "--port", free())


def test_damage_inside_an_artefact_is_found_at_start(capsys, copy):
    shutil.rmtree(copy / "signal.zarr" / "chr20" / "atac")
    assert "is damaged" in fails(capsys, "--run", str(copy), "--port", free())


def test_a_truncated_table_is_found_at_start(capsys, copy):
    place = copy / "annotation" / "peaks.parquet"
    place.write_bytes(place.read_bytes()[:100])
    assert "peaks.parquet" in fails(capsys, "--run", str(copy), "--port", free())


def test_a_port_in_use_names_another(capsys):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        text = fails(capsys, "--port", str(port))
    assert f"port {port}" in text
    assert "--port" in text


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_that_does_not_exist(capsys, port):
    assert "does not exist" in fails(capsys, f"--port={port}")


def test_an_unknown_host(capsys):
    assert "is unknown" in fails(capsys, "--host", "no.such.host.invalid")


@pytest.mark.parametrize("threads", ["0", "-3", "100000"])
def test_threads_that_cannot_serve(capsys, threads):
    assert "--threads" in fails(capsys, f"--threads={threads}")


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8050/"), ("0.0.0.0", "http://127.0.0.1:8050/"),
     ("::1", "http://[::1]:8050/"), ("::", "http://[::1]:8050/"),
     ("localhost", "http://localhost:8050/")],
)
def test_the_printed_address_can_be_opened(host, url):
    assert app._address(host, 8050) == url


def test_only_this_machine_is_served_unless_told():
    assert app._parser().parse_args([]).host == "127.0.0.1"


def test_importing_the_app_is_light():
    heavy = {"torch", "umap", "pysam", "dash", "zarr", "pandas", "numba"}
    code = f"import sys, app; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_building_the_app_loads_no_model_code(synthetic_root):
    code = (
        "import sys, vizapp\n"
        f"vizapp.create_app({str(synthetic_root)!r})\n"
        "print(sorted({'torch', 'umap', 'openTSNE', 'pysam', 'captum'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
