"""Letters that are read as Latin ones, and signs between letters that nobody sees."""

from __future__ import annotations

from typing import Final
from unicodedata import normalize

from .words import compiled

_LOOK_ALIKE: Final = (
    "\u0430a\u0435e\u043eo\u0440p\u0441c\u0443y\u0445x\u0455s\u0456i\u0458j\u04bbh\u0501d"
    "\u051bq\u051dw\u043ak\u0442t\u0410A\u0412B\u0415E\u041aK\u041cM\u041dH\u041eO\u0420P"
    "\u0421C\u0422T\u0425X\u0405S\u0406I\u0408J\u0391A\u0392B\u0395E\u0396Z\u0397H\u0399I"
    "\u039aK\u039cM\u039dN\u039fO\u03a1P\u03a4T\u03a5Y\u03a7X\u03bfo\u03bdv\u03bak\u03c4t\u0261g"
)
"""Cyrillic and Greek letters and a phonetic one, each before the Latin one that it looks like."""
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


def plain_letters(text: str) -> str:
    """Return ``text`` in the letters that it is read as; the same object where those are its own.

    Letters of full width, of mathematics, and those that look alike; nothing for signs that are not
    seen.
    """
    plain = text.isascii() or not _SUSPECT.search(text)
    return text if plain else text.translate(_LETTERS)
