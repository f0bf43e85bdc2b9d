"""Google's Interactions API: one turn with a model or a hosted agent.

Usage as billed: output leaves out thoughts and input what the provider's own tools put into the
prompt; both are added. Each hop of a continued stream tells its own usage, at its end or before;
they are added up. What runs in the background has no usage yet when it is created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .chat_messages import tool_definitions
from .gemini_parts import option
from .generate_content import model
from .interaction_steps import Steps, input_messages, parts
from .parts import Part, answered, text_part
from .values import count, field, integer, items, number, text, texts, word


def request(arguments: Mapping[str, Any]) -> Request:
    """Read the arguments of ``create``: a request object, or its fields by name."""
    asked = _asked(arguments)
    config = option(asked, "generation_config")
    return Request(
        model=model(option(asked, "model")),
        stream=option(asked, "stream") is True or None,
        temperature=number(option(config, "temperature")),
        top_p=number(option(config, "top_p")),
        max_tokens=integer(option(config, "max_output_tokens")),
        stop_sequences=texts(option(config, "stop_sequences")),
        seed=integer(option(config, "seed")),
        output_type=_output_type(asked),
        reasoning_level=word(option(config, "thinking_level")),
        service_tier=text(option(asked, "service_tier")),
        previous_response_id=text(option(asked, "previous_interaction_id")),
    )


def _output_type(asked: Any) -> str | None:
    """Return what the modalities or the formats that were asked for name."""
    given = option(asked, "response_format")
    formats = items(given) or ([] if given is None else [given])
    kinds = [*items(option(asked, "response_modalities")), *(option(f, "type") for f in formats)]
    for kind in kinds:
        if (found := _OUTPUTS.get((word(kind) or "").lower())) is not None:
            return found
    mimes = [*(option(f, "mime_type") for f in formats), option(asked, "response_mime_type")]
    schema = any(option(f, "schema") or option(f, "type") == "object" for f in formats)
    return (
        "json" if schema else next(filter(None, (_MIMES.get(text(m) or "") for m in mimes)), None)
    )


_OUTPUTS = {"audio": "speech", "image": "image"}
_MIMES = {"application/json": "json", "text/plain": "text"}


def _asked(arguments: Mapping[str, Any]) -> Any:
    given = arguments.get("request")
    return arguments if given is None else given


def response(interaction: Any) -> Response:
    """Read a whole interaction; it ends with a status and no other reason."""
    told = status(interaction)
    return Response(
        id=text(field(interaction, "id")),
        model=model(word(field(interaction, "model"))),
        finish_reasons=[told] if told in _ENDED else [],
        usage=usage(field(interaction, "usage")),
        error_type="failed" if told == "failed" else None,
        own=lambda: {semconv.own.RESPONSE_SERVICE_TIER: text(field(interaction, "service_tier"))},
    )


def status(interaction: Any) -> str | None:
    """Return how far it is."""
    return word(field(interaction, "status"))


_ENDED = (
    "completed",
    "incomplete",
    "failed",
    "cancelled",
    "requires_action",
    "budget_exceeded",
    "requires_continuation",
)


def usage(said: Any) -> Usage:
    """Read ``usage``; what it does not say stays ``None``."""
    asked, tools = count(field(said, "total_input_tokens")), count(field(said, _TOOLS))
    wrote, thoughts = count(field(said, "total_output_tokens")), count(field(said, _THOUGHTS))
    whole = count(field(said, "total_tokens"))
    among = whole is not None and whole == (asked or 0) + (tools or 0) + (wrote or 0)
    return Usage(
        input_tokens=None if asked is None else asked + (tools or 0),
        output_tokens=None if wrote is None else wrote + (0 if among else thoughts or 0),
        cache_read=count(field(said, "total_cached_tokens")),
        reasoning=thoughts,
        web_searches=_searches(field(said, "grounding_tool_count")),
        **_by_modality(said),
    )


def _searches(tools: Any) -> int | None:
    counts = [count(field(t, "count")) for t in items(tools) if field(t, "type") == _SEARCH]
    return sum(filter(None, counts)) or None


_SEARCH = "google_search"


def _by_modality(said: Any) -> dict[str, int]:
    """Return the counts of ``Usage`` by modality; what the tools put in counts with the prompt."""
    found: dict[str, int] = {}
    for name, side in _MODALITIES.items():
        for entry in items(field(said, name)):
            kind, tokens = word(field(entry, "modality")), count(field(entry, "tokens"))
            if kind in ("text", "audio", "image") and tokens is not None:
                found[f"{kind}_{side}"] = found.get(f"{kind}_{side}", 0) + tokens
    return found


_MODALITIES = {
    "input_tokens_by_modality": "input",
    "tool_use_tokens_by_modality": "input",
    "output_tokens_by_modality": "output",
    "cached_tokens_by_modality": "cache_read",
}


_TOOLS, _THOUGHTS = "total_tool_use_tokens", "total_thought_tokens"


class InteractionStream:
    """Collects the events of one interaction, or of the hops that continue it."""

    __slots__ = ("_answer", "_so_far", "_steps", "_usage")

    def __init__(self, content: bool = False) -> None:
        self._steps = Steps() if content else None
        self._answer = Response()
        self._usage = Usage()
        self._so_far = Usage()

    def feed(self, chunk: Any) -> None:
        """Take one event. Unknown ones are passed over."""
        kind = getattr(chunk, "event_type", None)
        if kind in ("interaction.created", "interaction.completed"):
            self._whole(kind, getattr(chunk, "interaction", None))
        elif kind == "interaction.status_update":
            self._update(chunk)
        elif kind == "error":
            self._answer.error_type = text(field(field(chunk, "error"), "code")) or "error"
        elif self._steps is not None and kind == "step.start":
            self._steps.start(chunk)
        elif self._steps is not None and kind == "step.delta":
            self._steps.grow(chunk)

    def _whole(self, kind: str, interaction: Any) -> None:
        """Take a beginning or an end; what it leaves out is as it was told before."""
        told, before = response(interaction), self._answer
        told.model = told.model or before.model
        if field(interaction, "service_tier") is None:
            told.own = before.own
        counted = kind == "interaction.completed" and told.usage != Usage()
        self._usage += told.usage if counted else told.usage + self._so_far
        self._answer, self._so_far = told, Usage()

    def _update(self, event: Any) -> None:
        """Take how far it is; what it used so far counts until its end says so."""
        told = response(event)
        self._answer.id = self._answer.id or text(field(event, "interaction_id"))
        self._answer.finish_reasons = told.finish_reasons
        self._answer.error_type = told.error_type
        if (said := field(event, "usage")) is not None:
            self._so_far = usage(said)

    def response(self) -> Response:
        """Return what has arrived so far."""
        self._answer.usage = self._usage + self._so_far
        return self._answer

    def output_messages(self) -> Sequence[Message]:
        """Return the answer put together from its steps."""
        return _said(self._steps.parts() if self._steps else [], self._answer)


def _said(parts: list[Part], answer: Response) -> list[Message]:
    reason = answer.finish_reasons[0] if answer.finish_reasons else ""
    return answered(parts, _FINISH.get(reason, reason))


_FINISH = {
    "completed": "stop",
    "incomplete": "length",
    "requires_continuation": "length",
    "requires_action": "tool_call",
}


def output_messages(interaction: Any) -> list[Message]:
    """Return what a whole answer says; the steps may begin with what was asked."""
    steps = items(field(interaction, "steps")) or items(field(interaction, "outputs"))
    answered = [step for step in steps if field(step, "type") not in _ASKED]
    return _said(parts(answered), response(interaction))


_ASKED = ("user_input", "function_result")


def _input(arguments: Mapping[str, Any]) -> list[Message]:
    return input_messages(option(_asked(arguments), "input"))


def _system(arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    return text_part(option(_asked(arguments), "system_instruction")) or None


def _tools(arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    return tool_definitions(option(_asked(arguments), "tools"))


INTERACTIONS = Endpoint(
    "generate_content",
    request,
    response,
    InteractionStream,
    Content(_input, output_messages, _system, _tools),
)
"""An interaction, whole or streamed."""
