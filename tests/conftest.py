"""Fixtures that many tests share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from precompute.genome import read_fasta
from tests.synthetic_run import make_run

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def demo_data() -> Path:
    """Folder of the embedded real data."""
    return REPOSITORY / "data" / "demo"


@pytest.fixture(scope="session")
def demo_profiles(demo_data) -> Path:
    """The 841 JASPAR 2022 profiles."""
    return demo_data / "JASPAR2022_CORE_vertebrates_841.jaspar"


@pytest.fixture(scope="session")
def demo_codes(demo_data) -> np.ndarray:
    """Codes of hg19 chr20:0-13,400,000, uint8, read-only."""
    codes = next(read_fasta(demo_data / "hg19.chr20_1-13400000.fa.gz")).codes
    codes.setflags(write=False)
    return codes


@pytest.fixture(scope="session")
def real_run() -> Path:
    """A complete real run: ``MOTIFLENS_RUN``, or runs/demo once ``make demo`` has made it."""
    root = Path(os.environ.get("MOTIFLENS_RUN", REPOSITORY / "runs" / "demo"))
    if not (root / "manifest.json").exists():
        pytest.skip(f"no real run in {root}; make demo SERVE=0 makes one")
    return root


@pytest.fixture(scope="session")
def synthetic_root(tmp_path_factory) -> Path:
    """Folder of a synthetic run; read it, never write to it."""
    return make_run(tmp_path_factory.mktemp("synthetic") / "run")


@pytest.fixture(scope="session")
def model_root(tmp_path_factory) -> Path:
    """Folder of a small synthetic run for the models; read it, never write to it."""
    from tests.model_run import write_model_run

    return write_model_run(tmp_path_factory.mktemp("models") / "run")


@pytest.fixture(scope="session")
def data(synthetic_root):
    """The app's reader on the synthetic run."""
    from vizapp.data import RunData

    return RunData(synthetic_root)
