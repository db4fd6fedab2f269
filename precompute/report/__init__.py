"""The reproduction report: a run's numbers beside the paper's, and why any differ.

:func:`report_tables` gives the rows, :func:`write_report` the page. The sentences that explain a
difference are computed from the run's own data and are left out where they do not apply.
"""

from __future__ import annotations

import json
from pathlib import Path

from precompute.manifest import write_text
from precompute.report.content import Comparison, Report
from precompute.report.measure import Progress
from precompute.report.page import render_page
from precompute.report.tables import report_tables

__all__ = ["Comparison", "Report", "report_tables", "write_report"]


def write_report(
    root: str | Path, out: str | Path | None = None, progress: Progress | None = None
) -> Path:
    """Write the page, and return where it lies.

    Parameters
    ----------
    root : the run folder
    out : file for the page; by default ``report.html`` in the run folder, with ``report.json``
        beside it, which the app shows. With ``out`` nothing is written to the run folder.
    progress : called with (bins done, bins in all, chromosome)

    Raises
    ------
    RunFolderError, ArtefactError, ConfigError
        When the folder is no run, an artefact that is needed is missing or damaged, or the page
        cannot be written.
    """
    root = Path(root)
    report = report_tables(root, progress)
    if out is None:
        out = root / "report.html"
        data = json.dumps(report.as_json(), indent=1, allow_nan=False)
        write_text(root / "report.json", data + "\n")
    write_text(Path(out), render_page(report))
    return Path(out)
