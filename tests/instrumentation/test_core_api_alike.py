"""The user's own code: a decorated function is, for all who ask, the one that was decorated."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import re
import weakref
from functools import partial
from typing import Any, get_type_hints
from unittest.mock import create_autospec

import pytest

import otel_llm


@pytest.fixture(autouse=True)
def _configured(telemetry):
    otel_llm.configure(**telemetry.providers)
    yield
    otel_llm.configure()


def plain(n: int, *, more: int = 0) -> int:
    """Return a sum."""
    return n + more


async def later(n: int, *, more: int = 0) -> int:
    """Return a sum."""
    return n + more


def generator(n: int, *, more: int = 0) -> Any:
    """Yield twice, and return a sum."""
    got = yield n
    yield got
    return n + more


async def asyncgen(n: int, *, more: int = 0) -> Any:
    """Yield twice."""
    got = yield n
    yield got


SORTS = [plain, later, generator, asyncgen]
BARE = {function.__name__: function for function in SORTS}
plain, later, generator, asyncgen = (otel_llm.workflow(function) for function in SORTS)


@pytest.fixture(params=[function.__name__ for function in SORTS])
def pair(request):
    """A function, and the same decorated."""
    return BARE[request.param], globals()[request.param]


ASKED = (
    inspect.isfunction,
    inspect.isroutine,
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    inspect.signature,
    inspect.getdoc,
    inspect.getsource,
    get_type_hints,
    callable,
    lambda function: re.sub(" at 0x.*", "", repr(function)),
    lambda function: (function.__name__, function.__qualname__, function.__module__),
    lambda function: function.__defaults__ if inspect.iscoroutinefunction(function) else None,
)


@pytest.mark.parametrize("ask", ASKED)
def test_it_answers_like_the_function(pair, ask):
    function, decorated = pair

    assert ask(decorated) == ask(function)


def test_it_leads_back_to_the_function(pair):
    function, decorated = pair

    assert decorated.__wrapped__ is function
    assert inspect.unwrap(decorated) is function


def test_it_goes_to_other_processes_by_its_name(pair):
    _, decorated = pair

    assert pickle.loads(pickle.dumps(decorated)) is decorated
    assert copy.copy(decorated) is copy.deepcopy(decorated) is decorated
    assert weakref.ref(decorated)() is decorated


def test_its_run_has_its_name():
    generating, waiting, both = generator(1), later(1), asyncgen(1)

    assert (generating.__name__, generating.__qualname__) == ("generator", "generator")
    assert (both.__name__, both.__qualname__) == ("asyncgen", "asyncgen")
    assert (waiting.__name__, waiting.__qualname__) == ("later", "later")
    assert inspect.isgenerator(generating)
    assert inspect.iscoroutine(waiting)
    assert inspect.isasyncgen(both)
    asyncio.run(waiting)


def test_a_mock_of_it_is_of_its_sort(pair):
    function, decorated = pair

    like, likewise = create_autospec(function), create_autospec(decorated)

    assert inspect.iscoroutinefunction(likewise) == inspect.iscoroutinefunction(like)
    for mock in (like, likewise):
        with pytest.raises(TypeError):
            # That of a coroutine function looks at its arguments late, since Python 3.13.
            asyncio.run(mock())


class Owner:
    base = 2

    @otel_llm.tool
    def steps(self, n: int):
        yield self.base + n

    @otel_llm.tool
    async def wait(self, n: int):
        return self.base + n

    @otel_llm.tool
    @classmethod
    async def of_class(cls, n: int):
        return cls.base + n

    @staticmethod
    @otel_llm.tool
    async def of_nobody(n: int):
        return n


class Heir(Owner):
    base = 3

    def steps(self, n: int):
        yield from super().steps(n)


async def test_it_is_a_method_where_the_function_would_be(telemetry):
    one = Heir()

    assert list(one.steps(1)) == [4]
    assert list(Owner.steps(one, 1)) == [4]
    assert await one.wait(1) == 4
    assert await Heir.of_class(1) == 4
    assert await one.of_nobody(1) == 1
    assert one.wait == one.wait
    assert one.wait.__self__ is one
    assert inspect.iscoroutinefunction(one.wait)
    assert inspect.isgeneratorfunction(Owner.steps)
    assert str(inspect.signature(one.wait)) == "(n: 'int')"
    names = ["steps", "steps", "wait", "of_class", "of_nobody"]
    assert [span["gen_ai.tool.name"] for span in telemetry.spans()] == names


class Kept:
    """An object that is called, as a class's attribute is no method."""

    async def __call__(self, n: int) -> int:
        return n


class Holder:
    kept = otel_llm.tool("kept")(partial(BARE["later"], more=1))
    method = otel_llm.tool("method")(Owner().wait)


async def test_what_is_no_function_is_no_method_either(telemetry):
    decorated = otel_llm.tool("object")(Kept())

    assert await decorated(1) == 1
    assert inspect.iscoroutinefunction(decorated)
    assert await Holder.kept(1) == await Holder().method(0) == 2
    assert inspect.iscoroutinefunction(Holder.kept)
    names = ["object", "kept", "wait", "method"]
    assert [span["gen_ai.tool.name"] for span in telemetry.spans()] == names


def test_a_generator_gives_and_returns_the_same(telemetry):
    steps = generator(1, more=2)

    assert next(steps) == 1
    assert steps.send("sent") == "sent"
    with pytest.raises(StopIteration) as stop:
        next(steps)
    assert stop.value.value == 3
    assert telemetry.span()["status"] == "UNSET"


async def test_a_coroutine_that_never_begins_leaves_neither_a_run_nor_a_warning(telemetry):
    task = asyncio.create_task(later(1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    later(1).close()
    asyncgen(1)
    generator(1).close()
    del task
    gc.collect()  # where warnings of what was never awaited come from

    assert telemetry.spans() == []
