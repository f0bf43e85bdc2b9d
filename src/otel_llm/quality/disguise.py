"""Text as a model reads it, where it is written so that no search for words finds it.

Letters that look like Latin ones, letters without width between others, tags (letters that no font
shows), full width, l e t t e r s with spaces between, and base64 beside a word that says so.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from unicodedata import is_normalized, normalize

from .letters import plain_letters
from .words import Pattern, compiled

_CYRILLIC = "[\u0400-\u04ff]"
_WIDTHLESS = "[\u200b-\u200d\u2060\ufeff\u00ad]"
_TAG = "[\U000e0020-\U000e007e]"
_TAG_BYTES = b"\xf3\xa0"
"""How each of them begins in UTF-8."""
_BASE64 = "(?i:base ?64)"
SIGNS = (
    Pattern(f"[a-z]{_CYRILLIC}[a-z]", (b"\xd0", b"\xd1")),
    Pattern(r"[a-z]\\u04[0-9a-f]{2}[a-z]", (b"\\u04",)),
    Pattern(
        f"[A-Za-z]{_WIDTHLESS}[ A-Za-z]",
        (b"\xe2\x80", b"\xe2\x81\xa0", b"\xef\xbb\xbf", b"\xc2\xad"),
    ),
    Pattern(r"[A-Za-z]\\u(?:200[b-d]|2060|feff|00ad)[ A-Za-z]", (b"\\u",)),
    Pattern(_TAG, (_TAG_BYTES,)),
    Pattern(r"\\udb40\\udc[2-7]", (b"\\udb40",)),
    Pattern("[\uff21-\uff5a]{5}", (b"\xef\xbc", b"\xef\xbd")),
    Pattern(r"(?:\\uff[2-5][0-9a-f]){5}", (b"\\uff",)),
    Pattern(r"\b(?:[A-Za-z] +){6}", (b" ",)),
    Pattern(_BASE64, (b"base64", b"base 64")),
)
"""What encoded content holds that may be disguised."""

_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")
_TAGS = re.compile(f"{_TAG}+")
_SPACED = compiled(r"\b(?:[A-Za-z] ){5,}[A-Za-z]\b")
_GAPS = re.compile(r"(?<=\b[A-Za-z]) (?=[A-Za-z]\b)")
_SPEAKS_OF_IT = compiled(_BASE64)
_ENCODED = compiled(r"[A-Za-z0-9+/]{24,}={0,2}")


def undisguised(text: str) -> str:
    """Return ``text`` as plain as can be, and behind it what is encoded in it."""
    if not text.isascii():
        text = plain_letters(text)
        text = text if is_normalized("NFKC", text) else normalize("NFKC", text)
    encoded = _ENCODED.findall(text) if _SPEAKS_OF_IT.search(text) else ()
    joined = _GAPS.sub("", text) if _SPACED.search(text) else text
    return "\n".join((joined, *filter(None, map(_decoded, encoded))))


def hidden(text: str) -> str:
    """Return what stands in ``text`` in letters that are not shown, those of flags left out."""
    if text.isascii() or _TAG_BYTES not in text.encode(errors="replace"):
        return ""
    tags = "".join(_TAGS.findall(_FLAG.sub("", text)))
    return "".join(chr(ord(tag) - 0xE0000) for tag in tags)


def _decoded(encoded: str) -> str:
    try:
        return b64decode(encoded, validate=True).decode()
    except (Error, ValueError):
        return ""
