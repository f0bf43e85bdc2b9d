"""Check digits: what tells a number that somebody has from a number that somebody wrote.

Every function takes the digits as a list and says whether the last one (or two) fits the rest.
"""

from __future__ import annotations

from collections.abc import Sequence


def digits_of(text: str) -> list[int]:
    """Return the digits in ``text``, whatever is between them."""
    return [int(char) for char in text if "0" <= char <= "9"]


def weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    """Return the sum of the products; what has no partner is left out."""
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(digits: Sequence[int]) -> bool:
    """ISO/IEC 7812: cards, Canada, Sweden."""
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iso7064_mod11_10(digits: Sequence[int]) -> bool:
    """ISO/IEC 7064 MOD 11,10: the German tax number."""
    product = 10
    for digit in digits[:-1]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == digits[-1]


_ROUND = range(5)
_TURNED = [[(a + b) % 5 + side for side in (0, 5) for b in _ROUND] for a in _ROUND]
_FLIPPED = [[(a - b) % 5 + side for side in (5, 0) for b in _ROUND] for a in _ROUND]
_AFTER = _TURNED + _FLIPPED
"""What one symmetry of the pentagon after another is; the turns are 0 to 4, the flips 5 to 9."""
_PLACE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def verhoeff(digits: Sequence[int]) -> bool:
    """Verhoeff's scheme over the symmetries of the pentagon: Aadhaar."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        for _ in range(place % 8):
            digit = _PLACE[digit]
        check = _AFTER[check][digit]
    return check == 0
