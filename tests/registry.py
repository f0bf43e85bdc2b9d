"""Check emitted telemetry against the registry of the GenAI conventions (``data/``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

from otel_llm.semconv import own
from tests.messages import content_problems

_FACTS = json.loads((Path(__file__).parent / "data/genai-registry.json").read_text())
_ATTRIBUTES: Mapping[str, Any] = _FACTS["attributes"]
_SPANS: Mapping[str, Any] = _FACTS["spans"]
_METRICS: Mapping[str, Any] = {**_FACTS["snapshots"]["pin"]["metrics"], **_FACTS["metrics"]}
_EVENTS: Mapping[str, Any] = _FACTS["events"]
_OURS = {value for value in vars(own).values() if isinstance(value, str)}
_OPENAI_METRICS = set(_FACTS["metric_extra_for_openai"])
_TYPES: Mapping[str, Any] = {
    "string": lambda v: isinstance(v, str),
    "int": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "double": lambda v: isinstance(v, float),
    "boolean": lambda v: isinstance(v, bool),
    "string[]": lambda v: isinstance(v, tuple | list) and all(isinstance(i, str) for i in v),
    "any": lambda v: True,
    "template[string]": lambda v: isinstance(v, str),
}
_CONTENT = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
)


def span_problems(span: ReadableSpan) -> Iterator[str]:
    """Yield what is wrong with a span of ours, by the conventions."""
    attributes = dict(span.attributes or {})
    kind = _kind_of(span, attributes)
    if kind is None:
        yield f"{span.name}: no span of the conventions is {span.kind.name} and has {attributes}"
        return
    allowed = {**_SPANS[kind]["attributes"], **_refined(kind)}
    if "mcp.method.name" in attributes:  # a tool's span stands for that of the client (MCP, spans)
        allowed |= _SPANS["mcp.client"]["attributes"]
    yield from _attribute_problems(span.name, attributes, {*allowed, *_OURS})
    yield from _missing(span.name, attributes, _SPANS[kind]["attributes"])
    yield from _name_problems(span, attributes, _SPANS[kind]["name_format"])
    yield from _status_problems(span, attributes)
    yield from _content_problems(span.name, attributes)
    if span.events:
        yield f"{span.name}: span events are not of these conventions"


def metric_problems(metric: Any) -> Iterator[str]:
    """Yield what is wrong with one exported metric."""
    if metric.name in _OWN_METRICS:
        return
    facts = _METRICS.get(metric.name)
    if facts is None:
        yield f"{metric.name}: no such metric"
        return
    if metric.unit != facts["unit"]:
        yield f"{metric.name}: unit {metric.unit}, not {facts['unit']}"
    allowed = {*facts["attributes"]}
    if metric.name.endswith(("duration", "tokens", "usage")):
        allowed |= _OPENAI_METRICS
    for point in metric.data.data_points:
        attributes = dict(point.attributes)
        yield from _attribute_problems(metric.name, attributes, allowed)
        yield from _missing(metric.name, attributes, facts["attributes"])
        buckets = facts.get("buckets")
        if buckets and list(point.explicit_bounds) != buckets:
            yield f"{metric.name}: buckets {point.explicit_bounds}"
    if facts["instrument"] == "counter" and not getattr(metric.data, "is_monotonic", False):
        yield f"{metric.name}: is no counter"


def event_problems(record: Any) -> Iterator[str]:
    """Yield what is wrong with one event."""
    facts = _EVENTS.get(record.event_name)
    if facts is None:
        yield f"{record.event_name}: no such event"
        return
    attributes = dict(record.attributes or {})
    yield from _attribute_problems(record.event_name, attributes, {*facts["attributes"], *_OURS})
    yield from _missing(record.event_name, attributes, facts["attributes"])
    if not record.span_id:
        yield f"{record.event_name}: belongs to no span"


_OWN_METRICS = {m.name for m in vars(own).values() if hasattr(m, "instrument")}


def _kind_of(span: ReadableSpan, attributes: Mapping[str, Any]) -> str | None:
    operation, kind = attributes.get("gen_ai.operation.name"), span.kind.name.lower()
    for name, facts in _SPANS.items():
        mcp = "mcp.method.name" in attributes and name == f"mcp.{kind}"
        if mcp or (operation in facts["operation_names"] and facts["kind"] == kind):
            return name
    return None


def _refined(kind: str) -> dict[str, Any]:
    refinements = _FACTS["span_refinements"].values()
    return {
        k: v for r in refinements if r["refines"] == kind for k, v in r["changed_or_added"].items()
    }


def _attribute_problems(
    where: str, attributes: Mapping[str, Any], allowed: Iterable[str]
) -> Iterator[str]:
    for given, value in attributes.items():
        name = _template(given) or given
        if name not in allowed:
            yield f"{where}: attribute {given} does not belong here"
        elif name in _ATTRIBUTES and not _right_type(name, value):
            yield f"{where}: {name} is {value!r}, not {_ATTRIBUTES[name]['type']}"


def _template(name: str) -> str | None:
    """Return the template that a name is made by: ``gen_ai.prompt.variable.<name>``."""
    made = [t for t, facts in _ATTRIBUTES.items() if facts["type"].startswith("template")]
    return next((one for one in made if name.startswith(f"{one}.")), None)


def _right_type(name: str, value: Any) -> bool:
    if name in _CONTENT or (name.startswith("gen_ai.tool.call.") and name != "gen_ai.tool.call.id"):
        return True
    return _TYPES[_ATTRIBUTES[name]["type"]](value)


def _missing(where: str, attributes: Mapping[str, Any], levels: Mapping[str, str]) -> Iterator[str]:
    for name, level in levels.items():
        if level.startswith("required") and name not in attributes:
            yield f"{where}: {name} is required"


def _name_problems(span: ReadableSpan, attributes: Mapping[str, Any], form: str) -> Iterator[str]:
    first, _, second = form.partition(" ")
    head = str(attributes.get(first.strip("{}"), first))
    subjects = [attributes.get(part.strip("{} ")) for part in second.split("|")]
    subject = next((s for s in subjects if s is not None), None)
    expected = f"{head} {subject}" if subject is not None else head
    if span.name != expected:
        yield f"{span.name}: should be called {expected}"


def _status_problems(span: ReadableSpan, attributes: Mapping[str, Any]) -> Iterator[str]:
    status = span.status.status_code.name
    if status == "OK" or (status == "ERROR") != ("error.type" in attributes):
        yield f"{span.name}: status {status} with error.type {attributes.get('error.type')}"
    if span.status.description:
        yield f"{span.name}: a status description may hold a provider's message"


def _content_problems(where: str, attributes: Mapping[str, Any]) -> Iterator[str]:
    for name in _CONTENT:
        if name in attributes:
            try:
                content = json.loads(attributes[name])
            except (TypeError, ValueError):
                yield f"{where}: {name} is no JSON"
            else:
                yield from content_problems(name, content)
