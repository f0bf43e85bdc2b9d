"""Mistral: ``chat.complete``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import httpx2
from mistralai.client import Mistral as Client
from mistralai.client.chat import Chat

from otel_llm.instrumentation.mistral import MistralInstrumentor
from otel_llm.testing import openai as wire

from .chat import ChatHand
from .hand import TEXT, start, transport


class Mistral(ChatHand):
    """``chat.complete``."""

    name = "mistral"
    instrumentor = MistralInstrumentor
    patched = Chat
    method = "complete"
    ask: ClassVar[dict[str, Any]] = {
        "model": "mistral-medium-2508",
        "messages": [{"role": "user", "content": TEXT}],
        "temperature": 0.2,
        "max_tokens": 200,
        "random_seed": 7,
    }
    start: ClassVar[dict[str, Any]] = start("mistral_ai", "mistral-medium-2508")

    @staticmethod
    def client() -> Client:
        whole = wire.completion(model=Mistral.ask["model"], usage=wire.usage(1200, 90))
        memory = transport(httpx2, json.dumps(whole).encode())
        return Client(
            api_key="k",
            server_url="http://127.0.0.1:80",
            client=httpx2.Client(transport=memory),
        )

    @staticmethod
    def create(client: Client) -> Callable[..., Any]:
        return client.chat.complete

    def described(self, answer: Any) -> dict[str, Any]:
        return {
            "gen_ai.request.temperature": self.ask["temperature"],
            "gen_ai.request.max_tokens": self.ask["max_tokens"],
            "gen_ai.request.seed": self.ask["random_seed"],
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [c.finish_reason for c in answer.choices],
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
        }
