"""``tool_error_loop``: the model calls a tool that fails, again and again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from .check import Check
from .evidence import Content, Evidence

_RESULT = b"tool_call_response"
_ERROR = (
    r"(?:fatal |internal |unexpected )?(?:error|exception|failure|fatal|fehler|erreur|errore|erro"
    r"|エラー|错误|錯誤|오류|ошибка)(?:\W{0,3}$|[:!\]\"}(：！]"  # noqa: RUF001 - Chinese, Japanese
    r"| (?:occurred|executing|calling|while|code|during|when|running|\d+))"
)
_PHRASES = (
    r"npm err!|(?:failed|unable|not able) to\b|(?:could not|couldn't|cannot|can't) \w+"
    r"|(?:invalid|unknown|missing|unsupported|no such|unexpected|malformed) \w+"
    r"|(?:access|permission) denied|unauthori[sz]ed|forbidden|not found\b"
    r"|(?:request |connection |read |operation )?time(?:out|d out)\b|quota exceeded|rate limit"
    r"|(?:\w+ ){1,3}failed\b|exit(?:ed)?(?: with)?(?: code| status)? [1-9]"
)
_STATUS = (
    r"HTTP(?:/[\d.]+| error| status)?[ :]+[45]\d\d\b|[45]\d\d (?:bad|unauthori|forbidden|not found"
    r"|conflict|gone|unprocess|too many|internal|service unavail|gateway|error)"
)
_BEGINS = re.compile(
    rf"\s*[\"'{{\[(*]*\s*(?:{_ERROR}|{_PHRASES}|{_STATUS}|traceback \("
    r"|\w*(?:Error|Exception)\b[:(])",
    re.IGNORECASE,
)
"""How the result of a tool that failed begins."""
_HOLDS = re.compile(
    r"status code [45]\d\d\b|command not found|permission denied|no such file or directory"
    r"|connection (?:refused|reset|timed out)|not found in\b|timed out$",
    re.IGNORECASE,
)
"""What a short one may hold anywhere."""
_SHORT = 200
_WRONG = frozenset({"error", "failed", "failure", "exception"})
_EXIT = ("exit_code", "exitCode", "returncode", "return_code")


def _suspect(seen: Evidence, raw: bytes) -> bool:
    return raw.count(_RESULT) >= seen.thresholds.tool_errors


def failed(response: object) -> bool:
    """Return whether a tool's result says that the tool failed."""
    if isinstance(response, str):
        short = len(response) <= _SHORT
        return bool(_BEGINS.match(response) or (short and _HOLDS.search(response)))
    if not isinstance(response, Mapping):
        return False
    return _says_failed(cast("Mapping[str, object]", response))


def _says_failed(result: Mapping[str, object]) -> bool:
    told = result.get("isError") or result.get("is_error") or result.get("error")
    listed = result.get("errors")
    if told or (isinstance(listed, list) and listed):
        return True
    if result.get("ok") is False or result.get("success") is False:
        return True
    if any(result.get(name) not in (None, 0, "0") for name in _EXIT):
        return True
    return any(_is_wrong(result.get(name)) for name in ("status", "statusCode", "status_code"))


def _is_wrong(status: object) -> bool:
    if isinstance(status, str):
        return status.lower() in _WRONG
    return isinstance(status, int) and 400 <= status < 600


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
