"""Every example in a docstring is true; those that need a run are tried where there is one."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.conftest import REPOSITORY

#: Their examples name a run, a genome or profiles; test_api, test_doctor and test_report try them,
#: but for the one about placing.
NEED_MORE = {"precompute.api", "precompute.doctor", "precompute.embedding.placing",
             "precompute.report.tables"}


def modules_with_examples() -> list[str]:
    """Names of the modules whose text holds an example."""
    found = []
    for package in ("precompute", "vizapp"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(REPOSITORY).with_suffix("").parts
                found.append(".".join(part for part in parts if part != "__init__"))
    return found


def test_there_are_examples():
    assert set(modules_with_examples()) > NEED_MORE
    assert len(modules_with_examples()) > 25


@pytest.mark.parametrize("name", sorted(set(modules_with_examples()) - NEED_MORE))
def test_examples_are_true(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0
