"""Evaluations, models without a price, the collector's own health, and tables to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from otel_llm.collector.measures.samples import Family, Sample, counter, gauge
from otel_llm.evaluation.history import History
from otel_llm.genai import Usage
from otel_llm.store import DuckDBStore, Score
from otel_llm.ui import pages
from otel_llm.ui.downloads import safe
from otel_llm.ui.render import ROWS
from tests.api.conftest import serving
from tests.evaluation.test_history import SUITE, outcome
from tests.store.examples import FULL, NOON, a_call, usd
from tests.store.stores import emptied
from tests.ui.test_pages import EVER, EVIL, Page, get, words

MEASURES = [
    counter("otel_llm_store_failed_calls", "Calls the store could not take", 3),
    counter("otel_llm_store_dropped_calls", "Calls that found the store's queue full", 0),
    gauge("otel_llm_store_pending_calls", "Calls that wait", 7),
    Family("otel_llm_call_duration_seconds", "histogram", "Duration", [Sample(1.0)]),
    Family(
        "otel_llm_evaluation_suite_pass_rate",
        "gauge",
        "Share of a suite's cases that passed",
        [Sample(0.75, {"suite": EVIL, "model": "gpt-4o"})],
    ),
]
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture
def store(kept_store: DuckDBStore) -> DuckDBStore:
    return emptied(kept_store)


@pytest.fixture(scope="module")
def kept_client(kept_store: DuckDBStore) -> Iterator[httpx2.Client]:
    with serving(kept_store, pages=pages(kept_store, measures=lambda: MEASURES)) as client:
        yield client


@pytest.fixture
def client(kept_client: httpx2.Client, store: DuckDBStore) -> httpx2.Client:
    return kept_client


def test_evaluations_show_scores_prompts_and_suites(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, prompt_name="answer", prompt_version="2")])
    store.add_scores([Score("1", "a" * 32, None, EVIL, 0.5, "automatic", NOON, "judge")])

    page = get(client, "/evaluations", **EVER)

    assert "programs 1 0.50 0.50 1" in words(page)
    assert "answer 2 1 " in words(page)
    assert "0.75" in words(page)
    assert page.all("img") == []


def test_runs_of_suites_are_listed_and_shown_case_by_case(store: DuckDBStore, tmp_path: Path):
    history = History(tmp_path / "state.sqlite")
    history.add(outcome("r1", at=NOON, suite=replace(SUITE, name=EVIL)))

    with serving(store, pages=pages(store, history=lambda: history)) as client:
        listed = get(client, "/evaluations", **EVER)
        (address,) = [a["href"] for a in listed.all("a") if "/evaluations/" in (a["href"] or "")]
        page = get(client, address or "")
        missing = client.get("/evaluations/other")

    assert f"{EVIL} gpt-4o passed 50.0%" in words(listed)
    assert f"{EVIL} with gpt-4o passed 50.0% of the cases" in words(page)
    assert "well passed" in words(page)
    assert page.all("img") == []
    assert missing.status_code == 404


def test_unpriced_models_say_why(client: httpx2.Client, store: DuckDBStore):
    used = Usage(input_tokens=5, output_tokens=5)
    evil = a_call(3, request_model=EVIL, provider=EVIL, usage=used)
    store.write([a_call(1, request_model="of-our-own", usage=used), a_call(2, cost=usd(1)), evil])

    page = get(client, "/unpriced", **EVER)

    assert "of-our-own openai unknown model 1 10 2026-09-21 14:13:21" in words(page)
    assert EVIL in page.text
    assert page.all("img") == []
    assert "gpt-4o" not in words(page)
    assert any("model=of-our-own" in (link["href"] or "") for link in page.all("a"))


def test_of_ten_thousand_unpriced_models_the_page_shows_the_first_and_says_how_many_there_are(
    client: httpx2.Client, store: DuckDBStore
):
    used = Usage(input_tokens=5, output_tokens=5)
    store.write([a_call(n, request_model=f"m{n}", usage=used) for n in range(1, ROWS + 3)])

    page = get(client, "/unpriced", **EVER)

    assert len(page.all("tr")) == 1 + ROWS
    assert f"The first {ROWS} of {ROWS + 2}; all of them as JSON" in words(page)
    assert any((link["href"] or "").startswith("/v1/unpriced?") for link in page.all("a"))


def test_data_health_puts_first_what_was_lost(client: httpx2.Client, store: DuckDBStore):
    store.write([FULL])

    page = get(client, "/data-health")
    text = words(page)

    lost, _, everything = text.partition("What the collector counts of itself")
    assert "1 kind" in lost
    assert "otel_llm_store_failed_calls_total 3" in lost
    assert "otel_llm_store_dropped_calls" not in lost
    assert "otel_llm_store_pending_calls 7" in everything
    assert "otel_llm_call_duration" not in text
    assert "2026-09-21 14:13:20" in lost
    assert EVIL in page.text
    assert page.all("img") == []


def rows(answer: httpx2.Response) -> list[list[str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(answer.text)))


def test_calls_leave_as_csv_with_the_conditions_of_the_page(
    client: httpx2.Client, store: DuckDBStore
):
    store.write([FULL, a_call(2, user_id="bob")])

    head, row = rows(client.get("/calls.csv", params=EVER | {"user": "ann"}))

    found = dict(zip(head, row, strict=True))
    assert found["start"] == "2026-09-21T14:13:20Z"
    assert (found["cost"], found["currency"]) == ("0.5", "EUR")
    assert (found["input_tokens"], found["duration_ms"]) == ("1", "2000.0")
    assert (found["finish_reasons"], found["flags"]) == ("stop length", "refusal")


def test_all_calls_leave_newest_first_however_many_there_are(
    client: httpx2.Client, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("otel_llm.ui.downloads.CALLS", 3)
    # Four of the same moment: a page ends among them.
    store.write([a_call(n, at=NOON + max(n - 4, 0)) for n in range(1, 12)])
    asked: list[int] = []
    calls = store.calls
    monkeypatch.setattr(
        store,
        "calls",
        lambda *a, limit, **more: asked.append(limit) or calls(*a, limit=limit, **more),
    )

    head, *found = rows(client.get("/calls.csv", params=EVER))

    at = head.index("span_id")
    assert [row[at] for row in found] == [f"{n:016x}" for n in range(11, 0, -1)]
    assert asked == [3, 3, 3, 3]


def test_what_is_unknown_is_an_empty_cell(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, ms=-5)])

    head, row = rows(client.get("/calls.csv", params=EVER))

    found = dict(zip(head, row, strict=True))
    assert {found[name] for name in ("cost", "input_tokens", "duration_ms", "user")} == {""}


def test_no_cell_becomes_a_formula(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, user_id=FORMULA, feature="+1", team="@x", conversation_id="\t=1")])

    head, row = rows(client.get("/calls.csv", params=EVER))
    _, group = rows(client.get("/by/user.csv", params=EVER))

    found = dict(zip(head, row, strict=True))
    assert found["user"] == group[0] == "'" + FORMULA
    assert (found["feature"], found["team"], found["session"]) == ("'+1", "'@x", "'\t=1")


@pytest.mark.parametrize(
    "cell", ["-1+1", " =1", "\r=1", "\n=1", "\xa0=1", "\ufeff@x", "\uff1d1", "\uff0b1", "\x00-1"]
)
def test_text_that_a_spreadsheet_would_run_is_quoted(cell: str):
    assert safe(cell) == "'" + cell


def test_no_text_of_a_sender_becomes_a_formula_or_another_cell(
    client: httpx2.Client, store: DuckDBStore
):
    evil = '=cmd|x;=HYPERLINK("http://evil.example","a,b")'
    texts = {
        name: evil
        for name in FULL.__slots__
        if isinstance(getattr(FULL, name), str) and name != "operation"
    }
    lists = {"flags": (evil,), "finish_reasons": (evil,), "tags": {evil: evil}}
    store.write([a_call(1, **{**texts, **lists, "operation": "chat", "cost": usd(1.0)})])

    exported = client.get("/calls.csv", params=EVER)
    head, row = rows(exported)

    told = dict(zip(head, row, strict=True))
    assert {name for name, cell in told.items() if cell == "'" + evil} >= {
        *("service", "provider", "model", "user", "feature", "team", "tenant", "session"),
        *("prompt_name", "prompt_version", "error_type", "finish_reasons", "flags"),
    }
    assert not [cell for cell in row if cell.startswith(tuple("=+-@"))]
    # Where ";" separates cells: no text is outside of quotes, so that none begins another cell.
    outside = exported.text.splitlines()[1].replace('""', "").split('"')[::2]
    assert set("".join(outside)) == {","}


@pytest.mark.parametrize("cell", [-1, -0.5, None, "a=b", "", 0])
def test_numbers_and_plain_text_stay_as_they_are(cell: object):
    assert safe(cell) == cell


def test_groups_leave_as_csv(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, user_id="ann", cost=usd(0.5)), a_call(2)])

    head, *groups = rows(client.get("/by/user.csv", params=EVER))

    costs = {row[0]: dict(zip(head, row, strict=True))["total_cost_usd"] for row in groups}
    assert costs == {"": "", "ann": "0.5"}


def test_more_calls_than_a_page_leave_too(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(n) for n in range(2_500)])

    assert len(rows(client.get("/calls.csv", params=EVER))) == 2_501


@pytest.mark.parametrize("path", ["/by/nothing.csv", "/calls.csv?since=yesterday"])
def test_a_table_that_cannot_be_made_is_explained(client: httpx2.Client, path: str):
    answer = client.get(path)

    assert answer.status_code in (404, 422)
    assert Page(answer.text).all("h1")


def test_a_fixed_link_shows_the_same_whenever_it_is_opened(client: httpx2.Client):
    page = get(client, "/cost", since="24h", model="gpt-4o")

    (fixed,) = [link["href"] or "" for link in page.all("a") if link.get("class") == "fixed"]
    query = httpx2.URL("http://x" + fixed).params
    assert int(query["until"]) - int(query["since"]) == 86_400
    assert query["model"] == "gpt-4o"
