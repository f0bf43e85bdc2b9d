"""A configuration as it may be shown: complete, defaults included, but for its secrets."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from .settings import Settings

HIDDEN: Final = "(hidden)"
_USER = re.compile(r"//[^/?#\s]*@")
_QUERY = re.compile(r"(?<=[?&;])([^=&;#\s]+)=(?!\{trace_id\}(?:[&;#]|$))[^&;#\s]+")
"""Some take their key there; what is filled in later is nobody's."""
_FAMILIES: Final = ("receivers", "processors", "exporters")


def shown(settings: Settings) -> dict[str, Any]:
    """Return what JSON can say of ``settings``. A field that a ``repr`` leaves out is hidden when
    it is set, and so are names, passwords and the values of queries in URLs."""
    sections = _plain(settings.sections)
    # As they were written there: the built ones know what is secret in them.
    return sections | {family: _plain(getattr(settings, family)) for family in _FAMILIES}


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _field(f, getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(name): _plain(item) for name, item in items}
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _url(str(value)) if "://" in str(value) else str(value)


def _url(text: str) -> str:
    return _QUERY.sub(rf"\1={HIDDEN}", _USER.sub(f"//{HIDDEN}@", text))


def _field(field: dataclasses.Field[Any], value: object) -> Any:
    if not field.repr:
        return HIDDEN if value else None
    return _plain(value)
