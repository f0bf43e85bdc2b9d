"""The words of an alert."""

from __future__ import annotations

import time

import pytest

from otel_llm.alerting.template import check, fill


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("{{ $value }}", 0.123456789, "0.123457"),
        ("{{$value|humanize}}", 12_345.0, "12.35k"),
        ("{{ $value | humanize }}", 999.96, "1000"),
        ("{{ $value | humanizePercentage }}", 0.0512, "5.12%"),
        ("{{ $value | humanizeDuration }}", 0.85, "850ms"),
        ("{{ $value | humanizeDuration }}", 5.25, "5.25s"),
        ("{{ $value | humanizeDuration }}", 125.0, "2m 5s"),
        ("{{ $value | humanizeDuration }}", 97_200.0, "1d 3h 0m 0s"),
        ("{{ $value }}", None, "no data"),
        ("{{ $labels.model }} and {{ $labels.gone }}.", 1.0, "gpt-4o and ."),
        ("100 % {sure}", 1.0, "100 % {sure}"),
    ],
)
def test_holes_are_filled(template: str, value: float | None, text: str):
    check(template)

    assert fill(template, value, {"model": "gpt-4o"}) == text


def test_a_value_is_never_a_template_itself():
    assert fill("{{ $labels.user }}", 1.0, {"user": "{{ $value }}"}) == "{{ $value }}"


@pytest.mark.parametrize(
    "hole", ["", "$x", ".Value", "$labels", "$value | printf", "$value.__class__", "$labels.a.b()"]
)
def test_anything_else_is_refused(hole: str):
    with pytest.raises(ValueError, match="is not known"):
        check(f"a {{{{ {hole} }}}} b")


def test_a_hole_that_is_not_closed_is_refused_however_many_there_are():
    started = time.process_time()

    with pytest.raises(ValueError, match="is not closed"):
        check("{{" * 100_000)

    assert time.process_time() - started < 2  # a quadratic search would take minutes
