"""``rules``: check alert rules, test them on a virtual clock, export them for Prometheus."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .command import Commands, command, group, mistakes


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    rules = group(commands, "rules", "alert rules: check, test, export")

    check = command(rules, "check", _check, "name every mistake in files of rules")
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")

    test = command(rules, "test", _test, "run unit tests of rules on a virtual clock")
    test.add_argument("files", type=Path, nargs="+", metavar="FILE")

    export = command(rules, "export", _export, "write Prometheus rules that mean the same")
    export.add_argument("file", type=Path, nargs="?", metavar="FILE", help="default: the built-in")
    export.add_argument(
        "--runbook-url",
        metavar="URL",
        help="where people read what to do, as in alerting.runbook_url: https://wiki/alerts#{rule}",
    )


def _check(arguments: argparse.Namespace) -> int:
    from otel_llm.alerting.config import read
    from otel_llm.config import ConfigError

    code = 0
    for file in arguments.files:
        try:
            print(f"{file}: {len(read(file).rules)} rules")
        except ConfigError as error:
            code = mistakes("", error.problems)
    return code


def _test(arguments: argparse.Namespace) -> int:
    from otel_llm.alerting.rule_tests import run
    from otel_llm.config import ConfigError

    failed = 0
    for file in arguments.files:
        try:
            expectations, failures = run(file)
        except ConfigError as error:
            return mistakes(file, error.problems)
        failed += len(failures)
        print(f"{file}: {expectations - len(failures)} of {expectations} hold")
        for failure in failures:
            print(failure)
    return 1 if failed else 0


def _export(arguments: argparse.Namespace) -> int:
    from otel_llm.alerting.config import default_rules, read
    from otel_llm.alerting.prometheus import export
    from otel_llm.config import ConfigError

    try:
        rules = read(arguments.file).rules if arguments.file else default_rules().rules
    except ConfigError as error:
        return mistakes("", error.problems)
    exported = export(rules, runbook_url=arguments.runbook_url)
    sys.stdout.write(exported.text)
    for name, why in exported.left_out.items():
        print(f"not exported: {name}: {why}", file=sys.stderr)
    return 0
