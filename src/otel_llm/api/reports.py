"""What others report over HTTP: feedback of people, scores of programs, calls without spans."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from otel_llm.genai import Call, Cost, Usage
from otel_llm.pricing import PriceBook
from otel_llm.pricing.reprice import priced
from otel_llm.store import Score, Store

from .prices import Book
from .problems import Problem, described

Observe = Callable[[Sequence[Call]], None]
Settle = Callable[[], object]
"""Waits until the calls that have arrived can be found: people are quick with their thumbs."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Hex = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{1,64}$")]


def _no_other_kind(value: object) -> object:
    """Refuse what is no number in JSON: "true" would be the worst rating there is."""
    if isinstance(value, bool | str):
        raise ValueError("expected a number")
    return value


_Number = BeforeValidator(_no_other_kind)
Share = Annotated[float, _Number, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, _Number, Field(ge=0, lt=2**53)]
Amount = Annotated[float, _Number, Field(ge=0, lt=1e12, allow_inf_nan=False)]
Moment = Annotated[float, _Number, Field(ge=0, lt=9e9, allow_inf_nan=False)]
Span = Annotated[float, _Number, Field(ge=0, lt=1e9, allow_inf_nan=False)]
Stars = Annotated[float, _Number, Field(ge=1, le=5, allow_inf_nan=False)]
Key = Annotated[str, Field(min_length=1, max_length=200, pattern="^[^=]+$")]
"""The name of a tag: the rest of ``key=value`` is what it says."""


class Judged(BaseModel):
    """What is judged: a trace, a span of it, or the call whose provider gave this id."""

    model_config = ConfigDict(extra="forbid")

    trace_id: Hex | None = None
    span_id: Hex | None = None
    response_id: Name | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Judged:
        if (self.trace_id is None) == (self.response_id is None):
            raise ValueError("give either trace_id or response_id")
        return self

    def find(self, store: Store, settle: Settle) -> tuple[str, str | None]:
        """Trace and span. Raises ``Problem`` when the response is not known, also once everything
        that has arrived is written."""
        if self.trace_id is not None:
            return self.trace_id.lower(), self.span_id and self.span_id.lower()
        call = store.find_response(self.response_id or "")
        if call is None:
            settle()
            call = store.find_response(self.response_id or "")
        if call is None:
            raise Problem(404, "No call with this response id is stored")
        return call.trace_id, call.span_id


class Feedback(Judged):
    """What a person thinks of an answer."""

    rating: Literal["up", "down"] | Stars
    """A thumb, or 1 (worst) to 5 stars."""
    comment: Annotated[str, Field(max_length=4_000)] | None = None
    user: Name | None = None
    id: Name | None = Field(
        None, description="The same id again replaces it; by default one per user and span"
    )

    @property
    def value(self) -> float:
        """The rating from 0 to 1."""
        if isinstance(self.rating, str):
            return 1.0 if self.rating == "up" else 0.0
        return (self.rating - 1) / 4


class Quality(Judged):
    """What a program thinks of an answer: scores by name, each from 0 to 1."""

    scores: Annotated[dict[Name, Share], Field(min_length=1, max_length=50)]
    rater: Name | None = None
    id: Name | None = Field(None, description="The same id again replaces the scores of that name")


class Kept(BaseModel):
    """What became of it."""

    trace_id: str
    span_id: str | None
    ids: list[str]


class ReportedCall(BaseModel):
    """A finished model call of an application that sends no spans."""

    model_config = ConfigDict(extra="forbid")

    id: Name | None = Field(None, description="The same id again counts once")
    timestamp: Moment | None = Field(
        None, description="Start, Unix seconds; by default it ended now"
    )
    operation: Literal["chat", "generate_content", "text_completion", "embeddings"] = "chat"
    model: Name
    provider: Name | None = None
    service: Name | None = None
    environment: Name | None = None
    latency_ms: Span
    ttft_ms: Span | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: Amount | None = Field(
        None, description="By default what the tokens cost by the prices in use, if that is known"
    )
    error_type: Name | None = None
    finish_reasons: Annotated[list[Name], Field(max_length=20)] = []
    user: Name | None = None
    session: Name | None = None
    feature: Name | None = None
    team: Name | None = None
    prompt_name: Name | None = None
    prompt_version: Name | None = None
    flags: Annotated[list[Name], Field(max_length=50)] | None = None
    tags: Annotated[dict[Key, Name], Field(max_length=50)] = {}

    def call(self) -> Call:
        """The call. Its ids follow from ``id``, so that a repeated report is the same span."""
        ids = hashlib.sha256((self.id or secrets.token_hex()).encode()).hexdigest()
        start_ns = self._start_ns()
        return Call(
            trace_id=ids[:32],
            span_id=ids[32:48],
            parent_id=None,
            name=f"{self.operation} {self.model}",
            start_ns=start_ns,
            end_ns=start_ns + round(self.latency_ms * 1e6),
            service=self.service,
            environment=self.environment,
            operation=self.operation,
            provider=self.provider,
            request_model=self.model,
            finish_reasons=tuple(self.finish_reasons),
            error_type=self.error_type,
            usage=Usage(input_tokens=self.input_tokens, output_tokens=self.output_tokens),
            time_to_first_chunk_s=None if self.ttft_ms is None else self.ttft_ms / 1e3,
            conversation_id=self.session,
            user_id=self.user,
            feature=self.feature,
            team=self.team,
            prompt_name=self.prompt_name,
            prompt_version=self.prompt_version,
            cost=None if self.cost_usd is None else Cost(self.cost_usd, source="reported"),
            flags=None if self.flags is None else tuple(self.flags),
            tags=self.tags,
        )

    def _start_ns(self) -> int:
        if self.timestamp is None:
            return time.time_ns() - round(self.latency_ms * 1e6)
        return round(self.timestamp * 1e9)


class CallReport(BaseModel):
    """Calls to be counted."""

    model_config = ConfigDict(extra="forbid")
    calls: Annotated[list[ReportedCall], Field(min_length=1, max_length=1_000)]


class Taken(BaseModel):
    """How many calls were taken, and under which traces they appear."""

    accepted: int
    trace_ids: list[str]


def report_routes(
    store: Store,
    observe: Observe | None,
    settle: Settle = lambda: None,
    book: Book = PriceBook,
) -> APIRouter:
    """The routes; ``observe`` takes reported calls, priced by ``book``; without it there are
    none."""
    routes = APIRouter(prefix="/v1", tags=["reports"])

    @routes.post("/feedback", status_code=201, responses=described(404))
    def feedback(given: Feedback) -> Kept:
        """Keep what a person thinks of an answer, also long after it was given."""
        trace_id, span_id = given.find(store, settle)
        key = given.id or _key(trace_id, span_id, given.user)
        score = Score(
            id=f"feedback:{key}",
            trace_id=trace_id,
            span_id=span_id,
            name="rating",
            value=given.value,
            source="human",
            at_ns=time.time_ns(),
            rater=given.user,
            comment=given.comment,
        )
        store.add_scores([score])
        return Kept(trace_id=trace_id, span_id=span_id, ids=[score.id])

    @routes.post("/quality", status_code=201, responses=described(404))
    def quality(given: Quality) -> Kept:
        """Keep what a program thinks of an answer."""
        trace_id, span_id = given.find(store, settle)
        key = given.id or _key(trace_id, span_id, given.rater)
        at_ns = time.time_ns()
        scores = [
            Score(
                id=f"quality:{key}:{name}",
                trace_id=trace_id,
                span_id=span_id,
                name=name,
                value=value,
                source="automatic",
                at_ns=at_ns,
                rater=given.rater,
            )
            for name, value in given.scores.items()
        ]
        store.add_scores(scores)
        return Kept(trace_id=trace_id, span_id=span_id, ids=[score.id for score in scores])

    if observe is not None:
        _add_metrics(routes, observe, book)
    return routes


def _add_metrics(routes: APIRouter, observe: Observe, book: Book) -> None:
    @routes.post("/metrics", status_code=202)
    def metrics(report: CallReport) -> Taken:
        """Count calls of an application that sends no spans. Those of one that does would count
        twice."""
        prices = book()
        calls = [priced(call.call(), prices) for call in report.calls]
        observe(calls)
        return Taken(accepted=len(calls), trace_ids=[call.trace_id for call in calls])


def _key(trace_id: str, span_id: str | None, rater: str | None) -> str:
    return hashlib.sha256(repr((trace_id, span_id, rater)).encode()).hexdigest()[:32]
