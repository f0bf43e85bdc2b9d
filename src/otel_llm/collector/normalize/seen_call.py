"""What is looked at of a call to find out whether another span tells of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otel_llm import semconv

from ..data import facts

if TYPE_CHECKING:
    from ..data import SpanView

Tokens = tuple[int | None, int | None]
"""In and out."""
UNTOLD: Final[Tokens] = (None, None)

_RESPONSE_ID: Final = facts.AT[semconv.RESPONSE_ID]
_EMBEDDINGS: Final = "embeddings"


class SeenCall(NamedTuple):
    """What is known of a call."""

    span: SpanView
    trace: bytes
    id: bytes
    parent: bytes
    response: str | None
    tokens: Tokens
    reasoning: int | None
    kind: bytes
    """Embeddings are never the same call as any other."""


def seen(span: SpanView, known: facts.Facts) -> SeenCall:
    """Look at the facts of a span."""
    usage, kind = known[facts.USAGE], b"e" if known[facts.OPERATION] == _EMBEDDINGS else b""
    tokens = usage.input_tokens, usage.output_tokens
    return SeenCall(span, *span.ids, known[_RESPONSE_ID], tokens, usage.reasoning, kind)
