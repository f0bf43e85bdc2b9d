"""``refusal``: the model, or a filter before or behind it, declined to answer."""

from __future__ import annotations

from .check import Check
from .evidence import Content, Evidence
from .finish import REFUSED
from .words import any_of, finder

_CANNOT = "(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|am not able to|'m not able to|am not permitted to|'m not permitted to|am not allowed to|'m not allowed to|must decline to|have to decline to|refuse to|won't be able to|will not be able to)"  # noqa: E501 - one phrase
_HELP = "(?:help|assist|comply|fulfill|fulfil|complete (?:that|this|your)|do (?:that|this|so)|support (?:that|this)|engage (?:in|with)|participate|discuss (?:that|this)|provide (?:that|this|you with|any|instructions|information|guidance|assistance|advice|content|details|help|medical|legal|financial|a|the)|share (?:that|this|any|instructions|information|details|my|personal)|give (?:that|you|instructions|advice|out|medical|legal|financial)|create (?:that|this|content|any|malicious|a)|generate (?:that|this|content|any|a|explicit|harmful)|write (?:that|this|content|any|a|malicious|explicit)|produce (?:that|this|content|any)|answer (?:that|this)|offer (?:that|advice|instructions|medical|legal)|continue (?:with|this)|go along|fake|pretend|impersonate|encourage|promote|facilitate|respond to (?:that|this))"  # noqa: E501
_PHRASES = (
    f"(?:i|we) ?{_CANNOT}(?: to)?(?: \\w+)? {_HELP}",
    "(?:i'm|i am|we're|we are)(?: \\w+)? sorry,? (?:but )?(?:i|we|that|this|as an)",
    "(?:my )?apologies,? but i",
    "i apologi[sz]e,? but",
    "i(?:'m| am) (?:afraid|sorry) (?:that )?i (?:can't|cannot|can not|won't|am unable)",
    "i (?:must|have to|need to|am going to have to) (?:respectfully |politely )?decline",
    "i(?:'d| would) (?:prefer|rather) not (?:to )?(?:answer|discuss|help|provide|engage|share)",
    "(?:i'm|i am) not comfortable (?:with|helping|providing|writing|discussing|assisting|creating)",
    "as an? (?:ai|artificial intelligence|language model)[^.]{0,60}(?:can't|cannot|unable|not able|not allowed)",  # noqa: E501
    "(?:violates?|against|goes against|contrary to) (?:my|our|the|openai's) (?:\\w+ )?(?:guidelines|policy|policies|programming|principles|content policy)",  # noqa: E501
    "(?:request|topic|content) (?:is|falls) outside (?:of )?what i(?:'m| am)",
    "i(?:'m| am) (?:programmed|designed|built) (?:not )?to (?:not |avoid |decline|refuse|be safe)",
    "that(?:'s| is) (?:not )?something i (?:can't|cannot|won't|can|am able to) (?:help|assist|do)",
    "this (?:content|response|request|prompt) (?:was|has been) (?:blocked|filtered|flagged)",
    "unable to (?:help|assist|comply|fulfill|process) (?:with )?(?:that|this|your)",
    # a few other languages
    "lo siento,? (?:pero )?no puedo",
    "no puedo (?:ayudar|ayudarte|ayudarle|asistir|proporcionar|cumplir)",
    "je suis désolée?,? (?:mais )?je ne peux pas",
    "je ne peux pas (?:vous aider|t'aider|répondre à cette|fournir)",
    "es tut mir leid,? (?:aber )?(?:ich kann|dabei kann ich|das kann ich)",
    "(?:ich kann|kann ich)(?: \\w+){0,4} nicht (?:helfen|behilflich|weiterhelfen|beantworten)",
    "(?:sinto muito|desculpe|lamento),? (?:mas )?(?:eu )?não posso",
    "mi dispiace,? (?:ma )?non posso",
    "(?:抱歉|对不起)(?:\uff0c|,)?(?:我)?(?:无法|不能)",
    "申し訳(?:ありません|ございません)",
)
_FIND = finder(_PHRASES)
_OPENING = 400
"""Characters from the start in which a refusal stands: models decline first and explain then."""
_KIND = finder(
    (
        "sorry,? (?:but )?(?:i|we) (?:misunderstood|missed|made|forgot|meant)",
        "sorry,? (?:that|this)(?: \\w+)? (?:happened|took|was late|is frustrating|you)",
        "apologi[sz]e,? but (?:here|i have (?:now )?(?:fixed|corrected))",
    )
)


def refused(_: Evidence, output: Content) -> bool:
    """Return whether an answer has a refusal part, or declines in its opening."""
    return any(
        message.refused or declines(message.text)
        for message in output.messages
        if not message.tool_calls
    )


def declines(text: str) -> bool:
    """Return whether ``text`` opens with words that decline."""
    opening = text.lstrip()[:_OPENING]
    return _FIND.search(_KIND.sub("", opening)) is not None


REFUSAL = Check(
    name="refusal",
    about="The model or a filter declined to answer.",
    finish_reasons=REFUSED,
    patterns=(any_of(_PHRASES), r'"refusal"', "refusal\x12"),
    stems=(
        b"can't",
        b"cannot",
        b"can not",
        "can\u2019t".encode(),
        b"can\\u2019t",
        b"won't",
        b"will not",
        "won\u2019t".encode(),
        b"won\\u2019t",
        b"unable",
        b"not able",
        b"sorry",
        b"apolog",
        b"decline",
        b"refus",
        b"not comfortable",
        b"rather not",
        b"prefer not",
        b"language model",
        b"guideline",
        b"polic",
        b"principles",
        b"programm",
        b"designed",
        b"built",
        b"outside",
        b"not permitted",
        b"not allowed",
        b"something i",
        b"blocked",
        b"filtered",
        b"flagged",
        b"no puedo",
        b"je ne peux",
        b"tut mir leid",
        b" nicht ",
        "não posso".encode(),
        b"n\\u00e3o posso",
        b"non posso",
        "抱歉".encode(),
        b"\\u62b1",
        "对不起".encode(),
        b"\\u5bf9",
        "申し訳".encode(),
        b"\\u7533",
    ),
    judge=refused,
)
