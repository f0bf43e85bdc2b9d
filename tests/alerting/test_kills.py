"""kill -9 at any moment: one incident, at least one page, and its resolve."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .servers import PagerDuty
from .world import serving

_COLLECTOR = textwrap.dedent(
    """
    import sys, time
    from otel_llm.alerting import AlertingConfig, AlertService
    from otel_llm.alerting.routing import Route
    from otel_llm.alerting.rule import Rule
    from otel_llm.genai import Call

    url, path, failing = sys.argv[1:]
    service = AlertService(AlertingConfig(
        default_rules=False,
        rules=(Rule("Errors", "error_rate", 0.5, window=2, severity="critical"),),
        notifiers={"pagerduty": {"routing_key": "k" * 32, "url": url, "min_interval": 0}},
        routes=(Route(("pagerduty",), group_wait=0, group_interval=0),),
        state_path=path, evaluation_interval=0.02))
    service.start()
    until = time.monotonic() + 300
    while time.monotonic() < until:
        now = time.time_ns()
        service.observe([Call("a" * 32, f"{now:016x}", None, "chat", now, now, operation="chat",
                              error_type="timeout" if failing == "yes" else None)])
        time.sleep(0.02)
    """
)


@contextmanager
def _collector(url: str, path: Path, failing: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", _COLLECTOR, url, str(path), failing])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(holds: Callable[[], object]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.002)


def test_kills_from_the_first_evaluation_to_the_resolve_make_no_second_incident(tmp_path: Path):
    chance = random.Random(1)
    path = tmp_path / "alerts.db"
    with serving(PagerDuty()) as pager:
        for _ in range(4):  # killed about when the alert fires and its page is on its way
            with _collector(pager.url, path, "yes"):
                _until(path.exists)
                time.sleep(chance.uniform(0.0, 0.3))
        with _collector(pager.url, path, "yes"):
            _until(lambda: pager.opened)
        for _ in range(2):  # and about when it heals
            with _collector(pager.url, path, "no"):
                time.sleep(chance.uniform(1.5, 3.0))
        with _collector(pager.url, path, "no"):
            _until(lambda: set(pager.incidents.values()) == {"resolved"})

    assert pager.opened == 1
    assert list(pager.incidents.values()) == ["resolved"]
