"""Files of what could not be delivered: valid OTLP JSON lines, private, bounded, replayable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from otel_llm.collector.errors import Malformed, Refused
from otel_llm.collector.sending.dead_letter import DeadLetter, DeadLetterConfig, read

from .otlp_faults import TraceRequest, traces


def full_span() -> bytes:
    """One of everything that JSON writes in a way of its own."""
    request = TraceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(
            trace_id=bytes(range(16)),
            span_id=bytes(range(8)),
            parent_span_id=bytes(range(1, 9)),
            name="chät 🙂",
            kind=3,
            start_time_unix_nano=2**63 + 1,
            flags=257,
        )
    )
    span.status.code = 2
    span.links.add(trace_id=b"\xff" * 16, span_id=b"\xfe" * 8)
    span.events.add(name="e", time_unix_nano=5)
    for key, field, value in [
        ("s", "string_value", "line\nbreak"),
        ("i", "int_value", -(2**62)),
        ("d", "double_value", 0.1),
        ("nan", "double_value", float("inf")),
        ("b", "bool_value", False),
        ("raw", "bytes_value", b"\x00\xff"),
        ("traceId", "string_value", "not an id"),
    ]:
        setattr(span.attributes.add(key=key).value, field, value)
    span.attributes.add(key="list").value.array_value.values.add(int_value=0)
    return request.SerializeToString()


def letter(directory: Path, **more) -> DeadLetter:
    return DeadLetter(DeadLetterConfig(directory, **more))


def test_what_is_buried_can_be_read_back_byte_for_byte(tmp_path: Path):
    metrics, logs = ExportMetricsServiceRequest(), ExportLogsServiceRequest()
    gauge = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge
    gauge.data_points.add(as_int=-5).exemplars.add(span_id=b"\x01" * 8, as_double=2.5)
    logs.resource_logs.add().scope_logs.add().log_records.add(trace_id=b"\x02" * 16)
    buried = [
        ("traces", full_span()),
        ("metrics", metrics.SerializeToString()),
        ("logs", logs.SerializeToString()),
    ]

    for signal, payload in buried:
        letter(tmp_path).bury("otlp", signal, payload, "HTTP 401")

    found = [next(read(tmp_path / f"otlp-{signal}.jsonl")) for signal, _ in buried]
    assert found == buried


def test_the_file_holds_one_line_of_otlp_json_per_request_with_ids_in_hex(tmp_path: Path):
    letter(tmp_path).bury("otlp/jaeger", "traces", full_span(), "HTTP 401")

    (line,) = (tmp_path / "otlp_jaeger-traces.jsonl").read_text().splitlines()
    span = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert span["traceId"] == "000102030405060708090a0b0c0d0e0f"
    assert span["parentSpanId"] == "0102030405060708"
    assert span["links"] == [{"traceId": "ff" * 16, "spanId": "fe" * 8}]
    assert span["startTimeUnixNano"] == str(2**63 + 1)
    assert (span["kind"], span["status"], span["name"]) == (3, {"code": 2}, "chät 🙂")
    assert {"key": "raw", "value": {"bytesValue": "AP8="}} in span["attributes"]
    assert {"key": "traceId", "value": {"stringValue": "not an id"}} in span["attributes"]


def test_the_reason_stands_beside_it_with_the_place_of_its_line(tmp_path: Path):
    dead_letter = letter(tmp_path)
    dead_letter.bury("otlp", "traces", traces(1, 2), "HTTP 400", said="no such tenant")
    dead_letter.bury("otlp", "traces", traces(3), "given up: UNAVAILABLE")

    data = (tmp_path / "otlp-traces.jsonl").read_bytes()
    lines = (tmp_path / "otlp-traces.reasons.jsonl").read_text().splitlines()
    notes = [json.loads(line) for line in lines]
    assert [{k: v for k, v in note.items() if k != "time"} for note in notes] == [
        {"signal": "traces", "reason": "HTTP 400", "said": "no such tenant", "items": 2,
         "offset": 0},
        {"signal": "traces", "reason": "given up: UNAVAILABLE", "items": 1,
         "offset": data.index(b"\n") + 1},
    ]  # fmt: skip
    assert all(note["time"].endswith("+00:00") for note in notes)


@pytest.mark.parametrize(
    "odd",
    [
        traces(1)[:-1],
        traces(1) + b"\xfa\x3e\x03new",
        b"\x0a\x09\x12\x07\x12\x05\x2a\x03a\xff\xfe",  # a name that is no UTF-8
    ],
)
def test_what_json_cannot_say_is_kept_whole_beside_it(tmp_path: Path, odd: bytes):
    dead_letter = letter(tmp_path)
    dead_letter.bury("otlp", "traces", odd, "HTTP 400")
    dead_letter.bury("otlp", "traces", traces(2), "HTTP 400")

    assert list(read(tmp_path / "otlp-traces.jsonl")) == [("traces", traces(2)), ("traces", odd)]


def test_a_dead_letter_of_nothing_but_oddities_can_be_read(tmp_path: Path):
    letter(tmp_path).bury("otlp", "traces", b"\xff", "HTTP 400")

    assert list(read(tmp_path / "otlp-traces.jsonl")) == [("traces", b"\xff")]


def test_only_the_owner_may_read_it(tmp_path: Path):
    directory = tmp_path / "state" / "dead"
    letter(directory).bury("otlp", "traces", traces(1), "HTTP 400")

    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert modes == {"otlp-traces.jsonl": 0o600, "otlp-traces.reasons.jsonl": 0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_full_dead_letter_refuses_and_keeps_what_it_has(tmp_path: Path):
    dead_letter = letter(tmp_path, max_size=2000)
    dead_letter.bury("otlp", "traces", traces(1), "HTTP 400")

    with pytest.raises(Refused):
        dead_letter.bury("otlp", "traces", traces(2, size=2000), "HTTP 400")

    assert list(read(tmp_path / "otlp-traces.jsonl")) == [("traces", traces(1))]


def test_half_a_line_of_a_process_that_died_spoils_nothing(tmp_path: Path):
    file = tmp_path / "otlp-traces.jsonl"
    dead_letter = letter(tmp_path)
    dead_letter.bury("otlp", "traces", traces(1), "HTTP 400")
    with file.open("a") as torn:
        torn.write('{"resourceSpans":[{"sco')

    assert list(read(file)) == [("traces", traces(1))]
    dead_letter.bury("otlp", "traces", traces(2), "HTTP 400")
    assert list(read(file)) == [("traces", traces(1)), ("traces", traces(2))]


def test_what_is_buried_while_it_is_read_waits_for_the_next_time(tmp_path: Path):
    file, dead_letter = tmp_path / "otlp-traces.jsonl", letter(tmp_path)
    for payload in (traces(1), b"\xff no request", traces(2)):
        dead_letter.bury("otlp", "traces", payload, "HTTP 400")

    found = []
    for signal, payload in read(file):
        dead_letter.bury("otlp", signal, payload, "HTTP 400")
        found.append(payload)

    assert found[:2] == [traces(1), traces(2)]
    assert len(found) < 5


def test_a_reason_that_cannot_be_written_leaves_no_line_behind(tmp_path: Path):
    file, dead_letter = tmp_path / "otlp-traces.jsonl", letter(tmp_path)
    dead_letter.bury("otlp", "traces", traces(1), "HTTP 400")
    reasons, kept = tmp_path / "otlp-traces.reasons.jsonl", tmp_path / "kept"
    reasons.rename(kept)
    reasons.mkdir()

    for _ in range(3):
        with pytest.raises(OSError, match="directory"):
            dead_letter.bury("otlp", "traces", traces(2), "HTTP 400")
    reasons.rmdir()
    kept.rename(reasons)
    dead_letter.bury("otlp", "traces", traces(2), "HTTP 400")

    assert list(read(file)) == [("traces", traces(1)), ("traces", traces(2))]


@pytest.mark.parametrize(
    "sync", ["os.fsync", "otel_llm.collector.sending.dead_letter.sync_directory"]
)
def test_a_line_that_is_not_on_the_disk_is_not_there_twice_when_it_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: str
):
    file, dead_letter = tmp_path / "otlp-traces.jsonl", letter(tmp_path)

    def failing(_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(sync, failing)
        for _ in range(3):
            with pytest.raises(OSError, match="Input"):
                dead_letter.bury("otlp", "traces", traces(1), "HTTP 400")
    dead_letter.bury("otlp", "traces", traces(1), "HTTP 400")

    assert list(read(file)) == [("traces", traces(1))]


def test_the_names_of_new_files_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    synced: list[Path] = []
    for where in ("durable", "sending.dead_letter"):
        monkeypatch.setattr(f"otel_llm.collector.{where}.sync_directory", synced.append)

    dead_letter = letter(tmp_path / "dead")
    for _ in range(2):
        dead_letter.bury("otlp", "traces", traces(1), "HTTP 400")

    assert synced == [tmp_path, tmp_path / "dead", tmp_path / "dead"]


def test_broken_lines_can_be_passed_over_and_are_named(tmp_path: Path):
    file, notes = tmp_path / "otlp-traces.jsonl", tmp_path / "otlp-traces.reasons.jsonl"
    dead_letter, broken = letter(tmp_path), []
    dead_letter.bury("otlp", "traces", traces(1), "HTTP 400")
    with file.open("ab") as more:
        more.write(b"\xff\xfe\n[1]\n" + b"[" * 100_000 + b"\n7\nnull\n")
    with notes.open("ab") as more:
        more.write(b'{"payload":"?","signal":"traces"}\n{"payload":"AA=="}\n[]\n\xff\n7\n')
    dead_letter.bury("otlp", "traces", traces(2), "HTTP 400")

    found = list(read(file, lambda error: broken.append(str(error).partition(":")[0])))

    assert found == [("traces", traces(1)), ("traces", traces(2))]
    assert broken == [f"{file.name}, line {n}" for n in range(2, 7)] + [
        f"{notes.name}, line {n}" for n in (2, 3, 5, 6)
    ]


def test_a_line_that_is_no_otlp_is_named(tmp_path: Path):
    file = tmp_path / "foreign.jsonl"
    file.write_text('{"resourceSpans":[]}\n{"hello":1}\n')

    with pytest.raises(Malformed, match=r"foreign\.jsonl, line 2"):
        list(read(file))
