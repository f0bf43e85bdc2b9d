"""What a check of a trace says, and which calls a call is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from otel_llm.genai import Call
from otel_llm.quality.finish import TRUNCATED, plain

from .filters import Filter
from .store import Store
from .traces import Trace

Verdict = Literal["wrong", "odd", "fine", "unknown"]

HOUR_NS: Final = 3_600 * 10**9
AGENTS: Final = frozenset({"invoke_agent", "invoke_workflow"})
"""What only holds the work of others."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, and by what."""

    check: str
    verdict: Verdict
    summary: str
    evidence: Sequence[str] = ()
    span_id: str | None = None
    weight: int = 0
    """How likely it is the cause; the findings come in this order."""


Check = Callable[[Trace, Store], Iterator[Finding]]


def near(
    trace: Trace,
    call: Call,
    *,
    before_ns: int = HOUR_NS,
    after_ns: int = HOUR_NS,
    **conditions: str | bool | None,
) -> Filter:
    """The calls of the same model around the trace of ``call``, by default within the hour: the
    same question for all calls alike in a trace, which then is asked once."""
    until_ns = trace.end_ns if after_ns else trace.start_ns
    times = {"since_ns": trace.start_ns - before_ns, "until_ns": until_ns + after_ns}
    return Filter(**{**times, "model": call.model, **conditions})  # pyright: ignore[reportArgumentType] - names of Filter's fields


def truncated(call: Call) -> bool:
    """Whether the answer was cut off."""
    reasons = {plain(reason) for reason in call.finish_reasons}
    return bool(reasons & TRUNCATED) or "truncation" in (call.flags or ())
