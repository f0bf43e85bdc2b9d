"""What every target is told, before it takes a form: one line is one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otel_llm.alerting.notification import describe, one_line
from otel_llm.alerting.notifiers import alertmanager, email, pagerduty, teams, webhook
from otel_llm.alerting.slack_blocks import render as slack

from .world import START, alert, notification


@pytest.mark.parametrize(
    "odd",
    [
        "\r\nBcc: a@b",
        "\ncritical: all is lost",
        "\x1b[2J",
        "\u202egpj",
        "\u2028x",
        "\x85",
    ],
)
def test_what_a_name_holds_is_no_line_no_command_and_no_other_direction(odd: str):
    one = alert(labels={"team": f"a{odd}"}, annotations={"summary": f"b{odd}"})
    told = notification(one, labels={"alertname": "ErrorsHigh", "team": f"a{odd}"})

    assert told.title == f"[FIRING:1] ErrorsHigh team=a{one_line(odd)}"
    assert describe(one) == f"critical: b{one_line(odd)} (team=a{one_line(odd)})"
    assert not set(one_line(odd)) & set("\r\n\x1b\u202e\u2028\x85")
    assert len(told.text().splitlines()) == 3  # title, alert, link


def test_every_language_and_emoji_stays_as_it_is():
    text = "日本語 العربية עברית 👩\u200d👩\u200d👧 café — naïve"

    assert one_line(text) == text


def test_an_alert_that_is_kept_firing_says_so_beside_its_value():
    words = {"summary": "0% of calls failed"}
    kept = alert(annotations=words, value=0.0, over_since=START + 61, keep_firing=300.0)

    assert describe(kept) == (
        "critical: 0% of calls failed"
        " (its condition ended at 00:01:01 UTC; kept firing for 5m 0s after that)"
    )
    assert describe(replace(kept, state="resolved")) == "resolved: 0% of calls failed"


def test_what_is_over_is_told_as_it_was_and_for_how_long():
    told = alert(state="resolved", fired_at=START + 60, resolved_at=START + 1110.4)

    assert describe(told) == (
        "resolved: 12% of calls failed (over: fired for 17m 30s until 00:18:30 UTC)"
    )
    assert describe(replace(told, fired_at=None)) == "resolved: 12% of calls failed"


WIKI = "https://wiki/runbook#ErrorsHigh"


def test_every_target_is_told_the_description_and_where_it_says_what_to_do():
    words = {"summary": "12%", "description": "Payments wait.", "runbook_url": WIKI}
    told = notification(alert(annotations=words))
    config = email.EmailConfig(host="h", to=("a@b.c",), sender="d@e.f")
    plain, page = email.render(told, config).iter_parts()

    assert told.text().splitlines() == [
        "[FIRING:1] ErrorsHigh",
        "critical: 12%: Payments wait.",
        f"Trace: http://ui/{'a' * 32}",
        f"Runbook: {WIKI}",
    ]
    assert f"Runbook: {WIKI}" in plain.get_content()
    assert f'Runbook: <a href="{WIKI}">' in page.get_content()
    assert f"|trace> · <{WIKI}|runbook>" in slack(told)["blocks"][1]["text"]["text"]
    assert pagerduty.render(told)["links"][1] == {"href": WIKI, "text": "runbook"}
    (attachment,) = teams.render(told)["attachments"]
    assert attachment["content"]["actions"][1] == {
        "type": "Action.OpenUrl",
        "title": "Runbook",
        "url": WIKI,
    }


def test_an_alert_without_a_trace_leads_to_its_page():
    page = "http://ui/alerts/1"
    told = notification(alert(trace_id=None, trace_url=None, url=page))
    config = email.EmailConfig(host="h", to=("a@b.c",), sender="d@e.f")
    _, mail = email.render(told, config).iter_parts()
    (attachment,) = teams.render(told)["attachments"]

    assert told.text().splitlines()[-1] == f"Alert: {page}"
    assert f'Alert: <a href="{page}">' in mail.get_content()
    assert f"\n<{page}|alert>" in slack(told)["blocks"][1]["text"]["text"]
    assert pagerduty.render(told)["links"] == [{"href": page, "text": "alert"}]
    assert [one["url"] for one in attachment["content"]["actions"]] == [page]
    assert webhook.render(told)["alerts"][0]["generatorURL"] == page
    assert alertmanager.render(told)[0]["generatorURL"] == page


@pytest.mark.parametrize(
    "odd",
    ["javascript:alert(1)", "https://wiki/ <!channel>", "https://a|b", "wiki/page", "https://"],
)
def test_what_is_no_address_is_no_link_to_a_runbook(odd: str):
    assert notification(alert(annotations={"runbook_url": odd})).runbook is None
