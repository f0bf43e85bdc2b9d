"""Values as senders have them: JSON, or text that spells it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

Json: TypeAlias = Any


def parsed(given: Json) -> Json:
    """Return what JSON text stands for; any other text as it is."""
    if isinstance(given, str) and given[:1] in ("[", "{", '"'):
        try:
            return json.loads(_whole(given))
        except (ValueError, RecursionError):
            return given
    return given


_HALVES = re.compile(
    r"(?<!\\)((?:\\\\)*)(?:(\\u[dD][89abAB]..\\u[dD][c-fC-F]..)|\\u[dD][89a-fA-F]..)"
)
"""Surrogates in JSON text: a pair, or half of one, as where an emoji was cut."""


def _whole(given: str) -> str:
    """Replace halves of pairs: no text can hold them, and who writes texts fails on them."""
    if "\\ud" not in given and "\\uD" not in given:
        return given
    return _HALVES.sub(lambda found: found[0] if found[2] else f"{found[1]}\\ufffd", given)


def dumped(value: Json) -> str:
    """Return a value as JSON text; text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def as_map(given: Json) -> dict[str, Json]:
    """Return a map; an empty one for anything else."""
    return cast("dict[str, Json]", given) if isinstance(given, dict) else {}


def maps(items: Iterable[Json]) -> list[dict[str, Json]]:
    """Return those of ``items`` that are maps."""
    return [cast("dict[str, Json]", item) for item in items if isinstance(item, dict)]


def listed(value: Json) -> list[dict[str, Json]] | None:
    """Return a list of maps, given as JSON text or as values; ``None`` for anything else."""
    given = parsed(value)
    if not isinstance(given, list):
        return None
    items = maps(cast("list[Json]", given))
    return items if len(items) == len(cast("list[Json]", given)) else None


def first(given: Mapping[str, Json], *names: str) -> Json:
    """Return the first of these values that is there."""
    return next((given[name] for name in names if given.get(name) is not None), None)
