"""``otel-llm doctor``, asked as a user would: a process of its own, real SDKs, a real endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from otel_llm.instrumentation.core.natives import native
from otel_llm.instrumentation.doctor import _about, examine
from otel_llm.instrumentation.doctor.declared import KNOWN
from otel_llm.instrumentation.doctor.naming import NAMES
from otel_llm.testing import OtlpSink

NOBODY = "http://127.0.0.1:9"

needs_files = pytest.mark.skipif(not KNOWN, reason="this SDK reads no OTEL_CONFIG_FILE")

OTHERS = ",".join(
    entry.name
    for entry in entry_points(group="opentelemetry_instrumentor")
    if entry.name.startswith("otel_llm_") and entry.name != "otel_llm_openai"
)
"""Off, so that no test waits for SDKs that it is not about."""


@pytest.fixture(scope="module")
def endpoint():
    with OtlpSink() as sink:
        yield sink.grpc_endpoint


@pytest.fixture
def doctor(endpoint):
    def ask(*arguments: str, path: Path | None = None, **environ: str):
        known = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        if path is not None:
            known["PYTHONPATH"] = os.pathsep.join([str(path), known.get("PYTHONPATH", "")])
        known["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
        known["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = OTHERS
        asked = f"from otel_llm.cli import main; exit(main({['doctor', *arguments]}))"
        return subprocess.run(
            [sys.executable, "-c", asked],
            env={**known, **environ},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return ask


def distribution(folder: Path, name: str, version: str, entry_points: str = "") -> Path:
    """Make ``folder`` look as if ``name`` were installed there."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(entry_points)
    return folder


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_all_is_well_when_every_target_binds_and_the_endpoint_answers(doctor, protocol):
    with OtlpSink() as sink:
        endpoint = sink.grpc_endpoint if protocol == "grpc" else sink.http_endpoint

        done = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)

        assert [span.name for span in sink.spans()] == ["otel-llm doctor"]
    assert (done.returncode, done.stderr) == (0, "")
    assert "took a test span" in done.stdout
    assert any(line.startswith("ok       openai ") for line in done.stdout.splitlines())


def test_a_dead_endpoint_is_an_error_with_a_fix(doctor):
    done = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY)

    assert done.returncode == 1
    assert f"error    endpoint {NOBODY} (grpc)" in done.stdout
    assert "set OTEL_EXPORTER_OTLP_ENDPOINT" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_unsupported_version_is_named_with_what_would_do(doctor, tmp_path):
    done = doctor(path=distribution(tmp_path, "openai", "1.0.0"))

    assert done.returncode == 1
    assert "error    openai 1.0.0" in done.stdout
    assert "-> pip install 'openai" in done.stdout


def test_another_instrumentation_of_the_same_sdk_is_named(doctor, tmp_path):
    rival = "[opentelemetry_instrumentor]\nopenai-v2 = nobody.home:Instrumentor\n"

    done = doctor(path=distribution(tmp_path, "vendor-openai", "9.9", rival))

    assert "also instrumented by vendor-openai: calls may double" in done.stdout
    assert "-> OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=openai-v2" in done.stdout


def test_an_instrumentation_of_an_sdk_above_is_none_of_this_one(doctor, tmp_path):
    rival = "[opentelemetry_instrumentor]\nopenai_agents = nobody.home:Instrumentor\n"
    on = {"otel_llm_openai", "otel_llm_openai_agents"}
    off = ",".join(sorted({*OTHERS.split(","), "otel_llm_openai"} - on))

    found = doctor(
        "--json",
        path=distribution(tmp_path, "vendor-agents", "9.9", rival),
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=off,
    )

    said = [one for one in json.loads(found.stdout) if "vendor-agents" in one["text"]]
    assert [one["subject"].split()[0] for one in said] == ["openai-agents"]


@pytest.mark.parametrize(
    ("name", "sdk"),
    [
        ("openai", "openai"),
        ("openai-v2", "openai"),
        ("openai_agents", "openai_agents"),
        ("llamaindex", "llama_index"),
        ("llama_index", "llama_index"),
        ("bedrock", "bedrock"),
        ("botocore", "bedrock"),
        ("chromadb", "chroma"),
        ("google_generativeai", "google_genai"),
        ("google_genai", "google_genai"),
        ("mistralai", "mistral"),
        ("ollama", "ollama"),
        ("vertexai", None),
        ("requests", None),
    ],
)
def test_instrumentations_are_known_by_what_others_call_them(name, sdk):
    ours = [entry.name for entry in entry_points(group="opentelemetry_instrumentor")]
    sdks = [one.removeprefix("otel_llm_") for one in ours if one.startswith("otel_llm_")]

    assert _about(name, sdks) == sdk


def test_another_instrumentation_that_lives_in_peace_with_ours_is_no_warning(doctor, tmp_path):
    rival = "[opentelemetry_instrumentor]\nopenai = nobody.home:Instrumentor\n"
    name = "opentelemetry-instrumentation-genai-openai"

    done = doctor(path=distribution(tmp_path, name, "9.9", rival))

    assert f"also instrumented by {name}: one span per call all the same" in done.stdout
    assert "calls may double" not in done.stdout


def test_a_hash_without_a_key_is_named_with_the_line_that_helps(doctor):
    done = doctor(OTEL_LLM_CAPTURE="hash")

    assert "no hashes: they need a key" in done.stdout
    assert "-> OTEL_LLM_HASH_KEY=" in done.stdout


@pytest.mark.parametrize(
    ("package", "version", "environ", "text"),
    [
        ("anthropic", "1.16.0", {}, None),
        ("anthropic", "2.11.0", {}, "left out"),
        ("anthropic", "2.11.0", {"ANTHROPIC_OPEN_TELEMETRY": "false"}, None),
        ("mistralai", "3.7.0", {}, None),
        ("mistralai", "3.7.0", {"MISTRAL_SDK_TELEMETRY": "global"}, "silent"),
        ("mistralai", "3.7.0", {"MISTRAL_SDK_TELEMETRY": "dedicated"}, "second time"),
        ("litellm", "1.109.1", {}, "where that is registered"),
        ("openai", "3.52.0", {}, None),
    ],
)
def test_an_sdk_that_traces_itself_is_named(package, version, environ, text):
    said = native(package, version, environ)

    assert (said is None) if text is None else (said is not None and text in said.text)


def test_what_is_switched_off_is_said(doctor):
    done = doctor(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="*")

    assert "not traced: switched off" in done.stdout
    assert "-> take otel_llm_openai out of OTEL_PYTHON_DISABLED" in done.stdout


def test_every_target_is_listed_when_asked(doctor):
    done = doctor("--verbose")

    assert "bound    openai.resources.chat.completions.Completions.create" in done.stdout


def test_findings_as_json_are_the_same_with_every_target(doctor):
    done = doctor("--json")

    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert [one["subject"].partition(" ")[0] for one in found][-2:] == ["endpoint", "content"]
    (openai,) = (one for one in found if one["subject"].startswith("openai ") and one["details"])
    assert openai.keys() == {"subject", "state", "text", "fix", "details"}
    assert openai["state"] == "ok"
    assert "bound    openai.resources.embeddings.Embeddings.create" in openai["details"]


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--strict",), 1)])
def test_warnings_fail_only_where_asked_to(doctor, arguments, code):
    done = doctor(*arguments, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true")

    assert done.returncode == code


def test_captured_content_is_a_warning(doctor):
    done = doctor(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="span_only")

    assert "SPAN_ONLY: prompts and answers leave the process" in done.stdout


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_what_an_address_hides_is_not_shown(doctor, protocol):
    found = doctor(
        "--json",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://user:hunter2@127.0.0.1:9/v1?key=hunter2#hunter2",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=hunter2",
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
    )

    assert "hunter2" not in found.stdout + found.stderr
    assert f"endpoint http://127.0.0.1:9/v1 ({protocol})" in found.stdout


SDK = {"fix": None, "details": []}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "console"},
            {"subject": "endpoint", "state": "ok", "text": "not asked: traces go to console"},
        ),
        (
            {"OTEL_TRACES_EXPORTER": "none"},
            {
                "subject": "endpoint",
                "state": "warning",
                "text": "no span is sent: OTEL_TRACES_EXPORTER=none",
                "fix": "OTEL_TRACES_EXPORTER=otlp",
            },
        ),
        (
            {"OTEL_SDK_DISABLED": "true"},
            {
                "subject": "sdk",
                "state": "warning",
                "text": "nothing is traced or sent",
                "fix": "unset OTEL_SDK_DISABLED",
            },
        ),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            {
                "subject": "endpoint",
                "state": "error",
                "text": "the SDK does not speak http/json",
                "fix": "OTEL_EXPORTER_OTLP_PROTOCOL=grpc or http/protobuf",
            },
        ),
    ],
)
def test_where_nothing_is_sent_to_an_endpoint_is_said(doctor, environ, expected):
    found = json.loads(doctor("--json", **environ).stdout)

    (said,) = (one for one in found if one["subject"].startswith(("endpoint", "sdk")))
    assert said == {**SDK, **expected}


def test_a_sampler_that_takes_nothing_is_said_and_the_endpoint_asked_all_the_same(doctor):
    found = json.loads(doctor("--json", OTEL_TRACES_SAMPLER="always_off").stdout)

    sdk, endpoint = (one for one in found if one["subject"].startswith(("endpoint", "sdk")))
    assert (sdk["state"], sdk["fix"]) == ("warning", "unset OTEL_TRACES_SAMPLER")
    assert (endpoint["state"], endpoint["text"]) == ("ok", "took a test span")


def test_values_that_mean_nothing_are_named(doctor):
    found = doctor(
        "--json", OTEL_LLM_REDACT="everything", OTEL_LLM_CAPTURE="hash,nope", OTEL_LLM_HASH_KEY="k"
    )

    said = [one for one in json.loads(found.stdout) if one["subject"] == "settings"]
    assert [(one["state"], one["text"]) for one in said] == [
        (
            "warning",
            "OTEL_LLM_CAPTURE has a value other than flags, hash, preview; leaving the rest out",
        ),
        ("warning", "OTEL_LLM_REDACT has a value other than secrets, pii; taking both"),
    ]


DECLARED = """
class ConfigurationError(Exception): ...
def load_config_file(path):
    from types import SimpleNamespace as Said
    written = open(path).read()
    if "schema" in written:
        cause = ValueError("'Bearer hunter2' is not of type 'object'")
        cause.absolute_path = ["tracer_provider", "processors", 0]
        raise ConfigurationError(str(cause)) from cause
    return Said(disabled="disabled" in written, tracer_provider="tracer" in written or None)
"""
"""What opentelemetry-configuration does with a file, as far as it is asked here."""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("tracer", ("endpoint", "ok", "not asked: traces go where {} says")),
        ("meter", ("sdk", "warning", "no span is sent: {} has no tracer_provider")),
        ("disabled", ("sdk", "warning", "nothing is traced or sent: {} says disabled")),
        (None, ("sdk", "error", "nothing is sent: {} is not there")),
        (
            "schema",
            (
                "sdk",
                "error",
                "nothing is sent: {} is not taken at tracer_provider.processors.0: ValueError",
            ),
        ),
    ],
)
@needs_files
def test_where_a_file_configures_the_sdk_the_file_is_looked_at(doctor, tmp_path, written, expected):
    package = tmp_path / "opentelemetry" / "configuration"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(DECLARED)
    file = tmp_path / "otel.yaml"
    if written:
        file.write_text(written)

    done = doctor("--json", path=tmp_path, OTEL_CONFIG_FILE=str(file))

    found = json.loads(done.stdout)
    (said,) = (one for one in found if one["subject"].startswith(("endpoint", "sdk")))
    subject, state, text = expected
    assert (said["subject"], said["state"], said["text"]) == (subject, state, text.format(file))
    assert done.returncode == (state == "error")
    assert "hunter2" not in done.stdout + done.stderr


@needs_files
def test_a_file_for_the_sdk_without_the_package_that_reads_it_is_an_error(doctor, tmp_path):
    package = tmp_path / "opentelemetry" / "configuration"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError")

    done = doctor(path=tmp_path, OTEL_CONFIG_FILE="otel.yaml")

    assert done.returncode == 1
    assert "nothing is sent: no package for OTEL_CONFIG_FILE" in done.stdout
    assert "-> pip install opentelemetry-configuration" in done.stdout
    assert "took a test span" not in done.stdout


def test_names_that_mean_nothing_but_nearly_do_are_named(doctor):
    done = doctor(
        "--json",
        OTEL_LLM_CAPTUR="flags",
        OTEL_LLM_STORE="calls.duckdb",  # of the collector
        OTEL_LLM_PORT_4317_TCP_ADDR="10.0.0.1",  # what Kubernetes makes of a service's name
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGES_CONTENT="true",
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=f"{OTHERS},openai,otel_llm_opena,requests",
    )

    named = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: nothing here is called"
    said = [one for one in json.loads(done.stdout) if one["subject"] == "settings"]
    assert [(one["text"], one["fix"]) for one in said] == [
        (
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGES_CONTENT means nothing",
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        ),
        ("OTEL_LLM_CAPTUR means nothing", "OTEL_LLM_CAPTURE"),
        (f"{named} openai", "ours is otel_llm_openai"),
        (f"{named} otel_llm_opena", "ours is otel_llm_openai"),
    ]


def test_every_variable_of_the_reference_is_known_by_name():
    reference = Path("docs/reference/environment.md").read_text().partition("## Of the collector")
    rows = [line for line in reference[0].splitlines() if line.startswith("| `")]

    assert {row.split("`")[1] for row in rows} == set(NAMES)


def test_where_no_sdk_is_installed_that_is_said(monkeypatch):
    monkeypatch.setattr("otel_llm.instrumentation.doctor._installed", lambda _: None)

    found = next(examine({"OTEL_TRACES_EXPORTER": "none"}))

    assert (found.subject, found.state) == ("sdks", "warning")
    assert found.text == "none that could be traced is installed here"
