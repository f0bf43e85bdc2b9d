"""``opentelemetry-instrument python app.py``: a real process, the real SDK, real exporters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from otel_llm.testing import FakeProvider, OtlpSink
from otel_llm.testing import openai as wire

APP = """
import openai, os
client = openai.OpenAI(base_url=os.environ["PROVIDER"], api_key="sk-planted", max_retries=0)
answer = client.chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "two plus two"}]
)
print(answer.choices[0].message.content)
"""
SAID = "The answer is four. You wrote 6 words.\n"


@pytest.fixture
def provider():
    with FakeProvider(wire.ROUTES) as provider:
        yield provider


@pytest.fixture
def sink():
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def run(tmp_path, provider):
    """Runs ``APP`` with nothing but our package and the given OTEL_* variables."""
    (tmp_path / "app.py").write_text(APP)

    def run(**environ):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        return subprocess.run(
            [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, "app.py"],
            env={**kept, "PROVIDER": f"{provider.url}/v1", **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_an_application_without_a_line_of_ours_sends_all_three_signals(run, sink, protocol):
    endpoint = sink.grpc_endpoint if protocol == "grpc" else sink.http_endpoint
    done = run(
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_SERVICE_NAME="shop",
        OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT="true",
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, SAID, "")
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]
    assert {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"} <= sink.metric_names()
    assert [r.event_name for r in sink.records()] == ["gen_ai.client.inference.operation.details"]
    assert _service(sink) == "shop"
    assert b"sk-planted" not in b"".join(r.SerializeToString() for r in sink.traces + sink.logs)


def test_grpc_is_the_protocol_when_none_is_named(run, sink):
    run(OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint)

    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]


def test_the_program_finds_the_environment_as_it_was(run, sink, tmp_path):
    """Datadog's tracer sends to its agent no longer where ``OTEL_TRACES_EXPORTER`` is ``otlp``."""
    tell = "print({k: os.environ[k] for k in sorted(os.environ) if k.endswith('S_EXPORTER')})\n"
    (tmp_path / "app.py").write_text(APP + tell)
    set_ = {"OTEL_LOGS_EXPORTER": "none", "OTEL_METRICS_EXPORTER": ""}

    done = run(OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint, **set_)

    assert done.stdout == f"{SAID}{set_}\n"
    assert [len(sink.spans()), bool(sink.metrics), sink.logs] == [1, True, []]


def test_a_signal_that_the_user_switched_off_stays_off(run, sink):
    run(OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint, OTEL_METRICS_EXPORTER="none")

    assert (len(sink.spans()), sink.metrics) == (1, [])


def test_one_instrumentor_can_be_disabled_by_its_name(run, sink):
    done = run(
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="otel_llm_openai",
    )

    assert (done.stdout, sink.spans()) == (SAID, [])


def test_the_sdk_can_be_disabled_as_a_whole(run, sink):
    done = run(OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint, OTEL_SDK_DISABLED="true")

    assert (done.stdout, sink.spans()) == (SAID, [])


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_dead_endpoint_costs_the_application_nothing_but_a_warning(run, protocol):
    done = run(
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_LLM_EXIT_TIMEOUT="0.5",
    )

    assert (done.returncode, done.stdout) == (0, SAID)
    assert "took no telemetry within 0.5 s at exit" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_sdk_of_a_version_nobody_tested_is_left_alone_with_one_warning(run, sink, tmp_path):
    (tmp_path / "openai.py").write_text(
        "class OpenAI:\n"
        "    def __init__(self, **_): self.chat = self.completions = self\n"
        "    def create(self, **_):\n"
        "        from types import SimpleNamespace as O\n"
        "        return O(choices=[O(message=O(content='from the future'))])\n"
    )
    metadata = tmp_path / "openai-9.0.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: openai\nVersion: 9.0.0\n")

    done = run(OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint, PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stdout) == (0, "from the future\n")
    assert done.stderr.count("openai 9.0.0") == 1
    assert sink.spans() == []


def test_beside_another_distribution_the_variables_choose_ours(run, sink, tmp_path):
    _install_other_distribution(tmp_path)

    done = run(
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint,
        OTEL_PYTHON_DISTRO="otel_llm",
        OTEL_PYTHON_CONFIGURATOR="otel_llm",
        PYTHONPATH=str(tmp_path),
    )

    assert (done.returncode, done.stdout) == (0, SAID)
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]


def test_under_another_distribution_the_instrumentors_still_work(run, sink, tmp_path):
    _install_other_distribution(tmp_path)

    run(
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint,
        OTEL_PYTHON_DISTRO="other",
        OTEL_PYTHON_CONFIGURATOR="other",
        PYTHONPATH=str(tmp_path),
    )

    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]


def test_an_instrumentor_of_others_that_fails_keeps_nobody_from_being_loaded(run, sink, tmp_path):
    (tmp_path / "broken.py").write_text("def Instrumentor():\n    raise AttributeError('moved')\n")
    _install(tmp_path, "broken", "[opentelemetry_instrumentor]\na_first = broken:Instrumentor\n")

    done = run(OTEL_EXPORTER_OTLP_ENDPOINT=sink.grpc_endpoint, PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stdout) == (0, SAID)
    assert "a_first (broken:Instrumentor): AttributeError; it is left out" in done.stderr
    assert [span.name for span in sink.spans()] == ["chat gpt-4o"]


def test_importing_the_distro_loads_no_sdk_no_exporter_and_no_llm_package():
    program = (
        "import sys; from otel_llm.distro import Configurator, Distro;"
        "print([m for m in sys.modules if m.startswith(('grpc', 'google', 'openai', 'pydantic',"
        " 'opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_who_only_looks_at_the_distro_and_the_core_pays_for_nothing_that_they_are_made_of():
    program = (
        "import sys, otel_llm.distro, otel_llm.instrumentation.core;"
        "print([m for m in sys.modules if m.startswith(('opentelemetry', 'wrapt', 'asyncio',"
        " 'importlib.metadata', 'dataclasses'))])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def _service(sink):
    (resource,) = (r.resource for request in sink.traces for r in request.resource_spans)
    return {a.key: a.value.string_value for a in resource.attributes}["service.name"]


def _install_other_distribution(folder):
    """The shape of opentelemetry-distro: a distro and a configurator of the SDK's own kind."""
    (folder / "other_distro.py").write_text(
        "import os\n"
        "from opentelemetry.instrumentation.distro import BaseDistro\n"
        "from opentelemetry.sdk._configuration import _OTelSDKConfigurator\n"
        "class Configurator(_OTelSDKConfigurator): ...\n"
        "class Distro(BaseDistro):\n"
        "    def _configure(self, **kwargs):\n"
        "        for signal in ('TRACES', 'METRICS', 'LOGS'):\n"
        "            os.environ.setdefault(f'OTEL_{signal}_EXPORTER', 'otlp')\n"
    )
    _install(
        folder,
        "other_distro",
        "[opentelemetry_distro]\nother = other_distro:Distro\n"
        "[opentelemetry_configurator]\nother = other_distro:Configurator\n",
    )


def _install(folder, name, entry_points):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
