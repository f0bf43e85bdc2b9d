"""From the queue to the destination: nothing lost, nothing twice without need, nobody delayed."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import pytest

from otel_llm.collector.errors import (
    Malformed,
    PartlyRejected,
    Permanent,
    Refused,
    Retryable,
    TooLarge,
)
from otel_llm.collector.exporters.otlp import OtlpExporter, OtlpExporterConfig
from otel_llm.collector.measures.sending import measure
from otel_llm.collector.outbox import MemoryOutbox, stop_all
from otel_llm.collector.sending import Sender, drain
from otel_llm.collector.sending.dead_letter import DeadLetter, DeadLetterConfig, read
from otel_llm.collector.sending.destination import BatchConfig, QueueConfig, RetryConfig
from otel_llm.collector.sending.queues import Lot, MemoryQueue
from otel_llm.collector.sending.retry import intervals
from otel_llm.collector.sending.sender import CHANCE_S, Clock
from otel_llm.collector.sending.status import REMIND_S, Circuit
from tests.e2e.running import free_port

from .otlp_faults import abort, grpc_sink, numbers, traces

NOW = 1_700_000_000.0


class Scripted:
    """An exporter that meets the given errors one after the other, then accepts."""

    def __init__(self, errors: Sequence[Exception] = (), always: Exception | None = None) -> None:
        self.errors = deque(errors)
        self.always = always
        self.accepted: list[bytes] = []
        self.attempts: list[bytes] = []
        self.changed = threading.Condition()

    def export(self, signal, payload: bytes) -> None:
        with self.changed:
            self.attempts.append(payload)
            self.changed.notify_all()
            self.judge(payload)
            self.accepted.append(payload)

    def judge(self, payload: bytes) -> None:
        if self.errors:
            raise self.errors.popleft()
        if self.always:
            raise self.always

    def close(self) -> None: ...

    def numbers(self) -> list[int]:
        return numbers(*self.accepted)

    def wait(self, until: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(until, 60), f"{len(self.attempts)} attempts"


class Limited(Scripted):
    """Refuses what is larger than ``limit``."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def judge(self, payload: bytes) -> None:
        if len(payload) > self.limit:
            raise TooLarge("HTTP 413")


@dataclass
class Simulated(Clock):
    """Time passes when somebody waits, and only then."""

    now: float = NOW
    waits: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now

    def wait(self, event: threading.Event, seconds: float) -> None:
        if not event.is_set():
            self.waits.append(seconds)
            self.now += seconds


@dataclass(frozen=True)
class Settings:
    sending_queue: QueueConfig
    retry_on_failure: RetryConfig


STEADY = Settings(
    QueueConfig(batch=BatchConfig(flush_timeout=0.01)), RetryConfig(randomization_factor=0)
)
QUICK = replace(STEADY, retry_on_failure=RetryConfig(initial_interval=0.01, max_interval=0.05))


def sender(
    exporter, settings: Settings = STEADY, dead_letter: DeadLetter | None = None, clock=None
) -> Sender[MemoryQueue]:
    queue = MemoryQueue(settings.sending_queue.queue_size)
    return Sender("otlp", "traces", exporter, settings, queue, dead_letter, clock or Simulated())


def delivered(exporter, *payloads: bytes, settings: Settings = STEADY, letter=None, clock=None):
    made = sender(exporter, settings, letter, clock)
    made.deliver(Lot(payloads, since=NOW))
    return made.status()


@pytest.fixture
def letter(tmp_path: Path) -> DeadLetter:
    return DeadLetter(DeadLetterConfig(tmp_path / "dead"))


@pytest.fixture
def buried(tmp_path: Path) -> Callable[[], list[int]]:
    def find() -> list[int]:
        files = sorted((tmp_path / "dead").glob("*-traces.jsonl"))
        return [n for file in files for _, payload in read(file) for n in numbers(payload)]

    return find


# What an answer leads to


def test_a_lot_is_sent_as_one_request_that_is_its_requests_joined():
    exporter = Scripted()

    status = delivered(exporter, traces(1), traces(2, 3))

    assert exporter.accepted == [traces(1) + traces(2, 3)]
    assert (status.sent, status.requests, status.sent_bytes) == (3, 1, len(exporter.accepted[0]))


def test_retries_wait_longer_and_longer_up_to_the_limit_until_it_is_accepted():
    exporter, clock = Scripted([Retryable("UNAVAILABLE")] * 12), Simulated()

    status = delivered(exporter, traces(1), clock=clock)

    waits = [1.5**n for n in range(9)]
    assert clock.waits == pytest.approx([*waits, 30, 30, 30])
    assert (exporter.numbers(), status.retries, status.circuit) == ([1], 12, "closed")


def test_waits_are_spread_at_random_within_their_share():
    low = intervals(RetryConfig(), uniform=lambda a, b: a)
    high = intervals(RetryConfig(), uniform=lambda a, b: b)

    assert [next(low), next(low)] == [0.5, 0.75]
    assert [next(high), next(high)] == [1.5, 2.25]


def test_the_wait_that_the_destination_asks_for_goes_before_a_shorter_one_of_ours():
    asked = [Retryable("HTTP 429", retry_after_s=s) for s in (20, 0, 1e9)]
    clock = Simulated()

    delivered(Scripted(asked), traces(1), clock=clock)

    assert clock.waits == [20, 1.5, 3600]


def test_what_is_refused_for_good_is_buried_with_the_reason_and_never_sent_again(letter, buried):
    exporter = Scripted([Permanent("HTTP 401", said="who are you")])

    status = delivered(exporter, traces(1), traces(2), letter=letter)

    assert (buried(), len(exporter.attempts)) == ([1, 2], 1)
    assert (status.failed, status.dead_lettered, status.sent) == (2, 2, 0)
    assert (status.last_error, status.circuit) == ("HTTP 401", "closed")


def test_what_is_older_than_the_limit_is_buried(letter, buried):
    retry = RetryConfig(randomization_factor=0, max_elapsed_time=10)
    exporter, clock = Scripted(always=Retryable("UNAVAILABLE")), Simulated()

    delivered(
        exporter,
        traces(1),
        settings=replace(STEADY, retry_on_failure=retry),
        letter=letter,
        clock=clock,
    )

    assert buried() == [1]
    assert clock.now - NOW >= 10
    assert len(exporter.attempts) == 6


@dataclass
class Jumping(Simulated):
    """As if the machine slept for a day, or its clock was set, before the first attempt."""

    jump: float = 86_400.0

    def time(self) -> float:
        return self.now + self.jump


def test_data_that_grew_old_in_its_sleep_is_not_given_up_at_the_first_failure(letter, buried):
    exporter, clock = Scripted([Retryable("UNAVAILABLE")] * 5), Jumping()

    status = delivered(exporter, traces(1), letter=letter, clock=clock)

    assert (status.sent, buried()) == (1, [])


def test_data_that_is_old_is_given_up_once_the_destination_has_had_its_chance(letter, buried):
    exporter, clock = Scripted(always=Retryable("UNAVAILABLE")), Jumping()

    delivered(exporter, traces(1), traces(2), letter=letter, clock=clock)

    assert buried() == [1, 2]
    assert CHANCE_S <= clock.now - NOW < CHANCE_S + 60


def test_a_state_that_lasts_is_said_again_though_the_clock_was_set_back(caplog):
    clock = Jumping(jump=0.0)
    circuit = Circuit("otlp (traces)", clock.steady)

    circuit.failed(Retryable("UNAVAILABLE"), 1.0)
    clock.jump, clock.now = -86_400.0, clock.now + REMIND_S
    circuit.failed(Retryable("UNAVAILABLE"), 1.0)

    assert len(caplog.records) == 2
    assert circuit.failing_s == REMIND_S


def test_old_data_still_gets_one_attempt():
    exporter, clock = Scripted(), Simulated(now=NOW + 1e9)

    assert delivered(exporter, traces(1), clock=clock).sent == 1


def test_with_retries_off_one_failure_is_final(letter, buried):
    exporter = Scripted([Retryable("UNAVAILABLE")])
    settings = replace(STEADY, retry_on_failure=RetryConfig(enabled=False))

    delivered(exporter, traces(1), settings=settings, letter=letter)

    assert (buried(), len(exporter.attempts)) == ([1], 1)


def test_partial_success_is_counted_as_loss_kept_and_not_sent_again(letter, buried):
    exporter = Scripted([PartlyRejected(2, said="too old")])

    status = delivered(exporter, traces(1, 2, 3), letter=letter)

    assert (status.sent, status.rejected, status.failed) == (1, 2, 2)
    assert (buried(), len(exporter.attempts)) == ([1, 2, 3], 1)


def test_no_more_is_lost_than_was_sent_whatever_the_destination_says(letter):
    status = delivered(Scripted([PartlyRejected(10**20)]), traces(1, 2, 3), letter=letter)

    assert (status.sent, status.rejected, status.failed) == (0, 3, 3)


def test_a_lot_that_is_too_large_is_halved_until_it_fits_in_order(letter, buried):
    payloads = [traces(*range(n, n + 10), size=100) for n in range(0, 80, 10)]
    exporter = Limited(limit=500)

    status = delivered(exporter, *payloads, letter=letter)

    assert exporter.numbers() == list(range(80))
    assert (status.sent, buried()) == (80, [])


def test_a_single_span_that_is_too_large_is_buried_and_the_others_arrive(letter, buried):
    exporter = Limited(limit=500)

    delivered(exporter, traces(1, 2) + traces(3, size=900), traces(4), letter=letter)

    assert (exporter.numbers(), buried()) == ([1, 2, 4], [3])


def test_a_destination_out_of_quota_is_not_asked_once_per_span(letter, buried):
    exporter = Scripted(always=TooLarge("RESOURCE_EXHAUSTED"))

    delivered(exporter, traces(*range(1024)), letter=letter)

    assert sorted(buried()) == list(range(1024))
    assert len(exporter.attempts) < 20


def test_one_broken_request_does_not_take_its_batch_with_it(letter, buried):
    class Strict(Scripted):
        def judge(self, payload: bytes) -> None:
            if 2 in numbers(payload):
                raise Malformed("HTTP 400")

    exporter = Strict()

    delivered(exporter, traces(1), traces(2), traces(3), letter=letter)

    assert (exporter.numbers(), buried()) == ([1, 3], [2])


def test_a_bug_in_an_exporter_is_a_failure_of_the_destination_and_loses_nothing():
    exporter = Scripted([KeyError("secret")])

    status = delivered(exporter, traces(1))

    assert (status.sent, status.retries) == (1, 1)
    assert status.last_error == "unexpected KeyError"


def test_without_a_dead_letter_loss_is_said_loudly(caplog):
    status = delivered(Scripted([Permanent("HTTP 401", said="a secret")]), traces(1))

    assert (status.failed, status.dead_lettered) == (1, 0)
    assert "LOST" in caplog.text
    assert "secret" not in caplog.text


def test_an_outage_is_logged_once_a_minute_and_its_end_is_too(caplog):
    caplog.set_level(logging.WARNING)
    clock = Simulated()

    delivered(Scripted([Retryable("UNAVAILABLE")] * 20), traces(1), clock=clock)

    minutes = (clock.now - NOW) / 60
    lines = [record.getMessage() for record in caplog.records]
    assert 1 < len(lines) <= minutes + 3
    assert "delivering again" in lines[-1]


def test_a_full_disk_under_the_dead_letter_holds_the_data_until_there_is_room(letter):
    class Crowded:
        refusals = 3

        def bury(self, *what) -> None:
            if self.refusals:
                self.refusals -= 1
                raise OSError(28, "No space left on device")
            letter.bury(*what)

    clock = Simulated()
    status = delivered(Scripted([Permanent("HTTP 401")]), traces(1), letter=Crowded(), clock=clock)

    assert (status.dead_lettered, len(clock.waits)) == (1, 3)


# The thread, the queue and the end


@contextmanager
def running(*args, **more) -> Iterator[Sender[MemoryQueue]]:
    made = sender(*args, clock=Clock(), **more)
    made.start()
    try:
        yield made
    finally:
        made.close()
        made.join(60)


def test_requests_that_come_together_leave_together():
    exporter = Scripted()
    settings = replace(STEADY, sending_queue=QueueConfig(batch=BatchConfig(flush_timeout=30)))

    with running(exporter, settings) as made:
        for number in range(5):
            made.queue.put(traces(number))

    assert [numbers(payload) for payload in exporter.accepted] == [[0, 1, 2, 3, 4]]


def test_a_full_batch_does_not_wait_for_the_timer():
    exporter = Scripted()
    batch = BatchConfig(flush_timeout=30, max_size=len(traces(1)) * 2)
    settings = replace(STEADY, sending_queue=QueueConfig(batch=batch))

    with running(exporter, settings) as made:
        for number in range(4):
            made.queue.put(traces(number))
        exporter.wait(lambda: len(exporter.accepted) == 2)

        assert [numbers(payload) for payload in exporter.accepted] == [[0, 1], [2, 3]]


def test_a_lone_request_leaves_when_the_timer_ends():
    exporter = Scripted()

    with running(exporter) as made:
        made.queue.put(traces(1))

        exporter.wait(lambda: exporter.numbers() == [1])


def test_closing_hurries_a_sender_that_waits_for_its_next_attempt():
    exporter = Scripted([Retryable("UNAVAILABLE", retry_after_s=1000)])
    made = sender(exporter, clock=Clock())
    made.start()
    made.queue.put(traces(1))
    exporter.wait(lambda: len(exporter.attempts) == 1)

    made.close()
    made.join(60)

    assert exporter.numbers() == [1]


def test_what_cannot_be_sent_in_time_at_the_end_is_buried(letter, buried):
    exporter = Scripted(always=Retryable("UNAVAILABLE"))
    made = sender(exporter, QUICK, letter, clock=Clock())
    made.start()
    for number in range(3):
        made.queue.put(traces(number))
    exporter.wait(lambda: len(exporter.attempts) > 2)

    made.close()
    made.join(0.1)

    assert buried() == [0, 1, 2]
    assert made.status().queue_bytes == 0


def test_what_finds_no_room_at_the_end_is_said_and_costs_no_other(caplog):
    class Full:
        def bury(self, name: str, *_: object) -> None:
            raise OSError(28, "No space left on device")

    stopping = [
        sender(Scripted(always=Retryable("UNAVAILABLE")), QUICK, Full(), clock=Clock())
        for _ in range(2)
    ]
    for made in stopping:
        made.start()
        made.queue.put(traces(1, 2))

    drain(stopping, 0.1)

    assert [made.status().failed for made in stopping] == [2, 2]
    assert caplog.text.count("No space left on device; 2 items LOST") == 2


def test_a_closed_queue_refuses():
    made = sender(Scripted())
    made.close()

    with pytest.raises(Refused):
        made.queue.put(traces(1))


def test_the_status_tells_what_waits_and_since_when_it_fails():
    exporter = Scripted(always=Retryable("UNAVAILABLE"))

    with running(exporter, QUICK) as made:
        made.queue.put(traces(1))
        exporter.wait(lambda: len(exporter.attempts) > 3)
        status = made.status()

        assert (status.queue_bytes, status.circuit) == (len(traces(1)), "open")
        assert status.oldest_s >= 0
        assert status.failing_s >= 0
        assert status.last_error == "UNAVAILABLE"
        exporter.always = None


def test_the_counts_are_measured_under_the_names_of_the_collector_of_opentelemetry(letter):
    made = sender(Scripted([Permanent("HTTP 401")]), dead_letter=letter)
    made.deliver(Lot((traces(1, 2),), since=NOW))
    made.deliver(Lot((traces(3),), since=NOW))

    measured = {
        family.name + sample.suffix: (sample.value, dict(sample.labels))
        for family in measure([made])
        for sample in family.samples
        if sample.value
    }

    labels = {"exporter": "otlp", "data_type": "traces"}
    assert measured == {
        "otelcol_exporter_sent_spans_total": (1, labels),
        "otelcol_exporter_send_failed_spans_total": (2, labels),
        "otelcol_exporter_queue_capacity": (64 * 2**20, labels),
        "otel_llm_exporter_requests_total": (1, labels),
        "otel_llm_exporter_sent_bytes_total": (len(traces(3)), labels),
        "otel_llm_exporter_dead_lettered_items_total": (2, labels),
    }


# Several destinations


def outbox(letter: DeadLetter | None = None, **exporters) -> MemoryOutbox:
    queue = QueueConfig(queue_size=64 * 2**10, batch=BatchConfig(flush_timeout=0.01))
    settings = replace(QUICK, sending_queue=queue)
    return MemoryOutbox("traces", {name: (e, settings) for name, e in exporters.items()}, letter)


def test_a_dead_destination_delays_no_other_and_catches_up():
    dead, alive = Scripted(always=Retryable("UNAVAILABLE")), Scripted()
    box = outbox(dead=dead, alive=alive)
    box.start()
    for number in range(50):
        box.put(traces(number))
    alive.wait(lambda: len(alive.numbers()) == 50)
    assert dead.numbers() == []

    dead.always = None
    dead.wait(lambda: len(dead.numbers()) == 50)
    box.stop(60)

    assert (dead.numbers(), alive.numbers()) == (list(range(50)), list(range(50)))


def test_when_every_queue_is_full_the_sender_is_refused_and_nothing_is_taken(letter, buried):
    stuck = Scripted(always=Retryable("UNAVAILABLE"))
    box = outbox(letter, a=stuck, b=stuck)
    big = traces(1, size=40_000)
    box.put(big)

    with pytest.raises(Refused):
        box.put(big)

    assert [s.status().queue_bytes for s in box.senders] == [len(big), len(big)]
    assert buried() == []


def test_a_large_request_waits_in_pieces_all_of_them_or_none():
    large = traces(1, 2, 3, 4, 5, 6, size=2**20)
    settings = replace(QUICK, sending_queue=QueueConfig(queue_size=7 * 2**20))
    whole = MemoryOutbox("traces", {"one": (Scripted(), settings)})

    whole.put(large)
    with pytest.raises(Refused):
        whole.put(large)

    lot = whole.senders[0].queue.take(1, 0)
    waiting = [*map(bytes, lot.payloads), *whole.senders[0].queue.abandon()[1:]]
    assert max(map(len, waiting)) < 3 * 2**20
    assert [numbers(piece) for piece in waiting] == [[1], [2], [3], [4], [5], [6]]


def test_a_full_queue_beside_one_with_room_overflows_into_the_dead_letter(letter, buried):
    dead, alive = Scripted(always=Retryable("UNAVAILABLE")), Scripted()
    box = outbox(letter, dead=dead, alive=alive)
    box.start()
    for number in range(5):
        box.put(traces(number, size=30_000))
        alive.wait(lambda number=number: len(alive.numbers()) == number + 1)
    status = box.senders[0].status()
    box.stop(0.1)

    assert alive.numbers() == [0, 1, 2, 3, 4]
    assert sorted(buried()) == [0, 1, 2, 3, 4]
    assert status.enqueue_failed == 3


def test_without_a_dead_letter_a_full_queue_refuses_rather_than_drops():
    dead, alive = Scripted(always=Retryable("UNAVAILABLE")), Scripted()
    box = outbox(dead=dead, alive=alive)
    box.start()
    big = traces(1, size=40_000)
    box.put(big)
    alive.wait(lambda: alive.numbers() == [1])

    with pytest.raises(Refused):
        box.put(big)
    box.stop(0.1)

    assert alive.numbers() == [1]


def test_a_request_larger_than_the_queue_passes_when_the_queue_is_empty():
    exporter = Scripted()
    box = outbox(a=exporter)
    box.start()

    box.put(traces(1, size=100_000))

    exporter.wait(lambda: exporter.numbers() == [1])
    box.stop(60)


def test_several_pipelines_share_one_grace(letter, buried, monkeypatch):
    graces: list[float] = []
    join = Sender.join

    def joined(self: Sender, timeout_s: float) -> None:
        graces.append(max(0.0, timeout_s))
        join(self, timeout_s)

    monkeypatch.setattr(Sender, "join", joined)
    boxes = [outbox(letter, dead=Scripted(always=Retryable("UNAVAILABLE"))) for _ in range(4)]
    for number, box in enumerate(boxes):
        box.start()
        box.put(traces(number))

    stop_all(boxes, 1.0)

    assert len(graces) == 4
    assert sum(graces) < 1.5
    assert sorted(buried()) == [0, 1, 2, 3]


def test_an_outage_longer_than_an_hour_is_caught_up_completely():
    """By a simulated clock: a request per second for two hours, the first of them without the
    destination."""

    class Down(Scripted):
        def judge(self, payload: bytes) -> None:
            if clock.now < NOW + 3600:
                raise Retryable("UNAVAILABLE")

    clock = Simulated()
    exporter = Down()
    made = sender(exporter, clock=clock)
    for number in range(7200):
        made.queue.put(traces(number))
    made.close()
    made.start()
    made.join(60)

    assert exporter.numbers() == list(range(7200))
    assert 3600 <= clock.now - NOW < 3700


# Over a real socket


def test_over_grpc_everything_arrives_through_every_retryable_fault():
    faults = [
        abort(grpc.StatusCode.UNAVAILABLE, retry_s=0.01),
        abort(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_s=0.01),
        abort(grpc.StatusCode.DATA_LOSS),
    ]
    with grpc_sink(*faults) as sink:
        exporter = OtlpExporter(OtlpExporterConfig(sink.endpoint))
        with running(exporter, QUICK) as made:
            for number in range(100):
                made.queue.put(traces(number))
        exporter.close()

    assert sorted(sink.spans()) == list(range(100))


def test_over_grpc_a_destination_that_goes_away_and_comes_back_has_everything():
    with grpc_sink(port=free_port()) as before:
        exporter = OtlpExporter(OtlpExporterConfig(before.endpoint))
        made = sender(exporter, QUICK, clock=Clock())
        made.start()
        made.queue.put(traces(1))
        while not made.status().sent:  # and answered for, or it comes again
            time.sleep(0.01)
    made.queue.put(traces(2))
    while made.status().circuit == "closed":
        time.sleep(0.01)
    with grpc_sink(port=before.port) as after:
        made.close()
        made.join(60)
        exporter.close()

    assert (before.spans(), after.spans()) == ([1], [2])


def test_over_grpc_a_small_limit_of_the_server_is_met_by_halving():
    with grpc_sink(max_bytes=2000) as sink:
        exporter = OtlpExporter(OtlpExporterConfig(sink.endpoint))
        with running(exporter, QUICK) as made:
            made.queue.put(traces(*range(100), size=100))
        exporter.close()

    assert sink.spans() == list(range(100))
