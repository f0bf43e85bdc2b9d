"""What the contract needs to know about each SDK. A new instrumentor adds one case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

from otel_llm.instrumentation.core import LLMInstrumentor
from otel_llm.testing import Answer, Routes, json_answer
from otel_llm.testing import anthropic as anthropic_wire
from otel_llm.testing import bedrock as bedrock_wire
from otel_llm.testing import cohere as cohere_wire
from otel_llm.testing import gemini as gemini_wire
from otel_llm.testing import groq as groq_wire
from otel_llm.testing import mistral as mistral_wire
from otel_llm.testing import ollama as ollama_wire
from otel_llm.testing import openai as openai_wire

QUESTION = "What is two plus two?"
SECRET = "sk-planted-8f31"  # an API key, a header value, a word of a prompt and of an answer


@dataclass(frozen=True)
class Case:
    """One SDK. Clients speak to ``url`` and use ``SECRET`` as their key."""

    sdk: str
    """Import name; the case is skipped where it is not installed."""
    instrumentor: Callable[[], LLMInstrumentor]
    routes: Routes
    client: Callable[[str], Any]
    async_client: Callable[[str], Any]
    call: Callable[..., Any]
    """Calls the patched method of a client with ``QUESTION`` and what else is given."""
    method: Callable[[Any], Callable[..., Any]]
    """The patched method itself, as a caller may keep it."""
    arguments: dict[str, Any]
    answer: dict[str, Any]
    chunks: Sequence[Any]
    send: Callable[[Sequence[Any]], Answer]
    """Makes a streamed answer of chunks; steps of ``testing`` may stand between them."""
    expected: dict[str, Any]
    """The whole span of a plain call, without server address and port."""
    streamed: dict[str, Any] = field(default_factory=dict)
    """What a stream read to its end has besides."""
    after_first: dict[str, Any] = field(default_factory=dict)
    """The whole span of a stream of which one chunk was read, likewise."""
    refused: Answer = field(default_factory=lambda: openai_wire.error(429, SECRET))
    refusal: str = ""
    """The exception's class for ``refused``."""
    refusal_type: str = ""
    """``error.type`` of ``refused``; empty: the exception's class."""
    cut: str = ""
    """``error.type`` of a connection that breaks in the middle of a stream."""
    cut_sync: str = ""
    """The same of a synchronous stream, where an SDK tells them apart."""
    cut_type: str = ""
    """``error.type`` of the same, where the SDK wraps it."""
    marks: int = 0
    """Chunks that the SDK adds to those of the provider."""
    blocks: bool = True
    """Whether streams are context managers."""
    raw: bool = False
    """Whether clients have ``with_raw_response`` and ``with_streaming_response``."""


def _openai_cut() -> str:
    old = version("openai").startswith("2.")  # does not wrap what its HTTP library raises
    return "httpx.RemoteProtocolError" if old else "openai.APIConnectionError"


def _openai() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.openai").OpenAIInstrumentor()


def _openai_client(kind: str) -> Callable[[str], Any]:
    def client(url: str) -> Any:
        make = getattr(import_module("openai"), kind)
        headers = {"x-team-token": SECRET}
        return make(base_url=f"{url}/v1", api_key=SECRET, max_retries=0, default_headers=headers)

    return client


_MESSAGES = [{"role": "user", "content": f"{QUESTION} {SECRET}"}]
_USAGE = openai_wire.usage(11, 5, prompt_tokens_details={"cached_tokens": 4})
_CHAT = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.request.max_tokens": 9,
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.model": "m-2026",
    "openai.api.type": "chat_completions",
}
_COMPLETION = openai_wire.completion(
    openai_wire.choice(f"four {SECRET}"), model="m-2026", usage=_USAGE
)
_CHUNKS = openai_wire.completion_chunks(f"four {SECRET}", model="m-2026", include_usage=_USAGE)
_WHOLE = {
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 4,
}


def _groq() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.groq").GroqInstrumentor()


def _groq_client(kind: str) -> Callable[[str], Any]:
    def client(url: str) -> Any:
        make = getattr(import_module("groq"), kind)
        headers = {"x-team-token": SECRET}
        return make(base_url=url, api_key=SECRET, max_retries=0, default_headers=headers)

    return client


_GROQ = {**_CHAT, "gen_ai.provider.name": "groq"}
del _GROQ["openai.api.type"]


def _mistral() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.mistral").MistralInstrumentor()


def _mistral_client(url: str) -> Any:
    place = "mistralai" if version("mistralai").startswith("1.") else "mistralai.client"
    return import_module(place).Mistral(api_key=SECRET, server_url=url)


def _mistral_call(client: Any, *, stream: bool = False, **more: Any) -> Any:
    chat = client.chat
    return (chat.stream if stream else chat.complete)(**_ASK, **more)


def _mistral_errors() -> tuple[str, str]:
    """Return the classes of an HTTP error and of a lost connection."""
    release = version("mistralai")
    http = "httpx2" if release.startswith("3.") else "httpx"
    place = "models" if release.startswith("1.") else "client.errors"
    return f"mistralai.{place}.sdkerror.SDKError", f"{http}.RemoteProtocolError"


class _AsyncMistral:
    """The asynchronous half of a client, by the names of the other half."""

    def __init__(self, url: str) -> None:
        self._client = _mistral_client(url)
        chat = self._client.chat
        self.chat = SimpleNamespace(complete=chat.complete_async, stream=chat.stream_async)

    async def __aenter__(self) -> _AsyncMistral:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._client.__aexit__(*error)


_MISTRAL = {**_CHAT, "gen_ai.provider.name": "mistral_ai"}
del _MISTRAL["openai.api.type"]


def _ollama() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.ollama").OllamaInstrumentor()


@contextmanager
def _ollama_client(url: str) -> Iterator[Any]:
    client = import_module("ollama").Client(host=url, headers={"authorization": SECRET})
    yield client
    client._client.close()  # it is no context manager of its own before 0.6.1


@asynccontextmanager
async def _async_ollama_client(url: str) -> AsyncIterator[Any]:
    client = import_module("ollama").AsyncClient(host=url, headers={"authorization": SECRET})
    yield client
    await client._client.aclose()


_OLLAMA_ASK = {"model": "m", "messages": _MESSAGES, "options": {"num_predict": 9}}
_OLLAMA = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "ollama",
    "gen_ai.request.model": "m",
    "gen_ai.request.max_tokens": 9,
    "gen_ai.response.model": "m-2026",
}


def _cohere() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.cohere").CohereInstrumentor()


def _cohere_client(url: str) -> Any:
    return import_module("cohere").ClientV2(api_key=SECRET, base_url=url)


def _async_cohere_client(url: str) -> Any:
    return import_module("cohere").AsyncClientV2(api_key=SECRET, base_url=url)


def _cohere_call(client: Any, *, stream: bool = False, **more: Any) -> Any:
    if not stream:
        return client.chat(**_COHERE_ASK, **more)
    chunks = client.chat_stream(**_COHERE_ASK, **more)
    return _awaitable(chunks) if hasattr(chunks, "__anext__") else chunks


async def _awaitable(stream: Any) -> Any:
    """Return what an SDK returns without having to be awaited."""
    return stream


_COHERE_ASK = {
    "model": "m",
    "messages": _MESSAGES,
    "max_tokens": 9,
    "request_options": {
        "max_retries": 0,
        "additional_headers": {"x-team-token": SECRET},
    },
}
_COHERE = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "cohere",
    "gen_ai.request.model": "m",
    "gen_ai.request.max_tokens": 9,
    "gen_ai.response.id": "chat_1",
}


def _litellm() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.litellm").LiteLLMInstrumentor()


class _LiteLLM:
    """LiteLLM has functions and no client: this one knows the endpoint."""

    def __init__(self, url: str, name: str) -> None:
        self.base, self._name = f"{url}/v1", name

    def call(self, **more: Any) -> Any:
        if more.get("stream"):
            more["stream_options"] = {"include_usage": True}
        return getattr(import_module("litellm"), self._name)(
            **_LITELLM_ASK, api_base=self.base, **more
        )

    def __enter__(self) -> _LiteLLM:
        import_module("litellm").api_base = self.base
        return self

    def __exit__(self, *error: Any) -> None:
        import_module("litellm").api_base = None

    async def __aenter__(self) -> _LiteLLM:
        return self.__enter__()

    async def __aexit__(self, *error: Any) -> None:
        self.__exit__()


_LITELLM_ASK = {
    "model": "openai/m",
    "messages": _MESSAGES,
    "max_tokens": 9,
    "api_key": SECRET,
    "max_retries": 0,
    "extra_headers": {"x-team-token": SECRET},
}
_LITELLM = {**_CHAT}
del _LITELLM["openai.api.type"]


def _anthropic() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.anthropic").AnthropicInstrumentor()


def _anthropic_client(kind: str) -> Callable[[str], Any]:
    def client(url: str) -> Any:
        make = getattr(import_module("anthropic"), kind)
        headers = {"x-team-token": SECRET}
        return make(base_url=url, api_key=SECRET, max_retries=0, default_headers=headers)

    return client


_MESSAGES_ASK = {"model": "m", "messages": _MESSAGES, "max_tokens": 9}
_MESSAGE = anthropic_wire.message(
    anthropic_wire.text(f"four {SECRET}"),
    model="m-2026",
    usage=anthropic_wire.usage(7, 5, **anthropic_wire.cache(4)),
)
_ANTHROPIC = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "m",
    "gen_ai.request.max_tokens": 9,
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.model": "m-2026",
    "gen_ai.usage.input_tokens": 11,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.cache_write.input_tokens": 0,
}


def _google() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.google_genai").GoogleGenAIInstrumentor()


def _google_client(url: str) -> Any:
    options = {
        "base_url": url,
        "headers": {"x-team-token": SECRET},
        "retry_options": {"attempts": 1},
    }
    return import_module("google.genai").Client(api_key=SECRET, http_options=options)


def _google_call(client: Any, stream: bool = False) -> Any:
    models = client.models
    return (models.generate_content_stream if stream else models.generate_content)(**_GOOGLE_ASK)


def _google_cut() -> str:
    old = _google_version().startswith("2.")  # prefers httpx where it is installed
    return "httpx.RemoteProtocolError" if old else "httpx2.RemoteProtocolError"


def _google_version() -> str:
    try:
        return version("google-genai")
    except PackageNotFoundError:
        return ""


_GOOGLE_ASK = {
    "model": "m",
    "contents": f"{QUESTION} {SECRET}",
    "config": {"max_output_tokens": 9},
}
_GENERATED = gemini_wire.response(
    gemini_wire.candidate(gemini_wire.text(f"four {SECRET}")),
    model="m-2026",
    usageMetadata=gemini_wire.usage(11, 5, cachedContentTokenCount=4),
)
_GOOGLE = {
    "name": "generate_content m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": "m",
    "gen_ai.request.max_tokens": 9,
    "gen_ai.response.id": "resp-1",
    "gen_ai.response.model": "m-2026",
    "gen_ai.usage.input_tokens": 11,
}


def _llama_index() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.llama_index").LlamaIndexInstrumentor()


class _LlamaIndex:
    """A model of LlamaIndex's package for OpenAI, whose SDK is not traced here."""

    def __init__(self, url: str, prefix: str = "") -> None:
        httpx = import_module("httpx")
        self._prefix = prefix
        self._http, self._async_http = httpx.Client(), httpx.AsyncClient()
        self.llm = import_module("llama_index.llms.openai").OpenAI(
            model="gpt-4o",
            max_tokens=9,
            api_base=f"{url}/v1",
            api_key=SECRET,
            max_retries=0,
            default_headers={"x-team-token": SECRET},
            additional_kwargs={"stream_options": {"include_usage": True}},
            http_client=self._http,
            async_http_client=self._async_http,
        )

    def call(self, *, stream: bool = False) -> Any:
        name = f"{self._prefix}{'stream_' if stream else ''}chat"
        return getattr(self.llm, name)(**_llama_index_ask())

    def __enter__(self) -> _LlamaIndex:
        return self

    def __exit__(self, *error: Any) -> None:
        self._http.close()

    async def __aenter__(self) -> _LlamaIndex:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._async_http.aclose()


def _llama_index_ask() -> dict[str, Any]:
    if find_spec("llama_index") is None:
        return {}
    message = import_module("llama_index.core.llms").ChatMessage
    return {"messages": [message(role="user", content=f"{QUESTION} {SECRET}")]}


_LLAMA_INDEX = {
    **_CHAT,
    "name": "chat gpt-4o",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.1,
}
del _LLAMA_INDEX["openai.api.type"]


def _langchain() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.langchain").LangChainInstrumentor()


class _LangChain:
    """A model of LangChain's package for OpenAI, whose SDK is not traced here."""

    def __init__(self, url: str, prefix: str = "") -> None:
        old = version("openai").startswith("2.")
        httpx = import_module("httpx" if old else "httpx2")
        self._prefix = prefix
        self._http, self._async_http = httpx.Client(), httpx.AsyncClient()
        self.llm = import_module("langchain_openai").ChatOpenAI(
            model="m",
            max_tokens=9,
            base_url=f"{url}/v1",
            api_key=SECRET,
            max_retries=0,
            default_headers={"x-team-token": SECRET},
            stream_usage=True,
            http_client=self._http,
            http_async_client=self._async_http,
        )

    def call(self, *, stream: bool = False) -> Any:
        found = getattr(self.llm, f"{self._prefix}{'stream' if stream else 'invoke'}")(_MESSAGES)
        return _awaitable(found) if hasattr(found, "__anext__") else found

    def __enter__(self) -> _LangChain:
        return self

    def __exit__(self, *error: Any) -> None:
        self._http.close()

    async def __aenter__(self) -> _LangChain:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._async_http.aclose()


def _langchain_error(kind: str) -> str | None:
    """Return the class that newer versions of the package wrap the provider's errors in."""
    try:
        base = import_module("langchain_openai.chat_models.base")
    except ImportError:  # not there, or for another version of openai
        return None
    name = f"OpenAI{kind}Error"
    return f"{base.__name__}.{name}" if hasattr(base, name) else None


_LANGCHAIN = {**_CHAT}
del _LANGCHAIN["openai.api.type"]


def _bedrock() -> LLMInstrumentor:
    return import_module("otel_llm.instrumentation.bedrock").BedrockInstrumentor()


def _bedrock_options(url: str, config: Any) -> dict[str, Any]:
    return {
        "endpoint_url": url,
        "region_name": "eu-north-1",
        "aws_access_key_id": SECRET,
        "aws_secret_access_key": SECRET,
        "config": config(retries={"total_max_attempts": 1}),
    }


def _bedrock_client(url: str) -> Any:
    options = _bedrock_options(url, import_module("botocore.config").Config)
    session = import_module("botocore.session").get_session()
    return closing(session.create_client("bedrock-runtime", **options))


def _bedrock_async_client(url: str) -> Any:
    options = _bedrock_options(url, import_module("aiobotocore.config").AioConfig)
    session = import_module("aiobotocore.session").get_session()
    return session.create_client("bedrock-runtime", **options)


def _bedrock_call(client: Any, stream: bool = False) -> Any:
    if type(client).__mro__[1].__name__ == "AioBaseClient":
        return _bedrock_call_async(client, stream)
    if stream:
        return _Events(client.converse_stream(**_BEDROCK_ASK)["stream"])
    return client.converse(**_BEDROCK_ASK)


async def _bedrock_call_async(client: Any, stream: bool) -> Any:
    if stream:
        return _Events((await client.converse_stream(**_BEDROCK_ASK))["stream"])
    return await client.converse(**_BEDROCK_ASK)


class _Events:
    """A botocore event stream, which can only be looped over and closed, read step by step."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._steps = aiter(stream) if hasattr(stream, "__anext__") else iter(stream)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return next(self._steps)

    def close(self) -> None:
        self._stream.close()

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        try:
            return await anext(self._steps)
        except BaseException:
            self.__del__()
            raise

    async def aclose(self) -> None:
        self._stream.close()

    def __del__(self) -> None:
        self._stream._raw_stream.close()  # else its socket is left to the garbage collector


_BEDROCK_ASK = {
    "modelId": "m",
    "messages": [{"role": "user", "content": [{"text": f"{QUESTION} {SECRET}"}]}],
    "inferenceConfig": {"maxTokens": 9},
}
_CONVERSED = bedrock_wire.conversed(bedrock_wire.text(f"four {SECRET}"))
_BEDROCK = {
    "name": "chat m",
    "kind": "CLIENT",
    "status": "UNSET",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "aws.bedrock",
    "gen_ai.request.model": "m",
    "gen_ai.request.max_tokens": 9,
}

CASES = {
    "openai": Case(
        sdk="openai",
        instrumentor=_openai,
        routes=openai_wire.ROUTES,
        client=_openai_client("OpenAI"),
        async_client=_openai_client("AsyncOpenAI"),
        call=lambda client, **more: client.chat.completions.create(**_ASK, **more),
        method=lambda client: client.chat.completions.create,
        arguments={"model": "m", "messages": _MESSAGES, "max_tokens": 9},
        answer=_COMPLETION,
        chunks=_CHUNKS,
        send=openai_wire.stream,
        expected={**_CHAT, **_WHOLE},
        streamed={"gen_ai.request.stream": True},
        after_first={**_CHAT, "gen_ai.request.stream": True},
        refusal="openai.RateLimitError",
        cut=_openai_cut(),
        raw=True,
    ),
    "groq": Case(
        sdk="groq",
        instrumentor=_groq,
        routes=groq_wire.ROUTES,
        client=_groq_client("Groq"),
        async_client=_groq_client("AsyncGroq"),
        call=lambda client, **more: client.chat.completions.create(**_ASK, **more),
        method=lambda client: client.chat.completions.create,
        arguments={"model": "m", "messages": _MESSAGES, "max_tokens": 9},
        answer=_COMPLETION,
        chunks=groq_wire.completion_chunks(f"four {SECRET}", model="m-2026", counted=_USAGE),
        send=openai_wire.stream,
        expected={**_GROQ, **_WHOLE},
        streamed={"gen_ai.request.stream": True},
        after_first={**_GROQ, "gen_ai.request.stream": True},
        refusal="groq.RateLimitError",
        cut="httpx.RemoteProtocolError",
        raw=True,
    ),
    "mistral": Case(
        sdk="mistralai",
        instrumentor=_mistral,
        routes=mistral_wire.ROUTES,
        client=_mistral_client,
        async_client=_AsyncMistral,
        call=_mistral_call,
        method=lambda client: client.chat.complete,
        arguments={"model": "m", "messages": _MESSAGES, "max_tokens": 9},
        answer=_COMPLETION,
        chunks=_CHUNKS,
        send=openai_wire.stream,
        expected={**_MISTRAL, **_WHOLE},
        streamed={"gen_ai.request.stream": True},
        after_first={**_MISTRAL, "gen_ai.request.stream": True},
        refused=mistral_wire.error(429, SECRET),
        refusal=_mistral_errors()[0],
        refusal_type="429",
        cut=_mistral_errors()[1],
    ),
    "ollama": Case(
        sdk="ollama",
        instrumentor=_ollama,
        routes=ollama_wire.ROUTES,
        client=_ollama_client,
        async_client=_async_ollama_client,
        call=lambda client, **more: client.chat(**_OLLAMA_ASK, **more),
        method=lambda client: client.chat,
        arguments=_OLLAMA_ASK,
        answer=ollama_wire.chat(f"four {SECRET}", model="m-2026"),
        chunks=ollama_wire.chat_chunks(f"four {SECRET}", model="m-2026"),
        send=ollama_wire.lines,
        expected={
            **_OLLAMA,
            "gen_ai.response.finish_reasons": ("stop",),
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
        },
        streamed={"gen_ai.request.stream": True},
        after_first={**_OLLAMA, "gen_ai.request.stream": True},
        refused=ollama_wire.error(429, SECRET),
        refusal="ollama._types.ResponseError",
        refusal_type="429",
        cut="httpx.RemoteProtocolError",
        blocks=False,
    ),
    "cohere": Case(
        sdk="cohere",
        instrumentor=_cohere,
        routes=cohere_wire.ROUTES,
        client=_cohere_client,
        async_client=_async_cohere_client,
        call=_cohere_call,
        method=lambda client: client.chat,
        arguments=_COHERE_ASK,
        answer=cohere_wire.chat(f"four {SECRET}"),
        chunks=cohere_wire.chat_events(f"four {SECRET}"),
        send=cohere_wire.stream,
        expected={
            **_COHERE,
            "gen_ai.response.finish_reasons": ("COMPLETE",),
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
        },
        streamed={"gen_ai.request.stream": True},
        after_first={**_COHERE, "gen_ai.request.stream": True},
        refused=cohere_wire.error(429, SECRET),
        refusal="cohere.errors.too_many_requests_error.TooManyRequestsError",
        cut="httpx.RemoteProtocolError",
        blocks=False,
    ),
    "litellm": Case(
        sdk="litellm",
        instrumentor=_litellm,
        routes=openai_wire.ROUTES,
        client=lambda url: _LiteLLM(url, "completion"),
        async_client=lambda url: _LiteLLM(url, "acompletion"),
        call=lambda client, **more: client.call(**more),
        method=lambda client: import_module("litellm").completion,
        arguments=_LITELLM_ASK,
        answer=_COMPLETION,
        chunks=_CHUNKS,
        send=openai_wire.stream,
        expected={**_LITELLM, **_WHOLE},
        streamed={"gen_ai.request.stream": True, "gen_ai.response.model": None},
        after_first={n: v for n, v in _LITELLM.items() if n != "gen_ai.response.model"}
        | {"gen_ai.request.stream": True},
        refusal="litellm.exceptions.RateLimitError",
        cut="litellm.exceptions.APIConnectionError",
        cut_sync="litellm.exceptions.MidStreamFallbackError",
        blocks=False,
    ),
    "langchain": Case(
        sdk="langchain_openai",
        instrumentor=_langchain,
        routes=openai_wire.ROUTES,
        client=_LangChain,
        async_client=lambda url: _LangChain(url, "a"),
        call=lambda client, **more: client.call(**more),
        method=lambda client: client.llm.invoke,
        arguments={"input": _MESSAGES},
        answer=_COMPLETION,
        chunks=_CHUNKS,
        send=openai_wire.stream,
        expected={**_LANGCHAIN, **_WHOLE},
        streamed={"gen_ai.request.stream": True, "gen_ai.response.id": None},
        after_first={
            name: value
            for name, value in (_LANGCHAIN | {"gen_ai.request.stream": True}).items()
            if not name.startswith("gen_ai.response.")  # the last chunk tells
        },
        refusal=_langchain_error("RateLimit") or "openai.RateLimitError",
        refusal_type="openai.RateLimitError",
        cut=_langchain_error("Connection") or _openai_cut(),
        cut_type=_openai_cut(),
        marks=1,
        blocks=False,
    ),
    "llama_index": Case(
        sdk="llama_index.llms.openai",
        instrumentor=_llama_index,
        routes=openai_wire.ROUTES,
        client=_LlamaIndex,
        async_client=lambda url: _LlamaIndex(url, "a"),
        call=lambda client, **more: client.call(**more),
        method=lambda client: client.llm.chat,
        arguments=_llama_index_ask(),
        answer=_COMPLETION,
        chunks=_CHUNKS,
        send=openai_wire.stream,
        expected={**_LLAMA_INDEX, **_WHOLE},
        streamed={"gen_ai.request.stream": True},
        after_first={**_LLAMA_INDEX, "gen_ai.request.stream": True},
        refusal="openai.RateLimitError",
        cut="httpx.RemoteProtocolError",
        blocks=False,
    ),
    "anthropic": Case(
        sdk="anthropic",
        instrumentor=_anthropic,
        routes=anthropic_wire.ROUTES,
        client=_anthropic_client("Anthropic"),
        async_client=_anthropic_client("AsyncAnthropic"),
        call=lambda client, **more: client.messages.create(**_MESSAGES_ASK, **more),
        method=lambda client: client.messages.create,
        arguments=_MESSAGES_ASK,
        answer=_MESSAGE,
        chunks=[e for e in anthropic_wire.events(_MESSAGE) if e["type"] != "ping"],
        send=anthropic_wire.stream,
        expected={
            **_ANTHROPIC,
            "gen_ai.response.finish_reasons": ("end_turn",),
            "gen_ai.usage.output_tokens": 5,
        },
        streamed={"gen_ai.request.stream": True},
        after_first={**_ANTHROPIC, "gen_ai.request.stream": True},
        refused=anthropic_wire.error(429, message=SECRET),
        refusal="anthropic.RateLimitError",
        cut="httpx2.RemoteProtocolError",
        raw=True,
    ),
    "bedrock": Case(
        sdk="botocore",
        instrumentor=_bedrock,
        routes=bedrock_wire.ROUTES,
        client=_bedrock_client,
        async_client=_bedrock_async_client,
        call=_bedrock_call,
        method=lambda client: client.converse,
        arguments=_BEDROCK_ASK,
        answer=_CONVERSED,
        chunks=bedrock_wire.converse_events(_CONVERSED),
        send=bedrock_wire.stream,
        expected={
            **_BEDROCK,
            "gen_ai.response.finish_reasons": ("end_turn",),
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.output_tokens": 5,
        },
        streamed={"gen_ai.request.stream": True},
        after_first={**_BEDROCK, "gen_ai.request.stream": True},
        refused=bedrock_wire.error(429, message=SECRET),
        refusal="botocore.errorfactory.ThrottlingException",
        refusal_type="ThrottlingException",
        cut="urllib3.exceptions.ProtocolError",
        blocks=False,
    ),
    "google_genai": Case(
        sdk="google.genai",
        instrumentor=_google,
        routes=gemini_wire.ROUTES,
        client=_google_client,
        async_client=lambda url: _google_client(url).aio,
        call=_google_call,
        method=lambda client: client.models.generate_content,
        arguments=_GOOGLE_ASK,
        answer=_GENERATED,
        chunks=gemini_wire.chunks(_GENERATED),
        send=gemini_wire.stream,
        expected={
            **_GOOGLE,
            "gen_ai.response.finish_reasons": ("STOP",),
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cache_read.input_tokens": 4,
        },
        streamed={"gen_ai.request.stream": True},
        after_first={
            **_GOOGLE,
            "gen_ai.request.stream": True,
            "gen_ai.usage.output_tokens": 1,
        },
        refused=gemini_wire.error(429, message=SECRET),
        refusal="google.genai.errors.ClientError",
        refusal_type="429",
        cut=_google_cut(),
        blocks=False,
    ),
}
_ASK = CASES["openai"].arguments
MALFORMED = [
    {},
    {"choices": None},
    {"choices": [None]},
    {"choices": "oops", "usage": "oops", "id": 7, "model": None},
    {"usage": {"prompt_tokens": "many", "completion_tokens": None}},
    {"choices": [{"message": None, "finish_reason": 3}]},
]


def malformed(case: Case, change: dict[str, Any]) -> Answer:
    """Return an HTTP 200 whose body is not what the provider promises."""
    return json_answer({**case.answer, **change} if change else [])
