"""``eval``: run a suite of questions against a model or an application, compare two of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from .command import Commands, command, group, mistakes

if TYPE_CHECKING:
    from otel_llm.collector.component import Signal
    from otel_llm.evaluation.endpoint import EndpointConfig
    from otel_llm.evaluation.paid import PaidEndpoint
    from otel_llm.evaluation.runner import CaseOutcome
    from otel_llm.evaluation.suite import Suite


def add(commands: Commands) -> None:
    """Describe the subcommands."""
    evaluate = group(commands, "eval", "suites of questions: run them, compare two models by them")

    run = command(evaluate, "run", _run, "ask a target the questions of a suite; 1 when it fails")
    run.add_argument("suite", type=Path, metavar="SUITE")
    _add_endpoint(run, "", "who is asked", required=True)
    _add_judge(run)
    _add_endpoint(run, "embeddings-", "an embeddings model, for semantic_relevance")
    run.add_argument("--json", type=Path, metavar="FILE", help="write everything, answers included")
    run.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML for CI systems")
    run.add_argument(
        "--otlp", metavar="URL", help="send spans and scores there, such as http://127.0.0.1:4318"
    )

    check = command(evaluate, "check", _check, "name every mistake in suites")
    check.add_argument("suites", type=Path, nargs="+", metavar="SUITE")

    compare = command(evaluate, "compare", _compare, "which of two targets answers better?")
    compare.add_argument("suite", type=Path, metavar="SUITE")
    _add_endpoint(compare, "", "the first", required=True)
    _add_endpoint(compare, "other-", "the second", required=True)
    _add_judge(compare)
    compare.add_argument("--criterion", metavar="TEXT", help="what a better answer does")
    for one in (run, compare):
        one.add_argument("--concurrency", type=int, default=4, metavar="N", help="at the same time")
        one.add_argument("--quiet", action="store_true", help="no line per case")


def _add_endpoint(
    parser: argparse.ArgumentParser, prefix: str, about: str, *, required: bool = False
) -> None:
    url = f"--{prefix}target" if required else f"--{prefix}url"
    parser.add_argument(
        url,
        dest=_dest(prefix, "url"),
        required=required,
        metavar="URL",
        help=f"{about}: base URL of an OpenAI-compatible server, such as https://host/v1",
    )
    parser.add_argument(
        f"--{prefix}model",
        dest=_dest(prefix, "model"),
        metavar="MODEL",
        help="the suite's, or the only one that the server has, if it is not given",
    )
    parser.add_argument(
        f"--{prefix}provider", dest=_dest(prefix, "provider"), default="openai", help="for prices"
    )
    for kind, what in (("env", "variable"), ("file", "file")):
        parser.add_argument(
            f"--{prefix}api-key-{kind}",
            dest=_dest(prefix, f"api_key_{kind}"),
            metavar=what.upper(),
            help=f"the {what} that holds its API key",
        )


def _add_judge(parser: argparse.ArgumentParser) -> None:
    _add_endpoint(parser, "judge-", "the model that judges")
    parser.add_argument(
        "--max-judge-cost",
        type=_dollars,
        metavar="USD",
        help="what judge and embeddings may cost in this run; the model needs a price",
    )


def _dollars(written: str) -> Decimal:
    from otel_llm.evaluation.config import parse_dollars

    return parse_dollars(written)


_dollars.__name__ = "amount"  # what argparse calls an invalid one


def _dest(prefix: str, name: str) -> str:
    return f"{prefix.replace('-', '_')}endpoint_{name}"


def _run(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.evaluation.suite import read_suite

    try:
        suite = read_suite(arguments.suite)
        missing = _missing(suite, arguments)
        return mistakes(arguments.suite, [missing]) if missing else _ran(suite, arguments)
    except ConfigError as error:
        return mistakes(arguments.suite, error.problems)
    except (ValueError, OSError) as error:
        return mistakes("", [error])


def _missing(suite: Suite, arguments: argparse.Namespace) -> str | None:
    if suite.judged and not arguments.judge_endpoint_url:
        return "has cases that take a judge: name it by --judge-url and --judge-model"
    if suite.semantic and not arguments.embeddings_endpoint_url:
        return "asks for semantic_relevance: name --embeddings-url and --embeddings-model"
    return None


def _ran(suite: Suite, arguments: argparse.Namespace) -> int:
    from otel_llm.evaluation import report
    from otel_llm.evaluation.endpoint import Endpoint
    from otel_llm.evaluation.judge import Judge
    from otel_llm.evaluation.runner import Asker, run
    from otel_llm.evaluation.semantic import SemanticRelevance
    from otel_llm.pricing import PriceBook

    with ExitStack() as stack:
        traces, logs = stack.enter_context(_sending(arguments.otlp))
        target = stack.enter_context(closing(Endpoint(_endpoint(arguments, "", suite.model))))
        paid = _paid(arguments, traces, stack)
        judge, embeddings = paid("judge-"), paid("embeddings-")
        asker = Asker(
            Judge(judge, explained=True) if judge else None,
            SemanticRelevance(embeddings) if embeddings else None,
            PriceBook(),
            traces,
            logs,
        )
        outcome = run(
            suite,
            target,
            asker,
            concurrency=max(1, arguments.concurrency),
            on_case=_progress(len(suite.cases), quiet=arguments.quiet),
        )
    print(report.summary(outcome))
    for file, write in ((arguments.json, report.to_json), (arguments.junit, report.to_junit)):
        if file:
            file.write_text(write(outcome), encoding="utf-8")
    return 0 if outcome.passed else 1


def _progress(total: int, *, quiet: bool) -> Callable[[CaseOutcome], None]:
    from otel_llm.evaluation.report import case_line

    done = 0

    def tell(outcome: CaseOutcome) -> None:
        nonlocal done
        done += 1
        if not quiet:
            print(f"[{done}/{total}] {case_line(outcome)}", flush=True)

    return tell


def _check(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.evaluation.suite import read_suite

    code = 0
    for file in arguments.suites:
        try:
            print(f"{file}: {len(read_suite(file).cases)} cases")
        except ConfigError as error:
            code = mistakes(file, error.problems)
    return code


def _compare(arguments: argparse.Namespace) -> int:
    from otel_llm.config import ConfigError
    from otel_llm.evaluation.suite import read_suite

    try:
        suite = read_suite(arguments.suite)
        if not arguments.judge_endpoint_url:
            return mistakes("", ["a comparison takes a judge: --judge-url and --judge-model"])
        return _compared(suite, arguments)
    except ConfigError as error:
        return mistakes(arguments.suite, error.problems)
    except (ValueError, OSError) as error:
        return mistakes("", [error])


def _compared(suite: Suite, arguments: argparse.Namespace) -> int:
    from otel_llm.evaluation.duel import duel, tally
    from otel_llm.evaluation.endpoint import Endpoint
    from otel_llm.evaluation.judge import Judge

    with ExitStack() as stack:
        judge = _paid(arguments, lambda _: None, stack)("judge-")
        assert judge is not None
        first, second = (
            stack.enter_context(closing(Endpoint(_endpoint(arguments, prefix, suite.model))))
            for prefix in ("", "other-")
        )
        outcomes = duel(
            suite,
            first,
            second,
            Judge(judge),
            criterion=arguments.criterion or "",
            concurrency=max(1, arguments.concurrency),
        )
    for outcome in outcomes:
        if not arguments.quiet:
            print(f"{outcome.case.name}: {outcome.said}")
    print(tally(outcomes))
    return 0 if any(outcome.comparison.preference for outcome in outcomes) else 1


def _endpoint(
    arguments: argparse.Namespace, prefix: str, model_of_suite: str | None = None
) -> EndpointConfig:
    from otel_llm.evaluation.endpoint import EndpointConfig, only_model

    names = ("url", "model", "provider", "api_key_env", "api_key_file")
    given = vars(arguments)
    url, model, provider, env, file = (given[_dest(prefix, name)] for name in names)
    if env and env not in os.environ:
        raise ValueError(f"--{prefix}api-key-env: {env} is not set")
    named = model or model_of_suite or ""
    config = EndpointConfig(url, named, provider, api_key_env=env, api_key_file=file)
    found = named or only_model(config)
    if not found:
        raise ValueError(
            f"--{prefix}model is missing, and {url}/models does not list just one: "
            "it does not answer, or there are none or several"
        )
    return replace(config, model=found)


def _paid(
    arguments: argparse.Namespace, traces: Callable[[bytes], object], stack: ExitStack
) -> Callable[[str], PaidEndpoint | None]:
    """Return what makes an endpoint of the options with a prefix, all under one cap; ``stack``
    closes them."""
    from otel_llm.evaluation.endpoint import Endpoint
    from otel_llm.evaluation.paid import PaidEndpoint
    from otel_llm.evaluation.spending import Spending
    from otel_llm.pricing import PriceBook

    spending, book = Spending(limit=arguments.max_judge_cost), PriceBook()
    stack.callback(spending.close)

    def make(prefix: str) -> PaidEndpoint | None:
        if not vars(arguments)[_dest(prefix, "url")]:
            return None
        endpoint = Endpoint(_endpoint(arguments, prefix))
        paid = PaidEndpoint(endpoint, book=book, spending=spending, trace=traces)
        return stack.enter_context(closing(paid))

    return make


@contextmanager
def _sending(
    url: str | None,
) -> Generator[tuple[Callable[[bytes], object], Callable[[bytes], object]]]:
    """Give what takes traces and what takes logs; they go to ``url``, or nowhere."""
    if url is None:
        yield (lambda _: None), (lambda _: None)
        return
    from otel_llm.collector.errors import DeliveryError
    from otel_llm.collector.exporters.otlphttp import OtlpHttpExporter, OtlpHttpExporterConfig

    exporter = OtlpHttpExporter(OtlpHttpExporterConfig(url))
    lost: list[str] = []

    def send(signal: Signal) -> Callable[[bytes], object]:
        def export(payload: bytes) -> None:
            try:
                exporter.export(signal, payload)
            except DeliveryError as error:
                lost.append(str(error))

        return export

    try:
        yield send("traces"), send("logs")
    finally:
        exporter.close()
        if lost:
            print(f"{url}: {len(lost)} requests were not taken: {lost[0]}", file=sys.stderr)
