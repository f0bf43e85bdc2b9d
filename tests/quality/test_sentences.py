"""Sentences of declining and doubting: their signs, and both engines of regular expressions."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_llm.quality import CATALOGUE, Inspector
from otel_llm.quality.declining import DECLINING
from otel_llm.quality.doubting import DOUBTING, SOFT
from otel_llm.quality.measure import read_examples
from otel_llm.quality.voice import own_words
from otel_llm.quality.words import Phrase, lowered, signs

FILES = sorted((Path(__file__).parent.parent / "data").glob("labelled_*.tsv"))
EXAMPLES = [example for file in FILES for example in read_examples(file)]
SPOKEN = [CATALOGUE[name] for name in ("refusal", "hedging", "truncation", "prompt_injection")]
PHRASES = (*DECLINING, *DOUBTING, *SOFT)


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.sign[:40])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_stem_is_in_all_that_fits_a_sign(phrase: Phrase, data: st.DataObject):
    fitting = data.draw(st.from_regex(f"(?:{phrase.sign})", fullmatch=True))
    (pattern,) = signs([phrase])

    assert any(stem in f" {fitting}".lower().encode() for stem in pattern.stems)


@pytest.mark.parametrize("phrases", [DECLINING, DOUBTING, SOFT], ids=["no", "doubt", "soft"])
def test_a_sentence_is_found_by_both_engines_and_never_without_its_sign(
    phrases: tuple[Phrase, ...],
):
    re2 = pytest.importorskip("re2")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 2**25
    whole = "|".join(phrase.whole for phrase in phrases).encode()
    linear, plain = re2.compile(whole, options), re.compile(whole)
    marks = [re.compile(pattern.regex.encode()) for pattern in signs(phrases)]
    for example in EXAMPLES:
        said = lowered(own_words(example.text))
        raw = json.dumps([own_words(example.text)]).encode()
        found = plain.search(said)

        assert (linear.search(said) is None) == (found is None), example.text
        assert found is None or any(mark.search(raw) for mark in marks), example.text


def test_flags_of_all_labelled_texts_are_the_same_without_re2(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("re2")
    fast = Inspector(SPOKEN)
    monkeypatch.setitem(sys.modules, "re2", None)
    plain = Inspector(SPOKEN)

    assert [
        example.text
        for example in EXAMPLES
        if plain.flags(example.evidence()) != fast.flags(example.evidence())
    ] == []


OWN = [
    ('It says "I can\'t" twice.', "It says   twice."),
    ("He says: I won't do it.\nYou may.", "He  \nYou may."),
    ("„Ich kann nicht“, sagt er.", " , sagt er."),
    ("« Je ne peux pas » dit-il.", "  dit-il."),
    ("「できません」と言った。", " と言った。"),
    ("She said 'I don't know' then.", "She said then."),
    ("It's the dog's, isn't it?", "It's the dog's, isn't it?"),
    ("A\n> I can't.\nB", "A\n \nB"),
    ("Use it:\n```\nno\n```\nDone.", "Use it:\n \nDone."),
    ("Draft:\n\nDear Ms. Roe,\nI can't come.", "Draft:\n"),
    ('{"a": "I can\'t.", "b": 3, "c": "Yes."}', "I can't.\nYes."),
    ('{"a": "I can\'t', "{ : \"I can't"),
    ("Hi Ann,\nI can't.", "Hi Ann,\nI can't."),
    ("[1]", "[1]"),
    ("I can\u2019t\u00a0say", "I can't say"),
]


@pytest.mark.parametrize(("text", "said"), OWN)
def test_what_is_quoted_drafted_or_coded_is_not_the_models_own(text: str, said: str):
    assert own_words(text) == said
