"""Alertmanager: its API's form, and the real one where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.notifiers.alertmanager import (
    AlertmanagerConfig,
    AlertmanagerNotifier,
    render,
)

from ..world import START, Target, alert, notification, serving


def test_a_firing_alert_ends_soon_unless_sent_again_and_a_resolved_one_has_ended():
    given = notification(
        alert(labels={"model": "gpt-4o", "tag.tier": "free"}), alert("Over", state="resolved")
    )

    firing, resolved = render(given)

    assert firing == {
        "labels": {
            "alertname": "ErrorsHigh",
            "severity": "critical",
            "model": "gpt-4o",
            "tag_tier": "free",
        },
        "annotations": {"summary": "12% of calls failed"},
        "startsAt": "2026-01-01T00:00:00.000Z",
        "endsAt": "2026-01-01T00:04:00.000Z",
        "generatorURL": f"http://ui/{'a' * 32}",
    }
    assert resolved["endsAt"] == "2026-01-01T00:01:00.000Z"


def test_every_member_gets_every_alert_and_one_that_is_away_does_not_matter():
    with serving(Target()) as gone:
        pass
    with serving(Target()) as one, serving(Target()) as two:
        notifier = AlertmanagerNotifier(AlertmanagerConfig((one.url, gone.url, two.url + "/")))
        notifier.send(notification(*[alert(labels={"n": str(i)}) for i in range(100)]))
        notifier.close()

    assert [len(json.loads(request.body)) for request in one.received] == [64, 36]
    assert [request.path for request in two.received] == ["/api/v2/alerts"] * 2


def test_when_none_takes_them_the_last_error_is_told():
    with serving(Target(answers=[(503, {}, b"")])) as one:
        two = Target(answers=[(400, {}, b"")])
        with serving(two):
            notifier = AlertmanagerNotifier(AlertmanagerConfig((two.url, one.url)))
            with pytest.raises(TryLater, match="answered 503"):
                notifier.send(notification())
            notifier.close()


def test_a_list_without_any_is_a_mistake_in_the_file():
    with pytest.raises(ValueError, match="at least one"):
        AlertmanagerConfig(())


_CONFIG = """
route: {{receiver: us, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
receivers:
  - name: us
    webhook_configs: [{{url: "{url}/hook", send_resolved: true}}]
"""


@contextmanager
def _alertmanager(folder: Path, url: str) -> Iterator[str]:
    with serving(Target()) as free:
        port = free.url.rpartition(":")[2]
    (folder / "am.yml").write_text(_CONFIG.format(url=url))
    process = subprocess.Popen(
        [
            "prometheus-alertmanager",
            f"--config.file={folder / 'am.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _ready(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _ready(url: str) -> str:
    limit = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return url
        except OSError:
            assert time.monotonic() < limit, "Alertmanager does not start"
            time.sleep(0.05)


@pytest.mark.real
@pytest.mark.skipif(
    not shutil.which("prometheus-alertmanager"), reason="prometheus-alertmanager is not on PATH"
)
def test_the_real_alertmanager_pages_and_resolves(tmp_path: Path):
    now = time.time()
    firing = alert(at=now - 1, labels={"model": '<gpt> "4o" ü'})
    over = alert(at=now - 1, labels=dict(firing.labels), state="resolved", resolved_at=now)
    with serving(Target()) as target, _alertmanager(tmp_path, target.url) as url:
        notifier = AlertmanagerNotifier(AlertmanagerConfig((url,)))
        notifier.send(notification(firing, at=now))
        target.wait()
        notifier.send(notification(firing, at=now))  # sent again: no second page
        notifier.send(notification(over, at=now))
        target.wait()
        with pytest.raises(Rejected, match="answered 400"):
            notifier.send(notification(alert(labels={"": "nameless"}), at=START))
        notifier.close()

    told = [json.loads(request.body) for request in target.received]
    assert [message["status"] for message in told] == ["firing", "resolved"]
    assert told[0]["alerts"][0]["labels"] == dict(firing.labels)
    assert told[0]["alerts"][0]["annotations"] == {"summary": "12% of calls failed"}
