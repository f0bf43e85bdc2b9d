"""The journal: what was answered for is there after any end of the process."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from otel_llm.collector.errors import Permanent, Refused, Retryable
from otel_llm.collector.journal import Journal, JournalConfig
from otel_llm.collector.journal.queue import JournalQueue, left_behind
from otel_llm.collector.journal.segments import HEAD
from otel_llm.collector.measures.samples import Sample
from otel_llm.collector.measures.sending import measure_journals
from otel_llm.collector.outbox import JournalOutbox
from otel_llm.collector.sending import Sender, drain
from otel_llm.collector.sending.dead_letter import DeadLetter
from otel_llm.collector.sending.sender import Clock
from otel_llm.collector.wire.envelope import count

from .otlp_faults import TraceRequest, numbers, traces
from .test_sending import NOW, QUICK, STEADY, Scripted, buried, letter

__all__ = ["buried", "letter"]  # fixtures

MIB = 2**20


def journal(directory: Path, **more) -> Journal:
    return Journal(JournalConfig(directory, **more), "traces")


def read(queue: JournalQueue, max_bytes: int = MIB) -> list[bytes]:
    """Everything that waits, marked as delivered."""
    found: list[bytes] = []
    while queue.size_bytes:
        lot = queue.take(max_bytes, 0)
        found += map(bytes, lot.payloads)
        queue.done(lot)
    return found


def segments(directory: Path) -> list[Path]:
    return sorted((directory / "traces").glob("*.journal"))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    journals: list[Journal] = []

    def open_journal(**more) -> Journal:
        for earlier in journals:
            earlier.close()
        journals.append(journal(tmp_path, **more))
        return journals[-1]

    yield open_journal
    for made in journals:
        made.close()


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


# Writing and reading


def test_where_no_thread_is_to_be_had_whoever_writes_syncs(opened, monkeypatch):
    made = opened()
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", no_thread)
        kept = [made.begin(traces(number)) for number in (1, 2)]
    kept.append(made.begin(traces(3)))

    assert [one.result(60) for one in kept] == [None] * 3


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_place_that_is_no_file_is_named(opened, make, tmp_path):
    made = opened()
    make(tmp_path / "traces" / "otlp.cursor")

    with pytest.raises(OSError, match=r"otlp\.cursor is no file of a journal"):
        JournalQueue(made, "otlp")


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_what_was_appended_is_read_in_order_and_byte_for_byte(opened, durability):
    log = opened(durability=durability)
    queue = JournalQueue(log, "otlp")
    payloads = [random.Random(n).randbytes(n * 97) for n in range(100)]

    for payload in payloads:
        log.append(payload)

    assert read(queue, max_bytes=10_000) == payloads


def test_a_lot_is_as_large_as_asked_for_and_a_larger_request_travels_alone(opened):
    log = opened()
    queue = JournalQueue(log, "otlp")
    for size in (400, 400, 400, 5000, 100):
        log.append(bytes(size))

    lots = []
    while queue.size_bytes:
        lots.append(queue.take(1000, 0))
        queue.done(lots[-1])

    assert [[len(p) for p in lot.payloads] for lot in lots] == [[400, 400], [400], [5000], [100]]


def test_who_keeps_up_reads_nothing_back_and_who_is_behind_gets_the_same_from_the_disk(
    opened, monkeypatch
):
    log = opened(durability="os")
    keeping_up, behind = JournalQueue(log, "keeping up"), JournalQueue(log, "behind")
    payloads = [random.Random(n).randbytes(MIB) for n in range(10)]
    reads, pread = [], os.pread
    monkeypatch.setattr(os, "pread", lambda *a: reads.append(a) or pread(*a))

    found = []
    for payload in payloads:
        log.append(payload)
        found += read(keeping_up)
    quick = len(reads)

    assert (found, quick) == (payloads, 0)
    assert read(behind) == payloads
    assert reads


def test_every_destination_reads_everything_at_its_own_pace(opened):
    log = opened()
    fast, slow = JournalQueue(log, "fast"), JournalQueue(log, "slow")
    log.append(b"one")
    assert read(fast) == [b"one"]
    log.append(b"two")

    assert read(fast) == [b"two"]
    assert read(slow) == [b"one", b"two"]


def test_a_destination_that_is_new_begins_with_what_comes_next(opened):
    log = opened()
    log.append(b"before")

    queue = JournalQueue(log, "new")
    log.append(b"after")

    assert read(queue) == [b"after"]


def test_requests_that_come_while_a_sync_is_under_way_share_the_next_one(opened, monkeypatch):
    log = opened()
    queue = JournalQueue(log, "otlp")
    everything = 16 * (HEAD.size + len(traces(0)))
    syncs: list[int] = []

    def slow(file: int) -> None:
        syncs.append(file)
        while log.size_bytes < everything:
            threading.Event().wait(0.005)

    monkeypatch.setattr(os, "fdatasync", slow)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(log.append, [traces(n) for n in range(16)]))

    assert sorted(numbers(*read(queue))) == list(range(16))
    assert len(syncs) <= 2


def test_nothing_is_read_before_it_is_on_the_disk(opened, monkeypatch):
    started, released = threading.Event(), threading.Event()

    def held(file: int) -> None:
        started.set()
        released.wait(60)

    log = opened()
    queue = JournalQueue(log, "otlp")
    monkeypatch.setattr(os, "fdatasync", held)
    thread = threading.Thread(target=log.append, args=(b"payload",))
    thread.start()
    started.wait(60)

    assert queue.size_bytes == 0
    released.set()
    thread.join()
    assert read(queue) == [b"payload"]


# Across the end of a process


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_the_next_process_goes_on_where_each_destination_was(opened, durability):
    log = opened(durability=durability)
    ahead, behind = JournalQueue(log, "ahead"), JournalQueue(log, "behind")
    log.append(b"one")
    log.append(b"two")
    read(ahead)

    log = opened(durability=durability)
    ahead, behind = JournalQueue(log, "ahead"), JournalQueue(log, "behind")
    log.append(b"three")

    assert read(ahead) == [b"three"]
    assert read(behind) == [b"one", b"two", b"three"]


@pytest.mark.parametrize("cut", range(1, HEAD.size + 6))
def test_half_a_record_at_the_end_is_cut_off_and_the_rest_is_kept(opened, tmp_path, cut):
    log = opened()
    JournalQueue(log, "otlp")
    log.append(b"whole")
    log.append(b"tornx")
    log.close()
    (file,) = segments(tmp_path)
    os.truncate(file, file.stat().st_size - cut)

    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(b"next")

    assert read(queue) == [b"whole", b"next"]


def test_a_tail_of_zeros_or_noise_is_cut_off(opened, tmp_path):
    for noise in (bytes(100), b"\xff" * 100, HEAD.pack(2**31, 0, 0)):
        log = opened()
        JournalQueue(log, "otlp")
        log.append(b"whole")
        log.close()
        with segments(tmp_path)[-1].open("ab") as file:
            file.write(noise)

    queue = JournalQueue(opened(), "otlp")

    assert read(queue) == [b"whole"] * 3


def _flip(offset: int) -> Callable[[bytearray, int], None]:
    def flip(content: bytearray, at: int) -> None:
        content[at + offset] ^= 0x41

    return flip


def _noise(content: bytearray, at: int) -> None:
    content[at : at + HEAD.size + 7] = random.Random(5).randbytes(HEAD.size + 7)


DAMAGE = {
    "its length, too long": _flip(2),
    "its length, beyond the file": _flip(3),
    "its length, a little": _flip(0),
    "its checksum": _flip(5),
    "its time": _flip(14),
    "its payload": _flip(HEAD.size + 3),
    "all of it": _noise,
}


@pytest.mark.parametrize("last", [False, True], ids=["an older file", "the last file"])
@pytest.mark.parametrize("index", [0, 1, 3])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_costs_itself_alone_and_is_said(
    opened, tmp_path, caplog, damage, index, last
):
    payloads = [b"payload %d" % number + bytes(number) for number in range(5)]
    starts = [sum(HEAD.size + len(p) for p in payloads[:n]) for n in range(5)]
    log = opened()
    JournalQueue(log, "otlp")
    for payload in payloads:
        log.append(payload)
    if not last:
        log = opened()
        JournalQueue(log, "otlp")
        log.append(b"another file")
    log.close()
    content = bytearray(segments(tmp_path)[0].read_bytes())
    damage(content, starts[index])
    segments(tmp_path)[0].write_bytes(content)

    queue = JournalQueue(opened(), "otlp")

    others = [p for n, p in enumerate(payloads) if n != index]
    assert read(queue) == (others if last else [*others, b"another file"])
    assert queue.corrupt_bytes == HEAD.size + len(payloads[index])
    assert "LOST" in caplog.text


@contextmanager
def bad_blocks(monkeypatch: pytest.MonkeyPatch, *ranges: range) -> Iterator[None]:
    """The disk does not give these bytes of any file."""
    whole = os.pread

    def pread(file: int, size: int, offset: int) -> bytes:
        wanted = range(offset, offset + size)
        if any(bad.start < wanted.stop and wanted.start < bad.stop for bad in ranges):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return whole(file, size, offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", pread)
        yield


@pytest.mark.parametrize("bad", [range(1100, 1200), range(1016, 1018)], ids=["payload", "head"])
def test_a_bad_block_costs_no_more_than_it_must_and_not_for_ever(opened, monkeypatch, caplog, bad):
    payloads = [bytes([number]) * 1000 for number in range(4)]
    log = opened()
    JournalQueue(log, "otlp")
    for payload in payloads:
        log.append(payload)
    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(b"another file")
    monkeypatch.setattr("otel_llm.collector.journal.queue.UNREADABLE_PAUSE_S", 0.01)
    monkeypatch.setattr("otel_llm.collector.journal.queue.UNREADABLE_PATIENCE_S", 0.05)

    with bad_blocks(monkeypatch, bad):
        found = read(queue)

    behind = payloads[2:] if bad.start > 1100 - 1 else []
    assert found == [payloads[0], *behind, b"another file"]
    assert queue.corrupt_bytes == 1016 * (4 - 1 - len(behind))
    assert "Input/output error" in caplog.text
    assert "LOST" in caplog.text


def test_a_disk_that_comes_back_in_time_costs_nothing(opened, monkeypatch):
    log = opened()
    JournalQueue(log, "otlp")
    log.append(bytes(1000))
    queue = JournalQueue(opened(), "otlp")
    monkeypatch.setattr("otel_llm.collector.journal.queue.UNREADABLE_PAUSE_S", 0.01)
    with ThreadPoolExecutor(1) as pool:
        with bad_blocks(monkeypatch, range(10)):
            reading = pool.submit(read, queue)
            assert not wait([reading], 0.2).done

        assert reading.result(60) == [bytes(1000)]
    assert queue.corrupt_bytes == 0


def test_a_disk_that_comes_back_in_time_costs_nothing_in_a_crowded_journal_either(
    opened, monkeypatch
):
    log = opened(max_size=16 * MIB)
    JournalQueue(log, "otlp")
    log.append(bytes(15 * MIB))
    log = opened(max_size=16 * MIB)
    queue = JournalQueue(log, "otlp")
    assert log.crowded
    monkeypatch.setattr("otel_llm.collector.journal.queue.UNREADABLE_PAUSE_S", 0.01)
    with ThreadPoolExecutor(1) as pool:
        with bad_blocks(monkeypatch, range(20 * MIB)):
            reading = pool.submit(read, queue)
            assert not wait([reading], 0.2).done

        assert list(map(len, reading.result(60))) == [15 * MIB]
    assert queue.corrupt_bytes == 0


def test_two_damaged_records_and_a_torn_end_leave_all_the_others(opened, tmp_path):
    payloads = [random.Random(n).randbytes(5000) for n in range(8)]
    log = opened()
    JournalQueue(log, "otlp")
    for payload in payloads:
        log.append(payload)
    log.close()
    (file,) = segments(tmp_path)
    content = bytearray(file.read_bytes())
    for at in (1, 4):
        _flip(3)(content, at * (HEAD.size + 5000))
    file.write_bytes(content[:-1])

    assert read(JournalQueue(opened(), "otlp")) == [payloads[n] for n in (0, 2, 3, 5, 6)]


def test_a_file_that_is_none_of_ours_is_said_at_the_start(opened, tmp_path):
    opened().close()
    (tmp_path / "traces" / "old.journal").write_bytes(b"of another program")

    with pytest.raises(OSError, match=r"old\.journal is no file of a journal"):
        opened()


def test_a_start_that_fails_leaves_what_waits_as_it_was(opened, tmp_path):
    one = opened()
    JournalQueue(one, "a")
    one.append(b"first")
    one.close()
    cursor = tmp_path / "traces" / "a.cursor"
    away = cursor.rename(tmp_path / "away")
    cursor.mkdir()

    with pytest.raises(OSError, match="no file of a journal"):
        JournalQueue(opened(), "a")

    cursor.rmdir()
    away.rename(cursor)
    assert read(JournalQueue(opened(), "a")) == [b"first"]


def test_a_cursor_that_is_unreadable_begins_at_the_oldest(opened, tmp_path):
    log = opened()
    read(JournalQueue(log, "otlp"))
    log.append(b"one")
    log.close()
    (tmp_path / "traces" / "otlp.cursor").write_bytes(b"")

    assert read(JournalQueue(opened(), "otlp")) == [b"one"]


def test_a_log_that_lost_its_end_to_a_power_cut_hides_nothing_that_comes_later(opened, tmp_path):
    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(bytes(1000))
    read(queue)
    log.close()
    (file,) = segments(tmp_path)
    os.truncate(file, 0)

    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(b"new")

    assert read(queue) == [b"new"]


def test_two_collectors_do_not_share_a_directory(opened, tmp_path):
    opened()

    with pytest.raises(OSError, match="in use by another collector"):
        journal(tmp_path)


def test_only_the_owner_may_read_it(opened, tmp_path):
    log = opened()
    JournalQueue(log, "otlp/jaeger")
    log.append(b"prompt")

    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "traces").iterdir()}
    assert modes == {"lock": 0o600, "otlp_jaeger.cursor": 0o600, f"{0:020d}.journal": 0o600}
    assert stat.S_IMODE((tmp_path / "traces").stat().st_mode) == 0o700


def test_what_waits_where_nobody_sends_is_found(tmp_path):
    for name, delivers in (("here", False), ("renamed", False), ("empty", True)):
        log = Journal(JournalConfig(tmp_path / "worker-0"), name)
        queue = JournalQueue(log, "otlp")
        log.append(b"seven b")
        if delivers:
            read(queue)
        queue.abandon()
        log.close()

    below, waiting = tmp_path / "worker-0", HEAD.size + 7
    assert list(left_behind(tmp_path, [below / "here"])) == [(below / "renamed", waiting)]
    assert list(left_behind(tmp_path, [below])) == []
    assert [d.name for d, _ in left_behind(tmp_path, [])] == ["here", "renamed"]


# Room


def test_segments_go_when_every_destination_is_past_them(opened, tmp_path):
    log = opened(durability="os", max_size=100 * MIB)
    fast, slow = JournalQueue(log, "fast"), JournalQueue(log, "slow")
    for _ in range(5):
        log.append(bytes(10 * MIB))
    read(fast)
    assert len(segments(tmp_path)) == 5

    read(slow)

    assert sum(file.stat().st_size for file in segments(tmp_path)) == 0
    assert log.size_bytes == 0


def test_a_destination_that_leaves_meanwhile_hides_no_other(opened, tmp_path):
    log = opened(max_size=16 * MIB)

    class Leaving:
        """Is taken out by another thread, right when one looks who is how far."""

        leaves = False

        @property
        def position(self) -> int:
            if self.leaves:
                log.leave(self)
            return log.end

        def heard(self) -> None: ...

    leaving = Leaving()
    log.join(leaving)
    slow, quick = JournalQueue(log, "slow"), JournalQueue(log, "quick")
    payload = bytes(9 * MIB)
    log.append(payload)
    log.append(b"next")
    quick.done(quick.take(MIB, 0))
    lot = quick.take(MIB, 0)
    leaving.leaves = True
    quick.done(lot)

    assert read(slow) == [payload, b"next"]


def test_a_full_journal_refuses_until_there_is_room(opened):
    log = opened(max_size=25 * MIB, durability="os")
    queue = JournalQueue(log, "otlp")
    log.append(bytes(10 * MIB))
    log.append(bytes(10 * MIB))

    with pytest.raises(Refused):
        log.append(bytes(10 * MIB))

    assert [len(payload) for payload in read(queue)] == [10 * MIB, 10 * MIB]
    log.append(b"again")
    assert read(queue) == [b"again"]


def test_a_request_larger_than_the_journal_passes_when_it_is_empty(opened):
    log = opened(max_size=16 * MIB)
    queue = JournalQueue(log, "otlp")

    log.append(bytes(20 * MIB))

    assert [len(payload) for payload in read(queue)] == [20 * MIB]
    log.append(bytes(20 * MIB))


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_where_its_files_were_deleted_nothing_is_answered_for(opened, tmp_path, caplog, durability):
    log = opened(durability=durability)
    queue = JournalQueue(log, "a")
    log.append(b"first")

    shutil.rmtree(tmp_path / "traces")
    with pytest.raises(Refused):
        log.append(b"second")

    assert not log.takes_data
    assert "its files were deleted" in caplog.text
    assert read(queue) == [b"first"]


def test_a_full_disk_refuses_and_loses_nothing_that_was_answered_for(opened, monkeypatch):
    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(b"before")
    write = os.pwritev

    def short(file, buffers, offset):
        return write(file, [b"".join(buffers)[:10]], offset)

    def failing(file, buffers, offset):
        short(file, buffers, offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for crowded in (short, failing):
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwritev", crowded)
            with pytest.raises(Refused):
                log.append(b"no room for this")
    log.append(b"after")

    assert read(queue) == [b"before", b"after"]


def test_nothing_of_a_request_that_was_refused_for_want_of_room_stays_in_the_file(
    opened, monkeypatch
):
    log = opened()
    JournalQueue(log, "otlp")
    log.append(b"before")
    write = os.pwritev

    def late(file, buffers, offset):
        write(file, buffers, offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", late)
        with pytest.raises(Refused):
            log.append(b"refused")

    assert read(JournalQueue(opened(), "otlp")) == [b"before"]


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_of_what_is_begun_together_nothing_stays_when_the_disk_takes_a_part(
    opened, monkeypatch, durability
):
    log = opened(durability=durability, max_size=40 * MIB)
    queue = JournalQueue(log, "otlp")
    log.append(b"before")
    write, size = os.pwritev, log.size_bytes

    def crowded(file, buffers, offset):
        if b"last" in buffers:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, buffers, offset)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwritev", crowded)
        with pytest.raises(Refused):
            log.begin(bytes(10 * MIB), bytes(10 * MIB), b"last")
    after = log.size_bytes
    log.append(b"after")

    assert after == size
    assert read(queue) == [b"before", b"after"]


def test_what_is_begun_together_finds_room_together_or_not_at_all(opened):
    log = opened(max_size=25 * MIB, durability="os")
    queue = JournalQueue(log, "otlp")
    log.append(bytes(10 * MIB))

    with pytest.raises(Refused):
        log.begin(bytes(10 * MIB), bytes(10 * MIB))

    assert [len(payload) for payload in read(queue)] == [10 * MIB]
    log.begin(bytes(20 * MIB), bytes(20 * MIB))
    assert [len(payload) for payload in read(queue)] == [20 * MIB, 20 * MIB]


def test_a_large_request_is_kept_in_pieces(opened):
    log = opened(max_size=40 * MIB, durability="os")
    box = JournalOutbox("traces", {"otlp": (Scripted(), QUICK)}, log)

    box.put(traces(*range(1, 7), size=MIB))

    assert [numbers(piece) for piece in read(box.senders[0].queue)] == [
        [number] for number in range(1, 7)
    ]


def test_a_disk_that_is_really_full_refuses(tmp_path):
    """The kernel's own limit on a file's size stands for the end of the disk."""
    script = f"""
import resource, signal
from pathlib import Path
from otel_llm.collector.errors import Refused
from otel_llm.collector.journal import Journal, JournalConfig
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
log = Journal(JournalConfig(Path({str(tmp_path)!r})), "traces")
kept = 0
try:
    while True:
        log.append(b"x" * 3000)
        kept += 1
except Refused:
    print(kept)
"""
    kept = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout

    assert int(kept) == 3
    log = journal(tmp_path)
    assert log.end == 3 * (HEAD.size + 3000)
    log.close()


def test_a_failed_sync_is_never_answered_for_and_the_next_request_goes_elsewhere(
    opened, monkeypatch, tmp_path
):
    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(b"before")

    def fail(file: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(Refused):
            log.append(b"doubtful")
    log.append(b"after")

    assert len(segments(tmp_path)) == 2
    assert [p for p in read(queue) if p != b"doubtful"] == [b"before", b"after"]


def broken(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_what_a_failed_sync_refused_is_not_delivered_and_takes_no_room(
    opened, monkeypatch, tmp_path
):
    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(b"before")
    size = log.size_bytes

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", broken)
        for _ in range(20):
            with pytest.raises(Refused):
                log.append(b"refused")
    assert (log.size_bytes, len(segments(tmp_path))) == (size, 2)
    log.append(b"after")

    assert read(queue) == [b"before", b"after"]
    assert read(JournalQueue(opened(), "another")) == []


def test_a_file_whose_name_is_not_on_the_disk_is_not_answered_for(opened, monkeypatch):
    log = opened()
    queue = JournalQueue(log, "otlp")

    with monkeypatch.context() as patched:
        patched.setattr("otel_llm.collector.journal.log.sync_directory", broken)
        for _ in range(3):
            with pytest.raises(Refused):
                log.append(b"refused")
    log.append(b"after")

    assert read(queue) == [b"after"]


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_the_names_of_all_that_was_made_are_on_the_disk_before_the_answer(
    monkeypatch, tmp_path, durability
):
    synced: list[Path] = []
    for where in ("durable", "journal.log", "journal.cursor"):
        monkeypatch.setattr(f"otel_llm.collector.{where}.sync_directory", synced.append)
    log = journal(tmp_path / "new" / "one", durability=durability)
    try:
        JournalQueue(log, "otlp")
        log.change(JournalConfig(tmp_path / "new" / "one"))

        log.append(b"payload")

        below = [tmp_path / "new", tmp_path / "new" / "one"]
        assert {tmp_path, *below, log.directory} == set(synced)
        assert synced[-1] == log.directory
    finally:
        log.close()


def test_what_a_failing_disk_did_not_cut_off_hides_nothing_that_came_later(opened, monkeypatch):
    log = opened()
    JournalQueue(log, "otlp")
    log.append(b"before")
    with monkeypatch.context() as patched:
        patched.setattr(os, "ftruncate", broken)
        patched.setattr(os, "fdatasync", broken)
        with pytest.raises(Refused):
            log.append(bytes(5000))
    for number in range(20):
        log.append(b"after %d" % number)

    assert read(JournalQueue(opened(), "otlp")) == [
        b"before",
        *[b"after %d" % number for number in range(20)],
    ]


def test_a_file_that_cannot_be_removed_disturbs_nobody(opened, monkeypatch, tmp_path, caplog):
    log = opened(durability="os")
    queue = JournalQueue(log, "otlp")
    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", broken)
        for _ in range(3):
            log.append(bytes(9 * MIB))
            read(queue)
        log.close()
    assert "stays: Input/output error" in caplog.text
    stayed = segments(tmp_path)

    log = opened()
    queue = JournalQueue(log, "otlp")
    log.append(b"after")

    assert read(queue) == [b"after"]
    log.release()
    assert len(stayed) > len(segments(tmp_path)) == 1


def test_places_that_cannot_be_written_down_hold_up_nobody(opened, monkeypatch, caplog):
    log = opened(durability="os", max_size=16 * MIB)
    queue = JournalQueue(log, "otlp")
    monkeypatch.setattr(os, "pwrite", broken)

    for _ in range(5):
        log.append(bytes(9 * MIB))
        assert len(read(queue)) == 1

    assert "its place in the journal is not kept: Input/output error" in caplog.text


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
def test_a_disk_that_takes_nothing_is_asked_whether_it_is_well_again(
    opened, monkeypatch, tmp_path, call
):
    log = opened()
    assert log.takes_data
    with monkeypatch.context() as patched:
        patched.setattr(os, call, broken)
        patched.setattr(os, "write", broken)
        with pytest.raises(Refused):
            log.append(b"refused")

        assert not log.takes_data
    assert log.takes_data
    assert not list((tmp_path / "traces").glob("trial"))


def test_a_full_disk_is_said_once_and_not_at_every_attempt(opened, monkeypatch, caplog):
    log = opened()

    def full(*_) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwritev", full)
    for _ in range(50):
        with pytest.raises(Refused):
            log.append(b"payload")

    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "No space left on device; senders are asked to come back"
    ]


def test_closing_answers_those_who_wait_for_their_sync(opened, monkeypatch):
    log = opened()
    wrote, closed = threading.Event(), threading.Event()
    commit = log._commit

    def late(group) -> None:
        wrote.set()
        closed.wait(60)
        commit(group)

    monkeypatch.setattr(log, "_commit", late)
    with ThreadPoolExecutor(1) as pool:
        appended = pool.submit(log.append, b"payload")
        wrote.wait(60)
        log.close()
        closed.set()

        assert appended.result(60) is None


def test_a_closed_journal_refuses(opened):
    log = opened()
    log.close()

    with pytest.raises(Refused):
        log.append(b"late")


# With senders


def outbox(directory: Path, letter: DeadLetter | None = None, size=64 * MIB, **exporters):
    log = journal(directory / "journal", max_size=size)
    return JournalOutbox("traces", {name: (e, QUICK) for name, e in exporters.items()}, log, letter)


def test_what_a_stopped_collector_could_not_send_is_sent_by_the_next(tmp_path):
    dead, alive = Scripted(always=Retryable("UNAVAILABLE")), Scripted()
    first = outbox(tmp_path, dead=dead, alive=alive)
    first.start()
    for number in range(20):
        first.put(traces(number))
    alive.wait(lambda: len(alive.numbers()) == 20)
    first.stop(0.1)

    revived, still = Scripted(), Scripted()
    second = outbox(tmp_path, dead=revived, alive=still)
    second.start()
    second.stop(60)

    assert revived.numbers() == list(range(20))
    assert still.numbers() == []


def test_a_dead_destination_delays_no_other_and_catches_up(tmp_path):
    dead, alive = Scripted(always=Retryable("UNAVAILABLE")), Scripted()
    box = outbox(tmp_path, dead=dead, alive=alive)
    box.start()
    for number in range(100):
        box.put(traces(number))
    alive.wait(lambda: len(alive.numbers()) == 100)
    assert dead.numbers() == []

    dead.always = None
    dead.wait(lambda: len(dead.numbers()) == 100)
    box.stop(60)

    assert dead.numbers() == alive.numbers() == list(range(100))


def test_in_a_crowded_journal_the_one_that_lags_gives_up_its_oldest_and_nobody_waits(
    tmp_path, letter, buried
):
    dead, alive = Scripted(always=Retryable("UNAVAILABLE", retry_after_s=1000)), Scripted()
    box = outbox(tmp_path, letter, size=40 * MIB, dead=dead, alive=alive)
    box.start()

    for number in range(60):
        _insist(box, traces(number, size=MIB))
    alive.wait(lambda: len(alive.numbers()) == 60)
    box.stop(0.1)

    assert alive.numbers() == list(range(60))
    given_up = buried()
    assert given_up == list(range(len(given_up)))
    assert len(given_up) >= 16


def test_when_all_destinations_lag_a_full_journal_refuses_and_buries_nothing(
    tmp_path, letter, buried
):
    dead = Scripted(always=Retryable("UNAVAILABLE"))
    box = outbox(tmp_path, letter, size=20 * MIB, dead=dead)
    box.start()

    for number in range(19):
        box.put(traces(number, size=MIB))
    with pytest.raises(Refused):
        box.put(traces(19, size=MIB))
    box.stop(0.1)

    assert buried() == []


def test_what_is_refused_for_good_frees_its_place(tmp_path, letter, buried):
    box = outbox(tmp_path, letter, otlp=Scripted([Permanent("HTTP 401")]))
    box.start()
    box.put(traces(1))
    box.stop(60)

    assert buried() == [1]
    again = Scripted()
    second = outbox(tmp_path, letter, otlp=again)
    second.start()
    second.stop(60)
    assert again.numbers() == []


def test_what_waits_for_a_destination_that_was_taken_out_is_there_when_it_comes_back(
    tmp_path, caplog
):
    first = outbox(tmp_path, gone=Scripted(always=Retryable("UNAVAILABLE")), stays=Scripted())
    first.start()
    first.put(traces(1))
    first.stop(0.1)
    second = outbox(tmp_path, stays=Scripted())
    second.start()
    second.put(traces(2))
    second.stop(60)

    back = Scripted()
    third = outbox(tmp_path, gone=back, stays=Scripted())
    third.start()
    third.stop(60)

    waiting = HEAD.size + len(traces(1))
    assert f"gone is no longer a destination; {waiting} bytes wait for it" in caplog.text
    assert back.numbers() == [1, 2]


def test_a_destination_that_was_taken_out_gives_way_when_the_journal_is_nearly_full(
    tmp_path, caplog
):
    first = outbox(tmp_path, size=40 * MIB, gone=Scripted(always=Retryable("UNAVAILABLE")))
    first.start()
    first.put(traces(1))
    first.stop(0.1)
    alive = Scripted()
    second = outbox(tmp_path, size=40 * MIB, stays=alive)
    second.start()
    for number in range(60):
        _insist(second, traces(number, size=MIB))
    second.stop(60)

    assert alive.numbers() == list(range(60))
    assert "gone did not come back" in caplog.text


def test_what_a_journal_takes_up_is_measured_by_pipeline(tmp_path):
    box = outbox(tmp_path, otlp=Scripted())
    box.put(traces(1))

    measured = {f.name: f.samples for f in measure_journals({"traces/eu": box})}
    box.stop(0)

    size, labels = HEAD.size + len(traces(1)), {"pipeline": "traces/eu"}
    assert measured == {
        "otel_llm_journal_size_bytes": [Sample(size, labels)],
        "otel_llm_journal_capacity_bytes": [Sample(64 * MIB, labels)],
    }


def test_an_empty_request_goes_nowhere(tmp_path):
    exporter = Scripted()
    box = outbox(tmp_path, otlp=exporter)
    box.start()

    box.put(b"")
    box.stop(60)

    assert exporter.attempts == []


class Driven(Clock):
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.now = NOW
        self._changed = threading.Condition()

    def time(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now

    def wait(self, event: threading.Event, seconds: float) -> None:
        until = self.now + seconds
        with self._changed:
            while self.now < until and not event.is_set():
                self._changed.wait(0.05)

    def advance(self, seconds: float) -> None:
        with self._changed:
            self.now += seconds
            self._changed.notify_all()


class Counting(Scripted):
    """Counts instead of keeping: the spans, and the number that each request carries."""

    def __init__(self, clock: Driven, outage: tuple[float, float] = (0, 0)) -> None:
        super().__init__()
        self._clock, self._outage = clock, outage
        self.spans = 0
        self.requests: list[int] = []

    def export(self, signal, payload: bytes) -> None:
        begin, end = self._outage
        if begin <= self._clock.now - NOW < end:
            raise Retryable("UNAVAILABLE")
        with self.changed:
            self.spans += count("traces", payload)
            self.requests += map(int, re.findall(rb"request (\d+)", payload))
            self.changed.notify_all()


def test_a_day_with_an_hour_of_outage_of_one_of_two_destinations(tmp_path):
    """A day at 50 spans a second, a request every ten seconds. The other destination is never
    behind, and the first has everything in the end, in order and once."""
    clock, hour, per_request = Driven(), 3600, 500
    hit, other = Counting(clock, outage=(5 * hour, 6 * hour)), Counting(clock)
    log = journal(tmp_path, durability="os")
    senders = [
        Sender(name, "traces", exporter, STEADY, JournalQueue(log, name), None, clock)
        for name, exporter in (("hit", hit), ("other", other))
    ]
    for sender in senders:
        sender.start()
    filler = traces(*range(per_request - 1))

    for request in range(24 * hour // 10):
        log.append(_named(request) + filler)
        if request == 5 * hour // 10 - 1:  # the last one before the outage
            hit.wait(lambda: len(hit.requests) == 5 * hour // 10)
        if request == 6 * hour // 10 - 1:  # the last one in it
            other.wait(lambda: len(other.requests) == 6 * hour // 10)
            assert len(hit.requests) == 5 * hour // 10
        clock.advance(10)
    while senders[0].queue.size_bytes or senders[1].queue.size_bytes:
        clock.advance(1)
        threading.Event().wait(0.01)
    drain(senders, 60)
    log.close()

    everything = list(range(24 * hour // 10))
    assert hit.requests == other.requests == everything
    assert hit.spans == other.spans == 24 * hour * 50


def _named(number: int) -> bytes:
    request = TraceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name=f"request {number}")
    return request.SerializeToString()


WRITER = """
import sys
from pathlib import Path
from otel_llm.collector.journal import Journal, JournalConfig
log = Journal(JournalConfig(Path(sys.argv[1]), durability=sys.argv[2]), "traces")
number = int(sys.argv[3])
while True:
    log.append(b"%d" % number + b"." * (number % 5000))
    sys.stdout.write(f"{number}\\n")  # the acknowledgement
    sys.stdout.flush()
    number += 1
"""


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_every_acknowledged_request_survives_kill_9_at_any_moment(tmp_path, durability):
    log = journal(tmp_path)
    JournalQueue(log, "otlp")
    log.close()
    acknowledged: list[int] = []
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path), durability]
        writer = subprocess.Popen([*command, str(len(acknowledged) * 2)], stdout=subprocess.PIPE)
        target = random.randrange(50, 400)
        lines = [int(writer.stdout.readline()) for _ in range(target)]
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate()
        acknowledged += lines + [int(line) for line in rest.split(b"\n")[:-1]]

    log = journal(tmp_path)
    found = [int(payload.split(b".")[0]) for payload in read(JournalQueue(log, "otlp"))]
    log.close()

    assert set(acknowledged) <= set(found)
    assert len(found) <= len(acknowledged) + 5  # at most the one that each was writing


def _insist(box: JournalOutbox, payload: bytes) -> None:
    """Send as a sender does: again when refused."""
    for _ in range(3000):
        try:
            return box.put(payload)
        except Refused:
            threading.Event().wait(0.02)
    raise AssertionError("refused for good")


def test_settings_for_other_sizes_keep_the_number_of_files_small(tmp_path):
    large = replace(JournalConfig(tmp_path), max_size=100 * 2**30)

    log = Journal(large, "traces")
    log.close()

    assert log._segment_bytes * 64 >= large.max_size
