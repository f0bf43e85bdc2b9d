"""What an instrumentor declares: where the calls are, and how to read them.

A reader is pure: an SDK's object in, one of our types out. It may raise on odd input; the core
guards every reader, logs once and goes on without what it would have said. It never consumes an
iterator, never touches the caller's objects and never keeps a reference to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from otel_llm.genai import Request, Response, Usage

Message = Mapping[str, Any]
"""One message in the JSON shape of the conventions: ``{"role", "parts": [...]}``; output messages
also carry ``finish_reason``. Unknown fields are left out, never null."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom the call goes to."""

    provider: str
    """A value of ``gen_ai.provider.name``."""
    address: str | None = None
    port: int | None = None


class StreamReader(Protocol):
    """Collects a streamed answer. One instance per stream, fed in order."""

    def feed(self, chunk: Any) -> bool | None:
        """Take one chunk as the SDK yields it. Runs on every read: attribute reads, no copies.

        ``False``: it is no chunk but a mark that the SDK added, and is not timed.
        """
        ...

    def response(self) -> Response:
        """Return what has arrived so far; a stream may stop early."""
        ...

    def output_messages(self) -> Sequence[Message]:
        """Return the answer assembled so far; asked only of a reader made with ``content=True``."""
        ...


@dataclass(frozen=True, slots=True)
class Content:
    """How to read messages. Called only when content is captured, never otherwise."""

    input_messages: Callable[[Mapping[str, Any]], Sequence[Message]]
    """From the call's arguments."""
    output_messages: Callable[[Any], Sequence[Message]]
    """From the SDK's answer."""
    system_instructions: (
        Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]] | None] | None
    ) = None
    tool_definitions: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]] | None] | None = (
        None
    )
    query: Callable[[Mapping[str, Any]], str | None] | None = None
    """Of a retrieval, what is looked for; ``output_messages`` are then the documents that were
    found: ``{"id", "score"}``, best first."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to read one kind of SDK call."""

    operation: str
    """A value of ``gen_ai.operation.name``."""
    request: Callable[[Mapping[str, Any]], Request]
    """From the call's arguments by name (see ``Patch.positional``)."""
    response: Callable[[Any], Response]
    """From what the SDK returned: its model object, or for a raw response whose body was read,
    a namespace of the JSON body. Fields may be missing: read with a default."""
    stream: Callable[[bool], StreamReader] | None = None
    """Makes a reader; the argument says whether content is wanted."""
    content: Content | None = None
    model: str | Callable[[Mapping[str, Any]], Any] | None = None
    """Name of the argument that is the model as it stands, or what reads it from the arguments. A
    call that nobody records reads no more of its request; without it, the whole request is read
    for every call."""
    measured: Callable[[Any], Response] | None = None
    """Reads of an answer no more than metrics carry, for a call that nobody records: model, input
    and output tokens, failure, the provider's own, as they stand. Without it, ``response`` reads
    it all."""
    error_type: Callable[[BaseException], str | None] | None = None
    """From an exception of the SDK; ``None``, or without it: the exception's class."""
    not_made: Callable[[BaseException], bool] | None = None
    """Tells of an exception that the SDK raised before it sent anything that there was no call: who
    asked knows of it and asks in another way. It has neither span nor metrics."""
    subject: str | None = None
    """Attribute of ``Request.more`` that the span is named after in place of the model."""
    pending: str | None = None
    """Key of the answer, a dict, whose value is still to come: an event stream, read by
    ``stream``, or else a body of bytes. ``response`` sees the dict with the body as ``bytes``, or
    ``None`` where it was not read to its end. Of an answer that is no dict, the attribute that
    holds a generator."""
    served: str | None = None
    """Header of the answer that names the model that served, where the body may not. It is seen
    where the SDK hands on the HTTP answer: raw responses and streams."""
    rounds: Callable[[Any], Usage] | None = None
    """Where one call may ask the model several times: a hook gives each round to ``count_round``,
    this reads one, and their sum is the call's usage."""
    parsed: bool = False
    """The SDK makes more of the answer than it is, and may raise over it: a hook gives the answer
    to ``count_round`` before it does, so that a call which raised still has what was billed."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Where a call lives in the SDK, and the endpoint that reads it."""

    module: str
    name: str
    """``Class.method`` or ``function`` below ``module``."""
    endpoint: Endpoint
    positional: tuple[str, ...] = ()
    """Names of the positional parameters after ``self``, where the SDK allows them."""
    optional: bool = False
    """Not in every supported version: no warning when it is missing."""
    choose: Callable[[Any, Mapping[str, Any]], Endpoint | None] | None = None
    """For a method that every call of the SDK goes through: the endpoint of one call, from the
    instance and the arguments, or ``None`` when it is not to be traced."""
    manager: bool = False
    """The call returns a context manager that sends the request when it is entered; the operation
    starts there. Not for a manager that only calls another patched method."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A function of the SDK that is no call of its own, yet has to know of ours."""

    module: str
    name: str
    """``Class.method`` or ``function`` below ``module``."""
    wrapper: Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
    """In wrapt's form: the original, the instance, the arguments. Runs only while instrumenting,
    in the user's call: guard what is ours, never the original."""
    optional: bool = False
    """Not in every supported version: no warning when it is missing."""
