"""What a command line, a file or a terminal may be, and no command falls over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from otel_llm.cli import main

PROGRAM = Path(sys.executable).with_name("otel-llm")
NESTED = b"[" * 100_000 + b"\n"
ALIASES = b"a: &a [1,1,1,1,1,1,1,1,1]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (new, new, *[new - 1] * 9)
    for new in b"bcdefghi"
)
FILES = {
    "nothing": b"",
    "no_text": bytes(range(128, 256)) + b"\n",
    "utf16": '{"a": "é"}\n\n'.encode("utf-16"),
    "nul": b"a: \0\0b\n",
    "nested": NESTED,
    "itself": b"a: &a [*a]\n",
    "aliases": ALIASES,
    "list": b"- 1\n- 2\n",
    "number": b"42\n",
    "keys": b"1: {2: 3}\n~: x\ntrue: [1]\n",
    "json": b'{"a":1,"b":[1],"c":null}\n',
    "amounts": b'{"a":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":"abc"}}\n',
    "endless": b'{"a":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":1e999}}\n',
    "line": b"start_time_iso,line_item,amount_value\n2026-01-01," + b"x" * 200_000 + b",1\n",
    "quote": b'start_time_iso,line_item,amount_value\n2026-01-01,"a\nb,1\n',
}
COMMANDS = [
    "check-config FILE",
    "collector --config FILE",
    "eval check FILE",
    "notify test console --config FILE",
    "prices compare FILE",
    "prices diff FILE --store no-such-file",
    "prices show gpt-4o --config FILE",
    "prices unpriced --token-file FILE --url http://127.0.0.1:9",
    "quality measure FILE",
    "reconcile FILE --store no-such-file",
    "recount FILE",
    "recount --store FILE",
    "replay FILE --to http://127.0.0.1:9",
    "rules check FILE",
    "rules export FILE",
    "rules test FILE",
]
NOTHING_IS_FINE = ("prices show", "recount FILE", "replay FILE", "rules check", "rules export")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "folder").mkdir()
    return folder


@pytest.mark.parametrize("name", [*FILES, "folder", "missing"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_something_else_is_named_with_what_is_wrong(
    folder, command, name, capsys, monkeypatch
):
    monkeypatch.chdir(folder)
    if command == "collector --config FILE" and name == "nothing":
        pytest.skip("a collector with nothing but defaults runs")

    code = main([word.replace("FILE", name) for word in command.split()])

    said = capsys.readouterr()
    fine = name == "nothing" and command.startswith(NOTHING_IS_FINE)
    assert code in ((0, 1, 2) if fine else (1, 2)), said
    assert fine or said.err
    assert "Errno" not in said.err.replace("[Errno 111]", "")


def run(*arguments, **options):
    return subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=120, **options
    )


def test_a_terminal_that_cannot_show_a_letter_gets_its_number(tmp_path):
    texts = tmp_path / "texts.tsv"
    texts.write_text("side\tlabels\ttext\noutput\trefusal\tvoilà\n", encoding="utf-8")

    done = run(
        *("quality", "measure", str(texts), "--mistakes"),
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "refusal -> nothing: 'voil\\xe0'" in done.stdout


def _shown_on(output: TextIO) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "prices", "show", "gpt-4o"],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = _shown_on(full)

    assert (done.returncode, done.stderr) == (1, "otel-llm: No space left on device\n")


def test_a_reader_that_has_seen_enough_hears_nothing_more():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        done = _shown_on(nobody)

    assert (done.returncode, done.stderr) == (1, "")


def test_a_log_that_nobody_reads_any_more_changes_no_exit_code(tmp_path):
    config = tmp_path / "collector.yaml"
    config.write_text("unheard: of\n", encoding="utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        done = subprocess.run([PROGRAM], stderr=nobody, stdout=subprocess.PIPE, timeout=120)
        wrong = subprocess.run([PROGRAM, "nonsense"], stderr=nobody, timeout=120)
        mistaken = subprocess.run([PROGRAM, "check-config", config], stderr=nobody, timeout=120)

    assert (done.returncode, wrong.returncode, mistaken.returncode) == (2, 2, 1)


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        ("batchh", "there is no tier 'batchh'; did you mean 'batch'?"),
        ("cheap", "there is no tier 'cheap'; known: batch, fast, priority"),
    ],
)
def test_a_tier_that_nobody_has_is_said_with_those_that_the_model_has(tier, said, capsys):
    assert main(["prices", "check", "gpt-4o", "--input", "10", "--tier", tier]) == 0

    assert said in capsys.readouterr().err


def test_a_slip_of_the_pen_is_answered_with_the_models_that_may_be_meant(capsys):
    assert main(["prices", "show", "gpt4o"]) == 1

    assert "listed are: gpt-4o" in capsys.readouterr().err
