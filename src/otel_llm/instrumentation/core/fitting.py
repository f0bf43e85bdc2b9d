"""Make content fit: valid JSON, the newest user turn kept, media by digest and size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

CUT = "…[cut]"
"""Stands where the end of a text was."""
_SHORTEST = 64
"""Characters that every text keeps while there is anything else to cut."""


def fitted(
    messages: Sequence[Mapping[str, Any]], max_bytes: int, encode: Callable[[Any], str]
) -> tuple[Sequence[Mapping[str, Any]], str]:
    """Return ``messages`` and their JSON, of at most ``max_bytes`` where that can be done.

    In this order: media become their digest and size, the oldest turns go (never the last one of
    a user, nor what followed it), long texts are cut. Beyond that even a single message goes.
    """
    kept, encoded = list(messages), encode(messages)
    if _fits(encoded, max_bytes):
        return kept, encoded
    kept = [_without_media(message) for message in kept]
    keep_from = _last_user(kept)
    while not _fits(encoded := encode(kept), max_bytes) and keep_from > 0:
        kept, keep_from = kept[1:], keep_from - 1
    longest = max_bytes
    while not _fits(encoded, max_bytes) and longest > _SHORTEST:
        longest //= 2
        kept = [_shortened(message, longest) for message in kept]
        encoded = encode(kept)
    return (kept, encoded) if _fits(encoded, max_bytes) else ([], "[]")


def fitted_value(value: Any, max_bytes: int, encode: Callable[[Any], str]) -> str:
    """Return a text as it is, or the JSON of any other value, of at most ``max_bytes``.

    Long texts are cut, as those of messages are; what is too long even then is left out.
    """
    if isinstance(value, str):
        return _cut(value.encode("utf-8", "replace"), max_bytes)
    encoded, longest = encode(value), 0
    if not _fits(encoded, max_bytes):  # numbers cannot be cut, and encoding them again takes time
        longest = min(max_bytes, _longest(value))
    while not _fits(encoded, max_bytes) and longest > _SHORTEST:
        longest //= 2
        value = _shortened(value, longest)
        encoded = encode(value)
    return (
        encoded if _fits(encoded, max_bytes) else encode({} if isinstance(value, Mapping) else [])
    )


def _longest(value: Any) -> int:
    """Return how long the longest text in a value is."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return max(map(_longest, value.values()), default=0)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return max(map(_longest, value), default=0)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return 0


def _cut(encoded: bytes, max_bytes: int) -> str:
    if len(encoded) > max_bytes:
        encoded = encoded[: max(max_bytes - len(CUT.encode()), 0)] + CUT.encode()
    return encoded.decode("utf-8", "ignore")


def _fits(encoded: str, max_bytes: int) -> bool:
    return len(encoded) <= max_bytes and (encoded.isascii() or len(encoded.encode()) <= max_bytes)


def _last_user(messages: Sequence[Mapping[str, Any]]) -> int:
    asked = [at for at, message in enumerate(messages) if message.get("role") == "user"]
    return asked[-1] if asked else max(len(messages) - 1, 0)


def _without_media(message: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = message.get("parts")
    if not isinstance(parts, list | tuple):
        return message
    return {**message, "parts": [_described(part) for part in parts]}  # pyright: ignore[reportUnknownVariableType] - any JSON


def _described(part: Any) -> Any:
    """Return every blob as its digest and size, also one that a tool answered with; a part of its
    own type, as the conventions allow."""
    if isinstance(part, list | tuple):
        return [_described(one) for one in part]  # pyright: ignore[reportUnknownVariableType] - any JSON
    if not isinstance(part, Mapping):
        return part
    blob = cast("Mapping[str, Any]", part)
    if blob.get("type") != "blob":
        return {name: _described(value) for name, value in blob.items()}
    return digest(blob)


def digest(blob: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a blob as its digest and size."""
    content = str(blob.get("content") or "")
    about = {key: blob[key] for key in ("modality", "mime_type") if key in blob}
    sha256 = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
    return {"type": "blob_digest", **about, "sha256": sha256, "size": len(content)}


def _shortened(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - len(CUT)] + CUT
    if isinstance(value, Mapping):
        return {key: _shortened(item, longest) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list | tuple):
        return [_shortened(item, longest) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
