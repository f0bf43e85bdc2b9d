"""Take keys, tokens and personal data out of content before anything is made of it.

What is looked for is found by shape (``quality.suspects``). Where in doubt, it is taken out; only
what is a number to most people is proven first, as a card is by its check digit. Names and postal
addresses have no shape and stay.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from .fitting import CUT, digest
from .json_text import to_json

Hook: TypeAlias = Callable[[str], str | None]
"""Returns the text to keep in place of the text it is given; ``None`` keeps nothing of it."""

_STRUCTURE = frozenset({"type", "role", "finish_reason", "modality", "mime_type"})
"""Keys whose values, if they look like it, are words of the conventions and nobody's content."""

_WORD = re.compile(r"[a-z_]{1,40}(?:/[a-z0-9.+-]{1,60})?")
"""``tool_call``, ``image/svg+xml``; arguments of tools may have keys of these names too."""

_LONGEST_NAME = 16
"""Of keys that are taken for names; what leaks is longer."""

_LONGEST_LEAK = 8_192
"""Characters that are looked at beyond those that are kept: half a leak is not known for one."""


class Redactor:
    """Replaces every leak by its kind: ``[email]``. Reentrant; compile one and keep it."""

    def __init__(
        self,
        kinds: Sequence[str] = ("secrets", "pii"),
        patterns: Sequence[str] = (),
        hook: Hook | None = None,
        longest: int = sys.maxsize,
    ) -> None:
        """``kinds``: ``secrets`` and ``pii``. ``patterns`` are regular expressions of your own;
        raises ``re.error`` for one that is none. ``hook`` comes last and sees what is left. Of a
        text no more than ``longest`` characters are kept, and of longer media a digest: looking
        at what nobody keeps would take the caller's time."""
        # Only here: most programs capture no content.
        from otel_llm.quality import leaks, suspects

        shapes = {"secrets": leaks.SECRETS, "pii": leaks.PII}
        self._shapes = tuple(shape for kind in kinds for shape in shapes.get(kind, ()))
        self._find = suspects.suspects
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._hook = hook
        self._longest = longest

    def text(self, text: str) -> str:
        """Return ``text`` without its leaks. A hook that fails takes the whole text with it."""
        long = len(text) > self._longest
        text, keep = self._redacted(text[: self._longest + _LONGEST_LEAK])
        text = text[:keep] + CUT if long else text
        return text if self._hook is None else self._hooked(text)

    def _redacted(self, text: str) -> tuple[str, int]:
        """Return the text without its leaks, and where in it what is kept ends."""
        if not text.isascii():  # a lone surrogate would stop the search
            text = text.encode("utf-8", "replace").decode()
        text, keep = _replaced(text, self._leaks(text), self._longest)
        for pattern in self._patterns:
            found = (("redacted", *match.span()) for match in pattern.finditer(text))
            text, keep = _replaced(text, found, keep)
        return text, keep

    def value(self, value: Any, key: str | None = None) -> Any:
        """Return any value as JSON has it, every text in it redacted; it itself is not changed."""
        if isinstance(value, str):
            said = key in _STRUCTURE and _WORD.fullmatch(value)
            return value if said else self.text(value)
        if isinstance(value, Mapping):
            items = self._kept(cast("Mapping[Any, Any]", value)).items()
            return {self._name(name): self.value(item, str(name)) for name, item in items}
        if isinstance(value, list | tuple):
            return [self.value(item, key) for item in cast("Sequence[Any]", value)]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.value(json.loads(to_json(value)), key)  # a model, a set: texts in there too

    def _kept(self, part: Mapping[Any, Any]) -> Mapping[Any, Any]:
        content = part.get("content") if part.get("type") == "blob" else None
        long = isinstance(content, str) and len(content) > self._longest
        return digest(part) if long else part

    def _name(self, name: Any) -> Any:
        """Return a key; one that is no plain name may be content as well."""
        text = str(name)
        plain = len(text) <= _LONGEST_NAME and text.isidentifier()
        return name if plain else self.text(text)

    def _leaks(self, text: str) -> list[tuple[str, int, int]]:
        """Return kind, start and end of every leak, those that overlap as one."""
        found: list[tuple[str, int, int]] = []
        for leak in sorted(self._find(text, self._shapes), key=lambda leak: leak.start):
            end = _end_of_key(text, leak.end) if leak.kind == "private_key" else leak.end
            if found and leak.start < found[-1][2]:
                kind, start, before = found[-1]
                found[-1] = kind, start, max(before, end)
            else:
                found.append((leak.kind, leak.start, end))
        return found

    def _hooked(self, text: str) -> str:
        assert self._hook is not None
        try:
            kept = self._hook(text)
        except Exception:  # noqa: BLE001 - the user's code; what it did not see must not pass
            return "[redaction failed]"
        return "[redacted]" if kept is None else str(kept)


def _replaced(text: str, found: Iterable[tuple[str, int, int]], keep: int) -> tuple[str, int]:
    """Return the text with the kind of what was found in place of it, as far as ``keep``, and where
    that is now: after what lies across it."""
    pieces: list[str] = []
    at = 0
    for kind, start, end in found:
        if start >= keep:
            break
        pieces += text[at:start], f"[{kind}]"
        at = end
    head = "".join(pieces)
    return head + text[at:], len(head) + max(keep - at, 0)


def _end_of_key(text: str, start: int) -> int:
    """Return where a key block ends: found by its head alone, so to its foot or the text's end."""
    foot = re.compile("-----END [A-Z ]{0,30}PRIVATE KEY(?:-----)?").search(text, start)
    return foot.end() if foot else len(text)
