"""Nothing that was acknowledged is lost. ``make soak`` runs the long form."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.testing import OtlpSink
from tests.collector.otlp_faults import traces

from .faults import Attack
from .running import Running, collector, free_port


def test_what_was_acknowledged_arrives_through_kills_dead_destinations_and_a_full_disk(
    tmp_path: Path,
):
    with Attack(tmp_path) as attack:
        attack.produce()
        for _ in range(2):
            attack.disturb(0.7)
            attack.kill()
        attack.fill_disk(0.5)
        attack.disturb(0.3)
        attack.kill()
        attack.get_through(100)
        attack.calm()
        before = len(attack.oracle.acknowledged)
        attack.produce()
        attack.get_through(before)
        attack.calm()

        assert [attack.missing(destination) for destination in range(2)] == [set(), set()]
        for destination in range(2):
            judged = attack.judge(destination)
            assert judged.delivered.keys() <= attack.oracle.issued.keys()
            assert judged.changed == []


def test_a_collector_that_is_told_to_stop_keeps_what_it_could_not_send(tmp_path: Path):
    with _journaled(tmp_path, f"http://127.0.0.1:{free_port()}") as running:
        application = OtlpExporter(OtlpExporterConfig(running.grpc_endpoint))
        application.export("traces", traces(1, 2, 3))
        application.close()
        running.process.terminate()
        assert running.process.wait(120) == 0

    with OtlpSink() as sink, _journaled(tmp_path, sink.grpc_endpoint):
        assert sink.wait(lambda s: len(s.spans()) == 3)

    assert [int.from_bytes(span.span_id, "big") for span in sink.spans()] == [1, 2, 3]


def _journaled(directory: Path, endpoint: str) -> AbstractContextManager[Running]:
    pipeline = {"receivers": ["otlp"], "processors": ["cost"], "exporters": ["otlp"]}
    return collector(
        directory,
        {"otlp": {"endpoint": endpoint}},
        journal={"directory": str(directory / "journal")},
        service={"pipelines": {"traces": pipeline}, "drain_timeout": "300ms"},
    )
