"""Patterns over labels, as an operator writes them: ``gpt-4*``, ``search|ads``, ``!dev``.

``*`` is any text, ``?`` one character, ``|`` separates alternatives, a leading ``!`` turns the
answer around. No regular expressions: label values come from applications, and the time to match
one is bounded by pattern times value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache


@lru_cache(maxsize=4096)
def pattern(written: str) -> Callable[[str], bool]:
    """Return the test that ``written`` stands for. An unknown label is the empty string."""
    negated = written.startswith("!")
    options = tuple(written.removeprefix("!").split("|"))
    exact = frozenset(option for option in options if not _wild(option))
    wild = tuple(option for option in options if _wild(option))

    def matches(value: str) -> bool:
        return (value in exact or any(_glob(option, value) for option in wild)) != negated

    return matches


def matches(patterns: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every pattern holds for its label; a label that is absent counts as empty."""
    return all(pattern(written)(labels.get(name, "")) for name, written in patterns.items())


def exactly(written: str) -> tuple[str, ...] | None:
    """Return the only values that ``written`` holds for, ``None`` when it has wild cards."""
    if written.startswith("!") or _wild(written):
        return None
    return tuple(written.split("|"))


def to_regex(written: str) -> tuple[str, str]:
    """Return Prometheus' operator (``=``, ``!=``, ``=~``, ``!~``) and value for a pattern."""
    negated = "!" if written.startswith("!") else ""
    plain = written.removeprefix("!")
    if not _wild(plain) and "|" not in plain:
        return f"{negated}=", plain
    return negated + ("~" if negated else "=~"), "|".join(map(_regex, plain.split("|")))


def _wild(option: str) -> bool:
    return "*" in option or "?" in option


def _regex(option: str) -> str:
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(c) or (f"\\{c}" if c in _SPECIAL else c) for c in option)


_SPECIAL = frozenset(r"\.+*?()|[]{}^$")
"""What has a meaning in RE2 (its ``QuoteMeta``)."""


def _glob(option: str, value: str) -> bool:
    """Match greedily, going back only to the last ``*``: length of pattern times value at most."""
    at, star, mark = 0, -1, 0
    place = 0
    while at < len(value):
        if place < len(option) and option[place] == "*":
            star, mark = place, at
            place += 1
        elif place < len(option) and option[place] in ("?", value[at]):
            place += 1
            at += 1
        elif star >= 0:
            mark += 1
            place, at = star + 1, mark
        else:
            return False
    return option[place:].strip("*") == ""
