"""``notify``: try out the targets of notifications."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .command import Commands, command, group, mistakes


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    notify = group(commands, "notify", "targets of notifications: try one out")

    test = command(notify, "test", _test, "send a trial alert and its end")
    test.add_argument("name", metavar="NAME", help="as under alerting: notifiers:")
    test.add_argument("--config", type=Path, metavar="FILE", help="default: the built-in")


def _test(arguments: argparse.Namespace) -> int:
    from otel_llm.alerting.errors import Undelivered
    from otel_llm.alerting.notifiers import try_out
    from otel_llm.config import ConfigError
    from otel_llm.service.settings import read_settings

    try:
        alerting = read_settings(arguments.config).sections.alerting
    except ConfigError as error:
        return mistakes(arguments.config or "", error.problems)
    known = alerting.notifiers if alerting else {}
    if arguments.name not in known:
        return mistakes("", [f"no notifier {arguments.name!r}; there are: {', '.join(known)}"])
    try:
        try_out(arguments.name, known[arguments.name])
    except Undelivered as error:
        print(f"{arguments.name}: not delivered: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.name}: delivered")
    return 0
