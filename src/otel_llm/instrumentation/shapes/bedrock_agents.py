"""Bedrock's agents, flows, knowledge bases and reranking.

An agent's usage is the sum over the model calls that its trace tells of, so there is none without
``enableTrace``. A knowledge base that generates tells no usage at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core.patch import Message
from .parts import answered, text_part
from .rerank import ranked
from .values import count, field, fields, integer, items, text


def agent_request(asked: Mapping[str, Any]) -> Request:
    """Read the parameters of InvokeAgent and InvokeInlineAgent."""
    told = {
        semconv.AGENT_ID: text(asked.get("agentId")),
        semconv.AGENT_NAME: text(asked.get("agentName")),
    }
    return Request(
        model=text(asked.get("foundationModel")),
        conversation_id=text(asked.get("sessionId")),
        more={name: value for name, value in told.items() if value is not None},
    )


class AgentStream:
    """Collects the events of an agent: its traces and its answer."""

    __slots__ = ("_pieces", "_usage")

    def __init__(self, content: bool = False) -> None:
        self._pieces: list[str] | None = [] if content else None
        self._usage = Usage()

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one event."""
        if (told := chunk.get("trace")) is not None:
            for step in fields(field(told, "trace")).values():
                self._usage += _usage(step)
        elif self._pieces is not None and (said := chunk.get("chunk")) is not None:
            self._pieces.append(_decoded(field(said, "bytes")))

    def response(self) -> Response:
        """Return what has arrived so far."""
        return Response(usage=self._usage)

    def output_messages(self) -> Sequence[Message]:
        """Return the agent's answer."""
        return _said("".join(self._pieces or ()))


def _usage(step: Any) -> Usage:
    said = field(field(field(step, "modelInvocationOutput"), "metadata"), "usage")
    return Usage(count(field(said, "inputTokens")), count(field(said, "outputTokens")))


def _decoded(said: Any) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else ""


def _said(answer: Any) -> list[Message]:
    return answered(text_part(answer), "stop")


def agent_input(asked: Mapping[str, Any]) -> list[Message]:
    """Return what an agent was asked."""
    parts = text_part(asked.get("inputText"))
    return [{"role": "user", "parts": parts}] if parts else []


def retrieve_request(asked: Mapping[str, Any]) -> Request:
    """Read the parameters of Retrieve."""
    search = field(field(asked, "retrievalConfiguration"), "vectorSearchConfiguration")
    told = {
        semconv.DATA_SOURCE_ID: text(asked.get("knowledgeBaseId")),
        semconv.RETRIEVAL_TOP_K: integer(field(search, "numberOfResults")),
    }
    return Request(more={name: value for name, value in told.items() if value is not None})


def retrieve_query(asked: Mapping[str, Any]) -> str | None:
    """Return what a knowledge base was searched for."""
    return text(field(asked.get("retrievalQuery"), "text"))


def found(answer: Any) -> list[Message]:
    """Return the documents that Retrieve found, by where they are."""
    return _found(field(answer, "retrievalResults"))


def _found(results: Any) -> list[Message]:
    return [ranked(_place(result), field(result, "score")) for result in items(results)]


def _place(result: Any) -> str | None:
    """Return a document's id, else its address, which is kept under the kind of store it is in."""
    stores = fields(field(result, "location")).values()
    named = [text(field(store, key)) for store in stores for key in ("uri", "url", "id")]
    source = text(field(field(result, "metadata"), "x-amz-bedrock-kb-source-uri"))
    return next(filter(None, (text(field(result, "documentId")), *named, source)), None)


def agentic_request(asked: Mapping[str, Any]) -> Request:
    """Read the parameters of AgenticRetrieveStream; it may search several knowledge bases."""
    bases = [
        text(field(field(field(one, "configuration"), "knowledgeBase"), "knowledgeBaseId"))
        for one in items(asked.get("retrievers"))
    ]
    return Request(more={semconv.DATA_SOURCE_ID: bases[0]} if len(bases) == 1 else None)


def agentic_query(asked: Mapping[str, Any]) -> str | None:
    """Return what was said last."""
    said = items(asked.get("messages"))
    return text(field(field(said[-1], "content"), "text")) if said else None


class AgenticStream:
    """Collects the documents that AgenticRetrieveStream found."""

    __slots__ = ("_found",)

    def __init__(self, content: bool = False) -> None:
        self._found: list[Message] | None = [] if content else None

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one event."""
        if self._found is not None and (result := chunk.get("result")) is not None:
            self._found += _found(field(result, "results"))

    def response(self) -> Response:
        """Return nothing: what there is to know are the documents."""
        return Response()

    def output_messages(self) -> Sequence[Message]:
        """Return the documents."""
        return self._found or ()


def rerank_request(asked: Mapping[str, Any]) -> Request:
    """Read the parameters of Rerank."""
    config = field(asked.get("rerankingConfiguration"), "bedrockRerankingConfiguration")
    wanted = integer(field(config, "numberOfResults"))
    return Request(
        model=text(field(field(config, "modelConfiguration"), "modelArn")),
        more=None if wanted is None else {semconv.RETRIEVAL_TOP_K: wanted},
    )


def rerank_query(asked: Mapping[str, Any]) -> str | None:
    """Return what documents were ranked for."""
    query = next(iter(items(asked.get("queries"))), None)
    return text(field(field(query, "textQuery"), "text"))


def reranked(answer: Any) -> list[Message]:
    """Return what was ranked: place in the caller's list and score."""
    return [
        ranked(field(result, "index"), field(result, "relevanceScore"))
        for result in items(field(answer, "results"))
    ]


def flow_request(asked: Mapping[str, Any]) -> Request:
    """Read the parameters of InvokeFlow."""
    id = text(asked.get("flowIdentifier"))
    return Request(
        conversation_id=text(asked.get("executionId")),
        more=None if id is None else {semconv.AGENT_ID: id},
    )


def flow_input(asked: Mapping[str, Any]) -> list[Message]:
    """Return the documents that a flow was given, those that are text."""
    given = [field(field(one, "content"), "document") for one in items(asked.get("inputs"))]
    parts = [part for document in given for part in text_part(document)]
    return [{"role": "user", "parts": parts}] if parts else []


class FlowStream:
    """Collects the events of a flow: its outputs and why it stopped. It tells no usage."""

    __slots__ = ("_pieces", "_response")

    def __init__(self, content: bool = False) -> None:
        self._pieces: list[str] | None = [] if content else None
        self._response = Response()

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one event."""
        if reason := text(field(chunk.get("flowCompletionEvent"), "completionReason")):
            self._response.finish_reasons = [reason]
        elif self._pieces is not None:
            document = field(field(chunk.get("flowOutputEvent"), "content"), "document")
            self._pieces.append(text(document) or "")

    def response(self) -> Response:
        """Return what has arrived so far."""
        return self._response

    def output_messages(self) -> Sequence[Message]:
        """Return what the flow put out."""
        return _said("".join(self._pieces or ()))


def generate_request(asked: Mapping[str, Any]) -> Request:
    """Read the parameters of RetrieveAndGenerate."""
    config = field(asked, "retrieveAndGenerateConfiguration")
    base = field(config, "knowledgeBaseConfiguration") or field(
        config, "externalSourcesConfiguration"
    )
    generation = field(base, "generationConfiguration")
    inference = field(field(generation, "inferenceConfig"), "textInferenceConfig")
    guardrail = field(field(generation, "guardrailConfiguration"), "guardrailId")
    told = {
        semconv.AWS_BEDROCK_KNOWLEDGE_BASE_ID: text(field(base, "knowledgeBaseId")),
        semconv.AWS_BEDROCK_GUARDRAIL_ID: text(guardrail),
    }
    return Request(
        model=text(field(base, "modelArn")),
        temperature=field(inference, "temperature"),
        top_p=field(inference, "topP"),
        max_tokens=integer(field(inference, "maxTokens")),
        conversation_id=text(asked.get("sessionId")),
        more={name: value for name, value in told.items() if value is not None},
    )


def generate_response(answer: Any) -> Response:
    """Read an answer of RetrieveAndGenerate, or what comes before its stream."""
    return Response(conversation_id=text(field(answer, "sessionId")))


def generate_input(asked: Mapping[str, Any]) -> list[Message]:
    """Return what a knowledge base was asked."""
    parts = text_part(field(asked.get("input"), "text"))
    return [{"role": "user", "parts": parts}] if parts else []


def generate_output(answer: Any) -> list[Message]:
    """Return what a knowledge base said."""
    return _said(field(field(answer, "output"), "text"))


class GenerateStream:
    """Collects the events of RetrieveAndGenerateStream."""

    __slots__ = ("_pieces",)

    def __init__(self, content: bool = False) -> None:
        self._pieces: list[str] | None = [] if content else None

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Take one event."""
        if self._pieces is not None and (said := text(field(chunk.get("output"), "text"))):
            self._pieces.append(said)

    def response(self) -> Response:
        """Return what has arrived so far."""
        return Response()

    def output_messages(self) -> Sequence[Message]:
        """Return what was said."""
        return _said("".join(self._pieces or ()))
