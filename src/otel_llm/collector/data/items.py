"""What processors work on, of whatever signal: spans, log records, data points."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

from ..wire.slim import NotProtobuf

_log = logging.getLogger(__name__)


class Attributed(Protocol):
    """What spans, log records, data points and resources have in common."""

    def names(self) -> Iterable[str]:
        """Return the names of all attributes."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such an attribute."""
        ...

    def value(self, name: str) -> object | None:
        """Return an attribute as Python: arrays as ``list``, maps as ``dict``."""
        ...

    def set(self, name: str, value: Any) -> None:
        """Add an attribute, or replace it."""
        ...

    def remove(self, name: str) -> None:
        """Take an attribute away; nothing happens when there is none."""
        ...


class Item(Attributed, Protocol):
    """A span, a log record or a data point."""

    @property
    def name(self) -> str:
        """The name of the span, the event or the metric."""
        ...

    @property
    def trace_id(self) -> str:
        """Lower-case hex; empty when there is none."""
        ...

    @property
    def span_id(self) -> str:
        """Lower-case hex; empty when there is none."""
        ...

    def resource_text(self, name: str) -> str | None:
        """Return a string attribute of the resource that sent it."""
        ...

    def resource_value(self, name: str) -> object | None:
        """Return any attribute of the resource that sent it, as ``value``."""
        ...

    def lost(self) -> Collection[str]:
        """Name the attributes that say more than ``value`` shows, such as those sent twice. Raises
        ``NotProtobuf`` when it cannot be told."""
        ...

    def rewrite_rest(self, change: Callable[[str, object], object | None]) -> None:
        """Replace what is said beside the attributes by what ``change`` makes of a name and a
        value; ``None`` takes it out. Raises ``NotProtobuf`` for what is broken inside."""
        ...


class Opened(Protocol):
    """An opened request of any signal: ``Batch`` and ``Records``."""

    def spans(self) -> Iterable[Item]:
        """Return every span, log record or data point."""
        ...

    def genai(self) -> Sequence[Item]:
        """Return those with GenAI names."""
        ...

    def drop(self, items: Iterable[Any], /) -> None:
        """Take some out: nobody sees them any more."""
        ...


def each(batch: Opened, do: Callable[[Item], object]) -> None:
    """Do it to everything with GenAI names; what it cannot be done to, because it is broken inside
    or odd beyond what was thought of, is taken out, and nothing else."""
    broken: list[Item] = []
    for item in batch.genai():
        try:
            do(item)
        except NotProtobuf:
            broken.append(item)
        except Exception as error:  # noqa: BLE001 - its neighbours did nothing wrong
            broken.append(item)
            _log.error("%s at one of %s; it is taken out", type(error).__name__, item.trace_id)
    if broken:
        batch.drop(broken)
