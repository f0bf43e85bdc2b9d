"""OpenAI SDK (``openai`` 2 and 3), and every host that is reached with it.

Patched: chat completions, responses (also beta), embeddings, legacy completions, decisions, images,
transcriptions and speech, sync and async. ``chat.completions.stream`` and ``responses.stream`` call
the patched ``create`` when they are entered; ``with_raw_response`` and ``with_streaming_response``
pass through it. Of ``realtime`` and ``responses.connect``, see there, every response. Not covered:
other websockets (``live``), batches, videos, hosted agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from otel_llm import semconv
from otel_llm.genai import Request, Response

from ..core import Endpoint, Hook, LLMInstrumentor, Origin, Patch, counting_argument
from ..shapes import chat_completions as chat
from ..shapes.completions import COMPLETIONS
from ..shapes.decisions import DECISIONS
from ..shapes.embeddings import EMBEDDINGS
from ..shapes.hosts import Origins, provider_of
from ..shapes.images import IMAGES
from ..shapes.openai_alone import asked, told
from ..shapes.speech import SPEECH
from ..shapes.transcription import TRANSCRIPTION
from ..shapes.values import fields
from . import lanes, realtime
from .responses import COMPACT, FETCH, PARSED, RESPONSES
from .sockets import SOCKETS


def _chat_request(arguments: Mapping[str, Any]) -> Request:
    request = chat.request(arguments)
    request.more = asked(arguments, "chat_completions")
    return request


def _chat_response(completion: Any) -> Response:
    response = chat.answered(said := fields(completion))
    response.more = told(said)
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
        self._response.more = {**(self._response.more or {}), **told(fields(chunk))}


_CHAT = Endpoint(
    "chat",
    _chat_request,
    _chat_response,
    _ChatStream,
    chat.CONTENT,
    model="model",
    measured=_chat_measured,
)
_CHAT_PARSED = replace(_CHAT, parsed=True)

_BETA = "openai.resources.beta.responses.responses"
_DECISIONS = "openai.resources.decisions"
_AUDIO = "openai.resources.audio"
_PATCHES = (
    ("openai.resources.chat.completions", "Completions.create", _CHAT),
    ("openai.resources.chat.completions", "Completions.parse", _CHAT_PARSED),
    ("openai.resources.responses.responses", "Responses.create", RESPONSES),
    ("openai.resources.responses.responses", "Responses.parse", PARSED),
    ("openai.resources.responses.responses", "Responses.compact", COMPACT),
    ("openai.resources.responses.responses", "Responses.retrieve", FETCH),
    (_BETA, "Responses.create", RESPONSES),
    (_BETA, "Responses.compact", COMPACT),
    (_BETA, "Responses.retrieve", FETCH),
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
    hooks = (*realtime.HOOKS, *lanes.HOOKS, *_PARSERS)
    patches = tuple(
        Patch(
            module,
            prefix + name,
            endpoint,
            positional=("response_id",) if endpoint is FETCH else (),
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
