"""``reprice`` and ``reconcile``: past costs by today's prices, and against the provider's bill."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .asking import Unanswered, add_source, opened_file, send
from .calls import add_times, calls_of, chosen, moment, unanswered
from .command import Commands, command, mistakes
from .terminal import on_one_line

if TYPE_CHECKING:
    from otel_llm.pricing.exports import Charge, Columns
    from otel_llm.pricing.reconcile import Residual
    from otel_llm.pricing.reprice import Shift

_REPRICING_S = 3_600.0
"""How long a collector may work on it before it answers: a million calls take it minutes."""
_PROVIDERS = ("openai", "anthropic", "aws", "focus", "generic")


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    reprice = command(commands, "reprice", _reprice, "give past calls the cost by today's prices")
    add_times(reprice)
    reprice.add_argument("--dry-run", action="store_true", help="say what would change")
    reprice.add_argument(
        "--config", type=Path, metavar="FILE", help="with --store: whose own prices hold"
    )
    add_source(reprice)

    reconcile = command(
        commands, "reconcile", _reconcile, "our sums against a provider's bill, by model and day"
    )
    reconcile.add_argument("file", type=Path, nargs="?", metavar="FILE", help="the export (CSV)")
    reconcile.add_argument(
        "--reported",
        type=moment,
        metavar="SINCE",
        help="in place of an export: what providers said with each answer since 30d (ago), …",
    )
    reconcile.add_argument("--provider", choices=_PROVIDERS, help="told by the header without it")
    for name, about in (
        ("day", "the day or moment"),
        ("model", "the model"),
        ("amount", "US dollars"),
    ):
        reconcile.add_argument(
            f"--{name}-column", metavar="NAME", help=f"generic: the column with {about}"
        )
    reconcile.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="a model of the export by our name, where both cannot be matched",
    )
    reconcile.add_argument(
        "--tolerance",
        type=_share,
        default=Decimal("0.01"),
        metavar="SHARE",
        help="exit 1 when a residual is a larger share of the charge; default 0.01",
    )
    add_source(reconcile)


def _share(written: str) -> Decimal:
    if not float(written) >= 0:  # nor is NaN
        raise ValueError(written)
    return Decimal(written)


_share.__name__ = "share"  # what argparse calls an invalid one


def _reprice(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError

    try:
        done = _repriced_file(arguments) if arguments.store else _repriced(arguments)
    except ConfigError as error:
        return mistakes(arguments.config, error.problems)
    except Unanswered as error:
        return unanswered(error)
    print_shifts([_shift(given) for given in done["shifts"]])
    would = "would change" if arguments.dry_run else "changed"
    print(f"{done['changed']} of {done['looked_at']} calls {would}")
    return 0


def _repriced(arguments: argparse.Namespace) -> Mapping[str, Any]:
    times = {"since": arguments.since, "until": arguments.until}
    asked = {**times, "only_look": arguments.dry_run}
    return send(arguments, "/v1/reprice", asked, answer_s=_REPRICING_S)


def _repriced_file(arguments: argparse.Namespace) -> Mapping[str, Any]:
    from otel_llm.service.prices import book_of
    from otel_llm.service.settings import read_settings
    from otel_llm.store.repricing import reprice_calls

    settings = read_settings(arguments.config) if arguments.config else None
    where = chosen(arguments.since, arguments.until)
    with opened_file(arguments.store) as store:
        done = reprice_calls(
            store, book_of(settings), where.since_ns or 0, where, only_look=arguments.dry_run
        )
    return asdict(done)


def _shift(given: Mapping[str, Any]) -> Shift:
    from otel_llm.pricing.reprice import Shift

    amounts: dict[str, Any] = {n: Decimal(str(given[n])) for n in ("before", "after")}
    return Shift(**{**given, **amounts})


def print_shifts(shifts: Iterable[Shift]) -> None:
    """Print what a change of prices does, a line for each model."""
    for one in shifts:
        name = f"{one.provider or '?'}/{one.model or '?'}"
        notes = [
            f"{count} {what}"
            for count, what in (
                (one.newly_priced, "without a price before"),
                (one.no_longer_priced, "without one now"),
            )
            if count
        ]
        moved = f"{one.calls} calls  ${one.before:.6f} -> ${one.after:.6f}"
        said = f"  ({', '.join(notes)})" if notes else ""
        print(on_one_line(f"{name}: {moved}{said}"))


def _reconcile(arguments: argparse.Namespace) -> int:
    if (arguments.file is None) == (arguments.reported is None):
        return mistakes("", ["give either the FILE of an export or --reported SINCE"])
    try:
        rows = _reported(arguments) if arguments.reported else _charged(arguments)
    except (OSError, ValueError) as error:
        return mistakes(arguments.file, [error])
    except Unanswered as error:
        return unanswered(error)
    _print_residuals(rows)
    return 1 if any(_is_off(row, arguments.tolerance) for row in rows) else 0


def _charged(arguments: argparse.Namespace) -> Sequence[Residual]:
    from otel_llm.pricing.exports import read_charges
    from otel_llm.pricing.reconcile import reconcile

    charges = list(read_charges(arguments.file, _columns(arguments)))
    models = dict(_pair(written) for written in arguments.map)
    if not charges:
        raise ValueError("holds no charge: no line about models has an amount")
    _set_times(arguments, charges)
    with calls_of(arguments) as calls:
        return reconcile(calls, charges, models)


def _reported(arguments: argparse.Namespace) -> Sequence[Residual]:
    from otel_llm.pricing.reconcile import reported

    arguments.since, arguments.until = arguments.reported, None
    with calls_of(arguments) as calls:
        return reported(calls)


def _columns(arguments: argparse.Namespace) -> Columns | None:
    from otel_llm.pricing.exports import EXPORTS, Columns

    named = (arguments.day_column, arguments.model_column, arguments.amount_column)
    known = EXPORTS.get(arguments.provider or "")
    if not any(named) and arguments.provider != "generic":
        return known
    if not all(named):
        raise ValueError("name all of --day-column, --model-column and --amount-column")
    return Columns(*named, seller=known.seller if known else None)


def _pair(written: str) -> tuple[str, str]:
    theirs, equals, ours = written.rpartition("=")
    if not equals:
        raise ValueError(f"--map {written}: expected THEIRS=OURS")
    return theirs, ours


def _set_times(arguments: argparse.Namespace, charges: Sequence[Charge]) -> None:
    """Ask for the calls of the days that the export is about: others would be left over."""
    days: list[date] = sorted(charge.day for charge in charges)
    arguments.since = days[0].isoformat()
    arguments.until = (days[-1] + timedelta(days=1)).isoformat()


def _print_residuals(rows: Sequence[Residual]) -> None:
    print(f"{'day':10}  {'ours':>14}  {'theirs':>14}  {'residual':>14}  {'share':>7}  model")
    for row in rows:
        share = "" if row.share is None else f"{row.share:7.1%}"
        amounts = (row.ours, row.theirs, row.amount)
        shown = "  ".join(f"{_dollars(amount):>14}" for amount in amounts)
        model = on_one_line(row.model or "(no model is named)")
        print(f"{row.day}  {shown}  {share:>7}  {model}")
    ours = sum((row.ours or Decimal(0) for row in rows), Decimal(0))
    theirs = sum((row.theirs or Decimal(0) for row in rows), Decimal(0))
    print(f"ours ${ours:.4f}, theirs ${theirs:.4f}, residual ${theirs - ours:.4f}")


def _dollars(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:.6f}"


def _is_off(row: Residual, tolerance: Decimal) -> bool:
    if not row.amount:
        return False
    return row.share is None or abs(row.share) > tolerance
