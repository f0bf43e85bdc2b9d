"""Texts in other letters than those that are looked for: escaped, encoded, with letters that only
look like others or with signs that nobody sees."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from unicodedata import normalize

from otel_llm.quality.words import compiled

_ESCAPED: Final = re.compile(r"\\u00([2-7][0-9a-fA-F])")
_ENCODED: Final = re.compile(r"%([2-7][0-9a-fA-F])|&#[xX]([2-7][0-9a-fA-F]);|&#(\d{2,3});")
_LOOK_ALIKE: Final = (
    "\u0430a\u0435e\u043eo\u0440p\u0441c\u0443y\u0445x\u0455s\u0456i\u0458j\u04bbh\u0501d"
    "\u051bq\u051dw\u043ak\u0442t\u0410A\u0412B\u0415E\u041aK\u041cM\u041dH\u041eO\u0420P"
    "\u0421C\u0422T\u0425X\u0405S\u0406I\u0408J\u0391A\u0392B\u0395E\u0396Z\u0397H\u0399I"
    "\u039aK\u039cM\u039dN\u039fO\u03a1P\u03a4T\u03a5Y\u03a7X\u03bfo\u03bdv"
)
"""Cyrillic and Greek letters, each before the Latin one that it looks like."""
_UNSEEN: Final = (0x00AD, 0x034F, 0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F),
                  *range(0x2060, 0x2065), 0xFE0E, 0xFE0F, 0xFEFF)  # fmt: skip
_LETTERS: Final[dict[int, str | None]] = {
    **dict.fromkeys(_UNSEEN),
    **{code: normalize("NFKC", chr(code)) for code in range(0xFF01, 0xFF5F)},
    **{
        code: plain
        for code in range(0x1D400, 0x1D800)
        if (plain := normalize("NFKC", chr(code))).isascii()
    },
    **{ord(seen): meant for seen, meant in zip(_LOOK_ALIKE[::2], _LOOK_ALIKE[1::2], strict=True)},
}
_SUSPECT: Final = compiled(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff]"
    "|[\uff0d\uff0e\uff10-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a\U0001d400-\U0001d7ff]"
    "|[\u0370-\u03ff\u0400-\u052f][A-Za-z0-9@]|[A-Za-z0-9@][\u0370-\u03ff\u0400-\u052f]"
)
"""What makes a text worth a second look: most in other scripts have none of it."""


def plainly(text: str) -> str:
    """Return ``text`` in the letters that it is read as; the same object where those are its own.

    Escapes of JSON, percent signs of addresses, HTML's numbers; letters of full width, of
    mathematics, and those that look alike; nothing for signs that are not seen.
    """
    if "\\u00" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    if "%" in text or "&#" in text:
        text = _ENCODED.sub(_letter, text)
    plain = text.isascii() or not _SUSPECT.search(text)
    return text if plain else text.translate(_LETTERS)


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
