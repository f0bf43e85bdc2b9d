"""Google's Interactions API: one turn with a model or a hosted agent.

Usage as billed: output leaves out thoughts and input what the provider's own tools put into the
prompt; both are added. Each hop of a continued stream tells its own usage; they are added up. What
runs in the background has no usage yet when it is created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm.genai import Request, Response, Usage

from ..core.patch import Content, Endpoint, Message
from .gemini_parts import option
from .generate_content import model, word
from .parts import text_part
from .values import count, field, integer, items, number, text, texts


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
        reasoning_level=word(option(config, "thinking_level")),
        previous_response_id=text(option(asked, "previous_interaction_id")),
    )


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
    )


def status(interaction: Any) -> str | None:
    """Return how far it is."""
    return word(field(interaction, "status"))


_ENDED = ("completed", "incomplete", "failed", "cancelled", "requires_action")


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
    )


_TOOLS, _THOUGHTS = "total_tool_use_tokens", "total_thought_tokens"


class InteractionStream:
    """Collects the events of one interaction, or of the hops that continue it."""

    __slots__ = ("_answer", "_pieces", "_usage")

    def __init__(self, content: bool = False) -> None:
        self._pieces: list[str] | None = [] if content else None
        self._answer = Response()
        self._usage = Usage()

    def feed(self, chunk: Any) -> None:
        """Take one event. Unknown ones are passed over."""
        kind = getattr(chunk, "event_type", None)
        if kind in ("interaction.created", "interaction.completed"):
            self._answer = response(getattr(chunk, "interaction", None))
            self._usage += self._answer.usage
        elif kind == "error":
            self._answer.error_type = text(field(field(chunk, "error"), "code")) or "error"
        elif self._pieces is not None and kind == "step.delta":
            self._pieces.append(text(field(field(chunk, "delta"), "text")) or "")

    def response(self) -> Response:
        """Return what has arrived so far."""
        self._answer.usage = self._usage
        return self._answer

    def output_messages(self) -> Sequence[Message]:
        """Return the text of the answer."""
        return _said("".join(self._pieces or ()), self._answer)


def _said(said: Any, answer: Response) -> list[Message]:
    parts = text_part(said)
    finish = {"completed": "stop", "incomplete": "length", "requires_action": "tool_call"}
    reason = answer.finish_reasons[0] if answer.finish_reasons else "unknown"
    message = {"role": "assistant", "parts": parts, "finish_reason": finish.get(reason, reason)}
    return [message] if parts else []


def output_messages(interaction: Any) -> list[Message]:
    """Return the text of a whole answer."""
    steps = items(field(interaction, "steps")) or items(field(interaction, "outputs"))
    blocks = [b for s in steps if field(s, "type") == "model_output" for b in _content(s)]
    said = "".join(text(field(block, "text")) or "" for block in blocks)
    return _said(said, response(interaction))


def _content(step: Any) -> Sequence[Any]:
    return items(field(step, "content"))


def _input(arguments: Mapping[str, Any]) -> list[Message]:
    parts = text_part(option(_asked(arguments), "input"))
    return [{"role": "user", "parts": parts}] if parts else []


def _system(arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    return text_part(option(_asked(arguments), "system_instruction")) or None


INTERACTIONS = Endpoint(
    "generate_content",
    request,
    response,
    InteractionStream,
    Content(_input, output_messages, _system),
)
"""An interaction, whole or streamed."""
