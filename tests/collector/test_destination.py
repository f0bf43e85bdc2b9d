"""What an operator writes about a destination, in the OpenTelemetry Collector's own shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_llm.collector.exporters.debug import DebugExporterConfig
from otel_llm.collector.exporters.otlp import KeepaliveConfig, OtlpExporterConfig
from otel_llm.collector.exporters.otlphttp import OtlpHttpExporterConfig
from otel_llm.collector.journal import JournalConfig
from otel_llm.collector.sending.dead_letter import DeadLetterConfig
from otel_llm.collector.sending.destination import BatchConfig, QueueConfig, RetryConfig, TlsConfig
from otel_llm.config import ConfigError, build, load

OTLP = """
endpoint: jaeger:4317
tls: {ca_file: ca.pem, cert_file: a.pem, key_file: a.key}
headers: {x-api-key: k}
compression: gzip
timeout: 5s
keepalive: {time: 1m, timeout: 5s, permit_without_stream: true}
sending_queue:
  enabled: true
  sizer: bytes
  queue_size: 10MiB
  batch: {flush_timeout: 200ms, max_size: 2MiB}
retry_on_failure:
  enabled: true
  initial_interval: 5s
  randomization_factor: 0.5
  multiplier: 1.5
  max_interval: 30s
  max_elapsed_time: 1h
"""


def test_everything_about_a_destination_can_be_written_as_in_the_collector_of_opentelemetry():
    built = build(OtlpExporterConfig, load(OTLP), "exporters.otlp")

    assert built == OtlpExporterConfig(
        endpoint="jaeger:4317",
        tls=TlsConfig(ca_file=Path("ca.pem"), cert_file=Path("a.pem"), key_file=Path("a.key")),
        headers={"x-api-key": "k"},
        compression="gzip",
        timeout=5,
        keepalive=KeepaliveConfig(60, 5, True),
        sending_queue=QueueConfig(queue_size=10 * 2**20, batch=BatchConfig(0.2, 2 * 2**20)),
        retry_on_failure=RetryConfig(initial_interval=5, max_elapsed_time=3600),
    )


def test_a_destination_over_http_needs_no_more_than_its_endpoint():
    built = build(OtlpHttpExporterConfig, {"endpoint": "https://host/otel"}, "exporters.otlphttp")

    assert built.url("traces") == "https://host/otel/v1/traces"


def test_a_debug_destination_needs_nothing():
    assert build(DebugExporterConfig, None, "exporters.debug") == DebugExporterConfig()


@pytest.mark.parametrize("config", [JournalConfig, DeadLetterConfig])
def test_where_things_are_kept_is_written_as_a_path_and_a_size(config):
    built = build(config, {"directory": "/var/lib/otel-llm", "max_size": "1GiB"}, "journal")

    assert (built.directory, built.max_size) == (Path("/var/lib/otel-llm"), 2**30)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "exporters.otlp.endpoint: required and missing"),
        ({"endpoint": "a:1", "tls": {"cert_file": "a.pem"}},
         "exporters.otlp.tls: cert_file and key_file belong together"),
        ({"endpoint": "a:1", "sending_queue": {"enabled": False}},
         "exporters.otlp.sending_queue: the sending queue cannot be turned off; "
         "remove enabled: false"),
        ({"endpoint": "a:1", "sending_queue": {"queue_size": 1000}},
         "exporters.otlp.sending_queue.queue_size: 1000 bytes are too few; it counts bytes, "
         "such as 64MiB"),
        ({"endpoint": "a:1", "retry_on_failure": {"multiplier": 0.5}},
         "exporters.otlp.retry_on_failure.multiplier: must be at least 1"),
        ({"endpoint": "a:1", "retry_on_failure": {"randomization_factor": 2}},
         "exporters.otlp.retry_on_failure.randomization_factor: must be between 0 and 1"),
        ({"endpoint": "a:1", "compresion": "gzip"},
         "exporters.otlp.compresion: unknown setting; did you mean 'compression'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(written, problem):
    with pytest.raises(ConfigError) as raised:
        build(OtlpExporterConfig, written, "exporters.otlp")

    assert str(raised.value) == problem
