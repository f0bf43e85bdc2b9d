"""LangChain: chains that are several calls, of which each run is one workflow."""

from __future__ import annotations

import pytest

pytest.importorskip("langchain_core")

from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnableLambda, chain
from langchain_core.runnables.history import RunnableWithMessageHistory

from .langchain_sdk import OwnChat, instrumented, kind, run
from .trees import tree

__all__ = ["instrumented", "kind", "run"]

pytestmark = pytest.mark.usefixtures("instrumented")

PROMPT = ChatPromptTemplate.from_template("{q}")
CALL = ("chat m", [])


class Moody(OwnChat):
    """A model that fails the first time."""

    asked: list[str]

    def _generate(self, messages, *args, **kwargs):
        self.asked.append(messages[-1].content)
        if len(self.asked) == 1:
            raise ConnectionError
        return super()._generate(messages, *args, **kwargs)


async def test_what_falls_back_is_one_workflow_with_all_that_was_tried(run, telemetry):
    failing = PROMPT | OwnChat(error=ConnectionError())

    await run(failing.with_fallbacks([PROMPT | OwnChat()]), "invoke", {"q": "2+2?"})

    assert tree(telemetry) == [("invoke_workflow", [CALL, CALL])]
    assert [span["status"] for span in telemetry.spans()] == ["ERROR", "UNSET", "UNSET"]


@pytest.mark.parametrize("name", ["stream", "batch"])
async def test_so_it_is_of_models_and_however_it_is_run(run, telemetry, name):
    failing = OwnChat(error=ConnectionError())
    if name == "stream":
        object.__setattr__(failing, "_stream", _refused)

    asked = ["2+2?"] if name == "batch" else "2+2?"
    await run(failing.with_fallbacks([OwnChat()]), name, asked)

    ((named, inside),) = tree(telemetry)
    assert (named, len(inside)) == ("invoke_workflow", 2)


def _refused(*_, **__):
    raise ConnectionError
    yield


@pytest.mark.parametrize("name", ["invoke", "batch"])
async def test_what_is_tried_again_is_one_workflow(run, telemetry, name):
    tried = (PROMPT | Moody(asked=[])).with_retry(wait_exponential_jitter=False)

    asked = {"q": "2+2?"}
    await run(tried, name, [asked] if name == "batch" else asked)

    ((named, inside),) = tree(telemetry)
    assert (named, inside[-1]) == ("invoke_workflow", CALL)
    assert [span["name"] for span in telemetry.spans()].count("chat m") == 2


@pytest.mark.parametrize("name", ["invoke", "stream"])
async def test_a_function_that_is_a_chain_is_a_workflow_by_its_name(kind, run, telemetry, name):
    model = OwnChat()

    if kind == "async":

        @chain
        async def twice(asked):
            return await model.ainvoke((await model.ainvoke(asked)).content)
    else:

        @chain
        def twice(asked):
            return model.invoke(model.invoke(asked).content)

    await run(twice, name, "2+2?")

    ((named, inside),) = tree(telemetry)
    assert (named, [one for one, _ in inside]) == ("invoke_workflow twice", ["chat m"] * 2)


async def test_a_choice_of_chains_holds_what_it_asks_to_choose(run, telemetry):
    asks = PROMPT | OwnChat() | (lambda answer: bool(answer.content))

    await run(RunnableBranch((asks, PROMPT | OwnChat()), PROMPT), "invoke", {"q": "2+2?"})

    assert tree(telemetry) == [("invoke_workflow", [CALL, CALL])]


async def test_a_function_inside_a_chain_is_no_workflow_of_its_own(run, telemetry):
    await run(PROMPT | RunnableLambda(lambda asked: OwnChat().invoke(asked)), "invoke", {"q": "?"})

    assert tree(telemetry) == [("invoke_workflow", [CALL])]


@pytest.mark.filterwarnings("ignore")
async def test_a_chain_with_a_history_is_of_its_session_and_not_called_as_its_class(run, telemetry):
    kept = InMemoryChatMessageHistory()
    remembering = RunnableWithMessageHistory(OwnChat(), lambda session_id: kept)

    await run(remembering, "invoke", "2+2?", {"configurable": {"session_id": "s-1"}})

    assert tree(telemetry) == [("invoke_workflow", [CALL])]
    assert {span["gen_ai.conversation.id"] for span in telemetry.spans()} == {"s-1"}
