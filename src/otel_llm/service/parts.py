"""The components of one configuration; those that it has in common with the one before are kept.

A component whose settings are the same stays what it is: a receiver keeps its sockets, a
destination its queue and its place in the journal, a processor what it remembers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from otel_llm.collector import components
from otel_llm.collector.component import Receiver
from otel_llm.collector.sending.dead_letter import DeadLetter

from .files import stamps
from .processing import Processing, Together
from .settings import Settings

Known: TypeAlias = dict[str, dict[str, tuple[Any, object]]]
"""By family and name: the settings of each component, and the stamps of its files."""
Table: TypeAlias = Mapping[str, components.Entry]
"""Of ``components``: what there is of a family."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The components, and what was true of their files."""

    settings: Settings
    exporters: dict[str, Any]
    processing: Processing
    receivers: dict[str, Receiver]
    dead_letter: DeadLetter | None
    known: Known


def make_parts(settings: Settings, before: Parts | None, together: Together | None) -> Parts:
    """Make the components of ``settings`` that are not in ``before`` already. Raises ``OSError``
    and ``ValueError`` as they do."""
    now = _known(settings)
    known = before.known if before else {}

    def same(family: str) -> set[str]:
        return {n for n, was in known.get(family, {}).items() if now[family].get(n) == was}

    def parts(family: str, there: Mapping[str, Any], table: Table) -> dict[str, Any]:
        kept = same(family)
        return {
            name: there[name] if name in kept else make_part(name, config, table)
            for name, (config, _) in now[family].items()
        }

    there = before.processing.processors if before else {}
    going_on = {name: there[name] for name in same("processors")}
    return Parts(
        settings,
        parts("exporters", before.exporters if before else {}, components.EXPORTERS),
        Processing(settings.processors, going_on, together),
        parts("receivers", before.receivers if before else {}, components.RECEIVERS),
        _dead_letter(settings, before),
        now,
    )


def make_part(name: str, config: Any, table: Table) -> Any:
    """Make the component ``name`` of ``table`` (or ``name/label``)."""
    return table[name.partition("/")[0]].make(config)


def _known(settings: Settings) -> Known:
    return {
        "exporters": {name: (c, stamps(c)) for name, c in settings.exporters.items()},
        "processors": {name: (c, stamps(c)) for name, c in settings.processors.items()},
        # Receivers look after their files themselves.
        "receivers": {name: (c, None) for name, c in settings.receivers.items()},
    }


def _dead_letter(settings: Settings, before: Parts | None) -> DeadLetter | None:
    config = settings.sections.dead_letter
    if before and config == before.settings.sections.dead_letter:
        return before.dead_letter
    return DeadLetter(config) if config else None
