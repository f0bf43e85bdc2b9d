"""The user's own code: functions that return a generator instead of being one."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import itertools
import pickle

import pytest

import otel_llm
from otel_llm.instrumentation.core import runs

from .trees import tree


@pytest.fixture(autouse=True)
def _signals(telemetry, monkeypatch):
    monkeypatch.setattr(runs, "_telemetry", None)
    otel_llm.configure(**telemetry.providers)


def hidden(function):
    """Hide of a function what kind it is, as many decorators do."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def words(failing=None):
    for word in ("one", "two"):
        with otel_llm.llm_call(word):
            pass
        yield word
    if failing is not None:
        raise failing


async def words_async():
    for word in words():
        yield word


def test_a_run_lasts_until_the_generator_that_a_function_returned_ends(telemetry):
    flow = otel_llm.workflow("flow")(hidden(words))

    returned = flow()

    assert inspect.isgenerator(returned)
    assert telemetry.spans() == []
    assert list(returned) == ["one", "two"]
    assert tree(telemetry) == [("invoke_workflow flow", [("chat one", []), ("chat two", [])])]


async def test_so_does_one_of_a_coroutine_that_gave_an_asynchronous_generator(telemetry):
    @otel_llm.agent("writer")
    async def write():
        return words_async()

    assert [word async for word in await write()] == ["one", "two"]
    assert tree(telemetry) == [("invoke_agent writer", [("chat one", []), ("chat two", [])])]


def test_what_a_returned_generator_raises_is_its_runs_error(telemetry):
    flow = otel_llm.workflow("flow")(hidden(words))

    with pytest.raises(KeyError):
        list(flow(KeyError("k")))

    assert telemetry.spans()[-1]["error.type"] == "KeyError"


def test_a_returned_generator_is_closed_by_its_owner_and_nobody_else(telemetry):
    shared = words()
    flow = otel_llm.workflow("flow")(lambda: shared)

    assert next(flow()) == "one"  # ours is collected here
    gc.collect()

    assert [span["name"] for span in telemetry.spans()] == ["chat one", "invoke_workflow flow"]
    assert next(shared) == "two"


def test_a_returned_generator_that_nobody_reads_ends_its_run(telemetry):
    otel_llm.workflow("flow")(hidden(words))()
    gc.collect()

    assert telemetry.span()["status"] == "UNSET"


def test_closing_a_returned_generator_is_no_failure(telemetry):
    returned = otel_llm.workflow("flow")(hidden(words))()
    next(returned)

    returned.close()

    assert telemetry.spans()[-1]["status"] == "UNSET"
    assert list(returned) == []


def same(function):
    return function


def cleaning():
    try:
        yield "one"
    except GeneratorExit:
        return "left early"
    finally:
        with otel_llm.tool("clean"):
            pass


async def cleaning_async():
    try:
        yield "one"
    finally:
        with otel_llm.tool("clean"):
            pass


@pytest.mark.parametrize("kind", [same, hidden])
async def test_what_a_generator_cleans_up_when_it_is_closed_belongs_to_its_run(telemetry, kind):
    closed = otel_llm.workflow("plain")(kind(cleaning))()
    next(closed)
    closed.close()
    closed_async = otel_llm.workflow("async")(kind(cleaning_async))()
    await anext(closed_async)
    await closed_async.aclose()

    assert tree(telemetry) == [
        ("invoke_workflow plain", [("execute_tool clean", [])]),
        ("invoke_workflow async", [("execute_tool clean", [])]),
    ]
    assert {span["status"] for span in telemetry.spans()} == {"UNSET"}


@pytest.mark.parametrize("kind", [same, hidden])
def test_a_closed_generator_answers_what_it_would_without_a_run(kind):
    def left(generator):
        next(generator)
        return generator.close()  # what it returned, since Python 3.13

    def thrown(generator):
        next(generator)
        with pytest.raises(StopIteration) as stop:
            generator.throw(GeneratorExit())
        return stop.value.value

    def stubborn():
        while True:
            try:
                yield "one"
            except GeneratorExit:
                yield "not yet"
                return

    flow = otel_llm.workflow("flow")
    assert left(flow(kind(cleaning))()) == left(cleaning())
    assert thrown(flow(kind(cleaning))()) == thrown(cleaning()) == "left early"
    generator = flow(kind(stubborn))()
    next(generator)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        generator.close()


def test_nothing_of_a_generator_is_current_between_its_steps(telemetry):
    returned = otel_llm.workflow("flow")(hidden(words))()
    next(returned)

    with otel_llm.llm_call("outside"):
        pass
    list(returned)

    assert [name for name, _ in tree(telemetry)] == ["invoke_workflow flow", "chat outside"]


@pytest.mark.parametrize("hide", [False, True])
def test_a_tool_that_is_a_generator_keeps_its_arguments(telemetry, hide):
    otel_llm.configure(**telemetry.providers, capture="SPAN_ONLY")

    def search(query, *, limit=3):
        yield query

    list(otel_llm.tool("search")(hidden(search) if hide else search)("oslo", limit=2))

    span = telemetry.span()
    assert span["gen_ai.tool.call.arguments"] == '{"query":"oslo","limit":2}'
    assert "gen_ai.tool.call.result" not in span


def test_a_returned_generator_can_be_told_apart_and_copied_as_any_other(telemetry):
    def numbers():
        yield from (1, 2)

    @otel_llm.workflow("w")
    def returned():
        return numbers()

    one, other = itertools.tee(returned())

    assert (list(one), list(other)) == ([1, 2], [1, 2])
    assert repr(returned()).startswith("<generator object")
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
            attempt(returned())
