"""One call that asks the model several times: what each round used is added up."""

from __future__ import annotations

from opentelemetry.context import Context, create_key, get_value, set_value

from otel_llm.genai import Usage

_KEY = create_key("otel-llm-rounds")


def counting(context: Context) -> Context:
    """Return ``context`` with a place where the rounds of its call are counted."""
    return set_value(_KEY, list[Usage](), context)


def count_round(usage: Usage) -> None:
    """Count one round of the call that is running, if it wants its rounds counted."""
    rounds = get_value(_KEY)
    if isinstance(rounds, list):
        rounds.append(usage)  # pyright: ignore[reportUnknownMemberType] - ours, see ``counting``


def counted(context: Context) -> Usage | None:
    """Return the sum of all rounds; ``None`` when none was counted."""
    rounds: list[Usage] = context.get(_KEY) or []  # type: ignore[assignment]
    return sum(rounds[1:], rounds[0]) if rounds else None
