"""The store on ClickHouse: the real engine, the same questions, the same answers as DuckDB.

Skipped where ``tests/real/install.sh`` has not installed chdb.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path

import duckdb
import pytest
from benchmarks.store_queries import calls as many_calls

from otel_llm.genai import Call, Cost, Usage
from otel_llm.store import (
    DIMENSIONS,
    MEASURES,
    CallWriter,
    ClickHouseConfig,
    DuckDBStore,
    Filter,
    Score,
    Store,
    StoreConfig,
    StoreError,
    StoreUnavailable,
    open_store,
    report_on,
)
from tests.e2e.running import collector
from tests.e2e.test_collector import HttpExporter, send
from tests.store.examples import DAY, FULL, NOON, SECOND, a_call, usd
from tests.store.test_scores import RATED

from .clickhouse import PYTHON, ClickHouse, clickhouse

pytest.importorskip("clickhouse_connect", reason="the extra clickhouse is not installed")
from otel_llm.store.clickhouse import ClickHouseStore

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not PYTHON.exists(), reason="chdb is not installed"),
]

COUNT = 4_000
ODD = [
    FULL,
    a_call(1, flags=()),
    a_call(2, flags=("refusal", "empty"), finish_reasons=("stop", "stop")),
    a_call(3, cost=Cost(total=5, currency="EUR")),
    a_call(4, cost=Cost(total=0, source="local"), tags={"empty": "", "tier": "gold"}),
    a_call(5, operation="invoke_agent", usage=Usage(input_tokens=5)),
    a_call(6, ms=-5, request_model=None, name="Grüße 🦆 %_'\"\\", user_id="ÄRGER"),
    a_call(7, time_to_first_chunk_s=0.0, usage=Usage(0, 0)),
    a_call(8, prompt_name="greeting", error_type=""),
    a_call(9, usage=Usage(input_tokens=2**62, output_tokens=2**62)),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with clickhouse(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture
def config(server: ClickHouse) -> StoreConfig:
    return StoreConfig(retain_for=0, clickhouse=ClickHouseConfig(**server.settings()))


@pytest.fixture
def store(config: StoreConfig) -> Iterator[Store]:
    store = open_store(config)
    yield store
    store.close()


@pytest.fixture(scope="module")
def both(server: ClickHouse) -> Iterator[tuple[Store, Store]]:
    """The same calls and scores in both engines."""
    config = StoreConfig(retain_for=0, clickhouse=ClickHouseConfig(**server.settings()))
    stores = DuckDBStore(StoreConfig(retain_for=0)), open_store(config)
    for store in stores:
        fill(store)
    yield stores
    for store in stores:
        store.close()


def fill(store: Store) -> None:
    calls = [*many_calls(COUNT, NOON), *ODD]
    store.write(calls[: len(calls) // 2])
    store.write(calls[len(calls) // 3 :])
    chance = random.Random(2)
    store.add_scores(
        [
            Score(
                id=str(n),
                trace_id=call.trace_id,
                span_id=call.span_id if n % 2 else None,
                name=chance.choice(("rating", "relevance")),
                value=chance.random(),
                source=chance.choice(("human", "automatic")),
                at_ns=call.end_ns,
                comment=f"it's {n}?" if n % 3 else None,
            )
            for n, call in enumerate(calls[::9])
        ]
    )


def difference(one: object, other: object, at: str = "") -> str | None:
    """Where two answers differ first; sums of floats are compared to twelve digits."""
    if is_dataclass(one) and not isinstance(one, type) and type(one) is type(other):
        return difference(asdict(one), asdict(other), at)
    if isinstance(one, Mapping) and isinstance(other, Mapping) and list(one) == list(other):
        return first(difference(one[key], other[key], f"{at}.{key}") for key in one)
    both = (one, other)
    if all(isinstance(each, list | tuple) for each in both) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return first(difference(*pair, f"{at}[{n}]") for n, pair in pairs)
    if isinstance(one, float) and isinstance(other, float | int):
        equal = one == pytest.approx(other, rel=1e-12, abs=1e-12)
    else:
        equal = one == other and type(one) is type(other)
    return None if equal else f"{at}: {str(one)[:200]} and {str(other)[:200]}"


def first(found: Iterable[str | None]) -> str | None:
    return next(filter(None, found), None)


ALL = Filter(billed=None)
MONTH = Filter(since_ns=NOON - 30 * DAY)
WHERE = {
    "a month": MONTH,
    "a day": Filter(since_ns=NOON - DAY, until_ns=NOON + DAY),
    "everything": ALL,
    "nothing": Filter(user="nobody"),
    "before everything": Filter(until_ns=0),
    "failed": Filter(failed=True),
    "went well": Filter(well=True),
    "did not go well": Filter(well=False),
    "unpriced": Filter(unpriced=True),
    "slow": Filter(slower_than_ms=2_000.0),
    "a flag": Filter(flag="refusal"),
    "a finish reason": Filter(finish_reason="stop"),
    "a tag": Filter(tag=("tier", "gold")),
    "an empty tag": Filter(tag=("empty", "")),
    "a prompt": Filter(prompt="answer 2"),
    "a model and a feature": Filter(model="gpt-5", feature="feature-3"),
    "searched": Filter(text="USER-77"),
    "searched, in other letters": Filter(text="ärger"),
    "searched, with signs": Filter(text="%_'\"\\"),
}
ASKED: dict[str, Callable[[Store], object]] = {
    **{f"summary of {name}": lambda s, w=w: s.summary(w) for name, w in WHERE.items()},
    **{f"calls of {name}": lambda s, w=w: s.calls(w, limit=200) for name, w in WHERE.items()},
    **{f"scores of {name}": lambda s, w=w: s.score_stats(w) for name, w in WHERE.items()},
    **{
        f"score series of {name}": lambda s, w=w: s.score_series(86_400, w)
        for name, w in WHERE.items()
    },
    **{
        f"score parts of {name}": lambda s, w=w: s.score_parts(w, step_s=86_400)
        for name, w in WHERE.items()
    },
    **{
        f"breakdown by {by}": lambda s, by=by: s.breakdown(by, Filter(billed=None))
        for by in DIMENSIONS
    },
    **{f"counts by {by}": lambda s, by=by: s.counts(by, MONTH) for by in DIMENSIONS},
    **{f"series by {by}": lambda s, by=by: s.series(86_400, MONTH, by=by) for by in DIMENSIONS},
    **{f"most {by}": lambda s, by=by: s.top(by, MONTH, limit=30) for by in MEASURES},
    **{
        f"groups with most {most}": lambda s, most=most: s.breakdown("user", most=most, limit=20)
        for most in ("calls", "cost", "errors", "unpriced")
    },
    "series by hour": lambda s: s.series(3_600, MONTH),
    "history": lambda s: list(s.history(NOON - DAY)),
    "a trace": lambda s: s.trace(FULL.trace_id),
    "no trace": lambda s: s.trace("0" * 32),
    "a response": lambda s: s.find_response("chatcmpl-1"),
}


@pytest.mark.parametrize("question", ASKED)
def test_both_engines_give_the_same_answer(both: tuple[Store, Store], question: str):
    embedded, server = (ASKED[question](store) for store in both)

    assert difference(embedded, server) is None


def test_the_comparison_sees_a_difference():
    stats = DuckDBStore().stats()

    assert difference(stats, stats) is None
    assert difference(stats, replace(stats, count=1)) == ".count: 0 and 1"
    assert difference({"a": None}, {"a": 0}) == ".a: None and 0"
    assert difference([1.0], [1.0 + 1e-9])
    assert difference([1, 2], [1])


def test_pages_lead_through_all_calls_in_the_same_order(both: tuple[Store, Store]):
    def paged(store: Store) -> list[str]:
        ids, cursor = [], None
        while True:
            page = store.calls(MONTH, limit=500, cursor=cursor)
            ids += [call.span_id for call in page.calls]
            if (cursor := page.next) is None:
                return ids

    embedded, server = map(paged, both)

    assert len(embedded) == len(set(embedded)) == COUNT + len(ODD) - 1
    assert embedded == server


def test_debug_reports_are_the_same(both: tuple[Store, Store]):
    for call in both[0].calls(Filter(failed=True), limit=5).calls:
        reports = [report_on(trace, s) for s in both if (trace := s.trace(call.trace_id))]
        assert len(reports) == 2
        assert difference(*reports) is None


def test_every_field_comes_back_as_it_went_in(store: Store):
    assert store.write([FULL, a_call(2)]) == 2

    assert store.calls(Filter(billed=None)).calls == [a_call(2), FULL]


def test_a_call_delivered_twice_counts_once(config: StoreConfig, store: Store):
    call, other = a_call(1, cost=usd(1)), a_call(2, cost=usd(1))
    beside = open_store(config)

    assert store.write([call, call]) == 1
    assert beside.write([other, call]) == 1
    # two collectors at the same moment: neither can know of the other's
    for one in (store, beside):
        assert isinstance(one, ClickHouseStore)
        one._unknown = list
        one.write([other])

    assert (store.stats().count, store.stats().total_cost_usd) == (2, 2)
    assert len(store.calls().calls) == 2
    beside.close()


def test_what_no_table_can_hold_costs_only_itself(store: Store):
    strange = a_call(2, name="half a \ud800 pair", output_chars=2**70)

    assert store.write([a_call(1, at=2**63), strange, a_call(3)]) == 2

    assert {call.name for call in store.calls().calls} == {"half a ? pair", "chat gpt-4o"}


def test_a_score_with_a_known_id_replaces_what_was_there(store: Store):
    store.add_scores([RATED, replace(RATED, id="2", value=1.0)])
    store.add_scores([replace(RATED, value=0.5)])

    assert [score.value for score in store.scores(RATED.trace_id)] == [0.5, 1.0]
    assert [found.mean for found in store.score_stats()] == [0.75]


def test_the_server_removes_what_is_too_old(config: StoreConfig):
    store = open_store(replace(config, retain_for=3_600.0))
    now = time.time_ns()

    store.write([a_call(1, at=now - 7_200 * SECOND), a_call(2, at=now)])
    store.add_scores(
        [replace(RATED, at_ns=now - 7_200 * SECOND), replace(RATED, id="2", at_ns=now)]
    )
    store.retain()

    assert [call.span_id for call in store.calls().calls] == [f"{2:016x}"]
    assert [score.id for score in store.scores(RATED.trace_id)] == ["2"]
    store.close()


def test_tables_of_an_older_release_get_what_they_lack(config: StoreConfig, store: Store):
    assert isinstance(store, ClickHouseStore)
    store.write([FULL])
    for name in ("documents", "max_tokens"):
        store._client.command(f"ALTER TABLE calls DROP COLUMN {name}")

    again = open_store(config)
    again.write([replace(FULL, span_id="c" * 16)])

    then = replace(FULL, documents=None, max_tokens=None)
    found = {call.span_id: call for call in again.calls().calls}
    assert found == {FULL.span_id: then, "c" * 16: replace(FULL, span_id="c" * 16)}
    again.close()


def test_tables_of_a_newer_release_are_refused(config: StoreConfig, store: Store):
    assert isinstance(store, ClickHouseStore)
    store._client.insert("schema_version", [[99]], column_names=["version"])

    with pytest.raises(StoreError, match="newer release"):
        open_store(config)


def test_its_size_is_known(store: Store):
    store.write([a_call(n) for n in range(1_000)])

    assert store.size_bytes() > 1_000


def test_both_engines_write_the_same_parquet(both: tuple[Store, Store], tmp_path: Path):
    def written(store: Store) -> list[tuple]:
        file = tmp_path / f"{type(store).__name__}.parquet"
        store.to_parquet(file, Filter(since_ns=NOON - 3 * DAY, billed=None))
        held = duckdb.read_parquet(str(file))
        return held.select(*(name for name in held.columns if name != "flags")).fetchall()

    embedded, server = map(written, both)

    assert len(embedded) > 400
    assert difference(embedded, server) is None


def test_a_refusal_says_why_and_not_what_was_asked(store: Store):
    assert isinstance(store, ClickHouseStore)
    with pytest.raises(StoreError, match="ClickHouse refused: UNKNOWN_TABLE") as error:
        store.ask("SELECT 1 FROM nothing WHERE x = ?", ["secret"])

    assert "secret" not in str(error.value)


def test_calls_wait_for_a_server_that_is_away(tmp_path):
    with clickhouse(tmp_path / "data") as server:
        store = open_store(
            StoreConfig(retain_for=0, clickhouse=ClickHouseConfig(**server.settings()))
        )
        written = []

        def away(calls: Sequence[Call]) -> int:
            written.append(len(calls))
            if len(written) < 3:
                raise StoreUnavailable("away")
            return len(calls)

        store.write = away
        writer = CallWriter(store)
        writer.start()
        writer.observe([a_call(n) for n in range(10)])
        assert writer.flush(60)
        writer.close()
        store.close()

    assert (written, writer.written, writer.failed) == ([10, 10, 10], 10, 0)


def test_a_server_that_does_not_answer_is_unavailable():
    nobody = ClickHouseConfig("http://127.0.0.1:1", timeout=5.0)

    with pytest.raises(StoreUnavailable, match="does not answer"):
        open_store(StoreConfig(clickhouse=nobody))


def test_a_collector_keeps_its_calls_there(server: ClickHouse, tmp_path):
    with collector(tmp_path, store={"clickhouse": server.settings()}) as running:
        send(HttpExporter(running.http_endpoint + "/v1/traces"), **{"user.id": "ann"})

        found = running.wait_for(lambda r: r.get("/v1/calls", user="ann")["calls"], 60)
        page = running.wait_for(lambda r: "gpt-4o" in _text(r, "/"))

    assert found[0]["cost"]["currency"] == "USD"
    assert page


def _text(running, path: str) -> str:
    import httpx2

    return httpx2.get(running.api_url + path).text


def test_a_cost_is_replaced_and_counts_once(config: StoreConfig, store: Store):
    one, other = a_call(1, at=NOON + 80 * DAY), a_call(2, at=NOON + 80 * DAY)
    where = Filter(since_ns=NOON + 80 * DAY, until_ns=NOON + 81 * DAY)
    store.write([one, other])

    store.put_costs([replace(one, cost=usd(0.25)), replace(a_call(3), cost=usd(9))])

    assert (store.stats(where).count, store.stats(where).total_cost_usd) == (2, 0.25)
    assert store.write([one]) == 0


def test_baselines_are_kept_replaced_and_forgotten(store: Store):
    store.put_baseline("x", "1")
    store.put_baseline("x", "2")
    store.put_baseline("y", "3")
    assert store.baselines() == {"x": "2", "y": "3"}

    store.put_baseline("x", None)
    assert store.baselines() == {"y": "3"}


def test_scores_of_a_time_are_listed(store: Store):
    late = replace(RATED, id="late", at_ns=NOON + 90 * DAY)
    store.add_scores([late])

    assert store.scores_since(NOON + 90 * DAY) == [late]
