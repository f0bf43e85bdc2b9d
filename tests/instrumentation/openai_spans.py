"""What the spans of OpenAI's answers say, whichever way they came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SERVED = "gpt-4o-mini-2024-07-18"


def completion_span(port: int, changes: Mapping[str, Any] | tuple[()] = ()) -> dict[str, Any]:
    """Return the whole span of a chat that ``wire.completion()`` answered, with ``changes``; what
    is ``None`` in them is not there."""
    span = {
        "name": "chat gpt-4o",
        "kind": "CLIENT",
        "status": "UNSET",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "server.address": "127.0.0.1",
        "server.port": port,
        "openai.api.type": "chat_completions",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": SERVED,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
    }
    return {n: v for n, v in {**span, **dict(changes)}.items() if v is not None}


def response_span(port: int, changes: Mapping[str, Any] | tuple[()] = ()) -> dict[str, Any]:
    """The same of a response of ``wire.response()``."""
    said = {
        "openai.api.type": "responses",
        "gen_ai.response.id": "resp_1",
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
    }
    return completion_span(port, {**said, **dict(changes)})
