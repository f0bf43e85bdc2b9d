"""What a number of calls add up to: sums, shares and distributions that can be merged exactly.

Everything is a whole number (money in billionths, time in nanoseconds), so that adding up in any
order, over any number of workers, and taking away again gives the same to the last digit.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, cast

from otel_llm.genai import Call

from .sketch import Sketch

NANO = 1_000_000_000
MICRO = 1_000_000

Example = Literal["slow", "failed", "costly", "flagged", "any"]
Distribution = Literal["durations", "first_chunks"]
ALL: tuple[Distribution, ...] = ("durations", "first_chunks")
"""The fields that are sketches."""

_REFUSED = frozenset({"content_filter", "refusal", "safety", "guardrail_intervened"})
"""Finish reasons by which providers say that they refused (OpenAI and Azure, Anthropic, Gemini,
Bedrock), in lower case."""


@dataclass(slots=True)
class Tally:
    """Sums over calls. A count beside a sum says for how many calls the summand was known."""

    calls: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    counted: int = 0
    """Calls whose tokens are known."""
    cost_nano: int = 0
    """Money in billionths of a US dollar; other currencies are not added up."""
    priced: int = 0
    unpriced: int = 0
    """Calls that cost something nobody knows (``Call.unpriced``)."""
    timed: int = 0
    """Calls that say when they began and ended."""
    duration_ns: int = 0
    refused: int = 0
    refusable: int = 0
    """Calls of which it is known whether the model refused."""
    judged: int = 0
    """Calls that quality checks could look at."""
    output_chars: int = 0
    output_chars_squared: int = 0
    """Sum of squares, for the deviation."""
    measured: int = 0
    """Calls whose answer's length is known."""
    scored: int = 0
    """Calls whose answer was scored."""
    score_micro: int = 0
    """Sum of the scores in millionths."""
    score_micro_squared: int = 0
    """Sum of squares, for the deviation."""
    flags: dict[str, int] = field(default_factory=dict[str, int])
    durations: Sketch = field(default_factory=Sketch)
    """Seconds."""
    first_chunks: Sketch = field(default_factory=Sketch)
    """Seconds to the first chunk, of streamed calls."""
    examples: dict[Example, tuple[float, str]] = field(
        default_factory=dict[Example, tuple[float, str]]
    )
    """By kind: how strong an example, and its trace id. Merged, never taken away."""

    def copy(self) -> Tally:
        """Return another that has counted the same."""
        sketches = self.durations.copy(), self.first_chunks.copy()
        parts: list[Any] = [*_numbers(self), dict(self.flags), *sketches, dict(self.examples)]
        return Tally(*parts)

    def sums(self, distributions: Iterable[Distribution]) -> Tally:
        """Return another with the same sums and these ``distributions``, without examples."""
        parts: list[Any] = [*_numbers(self), dict(self.flags)]
        kept = {name: getattr(self, name).copy() for name in distributions}
        return Tally(*parts, **kept)

    def pack(self) -> bytes:
        """Return everything in a fraction of the memory, for ``unpack`` in the same process."""
        sketches = self.durations.pack(), self.first_chunks.pack()
        return marshal.dumps((*_numbers(self), self.flags, *sketches, self.examples))

    @classmethod
    def unpack(cls, packed: bytes) -> Tally:
        """Return the tally that was packed."""
        *parts, durations, first_chunks, examples = cast("tuple[Any, ...]", marshal.loads(packed))
        parts += [Sketch.unpack(durations), Sketch.unpack(first_chunks), examples]
        return cls(*parts)

    def add(self, call: Call) -> None:
        """Count one call."""
        self.calls += 1
        start_ns, end_ns, best = call.start_ns, call.end_ns, self.examples
        if 0 < start_ns <= end_ns:
            took_ns = end_ns - start_ns
            self.timed += 1
            self.duration_ns += took_ns
            self.durations.add(took_ns / NANO)
            if "slow" not in best or took_ns > best["slow"][0]:
                best["slow"] = took_ns, call.trace_id
        if call.time_to_first_chunk_s is not None:
            self.first_chunks.add(call.time_to_first_chunk_s)
        if "any" not in best or end_ns > best["any"][0]:
            best["any"] = end_ns, call.trace_id
        if call.error_type is not None:
            self.errors += 1
            self._example("failed", end_ns, call)
        self._add_usage(call)
        self._add_quality(call)

    def _add_usage(self, call: Call) -> None:
        usage, cost = call.usage, call.cost
        sent, given = usage.input_tokens, usage.output_tokens
        if sent is not None or given is not None:
            self.counted += 1
            if sent and sent > 0:
                self.input_tokens += sent
            if given and given > 0:
                self.output_tokens += given
        if cost is None:
            self.unpriced += call.unpriced
        elif (usd := cost.usd) is not None:
            self.priced += 1
            self.cost_nano += round(usd * NANO)
            self._example("costly", usd, call)

    def _add_quality(self, call: Call) -> None:
        flags, answer = call.flags, refused(call)
        if answer is not None:
            self.refusable += 1
            self.refused += answer
        if flags is not None:
            self.judged += 1
            for flag in flags:
                self.flags[flag] = self.flags.get(flag, 0) + 1
        if flags or answer:
            self._example("flagged", call.end_ns, call)
        if call.output_chars is not None:
            self.measured += 1
            self.output_chars += call.output_chars
            self.output_chars_squared += call.output_chars**2
        if call.score is not None and 0 <= call.score <= 1:
            self._add_score(round(call.score * MICRO))

    def _add_score(self, micro: int) -> None:
        self.scored += 1
        self.score_micro += micro
        self.score_micro_squared += micro**2

    def _example(self, kind: Example, strength: float, call: Call) -> None:
        best = self.examples.get(kind)
        if best is None or strength > best[0]:
            self.examples[kind] = (strength, call.trace_id)

    def duration(self, q: float) -> float | None:
        """Return in how many seconds a share ``q`` of the calls was done. Where all took the same,
        to 2 %, that is their mean: of one call, and of equal ones, it is exact."""
        if self.timed and self.durations.narrow:
            return self.duration_ns / (NANO * self.timed)
        return self.durations.quantile(q)

    def merge(self, other: Tally) -> None:
        """Add everything that ``other`` has counted."""
        self.combine(other, 1)
        for kind, example in other.examples.items():
            self.examples[kind] = max(example, self.examples.get(kind, example))

    def subtract(self, other: Tally) -> None:
        """Take away ``other``, which was merged into this one before."""
        self.combine(other, -1)

    def combine(
        self, other: Tally, sign: Literal[1, -1], distributions: Iterable[Distribution] = ALL
    ) -> None:
        """Add the sums of ``other`` and these ``distributions``, or with -1 take them away."""
        for name in distributions:
            mine, others = getattr(self, name), getattr(other, name)
            mine.merge(others) if sign == 1 else mine.subtract(others)
        self._combine(other, sign)

    def _combine(self, other: Tally, sign: int) -> None:
        """Written out, as a call of many rules comes by here dozens of times."""
        self.calls += sign * other.calls
        self.errors += sign * other.errors
        self.input_tokens += sign * other.input_tokens
        self.output_tokens += sign * other.output_tokens
        self.counted += sign * other.counted
        self.cost_nano += sign * other.cost_nano
        self.priced += sign * other.priced
        self.unpriced += sign * other.unpriced
        self.timed += sign * other.timed
        self.duration_ns += sign * other.duration_ns
        self.refused += sign * other.refused
        self.refusable += sign * other.refusable
        self.judged += sign * other.judged
        self.output_chars += sign * other.output_chars
        self.output_chars_squared += sign * other.output_chars_squared
        self.measured += sign * other.measured
        self.scored += sign * other.scored
        self.score_micro += sign * other.score_micro
        self.score_micro_squared += sign * other.score_micro_squared
        for flag, times in other.flags.items():
            self.flags[flag] = self.flags.get(flag, 0) + sign * times


NUMBERS = tuple(f.name for f in fields(Tally) if f.type == "int")
"""The names of the sums: all fields up to ``flags``."""
_numbers = attrgetter(*NUMBERS)


def summed(tallies: Sequence[Tally]) -> Tally:
    """Return the sum, to be read only: that of one is itself."""
    if len(tallies) == 1:
        return tallies[0]
    whole = tallies[0].copy()
    for tally in tallies[1:]:
        whole.merge(tally)
    return whole


def refused(call: Call) -> bool | None:
    """Whether the model declined to answer, by finish reason or quality check; ``None`` when
    neither is known."""
    if call.finish_reasons and _say_refused(call.finish_reasons):
        return True
    if call.flags is None:
        return False if call.finish_reasons else None
    return "refusal" in call.flags


@lru_cache(maxsize=1024)
def _say_refused(reasons: tuple[str, ...]) -> bool:
    return any(reason.lower() in _REFUSED for reason in reasons)
