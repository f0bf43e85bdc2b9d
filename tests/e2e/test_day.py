"""An outage of one of two destinations. ``make soak ARGS=--day`` lets a whole day pass."""

from __future__ import annotations

from pathlib import Path

from .day import PER_REQUEST, run


def test_a_destination_that_was_gone_catches_up_and_the_other_is_not_held_up(tmp_path: Path):
    seen = run(tmp_path, requests=240)

    assert seen.complete, seen
    assert seen.other.hung_up >= 1
    assert seen.waiting >= 10 * PER_REQUEST
