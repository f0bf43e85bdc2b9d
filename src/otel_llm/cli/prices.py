"""``prices``: what a model costs, who says so, who says otherwise, and what has no price."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .asking import Unanswered, add_source, opened_file, stream
from .calls import SINCE, calls_of, chosen, unanswered
from .command import Commands, command, group, mistakes
from .costs import print_shifts

if TYPE_CHECKING:
    from otel_llm.pricing.lookup import PriceRow

_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache-read": "cache_read",
    "cache-write": "cache_write",
}


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    prices = group(commands, "prices", "what models cost, and where the figures are from")

    show = command(prices, "show", _show, "the rates of a model, in every tier")
    search = command(prices, "search", _search, "every listed model with a text in its name")
    search.add_argument("text", metavar="TEXT")
    check = command(prices, "check", _check, "the bill of one call, line by line")
    for name, about in (("input", "all of it, cached included"), ("output", "reasoning included")):
        check.add_argument(f"--{name}", type=int, required=True, metavar="TOKENS", help=about)
    for name in ("cache-read", "cache-write"):
        check.add_argument(f"--{name}", type=int, metavar="TOKENS", help="part of the input")
    check.add_argument("--tier", help="batch, flex, priority, fast")
    compare = command(prices, "compare", _compare, "our rates beside a file of LiteLLM's format")
    compare.add_argument("file", type=Path, metavar="FILE")
    _add_unpriced(prices)
    _add_diff(prices)
    for one in (show, check):
        one.add_argument("model", metavar="MODEL")
        one.add_argument("--provider", help="gen_ai.provider.name; any, if it is not given")
    for one in (show, search, check, compare):
        one.add_argument("--day", metavar="YYYY-MM-DD", help="rates of that day")


def _add_unpriced(prices: Commands) -> None:
    unpriced = command(prices, "unpriced", _list_unpriced, "models that were called without price")
    unpriced.add_argument("--since", default="30d", help=SINCE)
    add_source(unpriced)


def _add_diff(prices: Commands) -> None:
    about = "what another table would have made of the calls of the last month"
    diff = command(prices, "diff", _diff, about)
    diff.add_argument(
        "table",
        type=Path,
        metavar="TABLE",
        help="prices/data.json of pydantic/genai-prices, or a file in LiteLLM's format",
    )
    diff.add_argument("--since", default="30d", help=SINCE)
    diff.add_argument("--until", help="in the same forms; by default now")
    diff.add_argument("--config", type=Path, metavar="FILE", help="whose own prices go before both")
    add_source(diff)


def _show(arguments: argparse.Namespace) -> int:
    from otel_llm.pricing import PriceBook, Unpriced
    from otel_llm.pricing.lookup import at_day, show

    rows = show(PriceBook(), arguments.provider, arguments.model, at_day(arguments.day))
    if isinstance(rows, Unpriced):
        return _unpriced(arguments.model, rows)
    _print_rows(rows)
    return 0


def _search(arguments: argparse.Namespace) -> int:
    from otel_llm.pricing import PriceBook
    from otel_llm.pricing.lookup import at_day, search

    rows = list(search(PriceBook(), arguments.text, at_day(arguments.day)))
    _print_rows(rows)
    return 0 if rows else 1


def _check(arguments: argparse.Namespace) -> int:
    from otel_llm.genai import Usage
    from otel_llm.pricing import PriceBook, Unpriced
    from otel_llm.pricing.lookup import at_day, explain

    given = vars(arguments)
    usage = Usage(**{field: given[name.replace("-", "_")] for name, field in _TOKENS.items()})
    lines = explain(
        PriceBook(),
        arguments.provider,
        arguments.model,
        usage,
        at_day(arguments.day),
        arguments.tier,
    )
    if isinstance(lines, Unpriced):
        return _unpriced(arguments.model, lines)
    for line in lines:
        print(f"{line.part:12} ${line.amount:.8f}")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from otel_llm.pricing import PriceBook
    from otel_llm.pricing.lookup import at_day
    from otel_llm.pricing.second import compare

    counts: dict[str, int] = {}
    try:
        for one in compare(PriceBook(), arguments.file, at_day(arguments.day)):
            counts[one.verdict] = counts.get(one.verdict, 0) + 1
            for bucket, (ours, theirs) in one.differences().items():
                print(f"{one.provider}/{one.model} {bucket}: ours ${ours}, theirs ${theirs}")
    except (OSError, ValueError) as error:
        return mistakes(arguments.file, [error])
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 1 if counts.get("differ") else 0


def _list_unpriced(arguments: argparse.Namespace) -> int:
    try:
        found = _found_unpriced(arguments)
    except Unanswered as error:
        return unanswered(error)
    for one in found:
        name = f"{one['provider'] or '?'}/{one['model'] or '?'}"
        print(f"{one['calls']:>8} calls  {one['tokens']:>12,} tokens  {name}: {one['reason']}")
    return 1 if found else 0


def _found_unpriced(arguments: argparse.Namespace) -> Sequence[Mapping[str, Any]]:
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
    from otel_llm.service.prices import book_of, custom_prices
    from otel_llm.service.settings import read_settings

    try:
        settings = read_settings(arguments.config) if arguments.config else None
        new = read_table(arguments.table, custom_prices(settings))
        with calls_of(arguments) as calls:
            found = differences(calls, book_of(settings), new)
    except ConfigError as error:
        return mistakes(arguments.config, error.problems)
    except (OSError, ValueError) as error:
        return mistakes(arguments.table, [error])
    except Unanswered as error:
        return unanswered(error)
    print_shifts(found)
    return 1 if found else 0


def _print_rows(rows: Iterable[PriceRow]) -> None:
    for row in rows:
        print(f"{row.provider}/{row.model}  {row.tier}  {_rates(row.rates)}")
        print(f"    {row.source}, {row.match}{f', as of {row.as_of}' if row.as_of else ''}")


def _rates(rates: Mapping[str, Decimal]) -> str:
    return "  ".join(f"{bucket} ${rate.normalize():f}" for bucket, rate in rates.items())


def _unpriced(model: str, why: object) -> int:
    print(f"{model}: no price ({getattr(why, 'reason', why)})", file=sys.stderr)
    return 1
