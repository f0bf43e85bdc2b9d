"""Mappings to settings dataclasses, with every mistake named at once."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import TypeAdapter, ValidationError

from .problem import ConfigError, Problem, suggestion
from .variable import Variable

T = TypeVar("T")

_OF_A_SETTING = re.compile(r"(\w+)([\w.\[\]-]*)(?:: | (?=must ))(.+)", re.DOTALL)
"""What a settings class says of one of its settings: the name first."""


def build(settings: type[T], given: object, path: str) -> T:
    """Make a ``settings`` dataclass from ``given``; nested sections, lists and maps follow.

    ``None`` means all defaults, so ``cost:`` with nothing behind it is valid. Raises
    ``ConfigError`` with every unknown or missing key and every value of the wrong type.
    """
    problems: list[Problem] = []
    built = _section(settings, given, path, problems)
    if problems:
        raise ConfigError(problems)
    return cast("T", built)


def _section(settings: type, given: object, path: str, problems: list[Problem]) -> object:
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        problems.append(Problem(path, f"expected a section, found {given!r}"))
        return None
    section = cast("Mapping[object, object]", given)
    hints = get_type_hints(settings, include_extras=True)
    known = {field.name.rstrip("_"): field for field in fields(settings)}  # ``for_`` is ``for``
    before = len(problems)
    values: dict[str, object] = {}
    for written, value in section.items():
        key = str(written)
        if key in known:
            name = known[key].name
            values[name] = _value(hints[name], value, _join(path, key), problems)
        else:
            hint = suggestion(key, known)
            problems.append(Problem(_join(path, key), f"unknown setting{hint}"))
    problems += [
        Problem(_join(path, name), "required and missing")
        for name, field in known.items()
        if field.name not in values and _required(field)
    ]
    return _make(settings, values, path, known, problems) if len(problems) == before else None


def _make(
    settings: Callable[..., object],
    values: Mapping[str, object],
    path: str,
    known: Collection[str],
    problems: list[Problem],
) -> object:
    try:
        return settings(**values)
    except ConfigError as error:  # a settings class that checks sections of its own
        problems += [Problem(_join(path, p.path), p.text) for p in error.problems]
        return None
    except ValueError as error:  # a settings class may refuse a combination in __post_init__
        problems.append(_placed(str(error), path, known))
        return None


def _placed(text: str, path: str, known: Collection[str]) -> Problem:
    """Return a mistake of a section, at the setting that it names first where it names one."""
    said = _OF_A_SETTING.fullmatch(text)
    if said is None or said[1] not in known:
        return Problem(path, text)
    return Problem(_join(path, said[1] + said[2]), said[3])


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _value(kind: Any, value: object, path: str, problems: list[Problem]) -> object:
    if isinstance(value, Variable) and kind is not Any and str not in (kind, *get_args(kind)):
        value = value.scalar()
    if get_origin(kind) in (Union, types.UnionType):
        return _either(kind, value, path, problems)
    if is_dataclass(kind):
        return _section(cast("type", kind), value, path, problems)
    if get_origin(kind) is dict:
        return _map(get_args(kind)[1], value, path, problems)
    if get_origin(kind) in (tuple, list):
        return _list(get_args(kind)[0], value, path, problems)
    return _leaf(kind, value, path, problems)


def _either(kind: Any, value: object, path: str, problems: list[Problem]) -> object:
    options = [option for option in get_args(kind) if option is not type(None)]
    if value is None and len(options) < len(get_args(kind)):
        return None
    if len(options) == 1:
        return _value(options[0], value, path, problems)
    return _leaf(kind, value, path, problems)


def _map(kind: Any, value: object, path: str, problems: list[Problem]) -> object:
    if not isinstance(value, Mapping):
        problems.append(Problem(path, f"expected a section, found {value!r}"))
        return None
    given = cast("Mapping[object, object]", value)
    return {str(k): _value(kind, v, _join(path, str(k)), problems) for k, v in given.items()}


def _list(kind: Any, value: object, path: str, problems: list[Problem]) -> object:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        problems.append(Problem(path, f"expected a list, found {value!r}"))
        return None
    given = cast("Sequence[object]", value)
    return tuple(_value(kind, v, f"{path}[{i}]", problems) for i, v in enumerate(given))


def _leaf(kind: Any, value: object, path: str, problems: list[Problem]) -> object:
    try:
        if get_origin(kind) is Annotated and callable(parse := get_args(kind)[1]):
            return parse(value)
        return TypeAdapter(kind).validate_python(value, strict=kind not in (float, Path))
    except ValidationError:
        problems.append(Problem(path, _expected(kind, value)))
    except ValueError as error:
        problems.append(Problem(path, str(error)))
    return None


def _expected(kind: Any, value: object) -> str:
    if get_origin(kind) is Literal:
        options = [str(option) for option in get_args(kind)]
        return f"{value!r} is not allowed{suggestion(str(value), options)}"
    names = [getattr(k, "__name__", str(k)) for k in (get_args(kind) or (kind,))]
    return f"expected {' or '.join(names)}, found {value!r}"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
