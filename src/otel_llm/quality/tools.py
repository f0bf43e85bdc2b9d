"""``tool_error_loop``: the model calls a tool that fails, again and again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from .check import Check
from .evidence import Content, Evidence

_RESULT = b"tool_call_response"
_FAILED = re.compile(
    r"\s*[\"'{\[]*\s*(?:error|exception|traceback|fatal|failed|failure|\w*(?:Error|Exception)\b)",
    re.IGNORECASE,
)


def _suspect(seen: Evidence, raw: bytes) -> bool:
    return raw.count(_RESULT) >= seen.thresholds.tool_errors


def failed(response: object) -> bool:
    """Return whether a tool's result says that the tool failed."""
    if isinstance(response, str):
        return _FAILED.match(response) is not None
    if not isinstance(response, Mapping):
        return False
    result = cast("Mapping[str, object]", response)
    told = result.get("isError") or result.get("is_error") or result.get("error")
    return bool(told) or result.get("status") in ("error", "failed") or result.get("ok") is False


def _results(given: Content) -> Iterator[tuple[str, bool]]:
    """Yield the tool's name and whether it failed, for each result in order."""
    names: dict[str | None, str] = {}
    for message in given.messages:
        names.update({call_id: name for call_id, name in message.tool_calls})
        for result in message.tool_results:
            yield names.get(result.id, ""), failed(result.response)


def _looping(seen: Evidence, given: Content) -> bool:
    """Look whether the last results of one tool are all errors."""
    row: dict[str, int] = {}
    for name, wrong in _results(given):
        row[name] = row.get(name, 0) + 1 if wrong else 0
    return max(row.values(), default=0) >= seen.thresholds.tool_errors


TOOL_ERROR_LOOP = Check(
    name="tool_error_loop",
    about="One tool failed several times in a row and was called again.",
    suspect=_suspect,
    judge=_looping,
    of_input=True,
)
