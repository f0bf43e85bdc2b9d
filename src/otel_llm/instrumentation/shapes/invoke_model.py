"""Bedrock's InvokeModel: each vendor's own bodies, told apart by what is in them.

An inference profile's ARN says nothing of the vendor, so the body does. Read are those of
Anthropic, Amazon (Nova, Titan), Meta, Mistral, Cohere, AI21 and Twelve Labs, and of everyone who
speaks chat completions. What a body does not count, the headers of the answer may.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Message
from . import chat_completions, cohere_v1, cohere_v2, converse, messages
from .values import count, field, fields, integer, items, number, text, texts


def body_of(asked: Any) -> Mapping[str, Any]:
    """Return a request's or answer's JSON object; ``{}`` for a file, which is not ours to read."""
    if not isinstance(asked, bytes | bytearray | str):
        return {}
    try:
        return fields(json.loads(asked))
    except (ValueError, RecursionError):
        return {}


def request(parameters: Mapping[str, Any]) -> Request:
    """Read the parameters of InvokeModel."""
    body = body_of(parameters.get("body"))
    read = converse.request(body) if "inferenceConfig" in body else _request(body)
    guardrail = text(parameters.get("guardrailIdentifier"))
    return replace(
        read,
        model=text(parameters.get("modelId")),
        stream=None,
        more={semconv.AWS_BEDROCK_GUARDRAIL_ID: guardrail} if guardrail else None,
        service_tier=text(parameters.get("serviceTier")),
    )


def _request(body: Mapping[str, Any]) -> Request:
    config = fields(body.get("textGenerationConfig"))  # Titan's
    get = {**config, **body}.get
    return Request(
        temperature=number(get("temperature")),
        top_p=number(_first(get, "top_p", "topP", "p")),
        top_k=integer(_first(get, "top_k", "k")),
        max_tokens=integer(_first(get, *_LIMITS)),
        frequency_penalty=number(get("frequency_penalty")),
        presence_penalty=number(get("presence_penalty")),
        stop_sequences=texts(_first(get, "stop_sequences", "stopSequences", "stop")),
        seed=integer(get("seed")),
    )


_LIMITS = (
    "max_tokens",
    "max_completion_tokens",
    "max_gen_len",
    "maxTokenCount",
    "max_tokens_to_sample",
)


def _first(get: Any, *names: str) -> Any:
    return next((found for name in names if (found := get(name)) is not None), None)


def response(answer: Any) -> Response:
    """Read an answer whose ``body`` is bytes, or ``None`` where it was not read to its end."""
    body = body_of(field(answer, "body"))
    read = response_of(body)
    read.usage = filled(read.usage, of_headers(answer))
    read.own = lambda: {semconv.own.RESPONSE_SERVICE_TIER: field(answer, "serviceTier")}
    return read


def of_headers(answer: Any) -> Usage:
    """Return what Bedrock counted in the headers of an answer."""
    headers = fields(field(field(answer, "ResponseMetadata"), "HTTPHeaders"))

    def tokens(kind: str) -> int | None:
        said = text(headers.get(f"x-amzn-bedrock-{kind}-token-count"))
        return int(said) if said is not None and said.isdecimal() else None

    return counted(
        tokens("input"), tokens("output"), tokens("cache-read-input"), tokens("cache-write-input")
    )


def counted(fresh: int | None, output: int | None, read: int | None, written: int | None) -> Usage:
    """Return Bedrock's own counts as billed: its input leaves out the cache."""
    whole = None if fresh is None else fresh + (read or 0) + (written or 0)
    return Usage(whole, output, read, written)


def filled(usage: Usage, other: Usage) -> Usage:
    """Return ``usage`` with what it does not know taken from ``other``."""
    whole = replace(usage)
    if whole.input_tokens is None:
        whole.input_tokens = other.input_tokens
        whole.cache_read, whole.cache_write = other.cache_read, other.cache_write
    if whole.output_tokens is None:
        whole.output_tokens = other.output_tokens
    return whole


def response_of(body: Mapping[str, Any]) -> Response:
    """Read a body in whichever way its vendor writes it."""
    read = _response_of(body)
    return after_guardrail(read) if has_intervened(body) else read


def has_intervened(body: Mapping[str, Any]) -> bool:
    """Return whether a guardrail blocked or masked something, which the model knows nothing of."""
    return body.get("amazon-bedrock-guardrailAction") == "INTERVENED"


def after_guardrail(read: Response) -> Response:
    """Return an answer that a guardrail changed: it ended as Converse says of such ones."""
    ended = ["guardrail_intervened"] * max(1, len(read.finish_reasons))
    return replace(read, finish_reasons=ended)


def messages_after_guardrail(said: Sequence[Message]) -> list[Message]:
    """The same of its messages."""
    return [{**message, "finish_reason": "content_filter"} for message in said]


def _response_of(body: Mapping[str, Any]) -> Response:
    if "choices" in body:
        return chat_completions.response(spelled(body))
    if "output" in body or "stopReason" in body:
        return converse.response(body)
    if field(body, "type") == "message" or "stop_sequence" in body:
        return messages.response(body)
    if "results" in body or "inputTextTokenCount" in body:
        return _of_titan(body)
    if isinstance(body.get("message"), dict):
        return cohere_v2.response(body)
    return _of_others(body)


def spelled(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return chat completions as OpenAI spells them; Mistral and DeepSeek do otherwise here."""
    return {**body, "choices": [_spelled(choice) for choice in items(body.get("choices"))]}


def _spelled(choice: Any) -> Mapping[str, Any]:
    told = fields(choice)
    said = told.get("message") or {"content": told.get("text")}
    plain = {"finish_reason": told.get("stop_reason"), "message": said, "delta": said}
    return {**plain, **{name: value for name, value in told.items() if value is not None}}


def _of_titan(body: Mapping[str, Any]) -> Response:
    results = items(body.get("results"))
    reasons = [text(field(result, "completionReason")) for result in results]
    wrote = [count(field(result, "tokenCount")) for result in results]
    known = [tokens for tokens in wrote if tokens is not None]
    return Response(
        finish_reasons=[reason for reason in reasons if reason is not None],
        usage=Usage(count(body.get("inputTextTokenCount")), sum(known) if known else None),
    )


def _of_others(body: Mapping[str, Any]) -> Response:
    """Read the bodies of Meta, Twelve Labs, Cohere's first, and the older ones of others."""
    several = next((found for name in _SEVERAL if (found := items(body.get(name)))), (body,))
    reasons = [_ended(fields(one).get) for one in several]
    billed = field(field(body, "meta"), "billed_units") or field(field(body, "usage"), "tokens")
    asked, wrote = count(body.get("prompt_token_count")), count(body.get("generation_token_count"))
    return Response(
        id=text(_first(body.get, "id", "response_id", "generation_id")),
        model=text(body.get("model")),
        finish_reasons=[reason for reason in reasons if reason is not None],
        usage=filled(
            Usage(asked, wrote),
            Usage(count(field(billed, "input_tokens")), count(field(billed, "output_tokens"))),
        ),
    )


_SEVERAL = ("outputs", "generations", "completions")


def _ended(get: Any) -> str | None:
    said = _first(get, "stop_reason", "finish_reason", "finishReason")
    return text(field(said, "reason")) if isinstance(said, dict) else text(said)  # AI21's


def output_messages(answer: Any) -> list[Message]:
    """Return the messages of a whole answer."""
    body = body_of(field(answer, "body"))
    said = _messages_of(body)
    return messages_after_guardrail(said) if has_intervened(body) else said


def _messages_of(body: Mapping[str, Any]) -> list[Message]:
    if "choices" in body:
        return chat_completions.output_messages(spelled(body))
    if "output" in body:
        return converse.output_messages(body)
    if isinstance(body.get("content"), list):
        return messages.output_messages(body)
    if isinstance(body.get("message"), dict):
        return cohere_v2.output_messages(body)
    if "tool_calls" in body:
        return cohere_v1.output_messages(body)
    reasons = response_of(body).finish_reasons
    return [said_message(said, reason) for said, reason in _paired(texts_in(body), reasons)]


def texts_in(body: Mapping[str, Any]) -> list[str]:
    """Return what was said, in a body whose answers are plain texts."""
    several = (items(body.get(name)) for name in ("results", *_SEVERAL))
    told = (fields(one) for one in next(filter(None, several), (body,)))
    found = [text(_first({**fields(one.get("data")), **one}.get, *_SAID)) for one in told]
    return [said for said in found if said is not None]


_SAID = ("text", "outputText", "generation", "completion", "message")


def _paired(said: Sequence[str], reasons: Sequence[str]) -> list[tuple[str, str | None]]:
    padded = [*reasons, *[None] * len(said)]
    return list(zip(said, padded, strict=False))


def said_message(said: str, reason: str | None) -> Message:
    """Return a message of one text."""
    spelled = {"FINISH": "stop", "COMPLETE": "stop", "end_turn": "stop", "LENGTH": "length"}
    parts = [{"type": "text", "content": said}]
    finish = spelled.get(reason or "", reason) or "unknown"
    return {"role": "assistant", "parts": parts, "finish_reason": finish}
