"""What a model said inside one call: in several rounds, or before the SDK raised over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import create_key, get_value

_KEY = create_key("otel-llm-rounds")


def counting(rounds: list[Any]) -> Mapping[str, Any]:
    """Return what the context of a call needs for its rounds to be kept in ``rounds``."""
    return {_KEY: rounds}


def count_round(said: Any) -> bool:
    """Keep what the SDK said of one round of the call that is running; return whether one is."""
    rounds = get_value(_KEY)
    if not isinstance(rounds, list):
        return False
    rounds.append(said)  # pyright: ignore[reportUnknownMemberType] - ours, see ``counting``
    return True


def counting_argument(name: str) -> Callable[..., Any]:
    """Return the wrapper of a hook on what an SDK makes of an answer, its argument ``name``."""

    def wrapper(
        wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if (answer := kwargs.get(name)) is not None:
            count_round(answer)
        return wrapped(*args, **kwargs)

    return wrapper
