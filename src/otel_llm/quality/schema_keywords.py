"""The keywords of JSON Schema, each looked at in a bounded number of steps. See ``schema``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias, cast
from urllib.parse import unquote

from .words import re2

Value: TypeAlias = Any
"""A value as the ``json`` module reads it: checked by what it is before anything is done to it."""

_MAX_STEPS = 5_000
"""Keywords and listed values that are looked at for one answer, about 10 ms."""
_MAX_UNIQUE = 64
_SAYS_NOTHING = frozenset(
    {
        *("$schema", "$comment", "$defs", "definitions", "title", "description", "default"),
        *("example", "examples", "deprecated", "readOnly", "writeOnly", "format", "nullable"),
        *("contentEncoding", "contentMediaType", "propertyOrdering", "discriminator", "then"),
        *("else", "strict"),
    }
)
"""Keywords that no answer can break; ``then`` and ``else`` are looked at by ``if``."""


class Unjudged(Exception):
    """It cannot be told, or not within bounds."""


ODD = (
    *(Unjudged, TypeError, ValueError, LookupError, AttributeError, ArithmeticError),
    RecursionError,
)
"""What comes of schemas that are none."""


def says_nothing(name: str) -> bool:
    """Return whether no answer can break the keyword."""
    return name in _SAYS_NOTHING or name.startswith("x-")


class Judge:
    """One judgement by the schema ``root``, with the steps that are left for it."""

    __slots__ = ("_root", "_steps")

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._steps = _MAX_STEPS

    def fits(self, schema: Value, value: Value) -> bool:
        """Return whether ``value`` is as ``schema`` says; raises one of ``ODD``."""
        if isinstance(schema, bool):
            return schema
        if schema.get("nullable") is True and value is None:
            return True
        return all(self._holds(name, schema, value) for name in schema)

    def _holds(self, name: str, schema: Value, value: Value) -> bool:
        self.step()
        look = KEYWORDS.get(name)
        if look is not None:
            return look(self, schema[name], value, schema)
        if says_nothing(name) or (name == "$id" and schema is self._root):
            return True
        raise Unjudged

    def step(self, count: int = 1) -> None:
        """Note ``count`` steps; raises ``Unjudged`` when they were too many."""
        self._steps -= count
        if self._steps < 0:
            raise Unjudged

    def referred(self, reference: str) -> Value:
        """Return the schema that ``#/$defs/name`` stands for; there are none outside."""
        if not reference.startswith("#"):
            raise Unjudged
        found: Value = self._root
        for part in unquote(reference[1:]).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found[int(key) if isinstance(found, list) else key]
        return found


_Look: TypeAlias = Callable[[Judge, Value, Value, Value], bool]
"""Takes what the keyword says, the value, and the schema that holds the keyword."""


def _is(kind: str, value: Value) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _TYPES[kind])


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "object": dict,
    "array": list,
    "null": type(None),
    "boolean": (),
}


def _type(_: Judge, wanted: Value, value: Value, schema: Value) -> bool:
    """Gemini writes types in capitals."""
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(kinds, list) or not kinds:
        raise Unjudged
    return any([_is(kind.lower(), value) for kind in cast("list[Value]", kinds)])


def _same(one: Value, other: Value) -> bool:
    """Compare as JSON does: 1 is 1.0 and not true."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        mine, theirs = cast("dict[str, Value]", one), cast("dict[str, Value]", other)
        return mine.keys() == theirs.keys() and all(_same(mine[key], theirs[key]) for key in mine)
    if isinstance(one, list) and isinstance(other, list):
        pairs = cast("tuple[list[Value], list[Value]]", (one, other))
        return len(pairs[0]) == len(pairs[1]) and all(map(_same, *pairs))
    return one == other


def _enum(judge: Judge, wanted: Value, value: Value, _: Value) -> bool:
    judge.step(len(wanted))
    return any(_same(one, value) for one in wanted)


def _properties(judge: Judge, wanted: Value, value: Value, _: Value) -> bool:
    return not isinstance(value, dict) or all(
        judge.fits(wanted[name], value[name]) for name in wanted.keys() & value.keys()
    )


def _matching(judge: Judge, wanted: Value, value: Value, _: Value) -> bool:
    return not isinstance(value, dict) or all(
        judge.fits(schema, value[name])
        for pattern, schema in wanted.items()
        for name in cast("dict[str, Value]", value)
        if _found(judge, pattern, name)
    )


def _additional(judge: Judge, wanted: Value, value: Value, schema: Value) -> bool:
    if not isinstance(value, dict):
        return True
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return all(
        judge.fits(wanted, item)
        for name, item in cast("dict[str, Value]", value).items()
        if name not in named and not any(_found(judge, pattern, name) for pattern in patterns)
    )


def _dependent(judge: Judge, wanted: Value, value: Value, _: Value) -> bool:
    judge.step(sum(map(len, wanted.values())))
    return not isinstance(value, dict) or all(
        name in value for given, names in wanted.items() if given in value for name in names
    )


def _prefix(judge: Judge, wanted: Value, value: Value, _: Value) -> bool:
    return not isinstance(value, list) or all(map(judge.fits, wanted, cast("list[Value]", value)))


def _items(judge: Judge, wanted: Value, value: Value, schema: Value) -> bool:
    if not isinstance(value, list):
        return True
    items = cast("list[Value]", value)
    if isinstance(wanted, list):  # as until 2019
        return _prefix(judge, wanted, items, schema)
    return all(judge.fits(wanted, item) for item in items[len(schema.get("prefixItems", ())) :])


def _unique(judge: Judge, wanted: Value, value: Value, _: Value) -> bool:
    if not wanted or not isinstance(value, list):
        return True
    items = cast("list[Value]", value)
    if len(items) > _MAX_UNIQUE:
        raise Unjudged
    judge.step(len(items) * len(items))
    return not any(_same(one, other) for at, one in enumerate(items) for other in items[:at])


def _if(judge: Judge, wanted: Value, value: Value, schema: Value) -> bool:
    return judge.fits(schema.get("then" if judge.fits(wanted, value) else "else", True), value)


def _multiple(_: Judge, wanted: Value, value: Value, schema: Value) -> bool:
    return not _is("number", value) or Decimal(str(value)) % Decimal(str(wanted)) == 0


def _found(judge: Judge, pattern: str, text: str) -> bool:
    judge.step()
    return _compiled(pattern).search(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    """Compile a pattern of a stranger: in linear time, or not at all."""
    if (engine := re2()) is None:
        raise Unjudged
    options = engine.Options()
    options.log_errors = False
    try:
        return engine.compile(pattern, options)
    except engine.error:
        raise Unjudged from None


def _sized(kind: type, holds: Callable[[int, int], bool]) -> _Look:
    return lambda _, wanted, value, __: not isinstance(value, kind) or holds(len(value), wanted)


def _number(holds: Callable[[Value, Value], bool]) -> _Look:
    def look(_: Judge, wanted: Value, value: Value, __: Value) -> bool:
        if isinstance(wanted, bool):  # draft 4 had ``exclusiveMinimum: true``
            raise Unjudged
        return not _is("number", value) or holds(value, wanted)

    return look


def _at_least(one: Value, other: Value) -> bool:
    return one >= other


def _at_most(one: Value, other: Value) -> bool:
    return one <= other


KEYWORDS: Mapping[str, _Look] = {
    "type": _type,
    "enum": _enum,
    "const": lambda _, wanted, value, __: _same(wanted, value),
    "properties": _properties,
    "patternProperties": _matching,
    "additionalProperties": _additional,
    "required": lambda _, wanted, value, __: (
        not isinstance(value, dict) or all(name in value for name in wanted)
    ),
    "dependentRequired": _dependent,
    "propertyNames": lambda judge, wanted, value, _: (
        not isinstance(value, dict)
        or all(judge.fits(wanted, name) for name in cast("dict[str, Value]", value))
    ),
    "minProperties": _sized(dict, _at_least),
    "maxProperties": _sized(dict, _at_most),
    "prefixItems": _prefix,
    "items": _items,
    "uniqueItems": _unique,
    "minItems": _sized(list, _at_least),
    "maxItems": _sized(list, _at_most),
    "minLength": _sized(str, _at_least),
    "maxLength": _sized(str, _at_most),
    "pattern": lambda judge, wanted, value, _: (
        not isinstance(value, str) or _found(judge, wanted, value)
    ),
    "minimum": _number(_at_least),
    "maximum": _number(_at_most),
    "exclusiveMinimum": _number(lambda one, other: one > other),
    "exclusiveMaximum": _number(lambda one, other: one < other),
    "multipleOf": _multiple,
    "$ref": lambda judge, wanted, value, _: judge.fits(judge.referred(wanted), value),
    "allOf": lambda judge, wanted, value, _: all(judge.fits(one, value) for one in wanted),
    "anyOf": lambda judge, wanted, value, _: any(judge.fits(one, value) for one in wanted),
    "oneOf": lambda judge, wanted, value, _: sum(judge.fits(one, value) for one in wanted) == 1,
    "not": lambda judge, wanted, value, _: not judge.fits(wanted, value),
    "if": _if,
}
