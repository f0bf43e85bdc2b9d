"""A range of time and a number of answers, for what is no selection of calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from otel_llm.config.moment import moment_ns
from otel_llm.store.selection import Moment

T = TypeVar("T")


class Between(BaseModel):
    """From when to when, and how many at most."""

    model_config = ConfigDict(extra="forbid")

    since: Moment | None = Field(None, description="At or after: 30d (ago), ISO 8601 or Unix s")
    until: Moment | None = Field(None, description="Before, in the same forms")
    limit: int = Field(100, ge=1, le=1_000)

    def range_ns(self) -> tuple[int, int | None]:
        """From when, and before when, if ever: Unix nanoseconds."""
        now_ns = time.time_ns()
        since = 0 if self.since is None else moment_ns(self.since, now_ns)
        return since, None if self.until is None else moment_ns(self.until, now_ns)

    def pick(self, found: Iterable[T], at_ns: Callable[[T], float]) -> list[T]:
        """Those of ``found`` in the range, by when each was (Unix nanoseconds)."""
        since, until = self.range_ns()
        before = float("inf") if until is None else until
        return [one for one in found if since <= at_ns(one) < before][: self.limit]
