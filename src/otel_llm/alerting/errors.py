"""How a notifier says that its target did not take a message.

* Undelivered
  - TryLater    the target is unwell or busy; try again, after ``after_s`` if it said so
  - Rejected    the target will never take this message; do not try again

No message of these errors holds a secret: URLs, tokens and answers stay out.
"""

from __future__ import annotations


class Undelivered(Exception):
    """A message did not arrive."""


class TryLater(Undelivered):
    """The same message may be taken later."""

    def __init__(self, reason: str, *, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s
        """Seconds that the target asked us to wait, if it did."""


class Rejected(Undelivered):
    """The target refuses this message every time."""
