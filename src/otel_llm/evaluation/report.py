"""How a suite went: for people, for programs (JSON), for CI pipelines (JUnit XML)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

from otel_llm.quality.messages import whole

from .runner import CaseOutcome, SuiteOutcome

_DIGITS = 6
"""Of a score that is shown: 0.9 and not 0.9000000000000001."""


def case_line(outcome: CaseOutcome) -> str:
    """Return one line about a case, with the reasons where it did not pass."""
    mark = "pass" if outcome.passed else "ERROR" if outcome.errors else "FAIL"
    scores = " ".join(f"{r.name}={r.value:.2f}" for r in outcome.results if r.value is not None)
    head = f"{mark:5} {outcome.case.name}  {outcome.latency_s:.2f} s  {scores}".rstrip()
    return "\n".join([_shown(head), *(f"      {_shown(why)}" for why in _reasons(outcome))])


def _shown(text: str) -> str:
    """Return ``text`` for a terminal: a judge's words may hold its control sequences."""
    return "".join(char if char.isprintable() else " " for char in text)


def summary(outcome: SuiteOutcome) -> str:
    """Return the last lines: how many passed, mean scores, what it cost."""
    passed, total = sum(case.passed for case in outcome.cases), len(outcome.cases)
    lines = [
        f"{outcome.suite.name}: {passed} of {total} passed, {outcome.suite.pass_rate:.0%} must: "
        + ("passed" if outcome.passed else "FAILED")
    ]
    lines += [f"  mean {name}: {value:.2f}" for name, value in outcome.means().items()]
    costs = [case.cost for case in outcome.cases]
    known = [cost for cost in costs if cost is not None]
    if known:
        unknown = f", {len(costs) - len(known)} of unknown cost" if len(known) < len(costs) else ""
        lines.append(f"  answers cost ${sum(known):.6f}{unknown}")
    return "\n".join(lines)


def to_json(outcome: SuiteOutcome) -> str:
    """Return everything, with the answers."""
    told = json.dumps(
        {
            "suite": outcome.suite.name,
            "run": outcome.run,
            "model": outcome.model,
            "passed": outcome.passed,
            "pass_rate": outcome.suite.pass_rate,
            "started_at": _moment(outcome.started_ns),
            "duration_s": (outcome.ended_ns - outcome.started_ns) / 1e9,
            "means": {name: round(mean, _DIGITS) for name, mean in outcome.means().items()},
            "cases": [_case(case) for case in outcome.cases],
        },
        indent=2,
        ensure_ascii=False,
    )
    return whole(told)


def _case(outcome: CaseOutcome) -> dict[str, object]:
    reply = outcome.reply
    return {
        "name": outcome.case.name,
        "passed": outcome.passed,
        "verdict": outcome.verdict,
        "query": outcome.case.query,
        "answer": reply.text,
        "model": reply.model,
        "latency_s": outcome.latency_s,
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "cost_usd": None if outcome.cost is None else float(outcome.cost),
        "scores": [
            {
                "name": result.name,
                "value": None if result.value is None else round(result.value, _DIGITS),
                "evaluator": result.evaluator,
                "explanation": result.explanation,
                "error_type": result.error_type,
            }
            for result in outcome.results
        ],
        "problems": [*outcome.problems],
        "errors": [*outcome.errors],
        "trace_id": outcome.trace_id,
    }


def to_junit(outcome: SuiteOutcome) -> str:
    """Return JUnit XML, as CI systems read it: a failed case is a failure, one of which something
    could not be found out an error."""
    failed = sum(bool(case.problems) and not case.errors for case in outcome.cases)
    suite = Xml.Element(
        "testsuite",
        name=_clean(outcome.suite.name),
        tests=str(len(outcome.cases)),
        failures=str(failed),
        errors=str(sum(bool(case.errors) for case in outcome.cases)),
        time=f"{(outcome.ended_ns - outcome.started_ns) / 1e9:.3f}",
        timestamp=_moment(outcome.started_ns),
    )
    for case in outcome.cases:
        _add_case(suite, outcome.suite.name, case)
    root = Xml.Element("testsuites")
    root.append(suite)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True)


def _add_case(suite: Xml.Element, name: str, outcome: CaseOutcome) -> None:
    case = Xml.SubElement(
        suite,
        "testcase",
        classname=_clean(name),
        name=_clean(outcome.case.name),
        time=f"{outcome.latency_s:.3f}",
    )
    if not outcome.passed:
        reasons = [_clean(why) for why in _reasons(outcome)]
        kind = "error" if outcome.errors else "failure"
        Xml.SubElement(case, kind, message=reasons[0], type=kind).text = "\n".join(reasons)


def _reasons(outcome: CaseOutcome) -> Iterator[str]:
    yield from outcome.errors
    yield from outcome.problems


def _clean(text: str) -> str:
    """Return ``text`` without the characters that XML 1.0 forbids."""
    return "".join(c for c in text if c in "\t\n\r" or (ord(c) >= 32 and not _is_forbidden(c)))


def _is_forbidden(char: str) -> bool:
    return "\ud800" <= char <= "\udfff" or char in "\ufffe\uffff"


def _moment(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).isoformat().replace("+00:00", "Z")
