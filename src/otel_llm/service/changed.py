"""What of a collector has to be made anew when its settings change."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

from .files import stamps
from .settings import Settings

_AFFECTS: Final[Mapping[str, Set[str]]] = {
    "store": {"store", "scores", "telling", "api"},
    "alerting": {"alerting", "scores", "telling", "api"},
    "evaluation": {"evaluation", "telling", "api"},
    "telling": {"telling"},
    "content": {"api"},
    "api": {"api"},
}
"""Section to what is made from it."""


def affected(changed: Set[str]) -> frozenset[str]:
    """Return what has to be made anew after these sections changed."""
    return frozenset[str]().union(*(_AFFECTS[name] for name in changed))


def different(before: Mapping[str, object], now: Mapping[str, object]) -> set[str]:
    """Return the sections of which two ``versions`` do not say the same."""
    return {name for name in now if now[name] != before[name]}


def versions(settings: Settings) -> dict[str, object]:
    """Return by section what decides whether it changed."""
    sections = settings.sections
    alerting = sections.alerting
    return {
        "store": sections.store,
        "alerting": (alerting, stamps(alerting.rule_files) if alerting else ()),
        "evaluation": (sections.evaluation, _prices(settings) if sections.evaluation else ()),
        "telling": (sections.service.telemetry.metrics, _told_to(settings)),
        "api": sections.api,
    }


def _prices(settings: Settings) -> list[object]:
    """Return what judges are priced by."""
    named = settings.processors.items()
    return [(config, stamps(config)) for name, config in named if name.partition("/")[0] == "cost"]


def _told_to(settings: Settings) -> object:
    metrics = settings.sections.service.telemetry.metrics
    return metrics and settings.exporters[metrics.exporter]
