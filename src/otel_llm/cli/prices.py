"""``prices``: what a model costs, who says so, and who says otherwise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from . import called_prices
from .command import Commands, command, group, mistakes

if TYPE_CHECKING:
    from otel_llm.pricing import PriceBook, Unpriced
    from otel_llm.pricing.lookup import PriceRow

_TOKENS = {
    "input": ("input_tokens", "all of it, cached included"),
    "output": ("output_tokens", "reasoning included"),
    "cache-read": ("cache_read", "part of the input"),
    "cache-write": ("cache_write", "part of the input"),
    "cache-write-1h": ("cache_write_1h", "part of the cache writes, kept for an hour"),
    "reasoning": ("reasoning", "part of the output"),
    "audio-input": ("audio_input", "part of the input"),
    "image-input": ("image_input", "part of the input"),
    "audio-output": ("audio_output", "part of the output"),
    "image-output": ("image_output", "part of the output"),
    "web-searches": ("web_searches", "searches of the web that the provider ran"),
    "file-searches": ("file_searches", "searches of stored files that the provider ran"),
}
"""Option to field of ``Usage`` and what it counts."""


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    prices = group(commands, "prices", "what models cost, and where the figures are from")

    show = command(prices, "show", _show, "the rates of a model, in every tier")
    search = command(prices, "search", _search, "every listed model with a text in its name")
    search.add_argument("text", metavar="TEXT")
    check = command(prices, "check", _check, "the bill of one call, line by line")
    for name, (_, about) in _TOKENS.items():
        check.add_argument(
            f"--{name}",
            type=_count,
            required=name == "input",
            default=0 if name == "output" else None,
            metavar="COUNT",
            help=about,
        )
    check.add_argument("--tier", help="batch, flex, priority, fast")
    check.add_argument("--server", help="server.address: models on your own machine cost nothing")
    compare = command(prices, "compare", _compare, "our rates beside a file of LiteLLM's format")
    compare.add_argument("file", type=Path, metavar="FILE")
    called_prices.add(prices)
    for one in (show, check):
        one.add_argument("model", metavar="MODEL")
        one.add_argument("--provider", help="gen_ai.provider.name; any, if it is not given")
    for one in (show, search, check, compare):
        one.add_argument("--day", type=_day, metavar="YYYY-MM-DD", help="rates of that day")
        one.add_argument("--config", type=Path, metavar="FILE", help="whose own prices go before")


def spelled(arguments: Sequence[str]) -> Sequence[str]:
    """Return a command line with ``prices --diff TABLE`` as what it is short for."""
    if [*arguments[:1]] != ["prices"] or not "".join(arguments[1:2]).startswith("-"):
        return arguments
    at = next((n for n, one in enumerate(arguments) if one.partition("=")[0] == "--diff"), None)
    if at is None:
        return arguments
    table = arguments[at].partition("=")[2]
    return ["prices", "diff", *arguments[1:at], *[table] * bool(table), *arguments[at + 1 :]]


def _count(written: str) -> int:
    count = int(written.replace(",", "").replace("_", ""))
    if count < 0:
        raise ValueError(written)
    return count


def _day(written: str) -> str:
    return datetime.fromisoformat(written).date().isoformat()


_count.__name__, _day.__name__ = "count", "day"  # what argparse calls an invalid one


def _show(arguments: argparse.Namespace) -> int:
    from otel_llm.pricing.lookup import at_day, show

    return _by_book(
        arguments,
        lambda book: show(book, arguments.provider, arguments.model, at_day(arguments.day)),
    )


def _search(arguments: argparse.Namespace) -> int:
    from otel_llm.pricing.lookup import at_day, search

    def found(book: PriceBook) -> Sequence[PriceRow]:
        return list(search(book, arguments.text, at_day(arguments.day)))

    return _by_book(arguments, found)


def _by_book(
    arguments: argparse.Namespace, find: Callable[[PriceBook], Sequence[PriceRow] | Unpriced]
) -> int:
    """Print the rows that ``find`` finds; exit code 1 when there are none."""
    from otel_llm.config import ConfigError
    from otel_llm.pricing import Unpriced

    try:
        book = called_prices.book_of(arguments)
        found = find(book)
    except (ConfigError, OSError, ValueError) as error:
        return called_prices.no_book(arguments, error)
    if isinstance(found, Unpriced):
        return _unpriced(arguments.model, found, book)
    if not found:
        print(f"no listed model has {arguments.text!r} in its name", file=sys.stderr)
    _print_rows(found)
    return 0 if found else 1


def _check(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.genai import Usage
    from otel_llm.pricing import Unpriced
    from otel_llm.pricing.lookup import TIERS, at_day, explain, tiers

    given = vars(arguments)
    counts = {field: given[name.replace("-", "_")] for name, (field, _) in _TOKENS.items()}
    usage = Usage(**{field: count for field, count in counts.items() if count is not None})
    try:
        book = called_prices.book_of(arguments)
    except (ConfigError, OSError, ValueError) as error:
        return called_prices.no_book(arguments, error)
    at_ns, called = at_day(arguments.day), (arguments.provider, arguments.model)
    bill = explain(book, *called, usage, at_ns, arguments.tier, server=arguments.server)
    if isinstance(bill, Unpriced):
        return _unpriced(arguments.model, bill, book)
    for line in bill.lines:
        print(f"{line.part:12} ${line.amount:.8f}")
    print(f"{bill.origin}{f' ({bill.quality})' if bill.quality else ''}", file=sys.stderr)
    if bill.quality == "unpriced_tier" and arguments.tier.strip().lower() not in TIERS:
        print(_no_such_tier(arguments.tier, tiers(book, *called, at_ns)), file=sys.stderr)
    return 0


def _no_such_tier(tier: str, known: Iterable[str]) -> str:
    from otel_llm.config.problem import suggestion

    return f"there is no tier {tier!r}{suggestion(tier, known)}"


def _compare(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.pricing.lookup import at_day
    from otel_llm.pricing.second import compare

    try:
        book = called_prices.book_of(arguments)
    except (ConfigError, OSError, ValueError) as error:
        return called_prices.no_book(arguments, error)
    counts: dict[str, int] = {}
    try:
        for one in compare(book, arguments.file, at_day(arguments.day)):
            counts[one.verdict] = counts.get(one.verdict, 0) + 1
            for bucket, (ours, theirs) in one.differences().items():
                print(f"{one.provider}/{one.model} {bucket}: ours ${ours:f}, theirs ${theirs:f}")
    except (OSError, ValueError) as error:
        return mistakes(arguments.file, [error])
    if not counts:
        return mistakes(arguments.file, ["prices no model by the token"])
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 1 if counts.get("differ") else 0


def _print_rows(rows: Iterable[PriceRow]) -> None:
    for row in rows:
        print(f"{row.provider}/{row.model}  {row.tier}  {_rates(row.rates)}")
        print(f"    {row.origin}")


def _rates(rates: Mapping[str, Decimal]) -> str:
    """Per million tokens, but for fees."""
    return "  ".join(f"{bucket} ${rate.normalize():f}" for bucket, rate in rates.items())


def _unpriced(model: str, why: Unpriced, book: PriceBook) -> int:
    from otel_llm.pricing.lookup import similar

    print(f"{model}: no price ({why.reason}): {why.meaning}", file=sys.stderr)
    if why.reason in ("unknown_model", "unknown_provider") and (names := similar(book, model)):
        print(f"listed are: {', '.join(names)}", file=sys.stderr)
    return 1
