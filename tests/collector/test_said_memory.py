"""What was said apart from spans, remembered by one process or by several together."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from otel_llm.collector.normalize.said_memory import OwnSaid, SaidMemory, SharedSaid, bytes_for
from otel_llm.collector.shared_memory import shared_file

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from otel_llm.collector.normalize.said_memory import SharedSaid
memory = SharedSaid(int(sys.argv[1]), "normalize")
number = 0
while True:
    print(number, flush=True)
    memory.add((b"t", (number % 50).to_bytes(8)), b"%d " % (number % 50) * (number % 300))
    number += 1
"""

Make = Callable[[int], SaidMemory]


@pytest.fixture
def file() -> Iterator[Callable[[int], int]]:
    with ExitStack() as files:

        def make(max_bytes: int) -> int:
            made = shared_file(bytes_for(max_bytes))
            files.callback(os.close, made)
            return made

        yield make


@pytest.fixture(params=["own", "shared"])
def make(request, file) -> Make:
    own = request.param == "own"
    return OwnSaid if own else lambda max_bytes: SharedSaid(file(max_bytes), "normalize")


def ids(number: int) -> tuple[bytes, bytes]:
    return bytes(16), number.to_bytes(8)


def test_what_was_said_of_a_span_is_there_once_in_the_order_in_which_it_came(make: Make):
    memory = make(2**16)
    assert not memory

    for said in (b"one", b"two", b"", b"one"):
        memory.add(ids(1), said)
        memory.add(ids(2), b"of another")

    assert memory
    assert list(memory.of(ids(1))) == [b"one", b"two", b""]
    assert list(memory.of(ids(2))) == [b"of another"]
    assert list(memory.of(ids(3))) == []


def test_the_oldest_are_forgotten_for_the_newest(make: Make):
    memory = make(20_000)

    for number in range(500):
        memory.add(ids(number), number.to_bytes(2) * 100)

    there = [number for number in range(500) if memory.of(ids(number))]
    assert there == list(range(there[0], 500))
    assert 20 <= len(there) <= 100
    assert list(memory.of(ids(499))) == [(499).to_bytes(2) * 100]


def test_what_is_larger_than_all_of_it_is_not_remembered(make: Make):
    memory = make(1_000)

    memory.add(ids(1), bytes(1_001))

    assert list(memory.of(ids(1))) == []


def test_whatever_is_said_of_many_spans_nothing_is_told_of_another_one(make: Make):
    memory, chance = make(30_000), random.Random(7)
    said: dict[int, list[bytes]] = {}

    for _ in range(3_000):
        number = chance.randrange(60)
        one = b"%d:" % number + chance.randbytes(chance.randrange(700))
        memory.add(ids(number), one)
        said.setdefault(number, []).append(one)
        asked = chance.randrange(60)
        found = list(memory.of(ids(asked)))
        assert found == said.get(asked, [])[len(said.get(asked, [])) - len(found) :]


def test_threads_take_turns(make: Make):
    memory = make(2**20)

    def say(thread: int) -> None:
        for number in range(200):
            memory.add(ids(number), b"%d" % thread)

    threads = [threading.Thread(target=say, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [sorted(memory.of(ids(number))) for number in range(200)] == 200 * [
        [b"0", b"1", b"2", b"3"]
    ]


def test_of_one_memory_each_processor_sees_its_own(file):
    memory = file(2**16)

    SharedSaid(memory, "normalize").add(ids(1), b"said")

    assert list(SharedSaid(memory, "normalize").of(ids(1))) == [b"said"]
    assert list(SharedSaid(memory, "normalize/two").of(ids(1))) == []


def test_a_process_that_is_killed_while_it_writes_holds_up_nobody_and_leaves_no_nonsense(file):
    shared = file(20_000)
    memory = SharedSaid(shared, "normalize")

    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(shared)],
            pass_fds=[shared],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert writer.stdout
        for _ in range(random.randrange(100, 2_000)):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        memory.add(ids(1), b"said")

        assert list(memory.of(ids(1)))[-1:] == [b"said"]
        for number in range(50):
            for said in memory.of((b"t", number.to_bytes(8))):
                assert said == b"%d " % number * (len(said) // len(b"%d " % number))
