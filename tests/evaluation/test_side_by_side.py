"""Several things at a time, and nobody waits for what is slow when it is time to go."""

from __future__ import annotations

import threading
import time

import pytest

from otel_llm.evaluation.side_by_side import Halted, side_by_side

PATIENCE_S = 60


def test_all_are_done_and_never_more_at_a_time_than_may_be():
    lock, busy, most = threading.Lock(), 0, 0
    together = threading.Barrier(3, timeout=PATIENCE_S)

    def do(item: int) -> int:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        if item < 3:
            together.wait()
        with lock:
            busy -= 1
        return item * 10

    assert dict(side_by_side(do, range(20), 3)) == {n: n * 10 for n in range(20)}
    assert most == 3


def test_what_one_raises_is_raised():
    def do(item: int) -> int:
        if item == 2:
            raise KeyError(item)
        return item

    with pytest.raises(KeyError):
        dict(side_by_side(do, range(5), 2))


def test_after_one_has_raised_none_is_begun():
    begun, ended = [], threading.Event()

    def do(item: int) -> int:
        begun.append(item)
        if item == 0:
            raise KeyError(item)
        ended.wait(PATIENCE_S)
        return item

    with pytest.raises(KeyError):
        dict(side_by_side(do, range(50), 2))
    ended.set()
    for thread in [t for t in threading.enumerate() if t.name == "side-by-side"]:
        thread.join(PATIENCE_S)

    assert len(begun) <= 3


def test_when_it_is_halted_nobody_waits_for_what_is_under_way():
    halted, release, begun = threading.Event(), threading.Event(), threading.Event()

    def do(_: int) -> bool:
        begun.set()
        return release.wait(PATIENCE_S)

    asked = side_by_side(do, range(5), 1, halted)
    threading.Thread(target=lambda: begun.wait(PATIENCE_S) and halted.set(), daemon=True).start()
    started = time.monotonic()
    with pytest.raises(Halted):
        next(asked)

    assert time.monotonic() - started < PATIENCE_S
    release.set()


def test_nothing_to_do_is_done():
    assert list(side_by_side(str, (), 4)) == []
