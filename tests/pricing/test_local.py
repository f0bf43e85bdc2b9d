"""Local model servers cost nothing, but only when it is certain that they are local."""

from __future__ import annotations

from decimal import Decimal

import pytest

from otel_llm.genai import Usage
from otel_llm.pricing import Unpriced
from tests.pricing.book import NOV, book


@pytest.mark.parametrize(
    ("provider", "model", "server"),
    [
        ("ollama", "llama3.2", None),
        ("ollama", "llama3.2", "localhost"),
        ("ollama", "llama3.2", "127.0.0.1"),
        ("ollama", "llama3.2", "::1"),
        ("ollama", "llama3.2", "[::1]"),
        ("Ollama", "llama3.2", "10.1.2.3"),
        ("ollama", "llama3.2", "ollama"),
        ("ollama", "llama3.2", "ollama.models.svc"),
        ("vllm", "qwen3", "192.168.0.7"),
        ("lm_studio", "qwen3", None),
    ],
)
def test_a_model_on_the_operators_own_machine_costs_nothing(
    provider: str, model: str, server: str | None
):
    found = book().cost(provider, model, Usage(), NOV, server=server)

    assert found is not None
    assert (found.total, found.card.source) == (Decimal(0), "local")


@pytest.mark.parametrize(
    ("provider", "model", "server"),
    [
        ("ollama", "gpt-oss:120b-cloud", "localhost"),
        ("ollama", "gpt-oss:120b", "ollama.com"),
        ("ollama", "llama3.2", "8.8.8.8"),
        ("vllm", "qwen3", None),
        ("vllm", "qwen3", "api.example.com"),
        ("openai", "my-alias", "127.0.0.1"),
    ],
)
def test_what_may_be_paid_for_is_not_called_free(provider: str, model: str, server: str | None):
    assert isinstance(book().bill(provider, model, Usage(1, 1), NOV, server=server), Unpriced)


def test_a_listed_model_behind_a_local_gateway_keeps_its_price():
    found = book().cost("openai", "gpt-4o", Usage(1_000_000, 0), NOV, server="127.0.0.1")

    assert found is not None
    assert found.total == Decimal("2.5")
