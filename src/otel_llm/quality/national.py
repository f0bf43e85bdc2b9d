"""Numbers that a state gives to a person, each proven by its own rule.

A shape alone would take every order number for one. What a rule lets pass too often (nine or ten
bare digits of which one in ten fits) is taken only where a word says what it is, or where it is
written in the groups that such numbers are written in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from .check_digits import digits_of, iso7064_mod11_10, luhn, verhoeff, weighted
from .shape import Shape
from .words import Pattern

_SIGN = Pattern(
    r"(?:[0-9][ .+-]?){9}|[0-9]{7}[ -]?[A-Za-z]\b|[A-Z] ?(?:[0-9]{2} ?){3}[A-D]"
    r"|[0-9]{6}[A-FU-Y][0-9]{3}|2[ABab] ?[0-9]{3} ?[0-9]{3}"
    r"|\b[LMNPRTVWXY][CFGHJ-NPRTV-Z0-9]{8}[0-9]"
    r"|(?:\b|\\[nrt])(?i:[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z])",
    tuple(str(digit).encode() for digit in range(10)),
)
_TOLD = r"citizen|national|identit|personal|\bid (?:no|num|card)"


def _told(words: str, number: str) -> str:
    """Return a pattern of ``number`` after a word that says what it is."""
    return rf"(?i:\b(?:{words})|{_TOLD})[^0-9]{{0,30}}\b(?P<number>{number})\b"


def _day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _somewhen(month: int, day: int) -> bool:
    """Return whether some year has that day: a leap year, since the century is not known."""
    return _day(2000, month, day)


def _pairs(digits: list[int]) -> tuple[int, int, int]:
    """Return the first six digits as three numbers."""
    a, b, c, d, e, f = digits[:6]
    return a * 10 + b, c * 10 + d, e * 10 + f


def _uk_nino(found: str) -> bool:
    return found[:2].upper() not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _de_tax_id(found: str) -> bool:
    """One of the first ten digits stands there two or three times, no other more than once."""
    digits = digits_of(found)
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    return counts[-1] in (2, 3) and counts[-2] == 1 and iso7064_mod11_10(digits)


def _de_id_card(found: str) -> bool:
    """Check the digit by weights 7, 3, 1 (ICAO 9303); a word without digits is none."""
    values = [int(char, 36) for char in found]
    return len(digits_of(found)) > 2 and weighted(values[:-1], (7, 3, 1) * 3) % 10 == values[-1]


def _uk_nhs(found: str) -> bool:
    """Check the digit by weights from 10 to 2, modulus 11."""
    digits = digits_of(found)
    return (11 - weighted(digits[:9], range(10, 1, -1)) % 11) % 11 == digits[9]


def _fr_insee(found: str) -> bool:
    """The key is what is missing to 97; Corsica's letters count as 19 and 18."""
    plain = found.replace(" ", "").upper()
    body = plain[:-2].replace("2A", "19").replace("2B", "18")
    month = int(plain[3:5])
    known = 1 <= month <= 12 or 20 <= month <= 42 or month >= 50  # where the month is not known
    return known and int(plain[-2:]) == 97 - int(body) % 97


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def _es_dni(found: str) -> bool:
    plain = re.sub(r"[ -]", "", found).upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI[int(number) % 23] == plain[-1]


_ODD = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)


def _it_codice_fiscale(found: str) -> bool:
    """Characters at odd places have values of their own; digits count as the letters A to J."""
    values = [int(c) if c.isdigit() else ord(c) - ord("A") for c in found.upper()]
    total = sum(_ODD[v] for v in values[:15:2]) + sum(values[1:15:2])
    return total % 26 == values[15]


def _nl_bsn(found: str) -> bool:
    digits = digits_of(found)
    return any(digits) and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _pl_pesel(found: str) -> bool:
    """The century is in the month."""
    digits = digits_of(found)
    year, month, day = _pairs(digits)
    century = (1900, 2000, 2100, 2200, 1800)[month // 20]
    fits = weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    return fits and _day(century + year, month % 20, day)


def _se_personnummer(found: str) -> bool:
    """Days of those without one of their own are 60 later."""
    digits = digits_of(found)[-10:]
    _, month, day = _pairs(digits)
    return _somewhen(month, day - 60 if day > 60 else day) and luhn(digits)


def _br_cpf(found: str) -> bool:
    digits = digits_of(found)
    first = weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return len(set(digits)) > 1 and digits[9:] == [first, second]


def _in_aadhaar(found: str) -> bool:
    digits = digits_of(found)
    return len(digits) == 12 and digits[0] > 1 and len(set(digits)) > 1 and verhoeff(digits)


def _ca_sin(found: str) -> bool:
    digits = digits_of(found)
    return len(digits) == 9 and digits[0] not in (0, 8) and luhn(digits)


def _no_fodselsnummer(found: str) -> bool:
    """Days of those without one of their own are 40 later, months of numbers for tests 40 or 80."""
    digits = digits_of(found)
    day, month, _ = _pairs(digits)
    first = weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    second = weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11
    return first == second == 0 and _somewhen(month % 40, day - 40 if day > 40 else day)


def _fi_hetu(found: str) -> bool:
    digits = digits_of(found[:-1])
    day, month, _ = _pairs(digits)
    number = int("".join(map(str, digits[:9])))
    fits = "0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31] == found[-1].upper()
    return fits and _somewhen(month, day)


def _be_national(found: str) -> bool:
    """Of those born since 2000 the rest is taken with a 2 in front."""
    digits = digits_of(found)
    number, key = int("".join(map(str, digits[:9]))), digits[9] * 10 + digits[10]
    return key in (97 - number % 97, 97 - (2_000_000_000 + number) % 97)


def _ch_ahv(found: str) -> bool:
    return weighted(digits_of(found), (1, 3) * 6 + (1,)) % 10 == 0


def _cn_resident(found: str) -> bool:
    digits = digits_of(found[:17])
    year, month, day = int(found[6:10]), int(found[10:12]), int(found[12:14])
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[weighted(digits, weights) % 11] == found[-1].upper() and _day(
        year, month, day
    )


def _kr_rrn(found: str) -> bool:
    digits = digits_of(found)
    _, month, day = _pairs(digits)
    check = (11 - weighted(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return _somewhen(month, day) and check == digits[12]


_Row = tuple[str, str, Callable[[str], bool]]
_ROWS: tuple[_Row, ...] = (
    ("uk_nino", r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:\d{2} ?){3}[A-D]\b", _uk_nino),
    ("uk_nhs", _told("nhs", r"\d{3}[ -]?\d{3}[ -]?\d{4}"), _uk_nhs),
    ("de_tax_id", r"\b[1-9]\d(?: ?\d{3}){3}\b", _de_tax_id),
    ("de_id_card", r"\b[LMNPRTVWXY][CFGHJ-NPRTV-Z0-9]{8}\d\b", _de_id_card),
    (
        "fr_insee",
        r"\b[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}\b",
        _fr_insee,
    ),
    ("es_dni", r"\b(?:\d{8}|[XYZxyz][ -]?\d{7})[ -]?[A-HJ-NP-TV-Za-hj-np-tv-z]\b", _es_dni),
    (
        "it_codice_fiscale",
        r"\b(?i:[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z])\b",
        _it_codice_fiscale,
    ),
    ("nl_bsn", _told("bsn|burgerservice[a-z]*|sofi[a-z]*", r"\d{9}|\d{4}\.\d{2}\.\d{3}"), _nl_bsn),
    ("pl_pesel", r"\b\d{11}\b", _pl_pesel),
    ("se_personnummer", r"\b(?:\d{6}[-+]\d{4}|(?:19|20)\d{6}[-+]?\d{4})\b", _se_personnummer),
    ("se_personnummer", _told("person[a-z-]*n(?:umme)?r", r"\d{10}"), _se_personnummer),
    ("br_cpf", r"\b(?:\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11})\b", _br_cpf),
    (
        "in_aadhaar",
        r"(?:^|[^\w-])(?P<number>[2-9]\d{3}(?:[ -]\d{4}){2}(?:[ -]\d{1,4})?)(?:$|[^\w-])",
        _in_aadhaar,
    ),
    ("in_aadhaar", _told("a+dhaa?r|uidai", r"[2-9]\d{11}"), _in_aadhaar),
    ("ca_sin", r"\b\d{3}(?: \d{3}){2,3}\b|\b\d{3}(?:-\d{3}){2,3}\b", _ca_sin),
    ("ca_sin", _told("sin|canad[a-z]*|social insurance", r"\d{9}"), _ca_sin),
    ("no_fodselsnummer", r"\b\d{6} ?\d{5}\b", _no_fodselsnummer),
    ("fi_hetu", r"\b\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]\b", _fi_hetu),
    ("be_national", r"\b\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}\b", _be_national),
    ("ch_ahv", r"\b756(?:\.\d{4}\.\d{4}\.\d{2}|\d{10})\b", _ch_ahv),
    ("cn_resident", r"\b[1-9]\d{5}(?:19|20)\d{9}[\dXx]\b", _cn_resident),
    ("kr_rrn", r"\b\d{6}-[1-8]\d{6}\b", _kr_rrn),
)
NATIONAL = tuple(Shape(kind, Pattern(regex, _SIGN.stems), proves) for kind, regex, proves in _ROWS)
NATIONAL_SIGN = _SIGN
"""One of it is in every text that holds one of ``NATIONAL``: cheaper to look for."""
