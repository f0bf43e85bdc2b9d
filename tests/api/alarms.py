"""An alert engine with one alert, as the API and the pages see it."""

from __future__ import annotations

from dataclasses import replace

from otel_llm.alerting.alert import Alert
from otel_llm.alerting.routing import Silence

SLOW = Alert(
    id="0123456789abcdef",
    rule="slow",
    severity="critical",
    state="firing",
    labels={"alertname": "slow", "model": "gpt-4o"},
    annotations={"summary": "p95 is <b>12 s</b>"},
    signal="latency_p95",
    value=12.0,
    threshold=10.0,
    active_at=1_790_000_000.0,
    trace_id="a" * 32,
)


class Alarms:
    """Keeps alerts and lets them be changed."""

    def __init__(self, *alerts: Alert) -> None:
        self.found = {alert.id: alert for alert in alerts}
        self.silenced: dict[str, Silence] = {}

    def alerts(self) -> tuple[Alert, ...]:
        return tuple(self.found.values())

    def rules(self) -> tuple[()]:
        return ()

    def silences(self) -> tuple[Silence, ...]:
        return tuple(self.silenced.values())

    def silence(self, match, duration_s: float, author: str, comment: str = "") -> Silence:
        silence = Silence("s1", dict(match), 0.0, duration_s, author, comment)
        self.silenced[silence.id] = silence
        return silence

    def unsilence(self, silence_id: str) -> bool:
        return self.silenced.pop(silence_id, None) is not None

    def acknowledge(self, alert_id: str, by: str) -> Alert | None:
        return self._change(alert_id, acknowledged_at=1.0, acknowledged_by=by)

    def resolve(self, alert_id: str) -> Alert | None:
        return self._change(alert_id, state="resolved", resolved_at=2.0)

    def _change(self, alert_id: str, **changes) -> Alert | None:
        if alert_id not in self.found:
            return None
        self.found[alert_id] = replace(self.found[alert_id], **changes)
        return self.found[alert_id]
