"""Alerts as they went, kept beside the calls: what fired when, who took it on, when it was over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Incident:
    """One time that an alert was active, as it was last seen."""

    id: str
    """The alert's id and when it became active; the same id again replaces what was there."""
    at_ns: int
    """When it became active, Unix nanoseconds."""
    alert: Mapping[str, Any]
    """The alert as the API shows it."""
