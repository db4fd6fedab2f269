"""The runner on a small real region: skipping, resuming, refusing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from precompute.artefacts import RunFolder
from precompute.config import load_config
from precompute.errors import ArtefactError, ConfigError, InputError, RunFolderError
from precompute.manifest import hash_path
from precompute.pipeline import STAGES, Pipeline, stage_named
from precompute.token_store import TokenStore

REPOSITORY = Path(__file__).resolve().parents[2]
CHAIN = [
    "genome", "motifs", "annotation", "depth", "bins", "tracks", "tokens", "interdependence",
    "motif_clusters",
]


class Listener:
    """Remembers which stages ran and which were skipped."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.skipped: list[str] = []

    def begin(self, stage, number, total):
        self.total = total

    def progress(self, done, total, note):
        assert 0 <= done <= total

    def end(self, stage, record):
        (self.skipped if record is None else self.ran).append(stage.name)


def write_config(folder: Path, **changes) -> Path:
    """The demo's configuration cut to 300 kb, with changes given as section={key: value}."""
    data = yaml.safe_load((REPOSITORY / "configs" / "demo.yaml").read_text())
    text = yaml.safe_dump(data).replace("../data/demo", str(REPOSITORY / "data" / "demo"))
    data = yaml.safe_load(text)
    data["genome"]["regions"] = [{"chrom": "chr20", "start": 1_000_000, "end": 1_300_000}]
    data["models"]["split"] = {
        "train": [{"chrom": "chr20", "start": 1_000_000, "end": 1_200_000}],
        "validation": [{"chrom": "chr20", "start": 1_200_000, "end": 1_250_000}],
        "test": [{"chrom": "chr20", "start": 1_250_000, "end": 1_300_000}],
    }
    data["interdependence"] = {"sample_bins": 3000}
    for section, values in changes.items():
        data.setdefault(section, {}).update(values)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def run_chain(config: Path, root: Path, stages=CHAIN) -> Listener:
    listener = Listener()
    for name in stages:
        Pipeline(load_config(config), root).run(listener, only=name)
    return listener


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = write_config(folder)
    assert run_chain(config, folder / "run").ran == CHAIN
    return config, folder / "run"


@pytest.fixture
def copied(done, tmp_path):
    shutil.copytree(done[1], tmp_path / "run")
    return done[0], tmp_path / "run"


def test_everything_up_to_date_is_skipped(copied):
    config, root = copied
    assert run_chain(config, root).skipped == CHAIN


def test_a_changed_setting_runs_its_stage_and_what_follows(copied, tmp_path):
    _, root = copied
    config = write_config(tmp_path, motif_clusters={"cut": 0.5})
    listener = run_chain(config, root)
    assert listener.ran == ["motif_clusters"]


def test_window_and_workers_are_no_reason_to_run_again(copied, tmp_path):
    _, root = copied
    config = write_config(tmp_path, run={"window_bp": 20_000, "workers": 1, "seed": 1})
    assert run_chain(config, root).ran == []


def test_windows_and_threads_leave_every_artefact_byte_for_byte(done, tmp_path):
    config = write_config(tmp_path, run={"window_bp": 13_337, "workers": 1})
    run_chain(config, tmp_path / "other")
    ours, theirs = RunFolder(done[1]), RunFolder(tmp_path / "other")
    for stage in STAGES[: len(CHAIN)]:
        for name in stage.writes:
            assert hash_path(ours.path(name)) == hash_path(theirs.path(name)), name


def test_a_dask_cluster_leaves_every_artefact_byte_for_byte(done, tmp_path):
    config, root = done
    shutil.copytree(root, tmp_path / "run")
    for stage in ("depth", "bins", "tokens"):
        ended = subprocess.run(
            [sys.executable, "-m", "precompute", "stage", stage, str(config), "--force",
             "--run-dir", str(tmp_path / "run"), "--scheduler", "local"],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )
        assert ended.returncode == 0, ended.stderr
    folders = (root, tmp_path / "run")
    before, after = (json.loads((r / "manifest.json").read_text()) for r in folders)
    for stage in ("depth", "bins", "tokens"):
        old, new = before["stages"][stage], after["stages"][stage]
        assert old["finished"] <= new["finished"]
        assert old["outputs"] == new["outputs"]
        assert old["facts"] == new["facts"]


def test_a_lost_artefact_is_made_again(copied):
    config, root = copied
    shutil.rmtree(RunFolder(root).path("bins"))
    listener = run_chain(config, root)
    assert listener.ran == ["bins"]


def test_coordinates_are_those_of_the_chromosome(done):
    store = TokenStore(RunFolder(done[1]))
    edges = store.edges("chr20")
    assert (edges[0], edges[-1]) == (1_000_000, 1_300_000)
    assert 13 < np.diff(edges).mean() < 17
    lo, hi = store.bin_range("chr20", 1_100_000, 1_100_100)
    assert edges[lo] <= 1_100_000 < edges[lo + 1]
    assert edges[hi - 1] < 1_100_100 <= edges[hi]
    assert store.bin_range("chr20", 0, 10) == (0, 0)
    assert store.bin_range("chr20", 2_000_000, 2_000_010)[0] == store.n_bins("chr20")


def test_cluster_values_are_the_mean_over_members(done):
    run = RunFolder(done[1])
    store = TokenStore(run)
    width = run.table("features")["width"].to_numpy()
    cluster = run.table("feature_clusters")["cluster"].to_numpy()
    dense = store.counts("chr20", 100, 160).toarray() / width
    for k in (0, 3, int(cluster.max())):
        expected = dense[:, cluster == k].mean(axis=1)
        assert np.allclose(store.cluster_values("chr20", 100, 160)[:, k].toarray()[:, 0], expected)
    chosen = np.array([500, 3, 500, 19_000])
    rows = store.rows("chr20", chosen).toarray()
    for k, b in enumerate(chosen):
        assert np.allclose(rows[k], store.cluster_values("chr20", b, b + 1).toarray()[0])


def test_a_second_run_on_one_folder_is_refused(copied):
    config, root = copied
    pipeline = Pipeline(load_config(config), root)
    with pipeline._locked(), pytest.raises(RunFolderError, match="another process"):
        Pipeline(load_config(config), root).run(Listener(), only="bins")


def test_a_folder_of_a_newer_version_is_refused(copied):
    config, root = copied
    path = root / "manifest.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "version": 99}))
    with pytest.raises(RunFolderError, match="newer motiflens"):
        Pipeline(load_config(config), root)
    path.write_text("{")
    with pytest.raises(RunFolderError, match="cannot be read"):
        Pipeline(load_config(config), root)
    path.write_text("{}")
    with pytest.raises(RunFolderError, match="not a motiflens manifest"):
        Pipeline(load_config(config), root)


def test_an_artefact_of_a_newer_version_or_another_kind_is_refused(copied):
    import zarr

    run = RunFolder(copied[1])
    group = zarr.open_group(run.path("bins"), mode="a")
    group.attrs["version"] = 9
    with pytest.raises(ArtefactError, match="version 9"):
        run.group("bins")
    group.attrs["kind"] = "other"
    with pytest.raises(ArtefactError, match="says it is 'other'"):
        run.group("bins")
    run.path("genes").write_bytes(b"PAR1 nonsense")
    with pytest.raises(ArtefactError, match="cannot be read as Parquet"):
        run.table("genes")
    with pytest.raises(ArtefactError, match="has no words"):
        run.table("words")


def test_a_failed_write_leaves_the_old_artefact(copied):
    run = RunFolder(copied[1])
    before = hash_path(run.path("bins"))

    def fail_half_way() -> None:
        with run.writing_group("bins") as group:
            group.create_array("x", data=np.zeros(3))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert hash_path(run.path("bins")) == before
    assert not list(run.root.rglob(".*.tmp"))


def test_a_stage_without_its_inputs_says_which_comes_first(tmp_path):
    config = write_config(tmp_path)
    with pytest.raises(RunFolderError, match="run the stage depth first"):
        Pipeline(load_config(config), tmp_path / "run").run(Listener(), only="bins")


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"genome": {"fasta": "/nowhere.fa"}}, InputError, "does not exist"),
        ({"genome": {"fastta": "x"}}, ConfigError, "unknown key 'genome.fastta'"),
        ({"genome": {"regions": [{"chrom": "chr21"}]}}, InputError, "no chromosome 'chr21'"),
        ({"genome": {"regions": []}}, ConfigError, "either regions or include, got neither"),
        (
            {"genome": {"regions": [{"chrom": "chr20", "start": 5, "end": 99_000_000}]}},
            InputError,
            "goes beyond",
        ),
        (
            {"genome": {"regions": [{"chrom": "chr20", "start": 9, "end": 5}]}},
            ConfigError,
            "ends before it starts",
        ),
    ],
)
def test_bad_configurations_end_in_one_sentence(tmp_path, changes, error, says):
    config = write_config(tmp_path, **changes)
    with pytest.raises(error, match=says):
        run_chain(config, tmp_path / "run", ["genome"])


def test_unknown_stage_lists_the_stages():
    with pytest.raises(ConfigError, match="the stages are genome, motifs"):
        stage_named("nope")


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "precompute", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )


def test_the_command_line_shows_status_and_configuration(copied):
    config, root = copied
    status = cli("status", str(config), "--run-dir", str(root))
    assert status.returncode == 0
    assert "bins" in status.stdout
    assert "done" in status.stdout
    shown = cli("show-config", str(config))
    assert yaml.safe_load(shown.stdout)["motif_clusters"]["cut"] == 0.38
    keys = cli("show-config")
    assert "sample_bins" in keys.stdout
    # Sections within sections, with units and defaults.
    for line in (
        "  include: []  # instead of regions",
        "    min_relative_score_x1000: null  # least column 5",
        "    tax_groups: [\"vertebrates\"]  # taxonomic groups",
        "    window_bins: 1250",
        "  short_label: required",
    ):
        assert line in keys.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "/nowhere.yaml"),
        ("stage", "nope", "configs/demo.yaml"),
        ("run", "README.md"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_two(arguments, tmp_path):
    result = cli(*arguments, *(["--run-dir", str(tmp_path / "r")]))
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
