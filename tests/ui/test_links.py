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
from otel_llm.store import DuckDBStore, Incident
from otel_llm.ui import pages
from tests.api.alarms import SLOW
from tests.api.conftest import serving
from tests.store.examples import FULL, NOON, SECOND, a_call, usd
from tests.store.stores import in_memory
from tests.ui.test_pages import EVIL, Page


def _fill(store: DuckDBStore) -> None:
    odd = [
        a_call(n, name=text, user_id=text, feature=text, conversation_id=text, cost=usd(0.1))
        for n, text in enumerate(
            ("a&b=c?d#e", "../x", "%00%", "a/b", "\u202e", EVIL, "n" * 1_000), 1
        )
    ]
    plenty = [a_call(n, at=NOON - n * SECOND) for n in range(100, 200)]
    store.write([FULL, *odd, *plenty])
    store.add_incidents([Incident("a:1", NOON, {**SLOW.to_json(), "fired_at": NOON / 1e9})])


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    """A dashboard with something on every page."""
    config = AlertingConfig(budgets=(BudgetConfig(name="b", limit=10.0, group_by=("user",)),))
    service = AlertService(config, clock=lambda: NOON / 1e9)
    store = in_memory()
    _fill(store)
    service.observe([a_call(1, at=NOON - SECOND, cost=usd(11), user_id=EVIL, error_type="e")])
    service.evaluate()
    with serving(store, alerts=service, pages=pages(store, alerts=service)) as client:
        yield client
    service.stop(0.1)
    store.close()


def _leading(page: Page) -> Iterator[str]:
    for tag, name in (("a", "href"), ("link", "href"), ("script", "src"), ("div", "hx-get")):
        yield from (str(found[name]) for found in page.all(tag) if found.get(name))


def _kind(address: str) -> tuple[object, ...]:
    """What addresses have in common that differ only in which call or name they are about."""
    parts = urlsplit(address)
    given = parse_qs(parts.query, keep_blank_values=True)
    closed = [(name, given[name][0]) for name in ("most", "format", "failed") if name in given]
    return re.sub(r"[0-9a-f]{32}", "TRACE", parts.path), tuple(sorted(given)), tuple(closed)


def test_every_link_leads_to_a_page(client: httpx2.Client):
    todo, seen = ["/?since=2020-01-01", "/"], set[tuple[object, ...]]()
    while todo:
        address = todo.pop()
        if _kind(address) in seen:
            continue
        seen.add(_kind(address))
        answer = client.get(address)
        assert answer.status_code == 200, address
        if "html" in answer.headers["content-type"]:
            todo += [urljoin(address, href) for href in _leading(Page(answer.text))]

    assert len(seen) > 100
    assert {"/by/model", "/alerts/history", "/session"} <= {path for path, *_ in seen}
