"""Taking keys, tokens and personal data out of texts and of the values that hold texts.

Where in doubt, it is taken out: unlike a quality check, which must not cry wolf, this does not ask
whether an address is only an example. Only what is a number to most people is proven first: cards
by their check digit, bank accounts by their remainder, numbers of persons by their state's rule.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, cast

from otel_llm.quality.leaks import PII, SECRETS
from otel_llm.quality.national import NATIONAL, NATIONAL_SIGN
from otel_llm.quality.shape import Shape, leaking
from otel_llm.quality.suspects import PROVEN
from otel_llm.quality.words import compiled

from .disguise import inside_base64, plainly

_SHAPES = (*SECRETS, *PII)
KINDS = tuple(dict.fromkeys(shape.kind for shape in _SHAPES))
GROUPS = {
    name: tuple(dict.fromkeys(shape.kind for shape in shapes))
    for name, shapes in (("secrets", SECRETS), ("pii", PII), ("national", NATIONAL))
}
_NUMBERS = frozenset(GROUPS["national"])
_KEYS = frozenset(GROUPS["secrets"])
_STRUCTURE = frozenset({"type", "role", "finish_reason", "modality", "mime_type", "id"})
"""Keys of messages whose values are words of the conventions, or ids, and nobody's content."""
_WORD = re.compile(r"[A-Za-z][\w./:+-]*")
"""How such a value looks: numbers of persons and addresses do not."""
_HEX_DIGITS = 12
_UNREADABLE = "[unreadable]"
"""In place of what could not be looked into."""

_NUMBERED = compiled(NATIONAL_SIGN.regex)
_Find: TypeAlias = tuple[str, "re.Pattern[str]", Callable[[str], bool]]


class Redactor:
    """Replaces what it finds by its kind: ``[email]``, or ``[email:1f3a…]`` with a key, the same
    for the same value. Thread-safe."""

    def __init__(
        self,
        kinds: Sequence[str],
        patterns: Mapping[str, str],
        allow: Sequence[str],
        key: bytes | None,
    ) -> None:
        """``patterns``: regular expressions of your own, by the word to put in place of what they
        find. ``allow``: what one of them matches as a whole stays. Raises ``ValueError`` for an
        expression that is none."""
        self._finds = [_of_shape(shape) for shape in _SHAPES if shape.kind in kinds]
        self._finds += [(name, _compiled(regex), _always) for name, regex in patterns.items()]
        self._any = _any_of([p.pattern for kind, p, _ in self._finds if kind not in _NUMBERS])
        self._secrets = _any_of([p.pattern for kind, p, _ in self._finds if kind in _KEYS])
        self._allow = [_compiled(regex) for regex in allow]
        self._key = key

    def text(self, text: str) -> str:
        """Return ``text`` without what is to be taken out; the same object when nothing is. What is
        found in disguise is taken out of the text as it is read."""
        kept = self._whole(text)
        plain = plainly(kept)
        if plain is not kept and (again := self._whole(plain)) != plain:
            kept = again
        return inside_base64(kept, self.encoded)

    def _whole(self, text: str) -> str:
        try:
            return self._without(text)
        except UnicodeEncodeError:  # half a pair of surrogates, as JSON may spell it
            return self._without(text.encode(errors="replace").decode())

    def _without(self, text: str) -> str:
        numbered = _NUMBERED.search(text) is not None
        if not numbered and self._any is not None and not self._any.search(text):
            return text
        for kind, pattern, proves in self._finds:
            if (numbered or kind not in _NUMBERS) and pattern.search(text):
                text = pattern.sub(self._replace(kind, proves), text)
        return text

    def encoded(self, text: str) -> str:
        """As ``text``, but looks into JSON, and leaves its structure alone."""
        head = text[:1] if text[:1] > " " else text.lstrip()[:1]
        if head not in ("{", "["):
            return self.text(text)
        try:
            given = _WHOLE.decode(text)
        except _Repeated:  # only the last one is read by anybody
            return json.dumps(self.value(json.loads(text)), ensure_ascii=False)
        except RecursionError:
            return _UNREADABLE
        except ValueError:
            return self.text(text)
        kept = self.value(given)
        return text if kept == given else json.dumps(kept, ensure_ascii=False)

    def value(self, value: Any, key: str | None = None) -> Any:
        """Return any JSON value with every text in it redacted."""
        if isinstance(value, str):
            is_word = key in _STRUCTURE and _WORD.fullmatch(value) and not self._is_secret(value)
            return value if is_word else self.encoded(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[str, Any]", value).items()
            return {self.text(str(name)): self.value(item, name) for name, item in items}
        if isinstance(value, list | tuple):
            return [self.value(item, key) for item in cast("Sequence[Any]", value)]
        if isinstance(value, int | float) and not isinstance(value, bool):
            said = f"{value:.0f}" if isinstance(value, float) else str(value)
            kept = self._whole(said)
            return value if kept == said else kept
        return value

    def _is_secret(self, word: str) -> bool:
        return self._secrets is not None and self._secrets.search(word) is not None

    def _replace(self, kind: str, proves: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
        def replace(found: re.Match[str]) -> str:
            start, end = (place - found.start() for place in leaking(found))
            said = found[0][start:end]
            if not proves(said) or any(allowed.fullmatch(said) for allowed in self._allow):
                return found[0]
            return f"{found[0][:start]}[{kind}{self._pseudonym(said)}]{found[0][end:]}"

        return replace

    def _pseudonym(self, said: str) -> str:
        if self._key is None:
            return ""
        return f":{hmac.new(self._key, said.encode(), 'sha256').hexdigest()[:_HEX_DIGITS]}"


class _Repeated(ValueError):
    """A map of JSON has a key twice: what is read of it does not show all that it says."""


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _Repeated
    return made


_WHOLE = json.JSONDecoder(object_pairs_hook=_unrepeated)


def _always(found: str) -> bool:
    return True


def _of_shape(shape: Shape) -> _Find:
    regex = shape.pattern.regex
    if shape.kind == "private_key":  # the shape is its head alone
        regex += r"(?s:.*?-----END [A-Z ]{0,30}PRIVATE KEY(?:-----)?|.*)"
    return shape.kind, _compiled(regex), shape.proves if shape.kind in PROVEN else _always


def _any_of(regexes: Sequence[str]) -> re.Pattern[str] | None:
    """Return one expression for all: most texts hold nothing, and are then looked through once."""
    if not regexes:
        return None
    joined = "|".join(f"(?:{_NAMED.sub('(?:', regex)})" for regex in regexes)
    with suppress(ValueError):  # they are too many for one; then one by one
        return _compiled(joined)
    return None


_NAMED = re.compile(r"\(\?P<\w+>")


def _compiled(regex: str) -> re.Pattern[str]:
    try:
        return compiled(regex)
    except Exception as error:  # two engines, two kinds of errors
        raise ValueError(f"no regular expression that runs in linear time: {regex}") from error
