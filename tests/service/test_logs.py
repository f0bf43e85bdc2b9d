"""The collector's own log."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator

import pytest

from otel_llm.service.logs import (
    MOST_ALIKE,
    WINDOW_S,
    JsonLines,
    Moderation,
    TextLines,
    log_to_stderr,
)
from otel_llm.service.settings import check


def record(message: str, *args: object, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("otel_llm.test", level, __file__, 1, message, args, None)


def test_a_line_of_json_has_what_a_program_looks_for():
    made = record("lost %d of %s", 3, 'a "name"')
    made.created = 1790000000.1234

    assert json.loads(JsonLines("worker 2").format(made)) == {
        "time": "2026-09-21T14:13:20.123+00:00",
        "severity": "WARNING",
        "logger": "otel_llm.test",
        "message": 'lost 3 of a "name"',
        "process": "worker 2",
    }


def test_a_line_of_json_keeps_the_traceback_in_one_line():
    made = record("oh")
    try:
        raise ValueError("wrong")
    except ValueError:
        made.exc_info = sys.exc_info()

    line = JsonLines().format(made)

    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: wrong")


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_a_line_of_text_says_how_far_its_time_is_from_utc():
    made = record("oh")
    lines = list[str]()
    for created in (1792888200.25, 1792891800.25):  # 2026-10-25 02:30 in summer time, and again
        made.created = created
        lines.append(TextLines("%(asctime)s %(message)s").format(made))

    assert lines == ["2026-10-25 02:30:00.250+02:00 oh", "2026-10-25 02:30:00.250+01:00 oh"]


def test_of_many_alike_a_few_are_written_and_then_how_many_more_there_were():
    now = [0.0]
    moderation = Moderation(lambda: now[0])

    written = [moderation.filter(record("sender %d is odd", n)) for n in range(100)]
    now[0] += WINDOW_S
    later = record("sender %d is odd", 100)

    assert written == [True] * MOST_ALIKE + [False] * (100 - MOST_ALIKE)
    assert moderation.filter(later)
    assert later.getMessage() == "sender 100 is odd (80 more like it were not written)"


def test_what_is_not_alike_is_written():
    moderation = Moderation(lambda: 0.0)
    for _ in range(100):
        moderation.filter(record("one"))

    assert moderation.filter(record("another"))
    assert moderation.filter(record("one", level=logging.ERROR))


def test_what_is_quoted_in_a_line_begins_no_line_and_commands_no_terminal():
    quoted = "m\x1b[2J\n2026-01-01 ERROR all is lost\u202e"
    try:
        raise ValueError(quoted)
    except ValueError:
        made = logging.LogRecord("n", logging.ERROR, "f", 1, "bad: %s", (quoted,), sys.exc_info())

    line, *traceback = TextLines("%(levelname)s %(message)s").format(made).splitlines()

    assert line == "ERROR bad: m [2J 2026-01-01 ERROR all is lost "
    assert traceback[-1] == "    2026-01-01 ERROR all is lost "
    assert all(one.startswith("    ") for one in traceback)


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The logger of everything, put back at the end."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield root
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.parametrize("name", ["httpx2", "httpcore2", "uvicorn"])
@pytest.mark.usefixtures("root")
def test_at_debug_others_do_not_say_what_they_send_and_get(name: str):
    settings = check({"service": {"pipelines": {}, "telemetry": {"logs": {"level": "debug"}}}})

    log_to_stderr(settings)

    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)


@pytest.mark.usefixtures("root")
def test_what_grpc_finds_in_memory_behind_a_text_is_not_written(capsys):
    log_to_stderr(check({"service": {"pipelines": {}}}))
    grpc = logging.getLogger("grpc._cython.cygrpc")

    grpc.error("Invalid encoding on %s", b"no more files\0what was said")
    grpc.error("something else")

    assert [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines()] == [
        "something else"
    ]
