"""One worker as the process that started it sees it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from otel_llm.service.supervised import Supervised

WORKER = """
import socket, sys, time
from otel_llm.service.handover import Handover, Status

Handover(socket.socket(fileno=int(sys.argv[1]))).tell(Status())
time.sleep(float(sys.argv[2]))
"""


def test_a_worker_that_could_not_be_started_again_once_is_started_again_later():
    started: list[int] = []

    def command(_: int, connection: int) -> Sequence[str]:
        started.append(connection)
        if len(started) == 2:
            return ["/nowhere/at/all"]
        return [sys.executable, "-c", WORKER, str(connection), "0" if len(started) == 1 else "60"]

    worker = Supervised(0, command, lambda *_: None)
    worker.start()
    until = time.monotonic() + 60
    while not (len(started) > 2 and worker.is_up) and time.monotonic() < until:
        time.sleep(0.01)
    is_up = worker.is_up
    worker.stop()
    worker.join(10)

    assert (len(started), is_up) == (3, True)


def test_a_worker_that_cannot_be_started_at_all_is_not_waited_for():
    worker = Supervised(0, lambda *_: ["/nowhere/at/all"], lambda *_: None)
    worker.start()
    began = time.monotonic()

    assert not worker.came_up(60)
    assert time.monotonic() - began < 30
    worker.join(10)
