"""Whose host it is: many providers are reached with another provider's SDK."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..core.patch import Origin

_CLASSES = {
    "AzureOpenAI": "azure.ai.openai",
    "AsyncAzureOpenAI": "azure.ai.openai",
    "BedrockOpenAI": "aws.bedrock",
    "AsyncBedrockOpenAI": "aws.bedrock",
}
"""Client classes of the OpenAI SDK that stand for a provider, whatever the host (a proxy)."""

_HOSTS = {
    "openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "models.ai.azure.com": "azure.ai.inference",
    "models.inference.ai.azure.com": "azure.ai.inference",
    "amazonaws.com": "aws.bedrock",
    "api.aws": "aws.bedrock",
    "anthropic.com": "anthropic",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "deepseek.com": "deepseek",
    "groq.com": "groq",
    "x.ai": "x_ai",
    "perplexity.ai": "perplexity",
    "mistral.ai": "mistral_ai",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "openrouter.ai": "openrouter",
    "together.xyz": "together",
    "together.ai": "together",
    "fireworks.ai": "fireworks",
    "arcee.ai": "arcee",
    "azuredatabricks.net": "databricks",
    "databricks.com": "databricks",
    "baseten.co": "baseten",
    "bigmodel.cn": "zhipuai",
    "cerebras.ai": "cerebras",
    "api.cloudflare.com": "cloudflare",  # not gateway.ai.cloudflare.com, which is a proxy
    "deepinfra.com": "deepinfra",
    "huggingface.co": "huggingface",
    "meta.ai": "meta",
    "minimax.io": "minimax",
    "minimaxi.com": "minimax",
    "nebius.com": "nebius",
    "novita.ai": "novita",
    "endpoints.kepler.ai.cloud.ovh.net": "ovhcloud",
    "sambanova.ai": "sambanova",
    "voyageai.com": "voyageai",
    "z.ai": "zai",
}
"""Ends of host names. Values outside the conventions' list are allowed as custom ones: the price
list's own ids, where it has the provider. Many serve models of the same names at other prices."""


@lru_cache(256)
def provider_of(client: type, host: str, default: str = "openai") -> str:
    """Return ``gen_ai.provider.name`` for a client's class and host.

    A host we do not know (a proxy, localhost) is reported as ``default``, the provider whose API
    it speaks, as the conventions ask for.
    """
    for kind in client.__mro__:
        if kind.__name__ in _CLASSES:
            return _CLASSES[kind.__name__]
    # A regional Vertex host is a label of its own: ``us-central1-aiplatform.googleapis.com``.
    labels = host.lower().rstrip(".").replace("-aiplatform.", ".aiplatform.").split(".")
    ends = (".".join(labels[start:]) for start in range(len(labels)))
    return next((_HOSTS[end] for end in ends if end in _HOSTS), default)


_OLLAMA = 11434
"""The port that Ollama has unless it is told another. It speaks others' APIs too, and that its
models cost nothing only its name tells."""
_SPOKEN = frozenset({"openai", "anthropic"})


def provider_at(named: str, port: int) -> str:
    """Return whose server it is by its port, where ``named`` may only be whose API it speaks."""
    return "ollama" if port == _OLLAMA and named in _SPOKEN else named


_MOST_SEEN = 64


class Origins:
    """Whom clients with a ``base_url`` speak to: taking an ``httpx`` URL apart costs 2 µs a call.

    ``provider`` names the provider for a client's class and host.
    """

    def __init__(self, provider: Callable[[type, str], str]) -> None:
        self._provider = provider
        self._seen: dict[int, tuple[Any, type, Origin]] = {}

    def of(self, client: Any) -> Origin:
        """Return whom ``client`` speaks to now: its URL may be set anew at any time."""
        try:
            url = client._base_url
            kept, kind, found = self._seen[id(url)]
        except (AttributeError, KeyError):
            return self._look(client)
        return found if kept is url and kind is type(client) else self._look(client)

    def _look(self, client: Any) -> Origin:
        url = getattr(client, "_base_url", None)
        host, port = server_of(client.base_url)
        found = Origin(provider_at(self._provider(client.__class__, host), port), host, port)
        if url is not None:
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen[id(url)] = url, type(client), found  # kept, so that its id stays its own
        return found


def server_of(url: Any) -> tuple[str, int]:
    """Return host and port of a client's base URL: ``httpx`` or ``httpx2``, so only by name."""
    return url.host, url.port or (80 if url.scheme == "http" else 443)


@lru_cache(256)
def server_at(address: str) -> tuple[str | None, int]:
    """Return host and port of a base URL in a string."""
    url = urlsplit(address)
    return url.hostname, url.port or (80 if url.scheme == "http" else 443)


@lru_cache(256)
def origin_at(provider: str, address: str) -> Origin:
    """Return whom a call goes to by a base URL in a string."""
    return Origin(provider, *server_at(address))


def called(socket: Any) -> tuple[Origin, str | None]:
    """Return whom a websocket speaks to, and the model that its address names."""
    asked = getattr(socket, "request", None)
    headers: Any = getattr(asked, "headers", None) or {}
    host, port = server_at(f"wss://{headers.get('Host', '')}")
    path = getattr(asked, "path", None)
    named = dict(parse_qsl(urlsplit(path if isinstance(path, str) else "").query))
    provider = provider_of(object, host or "")
    origin = Origin(provider) if host is None else Origin(provider, host, port)
    return origin, named.get("model") or named.get("deployment")
