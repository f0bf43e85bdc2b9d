"""PagerDuty's Events API v2, as far as incidents and changes share it.

202 is a success; 400 is never sent again; 429, 5xx and network errors are. Source:
``events-v2/openapiv3.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from otel_llm.config.units import Duration

from .post import Poster, check_url

SUMMARY = 1024
"""Characters that a summary may have."""


@dataclass(frozen=True, slots=True)
class IntegrationConfig:
    """A service's integration of the type Events API v2."""

    routing_key: str = field(repr=False)
    """The integration key, 32 characters."""
    url: str = "https://events.pagerduty.com/v2/enqueue"
    """The endpoint."""
    timeout: Duration = 10.0
    """How long one attempt may take."""
    min_interval: Duration = 0.5
    """The least time between two events; PagerDuty takes 120 a minute per integration."""

    def __post_init__(self) -> None:
        check_url(self.url)
        if len(self.routing_key) != 32:
            raise ValueError("routing_key must have 32 characters")


class Integration:
    """A connection to one integration. Used by one thread."""

    def __init__(self, config: IntegrationConfig) -> None:
        self._routing_key = config.routing_key
        self._poster = Poster(config.url, timeout_s=config.timeout)

    def post(self, event: Mapping[str, object]) -> None:
        """Deliver once. Raises ``TryLater`` or ``Rejected``."""
        self._poster.post(encoded({"routing_key": self._routing_key, **event}))

    def close(self) -> None:
        """Release the connection."""
        self._poster.close()


def encoded(event: Mapping[str, object]) -> bytes:
    """Return the body of a request."""
    return json.dumps(event, ensure_ascii=False).encode()
