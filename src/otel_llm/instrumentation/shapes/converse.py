"""AWS Bedrock's Converse shape, which Amazon's own models also speak through InvokeModel.

Usage as billed: ``inputTokens`` leaves out what was read from or written to the cache; it is added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Message
from .arguments import chosen
from .converse_blocks import blocks, output_message
from .values import cached_apart, count, field, fields, integer, items, text, total


def request(asked: Any) -> Request:
    """Read the parameters of Converse, or the body of an Amazon model."""
    get = fields(asked).get
    found = chosen(text(get("modelId")), fields(get("inferenceConfig")), _PARAMETERS)
    if (extra := get("additionalModelRequestFields")) is not None and found.top_k is None:
        found.top_k = integer(field(extra, "top_k"))
    if (output := get("outputConfig")) is not None:
        found.output_type = "json" if field(output, "textFormat") is not None else None
        found.reasoning_level = text(field(output, "effort"))
    if (guardrail := get("guardrailConfig")) is not None:
        found.more = _guardrail(guardrail)
    if (tier := get("serviceTier")) is not None:
        found.service_tier = text(field(tier, "type"))
    return found


_PARAMETERS: Mapping[str, str] = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxTokens": "max_tokens",
    "stopSequences": "stop_sequences",
}


def _guardrail(config: Any) -> dict[str, Any] | None:
    id = text(field(config, "guardrailIdentifier"))
    return {semconv.AWS_BEDROCK_GUARDRAIL_ID: id} if id else None


def response(answer: Any) -> Response:
    """Read a whole answer."""
    get = fields(answer).get
    reason = text(get("stopReason"))
    return Response(
        None,
        _routed_model(get("trace")),
        [reason] if reason else [],
        usage(get("usage")),
        own=lambda: _served_in(get("serviceTier")),
    )


def _served_in(tier: Any) -> dict[str, Any]:
    return {semconv.own.RESPONSE_SERVICE_TIER: field(tier, "type")}


def measured(answer: Any) -> Response:
    """Read of a whole answer what metrics carry, which clean it themselves."""
    get = fields(answer).get
    told = fields(get("usage")).get
    asked = total(told("inputTokens"), told(_READ), told(_WRITTEN))
    return Response(None, _routed_model(get("trace")), (), Usage(asked, told("outputTokens")))


def _routed_model(trace: Any) -> str | None:
    """Return the model that a prompt router chose; otherwise Bedrock does not name it."""
    if trace is None:
        return None
    return text(field(field(trace, "promptRouter"), "invokedModelId"))


def usage(said: Any) -> Usage:
    """Read ``usage``; what it does not say stays ``None``."""
    get = fields(said).get
    read, written = get(_READ), get(_WRITTEN)
    read = get(_READ_COUNT) if read is None else read  # so Nova has it in InvokeModel
    written = get(_WRITTEN_COUNT) if written is None else written
    found = cached_apart(get("inputTokens"), get("outputTokens"), read, written)
    if (details := get("cacheDetails")) is not None:
        kept = _kept(details, found.cache_write)
        found.cache_write_5m, found.cache_write_1h = kept.get("5m"), kept.get("1h")
    return found


_READ, _WRITTEN = "cacheReadInputTokens", "cacheWriteInputTokens"
_READ_COUNT, _WRITTEN_COUNT = "cacheReadInputTokenCount", "cacheWriteInputTokenCount"


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
            self._answer.own = lambda: _served_in(field(told, "serviceTier"))
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
        if told := items(field(delta, "toolResult")):
            result = fields(block.get("toolResult"))
            block["toolResult"] = {**result, "content": [*result.get("content", ()), *told]}
        if shown := fields(field(delta, "image")):
            block["image"] = {**fields(block.get("image")), **shown}

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
