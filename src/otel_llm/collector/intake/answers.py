"""What a sender is told: success, and each kind of failure over gRPC and over HTTP.

Source: OTLP 1.11, "Failures" and "OTLP/gRPC Throttling". No answer quotes what was sent.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from random import uniform

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status

from ..component import Consume, Signal
from ..counters import Counters
from ..errors import NotServed, Permanent, Refused, Retryable, TooLarge

_log = logging.getLogger(__name__)

RETRY_AFTER_S = (1.0, 5.0)
"""How long we ask a sender to wait. Not longer: the Python exporter drops a batch at once when the
hint is beyond its own timeout of ten seconds. Spread, so that not all come back together."""

OK, INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 0, 3, 5, 8, 12, 14


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


MALFORMED = Failure("malformed", 400, INVALID_ARGUMENT, "the body is no OTLP request")
NOT_SERVED = Failure("not_served", 404, UNIMPLEMENTED, "no pipeline takes this signal")
TOO_LARGE = Failure("too_large", 413, RESOURCE_EXHAUSTED, "the request is too large")


def busy(retry_after_s: float | None = None) -> Failure:
    """Ask the sender to keep its data and come back."""
    low, high = RETRY_AFTER_S
    wait = uniform(low, high) if retry_after_s is None else min(max(retry_after_s, low), high)
    return Failure("refused", 503, UNAVAILABLE, "no room at the moment, try again", wait)


def attempt(
    consume: Consume, signal: Signal, payload: bytes, transport: str, counters: Counters
) -> Failure | None:
    """Hand a request on, and count it; return what went wrong, ``None`` on success."""
    failure = _attempt(consume, signal, payload)
    counted(counters, transport, failure)
    counters.add("otel_llm_receiver_bytes", len(payload), transport=transport)
    return failure


def counted(counters: Counters, transport: str, failure: Failure | None) -> None:
    """Count one request by its outcome."""
    outcome = failure.outcome if failure else "accepted"
    counters.add("otel_llm_receiver_requests", transport=transport, outcome=outcome)


def _attempt(consume: Consume, signal: Signal, payload: bytes) -> Failure | None:
    try:
        consume(signal, payload)
    except TooLarge:
        return TOO_LARGE
    except NotServed:
        return NOT_SERVED
    except Permanent:
        return MALFORMED
    except Retryable as error:
        return busy(error.retry_after_s)
    except Refused:
        return busy()
    except Exception as error:  # noqa: BLE001 - our mistake must not cost the sender its data
        _log.error("a request was not taken: %s", type(error).__name__)
        return busy()
    return None
