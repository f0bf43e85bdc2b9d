"""What a receiver rejected is kept in the dead letter, and fills neither it nor the memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_llm.collector.intake.config import LimitsConfig
from otel_llm.collector.sending.dead_letter import DeadLetter, DeadLetterConfig, read
from otel_llm.collector.sending.rejects import LARGEST, Rejects
from tests.collector.otlp_faults import traces
from tests.collector.receiving import receiving
from tests.collector.test_admission import request, span, with_attributes
from tests.collector.test_receiver_grpc import call
from tests.collector.test_receiver_http import post

FILE = "rejected-otlp-traces.jsonl"
Made = Callable[..., Rejects]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(max_size: int = 2**20) -> Rejects:
        letter = DeadLetter(DeadLetterConfig(tmp_path, max_size))
        return Rejects(lambda: letter)

    return make


def reasons(directory: Path) -> list[str]:
    file = directory / FILE.replace(".jsonl", ".reasons.jsonl")
    return [json.loads(line)["reason"] for line in file.read_text().splitlines()]


def test_where_no_thread_is_to_be_had_it_is_written_with_the_next(made, monkeypatch, tmp_path):
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    rejects = made()
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", no_thread)
        rejects.bury("otlp", "traces", traces(1), "odd")
    rejects.bury("otlp", "traces", traces(2), "odd")
    rejects.close()

    assert list(read(tmp_path / FILE)) == [("traces", traces(1)), ("traces", traces(2))]


def test_spans_without_ids_and_with_too_much_are_kept_with_the_reason(made: Made, tmp_path):
    bad, crowded = span(span_id=b""), with_attributes(20, span_id=b"crowded.")
    rejects = made()
    limits = LimitsConfig(max_attributes=10)
    with receiving(limits=limits, bury=lambda *what: rejects.bury("otlp", *what)) as receiver:
        call(receiver, request(span(), bad))
        post(receiver, request(span(), crowded))
    rejects.close()

    assert list(read(tmp_path / FILE)) == [("traces", request(bad)), ("traces", request(crowded))]
    assert reasons(tmp_path) == [
        "1 spans without a valid span id",
        "1 spans with more than 10 attributes, events and links",
    ]


def test_what_is_broken_inside_is_kept_as_it_came(made: Made, tmp_path):
    good = span()
    broken = request(good).replace(b"chat", b"\xff\xff\xff\xff")
    rejects = made()

    rejects.bury("otlp", "traces", broken, "broken inside")
    rejects.close()

    assert [payload for _, payload in read(tmp_path / FILE)] == [broken]


@pytest.mark.parametrize(
    ("max_size", "payload"), [(2**20, bytes(LARGEST + 1)), (100, traces(1, size=100))]
)
def test_what_is_too_much_is_let_go(made: Made, tmp_path, caplog, max_size, payload):
    rejects = made(max_size)

    for _ in range(3):
        rejects.bury("otlp", "traces", payload, "why")
    rejects.close()

    assert len(list(tmp_path.iterdir())) <= 2
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 5_000
    assert "is not kept in the dead letter" in caplog.text
