"""PagerDuty's Events API v2, by a server that enforces its schema."""

from __future__ import annotations

import json

import pytest

from otel_llm.alerting.errors import Rejected
from otel_llm.alerting.notifiers.pagerduty import (
    PagerDutyConfig,
    PagerDutyNotifier,
    fitted,
    render,
)
from otel_llm.alerting.notifiers.pagerduty_changes import (
    PagerDutyChangesConfig,
    PagerDutyChangesNotifier,
)

from ..servers import PagerDuty
from ..world import alert, notification, serving

KEY = "k" * 32


def test_the_event_names_what_is_wrong_where_and_since_when():
    given = notification(alert(labels={"model": "gpt-4o", "service": "search"}))

    assert render(given) == {
        "event_action": "trigger",
        "dedup_key": "g1",
        "client": "otel-llm",
        "links": [{"href": f"http://ui/{'a' * 32}", "text": "trace"}],
        "payload": {
            "summary": "[FIRING:1] ErrorsHigh: 12% of calls failed",
            "source": "search",
            "severity": "critical",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "group": "ErrorsHigh",
            "class": "error_rate",
            "custom_details": {
                "firing": 1,
                "resolved": 0,
                "alerts": [
                    "critical: 12% of calls failed (model=gpt-4o service=search)",
                    f"Trace: http://ui/{'a' * 32}",
                ],
            },
        },
    }


def test_one_group_is_one_incident_from_trigger_to_resolve():
    with serving(PagerDuty()) as pagerduty:
        notifier = PagerDutyNotifier(PagerDutyConfig(KEY, f"{pagerduty.url}/v2/enqueue"))
        states = []
        for event in ("firing", "firing", "acknowledged", "resolved", "resolved"):
            state = "resolved" if event == "resolved" else "firing"
            notifier.send(notification(alert(state=state), event=event))
            states.append(pagerduty.incidents["g1"])
        notifier.close()

    assert pagerduty.opened == 1
    assert states == ["triggered", "triggered", "acknowledged", "resolved", "resolved"]
    assert {request.path for request in pagerduty.received} == {"/v2/enqueue"}


def test_a_long_summary_is_cut_at_1024_characters():
    event = render(notification(alert(annotations={"summary": "é" * 5000})))

    assert len(event["payload"]["summary"]) == 1024


def test_an_event_that_is_too_large_goes_without_details_and_says_so():
    many = [
        alert(labels={"n": str(i), **{f"l{j}": "🔥" * 200 for j in range(200)}}) for i in range(9)
    ]

    event = fitted(render(notification(*many)))

    assert event["payload"]["custom_details"] == {"error": "details were too large and left out"}


def test_an_invalid_event_is_refused_for_good():
    with serving(PagerDuty()) as pagerduty:
        notifier = PagerDutyNotifier(PagerDutyConfig(KEY, pagerduty.url))
        with pytest.raises(Rejected, match="answered 400"):
            notifier.send(notification(group="x" * 256))
        notifier.close()


def test_a_key_of_the_wrong_length_is_a_mistake_in_the_file():
    with pytest.raises(ValueError, match="32 characters"):
        PagerDutyConfig("short")


def test_a_change_is_told_beside_the_incidents_and_its_end_is_none():
    change = alert(
        "ServedModelChanged",
        severity="info",
        annotations={"summary": "gpt-4o is answered by gpt-4o-2026-01-01"},
        labels={"service": "search", "change": "true"},
    )
    with serving(PagerDuty()) as pagerduty:
        config = PagerDutyChangesConfig(KEY, f"{pagerduty.url}/v2/change/enqueue")
        notifier = PagerDutyChangesNotifier(config)
        notifier.send(notification(change))
        notifier.send(notification(change, event="resolved"))
        notifier.close()

    assert pagerduty.incidents == {}
    (request,) = pagerduty.received
    assert json.loads(request.body) == {
        "routing_key": KEY,
        "payload": {
            "summary": "ServedModelChanged: gpt-4o is answered by gpt-4o-2026-01-01",
            "source": "search",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "custom_details": {
                "changes": [
                    "info: gpt-4o is answered by gpt-4o-2026-01-01 (change=true service=search)",
                    f"Trace: http://ui/{'a' * 32}",
                ]
            },
        },
        "links": [{"href": f"http://ui/{'a' * 32}", "text": "trace"}],
    }
