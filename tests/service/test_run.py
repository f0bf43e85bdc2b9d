"""How a collector that cannot start says so."""

from __future__ import annotations

import errno
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
