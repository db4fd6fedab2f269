"""Named selections that a browser keeps: at most eight, checked like everything that it sends."""

from __future__ import annotations

import re
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from vizapp.selection import AnySelection, Selection, StateError, Strict, as_json, parse_selection

MAX_SAVED, MAX_NAME = 8, 40

#: Okabe and Ito's, with grey in the place of black, which a dark page would hide.
SWATCHES = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#8A94A0")

#: Control characters, and those that turn the direction of a text.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Saved(Strict):
    """A selection with a name and a swatch; ``shown`` ones are drawn on the map."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    color: int = Field(ge=0, lt=len(SWATCHES))
    shown: bool
    selection: Selection


_SAVED: TypeAdapter[list[Saved]] = TypeAdapter(Annotated[list[Saved], Field(max_length=MAX_SAVED)])


def parse_saved(raw: Any) -> list[Saved]:
    """The saved selections of a browser; None is none.

    Raises
    ------
    StateError
        When they are not what the app wrote.
    """
    if raw is None:
        return []
    wrong = StateError(
        "the selections saved in this browser could not be read; the next one that you save "
        "replaces them"
    )
    if not isinstance(raw, list) or len(raw) > MAX_SAVED:
        raise wrong
    for item in raw:
        if not isinstance(item, dict) or parse_selection(item.get("selection")) is None:
            raise wrong
    try:
        return _SAVED.validate_json(orjson.dumps(raw))
    except (ValidationError, ValueError, TypeError):
        raise wrong from None


def _stored(items: list[Saved]) -> list[dict[str, Any]]:
    return [item.model_dump(mode="json", exclude_none=True) for item in items]


def clean_name(text: Any) -> str:
    """One line of at most ``MAX_NAME`` characters; empty when nothing is left."""
    words = _CONTROLS.sub(" ", str(text or "")[:1_000])
    return " ".join(words.split())[:MAX_NAME].strip()


def save(raw: Any, name: Any, selection: Any) -> list[dict[str, Any]]:
    """The store with one more selection, not yet shown; without a name it gets a number.

    Raises
    ------
    StateError
        When nothing is selected, the name is taken, or eight are saved already.
    """
    try:
        items = parse_saved(raw)
    except StateError:
        items = []
    chosen = parse_selection(selection)
    if chosen is None:
        raise StateError("nothing is selected, so there is nothing to save; select first")
    if len(items) == MAX_SAVED:
        raise StateError(f"{MAX_SAVED} selections are saved already; delete one first")
    taken = {item.name for item in items}
    free = next(f"selection {i}" for i in range(1, 10) if f"selection {i}" not in taken)
    label = clean_name(name) or free
    if label in taken:
        raise StateError(f"a selection named {label!r} is saved already; choose another name")
    used = {item.color for item in items}
    color = next(i for i in range(len(SWATCHES)) if i not in used)
    return _stored([*items, _made(label, color, False, chosen)])


def _made(name: str, color: int, shown: bool, selection: AnySelection) -> Saved:
    raw = {"name": name, "color": color, "shown": shown, "selection": as_json(selection)}
    return _SAVED.validate_json(orjson.dumps([raw]))[0]


def item_at(raw: Any, index: Any) -> Saved:
    """The saved selection in a place.

    Raises
    ------
    StateError
        When there is none.
    """
    items = parse_saved(raw)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(items):
        raise StateError("there is no such saved selection; reload the page")
    return items[index]


def rename(raw: Any, index: Any, name: Any) -> list[dict[str, Any]]:
    """The store after a new name.

    Raises
    ------
    StateError
        When the name is empty or taken.
    """
    old, items, label = item_at(raw, index), parse_saved(raw), clean_name(name)
    if not label:
        raise StateError("a saved selection needs a name; type one")
    if label != old.name and label in {item.name for item in items}:
        raise StateError(f"a selection named {label!r} is saved already; choose another name")
    items[index] = old.model_copy(update={"name": label})
    return _stored(items)


def delete(raw: Any, index: Any) -> list[dict[str, Any]]:
    """The store without one selection."""
    item_at(raw, index)
    items = parse_saved(raw)
    return _stored(items[:index] + items[index + 1 :])


def toggle(raw: Any, index: Any) -> list[dict[str, Any]]:
    """The store after a selection is shown on the map, or no longer."""
    old, items = item_at(raw, index), parse_saved(raw)
    items[index] = old.model_copy(update={"shown": not old.shown})
    return _stored(items)
