"""How good the checks are, by command."""

from __future__ import annotations

from pathlib import Path

from otel_llm.cli import main

SET = Path(__file__).parents[1] / "data/labelled_outputs.tsv"
DOCUMENT = Path(__file__).parents[2] / "docs/quality.md"


def test_precision_and_recall_are_printed_for_every_check(capsys):
    assert main(["quality", "measure", str(SET)]) == 0

    head, columns, *rows = capsys.readouterr().out.splitlines()
    assert head == "600 texts"
    assert columns.split() == ["check", "labelled", "flagged", "precision", "recall"]
    assert {row.split()[0] for row in rows} == {
        *("empty", "format_violation", "hedging", "language_mismatch", "pii"),
        *("prompt_injection", "refusal", "repetition", "schema_mismatch", "secrets"),
        *("tool_error_loop", "truncation"),
    }


def test_the_documents_table_is_what_the_command_prints(capsys):
    main(["quality", "measure", str(SET), "--held-out"])

    _, _, *rows = capsys.readouterr().out.splitlines()
    table = {tuple(c.strip(" `") for c in line.split("|")[1:-1]) for line in _table()}
    assert {tuple(row.split()) for row in rows} <= table


def _table() -> list[str]:
    return [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")]


def test_what_went_wrong_is_shown_on_request(tmp_path: Path, capsys):
    file = tmp_path / "set.tsv"
    file.write_text("side\tlabels\ttext\noutput\trefusal\tParis.\n")

    assert main(["quality", "measure", str(file), "--mistakes"]) == 0
    assert "refusal -> nothing: 'Paris.'" in capsys.readouterr().out


def test_a_file_that_is_no_labelled_set_is_a_mistake(tmp_path: Path, capsys):
    file = tmp_path / "set.tsv"
    file.write_text("a\tb\n1\t2\n")

    assert main(["quality", "measure", str(file)]) == 2
    assert "expected the columns side, labels, text" in capsys.readouterr().err
