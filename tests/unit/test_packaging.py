"""pyproject.toml, the lock files, environment.yml and the README's commands agree."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
#: The packages that the project is built on; all must be asked for by name.
FIXED = {
    "dash", "plotly", "umap-learn", "opentsne", "scikit-learn", "python-louvain", "networkx",
    "torch", "numpy", "pybigwig",
}


def locked(name: str) -> dict[str, str]:
    """Line of each package in a lock file, by canonical name."""
    lines = (REPOSITORY / name).read_text().splitlines()
    entries = [line for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(Requirement(entry).name): entry for entry in entries}


def conda() -> dict:
    return yaml.safe_load((REPOSITORY / "environment.yml").read_text())


def conda_pip() -> list[str]:
    (section,) = [d["pip"] for d in conda()["dependencies"] if isinstance(d, dict)]
    return section


def wanted(extra: str | None = None) -> list[Requirement]:
    texts = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return [Requirement(text) for text in texts]


def test_the_fixed_packages_are_dependencies():
    assert {canonicalize_name(r.name) for r in wanted()} >= FIXED


@pytest.mark.parametrize(
    ("lock", "extra"), [("requirements.lock", None), ("requirements-test.lock", "test")]
)
def test_every_dependency_is_locked_at_a_version_it_allows(lock, extra):
    pins = locked(lock)
    for requirement in wanted() + (wanted(extra) if extra else []):
        pin = Requirement(pins[canonicalize_name(requirement.name)])
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert requirement.specifier.contains(specifier.version), str(requirement)


def test_the_two_locks_pin_the_same_versions():
    run, test = locked("requirements.lock"), locked("requirements-test.lock")
    assert set(run) < set(test)
    assert {name: test[name] for name in run} == run


def test_the_conda_environment_is_the_lock():
    environment = conda()
    assert environment["name"] == "motiflens"
    assert environment["channels"][0] == "conda-forge"
    (python,) = [d for d in environment["dependencies"] if str(d).startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert conda_pip() == list(locked("requirements.lock").values())


def test_torch_is_the_same_everywhere():
    assert "torch==2.13.0" in PROJECT["dependencies"]
    assert locked("requirements.lock")["torch"] == "torch==2.13.0"
    assert "torch==2.13.0" in conda_pip()


def test_no_lock_names_a_registry():
    for name in ("requirements.lock", "requirements-test.lock", "environment.yml"):
        assert not re.search(r"https?://|--(extra-)?index-url", (REPOSITORY / name).read_text())


def test_python_versions_agree():
    makefile = (REPOSITORY / "Makefile").read_text()
    allowed = SpecifierSet(PROJECT["requires-python"])
    named = re.findall(r"python3\.(\d+)", makefile)
    assert named
    assert all(allowed.contains(f"3.{minor}") for minor in named)
    assert not allowed.contains("3.10")


def test_the_makefile_has_the_targets_that_the_readme_names():
    help_text = subprocess.run(
        ["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    targets = {line.split()[1] for line in help_text.splitlines() if line.strip()}
    assert {"demo", "test", "install", "serve", "bench"} <= targets
    readme = (REPOSITORY / "README.md").read_text()
    assert set(re.findall(r"\bmake ([a-z-]+)", readme)) <= targets


def test_what_the_readme_links_to_is_there():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (REPOSITORY / name).read_text()
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (REPOSITORY / target).exists(), f"{name} links to {target}"


def test_an_installed_copy_has_every_package():
    from setuptools import find_packages

    found = find_packages(
        str(REPOSITORY), include=tomllib.loads((REPOSITORY / "pyproject.toml").read_text())[
            "tool"]["setuptools"]["packages"]["find"]["include"],
    )
    folders = {
        path.parent.relative_to(REPOSITORY).as_posix().replace("/", ".")
        for top in ("precompute", "vizapp") for path in (REPOSITORY / top).rglob("*.py")
    }
    assert set(found) == folders
