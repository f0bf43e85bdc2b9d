"""Precision and recall of the checks on the labelled set."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from otel_llm.quality.measure import Example, Measure, measure, mistakes, read_examples

DATA = Path(__file__).parent.parent / "data"
FILE = DATA / "labelled_outputs.tsv"


def examples_of(file: Path) -> list[Example]:
    return [
        example
        for example in read_examples(file)
        if find_spec("re2") or example.side != "exchange"  # without it, only scripts are compared
    ]


EXAMPLES = examples_of(FILE)
HELD = [example for example in EXAMPLES if example.held]
FLOORS = {  # precision and recall on the held-out half, as the documentation states them
    "empty": (1.0, 1.0),
    "format_violation": (1.0, 1.0),
    "hedging": (1.0, 1.0),
    "language_mismatch": (0.95, 0.7),
    "pii": (0.9, 0.9),
    "prompt_injection": (0.9, 0.8),
    "refusal": (1.0, 1.0),
    "repetition": (0.95, 0.85),
    "schema_mismatch": (1.0, 1.0),
    "secrets": (0.95, 0.9),
    "tool_error_loop": (1.0, 1.0),
    "truncation": (0.95, 0.95),
}

OTHERS = {  # precision and recall on the texts of somebody who had not seen the patterns
    "labelled_second.tsv": {
        "empty": (1.0, 1.0),
        "format_violation": (1.0, 0.95),
        "hedging": (1.0, 1.0),
        "language_mismatch": (1.0, 1.0),
        "pii": (0.93, 0.93),
        "prompt_injection": (1.0, 1.0),
        "refusal": (1.0, 1.0),
        "repetition": (1.0, 1.0),
        "schema_mismatch": (1.0, 1.0),
        "secrets": (1.0, 0.94),
        "tool_error_loop": (1.0, 1.0),
        "truncation": (1.0, 0.94),
    },
    "labelled_third.tsv": {
        "hedging": (1.0, 1.0),
        "language_mismatch": (1.0, 0.75),
        "pii": (1.0, 0.85),
        "prompt_injection": (1.0, 1.0),
        "refusal": (1.0, 1.0),
        "secrets": (1.0, 1.0),
        "truncation": (1.0, 1.0),
    },
    "labelled_fifth.tsv": {
        "empty": (1.0, 1.0),
        "format_violation": (1.0, 1.0),
        "hedging": (0.89, 0.97),
        "language_mismatch": (1.0, 1.0),
        "pii": (0.93, 1.0),
        "prompt_injection": (1.0, 1.0),
        "refusal": (1.0, 0.96),
        "repetition": (1.0, 0.85),
        "schema_mismatch": (1.0, 1.0),
        "secrets": (1.0, 1.0),
        "tool_error_loop": (1.0, 1.0),
        "truncation": (1.0, 0.86),
    },
    "labelled_sixth.tsv": {
        "empty": (1.0, 1.0),
        "format_violation": (1.0, 1.0),
        "hedging": (1.0, 1.0),
        "language_mismatch": (1.0, 1.0),
        "pii": (1.0, 1.0),
        "prompt_injection": (1.0, 0.85),
        "refusal": (0.95, 0.87),
        "repetition": (1.0, 0.75),
        "secrets": (1.0, 1.0),
        "tool_error_loop": (1.0, 1.0),
        "truncation": (0.81, 0.9),
    },
    "labelled_seventh.tsv": {
        "empty": (1.0, 1.0),
        "format_violation": (1.0, 1.0),
        "hedging": (0.95, 0.95),
        "language_mismatch": (1.0, 1.0),
        "pii": (0.93, 1.0),
        "prompt_injection": (1.0, 1.0),
        "refusal": (0.97, 1.0),
        "repetition": (0.94, 0.94),
        "schema_mismatch": (1.0, 1.0),
        "secrets": (1.0, 0.92),
        "tool_error_loop": (0.75, 1.0),
        "truncation": (1.0, 0.92),
    },
    "labelled_fourth.tsv": {
        "empty": (1.0, 1.0),
        "format_violation": (1.0, 1.0),
        "hedging": (1.0, 0.92),
        "refusal": (0.98, 0.9),
        "truncation": (0.98, 0.86),
    },
}


def test_the_set_is_large_and_half_of_it_is_held_out():
    outputs = [example for example in EXAMPLES if example.side not in ("input", "tools")]

    assert len(outputs) >= 300
    assert 0.4 < len(HELD) / len(EXAMPLES) < 0.6
    assert len({example.text for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("found", measure(HELD), ids=lambda found: found.check)
def test_a_check_is_as_good_as_documented_on_texts_it_was_not_made_for(found: Measure):
    precision, recall = FLOORS[found.check]

    assert (found.precision or 0) >= precision
    assert (found.recall or 0) >= recall


@pytest.mark.parametrize("name", OTHERS)
def test_checks_do_not_get_worse_on_texts_of_another_hand(name: str):
    short = {
        found.check: (found.precision, found.recall)
        for found in measure(examples_of(DATA / name))
        for precision, recall in [OTHERS[name][found.check]]
        if (found.precision or 0) < precision or (found.recall or 0) < recall
    }

    assert short == {}


def test_no_text_is_in_two_sets():
    texts = [one.text for name in (FILE.name, *OTHERS) for one in read_examples(DATA / name)]

    assert len({*texts}) == len(texts)


def test_every_check_of_content_is_measured():
    assert {found.check for found in measure(read_examples(FILE))} == set(FLOORS)


def test_hits_misses_and_false_alarms_are_told_apart():
    examples = [
        Example("output", frozenset({"refusal"}), "I can't help with that."),
        Example("output", frozenset({"refusal"}), "Let us talk of something else."),
        Example("output", frozenset(), "I can't help with that!"),
        Example("output", frozenset(), "Paris."),
    ]

    assert measure(examples) == [Measure("refusal", hits=1, misses=1, false_alarms=1)]
    assert [example.text for example, _ in mistakes(examples)] == [
        "Let us talk of something else.",
        "I can't help with that!",
    ]


def test_a_share_of_nothing_is_unknown():
    none = Measure("x", 0, 0, 0)

    assert (none.precision, none.recall) == (None, None)


def test_a_file_of_another_shape_is_refused(tmp_path: Path):
    file = tmp_path / "set.tsv"
    file.write_text("text\tlabel\n", encoding="utf-8")

    with pytest.raises(ValueError, match="expected the columns side, labels, text"):
        read_examples(file)
