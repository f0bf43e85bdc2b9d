"""Senders' spellings of providers and models."""

from __future__ import annotations

import pytest

from otel_llm.pricing.names import reference


@pytest.mark.parametrize(
    ("provider", "model", "expected"),
    [
        ("gcp.gen_ai", "models/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("gcp.gemini", "gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        (
            "gcp.vertex_ai",
            "publishers/google/models/gemini-2.5-flash",
            ("google", "gemini-2.5-flash"),
        ),
        (
            "gcp.vertex_ai",
            "projects/p/locations/eu/publishers/anthropic/models/claude-sonnet-4@20250514",
            ("google", "claude-sonnet-4@20250514"),
        ),
        ("x_ai", "grok-4", ("x-ai", "grok-4")),
        ("azure.ai.openai", "gpt-4o", ("azure", "gpt-4o")),
        ("azure.ai.inference", "Mistral-large", ("azure", "Mistral-large")),
        ("az.ai.openai", "azure/gpt-4o", ("azure", "gpt-4o")),
        ("ibm.watsonx.ai", "ibm/granite-13b", ("watsonx", "ibm/granite-13b")),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-sonnet-4-v1:0",
            ("aws", "us.anthropic.claude-sonnet-4-v1:0"),
        ),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            ("aws", "amazon.nova-pro-v1:0"),
        ),
        ("aws.bedrock", "bedrock/amazon.nova-pro-v1:0", ("aws", "amazon.nova-pro-v1:0")),
        (
            None,
            "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0",
            ("aws", "amazon.nova-pro-v1:0"),
        ),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123:application-inference-profile/abc",
            ("aws", "application-inference-profile"),
        ),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123:custom-model/amazon.nova-pro-v1:0/abc",
            ("aws", "custom-model"),
        ),
        ("mistral_ai", "mistral-large-latest", ("mistral", "mistral-large-latest")),
        ("moonshot_ai", "kimi-k2", ("moonshotai", "kimi-k2")),
        ("OpenAI", "gpt-4o", ("openai", "gpt-4o")),
        ("openai", "openai/gpt-4o", ("openai", "gpt-4o")),
        ("groq", "openai/gpt-oss-20b", ("groq", "openai/gpt-oss-20b")),
        ("openrouter", "openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        ("litellm", "vertex_ai/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("litellm", "litellm_proxy/azure/gpt-4o", ("azure", "gpt-4o")),
        ("litellm", "gpt-4o", (None, "gpt-4o")),
        (None, "bedrock/amazon.nova-pro-v1:0", ("aws", "amazon.nova-pro-v1:0")),
        (None, "gpt-4o", (None, "gpt-4o")),
        ("openai", "/", ("openai", "/")),
        ("openai", "gpt-4o/", ("openai", "gpt-4o/")),
    ],
)
def test_a_senders_spelling_becomes_the_price_lists(
    provider: str | None, model: str, expected: tuple[str | None, str]
):
    assert reference(provider, model) == expected
