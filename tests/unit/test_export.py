"""export-anndata: what it writes, that scanpy draws and walks it, and what it refuses."""

from __future__ import annotations

import anndata
import numpy as np
import pytest
from typer.testing import CliRunner

from precompute.artefacts import RunFolder
from precompute.cli import app, main
from precompute.errors import ArtefactError, InputError
from precompute.export import community_colors, export_anndata, nearest_points
from precompute.token_store import TokenStore
from vizapp.theme import community_color


@pytest.fixture(scope="module")
def run(data):
    return RunFolder(data.root)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    file = export_anndata(run, tmp_path_factory.mktemp("out") / "map.h5ad")
    assert [p.name for p in file.parent.iterdir()] == ["map.h5ad"]
    return anndata.read_h5ad(file)


def test_it_holds_tokens_loci_names_colours_layouts_and_quality(run, exported):
    points = run.table("points")
    store = TokenStore(run)
    assert exported.shape == (len(points), store.n_clusters)
    row = points.iloc[11]
    token = store.rows(row["chrom"], [row["bin"]]).toarray()[0]
    np.testing.assert_array_equal(exported.X[11].toarray()[0], token)
    assert exported.obs_names[11] == f"{row['chrom']}:{row['start'] + 1}-{row['end']}"
    table = run.table("community_table")
    for level, column in (("mega", "megacluster"), ("sub", "subcluster")):
        names = table[table["level"] == level]["label"]
        assert list(exported.obs[column].cat.categories) == [str(k) for k in range(len(names))]
        numbers = run.table("communities")[column].to_numpy()
        assert exported.obs[column].astype(int).tolist() == numbers.tolist()
        assert exported.obs[f"{column}_name"].iloc[5] == f"{numbers[5]} {names.iloc[numbers[5]]}"
        assert len(exported.uns[f"{column}_colors"]) == len(names)
    for name in ("pca", "umap", "tsne"):
        assert np.array_equal(exported.obsm[f"X_{name}"], run.group("layouts")[name][:])
        quality = run.group("layout_quality")[f"{name}_preservation"][:]
        assert np.array_equal(exported.obs[f"{name}_preservation"], quality)
    assert exported.obs["is_fitted"].dtype == bool


@pytest.mark.parametrize("n", [1, 5, 7, 8, 40, 300])
def test_the_colours_are_the_apps(n):
    assert community_colors(n) == [community_color(k, n) for k in range(n)]


def test_neighbours_are_the_nearest_fitted_points_of_a_brute_force_search(run, exported):
    found, distance = nearest_points(run, 12)
    is_fitted = run.table("points")["is_fitted"].to_numpy()
    pca = run.group("layouts")["pca"][:].astype(float)
    unit = pca / pca[is_fitted].std(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    apart = 1 - unit @ unit.T
    apart[:, ~is_fitted] = np.inf
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_allclose(distance, np.sort(apart, axis=1)[:, :12], atol=2e-6)
    np.testing.assert_allclose(
        np.take_along_axis(apart, found, axis=1), distance, atol=2e-6)
    assert exported.obsp["distances"].shape == (len(pca), len(pca))
    stored = exported.obsp["distances"][3].toarray()[0]
    assert set(np.flatnonzero(stored)) >= set(found[3].tolist())


# scanpy and what it draws with warn about each other and about their own futures.
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning",
                            "ignore::PendingDeprecationWarning", "ignore::UserWarning")
def test_scanpy_draws_it_in_the_apps_colours_and_uses_its_neighbours(exported, tmp_path):
    import matplotlib

    matplotlib.use("Agg")
    import scanpy
    from matplotlib.colors import to_hex

    data = exported.copy()
    for basis in ("X_umap", "X_tsne"):
        axes = scanpy.pl.embedding(data, basis, color="megacluster", show=False)
        (drawn, *_) = axes.collections
        shown = {to_hex(color).upper() for color in drawn.get_facecolors()}
        assert shown == set(data.uns["megacluster_colors"])
        assert len(drawn.get_offsets()) == data.n_obs
    scanpy.pl.umap(data, color=["megacluster_name", "umap_preservation"], show=False)
    scanpy.tl.diffmap(data, n_comps=4)
    assert np.isfinite(data.obsm["X_diffmap"]).all()
    scanpy.tl.paga(data, groups="megacluster")
    assert data.uns["paga"]["connectivities"].shape[0] == len(data.uns["megacluster_colors"])


def test_zarr_holds_the_same(run, exported, tmp_path):
    again = anndata.read_zarr(export_anndata(run, tmp_path / "map.zarr"))
    assert np.array_equal(again.X.toarray(), exported.X.toarray())
    assert list(again.obs["subcluster_name"]) == list(exported.obs["subcluster_name"])
    assert (again.obsp["connectivities"] != exported.obsp["connectivities"]).nnz == 0


def test_nothing_is_replaced_without_force_and_a_failed_write_leaves_what_was(
    run, tmp_path, monkeypatch
):
    file = tmp_path / "map.h5ad"
    file.write_text("mine")
    with pytest.raises(InputError, match="give --force to replace it"):
        export_anndata(run, file)

    def fail(*_args, **_rest):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(anndata.AnnData, "write_h5ad", fail)
        with pytest.raises(Exception, match="No space left on device") as caught:
            export_anndata(run, file, overwrite=True)
    assert "check the disk" in str(caught.value)
    assert file.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["map.h5ad"]
    export_anndata(run, file, overwrite=True)
    assert anndata.read_h5ad(file).n_obs == len(run.table("points"))


@pytest.mark.parametrize(
    ("name", "says"),
    [("map.csv", "end the name in .h5ad"), ("map", "end the name in"),
     ("nowhere/map.h5ad", "does not exist")],
)
def test_a_name_that_will_not_do_is_one_sentence(run, tmp_path, name, says):
    with pytest.raises(InputError, match=says):
        export_anndata(run, tmp_path / name)


def test_a_folder_without_a_map_is_one_sentence(tmp_path):
    with pytest.raises(ArtefactError, match="has no community_table"):
        export_anndata(RunFolder(tmp_path), tmp_path / "map.h5ad")


def test_the_command_says_what_it_wrote_and_a_mistake_exits_with_2(run, tmp_path, monkeypatch):
    file = tmp_path / "map.h5ad"
    done = CliRunner().invoke(app, ["export-anndata", str(run.root), str(file)])
    assert done.exit_code == 0
    assert file.exists()
    monkeypatch.setattr("sys.argv", ["precompute", "export-anndata", str(run.root), str(file)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
