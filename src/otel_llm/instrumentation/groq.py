"""Groq SDK (``groq``): chat completions, embeddings and audio, sync and async.

The wire is OpenAI's. Usage of a stream comes under ``x_groq`` with the chunk that ends it, without
being asked for; ``x_groq.error`` is how a stream says that it broke off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .core import LLMInstrumentor, Origin, Patch
from .shapes import chat_completions as chat
from .shapes.embeddings import EMBEDDINGS
from .shapes.hosts import Origins
from .shapes.speech import SPEECH
from .shapes.transcription import TRANSCRIPTION
from .shapes.values import field, text


class _Stream(chat.ChatStream):
    """Also sees a stream that the provider breaks off."""

    __slots__ = ()

    def feed(self, chunk: Any) -> None:
        super().feed(chunk)
        if error := text(field(field(chunk, "x_groq"), "error")):
            # A code or a sentence; a sentence is no type, and may quote the prompt.
            self._response.error_type = "_OTHER" if " " in error else error


_CHAT = replace(chat.CHAT, stream=_Stream)
_PATCHES = (
    ("chat.completions", "Completions.create", _CHAT),
    ("embeddings", "Embeddings.create", EMBEDDINGS),
    ("audio.transcriptions", "Transcriptions.create", TRANSCRIPTION),
    ("audio.translations", "Translations.create", TRANSCRIPTION),
    ("audio.speech", "Speech.create", SPEECH),
)


class GroqInstrumentor(LLMInstrumentor):
    """Traces the Groq Python SDK."""

    requires = ("groq >= 0.13, < 2",)
    provider = "groq"
    patches = tuple(
        Patch(f"groq.resources.{module}", prefix + name, endpoint, optional=endpoint is SPEECH)
        for module, name, endpoint in _PATCHES
        for prefix in ("", "Async")
    )

    def origin(self, instance: Any, arguments: Mapping[str, Any]) -> Origin:
        """Name the server the client speaks to."""
        return _ORIGINS.of(instance._client)


_ORIGINS = Origins(lambda client, host: "groq")
