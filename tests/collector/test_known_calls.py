"""Calls that are remembered by several processes together."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from otel_llm.collector.normalize.duplicates import Duplicates
from otel_llm.collector.normalize.known_calls import MEMORY, SHARED_BYTES, KnownCalls, SharedCalls
from otel_llm.collector.shared_memory import shared_file
from tests.collector.test_normalize import NATIVE, OURS, batch

TRACE, SPAN = b"t" * 16, b"s" * 8


@pytest.fixture
def file() -> Iterator[int]:
    file = shared_file(SHARED_BYTES)
    yield file
    os.close(file)


def duplicates(known: KnownCalls) -> Duplicates:
    made = Duplicates()
    made.known = known
    return made


def test_what_one_notes_another_one_finds(file: int):
    one, other = SharedCalls(file, "normalize"), SharedCalls(file, "normalize")

    with one.turn():
        one.below[TRACE, SPAN] = b"inner...", "resp-1", (3, None)
    with other.turn():
        found = other.below.get((TRACE, SPAN))

    assert found == (b"inner...", "resp-1", (3, None))
    assert found[1] != "resp-2"
    assert other.below.get((TRACE, b"another.")) is None
    assert other.same.get((TRACE, SPAN)) is None
    assert SharedCalls(file, "normalize/two").below.get((TRACE, SPAN)) is None


def test_another_process_finds_it_too(file: int):
    known = SharedCalls(file, "normalize")
    known.same[TRACE, "resp-1"] = SPAN, None, (None, None)
    code = (
        "from otel_llm.collector.normalize.known_calls import SharedCalls\n"
        f"known = SharedCalls({file}, 'normalize')\n"
        "with known.turn(): print(known.same.get((b't' * 16, 'resp-1')))"
    )

    asked = subprocess.run(
        [sys.executable, "-c", code], pass_fds=[file], capture_output=True, text=True, timeout=120
    )

    assert asked.stdout.strip() == str((SPAN, None, (None, None)))


def test_as_many_are_remembered_as_by_one_process(file: int):
    known = SharedCalls(file, "normalize")
    for number in range(MEMORY):
        known.same[TRACE, str(number)] = number.to_bytes(8), None, (number, number)

    missing = [n for n in range(MEMORY) if known.same.get((TRACE, str(n))) is None]

    assert len(missing) < MEMORY / 500


def test_a_call_that_two_processes_saw_is_marked_by_the_second(file: int):
    first, second = (duplicates(SharedCalls(file, "normalize")) for _ in range(2))
    ours, theirs = batch(OURS), batch({"http.route": "/"}, NATIVE)

    for known, opened in ((first, ours), (second, theirs)):
        known.mark(opened.genai())

    marks = [o.genai()[0].text("otel_llm.duplicate_of") for o in (ours, theirs)]
    assert marks == [None, "0000000000000001"]
