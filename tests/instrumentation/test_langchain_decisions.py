"""LangChain: decision models, which answer typed questions and are no chat models."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("langchain_core.decisions", reason="needs langchain-core 1.8")

from langchain_core.decisions import (
    BaseDecisionModel,
    Choice,
    ChoiceAnswer,
    ClassifierResponse,
    Noul,
    NoulAnswer,
)
from langchain_core.messages import HumanMessage, SystemMessage

from .langchain_sdk import OwnChat, capturing, chat_openai, instrumented, kind, llm, run, sdk
from .trees import tree

__all__ = ["capturing", "chat_openai", "instrumented", "kind", "llm", "run", "sdk"]

IMAGE = {"type": "image", "url": "https://example.com/a.png"}
QUESTIONS = {
    "urgent": Noul(instructions="Is it urgent?"),
    "route": Choice(instructions="Who?", criteria={"fast": "easy", "slow": "hard"}),
}
URGENT = NoulAnswer(type="noul", noul=0.75)
ROUTE = ChoiceAnswer(
    type="choice", choice="fast", probabilities={"fast": 1.0, "slow": 0.0}, confidence=0.5
)
USAGE = {"input_tokens": 11, "output_tokens": 5, "input_token_details": {"cache_read": 4}}
DECISION = {
    "name": "generate_content d",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "judges",
    "gen_ai.request.model": "d",
    "gen_ai.output.type": "json",
    "gen_ai.response.model": "d-2026",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 4,
}


class Judge(BaseDecisionModel):
    """A decision model of the user's own, without any SDK below."""

    model: str = "d"
    usage: Any = USAGE
    error: Any = None

    @property
    def _provider(self):
        return "judges"

    def _classify(self, state, questions):
        if self.error is not None:
            raise self.error
        known = {"urgent": URGENT, "model_route": ROUTE, "route": ROUTE}
        answers = {name: known[name] for name in questions}
        return ClassifierResponse(model="d-2026", answers=answers, usage=self.usage)


def asked(state):
    return {"state": state, "questions": QUESTIONS}


@pytest.mark.usefixtures("instrumented")
async def test_a_decision_is_one_call_with_its_tokens(run, telemetry):
    answer = await run(Judge(), "invoke", asked("the house burns"))

    assert answer.nouls["urgent"].noul == 0.75
    assert telemetry.span() == DECISION


@pytest.mark.usefixtures("instrumented")
async def test_a_decision_without_usage_counts_nothing(run, telemetry):
    await run(Judge(usage=None), "invoke", asked("the house burns"))

    told = {name: value for name, value in DECISION.items() if ".usage." not in name}
    assert telemetry.span() == told


@pytest.mark.usefixtures("instrumented")
async def test_a_decision_that_fails_is_an_error(run, telemetry):
    with pytest.raises(LookupError):
        await run(Judge(error=LookupError("secret")), "invoke", asked("the house burns"))

    failed = {name: v for name, v in DECISION.items() if ".usage." not in name}
    failed.pop("gen_ai.response.model")
    assert telemetry.span() == {**failed, "status": "ERROR", "error.type": "LookupError"}


@pytest.mark.usefixtures("instrumented")
async def test_each_decision_of_a_batch_is_a_call(run, telemetry):
    await run(Judge(), "batch", [asked("one"), asked("two")])

    assert telemetry.spans() == [DECISION, DECISION]


@pytest.mark.usefixtures("capturing")
@pytest.mark.parametrize(
    ("state", "messages"),
    [
        ("hot", [("user", [{"type": "text", "content": "hot"}])]),
        (
            [SystemMessage("be kind"), HumanMessage("hot")],
            [
                ("system", [{"type": "text", "content": "be kind"}]),
                ("user", [{"type": "text", "content": "hot"}]),
            ],
        ),
        ({"degrees": 90}, [("user", [{"type": "text", "content": '{"degrees":90}'}])]),
        (
            ["hot", IMAGE],
            [
                ("user", [{"type": "text", "content": "hot"}]),
                ("user", [{"type": "uri", "modality": "image", "uri": IMAGE["url"]}]),
            ],
        ),
    ],
    ids=["words", "messages", "JSON", "words and a picture"],
)
async def test_what_is_asked_and_answered_is_captured(run, telemetry, state, messages):
    await run(Judge(), "invoke", asked(state))

    span = telemetry.span()
    questions = [
        {"name": "urgent", "type": "noul", "instructions": "Is it urgent?"},
        {
            "name": "route",
            "type": "choice",
            "instructions": "Who?",
            "criteria": {"fast": "easy", "slow": "hard"},
        },
    ]
    assert json.loads(span.pop("gen_ai.input.messages")) == [
        *({"role": role, "parts": parts} for role, parts in messages),
        {"role": "user", "parts": questions},
    ]
    answers = [{"name": "urgent", **URGENT.model_dump()}, {"name": "route", **ROUTE.model_dump()}]
    assert json.loads(span.pop("gen_ai.output.messages")) == [
        {"role": "assistant", "parts": answers, "finish_reason": "stop"}
    ]
    assert span == DECISION


@pytest.mark.usefixtures("instrumented")
@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
async def test_the_decision_which_model_an_agent_asks_is_a_call_of_the_agents(run, telemetry):
    agents = pytest.importorskip("langchain.agents")
    middleware = pytest.importorskip("langchain.agents.middleware")
    choices = {
        "fast": middleware.ModelChoice(model=OwnChat(), criteria="easy"),
        "slow": middleware.ModelChoice(model=OwnChat(model="big"), criteria="hard"),
    }
    router = middleware.ModelRouterMiddleware(
        choices=choices, instructions="Which model?", classifier=Judge()
    )
    agent = agents.create_agent(OwnChat(model="big"), middleware=[router])

    await run(agent, "invoke", {"messages": [("user", "two plus two")]})

    assert tree(telemetry) == [
        ("invoke_agent", [("generate_content d", []), ("chat m", [])]),
    ]
