"""OpenAI: ``chat.completions.create``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import httpx2
import openai
from openai.resources.chat.completions import Completions

from otel_llm.instrumentation.openai import OpenAIInstrumentor
from otel_llm.testing import openai as wire

from .chat import ChatHand
from .hand import TEXT, start, transport


class OpenAI(ChatHand):
    """``chat.completions.create``."""

    name = "openai"
    instrumentor = OpenAIInstrumentor
    patched = Completions
    ask: ClassVar[dict[str, Any]] = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": TEXT}],
        "temperature": 0.2,
        "top_p": 0.9,
        "max_tokens": 200,
        "seed": 7,
    }
    start: ClassVar[dict[str, Any]] = start("openai", "gpt-4o-mini")
    usage = wire.usage(1200, 90, prompt_tokens_details={"cached_tokens": 1024})

    @staticmethod
    def client(answer: bytes | None = None, kind: str = "application/json") -> openai.OpenAI:
        whole = wire.completion(
            usage=OpenAI.usage, service_tier="default", system_fingerprint="fp_1"
        )
        memory = transport(httpx2, answer or json.dumps(whole).encode(), kind)
        return openai.OpenAI(
            api_key="k",
            base_url="http://127.0.0.1:80/v1",
            http_client=httpx2.Client(transport=memory),
        )

    @staticmethod
    def create(client: openai.OpenAI) -> Callable[..., Any]:
        return client.chat.completions.create

    def requested(self) -> dict[str, Any]:
        """Return what the request says."""
        return {
            "gen_ai.request.temperature": self.ask["temperature"],
            "gen_ai.request.top_p": self.ask["top_p"],
            "gen_ai.request.max_tokens": self.ask["max_tokens"],
            "gen_ai.request.seed": self.ask["seed"],
            "openai.api.type": "chat_completions",
        }

    def described(self, answer: Any) -> dict[str, Any]:
        return {
            **self.requested(),
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [c.finish_reason for c in answer.choices],
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": (
                answer.usage.prompt_tokens_details.cached_tokens
            ),
            "openai.response.service_tier": answer.service_tier,
            "openai.response.system_fingerprint": answer.system_fingerprint,
        }

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        attributes = {
            **self.start,
            "gen_ai.response.model": answer.model,
            "openai.response.service_tier": answer.service_tier,
            "openai.response.system_fingerprint": answer.system_fingerprint,
        }
        return attributes, answer.usage.prompt_tokens, answer.usage.completion_tokens
