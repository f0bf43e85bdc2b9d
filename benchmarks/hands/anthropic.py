"""Anthropic: ``messages.create``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import anthropic
import httpx2
from anthropic.resources.messages import Messages

from otel_llm.instrumentation.anthropic import AnthropicInstrumentor
from otel_llm.testing import anthropic as wire

from .hand import TEXT, Hand, said, start, transport


class Anthropic(Hand):
    """``messages.create``."""

    name = "anthropic"
    instrumentor = AnthropicInstrumentor
    patched = Messages
    ask: ClassVar[dict[str, Any]] = {
        "model": "claude-sonnet-5",
        "messages": [{"role": "user", "content": TEXT}],
        "max_tokens": 200,
        "stop_sequences": ["END"],
    }
    start: ClassVar[dict[str, Any]] = start("anthropic", "claude-sonnet-5")

    @staticmethod
    def client() -> anthropic.Anthropic:
        usage = wire.usage(176, 90, **wire.cache(1024))
        whole = wire.message(wire.text(), model=Anthropic.ask["model"], usage=usage)
        memory = transport(httpx2, json.dumps(whole).encode())
        return anthropic.Anthropic(
            api_key="k",
            base_url="http://127.0.0.1:80",
            http_client=httpx2.Client(transport=memory),
        )

    @staticmethod
    def create(client: anthropic.Anthropic) -> Callable[..., Any]:
        return client.messages.create

    def described(self, answer: Any) -> dict[str, Any]:
        usage = answer.usage
        read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        return {
            "gen_ai.request.max_tokens": self.ask["max_tokens"],
            "gen_ai.request.stop_sequences": self.ask["stop_sequences"],
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [answer.stop_reason],
            "gen_ai.usage.input_tokens": usage.input_tokens + read + written,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_write.input_tokens": written,
        }

    def told(self, answer: Any) -> list[dict[str, Any]]:
        reason = {"end_turn": "stop"}[answer.stop_reason]
        return [said("assistant", b.text, finish_reason=reason) for b in answer.content]

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        usage = answer.usage
        cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        attributes = {**self.start, "gen_ai.response.model": answer.model}
        return attributes, usage.input_tokens + cached, usage.output_tokens
