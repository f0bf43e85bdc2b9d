"""Single values out of whatever an SDK was given: the right type, or ``None``.

``NOT_GIVEN`` and ``omit`` are objects and not numbers, so a type check sorts them out with
everything else that is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any

from otel_llm.genai import Usage

_EMPTY: tuple[Any, ...] = ()
_LISTS = (list, tuple)
"""To ask ``isinstance`` for: ``list | tuple`` is made anew every time it is written."""
_NO_FIELDS: Mapping[str, Any] = {}


def field(thing: Any, name: str) -> Any:
    """Return a field of a dict or of an object; ``None`` when it has none."""
    if thing is None:
        return None
    if type(thing) is dict:  # asking ``isinstance`` of a pydantic model costs as much as the rest
        return thing.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any dict
    try:
        return thing.__dict__[name]
    except (KeyError, AttributeError):
        return _other(thing, name)


def _other(thing: Any, name: str) -> Any:
    """Look further, without asking a pydantic model for what it lacks: it takes 2 µs to say so."""
    if isinstance(thing, dict):
        return thing.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any dict
    try:
        extra = thing.__pydantic_extra__
    except AttributeError:
        return getattr(thing, name, None)
    if extra and name in extra:
        return extra[name]
    return getattr(thing, name, None) if name in _declared(thing.__class__) else None


@lru_cache(512)
def _declared(kind: type[Any]) -> frozenset[str]:
    return frozenset(name for base in kind.__mro__ for name in vars(base))


def fields(thing: Any) -> Mapping[str, Any]:
    """Return the fields of a dict or an object to ``get`` many from; nothing for ``None``."""
    if type(thing) is dict:
        return thing  # pyright: ignore[reportUnknownVariableType] - any dict
    if thing is None:
        return _NO_FIELDS
    try:
        own = thing.__dict__
        extra = thing.__pydantic_extra__
    except AttributeError:
        return thing if isinstance(thing, dict) else getattr(thing, "__dict__", _NO_FIELDS)  # pyright: ignore[reportUnknownVariableType] - any dict
    return {**own, **extra} if extra else own


def text(value: Any) -> str | None:
    """Return a non-empty string."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> float | None:
    """Return an int or float; a bool is neither."""
    if value is None:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def real(value: Any) -> float | None:
    """Return a number as a float; infinity, and what is beyond all floats, is none."""
    said = number(value)
    try:
        return None if said is None or not isfinite(said) else float(said)
    except OverflowError:
        return None


def integer(value: Any) -> int | None:
    """Return an int; also from a whole float, as some hosts count in floats."""
    if value is None or type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count(value: Any) -> int | None:
    """Return a number of tokens: an int that is not negative."""
    if type(value) is int:
        return value if value >= 0 else None
    if value is None:
        return None
    whole = integer(value)
    return whole if whole is not None and whole >= 0 else None


def total(whole: Any, *apart: Any) -> int | None:
    """Return a number of tokens with those that its provider counts apart; ``None`` when it did
    not say how many there are without them."""
    found = whole if type(whole) is int and whole >= 0 else count(whole)
    if found is None:
        return None
    for part in apart:
        if type(part) is int and part > 0:
            found += part
        elif part:  # a whole float counts, anything else is no number of tokens
            found += count(part) or 0
    return found


def cached_apart(asked: Any, wrote: Any, read: Any, written: Any) -> Usage:
    """Return the usage of a provider whose input leaves out what the cache gave and took."""
    wrote = wrote if type(wrote) is int and wrote >= 0 else count(wrote)
    found = Usage(total(asked, read, written), wrote)
    if read is not None:
        found.cache_read = count(read)
    if written is not None:
        found.cache_write = count(written)
    return found


def items(value: Any) -> Sequence[Any]:
    """Return a list or tuple as it is, anything else as nothing."""
    return value if type(value) is list or isinstance(value, _LISTS) else _EMPTY  # pyright: ignore[reportUnknownVariableType] - any list


def texts(value: Any) -> list[str] | None:
    """Return a list of strings; a single string becomes a list of one."""
    if value is None:
        return None
    if isinstance(value, str):
        return [value]
    found = [item for item in items(value) if isinstance(item, str)]
    return found or None


def word(value: Any) -> str | None:
    """Return a string, or that of an enumeration."""
    return text(value.value if isinstance(value, Enum) else value)


def parsed(arguments: Any) -> Any:
    """Return tool arguments as an object where they are JSON text, else as they came."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):  # ``[[[[…``: a model that is stuck
        return arguments


def known(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not ``None``."""
    return {name: value for name, value in fields.items() if value is not None}
