"""Changes to attributes, in the OpenTelemetry Collector's words: insert, update, upsert, delete and
hash."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .conditions import pattern_of
from .data.items import Attributed

Scalar = str | bool | int | float


@dataclass(frozen=True, slots=True)
class ActionConfig:
    """One change."""

    action: Literal["insert", "update", "upsert", "delete", "hash"]
    """``insert``: where it is absent; ``update``: where it is present; ``upsert``: either way;
    ``delete``; ``hash``: SHA-256 of the value, hexadecimal. A hash hides nothing that can be
    guessed: ``redact`` with a key does."""
    key: str | None = None
    """Name of the attribute."""
    pattern: str | None = None
    """Instead of ``key``, for ``delete`` and ``hash``: a regular expression that is found in the
    name."""
    value: Scalar | None = None
    """What to write."""
    from_attribute: str | None = None
    """Name of the attribute to copy instead; nothing is written when it is absent."""

    def __post_init__(self) -> None:
        writes = self.action in ("insert", "update", "upsert")
        if writes and (self.value is None) == (self.from_attribute is None):
            raise ValueError(f"{self.action} needs value or from_attribute, and not both")
        if not writes and (self.value is not None or self.from_attribute is not None):
            raise ValueError(f"{self.action} takes no value")
        if (self.key is None) == (self.pattern is None or writes):
            raise ValueError("key: required" + ("" if writes else ", or pattern instead"))
        if self.pattern is not None:
            pattern_of(self.pattern)


class Actions:
    """Changes, in order."""

    def __init__(self, configs: Iterable[ActionConfig]) -> None:
        self._actions = [(c, pattern_of(c.pattern) if c.pattern else None) for c in configs]

    def apply(self, to: Attributed) -> None:
        """Make all changes."""
        for config, pattern in self._actions:
            if pattern is None:
                _apply(config, config.key or "", to)
            else:
                for name in [name for name in to.names() if pattern.search(name)]:
                    _apply(config, name, to)


def _apply(config: ActionConfig, name: str, to: Attributed) -> None:
    there = to.has(name)
    if config.action == "delete":
        to.remove(name)
    elif config.action == "hash":
        if there:
            to.set(name, _hashed(to.value(name)))
    elif config.action == "upsert" or there == (config.action == "update"):
        value = to.value(config.from_attribute) if config.from_attribute else config.value
        if value is not None:
            _write(to, name, value)


def _write(to: Attributed, name: str, value: object) -> None:
    """What an attribute of a span cannot hold, a map or a list of other than texts, is copied as
    JSON text; bytes in base64."""
    try:
        to.set(name, b64encode(value).decode() if isinstance(value, bytes) else value)
    except TypeError:
        to.set(name, json.dumps(value, ensure_ascii=False, default=str))


def _hashed(value: object) -> str:
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()
