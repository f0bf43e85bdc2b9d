"""One call that asks the model several times: what each round used is added up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.context import Context, create_key, get_value, set_value

from otel_llm.genai import Usage

_KEY = create_key("otel-llm-rounds")


def counting(context: Context) -> Context:
    """Return ``context`` with a place where the rounds of its call are kept."""
    return set_value(_KEY, [], context)


def count_round(said: Any) -> bool:
    """Keep what the SDK said of one round of the call that is running; return whether one is."""
    rounds = get_value(_KEY)
    if not isinstance(rounds, list):
        return False
    rounds.append(said)  # pyright: ignore[reportUnknownMemberType] - ours, see ``counting``
    return True


def counted(context: Context, read: Callable[[Any], Usage], *, failed: bool) -> Usage | None:
    """Return the sum of all rounds; ``None`` where the answer itself says it: the only one.

    A call that failed has no answer, and yet rounds that were billed.
    """
    rounds: list[Any] = context.get(_KEY) or []  # type: ignore[assignment]
    return sum(map(read, rounds), Usage()) if len(rounds) > 1 or (failed and rounds) else None
