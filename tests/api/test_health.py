"""Health, readiness and the text of ``/metrics``."""

from __future__ import annotations

from otel_llm.api.exposition import render
from otel_llm.collector.measures.samples import Exemplar, Family, Sample, counter, gauge
from otel_llm.collector.observers.totals import Totals
from otel_llm.version import __version__
from tests.api.conftest import Serve
from tests.store.examples import a_call


def test_health_is_answered_whatever_is_not_ready(serve: Serve):
    client = serve(ready=lambda: False)

    assert client.get("/health").json() == {"status": "ok", "version": __version__}
    assert client.get("/ready").status_code == 503


def test_ready_follows_the_collector(serve: Serve):
    state = {"ready": True}
    client = serve(ready=lambda: state["ready"])

    before = client.get("/ready").status_code
    state["ready"] = False

    assert (before, client.get("/ready").status_code) == (200, 503)


def test_metrics_show_what_every_measure_gives(serve: Serve):
    totals = Totals()
    totals.observe([a_call(1, ms=20)])
    client = serve(measures=[totals.families, lambda: [gauge("otel_llm_queue_calls", "Queued", 3)]])

    answer = client.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert 'otel_llm_calls_total{provider="openai",model="gpt-4o",operation="chat"} 1' in lines
    assert "otel_llm_queue_calls 3" in lines
    assert "trace_id" not in answer.text


def test_openmetrics_is_given_to_who_asks_and_leads_to_traces(serve: Serve):
    totals = Totals()
    totals.observe([a_call(1, ms=20)])
    client = serve(measures=[totals.families])

    answer = client.get("/metrics", headers={"accept": "application/openmetrics-text;q=0.9,*/*"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    assert f'# {{trace_id="{1:032x}",span_id="{1:016x}"}} 0.02 1790000001.020' in answer.text


def test_each_format_is_written_as_it_is_specified():
    families = [
        counter("calls", "Say \\ and\nmore", 2),
        Family(
            "took_seconds",
            "histogram",
            "Time",
            [
                Sample(
                    1, {"model": 'a"b\\c\n', "le": "0.5"}, "_bucket", Exemplar(0.25, "t", "s", 1)
                ),
                Sample(1, {"model": "", "le": "+Inf"}, "_bucket"),
            ],
        ),
    ]

    assert render(families) == (
        "# HELP calls_total Say \\\\ and\\nmore\n"
        "# TYPE calls_total counter\n"
        "calls_total 2\n"
        "# HELP took_seconds Time\n"
        "# TYPE took_seconds histogram\n"
        'took_seconds_bucket{model="a\\"b\\\\c\\n",le="0.5"} 1\n'
        'took_seconds_bucket{le="+Inf"} 1\n'
    )
    assert render(families, openmetrics=True) == (
        "# HELP calls Say \\\\ and\\nmore\n"
        "# TYPE calls counter\n"
        "calls_total 2\n"
        "# HELP took_seconds Time\n"
        "# TYPE took_seconds histogram\n"
        'took_seconds_bucket{model="a\\"b\\\\c\\n",le="0.5"} 1'
        ' # {trace_id="t",span_id="s"} 0.25 1.000\n'
        'took_seconds_bucket{le="+Inf"} 1\n'
        "# EOF\n"
    )
