"""Getting messages to a target that is slow, busy, away or broken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import pytest

from otel_llm.alerting.delivery import Delivery
from otel_llm.alerting.errors import Rejected, TryLater
from otel_llm.alerting.notification import Notification

from .world import notification


class Phone:
    """A target that does as it is told, one answer per call; afterwards it accepts."""

    def __init__(self, *answers: Exception | Callable[[], None]) -> None:
        self.answers = list(answers)
        self.heard: list[tuple[float, str]] = []
        self.called = threading.Semaphore(0)
        self.closed = False

    def send(self, given: Notification) -> None:
        self.heard.append((time.monotonic(), given.id))
        self.called.release()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            answer()

    def close(self) -> None:
        self.closed = True


def _hold(until: threading.Event) -> None:
    until.wait(300)


class Line:
    """A delivery to a phone, and what it reported."""

    def __init__(self, *answers: Exception | Callable[[], None], **more: Any) -> None:
        self.phone = Phone(*answers)
        self.reports: list[tuple[str, bool]] = []
        self.reported = threading.Semaphore(0)
        more.setdefault("first_wait_s", 0.01)
        self.delivery = Delivery("phone", self.phone, self._report, **more)

    def _report(self, given: Notification, delivered: bool) -> None:
        self.reports.append((given.id, delivered))
        self.reported.release()

    def wait(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.reported.acquire(timeout=60), "no report"

    def __enter__(self) -> Line:
        self.delivery.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.delivery.stop(0.0)


def test_a_message_arrives_and_its_sender_hears_of_it():
    with Line() as line:
        line.delivery.put(notification(id="n1"))
        line.wait()

    assert line.reports == [("n1", True)]
    assert (line.delivery.delivered, line.delivery.pending(), line.delivery.failures()) == (
        1,
        0,
        (),
    )
    assert line.phone.closed


def test_a_busy_target_is_tried_again_under_the_same_id_until_it_accepts():
    with Line(TryLater("answered 503"), TryLater("ReadTimeout")) as line:
        line.delivery.put(notification(id="n1"))
        line.wait()

    assert [number for _, number in line.phone.heard] == ["n1", "n1", "n1"]
    assert line.reports == [("n1", True)]


def test_it_waits_as_long_as_the_target_asks_for_whatever_the_group():
    with Line(TryLater("answered 429", after_s=0.3)) as line:
        line.delivery.put(notification(id="n1", group="a"))
        assert line.phone.called.acquire(timeout=60)
        line.delivery.put(notification(id="n2", group="b"))
        line.wait(2)

    first, *others = [at for at, _ in line.phone.heard]
    assert len(others) == 2
    assert min(others) - first >= 0.3


def test_a_wait_without_end_does_not_end_the_thread():
    with Line(TryLater("answered 429", after_s=float("inf")), retry_for_s=float("inf")) as line:
        line.delivery.put(notification())
        assert line.phone.called.acquire(timeout=60)

    assert line.delivery.pending() == 1
    assert line.phone.closed


def test_messages_keep_their_distance():
    with Line(min_interval_s=0.1) as line:
        for i in range(3):
            line.delivery.put(notification(id=f"n{i}", group=f"g{i}"))
        line.wait(3)

    times = [at for at, _ in line.phone.heard]
    assert min(b - a for a, b in pairwise(times)) >= 0.1


def test_what_is_refused_is_not_tried_again_and_is_kept_to_be_seen(caplog):
    with Line(Rejected("answered 400")) as line:
        line.delivery.put(notification(id="n1"))
        line.wait()

        (failure,) = line.delivery.failures()

    assert (failure.notifier, failure.reason, failure.attempts, failure.final) == (
        "phone",
        "answered 400",
        1,
        True,
    )
    assert (line.reports, line.delivery.failed) == ([("n1", False)], 1)
    assert "phone: answered 400; given up" in caplog.text


def test_after_its_time_it_is_given_up_and_says_so(caplog):
    clock = count(step=0.01).__next__  # time passes whenever it is asked for
    with Line(*[TryLater("answered 503")] * 99, retry_for_s=0.1, clock=clock) as line:
        line.delivery.put(notification(id="n1"))
        line.wait()

    assert line.reports == [("n1", False)]
    assert line.delivery.failures()[0].attempts > 1
    assert caplog.text.count("trying again") == 1


def test_while_it_is_away_only_the_newest_about_a_group_waits(caplog):
    away = threading.Event()
    with Line(lambda: _hold(away), first_wait_s=0.01) as line:
        line.delivery.put(notification(id="first", group="a"))
        assert line.phone.called.acquire(timeout=60)
        for i in range(5):
            line.delivery.put(notification(id=f"a{i}", group="a"))
        line.delivery.put(notification(id="b", group="b"))
        away.set()
        line.wait(3)

    assert sorted(number for _, number in line.phone.heard) == ["a4", "b", "first"]


def test_a_message_that_is_never_taken_delays_no_other():
    class Picky(Phone):
        def send(self, given: Notification) -> None:
            super().send(given)
            if given.group == "bad":
                raise TryLater("answered 500")

    line = Line()
    line.phone = line.delivery._notifier = Picky()
    with line:
        line.delivery.put(notification(id="bad", group="bad"))
        for i in range(20):
            line.delivery.put(notification(id=f"n{i}", group=f"g{i}"))
        line.wait(20)

    assert {number for number, delivered in line.reports if delivered} == {
        f"n{i}" for i in range(20)
    }


def test_a_defect_of_a_notifier_does_not_end_its_thread(caplog):
    with Line(ZeroDivisionError("secret")) as line:
        line.delivery.put(notification(id="n1", group="a"))
        line.wait()
        line.delivery.put(notification(id="n2", group="b"))
        line.wait()

    assert line.reports == [("n1", False), ("n2", True)]
    assert line.delivery.failures()[0].reason == "ZeroDivisionError"


def test_stopping_delivers_what_waits_within_its_grace():
    line = Line(min_interval_s=0.05)
    line.delivery.start()
    for i in range(3):
        line.delivery.put(notification(id=f"n{i}", group=f"g{i}"))

    line.delivery.stop(60.0)

    assert len(line.reports) == 3


def test_stopping_does_not_wait_for_a_target_that_hangs():
    hang = threading.Event()
    line = Line(lambda: _hold(hang))
    line.delivery.start()
    line.delivery.put(notification())
    assert line.phone.called.acquire(timeout=60)

    began = time.monotonic()
    line.delivery.stop(0.1)

    assert time.monotonic() - began < 60
    hang.set()


@pytest.mark.parametrize("attempts", [1, 2, 10, 1000])
def test_the_wait_doubles_with_jitter_up_to_five_minutes(attempts: int):
    from otel_llm.alerting.delivery import _wait

    doubled = min(300.0, 1.0 * 2 ** min(attempts - 1, 20))
    assert doubled / 2 <= _wait(TryLater("x"), attempts, 1.0) <= doubled
