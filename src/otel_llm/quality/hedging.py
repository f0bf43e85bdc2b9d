"""``hedging``: words by which a model says that it does not really know."""

from __future__ import annotations

import re

from .check import Check
from .evidence import Content, Evidence
from .words import finder, patterns

_PLAIN = {
    "as of my (?:last|latest|most recent|knowledge|training|current)(?: \\w+)? (?:update|cutoff|cut-off|data|training|knowledge)": "as of my",  # noqa: E501
    "(?:my|the) (?:knowledge|training)(?: data)?(?:,? which)? (?:cutoff|cut-off|only goes|ends|was last)": "knowledge|training|cutoff",  # noqa: E501
    "up to my (?:last|knowledge|training)": "up to my",
    "i (?:don't|do not) have (?:access to )?(?:any )?(?:real-?time|up-to-date|current|live|the latest)": "not have|t have",  # noqa: E501
    "i (?:don't|do not) have (?:any )?(?:specific|reliable|verified|detailed|enough|sufficient) (?:information|data|details|knowledge)": "not have|t have",  # noqa: E501
    "i(?:'m| am) not (?:entirely |completely |totally |fully |100% |quite |absolutely |very )?(?:sure|certain|confident|familiar with)": "sure|certain|confident|familiar",  # noqa: E501
    "i ?(?:can't|cannot|can not|am unable to|'m unable to) (?:verify|confirm|guarantee|be certain|be sure|independently)": "verify|confirm|guarantee|certain|be sure|independently",  # noqa: E501
    "i (?:may|might|could) (?:well )?be (?:wrong|mistaken|misremembering|confusing|inaccurate|outdated)": "wrong|mistaken|misremembering|confusing|inaccurate|outdated",  # noqa: E501
    "(?:this|that|my answer|it|these|the (?:numbers?|details?|dates?|figures?)) (?:may|might|could) (?:not )?be (?:entirely |completely |fully )?(?:accurate|inaccurate|outdated|out of date|incorrect|wrong|up to date|up-to-date)": "accurate|outdated|out of date|incorrect|wrong|up to date|up-to-date",  # noqa: E501
    "(?:may|might|could) (?:be|contain) (?:outdated|out of date|inaccurate|inaccuracies)": "outdated|out of date|inaccura",  # noqa: E501
    "(?:these|those|the|my|some) (?:\\w+ )?(?:figures?|numbers?|details?|dates?|facts?) (?:may|might|could) (?:not )?be": "figure|number|detail|date|fact",  # noqa: E501
    "i (?:don't|do not) know (?:for )?(?:certain|sure|exactly|who|what|when|where|why|whether|which|the answer)": "t know",  # noqa: E501
    "(?:hard|difficult|impossible) for me to (?:say|tell|know|judge)": "for me to",
    "i (?:can't|cannot|couldn't|could not) (?:find|see) (?:any|anything|this|that|it) ": "t find|t see",  # noqa: E501
    "i (?:can't|cannot|couldn't|could not) (?:tell|say) (?:whether|if|for|which|with)": "t tell|t say",  # noqa: E501
    # a few other languages
    "ich bin (?:mir )?(?:da )?nicht (?:ganz |völlig |hundertprozentig )?sicher": "sicher",
    "(?:das |es )?weiß ich (?:leider )?nicht": "wei",
    "ich weiß (?:das |es )?(?:leider )?nicht": "wei",
    "je ne suis pas (?:tout à fait |entièrement )?(?:sûre?|certaine?)": "je ne suis pas",
    "soweit ich weiß": "soweit",
    "meines wissens": "meines",
    "wenn ich mich nicht irre": "nicht irre",
    "je ne sais pas": "je ne sais",
    "si je ne me trompe": "me trompe",
    "autant que je sache": "que je sache",
    "que yo sepa": "yo sepa",
    "si no me equivoco": "me equivoco",
    "no estoy (?:del todo |completamente )?segur[oa]": "no estoy",
    "no sé (?:la|si|qu|cu|d|c|exact)": "no s",
    "(?:わかりません|分かりません|定かではありません|確信が(?:ありません|持てません))": "ません",
    "recommend (?:confirming|checking|verifying)": "recommend",
    "i have no (?:way of (?:knowing|verifying)|reliable|information|record|knowledge)": "i have no",
    "if i (?:recall|remember) (?:correctly|right|rightly)": "if i re",
    "(?:don't|do not) quote me": "quote me",
    "i(?:'m| am) (?:just )?(?:guessing|speculating)": "guessing|speculating",
    "i (?:would|'d) (?:have to )?guess": "guess",
    "my best guess": "my best guess",
    "i have no idea": "i have no",
    "i (?:don't|do not) have (?:any |a )?(?:records?|memory|knowledge|recollection)": "not have|t have",  # noqa: E501
    "with a (?:grain|pinch) of salt": "of salt",
    "(?:please|you should|i(?:'d| would) (?:recommend|suggest|advise)) (?:to )?(?:verify|verifying|double-check|double-checking|double check|fact-check|confirm this)": "verify|check|confirm this",  # noqa: E501
    "i (?:may|might) have (?:made (?:that|this|it) up|hallucinated|invented)": "made|hallucinated|invented",  # noqa: E501
    "to the best of my (?:knowledge|recollection)": "best of my",
    "i(?:'m| am) unaware of": "unaware of",
    "i(?:'m| am) not aware of any": "aware of any",
}
_SOFT = {
    "i (?:think|believe|guess|suppose|assume|suspect)": "i think|i believe|i guess|i suppose|i assume|i suspect",  # noqa: E501
    "(?:perhaps|possibly|presumably|probably|reportedly|allegedly|supposedly)": "perhaps|ably|ibly|reportedly|allegedly|supposedly",  # noqa: E501
    "(?:it|this|that) (?:seems|appears|is possible|might be|may be|could be)": "seems|appears|is possible|might be|may be|could be",  # noqa: E501
}
_FIND_PLAIN, _FIND_SOFT = finder(_PLAIN), finder(f"\\b{phrase}\\b" for phrase in _SOFT)
_WORDS_PER_SOFT = 50
"""A long answer may think aloud once in a while: soft hedges count where they are dense."""


_QUOTED = re.compile(
    '"[^"\n]{0,300}"|\u201c[^\u201d\n]{0,300}\u201d|\u201e[^\u201c\n]{0,300}\u201c'
)


def hedges(text: str, soft_enough: int = 2) -> bool:
    """Return whether ``text`` holds a plain hedge, or many soft ones for its length. What others
    are quoted with does not count."""
    text = _QUOTED.sub(" ", text)
    if _FIND_PLAIN.search(text):
        return True
    soft = sum(1 for _ in _FIND_SOFT.finditer(text))
    return soft >= soft_enough and soft * _WORDS_PER_SOFT >= len(text.split())


def _hedged(seen: Evidence, output: Content) -> bool:
    return hedges(output.opening, seen.thresholds.hedges)


HEDGING = Check(
    name="hedging",
    about="The answer says that it may be wrong, outdated or guessed (a hallucination marker).",
    patterns=patterns(_PLAIN | _SOFT),
    judge=_hedged,
)
