"""Providers and models as senders spell them, in the spelling of the price list."""

from __future__ import annotations

import re
from collections.abc import Iterator

PROVIDERS = {
    "gcp.gen_ai": "google",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "gemini": "google",
    "google": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "x_ai": "x-ai",
    "x.ai": "x-ai",
    "xai": "x-ai",
    "azure": "azure",
    "azure_openai": "azure",
    "azure_ai": "azure",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "amazon_bedrock": "aws",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "ibm.watsonx.ai": "watsonx",
    "watsonx": "watsonx",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot_ai": "moonshotai",
    "moonshot": "moonshotai",
    "together_ai": "together",
    "togetherai": "together",
    "fireworks_ai": "fireworks",
    "cohere_chat": "cohere",
    "perplexity_ai": "perplexity",
    "voyage": "voyageai",
    "zhipu": "zhipuai",
    "z.ai": "zai",
    "zai": "zai",
}
"""Convention and SDK names whose price-list id is another one. ``azure.ai.openai`` must be here:
the library's own rule would take it for OpenAI."""

GATEWAYS = frozenset(
    {
        *("litellm", "litellm_proxy", "gateway", "vercel"),
        *("strands-agents", "langchain", "langgraph", "llama_index", "crewai", "autogen"),
        *("agent_framework", "microsoft.agent_framework", "semantic_kernel", "haystack"),
        *("spring_ai", "unknown"),
    }
)
"""Providers that are no provider and add nothing: the model says who serves. First gateways, of
which the third and fourth are Vercel's; then frameworks, which name themselves."""

_SNAPSHOT = re.compile(r"(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4})|[-@:]latest)$")
_REGION = re.compile(r"^[a-z]{2,4}\.(?=[a-z0-9]+\.)")
"""Of a Bedrock inference profile: ``ca.anthropic.…``. Its price is that of the region asked in."""
_BEDROCK = re.compile(
    r"^(?:[a-z]{2,6}\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek)\.[a-z]+[\w.:-]*-v?\d"
)
"""What only Bedrock calls models: ``us.anthropic.claude-sonnet-4-20250514-v1:0``."""
_ARN = re.compile(r"^arn:[\w-]+:bedrock:[^:]*:[^:]*:(?P<kind>[\w-]+)/(?P<name>.+)$")
_NAMED = frozenset({"foundation-model", "inference-profile"})
"""The resources of AWS that are named by their model. Others have a name of their own, in which a
model's may come up: applications' profiles, or models that are not billed by tokens at all."""
_PATHS = re.compile(r"^(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?models/")


def provider_id(name: str) -> str:
    """Return the price list's id for a provider, or ``name`` in lower case when it has none."""
    lowered = name.strip().lower()
    return PROVIDERS.get(lowered, lowered)


def reference(provider: str | None, model: str) -> tuple[str | None, str]:
    """Return (provider id, model) with gateways, resource paths and ARNs taken off.

    A prefix such as ``bedrock/`` names the provider when there is none, or repeats it.
    """
    found = provider_id(provider) if provider else None
    found = None if found in GATEWAYS else found
    model = _PATHS.sub("", model.strip())
    if model.startswith("arn:"):
        resource = _ARN.match(model) or {"kind": model, "name": model}
        return found or "aws", resource["name" if resource["kind"] in _NAMED else "kind"]
    if found is None and _BEDROCK.match(model):
        return "aws", model
    prefix, slash, rest = model.partition("/")
    if not slash or not rest:
        return found, model
    if found is None or provider_id(prefix) == found != "openrouter":
        return _prefixed(prefix, rest)
    return found, model


def other_snapshots(model: str) -> Iterator[str]:
    """Yield the names that a dated or ``-latest`` snapshot may be listed under instead."""
    base = _SNAPSHOT.sub("", model)
    if base and base != model:
        yield base
        yield f"{base}-latest"


def elsewhere(provider: str | None, model: str) -> Iterator[str]:
    """Yield the names that a model may be listed under in another region."""
    if provider == "aws" and (bare := _REGION.sub("", model)) != model:
        yield bare


def _prefixed(prefix: str, rest: str) -> tuple[str | None, str]:
    if prefix.lower() in GATEWAYS:
        return reference(None, rest)
    return provider_id(prefix), _PATHS.sub("", rest)
