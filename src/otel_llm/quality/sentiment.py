"""The tone of a text, from -1 (negative) to 1, by a short list of English words.

Good for a trend over many texts of users; no judge of a single one, and blind to irony.
"""

from __future__ import annotations

import re

from .words import listed

_GOOD = listed("""
    amazing appreciate awesome best better brilliant clear correct delight delighted easy
    effective enjoy excellent fantastic fast favorite fine friendly glad good grateful great
    happy helpful impressive improved love loved lovely nice outstanding perfect perfectly
    pleasant pleased recommend reliable satisfied smooth solved success super superb terrific
    thank thanks useful welcome well wonderful works worked yes
""")
_BAD = listed("""
    angry annoyed annoying awful bad broken bug bugs complain complaint confused confusing crash
    crashed damn delay delayed difficult disappointed disappointing error errors fail failed
    fails frustrated frustrating garbage hate horrible incorrect insult issue issues late lie
    lost mess mistake nasty nonsense pathetic poor problem problems refund ridiculous rude sad
    scam slow sorry stupid terrible trash ugly unable unacceptable unclear unhappy upset useless
    waste wasted worse worst wrong
""")
_TURNS = listed(
    "not no never none without hardly barely cannot can't don't doesn't didn't isn't wasn't won't "
    "aren't weren't couldn't wouldn't shouldn't"
)
_STRONG = listed("very really extremely so absolutely totally incredibly utterly")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_REACH = 3
"""Words before a judging one that can turn it round."""
_HALF = 1.0
"""The sum of votes that scores half of the bound."""


def sentiment(text: str) -> float | None:
    """Return the tone of ``text``; ``None`` when no word of it has one.

    Each good word counts 1, each bad one -1, half as much again after a strong word, and the other
    way round within three words after a negation. The sum is squeezed into -1 to 1.
    """
    words = _WORD.findall(text.lower().replace("\u2019", "'"))
    votes = [vote for at in range(len(words)) if (vote := _vote(words, at))]
    total = sum(votes)
    return total / (abs(total) + _HALF) if votes else None


def _vote(words: list[str], at: int) -> float:
    word = words[at]
    vote = 1.0 if word in _GOOD else -1.0 if word in _BAD else 0.0
    if not vote:
        return 0.0
    before = words[max(0, at - _REACH) : at]
    if before and before[-1] in _STRONG:
        vote *= 1.5
    return -vote if _TURNS.intersection(before) else vote
