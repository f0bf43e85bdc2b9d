"""The bridge to Apprise, with Apprise itself, to a server on loopback."""

from __future__ import annotations

import importlib.util
import json
import sys
from contextlib import closing

import pytest

from otel_llm.alerting.errors import TryLater
from otel_llm.alerting.notifiers import settings, try_out
from otel_llm.alerting.notifiers.apprise import AppriseConfig, AppriseNotifier, kind
from otel_llm.config import ConfigError

from ..world import Target, alert, notification, serving

pytest.importorskip("apprise", reason="apprise is not installed")


def _url(target: Target) -> str:
    return target.url.replace("http://", "json://") + "/s3cret"


def _notifier(target: Target) -> closing[AppriseNotifier]:
    return closing(AppriseNotifier(AppriseConfig((_url(target),))))


def test_a_notification_arrives_as_plain_text():
    odd = "<!channel> *bold* \\n & 🔥"
    with serving(Target()) as target, _notifier(target) as notifier:
        notifier.send(notification(alert(labels={"user": odd})))

    (request,) = target.received
    body = json.loads(request.body)
    assert (body["title"], body["type"]) == ("[FIRING:1] ErrorsHigh", "failure")
    assert (
        body["message"]
        == f"critical: 12% of calls failed (user={odd})\nTrace: http://ui/{'a' * 32}"
    )


@pytest.mark.parametrize(
    ("severity", "event", "expected"),
    [
        ("critical", "firing", "failure"),
        ("error", "acknowledged", "failure"),
        ("warning", "firing", "warning"),
        ("info", "firing", "info"),
        ("critical", "resolved", "success"),
        ("critical", "report", "info"),
    ],
)
def test_severities_are_called_as_apprise_calls_them(severity: str, event: str, expected: str):
    assert kind(notification(alert(severity=severity), event=event)) == expected


def test_what_was_not_taken_is_tried_again_and_no_secret_is_told(caplog):
    with (
        serving(Target(answers=[(500, {}, b"s3cret")])) as target,
        _notifier(target) as notifier,
        pytest.raises(TryLater, match="Apprise could not deliver"),
    ):
        notifier.send(notification())

    assert "s3cret" not in caplog.text


def test_a_trial_is_an_alert_and_its_end():
    with serving(Target()) as target:
        try_out("apprise/mine", {"urls": [_url(target)]})

    assert [json.loads(r.body)["type"] for r in target.received] == ["info", "success"]


@pytest.mark.parametrize("urls", [[], ["nonsense-s3cret"], ["json://ok", "no://s3cret"]])
def test_a_url_that_apprise_does_not_know_is_a_mistake_that_tells_no_secret(urls, caplog):
    with pytest.raises(ConfigError, match="urls") as raised:
        settings("apprise", {"urls": urls})

    assert "s3cret" not in str(raised.value) + caplog.text


def test_without_apprise_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch):
    found = importlib.util.find_spec
    monkeypatch.delitem(sys.modules, "apprise")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "apprise" else found(name, *a)
    )

    with pytest.raises(ConfigError, match=r"pip install 'otel-llm\[notify\]'"):
        settings("apprise", {"urls": ["json://h"]})


def test_settings_do_not_show_their_secrets():
    assert "s3cret" not in repr(AppriseConfig(("json://h/s3cret",)))
