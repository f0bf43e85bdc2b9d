"""What is around model calls: a workflow, an agent, a tool, a retrieval, a plan.

An ``Activity`` is to them what an ``Operation`` is to a model call: one span, one end, metrics.
It has no mark: model calls inside are calls of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from time import perf_counter_ns, time_ns
from typing import Any, Final

from opentelemetry.context import Context, get_current
from opentelemetry.trace import SpanKind, StatusCode

from otel_llm import semconv
from otel_llm.semconv import metrics
from otel_llm.semconv.metrics import Metric

from .attributes import Attributes, plain
from .guard import guarded
from .operation import forks, type_name
from .said import said
from .suppression import LAYERS, unmarked
from .telemetry import Telemetry
from .watching import Finished, tell, watched_by, watchers


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of activity, as the conventions have it."""

    operation: str
    subject: str
    """The attribute that names it, in the span's name too."""
    span: SpanKind = SpanKind.INTERNAL
    pin: Metric | None = None
    head: Metric | None = None
    """Its duration, by the names of August and of October 2026."""
    measured: tuple[str, ...] = ()
    """Attributes that its metrics carry."""


WORKFLOW: Final = Kind(
    "invoke_workflow",
    semconv.WORKFLOW_NAME,
    pin=metrics.WORKFLOW_DURATION,
    head=metrics.INVOKE_WORKFLOW_DURATION,
    measured=(semconv.WORKFLOW_NAME,),
)
AGENT: Final = Kind(
    "invoke_agent",
    semconv.AGENT_NAME,
    pin=metrics.INVOKE_AGENT_DURATION,
    head=metrics.INVOKE_AGENT_DURATION,
    measured=(semconv.AGENT_NAME, semconv.REQUEST_MODEL),
)
TOOL: Final = Kind(
    "execute_tool",
    semconv.TOOL_NAME,
    pin=metrics.EXECUTE_TOOL_DURATION,
    head=metrics.EXECUTE_TOOL_DURATION,
    measured=(semconv.AGENT_NAME, semconv.TOOL_NAME, semconv.TOOL_TYPE),
)
RETRIEVAL: Final = Kind(
    "retrieval",
    semconv.DATA_SOURCE_ID,
    span=SpanKind.CLIENT,
    pin=metrics.CLIENT_OPERATION_DURATION,
    head=metrics.CLIENT_OPERATION_DURATION,
    measured=(semconv.OPERATION_NAME, semconv.PROVIDER_NAME, semconv.REQUEST_MODEL),
)
PLAN: Final = Kind("plan", semconv.AGENT_NAME)


class AgentRun:
    """Counts what one agent does itself; an agent inside it counts for itself."""

    __slots__ = ("inferences", "name", "tools")

    def __init__(self, name: str | None) -> None:
        self.name = name
        self.inferences: list[None] = []  # appended to from any thread; a number would need a lock
        self.tools: list[None] = []

    def ended(self, finished: Finished) -> None:
        """Count a model call or a tool."""
        if LAYERS.get(finished.operation) == "inference":
            self.inferences.append(None)
        elif finished.operation == TOOL.operation:
            self.tools.append(None)


class Activity:
    """A running activity. ``end`` may be called any number of times; the first one wins."""

    __slots__ = (
        "_attributes",
        "_ended",
        "_forks",
        "_kind",
        "_outer",
        "_started_ns",
        "_telemetry",
        "_ticks",
        "agent",
        "context",
        "span",
    )  # fmt: skip

    def __init__(self, telemetry: Telemetry, kind: Kind, attributes: Mapping[str, Any]) -> None:
        self._telemetry = telemetry
        self._kind = kind
        self._outer = outer = get_current()
        self._attributes = self._known(attributes)
        subject = self._attributes.get(kind.subject)
        known = {**said(outer, kind.operation, telemetry.settings.baggage), **self._attributes}
        self._started_ns, self._ticks = time_ns(), perf_counter_ns()
        self.span = telemetry.tracer.start_span(
            f"{kind.operation} {subject}" if subject is not None else kind.operation,
            kind=kind.span,
            attributes=known,
            start_time=self._started_ns,
        )
        self._ended = Lock()
        self._forks = forks()
        self.agent = AgentRun(str(subject) if subject else None) if kind is AGENT else None
        self.context = self._inside(outer)

    @property
    def operation(self) -> str:
        """Value of ``gen_ai.operation.name``."""
        return self._kind.operation

    @property
    def over(self) -> Lock:
        """Locked as soon as it has ended; for a mark that dies with it."""
        return self._ended

    @property
    def captures(self) -> bool:
        """Whether content is wanted on its span."""
        return self._telemetry.content_on_span and self.span.is_recording()

    def put(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes that were not known at the start; ``None`` and odd values are left out."""
        found = {name: plain(value) for name, value in attributes.items()}
        known = {name: value for name, value in found.items() if value is not None}
        self._attributes.update(known)
        self.span.set_attributes(known)

    def put_content(self, name: str, value: Any) -> None:
        """Set what was said or done, a text as it is or else JSON, if spans carry content."""
        if value is not None and self.captures:
            with guarded("capturing content of an activity"):
                self.span.set_attribute(name, self._telemetry.privacy.kept_value(value))

    def end(self, error: BaseException | str | None = None) -> None:
        """End it, as an error if there is one. The exception itself stays with its raiser.

        A string is ``error.type`` itself, where no exception tells it.
        """
        if not self._ended.acquire(blocking=False) or self._forks != forks():
            return  # ended already, or the affair of the parent process that started it
        duration_ns = perf_counter_ns() - self._ticks
        error_type = type_name(error) if isinstance(error, BaseException) else error
        with guarded("ending an activity"):
            if error_type is not None:
                self.span.set_attribute(semconv.ERROR_TYPE, error_type)
                self.span.set_status(StatusCode.ERROR)
            self.span.end(self._started_ns + duration_ns)
        with guarded("measuring an activity"):
            self._measure(duration_ns / 1e9, error_type)

    def _known(self, attributes: Mapping[str, Any]) -> Attributes:
        found = {name: plain(value) for name, value in attributes.items()}
        known: Attributes = {semconv.OPERATION_NAME: self._kind.operation}
        known.update({name: value for name, value in found.items() if value is not None})
        agent = _agent(self._outer)
        if self._kind in (TOOL, PLAN) and agent is not None and agent.name is not None:
            known.setdefault(semconv.AGENT_NAME, agent.name)
        return known

    def _inside(self, outer: Context) -> Context:
        inside = unmarked(outer, self.span)
        if self.agent is None:
            return inside
        others = [watcher for watcher in watchers(outer) if not isinstance(watcher, AgentRun)]
        return watched_by(inside, *others, self.agent)

    def _measure(self, duration_s: float, error_type: str | None) -> None:
        attributes = {n: self._attributes[n] for n in self._kind.measured if n in self._attributes}
        failed = {} if error_type is None else {semconv.ERROR_TYPE: error_type}
        for duration in self._telemetry.durations(pin=self._kind.pin, head=self._kind.head):
            duration.record(duration_s, {**attributes, **failed}, self.context)
        if self.agent is not None:
            self._count(self.agent)
        finished = Finished(self._kind.operation, self._attributes, duration_s, error_type)
        tell(self._outer, finished)

    def _count(self, agent: AgentRun) -> None:
        named = {} if agent.name is None else {semconv.AGENT_NAME: agent.name}
        for metric, counted in (
            (metrics.INVOKE_AGENT_INFERENCE_CALLS, agent.inferences),
            (metrics.INVOKE_AGENT_TOOL_CALLS, agent.tools),
        ):
            self._telemetry.histogram(metric).record(len(counted), named, self.context)


def _agent(context: Context) -> AgentRun | None:
    return next((w for w in reversed(watchers(context)) if isinstance(w, AgentRun)), None)


__all__ = ["AGENT", "PLAN", "RETRIEVAL", "TOOL", "WORKFLOW", "Activity", "AgentRun", "Kind"]
