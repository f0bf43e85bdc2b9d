"""The DuckDB store: what goes in comes out, once, and the sums say what they leave out."""

from __future__ import annotations

import resource
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from hashlib import sha256, shake_256
from pathlib import Path
from typing import get_args

import duckdb
import pytest

from otel_llm.config import ConfigError, build
from otel_llm.genai import Call, Cost, Usage
from otel_llm.store import DIMENSIONS, DuckDBStore, Filter, Group, Stats, StoreConfig, StoreError
from otel_llm.store.duck_file import cursor
from otel_llm.store.schema import COLUMNS

from .examples import DAY, FULL, NOON, SECOND, a_call, usd

EMPTY = Stats(
    count=0,
    errors=0,
    error_rate=None,
    total_cost_usd=None,
    avg_cost_usd=None,
    unpriced=0,
    input_tokens=None,
    output_tokens=None,
    cache_read_tokens=None,
    avg_tokens=None,
    latency_avg_ms=None,
    latency_p50_ms=None,
    latency_p90_ms=None,
    latency_p95_ms=None,
    latency_p99_ms=None,
    latency_max_ms=None,
    ttft_p50_ms=None,
    ttft_p95_ms=None,
    checked=0,
    flagged=0,
    latency_min_ms=None,
    total_tokens=None,
    min_tokens=None,
    max_tokens=None,
    min_cost_usd=None,
    max_cost_usd=None,
)

LONG = "SELECT sum(i + j) FROM range(50000) a(i), range(99999) b(j)"
"""Seconds."""


@pytest.fixture
def store():
    store = DuckDBStore()
    yield store
    store.close()


def test_every_field_of_a_call_comes_back_as_it_went_in(store: DuckDBStore):
    bare = a_call(2)

    assert store.write([FULL, bare]) == 2

    assert store.calls(Filter(billed=None)).calls == [bare, FULL]


def test_the_example_leaves_no_field_at_its_default():
    for example in (FULL, FULL.usage, FULL.cost):
        values = [getattr(example, field.name) for field in fields(example)]
        assert all(value not in (None, (), {}) for value in values), example


def test_no_column_holds_message_content():
    assert {column.name for column in COLUMNS} & {"input", "output", "content", "messages"} == set()


def test_a_call_delivered_twice_counts_once(store: DuckDBStore):
    call, other = a_call(1, cost=usd(1)), a_call(2, cost=usd(1))

    assert store.write([call, call]) == 1
    assert store.write([other, call]) == 1

    assert store.stats().count == 2
    assert store.stats().total_cost_usd == 2


def test_the_same_span_id_in_another_trace_is_another_call(store: DuckDBStore):
    call = a_call(1)

    store.write([call])
    store.write([replace(call, trace_id="f" * 32)])

    assert store.stats().count == 2


def test_nothing_stored_is_unknown_and_not_zero(store: DuckDBStore):
    assert store.stats() == EMPTY
    assert store.summary().by_model == ()
    assert store.calls().calls == []
    assert store.trace("0" * 32) is None
    assert store.series(60) == ()


def test_stats_are_exact(store: DuckDBStore):
    store.write(
        [
            a_call(
                n,
                ms=n * 10,
                usage=Usage(input_tokens=n, output_tokens=1, cache_read=2),
                cost=usd(0.5),
                time_to_first_chunk_s=n / 1000,
                flags=("refusal",) if n == 1 else (),
            )
            for n in range(1, 102)
        ]
    )

    assert store.stats() == Stats(
        count=101,
        errors=0,
        error_rate=0,
        total_cost_usd=50.5,
        avg_cost_usd=0.5,
        unpriced=0,
        input_tokens=5151,
        output_tokens=101,
        cache_read_tokens=202,
        avg_tokens=52,
        latency_avg_ms=510,
        latency_p50_ms=510,
        latency_p90_ms=910,
        latency_p95_ms=960,
        latency_p99_ms=1000,
        latency_max_ms=1010,
        ttft_p50_ms=51,
        ttft_p95_ms=96,
        checked=101,
        flagged=1,
        latency_min_ms=10,
        total_tokens=5252,
        min_tokens=2,
        max_tokens=102,
        min_cost_usd=0.5,
        max_cost_usd=0.5,
    )


def test_a_sum_says_how_many_calls_it_leaves_out(store: DuckDBStore):
    store.write([a_call(1, cost=usd(0.25)), a_call(2), a_call(3)])

    stats = store.stats()

    assert (stats.total_cost_usd, stats.avg_cost_usd, stats.unpriced) == (0.25, 0.25, 2)


def test_a_call_that_failed_before_any_token_is_not_called_unpriced(store: DuckDBStore):
    store.write(
        [
            a_call(1, error_type="timeout"),
            a_call(2, error_type="timeout", usage=Usage(input_tokens=5)),
        ]
    )

    assert store.stats().unpriced == 1


def test_other_currencies_are_not_added_to_dollars(store: DuckDBStore):
    store.write([a_call(1, cost=usd(1)), a_call(2, cost=Cost(total=5, currency="EUR"))])

    assert store.stats().total_cost_usd == 1


def test_free_is_zero_and_not_unpriced(store: DuckDBStore):
    store.write([a_call(1, cost=Cost(total=0, source="local"))])

    stats = store.stats()

    assert (stats.total_cost_usd, stats.unpriced) == (0, 0)


def test_agents_and_tools_do_not_repeat_the_tokens_of_their_calls(store: DuckDBStore):
    used = Usage(input_tokens=5, output_tokens=5)
    store.write([a_call(1, usage=used), a_call(2, usage=used, operation="invoke_agent"), a_call(3)])

    assert store.stats().input_tokens == 5
    assert store.stats().count == 2
    assert store.stats(Filter(billed=None)).count == 3


def test_the_summary_counts_errors_flags_and_models(store: DuckDBStore):
    store.write(
        [
            a_call(1, error_type="timeout", request_model="a"),
            a_call(2, error_type="timeout", request_model="a"),
            a_call(3, error_type="rate_limit", request_model="b", response_model="b-1"),
            a_call(4, flags=("refusal", "empty"), request_model=None),
            a_call(5, flags=("refusal",), request_model=None),
            a_call(6, flags=(), request_model="a"),
        ]
    )

    summary = store.summary()

    assert summary.errors_by_type == {"timeout": 2, "rate_limit": 1}
    assert summary.flags == {"refusal": 2, "empty": 1}
    assert [(group.key, group.stats.count) for group in summary.by_model] == [
        ("a", 3),
        (None, 2),
        ("b-1", 1),
    ]
    assert (summary.stats.checked, summary.stats.flagged) == (3, 2)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_calls_can_be_grouped_by_every_dimension(store: DuckDBStore, dimension):
    store.write([FULL])
    key = {
        "model": "gpt-4o-2024-08-06",
        "provider": "openai",
        "operation": "chat",
        "service": "shop",
        "environment": "production",
        "endpoint": "api.openai.com",
        "user": "ann",
        "team": "growth",
        "tenant": "acme",
        "feature": "search",
        "session": "c1",
        "prompt": "greeting 3",
        "error_type": "openai.RateLimitError",
        "flag": "refusal",
    }

    keys = [group.key for group in store.breakdown(dimension)]

    assert keys == ["length", "stop"] if dimension == "finish_reason" else [key[dimension]]
    assert store.breakdown(dimension)[0] == Group(keys[0], store.stats())
    assert [bucket.key for bucket in store.series(60, by=dimension)] == keys


@pytest.mark.parametrize(
    ("most", "keys"),
    [
        ("calls", ["often", "dear", "broken"]),
        ("cost", ["dear", "often", "broken"]),
        ("errors", ["broken", "often", "dear"]),
        ("unpriced", ["often", "dear", "broken"]),
    ],
)
def test_groups_are_ranked_by_what_is_asked_for(store: DuckDBStore, most, keys: list[str]):
    store.write(
        [
            a_call(1, user_id="often", cost=usd(1)),
            a_call(2, user_id="often"),
            a_call(3, user_id="often"),
            a_call(4, user_id="dear", cost=usd(9)),
            a_call(5, user_id="dear", cost=usd(9)),
            a_call(6, user_id="broken", error_type="timeout"),
        ]
    )

    assert [group.key for group in store.breakdown("user", most=most)] == keys
    assert [group.key for group in store.breakdown("user", most=most, limit=1)] == keys[:1]


@pytest.mark.parametrize(
    "condition",
    [
        Filter(since_ns=NOON, until_ns=NOON + 1),
        Filter(model="gpt-4o-2024-08-06"),
        Filter(provider="openai"),
        Filter(operation="chat"),
        Filter(service="shop"),
        Filter(environment="production"),
        Filter(user="ann"),
        Filter(team="growth"),
        Filter(feature="search"),
        Filter(session="c1"),
        Filter(endpoint="api.openai.com"),
        Filter(prompt="greeting 3"),
        Filter(prompt_name="greeting"),
        Filter(prompt_version="3"),
        Filter(error_type="openai.RateLimitError"),
        Filter(trace_id=FULL.trace_id),
        Filter(flag="refusal"),
        Filter(finish_reason="length"),
        Filter(tag=("tier", "gold")),
        Filter(failed=True),
        Filter(slower_than_ms=1_999),
        Filter(text="RATELIMIT"),
        Filter(text="chatcmpl-1"),
        Filter(user="ann", feature="search", flag="refusal"),
    ],
)
def test_a_filter_keeps_what_it_names_and_nothing_else(store: DuckDBStore, condition: Filter):
    store.write([FULL, a_call(2, request_model="x", provider="y", operation="embeddings")])

    assert store.calls(condition).calls == [FULL]
    assert store.stats(condition).count == 1


def test_the_other_side_of_a_yes_or_no_filter(store: DuckDBStore):
    fine = a_call(2, cost=usd(1))
    unpriced = a_call(3)
    store.write([FULL, fine, unpriced])

    assert store.calls(Filter(failed=False)).calls == [unpriced, fine]
    assert store.calls(Filter(unpriced=True)).calls == [unpriced]
    assert store.calls(Filter(unpriced=False)).calls == [fine, FULL]


def test_what_somebody_sends_as_a_filter_is_never_run_as_sql(store: DuckDBStore):
    store.write([a_call(1)])
    evil = "x' OR 1=1; DROP TABLE calls; --"

    assert store.stats(Filter(model=evil, user=evil, tag=(evil, evil), text=evil)).count == 0

    assert store.stats().count == 1


def test_a_series_starts_its_buckets_on_the_step_and_leaves_empty_ones_out(store: DuckDBStore):
    start = NOON - NOON % DAY
    store.write([a_call(1, at=start), a_call(2, at=start + DAY - 1), a_call(3, at=start + 2 * DAY)])

    days = store.series(86_400)

    assert [(day.start_ns, day.stats.count) for day in days] == [(start, 2), (start + 2 * DAY, 1)]


def test_pages_show_every_call_once_although_newer_ones_arrive(store: DuckDBStore):
    calls = [a_call(n, at=NOON + n // 3) for n in range(10)]
    store.write(calls)

    first = store.calls(limit=4)
    store.write([a_call(99)])
    second = store.calls(limit=4, cursor=first.next)
    third = store.calls(limit=4, cursor=second.next)

    assert [*first.calls, *second.calls, *third.calls] == calls[::-1]
    assert third.next is None


def test_the_calls_with_most_of_something_come_first_and_the_unknown_not_at_all(
    store: DuckDBStore,
):
    cheap, dear, unknown = a_call(1, cost=usd(1), ms=30), a_call(2, cost=usd(2)), a_call(3, ms=-1)
    store.write([cheap, dear, unknown])

    assert store.top("cost") == [dear, cheap]
    assert store.top("duration", limit=1) == [dear]
    assert store.top("tokens") == store.top("first_chunk") == []
    assert store.top("cost", Filter(slower_than_ms=100)) == [dear]


def test_the_past_is_told_in_order_and_in_pieces(store: DuckDBStore, monkeypatch):
    monkeypatch.setattr("otel_llm.store.questions.HISTORY_BATCH", 3)
    calls = [a_call(n, at=NOON + n // 4) for n in range(10)]
    store.write([*calls, a_call(99, at=NOON - 1), a_call(98, operation="execute_tool")])

    assert list(store.history(NOON)) == calls
    assert list(store.history(NOON + 2)) == calls[8:]


@pytest.mark.parametrize("cursor", ["", "x", "1-2", "a-b-c", "1-2-3-4"])
def test_a_cursor_that_is_none_is_a_value_error(store: DuckDBStore, cursor: str):
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the contract
        store.calls(cursor=cursor)


def test_a_call_with_text_that_is_no_unicode_is_kept_with_a_mark_in_its_place(store: DuckDBStore):
    store.write([a_call(1, user_id="a\udc80", tags={"k\udc80": "v"}), a_call(2)])

    kept = store.calls().calls[1]

    assert (kept.user_id, kept.tags) == ("a?", {"k?": "v"})
    assert store.stats().count == 2


def test_numbers_that_cannot_be_are_unknown(store: DuckDBStore):
    odd = a_call(
        1,
        ms=-5,
        usage=Usage(input_tokens=-1, output_tokens=2**70),
        cost=usd(float("nan")),
        time_to_first_chunk_s=float("inf"),
        output_chars=2**80,
    )

    store.write([odd])

    kept = store.calls().calls[0]
    assert kept.usage == Usage()
    assert (kept.cost, kept.time_to_first_chunk_s, kept.output_chars) == (None, None, None)
    assert store.stats().latency_p50_ms is None


def test_a_call_that_no_table_can_hold_costs_only_itself(store: DuckDBStore):
    nameless: Call = a_call(3, name=None)  # a sender's bug that a reader let through
    calls = [a_call(1), a_call(2, at=2**63), nameless, *(a_call(n) for n in range(4, 20))]

    assert store.write(calls) == 17

    assert store.stats().count == 17
    assert store.rejected == 2


def test_reading_goes_on_while_an_unfinished_batch_is_written(store: DuckDBStore):
    store.write([a_call(1)])
    held = cursor(store._db).execute("SELECT * FROM calls")

    store.write([a_call(2)])

    assert len(held.fetchall()) == 1
    assert store.stats().count == 2


# Files


def test_a_file_keeps_its_calls_over_a_restart_for_its_owner_only(tmp_path: Path):
    config = StoreConfig(path=str(tmp_path / "data" / "calls.duckdb"))
    store = DuckDBStore(config)
    store.write([FULL])
    wal = Path(config.path + ".wal")
    modes = {stat.S_IMODE(Path(p).stat().st_mode) for p in (config.path, wal)}
    store.close()
    store.close()

    again = DuckDBStore(config)

    assert again.calls().calls == [FULL]
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    again.close()


def test_a_store_that_is_asked_something_long_is_closed_all_the_same(tmp_path: Path):
    config = StoreConfig(path=str(tmp_path / "calls.duckdb"))
    store = DuckDBStore(config)
    store.write([FULL])
    with ThreadPoolExecutor() as asking:
        answer = asking.submit(store.ask, LONG)
        time.sleep(0.5)

        store.close()

        with pytest.raises(StoreError):
            answer.result()
    again = DuckDBStore(config)
    assert again.calls().calls == [FULL]
    again.close()


def test_a_file_that_is_no_database_is_refused_with_its_path(tmp_path: Path):
    path = tmp_path / "calls.duckdb"
    path.write_text("not a database, but long enough to be read as one " * 100)

    with pytest.raises(StoreError, match=str(path)):
        DuckDBStore(StoreConfig(path=str(path)))


def test_a_file_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path):
    path = str(tmp_path / "calls.duckdb")
    store = DuckDBStore(StoreConfig(path=path))
    store.write([FULL])
    store.close()
    with duckdb.connect(path) as db:
        db.execute("UPDATE schema_version SET version = 99")

    with pytest.raises(StoreError, match="newer release"):
        DuckDBStore(StoreConfig(path=path))

    with duckdb.connect(path) as db:
        assert db.execute("SELECT count(*) FROM calls").fetchall() == [(1,)]


def test_a_store_whose_columns_are_missing_says_so(tmp_path: Path):
    path = str(tmp_path / "calls.duckdb")
    with duckdb.connect(path) as db:
        db.execute("CREATE TABLE schema_version AS SELECT 1 AS version")
        db.execute("CREATE TABLE calls (trace_id VARCHAR)")

    with pytest.raises(StoreError, match="cannot prepare"):
        DuckDBStore(StoreConfig(path=path))


# Retention


def test_calls_older_than_the_retention_go(store: DuckDBStore):
    store.write([a_call(1, at=NOON - 31 * DAY), a_call(2, at=NOON - 29 * DAY)])

    assert store.retain(NOON) == 1

    assert [call.start_ns for call in store.calls().calls] == [NOON - 29 * DAY]


def test_without_a_limit_nothing_goes():
    store = DuckDBStore(StoreConfig(retain_for=0, max_size=0))
    store.write([a_call(1, at=0)])

    assert store.retain(NOON) == 0
    assert store.stats().count == 1
    store.close()


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_oldest_calls_go_when_the_data_grows_too_big(tmp_path: Path, in_memory: bool):
    path = None if in_memory else str(tmp_path / "calls.duckdb")
    limit = 2 * 2**20
    store = DuckDBStore(StoreConfig(path=path, retain_for=0, max_size=limit))
    for start in range(0, 40_000, 5_000):
        store.write(
            [a_call(n, user_id=sha256(b"%d" % n).hexdigest()) for n in range(start, start + 5_000)]
        )
    store._writer.execute("CHECKPOINT").fetchall()
    assert store.size_bytes() > limit

    removed = store.retain(NOON)

    left = store.stats().count
    assert 0 < removed < 40_000
    assert removed + left == 40_000
    assert store.calls(limit=1).calls[0].start_ns == NOON + 39_999 * SECOND
    store.close()


def test_calls_in_memory_never_take_more_than_the_memory_they_may(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    limit = 64 * 2**20
    store = DuckDBStore(StoreConfig(retain_for=0, memory_limit=limit))
    for start in range(0, 120_000, 5_000):
        store.write(
            [
                a_call(n, conversation_id=shake_256(b"%d" % n).hexdigest(600))
                for n in range(start, start + 5_000)
            ]
        )
        store.retain(NOON)
        assert store.size_bytes() <= limit

    assert 0 < store.stats().count < 120_000
    assert list(tmp_path.iterdir()) == []
    store.close()


def test_calls_in_memory_are_packed_once_there_are_many():
    store = DuckDBStore(StoreConfig(retain_for=0))
    for start in range(0, 61_440, 20_480):
        store.write([replace(FULL, span_id=f"{start + n:016x}") for n in range(20_480)])

    each = store.size_bytes() / 61_440

    assert each < 500
    store.close()


def test_old_calls_go_also_while_somebody_reads(tmp_path: Path):
    store = DuckDBStore(StoreConfig(path=str(tmp_path / "calls.duckdb"), retain_for=60))
    store.write([a_call(n, at=NOON - n * 60 * SECOND) for n in range(3_000)])
    reading = cursor(store._db)
    reading.execute("BEGIN")
    reading.execute("SELECT * FROM calls").fetchone()

    assert store.retain(NOON) == 2_998

    reading.execute("COMMIT")
    assert store.stats().count == 2
    store.close()


def test_an_export_needs_no_more_than_the_engine_may_have_however_many_calls(tmp_path: Path):
    store = DuckDBStore(
        StoreConfig(path=str(tmp_path / "calls.duckdb"), retain_for=0, memory_limit=64 * 2**20)
    )
    folder = tmp_path / "it's out"
    folder.mkdir()
    many, few = folder / "many.parquet", folder / "few.parquet"
    store.write([replace(FULL, span_id=f"{n:016x}", start_ns=NOON + n * 5) for n in range(20_480)])
    store.ask(
        "INSERT INTO calls SELECT calls.* REPLACE"
        " (uuid()::VARCHAR AS span_id, start_ns + n AS start_ns) FROM calls, range(1, 5) AS more(n)"
    )

    store.to_parquet(many, Filter(since_ns=NOON + 5))
    store.to_parquet(few, Filter(until_ns=NOON + 5))
    store.close()

    of_many, of_few = duckdb.read_parquet(str(many)), duckdb.read_parquet(str(few))
    starts = [start_ns for (start_ns,) in of_many.project("start_ns").fetchall()]
    assert starts == list(range(NOON + 5, NOON + 20_480 * 5))
    assert (of_many.columns, of_many.types) == (of_few.columns, of_few.types)
    assert sorted(folder.iterdir()) == [few, many]


def test_settings_are_written_as_an_operator_writes_them():
    given = {"retain_for": "7d", "max_size": "1GiB", "flush_interval": "100ms"}

    assert build(StoreConfig, given, "store") == StoreConfig(
        retain_for=604_800.0, max_size=2**30, flush_interval=0.1
    )


@pytest.mark.parametrize("given", [{"max_pending_calls": 0}, {"memory_limit": "1MiB"}])
def test_a_setting_that_cannot_work_is_named(given):
    with pytest.raises(ConfigError, match=next(iter(given))):
        build(StoreConfig, given, "store")


def test_the_dimensions_are_those_of_the_type():
    from otel_llm.store import Dimension

    assert get_args(Dimension) == DIMENSIONS


@contextmanager
def full_disk() -> Iterator[None]:
    """The kernel lets no file grow, and this process alone learns of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_store_that_the_engine_gave_up_for_want_of_room_goes_on_when_there_is_some(
    tmp_path: Path,
):
    store = DuckDBStore(StoreConfig(path=str(tmp_path / "calls.duckdb")))
    store.write([a_call(n) for n in range(100)])
    with full_disk():
        with pytest.raises(StoreError):
            store.write([a_call(1000)])
        with pytest.raises(duckdb.Error, match="has been invalidated"):
            store._writer.execute("CHECKPOINT").fetchall()
        with pytest.raises(StoreError):
            store.write([a_call(1001)])

    assert store.ask("SELECT count(*) FROM calls") == [(100,)]
    assert store.write([a_call(n) for n in range(90, 110)]) == 10
    store.close()

    again = DuckDBStore(StoreConfig(path=str(tmp_path / "calls.duckdb")))
    assert again.ask("SELECT count(*) FROM calls") == [(110,)]
    again.close()
