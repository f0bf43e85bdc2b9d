"""Cohere: ``chat`` of version 2 of the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import cohere
import httpx
from cohere.v2.raw_client import RawV2Client

from otel_llm.instrumentation.cohere import CohereInstrumentor
from otel_llm.testing import cohere as wire

from .hand import TEXT, Hand, said, start, transport


class Cohere(Hand):
    """``chat`` of version 2 of the API, which does not name the model that served.

    A client keeps its own ``chat`` from when it was made, so that what is patched is below it.
    """

    name = "cohere"
    instrumentor = CohereInstrumentor
    patched = RawV2Client
    method = "chat"
    ask: ClassVar[dict[str, Any]] = {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": TEXT}],
        "temperature": 0.2,
        "p": 0.9,
        "max_tokens": 200,
    }
    start: ClassVar[dict[str, Any]] = start("cohere", "command-a-03-2025")

    @staticmethod
    def client() -> cohere.ClientV2:
        memory = transport(httpx, json.dumps(wire.chat(usage=wire.usage(1200, 90))).encode())
        return cohere.ClientV2(
            "k",
            base_url="http://127.0.0.1:80",
            httpx_client=httpx.Client(transport=memory),
        )

    @staticmethod
    def create(client: cohere.ClientV2) -> Callable[..., Any]:
        return client.chat

    def described(self, answer: Any) -> dict[str, Any]:
        return {
            "gen_ai.request.temperature": self.ask["temperature"],
            "gen_ai.request.top_p": self.ask["p"],
            "gen_ai.request.max_tokens": self.ask["max_tokens"],
            "gen_ai.response.id": answer.id,
            "gen_ai.response.finish_reasons": [answer.finish_reason],
            "gen_ai.usage.input_tokens": int(answer.usage.billed_units.input_tokens),
            "gen_ai.usage.output_tokens": int(answer.usage.billed_units.output_tokens),
        }

    def told(self, answer: Any) -> list[dict[str, Any]]:
        reason = {"COMPLETE": "stop"}[answer.finish_reason]
        return [said("assistant", b.text, finish_reason=reason) for b in answer.message.content]

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        billed = answer.usage.billed_units
        return {**self.start}, int(billed.input_tokens), int(billed.output_tokens)
