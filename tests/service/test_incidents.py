"""Alerts are written down as they go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from otel_llm.service.incidents import IncidentLog
from otel_llm.store import DuckDBStore, StoreError
from tests.api.alarms import SLOW, Alarms
from tests.store.stores import in_memory

FIRING = replace(SLOW, fired_at=SLOW.active_at + 60)


@pytest.fixture
def store() -> Iterator[DuckDBStore]:
    store = in_memory()
    yield store
    store.close()


def kept(store: DuckDBStore) -> list[tuple[str, str | None]]:
    return [(one.alert["state"], one.alert.get("acknowledged_by")) for one in store.incidents()]


def test_an_alert_is_kept_as_it_goes(store: DuckDBStore):
    alarms = Alarms(FIRING)
    log = IncidentLog(alarms, store)
    for do in (None, lambda: alarms.acknowledge(SLOW.id, "ann"), lambda: alarms.resolve(SLOW.id)):
        if do:
            do()
        log.look()

    assert kept(store) == [("resolved", "ann")]
    assert store.incidents()[0].at_ns == int(SLOW.active_at * 1e9)


def test_each_time_is_an_incident_of_its_own(store: DuckDBStore):
    alarms = Alarms(FIRING)
    log = IncidentLog(alarms, store)
    log.look()
    alarms.found[SLOW.id] = replace(FIRING, active_at=SLOW.active_at + 600)
    log.look()

    assert len(store.incidents()) == 2


def test_what_never_fired_is_not_kept(store: DuckDBStore):
    IncidentLog(Alarms(replace(SLOW, state="pending", fired_at=None)), store).look()

    assert store.incidents() == []


def test_a_value_that_changes_is_no_news(store: DuckDBStore, monkeypatch):
    alarms = Alarms(FIRING)
    log = IncidentLog(alarms, store)
    log.look()
    alarms.found[SLOW.id] = replace(FIRING, value=99.0)
    monkeypatch.setattr(store, "add_incidents", lambda _: pytest.fail("written for nothing"))

    log.look()


def test_what_was_not_kept_is_tried_again(store: DuckDBStore, monkeypatch):
    log = IncidentLog(Alarms(FIRING), store)
    with monkeypatch.context() as broken:

        def refuse(_):
            raise StoreError("full")

        broken.setattr(store, "add_incidents", refuse)
        log.look()
    log.look()

    assert kept(store) == [("firing", None)]


def test_stopping_looks_once_more(store: DuckDBStore):
    alarms = Alarms()
    log = IncidentLog(alarms, store)
    log.start()
    alarms.found[SLOW.id] = FIRING
    log.stop()
    log.stop()

    assert kept(store) == [("firing", None)]
