"""Alerts at work: the windows, the engine, the dispatcher and a thread per target, as one.

An ``Observer`` of the pipeline, and what the API asks and tells. The rules, silences and alerts
of the API live in the state file; those of the configuration are read anew at every start.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from otel_llm.config import ConfigError, build
from otel_llm.genai import Call
from otel_llm.stats import Windows
from otel_llm.stats.denial import Denial

from . import budgets
from .alert import Alert
from .anomalies import FoundAnomaly
from .config import AlertingConfig
from .dispatch import Dispatcher
from .drifts import FoundDrift
from .engine import Clock, RuleEngine
from .notification import Notification, in_order
from .past import Past
from .readings import Reading, Readings
from .reports import BudgetReport, DailyReports, report
from .reports import notification as report_notification
from .routing import Inhibition, Silence
from .rule import Rule
from .runaway import Runaways
from .spending import SpendingFile
from .state import StateFile
from .targets import NotifierStatus, Targets
from .watch import Watch

_log = logging.getLogger(__name__)

_TICK_S = 1.0
"""How often the groups are looked at between evaluations."""
_FEW_ACCOUNTS = 200
"""So many changed accounts are cheap enough to be kept at every tick: a collector that is killed
and has no store then forgets a second of spending, else all since the last evaluation."""


class Scored(Protocol):
    """A score, as the store keeps it."""

    @property
    def name(self) -> str:
        """What was judged."""
        ...

    @property
    def value(self) -> float:
        """From 0 to 1."""
        ...

    @property
    def at_ns(self) -> int:
        """When it was given, Unix nanoseconds."""
        ...


class AlertService:
    """Watches calls and tells people. ``start`` begins, ``stop`` ends; safe from any thread.

    ``past`` learns what the store holds: with it a restart forgets nothing.
    """

    def __init__(
        self,
        config: AlertingConfig,
        *,
        clock: Clock = time.time,
    ) -> None:
        """Read rule files and state. Raises ``ConfigError`` or ``OSError``."""
        self._config = config
        self._clock = clock
        rules, inhibitions = config.all_rules()
        self._state = StateFile(Path(config.state_path) if config.state_path else None)
        self._budgets = budgets.Budgets(config.budgets, max_accounts=config.max_label_sets)
        self._stood: tuple[budgets.BudgetStatus, ...] | None = None
        self._runaways = Runaways(config.runaway)
        self._spending = SpendingFile(Path(config.spending_file)) if config.spending_file else None
        self._denied = self._spending.said(clock()) if self._spending else ()
        """What a collector before this one denied."""
        self._reports = DailyReports(config.report) if config.report else None
        self._windows = Windows(max_series=config.max_label_sets)
        self._watch = Watch(config.watch)
        self._watch.follow(self._windows)
        self._targets = Targets(config, self._settled)
        self._readings = self._own_readings()
        self._due: deque[tuple[str, Notification]] = deque()
        self._unsaved: dict[str, dict[str, Any]] = {}
        self._saving = threading.RLock()
        self._dispatcher = self._make_dispatcher(inhibitions)
        self._engine = self._make_engine(rules)
        booked_at = self._restore()
        self.past = Past(self._engine, self._budgets, booked_at, clock)
        """Learns what was before; to begin before ``start``."""
        self._unpublished = self._unkept = False
        self._stopping = threading.Event()
        self._evaluating = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def _own_readings(self) -> Readings:
        readings = Readings({})
        readings.report("undelivered_notifications", self._targets.undelivered)
        readings.report("anomaly", self._watch.anomaly_reading)
        readings.report("drift", self._watch.drift_reading)
        readings.report(
            "runaway", lambda: self._runaways.told(self._clock()), self._runaways.example
        )
        for signal, told in budgets.signals.items():
            readings.report_many(
                signal, lambda matters, told=told: told(self._standing(), matters), self._learns
            )
        return readings

    def _standing(self) -> tuple[budgets.BudgetStatus, ...]:
        """Where budgets stand, asked once for all rules of an evaluation: of thousands of accounts
        it takes a while, and calls that come meanwhile change it."""
        if self._stood is None:
            self._stood = tuple(status for status in self.budgets() if not status.is_of_many)
        return self._stood

    def _learns(self, labels: Mapping[str, str]) -> bool:
        """Whether the budget that ``labels`` name is still to learn what was spent before."""
        return self._budgets.learns(labels["budget"])

    def _make_dispatcher(self, inhibitions: Sequence[Inhibition]) -> Dispatcher:
        return Dispatcher(
            self._config.all_routes(),
            self._targets.able,
            lambda name, notification: self._due.append((name, notification)),
            inhibitions=inhibitions,
            mute_times=self._config.mute_times,
        )

    def _make_engine(self, rules: Sequence[Rule]) -> RuleEngine:
        return RuleEngine(
            rules,
            self._windows,
            self._dispatcher.process,
            self._clock,
            readings=self._readings,
            trace_url=self._config.trace_url,
            alert_url=self._config.alert_url,
            runbook_url=self._config.runbook_url,
        )

    def _settled(self, name: str, notification: Notification, delivered: bool) -> None:
        if notification.event == "report" and self._reports:
            self._reports.settled(name, notification.labels["day"])
        self._dispatcher.settled(notification, delivered)
        self._keep()

    def _guarded(self, do: Callable[[], object], otherwise: str) -> None:
        try:
            do()
        except Exception:  # noqa: BLE001  # alerts must go on; what failed is in the log
            _log.exception(otherwise)

    # Life

    def start(self) -> None:
        """Begin to evaluate and to deliver."""
        self._targets.start()
        self._thread.start()

    def stop(self, grace_s: float = 5.0) -> None:
        """Evaluate once more, deliver what is due within ``grace_s`` seconds, keep the rest."""
        self._stopping.set()
        self.past.stop(grace_s)
        if self._thread.ident is not None:
            self._thread.join(timeout=grace_s)
            self._guarded(self.evaluate, "alerts could not be evaluated")
        self._targets.stop(grace_s)
        self._keep()
        self._state.close()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(min(_TICK_S, max(0.0, due - time.monotonic()))):
            if time.monotonic() >= due:
                due = time.monotonic() + self._config.evaluation_interval
                self._guarded(self.evaluate, "alerts could not be evaluated")
            else:
                self._guarded(self._tick, "notifications could not be sent")
            self._publish()

    def _publish(self) -> None:
        """Tell applications on this machine who is to stop; what cannot be written is said once."""
        if self._spending is None:
            return
        try:
            self._spending.say(self.denials(), self._clock())
            self._unpublished = False
        except OSError as error:
            if not self._unpublished:
                _log.error("spending_file could not be written: %s", error.strerror)
            self._unpublished = True

    def _tick(self) -> None:
        self._dispatcher.tick(self._clock())
        if self._due:
            self._tell()
        elif 0 < self._budgets.changed <= _FEW_ACCOUNTS:
            self._keep()

    def evaluate(self) -> tuple[Alert, ...]:
        """Evaluate every rule now and tell what is news; return all alerts."""
        with self._evaluating:
            now = self._clock()
            self._windows.advance(now)
            if not self.past.missing:  # hours are judged in their order
                self._watch.advance(now)
            self._stood = None
            alerts = self._engine.evaluate()
            self._stood = None
            self._add_reports(now)
            self._tell()
            return alerts

    def _add_reports(self, now: float) -> None:
        day = self._reports.due(now) if self._reports and not self._budgets.learning else None
        found = self.budgets() if day else ()
        if self._reports and day and found:
            for name in self._reports.waiting(day):
                self._due.append((name, report_notification(name, day, found, now)))

    def _tell(self) -> None:
        """Keep what is to be told, then hand it over: of a message that left before it was kept
        a collector that is killed would know nothing, and its resolve would be lost."""
        with self._saving:
            due = [self._due.popleft() for _ in range(len(self._due))]
            self._keep()
            for name, notification in due:
                self._targets.put(name, notification)

    # The stream of calls

    def observe(self, calls: Sequence[Call]) -> None:
        """Count calls. Fast, never raises."""
        self._guarded(lambda: self._count(calls), "calls could not be counted for alerts")

    def _count(self, calls: Sequence[Call]) -> None:
        now = self._clock()
        self.past.observed(calls)
        self._budgets.observe(calls, now)
        self._runaways.observe(calls, now)
        self._engine.observe(calls)

    def watch_score(self, score: Scored, labels: Mapping[str, str]) -> None:
        """Watch an automatic score, of what ``labels`` say (``model``, ``prompt``,
        ``prompt_version``), for drift."""
        self._watch.score(score.name, score.value, labels, score.at_ns / 1e9)

    def report(self, signal: str, source: Reading) -> None:
        """Let rules look at ``signal`` (one of ``REPORTED_SIGNALS``), asked of ``source``."""
        self._readings.report(signal, source)

    # Alerts and silences

    def alerts(self) -> tuple[Alert, ...]:
        """Return every pending, firing and lately resolved alert, firing and grave ones first."""
        now = self._clock()
        return in_order(
            replace(
                alert,
                silenced=self._dispatcher.silenced(alert, now),
                inhibited=self._dispatcher.inhibited(alert),
            )
            for alert in self._engine.alerts()
        )

    def acknowledge(self, alert_id: str, by: str) -> Alert | None:
        """Note that ``by`` takes the alert on: no repeats, and the pager hears of it."""
        return self._changed(self._engine.acknowledge(alert_id, by))

    def resolve(self, alert_id: str) -> Alert | None:
        """Resolve the alert by hand; it comes back only after its condition was over once."""
        alert = self._changed(self._engine.resolve(alert_id))
        if alert is not None:
            _log.info("alert %s resolved by hand", alert_id)
        return alert

    def _changed(self, alert: Alert | None) -> Alert | None:
        if alert is not None:
            heard = [a for a in self._engine.alerts() if a.fired_at is not None]
            self._dispatcher.process(heard, self._clock())
            self._tell()
        return alert

    def silence(
        self, match: Mapping[str, str], duration_s: float, author: str, comment: str = ""
    ) -> Silence:
        """Say nothing of alerts that ``match`` for a while. Raises ``ValueError`` for a match
        that would silence everything."""
        now = self._clock()
        silence = Silence(secrets.token_hex(8), dict(match), now, now + duration_s, author, comment)
        self._dispatcher.silence(silence)
        self._keep_given("silence", silence.id, silence.to_json())
        return silence

    def unsilence(self, silence_id: str) -> bool:
        """End a silence; return whether there was one."""
        self._keep_given("silence", silence_id, None)
        return self._dispatcher.unsilence(silence_id)

    def silences(self) -> tuple[Silence, ...]:
        """Return the silences that hold."""
        return self._dispatcher.silences(self._clock())

    # Budgets

    def budgets(self) -> tuple[budgets.BudgetStatus, ...]:
        """Return where every budget stands, those that are spent most first."""
        return self._budgets.status(self._clock())

    def budget_report(self) -> tuple[BudgetReport, ...]:
        """Return what the daily report says, as of now."""
        return report(self.budgets())

    def denials(self) -> tuple[Denial, ...]:
        """Return who is to stop spending: hard budgets that are spent, and runaways."""
        now = self._clock()
        known = (*self._budgets.denials(now), *self._runaways.denials(now))
        held = [one for one in self._denied if self._may_hold(one) and one not in known]
        return (*known, *held)

    def _may_hold(self, denied: Denial) -> bool:
        """Whether what was denied before this start may still be spent: nobody knows yet."""
        return denied.reason == "budget" and self._budgets.learns(denied.name)

    def denied_to(self, asker: Mapping[str, str]) -> tuple[Denial, ...]:
        """Return why an asker with these labels (``user``, ``team`` …) is to stop; or nothing."""
        return tuple(denial for denial in self.denials() if denial.covers(asker))

    # Anomalies and drift

    def anomalies(self) -> tuple[FoundAnomaly, ...]:
        """Return the unusual hours of late, the latest first."""
        return self._watch.anomalies()

    def drift(self) -> tuple[FoundDrift, ...]:
        """Return what has drifted against the week before, the largest first."""
        return self._watch.drift()

    # Rules

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules that apply."""
        return self._engine.rules()

    def rule_errors(self) -> dict[str, str]:
        """Return what is wrong with rules at work, by name."""
        return self._engine.errors()

    def put_rule(self, given: Mapping[str, Any]) -> Rule:
        """Add or change a rule, written as in the file; it is kept over restarts.

        Raises ``ConfigError`` with every mistake.
        """
        rule = build(Rule, given, "rule")
        self._engine.put(rule)
        self._keep_given("rule", rule.name, written(rule))
        return rule

    def drop_rule(self, name: str) -> bool:
        """Remove a rule; one from the configuration is back after a restart."""
        self._keep_given("rule", name, None)
        return self._engine.drop(name)

    # Delivery

    def notifiers(self) -> tuple[NotifierStatus, ...]:
        """Return how every target does, with what it did not take."""
        return self._targets.status()

    # Restarts

    def _keep(self) -> None:
        self._guarded(self._save_or_say, "where the alerts stand could not be kept")

    def _keep_given(self, kind: str, name: str, value: Any) -> None:
        """As ``_keep``, and what somebody asked for: it holds, also where the disk is full."""
        with self._saving:
            self._unsaved.setdefault(kind, {})[name] = value
        self._keep()

    def _save_or_say(self) -> None:
        """What the disk does not take is said once, until it does."""
        try:
            self._save()
            self._unkept = False
        except sqlite3.Error as error:
            if not self._unkept:
                _log.error("where the alerts stand could not be kept: %s", error)
            self._unkept = True

    def _save(self) -> None:
        """Write what changed. What a full disk did not take is written the next time; one thread
        at a time, so that nothing older lands on top of what is newer."""
        with self._saving:
            for kind, changed in self._changes().items():
                self._unsaved.setdefault(kind, {}).update(changed)
            self._state.save(self._unsaved)
            self._unsaved = {}

    def _changes(self) -> dict[str, dict[str, Any]]:
        with self.past.settling:
            booked = self._budgets.export(self._clock())
            booked_at = self.past.booked_at
        return {
            "alerts": self._engine.export(changed_only=True),
            "group": self._dispatcher.export(),
            **booked,
            "watch": self._watch.export(),
            **{f"sent by {name}": kept.export() for name, kept in self._targets.remembering()},
            "report": self._reports.export() if self._reports else {},
            "clock": {"evaluated_at": self._clock(), "booked_at": booked_at},
        }

    def _restore(self) -> float | None:
        """Take up what was kept, and return until when budgets know all, Unix seconds."""
        for given in self._state.load("rule").values():
            self._put_again(given)
        clock = self._state.load("clock")
        saved_at = clock.get("evaluated_at")
        self._engine.restore(self._state.load("alerts"), saved_at or self._clock())
        self._dispatcher.restore(self._state.load("group"))
        self._budgets.restore(*map(self._state.load, ("budget", "seen", "terms")))
        self._watch.restore(self._state.load("watch"))
        for name, kept in self._targets.remembering():
            kept.restore(self._state.load(f"sent by {name}"))
        if self._reports:
            self._reports.begin(self._state.load("report"), self._clock())
        for given in self._state.load("silence").values():
            self._silence_again(given)
        return clock.get("booked_at", saved_at)

    def _silence_again(self, given: Mapping[str, Any]) -> None:
        try:
            self._dispatcher.silence(Silence(**given))
        except (TypeError, ValueError) as error:
            _log.error("a silence kept from before is left out: %s", error)

    def _put_again(self, given: Mapping[str, Any]) -> None:
        try:
            self._engine.put(build(Rule, given, "rule"))
        except ConfigError as error:
            _log.error("a rule kept from before is left out: %s", error)


def written(rule: Rule) -> dict[str, Any]:
    """Return ``rule`` as an operator writes it, all settings spelled out."""
    plain = asdict(rule)
    return {name.rstrip("_"): value for name, value in plain.items()}
