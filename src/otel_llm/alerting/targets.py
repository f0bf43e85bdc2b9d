"""The notification targets of the configuration, each with a thread of its own that delivers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import notifiers
from .config import AlertingConfig
from .delivery import Delivery, Failure
from .dispatch import Target
from .notification import Notification

Settled = Callable[[str, Notification, bool], None]
"""Hears of the end of every notification: for which target, and whether it was delivered."""


@dataclass(frozen=True, slots=True)
class NotifierStatus:
    """How a target does."""

    name: str
    delivered: int
    failed: int
    waiting: int
    failures: tuple[Failure, ...]


class Targets:
    """All of them, by name."""

    def __init__(self, config: AlertingConfig, settled: Settled) -> None:
        self._notifiers = {
            name: notifiers.entry(name).notifier(notifiers.settings(name, given))
            for name, given in config.notifiers.items()
        }
        self._deliveries = {name: self._delivery(config, name, settled) for name in self._notifiers}

    def _delivery(self, config: AlertingConfig, name: str, settled: Settled) -> Delivery:
        settings = notifiers.settings(name, config.notifiers[name])
        return Delivery(
            name,
            self._notifiers[name],
            lambda notification, delivered: settled(name, notification, delivered),
            min_interval_s=getattr(settings, "min_interval", 0.0),
            retry_for_s=config.retry_for,
        )

    @property
    def able(self) -> dict[str, Target]:
        """What each can do."""
        return {name: _target(name) for name in self._notifiers}

    def start(self) -> None:
        """Begin to deliver."""
        for delivery in self._deliveries.values():
            delivery.start()

    def stop(self, grace_s: float) -> None:
        """Deliver what is due within ``grace_s`` seconds, and end."""
        until = time.monotonic() + grace_s
        for delivery in self._deliveries.values():
            delivery.stop(max(0.0, until - time.monotonic()))

    def put(self, name: str, notification: Notification) -> None:
        """Hand over what the target ``name`` is to be told."""
        self._deliveries[name].put(notification)

    def status(self) -> tuple[NotifierStatus, ...]:
        """Return how every target does, with what it did not take."""
        return tuple(
            NotifierStatus(d.name, d.delivered, d.failed, d.pending(), d.failures())
            for d in self._deliveries.values()
        )

    def undelivered(self) -> Iterable[tuple[Mapping[str, str], float]]:
        """A ``Reading``: how many notifications each target did not take."""
        return [({"notifier": s.name}, len(s.failures)) for s in self.status()]

    def remembering(self) -> Iterator[tuple[str, notifiers.Remembers]]:
        """Yield those that know something beyond a restart."""
        for name, notifier in self._notifiers.items():
            if isinstance(notifier, notifiers.Remembers):
                yield name, notifier


def _target(name: str) -> Target:
    kind = notifiers.entry(name)
    return Target(streams=kind.streams, acknowledges=kind.acknowledges)
