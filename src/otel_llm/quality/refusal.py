"""``refusal``: the model, or a filter before or behind it, declined to answer."""

from __future__ import annotations

from .check import Check
from .evidence import Content, Evidence
from .finish import REFUSED
from .words import Pattern, finder, patterns

_CANNOT = "(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|am not able to|'m not able to|am not permitted to|'m not permitted to|am not allowed to|'m not allowed to|must decline to|have to decline to|refuse to|won't be able to|will not be able to|'m not going to|am not going to)"  # noqa: E501 - one phrase
_HELP = "(?:help|assist|comply|fulfill|fulfil|complete (?:that|this|your)|do (?:that|this|so)|support (?:that|this)|engage (?:in|with)|participate|discuss|track|provide (?:that|this|you with|any|instructions|information|guidance|assistance|advice|content|details|help|medical|legal|financial|a|the)|share (?:that|this|any|the|instructions|information|details|my|personal)|give (?:that|you|instructions|advice|out|medical|legal|financial)|create (?:that|this|content|any|malicious|a)|generate (?:that|this|content|any|a|explicit|harmful|sexual|hateful)|write (?:that|this|content|any|a|your|malicious|explicit|hate|hateful)|walk you|produce (?:that|this|content|any)|answer (?:that|this|any|questions)|offer (?:that|advice|instructions|medical|legal)|continue (?:with|this)|go along|fake|pretend|impersonate|encourage|promote|facilitate|reveal|respond to (?:that|this))"  # noqa: E501
_PHRASES = {
    f"(?:i|we) ?{_CANNOT}(?: to)?(?: \\w+)? {_HELP}": "can't|can\u2019t|cannot|can not|won't|won\u2019t|will not|unable|not able|not permitted|not allowed|not going|decline|refuse",  # noqa: E501
    "(?:i'm|i am|we're|we are)(?: \\w+)? sorry,? (?:but )?(?:i|we|that|this|as an)": "sorry",
    "(?:my )?apologies,? but i": "apologies",
    "i apologi[sz]e,? but": "apologi",
    "i(?:'m| am) (?:afraid|sorry) (?:that )?i (?:can't|cannot|can not|won't|am unable)": "afraid|sorry",  # noqa: E501
    "i (?:must|have to|need to|am going to have to) (?:respectfully |politely )?decline": "decline",
    "i(?:'d| would) (?:prefer|rather) not (?:to )?(?:answer|discuss|help|provide|engage|share|continue|write|create)": "prefer not|rather not",  # noqa: E501
    "(?:i'm|i am) not comfortable (?:with|helping|providing|writing|discussing|assisting|creating)": "not comfortable",  # noqa: E501
    "as an? (?:ai|artificial intelligence|language model)[^.]{0,60}(?:can't|cannot|unable|not able|not allowed)": "as an ai|as a language model|intelligence",  # noqa: E501
    "(?:violates?|against|goes against|contrary to) (?:my|our|the|openai's) (?:\\w+ )?(?:guidelines|policy|policies|programming|principles|content policy)": "guidelines|policy|policies|programming|principles",  # noqa: E501
    "(?:request|topic|content|that)(?: is|'s| falls) outside (?:of )?(?:what|the scope of what) i(?:'m| am| can)": "outside",  # noqa: E501
    "i(?:'m| am) (?:programmed|designed|built) (?:not )?to (?:not |avoid |decline|refuse|be safe)": "programmed|designed|built",  # noqa: E501
    "(?:that|this)(?:'s| is) (?:not )?something i (?:can't|cannot|won't|can|am able to) (?:help|assist|do)": "something i",  # noqa: E501
    "(?:is not|isn't) something (?:that )?i(?:'m| am)? (?:can|able to|willing to|comfortable|allowed to)": "something",  # noqa: E501
    "(?:inappropriate|irresponsible|unethical|wrong|not appropriate) for me to": "for me to",
    "i (?:don't|do not) (?:help|assist) (?:with|anyone)": "help|assist",
    "not an?(?: \\w+){1,3} (?:that )?(?:i'm|i am) (?:allowed|able|permitted) to": "allowed|able|permitted",  # noqa: E501
    "i (?:must|will|have to) (?:respectfully |politely )?refuse": "refuse",
    "(?:i'm|i am) going to (?:have to )?(?:decline|refuse|pass on)": "going to",
    "my (?:guidelines|policies|policy|rules|instructions) (?:don't|do not|doesn't|does not|prohibit|prevent|forbid)": "guidelines|polic|rules|instructions",  # noqa: E501
    "(?:can't|cannot|won't) in good conscience": "good conscience",
    "(?:content|response|request|prompt) (?:was|has been) (?:blocked|filtered|flagged)": "blocked|filtered|flagged",  # noqa: E501
    "unable to (?:help|assist|comply|fulfill|process) (?:with )?(?:that|this|your)": "unable",
    "(?:i|we) (?:won't|will not|refuse to) (?:write|explain|describe|make|show|tell|teach|walk)": "won't|won\u2019t|will not|refuse to",  # noqa: E501
    "(?:i|we) (?:don't|do not) feel comfortable": "feel comfortable",
    "(?:nope|no|sorry),? (?:i )?(?:can't|cannot|won't) (?:help|assist|do)": "can't|can\u2019t|cannot|won't|won\u2019t",  # noqa: E501
    "have to pass on this": "pass on this",
    # a few other languages
    "lo siento,? (?:pero )?no puedo": "no puedo",
    "no puedo (?:ayudar|ayudarte|ayudarle|asistir|proporcionar|cumplir)": "no puedo",
    "je suis désolée?,? (?:mais )?je ne peux pas": "je ne peux",
    "je ne peux pas (?:vous aider|t'aider|répondre à cette|fournir)": "je ne peux",
    "es tut mir leid,? (?:aber )?(?:ich kann|dabei kann ich|das kann ich)": "tut mir leid",
    "(?:ich kann|kann ich)(?: \\w+){0,6} nicht (?:helfen|behilflich|weiterhelfen|beantworten|bearbeiten|erfüllen|nachkommen)": " nicht ",  # noqa: E501
    "(?:ich (?:kann|darf)|(?:kann|darf) ich)(?: \\S+){0,3} kein(?:e|en)?(?: \\S+){1,6} (?:geben|machen|nennen|schreiben|erstellen|liefern)": "kein",  # noqa: E501
    "(?:das|dies) (?:darf|kann|möchte) ich(?: \\S+){0,3} nicht (?:beantworten|tun|machen|schreiben|unterstützen)": "nicht",  # noqa: E501
    "ich möchte(?: \\S+){1,4} nicht (?:beantworten|tun|machen|schreiben|unterstützen)": "chte",
    "gegen meine (?:\\w+ )?(?:richtlinien|regeln|grundsätze)": "gegen meine",
    "lamento(?:,? pero)? no pod(?:er|emos)": "lamento",
    "je ne suis pas en mesure d(?:e |')": "en mesure d",
    "je refuse d(?:e |')": "je refuse d",
    "(?:sinto muito|desculpe|lamento),? (?:mas )?(?:eu )?não posso": "não posso",
    "mi dispiace,? (?:ma )?non posso": "non posso",
    "(?:抱歉|对不起)(?:\uff0c|,)?(?:我)?(?:无法|不能)": "抱歉|对不起",
    "(?:お手伝い|お応え|お答え|対応|提供|協力|支援|回答)(?:することは|は)?(?:でき|出来|いたし|致し)(?:ません|かね)": "ません|かね",  # noqa: E501
}
_FIND = finder(_PHRASES)
_OPENING = 400
"""Characters from the start in which a refusal stands: models decline first and explain then."""
_QUOTES = frozenset('"\u201c\u201e\u00ab')
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
    """Return whether ``text`` opens with words that decline and are not quoted."""
    opening = _KIND.sub("", text.lstrip()[:_OPENING])
    return any(opening[m.start() - 1 : m.start()] not in _QUOTES for m in _FIND.finditer(opening))


REFUSAL = Check(
    name="refusal",
    about="The model or a filter declined to answer.",
    finish_reasons=REFUSED,
    patterns=(
        *patterns(_PHRASES),
        Pattern(r'"refusal"', (b'"refusal"',)),
        Pattern("refusal\x12", (b"refusal\x12",)),
    ),
    judge=refused,
)
