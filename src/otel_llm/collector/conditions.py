"""Conditions on spans, log records and data points: a small closed language.

``http.route == /health and not gen_ai.operation.name``: tests joined by ``and``, each of them a
name, or a name, an operator and a value, with ``not`` before it if it shall fail. A name alone asks
whether the attribute is there. Operators: ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, and ``=~``
for a regular expression that is found somewhere in the text. Of a list, one element must pass.

What is absent passes no comparison, not even ``!=``: what is unknown is not different. Values are
numbers, ``true``, ``false``, durations for ``duration``, words, or text in double quotes.
``resource.NAME`` is an attribute of the resource; ``name``, ``kind``, ``status``, ``duration``,
``severity`` and ``body`` are what items have beside attributes. An attribute that is called like
one of these is written in quotes.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from otel_llm.config.units import parse_duration
from otel_llm.quality.words import compiled

from .data.items import Item
from .wire.any_values import plain
from .wire.values import as_number

_TOKEN: Final = re.compile(
    r'\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<operator>==|!=|<=|>=|=~|<|>)|(?P<word>[^\s"=<>!]+))'
)
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final = ("unset", "ok", "error")
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RESOURCE: Final = "resource."

Read = Callable[[Item], object]
Passes = Callable[[object], bool]


def _kind(item: Item) -> object:
    kind = getattr(item, "kind", -1)
    return _KINDS[kind] if 0 <= kind < len(_KINDS) else None


def _status(item: Item) -> object:
    code = getattr(item, "status_code", -1)
    return _STATUSES[code] if 0 <= code < len(_STATUSES) else None


def _duration(item: Item) -> object:
    start, end = getattr(item, "start_ns", None), getattr(item, "end_ns", None)
    return (end - start) / 1e9 if start and end else None


def _body(item: Item) -> object:
    body = getattr(getattr(item, "message", None), "body", None)
    return None if body is None else plain(body)


FIELDS: Final[Mapping[str, Read]] = {
    "name": lambda item: item.name or None,
    "kind": _kind,
    "status": _status,
    "duration": _duration,
    "severity": lambda item: getattr(getattr(item, "message", None), "severity_number", None),
    "body": _body,
}
"""What items have beside attributes. ``None``: this one has not."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What may be asked of an item."""

    text: str
    """As it was written."""
    _tests: tuple[tuple[Read, Passes], ...]

    def holds(self, item: Item) -> bool:
        """Whether every test passes."""
        return all([passes(read(item)) for read, passes in self._tests])


def any_holds(conditions: Iterable[Condition], item: Item) -> bool:
    """Whether one of several holds."""
    return any(condition.holds(item) for condition in conditions)


def parse(text: str) -> Condition:
    """Read a condition. Raises ``ValueError`` that says what is wrong with it."""
    tests: list[tuple[Read, Passes]] = []
    tokens = _tokens(text)
    while True:
        tests.append(_test(tokens, text))
        if not tokens:
            return Condition(text, tuple(tests))
        if tokens.pop(0) != ("word", "and"):
            raise ValueError(f"{text!r}: tests are joined by 'and'; quote text that has blanks")


def parse_all(texts: Sequence[str], setting: str = "") -> list[Condition]:
    """Read several. Raises ``ValueError`` as ``parse``, with the place in ``setting`` in front."""
    return [
        _placed(text, f"{setting}[{nth}]: " if setting else "") for nth, text in enumerate(texts)
    ]


def _placed(text: str, place: str) -> Condition:
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{place}{error}") from error


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = list[tuple[str, str]](), 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise ValueError(f"{text!r}: cannot be read from {text[at:].strip()!r} on")
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


def _test(tokens: list[tuple[str, str]], text: str) -> tuple[Read, Passes]:
    negated = tokens[:1] == [("word", "not")] and bool(tokens.pop(0))
    if not tokens or tokens[0][0] == "operator":
        raise ValueError(f"{text!r}: a name is missing")
    kind, name = tokens.pop(0)
    passes = _comparison(tokens, name, text)
    read = _attribute(_unquoted(name)) if kind == "quoted" else FIELDS.get(name, _attribute(name))
    return read, (lambda value: not passes(value)) if negated else passes


def _attribute(name: str) -> Read:
    if name.startswith(_RESOURCE):
        inner = name.removeprefix(_RESOURCE)
        return lambda item: item.resource_value(inner)
    return lambda item: item.value(name)


def _comparison(tokens: list[tuple[str, str]], name: str, text: str) -> Passes:
    if not tokens or tokens[0][0] != "operator":
        return lambda value: value is not None
    sign = tokens.pop(0)[1]
    if not tokens or tokens[0][0] == "operator":
        raise ValueError(f"{text!r}: a value is missing after {sign}")
    try:
        compare = _of_one(sign, _literal(*tokens.pop(0), name))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    return lambda value: _any(compare, value)


def _any(compare: Passes, value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(compare(item) for item in cast("Sequence[object]", value))
    return value is not None and compare(value)


def _of_one(sign: str, wanted: object) -> Passes:
    if sign == "=~":
        pattern = pattern_of(str(wanted))
        return lambda value: isinstance(value, str) and bool(pattern.search(value))
    if sign in _ORDER:
        if isinstance(wanted, bool) or not isinstance(wanted, int | float):
            raise ValueError(f"{sign} compares numbers")
        order = _ORDER[sign]
        return lambda value: (n := as_number(value)) is not None and order(n, wanted)
    return lambda value: _equal(value, wanted) == (sign == "==")


def _equal(value: object, wanted: object) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(wanted, int | float):
        return as_number(value) == wanted
    return value == wanted


def pattern_of(regex: str) -> re.Pattern[str]:
    """Return a regular expression. Raises ``ValueError`` for one that is none."""
    try:
        return compiled(regex)
    except Exception as error:  # two engines, two kinds of errors
        raise ValueError(f"no regular expression that runs in linear time: {regex}") from error


def _literal(kind: str, written: str, name: str) -> object:
    if kind == "quoted":
        return _unquoted(written)
    if written in ("true", "false"):
        return written == "true"
    if name == "duration":
        return parse_duration(written)
    if not _NUMBER.fullmatch(written):
        return written
    return float(written) if "." in written else int(written)


def _unquoted(written: str) -> str:
    """Other backslashes stay: regular expressions are full of them."""
    return written[1:-1].replace('\\"', '"') if written.startswith('"') else written
