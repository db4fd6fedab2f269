"""Fixtures that many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.synthetic_run import make_run


@pytest.fixture(scope="session")
def synthetic_root(tmp_path_factory) -> Path:
    """Folder of a synthetic run; read it, never write to it."""
    return make_run(tmp_path_factory.mktemp("synthetic") / "run")


@pytest.fixture(scope="session")
def data(synthetic_root):
    """The app's reader on the synthetic run."""
    from vizapp.data import RunData

    return RunData(synthetic_root)
