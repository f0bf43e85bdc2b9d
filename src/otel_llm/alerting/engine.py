"""Evaluates rules over windows and keeps the life of every alert. The clock is passed in.

Nothing is sent from here: ``notify`` gets every alert that is firing or lately resolved, at every
evaluation, and decides for itself what is news.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from otel_llm.genai import Call
from otel_llm.stats import Windows
from otel_llm.stats.window import Key

from . import template
from .alert import Alert, fingerprint
from .instance import Instance
from .readings import Readings, anything
from .rule import Rule
from .signals import call_signal
from .source import Source, source_of

_log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Returns Unix seconds."""
Notify = Callable[[Sequence[Alert], float], None]
"""Takes every firing and lately resolved alert, and the time of the evaluation."""

OUTAGE_TOLERANCE_S = 3600.0
"""After a longer pause pending alerts begin anew (as Prometheus' ``for-outage-tolerance``)."""


@dataclass(slots=True)
class Track:
    """A rule at work: its source, its alerts, and how the last evaluation went."""

    rule: Rule
    source: Source
    instances: dict[Key, Instance] = field(default_factory=dict[Key, Instance])
    error: str | None = None
    dirty: bool = False
    """Whether the alerts changed since they were last exported."""

    def matters(self, value: float | None) -> bool:
        """Whether ``value`` may raise an alert where there is none."""
        return self.rule.no_data == "alert" if value is None else self.rule.breaks(value)

    def take(self, instances: Mapping[Key, Instance]) -> None:
        """Go on with alerts of an earlier form of the rule, whose window may still be empty."""
        for key, instance in instances.items():
            number = fingerprint(_labels(self, key))
            self.instances[key] = replace(instance, id=number, restored=True)


class RuleEngine:
    """Rules, and where their alerts stand. Thread-safe.

    ``evaluate`` is to be called at a steady interval by one thread; everything else may be called
    from any.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        windows: Windows,
        notify: Notify,
        clock: Clock,
        *,
        readings: Readings | None = None,
        trace_url: str | None = None,
        alert_url: str | None = None,
        runbook_url: str | None = None,
    ) -> None:
        self._windows = windows
        self._notify = notify
        self._clock = clock
        self._readings = readings or Readings({})
        self._trace_url = trace_url
        self._alert_url = alert_url
        self._runbook_url = runbook_url
        self._lock = threading.RLock()
        self._tracks: dict[str, Track] = {}
        self._gone: set[str] = set()
        """Names of rules that are no more, whose alerts are yet to be forgotten."""
        self._complete_since = clock()
        self._learning = False
        """Whether there is a past that the windows are still told of."""
        for rule in rules:
            self.put(rule)

    # The stream of calls

    def observe(self, calls: Iterable[Call]) -> None:
        """Count calls into the windows. Cheap; alerts follow at the next evaluation."""
        self._windows.observe(calls, self._clock())

    def await_past(self) -> None:
        """Wait for what ``remember`` tells: until ``settle`` a rule whose window is not complete
        raises only what more calls cannot undo, and ends nothing."""
        with self._lock:
            self._windows.advance(self._clock())
            self._learning = True

    def remember(self, calls: Iterable[Call]) -> None:
        """Count calls of the past, from any thread, while others are observed."""
        self.observe(calls)
        self._windows.spread()

    def complete(self, since: float) -> None:
        """``remember`` has told all that is known from ``since`` (Unix seconds) on. Until the
        windows are complete, alerts from before a restart do not resolve for mere lack of data."""
        with self._lock:
            self._complete_since = min(self._complete_since, since)

    def settle(self) -> None:
        """``remember`` has told all that there is."""
        with self._lock:
            self._learning = False

    @property
    def longest_window_s(self) -> float:
        """How much history ``remember`` can use."""
        return self._windows.longest_s

    # Rules

    def put(self, rule: Rule) -> None:
        """Add a rule or change the one of the same name; its alerts live on where they can."""
        with self._lock:
            track = Track(rule, source_of(rule, self._windows, self._readings), dirty=True)
            old = self._tracks.get(rule.name)
            if old is not None and _same_labels(old.rule, rule):
                track.take(old.instances)
            self._tracks[rule.name] = track
            self._tidy()

    def drop(self, name: str) -> bool:
        """Remove a rule with its alerts; return whether there was one."""
        with self._lock:
            found = self._tracks.pop(name, None)
            self._gone.add(name)
            self._tidy()
            return found is not None

    def _tidy(self) -> None:
        wanted = [
            (track.rule.selection, length)
            for track in self._tracks.values()
            if call_signal(track.rule.signal) is not None
            for length in (track.rule.window, track.rule.window + (track.rule.baseline or 0.0))
        ]
        self._windows.keep(wanted)

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules, by name."""
        with self._lock:
            return tuple(track.rule for _, track in sorted(self._tracks.items()))

    def errors(self) -> dict[str, str]:
        """Return what is wrong with rules, by name; empty when all is well."""
        with self._lock:
            return {n: track.error for n, track in self._tracks.items() if track.error}

    # Evaluation

    def evaluate(self, now: float | None = None) -> tuple[Alert, ...]:
        """Move every alert on to ``now``, tell ``notify``, return all alerts."""
        at = self._clock() if now is None else now
        with self._lock:
            self._windows.advance(at)
            self._complete_since = min(self._complete_since, at)  # a clock may be set back
            with self._windows.still:
                for track in self._tracks.values():
                    self._evaluate(track, at)
            alerts = self.alerts()
        self._notify([alert for alert in alerts if alert.fired_at is not None], at)
        return alerts

    def _evaluate(self, track: Track, now: float) -> None:
        try:
            self._measure(track, now)
        except Exception as error:  # noqa: BLE001  # one odd rule must not stop the others
            if track.error is None:
                _log.exception("rule %s cannot be evaluated", track.rule.name)
            track.error = type(error).__name__

    def _measure(self, track: Track, now: float) -> None:
        track.error = None
        instances = track.instances
        seen: set[Key] = set()
        # With alerts there the values of all are asked for, as theirs have to be among them.
        for key, value in track.source.measure(now, anything if instances else track.matters):
            instance = instances.get(key)
            if instance is None and not track.matters(value):
                continue
            broken = self._broken(track, key, value, now)
            if instance is not None or broken:
                seen.add(key)
                self._step(track, key, value, broken, now)
        for key in [key for key in instances if key not in seen]:
            broken = self._broken(track, key, None, now)
            self._step(track, key, None, broken, now)
        self._forget(track, now)

    def _broken(self, track: Track, key: Key, value: float | None, now: float) -> bool | None:
        """Return whether the condition holds; ``None``: leave things as they are."""
        rule, instance = track.rule, track.instances.get(key)
        if self._waits(track, key, now):
            sure = track.source.grows and rule.condition == "gt"
            known = sure and value is not None and rule.breaks(value, firing=False)
            return True if known else None
        covered = now - self._known_since(track) >= rule.window
        unsure = not covered and instance is not None and instance.restored
        if value is None:
            return None if rule.no_data == "keep" or unsure else rule.no_data == "alert" and covered
        firing = instance is not None and instance.state == "firing"
        if rule.breaks(value, firing=firing):
            return None if track.source.partial and rule.condition != "gt" and not covered else True
        return None if unsure else False

    def _waits(self, track: Track, key: Key, now: float) -> bool:
        """Whether more is yet to be learned that the value rests on."""
        short = now - self._known_since(track) < track.source.reach_s
        return (self._learning and short) or track.source.awaited(key)

    def _known_since(self, track: Track) -> float:
        return max(self._complete_since, track.source.since)

    def _step(
        self, track: Track, key: Key, value: float | None, broken: bool | None, now: float
    ) -> None:
        instance = track.instances.get(key)
        if instance is None:
            if not broken or not self._room(track):
                return
            number = fingerprint(_labels(track, key))
            instance = track.instances[key] = Instance(number, active_at=now)
            track.dirty = True
        if broken is None:
            return
        fired_before = instance.fired_at
        if broken:  # what is over is told as it was, as Prometheus does
            instance.value = value
        track.dirty |= instance.step(broken, now, track.rule)
        if instance.fired_at != fired_before or (broken and instance.trace_id is None):
            instance.trace_id = track.source.example(key)

    def _room(self, track: Track) -> bool:
        if len(track.instances) < track.rule.limit:
            return True
        track.error = f"more than {track.rule.limit} alerts at once"
        return False

    def _forget(self, track: Track, now: float) -> None:
        done = [k for k, i in track.instances.items() if i.finished(now, track.rule)]
        for key in done:
            del track.instances[key]
            track.dirty = True

    # What there is

    def alerts(self) -> tuple[Alert, ...]:
        """Return every pending, firing and lately resolved alert."""
        with self._lock:
            return tuple(
                self._alert(track, key, instance)
                for track in self._tracks.values()
                for key, instance in track.instances.items()
                if instance.heard_of or instance.state == "pending"
            )

    def _alert(self, track: Track, key: Key, instance: Instance) -> Alert:
        rule = track.rule
        labels = _labels(track, key)
        return Alert(
            id=instance.id,
            rule=rule.name,
            severity=rule.severity,
            state=instance.state,
            labels=labels,
            annotations=self._words(rule, instance.value, labels),
            signal=rule.signal,
            value=instance.value,
            threshold=rule.threshold,
            active_at=instance.active_at,
            fired_at=instance.fired_at,
            over_since=instance.over_since if instance.kept else None,
            keep_firing=rule.keep_firing if instance.kept else None,
            resolved_at=instance.resolved_at,
            acknowledged_at=instance.acknowledged_at,
            acknowledged_by=instance.acknowledged_by,
            trace_id=instance.trace_id,
            trace_url=_filled(self._trace_url, "{trace_id}", instance.trace_id),
            url=_filled(self._alert_url, "{alert_id}", instance.id),
        )

    def _words(self, rule: Rule, value: float | None, labels: Mapping[str, str]) -> dict[str, str]:
        words = {
            name: template.fill(text, value, labels) for name, text in rule.annotations.items()
        }
        if self._runbook_url:
            words.setdefault("runbook_url", self._runbook_url.replace("{rule}", rule.name))
        return words

    def acknowledge(self, alert_id: str, by: str) -> Alert | None:
        """Note that ``by`` takes the alert on; ``None`` when no such alert is active."""
        return self._change(alert_id, lambda i: _acknowledge(i, by, self._clock()))

    def resolve(self, alert_id: str) -> Alert | None:
        """Resolve an alert by hand; it comes back only after its condition was over once."""
        return self._change(alert_id, lambda i: i.resolve(self._clock()))

    def _change(self, alert_id: str, change: Callable[[Instance], None]) -> Alert | None:
        with self._lock:
            for track in self._tracks.values():
                for key, instance in track.instances.items():
                    if instance.id == alert_id and instance.state != "resolved":
                        change(instance)
                        track.dirty = True
                        return self._alert(track, key, instance)
        return None

    # Restarts

    def export(self, *, changed_only: bool = False) -> dict[str, Any]:
        """Return the alerts of every rule, by the rule's name, as plain JSON values; ``None`` for
        a rule that is no more."""
        with self._lock:
            tracks = [t for t in self._tracks.values() if t.dirty or not changed_only]
            for track in tracks:
                track.dirty = False
            gone, self._gone = self._gone - self._tracks.keys(), set()
            return {
                **dict.fromkeys(gone),
                **{track.rule.name: _exported(track) for track in tracks},
            }

    def restore(self, state: Mapping[str, Any], saved_at: float) -> None:
        """Take up alerts that ``export`` gave at ``saved_at``, before the first evaluation.

        The time in between does not count as time in which a condition held.
        """
        pause = max(0.0, self._clock() - saved_at)
        with self._lock:
            for name, saved in state.items():
                if (track := self._tracks.get(name)) is None:
                    self._gone.add(name)
                    continue
                for given in saved:
                    _restore(track, given, pause)


def _filled(address: str | None, part: str, value: str | None) -> str | None:
    """``address`` with its one part; ``None`` where either is unknown."""
    return address.replace(part, value) if address and value else None


def _labels(track: Track, key: Key) -> dict[str, str]:
    rule = track.rule
    ours = {"alertname": rule.name, "severity": rule.severity}
    return {**track.source.labels(key), **rule.labels, **ours}


def _acknowledge(instance: Instance, by: str, now: float) -> None:
    instance.acknowledged_by, instance.acknowledged_at = by, now


def _same_labels(old: Rule, new: Rule) -> bool:
    return old.signal == new.signal and old.group_by == new.group_by


def _exported(track: Track) -> list[dict[str, Any]]:
    of = _named_by(track.rule)
    return [{"key": list(k), "of": of, **i.to_json()} for k, i in track.instances.items()]


def _named_by(rule: Rule) -> list[str]:
    """Return what the values in a key are values of: under other names they say something else."""
    return [rule.signal, *rule.group_by]


def _restore(track: Track, given: Mapping[str, Any], pause: float) -> None:
    """Take up one alert; not that of a rule that told label sets apart in another way."""
    key = tuple(given["key"])
    if given.get("of", _named_by(track.rule)) != _named_by(track.rule):
        return
    try:
        number = fingerprint(_labels(track, key))
    except ValueError:  # kept by a release that did not say of what
        return
    instance = Instance.from_json(given)
    if instance.state == "pending":
        if pause > OUTAGE_TOLERANCE_S:
            return
        instance.active_at += pause
    track.instances[key] = replace(instance, id=number, restored=True)
