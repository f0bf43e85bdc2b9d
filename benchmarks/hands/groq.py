"""Groq: ``chat.completions.create``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import groq
import httpx
from groq.resources.chat.completions import Completions

from otel_llm.instrumentation.groq import GroqInstrumentor
from otel_llm.testing import groq as wire
from otel_llm.testing import openai as openai_wire

from .chat import ChatHand
from .hand import TEXT, start, transport


class Groq(ChatHand):
    """``chat.completions.create``."""

    name = "groq"
    instrumentor = GroqInstrumentor
    patched = Completions
    ask: ClassVar[dict[str, Any]] = {
        "model": "llama-3.3-70b-versatile",
        "messages": [{"role": "user", "content": TEXT}],
        "temperature": 0.2,
        "max_tokens": 200,
    }
    start: ClassVar[dict[str, Any]] = start("groq", "llama-3.3-70b-versatile")

    @staticmethod
    def client() -> groq.Groq:
        whole = openai_wire.completion(model=Groq.ask["model"], usage=wire.usage(1200, 90))
        memory = transport(httpx, json.dumps(whole).encode())
        return groq.Groq(
            api_key="k",
            base_url="http://127.0.0.1:80",
            http_client=httpx.Client(transport=memory),
        )

    @staticmethod
    def create(client: groq.Groq) -> Callable[..., Any]:
        return client.chat.completions.create

    def described(self, answer: Any) -> dict[str, Any]:
        return {
            "gen_ai.request.temperature": self.ask["temperature"],
            "gen_ai.request.max_tokens": self.ask["max_tokens"],
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [c.finish_reason for c in answer.choices],
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
        }
