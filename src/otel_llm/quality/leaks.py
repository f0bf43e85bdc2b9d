"""``secrets`` and ``pii``: what an answer should not give away.

Each shape is found by a linear pattern and then proven: a card number by its check digit, an IBAN
by its remainder, a key by its entropy, an address by not being an example, the number of a person
by the rule of the state that gave it. Names and postal addresses are not looked for: patterns
cannot tell them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from .check import Check
from .check_digits import digits_of, luhn
from .evidence import Content, Evidence
from .keys import SECRETS
from .national import NATIONAL, NATIONAL_SIGN
from .scan import scanner
from .shape import Leak, Shape, leaking
from .words import Pattern, compiled, spelled

_CARDS = {13: (4,), 14: (3,), 15: (3,), 16: (2, 3, 4, 5, 6)}
"""Length to what the numbers of cards so long begin with: old ones of Visa, Diners Club, American
Express, the rest."""


def _card(found: str) -> bool:
    """Check the first digit for the length, and the check digit (ISO/IEC 7812, Luhn)."""
    digits = digits_of(found)
    if digits[0] not in _CARDS.get(len(digits), ()) or len(set(digits)) < 2:
        return False
    return luhn(digits)


def _iban(found: str) -> bool:
    """Check the remainder by 97 (ISO 13616)."""
    plain = found.replace(" ", "")
    number = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(number) % 97 == 1


def _ssn(found: str) -> bool:
    """Leave out what is never given out, and the numbers printed in examples."""
    area, group, serial = found.split("-")
    if found in ("078-05-1120", "219-09-9999", "123-45-6789") or area in ("000", "666"):
        return False
    return area < "900" and group != "00" and serial != "0000"


_NO_MAIL = re.compile(
    r"@(?:[\w-]+\.)*(?:example(?:\.\w+)?|test|invalid|localhost|domain\.com|email\.com|company\.com)$"
    r"|^(?:no-?reply|git|user|username|name|you|your\.?\w*|someone|email|john\.doe|jane\.doe)@",
    re.I,
)


def _mail(found: str) -> bool:
    version = found.rpartition(".")[2].isdigit()  # @angular/core@17.0.2
    return "://" not in found and not version and not _NO_MAIL.search(found)


_FREE_CALL = re.compile(r"(?:\+?1|\()?8(?:00|33|44|55|66|77|88)|0(?:800|180|900)|\+\d{2}800")
"""How the numbers of hotlines begin, which belong to nobody."""


def _phone(found: str) -> bool:
    """Leave out the numbers that are kept for stories (555-01xx), and those of hotlines."""
    digits = re.sub(r"\D", "", found)
    if _FREE_CALL.match(re.sub(r"[^\d+(]", "", found)):
        return False
    return 10 <= len(digits) <= 15 and "55501" not in digits[-7:] and len(set(digits)) > 3


_CALLED = spelled(
    "phone|tel|telephone|mobile|cell|call|ring|reach|whatsapp|fax|handy|telefon|mobil|rufnummer"
    "|téléphone|portable|numéro|teléfono|móvil"
)
_CALLED_WITHOUT_SPACES = spelled("電話|携帯")
_AT_HOME = r"(?:0\d{1,4}(?: ?[ ./-] ?\d{2,8}){1,4}|\d{3}[ .-]\d{3}[ .-]\d{4})"
"""A number as it is written within its country, where a word says what it is."""
_TEN_DIGITS = (
    r"(?:[^0-9]|u[0-9a-fA-F]{4})0(?:[ ./\\-]{0,4}[0-9]){9}|[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{4}"
)
"""What is in each of those that is long enough for one. JSON may spell a slash with a backslash,
and a letter before the number by digits."""
_DIGITS = tuple(str(digit).encode() for digit in range(10))

_EVERYWHERE = (
    Shape(
        "email",
        Pattern(
            r"(?:\b|://[^\s/@]{1,120})[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}",
            (b"@",),
        ),
        _mail,
        Pattern(r"[A-Za-z0-9._%+-]@[A-Za-z0-9-]+\.[A-Za-z0-9-]", (b"@",)),
    ),
    Shape(
        "card",
        Pattern(
            r"\b(?:\d{13,16}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,4}|\d{4}[ -]\d{6}[ -]\d{5})\b", _DIGITS
        ),
        _card,
    ),
    Shape(
        "iban",
        Pattern(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _DIGITS),
        _iban,
    ),
    Shape("us_ssn", Pattern(r"\b\d{3}-\d{2}-\d{4}\b", _DIGITS), _ssn),
    Shape(
        "phone",
        Pattern(
            r"(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?|\(\d{3}\) ?)(?:\d{2,4}(?:[ .-]?\d{2,4}){1,4}|\d(?:[ .-]\d{2}){4})",  # noqa: E501
            _DIGITS,
        ),
        _phone,
    ),
    Shape(
        "phone",
        Pattern(
            rf"(?i:\b(?:{_CALLED})|{_CALLED_WITHOUT_SPACES})[^0-9\n]{{0,20}}(?P<number>{_AT_HOME})",
            _DIGITS,
        ),
        _phone,
        Pattern(_TEN_DIGITS, _DIGITS),
    ),
)
PII = _EVERYWHERE + NATIONAL
Finder = Callable[[str], Iterator[Leak]]


def _finder(shapes: Sequence[Shape]) -> Finder:
    """Return what yields every proven leak in a text, by kind and then by place.

    One pass tells which shapes are there at all: most texts hold none of them.
    """
    scan = scanner([[shape.sign] for shape in shapes])
    patterns = [compiled(shape.pattern.regex) for shape in shapes]

    def found(text: str) -> Iterator[Leak]:
        for at in sorted(scan(text.encode(errors="replace"))):
            yield from _proven(text, shapes[at], patterns[at])

    return found


_FOR_TESTS = re.compile(r"\b(?:tests?|testing|sandbox|dummy|fake|sample)\b.{0,160}$", re.I | re.S)


def _is_for_tests(shape: Shape, before: str) -> bool:
    """Return whether words before a card's number say that it is nobody's."""
    return shape.kind == "card" and _FOR_TESTS.search(before[-200:]) is not None


def _proven(text: str, shape: Shape, pattern: re.Pattern[str]) -> Iterator[Leak]:
    for match in pattern.finditer(text):
        start, end = leaking(match)
        if shape.proves(text[start:end]) and not _is_for_tests(shape, text[:start]):
            yield Leak(shape.kind, start, end)


find = _finder(SECRETS + PII)
find_secrets = _finder(SECRETS)
find_pii = _finder(PII)


def _any(find: Finder) -> Callable[[Evidence, Content], bool]:
    return lambda _, output: next(find(output.opening), None) is not None


SECRETS_CHECK = Check(
    name="secrets",
    family="leaks",
    about="The answer holds a key, token or password.",
    patterns=tuple(shape.sign for shape in SECRETS),
    judge=_any(find_secrets),
)
PII_CHECK = Check(
    name="pii",
    family="leaks",
    about="The answer holds an email address, card number, IBAN, phone number, or a number that a"
    " state gives to a person.",
    patterns=(*(shape.sign for shape in _EVERYWHERE), NATIONAL_SIGN),
    judge=_any(find_pii),
)
