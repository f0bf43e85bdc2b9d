"""``prices unpriced`` and ``prices diff``: prices against what was called."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .asking import Unanswered, add_source, opened_file, stream
from .calls import add_since, add_times, calls_of, chosen, unanswered
from .command import Commands, command, mistakes
from .costs import print_shifts
from .terminal import on_one_line

if TYPE_CHECKING:
    from otel_llm.pricing import PriceBook


def add(prices: Commands) -> None:
    """Describe the subcommands of ``prices``."""
    unpriced = command(prices, "unpriced", _unpriced, "models that were called without price")
    add_since(unpriced, "30d")
    add_source(unpriced)

    about = "what another table would have made of the calls of the last month"
    diff = command(prices, "diff", _diff, f"{about}; also prices --diff TABLE")
    diff.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="prices/data.json of pydantic/genai-prices, or a file in LiteLLM's format",
    )
    add_times(diff, "30d")
    diff.add_argument("--config", type=Path, metavar="FILE", help="whose own prices go before both")
    add_source(diff)


def book_of(arguments: argparse.Namespace) -> PriceBook:
    """Return the prices in use, with the own ones of ``--config`` where it is given.

    Raises ``ConfigError``, ``OSError`` and ``ValueError``.
    """
    from otel_llm.pricing import PriceBook

    if arguments.config is None:
        return PriceBook()
    from otel_llm.service import prices
    from otel_llm.service.settings import read_settings

    return prices.book_of(read_settings(arguments.config))


def no_book(arguments: argparse.Namespace, error: Exception) -> int:
    """Print why the configuration gives no prices; returns exit code 2."""
    from otel_llm.config import ConfigError

    problems = error.problems if isinstance(error, ConfigError) else [error]
    return mistakes(arguments.config, problems)


def _unpriced(arguments: argparse.Namespace) -> int:
    try:
        found = _found(arguments)
    except Unanswered as error:
        return unanswered(error)
    for one in found:
        name = on_one_line(f"{one['provider'] or '?'}/{one['model'] or '?'}")
        print(f"{one['calls']:>8} calls  {one['tokens']:>12,} tokens  {name}: {one['reason']}")
    return 1 if found else 0


def _found(arguments: argparse.Namespace) -> Sequence[Mapping[str, Any]]:
    if not arguments.store:
        return json.loads(b"".join(stream(arguments, "/v1/unpriced", {"since": arguments.since})))
    from otel_llm.pricing import PriceBook
    from otel_llm.store.unpriced import unpriced

    with opened_file(arguments.store) as store:
        found = unpriced(store, chosen(arguments.since), PriceBook())
    return [asdict(one) for one in found]


def _diff(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.pricing.reprice import differences
    from otel_llm.pricing.tables import read_table
    from otel_llm.service.prices import custom_prices
    from otel_llm.service.settings import read_settings

    try:
        settings = read_settings(arguments.config) if arguments.config else None
        new = read_table(arguments.table, custom_prices(settings))
        with calls_of(arguments) as calls:
            found = differences(calls, book_of(arguments), new)
    except ConfigError as error:
        return mistakes(arguments.config, error.problems)
    except (OSError, ValueError) as error:
        return mistakes(arguments.table, [error])
    except Unanswered as error:
        return unanswered(error)
    print_shifts(found)
    if not found:
        print("no call would have cost anything else")
    return 1 if found else 0
