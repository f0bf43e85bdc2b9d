"""Scores and tone of answers."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import astuple

import pytest

from otel_llm.quality.scores import WEIGHTS, Scores, Weights, keywords, relevance, score
from otel_llm.quality.sentiment import sentiment

QUESTION = "How do I reset the password of my router?"
GOOD = "Hold the reset button of the router for ten seconds. The password is then on its label."


def test_a_good_answer_scores_one_throughout():
    assert score(GOOD, QUESTION, ("stop",)) == Scores(1.0, 1.0, 1.0, 1.0, 1.0)
    assert score(GOOD, QUESTION, ("stop",)).overall == pytest.approx(1.0)


def test_relevance_is_the_share_of_keywords_doubled_and_capped():
    assert keywords(QUESTION) == {"reset", "password", "router"}
    assert relevance(QUESTION, "The password.") == pytest.approx(2 / 3)
    assert relevance(QUESTION, "The router password.") == 1.0
    assert relevance(QUESTION, "Bananas are yellow.") == 0.0
    assert relevance("What is it?", GOOD) is None


def test_an_answer_without_its_question_has_no_relevance_and_still_an_overall():
    found = score(GOOD)

    assert found.relevance is None
    assert found.overall == pytest.approx(1.0)


def test_the_weights_are_those_that_are_documented():
    assert Scores(1.0, 0.0, 0.0, 0.0, 0.0).overall == pytest.approx(0.3)
    assert Scores(0.5, 0.5, 0.0, 1.0, 1.0).overall == pytest.approx(0.15 + 0.1 + 0.2 + 0.1)
    assert sum(astuple(WEIGHTS)) == pytest.approx(1.0)
    assert Scores().overall is None


def test_the_weights_of_the_parts_are_the_users():
    found = Scores(relevance=1.0, coherence=0.0, safety=0.5)

    assert found.mean(Weights(relevance=3, coherence=1, safety=0)) == pytest.approx(0.75)
    assert found.mean(Weights(relevance=0, coherence=0, safety=0)) is None


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_weights_that_make_no_mean_are_a_mistake(weight: float):
    with pytest.raises(ValueError, match="weights must not be negative, and not all 0"):
        Weights(relevance=weight)
    with pytest.raises(ValueError, match="not all 0"):
        Weights(0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("answer", "reasons", "expected"),
    [
        ("It is so.", ("length",), 0.3),
        ("It is so.", ("MAX_TOKENS",), 0.3),
        ("The price went up and then the", ("stop",), 1.0 - 0.2),
        ("Paris", ("stop",), 1.0),
        ("", ("stop",), 0.0),
        (None, ("length",), 0.3),
        (None, ("stop",), None),
    ],
)
def test_completeness_falls_when_an_answer_is_cut_off(
    answer: str | None, reasons: tuple[str, ...], expected: float | None
):
    assert score(answer, None, reasons).completeness == expected


def test_coherence_falls_with_repeated_and_endless_sentences():
    twice = score("The shop is open. The shop is open. It sells bread. It sells milk.").coherence
    endless = score("and so " * 30 + "it goes on until the very end of the road.").coherence
    looping = score("I hope this helps you a lot. " * 10).coherence

    assert (twice, looping) == (0.75, 0.2)
    assert endless == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Fine.", 1.0),
        ("Write to petra.schmidt@gmx.de.", 0.5),
        ("The key is sk-proj-aB3dE5gH7jK9mN1pQ3sT5vW7.", 0.0),
        ("I'm sorry, but I can't help with that.", 1.0),
    ],
)
def test_safety_falls_when_something_leaks(answer: str, expected: float):
    assert score(answer).safety == expected


@pytest.mark.parametrize(
    ("question", "kind", "answer", "expected"),
    [
        ("Answer in JSON", None, '{"a": 1}', 1.0),
        ("Answer in JSON", None, 'Sure:\n```json\n{"a": 1}\n```', 1.0),
        ("Answer in JSON", None, "a is one", 0.0),
        ("Name a city", "json", '```json\n{"a": 1}\n```', 0.0),
        ("Three cities as a list", None, "1. Rome\n2. Oslo\n3. Kyiv", 1.0),
        ("Give me bullet points", None, "- Rome\n- Oslo", 1.0),
        ("Three cities as a list", None, "Rome, Oslo and Kyiv", 0.0),
        ("Make a table", None, "| a | b |\n| - | - |\n| 1 | 2 |", 1.0),
        ("Name a city", None, "Rome", 1.0),
    ],
)
def test_format_is_what_was_asked_for(
    question: str, kind: str | None, answer: str, expected: float
):
    assert score(answer, question, (), kind).format == expected


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [("No.", ("content_filter",)), ("I'm sorry, but I can't help with that.", ("stop",))],
)
def test_a_refused_question_counts_as_unanswered_and_not_as_irrelevant(
    answer: str, reasons: tuple[str, ...]
):
    scores = score(answer, QUESTION, reasons)

    assert (scores.relevance, scores.completeness) == (None, 0.0)


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Great, thank you, this works perfectly!", 1),
        ("This is terrible and the app crashed again.", -1),
        ("Not bad at all.", 1),
        ("It doesn\u2019t work well.", -1),
        ("That was not helpful.", -1),
    ],
)
def test_the_tone_of_a_text_has_a_sign(text: str, sign: int):
    found = sentiment(text)

    assert found is not None
    assert found * sign > 0
    assert abs(found) < 1


def test_a_text_without_any_judging_word_has_no_tone():
    assert sentiment("The train leaves at eight.") is None


def test_a_strong_word_makes_the_tone_stronger():
    assert (sentiment("very good") or 0) > (sentiment("good") or 0)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Return" + "\\n" * 40 + "it.", "Yes."),
        ("Why?" + "\n" * 60_000 + "Say.", "Yes."),
        ("Why?", "!" * 60_000 + "x"),
        ("Answer only in JSON.", "```json" + "\n" * 60_000),
    ],
    ids=["escaped line ends", "blank lines", "marks", "a fence that stays open"],
)
@pytest.mark.parametrize("hide", ["", "sys.modules['re2'] = None"], ids=["with re2", "without"])
def test_no_exchange_is_slow_to_score(question: str, answer: str, hide: str):
    code = f"""import json, sys
{hide}
from otel_llm.quality.endings import cut_off
from otel_llm.quality.scores import score
answer, question = json.load(sys.stdin)
score(answer, question)
cut_off(answer)
"""

    run = [sys.executable, "-c", code]
    subprocess.run(run, input=json.dumps([answer, question]), text=True, check=True, timeout=60)
    # A quadratic search would take minutes, and with the first of these hours.
