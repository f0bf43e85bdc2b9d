"""The AWS Bedrock wire format: Converse, InvokeModel, agents, knowledge bases and their routes.

Streams are ``application/vnd.amazon.eventstream``: binary messages with a length before and two
checksums in each. Bodies are plain dicts: change them freely before they are queued.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any
from zlib import crc32

from .echo import TEXT, count, say, words
from .provider import CUT, Answer, Pause, Received, Routes, json_answer

Body = dict[str, Any]

MODEL = "anthropic.claude-sonnet-4-6-v1:0"


def usage(input: int = 11, output: int = 5, **fields: int) -> Body:
    """Return usage of Converse; ``input`` excludes the cache (``cacheReadInputTokens``)."""
    total = input + output + sum(fields.values())
    return {"inputTokens": input, "outputTokens": output, "totalTokens": total, **fields}


def text(said: str = TEXT) -> Body:
    """Return one text block."""
    return {"text": said}


def reasoning(said: str = "Two and two.") -> Body:
    """Return one block of what the model thought."""
    return {"reasoningContent": {"reasoningText": {"text": said, "signature": "c2ln"}}}


def tool_use(name: str, input: Body | None = None, id: str = "tool_1") -> Body:
    """Return one tool call."""
    return {"toolUse": {"toolUseId": id, "name": name, "input": input or {}}}


def conversed(*content: Body, stop: str = "end_turn", **fields: Any) -> Body:
    """Return an answer of Converse; without content it says ``TEXT``."""
    return {
        "output": {"message": {"role": "assistant", "content": list(content) or [text()]}},
        "stopReason": stop,
        "usage": usage(),
        "metrics": {"latencyMs": 7},
        **fields,
    }


def converse_events(answer: Body | None = None) -> list[tuple[str, Body]]:
    """Return the events that stream ``answer``: usage is told at the end."""
    whole = answer or conversed()
    message = whole["output"]["message"]
    told: list[tuple[str, Body]] = [("messageStart", {"role": message["role"]})]
    for index, block in enumerate(message["content"]):
        told += [(kind, {**said, "contentBlockIndex": index}) for kind, said in _block(block)]
    told.append(("messageStop", {"stopReason": whole["stopReason"]}))
    return [*told, ("metadata", {"usage": whole["usage"], "metrics": whole["metrics"]})]


def _block(block: Body) -> list[tuple[str, Body]]:
    if "toolUse" in block:
        call = block["toolUse"]
        start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
        deltas = [{"toolUse": {"input": piece}} for piece in words(json.dumps(call["input"]))]
        opened: list[tuple[str, Body]] = [("contentBlockStart", {"start": start})]
    elif "reasoningContent" in block:
        said = block["reasoningContent"]["reasoningText"]["text"]
        deltas, opened = [{"reasoningContent": {"text": word}} for word in words(said)], []
    else:
        deltas, opened = [text(word) for word in words(block["text"])], []
    grown = [("contentBlockDelta", {"delta": delta}) for delta in deltas]
    return [*opened, *grown, ("contentBlockStop", {})]


def chunk(body: Body) -> tuple[str, Body]:
    """Return the event of InvokeModelWithResponseStream that carries ``body``."""
    return "chunk", {"bytes": base64.b64encode(json.dumps(body).encode()).decode()}


def metrics(input: int = 11, output: int = 5, **fields: int) -> Body:
    """Return what Bedrock adds to the last chunk of a model's stream."""
    said = {"inputTokenCount": input, "outputTokenCount": output, "invocationLatency": 7, **fields}
    return {"amazon-bedrock-invocationMetrics": said}


def invoked(body: Body, input: int | None = 11, output: int | None = 5, **headers: str) -> Answer:
    """Answer InvokeModel with a model's own ``body``; the counts go into headers."""
    counts = {"input": input, "output": output}
    told = {f"x-amzn-bedrock-{k}-token-count": str(v) for k, v in counts.items() if v is not None}
    return json_answer(body, headers={**told, **headers})


def event(kind: str, body: Mapping[str, Any] | bytes, *, exception: bool = False) -> bytes:
    """Return one message of an event stream."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {":message-type": "exception" if exception else "event"}
    names[":exception-type" if exception else ":event-type"] = kind
    names[":content-type"] = "application/json"
    headers = b"".join(_header(name, value) for name, value in names.items())
    prelude = struct.pack("!II", len(payload) + len(headers) + 16, len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return message + struct.pack("!I", crc32(message))


def _header(name: str, value: str) -> bytes:
    return (
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", 7, len(value))
        + value.encode()
    )


def stream(events: Sequence[Any]) -> Answer:
    """Stream events, each a pair of kind and body, bytes made by ``event``, or a step."""
    steps = [
        told if isinstance(told, bytes | Event | Pause) or told is CUT else event(*told)
        for told in events
    ]
    return Answer(steps, content_type="application/vnd.amazon.eventstream", streamed=True)


def error(
    status: int, kind: str = "ThrottlingException", message: str = "The model is tired."
) -> Answer:
    """Answer with an API error."""
    return json_answer({"message": message}, status=status, headers={"x-amzn-errortype": kind})


def error_event(kind: str = "throttlingException", message: str = "The model is tired.") -> bytes:
    """Return the message that ends a stream whose HTTP status was 200."""
    return event(kind, {"message": message}, exception=True)


def _conversed(received: Received) -> Body:
    asked = received.json().get("messages")
    said = say(asked)
    return conversed(text(said), usage=usage(count(asked), count(said)))


def _invoke_route(received: Received) -> Answer:
    """Answer like one of Anthropic's models."""
    asked = received.json().get("messages")
    said = say(asked)
    block = {"type": "text", "text": said}
    told = {"input_tokens": count(asked), "output_tokens": count(said)}
    head: Body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude"}
    body: Body = {**head, "content": [block], "stop_reason": "end_turn", "usage": told}
    if not received.path.endswith("-response-stream"):
        return invoked(body, told["input_tokens"], told["output_tokens"])
    opened: Body = {**body, "content": [], "stop_reason": None}
    ended = {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": count(said)}}
    chunks: list[Body] = [
        {"type": "message_start", "message": opened},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}}
            for w in words(said)
        ),
        {"type": "message_delta", **ended},
        {"type": "message_stop", **metrics(count(asked), count(said))},
    ]
    return stream([chunk(body) for body in chunks])


def retrieved(*scores: float) -> Body:
    """Return an answer of a knowledge base: one passage per score."""
    return {
        "retrievalResults": [
            {
                "content": {"text": f"Passage {number}.", "type": "TEXT"},
                "location": {"type": "S3", "s3Location": {"uri": f"s3://bucket/{number}.md"}},
                "score": score,
            }
            for number, score in enumerate(scores)
        ]
    }


def agent_events(said: str = TEXT, *rounds: Body) -> list[tuple[str, Body]]:
    """Return the events of InvokeAgent: a trace with the usage of each model call, the answer."""
    traces = [
        {"orchestrationTrace": {"modelInvocationOutput": {"metadata": {"usage": told}}}}
        for told in rounds
    ]
    told = [("trace", {"sessionId": "s", "trace": trace}) for trace in traces]
    return [*told, ("chunk", {"bytes": base64.b64encode(said.encode()).decode()})]


def flow_events(said: str = TEXT) -> list[tuple[str, Body]]:
    """Return the events of InvokeFlow: its output and its end."""
    node = {"nodeName": "FlowOutputNode", "nodeType": "FlowOutputNode"}
    return [
        ("flowOutputEvent", {**node, "content": {"document": said}}),
        ("flowCompletionEvent", {"completionReason": "SUCCESS"}),
    ]


def reranked(*scores: float) -> Body:
    """Return an answer of Rerank: the last document first."""
    places = range(len(scores) - 1, -1, -1)
    return {
        "results": [
            {"index": place, "relevanceScore": score}
            for place, score in zip(places, scores, strict=True)
        ]
    }


def _agentic() -> Body:
    source = {"x-amz-bedrock-kb-source-uri": "s3://bucket/0.md"}
    return {"results": [{"content": {"text": "Passage 0."}, "metadata": source}]}


def _rag_route(received: Received) -> Answer:
    return json_answer({"sessionId": "s1", "output": {"text": TEXT}, "citations": []})


ROUTES: Routes = {
    r"^POST /model/.*/converse$": lambda received: json_answer(_conversed(received)),
    r"^POST /model/.*/converse-stream$": lambda received: stream(
        converse_events(_conversed(received))
    ),
    r"^POST /model/.*/invoke(-with-response-stream)?$": _invoke_route,
    r"^POST /knowledgebases/.*/retrieve$": lambda _: json_answer(retrieved(0.9, 0.5)),
    r"^POST /retrieveAndGenerate$": _rag_route,
    r"^POST /rerank$": lambda _: json_answer(reranked(0.9, 0.5)),
    r"^POST /agenticRetrieveStream$": lambda _: stream([("result", _agentic())]),
    r"^POST /flows/.*/aliases/.*$": lambda _: stream(flow_events()),
    r"^POST /agents/.*/text$": lambda _: stream(agent_events()),
}
