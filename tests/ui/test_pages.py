"""The pages as HTML over real HTTP: what they show, and what can never become markup."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from html.parser import HTMLParser

import httpx2
import pytest

from otel_llm.api import ApiConfig, ApiServer, create_app
from otel_llm.genai import Usage
from otel_llm.store import DuckDBStore, Filter, StoreConfig
from otel_llm.ui import pages
from otel_llm.ui.columns import columns, step_s
from otel_llm.ui.waterfall import Bar, waterfall
from tests.api.alarms import SLOW, Alarms
from tests.store.examples import FULL, NOON, SECOND, a_call, usd

EVER = {"since": "2020-01-01"}
EVIL = "'\"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


class Page(HTMLParser):
    """What a browser would find: elements, their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += " " + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def store() -> Iterator[DuckDBStore]:
    store = DuckDBStore(StoreConfig(retain_for_s=0))
    yield store
    store.close()


@pytest.fixture
def client(store: DuckDBStore) -> Iterator[httpx2.Client]:
    alarms = Alarms(SLOW)
    config = ApiConfig(endpoint="127.0.0.1:0")
    app = create_app(store, config, alerts=alarms, pages=pages(store, alerts=alarms.alerts))
    server = ApiServer(app, config)
    server.start()
    with ExitStack() as running:
        running.callback(server.stop)
        yield running.enter_context(httpx2.Client(base_url=server.url))


def get(client: httpx2.Client, path: str, **params: str) -> Page:
    answer = client.get(path, params=params)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


def words(page: Page) -> str:
    return " ".join(page.text.split())


def test_the_overview_of_an_empty_store_shows_unknown_and_not_zero(client: httpx2.Client):
    text = words(get(client, "/"))

    assert "Calls 0 Cost — Error rate — Duration p95 — p50 — First chunk p50 —" in text
    assert "No calls in this range." in text
    assert "their content was not captured" in text


def test_the_overview_shows_sums_models_errors_flags_and_calls(
    client: httpx2.Client, store: DuckDBStore
):
    store.write([FULL, a_call(2, cost=usd(0.5), flags=()), a_call(3)])

    text = words(get(client, "/", **EVER))

    assert "Calls 3 Cost $0.5000 1 unpriced Error rate 33.3% 1 failed" in text
    assert "gpt-4o-2024-08-06 1 — 0 100% 2.00 s 2.00 s 250 ms" in text
    assert "openai.RateLimitError 1" in text
    assert "refusal 1" in text
    assert "2026-09-21 14:13:20 gpt-4o-2024-08-06 ann search 1 → 2 0.5 EUR 250 ms 2.00 s" in text
    assert "unpriced" in text


def test_firing_alerts_are_on_top_of_the_overview(client: httpx2.Client):
    page = get(client, "/")

    assert "Firing alerts critical slow: p95 is <b>12 s</b> example" in words(page)
    assert f"/traces/{SLOW.trace_id}" in [link.get("href") for link in page.all("a")]
    assert page.all("b") == []


def test_columns_lead_to_the_calls_of_their_time(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, at=time.time_ns() - 60 * SECOND)])
    overview = get(client, "/")
    href = next(
        link["href"]
        for link in overview.all("a")
        if (link.get("href") or "").startswith("/calls?since=20")
    )

    answer = Page(client.get(href).text)

    assert f"/traces/{1:032x}#s{1:016x}" in [link.get("href") for link in answer.all("a")]


def test_the_calls_page_searches_and_pages(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(n, user_id="ann") for n in range(150)] + [FULL])

    first = get(client, "/calls", text="ANN", failed="false", user="", **EVER)
    older = next(link["href"] for link in first.all("a") if link.get("rel") == "next")
    second = Page(client.get(older).text)

    assert len(first.all("tr")) == 1 + 100
    assert len(second.all("tr")) == 1 + 50
    assert {"name": "text", "value": "ANN", "placeholder": "name, model, user, session or id"} in (
        first.all("input")
    )


def test_the_trace_page_shows_every_span_with_its_numbers(
    client: httpx2.Client, store: DuckDBStore
):
    trace = "a" * 32
    store.write(
        [
            a_call(
                1, ms=2_000, trace_id=trace, operation="invoke_agent", name="agent", provider=None
            ),
            a_call(
                2,
                ms=500,
                trace_id=trace,
                parent_id=f"{1:016x}",
                usage=Usage(input_tokens=7, output_tokens=3),
                cost=usd(0.25),
                time_to_first_chunk_s=0.1,
                flags=("truncated",),
            ),
        ]
    )

    page = get(client, f"/traces/{trace}")

    assert "Duration 2.00 s Model calls 1 2 spans Cost $0.2500 Tokens 10 Errors 0" in words(page)
    assert "chat gpt-4o chat · openai · gpt-4o First chunk 500 ms 100 ms 7 → 3 $0.2500" in words(
        page
    )
    assert [row["id"] for row in page.all("tr") if "id" in row] == [f"s{1:016x}", f"s{2:016x}"]
    assert [head.get("class") for head in page.all("th") if head.get("scope") == "row"] == [
        "depth0",
        "depth1",
    ]


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/traces/" + "0" * 32, 404, "No GenAI span of this trace is stored"),
        ("/calls?cursor=x", 422, "That page does not exist."),
        ("/calls?since=yesterday", 422, "since: Value error, expected a time such as 24h"),
        ("/?colour=blue", 422, "colour: Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_explained_on_a_page(client: httpx2.Client, path, status, text):
    answer = client.get(path)

    assert answer.status_code == status
    assert text in words(Page(answer.text))


@pytest.mark.parametrize("path", ["/", "/calls", "/traces/" + FULL.trace_id])
def test_nothing_a_sender_wrote_becomes_markup(
    client: httpx2.Client, store: DuckDBStore, path: str
):
    texts = {
        name: EVIL
        for name, value in ((slot, getattr(FULL, slot)) for slot in FULL.__slots__)
        if isinstance(value, str) and name not in ("trace_id", "operation")
    }
    many = {"flags": (EVIL,), "finish_reasons": (EVIL,), "tags": {EVIL: EVIL}}
    store.write([a_call(1, **{**texts, **many, "trace_id": FULL.trace_id, "operation": "chat"})])

    page = get(client, path, **({} if "traces" in path else EVER))

    assert EVIL in page.text
    assert page.all("img") == []
    assert {attributes.get("src") for attributes in page.all("script")} <= {
        "/static/page.js",
        "/static/htmx.min.js",
        "/static/uplot.min.js",
    }
    assert not [a for _, attrs in page.elements for a in attrs if a.startswith("on")]
    for link in page.all("a"):
        assert (link["href"] or "")[0] in "/#", link


def test_search_words_come_back_as_text_and_not_as_markup(client: httpx2.Client):
    page = get(client, "/calls", text=EVIL, model=EVIL)

    assert [field["value"] for field in page.all("input") if field["name"] == "text"] == [EVIL]
    assert page.all("img") == []


@pytest.mark.parametrize("path", ["/", "/calls", "/traces/" + FULL.trace_id, "/traces/none"])
def test_a_page_loads_nothing_from_elsewhere_and_has_no_inline_style_or_script(
    client: httpx2.Client, store: DuckDBStore, path: str
):
    store.write([FULL])

    page = get(client, path)

    for tag, attributes in page.elements:
        assert "style" not in attributes, (tag, attributes)
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "/")[0] in "/#", (tag, attributes)
        if tag == "script":
            assert attributes.get("src")


@pytest.mark.parametrize("path", ["/", "/calls", "/traces/" + FULL.trace_id])
def test_a_page_can_be_read_by_a_screen_reader(
    client: httpx2.Client, store: DuckDBStore, path: str
):
    store.write([FULL])

    page = get(client, path)

    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in head for head in page.all("th"))
    assert all("aria-label" in drawing for drawing in page.all("svg"))


def test_files_may_be_kept_and_pages_may_not(client: httpx2.Client):
    assert client.get("/static/style.css").headers["cache-control"] == "no-cache"
    assert client.get("/").headers["cache-control"] == "no-store"


def test_no_file_outside_the_static_folder_is_served(client: httpx2.Client):
    assert client.get("/static/../pages.py").status_code == 404
    assert client.get("/static/%2e%2e/pages.py").status_code == 404
    assert client.get("/static/templates/base.html").status_code == 404


def test_a_bar_stands_where_its_span_ran(store: DuckDBStore):
    trace = "a" * 32
    first = a_call(1, at=NOON, ms=1_000, trace_id=trace)
    second = a_call(2, at=NOON + SECOND, ms=3_000, trace_id=trace, time_to_first_chunk_s=1.0)
    store.write([first, second])
    found = store.trace(trace)
    assert found is not None

    assert waterfall(found) == [Bar(first, 0, 0, 25, None), Bar(second, 0, 25, 75, 50)]


def test_a_span_that_ends_before_it_starts_still_has_a_bar(store: DuckDBStore):
    odd = a_call(1, ms=-5)
    store.write([odd])
    found = store.trace(odd.trace_id)
    assert found is not None

    assert waterfall(found) == [Bar(odd, 0, 0, 0, None)]


def test_a_chart_has_a_column_for_every_step_also_the_empty_ones(store: DuckDBStore):
    where = Filter(since_ns=0, until_ns=4 * 60 * SECOND)
    store.write([a_call(1, at=0), a_call(2, at=1), a_call(3, at=120 * SECOND, error_type="x")])

    drawn = columns(store.series(60, where), where, 60, 0)

    assert [(column.height, column.failed) for column in drawn] == [
        (100, 0),
        (0, 0),
        (50, 50),
        (0, 0),
        (0, 0),
    ]


@pytest.mark.parametrize(
    ("hours", "step"), [(1, 60), (24, 3_600), (24 * 7, 10_800), (24 * 30, 86_400)]
)
def test_a_step_gives_at_most_sixty_columns(hours: int, step: int):
    assert step_s(Filter(since_ns=0), hours * 3_600 * SECOND) == step
