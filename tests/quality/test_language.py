"""Answers in another language than the question."""

from __future__ import annotations

import json

import pytest

from otel_llm.quality import Content, Evidence, Inspector
from otel_llm.quality.language import language

INSPECTOR = Inspector()
LATIN = {"en", "de", "fr", "es", "it", "pt", "nl"}
TEXTS = {
    "en": "What is the best way to get to the airport in the morning?",
    "de": "Wie komme ich am Morgen am besten zum Flughafen, und ist das Ticket auch für den Bus?",
    "fr": "Comment est-ce que je peux aller à la gare avec les enfants dans la matinée ?",
    "es": "¿Cómo puedo llegar a la estación por la mañana con los niños y las maletas?",
    "it": "Come posso arrivare alla stazione con i bambini, e il biglietto è anche per il bus?",
    "pt": "Como posso chegar à estação com as crianças, e o bilhete é para o ônibus também? Não sei.",  # noqa: E501
    "nl": "Hoe kan ik het beste naar het station met de kinderen, en is het kaartje ook voor de bus?",  # noqa: E501
    "cyrillic": "Как мне лучше всего добраться утром до аэропорта?",
    "zh": "早上去机场最好的方法是什么？",  # noqa: RUF001
    "ja": "朝、空港に行くのに一番いい方法は何ですか。",
    "ko": "아침에 공항에 가는 가장 좋은 방법은 무엇입니까?",
    "greek": "Πώς μπορώ να πάω στο αεροδρόμιο το πρωί;",  # noqa: RUF001
    "arabic": "ما هي أفضل طريقة للوصول إلى المطار في الصباح؟",
}


def exchange(question: str, answer: str, ascii_only: bool = True) -> Evidence:
    def content(role: str, text: str) -> Content:
        parts = [{"type": "text", "content": text}]
        written = json.dumps([{"role": role, "parts": parts}], ensure_ascii=ascii_only)
        return Content(written.encode())

    return Evidence(input=content("user", question), output=content("assistant", answer))


@pytest.mark.parametrize(("name", "text"), TEXTS.items())
def test_a_text_tells_its_language(name: str, text: str):
    assert language(text) == name


@pytest.mark.parametrize(
    "text", ["", "OK", "42", "Paris", "def f(x): return x + 1", "`der die das und` x y z", "🙂" * 9]
)
def test_a_text_that_is_short_or_no_prose_tells_none(text: str):
    assert language(text) is None


@pytest.mark.parametrize("asked", TEXTS)
@pytest.mark.parametrize("answered", TEXTS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_an_answer_in_another_language_is_flagged(asked: str, answered: str, ascii_only: bool):
    if {asked, answered} <= LATIN:
        pytest.importorskip("re2")  # without it, only scripts are compared
    seen = exchange(TEXTS[asked], TEXTS[answered], ascii_only)

    assert ("language_mismatch" in (INSPECTOR.flags(seen) or ())) is (asked != answered)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Translate to German: What is the best way to the airport?", TEXTS["de"]),
        ("How do the people in it say that in French?", TEXTS["fr"]),
        ("Sag das auf Englisch, und zwar so, dass es nicht zu lang ist.", TEXTS["en"]),
        ("What is the capital of the country in the north?", "Oslo"),
        (TEXTS["de"], "```python\nthe = is_ + of\n```"),
        ("ok?", TEXTS["de"]),
    ],
)
def test_an_answer_that_was_to_be_in_another_language_is_not(question: str, answer: str):
    assert INSPECTOR.flags(exchange(question, answer)) == ()
