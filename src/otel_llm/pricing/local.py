"""Model servers that charge nothing for a call."""

from __future__ import annotations

import ipaddress

RUNTIMES = frozenset(
    {
        "ollama",
        "llamacpp",
        "llama.cpp",
        "llama_cpp",
        "lmstudio",
        "lm_studio",
        "localai",
        "gpt4all",
        "llamafile",
        "mlx",
        "vllm",
        "sglang",
        "tgi",
    }
)
"""Programs that run a model on the operator's own machine, by the names that senders give them."""

_HOSTED = frozenset({"vllm", "sglang", "tgi"})
"""Runtimes that others sell by the token too: local only at a local address."""


def may_be_local(provider: str | None) -> bool:
    """Return whether the price can depend on the server's address."""
    return provider is not None and provider.lower() in RUNTIMES


def is_free(provider: str, model: str, server: str | None) -> bool:
    """Return whether the call is certain to have gone to a model on the operator's own machine.

    ``server`` is ``server.address``. Ollama passes models tagged ``cloud`` on to a paid service.
    """
    if provider not in RUNTIMES or model.lower().endswith(("-cloud", ":cloud")):
        return False
    return is_private(server) if server else provider not in _HOSTED


def is_private(server: str) -> bool:
    """Return whether an address can only be reached from the operator's own network."""
    host = server.strip("[]").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost", ".svc"))
    return address.is_private or address.is_loopback
