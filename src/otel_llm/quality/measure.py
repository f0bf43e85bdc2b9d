"""How good the checks are: precision and recall on a labelled set.

The set is a table with tabs between ``side``, ``labels`` (the flags that a person would raise, with
commas) and ``text`` (``\\n`` for a line break). A side is ``output``; ``json``, where JSON was
asked for; ``messages``, an output as it is captured, in JSON; ``input``; ``tools``, a line
``name -> result`` for each call of a tool; or one with more before the output and a line ``---``
between: ``exchange`` with the question, ``stopped`` with the finish reason, ``schema`` with the
schema that was asked for.

Half of the set along which the patterns were written (``labelled_outputs.tsv``), chosen by a hash
of the text, is held out: no pattern was ever changed for one of those, so their figures say what to
expect of new text in the style of the set.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from .evidence import Content, Evidence
from .inspector import Inspector
from .schema import Schema


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled text."""

    side: str
    labels: frozenset[str]
    text: str

    @property
    def held(self) -> bool:
        """Whether it is held out."""
        return crc32(self.text.encode()) % 2 == 0

    def evidence(self) -> Evidence:
        """Return it as a call with content and nothing else."""
        before, _, answer = self.text.partition("\n---\n")
        match self.side:
            case "input":
                return Evidence(input=_said("user", self.text))
            case "messages":
                return Evidence(output=Content(self.text.encode()))
            case "tools":
                return Evidence(input=_worked(self.text.splitlines()))
            case "exchange":
                return Evidence(input=_said("user", before), output=_said("assistant", answer))
            case "stopped":
                return Evidence((before,), output=_said("assistant", answer))
            case "schema":
                schema = Schema(json.loads(before))
                return Evidence(
                    output_type="json", output=_said("assistant", answer), schema=schema
                )
            case side:
                kind = "json" if side == "json" else None
                return Evidence(output=_said("assistant", self.text), output_type=kind)


def _said(role: str, text: str) -> Content:
    return _content([_message(role, {"type": "text", "content": text})])


def _worked(lines: Sequence[str]) -> Content:
    """Return the messages of an agent that called a tool once for each line."""
    messages = [_message("user", {"type": "text", "content": "Do it."})]
    for at, line in enumerate(lines):
        name, _, result = line.partition(" -> ")
        messages += _called(f"call_{at}", name, result)
    return _content(messages)


def _called(call: str, name: str, result: str) -> Iterator[dict[str, object]]:
    response: object = (
        json.loads(result) if result[:2] in ('{"', "[]", "[{") or result[:1] == '"' else result
    )
    yield _message("assistant", {"type": "tool_call", "id": call, "name": name})
    yield _message("tool", {"type": "tool_call_response", "id": call, "response": response})


def _message(role: str, part: dict[str, object]) -> dict[str, object]:
    return {"role": role, "parts": [part]}


def _content(messages: list[dict[str, object]]) -> Content:
    return Content(json.dumps(messages).encode())


@dataclass(frozen=True, slots=True)
class Measure:
    """How one check did."""

    check: str
    hits: int
    """Examples that have the label and got the flag."""
    misses: int
    """Examples that have the label and did not get the flag."""
    false_alarms: int
    """Examples that got the flag and do not have the label."""

    @property
    def precision(self) -> float | None:
        """Share of flags that were right; ``None`` when there was none."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float | None:
        """Share of labels that were flagged; ``None`` when there was none."""
        return _share(self.hits, self.hits + self.misses)


def read_examples(file: Path) -> list[Example]:
    """Read a labelled set. Raises ``OSError``, and ``ValueError`` when a column is missing."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        if rows.fieldnames != ["side", "labels", "text"]:
            raise ValueError(f"{file.name}: expected the columns side, labels, text")
        return [_example(row) for row in rows]


def measure(examples: Sequence[Example], inspector: Inspector | None = None) -> list[Measure]:
    """Return how each check did that has a label or a flag in ``examples``, by name."""
    inspector = inspector or Inspector()
    told = [(e.labels, frozenset(inspector.flags(e.evidence()) or ())) for e in examples]
    names = sorted({name for labels, flags in told for name in labels | flags})
    return [
        Measure(
            name,
            hits=sum(name in labels and name in flags for labels, flags in told),
            misses=sum(name in labels and name not in flags for labels, flags in told),
            false_alarms=sum(name in flags and name not in labels for labels, flags in told),
        )
        for name in names
    ]


def mistakes(
    examples: Sequence[Example], inspector: Inspector | None = None
) -> Iterator[tuple[Example, frozenset[str]]]:
    """Yield each example whose flags are not its labels, with the flags."""
    inspector = inspector or Inspector()
    for example in examples:
        flags = frozenset(inspector.flags(example.evidence()) or ())
        if flags != example.labels:
            yield example, flags


def _example(row: dict[str, str]) -> Example:
    labels = frozenset(label for label in row["labels"].split(",") if label)
    return Example(row["side"], labels, _unescape(row["text"]))


def _unescape(text: str) -> str:
    return "\\".join(map(_broken, text.split("\\\\")))


def _broken(piece: str) -> str:
    return piece.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
