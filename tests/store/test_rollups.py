"""Sums by minute, hour and day: they are those of the calls, and outlive them."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from otel_llm.genai import Call, Cost, Usage
from otel_llm.store import DuckDBStore, Filter, Stats, StoreConfig, rolled, rollups
from otel_llm.store.config import KeepConfig
from otel_llm.store.duck_rollups import _FEWER_USERS, DuckRollups
from otel_llm.store.filters import Dimension, Most
from otel_llm.store.rolled_check import differences
from otel_llm.store.rollups import COUNTED, DAYS, HOURS, MINUTES, ROLLUPS, USERS, Rollup

from .examples import DAY, NOON, SECOND, a_call, usd
from .stores import in_memory

HOUR = 3_600 * SECOND
QUANTILES = {name for name in Stats.__slots__ if "_p" in name}
TOLD = settings(
    max_examples=8,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # a smaller case costs minutes
)


@some.composite
def calls(draw) -> list[Call]:
    made = []
    for number in range(draw(some.integers(1, 25))):
        failed = draw(some.booleans())
        made.append(
            a_call(
                number,
                at=NOON + draw(some.integers(0, 3 * DAY)),
                ms=draw(some.integers(-1, 100_000)),
                operation=draw(some.sampled_from(["chat", "embeddings", "invoke_agent"])),
                response_model=draw(some.sampled_from(["a", "b", None])),
                service=draw(some.sampled_from(["x", None])),
                feature=draw(some.sampled_from(["f", "g", None])),
                user_id=draw(some.sampled_from(["ann", "bob", None])),
                error_type=draw(some.sampled_from(["timeout", "other"])) if failed else None,
                usage=draw(
                    some.builds(
                        Usage,
                        input_tokens=some.none() | some.integers(0, 2**62),
                        output_tokens=some.none() | some.integers(0, 99),
                        cache_read=some.none() | some.integers(0, 99),
                    )
                ),
                cost=draw(some.sampled_from([None, usd(0.25), usd(0.5), Cost(1, currency="EUR")])),
                flags=draw(some.sampled_from([None, (), ("refusal",), ("refusal", "empty")])),
                time_to_first_chunk_s=draw(some.none() | some.floats(0.001, 100)),
            )
        )
    return made


def assert_alike(found: Stats, exact: Stats, rollup: Rollup = DAYS) -> None:
    """Equal but for quantiles: those are of the lower rank, so here only their absence counts."""
    for name, value in asdict(exact).items():
        if name in QUANTILES:
            value = value if rollup.detailed else None
            assert (getattr(found, name) is None) == (value is None), name
        else:
            assert getattr(found, name) == pytest.approx(value), name


def assert_sums(store: DuckDBStore, rollup: Rollup) -> None:
    """What ``rollup`` says is what the calls come to, overall, by group and by step."""
    for billed in (True, None):
        where = Filter(billed=billed)
        assert_alike(rolled.stats(store.ask, rollup, where), store.stats(where), rollup)
        step_s = rollup.step_ns // SECOND
        steps = rolled.series(store.ask, rollup, step_s, where, None)
        for one, other in zip(steps, store.series(step_s, where), strict=True):
            assert one.start_ns == other.start_ns
            assert_alike(one.stats, other.stats, rollup)
        for by in get_args(Dimension):
            if rollups.fits(rollup, where, by):
                groups = rolled.breakdown(store.ask, rollup, by, where, "calls", 100)
                exact = {group.key: group.stats for group in store.breakdown(by, where)}
                assert {group.key for group in groups} == exact.keys()
                for group in groups:
                    assert_alike(group.stats, exact[group.key], rollup)
            elif by in COUNTED and rollup.detailed:
                found = rolled.counts(store.ask, rollup, by, where, 100)
                assert found == store.counts(by, where)


@given(some.lists(calls(), min_size=1, max_size=3), some.booleans())
@TOLD
def test_sums_are_those_of_the_calls_whatever_came_in_which_batches(batches, tidied: bool):
    store = DuckDBStore(StoreConfig(retain_for=0, aggregates=KeepConfig(minutes=0, hours=0)))
    for batch in batches:  # their calls have the same ids: what came twice counts once
        store.write(batch)
        if tidied:
            store.retain(NOON)

    for rollup in ROLLUPS:
        assert_sums(store, rollup)
    store.close()


@given(calls(), some.sets(some.integers(0, 24)))
@TOLD
def test_sums_follow_a_cost_that_changes(made: list[Call], chosen: set[int]):
    store = DuckDBStore(StoreConfig(retain_for=0, aggregates=KeepConfig(minutes=0, hours=0)))
    store.write(made)

    store.put_costs([replace(call, cost=usd(9)) for n, call in enumerate(made) if n in chosen])

    for rollup in ROLLUPS:
        assert_sums(store, rollup)
    store.close()


@given(some.lists(some.floats(1e-3, 1e7), min_size=1, max_size=50))
@TOLD
def test_a_quantile_is_within_a_hundredth_of_the_call_of_the_lower_rank(took_ms: list[float]):
    store = in_memory()
    store.write([a_call(n, at=NOON, ms=ms) for n, ms in enumerate(took_ms)])
    exact = sorted(call.duration_s * 1e3 for call in store.calls(limit=50).calls)

    found = rolled.stats(store.ask, DAYS, Filter())

    for share, name in ((0.5, "p50"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99")):
        lower = exact[int(share * (len(exact) - 1) + 1e-9)]
        assert getattr(found, f"latency_{name}_ms") == pytest.approx(lower, rel=0.0101, abs=1e-6)
    store.close()


def a_month(store: DuckDBStore) -> None:
    store.write(
        [
            a_call(n, at=NOON - n * HOUR, cost=usd(1), response_model="ab"[n % 2], user_id="ann")
            for n in range(24 * 30)
        ]
    )


def test_sums_outlive_the_calls(tmp_path: Path):
    config = StoreConfig(path=str(tmp_path / "calls.duckdb"), retain_for=5 * 86_400)
    store = DuckDBStore(config)
    a_month(store)
    whole = Filter(since_ns=NOON - 40 * DAY)
    before = store.stats(whole), store.summary(whole), store.series(86_400, whole)

    gone = store.retain(NOON)
    store.close()
    store = DuckDBStore(config)

    after = store.stats(whole), store.summary(whole), store.series(86_400, whole)
    assert gone == 24 * 25 - 1
    assert store.stats().count == 24 * 5 + 1
    assert_alike(after[0], before[0])
    assert [(b.start_ns, b.stats.count) for b in after[2]] == [
        (b.start_ns, b.stats.count) for b in before[2]
    ]
    assert [(g.key, g.stats.count, g.stats.total_cost_usd) for g in after[1].by_model] == [
        ("a", 360, 360.0),
        ("b", 360, 360.0),
    ]
    assert [(g.key, g.stats.count) for g in store.breakdown("user", whole)] == [("ann", 720)]
    assert store.stats(Filter(since_ns=NOON - 40 * DAY, model="a")).count == 360
    store.close()


def test_what_sums_cannot_tell_apart_is_answered_from_the_calls_that_are_left():
    store = DuckDBStore(StoreConfig(retain_for=5 * 86_400))
    a_month(store)
    store.retain(NOON)

    for asked in (Filter(since_ns=0, failed=False), Filter(since_ns=0, user="ann", model="a")):
        assert store.stats(asked).count < 130
    store.close()


def test_a_cost_put_later_leaves_days_whose_calls_have_gone_as_they_were():
    store = DuckDBStore(StoreConfig(retain_for=5 * 86_400))
    a_month(store)
    store.retain(NOON)
    left = store.calls(limit=1_000).calls

    store.put_costs([replace(call, cost=usd(3)) for call in left])

    whole = Filter(since_ns=NOON - 40 * DAY)
    midnight = (NOON - 5 * DAY) // DAY * DAY + DAY
    later = sum(call.start_ns >= midnight for call in left)
    assert (
        store.series(86_400, whole)[0].stats.total_cost_usd
        == store.series(86_400, whole)[0].stats.count
    )
    assert rolled.stats(store.ask, DAYS, whole).total_cost_usd == 720 + 2 * later
    store.close()


def test_a_cost_put_later_brings_no_sums_back_that_were_let_go():
    old, new = a_call(1, at=NOON - 5 * DAY), a_call(2, at=NOON)
    store = in_memory()
    store.write([old, new])
    store.retain(NOON)

    store.put_costs([replace(old, cost=usd(3))])

    assert store.oldest_ns(MINUTES) == NOON - NOON % MINUTES.step_ns
    assert dict(differences(store)) == {rollup.table: [] for rollup in ROLLUPS}


def test_each_is_kept_as_long_as_it_is_said_to_be():
    keep = KeepConfig(minutes=2 * 86_400, hours=10 * 86_400, days=20 * 86_400)
    store = DuckDBStore(StoreConfig(retain_for=0, aggregates=keep))
    a_month(store)

    store.retain(NOON)

    def days_of(rollup: Rollup) -> int:
        return rolled.stats(store.ask, rollup, Filter()).count // 24

    assert [days_of(rollup) for rollup in (MINUTES, HOURS, DAYS, USERS)] == [2, 10, 19, 19]
    assert store.stats().count == 720
    store.close()


def test_rows_of_the_same_calls_are_merged():
    store = DuckDBStore(StoreConfig(retain_for=0, aggregates=KeepConfig(minutes=0)))
    for n in range(20):
        store.write([a_call(n, at=NOON + n * SECOND)])

    store.retain(NOON)

    for rollup in ROLLUPS:
        assert store.ask(f"SELECT count(*), sum(calls) FROM {rollup.table}") == [(1, 20)]
    store.close()


def test_a_day_of_many_kinds_of_calls_is_merged_in_parts(monkeypatch):
    at_once: list[int] = []
    merge = DuckRollups._merge

    def counted(self: DuckRollups, *some: Any) -> None:
        merge(self, *some)
        at_once.append(self._writer.execute("SELECT count(*) FROM merged").fetchall()[0][0])

    monkeypatch.setattr("otel_llm.store.duck_rollups._PORTION", 100)
    monkeypatch.setattr(DuckRollups, "_merge", counted)
    store = in_memory()
    for turn in (0, 400):
        store.write(
            [
                a_call(turn + n, at=NOON, response_model=f"m{n}", feature="f" if n % 3 else None)
                for n in range(400)
            ]
        )

    store.retain(NOON)

    for rollup in (MINUTES, HOURS, DAYS):
        rows = store.ask(f"SELECT model, calls FROM {rollup.table} ORDER BY model")
        assert rows == sorted((f"m{n}", 2) for n in range(400))
    assert max(at_once) < 100
    store.close()


def test_what_calls_come_to_is_read_in_one_pass():
    store = in_memory()

    plan = store.ask(f"EXPLAIN {rollups.of_calls(MINUTES, 'calls')}")[0][1]

    assert "Group By" in plan
    assert "Join" not in plan
    store.close()


def test_users_beyond_the_most_of_a_day_are_put_together(monkeypatch):
    monkeypatch.setattr(
        "otel_llm.store.duck_rollups._FEWER_USERS", _FEWER_USERS.replace("10000", "2")
    )
    store = in_memory()
    busy = [a_call(n, at=NOON, user_id=f"u{n % 2}") for n in range(10)]
    store.write([*busy, *(a_call(n, at=NOON, user_id=f"u{n}") for n in range(10, 15))])

    store.retain(NOON)

    found = rolled.breakdown(store.ask, USERS, "user", Filter(), "calls", 10)
    assert [(one.key, one.stats.count) for one in found] == [("u0", 5), ("u1", 5), (None, 5)]
    store.close()


@pytest.mark.parametrize("most", get_args(Most))
def test_groups_come_in_the_same_order(most: Most):
    store = in_memory()
    store.write(
        [
            a_call(1, response_model="a", cost=usd(5)),
            a_call(2, response_model="b", error_type="x"),
            a_call(3, response_model="b"),
            a_call(4, response_model="c", cost=usd(1), error_type="x"),
            a_call(5, response_model="c", error_type="x"),
        ]
    )

    found = rolled.breakdown(store.ask, DAYS, "model", Filter(), most, 10)

    assert [one.key for one in found] == [one.key for one in store.breakdown("model", most=most)]
    store.close()


def test_every_column_of_a_row_is_said_what_it_is():
    names = [one.name for one in (*rollups.SUMS, *rollups.COUNTS)]
    assert len(set(names)) == len(names)
    assert {field.name for field in fields(Rollup)} == {"table", "step_ns", "keys", "detailed"}
