"""How the conventions spell what senders spell otherwise: providers, and how an answer ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from .json_values import parsed
from .table import FINISH_REASONS, OPERATION_NAMES, PROVIDERS

_PROVIDER_NAMES: Final = frozenset(PROVIDERS.values()) | {
    *("anthropic", "cohere", "deepseek", "groq", "openai", "ollama"),
}
_LONGEST: Final = 100
"""Letters of what is looked up: beyond, it is no provider's name."""


@lru_cache(maxsize=1024)
def _provider(said: str) -> str:
    name = said
    while name:
        if name in _PROVIDER_NAMES or name in PROVIDERS:
            return PROVIDERS.get(name, name)
        name = name.rpartition(".")[0]
    return said.partition(".")[0]


def provider_name(said: str) -> str:
    """Return the name of a provider: ``openai`` for ``OpenAI`` or ``openai.chat``."""
    said = said.lower()
    return _provider(said) if len(said) <= _LONGEST else said


def known_provider(said: str) -> str | None:
    """Return the name of a provider; ``None`` where it is nobody's."""
    return PROVIDERS.get(said, said if said in _PROVIDER_NAMES else None)


def settled_provider(said: str | None) -> str | None:
    """Return what a current attribute should say: a name that is nobody's stays as it is."""
    known = said.lower() if said and len(said) <= _LONGEST else said
    return PROVIDERS.get(known, known if known in _PROVIDER_NAMES else said) if known else said


def settled_operation(said: str | None) -> str | None:
    """Return what a current attribute should say."""
    return OPERATION_NAMES.get(said, said) if said else said


def settled_reasons(said: Sequence[str]) -> Sequence[str]:
    """Return how answers ended; some write the list as JSON."""
    listed = parsed(said[0]) if len(said) == 1 else None
    if isinstance(listed, list):
        said = [item for item in cast("list[object]", listed) if isinstance(item, str)]
    return tuple([finish_reason(reason) for reason in said])


def reasons_in(messages: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return how answers ended, of messages that say it. Older schemas demand it of each, so that
    ``unknown`` alone says nothing."""
    told = [r for message in messages if isinstance(r := message.get("finish_reason"), str)]
    return [] if set(told) == {"unknown"} else told


def finish_reason(said: str) -> str:
    """Return how an answer ended, in the words of the conventions where they have one."""
    said = said.removeprefix("FinishReason.")
    return FINISH_REASONS.get(said, said)
