"""Query parameters that say which calls are meant: a time range and conditions."""

from __future__ import annotations

import time
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from otel_llm.config.moment import moment_ns

from .filters import Filter


def _check(text: str) -> str:
    moment_ns(text, 0)
    return text


Moment = Annotated[str, AfterValidator(_check), Field(max_length=40)]
Value = Annotated[str, Field(max_length=1_000)]


class Selection(BaseModel):
    """Which calls. Conditions that are not given do not count."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = Field("24h", description="Started at or after: 24h (ago), ISO 8601 or Unix s")
    until: Moment | None = Field(None, description="Started before, in the same forms")
    model: Value | None = None
    provider: Value | None = None
    operation: Value | None = None
    service: Value | None = None
    environment: Value | None = None
    endpoint: Value | None = Field(None, description="Address of the server that was asked")
    user: Value | None = None
    team: Value | None = None
    tenant: Value | None = Field(None, description="Whose token or header it came with")
    feature: Value | None = None
    session: Value | None = Field(None, description="Conversation id")
    prompt: Value | None = Field(None, description="Name and version with a space between")
    prompt_name: Value | None = None
    prompt_version: Value | None = None
    error_type: Value | None = None
    flag: Value | None = Field(None, description="A quality flag that fired")
    finish_reason: Value | None = None
    tag: Annotated[str, Field(max_length=1_000, pattern=r"^[^=]+=")] | None = Field(
        None, description="A free tag as key=value"
    )
    failed: bool | None = None
    unpriced: bool | None = None
    slower_than_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    scored_below: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = Field(
        None, description="Score by rules of thumb, 0 to 1"
    )
    text: Value | None = Field(None, description="Part of a name, model, user, session or id")

    def filter(self, now_ns: int | None = None) -> Filter:
        """The same for the store; relative times count back from ``now_ns``."""
        now_ns = time.time_ns() if now_ns is None else now_ns
        given = self.model_dump(include=_PLAIN)
        return Filter(
            since_ns=moment_ns(self.since, now_ns),
            until_ns=None if self.until is None else moment_ns(self.until, now_ns),
            tag=_pair(self.tag),
            **given,
        )


_PLAIN: Final = set(Selection.model_fields) & set(Filter.__slots__) - {"tag"}


def _pair(tag: str | None) -> tuple[str, str] | None:
    if tag is None:
        return None
    key, _, value = tag.partition("=")
    return key, value
