"""No decoder raises anything but what it says, whatever comes: the kept corpus, and a little more
each time. ``make fuzz`` is the long form."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_breaks_nothing(name):
    files = seeds(name)

    for file in files:
        TARGETS[name](file.read_bytes())

    assert files, "a decoder without a corpus is fed with nothing"


@pytest.mark.parametrize("name", TARGETS)
@given(seed=st.integers(0, 2**64))
@settings(max_examples=80)
def test_what_is_made_from_it_breaks_nothing(name, seed):
    known = [file.read_bytes() for file in seeds(name)]

    TARGETS[name](mutated(random.Random(seed), known))


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=300))
@settings(max_examples=50)
def test_noise_breaks_nothing(name, data):
    TARGETS[name](data)
