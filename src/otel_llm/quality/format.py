"""``format_violation``: JSON or a list was asked for and something else came back.

JSON that does not fit the schema that it was asked for by is that too, and a ``schema_mismatch``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from .check import Check
from .evidence import Content, Evidence
from .schema import Schema
from .words import finder, patterns

_BID = r"(?:^|[.!?:;,\"] ?|\n|\\n|(?:\s|\\[nrt])(?:please|and|then|must|should|only|always|just) )"
"""What stands before a verb that tells the model to do something: ``I return`` tells nothing. One
blank is enough of many before it: without RE2, each would be tried with all that follow."""
# A word holds no backslash, or a blank that is written as an escape would be one or the other: each
# of them doubles what ``re`` tries.
_JSON = {
    rf"{_BID}(?:respond|reply|answer|output|return|format|give|convert|produce|generate|provide|emit|use|send)(?: [^\s\\.?!]+){{0,6}} json\b": "json",  # noqa: E501
    "(?:format|output|response) ?: ?(?:valid |strict )?json\\b": "json",
    "json(?:形式|で|のみ|格式|だけ)|(?:以|用|返回|输出) ?json": "json",
    "(?:antworte|antworten|gib|geben|liefere|erstelle|formatiere|wandle|konvertiere|ausgabe)(?: [^\\s\\\\.?!]+){0,8} json\\b": "json",  # noqa: E501
    "(?:renvoie|renvoyez|réponds|répondez|retourne|retournez|donne|donnez|génère|convertis|fournis)(?: [^\\s\\\\.?!]+){0,8} json\\b": "json",  # noqa: E501
    "(?:responde|responda|devuelve|devuelva|genera|gere|convierte|converta|entrega|retorne|devolva|formato|rispondi|restituisci|converti|fornisci)(?: [^\\s\\\\.?!]+){0,8} json\\b": "json",  # noqa: E501
    "(?:antwoord|geef|retourneer|genereer)(?: [^\\s\\\\.?!]+){0,8} json\\b": "json",
    "(?:respond|reply|answer|output|return|format|formatted|give)(?: \\w+){0,6} (?:in|as|with|only|valid|a)(?: \\w+){0,2} json\\b": "json",  # noqa: E501
    "(?:only|valid|strict) json\\b": "json",
    "json (?:only|format|object|array)\\b": "json",
}
_LIST = {
    "(?:in|as|with|use|using|give me|write|make|return|create|into) (?:a |an |the )?(?:\\w+ )?(?:bullet(?:ed)?(?:-| )(?:points?|list)|bullets|numbered list|ordered list|markdown table|table format|tabular)\\b": "bullet|list|table|tabular",  # noqa: E501
    "as an? (?:\\w+ )?(?:list|table)\\b": "list|table",
    "(?:als|in|eine?|mit|mach|gib|schreib\\w*)(?: \\w+){0,3} (?:aufzählung|stichpunkten|stichpunkte|nummerierte liste|nummerierten liste|liste mit|tabelle)\\b": "aufz|stichpunkte|liste|tabelle",  # noqa: E501
    "(?:liste (?:à puces|numérotée)|sous (?:la )?forme de (?:liste|tableau))": "puces|num|forme de",
    "(?:lista (?:numerada|con viñetas|numerata|puntata)|elenco (?:puntato|numerato)|en forma de (?:lista|tabla))": "lista|elenco|forma de",  # noqa: E501
    "箇条書き|番号付きリスト|(?:以|用)列表": "箇条書き|リスト|列表",
    "(?:one|each) (?:item )?(?:per|on (?:a|its own)) (?:new )?line": "line",
}
_SIGNS = {
    "json": "json",
    "(?:bullet|(?:number|order)ed list|tabular|a (?:[a-z]+ )?(?:list|table)\\b|markdown table|table format|(?:per|own) (?:new )?line)": "bullet|list|tabular|table|line",  # noqa: E501
    "(?:aufzählung|stichpunkte|liste mit|nummerierten? liste|tabelle|puces|liste num|forme de|elenco|forma de|lista )": "aufz|stichpunkte|liste|tabelle|puces|forme|elenco|forma|lista",  # noqa: E501
    "箇条書き|番号付きリスト|(?:以|用)列表": "箇条書き|リスト|列表",
}
"""What each of them holds: how far a verb is from it takes too many states to look for in all."""
_ASKS_JSON, _ASKS_LIST = finder(_JSON), finder(_LIST)
_ASKS = finder((*_JSON, *_LIST))
_NOT_ASKED = re.compile(
    r"(?:don't|do not|never|not) (?:respond|reply|answer|return|output|format|give|use|write|send"
    r"|produce|generate)((?: \w+){0,4}) json\b",
    re.I,
)
_EXCEPT = frozenset({"anything", "but", "else", "except", "other", "without", "until", "unless"})
"""Words by which such a sentence asks for it after all: nothing else than JSON."""
_ITEM = re.compile(r"^\s*(?:[-*•+]|\(?\d{1,3}[.)]|\(?[a-z]\))\s+\S|^\s*\|.*\|", re.M)


def is_json(text: str) -> bool:
    """Return whether a strict parser takes ``text`` as it is: a code fence around it is none."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def holds_json(text: str) -> bool:
    """Return whether ``text`` is JSON or holds it in a code fence: who asks in words, reads."""
    return _json_in(text) is not None or _is_json_lines(text)


def _is_json_lines(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) > 1 and all(line.lstrip().startswith("{") and is_json(line) for line in lines)


def holds_list(text: str) -> bool:
    """Return whether ``text`` has list items, table rows or several lines."""
    return len(text.strip().splitlines()) > 2 or len(_ITEM.findall(text)) > 1


def breaks_format(
    answer: str, question: str, output_type: str | None, schema: Schema | None = None
) -> bool | None:
    """Return whether ``answer`` lacks the format that was asked for; ``None`` when none was.

    A format is asked for by the request (``gen_ai.output.type``), by a schema, or in the words of
    ``question``.
    """
    if output_type == "json":
        return not is_json(answer) or misfits(answer, schema)
    if schema is not None:
        return not holds_json(answer) or misfits(answer, schema)
    if _ASKS_JSON.search(question) and _ASKS_JSON.search(_NOT_ASKED.sub(_waived, question)):
        return not holds_json(answer)
    if _ASKS_LIST.search(question):
        return not holds_list(answer)
    return None


def _waived(told: re.Match[str]) -> str:
    return told[0] if _EXCEPT & {*told[1].lower().split()} else " "


def misfits(answer: str, schema: Schema | None) -> bool:
    """Return whether ``answer`` is JSON that is certain not to fit ``schema``."""
    found = _json_in(answer) if schema is not None else None
    return schema is not None and found is not None and schema.fits(found) is False


def _json_in(text: str) -> str | None:
    if is_json(text):
        return text
    _, _, behind = text.partition("```")
    fenced, closed, _ = behind.partition("```")
    fenced = fenced.removeprefix("json").strip()
    return fenced if closed and is_json(fenced) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _suspect(seen: Evidence, _: bytes) -> bool:
    return seen.output_type == "json" or seen.schema is not None


def _has_schema(seen: Evidence, _: bytes) -> bool:
    return seen.schema is not None


def _answers(output: Content) -> Iterator[str]:
    return (
        message.text
        for message in output.messages
        if message.texts and not message.tool_calls and not message.refused
    )


def _violated(seen: Evidence, output: Content) -> bool:
    question = seen.input.question if seen.input else ""
    if not _suspect(seen, b"") and not _ASKS.search(question):
        return False  # before the answer is decoded
    return any(
        breaks_format(answer, question, seen.output_type, seen.schema)
        for answer in _answers(output)
    )


def _mismatched(seen: Evidence, output: Content) -> bool:
    return any(misfits(answer, seen.schema) for answer in _answers(output))


FORMAT_VIOLATION = Check(
    name="format_violation",
    about="JSON or a list was asked for and the answer is none, or JSON of another schema.",
    asked=patterns(_SIGNS),
    suspect=_suspect,
    judge=_violated,
)
SCHEMA_MISMATCH = Check(
    name="schema_mismatch",
    about="The answer is JSON and does not fit the schema that it was asked for by.",
    suspect=_has_schema,
    judge=_mismatched,
)
