"""What was asked for and what came back, as an instrumentor reads it from an SDK's objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .usage import Usage


@dataclass(init=False)
class Request:
    """What the caller asked for. A parameter that was not given is ``None``.

    ``vars`` has no more than what was set: few of the many parameters ever are, and the time a
    request takes to read is the caller's. Hence no slots.
    """

    model: str | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop_sequences: Sequence[str] | None = None
    seed: int | None = None
    choice_count: int | None = None
    """Number of answers asked for; leave ``None`` when it is 1."""
    output_type: str | None = None
    """``text``, ``json``, ``image`` or ``speech``, when the request names a format."""
    reasoning_level: str | None = None
    encoding_formats: Sequence[str] | None = None
    conversation_id: str | None = None
    previous_response_id: str | None = None
    service_tier: str | None = None
    """Which one was asked for, of a provider other than OpenAI, whose has a name in ``more``."""
    more: dict[str, Any] | None = None
    """Attributes of this provider alone, by their full convention name (``openai.*``)."""

    def __init__(self, model: str | None = None, **given: Any) -> None:
        """Take the fields by their names; raises ``TypeError`` for another one."""
        self.model = model
        if given:
            if not _PARAMETERS.issuperset(given):
                raise TypeError(f"a request has no {sorted(given.keys() - _PARAMETERS)}")
            self.__dict__.update(given)


_PARAMETERS = frozenset(parameter.name for parameter in fields(Request))


@dataclass(slots=True)
class Response:
    """What came back. Every field is optional: providers leave out what they like."""

    id: str | None = None
    model: str | None = None
    finish_reasons: Sequence[str] = ()
    """One entry per choice, in order, in the provider's own spelling."""
    usage: Usage = field(default_factory=Usage)
    error_type: str | None = None
    """Set when the provider reported a failure inside a successful HTTP answer."""
    conversation_id: str | None = None
    operation: str | None = None
    """What the call turned out to be, where only the answer tells: a fetch that brought the end
    of a background inference is that inference."""
    more: dict[str, Any] | None = None
    """Attributes of this provider alone, by their full convention name."""
    own: Callable[[], Mapping[str, Any]] | None = field(default=None, compare=False)
    """Reads what a price depends on and the conventions have no name for, by our own names
    (``semconv.own``). Called for the spans that are recorded."""
