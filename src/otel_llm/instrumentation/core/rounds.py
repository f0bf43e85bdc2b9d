"""One call that asks the model several times: what each round used is added up."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context, create_key, get_value

_KEY = create_key("otel-llm-rounds")


def counting(context: Context, rounds: list[Any]) -> Context:
    """Return ``context`` with the place where the rounds of its call are kept."""
    return Context({**context, _KEY: rounds})


def count_round(said: Any) -> bool:
    """Keep what the SDK said of one round of the call that is running; return whether one is."""
    rounds = get_value(_KEY)
    if not isinstance(rounds, list):
        return False
    rounds.append(said)  # pyright: ignore[reportUnknownMemberType] - ours, see ``counting``
    return True
