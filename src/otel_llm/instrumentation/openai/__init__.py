"""OpenAI SDK (``openai`` 2 and 3), and every host that is reached with it.

Patched: chat completions, responses (also beta), embeddings, legacy completions, decisions, images,
transcriptions and speech, sync and async. ``chat.completions.stream`` and ``responses.stream`` call
the patched ``create`` when they are entered; ``with_raw_response`` and ``with_streaming_response``
pass through it. Of ``realtime``, see there, every response. Not covered: other websockets
(``responses.connect``, ``live``), batches, videos, hosted agents.

Background responses: ``create(background=True)`` answers before there is anything to count, so the
usage first appears when the result is fetched. The fetch that brings the end of a background
response is therefore reported as the inference itself (``chat``, with usage), once per response and
process; every other fetch is a ``fetch_response`` span, which by the conventions has no tokens. A
background response that was streamed to its end by ``create`` was counted there. Where several
processes fetch one result, both spans carry the same ``gen_ai.response.id``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response, Usage

from ..core import Endpoint, Hook, LLMInstrumentor, Origin, Patch, counting_argument
from ..shapes import chat_completions as chat
from ..shapes import responses
from ..shapes.completions import COMPLETIONS
from ..shapes.decisions import DECISIONS
from ..shapes.embeddings import EMBEDDINGS
from ..shapes.hosts import Origins, provider_of
from ..shapes.images import IMAGES
from ..shapes.speech import SPEECH
from ..shapes.transcription import TRANSCRIPTION
from ..shapes.values import field, fields, integer, text
from .realtime import HOOKS, SOCKETS


def _request_more(arguments: Mapping[str, Any], api: str) -> dict[str, Any]:
    asked: dict[str, Any] = {semconv.OPENAI_API_TYPE: api}
    tier = text(arguments.get("service_tier"))
    if tier is not None and tier != "auto":
        asked[semconv.OPENAI_REQUEST_SERVICE_TIER] = tier
    return asked


def _response_more(told: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if isinstance(tier := told.get("service_tier"), str) and tier:
        said[semconv.OPENAI_RESPONSE_SERVICE_TIER] = tier
    if isinstance(fingerprint := told.get("system_fingerprint"), str) and fingerprint:
        said[semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT] = fingerprint
    return said


def _chat_request(arguments: Mapping[str, Any]) -> Request:
    request = chat.request(arguments)
    request.more = _request_more(arguments, "chat_completions")
    return request


def _chat_response(completion: Any) -> Response:
    response = chat.answered(told := fields(completion))
    response.more = _response_more(told)
    return response


def _chat_measured(completion: Any) -> Response:
    response = chat.measured(completion)
    get = fields(completion).get
    response.more = {
        semconv.OPENAI_RESPONSE_SERVICE_TIER: get("service_tier"),
        semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT: get("system_fingerprint"),
    }
    return response


class _ChatStream(chat.ChatStream):
    """Also reads the service tier and the fingerprint."""

    __slots__ = ()

    def _extra(self, chunk: Any) -> None:
        self._response.more = {**(self._response.more or {}), **_response_more(fields(chunk))}


def _responses_request(arguments: Mapping[str, Any]) -> Request:
    request = responses.request(arguments)
    request.more = {**(request.more or {}), **_request_more(arguments, "responses")}
    return request


def _responses_response(answer: Any) -> Response:
    response = responses.response(answer)
    response.more = {**(response.more or {}), **_response_more(fields(answer))}
    if _ended_in_background(answer):
        _counted.first(response.id)
    return response


def _fetch_request(arguments: Mapping[str, Any]) -> Request:
    cursor = integer(arguments.get("starting_after"))
    asked = {
        semconv.OPENAI_API_TYPE: "responses",
        semconv.RESPONSE_ID: text(arguments.get("response_id")),
        semconv.REQUEST_STREAM_CURSOR: None if cursor is None else str(cursor),
    }
    return Request(more={name: value for name, value in asked.items() if value is not None})


def _fetch_response(answer: Any) -> Response:
    """Read a fetched response: the inference itself the first time a background one is done."""
    response = responses.response(answer)
    api = {semconv.OPENAI_API_TYPE: "responses"}
    response.more = {**(response.more or {}), **_response_more(fields(answer)), **api}
    if _ended_in_background(answer) and _counted.first(response.id):
        return replace(response, operation="chat")
    status = text(field(answer, "status"))
    known = {} if status is None else {semconv.RESPONSE_STATUS: status}
    # That generation failed is no failure of fetching what came of it.
    more = {**response.more, **known}
    return replace(response, usage=Usage(), error_type=None, more=more, own=None)


def _ended_in_background(answer: Any) -> bool:
    return field(answer, "background") is True and field(answer, "status") in _ENDED


_ENDED = frozenset({"completed", "incomplete", "failed", "cancelled"})


class _Once:
    """Remembers which of the latest responses were counted."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def first(self, id: str | None) -> bool:
        """Return whether ``id`` is new, and remember it."""
        if id is None:
            return False
        with self._lock:
            known = id in self._ids
            self._ids[id] = None
            self._ids.move_to_end(id)
            if len(self._ids) > self._size:
                self._ids.popitem(last=False)
        return not known


_counted = _Once(10_000)


class _ResponsesStream(responses.ResponsesStream):
    """Also reads the service tier, and remembers a background response streamed to its end."""

    __slots__ = ()
    _read = staticmethod(_responses_response)


class _FetchStream(responses.ResponsesStream):
    """Follows a stored response again."""

    __slots__ = ()
    _read = staticmethod(_fetch_response)


_CHAT = Endpoint(
    "chat",
    _chat_request,
    _chat_response,
    _ChatStream,
    chat.CONTENT,
    model="model",
    measured=_chat_measured,
)
_RESPONSES = Endpoint(
    "chat",
    _responses_request,
    _responses_response,
    _ResponsesStream,
    responses.CONTENT,
    served="x-ms-served-model",  # Azure's: the body repeats the name of the deployment
)
_CHAT_PARSED = replace(_CHAT, parsed=True)
_RESPONSES_PARSED = replace(_RESPONSES, parsed=True)
_COMPACT = replace(_RESPONSES, stream=None)
_FETCH = Endpoint(
    "fetch_response",
    _fetch_request,
    _fetch_response,
    _FetchStream,
    responses.FETCHED,
    served=_RESPONSES.served,
)

_BETA = "openai.resources.beta.responses.responses"
_DECISIONS = "openai.resources.decisions"
_AUDIO = "openai.resources.audio"
_PATCHES = (
    ("openai.resources.chat.completions", "Completions.create", _CHAT),
    ("openai.resources.chat.completions", "Completions.parse", _CHAT_PARSED),
    ("openai.resources.responses.responses", "Responses.create", _RESPONSES),
    ("openai.resources.responses.responses", "Responses.parse", _RESPONSES_PARSED),
    ("openai.resources.responses.responses", "Responses.compact", _COMPACT),
    ("openai.resources.responses.responses", "Responses.retrieve", _FETCH),
    (_BETA, "Responses.create", _RESPONSES),
    (_BETA, "Responses.compact", _COMPACT),
    (_BETA, "Responses.retrieve", _FETCH),
    ("openai.resources.embeddings", "Embeddings.create", EMBEDDINGS),
    ("openai.resources.completions", "Completions.create", COMPLETIONS),
    (_DECISIONS, "Decisions.create", DECISIONS),
    ("openai.resources.images", "Images.generate", IMAGES),
    ("openai.resources.images", "Images.edit", IMAGES),
    ("openai.resources.images", "Images.create_variation", IMAGES),
    (f"{_AUDIO}.transcriptions", "Transcriptions.create", TRANSCRIPTION),
    (f"{_AUDIO}.translations", "Translations.create", TRANSCRIPTION),
    (f"{_AUDIO}.speech", "Speech.create", SPEECH),
)
_PARSERS = tuple(
    Hook(f"openai.{module}", function, counting_argument(answer), optional=True)
    for modules, function, answer in (
        (
            ("lib._chat_completion_resources", "resources.chat.completions.completions"),
            "_parse_chat_completion",
            "chat_completion",
        ),
        (
            ("lib._response_resources", "resources.responses.responses"),
            "parse_response",
            "response",
        ),
    )
    for module in modules  # of version 3, and before
)
"""What ``parse`` does with an answer, and may raise over: cut off, filtered, not as asked for."""


class OpenAIInstrumentor(LLMInstrumentor):
    """Traces the OpenAI Python SDK."""

    requires = ("openai >= 2, < 4",)
    provider = "openai"
    hooks = (*HOOKS, *_PARSERS)
    patches = tuple(
        Patch(
            module,
            prefix + name,
            endpoint,
            positional=("response_id",) if endpoint is _FETCH else (),
            optional=module in (_BETA, _DECISIONS) or name == "Responses.compact",  # not yet in 2.0
        )
        for module, name, endpoint in _PATCHES
        for prefix in ("", "Async")
    )

    def _instrument(self, **kwargs: Any) -> None:
        super()._instrument(**kwargs)
        SOCKETS.telemetry = self.telemetry

    def _uninstrument(self, **kwargs: Any) -> None:
        super()._uninstrument(**kwargs)
        SOCKETS.telemetry = None

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the provider by the client's class, else by its host; ``openai`` when unknown."""
        return _ORIGINS.of(instance._client)


_ORIGINS = Origins(provider_of)
