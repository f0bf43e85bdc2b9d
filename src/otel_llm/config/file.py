"""Read a YAML file and fill in ``${env:NAME}`` and ``${env:NAME:-default}``.

Variables are filled in after parsing, value by value: a secret with ``: #`` in it cannot become
structure. A value that is nothing but one variable takes the type its setting wants, so
``${env:PORT}`` may be a number and a password of digits stays text. An empty variable takes the
default, as in OpenTelemetry's own configuration. ``$$`` is a dollar sign.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from .problem import ConfigError, Problem
from .variable import Variable

_MOST_VALUES = 100_000
"""Aliases let a file of a page mean more values than a machine holds."""
_MERGED = "tag:yaml.org,2002:merge"
_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}")
_NAME = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def load(source: Path | str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the mapping in ``source``: a path, or the YAML text itself.

    ``environment`` defaults to the process's. Raises ``ConfigError`` for a file that cannot be
    read, text that is no YAML mapping or one too deep or too large, and every variable that is not
    set and has no default.
    """
    try:
        parsed = _parse(source)
        count = _count(parsed, {})
    except RecursionError as error:
        raise ConfigError([Problem("", "nested too deep")]) from error
    if count > _MOST_VALUES:
        raise ConfigError([Problem("", f"{count:,} values, the aliases' counted, are too many")])
    problems: list[Problem] = []
    filled = _fill(parsed, "", os.environ if environment is None else environment, problems)
    if problems:
        raise ConfigError(problems)
    return cast("dict[str, Any]", filled)


class _Once(yaml.SafeLoader):
    """Refuses a name that stands twice in a section: the first would be dropped unsaid."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._looked_at: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Look before what ``<<`` merges stands beside what it is overridden by."""
        if id(node) not in self._looked_at:
            self._looked_at.add(id(node))
            _refuse_twice(node)
        super().flatten_mapping(node)


def _refuse_twice(node: yaml.MappingNode) -> None:
    names: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGED:
            if key.value in names:
                twice = "this name stands in its section already"
                raise yaml.MarkedYAMLError(problem=twice, problem_mark=key.start_mark)
            names.add(key.value)


def text_of(source: Path) -> str:
    """Return what stands in a file. Raises ``ConfigError`` for one that cannot be read."""
    try:
        return source.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem("", f"cannot read {source}: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem("", f"cannot read {source}: it is no text in UTF-8")]) from error


def _parse(source: Path | str) -> dict[str, Any]:
    text = text_of(source) if isinstance(source, Path) else source
    try:
        parsed: object = yaml.load(text, Loader=_Once)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError([Problem("", f"not valid YAML: {_where(error)}")]) from error
    except ValueError:  # a number or a date that is none; what it says quotes the file
        text = "not valid YAML: a number has too many digits, or a day is none of the calendar"
        raise ConfigError([Problem("", text)]) from None
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise ConfigError([Problem("", "expected sections (receivers:, exporters: …) at the top")])
    return cast("dict[str, Any]", parsed)


def _count(node: object, known: dict[int, int]) -> int:
    """Return how many values ``node`` stands for, without walking what is in it twice."""
    if not isinstance(node, dict | list):
        return 1
    held = cast("Collection[object]", node)
    if id(held) not in known:
        inside = cast("dict[object, object]", node).values() if isinstance(node, dict) else held
        known[id(held)] = 1 + sum(_count(one, known) for one in inside)
    return known[id(held)]


def _where(error: yaml.YAMLError) -> str:
    """Describe a YAML error without quoting the file, which may hold secrets."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem or 'cannot parse'}"
    return "cannot parse"


def _fill(node: Any, path: str, env: Mapping[str, str], problems: list[Problem]) -> Any:
    if isinstance(node, dict):
        given = cast("dict[object, Any]", node)
        return {
            str(k): _fill(v, f"{path}.{k}".lstrip("."), env, problems) for k, v in given.items()
        }
    if isinstance(node, list):
        items = cast("list[Any]", node)
        return [_fill(v, f"{path}[{i}]", env, problems) for i, v in enumerate(items)]
    if not isinstance(node, str) or "$" not in node:
        return node
    filled = _REFERENCE.sub(lambda match: _resolve(match, path, env, problems), node)
    whole = _REFERENCE.fullmatch(node)
    return Variable(filled) if whole and whole[0] != "$$" else filled


def _resolve(
    match: re.Match[str], path: str, env: Mapping[str, str], problems: list[Problem]
) -> str:
    if match[0] == "$$":
        return "$"
    name = _NAME.fullmatch(match[1])
    if name is None:
        problems.append(Problem(path, f"{match[0]} is not a variable; write ${{env:NAME}}"))
        return ""
    value = env.get(name[1])
    default: str | None = name[2]
    if value is None and default is None:
        problems.append(Problem(path, f"environment variable {name[1]} is not set"))
    return value or default or ""
