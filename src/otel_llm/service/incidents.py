"""Writes alerts down as they go: what fired when stays known when it is long over."""

from __future__ import annotations

import logging
import threading
from typing import Final

from otel_llm.alerting.alert import Alert
from otel_llm.alerting.service import AlertService
from otel_llm.store import Incident, Store, StoreError

_log = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""An alert that is over stays listed much longer than this."""


class IncidentLog:
    """Keeps in ``store`` what ``alerts`` says, as it was last seen. ``start`` and ``stop`` once."""

    def __init__(self, alerts: AlertService, store: Store) -> None:
        self._alerts = alerts
        self._store = store
        self._known: dict[str, Alert] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="incidents", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and end. Safe to call twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
            self.look()

    def look(self) -> None:
        """Keep what is new or has changed. An alert that never fired is not kept."""
        found = {_id(alert): alert for alert in self._alerts.alerts() if alert.fired_at is not None}
        changed = [_incident(key, one) for key, one in found.items() if self._is_news(key, one)]
        try:
            if changed:
                self._store.add_incidents(changed)
        except StoreError as error:
            _log.error("alerts were not kept: %s", error)  # they are tried again at the next look
        else:
            self._known = found

    def _is_news(self, key: str, alert: Alert) -> bool:
        before = self._known.get(key)
        return before is None or _told(before) != _told(alert)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            self.look()


def _id(alert: Alert) -> str:
    return f"{alert.id}:{alert.active_at:.3f}"


def _incident(key: str, alert: Alert) -> Incident:
    return Incident(key, int(alert.active_at * 1e9), alert.to_json())


def _told(alert: Alert) -> object:
    """What of an alert is worth a line: its value changes all the time."""
    return alert.state, alert.severity, alert.acknowledged_by, alert.silenced, alert.resolved_at
