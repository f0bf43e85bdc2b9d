"""``format_violation``: JSON was asked for and something else came back."""

from __future__ import annotations

import json

from .check import Check
from .evidence import Content, Evidence


def _suspect(seen: Evidence, _: Content) -> bool:
    return seen.output_type == "json"


def is_json(text: str) -> bool:
    """Return whether a strict parser takes ``text`` as it is: a code fence around it is none."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _violated(_: Evidence, output: Content) -> bool:
    answers = [m for m in output.messages if not m.tool_calls and not m.refused]
    return any(m.texts and not is_json(m.text) for m in answers)


FORMAT_VIOLATION = Check(
    name="format_violation",
    about="JSON was asked for and the answer is no valid JSON.",
    suspect=_suspect,
    judge=_violated,
)
