"""Which version of its files a configuration was read with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

Stamps = tuple[tuple[str, int, int, int], ...]
"""Path, time of change, inode and size of each file that was there."""


def stamps(config: object) -> Stamps:
    """Return the present versions of all files that ``config``, a settings value, names."""
    found = (_stamp(Path(name)) for name in _names(config))
    return tuple(stamp for stamp in found if stamp is not None)


def _names(value: object) -> Iterator[str | Path]:
    if isinstance(value, str | Path):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _names(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for item in cast("Mapping[Any, Any]", value).values():
            yield from _names(item)
    elif isinstance(value, tuple | list):
        for item in cast("tuple[Any, ...]", value):
            yield from _names(item)


def _stamp(path: Path) -> tuple[str, int, int, int] | None:
    try:
        info = path.stat() if path.is_file() else None
    except (OSError, ValueError):  # text that is no path
        return None
    return (str(path), info.st_mtime_ns, info.st_ino, info.st_size) if info else None
