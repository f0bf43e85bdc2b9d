"""Logs and metrics, opened for processors: attributes by name, as ``SpanView`` has them.

They are opened only when a processor wants to look, with OTLP's own messages: unlike traces, what
processors want of them is rare. What was not changed goes on as the bytes it came as.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from ..component import Signal
from ..errors import Malformed
from ..wire.any_values import any_value, plain
from .layout import GENAI_PREFIXES

_CODING_AGENTS = ("claude_code.", "codex.", "gemini_cli.")
"""How the names of the events and metrics of coding agents begin."""
_PREFIXES = (*GENAI_PREFIXES, *_CODING_AGENTS)
_NEEDLES = tuple(prefix.encode() for prefix in _PREFIXES)


class Attributes:
    """The attributes of one message, to be read and changed. Of a name sent twice the last one
    counts. What is written is in the message once that is settled."""

    __slots__ = ("_came", "_changed", "_pairs", "_written")

    def __init__(self, pairs: Any, changed: Callable[[], None]) -> None:
        """``changed`` is told of every change."""
        self._pairs = pairs
        self._changed = changed
        self._came: dict[str, AnyValue] | None = None
        self._written: dict[str, AnyValue | None] = {}

    def _sent(self) -> Mapping[str, AnyValue]:
        """What is in the message, by name: looked through once, as there may be very much."""
        if self._came is None:
            self._came = {pair.key: pair.value for pair in self._pairs}
        return self._came

    def names(self) -> Iterable[str]:
        """See ``Attributed``."""
        sent = [name for name in self._sent() if name not in self._written]
        return sent + [name for name, value in self._written.items() if value is not None]

    def has(self, name: str) -> bool:
        """See ``Attributed``."""
        return self._found(name) is not None

    def _found(self, name: str) -> AnyValue | None:
        return self._written[name] if name in self._written else self._sent().get(name)

    def value(self, name: str) -> object | None:
        """See ``Attributed``."""
        found = self._found(name)
        return None if found is None else plain(found)

    def text(self, name: str) -> str | None:
        """Return a string attribute."""
        value = self.value(name)
        return value if isinstance(value, str) else None

    def set(self, name: str, value: Any) -> None:
        """See ``Attributed``; maps and lists keep their structure."""
        self._write(name, any_value(value))

    def remove(self, name: str) -> None:
        """See ``Attributed``."""
        if self.has(name):
            self._write(name, None)

    def _write(self, name: str, value: AnyValue | None) -> None:
        self._written.pop(name, None)
        self._written[name] = value
        self._changed()

    def settle(self) -> None:
        """Put what was written into the message."""
        written, self._written = self._written, {}
        if written:
            _keep(self._pairs, lambda pair: pair.key not in written)
            said = written.items()
            self._pairs.extend([KeyValue(key=n, value=v) for n, v in said if v is not None])
            self._came = None

    def lost(self) -> Collection[str]:
        """See ``Item``."""
        self.settle()
        times = Counter([pair.key for pair in self._pairs])
        hidden = {p.key for p in self._pairs if any_value(plain(p.value)) != p.value}
        return hidden | {name for name, count in times.items() if count > 1}

    def rewrite(self, change: Callable[[str, object], object | None]) -> None:
        """Replace every value by what ``change`` makes of it; ``None`` takes it out."""
        self.settle()
        self._came = None
        for nth in range(len(self._pairs) - 1, -1, -1):
            pair = self._pairs[nth]
            kept = any_value(change(pair.key, plain(pair.value)))
            if kept.WhichOneof("value") is None:
                del self._pairs[nth]
            elif kept != pair.value:
                pair.value.CopyFrom(kept)
            else:
                continue
            self._changed()


class Record(Attributes):
    """A log record or a data point, and where it is."""

    __slots__ = ("_resource", "container", "dropped", "index", "message", "name")

    def __init__(
        self,
        name: str,
        container: Any,
        index: int,
        resource: Attributes,
        changed: Callable[[], None],
    ) -> None:
        self.message = container[index]
        super().__init__(self.message.attributes, changed)
        self.name = name
        """Of the event, or of the metric."""
        self.container, self.index = container, index
        self._resource = resource
        self.dropped = False

    @property
    def trace_id(self) -> str:
        """See ``Item``."""
        return getattr(self.message, "trace_id", b"").hex()

    @property
    def span_id(self) -> str:
        """See ``Item``."""
        return getattr(self.message, "span_id", b"").hex()

    def resource_text(self, name: str) -> str | None:
        """See ``Item``."""
        return self._resource.text(name)

    def resource_value(self, name: str) -> object | None:
        """See ``Item``."""
        return self._resource.value(name)

    def rewrite_rest(self, change: Callable[[str, object], object | None]) -> None:
        """See ``Item``: the ``body`` of a log record, the attributes of a point's exemplars."""
        message = self.message
        for exemplar in getattr(message, "exemplars", ()):
            Attributes(exemplar.filtered_attributes, self._changed).rewrite(change)
        if "body" in message.DESCRIPTOR.fields_by_name and message.HasField("body"):
            kept = any_value(change("body", plain(message.body)))
            if kept != message.body:
                message.body.CopyFrom(kept)
                self._changed()


class Records:
    """One export request of logs or metrics. Not thread-safe: whoever processes it owns it."""

    def __init__(self, signal: Signal, payload: bytes) -> None:
        self.signal: Signal = signal
        self.dropped = 0
        """How many records or points were taken out."""
        self._payload = payload
        self._request: Any = None
        self._records: list[Record] = []
        self._resources: list[Attributes] = []
        self._scopes: list[Attributes] = []
        self._touched = False

    def spans(self) -> Sequence[Record]:
        """Return every log record or data point, as ``Batch.spans`` does spans. Raises
        ``Malformed`` when the request cannot be read."""
        self._open()
        return [record for record in self._records if not record.dropped]

    def genai(self) -> Sequence[Record]:
        """Return those with GenAI names. Cheap when there are none; raises as ``spans``."""
        if not any(needle in self._payload for needle in _NEEDLES):
            return ()
        return [record for record in self.spans() if _is_genai(record)]

    def resources(self) -> Sequence[Attributes]:
        """Return the resources that sent it. Raises as ``spans``."""
        self._open()
        return self._resources

    def scopes(self) -> Sequence[Attributes]:
        """Return the scopes that sent it. Raises as ``spans``."""
        self._open()
        return self._scopes

    def drop(self, records: Iterable[Record]) -> None:
        """Take some out: nobody sees them any more."""
        for record in records:
            if not record.dropped:
                record.dropped = self._touched = True
                self.dropped += 1

    def to_bytes(self) -> bytes:
        """Return the request as it now is; the payload itself when nothing changed."""
        if not self._touched:
            return self._payload
        for attributes in (*self._resources, *self._scopes, *self._records):
            attributes.settle()
        for record in sorted((r for r in self._records if r.dropped), key=lambda r: -r.index):
            del record.container[record.index]
        if self.dropped:
            _prune(self.signal, self._request)
        return cast("Message", self._request).SerializeToString()

    def _open(self) -> Any:
        if self._request is None:
            kind = ExportLogsServiceRequest if self.signal == "logs" else _METRICS
            try:
                self._request = kind.FromString(self._payload)
            except DecodeError:
                raise Malformed(f"the body is no OTLP {self.signal} request") from None
            groups = _groups(self.signal, self._request)
            self._resources = [Attributes(g.resource.attributes, self._touch) for g in groups]
            scopes = [scope for group in groups for scope in _scopes(self.signal, group)]
            self._scopes = [Attributes(s.scope.attributes, self._touch) for s in scopes]
            for group, resource in zip(groups, self._resources, strict=True):
                self._records += _RECORDS[self.signal](group, resource, self._touch)
        return self._request

    def _touch(self) -> None:
        self._touched = True


_METRICS = ExportMetricsServiceRequest


def _log_records(group: Any, resource: Attributes, changed: Callable[[], None]) -> Iterator[Record]:
    for scope in group.scope_logs:
        for nth, record in enumerate(scope.log_records):
            name = record.event_name or _event_name(record)
            yield Record(name, scope.log_records, nth, resource, changed)


def _event_name(record: Any) -> str:
    """What records carried before they had a field for it."""
    names = [p.value.string_value for p in record.attributes if p.key == "event.name"]
    return names[-1] if names else ""


def _data_points(group: Any, resource: Attributes, changed: Callable[[], None]) -> Iterator[Record]:
    for scope in group.scope_metrics:
        for metric in scope.metrics:
            points = _points(metric)
            for nth in range(len(points)):
                yield Record(metric.name, points, nth, resource, changed)


_RECORDS: Mapping[Signal, Callable[[Any, Attributes, Callable[[], None]], Iterator[Record]]] = {
    "logs": _log_records,
    "metrics": _data_points,
}


def _points(metric: Any) -> Any:
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()


def _groups(signal: Signal, request: Any) -> Any:
    return request.resource_logs if signal == "logs" else request.resource_metrics


def _scopes(signal: Signal, group: Any) -> Any:
    return group.scope_logs if signal == "logs" else group.scope_metrics


def _prune(signal: Signal, request: Any) -> None:
    """Take out what is empty now."""
    groups = _groups(signal, request)
    for group in groups:
        scopes = _scopes(signal, group)
        for scope in scopes:
            if signal == "metrics":
                _keep(scope.metrics, lambda metric: len(_points(metric)) > 0)
        _keep(scopes, lambda scope: len(scope.log_records if signal == "logs" else scope.metrics))
    _keep(groups, lambda group: len(_scopes(signal, group)))


def _keep(items: Any, wanted: Callable[[Any], object]) -> None:
    for nth in range(len(items) - 1, -1, -1):
        if not wanted(items[nth]):
            del items[nth]


def _is_genai(record: Record) -> bool:
    return (
        record.name.startswith(_PREFIXES)
        or any(name.startswith(GENAI_PREFIXES) for name in record.names())
        or _body(record).startswith(_CODING_AGENTS)
    )


def _body(record: Record) -> str:
    """Return the body of a log record that is text: Claude Code says there which event it is."""
    body = getattr(record.message, "body", None)
    return "" if body is None else body.string_value
