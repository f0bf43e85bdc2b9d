"""LangChain: embeddings, templates of prompts, tools that tell of their failure."""

from __future__ import annotations

import threading

import pytest

from otel_llm import set_prompt, workflow
from otel_llm.instrumentation.api import configure
from otel_llm.instrumentation.core import runs
from otel_llm.instrumentation.langchain import LangChainInstrumentor
from otel_llm.testing import openai as wire

pytest.importorskip("langchain_core")

from langchain_core.embeddings import Embeddings
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import ToolException, tool
from pydantic import BaseModel

from .langchain_sdk import (
    OwnChat,
    Shelf,
    add,
    capturing,
    chat_openai,
    instrumented,
    kind,
    llm,
    run,
    sdk,
)
from .trees import tree

__all__ = ["capturing", "chat_openai", "instrumented", "kind", "llm", "run", "sdk"]


@pytest.fixture(autouse=True)
def _own_code(telemetry, monkeypatch):
    """What the program says itself goes where the test looks."""
    monkeypatch.setattr(runs, "_telemetry", None)
    configure(**telemetry.providers)


EMBEDDINGS = {
    "name": "embeddings e-1",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "_OTHER",
    "gen_ai.request.model": "e-1",
    "gen_ai.embeddings.dimension.count": 3,
}
VARIABLES = "gen_ai.prompt.variable."


class OwnEmbeddings(Embeddings):
    """Embeddings of the user's own, of which one method calls the other."""

    model = "e-1"

    def embed_documents(self, texts):
        return [[1.0, 2.0, 3.0] for _ in texts]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize(
    ("name", "asked"), [("embed_query", "one"), ("embed_documents", ["one", "two"])]
)
async def test_embeddings_are_one_span_with_their_size(run, telemetry, name, asked):
    found = await run(OwnEmbeddings(), name, asked)

    assert found == ([1.0, 2.0, 3.0] if name == "embed_query" else [[1.0, 2.0, 3.0]] * 2)
    assert telemetry.span() == EMBEDDINGS


@pytest.mark.usefixtures("instrumented")
async def test_embeddings_made_while_instrumenting_are_traced_and_let_go_of(run, telemetry):
    class Late(BaseModel, Embeddings):
        model_name: str = "e-1"

        def embed_documents(self, texts):
            return [[1.0, 2.0, 3.0] for _ in texts]

        def embed_query(self, text):
            raise LookupError("secret")

    await run(Late(), "embed_documents", ["one"])
    with pytest.raises(LookupError):
        await run(Late(), "embed_query", "one")
    LangChainInstrumentor().uninstrument()
    await run(Late(), "embed_documents", ["one"])

    failed = {**EMBEDDINGS, "status": "ERROR", "error.type": "LookupError"}
    failed.pop("gen_ai.embeddings.dimension.count")
    assert telemetry.spans() == [EMBEDDINGS, failed]
    assert type(vars(Late)["embed_documents"]).__name__ == "function"


@pytest.mark.usefixtures("instrumented")
async def test_embeddings_of_no_texts_ask_for_nothing(run, telemetry):
    assert await run(OwnEmbeddings(), "embed_documents", []) == []
    assert telemetry.spans() == []


@pytest.mark.usefixtures("instrumented")
async def test_a_search_holds_the_embeddings_of_its_query(run, telemetry):
    class Searching(Shelf):
        def _get_relevant_documents(self, query, *, run_manager):
            OwnEmbeddings().embed_query(query)
            return []

    await run(Searching(), "invoke", "what?")

    assert tree(telemetry) == [("retrieval", [("embeddings e-1", [])])]


@pytest.fixture
def openai_embeddings(llm):
    """Embeddings of LangChain's package for OpenAI, with connections that are closed here."""
    import httpx2

    package = pytest.importorskip("langchain_openai", exc_type=ImportError)
    with httpx2.Client() as client:
        yield package.OpenAIEmbeddings(
            model="text-embedding-3-small",
            base_url=f"{llm.url}/v1",
            api_key="k",
            check_embedding_ctx_length=False,
            http_client=client,
        )


@pytest.mark.usefixtures("instrumented", "sdk")
def test_embeddings_of_a_traced_sdk_are_spans_from_there(openai_embeddings, telemetry):
    openai_embeddings.embed_query("one")

    assert telemetry.span()["gen_ai.usage.input_tokens"] > 0


@pytest.mark.usefixtures("instrumented")
def test_embeddings_over_an_sdk_that_is_not_traced_are_the_frameworks(
    openai_embeddings, llm, telemetry
):
    openai_embeddings.embed_query("one")

    span = telemetry.span()
    assert span["name"] == "embeddings text-embedding-3-small"
    assert span["gen_ai.provider.name"] == "openai"
    assert (span["server.address"], span["server.port"]) == ("127.0.0.1", llm.port)


def said(span):
    """Return what a span says of its prompt."""
    return {name: value for name, value in span.items() if name.startswith("gen_ai.prompt")}


HUB = {"lc_hub_owner": "-", "lc_hub_repo": "sums", "lc_hub_commit_hash": "abc"}


@pytest.mark.usefixtures("capturing")
@pytest.mark.parametrize("name", ["invoke", "stream"])
async def test_a_templates_variables_are_on_the_call_after_it_where_content_is(
    run, telemetry, name
):
    template = ChatPromptTemplate(
        [("system", "Be {mood}."), MessagesPlaceholder("history"), ("human", "{a}+{b}?")],
        metadata=HUB,
    ).partial(mood="kind")
    asked = {"a": 2, "b": "3", "history": [HumanMessage("hi")], "unused": "x"}

    await run(template | OwnChat(), name, asked)

    chat = next(s for s in telemetry.spans() if s["name"] == "chat m")
    assert said(chat) == {
        "gen_ai.prompt.name": "sums",
        "gen_ai.prompt.version": "abc",
        f"{VARIABLES}mood": "kind",
        f"{VARIABLES}a": "2",
        f"{VARIABLES}b": "3",
    }


@pytest.mark.usefixtures("instrumented")
async def test_without_content_a_template_is_no_more_than_its_name(run, telemetry):
    template = PromptTemplate.from_template("{a}?", metadata={**HUB, "lc_hub_owner": "me"})

    await run(template | OwnChat(), "invoke", "secret")

    chat = next(s for s in telemetry.spans() if s["name"] == "chat m")
    assert said(chat) == {"gen_ai.prompt.name": "me/sums", "gen_ai.prompt.version": "abc"}
    assert "secret" not in str(telemetry.spans())


@pytest.mark.usefixtures("capturing")
async def test_chains_side_by_side_keep_their_variables(run, telemetry):
    both = threading.Barrier(2)

    def wait(messages):
        both.wait(60)
        return messages

    def chain(word):
        template = ChatPromptTemplate([("human", f"{{{word}}}")])
        return template | RunnableLambda(wait) | OwnChat(model=word)

    inputs = {"one": "1", "two": "2"}
    await run(RunnableParallel(first=chain("one"), second=chain("two")), "invoke", inputs)

    found = {s["name"]: said(s) for s in telemetry.spans() if s["name"].startswith("chat")}
    assert found == {
        "chat one": {f"{VARIABLES}one": "1"},
        "chat two": {f"{VARIABLES}two": "2"},
    }


@pytest.mark.usefixtures("capturing")
async def test_a_batch_says_nothing_of_its_templates(run, telemetry):
    chain = ChatPromptTemplate([("human", "{a}")]) | OwnChat()

    await run(chain, "batch", [{"a": "1"}, {"a": "2"}])

    assert [said(s) for s in telemetry.spans() if s["name"] == "chat m"] == [{}, {}]


@pytest.mark.usefixtures("capturing")
async def test_the_programs_own_prompt_keeps_its_name(run, telemetry):
    chain = ChatPromptTemplate([("human", "{a}")], metadata=HUB) | OwnChat()

    with set_prompt("mine", "7"):
        await run(chain, "invoke", {"a": "1"})

    chat = next(s for s in telemetry.spans() if s["name"] == "chat m")
    assert said(chat) == {
        "gen_ai.prompt.name": "mine",
        "gen_ai.prompt.version": "7",
        f"{VARIABLES}a": "1",
    }


async def test_what_is_redacted_is_taken_out_of_variables(run, telemetry):
    LangChainInstrumentor().instrument(**telemetry.providers, capture="SPAN_ONLY", redact=("pii",))
    chain = ChatPromptTemplate([("human", "{a}")]) | OwnChat()

    await run(chain, "invoke", {"a": "write to ada@lovelace.dev"})
    LangChainInstrumentor().uninstrument()

    assert "ada@" not in str(telemetry.spans())
    assert "write to" in str(telemetry.spans())


@pytest.mark.usefixtures("instrumented")
async def test_a_template_that_fails_raises_the_same(run, telemetry):
    with pytest.raises(KeyError):
        await run(ChatPromptTemplate([("human", "{a}")]) | OwnChat(), "invoke", {})

    assert [s["error.type"] for s in telemetry.spans()] == ["KeyError"]


@pytest.mark.usefixtures("instrumented")
async def test_a_tool_that_tells_the_model_of_its_failure_is_an_error(run, telemetry):
    @tool
    def broken(a: int) -> int:
        """Fail."""
        raise ToolException("secret")

    broken.handle_tool_error = True
    call = {"name": "broken", "args": {"a": 2}, "id": "call_7", "type": "tool_call"}

    answer = await run(broken, "invoke", call)

    assert answer.status == "error"
    assert telemetry.span()["error.type"] == "tool_error"
    assert "secret" not in str(telemetry.spans())


@pytest.fixture
def executor(chat_openai):
    """Makes agents of ``langchain-classic``."""
    agents = pytest.importorskip("langchain_classic.agents", exc_type=ImportError)

    def made(**more):
        asked = ChatPromptTemplate([("human", "{input}"), MessagesPlaceholder("agent_scratchpad")])
        agent = agents.create_tool_calling_agent(chat_openai(), [add], asked)
        return agents.AgentExecutor(agent=agent, tools=[add], **more)

    return made


@pytest.mark.usefixtures("instrumented", "sdk")
@pytest.mark.parametrize("name", ["invoke", "stream"])
async def test_an_executor_of_agents_is_an_agent(run, llm, executor, telemetry, name):
    called = [wire.tool_call("add", '{"a": 2, "b": 3}', "call_1")]
    stream = [
        wire.chunk(wire.delta(None, role="assistant", tool_calls=[{"index": 0, **called[0]}])),
        wire.chunk(wire.delta(finish="tool_calls")),
    ]
    llm.queue(wire.stream(stream))

    with workflow("trip"):
        await run(executor(name="adder"), name, {"input": "2+3?"})

    assert tree(telemetry) == [
        (
            "invoke_workflow trip",
            [
                (
                    "invoke_agent adder",
                    [("chat gpt-4o", []), ("execute_tool add", []), ("chat gpt-4o", [])],
                )
            ],
        )
    ]
