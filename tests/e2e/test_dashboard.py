"""The dashboard in a real Chromium: clicked through, in light and dark, without console errors.

Skipped where there is no ``chromium``. ``OTEL_LLM_SCREENSHOTS=DIR`` keeps pictures of every page.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.service import AlertService
from otel_llm.genai import Usage
from otel_llm.store import DuckDBStore, StoreConfig
from otel_llm.ui import pages
from tests.api.alarms import SLOW, Alarms
from tests.api.conftest import serving
from tests.store.examples import SECOND, a_call, usd

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

expect = playwright.expect
CHROMIUM = shutil.which("chromium")
TRACE = "a" * 32
HERE = "http://127.0.0.1:"
EVIL = "<script>alert(1)</script>"

DRAWN = """canvas => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.filter((value, index) => index % 4 === 3 && value > 0).length;
}"""
"""Pixels that are not empty."""

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]


@pytest.fixture(scope="module")
def store() -> Iterator[DuckDBStore]:
    """An hour with one wrong answer in it."""
    store = DuckDBStore(StoreConfig(retain_for=0))
    _fill(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def alarms() -> Alarms:
    return Alarms(SLOW)


@pytest.fixture(scope="module")
def watch_url(store: DuckDBStore) -> Iterator[str]:
    """The pages over a real alert service, with a budget half spent."""
    config = AlertingConfig(budgets=(BudgetConfig(name="month", limit=4.0),))
    service = AlertService(config)
    service.observe(list(store.history(0)))
    with serving(store, alerts=service, pages=pages(store, alerts=service)) as client:
        yield str(client.base_url)
    service.stop(0.1)


@pytest.fixture(scope="module")
def url(store: DuckDBStore, alarms: Alarms) -> Iterator[str]:
    """Where the pages are."""
    with serving(store, alerts=alarms, pages=pages(store, alerts=alarms)) as client:
        yield str(client.base_url)


def _fill(store: DuckDBStore) -> None:
    now = time.time_ns()
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
        ),
    ]
    store.write([*quiet, *wrong])


@pytest.fixture(params=["light", "dark"])
def page(request, url: str):
    """A fresh page; the test fails on any error in the console or any request that leaves."""
    with ExitStack() as closing:
        driver = closing.enter_context(playwright.sync_playwright())
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        closing.callback(browser.close)
        page = browser.new_context(
            base_url=url, color_scheme=request.param, viewport={"width": 1280, "height": 900}
        ).new_page()
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
    expect(page.locator(".waterfall tbody tr")).to_have_count(2)
    assert EVIL in page.locator(".waterfall").inner_text()

    page.locator("summary").nth(1).click()
    assert "Finish reasons" in page.locator("details").nth(1).inner_text()

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

    figures = page.locator("figure.plot")
    expect(figures.locator("canvas")).to_have_count(figures.count())
    for canvas in figures.locator("canvas").all():
        assert canvas.evaluate(DRAWN) > 50
    keep(page, board)


@pytest.mark.parametrize("path", ["/by/user", "/by/model", "/session?id=s1", "/alerts"])
def test_the_other_pages_show_themselves(page, path: str):
    page.goto(path)

    assert page.locator("tbody tr").count() > 0
    keep(page, re.sub(r"\W+", "-", path.strip("/")))


def test_what_is_watched_is_on_one_page(page, watch_url: str):
    page.goto(watch_url + "/watch")

    expect(page.locator("tbody").first).to_contain_text("month")
    keep(page, "watch")


def test_new_calls_appear_by_themselves(page, store: DuckDBStore):
    page.clock.install()
    page.goto("/calls")
    page.goto("/")
    before = page.locator(".tile dd").first.inner_text()
    store.write([a_call(n, at=time.time_ns()) for n in range(5_000, 5_003)])

    page.clock.run_for(11_000)

    expect(page.locator(".tile dd").first).to_have_text(str(int(before) + 3))
    expect(page.locator("figure.plot canvas")).to_have_count(2)


def test_an_alert_is_acknowledged_and_resolved_by_clicking(page, alarms: Alarms):
    alarms.found = {SLOW.id: SLOW}
    page.goto("/alerts")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("tbody")).to_contain_text("acknowledged by dashboard")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator("tbody")).to_contain_text("resolved")


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
    for path in ("/", "/cost", "/calls", "/by/user", "/alerts", f"/traces/{TRACE}"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    keep(page, "phone")
