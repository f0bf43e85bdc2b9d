"""What the base class does with SDKs that are not as expected, and with its own settings."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import nullcontext
from importlib.metadata import EntryPoint

import pytest
import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.instrumentation.utils import unwrap

from otel_llm.instrumentation.core import Endpoint, LLMInstrumentor, rivals
from otel_llm.instrumentation.core.settings import CaptureMode, Settings
from tests.instrumentation import toy


@pytest.fixture
def sdk():
    yield from toy.install()


@pytest.fixture
def make(telemetry):
    """Makes an instrumentor of its own for the test, and undoes what it did."""
    made: list[LLMInstrumentor] = []

    def make(**members: object) -> LLMInstrumentor:
        defaults = {"requires": (), "provider": "toy", "patches": (), "__module__": "otel_llm.toy"}
        made.append(type("Made", (LLMInstrumentor,), {**defaults, **members})())
        return made[-1]

    yield make
    for instrumentor in made:
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_method_the_sdk_no_longer_has_is_named_and_the_rest_is_patched(
    make, sdk, telemetry, caplog
):
    instrumentor = make(
        patches=(
            toy.patch("Client.gone"),
            toy.patch("Client.never_was", optional=True),
            toy.patch("Client.call"),
        )
    )
    instrumentor.instrument(**telemetry.providers)
    sdk.Client().call("m")

    assert warned(caplog) == ["otel-llm: toy_sdk has no Client.gone; not traced"]
    assert [b.state for b in instrumentor.bindings] == ["unbound", "unbound", "bound"]
    assert len(telemetry.finished) == 1


def test_an_sdk_outside_the_tested_versions_is_left_alone_with_a_warning(make, sdk, caplog):
    instrumentor = make(requires=("pytest < 2",), patches=(toy.patch("Client.call"),))

    instrumentor.instrument(skip_dep_check=True, raise_exception_on_conflict=True)

    assert not instrumentor.is_instrumented_by_opentelemetry
    assert not isinstance(vars(sdk.Client)["call"], wrapt.FunctionWrapper)
    (said,) = warned(caplog)
    assert "Made needs pytest < 2 and found pytest" in said


def test_an_sdk_that_is_not_installed_is_nothing_to_talk_about(make, caplog):
    make(requires=("no-such-sdk >= 1",)).instrument()

    assert warned(caplog) == []


def test_an_sdk_that_is_imported_later_is_patched_then(make, telemetry):
    instrumentor = make(patches=(toy.patch("Client.call"),))
    instrumentor.instrument(**telemetry.providers)
    assert [b.state for b in instrumentor.bindings] == ["pending"]

    for module in toy.install():
        wrapt.importer.notify_module_loaded(module)
        module.Client().call("m")

    assert [b.state for b in instrumentor.bindings] == ["bound"]
    assert len(telemetry.finished) == 1


def test_instrumenting_twice_patches_once(make, sdk, telemetry):
    instrumentor = make(patches=(toy.patch("Client.call"),))
    instrumentor.instrument(**telemetry.providers)
    instrumentor.instrument(**telemetry.providers)
    type(instrumentor)().instrument(**telemetry.providers)

    sdk.Client().call("m")

    assert len(telemetry.finished) == 1


def test_another_wrapper_around_ours_survives_and_ours_passes_through(make, sdk, telemetry):
    instrumentor = make(patches=(toy.patch("Client.call"),))
    instrumentor.instrument(**telemetry.providers)
    wrapt.wrap_function_wrapper(sdk, "Client.call", lambda f, _, args, kw: f(*args, **kw))
    instrumentor.uninstrument()
    sdk.Client().call("m")
    assert telemetry.spans() == []

    instrumentor.instrument(**telemetry.providers)
    sdk.Client().call("m")

    assert len(telemetry.finished) == 1


class Proxy(wrapt.ObjectProxy):
    """Another vendor's stream, which holds the iterator of the one that it stands for."""

    def __init__(self, stream):
        super().__init__(stream)
        self._self_iterator = iter(stream)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._self_iterator)


def test_a_stream_that_another_vendor_wrapped_below_ours_is_followed(make, sdk, telemetry):
    wrapt.wrap_function_wrapper(sdk, "Client.call", lambda f, _, args, kw: Proxy(f(*args, **kw)))
    make(patches=(toy.patch("Client.call"),)).instrument(**telemetry.providers)

    stream = sdk.Client().call("m", stream=True)
    read = list(stream)

    assert (isinstance(stream, Proxy), isinstance(stream, sdk.Stream), len(read)) == (True, True, 3)
    assert len(telemetry.finished) == 1


def test_another_wrapper_below_ours_is_named(make, sdk, telemetry):
    def theirs(wrapped, instance, args, kwargs):
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(sdk, "Client.call", theirs)
    instrumentor = make(patches=(toy.patch("Client.call"),))
    instrumentor.instrument(**telemetry.providers)

    assert [b.foreign for b in instrumentor.bindings] == [__name__]


class Rival(BaseInstrumentor):
    """Somebody else's, of the SDK that stands in for one here."""

    def instrumentation_dependencies(self):
        return ("pytest > 1",)

    def _instrument(self, **kwargs):
        pass

    def _uninstrument(self, **kwargs):
        pass


@pytest.fixture
def rival():
    Rival().instrument(skip_dep_check=True)
    yield
    Rival().uninstrument()
    Rival._instance = None


@pytest.mark.usefixtures("rival")
def test_another_instrumentation_of_the_same_sdk_is_named_once_with_the_line_that_ends_it(
    make, sdk, telemetry, caplog
):
    instrumentor = make(
        requires=("pytest >= 2",), patches=(toy.patch("Client.call"), toy.patch("Sub.call"))
    )

    instrumentor.instrument(**telemetry.providers)
    instrumentor.uninstrument()
    instrumentor.instrument(**telemetry.providers)

    assert warned(caplog) == [
        f"otel-llm: pytest is traced by {__name__} too, calls may have two spans; "
        f"do not call instrument() of {__name__}"
    ]


@pytest.mark.usefixtures("rival")
def test_an_instrumentation_of_another_sdk_is_nobodys_rival(make, sdk, telemetry, caplog):
    make(requires=("pluggy",), patches=(toy.patch("Client.call"),)).instrument(
        **telemetry.providers
    )

    assert warned(caplog) == []


@pytest.mark.parametrize("forced", [False, True])
def test_an_instrumentation_for_other_versions_is_a_rival_only_if_it_is_forced(monkeypatch, forced):
    monkeypatch.setattr(Rival, "instrumentation_dependencies", lambda self: ("pytest < 1",))
    Rival().instrument(skip_dep_check=forced)
    try:
        found = [one.module for one in rivals.rivals(("pytest >= 2",))]
    finally:
        if forced:
            Rival().uninstrument()
        Rival._instance = None

    assert found == [__name__] * forced


def test_a_rival_that_is_loaded_by_name_is_switched_off_by_that_name(rival, monkeypatch):
    loaded = EntryPoint("pytest-v2", __name__.rpartition(".")[0], rivals.GROUP)
    monkeypatch.setattr(rivals, "entry_points", lambda group: [loaded])

    (found,) = rivals.rivals(("PyTest >= 2",))

    assert found.fix == "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=pytest-v2"


class Wrapping(Rival):
    """Undone as OpenTelemetry's helper does it: what is outermost is taken off."""

    _instance = None

    def _instrument(self, **kwargs):
        toy_sdk, seen = kwargs["sdk"], kwargs["seen"]

        def wrapper(wrapped, instance, args, kwargs):
            seen.append(args)
            return wrapped(*args, **kwargs)

        wrapt.wrap_function_wrapper(toy_sdk, "Client.call", wrapper)

    def _uninstrument(self, **kwargs):
        unwrap("toy_sdk.Client", "call")


class Replacing(Rival):
    """Undone as OpenInference does it: what was found is put back."""

    _instance = None

    def _instrument(self, **kwargs):
        Replacing.found = vars(kwargs["sdk"].Client)["call"]
        Wrapping._instrument(self, **kwargs)

    def _uninstrument(self, **kwargs):
        sys.modules["toy_sdk"].Client.call = Replacing.found


class Failing(Wrapping):
    _instance = None

    def _uninstrument(self, **kwargs):
        super()._uninstrument()
        raise RuntimeError("theirs")


@pytest.fixture
def undone():
    """Undoes somebody else's, and forgets that it was made."""

    def undo(theirs):
        failing = pytest.raises(RuntimeError) if isinstance(theirs, Failing) else nullcontext()
        with failing:
            theirs.uninstrument()
        type(theirs)._instance = None

    return undo


@pytest.mark.parametrize("kind", [Wrapping, Replacing, Failing])
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_another_instrumentation_that_is_undone_takes_itself_away_and_not_ours(
    make, sdk, telemetry, undone, kind, first
):
    instrumentor = make(requires=("pytest >= 2",), patches=(toy.patch("Client.call"),))
    theirs, seen = kind(), []
    steps = [
        lambda: instrumentor.instrument(**telemetry.providers),
        lambda: theirs.instrument(skip_dep_check=True, sdk=sdk, seen=seen),
    ]
    for step in steps if first == "ours" else reversed(steps):
        step()
    sdk.Client().call("m")
    undone(theirs)
    sdk.Client().call("m")

    assert (len(seen), len(telemetry.finished)) == (1, 2)
    instrumentor.uninstrument()
    sdk.Client().call("m")
    assert len(telemetry.finished) == 2


def test_an_instrumentation_of_another_sdk_that_is_undone_leaves_ours_alone(
    make, sdk, telemetry, rival
):
    instrumentor = make(requires=("pluggy",), patches=(toy.patch("Client.call"),))
    instrumentor.instrument(**telemetry.providers)
    patched = vars(sdk.Client)["call"]

    Rival().uninstrument()
    Rival().instrument(skip_dep_check=True)

    assert vars(sdk.Client)["call"] is patched


def test_the_base_class_of_instrumentors_is_as_it_was_once_ours_are_gone(make, sdk, telemetry):
    before = BaseInstrumentor.uninstrument
    made = [make(patches=(toy.patch(f"Client.{name}"),)) for name in ("call", "acall")]
    for one in made:
        one.instrument(**telemetry.providers)
    assert BaseInstrumentor.uninstrument is not before

    for one in made:
        one.uninstrument()

    assert BaseInstrumentor.uninstrument is before


def test_a_method_that_is_inherited_is_restored_by_removing_ours(make, sdk, telemetry):
    instrumentor = make(patches=(toy.patch("Sub.call"),))
    instrumentor.instrument(**telemetry.providers)
    assert "call" in vars(sdk.Sub)

    instrumentor.uninstrument()

    assert "call" not in vars(sdk.Sub)


def test_a_subclass_is_an_instrumentor_of_its_own(make):
    parent = make()
    child = type("Child", (type(parent),), {})

    assert type(parent)() is parent
    assert child() is not parent


def test_loading_an_instrumentor_imports_neither_its_sdk_nor_the_collector():
    program = (
        "import sys; from otel_llm.instrumentation.openai import OpenAIInstrumentor;"
        "OpenAIInstrumentor().instrument();"
        "print([m for m in ('openai', 'grpc', 'google.protobuf', 'sqlite3',"
        " 'otel_llm.collector') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


# Settings


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Settings()),
        (
            {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": " event_only "},
            Settings(capture=CaptureMode.EVENT_ONLY),
        ),
        (
            {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "True"},
            Settings(capture=CaptureMode.SPAN_AND_EVENT),
        ),
        ({"OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT": "TRUE"}, Settings(emit_event=True)),
        ({"OTEL_LLM_METRICS": "Both"}, Settings(metrics="both")),
        ({"OTEL_LLM_SPAN_ATTRIBUTES": "true"}, Settings(span_attributes=True)),
        ({"OTEL_LLM_METRICS": "", "OTEL_LLM_SPAN_ATTRIBUTES": ""}, Settings()),
    ],
)
def test_variables_become_settings(environ, expected, caplog):
    assert Settings.from_environment(environ) == expected
    assert warned(caplog) == []


@pytest.mark.parametrize(
    "name",
    [
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT",
        "OTEL_LLM_METRICS",
        "OTEL_LLM_SPAN_ATTRIBUTES",
    ],
)
def test_a_value_that_means_nothing_is_named_and_never_opens_anything(name, caplog):
    assert Settings.from_environment({name: "sk-secret"}) == Settings()

    (said,) = warned(caplog)
    assert name in said
    assert "sk-secret" not in said


def test_what_the_program_says_wins_over_the_environment():
    environ = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}

    settings = Settings.from_environment(environ, capture="no_content", emit_event=True)

    assert settings == Settings(emit_event=True)


@pytest.mark.parametrize(
    ("settings", "events"),
    [
        (Settings(), False),
        (Settings(capture=CaptureMode.EVENT_ONLY), True),
        (Settings(capture=CaptureMode.EVENT_ONLY, emit_event=False), False),
        (Settings(capture=CaptureMode.SPAN_ONLY), False),
        (Settings(emit_event=True), True),
    ],
)
def test_events_follow_content_unless_said_otherwise(settings, events):
    assert settings.events is events


def test_every_setting_names_its_variable():
    from dataclasses import fields

    variables = {f.name: f.metadata["env"] for f in fields(Settings)}
    assert variables.pop("redact_hook") is None  # code, and no text
    assert all(name.startswith("OTEL_") for name in variables.values())


def test_an_endpoint_needs_no_more_than_its_readers():
    assert Endpoint("chat", lambda a: None, lambda r: None).stream is None
