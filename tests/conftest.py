"""For every test: no guard hides a mistake, and whatever is emitted follows the conventions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from otel_llm.instrumentation.core import guard
from otel_llm.testing import Captured
from tests.registry import event_problems, metric_problems, span_problems

if TYPE_CHECKING:
    from otel_llm.store import DuckDBStore

# The same cases every time, however long they take: chance is for ``make fuzz``.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _no_silent_guards(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A guard that swallows something fails the test, unless the test is about guards."""
    monkeypatch.setattr(guard, "strict", "guards_may_swallow" not in request.keywords)
    monkeypatch.setattr(guard, "_reported", set())


@pytest.fixture(autouse=True)
def _only_what_the_conventions_know(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever any test emitted into memory is checked against the registry at its end."""
    problems: list[str] = []
    close = Captured.close

    def checked(self: Captured) -> None:
        problems.extend(_problems(self))
        close(self)

    monkeypatch.setattr(Captured, "close", checked)
    yield
    assert not problems, "\n".join(problems)


def _problems(telemetry: Captured) -> Iterator[str]:
    for span in telemetry.finished:
        if (span.instrumentation_scope.name or "").startswith("otel_llm"):
            yield from span_problems(span)
    for record in telemetry.events():
        yield from event_problems(record.log_record)
    for metric in telemetry.metrics():
        if metric.name.startswith(("gen_ai.", "mcp.", "otel_llm.")):
            yield from metric_problems(metric)


@pytest.fixture
def telemetry(_only_what_the_conventions_know: None) -> Iterator[Captured]:
    """Spans, metrics and events in memory, as plain values."""
    telemetry = Captured()
    yield telemetry
    telemetry.close()


@pytest.fixture(scope="module")
def kept_store() -> Iterator[DuckDBStore]:
    """One store in memory for a module: making one takes longer than most tests."""
    from tests.store.stores import in_memory  # where only SDKs are tested, there is no engine

    store = in_memory()
    yield store
    store.close()
