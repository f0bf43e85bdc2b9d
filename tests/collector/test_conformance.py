"""Our own server does all that OTLP asks for; and the suite sees when another does not."""

from __future__ import annotations

from otel_llm.cli.main import main
from otel_llm.collector import conformance
from otel_llm.testing.provider import Answer, FakeProvider, Received
from tests.collector.receiving import receiving


def test_our_own_collector_passes_every_check_over_grpc_and_http():
    with receiving() as receiver:
        results = list(conformance.run(grpc_target=receiver.grpc, http_url=receiver.http))

    assert [r for r in results if not r.passed] == []
    assert {r.transport for r in results} == {"gRPC", "HTTP"}
    assert len(results) > 40
    assert conformance.total(results) == f"{len(results)} of {len(results)} passed"


def test_a_server_that_takes_everything_fails_where_it_should_refuse():
    with FakeProvider({"^(POST|GET) ": lambda _: Answer((b"{}",))}) as server:
        results = list(conformance.run(http_url=server.url))

    failed = {r.claim for r in results if not r.passed}
    assert {"garbage in protobuf is 400", "too large is 413", "GET is 405"} <= failed
    assert "traces: JSON is taken, partial_success unset" not in failed


def test_success_that_spells_out_that_nothing_was_rejected_fails_that_alone():
    def answer(asked: Received) -> Answer:
        proto = asked.headers.get("content-type") == "application/x-protobuf"
        kind = "application/x-protobuf" if proto else "application/json"
        body = b"\n\x00" if proto else b'{"partialSuccess": {"rejectedSpans": "0"}}'
        return Answer((body,), content_type=kind)

    with FakeProvider({"^POST ": answer}) as server:
        results = {r.claim: r.passed for r in conformance.run(http_url=server.url)}

    assert {name for name in results if results[name]} >= {
        "gzip is understood",
        "gzip is understood with JSON",
        "traces: an empty JSON request succeeds",
    }
    assert not any(passed for name, passed in results.items() if "partial_success unset" in name)


def test_where_nobody_listens_every_check_says_so():
    results = list(conformance.run(grpc_target="127.0.0.1:1", http_url="http://127.0.0.1:1"))

    assert not any(r.passed for r in results)
    assert {r.seen for r in results if r.transport == "HTTP"} == {
        "no answer: ConnectionRefusedError"
    }
    assert {r.seen for r in results if r.transport == "gRPC"} == {"UNAVAILABLE"}


def test_the_command_prints_every_check_and_fails_when_a_must_is_broken(capsys):
    with receiving() as receiver:
        assert main(["conformance", receiver.http, receiver.grpc]) == 0
    passed = capsys.readouterr().out.splitlines()
    with FakeProvider({"^(POST|GET) ": lambda _: Answer((b"{}",))}) as server:
        assert main(["conformance", server.url]) == 1
    failed = capsys.readouterr().out

    assert all(line.startswith("pass  ") for line in passed[:-1])
    assert passed[-1] == f"{len(passed) - 1} of {len(passed) - 1} passed"
    assert "FAIL  HTTP  MUST    garbage in protobuf is 400" in failed
