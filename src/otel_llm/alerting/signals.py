"""What a rule can look at. The catalogue is closed; each signal says what it means when unknown.

A signal over calls reads one number from a window's ``Tally``: ``None`` where nothing is known,
never a zero made up. A reported signal is what another part of the collector says about itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from otel_llm.config.problem import suggestion
from otel_llm.stats import Tally
from otel_llm.stats.tally import MICRO, NANO, Distribution, Example

from .template import duration, humanize, percentage


@dataclass(frozen=True, slots=True)
class Signal:
    """One number about the calls of a window."""

    read: Callable[[Tally], float | None]
    evidence: Callable[[Tally], int] = lambda tally: tally.calls
    """How many calls the number rests on; compared with a rule's ``min_calls``."""
    unit: str = ""
    show: Callable[[float], str] = humanize
    example: Example = "any"
    distributions: tuple[Distribution, ...] = ()
    """Those that ``read`` looks at."""
    adds_up: bool = False
    """Twice the time holds twice as much: compared with a baseline per length of time."""
    empty: float | None = None
    """What a window without any call says."""


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _tokens(tally: Tally) -> int:
    return tally.input_tokens + tally.output_tokens


def _mean_duration(tally: Tally) -> float | None:
    return tally.duration_ns / NANO / tally.timed if tally.timed else None


def _counted(read: Callable[[Tally], float]) -> Callable[[Tally], float | None]:
    return lambda tally: read(tally) if tally.counted else None


CALL_SIGNALS: Mapping[str, Signal] = {
    "calls": Signal(lambda t: t.calls, adds_up=True, empty=0.0),
    "errors": Signal(lambda t: t.errors, example="failed", adds_up=True, empty=0.0),
    "error_rate": Signal(
        lambda t: _share(t.errors, t.calls), unit="1", show=percentage, example="failed"
    ),
    "cost": Signal(
        lambda t: t.cost_nano / NANO if t.priced else None,
        lambda t: t.priced,
        unit="USD",
        show=lambda value: f"${value:,.2f}",
        example="costly",
        adds_up=True,
    ),
    "mean_cost": Signal(
        lambda t: t.cost_nano / NANO / t.priced if t.priced else None,
        lambda t: t.priced,
        unit="USD",
        show=lambda value: f"${value:,.4f}",
        example="costly",
    ),
    "unpriced_share": Signal(
        lambda t: _share(t.unpriced, t.unpriced + t.priced),
        lambda t: t.unpriced + t.priced,
        unit="1",
        show=percentage,
    ),
    "tokens": Signal(_counted(_tokens), lambda t: t.counted, "tokens", adds_up=True),
    "input_tokens": Signal(
        _counted(lambda t: t.input_tokens), lambda t: t.counted, "tokens", adds_up=True
    ),
    "output_tokens": Signal(
        _counted(lambda t: t.output_tokens), lambda t: t.counted, "tokens", adds_up=True
    ),
    "mean_tokens": Signal(
        lambda t: _share(_tokens(t), t.counted), lambda t: t.counted, "tokens", example="costly"
    ),
    "mean_input_tokens": Signal(
        lambda t: _share(t.input_tokens, t.counted), lambda t: t.counted, "tokens"
    ),
    "mean_output_tokens": Signal(
        lambda t: _share(t.output_tokens, t.counted), lambda t: t.counted, "tokens"
    ),
    "mean_output_chars": Signal(
        lambda t: _share(t.output_chars, t.measured), lambda t: t.measured, "characters"
    ),
    "quality_mean": Signal(
        lambda t: t.score_micro / MICRO / t.scored if t.scored else None,
        lambda t: t.scored,
        unit="1",
        example="flagged",
    ),
    "refusal_rate": Signal(
        lambda t: _share(t.refused, t.refusable),
        lambda t: t.refusable,
        unit="1",
        show=percentage,
        example="flagged",
    ),
    "mean_duration": Signal(
        _mean_duration, lambda t: t.timed, unit="s", show=duration, example="slow"
    ),
}

REPORTED_SIGNALS: Mapping[str, str] = {
    "lost_spans": "spans that this collector accepted and could not keep or deliver",
    "queue_age": "age of the oldest batch waiting for a destination, in seconds",
    "queue_use": "how full the fullest queue is, 0 to 1",
    "suite_pass_rate": "share of a suite's cases that passed when it was last run, 0 to 1",
    "price_table_age": "age of the price table, in seconds",
    "undelivered_notifications": "notifications that no target took",
    "budget_use": "share of a budget that is spent, 1 is all",
    "budget_burn": "speed of spending over the speed that would just last",
    "budget_hourly": "spent in the last hour over an eighth of the daily budget",
    "budget_forecast": "share of the budget that will be spent at the period's end",
    "runaway": "calls, tokens or repeats of one session or trace over their limit",
    "drift": "change against the days before, in units of its limit; only what is no chance",
    "anomaly": "distance of the last hour from what is usual, in standard deviations",
}
"""What other parts report by label set: name and meaning. Labels are the reporter's."""

INCREASING = frozenset({"lost_spans"})
"""Reported as totals since start; a rule sees their increase over its window."""

GROWING = frozenset({"budget_use", "budget_burn", "budget_hourly"})
"""Reported signals of money that was spent: what more was spent only makes them larger."""

_QUANTILE = re.compile(r"(duration|time_to_first_chunk)_p(\d{2}(?:_\d)?)")
_FLAG = re.compile(r"flag_rate\.([a-z][a-z0-9_]*)")


def call_signal(name: str) -> Signal | None:
    """Return the signal over calls called ``name``, if there is one.

    Besides the table: ``duration_pNN`` and ``time_to_first_chunk_pNN`` (``p99_9`` is the 99.9th)
    and ``flag_rate.NAME`` for any quality flag.
    """
    if match := _QUANTILE.fullmatch(name):
        return _quantile(match[1], float(match[2].replace("_", ".")) / 100)
    if match := _FLAG.fullmatch(name):
        return _flag_rate(match[1])
    return CALL_SIGNALS.get(name)


def check_signal(name: str) -> None:
    """Raise ``ValueError`` with what was meant, or the catalogue, for no signal's ``name``."""
    if call_signal(name) is None and name not in REPORTED_SIGNALS:
        patterns = ("duration_pNN", "time_to_first_chunk_pNN", "flag_rate.NAME")
        hint = suggestion(name, (*CALL_SIGNALS, *patterns, *REPORTED_SIGNALS))
        raise ValueError(f"unknown signal {name!r}{hint}")


def _quantile(what: str, q: float) -> Signal:
    if what == "duration":
        return Signal(
            lambda t: t.duration(q),
            lambda t: t.timed,
            unit="s",
            show=duration,
            example="slow",
            distributions=("durations",),
        )
    return Signal(
        lambda t: t.first_chunks.quantile(q),
        lambda t: len(t.first_chunks),
        unit="s",
        show=duration,
        example="slow",
        distributions=("first_chunks",),
    )


def _flag_rate(flag: str) -> Signal:
    return Signal(
        lambda t: _share(t.flags.get(flag, 0), t.judged),
        lambda t: t.judged,
        unit="1",
        show=percentage,
        example="flagged",
    )


def show(signal: str, value: float | None) -> str:
    """Return ``value`` of ``signal`` for people, with its unit."""
    if value is None:
        return "no data"
    found = call_signal(signal)
    return found.show(value) if found else humanize(value)
