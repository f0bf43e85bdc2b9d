"""What the rest of the file means for alerts, and mistakes in the files that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_llm.config import ConfigError
from otel_llm.service.settings import check


def _given(**sections: Any) -> dict[str, Any]:
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"]}}},
        **sections,
    }


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("127.0.0.1:5000", "http://127.0.0.1:5000/traces/{trace_id}"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000/traces/{trace_id}"),
        ("[::]:5000", "http://[::1]:5000/traces/{trace_id}"),
        ("llm.example:80", "http://llm.example:80/traces/{trace_id}"),
        ("127.0.0.1:0", None),
    ],
)
def test_alerts_link_to_our_own_pages_wherever_those_are(endpoint: str, url: str | None):
    settings = check(_given(api={"endpoint": endpoint}))

    assert settings.sections.alerting is not None
    assert settings.sections.alerting.trace_url == url


def test_alerts_link_to_where_people_reach_the_pages():
    api = {"endpoint": "127.0.0.1:5000", "public_url": "https://tools.example.com/otel-llm/"}
    jaeger = "https://jaeger.example/trace/{trace_id}"
    own = "https://wiki.example/{alert_id}"

    alerting = check(_given(api=api)).sections.alerting
    elsewhere = check(_given(api=api, alerting={"trace_url": jaeger})).sections.alerting
    written = check(_given(api=api, alerting={"alert_url": own})).sections.alerting
    unknown = check(_given(alerting={"trace_url": jaeger})).sections.alerting

    page = "https://tools.example.com/otel-llm/alerts/{alert_id}"
    assert alerting is not None
    assert alerting.trace_url == "https://tools.example.com/otel-llm/traces/{trace_id}"
    assert alerting.alert_url == page
    assert elsewhere is not None
    assert (elsewhere.trace_url, elsewhere.alert_url) == (jaeger, page)
    assert written is not None
    assert written.alert_url == own
    assert unknown is not None
    assert unknown.alert_url is None  # an address of this machine alone helps nobody there


def test_a_link_that_is_written_stays_and_without_pages_there_is_none():
    own = "https://jaeger.example/trace/{trace_id}"

    written = check(_given(alerting={"trace_url": own})).sections.alerting
    alone = check(_given(api=None)).sections.alerting

    assert written is not None
    assert written.trace_url == own
    assert alone is not None
    assert alone.trace_url is None


def test_mistakes_in_files_of_rules_are_mistakes_of_the_configuration(tmp_path: Path):
    file = tmp_path / "rules.yaml"
    file.write_text("rules: [{name: A, signal: eror_rate, threshold: 1}]")

    with pytest.raises(ConfigError) as raised:
        check(_given(api={"endpoint": "nowhere"}, alerting={"rule_files": [str(file)]}))
    with pytest.raises(ConfigError) as alone:
        check(_given(alerting={"rule_files": [str(file)]}))

    assert "api" in str(raised.value)
    assert [str(problem) for problem in alone.value.problems] == [
        f"{file}: rules[0].signal: unknown signal 'eror_rate'; did you mean 'error_rate'?"
    ]


def test_limits_of_severities_that_do_not_rise_are_a_mistake_with_its_path():
    with pytest.raises(ConfigError) as raised:
        check(_given(alerting={"watch": {"severities": {"info": 4}}}))

    assert [str(problem) for problem in raised.value.problems] == [
        "alerting.watch.severities: info, warning, error and critical: expected numbers above 0, "
        "none below the last"
    ]
