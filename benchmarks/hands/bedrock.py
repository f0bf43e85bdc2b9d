"""AWS Bedrock: ``converse`` of botocore's client."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any, ClassVar

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient

from otel_llm.instrumentation.bedrock import BedrockInstrumentor
from otel_llm.testing import bedrock as wire

from .hand import TEXT, Hand, said, start


class _Raw(BytesIO):
    """A body as urllib3 would bring it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


class Bedrock(Hand):
    """``converse``, which does not name the model that served."""

    name = "bedrock"
    instrumentor = BedrockInstrumentor
    patched = BaseClient
    method = "_make_api_call"
    asked_model = "modelId"
    ask: ClassVar[dict[str, Any]] = {
        "modelId": "amazon.nova-lite-v1:0",
        "messages": [{"role": "user", "content": [{"text": TEXT}]}],
        "inferenceConfig": {"temperature": 0.2, "topP": 0.9, "maxTokens": 200},
    }
    start: ClassVar[dict[str, Any]] = start("aws.bedrock", "amazon.nova-lite-v1:0")

    @staticmethod
    def client() -> Any:
        body = json.dumps(wire.conversed(usage=wire.usage(176, 90, cacheReadInputTokens=1024)))
        client = botocore.session.get_session().create_client(
            "bedrock-runtime",
            endpoint_url="http://127.0.0.1:80",
            region_name="eu-north-1",
            aws_access_key_id="k",
            aws_secret_access_key="s",
        )

        def respond(request: Any, **_: Any) -> AWSResponse:
            raw, headers = _Raw(body.encode()), {"content-type": "application/json"}
            return AWSResponse(request.url, 200, headers, raw)

        client.meta.events.register("before-send.bedrock-runtime.*", respond)
        return client

    @staticmethod
    def create(client: Any) -> Callable[..., Any]:
        return client.converse

    def described(self, answer: Any) -> dict[str, Any]:
        config, usage = self.ask["inferenceConfig"], answer["usage"]
        return {
            "gen_ai.request.temperature": config["temperature"],
            "gen_ai.request.top_p": config["topP"],
            "gen_ai.request.max_tokens": config["maxTokens"],
            "gen_ai.response.finish_reasons": [answer["stopReason"]],
            "gen_ai.usage.input_tokens": usage["inputTokens"] + usage["cacheReadInputTokens"],
            "gen_ai.usage.output_tokens": usage["outputTokens"],
            "gen_ai.usage.cache_read.input_tokens": usage["cacheReadInputTokens"],
        }

    def asked(self) -> list[dict[str, Any]]:
        return [said(m["role"], m["content"][0]["text"]) for m in self.ask["messages"]]

    def told(self, answer: Any) -> list[dict[str, Any]]:
        message, reason = answer["output"]["message"], {"end_turn": "stop"}[answer["stopReason"]]
        return [said(message["role"], b["text"], finish_reason=reason) for b in message["content"]]

    def counted(self, answer: Any) -> tuple[dict[str, Any], int, int]:
        usage = answer["usage"]
        asked = usage["inputTokens"] + usage["cacheReadInputTokens"]
        return {**self.start}, asked, usage["outputTokens"]
