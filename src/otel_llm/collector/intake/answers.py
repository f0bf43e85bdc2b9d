"""What a sender is told: success, and each kind of failure over gRPC and over HTTP.

Source: OTLP 1.11, "Failures" and "OTLP/gRPC Throttling". No answer quotes what was sent.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from random import uniform
from typing import Final, TypeAlias

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from ..component import Signal
from ..errors import NotServed, Permanent, Refused, Retryable, TooLarge

_log = logging.getLogger(__name__)

RETRY_AFTER_S = (1.0, 5.0)
"""How long we ask a sender to wait. Not longer: the Python exporter drops a batch at once when the
hint is beyond its own timeout of ten seconds. Spread, so that not all come back together."""

INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED = 3, 4, 5, 7
RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED_CODE = 8, 12, 14, 16
_REJECTED_IN_JSON: Final[dict[Signal, str]] = {
    "traces": "rejectedSpans",
    "metrics": "rejectedDataPoints",
    "logs": "rejectedLogRecords",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request was not taken."""

    outcome: str
    """Its name among our own counters."""
    http_status: int
    code: int
    """``google.rpc.Code``."""
    message: str
    retry_after_s: float | None = None
    """Seconds to wait; ``None`` when coming back is of no use."""

    def status(self) -> Status:
        """The answer's body over HTTP, and its ``grpc-status-details-bin`` over gRPC."""
        return Status(code=self.code, message=self.message, details=self._details())

    def _details(self) -> list[AnyMessage]:
        detail = AnyMessage()
        if self.retry_after_s is not None:
            detail.Pack(self.retry_info())
        elif self.code == INVALID_ARGUMENT:
            violation = BadRequest.FieldViolation(description=self.message)
            detail.Pack(BadRequest(field_violations=[violation]))
        else:
            return []
        return [detail]

    def retry_info(self) -> RetryInfo:
        """Say how long to wait. Empty when coming back is of no use."""
        if self.retry_after_s is None:
            return RetryInfo()
        delay = Duration()
        delay.FromMilliseconds(int(self.retry_after_s * 1000))
        return RetryInfo(retry_delay=delay)


@dataclass(frozen=True, slots=True)
class Rejected:
    """What of a request was not taken, and will not be: partial success."""

    count: int
    """Spans, data points or log records."""
    reason: str
    payload: bytes = field(default=b"", compare=False, repr=False)
    """A request of what was not taken alone; empty when it is not to be kept."""

    def beside(self, other: Rejected) -> Rejected:
        """Return what both say together."""
        reason = f"{self.reason}; {other.reason}"
        return Rejected(self.count + other.count, reason, self.payload or other.payload)

    def encoded(self) -> bytes:
        """Write ``Export…ServiceResponse``; the three signals share one layout."""
        partial = ExportTracePartialSuccess(rejected_spans=self.count, error_message=self.reason)
        return ExportTraceServiceResponse(partial_success=partial).SerializeToString()

    def in_json(self, signal: Signal) -> bytes:
        """Write the same as OTLP JSON."""
        partial = {_REJECTED_IN_JSON[signal]: str(self.count), "errorMessage": self.reason}
        return json.dumps({"partialSuccess": partial}).encode()


Outcome: TypeAlias = Failure | Rejected | None
"""What came of a request; ``None`` when all of it was taken."""

MALFORMED = Failure("malformed", 400, INVALID_ARGUMENT, "the body is no OTLP request")
NOT_SERVED = Failure("not_served", 404, UNIMPLEMENTED, "no pipeline takes this signal")
TOO_LARGE = Failure("too_large", 413, RESOURCE_EXHAUSTED, "the request is too large")
UNAUTHENTICATED = Failure("unauthenticated", 401, UNAUTHENTICATED_CODE, "a bearer token is needed")
NO_TENANT = Failure("no_tenant", 403, PERMISSION_DENIED, "the tenant must be named")
TIMEOUT = Failure("timeout", 408, DEADLINE_EXCEEDED, "the request took too long")


def busy(retry_after_s: float | None = None) -> Failure:
    """Ask the sender to keep its data and come back."""
    low, high = RETRY_AFTER_S
    wait = uniform(low, high) if retry_after_s is None else min(max(retry_after_s, low), high)
    return Failure("refused", 503, UNAVAILABLE, "no room at the moment, try again", wait)


def failure_of(error: Exception) -> Failure:
    """Return what a sender is told about an error. Decided by kind, never by message."""
    if isinstance(error, TooLarge):
        return TOO_LARGE
    if isinstance(error, NotServed):
        return NOT_SERVED
    if isinstance(error, Permanent):
        return MALFORMED
    if isinstance(error, Retryable):
        return busy(error.retry_after_s)
    if not isinstance(error, Refused):  # our mistake must not cost the sender its data
        _log.error("a request was not taken: %s", type(error).__name__)
    return busy()
