"""The same rules for Prometheus or Mimir, over what this collector shows under ``/metrics``.

For every rule a recording rule holds the signal's value and an alerting rule compares it. A rule
that looks at what ``/metrics`` does not tell apart (users, teams, tags) cannot be exported; it is
named with the reason. Differences that remain: percentiles are only as fine as the histogram's
buckets, a threshold close to the end of one is taken for it, ``increase`` extrapolates to the
window's edges and does not see a series' first sample, and a cooldown has no counterpart.
``keep_firing_for`` needs Prometheus 2.42.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from otel_llm.genai.call import BILLED_OPERATIONS
from otel_llm.semconv.metrics import SECONDS_BUCKETS
from otel_llm.stats.matching import exactly, to_regex

from .rule import Rule

LABELS = frozenset({"service", "provider", "model", "operation"})
"""What ``/metrics`` tells apart."""

_OPERATORS = {"gt": ">", "lt": "<", "eq": "==", "ne": "!="}
_QUANTILE = re.compile(r"(duration|time_to_first_chunk)_p(\d{2}(?:_\d)?)")
_HISTOGRAMS = {
    "duration": "otel_llm_call_duration_seconds",
    "time_to_first_chunk": "otel_llm_time_to_first_chunk_seconds",
}
_PLAIN = re.compile(r"\{\{\s*\$value\s*\}\}")
_HUMANIZED = re.compile(r"\{\{\s*\$value\s*\|\s*humanize\s*\}\}")
_SMALL = (
    '{{ if lt $value 1.0 }}{{ $value | printf "%.4g" }}{{ else }}{{ $value | humanize }}{{ end }}'
)
_TOKENS = {"tokens": "input|output", "input_tokens": "input", "output_tokens": "output"}


GAUGES: Mapping[str, str] = {
    "budget_use": "otel_llm_budget_use_ratio",
    "budget_hourly": "otel_llm_budget_hourly_ratio",
    "budget_burn": "otel_llm_budget_burn_ratio",
    "budget_forecast": "otel_llm_budget_forecast_ratio",
    "queue_age": "otel_llm_exporter_queue_oldest_seconds",
    "undelivered_notifications": "otel_llm_notifications_undelivered",
    "price_table_age": "otel_llm_price_table_age_seconds",
}
"""Reported signals that ``/metrics`` shows as they are, label by label."""
_TOTALS: Mapping[str, str] = {
    "lost_spans": "otelcol_exporter_send_failed_(spans|metric_points|log_records)_total"
}
"""Reported signals that are the growth of counters, whose names match."""


_REPORTED = GAUGES.keys() | _TOTALS.keys()

_NEAR = 0.05
"""Thresholds so close to a bucket's bound, relatively, are taken for it."""
_LOOKS = 96
"""A baseline is looked at so many times, to know how much of it there was."""


class NotExportable(ValueError):
    """Prometheus cannot say the same; the message says why."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A rule file's text, and the rules that are not in it, by name, with the reason."""

    text: str
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])


def export(rules: Iterable[Rule], *, runbook_url: str | None = None) -> Exported:
    """Return a rule file that ``promtool check rules`` accepts.

    ``runbook_url``, with ``{rule}`` filled in, is that of rules without their own.
    """
    written: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for rule in rules:
        try:
            written += _rules(rule, runbook_url)
        except NotExportable as why:
            left_out[rule.name] = str(why)
    group = {"name": "otel-llm", "interval": "15s", "rules": written}
    notes = "".join(f"# Not exported: {name}: {why}\n" for name, why in left_out.items())
    body = yaml.safe_dump({"groups": [group]}, sort_keys=False, allow_unicode=True, width=1000)
    return Exported(notes + body, left_out)


def _rules(rule: Rule, runbook_url: str | None) -> list[dict[str, Any]]:
    _check(rule)
    recorded = f"otel_llm:{rule.name}"
    record = {"record": recorded, "expr": value(rule)}
    alert: dict[str, Any] = {"alert": rule.name, "expr": _condition(rule, recorded)}
    if rule.for_:
        alert["for"] = _duration(rule.for_)
    if rule.keep_firing:
        alert["keep_firing_for"] = _duration(rule.keep_firing)
    labels = {name: _literal(value) for name, value in rule.labels.items()}
    alert["labels"] = {**labels, "severity": rule.severity}
    words = {name: _words(rule, text) for name, text in rule.annotations.items()}
    if runbook_url:
        words.setdefault("runbook_url", runbook_url.replace("{rule}", rule.name))
    if words:
        alert["annotations"] = words
    return [record, alert]


def _words(rule: Rule, text: str) -> str:
    """Return a text that reads as ours: Prometheus writes 0.3 as ``300m``, and every digit."""
    text = _PLAIN.sub('{{ $value | printf "%.6g" }}', text)
    least = rule.threshold if rule.resolve_threshold is None else rule.resolve_threshold
    return text if rule.condition == "gt" and least >= 1 else _HUMANIZED.sub(_SMALL, text)


def _literal(text: str) -> str:
    """Return a label's value for where values are templates; here they are not."""
    return text.replace("{{", '{{ "{{" }}')


def _check(rule: Rule) -> None:
    unknown = sorted({*rule.filters, *rule.group_by} - LABELS)
    if unknown and rule.signal not in _REPORTED:
        raise NotExportable(f"/metrics does not tell apart {', '.join(unknown)}")
    if not _model_calls(rule):
        raise NotExportable("/metrics counts model calls alone")
    if rule.no_data == "keep":
        raise NotExportable("no_data: keep has no counterpart")
    if rule.no_data == "alert" and rule.group_by:
        raise NotExportable("no_data: alert of groups has no counterpart")
    if rule.cooldown:
        raise NotExportable("cooldown has no counterpart")


def _model_calls(rule: Rule) -> bool:
    """Whether the rule is about model calls: tools and agents are not in ``/metrics``."""
    if "operation" not in (*rule.filters, *rule.group_by):
        return True
    named = exactly(rule.filters.get("operation", "*"))
    return named is not None and set(named) <= BILLED_OPERATIONS


def _condition(rule: Rule, recorded: str) -> str:
    """Return the alert's expression over the recorded value."""
    operator = _OPERATORS[rule.condition]
    known = "".join(f" and {_on(rule)}{evidence}" for evidence in _evidences(rule))
    condition = f"{recorded} {operator} {_limit(rule, rule.threshold)}{known}"
    if rule.resolve_threshold is not None:
        still = f'ALERTS{{alertname="{rule.name}",alertstate="firing"}}'
        on = f"on ({', '.join(rule.group_by)}) " if rule.group_by else "on () "
        lax = f"{recorded} {operator} {_limit(rule, rule.resolve_threshold)}{known}"
        condition = f"({condition}) or (({lax}) and {on}{still})"
    if rule.no_data == "alert" and not _counts(rule):
        missing = recorded if rule.signal in _REPORTED else _known(rule)
        condition = f"({condition}) or absent({missing})"
    return condition


def _limit(rule: Rule, threshold: float) -> str:
    """Return what is compared with. Within a bucket Prometheus can only guess: what is close to
    a bound is meant to be it, or 6 s would be more than 10 s in the bucket that ends at 10.24."""
    if rule.baseline is None and _QUANTILE.fullmatch(rule.signal):
        near = (bound for bound in SECONDS_BUCKETS if abs(bound - threshold) < _NEAR * bound)
        threshold = next(near, threshold)
    return _number(threshold)


def _on(rule: Rule) -> str:
    return f"on ({', '.join(rule.group_by)}) " if rule.group_by else ""


def _evidences(rule: Rule) -> Iterator[str]:
    """Yield what must be there for the value to count."""
    if _may_be_unknown(rule):
        yield _known(rule)
    if rule.baseline is not None:
        yield f"{_seen(rule, rule.baseline)} >= {_LOOKS // 2}"
        if rule.min_calls > 1:
            yield _known(rule, _before(rule), _duration(rule.baseline))


def _known(rule: Rule, offset: str = "", over: str = "") -> str:
    """Return what is there while enough calls are; half a call allows for extrapolation."""
    least = max(rule.min_calls, 1) - 0.5
    return f"{_increase(_evidence(rule.signal), rule, offset, over)} > {_number(least)}"


def _before(rule: Rule) -> str:
    return f" offset {_duration(rule.window)}"


def _seen(rule: Rule, baseline: float) -> str:
    """Return for how much of the baseline there are calls known, from the first one on."""
    calls = f"{_sum(rule)} ({_series(_evidence(rule.signal), rule)})"
    step = _duration(baseline / _LOOKS)
    return f"count_over_time(({calls})[{_duration(baseline)}:{step}]{_before(rule)})"


def _may_be_unknown(rule: Rule) -> bool:
    """Whether Prometheus may take for a value what rests on too few calls: sums are zero there
    without any, and what is divided by zero is unequal to everything."""
    if rule.signal in _REPORTED or _counts(rule):
        return False
    at_zero = rule.signal in _SUMS and (rule.breaks(0.0) or rule.breaks(0.0, firing=True))
    return rule.min_calls > 1 or at_zero or rule.condition == "ne"


def _counts(rule: Rule) -> bool:
    """Whether no calls are known to be none."""
    return rule.signal in ("calls", "errors") and not rule.group_by and rule.min_calls <= 1


def value(rule: Rule) -> str:
    """Return the PromQL for the rule's value. Raises ``NotExportable``."""
    now = _signal(rule, "")
    if rule.baseline is None:
        return now
    factor = f"({now}) / (({_signal(rule, _before(rule), _duration(rule.baseline))}) > 0)"
    if rule.signal not in _SUMS:
        return factor
    look = rule.baseline / rule.window / _LOOKS
    return f"{factor} * {_seen(rule, rule.baseline)} * {_number(look)}"


_SUMS: Mapping[str, tuple[str, str]] = {
    "calls": ("otel_llm_calls_total", ""),
    "errors": ("otel_llm_errors_total", ""),
    "cost": ("otel_llm_cost_usd_total", ""),
    **{name: ("otel_llm_tokens_total", kinds) for name, kinds in _TOKENS.items()},
}
_SHARES: Mapping[str, tuple[str, str]] = {
    "error_rate": ("otel_llm_errors_total", "otel_llm_calls_total"),
    "mean_cost": ("otel_llm_cost_usd_total", "otel_llm_priced_calls_total"),
    "refusal_rate": ("otel_llm_refused_calls_total", "otel_llm_refusable_calls_total"),
    "mean_duration": (
        "otel_llm_call_duration_seconds_sum",
        "otel_llm_call_duration_seconds_count",
    ),
    "quality_mean": ("otel_llm_quality_score_sum", "otel_llm_quality_score_count"),
}


def _signal(rule: Rule, offset: str, over: str = "") -> str:
    name = rule.signal
    if name in GAUGES:
        return _series(GAUGES[name], rule)
    if name in _TOTALS:
        named = f'__name__=~"{_TOTALS[name]}"'
        return f"increase({_series('', rule, [named])}[{_duration(rule.window)}])"
    if match := _QUANTILE.fullmatch(name):
        buckets = _increase(f"{_HISTOGRAMS[match[1]]}_bucket", rule, offset, over, by=("le",))
        return f"histogram_quantile({float(match[2].replace('_', '.')) / 100:g}, {buckets})"
    if name in _SUMS:
        metric, kinds = _SUMS[name]
        total = _increase(metric, rule, offset, over, kinds)
        return f"{total} or vector(0)" if _counts(rule) else total
    if name == "unpriced_share":
        part = _increase("otel_llm_unpriced_calls_total", rule, offset, over)
        return f"{part} / ({part} + {_increase('otel_llm_priced_calls_total', rule, offset, over)})"
    if name in _SHARES:
        part, whole = (_increase(m, rule, offset, over) for m in _SHARES[name])
        return f"({part} or {whole} * 0) / {whole}"
    if name.startswith("mean_") and name.removeprefix("mean_") in _TOKENS:
        kinds = _TOKENS[name.removeprefix("mean_")]
        part = _increase("otel_llm_tokens_total", rule, offset, over, kinds)
        return f"{part} / {_increase('otel_llm_counted_calls_total', rule, offset, over)}"
    if name.startswith("flag_rate."):
        flag = f'flag="{name.removeprefix("flag_rate.")}"'
        part = _increase("otel_llm_flags_total", rule, offset, over, more=flag)
        whole = _increase("otel_llm_judged_calls_total", rule, offset, over)
        return f"({part} or {whole} * 0) / {whole}"
    raise NotExportable(f"/metrics does not show {name}")


def _evidence(signal: str) -> str:
    """Return the metric that counts the calls a signal rests on."""
    if match := _QUANTILE.fullmatch(signal):
        return f"{_HISTOGRAMS[match[1]]}_count"
    if "tokens" in signal:
        return "otel_llm_counted_calls_total"
    if signal in ("cost", "mean_cost"):
        return "otel_llm_priced_calls_total"
    if signal == "refusal_rate":
        return "otel_llm_refusable_calls_total"
    if signal == "quality_mean":
        return "otel_llm_quality_score_count"
    if signal.startswith("flag_rate."):
        return "otel_llm_judged_calls_total"
    return "otel_llm_calls_total"


def _increase(
    metric: str,
    rule: Rule,
    offset: str = "",
    over: str = "",
    kinds: str = "",
    *,
    more: str = "",
    by: tuple[str, ...] = (),
) -> str:
    """Return the growth of ``metric`` over the window, summed up by the rule's groups."""
    type_is = [f'type=~"{kinds}"' if "|" in kinds else f'type="{kinds}"'] if kinds else []
    series = _series(metric, rule, [*type_is, *([more] if more else [])])
    return f"{_sum(rule, by)} (increase({series}[{over or _duration(rule.window)}]{offset}))"


def _sum(rule: Rule, by: tuple[str, ...] = ()) -> str:
    groups = (*rule.group_by, *by)
    return f"sum by ({', '.join(groups)})" if groups else "sum"


def _series(metric: str, rule: Rule, more: Sequence[str] = ()) -> str:
    """Return the selector of ``metric`` with the rule's filters."""
    matchers = [
        _matcher(_shown_as(n, rule), pattern) for n, pattern in sorted(rule.filters.items())
    ]
    chosen = ",".join([*matchers, *more])
    return f"{metric}{{{chosen}}}" if chosen else metric


def _shown_as(label: str, rule: Rule) -> str:
    """Return what ``/metrics`` calls a label, as the OpenTelemetry Collector does."""
    of_destinations = rule.signal in ("lost_spans", "queue_age")
    return "data_type" if of_destinations and label == "signal" else label


def _matcher(name: str, pattern: str) -> str:
    operator, regex = to_regex(pattern)
    return f"{name}{operator}{json.dumps(regex, ensure_ascii=False)}"  # PromQL's escapes are these


def _number(value: float) -> str:
    return f"{value:.12g}"


def _duration(seconds: float) -> str:
    """Return Prometheus' spelling: ``1h30m``, ``500ms``."""
    rest = round(seconds * 1000)
    text = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
