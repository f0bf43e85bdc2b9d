"""AWS Bedrock's Converse shape, which Amazon's own models also speak through InvokeModel.

Usage as billed: ``inputTokens`` leaves out what was read from or written to the cache; it is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Message
from .converse_blocks import blocks, output_message
from .values import count, field, fields, integer, items, number, text, texts


def request(asked: Any) -> Request:
    """Read the parameters of Converse, or the body of an Amazon model."""
    get = fields(asked).get
    config, extra = get("inferenceConfig"), get("additionalModelRequestFields")
    output = get("outputConfig")
    return Request(
        model=text(get("modelId")),
        temperature=number(field(config, "temperature")),
        top_p=number(field(config, "topP")),
        top_k=integer(field(config, "topK")) or integer(field(extra, "top_k")),
        max_tokens=integer(field(config, "maxTokens")),
        stop_sequences=texts(field(config, "stopSequences")),
        output_type="json" if field(output, "textFormat") is not None else None,
        reasoning_level=text(field(output, "effort")),
        more=_guardrail(get("guardrailConfig")),
    )


def _guardrail(config: Any) -> dict[str, Any] | None:
    id = text(field(config, "guardrailIdentifier"))
    return {semconv.AWS_BEDROCK_GUARDRAIL_ID: id} if id else None


def response(answer: Any) -> Response:
    """Read a whole answer."""
    reason = text(field(answer, "stopReason"))
    return Response(
        model=_routed_model(field(answer, "trace")),
        finish_reasons=[reason] if reason else [],
        usage=usage(field(answer, "usage")),
    )


def _routed_model(trace: Any) -> str | None:
    """Return the model that a prompt router chose; otherwise Bedrock does not name it."""
    return text(field(field(trace, "promptRouter"), "invokedModelId"))


def usage(said: Any) -> Usage:
    """Read ``usage``; what it does not say stays ``None``."""
    fresh = count(field(said, "inputTokens"))
    read, written = count(field(said, _READ)), count(field(said, _WRITTEN))
    kept = _kept(field(said, "cacheDetails"), written)
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=count(field(said, "outputTokens")),
        cache_read=read,
        cache_write=written,
        cache_write_5m=kept.get("5m"),
        cache_write_1h=kept.get("1h"),
    )


_READ, _WRITTEN = "cacheReadInputTokens", "cacheWriteInputTokens"


def _kept(details: Any, written: int | None) -> dict[str, int]:
    """Return the cache writes by how long they are kept, if they add up."""
    told = {text(field(one, "ttl")): count(field(one, "inputTokens")) for one in items(details)}
    kept = {ttl: tokens for ttl, tokens in told.items() if ttl is not None and tokens is not None}
    return kept if sum(kept.values()) == written else {}


def output_messages(answer: Any) -> list[Message]:
    """Return the one message of an answer."""
    content = field(field(field(answer, "output"), "message"), "content")
    return [output_message(blocks(content), text(field(answer, "stopReason")))]


class ConverseStream:
    """Collects the events of one answer, each a dict of one key."""

    __slots__ = ("_answer", "_blocks", "_content")

    def __init__(self, content: bool = False) -> None:
        self._content = content
        self._answer = Response()
        self._blocks: dict[int, dict[str, Any]] = {}

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one event. Unknown ones are passed over."""
        if (delta := chunk.get("contentBlockDelta")) is not None:
            if self._content:
                self._grow(delta)
        elif (ended := chunk.get("messageStop")) is not None:
            reason = text(field(ended, "stopReason"))
            self._answer.finish_reasons = [reason] if reason else []
        elif (told := chunk.get("metadata")) is not None:
            self._answer.usage = usage(field(told, "usage"))
            self._answer.model = _routed_model(field(told, "trace"))
        elif self._content and (start := chunk.get("contentBlockStart")) is not None:
            self._block(start).update(fields(field(start, "start")))

    def _block(self, event: Any) -> dict[str, Any]:
        return self._blocks.setdefault(integer(field(event, "contentBlockIndex")) or 0, {})

    def _grow(self, event: Any) -> None:
        block, delta = self._block(event), field(event, "delta")
        if said := text(field(delta, "text")):
            block["text"] = block.get("text", "") + said
        if said := text(field(field(delta, "reasoningContent"), "text")):
            block["thought"] = block.get("thought", "") + said
        if said := text(field(field(delta, "toolUse"), "input")):
            call = fields(block.get("toolUse"))
            block["toolUse"] = {**call, "input": call.get("input", "") + said}

    def response(self) -> Response:
        """Return what has arrived so far."""
        return self._answer

    def output_messages(self) -> Sequence[Message]:
        """Return the one message, put together from its blocks."""
        grown = [_whole(block) for _, block in sorted(self._blocks.items())]
        reasons = self._answer.finish_reasons
        return [output_message(blocks(grown), reasons[0] if reasons else None)] if grown else []


def _whole(block: dict[str, Any]) -> dict[str, Any]:
    thought = block.pop("thought", None)
    if thought is None:
        return block
    return {**block, "reasoningContent": {"reasoningText": {"text": thought}}}
