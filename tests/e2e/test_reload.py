"""SIGHUP to a real process while senders go on: what changed is changed, and nothing is lost."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import httpx2
import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.collector.exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig
from otel_llm.collector.protocol import METHODS
from otel_llm.testing import OtlpSink
from tests.e2e.faults import Oracle, Producer, Proxy
from tests.e2e.running import Running, collector
from tests.e2e.test_collector import send

PATIENCE_S = 120.0
Change = Callable[[dict[str, Any]], object]


class Reloading:
    """A running collector and its file."""

    def __init__(self, running: Running, directory: Path) -> None:
        self.running = running
        self.file = directory / "collector.yaml"
        self.said = 0

    def log(self) -> str:
        return self.running.log.read_text()

    def change(self, change: Change) -> None:
        """Rewrite the file, send SIGHUP, wait until it is what counts."""
        settings = yaml.safe_load(self.file.read_text())
        change(settings)
        self.hang_up(yaml.safe_dump(settings), "the configuration was read again")

    def hang_up(self, text: str, answer: str) -> None:
        self.file.write_text(text)
        before = self.log().count(answer)
        self.running.process.send_signal(signal.SIGHUP)
        self.wait(lambda: self.log().count(answer) > before)

    def wait(self, until: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not until():
            assert self.running.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)


@pytest.fixture
def reloading(tmp_path: Path) -> Iterator[Callable[..., Reloading]]:
    with ExitStack() as stack:

        def start(exporters: dict[str, Any] | None = None, **more: Any) -> Reloading:
            running = stack.enter_context(collector(tmp_path, exporters, **more))
            return Reloading(running, tmp_path)

        yield start


def _other_timeout(settings: dict[str, Any]) -> None:
    settings["exporters"]["otlp"]["timeout"] = "4s"


def _one_destination_less(settings: dict[str, Any]) -> None:
    for pipeline in settings["service"]["pipelines"].values():
        pipeline["exporters"] = ["otlp"]


def _both_destinations(settings: dict[str, Any]) -> None:
    for pipeline in settings["service"]["pipelines"].values():
        pipeline["exporters"] = ["otlp", "otlphttp"]


def _without_quality(settings: dict[str, Any]) -> None:
    settings["service"]["pipelines"]["traces"]["processors"] = ["cost"]


def _other_receiver(settings: dict[str, Any]) -> None:
    settings["receivers"]["otlp"]["limits"] = {"max_items": 50_000}


def _receiver_as_before(settings: dict[str, Any]) -> None:
    del settings["receivers"]["otlp"]["limits"]


def _other_store(settings: dict[str, Any]) -> None:
    settings["store"] = {"retain_for": "48h"}


def _other_rules(settings: dict[str, Any]) -> None:
    settings["alerting"] = {"default_rules": False}


CHANGES = (
    _other_timeout,
    _one_destination_less,
    _without_quality,
    _both_destinations,
    _other_receiver,
    _other_store,
    _other_rules,
)


@pytest.mark.parametrize("journaled", [True, False])
def test_no_change_loses_anything_that_was_acknowledged(reloading, tmp_path, journaled):
    with OtlpSink() as steady, OtlpSink() as other:
        exporters = {
            "otlp": {"endpoint": steady.grpc_endpoint},
            "otlphttp": {"endpoint": other.http_endpoint},
        }
        more = {"journal": {"directory": str(tmp_path / "journal")}} if journaled else {}
        collecting = reloading(exporters, dead_letter={"directory": str(tmp_path / "dead")}, **more)
        oracle = Oracle()
        running = collecting.running
        producers = [
            Producer(oracle, OtlpExporter(OtlpExporterConfig(running.grpc_endpoint))),
            Producer(oracle, OtlpHttpExporter(OtlpHttpExporterConfig(running.http_endpoint))),
        ]

        for change in CHANGES:
            seen = len(oracle.acknowledged)
            collecting.change(change)
            collecting.wait(lambda seen=seen: len(oracle.acknowledged) > seen + 50)
        for producer in producers:
            producer.stop()

        def arrived() -> set[int]:
            return {int.from_bytes(span.span_id, "big") for span in steady.spans()}

        collecting.wait(lambda: oracle.acknowledged <= arrived())
        assert arrived() <= oracle.issued.keys()
        assert list((tmp_path / "dead").glob("*")) == []


def test_a_file_with_mistakes_is_said_with_its_path_and_everything_goes_on(reloading):
    with OtlpSink() as sink:
        collecting = reloading({"otlp": {"endpoint": sink.grpc_endpoint}})
        good = collecting.file.read_text()

        collecting.hang_up(
            good.replace("exporters:", "exporterz:", 1), "exporterz: unknown setting; did you mean"
        )
        for text in ("{", "[" * 20_000, "receivers: \0", "- a list", "a: &a [*a]", "store: 7"):
            collecting.hang_up(text, "the configuration stays as it was")
        collecting.file.unlink()
        collecting.running.process.send_signal(signal.SIGHUP)
        collecting.wait(lambda: "No such file" in collecting.log())
        _send(collecting.running)

        assert sink.wait(lambda s: len(s.spans()) == 2, PATIENCE_S)
        collecting.hang_up(good, "the configuration was read again")


def _journal_in_a_file(settings: dict[str, Any], directory: Path) -> None:
    (directory / "file").touch()
    settings["journal"] = {"directory": str(directory / "file")}


def _place_of_a_destination_taken(settings: dict[str, Any], directory: Path) -> None:
    settings["exporters"]["otlp/other"] = settings["exporters"]["otlp"]
    for name, pipeline in settings["service"]["pipelines"].items():
        (directory / "journal" / name / "otlp_other.cursor").mkdir()
        pipeline["exporters"] = ["otlp", "otlp/other"]


def _dead_letter_in_a_file(settings: dict[str, Any], directory: Path) -> None:
    (directory / "file").touch()
    settings["dead_letter"] = {"directory": str(directory / "file")}


def _store_in_a_file_that_is_none(settings: dict[str, Any], directory: Path) -> None:
    (directory / "file").touch()
    settings["store"] = {"path": str(directory / "file" / "calls.duckdb")}
    settings["journal"] = {"directory": str(directory / "elsewhere")}


@pytest.mark.parametrize(
    "fault",
    [
        _journal_in_a_file,
        _place_of_a_destination_taken,
        _dead_letter_in_a_file,
        _store_in_a_file_that_is_none,
    ],
)
def test_a_place_that_cannot_be_had_leaves_everything_as_it_was(reloading, tmp_path, fault):
    with OtlpSink() as sink:
        journal = {"directory": str(tmp_path / "journal")}
        collecting = reloading({"otlp": {"endpoint": sink.grpc_endpoint}}, journal=journal)
        good = collecting.file.read_text()
        bad = yaml.safe_load(good)
        fault(bad, tmp_path)

        collecting.hang_up(yaml.safe_dump(bad), "the configuration stays as it was")
        _send(collecting.running)
        assert sink.wait(lambda s: len(s.spans()) == 2, PATIENCE_S)

        collecting.hang_up(good, "the configuration was read again")
        _send(collecting.running)
        assert sink.wait(lambda s: len(s.spans()) == 4, PATIENCE_S)


def test_a_journal_that_moves_there_and_back_delivers_what_waited_in_both(reloading, tmp_path):
    pipeline = {"receivers": ["otlp"], "processors": ["cost"], "exporters": ["otlp"]}
    with OtlpSink() as sink, closing(Proxy(int(sink.grpc_endpoint.rsplit(":", 1)[1]))) as proxy:
        proxy.become("refuse")
        collecting = reloading(
            {
                "otlp": {
                    "endpoint": f"http://127.0.0.1:{proxy.port}",
                    "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"},
                }
            },
            journal={"directory": str(tmp_path / "one")},
            service={"pipelines": {"traces": pipeline}},
        )

        for place in ("two", "one", "two", "two", "one"):
            _send(collecting.running)
            directory = str(tmp_path / place)
            collecting.change(lambda s, d=directory: s["journal"].update(directory=d))
        collecting.change(lambda s: s["journal"].update(max_size="64MiB", durability="os"))
        _send(collecting.running)
        proxy.become("pass")

        assert sink.wait(lambda s: len({span.span_id for span in s.spans()}) == 12, PATIENCE_S)


def test_an_address_that_is_taken_leaves_the_receiver_as_it_was(reloading):
    collecting = reloading()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"

        collecting.change(
            lambda s: s["receivers"]["otlp"]["protocols"]["grpc"].update(endpoint=endpoint)
        )

        assert f"receivers.otlp: cannot listen on {endpoint}" in collecting.log()
        collecting.wait(lambda: "receivers.otlp is served as before" in collecting.log())
        _send(collecting.running)


def test_a_receiver_is_served_as_before_however_often_it_cannot_be_as_it_should(reloading):
    collecting = reloading()

    for number, file in enumerate(("/none", "/nor"), 1):
        tls = {"tls": {"cert_file": file, "key_file": file}}
        collecting.change(lambda s, t=tls: s["receivers"]["otlp"]["protocols"]["grpc"].update(t))
        collecting.wait(lambda n=number: collecting.log().count("is served as before") == n)

    assert "is not served any more" not in collecting.log()
    _send(collecting.running)


def _stream_without_a_request(running: Running) -> Callable[[], object]:
    never = Event()
    channel = grpc.insecure_channel(f"127.0.0.1:{running.grpc}")
    grpc.channel_ready_future(channel).result(PATIENCE_S)
    channel.stream_unary(METHODS["traces"]).future(iter(never.wait, None))

    def end() -> None:
        never.set()
        channel.close()

    return end


def _connection_that_says_no_more(running: Running) -> Callable[[], object]:
    connection = socket.create_connection(("127.0.0.1", running.grpc))
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4" + bytes(5))
    connection.recv(1)
    return connection.close


def _half_a_request(running: Running) -> Callable[[], object]:
    connection = socket.create_connection(("127.0.0.1", running.http))
    head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
    kind = "Content-Type: application/x-protobuf\r\nExpect: 100-continue\r\n\r\n"
    connection.sendall((head + kind).encode())
    connection.recv(1)
    return connection.close


def test_senders_that_hang_hold_up_no_other_when_the_receiver_changes(reloading):
    pipeline = {"receivers": ["otlp"], "exporters": ["otlp"]}
    service = {"pipelines": {"traces": pipeline}, "drain_timeout": "1h"}
    with OtlpSink() as sink, ExitStack() as hanging:
        collecting = reloading({"otlp": {"endpoint": sink.grpc_endpoint}}, service=service)
        for hang in (_stream_without_a_request, _connection_that_says_no_more, _half_a_request):
            hanging.callback(hang(collecting.running))

        for _ in range(2):
            collecting.change(_other_receiver)
            collecting.change(_receiver_as_before)
        _send(collecting.running)

        assert sink.wait(lambda s: len(s.spans()) == 2, PATIENCE_S)


def test_what_did_not_change_keeps_its_connections_and_its_alerts(reloading):
    rule = {"name": "Errors", "signal": "error_rate", "threshold": 0.5, "window": "1h"}
    alerting = {"default_rules": False, "evaluation_interval": "1s", "rules": [rule]}
    collecting = reloading({}, alerting=alerting)
    running = collecting.running
    _send(running, **{"error.type": "timeout"})
    (alert,) = running.wait_for(lambda r: r.get("/v1/alerts", state="firing")["alerts"], PATIENCE_S)
    with socket.create_connection(("127.0.0.1", running.http), timeout=PATIENCE_S) as kept:
        collecting.change(_without_quality)

        kept.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        assert kept.recv(100).startswith(b"HTTP/1.1 200")
    (same,) = running.get("/v1/alerts", state="firing")["alerts"]
    assert same["id"] == alert["id"]


def test_past_calls_get_the_prices_that_hold_since_the_configuration_was_read_again(reloading):
    collecting = reloading()
    running = collecting.running
    _send(running)
    running.wait_for(lambda r: r.get("/v1/summary")["count"] == 1, PATIENCE_S)
    own = {"model": "gpt-4o-mini*", "input": 7, "output": 8}

    before = _repriced(running)
    collecting.change(lambda s: s["processors"].update(cost={"prices": [own]}))
    after, again = _repriced(running), _repriced(running)

    assert [one["changed"] for one in (before, after, again)] == [0, 1, 0]
    assert Decimal(after["shifts"][0]["after"]) == 15


def test_content_is_read_through_a_rotation_of_its_key_and_a_key_file_of_no_use(
    reloading, tmp_path
):
    key, readers = tmp_path / "key", tmp_path / "readers"
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    key.write_text(old)
    readers.write_text("sesame\n")
    content = {"path": str(tmp_path / "content.db"), "key_file": str(key)}
    pipeline = {"receivers": ["otlp"], "processors": ["content_store"], "exporters": ["otlp"]}
    with OtlpSink() as sink:
        collecting = reloading(
            {"otlp": {"endpoint": sink.grpc_endpoint}},
            processors={"content_store": {**content, "token_file": str(readers)}},
            service={"pipelines": {"traces": pipeline}},
        )
        file = collecting.file.read_text()

        def kept(text: str) -> str:
            before = len(sink.spans())
            said = [{"role": "user", "parts": [{"type": "text", "content": text}]}]
            _send(collecting.running, **{"gen_ai.input.messages": json.dumps(said)})
            assert sink.wait(lambda s: len(s.spans()) == before + 2, PATIENCE_S)
            attributes = [a for span in sink.spans()[before:] for a in span.attributes]
            (found,) = [a.value for a in attributes if a.key == "otel_llm.content.reference"]
            return found.string_value

        def read(reference: str) -> tuple[int, bool]:
            url = f"{collecting.running.api_url}/v1/content/{reference}"
            answer = httpx2.get(url, headers={"x-content-token": "sesame"}, timeout=PATIENCE_S)
            return answer.status_code, "gen_ai.input.messages" in answer.text

        first = kept("one")
        key.write_text(f"{new}\n{old}\n")
        collecting.hang_up(file, "the configuration was read again")
        second = kept("two")
        assert [read(first), read(second)] == [(200, True), (200, True)]

        key.write_text("no key")
        collecting.hang_up(file, "the configuration stays as it was")
        assert [read(kept("three")), read(first)] == [(200, True), (200, True)]

        key.write_text(new)
        collecting.hang_up(file, "the configuration was read again")
        assert [read(first), read(second)] == [(500, False), (200, True)]


def _repriced(running: Running) -> dict[str, Any]:
    answer = httpx2.post(running.api_url + "/v1/reprice", json={"since": "1d"}, timeout=PATIENCE_S)
    return answer.raise_for_status().json()


def _send(running: Running, **attributes: object) -> None:
    exporter = OTLPSpanExporter(running.http_endpoint + "/v1/traces", timeout=PATIENCE_S)
    send(exporter, **attributes)
