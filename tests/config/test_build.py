"""Settings from mappings, and what the operator reads when one is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from otel_llm.config import ConfigError, build, load
from otel_llm.config.units import Duration, Size


@dataclass(frozen=True, slots=True)
class Retry:
    max_elapsed_time: Duration = 300.0


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    above: float = 0.0


@dataclass(frozen=True, slots=True)
class Otlp:
    endpoint: str
    insecure: bool = False
    compression: Literal["none", "gzip"] = "none"
    queue: Size = 1024
    port: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    retry: Retry = field(default_factory=Retry)
    tls: Retry | None = None
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if self.insecure and self.headers:
            raise ValueError("headers would travel in the clear; remove insecure")
        if self.endpoint == "nowhere":
            raise ValueError("endpoint: is no place")
        if self.rules and not self.rules[0].name:
            raise ValueError("rules[0].name must be said")


def test_defaults_fill_what_is_not_written():
    assert build(Otlp, {"endpoint": "jaeger:4317"}, "exporters.otlp") == Otlp("jaeger:4317")


def test_sections_maps_lists_and_units_nest():
    written = {
        "endpoint": "e",
        "queue": "64MiB",
        "retry": {"max_elapsed_time": "1m30s"},
        "tls": None,
        "headers": {"x": "1"},
        "rules": [{"name": "a", "above": 3}],
    }

    built = build(Otlp, written, "exporters.otlp")

    assert built == Otlp(
        "e", queue=64 * 2**20, retry=Retry(90.0), headers={"x": "1"}, rules=(Rule("a", 3.0),)
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"endpiont": "e"}, "o.endpiont: unknown setting; did you mean 'endpoint'?"),
        ({}, "o.endpoint: required and missing"),
        ({"endpoint": 4317}, "o.endpoint: expected str, found 4317"),
        ({"endpoint": "e", "insecure": "yes"}, "o.insecure: expected bool, found 'yes'"),
        ({"endpoint": "e", "port": "x"}, "o.port: expected int, found 'x'"),
        (
            {"endpoint": "e", "compression": "gzipp"},
            "o.compression: 'gzipp' is not allowed; did you mean 'gzip'?",
        ),
        (
            {"endpoint": "e", "retry": {"max_elapsed_time": "5 min"}},
            "o.retry.max_elapsed_time: expected a duration such as 5s, 300ms or 1m30s, "
            "found '5 min'",
        ),
        (
            {"endpoint": "e", "retry": {"max_elapsed_time": "1" * 200_000}},
            "o.retry.max_elapsed_time: expected a duration such as 5s, 300ms or 1m30s, "
            f"found '{'1' * 200_000}'",
        ),
        (
            {"endpoint": "e", "queue": "-1"},
            "o.queue: expected a size such as 64MiB or 512KB, found '-1'",
        ),
        ({"endpoint": "e", "rules": [{}]}, "o.rules[0].name: required and missing"),
        ({"endpoint": "e", "rules": "a"}, "o.rules: expected a list, found 'a'"),
        ({"endpoint": "e", "headers": []}, "o.headers: expected a section, found []"),
        ("jaeger:4317", "o: expected a section, found 'jaeger:4317'"),
        (
            {"endpoint": "e", "insecure": True, "headers": {"a": "b"}},
            "o: headers would travel in the clear; remove insecure",
        ),
        ({"endpoint": "nowhere"}, "o.endpoint: is no place"),
        ({"endpoint": "e", "rules": [{"name": ""}]}, "o.rules[0].name: must be said"),
    ],
    ids=lambda given: str(given)[:60],
)
def test_a_mistake_is_named_where_it_is(given, message):
    with pytest.raises(ConfigError) as error:
        build(Otlp, given, "o")

    assert message in str(error.value).splitlines()


def test_every_mistake_is_named_not_only_the_first():
    with pytest.raises(ConfigError) as error:
        build(Otlp, {"insecure": 1, "retry": {"max": 1}}, "o")

    assert [p.path for p in error.value.problems] == ["o.insecure", "o.retry.max", "o.endpoint"]


def test_a_variable_takes_the_type_that_its_setting_wants():
    environ = {"N": "4317", "ON": "true", "SIZE": "64MiB", "GZIP": "gzip"}
    written = (
        "{endpoint: '${env:N}', port: '${env:N}', insecure: '${env:ON}', queue: '${env:SIZE}', "
        "compression: '${env:GZIP}'}"
    )

    built = build(Otlp, load(written, environ), "o")

    assert built == Otlp("4317", True, "gzip", 64 * 2**20, 4317)
    assert type(built.port) is int
