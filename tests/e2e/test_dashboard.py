"""The dashboard in a real Chromium: clicked through, in light and dark, without console errors.

Skipped where there is no ``chromium``. ``OTEL_LLM_SCREENSHOTS=DIR`` keeps pictures of every page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.service import AlertService
from otel_llm.collector.measures.samples import Family, Sample, counter, gauge
from otel_llm.genai import Document, Usage
from otel_llm.store import DuckDBStore, Incident, Score, StoreConfig
from otel_llm.store.content import ContentConfig, ContentStore
from otel_llm.ui import pages
from tests.api.alarms import SLOW, Alarms
from tests.api.conftest import serving
from tests.store.examples import SECOND, a_call, usd

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

expect = playwright.expect
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
CHROMIUM = shutil.which("chromium")
TRACE = "a" * 32
HERE = "http://127.0.0.1:"
EVIL = "<script>alert(1)</script>"

MEASURES = [
    counter("otel_llm_store_failed_calls", "Calls the store could not take", 3),
    gauge("otel_llm_store_pending_calls", "Calls that wait to be stored", 7),
    Family(
        "otel_llm_evaluation_suite_pass_rate",
        "gauge",
        "Share of a suite's cases that passed when it was last run",
        [Sample(0.75, {"suite": "smoke", "model": "gpt-4o"})],
    ),
]

DRAWN = """canvas => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""
"""Pixels that are not empty."""

COLOURED = """canvas => {
  const hex = getComputedStyle(document.documentElement).getPropertyValue("--c1").trim();
  const wanted = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    found += wanted.every((part, place) => data[at + place] === part);
  }
  return found;
}"""
"""Pixels in the colour of the first curve."""

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContentStore]:
    """What was said, for who holds the token ``s3cret``."""
    folder = tmp_path_factory.mktemp("content")
    (folder / "token").write_text("s3cret")
    config = ContentConfig(folder / "c.db", key="00" * 32, token_file=str(folder / "token"))
    content = ContentStore(config)
    yield content
    content.close()


@pytest.fixture(scope="module")
def store(content: ContentStore) -> Iterator[DuckDBStore]:
    """An hour with one wrong answer in it."""
    store = DuckDBStore(StoreConfig(retain_for=0))
    _fill(store, content)
    yield store
    store.close()


@pytest.fixture(scope="module")
def alarms() -> Alarms:
    return Alarms(SLOW)


@pytest.fixture(scope="module")
def watch_url(store: DuckDBStore, content: ContentStore) -> Iterator[str]:
    """The pages over a real alert service, with a budget half spent and content that is kept."""
    config = AlertingConfig(budgets=(BudgetConfig(name="month", limit=4.0),))
    service = AlertService(config)
    service.observe(list(store.history(0)))
    service.silence({"alertname": "slow"}, 3_600, "ann", "known")
    shown = pages(store, alerts=service, measures=lambda: MEASURES)
    with serving(store, alerts=service, pages=shown, content=content) as client:
        yield str(client.base_url)
    service.stop(0.1)


@pytest.fixture(scope="module")
def url(store: DuckDBStore, alarms: Alarms) -> Iterator[str]:
    """Where the pages are."""
    with serving(store, alerts=alarms, pages=pages(store, alerts=alarms)) as client:
        yield str(client.base_url)


def _fill(store: DuckDBStore, content: ContentStore) -> None:
    now = time.time_ns()
    message = {"role": "assistant", "parts": [{"type": "text", "content": EVIL}]}
    said = {"gen_ai.output.messages": json.dumps([message])}
    alert = SLOW.to_json() | {"fired_at": now / 1e9 - 600, "resolved_at": now / 1e9 - 300}
    store.add_incidents([Incident("a:1", now - 660 * SECOND, alert)])
    store.add_scores(
        [
            Score(f"{name}{n}", f"{n:032x}", None, name, n % 5 / 4, source, now - n * 120 * SECOND)
            for n in range(1, 60)
            for name, source in (("rating", "human"), ("relevance", "automatic"))
        ]
    )
    quiet = [
        a_call(n, at=now - n * 120 * SECOND, cost=usd(0.01), user_id="ann", flags=())
        for n in range(1, 200)
    ]
    at = now - 30 * SECOND
    wrong = [
        a_call(900, at=at, ms=5_000, trace_id=TRACE, operation="invoke_agent", name="agent"),
        a_call(
            901,
            at=at + SECOND,
            ms=3_000,
            trace_id=TRACE,
            parent_id=f"{900:016x}",
            usage=Usage(input_tokens=900, output_tokens=4_000),
            time_to_first_chunk_s=0.7,
            request_model="local-llama",
            flags=("truncated", EVIL),
            finish_reasons=("length",),
            user_id=EVIL,
            conversation_id="s1",
            feature="search",
            prompt_name="answer",
            prompt_version="3",
            max_tokens=4_000,
            content_reference=content.put(said, TRACE, f"{901:016x}"),
        ),
        a_call(
            902,
            at=at + SECOND // 2,
            ms=300,
            trace_id=TRACE,
            parent_id=f"{900:016x}",
            operation="retrieval",
            name="retrieval handbook",
            documents=(Document("handbook-3", 0.31), Document("handbook-9", 0.12)),
        ),
    ]
    store.write([*quiet, *wrong])


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def page(request, url: str, browser):
    """A fresh page; the test fails on any error in the console or any request that leaves."""
    with closing(
        browser.new_context(
            base_url=url, color_scheme=request.param, viewport={"width": 1280, "height": 900}
        )
    ) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append("dialog " + dialog.message))
        page.on(
            "request",
            lambda sent: None if sent.url.startswith(HERE) else problems.append(sent.url),
        )
        page.scheme = request.param
        yield page
        assert problems == []


def keep(page, name: str) -> None:
    if folder := os.environ.get("OTEL_LLM_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{page.scheme}.png", full_page=True)


def test_from_the_overview_over_the_call_to_its_trace(page):
    page.goto("/")
    keep(page, "overview")
    assert page.locator("h1").inner_text() == "Overview"
    assert "critical slow" in page.locator(".alerts").inner_text()

    page.get_by_role("link", name="30d").click()
    page.get_by_role("link", name="local-llama").first.click()
    keep(page, "calls")
    expect(page.locator("tbody tr")).to_have_count(1)

    page.locator("tbody tr a").first.click()
    keep(page, "trace")
    expect(page.locator(".waterfall tbody tr")).to_have_count(3)
    assert EVIL in page.locator(".waterfall").inner_text()

    # What went wrong is open, the rest is not.
    opened = page.locator("details[open]")
    expect(opened).to_have_count(1)
    assert "Finish reasons" in opened.inner_text()

    page.get_by_role("link", name="Why did it go wrong?").click()
    expect(page.locator(".cause")).to_contain_text("chat gpt-4o was cut off")
    keep(page, "debug")


def test_a_point_of_a_plot_leads_to_its_calls(page):
    page.goto("/?since=24h")
    over = page.locator("figure.plot .u-over").first
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + box["height"] / 2)
    expect(page.locator("figure.plot").first.locator(".u-legend")).to_contain_text("calls")
    page.mouse.click(box["x"] + box["width"] - 10, box["y"] + box["height"] / 2)

    expect(page.locator("h1")).to_have_text("Calls")
    assert "since=" in page.url
    assert page.locator("tbody tr a").count() > 0


SPIKE = """figure => {
  const {times, curves} = JSON.parse(figure.querySelector("script").textContent);
  const values = times.map((_, at) => Math.max(...curves.map((curve) => curve.values[at] ?? 0)));
  const place = values.indexOf(Math.max(...values));
  return [(times[place] - times[0]) / (times[times.length - 1] - times[0]), times[place]];
}"""
"""Where the highest point of a plot is, as a share of its width, and when that was."""


def test_from_a_spike_to_the_reason(page, store: DuckDBStore):
    """Overview, spike, call, trace, debug report."""
    at = time.time_ns() - 7 * 3_600 * SECOND
    dear = {"cost": usd(3.0), "user_id": "dan", "finish_reasons": ("length",), "flags": ()}
    store.write([a_call(n, at=at + n, **dear) for n in range(7_000, 7_004)])
    page.goto("/?since=24h")
    figure = page.locator("figure.plot").nth(1)
    expect(figure.locator("canvas")).to_have_count(1)
    share, moment = figure.evaluate(SPIKE)
    over = figure.locator(".u-over").bounding_box()

    page.mouse.click(over["x"] + share * over["width"], over["y"] + over["height"] / 2)
    expect(page.locator("h1")).to_have_text("Calls")
    assert f"since={moment}" in page.url
    expect(page.locator("tbody tr").first).to_contain_text("$3.00")
    page.locator("tbody a").first.click()
    expect(page.locator(".waterfall tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Why did it go wrong?").click()

    expect(page.locator(".cause")).to_contain_text("chat gpt-4o was cut off")
    expect(page.locator(".cause")).to_contain_text("finish reasons: length")


def test_a_point_between_gaps_is_drawn(page, store: DuckDBStore):
    """One rating in a day is no line: it is a dot."""
    page.goto("/quality?since=24h&user=nobody")
    expect(page.locator("figure.plot").nth(2)).to_contain_text("Nobody and nothing gave a score")
    assert page.locator("figure.plot").nth(2).locator("canvas").count() == 0
    trace = f"{8_000:032x}"
    store.write([a_call(8_000, at=time.time_ns() - 60 * SECOND, user_id="lone")])
    store.add_scores([Score("lone", trace, None, "rating", 1.0, "human", time.time_ns())])

    page.goto("/quality?since=24h&user=lone")

    assert page.locator("figure.plot").nth(2).locator("canvas").evaluate(COLOURED) > 5


def test_a_zoom_has_an_address_of_its_own(page):
    page.goto("/?since=24h&model=gpt-4o")
    figure = page.locator("figure.plot").first
    expect(figure.locator("a.zoomed")).to_be_hidden()
    box = figure.locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 50, steps=5)
    page.mouse.up()

    figure.get_by_role("link", name="This range alone").click()

    expect(page.locator(".conditions")).to_contain_text("UTC")
    query = parse_qs(urlsplit(page.url).query)
    assert query["model"] == ["gpt-4o"]
    assert 3_600 < int(query["until"][0]) - int(query["since"][0]) < 12 * 3_600


def test_any_range_can_be_typed(page):
    page.goto("/cost?model=gpt-4o")
    page.get_by_text("Other range").click()
    page.get_by_label("From (UTC)").fill("2026-09-01T00:00")
    page.get_by_label("Until (UTC)").fill("2026-09-02T12:30")
    page.get_by_role("button", name="Show").click()

    expect(page.locator(".conditions")).to_contain_text("2026-09-01 00:00 to 2026-09-02 12:30 UTC")
    expect(page.locator(".conditions")).to_contain_text("model: gpt-4o")
    page.get_by_role("link", name="Latency").click()
    assert "since=2026-09-01" in page.url  # the range stays from page to page
    page.get_by_role("link", name="Yesterday").click()
    day = datetime.now(UTC).date() - timedelta(days=1)
    assert f"since={day}" in page.url


def test_dragging_zooms_and_stays_on_the_page(page):
    page.goto("/?since=1h")
    box = page.locator("figure.plot .u-over").first.bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 50, steps=5)
    page.mouse.up()

    expect(page.locator("h1")).to_have_text("Overview")


@pytest.mark.parametrize("board", ["cost", "latency", "errors", "quality"])
def test_every_dashboard_draws_its_plots(page, board: str):
    page.goto(f"/{board}?since=24h")

    figures = page.locator("figure.plot:has(.canvas)")
    assert figures.count() > 0
    expect(figures.locator("canvas")).to_have_count(figures.count())
    for canvas in figures.locator("canvas").all():
        assert canvas.evaluate(DRAWN) > 50
    keep(page, board)


@pytest.mark.parametrize("path", ["/by/user", "/by/model", "/session?id=s1", "/alerts"])
def test_the_other_pages_show_themselves(page, path: str):
    page.goto(path)

    assert page.locator("tbody tr").count() > 0
    keep(page, re.sub(r"\W+", "-", path.strip("/")))


PAGES = ("watch", "budgets", "alerts", "alerts/history", "evaluations", "unpriced", "data-health")


@pytest.mark.parametrize("path", PAGES)
def test_what_is_watched_and_found_shows_itself(page, watch_url: str, path: str):
    page.goto(f"{watch_url}/{path}")

    assert page.locator("tbody tr").count() > 0
    keep(page, "real-" + path.replace("/", "-"))
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_alert_is_silenced_by_a_form(page, alarms: Alarms):
    alarms.found, alarms.silenced = {SLOW.id: SLOW}, {}
    page.goto("/alerts")
    page.get_by_role("link", name="Silence").click()
    expect(page.get_by_label("Labels")).to_have_value(re.compile("alertname=slow\\nmodel=gpt-4o"))
    page.get_by_label("For").select_option("8h")
    page.get_by_label("Why").fill("known")
    page.get_by_role("button", name="Silence").click()

    expect(page.locator("#silence tbody")).to_contain_text("known")
    page.get_by_role("button", name="End").click()
    expect(page.locator("#silence tbody")).to_contain_text("Nothing is silenced.")


def test_what_was_said_is_shown_to_who_holds_the_token(page, watch_url: str):
    page.goto(f"{watch_url}/traces/{TRACE}")
    page.get_by_label("Content token").fill("s3cret")
    page.get_by_role("button", name="Show").click()

    expect(page.locator(".said pre")).to_have_text(EVIL)
    expect(page.locator(".said h4")).to_have_text("assistant")
    keep(page, "content")


def test_switching_the_range_keeps_the_conditions(page):
    page.goto("/cost?model=local-llama&since=24h")
    page.get_by_role("link", name="7d").click()
    expect(page.locator(".conditions")).to_contain_text("local-llama")
    page.get_by_role("link", name="Fixed link").click()

    assert "until=" in page.url
    assert "model=local-llama" in page.url


def test_a_table_is_taken_away_as_a_file(page):
    page.goto("/calls?since=24h")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()

    assert "trace_id" in download.value.path().read_text()


def test_new_calls_appear_by_themselves(page, store: DuckDBStore):
    page.clock.install()
    page.goto("/calls")
    page.goto("/")
    before = page.locator(".tile dd").first.inner_text()
    store.write([a_call(n, at=time.time_ns()) for n in range(5_000, 5_003)])

    page.clock.run_for(11_000)

    expect(page.locator(".tile dd").first).to_have_text(str(int(before) + 3))
    expect(page.locator("figure.plot canvas")).to_have_count(2)


NO_ANSWERS = {
    "the store is away": {"status": 503, "json": {"title": "Service Unavailable"}},
    "the token is not taken any more": {"status": 401, "json": {"title": "Unauthorized"}},
    "a proxy before a collector that restarts": {"status": 502, "body": "<h1>Bad Gateway</h1>"},
    "a login page of a proxy": {"status": 200, "body": "<h1>Log in</h1>"},
    "no collector": None,
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_a_page_left_open_outlives_an_answer_that_did_not_come(browser, url: str, answer):
    with closing(browser.new_context(base_url=url)) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.clock.install()
        page.goto("/calls?since=24h")
        rows = page.locator("#live tbody tr").count()
        away = re.compile("/calls")
        page.route(away, lambda route: route.fulfill(**answer) if answer else route.abort())

        page.clock.run_for(11_000)
        expect(page.locator("#stale")).to_contain_text("What is shown is of ")
        assert page.locator("#live tbody tr").count() == rows

        page.unroute(away)
        page.clock.run_for(11_000)
        expect(page.locator("#stale")).to_be_hidden()
        assert page.locator("#live tbody tr").count() >= rows


def test_an_old_address_of_a_span_leads_to_the_part_of_the_trace_that_has_it(
    page, store: DuckDBStore
):
    large, now = "e" * 32, time.time_ns()
    store.write([a_call(20_000 + n, at=now + n, trace_id=large) for n in range(1_200)])
    last = f"{21_199:016x}"
    page.goto(f"/traces/{large}#s{last}")

    expect(page.locator(f"#s{last}")).to_be_visible()
    assert f"span={last}" in page.url
    expect(page.get_by_role("link", name="Spans before")).to_be_visible()
    page.get_by_role("link", name="more spans").first.click()
    expect(page.locator("#w .note").first).to_contain_text("Spans 1 to 500 of 1,200")
    page.go_back()
    expect(page.locator(f"#s{last}")).to_be_visible()
    store.ask("DELETE FROM calls WHERE trace_id = ?", [large])


def test_an_alert_is_acknowledged_and_resolved_by_clicking(page, alarms: Alarms):
    alarms.found = {SLOW.id: SLOW}
    page.goto("/alerts")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#live tbody")).to_contain_text("acknowledged by dashboard")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator("#live tbody")).to_contain_text("resolved")


def test_search_finds_by_typing(page):
    page.goto("/calls")
    page.get_by_label("Search").fill("LLAMA")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_keyboard_reaches_the_content_first(page):
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"


def test_a_phone_needs_no_sideways_scrolling(page):
    page.set_viewport_size({"width": 390, "height": 800})
    paths = ("/", "/cost", "/calls", "/by/user", "/alerts", f"/traces/{TRACE}")
    long = "a" * 900
    for path in (*paths, f"/traces/{TRACE}/debug", f"/calls?user={long}", f"/by/model?user={long}"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    keep(page, "phone")


RULES = ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]
EVERY_PAGE = (
    *("", "cost", "latency", "errors", "quality", "calls", "by/user", *PAGES),
    *("session?id=s1", f"traces/{TRACE}", f"traces/{TRACE}/debug"),
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(browser, url: str, watch_url: str, scheme: str):
    """Labels, names, contrast, order, landmarks: WCAG 2.1 AA as far as a program can tell."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    broken = []
    with closing(browser.new_context(color_scheme=scheme, bypass_csp=True)) as context:
        page = context.new_page()
        for address in (f"{url}/alerts", *(f"{watch_url}/{path}" for path in EVERY_PAGE)):
            page.goto(address)
            found = axe.run(page, options={"runOnly": RULES}).response
            assert len(found["passes"]) > 20
            broken += [
                (address, rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]
            ]

    assert broken == []
