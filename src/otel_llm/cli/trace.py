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

from .command import Commands, command

DEFAULT_URL = "http://127.0.0.1:4319"
_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,64}")
_MARKS = {"wrong": "✗", "odd": "!", "fine": "✓", "unknown": "?"}

Json = dict[str, Any]


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    trace = command(commands, "trace", _run, "why a trace went wrong, the likely cause first")
    trace.add_argument("trace_id", metavar="ID", help="the trace's id in hex")
    trace.add_argument("--url", default=DEFAULT_URL, help=f"a collector; by default {DEFAULT_URL}")
    trace.add_argument(
        "--token-file", type=Path, metavar="FILE", help="holds the token that its API wants"
    )
    trace.add_argument(
        "--store",
        type=Path,
        metavar="FILE",
        help="read the file of a collector that does not run, instead of asking one",
    )
    trace.add_argument("--json", action="store_true", help="print it as the API gives it")


class _Unanswered(Exception):
    """There is no report; the message says why."""


def _run(arguments: argparse.Namespace) -> int:
    if not _TRACE_ID.fullmatch(arguments.trace_id):
        print(f"otel-llm: {arguments.trace_id!r} is no trace id", file=sys.stderr)
        return 2
    try:
        report = _read(arguments) if arguments.store else _ask(arguments)
    except _Unanswered as error:
        print(f"otel-llm: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        print("\n".join(map(_printable, told(report))))
    return 0


def _ask(arguments: argparse.Namespace) -> Json:
    import httpx2

    address = f"{arguments.url.rstrip('/')}/v1/traces/{arguments.trace_id.lower()}/debug"
    try:
        answer = httpx2.get(address, headers=_headers(arguments.token_file), timeout=30.0)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise _Unanswered(f"{arguments.url} does not answer: {error}") from error
    if not answer.is_success:
        raise _Unanswered(f"{arguments.url} answered {answer.status_code}: {_detail(answer)}")
    return answer.json()


def _headers(token_file: Path | None) -> dict[str, str]:
    if token_file is None:
        return {}
    try:
        lines = token_file.read_text(encoding="utf-8").split()
    except OSError as error:
        raise _Unanswered(f"cannot read {token_file}: {error.strerror}") from error
    return {"authorization": f"Bearer {lines[0]}"} if lines else {}


def _detail(answer: Any) -> str:
    try:
        return answer.json().get("detail") or answer.reason_phrase
    except (ValueError, AttributeError):
        return answer.reason_phrase


def _read(arguments: argparse.Namespace) -> Json:
    from otel_llm.store import DuckDBStore, StoreConfig, StoreError, report_on

    if not arguments.store.is_file():
        raise _Unanswered(f"there is no file {arguments.store}")
    try:
        store = DuckDBStore(StoreConfig(path=str(arguments.store), retain_for=0, max_size=0))
    except StoreError as error:
        raise _Unanswered(f"{error}; ask the collector that runs by --url") from error
    try:
        trace = store.trace(arguments.trace_id.lower())
        if trace is None:
            raise _Unanswered("no GenAI span of this trace is stored")
        return asdict(report_on(trace, store))
    finally:
        store.close()


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


def _printable(line: str) -> str:
    """A name came over the wire: what would command the terminal is shown, not sent."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
