"""What a worker hands over, also when it dies in the middle."""

from __future__ import annotations

import socket

import pytest

from otel_llm.collector.samples import Family, Sample
from otel_llm.genai import Call
from otel_llm.service.handover import Handover, Kind, Status, frames, read_status

CALL = Call("00" * 16, "00" * 8, None, "chat", 1, 2)


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_was_handed_over_is_read_after_the_worker_has_ended(ends):
    ours, theirs = ends
    worker = Handover(theirs)
    status = Status([Family("f", "counter", "help", [Sample(1.0, {"a": "b"}, "_total")])])

    worker.observe([CALL])
    worker.logs(b"payload")
    worker.tell(status)
    theirs.close()
    (calls, _), logs, (told, content) = frames(ours)

    assert (calls, logs, told) == (Kind.CALLS, (Kind.LOGS, b"payload"), Kind.STATUS)
    assert read_status(content) == status


@pytest.mark.parametrize("left_out", [1, 5, 20])
def test_half_a_frame_was_not_answered_for_and_is_left_out(ends, left_out):
    ours, theirs = ends
    worker = Handover(theirs)
    worker.logs(b"whole")
    theirs.sendall(b"\x02\x14\x00\x00\x00".ljust(25, b"x")[:-left_out])
    theirs.close()

    assert list(frames(ours)) == [(Kind.LOGS, b"whole")]


def test_a_worker_whose_owner_is_gone_says_so_and_does_not_wait(ends):
    ours, theirs = ends
    ours.close()

    with pytest.raises(OSError, match="Broken pipe"):
        Handover(theirs).observe([CALL])
