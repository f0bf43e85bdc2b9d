"""What a worker hands over, also when it dies in the middle."""

from __future__ import annotations

import socket
from queue import SimpleQueue
from threading import Thread

import pytest

from otel_llm.collector.measures.samples import Family, Sample
from otel_llm.collector.observers.judging import Chosen
from otel_llm.collector.sampling.verdicts import Seen, Undecided
from otel_llm.genai import Call
from otel_llm.service.handover import (
    Channel,
    Handover,
    Kind,
    Status,
    answer_which,
    frames,
    own,
    read_chosen,
    read_question,
    read_seen,
    read_status,
    read_which,
)

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


CHOSEN = Chosen("0a", "0b", None, "shop", "gpt-4o", None, "2", b"asked", b"answered")
SEEN = {"0a": Seen(1, 2, 0.5, None), "0b": Seen(3, 4, 0.0, "error")}


def test_what_is_to_be_judged_and_what_is_known_of_traces_arrives_as_it_was(ends):
    ours, theirs = ends
    worker = Handover(theirs)

    worker.chosen(CHOSEN)
    worker.verdicts("sample/two").learn(SEEN)
    theirs.close()
    (_, chosen), (_, seen) = frames(ours)

    assert read_chosen(chosen) == CHOSEN
    assert read_seen(seen) == ("sample/two", SEEN)


def test_a_question_gets_its_answer_and_what_the_owner_tells_goes_to_the_pipelines(ends):
    ours, theirs = ends
    worker, told = Handover(theirs), SimpleQueue()
    listening = Thread(target=worker.listen, args=(lambda *own: told.put(own),))
    listening.start()

    def answer() -> None:
        channel = Channel(ours)
        channel.send(Kind.OWN, own("logs", b"payload"))
        for _, content in frames(ours):
            number, question = read_question(content)
            which = read_which(question)[1] if question else ()
            channel.send(Kind.ANSWER, number + (answer_which(which[:1]) if which else b"3"))

    answering = Thread(target=answer)
    answering.start()

    assert (worker.stored(), worker.missed) == (True, 3)
    assert worker.verdicts("sample").kept(["0a", "0b"]) == {"0a"}
    assert told.get(timeout=60) == ("logs", b"payload")
    worker.close()
    listening.join(60)
    answering.join(60)


def test_when_the_owner_is_gone_no_question_waits_for_ever(ends):
    ours, theirs = ends
    worker = Handover(theirs)
    asking = SimpleQueue()
    waiting = Thread(target=lambda: asking.put(worker.stored()))
    waiting.start()
    next(frames(ours))
    ours.close()

    worker.listen(lambda *_: None)

    assert asking.get(timeout=60) is False
    assert not worker.stored()
    with pytest.raises(Undecided):
        worker.verdicts("sample").kept(["0a"])
    waiting.join(60)
