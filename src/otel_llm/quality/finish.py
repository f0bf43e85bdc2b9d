"""Finish reasons, in each provider's spelling, and what they say."""

from __future__ import annotations

REFUSED = frozenset(
    {
        "content_filter",
        "content_filtered",
        "content_filter_error",
        "refusal",
        "refused",
        "safety",
        "image_safety",
        "prohibited_content",
        "image_prohibited_content",
        "blocklist",
        "blocked",
        "block",
        "spii",
        "recitation",
        "image_recitation",
        "guardrail",
        "guardrails",
        "guardrail_intervened",
        "error_toxic",
        "sensitive",
        "moderation",
        "model_armor",
        "language",
        "escalation",
        "pup_limited_disabled",
    }
)
"""OpenAI, Azure, Anthropic, Gemini, Vertex, Bedrock, Cohere, Zhipu."""

TRUNCATED = frozenset(
    {
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "max_length",
        "model_length",
        "model_context_window_exceeded",
        "context_length_exceeded",
        "context_window_exceeded",
        "token_limit",
        "error_limit",
        "incomplete",
        "continuation",
        "requires_continuation",
    }
)
"""OpenAI, Anthropic, Gemini, Mistral, Cohere, Bedrock, Ollama, watsonx."""


def plain(reason: str) -> str:
    """Return a reason in lower case without the name of its enumeration (``FinishReason.``)."""
    lowered = reason.rpartition(".")[2].strip().lower().replace("-", "_")
    return lowered.removeprefix("finish_reason_")
