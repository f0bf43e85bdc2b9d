"""``conformance``: does a server speak OTLP as its specification says?"""

from __future__ import annotations

import argparse

from .command import Commands, command


def add(commands: Commands) -> None:
    """Describe the subcommand."""
    about = "does a server speak OTLP? http://HOST:4318 for HTTP, HOST:4317 for gRPC"
    check = command(commands, "conformance", _run, about)
    check.add_argument("endpoints", nargs="+", metavar="ENDPOINT")


def _run(arguments: argparse.Namespace) -> int:
    from otel_llm.collector import conformance

    results: list[conformance.Result] = []
    for endpoint in arguments.endpoints:
        over_http = endpoint.startswith(("http://", "https://"))
        target = endpoint.removeprefix("grpc://")
        for result in conformance.run(
            grpc_target=None if over_http else target, http_url=target if over_http else None
        ):
            print(conformance.line(result), flush=True)
            results.append(result)
    print(conformance.total(results))
    return int(any(not r.passed and r.level == "MUST" for r in results))
