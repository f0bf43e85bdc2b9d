"""One case after another: its provider on a socket, its SDK instrumented."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from otel_llm.testing import Captured, FakeProvider
from tests.instrumentation.cases import CASES, Case

_LATE = "Processor is already shutdown"
"""What OpenTelemetry says when the garbage collector ends a span that an earlier test left open."""
logging.getLogger("opentelemetry.sdk.trace.export").addFilter(
    lambda record: _LATE not in record.getMessage()
)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    """One SDK; skipped where it is not installed."""
    pytest.importorskip(request.param.sdk, exc_type=ImportError)
    return request.param


@pytest.fixture
def provider(case: Case) -> Iterator[FakeProvider]:
    """The provider of the case."""
    with FakeProvider(case.routes) as provider:
        yield provider


@pytest.fixture
def instrumented(case: Case, telemetry: Captured) -> Iterator[None]:
    """The SDK of the case, instrumented for the length of the test."""
    case.instrumentor().instrument(**telemetry.providers)
    yield
    case.instrumentor().uninstrument()


@pytest.fixture
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Keep nothing of what is logged or printed: the runner could not pass on broken text."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    capfd.readouterr()
