"""What those who show alerts need of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .alert import Alert


class Alerts(Protocol):
    """The alerts, and what people do about them. Called from several threads."""

    def alerts(self) -> Sequence[Alert]:
        """Every alert that is pending or firing, and those resolved lately."""
        ...

    def acknowledge(self, alert_id: str, by: str) -> Alert | None:
        """Somebody takes it on; ``None`` when there is no such alert."""
        ...

    def resolve(self, alert_id: str) -> Alert | None:
        """Somebody says that it is over; ``None`` when there is no such alert."""
        ...
