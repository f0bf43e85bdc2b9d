"""``refusal``: the model, or a filter before or behind it, declined to answer."""

from __future__ import annotations

from .check import Check
from .declining import DECLINING
from .evidence import Content, Evidence
from .finish import REFUSED
from .voice import all_words, own_words
from .words import Pattern, finder, lowered, sentences, signs

_OPENING = 400
"""Characters from the start in which a refusal stands: models decline first and explain then."""
_READ = 1200
"""Characters that are read to find an opening in the model's own words."""
_DECLINES = sentences(DECLINING)
_KIND = finder(
    (
        "sorry,? (?:but )?(?:i|we) (?:misunderstood|misread|missed|made|forgot|meant)",
        "sorry,? (?:that|this)(?: \\w+)? (?:happened|took|was late|is frustrating|you)",
        "apologi[sz]e,? but (?:here|i have (?:now )?(?:fixed|corrected))",
        "i (?:can't|cannot|couldn't) (?:help but|describe how|tell you how (?:much|happy|glad))",
    )
)


def refused(_: Evidence, output: Content) -> bool:
    """Return whether an answer has a refusal part, or declines in its opening."""
    return any(message.refused or declines(message.text) for message in output.messages)


def declines(text: str) -> bool:
    """Return whether ``text`` opens with words that decline and are the model's own."""
    text = text[:_READ].strip()
    if not _DECLINES(lowered(all_words(text))):
        return False
    said = own_words(text).strip()[:_OPENING]
    return _DECLINES(lowered(_KIND.sub("", said)))


REFUSAL = Check(
    name="refusal",
    family="voice",
    about="The model or a filter declined to answer.",
    finish_reasons=REFUSED,
    patterns=(
        *signs(DECLINING),
        Pattern(r'"refusal"', (b'"refusal"',)),
        Pattern("refusal\x12", (b"refusal\x12",)),
    ),
    judge=refused,
)
