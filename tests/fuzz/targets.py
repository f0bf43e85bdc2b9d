"""The decoders, each with the only errors it may raise and what must hold of what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_llm.collector.component import Signal
from otel_llm.collector.data import Batch
from otel_llm.collector.errors import DeliveryError, Malformed, TooLarge
from otel_llm.collector.intake.access import Access
from otel_llm.collector.intake.admission import Admission
from otel_llm.collector.intake.bodies import DECODERS, of_message
from otel_llm.collector.intake.config import LimitsConfig
from otel_llm.collector.intake.json_request import request_from_json
from otel_llm.collector.intake.nesting import is_deep
from otel_llm.collector.journal.cursor import position
from otel_llm.collector.journal.segments import records
from otel_llm.collector.pipeline import RecordPipeline, TracePipeline
from otel_llm.collector.processors.cost import CostProcessor
from otel_llm.collector.processors.normalize import NormalizeProcessor
from otel_llm.collector.processors.quality import QualityProcessor
from otel_llm.collector.processors.redact import RedactProcessor
from otel_llm.collector.sending.destination import check_answer
from otel_llm.collector.wire.envelope import count, halve
from otel_llm.collector.wire.otlp_json import from_json, to_json
from otel_llm.collector.wire.pieces import in_pieces
from otel_llm.collector.wire.slim import FrameMessage, NotProtobuf, parse_frame
from otel_llm.collector.wire.values import decode

Target = Callable[[bytes], object]
"""Takes any bytes. An exception is a finding."""

SIGNALS: Mapping[Signal, type] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
LIMIT = 2**20
ADMISSION = Admission(LimitsConfig(max_items=1000, max_attributes=100))
STRICT = Admission(LimitsConfig(strict=True))


def _unpack(encoding: str, data: bytes) -> None:
    with suppress(Malformed, TooLarge):
        assert encoding == "identity" or len(DECODERS[encoding](data, LIMIT)) <= LIMIT


def _message(data: bytes) -> None:
    with suppress(Malformed, TooLarge):
        of_message(data, LIMIT)


def _json(signal: Signal, data: bytes) -> None:
    with suppress(Malformed, TooLarge):
        SIGNALS[signal].FromString(request_from_json(signal, data, 10_000))


def _admit(signal: Signal, data: bytes) -> None:
    with suppress(Malformed, TooLarge):
        taken, rejected = ADMISSION.admit(signal, data)
        assert ADMISSION.admit(signal, taken) == (taken, None)
        if rejected:
            assert count(signal, rejected.payload) == rejected.count
            to_json(signal, rejected.payload)


def _strict(signal: Signal, data: bytes) -> None:
    with suppress(Malformed, TooLarge):
        taken, _ = STRICT.admit(signal, data)
        SIGNALS[signal].FromString(taken)


def _spans(data: bytes) -> None:
    with suppress(Malformed):
        batch = Batch.open(data)
        for span in batch.spans():
            for name in list(span.names()):
                span.value(name)
            span.set("otel_llm.fuzz", "seen")
        for view in Batch.open(batch.to_bytes()).spans():
            assert view.text("otel_llm.fuzz") == "seen"


@cache
def _pipeline() -> TracePipeline:
    processors = {
        "normalize": NormalizeProcessor(),
        "cost": CostProcessor(),
        "quality": QualityProcessor(),
        "redact": RedactProcessor(),
    }
    return TracePipeline(processors, {}, lambda signal, payload: None)


def _process(data: bytes) -> None:
    pipeline = _pipeline()
    with suppress(Malformed):
        pipeline.consume(data)
    for name in ("normalize", "cost", "quality", "redact"):
        failed = pipeline.counters.get("otel_llm_processor_failures", component=name)
        assert not failed, f"{name} raised; its log line says where"


def _records(signal: Signal, data: bytes) -> None:
    with suppress(Malformed):
        RecordPipeline(signal, {}, lambda signal, payload: None).consume(data)
        if signal == "logs":
            _apart(data)


@cache
def _of_logs() -> RecordPipeline:
    processors = {"normalize": NormalizeProcessor(), "redact": RedactProcessor()}
    return RecordPipeline("logs", processors, lambda signal, payload: None)


def _apart(data: bytes) -> None:
    pipeline = _of_logs()
    with suppress(Malformed):  # redact lets nothing pass that cannot be read
        pipeline.consume(data)
    failed = pipeline.counters.get("otel_llm_processor_failures", component="normalize")
    assert not failed, "normalize raised; its log line says where"


def _label(data: bytes) -> None:
    with suppress(Malformed):
        labelled = Access(None, None).labelled(data, "team")
        assert Access(None, None).labelled(labelled, "team") == labelled


def _halve(data: bytes) -> None:
    with suppress(Malformed):
        halve(data)


def _pieces(data: bytes) -> None:
    with suppress(Malformed):
        pieces = list(in_pieces(data, 64))
        assert sum(map(len, pieces)) <= 2 * len(data) + 64
        try:
            frame = parse_frame(data)
        except NotProtobuf:
            return
        assert _held(parse_frame(b"".join(pieces))) == _held(frame)


def _held(frame: FrameMessage) -> list[bytes]:
    return [span for group in frame.groups for scope in group.scopes for span in scope.items]


def _line(data: bytes) -> None:
    with suppress(Malformed):
        from_json(data.decode("utf-8", "replace"))


def _written(signal: Signal, data: bytes) -> None:
    line = to_json(signal, data)
    if line not in (None, "{}"):  # nobody keeps an empty request
        read_as, back = from_json(line or "")
        known = SIGNALS[signal]
        # As text: of all the ways to write NaN, JSON keeps one.
        assert (read_as, str(known.FromString(back))) == (signal, str(known.FromString(data)))


def _answer(data: bytes) -> None:
    with suppress(DeliveryError):
        check_answer(data)


TARGETS: Mapping[str, Target] = {
    **{f"unpack-{name}": partial(_unpack, name) for name in ("gzip", "deflate", "zstd")},
    "unpack-message": _message,
    **{f"json-{signal}": partial(_json, signal) for signal in SIGNALS},
    **{f"admit-{signal}": partial(_admit, signal) for signal in SIGNALS},
    **{f"strict-{signal}": partial(_strict, signal) for signal in SIGNALS},
    "spans": _spans,
    "value": decode,
    **{f"nesting-{signal}": partial(is_deep, signal) for signal in ("traces", "logs")},
    "process": _process,
    **{f"records-{signal}": partial(_records, signal) for signal in ("metrics", "logs")},
    "label": _label,
    "halve": _halve,
    "pieces": _pieces,
    "dead-letter-line": _line,
    **{f"dead-letter-{signal}": partial(_written, signal) for signal in SIGNALS},
    "answer": _answer,
    "journal": lambda data: list(records(data)[0]),
    "cursor": position,
}

CORPUS = Path(__file__).parent.parent / "data" / "fuzz"
"""One directory for each kind of input, shared by targets."""
_KINDS = ("json", "unpack")


def kind_of(target: str) -> str:
    """Return the directory of the corpus whose files ``target`` can do something with."""
    if target == "dead-letter-line":
        return "json"
    name = target.rpartition("-")[2]
    if target.startswith(_KINDS):
        return target
    return {"value": "value", "journal": "journal", "cursor": "journal", "answer": "answer"}.get(
        target, name if name in SIGNALS else "traces"
    )


def seeds(target: str) -> list[Path]:
    """Return the kept inputs for ``target``, those that once broke something among them."""
    kind = kind_of(target)
    folders = [CORPUS / kind, CORPUS / kind.partition("-")[0]]
    return sorted({file for folder in folders for file in folder.glob("*") if file.is_file()})
