"""How components say that they could not take a batch.

* DeliveryError
  - Refused        we are full; the sender keeps the data and tries again
  - Retryable      the next hop is unwell; try again, after ``retry_after_s`` if it said so
  - Permanent      this batch will never be accepted; do not try again

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
