"""LiteLLM (``litellm``): chats, messages, embeddings, reranking, responses, images and audio.

LiteLLM sends most requests past the SDKs of the providers, so its own public functions are
patched, on the package: ``Router`` calls them there. Where it does use an SDK, that call is the
same call and makes no second span. Calls are left to LiteLLM's own OpenTelemetry callback when the
user registered it. Not covered: names imported from the package before it was instrumented.

LiteLLM fills in what a provider did not say: a usage of nothing at all, zeros for kinds of tokens,
and for a stream what its own tokenizer counts. None of it is reported. What a provider counted in a
stream without being asked to, LiteLLM hides on a chunk: it is read there.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from .core import Endpoint, Hook, LLMInstrumentor, Origin, Patch, guarded
from .core.body import Along
from .shapes import chat_completions as chat
from .shapes import completions, embeddings, messages, responses
from .shapes.charged import charged
from .shapes.hosts import server_at
from .shapes.images import IMAGES
from .shapes.rerank import RERANK
from .shapes.speech import SPEECH
from .shapes.transcription import TRANSCRIPTION
from .shapes.values import count, field, fields, items, text

_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "ollama_chat": "ollama",
    "text-completion-openai": "openai",
    "together_ai": "together",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""LiteLLM's names to those of the conventions, where they differ."""


_Reader: TypeAlias = Callable[[Mapping[str, Any]], Request]


def _named(provider: str) -> str:
    if provider.startswith("vertex_ai"):
        return "gcp.vertex_ai"
    return _PROVIDERS.get(provider, provider)


def _split(model: Any) -> tuple[str | None, str | None]:
    """Return provider and model of ``provider/model``; a slash may also be part of the model."""
    providers = getattr(_package(), "provider_list", ())
    return _parts(text(model) or "", len(providers))


@lru_cache(1024)
def _parts(model: str, providers: int) -> tuple[str | None, str | None]:
    """Split ``model``; ``providers``, how many are known, outdates what is remembered."""
    head, slash, rest = model.partition("/")
    listed = getattr(_package(), "provider_list", ())
    known = slash and any(head == getattr(one, "value", one) for one in listed)
    return (head, rest) if known else (None, model or None)


def _package() -> Any:
    return sys.modules.get("litellm")


def _reading(
    read: Callable[[Mapping[str, Any]], Request],
) -> Callable[[Mapping[str, Any]], Request]:
    def request(arguments: Mapping[str, Any]) -> Request:
        tier = text(arguments.get("service_tier"))
        return replace(read(arguments), model=_split(arguments.get("model"))[1], service_tier=tier)

    return request


def _usage(said: Any) -> Usage:
    """Read usage without LiteLLM's fillings."""
    usage = chat.usage(said)
    estimated = any(said is estimate for estimate in tuple(_estimates))
    if estimated or not (usage.input_tokens or usage.output_tokens):
        return Usage()
    if _counted(said) in _guesses:
        usage.reasoning = usage.text_output = None
    details = field(said, "prompt_tokens_details")
    _split_writes(usage, field(details, _WRITES))
    places = field(said, "server_tool_use"), details
    for searched in filter(None, (count(field(place, _SEARCHES)) for place in places)):
        usage.web_searches = searched
    for name, told in list(vars(usage).items()):
        if told == 0 and name in _DETAILS:
            setattr(usage, name, None)
    _drop_sums(usage)
    return usage


_DETAILS = frozenset(Usage.__dataclass_fields__) - {"input_tokens", "output_tokens"}
_WRITES, _SEARCHES = "cache_creation_token_details", "web_search_requests"


def _split_writes(usage: Usage, split: Any) -> None:
    five, hour = (count(field(split, f"ephemeral_{t}_input_tokens")) for t in ("5m", "1h"))
    if split is not None and (five or 0) + (hour or 0) == usage.cache_write:
        usage.cache_write_5m, usage.cache_write_1h = five, hour


def _drop_sums(usage: Usage) -> None:
    """Drop text tokens that LiteLLM made by taking the cache or the thoughts from all."""
    cached = (usage.cache_read or 0) + (usage.cache_write or 0)
    if usage.text_input is not None and usage.text_input + cached == usage.input_tokens:
        usage.text_input = None
    if usage.text_input == usage.input_tokens:
        usage.text_input = None
    thought = usage.reasoning or 0
    if usage.text_output is not None and usage.text_output + thought == usage.output_tokens:
        usage.text_output = None


_estimates: deque[Any] = deque(maxlen=64)
"""The latest usages that LiteLLM counted with its own tokenizer, in whatever thread; each is read
at once by the stream that it ends."""
_guesses: deque[Any] = deque(maxlen=64)
"""What it counted lately where it counted so what the model thought, which Anthropic seldom tells:
the numbers, as the usage of a chunk is copied."""


def _calculated(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    usage = wrapped(*args, **kwargs)
    with guarded("looking at the usage of a stream"):
        chunks = kwargs.get("chunks") or (args[0] if args else None)
        told = [_told(chunk) for chunk in items(chunks)]
        if not any(map(_counts, told)):
            _estimates.append(usage)
        elif not any(map(_reasoned, told)):
            _guess(usage)
    return usage


def _told(chunk: Any) -> Any:
    return field(chunk, "usage") or field(getattr(chunk, "_hidden_params", None), "usage")


def _counts(said: Any) -> bool:
    return bool(field(said, "prompt_tokens") or field(said, "completion_tokens"))


def _reasoned(said: Any) -> Any:
    return field(field(said, "completion_tokens_details"), "reasoning_tokens")


def _counted(said: Any) -> tuple[Any, ...]:
    return field(said, "prompt_tokens"), field(said, "completion_tokens"), _reasoned(said)


_THOUGHTS = "output_tokens_details"


def _guess(usage: Any) -> None:
    if _reasoned(usage):
        _guesses.append(_counted(usage))


def _translated(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Make usage of OpenAI's shape out of Anthropic's or Bedrock's."""
    usage = wrapped(*args, **kwargs)
    with guarded("looking at what a provider counted"):
        said: Mapping[str, Any] = kwargs.get("usage_object") or args[0]
        details = [said.get(_THOUGHTS), kwargs.get("provider_reasoning_tokens")]
        details += [field(one, _THOUGHTS) for one in items(said.get("iterations"))]
        if not any(told is not None for told in details):
            _guess(usage)
    return usage


def _response(answer: Any) -> Response:
    usage, tier = field(answer, "usage"), semconv.own.RESPONSE_SERVICE_TIER
    return replace(
        chat.response(answer),
        usage=_usage(usage),
        own=lambda: {tier: field(answer, "service_tier"), **charged(usage)},
    )


def _embedded(answer: Any) -> Response:
    usage = Usage(_usage(field(answer, "usage")).input_tokens)
    return replace(embeddings.response(answer), usage=usage)


class _Honest(chat.ChatStream):
    """Reads usage without LiteLLM's fillings, and no model: it repeats the one asked for."""

    __slots__ = ()
    _hidden: Any

    def __init__(self, content: bool = False) -> None:
        super().__init__(content)
        self._hidden: Any = None

    def _head(self, chunk: Any) -> None:
        self._response.id = text(field(chunk, "id"))

    _read_usage = staticmethod(_usage)

    def _late(self, chunk: Any) -> None:
        self._hidden = getattr(chunk, "_hidden_params", None)

    def response(self) -> Response:
        """Return what has arrived so far; LiteLLM counts on where it hid the usage."""
        if self._usage.input_tokens is None and (said := field(self._hidden, "usage")) is not None:
            self._count(said)
        return super().response()


class _Stream(_Honest):
    """Collects the chunks of a chat."""

    __slots__ = ("_hidden",)


class _TextStream(_Honest, completions.CompletionStream):
    """Collects the chunks of a text completion."""

    __slots__ = ("_hidden",)


class _Messages(messages.MessageStream):
    """Reads Anthropic's events out of the bytes that LiteLLM passes on."""

    __slots__ = ("_along",)

    def __init__(self, content: bool = False) -> None:
        super().__init__(content)
        self._along = Along({"content-type": "text/event-stream"})

    def feed(self, chunk: Any) -> bool | None:
        if not isinstance(chunk, bytes):
            return super().feed(chunk)
        for event in self._along.take(chunk):
            super().feed(event)
        return None


_MESSAGES = replace(
    messages.MESSAGES, model=None, request=_reading(messages.request), stream=_Messages
)
_CHAT = Endpoint("chat", _reading(chat.request), _response, _Stream, chat.CONTENT)
_TEXT = replace(
    _CHAT,
    operation="text_completion",
    request=_reading(completions.request),
    stream=_TextStream,
    content=completions.CONTENT,
)
_EMBED = Endpoint("embeddings", _reading(embeddings.request), _embedded)
_RESPONSES = replace(responses.RESPONSES, request=_reading(responses.request))
_FUNCTIONS = (
    ("completion", _CHAT, ("model", "messages")),
    ("text_completion", _TEXT, ("prompt", "model")),
    ("embedding", _EMBED, ("model", "input", "dimensions", "encoding_format")),
    ("responses", _RESPONSES, ("input", "model")),
    ("image_generation", replace(IMAGES, request=_reading(IMAGES.request)), ("prompt", "model")),
    (
        "transcription",
        replace(TRANSCRIPTION, request=_reading(TRANSCRIPTION.request)),
        ("model", "file"),
    ),
    ("speech", replace(SPEECH, request=_reading(SPEECH.request)), ("model", "input", "voice")),
    ("rerank", replace(RERANK, request=_reading(RERANK.request)), ("model", "query", "documents")),
)
_MESSAGE_FUNCTIONS = (
    ("litellm", "anthropic_messages"),
    ("litellm", "anthropic_messages_handler"),
    ("litellm.anthropic_interface.messages", "acreate"),
    ("litellm.anthropic_interface.messages", "create"),
)
_MESSAGE_POSITIONAL = ("max_tokens", "messages", "model")


def _traced_by_itself() -> bool:
    """Return whether LiteLLM's own OpenTelemetry callback is registered."""
    return any(
        callback == "otel" or type(callback).__name__.startswith("OpenTelemetry")
        for callback in _callbacks()
    )


def _callbacks() -> Iterator[Any]:
    for name in ("callbacks", "success_callback", "_async_success_callback"):
        yield from getattr(_package(), name, ())


def _choice(endpoint: Endpoint) -> Callable[[Any, Mapping[str, Any]], Endpoint | None]:
    return lambda instance, arguments: None if _traced_by_itself() else endpoint


class LiteLLMInstrumentor(LLMInstrumentor):
    """Traces LiteLLM."""

    requires = ("litellm >= 1.100, < 2",)
    hooks = (
        Hook(
            "litellm.litellm_core_utils.streaming_chunk_builder_utils",
            "ChunkProcessor.calculate_usage",
            _calculated,
        ),
        Hook(
            "litellm.llms.anthropic.chat.transformation",
            "AnthropicConfig.calculate_usage",
            _translated,
            optional=True,
        ),
        Hook(
            "litellm.llms.bedrock.chat.converse_transformation",
            "AmazonConverseConfig.transform_usage",
            _translated,
            optional=True,
        ),
    )
    patches = tuple(
        Patch("litellm", prefix + name, endpoint, positional, choose=_choice(endpoint))
        for name, endpoint, positional in _FUNCTIONS
        for prefix in ("", "a")
    ) + tuple(
        Patch(
            module, name, _MESSAGES, _MESSAGE_POSITIONAL, optional=True, choose=_choice(_MESSAGES)
        )
        for module, name in _MESSAGE_FUNCTIONS
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by the arguments, else by LiteLLM's list of models."""
        base = text(arguments.get("api_base")) or text(arguments.get("base_url"))
        host, port = server_at(base) if base else (None, None)
        return Origin(_provider(arguments), host, port)


def _provider(arguments: Mapping[str, Any]) -> str:
    given, model = _split(arguments.get("model"))
    listed = fields(fields(getattr(_package(), "model_cost", None)).get(model or ""))
    found = text(arguments.get("custom_llm_provider")) or given
    return _named(found or text(listed.get("litellm_provider")) or "_OTHER")
