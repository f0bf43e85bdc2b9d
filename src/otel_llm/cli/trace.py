"""``trace``: the debug report of one trace, from a running collector or from its file."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .asking import Unanswered, add_source, ask, opened_file
from .command import Commands, command
from .terminal import on_one_line

_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,64}")
_MARKS = {"wrong": "✗", "odd": "!", "fine": "✓", "unknown": "?"}

Json = dict[str, Any]


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    trace = command(commands, "trace", _run, "why a trace went wrong, the likely cause first")
    trace.add_argument("trace_id", metavar="ID", help="the trace's id in hex")
    trace.add_argument("--json", action="store_true", help="print it as the API gives it")
    add_source(trace)


def _run(arguments: argparse.Namespace) -> int:
    if not _TRACE_ID.fullmatch(arguments.trace_id):
        print(f"otel-llm: {arguments.trace_id!r} is no trace id", file=sys.stderr)
        return 2
    trace_id = arguments.trace_id.lower()
    try:
        report = (
            _read(arguments.store, trace_id)
            if arguments.store
            else ask(arguments, f"/v1/traces/{trace_id}/debug")
        )
    except Unanswered as error:
        print(f"otel-llm: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        print("\n".join(map(on_one_line, told(report))))
    return 0


def _read(file: Path, trace_id: str) -> Json:
    from otel_llm.store import report_on

    with opened_file(file) as store:
        trace = store.trace(trace_id)
        if trace is None:
            raise Unanswered("no GenAI span of this trace is stored")
        return asdict(report_on(trace, store))


def told(report: Json) -> Iterator[str]:
    """Yield the lines of a debug report."""
    yield f"Trace {report['trace_id']}"
    yield ""
    yield "Likely cause"
    yield from _cause(report["likely_cause"])
    yield ""
    yield "In order"
    yield from map(_step, report["steps"])
    yield ""
    yield "Checks"
    for finding in report["findings"]:
        yield f"  {_MARKS[finding['verdict']]} {finding['check']}: {finding['summary']}"
        yield from (f"      {line}" for line in finding["evidence"])
    yield ""
    yield "What went well"
    yield from map(_sibling, report["siblings"])
    if not report["siblings"]:
        yield "  No call like it within the hour is known to have gone well."
    for name, address in report["links"].items():
        yield f"{name}: {address}"


def _cause(finding: Json | None) -> Iterator[str]:
    if finding is None:
        yield "  No check found anything wrong."
    else:
        yield f"  {finding['summary']}"
        yield from (f"    {line}" for line in finding["evidence"])


def _step(step: Mapping[str, Any]) -> str:
    from otel_llm.ui.format import count, moment, money, ms

    facts: list[str | None] = [
        ms(step["duration_ms"]),
        None if step["tokens"] is None else f"{count(step['tokens'])} tokens",
        None if step["cost_usd"] is None else money(step["cost_usd"]),
        None if step["ttft_ms"] is None else f"first chunk after {ms(step['ttft_ms'])}",
        step["error_type"],
        ", ".join(step["finish_reasons"]),
        ", ".join(step["flags"]),
    ]
    said = " · ".join(fact for fact in facts if fact)
    return f"  {moment(step['start_ns'])}  {'  ' * step['depth']}{step['name']}  {said}"


def _sibling(sibling: Mapping[str, Any]) -> str:
    from otel_llm.ui.format import moment, ms

    version = sibling["prompt_version"]
    said = f"  {moment(sibling['start_ns'])}  {sibling['name']}  {ms(sibling['duration_ms'])}"
    return f"{said}{f' · prompt version {version}' if version else ''}  {sibling['trace_id']}"
