"""Processors where they make no sense are refused before anything is started."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm.config import ConfigError
from otel_llm.service.settings import check


def problems(processors: dict[str, Any], **pipelines: list[str]) -> list[str]:
    given = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
        "processors": processors,
        "service": {
            "pipelines": {
                name.replace("__", "/"): {"receivers": ["otlp"], "processors": used}
                for name, used in pipelines.items()
            }
        },
    }
    try:
        check(given)
    except ConfigError as error:
        return [f"{problem.path}: {problem.text}" for problem in error.problems]
    return []


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_what_works_on_every_signal_may_be_in_every_pipeline(signal):
    everywhere = {
        "redact": None,
        "filter": {"drop": ["a"]},
        "attributes": {"actions": [{"key": "a", "action": "delete"}]},
        "resource": {"attributes": [{"key": "a", "action": "delete"}]},
        "batch": None,
    }

    assert problems(everywhere, **{signal: list(everywhere)}) == []


def test_a_processor_of_spans_is_refused_for_logs():
    assert problems({"cost": None, "drop_content": None}, logs=["drop_content", "cost"]) == [
        "service.pipelines.logs.processors: 'cost' does not work on logs"
    ]
    assert problems({"drop_content": None}, metrics=["drop_content"]) == [
        "service.pipelines.metrics.processors: 'drop_content' does not work on metrics"
    ]


def test_sampling_comes_last_and_belongs_to_one_pipeline():
    both: dict[str, Any] = {"sample": {"rate": 0.5}, "sample/b": None, "cost": None, "batch": None}

    assert problems(both, traces=["cost", "sample", "batch"], traces__b=["sample/b"]) == []
    assert problems(both, traces=["sample", "cost"]) == [
        "service.pipelines.traces.processors: 'sample' must be the last, but for 'batch'"
    ]
    assert problems(both, traces=["sample"], traces__b=["sample"]) == [
        f"service.pipelines.{name}.processors: 'sample' is of one pipeline; define another, "
        "such as 'sample/two'"
        for name in ("traces", "traces/b")
    ]
    assert problems(both, traces=["sample"], traces__sample=[]) == [
        "service.pipelines.traces/sample: what 'traces' samples waits under this name; "
        "choose another"
    ]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"filter": {"drop": ["a", "a =="]}},
            "processors.filter.drop[1]: 'a ==': a value is missing after ==",
        ),
        (
            {"sample": {"keep": ["a =="]}},
            "processors.sample.keep[0]: 'a ==': a value is missing after ==",
        ),
        (
            {"attributes": {"actions": [{"key": "a", "action": "delete"}], "exclude": ["=="]}},
            "processors.attributes.exclude[0]: '==': a name is missing",
        ),
        (
            {"redact": {"kinds": ["secretz"]}},
            "processors.redact.kinds: nothing is called 'secretz'; did you mean 'secrets'?",
        ),
        (
            {"quality": {"checks": ["refusl"]}},
            "processors.quality.checks: no check is called 'refusl'; did you mean 'refusal'?",
        ),
        ({"filter": None}, "processors.filter: give drop or keep, or both"),
        (
            {"attributes": {"actions": [{"key": "a", "action": "insret"}]}},
            "processors.attributes.actions[0].action: 'insret' is not allowed; "
            "did you mean 'insert'?",
        ),
        (
            {"content_store": {"path": "c", "key": "short"}},
            "processors.content_store.key: not 32 bytes in base64 or hexadecimal; make one with: "
            "openssl rand -base64 32",
        ),
        (
            {"batch": {"send_batch_size": 5, "send_batch_max_size": 2}},
            "processors.batch.send_batch_max_size: must not be below send_batch_size",
        ),
    ],
)
def test_mistakes_are_named_with_their_place(settings, said):
    assert problems(settings, traces=[]) == [said]


def test_what_pipelines_refer_to_is_looked_at_where_another_section_is_wrong_too():
    given = {
        "journl": {},
        "receivers": {"otlp": None},
        "exporters": {"debug": None},
        "service": {
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": ["cots"]},
                "logs": {"receivers": ["otlp"], "exporters": ["debug", "debug"]},
            }
        },
    }

    with pytest.raises(ConfigError) as error:
        check({**given, "processors": {"cost": None}})

    assert str(error.value).splitlines() == [
        "journl: unknown setting; did you mean 'journal'?",
        "service.pipelines.traces.processors: 'cots' is not defined under processors; "
        "did you mean 'cost'?",
        "service.pipelines.logs.exporters: 'debug' is named twice",
    ]


@pytest.mark.parametrize(
    ("http", "said"),
    [
        (
            {"endpoint": "http://127.0.0.1:0"},
            ".endpoint: expected host:port, found 'http://127.0.0.1:0'",
        ),
        ({"endpoint": "localhost"}, ".endpoint: expected host:port, found 'localhost'"),
        ({"logs_url_path": "v1/logs"}, ".logs_url_path: must begin with /, found 'v1/logs'"),
        (
            {"logs_url_path": "/v1/traces"},
            ".logs_url_path: /v1/traces is the path of another signal",
        ),
    ],
)
def test_a_server_that_could_not_be_found_is_a_mistake_of_its_setting(http, said):
    given = {
        "receivers": {"otlp": {"protocols": {"http": http}}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"]}}},
    }

    with pytest.raises(ConfigError) as error:
        check(given)

    assert str(error.value) == f"receivers.otlp.protocols.http{said}"


@pytest.mark.parametrize(("old", "new"), [("otlp", "otlp_grpc"), ("otlphttp", "otlp_http")])
def test_exporters_go_by_both_names_that_the_opentelemetry_collector_gave_them(old, new):
    there = {"endpoint": "http://127.0.0.1:4318"}
    pipelines = {"traces": {"receivers": ["otlp"], "exporters": [old, f"{new}/b"]}}

    settings = check(
        {
            "receivers": {"otlp": None},
            "exporters": {old: there, f"{new}/b": there},
            "service": {"pipelines": pipelines},
        }
    )

    assert settings.exporters[old] == settings.exporters[f"{new}/b"]
