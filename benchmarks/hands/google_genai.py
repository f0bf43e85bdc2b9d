"""Google GenAI: ``models.generate_content``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import httpx
from google import genai
from google.genai import types
from google.genai.models import Models

from otel_llm.instrumentation.google_genai import GoogleGenAIInstrumentor
from otel_llm.testing import gemini as wire

from .hand import TEXT, Hand, said, start, transport


class GoogleGenAI(Hand):
    """``models.generate_content``."""

    name = "google-genai"
    instrumentor = GoogleGenAIInstrumentor
    patched = Models
    method = "generate_content"
    ask: ClassVar[dict[str, Any]] = {
        "model": "gemini-3-flash",
        "contents": TEXT,
        "config": types.GenerateContentConfig(temperature=0.2, top_p=0.9, max_output_tokens=200),
    }
    start: ClassVar[dict[str, Any]] = start("gcp.gemini", "gemini-3-flash", "generate_content")

    @staticmethod
    def client() -> genai.Client:
        whole = wire.response(
            model=GoogleGenAI.ask["model"], usageMetadata=wire.usage(1200, 90, thoughts=30)
        )
        memory = httpx.Client(transport=transport(httpx, json.dumps(whole).encode()))
        options = types.HttpOptions(base_url="http://127.0.0.1:80", httpx_client=memory)
        return genai.Client(api_key="k", http_options=options)

    @staticmethod
    def create(client: genai.Client) -> Callable[..., Any]:
        return client.models.generate_content

    def described(self, answer: Any) -> dict[str, Any]:
        config, usage = self.ask["config"], answer.usage_metadata
        return {
            "gen_ai.request.temperature": config.temperature,
            "gen_ai.request.top_p": config.top_p,
            "gen_ai.request.max_tokens": config.max_output_tokens,
            "gen_ai.response.id": answer.response_id,
            "gen_ai.response.model": answer.model_version,
            "gen_ai.response.finish_reasons": [c.finish_reason.value for c in answer.candidates],
            "gen_ai.usage.input_tokens": usage.prompt_token_count,
            "gen_ai.usage.output_tokens": (
                usage.candidates_token_count + usage.thoughts_token_count
            ),
            "gen_ai.usage.reasoning.output_tokens": usage.thoughts_token_count,
        }

    def asked(self) -> list[dict[str, Any]]:
        return [said("user", self.ask["contents"])]

    def told(self, answer: Any) -> list[dict[str, Any]]:
        return [
            said("assistant", part.text, finish_reason={"STOP": "stop"}[c.finish_reason.value])
            for c in answer.candidates
            for part in c.content.parts
        ]

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        usage = answer.usage_metadata
        attributes = {**self.start, "gen_ai.response.model": answer.model_version}
        wrote = usage.candidates_token_count + usage.thoughts_token_count
        return attributes, usage.prompt_token_count, wrote
