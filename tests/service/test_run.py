"""How a collector that cannot start says so, and how one that runs is told to stop."""

from __future__ import annotations

import errno
import subprocess
import sys
from types import SimpleNamespace

import pytest

from otel_llm.service.run import serve
from otel_llm.store import StoreError


def failing(error: Exception) -> object:
    def fail() -> None:
        raise error

    return SimpleNamespace(start=fail)


def read() -> None:
    raise AssertionError("nothing is read again")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "[Errno 24] Too many open files"),
        (RuntimeError("can't start new thread"), "can't start new thread"),
        (
            StoreError("cannot open calls.duckdb: it is no file"),
            "cannot open calls.duckdb: it is no file",
        ),
    ],
)
def test_what_is_missing_is_said_in_one_line(error, said, capsys):
    code = serve(lambda: failing(error), read)

    assert code == 1
    assert capsys.readouterr().err == f"otel-llm: cannot start: {said}\n"


def test_a_mistake_of_ours_is_shown_as_one():
    with pytest.raises(RuntimeError, match="a mistake"):
        serve(lambda: failing(RuntimeError("a mistake")), read)


TOLD_TO_ANOTHER_THREAD = """
import signal, threading, time
from types import SimpleNamespace
from otel_llm.service.run import serve

def tell():
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)

def start():
    threading.Thread(target=tell, daemon=True).start()

print(serve(lambda: SimpleNamespace(start=start, stop=lambda: None), None))
"""


def test_a_signal_that_does_not_wake_the_main_thread_stops_a_collector_all_the_same():
    given = [sys.executable, "-c", TOLD_TO_ANOTHER_THREAD]

    ended = subprocess.run(given, check=True, capture_output=True, text=True, timeout=180)

    assert ended.stdout == "0\n"
