"""Every link of every page leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest

from otel_llm.alerting.budgets import BudgetConfig
from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.service import AlertService
from otel_llm.api import ApiConfig
from otel_llm.store import DuckDBStore, Incident
from otel_llm.ui import pages
from tests.api.alarms import SLOW
from tests.api.conftest import ANY_PORT, serving
from tests.store.examples import FULL, NOON, SECOND, a_call, usd
from tests.store.stores import in_memory
from tests.ui.test_pages import EVIL, Page

LEADING = (("a", "href"), ("link", "href"), ("script", "src"), ("div", "hx-get"))


def _fill(store: DuckDBStore) -> None:
    odd = [
        a_call(n, name=text, user_id=text, feature=text, conversation_id=text, cost=usd(0.1))
        for n, text in enumerate(
            ("a&b=c?d#e", "../x", "%00%", "a/b", "\u202e", EVIL, "n" * 1_000), 1
        )
    ]
    plenty = [a_call(n, at=NOON - n * SECOND) for n in range(100, 200)]
    store.write([FULL, *odd, *plenty])
    alert = {**SLOW.to_json(), "fired_at": NOON / 1e9, "trace_id": FULL.trace_id}
    store.add_incidents([Incident("a:1", NOON, alert)])


@pytest.fixture(scope="module", params=["", "/otel-llm"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Under which path a proxy shows the dashboard."""
    return request.param


@pytest.fixture(scope="module")
def client(prefix: str) -> Iterator[httpx2.Client]:
    """A dashboard with something on every page."""
    api = ApiConfig(endpoint=ANY_PORT, public_url=f"https://tools.example.com{prefix}/")
    config = AlertingConfig(budgets=(BudgetConfig(name="b", limit=10.0, group_by=("user",)),))
    service = AlertService(config, clock=lambda: NOON / 1e9)
    store = in_memory()
    _fill(store)
    service.observe([a_call(1, at=NOON - SECOND, cost=usd(11), user_id=EVIL, error_type="e")])
    service.evaluate()
    shown = pages(store, alerts=service, root=api.prefix)
    with serving(store, api, alerts=service, pages=shown) as client:
        yield client
    service.stop(0.1)
    store.close()


def _leading(page: Page) -> Iterator[str]:
    for tag, name in LEADING:
        yield from (str(found[name]) for found in page.all(tag) if found.get(name))


def _kind(address: str) -> tuple[object, ...]:
    """What addresses have in common that differ only in which call or name they are about."""
    parts = urlsplit(address)
    given = parse_qs(parts.query, keep_blank_values=True)
    closed = [(name, given[name][0]) for name in ("most", "format", "failed") if name in given]
    return re.sub(r"[0-9a-f]{32}", "TRACE", parts.path), tuple(sorted(given)), tuple(closed)


def test_every_link_leads_to_a_page(client: httpx2.Client, prefix: str):
    lost = f"{prefix}/nothing"
    todo, seen = [f"{prefix}/?since=2020-01-01", f"{prefix}/", lost], set[tuple[object, ...]]()
    while todo:
        address = todo.pop()
        if _kind(address) in seen:
            continue
        seen.add(_kind(address))
        answer = client.get(address, headers={"accept": "text/html"})
        assert answer.status_code == (404 if address == lost else 200), address
        if "html" in answer.headers["content-type"]:
            page = Page(answer.text)
            todo += [urljoin(address, href) for href in _leading(page)]
            sent = [str(form["action"]) for form in page.all("form") if "action" in form]
            assert all(one.startswith(f"{prefix}/") for one in [*todo, *sent])

    assert len(seen) > 100
    known = {"/by/model", "/alerts/history", "/session", "/status"}
    assert {f"{prefix}{path}" for path in known} <= {path for path, *_ in seen}


@pytest.mark.parametrize("path", ["/budgets", "/alerts/history", "/static/style.css", "/v1/rules"])
def test_a_proxy_may_take_the_prefix_off_or_hand_it_on(
    client: httpx2.Client, prefix: str, path: str
):
    assert client.get(path).text == client.get(prefix + path).text


def test_what_leads_back_leads_below_the_prefix(client: httpx2.Client, prefix: str):
    (alert, *_) = client.get("/v1/alerts").json()["alerts"]

    taken_on = client.post(f"{prefix}/alerts/{alert['id']}/acknowledge")
    linked = client.get(f"/alerts/{alert['id']}")
    slashed = client.get(f"{prefix}/budgets/")

    assert taken_on.headers["location"] == f"{prefix}/alerts"
    assert linked.headers["location"] == f"{prefix}/alerts#a{alert['id']}"
    assert urlsplit(slashed.headers["location"]).path == f"{prefix}/budgets"
    assert client.get(prefix or "/").status_code == 200
