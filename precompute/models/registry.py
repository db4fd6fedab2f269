"""Which trained models a run can be looked at with: its own, and the shipped ones that fit.

Only names from these lists ever reach a path. Nothing here imports torch; :func:`open_model` does
when a model is opened.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from precompute.artefacts import RunFolder
from precompute.errors import ArtefactError
from precompute.models.store import KIND, VERSION, load_model, load_own_model, run_features

if TYPE_CHECKING:
    from precompute.models.store import TrainedModel

#: Folder of the models that come with motiflens.
SHIPPED = Path(__file__).resolve().parents[2] / "data" / "models"
_OWN = {"tokens": "this run's token model", "onehot": "this run's one-hot model"}


@dataclass(frozen=True)
class ModelEntry:
    """A model by name.

    Attributes
    ----------
    name : by which it is opened
    label : what a person reads
    encoding : 'tokens' or 'onehot'
    folder : where it lies
    shipped : whether it came with motiflens
    tracks : names of the tracks that it predicts
    """

    name: str
    label: str
    encoding: str
    folder: Path
    shipped: bool
    tracks: tuple[str, ...] = ()


def _card(folder: Path) -> dict[str, Any] | None:
    """``model.json`` of a folder, or None when it is none of this version."""
    try:
        card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(card, dict) and (card.get("kind"), card.get("version")) == (KIND, VERSION)
    return card if known and card.get("encoding") in _OWN else None


def shipped_models(shipped: Path | None = None) -> list[ModelEntry]:
    """The models that come with motiflens, by name."""
    root = shipped or SHIPPED
    entries = []
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        card = _card(folder) if folder.is_dir() else None
        if card is not None and (folder / "weights.safetensors").is_file():
            entries.append(_entry(folder.name, folder, card, True))
    return entries


def _entry(name: str, folder: Path, card: dict[str, Any], shipped: bool) -> ModelEntry:
    encoding = card["encoding"]
    what = "tokens" if encoding == "tokens" else "one-hot"
    label = card.get("label") or (f"{name} ({what}, shipped)" if shipped else _OWN[encoding])
    tracks = card.get("tracks")
    return ModelEntry(
        name, str(label), encoding, folder, shipped,
        tuple(map(str, tracks)) if isinstance(tracks, list) else (),
    )


def _fits(entry: ModelEntry, features: set[str]) -> bool:
    """Whether a run has the features that a token model reads; one-hot sequence always fits."""
    if entry.encoding != "tokens":
        return True
    card = _card(entry.folder) or {}
    own = card.get("features")
    return isinstance(own, list) and set(map(str, own)) == features


def model_names(run: RunFolder, shipped: Path | None = None) -> list[ModelEntry]:
    """The run's own models, then the shipped ones that read what the run holds.

    Parameters
    ----------
    run : run folder; a model that it has not trained is not listed
    shipped : folder of shipped models; by default the one that comes with motiflens
    """
    entries = []
    for encoding in _OWN:
        artefact = f"model_{encoding}"
        card = _card(run.path(artefact)) if run.exists(artefact) else None
        if card is not None:
            entries.append(_entry(encoding, run.path(artefact), card, False))
    features = set(run_features(run)) if run.exists("features") else set()
    own = {entry.name for entry in entries}
    return entries + [
        entry for entry in shipped_models(shipped)
        if entry.name not in own and _fits(entry, features)
    ]


def open_model(run: RunFolder | None, name: str, shipped: Path | None = None) -> TrainedModel:
    """Open a model by its name.

    Parameters
    ----------
    run : run folder, or None for a shipped model of its own
    name : of :func:`model_names`, or :func:`shipped_models` without a run
    shipped : folder of shipped models

    Raises
    ------
    ArtefactError
        When there is no such model, it cannot be read, or it does not fit the run.
    """
    entries = shipped_models(shipped) if run is None else model_names(run, shipped)
    for entry in entries:
        if entry.name == name:
            if run is not None and not entry.shipped:
                return load_own_model(run, entry.encoding)
            return load_model(entry.folder, None if run is None else run_features(run))
    known = ", ".join(entry.name for entry in entries) or "none"
    where = "motiflens comes with" if run is None else f"{run.root} can be used with"
    hint = "; give --run for a run's own" if run is None and name in _OWN else ""
    raise ArtefactError(f"there is no model {name!r}; {where} {known}{hint}")


def open_for_sequence(
    root: Path | None, name: str, profiles: Path | None = None
) -> tuple[TrainedModel, Path | None]:
    """A model for sequence that is in no run, and the profiles that it is tokenized with.

    Parameters
    ----------
    root : run folder, for its own models; without one, shipped models
    name : see :func:`open_model`
    profiles : given ones; otherwise a run's own, and None for the default

    Raises
    ------
    ArtefactError
        As :func:`open_model`, and when the run folder is none.
    """
    if root is None:
        return open_model(None, name), profiles
    run = RunFolder(root)
    if not (run.root / "config.json").is_file():
        raise ArtefactError(f"{root} is no run folder: it has no config.json; correct --run")
    model = open_model(run, name)
    if profiles is None:
        config = json.loads((run.root / "config.json").read_text(encoding="utf-8"))
        own = config.get("motifs", {}).get("profiles")
        profiles = Path(own) if own else None
    return model, profiles
