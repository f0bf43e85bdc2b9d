"""Lists that a dialect spreads over numbered names: ``llm.input_messages.0.message.role``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_MAX_ITEMS = 10_000
"""A number beyond this is a name: nobody sends so many messages in one span."""


def gathered(values: Mapping[str, object], prefix: str) -> list[Any]:
    """Put the values below ``prefix`` together as nested lists and maps, in numerical order.

    ``{"p.0.a": 1, "p.1.b.0": 2}`` becomes ``[{"a": 1}, {"b": [2]}]``.
    """
    tree: dict[str, Any] = {}
    for name, value in values.items():
        _plant(tree, name[len(prefix) + 1 :].split("."), value)
    items = _listed(tree)
    return cast("list[Any]", items) if isinstance(items, list) else []


def _plant(tree: dict[str, Any], path: list[str], value: object) -> None:
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            return  # the name is a value and a branch at once: the value stays
        tree = cast("dict[str, Any]", below)
    tree.setdefault(path[-1], value)


def _listed(tree: Any) -> Any:
    """Turn maps whose keys are all numbers into lists."""
    if not isinstance(tree, dict):
        return tree
    given = cast("dict[str, Any]", tree)
    built = {key: _listed(value) for key, value in given.items()}
    if built and all(_is_index(key) for key in built):
        return [built[key] for key in sorted(built, key=int)]
    return built


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 9 and int(key) < _MAX_ITEMS
