"""The pages as HTML over real HTTP: what they show, and what can never become markup."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser

import httpx2
import pytest

from otel_llm.genai import Usage
from otel_llm.store import DIMENSIONS, DuckDBStore, PlainSpan, StoreConfig
from otel_llm.ui import pages
from otel_llm.ui.asked import ask
from otel_llm.ui.plots import Curve, plot, plot_by
from otel_llm.ui.waterfall import Bar, waterfall
from tests.api.alarms import SLOW, Alarms
from tests.api.conftest import serving
from tests.store.examples import FULL, NOON, SECOND, a_call, usd
from tests.store.stores import emptied
from tests.store.test_scores import RATED

DATA = r'<script type="application/json">(.*?)</script>'
EVER = {"since": "2020-01-01"}
SCRIPTS = ("/static/page.js", "/static/vendor/htmx.min.js", "/static/vendor/uplot.min.js")
EVIL = "'\"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"


EVIL_ALERT = replace(
    SLOW,
    id="e" * 16,
    state="pending",
    rule=EVIL,
    labels={EVIL: EVIL},
    annotations={"summary": EVIL},
)
ALL_PAGES = [
    "/",
    "/cost",
    "/latency",
    "/errors",
    "/quality",
    "/calls",
    "/by/user",
    "/alerts",
    "/alerts/history",
    "/evaluations",
    "/unpriced",
    "/data-health",
    "/session?id=c1",
    "/traces/" + FULL.trace_id,
    "/traces/" + FULL.trace_id + "/debug",
]

WITHOUT_CALLS = ("/alerts/history", "/unpriced", "/data-health")
"""Show something else, or only some; see their own tests."""


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
def store(kept_store: DuckDBStore) -> DuckDBStore:
    return emptied(kept_store)


@pytest.fixture(scope="module")
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture(scope="module")
def kept_client(kept_store: DuckDBStore, alarms: Alarms) -> Iterator[httpx2.Client]:
    shown = pages(kept_store, alerts=alarms)
    with serving(kept_store, alerts=alarms, pages=shown) as client:
        yield client


@pytest.fixture
def client(kept_client: httpx2.Client, store: DuckDBStore, alarms: Alarms) -> httpx2.Client:
    alarms.found = {alert.id: alert for alert in (SLOW, EVIL_ALERT)}
    return kept_client


def get(client: httpx2.Client, path: str, **params: str) -> Page:
    answer = client.get(path, params=params or None)  # an empty one would drop the path's own
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


def words(page: Page) -> str:
    return " ".join(page.text.split())


def test_the_overview_of_an_empty_store_shows_unknown_and_not_zero(client: httpx2.Client):
    text = words(get(client, "/"))

    assert "Calls 0 Cost — Error rate — Duration p95 — p50 — First chunk p50 —" in text
    assert "Flagged — of 0 checked" in text
    assert "Errors No calls in this range. Quality flags No calls in this range." in text


def test_the_overview_says_how_to_begin_until_anything_has_come(
    client: httpx2.Client, store: DuckDBStore
):
    begin = "Nothing has arrived yet"

    assert begin in words(get(client, "/"))
    assert begin not in words(get(client, "/cost"))
    store.write([FULL])
    assert begin not in words(get(client, "/"))


def test_scores_by_rules_of_thumb_stand_apart_on_the_quality_page(
    client: httpx2.Client, store: DuckDBStore
):
    store.write([a_call(1, score=0.5, sentiment=0.5, score_relevance=0.25), a_call(2, score=1.0)])

    text = words(get(client, "/quality", **EVER))

    assert "overall (rules of thumb) 0.75 median 0.75, 1 of 2 below 0.75" in text
    assert "Tone of answers 0.75 median 0.75, 0.5 is neutral" in text
    assert "overall rules of thumb 2 0.75 0.75 1" in text
    assert "Parts of the score by rules of thumb" in text
    assert "by time (UTC) From relevance" in text


def test_a_trace_says_what_a_score_rests_on(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, score=0.7, score_relevance=0.25, score_safety=1.0)])

    text = words(get(client, "/traces/" + a_call(1).trace_id))

    parts = "Score, relevance 0.25 Score, safety 1.00"
    assert f"Score by rules of thumb 0.70 {parts}" in text


def test_the_answers_that_scored_low_are_a_click_away(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, score=0.5), a_call(2, score=1.0)])
    store.add_scores([replace(RATED, value=0.25, comment="<b>no</b>"), replace(RATED, id="2")])

    shown = get(client, "/quality", **EVER)

    links = {str(link.get("href")) for link in shown.all("a")}
    (address,) = {link for link in links if "scored_below" in link}
    assert words(get(client, address)).count("2026-09-21 14:13:21") == 1
    assert "rating ann people 0.25 <b>no</b>" in words(shown).split("Low scores")[1]
    assert any(link.startswith(f"/traces/{RATED.trace_id}") for link in links)


def test_which_scores_are_low_can_be_set():
    store = DuckDBStore(StoreConfig(retain_for=0, good_enough=0.4))
    with closing(store), serving(store, pages=pages(store)) as client:
        store.write([a_call(1, score=0.3), a_call(2, score=0.5)])
        store.add_scores([replace(RATED, value=0.45), replace(RATED, id="2", value=0.35)])

        shown = get(client, "/quality", **EVER)
        evaluations = words(get(client, "/evaluations", **EVER))
        fields = get(client, "/calls").all("input")

    text = words(shown)
    assert "overall (rules of thumb) 0.40 median 0.40, 1 of 2 below 0.4" in text
    assert "Below 0.4" in text
    assert "Scores below 0.4 that people" in text
    assert "0.75" not in text
    assert "0.35" in text.split("Low scores")[1]
    assert "0.45" not in text.split("Low scores")[1]
    links = {str(link.get("href")) for link in shown.all("a")}
    assert any(link.startswith("/calls?") and "scored_below=0.4" in link for link in links)
    assert any(link.startswith("/v1/scores?") and "below=0.4" in link for link in links)
    assert "Below 0.4" in evaluations
    assert {f.get("name"): f.get("placeholder") for f in fields}["scored_below"] == "0.4"


@pytest.mark.parametrize("limit", ["2500", "0.5", "1e-05"])
def test_a_search_is_repeated_with_the_limits_that_it_had(client: httpx2.Client, limit: str):
    page = get(client, "/calls", slower_than_ms=limit, scored_below="0.75")

    given = {field.get("name"): field.get("value") for field in page.all("input")}
    assert (given["slower_than_ms"], given["scored_below"]) == (limit, "0.75")


def test_every_percentile_is_there_by_model_and_endpoint(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(n, ms=1_000 * n, server_address="api.x") for n in range(1, 12)])

    text = words(get(client, "/latency", **EVER))

    head = "Calls Mean p50 p90 p95 p99 Slowest First chunk p50 First chunk p95"
    assert text.count(head) == 4
    assert f"Endpoint {head} api.x 11 6.00 s 6.00 s 10.00 s 10.50 s 10.90 s 11.00 s — —" in text


def test_the_errors_page_says_which_share_was_refused(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, flags=("refusal",)), a_call(2, flags=()), a_call(3)])

    assert "Refused 50.0% 1 of 2 checked" in words(get(client, "/errors", **EVER))
    assert "Refused — 0 of 0 checked" in words(get(client, "/errors", since="1", until="2"))


def test_the_cost_page_has_tenants_where_a_call_names_one(
    client: httpx2.Client, store: DuckDBStore
):
    store.write([a_call(1, cost=usd(1.0))])
    before = words(get(client, "/cost", **EVER))
    store.write([a_call(2, tenant="acme", cost=usd(3.0))])

    text = words(get(client, "/cost", **EVER))

    assert "By tenant" not in before
    assert "By tenant" in text
    assert "acme 1 $3.00" in text


def test_the_overview_shows_sums_models_errors_flags_and_calls(
    client: httpx2.Client, store: DuckDBStore
):
    store.write([FULL, a_call(2, cost=usd(0.5), flags=()), a_call(3)])

    text = words(get(client, "/", **EVER))

    assert "Calls 3 Cost $0.5000 1 unpriced Error rate 33.3% 1 failed" in text
    assert "gpt-4o-2024-08-06 1 — 0 — 3 100% 2.00 s 2.00 s 250 ms 100%" in text
    assert "openai.RateLimitError 1" in text
    assert "refusal 1" in text
    assert "2026-09-21 14:13:20 gpt-4o-2024-08-06 ann search 1 → 2 0.5 EUR 250 ms 2.00 s" in text
    assert "unpriced" in text


def test_firing_alerts_are_on_top_of_the_overview(client: httpx2.Client):
    page = get(client, "/")

    assert (
        "Firing alerts critical slow: p95 is <b>12 s</b> a call that shows it All alerts"
        in words(page)
    )
    assert f"/traces/{SLOW.trace_id}" in [link.get("href") for link in page.all("a")]
    assert page.all("b") == []


@pytest.mark.parametrize("path", ["/", "/cost", "/latency", "/errors", "/quality"])
def test_a_dashboard_draws_what_its_tables_say(
    client: httpx2.Client, store: DuckDBStore, path: str
):
    now = time.time_ns()
    store.add_scores([replace(RATED, at_ns=now - 60 * SECOND)])
    store.write(
        [
            replace(FULL, start_ns=now - 90 * SECOND, end_ns=now - 88 * SECOND),
            a_call(2, at=now - 60 * SECOND, cost=usd(0.5), flags=("empty",)),
        ]
    )

    answer = client.get(path, params={"since": "1h"})

    drawn = [json.loads(text) for text in re.findall(DATA, answer.text, re.DOTALL)]
    figures = {"/quality": 5, "/cost": 3}.get(path, 2)
    assert len(drawn) == len(Page(answer.text).all("figure")) == figures
    for given in (one for one in drawn if "of the last" not in one["title"]):
        assert given["step_s"] == 60
        assert [time - given["times"][0] for time in given["times"]] == list(range(0, 3_601, 60))
        assert given["curves"]
        for curve in given["curves"]:
            assert len(curve["values"]) == len(given["times"])
            assert any(curve["values"]), curve
    assert "gpt-4o" in answer.text


@pytest.mark.parametrize("by", DIMENSIONS)
def test_calls_are_grouped_on_a_page_and_each_group_leads_to_its_calls(
    client: httpx2.Client, store: DuckDBStore, by: str
):
    store.write([FULL, a_call(2, operation="embeddings", provider="cohere", request_model="e")])

    page = get(client, f"/by/{by}", **EVER)

    leading = [
        link["href"]
        for link in page.all("a")
        if (link["href"] or "").startswith(("/calls?", "/session?"))
    ]
    assert leading
    for href in leading:
        assert Page(client.get(href).text).all("tr")[1:], href


def test_what_cannot_be_grouped_by_is_not_found(client: httpx2.Client):
    assert client.get("/by/colour").status_code == 404


def test_a_session_is_shown_in_the_order_it_happened(client: httpx2.Client, store: DuckDBStore):
    odd = "a/b ?&#"
    store.write([a_call(n, conversation_id=odd, cost=usd(1)) for n in (2, 1, 3)])

    groups = get(client, "/by/session", **EVER)
    href = next(a["href"] for a in groups.all("a") if (a["href"] or "").startswith("/session?"))
    page = Page(client.get(href).text)

    assert "Session a/b ?&# Model calls 3 Cost $3.00" in words(page)
    times = [a["href"] for a in page.all("a") if (a["href"] or "").startswith("/traces/")]
    assert times == [f"/traces/{n:032x}?span={n:016x}#s{n:016x}" for n in (1, 2, 3)]
    assert client.get("/session?id=none").status_code == 404


def test_conditions_are_named_and_each_can_be_taken_away(client: httpx2.Client):
    page = get(client, "/cost", user="ann", model="gpt-4o")

    removing = {
        a["aria-label"]: a["href"] for a in page.all("a") if "Remove" in (a.get("aria-label") or "")
    }
    assert removing == {
        "Remove the condition user: ann": "/cost?model=gpt-4o",
        "Remove the condition model: gpt-4o": "/cost?user=ann",
    }


def test_a_page_over_the_past_stands_still_and_one_up_to_now_does_not(client: httpx2.Client):
    now, past = get(client, "/cost"), get(client, "/cost", since="2026-01-01", until="2026-01-02")

    assert [div.get("hx-get") for div in now.all("div") if div.get("id") == "live"] == ["/cost"]
    assert [div.get("hx-get") for div in past.all("div") if div.get("id") == "live"] == [None]


def test_alerts_are_listed_acknowledged_and_resolved(client: httpx2.Client):
    listed = words(get(client, "/alerts"))
    client.post(f"/alerts/{SLOW.id}/acknowledge", follow_redirects=True)
    taken = words(get(client, "/alerts"))
    answer = client.post(f"/alerts/{SLOW.id}/resolve")
    over = words(get(client, "/alerts"))

    links = "a call that shows it the calls that count"
    assert f"critical slow p95 is <b>12 s</b> {links} model: gpt-4o firing 12 10" in listed
    assert "firing acknowledged by dashboard" in taken
    assert "resolved acknowledged by dashboard" in over
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")


def test_an_alert_that_is_kept_firing_says_so_beside_its_state(
    client: httpx2.Client, alarms: Alarms
):
    over = {"over_since": SLOW.active_at + 60, "keep_firing": 300.0, "value": 0.0}
    alarms.found[SLOW.id] = replace(SLOW, **over)

    why = "its condition ended at 14:14:20 UTC; kept firing for 5m 0s after that"
    assert f"firing {why} 0 10" in words(get(client, "/alerts"))
    assert f"a call that shows it {why} All alerts" in words(get(client, "/"))


@pytest.mark.parametrize("path", ["/alerts/none/resolve", f"/alerts/{SLOW.id}/delete"])
def test_what_cannot_be_done_to_an_alert_is_not_found(client: httpx2.Client, path: str):
    assert client.post(path).status_code == 404


def test_another_site_cannot_resolve_an_alert(client: httpx2.Client, alarms: Alarms):
    answer = client.post(f"/alerts/{SLOW.id}/resolve", headers={"origin": "https://evil.example"})

    assert answer.status_code == 403
    assert alarms.found[SLOW.id].state == "firing"


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


def test_the_trace_page_shows_what_people_and_programs_think(
    client: httpx2.Client, store: DuckDBStore
):
    store.write([FULL])
    store.add_scores([replace(RATED, trace_id=FULL.trace_id, comment=EVIL)])

    page = get(client, f"/traces/{FULL.trace_id}")

    assert f"2026-09-21 14:13:20 rating ann people 0.75 {EVIL}" in words(page)
    assert page.all("img") == []


def test_groups_come_in_the_order_that_is_asked_for(client: httpx2.Client, store: DuckDBStore):
    dear = a_call(1, user_id="dan", cost=usd(2.0))
    often = [a_call(n, user_id="ann", cost=usd(0.1), error_type="timeout") for n in (2, 3)]
    store.write([dear, *often])

    def first(**asked: str) -> str:
        page = get(client, "/by/user", **EVER, **asked)
        return words(page).partition("Flagged ")[2].split()[0]

    assert [first(), first(most="cost"), first(most="errors")] == ["ann", "dan", "ann"]
    assert client.get("/by/user", params={"most": "beauty"}).status_code == 422


def test_the_cost_page_says_what_it_was_before(client: httpx2.Client, store: DuckDBStore):
    store.write([a_call(1, cost=usd(2.0)), a_call(2, at=NOON - 5 * SECOND, cost=usd(0.5))])
    range_ = {"since": str(NOON // 10**9), "until": str(NOON // 10**9 + 10)}

    text = words(get(client, "/cost", **range_))

    assert "Cost $2.00 Before $0.5000 in a range as long as this one" in text


def test_the_quality_page_keeps_people_and_programs_apart(
    client: httpx2.Client, store: DuckDBStore
):
    store.add_scores([RATED, replace(RATED, id="2", source="automatic", name="safety", value=0.5)])

    text = words(get(client, "/quality", **EVER))

    assert "rating (people) 0.75 median 0.75, 0 of 1 below 0.75" in text
    assert "safety (programs) 0.50 median 0.50, 1 of 1 below 0.75" in text
    assert "rating people 1 0.75 0.75 0 safety programs 1 0.50 0.50 1" in text


def test_the_debug_page_says_the_likely_cause_with_its_evidence(
    client: httpx2.Client, store: DuckDBStore
):
    store.write([FULL])

    text = words(get(client, f"/traces/{FULL.trace_id}/debug"))

    assert "Likely cause chat gpt-4o failed with openai.RateLimitError where it began" in text
    assert "wrong refusal chat gpt-4o was refused finish reasons: stop, length" in text
    assert "wrong truncation chat gpt-4o was cut off" in text


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


@pytest.mark.parametrize("path", [path for path in ALL_PAGES if path not in WITHOUT_CALLS])
def test_nothing_a_sender_wrote_becomes_markup(
    client: httpx2.Client, store: DuckDBStore, path: str
):
    texts = {
        name: EVIL
        for name, value in ((slot, getattr(FULL, slot)) for slot in FULL.__slots__)
        if isinstance(value, str) and name not in ("trace_id", "operation", "conversation_id")
    }
    many = {
        "conversation_id": "c1",
        "flags": (EVIL,),
        "finish_reasons": (EVIL,),
        "tags": {EVIL: EVIL},
    }
    store.write([a_call(1, **{**texts, **many, "trace_id": FULL.trace_id, "operation": "chat"})])

    page = get(client, path, **({} if "?" in path or "/traces/" in path else EVER))

    assert EVIL in page.text
    assert page.all("img") == []
    for script in page.all("script"):
        assert script.get("type") == "application/json" or script["src"] in SCRIPTS
    assert not [a for _, attrs in page.elements for a in attrs if a.startswith("on")]
    for link in page.all("a"):
        assert (link["href"] or "")[0] in "/#", link


def test_search_words_come_back_as_text_and_not_as_markup(client: httpx2.Client):
    page = get(client, "/calls", text=EVIL, model=EVIL)

    assert {field["value"] for field in page.all("input") if field["name"] == "text"} == {EVIL}
    assert page.all("img") == []


@pytest.mark.parametrize("path", [*ALL_PAGES, "/traces/none"])
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
            assert attributes.get("src") in SCRIPTS or attributes == {"type": "application/json"}


@pytest.mark.parametrize("path", ALL_PAGES)
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


def test_the_other_spans_of_a_trace_are_shown_where_they_belong(
    client: httpx2.Client, store: DuckDBStore
):
    call = a_call(1, trace_id=FULL.trace_id, parent_id="b" * 16, at=NOON + SECOND, ms=1_000)
    said = {"http.request.method": "POST", EVIL: EVIL}
    asked = PlainSpan(
        FULL.trace_id, "b" * 16, None, EVIL, 2, NOON, NOON + 4 * SECOND, EVIL, True, said
    )
    odd = PlainSpan(FULL.trace_id, "c" * 16, "b" * 16, "odd", 99, NOON + SECOND, NOON)
    store.write([call])
    store.add_spans([asked, odd])

    page = get(client, f"/traces/{FULL.trace_id}")
    text = words(page)

    assert "Duration 4.00 s Model calls 1 3 spans" in text
    assert "All spans, parents before their children Span 0 1.00 s 2.00 s 3.00 s 4.00 s" in text
    assert f"{EVIL} server · {EVIL} 4.00 s error" in text
    assert text.index(f"{EVIL} server") < text.index("chat gpt-4o chat · openai · gpt-4o 1.00 s")
    assert "http.request.method POST" in text
    assert page.all("img") == []
    found = client.get(f"/v1/traces/{FULL.trace_id}").json()
    assert [other["span_id"] for other in found["others"]] == ["b" * 16, "c" * 16]


def test_a_span_that_ends_before_it_starts_still_has_a_bar(store: DuckDBStore):
    odd = a_call(1, ms=-5)
    store.write([odd])
    found = store.trace(odd.trace_id)
    assert found is not None

    assert waterfall(found) == [Bar(odd, 0, 0, 0, None)]


MINUTES = {"since": "0", "until": "240"}


def test_a_curve_has_a_value_for_every_step_and_knows_nothing_of_the_empty_ones(
    store: DuckDBStore,
):
    store.write([a_call(1, at=0, ms=10), a_call(2, at=1, ms=30), a_call(3, at=120 * SECOND, ms=5)])

    drawn = plot(
        "Calls", "ms", ask(MINUTES), store, p50=lambda s: s.latency_p50_ms, count=lambda s: s.count
    )

    assert (drawn.step_s, drawn.times) == (60, [0, 60, 120, 180])
    assert drawn.curves == [
        Curve("p50", [20, None, 5, None]),
        Curve("count", [2, None, 1, None]),
    ]


def test_nothing_happened_is_zero_calls(store: DuckDBStore):
    drawn = plot("Calls", "count", ask(MINUTES), store, calls=lambda s: s.count)

    assert drawn.curves == [Curve("calls", [0, 0, 0, 0])]


def test_the_smaller_groups_are_drawn_as_one(store: DuckDBStore):
    store.write(
        [a_call(n, at=0, request_model=f"m{n}", cost=usd(10 - n)) for n in range(8)]
        + [a_call(9, at=60 * SECOND, request_model=None, cost=usd(50))]
    )

    drawn = plot_by("Cost", "money", ask(MINUTES), store, "model", lambda s: s.total_cost_usd)

    assert [(curve.label, curve.values[:2]) for curve in drawn.curves] == [
        ("not said", [0, 50]),
        *((f"m{n}", [10 - n, 0]) for n in range(5)),
        ("others", [5 + 4 + 3, 0]),
    ]


@pytest.mark.parametrize(
    ("since", "step"),
    [("1h", 60), ("24h", 900), ("7d", 10_800), ("30d", 21_600), ("52w", 604_800), ("0", 604_800)],
)
def test_a_range_is_drawn_in_a_bounded_number_of_steps(since: str, step: int):
    asked = ask({"since": since}, now_ns=NOON)

    assert asked.step_s == step
    assert len(asked.times) <= 1_300
    assert asked.times[-1] <= NOON // SECOND < asked.times[-1] + step


def test_what_every_day_cost_is_drawn_however_short_the_range(
    client: httpx2.Client, store: DuckDBStore
):
    day = 86_400
    store.write([a_call(n, at=NOON - n * day * SECOND, cost=usd(n + 1.0)) for n in range(3)])
    range_ = {"since": str(NOON // 10**9 - 60), "until": str(NOON // 10**9 + 60)}

    html = client.get("/cost", params=range_).text

    drawn = {one["title"]: one for one in map(json.loads, re.findall(DATA, html))}
    daily = drawn["Cost of the last 30 days"]
    assert (daily["step_s"], len(daily["times"])) == (day, 30)
    assert daily["curves"][0]["values"] == [0] * 27 + [3.0, 2.0, 1.0]
    assert daily["times"][-1] == NOON // 10**9 // day * day
