"""Decides what is news, for whom and when: groups alerts, and remembers what it has told.

A group waits for company, then speaks; later it speaks when an alert joins or ends, at once when
it is graver than what was told, and repeats itself while nobody has acknowledged. What was told is
kept over restarts, so that a restart tells nothing twice and forgets no resolve: an alert that
vanished while we were away is resolved.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .alert import SEVERITIES, Alert, fingerprint
from .groups import STORM, Group, Sent, acknowledged, group_key, over, read_sent, way_of
from .notification import Event, Notification, in_order
from .routing import Inhibition, Inhibitor, MuteTime, Route, Silence

Put = Callable[[str, Notification], None]
"""Takes the notifier's name and what to tell it."""

RESEND_S = 60.0
"""How often a target that groups for itself gets everything again (Prometheus' resend delay)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the dispatcher has to know of a notifier."""

    streams: bool = False
    acknowledges: bool = False


class Dispatcher:
    """Alerts in, notifications out. Thread-safe; the clock is passed in with every call."""

    def __init__(
        self,
        routes: Sequence[Route],
        targets: Mapping[str, Target],
        put: Put,
        *,
        inhibitions: Sequence[Inhibition] = (),
        mute_times: Mapping[str, MuteTime] | None = None,
    ) -> None:
        self._routes = tuple(routes)
        self._targets = dict(targets)
        self._put = put
        self._inhibitions = tuple(inhibitions)
        self._mute_times = dict(mute_times or {})
        self._lock = threading.RLock()
        self._groups: dict[str, Group] = {}
        self._open_groups: Counter[str] = Counter()
        """By way: how many groups one target of one route has."""
        self._silences: dict[str, Silence] = {}
        self._dirty: set[str] = set()
        self._streamed: dict[str, tuple[float, frozenset[tuple[str, str]]]] = {}
        self._inhibitor = Inhibitor((), ())

    # Alerts in

    def process(self, alerts: Sequence[Alert], now: float) -> None:
        """Take every firing and lately resolved alert, and tell what is due at ``now``."""
        with self._lock:
            self._inhibitor = Inhibitor(self._inhibitions, alerts)
            self._sort_in(alerts, now)
            self._flush_due(now)
            self._stream(alerts, now)

    def tick(self, now: float) -> None:
        """Tell what has become due at ``now`` since the last evaluation."""
        with self._lock:
            self._flush_due(now)

    def _sort_in(self, alerts: Sequence[Alert], now: float) -> None:
        present: set[tuple[str, str]] = set()
        for alert in alerts:
            for route, notifier in self._ways(alert):
                group = self._group(route, notifier, alert, now)
                if group is not None:
                    group.alerts[alert.id] = over(alert, now) if alert.state != "firing" else alert
                    present.add((group.key, alert.id))
        for group in self._groups.values():
            for alert in group.alerts.values():
                if alert.state == "firing" and (group.key, alert.id) not in present:
                    group.alerts[alert.id] = over(alert, now)

    def _ways(self, alert: Alert) -> Iterator[tuple[Route, str]]:
        """Yield where ``alert`` goes: the first route that takes it, and on while told to."""
        for route in self._routes:
            if route.takes(alert):
                for notifier in route.notifiers:
                    if not self._targets[notifier].streams:
                        yield route, notifier
                if not route.continue_:
                    return

    def _group(self, route: Route, notifier: str, alert: Alert, now: float) -> Group | None:
        labels = route.group(alert)
        key = group_key(route, notifier, labels)
        group = self._groups.get(key) or self._storm(route, notifier, alert)
        if group is None and alert.state == "firing":
            group = self._open(Group(notifier, route, labels, key, 0.0))
            waited = now - (alert.fired_at or now)
            group.flush_at = now + max(0.0, route.group_wait - waited)
        if group is not None and alert.state != "firing" and alert.id not in group.alerts:
            return None
        return group

    def _storm(self, route: Route, notifier: str, alert: Alert) -> Group | None:
        """Return the group for what is too much, where ``alert`` is in it or has to go there."""
        key = group_key(route, notifier, STORM)
        group = self._groups.get(key)
        if group is not None and alert.id in group.alerts:
            return group
        full = self._open_groups[way_of(route, notifier)] >= route.max_groups
        if not full or alert.state != "firing":
            return None
        return group or self._open(Group(notifier, route, dict(STORM), key, 0.0))

    def _open(self, group: Group) -> Group:
        self._groups[group.key] = group
        self._open_groups[way_of(group.route, group.notifier)] += 1
        return group

    def _close(self, group: Group) -> None:
        del self._groups[group.key]
        self._open_groups[way_of(group.route, group.notifier)] -= 1
        self._dirty.add(group.key)

    # Notifications out

    def _flush_due(self, now: float) -> None:
        for group in list(self._groups.values()):
            longest = max(group.route.group_wait, group.route.group_interval)
            group.flush_at = min(group.flush_at, now + longest)  # a clock may be set back
            if group.flush_at <= now or self._cannot_wait(group, now):
                self._flush(group, now)
                group.flush_at = now + group.route.group_interval
            if self._done(group):
                self._close(group)

    def _cannot_wait(self, group: Group, now: float) -> bool:
        """Whether there is news that does not wait: somebody took it on, or it is graver."""
        return self._newly_acknowledged(group) or self._graver(group, now)

    def _graver(self, group: Group, now: float) -> bool:
        sent = group.sent
        if sent is None or sent.event == "resolved":
            return False
        told = SEVERITIES.index(sent.severity)
        return any(
            alert.state == "firing"
            and SEVERITIES.index(alert.severity) > told
            and self._speaks(alert, sent.known, now)
            for alert in group.alerts.values()
        )

    def _newly_acknowledged(self, group: Group) -> bool:
        sent = group.sent
        told = sent is None or sent.event != "firing"
        return not told and self._targets[group.notifier].acknowledges and acknowledged(group)

    def _flush(self, group: Group, now: float) -> None:
        if any(self._mute_times[name].holds(now) for name in group.route.mute):
            return
        known = group.sent.known if group.sent else frozenset[str]()
        spoken = [a for a in group.alerts.values() if self._speaks(a, known, now)]
        firing = {a.id for a in spoken if a.state == "firing"}
        held = {a.id for a in group.alerts.values() if a.state == "firing"} - firing
        if not self._is_news(group, firing, spoken, now):
            self._forget_resolved(group)
            return
        notification = self._notification(group, spoken, now)
        group.sent = Sent(
            notification.id,
            notification.event,
            now,
            notification.severity,
            tuple(sorted(firing | (known & held))),
            tuple(sorted(a.id for a in spoken if a.state == "resolved")),
        )
        self._dirty.add(group.key)
        self._put(group.notifier, notification)

    def _speaks(self, alert: Alert, known: frozenset[str], now: float) -> bool:
        """Whether to mention ``alert``. The end of what was told is told, even in a silence."""
        if alert.state == "resolved":
            return alert.id in known
        return not self.silenced(alert, now) and not self._inhibitor.holds(alert)

    def _is_news(self, group: Group, firing: set[str], spoken: Sequence[Alert], now: float) -> bool:
        sent = group.sent
        if sent is None or not sent.open:
            return bool(firing)
        if sent.status == "failed":
            return bool(spoken)
        if not firing:
            over = all(a.state == "resolved" for a in group.alerts.values())
            return over and any(a.id in sent.firing for a in spoken)
        resolved = {a.id for a in spoken if a.state == "resolved"}
        if not firing <= set(sent.firing) or self._newly_acknowledged(group):
            return True
        if group.route.send_resolved and not resolved <= set(sent.resolved):
            return True
        again = abs(now - sent.at) >= group.route.repeat_interval
        return again and sent.status != "queued" and not acknowledged(group)

    def _notification(self, group: Group, spoken: Sequence[Alert], now: float) -> Notification:
        alerts = in_order(spoken)
        event: Event = "firing" if alerts[0].state == "firing" else "resolved"
        if event == "firing" and acknowledged(group):
            event = "acknowledged" if self._targets[group.notifier].acknowledges else "firing"
        return Notification(
            self._id(group, event, alerts, now), group.key, group.labels, event, alerts, now
        )

    def _id(self, group: Group, event: Event, alerts: Sequence[Alert], now: float) -> str:
        """Return a new id, or the old one when the same could not be delivered before."""
        sent = group.sent
        if sent is not None and sent.status == "failed" and sent.event == event:
            firing = {a.id for a in alerts if a.state == "firing"}
            if firing == set(sent.firing):
                return sent.id
        return fingerprint({"group": group.key, "at": str(now), "event": event})

    def settled(self, notification: Notification, delivered: bool) -> None:
        """Note whether ``notification`` arrived. Called by the target's own thread."""
        with self._lock:
            group = self._groups.get(notification.group)
            if group is None or group.sent is None or group.sent.id != notification.id:
                return
            status = "delivered" if delivered else "failed"
            over = delivered and notification.event == "resolved"
            group.sent = replace(group.sent, status=status, open=not over)
            self._dirty.add(group.key)
            if delivered:
                self._forget_resolved(group)

    def _forget_resolved(self, group: Group) -> None:
        """Drop alerts whose end was told, or that nobody was told of."""
        known = group.sent.known if group.sent else frozenset[str]()
        for alert in list(group.alerts.values()):
            if alert.state == "resolved" and alert.id not in known:
                del group.alerts[alert.id]

    def _done(self, group: Group) -> bool:
        return not group.alerts and (group.sent is None or not group.sent.open)

    def _stream(self, alerts: Sequence[Alert], now: float) -> None:
        """Give targets that group for themselves everything, at every change and every minute."""
        for name, target in self._targets.items():
            if target.streams:
                mine = tuple(alert for alert in alerts if self._streams_to(name, alert))
                state = frozenset((alert.id, alert.state) for alert in mine)
                last_at, last = self._streamed.get(name, (0.0, frozenset()))
                if mine and (state != last or abs(now - last_at) >= RESEND_S):
                    self._streamed[name] = (now, state)
                    key = fingerprint({"notifier": name})
                    number = fingerprint({"notifier": name, "at": str(now)})
                    self._put(name, Notification(number, key, {}, "firing", mine, now))

    def _streams_to(self, name: str, alert: Alert) -> bool:
        routes = [route for route in self._routes if name in route.notifiers]
        return alert.state != "pending" and (not routes or any(r.takes(alert) for r in routes))

    # Silences

    def silence(self, silence: Silence) -> None:
        """Add a silence or change the one with the same id."""
        with self._lock:
            self._silences[silence.id] = silence

    def unsilence(self, silence_id: str) -> bool:
        """Remove a silence; return whether there was one."""
        with self._lock:
            return self._silences.pop(silence_id, None) is not None

    def silences(self, now: float) -> tuple[Silence, ...]:
        """Return the silences that hold or will hold; those that are over are forgotten."""
        with self._lock:
            self._silences = {k: s for k, s in self._silences.items() if s.ends_at > now}
            return tuple(self._silences.values())

    def silenced(self, alert: Alert, now: float) -> bool:
        """Whether a silence holds for ``alert``."""
        return any(silence.holds(alert, now) for silence in self._silences.values())

    def inhibited(self, alert: Alert) -> bool:
        """Whether a graver alert holds ``alert`` back, as of the last evaluation."""
        with self._lock:
            return alert.state == "firing" and self._inhibitor.holds(alert)

    # Restarts

    def export(self) -> dict[str, Any]:
        """Return what changed since the last call, by group; ``None`` for what is gone."""
        with self._lock:
            keys, self._dirty = self._dirty, set()
            groups = {key: self._groups.get(key) for key in keys}
            return {key: group.to_json() if group else None for key, group in groups.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what ``export`` gave, before the first evaluation.

        A message of which we do not know that it arrived is sent again. A group whose route is
        gone goes on with the first way its alerts have now; without one it is dropped.
        """
        with self._lock:
            for key, given in state.items():
                group = self._restored(key, given)
                if group is not None:
                    self._open(group)

    def _restored(self, key: str, given: Mapping[str, Any]) -> Group | None:
        alerts = {a.id: a for a in map(Alert.from_json, given["alerts"])}
        sent = read_sent(given["sent"])
        for alert in alerts.values():
            for route, notifier in self._ways(alert):
                for labels in (route.group(alert), dict(STORM)):
                    if group_key(route, notifier, labels) == key:
                        at = 0.0 if sent and sent.status == "failed" else given["flush_at"]
                        return Group(notifier, route, labels, key, at, alerts, sent)
        return None
