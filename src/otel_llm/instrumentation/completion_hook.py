"""What is made of content, and who a call is for, on spans of the official instrumentations too.

``OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK=otel_llm`` and opentelemetry-util-genai calls it at the
end of each of its operations: hashes, preview and flags as ``OTEL_LLM_CAPTURE`` asks for, and what
``set_user``, ``set_session``, ``set_prompt`` and ``set_tags`` said. Content itself is left to the
official capture mode; nothing of it is written or kept here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from opentelemetry.context import get_current

from otel_llm import semconv
from otel_llm.genai import Response, Usage

from .core.attributes import Attributes, integer
from .core.ending import Ending
from .core.guard import guarded
from .core.privacy import Privacy
from .core.said import said
from .core.settings import Settings


class CompletionHook:
    """A ``CompletionHook`` of opentelemetry-util-genai 1; that package need not be installed."""

    def __init__(self) -> None:
        self._settings = Settings.from_environment()
        self._privacy = Privacy(self._settings)

    def on_completion(
        self,
        *,
        inputs: Iterable[Any] = (),
        outputs: Iterable[Any] = (),
        system_instruction: Iterable[Any] = (),
        tool_definitions: Iterable[Any] | None = None,
        span: Any = None,
        **_: Any,
    ) -> None:
        """Add to ``span`` what was derived and said, where it has nothing under that name yet.

        The sequences hold the dataclasses of ``opentelemetry.util.genai.types``. Raises nothing.
        """
        if span is None or not span.is_recording():
            return
        known: Mapping[str, Any] = getattr(span, "attributes", None) or {}
        with guarded("completing an operation of another instrumentation"):
            found = self._said(known)
            if self._privacy.derives:
                sent = _plain(inputs)
                found |= self._sent(sent, _plain(system_instruction), _plain(tool_definitions))
                found |= self._privacy.of_output(
                    answers := _plain(outputs), sent, _ending(answers, known)
                )
            span.set_attributes({k: v for k, v in found.items() if k not in known})

    def _said(self, known: Mapping[str, Any]) -> Attributes:
        operation = str(known.get(semconv.OPERATION_NAME) or "chat")
        return said(get_current(), operation, self._settings.baggage)

    def _sent(self, inputs: Any, system: Any, tools: Any) -> Attributes:
        found: Attributes = {}
        for name, value in (
            (semconv.INPUT_MESSAGES, inputs),
            (semconv.SYSTEM_INSTRUCTIONS, system),
            (semconv.TOOL_DEFINITIONS, tools),
        ):
            if value:
                found |= self._privacy.of_input(name, value)
        return found


def _ending(outputs: Sequence[Mapping[str, Any]], known: Mapping[str, Any]) -> Ending:
    reasons = known.get(semconv.RESPONSE_FINISH_REASONS) or [
        reason for message in outputs if isinstance(reason := message.get("finish_reason"), str)
    ]
    wrote = integer(known.get(semconv.USAGE_OUTPUT_TOKENS))
    return Ending(Response(finish_reasons=reasons, usage=Usage(output_tokens=wrote)))


def _plain(value: Any) -> Any:
    """Return dataclasses as maps without what is unknown, so that they hash as ours do."""
    if is_dataclass(value) and not isinstance(value, type):
        said = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: _plain(item) for name, item in said.items() if item is not None}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType] - any JSON
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType] - any JSON
    return value
