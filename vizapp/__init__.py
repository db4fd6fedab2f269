"""The motiflens app: linked views of a run. ``create_app(run_dir)`` builds it."""

from __future__ import annotations

import logging
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
    from precompute.errors import RunFolderError
    from vizapp.server import build

    try:
        return build(Path(run_dir))
    except (OSError, LookupError, ValueError, RuntimeError) as error:
        # zarr, pyarrow and pyBigWig say in their own ways that a file inside the run is damaged.
        logging.getLogger("motiflens").debug("the run could not be opened", exc_info=error)
        detail = " ".join(str(error).split())[:120]
        raise RunFolderError(
            f"the run {run_dir} is damaged ({type(error).__name__}: {detail}); make it again with "
            "`python -m precompute run` and its configuration"
        ) from None
