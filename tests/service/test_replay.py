"""``otel-llm replay``: which destination, and what the operator reads."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from otel_llm.collector.sending.dead_letter import DeadLetter, DeadLetterConfig
from otel_llm.config import ConfigError
from otel_llm.service.replay import run
from otel_llm.testing import Answer, FakeProvider, OtlpSink
from tests.collector.otlp_faults import traces


@pytest.fixture
def file(tmp_path: Path) -> Path:
    letter = DeadLetter(DeadLetterConfig(tmp_path))
    letter.bury("otlphttp/main", "traces", traces(1, 2), "HTTP 401")
    return tmp_path / "otlphttp_main-traces.jsonl"


def settings(directory: Path, endpoint: str) -> Path:
    file = directory / "collector.yaml"
    file.write_text(f"""
receivers: {{otlp: }}
exporters: {{otlphttp/main: {{endpoint: "{endpoint}"}}}}
service: {{pipelines: {{traces: {{receivers: [otlp], exporters: [otlphttp/main]}}}}}}
""")
    return file


def test_a_file_goes_to_the_destination_it_is_named_after(file, tmp_path, capsys):
    with OtlpSink() as sink:
        code = run(file, config=settings(tmp_path, sink.http_endpoint))

        assert [int.from_bytes(span.span_id, "big") for span in sink.spans()] == [1, 2]
    assert (code, capsys.readouterr().out) == (0, "2 items sent to otlphttp/main\n")


def test_a_file_goes_to_the_endpoint_that_is_named(file):
    with OtlpSink() as sink:
        codes = [
            run(file, sink.http_endpoint),
            run(file, sink.grpc_endpoint.replace("http", "grpc")),
        ]

        assert (codes, len(sink.spans())) == ([0, 0], 4)


def test_what_is_refused_is_said_with_its_reason(file, capsys):
    with FakeProvider() as server:
        server.queue(Answer((b"",), status=401))
        code = run(file, server.url)

    assert code == 1
    assert "2 items refused: HTTP 401" in capsys.readouterr().out


def test_a_destination_that_is_not_there_is_named_with_a_suggestion(file, tmp_path):
    with pytest.raises(ConfigError, match=r"no exporter 'otlphttp/mian' .*did you mean"):
        run(file, "otlphttp/mian", settings(tmp_path, "http://127.0.0.1:1"))


@pytest.mark.parametrize("to", ["http://127.0.0.1:1", None])
def test_a_file_that_is_not_there_is_said(to, tmp_path, capsys):
    assert run(tmp_path / "none.jsonl", to) == 1
    assert "none.jsonl: No such file or directory" in capsys.readouterr().err


def test_broken_lines_are_named_and_the_others_are_sent(file, capsys):
    whole = file.read_bytes()
    file.write_bytes(b"{}\n" + whole + b"\xff\n" + whole)
    with OtlpSink() as sink:
        code = run(file, sink.http_endpoint)

        assert len(sink.spans()) == 4
    assert code == 1
    assert capsys.readouterr().out.splitlines() == [
        f"4 items sent to {sink.http_endpoint}",
        f"{file.name}, line 1: not a line of OTLP JSON",
        f"{file.name}, line 3: not a line of OTLP JSON",
        "2 lines were passed over",
    ]


def test_it_ends_when_the_destination_does_not_answer(file, capsys, monkeypatch):
    monkeypatch.setattr("otel_llm.collector.sending.replay.PATIENCE_S", 0.1)
    file.write_bytes(file.read_bytes() * 3)

    with socket.socket() as unused:  # bound, and nobody listens
        unused.bind(("127.0.0.1", 0))
        code = run(file, f"http://127.0.0.1:{unused.getsockname()[1]}")

    said = capsys.readouterr().out
    assert code == 1
    assert "0 items sent" in said
    assert "2 items refused: given up: cannot connect" in said
    assert "what follows was not sent" in said
