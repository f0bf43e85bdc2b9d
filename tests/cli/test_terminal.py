"""What came over the wire is shown by commands, and commands nothing itself."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from otel_llm.cli import main
from otel_llm.cli.terminal import Plain, on_one_line
from otel_llm.store import DuckDBStore, StoreConfig
from tests.store.examples import NOON, a_call

EVIL = "m\x1b[2J\x1b]0;title\x07\x9b31m\u202egpj.exe\ncollector: all is well"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store whose models command a terminal and begin lines."""
    path = tmp_path / "calls.duckdb"
    store = DuckDBStore(StoreConfig(path=str(path), retain_for=0))
    store.write([a_call(1, at=NOON, request_model=EVIL, response_model=EVIL, cost=None)])
    store.close()
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["prices", "unpriced", "--since", "2020-01-01"],
        ["trace", a_call(1).trace_id],
    ],
)
def test_a_stored_name_neither_commands_the_terminal_nor_begins_a_line(
    path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    main([*words, "--store", str(path)])

    said = capsys.readouterr()
    assert "\\u001b[2J\\u001b]0;title\\u0007\\u009b31m\\u202egpj.exe\\ncollector" in said.out
    assert not set("\x1b\x07\x9b\u202e") & set(said.out + said.err)
    assert "\ncollector: " not in said.out


def test_an_answer_of_another_server_does_not_either(capsys: pytest.CaptureFixture[str]):
    main(["trace", "ab", "--url", "http://127.0.0.1:1/\x1b[2J"])

    assert "\x1b" not in capsys.readouterr().err


def test_what_is_printed_as_json_stays_json(path: Path, capsys: pytest.CaptureFixture[str]):
    main(["trace", a_call(1).trace_id, "--json", "--store", str(path)])

    out = capsys.readouterr().out
    assert json.dumps(EVIL, ensure_ascii=False)[1:-1] in json.dumps(
        json.loads(out), ensure_ascii=False
    )
    assert not set("\x1b\x07\x9b\u202e") & set(out)


def test_lines_tabs_and_letters_of_all_scripts_are_printed_as_they_are():
    stream = io.StringIO()

    print("año\tĝis\n日本 🎉 it\u2019s", file=Plain(stream))

    assert stream.getvalue() == "año\tĝis\n日本 🎉 it\u2019s\n"


def test_the_end_of_a_line_is_spelled_out():
    assert on_one_line("a\r\nb") == "a\\r\\nb"
