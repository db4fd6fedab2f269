"""The configurations that come with the project can be read, and what they name is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from precompute.config import load_config

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_configuration_is_whole(path):
    config = load_config(path)
    tracks = {track.name for track in config.tracks if track.target}
    # Without reference peaks a track has correlations alone, and no peak metric.
    assert config.evaluation.peaks
    assert set(config.evaluation.peaks) <= tracks
    assert config.annotation.peaks is not None
    # Else the benchmark of factors would look for accessible regions that are not there.
    assert config.tf_benchmark.accessible in config.evaluation.peaks.values()
    for part in ("train", "validation", "test"):
        assert getattr(config.models.split, part)
