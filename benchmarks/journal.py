"""What durability costs: append, read back and hand on, against memory and against SQLite.

    python -m benchmarks.journal [--seconds 1]

Each design takes requests from four threads (each waits for its answer, as a sender does) and hands
everything to a destination that does nothing. CPU is of the whole process, by spans; the rate is
what was taken and handed on in wall time. ``memory``, ``os`` and ``fsync`` are the collector's
settings; ``sqlite`` is a table in WAL mode with full sync and one transaction a request: the floor
that the log has to beat. How dear a sync is depends on the disk: measure where it will run.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import corpus
from otel_llm.collector.errors import Refused
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.outbox import JournalOutbox, MemoryOutbox, Outbox
from otel_llm.collector.sending.destination import QueueConfig, RetryConfig

THREADS = 4
"""At once, as in four connections."""


@dataclass(frozen=True)
class Settings:
    sending_queue: QueueConfig = field(default_factory=lambda: QueueConfig(queue_size=2**28))
    retry_on_failure: RetryConfig = field(default_factory=RetryConfig)


class Nowhere:
    """A destination that only counts."""

    def __init__(self) -> None:
        self.bytes = 0

    def export(self, signal: str, payload: bytes) -> None:
        self.bytes += len(payload)

    def close(self) -> None: ...


class SqliteOutbox:
    """The other way to do it, without cursors, limits and recovery."""

    def __init__(self, directory: Path, destination: Nowhere) -> None:
        self._destination = destination
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            directory / "queue.db", isolation_level=None, check_same_thread=False
        )
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.execute("create table queue (id integer primary key, payload blob)")
        self._handed = 0

    def start(self) -> None: ...

    def put(self, payload: bytes) -> None:
        with self._lock:
            self._db.execute("insert into queue (payload) values (?)", (payload,))
            if not self._db.total_changes % 16:
                self._hand_on()

    def _hand_on(self) -> None:
        rows = self._db.execute("select id, payload from queue").fetchall()
        self._destination.export("traces", b"".join(payload for _, payload in rows))
        self._db.execute("delete from queue where id <= ?", (rows[-1][0],))

    def stop(self, grace_s: float) -> None:
        self._db.close()


@contextmanager
def design(name: str, destination: Nowhere) -> Iterator[Outbox | SqliteOutbox]:
    destinations = {"nowhere": (destination, Settings())}
    with tempfile.TemporaryDirectory(dir=".") as directory:
        if name == "memory":
            outbox: Outbox | SqliteOutbox = MemoryOutbox("traces", destinations)
        elif name == "sqlite":
            outbox = SqliteOutbox(Path(directory), destination)
        else:
            log = Journal(JournalConfig(Path(directory), durability=name), "traces")
            outbox = JournalOutbox("traces", destinations, log)
        outbox.start()
        yield outbox
        outbox.stop(10)


def measure(name: str, payload: bytes, seconds: float) -> tuple[float, float, float]:
    """Return requests per second, CPU seconds per request, and the median answer in seconds."""
    destination, waits = Nowhere(), list[float]()
    with design(name, destination) as outbox:
        cpu, began = time.process_time(), time.perf_counter()
        until = began + seconds
        threads = [
            threading.Thread(target=_send, args=(outbox.put, payload, until, waits))
            for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        while destination.bytes < len(waits) * len(payload) and name != "sqlite":
            time.sleep(0.001)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return len(waits) / wall, cpu / len(waits), sorted(waits)[len(waits) // 2]


def _send(put: Callable[[bytes], None], payload: bytes, until: float, waits: list[float]) -> None:
    while (now := time.perf_counter()) < until:
        try:
            put(payload)
        except Refused:
            time.sleep(0.001)  # the destination is behind
        else:
            waits.append(time.perf_counter() - now)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    seconds = parser.parse_args().seconds
    print(f"{'spans':>6} {'design':<8} {'spans/s':>12} {'CPU us/span':>12} {'answer ms':>10}")
    for spans in (1, 50, 512):
        payload = corpus.request("mix", spans)
        for name in ("memory", "os", "fsync", "sqlite"):
            rate, cpu, answer = measure(name, payload, seconds)
            print(
                f"{spans:>6} {name:<8} {rate * spans:>12,.0f} {cpu / spans * 1e6:>12.2f} "
                f"{answer * 1e3:>10.2f}"
            )


if __name__ == "__main__":
    main()
