"""A small SDK with the shapes that the real ones have between them, and its instrumentor."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from otel_llm.genai import Request, Response, Usage
from otel_llm.instrumentation.core import Content, Endpoint, LLMInstrumentor, Origin, Patch

SOURCE = '''
import asyncio
import warnings

class Boom(Exception):
    """What the SDK raises."""

def old(model):
    if model == "old":
        warnings.warn("old", DeprecationWarning, stacklevel=3)

def words(n=3):
    return [{"word": w, "n": i} for i, w in enumerate("one two three four".split()[:n])]

class Stream:
    """Iterates in its own way, as the SDKs do."""
    def __init__(self, items):
        self._items = iter(items)
        self.closed = 0
    def __iter__(self):
        for item in self._items:
            yield item
    def __next__(self):
        return next(self._items)
    def close(self):
        self.closed += 1
    def __enter__(self):
        return self
    def __exit__(self, *exc):
        self.close()
    @property
    def text_stream(self):
        for item in self:
            yield item["word"]

class Slotted:
    __slots__ = ("items",)
    def __init__(self, items):
        self.items = iter(items)
    def __iter__(self):
        return self
    def __next__(self):
        return next(self.items)
    def close(self):
        return "closed"

class Manager:
    def __init__(self, client):
        self.client = client
    def __enter__(self):
        self.client.sent += 1
        old(self.client.model)
        if self.client.broken:
            raise Boom("sk-secret")
        self.stream = Stream(words())
        return self.stream
    def __exit__(self, *exc):
        self.stream.close()

class AsyncManager(Manager):
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self.__enter__()
    async def __aexit__(self, *exc):
        self.stream.close()

class Client:
    def __init__(self):
        self.sent = 0
        self.broken = False
        self.inner = None
        self.model = None
    def call(self, model, prompt=None, *, stream=False):
        self.sent += 1
        old(model)
        if self.broken:
            raise Boom("sk-secret")
        if self.inner:
            return self.inner()
        return Stream(words()) if stream else {"id": "r1", "model": model + "-1", "tokens": 3}
    def slotted(self, model):
        return Slotted(words())
    def generator(self, model):
        self.sent += 1
        for word in words():
            got = yield word
            if got == "stop":
                return
    async def agenerator(self, model):
        self.sent += 1
        for word in words():
            yield word
    async def returns_agenerator(self, model):
        await asyncio.sleep(0)
        return self.agenerator(model)
    async def acall(self, model):
        old(model)
        await asyncio.sleep(0)
        return {"id": "r1", "model": model + "-1", "tokens": 3}
    def awaitable(self, model):
        return self.acall(model)
    def manager(self, model):
        self.model = model
        old(model)
        return Manager(self)
    def amanager(self, model):
        return AsyncManager(self)
    def embed(self, model):
        return {"id": "e1", "model": model, "tokens": 2}

class Sub(Client):
    pass

def function(model, prompt=None):
    return {"id": "f1", "model": model, "tokens": 1}
'''


def _request(arguments: Mapping[str, Any]) -> Request:
    return Request(model=arguments["model"], stream=arguments.get("stream") is True)


def _response(answer: Any) -> Response:
    return Response(answer["id"], answer["model"], ["stop"], Usage(output_tokens=answer["tokens"]))


class Reader:
    def __init__(self, content: bool) -> None:
        self.words: list[str] = []

    def feed(self, chunk: Any) -> None:
        self.words.append(chunk["word"])

    def response(self) -> Response:
        return Response(usage=Usage(output_tokens=len(self.words)))

    def output_messages(self) -> list[dict[str, Any]]:
        return [{"role": "assistant", "parts": [{"type": "text", "content": " ".join(self.words)}]}]


def _messages(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": [{"type": "text", "content": arguments["prompt"]}]}]


CONTENT = Content(_messages, lambda answer: [{"role": "assistant", "parts": []}])
CHAT = Endpoint("chat", _request, _response, Reader, CONTENT)
EMBED = Endpoint("embeddings", _request, lambda answer: Response(usage=Usage(2)))


def patch(name: str, endpoint: Endpoint = CHAT, **more: Any) -> Patch:
    return Patch("toy_sdk", name, endpoint, positional=("model", "prompt"), **more)


class Toy(LLMInstrumentor):
    """Traces the toy."""

    requires = ()
    provider = "toy"
    patches = (
        *(
            patch(f"Client.{name}")
            for name in (
                "call", "slotted", "generator", "agenerator", "returns_agenerator", "acall",
                "awaitable",
            )
        ),
        patch("Client.manager", manager=True),
        patch("Client.amanager", manager=True),
        patch("Client.embed", EMBED),
        patch("function"),
    )  # fmt: skip

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        return Origin("toy")


def install() -> Iterator[ModuleType]:
    """Make ``toy_sdk`` importable, freshly, until the generator goes on."""
    module = ModuleType("toy_sdk")
    exec(compile(SOURCE, "toy_sdk.py", "exec"), vars(module))
    sys.modules["toy_sdk"] = module
    yield module
    del sys.modules["toy_sdk"]
