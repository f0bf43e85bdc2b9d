"""Texts in other letters than those that are looked for: escaped, encoded, or only alike."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from otel_llm.quality.letters import plain_letters
from otel_llm.quality.words import compiled

_ESCAPED: Final = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_ENCODED: Final = re.compile(r"%([2-7][0-9a-fA-F])|&#[xX]([2-7][0-9a-fA-F]);|&#(\d{2,3});")


def plainly(text: str) -> str:
    """Return ``text`` in the letters that it is read as; the same object where those are its own.

    Escapes of JSON, percent signs of addresses, HTML's numbers; letters of full width, of
    mathematics, and those that look alike; nothing for signs that are not seen.
    """
    if "\\u00" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    if "%" in text or "&#" in text:
        text = _ENCODED.sub(_letter, text)
    return plain_letters(text)


def _letter(found: re.Match[str]) -> str:
    digits = found[1] or found[2]
    code = int(digits, 16) if digits else int(found[3])
    return chr(code) if 0x20 <= code < 0x7F else found[0]


_RUNS: Final = r"[A-Za-z0-9+/_-]{24,}={0,2}"
_RUN: Final = compiled(_RUNS)
_EACH: Final = re.compile(_RUNS)
"""Slower to find that there is none, quicker for each that is."""
_HEAD: Final = 64
"""Letters of base64 that tell a text from a picture."""


def inside_base64(text: str, change: Callable[[str], str]) -> str:
    """Return ``text`` with what is written in base64 as ``change`` makes it, in base64 again."""
    if not _RUN.search(text):
        return text

    def replaced(found: re.Match[str]) -> str:
        said = _decoded(found[0])
        kept = None if said is None else change(said)
        same = kept is None or kept == said
        return found[0] if same else b64encode(str(kept).encode()).decode()

    return _EACH.sub(replaced, text)


def _decoded(run: str) -> str | None:
    """Return the text that a run of letters stands for; ``None`` where it stands for none."""
    if run.islower() or run.isupper():  # a long name, not what a text becomes
        return None
    head = _text_of(run[:_HEAD])
    return head if head is None or len(run) <= _HEAD else _text_of(run)


def _text_of(run: str) -> str | None:
    letters = run.rstrip("=").replace("-", "+").replace("_", "/")
    with suppress(ValueError):
        said = b64decode(letters + "=" * (-len(letters) % 4)).decode()
        return said if said.replace("\n", "").replace("\t", "").isprintable() else None
    return None
