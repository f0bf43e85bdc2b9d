"""Alerts at work: calls in, messages out, over restarts and kills."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otel_llm.alerting import AlertingConfig, AlertService
from otel_llm.alerting.routing import Route
from otel_llm.alerting.rule import Rule
from otel_llm.config import ConfigError
from tests.stats.calls import call

from .world import START, Clock, Target, serving

RULE = Rule("Errors", "error_rate", 0.5, window=10, severity="critical")


def _config(url: str = "", group_wait: float = 0.0, **more: Any) -> AlertingConfig:
    """Everything goes to ``url`` at once: no group waits for its interval."""
    route = Route(("webhook",), group_wait=group_wait, group_interval=0.0)
    given: dict[str, Any] = {
        "default_rules": False,
        "rules": (RULE,),
        "notifiers": {"webhook": {"url": url}} if url else {},
        "routes": (route,) if url else (),
        **more,
    }
    return AlertingConfig(**given)


def _events(target: Target) -> list[str]:
    return [json.loads(request.body)["event"] for request in target.received]


def _fail(service: AlertService, clock: Clock) -> None:
    service.observe([call(clock(), error_type="timeout")])


def _until(holds: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_a_failing_call_becomes_a_message_by_itself():
    with serving(Target()) as target:
        lasting = (replace(RULE, window=600),)
        service = AlertService(_config(target.url, rules=lasting, evaluation_interval=0.05))
        service.start()
        service.observe([call(time.time(), error_type="timeout")])
        target.wait()
        service.stop()

    assert _events(target) == ["firing"]
    assert "timeout" not in target.received[0].body.decode()


def test_an_incident_is_one_message_one_acknowledgement_and_one_resolve():
    clock = Clock()
    with serving(Target()) as target:
        service = AlertService(_config(target.url, evaluation_interval=3600), clock=clock)
        service.start()
        _fail(service, clock)
        service.evaluate()
        target.wait()
        (told,) = service.alerts()
        service.acknowledge(told.id, "ann")
        target.wait()
        clock.now += 400
        service.evaluate()
        target.wait()
        service.stop()

    assert _events(target) == ["firing", "acknowledged", "resolved"]
    assert len({request.headers["Idempotency-Key"] for request in target.received}) == 3


def test_a_restart_goes_on_where_it_was(tmp_path: Path):
    clock = Clock()
    with serving(Target()) as target:
        config = _config(target.url, state_path=str(tmp_path / "alerts.db"))
        first = AlertService(config, clock=clock)
        first.put_rule({"name": "Extra", "signal": "calls", "threshold": 99, "for": "1m"})
        silence = first.silence({"alertname": "Extra"}, 3600, "ann", "known")
        first.start()
        _fail(first, clock)
        first.evaluate()
        target.wait()
        (told,) = first.alerts()
        first.acknowledge(told.id, "ann")
        target.wait()
        first.stop()
        second = AlertService(config, clock=clock)
        (kept,) = second.alerts()
        second.start()
        second.stop()

    assert (kept.fired_at, kept.acknowledged_by) == (START, "ann")
    assert second.silences() == (silence,)
    assert [rule.name for rule in second.rules()] == ["Errors", "Extra"]
    assert second.rules()[1] == Rule("Extra", "calls", 99.0, for_=60.0)
    assert _events(target) == ["firing", "acknowledged"]


def test_the_state_is_for_its_owner_alone(tmp_path: Path):
    service = AlertService(_config(state_path=str(tmp_path / "deep" / "alerts.db")))

    assert (tmp_path / "deep" / "alerts.db").stat().st_mode & 0o777 == 0o600
    service.stop()


def test_a_state_file_that_is_none_is_named(tmp_path: Path):
    file = tmp_path / "alerts.db"
    file.write_bytes(b"this is no database, and longer than a header of one hundred bytes" * 9)

    with pytest.raises(OSError, match=r"alerts\.db: file is not a database; if it is damaged"):
        AlertService(_config(state_path=str(file)))


_COLLECTOR = textwrap.dedent(
    """
    import sys, time
    from otel_llm.alerting import AlertingConfig, AlertService
    from otel_llm.alerting.rule import Rule
    from otel_llm.genai import Call

    url, path, failing = sys.argv[1:]
    service = AlertService(AlertingConfig(
        default_rules=False, rules=(Rule("Errors", "error_rate", 0.5, window=600),),
        notifiers={"webhook": {"url": url}}, group_wait=0.0, state_path=path,
        evaluation_interval=0.05))
    service.start()
    now = time.time_ns()
    if failing == "yes":
        service.observe([Call("a" * 32, "b" * 16, None, "chat", now, now, operation="chat",
                              error_type="timeout")])
    time.sleep(300)
    """
)


@contextmanager
def _collector(url: str, path: Path, failing: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", _COLLECTOR, url, str(path), failing]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Hanging(Target):
    """Takes the first request and never answers it."""

    def __init__(self) -> None:
        super().__init__()
        self.got_first, self.let_go = threading.Event(), threading.Event()

    def answer(self, request):
        if not self.got_first.is_set():
            self.received.append(request)
            self.got_first.set()
            self.let_go.wait(300)
        return super().answer(request)


def test_killed_between_evaluation_and_answer_it_tells_again_under_the_same_key(tmp_path: Path):
    path = tmp_path / "alerts.db"
    with serving(Hanging()) as target:
        with _collector(target.url, path, "yes") as first:
            assert target.got_first.wait(60)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        before = target.received[0]
        with _collector(target.url, path, "no"):
            target.wait()
        target.let_go.set()

    again = target.received[1]
    assert json.loads(again.body)["groupKey"] == json.loads(before.body)["groupKey"]
    assert json.loads(again.body)["event"] == "firing"
    assert again.headers["Idempotency-Key"] == before.headers["Idempotency-Key"]


@pytest.mark.parametrize("wait", [0.0, 30.0], ids=["at the evaluation", "between evaluations"])
def test_nothing_is_told_before_it_is_kept(monkeypatch, wait: float):
    clock = Clock()
    with serving(Target()) as target:
        service = AlertService(_config(target.url, group_wait=wait), clock=clock)
        kept_before_told: list[bool] = []
        save = service._state.save

        def saving(values: dict[str, dict[str, Any]]) -> None:
            if any(group["sent"] for group in values["group"].values()):
                kept_before_told.append(not service.notifiers()[0].waiting)
            save(values)

        monkeypatch.setattr(service._state, "save", saving)
        _fail(service, clock)
        service.evaluate()
        clock.now += wait
        service._tick()
        (status,) = service.notifiers()
        service.stop(grace_s=0)

    assert (kept_before_told, status.waiting) == ([True], 1)


def test_what_a_full_disk_did_not_take_is_kept_the_next_time(monkeypatch, tmp_path: Path):
    clock = Clock()
    config = _config(state_path=str(tmp_path / "alerts.db"))
    service = AlertService(config, clock=clock)
    _fail(service, clock)

    def full(values: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(service._state, "save", full)
        service.evaluate()
    service.evaluate()
    service._state.close()

    (kept,) = AlertService(config, clock=clock).alerts()
    assert (kept.rule, kept.state) == ("Errors", "firing")


def test_what_somebody_asks_for_while_the_disk_is_full_holds_and_is_kept_when_there_is_room(
    monkeypatch, tmp_path: Path, caplog
):
    config = _config(state_path=str(tmp_path / "alerts.db"))
    service = AlertService(config)

    def full(values: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(service._state, "save", full)
        silence = service.silence({"alertname": "Errors"}, 3600, "me")
        rule = service.put_rule({"name": "X", "signal": "calls", "threshold": 1})
        service.evaluate()
    service.evaluate()
    service._state.close()

    later = AlertService(config)
    assert later.silences() == (silence,)
    assert rule in later.rules()
    (said,) = (record for record in caplog.records if "could not be kept" in record.message)
    assert said.message == "where the alerts stand could not be kept: database or disk is full"
    assert said.exc_info is None


def test_a_rule_of_the_api_is_checked_like_one_of_the_file():
    service = AlertService(_config())

    with pytest.raises(ConfigError, match="treshold: unknown setting"):
        service.put_rule({"name": "X", "signal": "calls", "treshold": 1})
    assert service.put_rule({"name": "X", "signal": "calls", "threshold": 1}) in service.rules()
    assert service.drop_rule("X")
    assert not service.drop_rule("X")
    service.stop()


def test_silenced_and_held_back_alerts_say_so():
    clock = Clock()
    mild = Rule("Mild", "error_rate", 0.1, window=10, severity="warning", labels={"about": "e"})
    grave = Rule("Grave", "error_rate", 0.5, window=10, severity="critical", labels={"about": "e"})
    service = AlertService(AlertingConfig(rules=(mild, grave), notifiers={}), clock=clock)
    _fail(service, clock)
    service.evaluate()
    silence = service.silence({"alertname": "Grave"}, 60, "ann")

    found = {a.rule: (a.silenced, a.inhibited) for a in service.alerts()}

    assert found == {"Mild": (False, True), "Grave": (True, False)}
    assert service.unsilence(silence.id)
    assert not any(alert.silenced for alert in service.alerts())
    service.stop()


def test_what_a_target_did_not_take_is_visible_and_an_alert_of_its_own():
    clock = Clock()
    lost = Rule("Lost", "undelivered_notifications", 0)
    with serving(Target(answers=[(400, {}, b"")])) as target:
        service = AlertService(_config(target.url, rules=(RULE, lost)), clock=clock)
        service._targets._deliveries["webhook"].start()
        _fail(service, clock)
        service.evaluate()
        target.wait()
        _until(lambda: service.notifiers()[0].failed)
        service.evaluate()

        (status,) = service.notifiers()
        rules = [alert.rule for alert in service.alerts()]
        service.stop()

    assert (status.name, status.failed, status.failures[0].reason) == ("webhook", 1, "answered 400")
    assert rules == ["Errors", "Lost"]


def test_a_disk_that_is_full_stops_no_alert_and_no_message(monkeypatch, caplog):
    clock = Clock()
    with serving(Target()) as target:
        service = AlertService(_config(target.url, evaluation_interval=0.02), clock=clock)

        def full(values: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(service._state, "save", full)
        service.start()
        _fail(service, clock)
        target.wait()
        clock.now += 400
        target.wait()
        service._stopping.set()
        service._thread.join()
        service._targets._deliveries["webhook"].stop(60)

    assert _events(target) == ["firing", "resolved"]
    assert "database or disk is full" in caplog.text


def test_secrets_are_not_in_what_is_printed():
    config = AlertingConfig(notifiers={"webhook": {"url": "http://h/s3cret", "secret": "s3cret"}})

    assert "s3cret" not in repr(config)


def test_observing_never_raises(caplog):
    service = AlertService(_config())

    service.observe([object()])  # type: ignore[list-item]

    assert "could not be counted" in caplog.text
    service.stop()


def test_stopping_twice_or_without_start_is_harmless():
    service = AlertService(_config())

    service.stop()
    service.stop()


def test_a_silence_that_another_version_took_is_left_out_and_not_in_the_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    config = _config(state_path=str(tmp_path / "alerts.db"))
    first = AlertService(config)
    kept = first.silence({"team": "search"}, 3600, "ann")
    odd = {"all": {**kept.to_json(), "match": {"team": "*"}}, "new": {**kept.to_json(), "why": 1}}
    first._state.save({"silence": odd})
    first.stop()
    second = AlertService(config)

    assert second.silences() == (kept,)
    assert caplog.text.count("a silence kept from before is left out") == 2
    second.stop()
