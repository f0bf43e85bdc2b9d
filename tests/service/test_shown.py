"""The configuration in use, as it may be shown."""

from __future__ import annotations

import json

from otel_llm.service import check, read_settings
from otel_llm.service.shown import shown

WRITTEN = {
    "receivers": {"otlp": {"auth": {"token_file": "/tokens"}}},
    "exporters": {
        "otlphttp": {
            "endpoint": "https://user:pl@planted@far.example:4318/in?key=planted&v=1",
            "headers": {"api-key": "planted"},
        },
        "otlphttp/open": {"endpoint": "http://near:4318"},
    },
    "api": {"trace_links": {"Far": "https://far.example/?token=planted&trace={trace_id}"}},
    "alerting": {"notifiers": {"webhook": {"url": "https://hook.example/planted"}}},
    "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlphttp"]}}},
}


def test_every_setting_is_there_with_its_default_and_no_secret_is():
    seen = shown(check(WRITTEN))

    assert "planted" not in json.dumps(seen)
    closed, open_ = seen["exporters"]["otlphttp"], seen["exporters"]["otlphttp/open"]
    assert closed["endpoint"] == "https://(hidden)@far.example:4318/in?key=(hidden)&v=(hidden)"
    assert (closed["headers"], open_["headers"]) == ("(hidden)", None)
    assert (open_["endpoint"], open_["timeout"]) == ("http://near:4318", 10.0)
    links = {"Far": "https://far.example/?token=(hidden)&trace={trace_id}"}
    assert seen["api"]["trace_links"] == links
    assert seen["receivers"]["otlp"]["auth"] == {"token_file": "/tokens"}
    assert seen["alerting"]["notifiers"] == "(hidden)"
    assert seen["service"]["drain_timeout"] == 10.0


def test_the_built_in_default_can_be_shown():
    assert json.dumps(shown(read_settings()))
