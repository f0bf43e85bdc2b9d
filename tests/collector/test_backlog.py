"""What senders were answered for and no pipeline has seen yet."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from otel_llm.collector import backlog as module
from otel_llm.collector.backlog import Backlog
from otel_llm.collector.errors import Malformed, Refused
from otel_llm.collector.journal import Journal, JournalConfig, log

from .otlp_faults import numbers, traces

FIRST, SECOND, THIRD = traces(1), traces(2), traces(3)
PATIENCE_S = 60


class Pipelines:
    """Behind a backlog: note what comes, or hold it up, or have no room."""

    def __init__(self) -> None:
        self.processed: list[bytes] = []
        self.buried: list[tuple[bytes, str]] = []
        self.raises: Exception | None = None
        self.go = Event()
        self.go.set()
        self.kept: Future[None] | None = None

    def process(self, payload: bytes) -> Future[None] | None:
        self.go.wait(PATIENCE_S)
        if self.raises:
            raise self.raises
        self.processed.append(payload)
        return self.kept

    def bury(self, payload: bytes, reason: str) -> None:
        self.buried.append((payload, reason))


@contextmanager
def backlog(directory: Path, behind: Pipelines, durability="os", **more) -> Iterator[Backlog]:
    journal = Journal(JournalConfig(directory, durability=durability), "received")
    made = Backlog(journal, behind.process, more.get("bury", behind.bury))
    try:
        yield made
    finally:
        behind.go.set()
        made.stop(more.get("grace_s", PATIENCE_S))


def failing(_: int) -> None:
    raise OSError(5, "Input/output error")


def wait_until(holds: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_who_sends_is_answered_before_what_was_sent_is_processed(tmp_path):
    behind = Pipelines()
    behind.go.clear()

    with backlog(tmp_path, behind) as line:
        line.start()
        answers = [line.take(FIRST), line.take(SECOND)]
        before = list(behind.processed)
        behind.go.set()
        assert line.settle(PATIENCE_S)

    assert (answers, before) == ([None, None], [])
    assert b"".join(behind.processed) == FIRST + SECOND


def test_small_requests_that_wait_are_processed_as_one_in_the_order_in_which_they_came(tmp_path):
    behind = Pipelines()
    small, large = [traces(number) for number in range(10, 60)], traces(4, size=400_000)

    with backlog(tmp_path, behind) as line:
        for payload in [*small, large, *small]:
            line.take(payload)
        line.start()
        assert line.settle(PATIENCE_S)

    assert behind.processed == [b"".join(small), large, b"".join(small)]


def test_where_several_cannot_be_processed_as_one_each_is_alone(tmp_path):
    behind = Pipelines()
    plain = behind.process

    def fussy(payload: bytes) -> Future[None] | None:
        if SECOND in payload:
            raise Malformed("no OTLP")
        return plain(payload)

    behind.process = fussy
    with backlog(tmp_path, behind) as line:
        for payload in (FIRST, SECOND, THIRD):
            line.take(payload)
        line.start()
        assert line.settle(PATIENCE_S)

    assert behind.processed == [FIRST, THIRD]
    assert behind.buried == [(SECOND, "it could not be processed: Malformed")]


def test_a_large_request_is_processed_in_pieces_and_of_those_again_that_were_refused(tmp_path):
    behind = Pipelines()
    process, refusing = behind.process, [True]

    def full(payload: bytes) -> Future[None] | None:
        if numbers(payload) == [3] and refusing:
            refusing.pop()
            raise Refused("the journal is full")
        return process(payload)

    behind.process = full
    with backlog(tmp_path, behind) as line:
        line.take(traces(1, 2, 3, 4, 5, size=2**20))
        line.start()
        wait_until(lambda: len(behind.processed) == 5)
        wait_until(lambda: line._ahead == 0)

    assert [numbers(payload) for payload in behind.processed] == [[1], [2], [3], [4], [5]]
    assert not refusing


def test_an_answer_waits_for_the_disk(tmp_path):
    behind = Pipelines()

    with backlog(tmp_path, behind, "fsync") as line:
        kept = line.take(FIRST)
        assert kept is not None
        kept.result(PATIENCE_S)

        with backlog(tmp_path / "copy", Pipelines()):
            [segment] = (tmp_path / "received").glob("*.journal")
            assert FIRST in segment.read_bytes()


@pytest.mark.parametrize("durability", ["os", "fsync"])
def test_what_was_answered_for_is_processed_by_the_next_process(tmp_path, durability):
    with backlog(tmp_path, Pipelines(), durability) as line:
        kept = [line.take(FIRST), line.take(SECOND)]
        [one.result(PATIENCE_S) for one in kept if one]  # nothing was started: as if killed here

    behind = Pipelines()
    with backlog(tmp_path, behind, durability) as line:
        line.start()
        assert line.settle(PATIENCE_S)

    assert behind.processed == [FIRST, SECOND]


def test_what_was_processed_is_not_processed_again(tmp_path):
    for _ in range(2):
        behind = Pipelines()
        with backlog(tmp_path, behind) as line:
            line.start()
            line.take(FIRST)

    assert behind.processed == [FIRST]


def test_a_request_is_not_done_before_it_is_kept_elsewhere(tmp_path):
    behind = Pipelines()
    behind.kept = Future()

    with backlog(tmp_path, behind) as line:
        line.start()
        line.take(FIRST)
        wait_until(lambda: behind.processed)
        waits = line.size_bytes
        behind.kept.set_result(None)
        assert line.settle(PATIENCE_S)
        after = line.size_bytes

    assert waits > len(FIRST)
    assert after == 0


def test_what_is_not_kept_elsewhere_is_processed_until_it_is(tmp_path):
    behind, failed = Pipelines(), Future()
    failed.set_exception(Refused("the journal cannot be synced"))
    behind.kept = failed

    with backlog(tmp_path, behind) as line:
        line.start()
        line.take(FIRST)
        wait_until(lambda: len(behind.processed) > 1)
        behind.kept = None
        wait_until(lambda: not line.size_bytes)
        line.take(SECOND)
        assert line.settle(PATIENCE_S)

    assert set(behind.processed) == {FIRST, SECOND}
    assert behind.processed[-1] == SECOND


def test_without_room_behind_the_pipelines_senders_are_asked_to_come_back(tmp_path):
    behind = Pipelines()
    behind.raises = Refused("the journal is full")

    with backlog(tmp_path, behind) as line:
        line.start()
        line.take(FIRST)
        wait_until(lambda: not line.has_room)
        with pytest.raises(Refused):
            line.take(SECOND)
        assert not line.settle(PATIENCE_S)
        behind.raises = None
        wait_until(lambda: line.has_room)
        line.take(THIRD)
        assert line.settle(PATIENCE_S)

    assert behind.processed == [FIRST, THIRD]


def test_nothing_is_taken_that_would_find_no_room_on_the_disk_behind_the_pipelines(
    tmp_path, monkeypatch, caplog
):
    behind = Pipelines()

    with backlog(tmp_path, behind) as line:
        line.take(FIRST)
        monkeypatch.setattr(Journal, "free_bytes", 2 * (line.size_bytes + len(SECOND)) - 1)
        with pytest.raises(Refused):
            line.take(SECOND)
        monkeypatch.setattr(Journal, "free_bytes", 2 * (line.size_bytes + len(SECOND)))
        line.take(SECOND)
        assert not line.has_room
        monkeypatch.undo()
        line.start()
        assert line.settle(PATIENCE_S)
        assert line.has_room

    assert b"".join(behind.processed) == FIRST + SECOND
    assert len(caplog.messages) == 1
    assert "the disk is nearly full; senders are asked to come back" in caplog.text


@contextmanager
def far_ahead(tmp_path, monkeypatch):
    """A backlog with as much as may wait, whose pipelines do not come to it; and the last of it."""
    monkeypatch.setattr(module, "AHEAD_BYTES", len(FIRST) // 2)
    behind = Pipelines()
    behind.go.clear()
    with backlog(tmp_path, behind) as line:
        line.start()
        kept = line.take(FIRST)
        assert kept is not None
        yield behind, line, kept


def test_whoever_is_far_ahead_waits_for_processing(tmp_path, monkeypatch):
    with far_ahead(tmp_path, monkeypatch) as (behind, _, kept):
        waits = not kept.done()
        behind.go.set()
        kept.result(PATIENCE_S)

    assert waits


def test_where_processing_is_held_up_nobody_waits_with_it(tmp_path, monkeypatch):
    with far_ahead(tmp_path, monkeypatch) as (behind, line, kept):
        moves = line.has_room
        monkeypatch.setattr(module, "HELD_UP_S", 0.0)
        with pytest.raises(Refused):
            line.take(SECOND)
        with pytest.raises(Refused):
            kept.result(PATIENCE_S)
        held_up = not line.has_room
        behind.go.set()
        wait_until(lambda: line.has_room)

    assert (moves, held_up) == (True, True)
    assert behind.processed == [FIRST]


def test_an_end_does_not_wait_for_ever_for_what_does_not_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LAST_S", 0.1)
    behind = Pipelines()
    behind.go.clear()
    line = Backlog(Journal(JournalConfig(tmp_path), "received"), behind.process, behind.bury)
    line.start()
    line.take(FIRST)
    wait_until(lambda: line.oldest_s)

    began = time.monotonic()
    line.stop(0.0)
    took_s = time.monotonic() - began
    behind.go.set()

    assert took_s < PATIENCE_S / 2
    with backlog(tmp_path, later := Pipelines()) as line:
        line.start()
        assert line.settle(PATIENCE_S)
    assert later.processed == [FIRST]


def test_whoever_waits_for_room_is_asked_to_come_back_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "AHEAD_BYTES", len(FIRST) // 2)
    behind = Pipelines()
    behind.raises = Refused("the journal is full")
    behind.go.clear()

    with backlog(tmp_path, behind, grace_s=0) as line:
        line.start()
        kept = line.take(FIRST)
        assert kept is not None
        behind.go.set()

        with pytest.raises(Refused):
            kept.result(PATIENCE_S)


def test_whoever_sends_very_many_small_requests_waits_for_processing_too(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "AHEAD_REQUESTS", 3)
    behind = Pipelines()
    behind.go.clear()

    with backlog(tmp_path, behind) as line:
        line.start()
        waits = [kept for _ in range(5) if (kept := line.take(FIRST))]
        before = [kept.done() for kept in waits]
        behind.go.set()
        after = [kept.result(PATIENCE_S) for kept in waits]
        assert line.settle(PATIENCE_S)

    assert (before, after) == ([False, False], [None, None])


def test_what_the_disk_did_not_take_keeps_nobody_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "AHEAD_REQUESTS", 3)
    behind = Pipelines()

    with backlog(tmp_path, behind, "fsync") as line:
        line.start()
        with monkeypatch.context() as broken:
            broken.setattr(log, "_sync_file", failing)
            for _ in range(10):
                with pytest.raises(Refused):
                    line.take(FIRST).result(PATIENCE_S)
        line.take(SECOND).result(PATIENCE_S)
        assert line.settle(PATIENCE_S)

    assert behind.processed == [SECOND]


@pytest.mark.parametrize("raised", [Malformed("no OTLP"), RuntimeError("a mistake of ours")])
def test_what_cannot_be_processed_is_buried_and_costs_its_neighbours_nothing(tmp_path, raised):
    behind = Pipelines()
    behind.go.clear()

    with backlog(tmp_path, behind) as line:
        line.start()
        behind.raises = raised
        line.take(FIRST)
        behind.go.set()
        wait_until(lambda: behind.buried)
        behind.raises = None
        line.take(SECOND)
        assert line.settle(PATIENCE_S)

    kind = type(raised).__name__
    assert behind.buried == [(FIRST, f"it could not be processed: {kind}")]
    assert behind.processed == [SECOND]


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Refused("the dead letter is full"), "the dead letter is full"),
        (RuntimeError("with a key in it"), "RuntimeError"),
    ],
)
def test_what_cannot_be_buried_either_is_said_to_be_lost_and_ends_nothing(
    tmp_path, caplog, raised, said
):
    def bury(_: bytes, __: str) -> None:
        raise raised

    behind = Pipelines()
    behind.raises = Malformed("no OTLP")
    with backlog(tmp_path, behind, bury=bury) as line:
        line.start()
        line.take(FIRST)
        assert line.settle(PATIENCE_S)
        behind.raises = None
        line.take(SECOND)
        assert line.settle(PATIENCE_S)

    assert behind.processed == [SECOND]
    assert caplog.messages == [
        f"not kept in the dead letter: {said}",
        "1 spans that could not be processed are LOST",
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_is_answered_for_what_nobody_processes(tmp_path, monkeypatch):
    behind = Pipelines()

    with backlog(tmp_path, behind) as line:
        monkeypatch.setattr(line, "_finish", lambda _: 1 / 0)
        line.start()
        line.take(FIRST)
        wait_until(lambda: not line.has_room)
        with pytest.raises(Refused):
            line.take(SECOND)


KILLED = """
import os, signal, sys
from pathlib import Path
from otel_llm.collector.backlog import Backlog
from otel_llm.collector.journal import Journal, JournalConfig

def process(payload):
    if b"fatal" in payload:
        os.kill(os.getpid(), signal.SIGKILL)
    with open(sys.argv[2], "ab") as file:
        file.write(payload + b"\\n")

def bury(payload, reason):
    with open(sys.argv[3], "ab") as file:
        file.write(payload + b": " + reason.encode() + b"\\n")

line = Backlog(Journal(JournalConfig(Path(sys.argv[1])), "received"), process, bury)
line.start()
line.settle(60)
line.stop(60)
"""


def test_a_request_that_ends_the_process_each_time_holds_up_the_others_three_times(tmp_path):
    with backlog(tmp_path, Pipelines()) as line:
        for payload in (b"one", b"fatal", b"two", b"three"):
            line.take(payload)
    processed, buried = tmp_path / "processed", tmp_path / "buried"

    given = [sys.executable, "-c", KILLED, *map(str, (tmp_path, processed, buried))]
    ends = [subprocess.run(given, check=False, timeout=180).returncode for _ in range(4)]

    assert ends == [-9, -9, -9, 0]
    assert processed.read_bytes() == b"one\ntwo\nthree\n"
    assert buried.read_bytes() == b"fatal: the process ended 3 times while it had this\n"


def test_a_request_for_which_there_was_no_room_is_not_what_ended_the_process(tmp_path):
    with backlog(tmp_path, Pipelines()) as line:
        line.take(FIRST)
    behind = Pipelines()
    behind.raises = Refused("the journal is full")

    for _ in range(5):
        with backlog(tmp_path, behind, grace_s=0) as line:
            line.start()
            wait_until(lambda line=line: not line.has_room)
    behind.raises = None
    with backlog(tmp_path, behind) as line:
        line.start()
        assert line.settle(PATIENCE_S)

    assert (behind.processed, behind.buried) == ([FIRST], [])


def test_what_was_processed_does_not_lie_there_when_it_has_ended(tmp_path):
    with backlog(tmp_path, Pipelines()) as line:
        line.start()
        line.take(FIRST)

    assert [file.read_bytes() for file in (tmp_path / "received").glob("*.journal")] == [b""]


def test_an_end_without_time_leaves_the_rest_on_the_disk(tmp_path):
    behind = Pipelines()
    behind.raises = Refused("the journal is full")
    with backlog(tmp_path, behind, grace_s=0) as line:
        line.start()
        line.take(FIRST)

    later = Pipelines()
    with backlog(tmp_path, later) as line:
        line.start()
        assert line.settle(PATIENCE_S)

    assert later.processed == [FIRST]


def test_after_its_end_nothing_is_taken(tmp_path):
    with backlog(tmp_path, Pipelines()) as line:
        line.start()

    with pytest.raises(Refused):
        line.take(FIRST)


def test_files_are_for_their_owner_alone(tmp_path):
    with backlog(tmp_path, Pipelines()) as line:
        line.take(FIRST)
    with backlog(tmp_path, Pipelines()) as line:
        line.start()
        assert line.settle(PATIENCE_S)

    files = [file for file in (tmp_path / "received").iterdir() if file.is_file()]
    assert {file.name for file in files} >= {"tries", "lock", "processing.cursor"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
