"""What every target is told, before it takes a form: one line is one line."""

from __future__ import annotations

import pytest

from otel_llm.alerting.notification import describe, one_line

from .world import alert, notification


@pytest.mark.parametrize(
    "odd",
    [
        "\r\nBcc: a@b",
        "\ncritical: all is lost",
        "\x1b[2J",
        "\u202egpj",
        "\u2028x",
        "\x85",
    ],
)
def test_what_a_name_holds_is_no_line_no_command_and_no_other_direction(odd: str):
    one = alert(labels={"team": f"a{odd}"}, annotations={"summary": f"b{odd}"})
    told = notification(one, labels={"alertname": "ErrorsHigh", "team": f"a{odd}"})

    assert told.title == f"[FIRING:1] ErrorsHigh team=a{one_line(odd)}"
    assert describe(one) == f"critical: b{one_line(odd)} (team=a{one_line(odd)})"
    assert not set(one_line(odd)) & set("\r\n\x1b\u202e\u2028\x85")
    assert len(told.text().splitlines()) == 3  # title, alert, link


def test_every_language_and_emoji_stays_as_it_is():
    text = "日本語 العربية עברית 👩\u200d👩\u200d👧 café — naïve"

    assert one_line(text) == text
