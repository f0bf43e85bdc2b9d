"""How components say that they could not take a batch.

* DeliveryError
  - Refused        we are full; the sender keeps the data and tries again
  - Retryable      the next hop is unwell; try again, after ``retry_after_s`` if it said so
  - Permanent      this batch will never be accepted; do not try again
    - TooLarge     smaller parts of it may be accepted
    - Malformed    one request in it is broken; the others may be accepted
    - PartlyRejected  it was accepted but for some items, which are lost

Decide by kind, never by message. No message of these errors holds telemetry content.
"""

from __future__ import annotations


class DeliveryError(Exception):
    """A batch did not reach the next component."""


class Refused(DeliveryError):
    """We are out of room. Receivers answer UNAVAILABLE / 503 with a retry hint."""


class Retryable(DeliveryError):
    """The far side may accept the same batch later."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds the far side asked us to wait, if it did."""


class Permanent(DeliveryError):
    """The far side refuses this batch every time. Receivers answer INVALID_ARGUMENT / 400."""

    def __init__(self, message: str, *, said: str = "") -> None:
        super().__init__(message)
        self.said = said
        """The far side's own words. They may quote telemetry: for the dead letter, never a log."""


class NotServed(Permanent):
    """No pipeline takes this signal. Receivers answer UNIMPLEMENTED / 404."""


class TooLarge(Permanent):
    """HTTP 413, or RESOURCE_EXHAUSTED without a retry hint."""


class Malformed(Permanent):
    """HTTP 400 and 422, INVALID_ARGUMENT and INTERNAL: in a batch of several requests one may have
    spoiled it."""


class PartlyRejected(Permanent):
    """A success with ``partial_success.rejected_* > 0``. Sending again would double the rest."""

    def __init__(self, rejected: int, *, said: str = "") -> None:
        super().__init__(f"partial success, {rejected} rejected", said=said)
        self.rejected = rejected
