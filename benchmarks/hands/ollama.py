"""Ollama: ``chat``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import httpx
import ollama

from otel_llm.instrumentation.ollama import OllamaInstrumentor
from otel_llm.testing import ollama as wire

from .hand import TEXT, Hand, said, start, transport


class Ollama(Hand):
    """``chat``."""

    name = "ollama"
    instrumentor = OllamaInstrumentor
    patched = ollama.Client
    method = "chat"
    ask: ClassVar[dict[str, Any]] = {
        "model": "llama3.2",
        "messages": [{"role": "user", "content": TEXT}],
        "options": {"temperature": 0.2, "num_predict": 200, "seed": 7},
    }
    start: ClassVar[dict[str, Any]] = start("ollama", "llama3.2")

    @staticmethod
    def client() -> ollama.Client:
        whole = wire.chat(prompt_eval_count=1200, eval_count=90)
        memory = transport(httpx, json.dumps(whole).encode())
        return ollama.Client("http://127.0.0.1:80", transport=memory)

    @staticmethod
    def create(client: ollama.Client) -> Callable[..., Any]:
        return client.chat

    def described(self, answer: Any) -> dict[str, Any]:
        options = self.ask["options"]
        return {
            "gen_ai.request.temperature": options["temperature"],
            "gen_ai.request.max_tokens": options["num_predict"],
            "gen_ai.request.seed": options["seed"],
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [answer.done_reason],
            "gen_ai.usage.input_tokens": answer.prompt_eval_count,
            "gen_ai.usage.output_tokens": answer.eval_count,
        }

    def told(self, answer: Any) -> list[dict[str, Any]]:
        return [said("assistant", answer.message.content, finish_reason=answer.done_reason)]

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        attributes = {**self.start, "gen_ai.response.model": answer.model}
        return attributes, answer.prompt_eval_count, answer.eval_count
