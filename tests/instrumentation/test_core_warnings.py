"""What an SDK warns of: it names the user's line, and by that line it is shown or not."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings

import pytest

import otel_llm
from otel_llm.instrumentation.core import runs
from tests.instrumentation import toy

PROGRAM = """
from tests.instrumentation import toy

sdk = next(toy.install())
toy.Toy().instrument()
sdk.Client().call("old")
"""


@pytest.fixture(params=[True, False], ids=["traced", "uninstrumented"])
def client(request, telemetry):
    installed = toy.install()
    module = next(installed)
    toy.Toy().instrument(**telemetry.providers)
    if not request.param:
        toy.Toy().uninstrument()
    yield module.Client()
    if request.param:
        toy.Toy().uninstrument()
    next(installed, None)


def said_in(caught):
    return [warning.filename for warning in caught]


async def test_a_warning_names_the_file_that_made_the_call(client):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.call("old")
        await client.acall("old")
        with client.manager("old"):
            pass

    assert said_in(caught) == [__file__] * 4


def test_python_shows_what_a_program_of_one_file_is_warned_of():
    shown = subprocess.run(  # without options: Python's own filters decide
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )

    assert "<string>:6: DeprecationWarning: old" in shown.stderr


@otel_llm.tool("look_up")
def look_up():
    warnings.warn("old", DeprecationWarning, stacklevel=2)


@otel_llm.workflow("answer")
async def answer():
    look_up()


async def test_a_warning_of_own_code_names_who_called_it(telemetry, monkeypatch):
    monkeypatch.setattr(runs, "_telemetry", None)
    otel_llm.configure(**telemetry.providers)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        look_up()
        await answer()

    assert said_in(caught) == [__file__] * 2


def numbers():
    warnings.warn("old", DeprecationWarning, stacklevel=2)
    yield 1


async def later():
    warnings.warn("old", DeprecationWarning, stacklevel=2)
    yield 1


async def test_so_does_one_of_a_generator(telemetry, monkeypatch):
    monkeypatch.setattr(runs, "_telemetry", None)
    otel_llm.configure(**telemetry.providers)
    flow = otel_llm.workflow("flow")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(flow(numbers)())
        list(flow(lambda: numbers())())
        [item async for item in flow(later)()]
        [item async for item in flow(lambda: later())()]

    assert said_in(caught) == [__file__] * 4


@pytest.mark.skipif(sys.version_info < (3, 12), reason="marks are new in Python 3.12")
async def test_so_does_one_of_what_is_marked_as_a_coroutine_function(telemetry, monkeypatch):
    monkeypatch.setattr(runs, "_telemetry", None)
    otel_llm.configure(**telemetry.providers)

    @otel_llm.agent
    @inspect.markcoroutinefunction
    def helper():
        warnings.warn("old", DeprecationWarning, stacklevel=2)
        return answer()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await helper()

    assert said_in(caught) == [__file__] * 2
