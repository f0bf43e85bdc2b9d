"""The API against its own description, with whatever a generator comes up with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_llm.alerting.config import AlertingConfig
from otel_llm.alerting.service import AlertService
from otel_llm.api import ApiConfig, ApiServer, create_app
from otel_llm.collector.observers.totals import Totals
from otel_llm.store import DuckDBStore, StoreConfig
from tests.api.conftest import ANY_PORT
from tests.store.examples import FULL, a_call

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
from hypothesis import HealthCheck, given, settings  # noqa: E402 - only of use with the above
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = 40
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    store = DuckDBStore(StoreConfig(retain_for=0))
    totals, service = Totals(), AlertService(AlertingConfig())
    service.observe([FULL])
    service.evaluate()
    totals.observe([FULL])
    store.write([FULL, a_call(2)])
    config = ApiConfig(endpoint=ANY_PORT)
    app = create_app(
        store,
        config,
        measures=[totals.families],
        alerts=service,
        observe=lambda calls: store.write(calls) and None,
    )
    server = ApiServer(app, config)
    server.start()
    yield server.url
    server.stop()
    service.stop(0.1)
    store.close()


def _operations():
    store = DuckDBStore()
    app = create_app(store, alerts=AlertService(AlertingConfig()), observe=lambda calls: None)
    described = app.openapi()
    store.close()
    schema = schemathesis.openapi.from_dict(described)
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("operation", _operations(), ids=lambda one: one.label)
def test_every_answer_is_as_it_is_described(url: str, operation):
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def holds(case):
        case.call_and_validate(base_url=url, checks=CHECKS)

    holds()
