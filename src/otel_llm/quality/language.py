"""``language_mismatch``: the answer is in another language than the question, and nobody asked.

Knows writing systems, and seven languages in Latin letters by their commonest words. Says nothing
of short or mixed texts, nor where the question speaks of a language or of translating.
"""

from __future__ import annotations

import re

from .check import Check
from .evidence import Content, Evidence
from .words import Pattern, listed

_LATIN = {
    "en": listed(
        "the and is of to in that it for you with this are was be have not what how can "
        "if my your has would there from when which where they their because been were does please "
        "at an so do we should only"
    ),
    "es": listed(
        "el los las que y es una del por para con no está como más pero qué cómo puedo "
        "dónde cuándo cuál hay sin puede tengo esto hacer desde hasta muy también se de lo ¿"
    ),
    "fr": listed(
        "le les des et est une que pour dans pas sur avec je vous ce qui sont comment du "
        "quel quelle quels quelles votre notre aux elle nous faut fait être avoir ont cette où "
        "quand pourquoi j qu de"
    ),
    "de": listed(
        "der die das und ist nicht ein eine zu mit auf für ich wie von den sie wird kann "
        "warum wurde wir mir mein meine im dem sich bei nach zum zur noch oder aber wenn wann "
        "welche sind haben hat war gibt du es bitte dir mich kannst etwa bis durch einen einem ß"
    ),
    "it": listed(
        "il gli che è una per non con sono della di come più ma nel posso questo anche "
        "dove perché quale ho hai sul alla dal dei delle degli nella può è devo oppure qualsiasi"
    ),
    "pt": listed(
        "o os que é uma para não com em do da como mais mas por você são posso isso ao "
        "onde qual meu minha seu pelo pela dos já tem foi até também muito de se ã õ"
    ),
    "nl": listed(
        "het een en van is niet dat de voor met op zijn ik hoe wat maar aan ook kan deze "
        "waar waarom wanneer welke mijn uw bij naar wordt worden hebben heeft kunt geen"
    ),
}
"""Words of each language that make up a fifth to a third of any text in it."""
_ALSO_ENGLISH = listed("do no die on per non van come pour met wie por war hat dove sin ho hay mir")

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("cyrillic", re.compile(r"[\u0400-\u04ff]")),
    ("greek", re.compile(r"[\u0370-\u03ff]")),
    ("hebrew", re.compile(r"[\u0590-\u05ff]")),
    ("arabic", re.compile(r"[\u0600-\u06ff]")),
    ("devanagari", re.compile(r"[\u0900-\u097f]")),
    ("thai", re.compile(r"[\u0e00-\u0e7f]")),
)
_SHARE = 0.3
"""Share of a script among the letters from which on a text is in it. Japanese has Han characters
too, and texts about technology have Latin words."""
_MIN_LETTERS = 8
_MIN_WORDS = 3
_CODE = re.compile(r"```.*?(?:```|$)|`[^`]*`|https?://\S+", re.S)
_QUOTED = re.compile(
    '"[^"\n]{8,}"|\u201c[^\u201d\n]{8,}\u201d|\u201e[^\u201c\u201d\n]{8,}[\u201c\u201d]|\u00ab[^\u00bb\n]{8,}\u00bb'
)
_WORD = re.compile(r"[^\W\d_]+|\u00bf")
_TELLING = "\u00df\u00e3\u00f5"
"""Letters of one language alone: a word of it, wherever they are."""
_ABOUT_LANGUAGE = re.compile(
    r"translat|übersetz|tradu|vertaal|翻译|翻訳|перевед|traduz"
    r"|\b(?:english|spanish|french|german|italian|portuguese|dutch|japanese|chinese|korean|russian"
    r"|arabic|hindi|greek|hebrew|thai|englisch\w*|deutsch\w*|französisch\w*|spanisch\w*"
    r"|inglés|español|francés|alemán|anglais|espagnol|français|allemand|inglese|italiano"
    r"|inglês|português|engels|nederlands|language|sprache|idioma|langue|lingua)\b",
    re.I,
)
_MAX_CHARS = 400
"""A language shows in the first lines."""
_MAX_ASKED = 4000
"""So much of a question is searched for the name of a language, from its end: that is where the
instructions about the answer are."""
_OTHER_SCRIPT = re.compile("[\u0370-\u07ff\u0900-\u1fff\u3040-\u9fff\uac00-\ud7af]")
_LANGUAGES_OF = {
    word: tuple(name for name, common in _LATIN.items() if word in common)
    for word in frozenset[str]().union(*_LATIN.values())
}


def language(text: str) -> str | None:
    """Return what ``text`` is written in: ``en``, ``de``, …, ``ja``, ``cyrillic``, …; ``None`` when
    it is too short or too mixed to tell."""
    plain = _CODE.sub(" ", text[:_MAX_CHARS]).lower() if "`" in text or "://" in text else text
    words = _WORD.findall(plain[:_MAX_CHARS].lower())
    if not plain.isascii():
        words += [letter for letter in _TELLING if letter in plain]
    letters = sum(map(len, words))
    if letters < _MIN_LETTERS:
        return None
    if not plain.isascii() and _OTHER_SCRIPT.search(plain):
        for name, script in _SCRIPTS:
            if len(script.findall(plain[:_MAX_CHARS])) >= _SHARE * letters:
                return name
    return _latin(words)


def _latin(words: list[str]) -> str | None:
    counts = dict.fromkeys(_LATIN, 0)
    for word in words:
        for name in _LANGUAGES_OF.get(word, ()):
            counts[name] += 1
    first = max(counts, key=counts.__getitem__)
    most = counts.pop(first)
    return first if most >= _MIN_WORDS and most >= 2 * max(counts.values()) else None


def _mismatched(seen: Evidence, output: Content) -> bool:
    question = seen.input.question if seen.input else ""
    if not question:
        return False
    asked, answered = _language(question), _language(output.opening)
    if asked is None or answered is None or answered in (asked, _of_quoted(question)):
        return False
    return _ABOUT_LANGUAGE.search(question[-_MAX_ASKED:]) is None


def _language(text: str) -> str | None:
    """Return the language of what is not quoted."""
    return language(_QUOTED.sub(" ", text[: 2 * _MAX_CHARS]))


def _of_quoted(question: str) -> str | None:
    """Return the language of what is quoted: who wants a sentence mended, wants it in that."""
    return language(" ".join(_QUOTED.findall(question)))


_FOREIGN = "[\u0080-\uffff]"
"""A letter, or a byte of one where bytes are matched: in either case none of ASCII."""
_ESCAPE = r"(?:\\u[0-9a-fA-F]{4})"


def _signs() -> tuple[Pattern, ...]:
    """Look for two common words close together that are not English, and for other scripts.

    The words are too many for a search one by one, so without RE2 only scripts are compared.
    """
    words = set[str]().union(*_LATIN.values()) - _LATIN["en"] - _ALSO_ENGLISH
    plain = sorted(word for word in words if word.isascii() and len(word) > 1)
    one = f"(?:{'|'.join(plain)})"
    return (
        Pattern(rf"(?i:(?:\b|\\u00[ab][1f]){one} (?:\S+ ){{0,3}}{one}\b)", ()),
        Pattern(f"{_FOREIGN}{{2}} ?{_FOREIGN}{{2}}", (b"",)),
        Pattern(rf"{_ESCAPE}{{2}} ?{_ESCAPE}{{2}}", (b"\\u",)),
    )


LANGUAGE_MISMATCH = Check(
    name="language_mismatch",
    about="The answer is in another language than the question.",
    patterns=_signs(),
    asked=_signs(),
    judge=_mismatched,
)
