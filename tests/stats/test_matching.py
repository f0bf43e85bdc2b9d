"""Patterns that operators write and applications cannot make slow."""

from __future__ import annotations

import re
import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.stats.matching import matches, pattern, to_regex


@pytest.mark.parametrize(
    ("written", "value", "holds"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4*", "gpt-4o-mini", True),
        ("*mini", "gpt-4o-mini", True),
        ("gpt-?o", "gpt-4o", True),
        ("a|b*", "bee", True),
        ("!dev", "prod", True),
        ("!dev|test", "test", False),
        ("!dev", "", True),
        ("*", "", True),
        ("?*", "", False),
        ("", "", True),
        ("", "x", False),
        ("gpt-4.1", "gpt-4x1", False),
        ("[a]", "[a]", True),
    ],
)
def test_a_pattern_means_what_it_looks_like(written: str, value: str, holds: bool):
    operator, regex = to_regex(written)
    in_prometheus = (
        (regex == value) != operator.startswith("!")
        if operator in ("=", "!=")
        else bool(re.fullmatch(regex, value)) != operator.startswith("!")
    )

    assert pattern(written)(value) is holds
    assert in_prometheus is holds


@given(st.text("ab*?"), st.text("ab", max_size=12))
def test_it_agrees_with_shell_patterns(written: str, value: str):
    assert pattern(written)(value) is fnmatchcase(value, written)


def test_a_hostile_value_costs_no_more_than_pattern_times_value():
    began = time.thread_time()

    assert not pattern("*a" * 50 + "b")("a" * 5_000)

    assert time.thread_time() - began < 2


def test_every_pattern_has_to_hold_and_an_absent_label_is_empty():
    assert matches({"a": "1", "b": "!2"}, {"a": "1"})
    assert not matches({"a": "1", "b": "2"}, {"a": "1"})
