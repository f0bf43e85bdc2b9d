"""What each process of a collector makes of the same file."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_llm.config import load
from otel_llm.service import Settings, check
from otel_llm.service.crew import owner_settings
from otel_llm.service.worker import worker_settings

GIVEN = """
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}, http: {endpoint: "127.0.0.1:4318"}}}
processors: {cost: , quality: , sample: }
evaluation:
  judge: {model: {endpoint: "http://127.0.0.1:9/v1", model: m}, sample: {rate: 0.5}}
  daily_budget: null
exporters: {debug: , otlp: {endpoint: "127.0.0.1:9"}}
journal: {directory: /var/journal}
dead_letter: {directory: /var/letters}
service:
  telemetry: {metrics: {exporter: otlp}}
  pipelines: {traces: {receivers: [otlp], processors: [cost, quality], exporters: [debug]}}
"""


@pytest.fixture
def settings() -> Settings:
    return check(load(GIVEN))


def test_the_owner_has_what_there_can_only_be_one_of(settings):
    owner = owner_settings(settings)

    assert owner.sections.store == settings.sections.store
    assert owner.sections.api == settings.sections.api
    assert owner.sections.alerting == settings.sections.alerting
    assert (owner.sections.journal, owner.sections.dead_letter) == (None, None)
    assert owner.sections.evaluation == settings.sections.evaluation
    assert (dict(owner.receivers), list(owner.processors)) == ({}, ["cost", "sample"])
    assert owner.sections.service.pipelines == {}
    assert list(owner.exporters) == ["otlp"]


def test_a_worker_has_the_rest_in_directories_of_its_own_on_shared_ports(settings):
    worker = worker_settings(settings, 3, {"127.0.0.1:0": "127.0.0.1:5000"})

    sections = worker.sections
    assert (sections.api, sections.alerting) == (None, None)
    assert sections.evaluation
    assert sections.evaluation.judge == settings.sections.evaluation.judge
    assert sections.journal
    assert sections.journal.directory == Path("/var/journal/worker-3")
    assert sections.dead_letter
    assert sections.dead_letter.directory == Path("/var/letters/worker-3")
    servers = worker.receivers["otlp"].protocols
    assert (servers.grpc.endpoint, servers.grpc.reuse_port) == ("127.0.0.1:5000", True)
    assert (servers.http.endpoint, servers.http.reuse_port) == ("127.0.0.1:4318", True)
    assert worker.processors == settings.processors
    assert worker.exporters == settings.exporters
    assert sections.service.pipelines == settings.sections.service.pipelines
