"""What fired when stays known, as it was last seen."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from otel_llm.store import DuckDBStore, Incident, StoreConfig, StoreError
from tests.store.examples import NOON, SECOND
from tests.store.test_scores import RATED

FIRST = Incident("a:1", NOON, {"rule": "slow", "state": "firing", "labels": {"model": "it's"}})


@pytest.fixture
def store():
    store = DuckDBStore(StoreConfig(retain_for=60))
    yield store
    store.close()


def test_incidents_come_back_the_latest_first(store: DuckDBStore):
    second = replace(FIRST, id="b:2", at_ns=NOON + SECOND)
    store.add_incidents([FIRST, second])

    assert store.incidents() == [second, FIRST]
    assert store.incidents(limit=1) == [second]


@pytest.mark.parametrize("of", ["a", "ab", "%", "a:1", "'", ""])
def test_the_times_of_one_alert_are_asked_for_by_its_id(store: DuckDBStore, of: str):
    kept = [
        replace(FIRST, id=f"{name}:{n}", at_ns=NOON + n) for n in (2, 1) for name in ("a", "ab")
    ]
    store.add_incidents(kept)

    found = [one.id for one in store.incidents(of=of)]

    known = {"a": ["a:2", "a:1"], "ab": ["ab:2", "ab:1"], "": ["a:2", "ab:2", "a:1", "ab:1"]}
    assert found == known.get(of, [])


def test_an_incident_is_kept_as_it_was_last_seen(store: DuckDBStore):
    over = replace(FIRST, alert={"state": "resolved"})
    store.add_incidents([FIRST])
    store.add_incidents([over, over])

    assert store.incidents() == [over]


def test_incidents_go_with_the_calls_of_their_time(store: DuckDBStore):
    store.add_incidents([FIRST, replace(FIRST, id="b:2", at_ns=NOON + 90 * SECOND)])

    store.retain(NOON + 100 * SECOND)

    assert [one.id for one in store.incidents()] == ["b:2"]


class Broken:
    """A connection whose commits fail and end the transaction, as on a disk that fails."""

    def __init__(self, inner: duckdb.DuckDBPyConnection) -> None:
        self.inner = inner

    def execute(self, statement: str, *given: object) -> duckdb.DuckDBPyConnection:
        if statement == "COMMIT":
            self.inner.execute("ROLLBACK").fetchall()
            raise duckdb.TransactionException("Failed to commit: Could not write file")
        return self.inner.execute(statement, *given)


@pytest.mark.parametrize(("add", "one"), [("add_incidents", FIRST), ("add_scores", RATED)])
def test_what_a_failing_disk_does_not_take_is_an_error_of_the_store(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, add: str, one: object
):
    with monkeypatch.context() as patched:
        patched.setattr(store, "_writer", Broken(store._writer))
        with pytest.raises(StoreError, match="Failed to commit"):
            getattr(store, add)([one])

    getattr(store, add)([one])
    assert [*store.incidents(), *store.scores(RATED.trace_id)] == [one]
