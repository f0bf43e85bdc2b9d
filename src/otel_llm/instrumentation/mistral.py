"""Mistral SDK (``mistralai``): chats, conversations, responses, audio and embeddings.

Chat and fill-in-the-middle on Azure and Google Cloud too, by the clients for them.
``parse`` and ``parse_stream`` call the patched methods. The SDK's models fill in a usage of zero
where the provider said nothing, so only fields that were really set are read. Its own tracing,
switched on by a global provider up to version 2 and by ``MISTRAL_SDK_TELEMETRY`` since, would make
a second span of each call, always with content: it is silent inside a call of ours, unless it has
a provider of its own and so does not double what goes to the user's. Not covered: ``ocr`` and
``classifiers``, which generate nothing and bill pages or nothing, and realtime transcription.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from opentelemetry.context import get_current

from otel_llm.genai import Request, Response, Usage

from .core import Content, Endpoint, Hook, LLMInstrumentor, Origin, Patch
from .core.suppression import suppressed
from .shapes import chat_completions as chat
from .shapes import embeddings, transcription
from .shapes.conversations import CONVERSATION
from .shapes.endpoints import streamed
from .shapes.hosts import origin_at
from .shapes.images import UsageStream
from .shapes.parts import text_part
from .shapes.responses import RESPONSES, ResponsesStream
from .shapes.speech import SPEECH
from .shapes.values import field, fields, integer, text


def _request(arguments: Mapping[str, Any]) -> Request:
    request = chat.request(arguments)
    for name, known in _OWN_PARAMETERS:
        if (value := arguments.get(name)) is not None:
            setattr(request, known, integer(value))
    request.service_tier = text(arguments.get("service_tier"))
    return request


_OWN_PARAMETERS = (("random_seed", "seed"), ("top_k", "top_k"))


def _response(completion: Any) -> Response:
    return chat.answered(_answered(completion))


def _measured(completion: Any) -> Response:
    return chat.measured_fields(_answered(completion))


def _answered(completion: Any) -> Mapping[str, Any]:
    """Return the fields of an answer with no more in its usage than the provider said."""
    told = fields(completion)
    said = told.get("usage")
    counted = _set(said)
    return told if counted is said else {**told, "usage": counted}


def _set(said: Any) -> Any:
    given = getattr(said, "__pydantic_fields_set__", _COUNTED)
    if given >= _COUNTED:
        return said
    told = fields(said)
    return {name: told[name] for name in told if name in given}


_COUNTED = frozenset({"prompt_tokens", "completion_tokens"})
"""What the SDK makes zero of where nothing was said."""


def _usage(said: Any) -> Usage:
    return chat.usage(_set(said))


class _Stream(chat.ChatStream):
    """Reads the chunk inside each event."""

    __slots__ = ()

    def feed(self, chunk: Any) -> None:
        super().feed(field(chunk, "data"))

    _read_usage = staticmethod(_usage)


class _ResponsesStream(ResponsesStream):
    """Reads the event inside each frame."""

    __slots__ = ()

    def feed(self, chunk: Any) -> None:
        super().feed(field(chunk, "data"))


def _heard(answer: Any) -> Response:
    return Response(model=text(field(answer, "model")), usage=_usage(field(answer, "usage")))


class _Transcription(transcription.TranscriptionStream):
    """Reads the event inside each frame; the last one counts as chat does."""

    __slots__ = ()

    def feed(self, chunk: Any) -> None:
        event = field(chunk, "data")
        kind = field(event, "type")
        if kind == "transcription.done":
            self._response = _heard(event)
            self._done = text(field(event, "text"))
        elif self._content and kind == "transcription.text.delta":
            self._pieces.append(text(field(event, "text")) or "")


class _Speech(UsageStream):
    """Reads the event inside each frame; the last one counts as chat does."""

    __slots__ = ()

    def feed(self, chunk: Any) -> None:
        if (said := field(field(chunk, "data"), "usage")) is not None:
            self._response.usage = _usage(said)


def _embedded(answer: Any) -> Response:
    response = embeddings.response(answer)
    return replace(response, usage=Usage(_usage(field(answer, "usage")).input_tokens))


def _status(error: BaseException) -> str | None:
    """Return the HTTP status: one class of the SDK stands for all of them.

    One of success says nothing of an answer that is no JSON.
    """
    status = integer(getattr(error, "status_code", None))
    told = status is not None and status >= 400 and "Validation" not in type(error).__name__
    return str(status) if told else None


def _prompt(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": text_part(arguments.get("prompt"))}]


_CHAT = Endpoint(
    "chat",
    _request,
    _response,
    _Stream,
    chat.CONTENT,
    model="model",
    measured=_measured,
    error_type=_status,
)
_FIM = replace(
    _CHAT, operation="text_completion", content=Content(_prompt, chat.CONTENT.output_messages)
)
_EMBED = Endpoint("embeddings", embeddings.request, _embedded, error_type=_status)
_TALK = replace(CONVERSATION, error_type=_status)
_RESPONSES = replace(RESPONSES, stream=_ResponsesStream, error_type=_status)
_HEAR = replace(
    transcription.TRANSCRIPTION, response=_heard, stream=_Transcription, error_type=_status
)
_SAY = replace(SPEECH, stream=_Speech, error_type=_status)
_CHATS = (
    ("chat", "Chat.complete", _CHAT),
    ("chat", "Chat.stream", streamed(_CHAT)),
    ("fim", "Fim.complete", _FIM),
    ("fim", "Fim.stream", streamed(_FIM)),
)
_PATCHES = (
    *_CHATS,
    ("agents", "Agents.complete", _CHAT),
    ("agents", "Agents.stream", streamed(_CHAT)),
    ("embeddings", "Embeddings.create", _EMBED),
    *(
        ("conversations", f"Conversations.{name}{suffix}", endpoint)
        for name in ("start", "append", "restart")
        for suffix, endpoint in (("", _TALK), ("_stream", streamed(_TALK)))
    ),
)
_NEWER = (
    ("responses", "Responses.create", _RESPONSES),
    ("transcriptions", "Transcriptions.complete", _HEAR),
    ("transcriptions", "Transcriptions.stream", streamed(_HEAR)),
    ("speech", "Speech.complete", _SAY),
)
"""Not in every supported version."""
_OLD = "mistralai"
_PLACES = ("mistralai.client", _OLD)
"""Where the modules are: since version 2, and before."""
_CLOUDS = ("mistralai.azure.client", "mistralai.gcp.client", "mistralai_azure", "mistralai_gcp")
"""Where those of the clouds are, likewise. They are packages of their own, or extras."""


def _patches(
    place: str, rows: tuple[tuple[str, str, Endpoint], ...], *, optional: bool
) -> Iterator[Patch]:
    for module, name, endpoint in rows:
        for suffix in ("", "_async"):
            yield Patch(f"{place}.{module}", name + suffix, endpoint, optional=optional)


def _native_tracer(
    wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Return whether the SDK traces, and with what: not with the global provider inside ours."""
    enabled, tracer = wrapped(*args, **kwargs)
    if kwargs.get("provider") is not None:
        return enabled, tracer
    context = get_current()
    ours = suppressed(context, "chat") or suppressed(context, "embeddings")
    return enabled and not ours, tracer


class MistralInstrumentor(LLMInstrumentor):
    """Traces the Mistral Python SDK."""

    requires = ("mistralai >= 1.12, < 4",)
    provider = "mistral_ai"
    hooks = tuple(
        Hook(f"{place}._hooks.tracing", "get_or_create_otel_tracer", _native_tracer, optional=True)
        for place in _PLACES
    )
    patches = (
        *(p for place in _PLACES for p in _patches(place, _PATCHES, optional=place == _OLD)),
        *(p for place in _PLACES for p in _patches(place, _NEWER, optional=True)),
        *(p for place in _CLOUDS for p in _patches(place, _CHATS, optional=True)),
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the server that the client, or this one call, speaks to."""
        given = text(arguments.get("server_url"))
        address: str = given or instance.sdk_configuration.get_server_details()[0]
        return origin_at(_provider(type(instance).__module__), address)


@lru_cache(64)
def _provider(module: str) -> str:
    """Return whose models these are billed by: Mistral, or the cloud that hosts them."""
    if module.startswith(("mistralai.azure.", "mistralai_azure.")):
        return "azure.ai.inference"
    if module.startswith(("mistralai.gcp.", "mistralai_gcp.")):
        return "gcp.vertex_ai"
    return MistralInstrumentor.provider
