"""What else than calling is done with a function or a method: it is copied, kept and sent away."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from tests.instrumentation import toy


@pytest.fixture
def sdk(telemetry):
    installed = toy.install()
    module = next(installed)
    toy.Toy().instrument(**telemetry.providers)
    yield module
    toy.Toy().uninstrument()
    next(installed, None)


def again(thing):
    return pickle.loads(pickle.dumps(thing))


@dataclasses.dataclass
class Configured:
    ask: object


def test_a_function_is_copied_as_itself_with_what_holds_it(sdk):
    copies = [copy.copy(sdk.function), *dataclasses.asdict(Configured(sdk.function)).values()]

    assert [copied is sdk.function for copied in copies] == [True, True]


@pytest.mark.parametrize("copied", [again, copy.copy, copy.deepcopy])
def test_the_copy_of_a_method_is_that_method_and_traced(sdk, telemetry, copied):
    client = sdk.Client()
    client.sent = 7

    ask = copied(client.call)

    assert ask("m")["model"] == "m-1"
    assert ask.__self__.sent == 8
    assert (ask.__self__ is client) is (copied is copy.copy)
    assert telemetry.span()["name"] == "chat m"


@pytest.mark.parametrize("copied", [again, copy.copy, copy.deepcopy])
def test_the_copy_of_a_method_of_the_class_takes_any_instance(sdk, telemetry, copied):
    ask = copied(sdk.Client.call)

    assert ask(sdk.Client(), "m")["model"] == "m-1"
    assert telemetry.span()["name"] == "chat m"


def test_what_is_pickled_is_read_where_we_are_not(sdk):
    pickled = [pickle.dumps(f) for f in (sdk.function, sdk.Client().call, sdk.Client.call)]

    assert [b"otel_llm" in p or b"wrapt" in p for p in pickled] == [False, False, False]
    assert pickle.loads(pickled[0]) is sdk.function


def test_what_cannot_be_found_by_its_name_is_not_pickled(sdk):
    function = sdk.function
    del sdk.function

    with pytest.raises(AttributeError, match="function"):
        pickle.dumps(function)


def test_what_is_seen_below_a_method_is_what_is_below_the_sdks_own(sdk, monkeypatch):
    """LangSmith's wrappers look there whether a method is asynchronous."""
    bare, own = sdk.Client().call.__wrapped__, vars(sdk.Client)["call"].__wrapped__
    monkeypatch.setattr(own, "__wrapped__", again, raising=False)

    assert bare.__func__ is own
    assert sdk.Client().call.__wrapped__ is again
    assert sdk.Client.call.__wrapped__ is own
