"""Traces of thousands of spans: a part at a time, with nothing lost that matters."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from otel_llm.store import DuckDBStore, PlainSpan
from otel_llm.ui import pages
from otel_llm.ui.waterfall import ROWS, Bar, Gap, part
from tests.api.conftest import serving
from tests.store.examples import NOON, SECOND, a_call, usd
from tests.store.stores import emptied

from .test_pages import Page, words

TRACE = "a" * 32
MANY = 3 * ROWS
FAILED, DEAR = MANY - 10, MANY - 20


def sid(number: int) -> str:
    return f"{number:016x}"


@pytest.fixture(scope="module")
def store(kept_store: DuckDBStore) -> DuckDBStore:
    """A trace of an agent under a request, with agents below it of ten spans each."""
    store = emptied(kept_store)
    calls = [a_call(1, at=NOON, ms=MANY * 10, trace_id=TRACE, operation="invoke_agent")]
    for n in range(2, MANY + 1):
        agent = n % 10 == 2
        calls.append(
            a_call(
                n,
                at=NOON + n * SECOND // 100,
                ms=5,
                trace_id=TRACE,
                parent_id=sid(1) if agent else sid((n - 2) // 10 * 10 + 2),
                operation="invoke_agent" if agent else "chat",
                name=f"span {n}.",
                error_type="TimeoutError" if n == FAILED else None,
                cost=usd(0.5) if n == DEAR else None if agent else usd(0.001),
            )
        )
    store.write(calls)
    return store


@pytest.fixture(scope="module")
def client(store: DuckDBStore) -> Iterator[httpx2.Client]:
    with serving(store, pages=pages(store)) as client:
        yield client


def shown(page: Page) -> list[str]:
    """Ids of the spans in the waterfall."""
    ids = [row.get("id") for row in page.all("tr")]
    return [one[1:] for one in ids if one]


def follow(client: httpx2.Client, href: str | None) -> Page:
    assert href is not None
    return Page(client.get(href).text)


def test_a_large_trace_shows_its_beginning_what_failed_and_what_cost_most(client: httpx2.Client):
    page = follow(client, f"/traces/{TRACE}")

    ids = shown(page)
    assert ids[:ROWS] == [sid(n) for n in range(1, ROWS + 1)]
    assert {sid(FAILED), sid(DEAR), sid((FAILED - 2) // 10 * 10 + 2)} <= set(ids)
    assert len(ids) < ROWS + 100
    text = words(page)
    assert f"Spans 1 to {ROWS} of {MANY:,}, with the first that failed" in text
    assert f"{MANY:,} spans" in text
    assert [d["id"] for d in page.all("details")] == [f"d{one}" for one in ids]


def test_a_trace_that_fits_on_a_page_is_shown_whole_and_says_nothing_of_parts(
    client: httpx2.Client, store: DuckDBStore
):
    small = "b" * 32
    store.write([a_call(MANY + n, trace_id=small, parent_id=None) for n in range(1, ROWS + 1)])

    page = follow(client, f"/traces/{small}")

    assert len(shown(page)) == ROWS
    assert "more spans" not in words(page)
    assert [a for a in page.all("a") if a.get("rel") in ("prev", "next")] == []


def test_every_span_is_found_by_going_on(client: httpx2.Client):
    found: set[str] = set()
    href: str | None = f"/traces/{TRACE}"
    while href:
        page = follow(client, href)
        found |= set(shown(page))
        href = next((a["href"] for a in page.all("a") if a.get("rel") == "next"), None)

    assert found == {sid(n) for n in range(1, MANY + 1)}


def test_what_is_between_is_counted_and_a_click_away(client: httpx2.Client, store: DuckDBStore):
    trace = store.trace(TRACE)
    assert trace is not None
    rows = part(trace, begins=str(ROWS)).rows

    gaps = [row for row in rows if isinstance(row, Gap)]
    bars = [row for row in rows if isinstance(row, Bar)]
    assert sum(gap.count for gap in gaps) + len(bars) == MANY
    assert isinstance(rows[0], Bar)  # what all of it stands under
    page = follow(client, f"/traces/{TRACE}?from={gaps[-1].begins}")
    assert sid(gaps[-1].begins + 1) in shown(page)


@pytest.mark.parametrize("number", [1, ROWS, ROWS + 1, MANY - 3])
def test_a_link_to_a_span_leads_to_the_part_that_has_it(client: httpx2.Client, number: int):
    page = follow(client, f"/traces/{TRACE}?span={sid(number)}")

    assert sid(number) in shown(page)
    assert f"Spans {(number - 1) // ROWS * ROWS + 1:,} to" in words(page)


def test_links_of_the_other_pages_name_the_span(client: httpx2.Client):
    for path in ("/calls?since=2020-01-01", f"/traces/{TRACE}/debug"):
        links = [a["href"] or "" for a in follow(client, path).all("a")]
        spans = [href for href in links if "#s" in href]
        assert spans
        assert all("?span=" in href for href in spans)


@pytest.mark.parametrize("begins", ["x", "-1", str(MANY), "9" * 5_000, "²"])
def test_a_part_that_is_not_there_is_a_mistake_that_says_so(client: httpx2.Client, begins: str):
    answer = client.get(f"/traces/{TRACE}", params={"from": begins})

    assert answer.status_code == 422
    assert "The trace has no such span." in answer.text


def test_the_debug_page_of_a_large_trace_is_short_and_leads_to_all_of_it(client: httpx2.Client):
    page = follow(client, f"/traces/{TRACE}/debug")

    assert len(page.all("li")) < ROWS + 50
    assert f"The first {ROWS} of {MANY:,}; all of them as JSON." in words(page)
    assert f"span {FAILED}. failed with TimeoutError" in words(page)
    report = client.get(f"/v1/traces/{TRACE}/debug").json()
    assert len(report["steps"]) == MANY


def test_the_api_gives_all_of_it(client: httpx2.Client):
    answer = client.get(f"/v1/traces/{TRACE}").json()

    assert (len(answer["spans"]), answer["left_out"]) == (MANY, 0)


def test_a_chain_as_deep_as_it_is_long_is_no_longer_than_any_other(
    client: httpx2.Client, store: DuckDBStore
):
    deep = "c" * 32
    chain = [
        a_call(10**5 + n, at=NOON + n, trace_id=deep, parent_id=sid(10**5 + n - 1) if n else None)
        for n in range(MANY)
    ]
    store.write(chain)

    page = follow(client, f"/traces/{deep}?from={MANY - 5}")

    assert len(shown(page)) < ROWS
    assert chain[-1].span_id in shown(page)


def test_more_spans_than_can_be_listed_are_in_the_sums_and_said_to_be_there(
    client: httpx2.Client, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
):
    huge = "d" * 32
    for module in ("questions", "duck"):
        monkeypatch.setattr(f"otel_llm.store.{module}.MAX_TRACE_SPANS", 5)
    store.write(
        [
            a_call(
                10**6 + n,
                at=NOON + n,
                trace_id=huge,
                cost=usd(1),
                error_type="TimeoutError" if n > 6 else None,
            )
            for n in range(8)
        ]
    )
    store.add_spans([PlainSpan(huge, sid(n), None, "q", 3, NOON, NOON + 1) for n in range(7)])

    page = words(follow(client, f"/traces/{huge}"))
    answer = client.get(f"/v1/traces/{huge}").json()

    assert "Model calls 8 15 spans Cost $8.00" in page
    assert "5 later ones are stored, and in the sums." in page
    assert "5 later ones are stored" in words(follow(client, f"/traces/{huge}/debug"))
    listed = len(answer["spans"]), len(answer["others"]), answer["left_out"]
    assert listed == (5, 5, 5)
    assert (answer["calls"], answer["total_cost_usd"], answer["errors"]) == (8, 8.0, 1)
