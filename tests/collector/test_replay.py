"""A dead letter sent again: by hand, once the reason is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_llm.collector.errors import Malformed, Permanent, Retryable
from otel_llm.collector.sending.dead_letter import DeadLetter, DeadLetterConfig
from otel_llm.collector.sending.replay import Replayed, replay

from .otlp_faults import numbers, traces
from .test_sending import NOW, STEADY, Limited, Scripted, Simulated


@pytest.fixture
def file(tmp_path: Path) -> Path:
    letter = DeadLetter(DeadLetterConfig(tmp_path))
    for number in (1, 2, 3):
        letter.bury("otlp", "traces", traces(number, number + 10), "HTTP 400")
    return tmp_path / "otlp-traces.jsonl"


def test_every_request_is_sent_once_in_order_and_the_file_stays(file: Path):
    exporter, before = Scripted(), file.read_bytes()

    replayed = replay(file, "otlp", exporter, STEADY)

    assert replayed == Replayed(sent=6, refused={})
    assert exporter.numbers() == [1, 11, 2, 12, 3, 13]
    assert file.read_bytes() == before


def test_what_is_refused_again_is_counted_by_reason_and_does_not_stop_the_rest(file: Path):
    exporter = Scripted([Permanent("HTTP 401")])

    replayed = replay(file, "otlp", exporter, STEADY)

    assert replayed == Replayed(sent=4, refused={"HTTP 401": 2})


def test_a_destination_that_is_unwell_is_waited_for_a_minute_and_not_at_every_request(file: Path):
    clock = Simulated()
    exporter = Scripted(always=Retryable("UNAVAILABLE"))

    replayed = replay(file, "otlp", exporter, STEADY, clock)

    assert replayed == Replayed(sent=0, refused={"given up: UNAVAILABLE": 2}, ended_early=True)
    assert 60 <= clock.now - NOW < 100


def test_what_is_too_large_now_is_divided(file: Path):
    exporter = Limited(len(traces(1, 11)) - 1)

    replay(file, "otlp", exporter, STEADY)

    assert [numbers(payload) for payload in exporter.accepted] == [[1], [11], [2], [12], [3], [13]]


def test_a_file_of_something_else_is_named(tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("hello\n")

    with pytest.raises(Malformed, match=r"notes\.txt, line 1"):
        replay(file, "otlp", Scripted(), STEADY)
