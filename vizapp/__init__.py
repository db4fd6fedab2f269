"""The motiflens app: linked views of a run. ``create_app(run_dir)`` builds it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dash


def create_app(run_dir: str | Path) -> dash.Dash:
    """Build the Dash app for a complete run folder.

    Raises
    ------
    ArtefactError, RunFolderError
        When the folder is missing, incomplete, or of a newer version.
    """
    from vizapp.server import build

    return build(Path(run_dir))
