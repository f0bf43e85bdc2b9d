"""``prompt_injection``: input that tries to take the model over."""

from __future__ import annotations

from .check import Check
from .disguise import SIGNS, hidden, undisguised
from .evidence import MAX_CHARS, Content, Evidence
from .messages import whole
from .words import compiled, finder, patterns

_BEFORE = "(?:previous|prior|above|preceding|earlier|former|foregoing|existing|original|initial)"
_RULES = "(?:instructions?|prompts?|directions?|directives?|rules?|guidelines?|commands?|context|messages?|constraints?)"  # noqa: E501
_PHRASES = {
    f"(?:ignore|disregard|forget|override|bypass|discard|skip|drop)(?: (?:all|any|every|everything|of|the|your|these|those|about)){{0,4}} (?:above|(?:{_BEFORE})(?: (?:system|and|or|developer|safety)){{0,2}} {_RULES})": "ignore|disregard|forget|override|bypass|discard|skip|drop",  # noqa: E501
    f"(?:(?:ignore|disregard|forget)(?: (?:all|any|of|the|your))+|(?:override|bypass)(?: (?:all|any|of|the))* (?:all|any|your)) (?:system |safety |content |developer |ethical )?(?:{_RULES}|training|programming|restrictions|filters?|safeguards)": "ignore|disregard|forget|override|bypass",  # noqa: E501
    "(?:forget|ignore|disregard) everything (?:you|i|we|that|above|before|from)": "everything",
    "(?:(?:do|must|should) not|don't|never|stop|no longer) (?:follow|obey|listen to|heed)(?:ing)? (?:the|your|any) (?:previous|above|original|system|developer|user's)": "follow|obey|listen|heed",  # noqa: E501
    "(?:ignore|disregard) (?:what )?the user(?:'s)?\\b": "the user",
    "(?:(?:do not|don't|never|without) (?:tell(?:ing)?|inform(?:ing)?|alert(?:ing)?|notify(?:ing)?|warn(?:ing)?)|(?:hide|conceal|keep) (?:this|it|that) from) the user": "the user",  # noqa: E501
    "(?:note|notice|instructions?|message|attention|reminder|task) (?:to|for) (?:the |all |any |every |an? )?(?:ais?|llms?|(?:ai |large )?language models?|(?:ai )?(?:assistants?|agents?|chatbots?|models?)|ai \\w+) ?[:\\]]": "ai|llm|model|assistant|agent|bot",  # noqa: E501
    "\\b(?:ais?|llms?|language models?|ai (?:assistants?|agents?|models?)|chatbots?|assistants?)(?: (?:reviewers?|readers?|graders?|judges?|evaluators?|screeners?))? ?[:,] (?:please )?(?:disregard|ignore|do not (?:follow|obey|mention)|obey|instead of|you must|append|forget)": "ai|llm|model|assistant|bot",  # noqa: E501
    "(?:ais?|llms?|language models?|assistants?|agents?|chatbots?|models?) (?:reading|processing|summari[sz]ing|parsing|handling|reviewing|that reads?|who reads?) (?:this|it|these)(?: \\w+){0,3},? (?:must|should|shall|has to|have to|needs? to|(?:is|are) to)\\b": "reading|processing|summari|parsing|handling|reviewing|reads",  # noqa: E501
    "(?:begin|start)(?: of)?(?: the)? (?:hidden|secret|invisible) (?:prompt|instructions?|message)": "hidden|secret|invisible",  # noqa: E501
    "(?:do not|don't|never|without) mention(?:ing)? (?:this|it|that|these|any of (?:this|it))(?: \\w+){0,3} to the user": "the user",  # noqa: E501
    "pretend(?: that)?(?: the| all| your)? (?:system|developer|previous|earlier|prior|original) (?:messages?|prompts?|instructions?|rules) (?:never|do not|don't|did not|didn't|were not|weren't)\\b": "pretend",  # noqa: E501
    "if you(?:'re| are) an? (?:large )?(?:ai|llm|language model|ai (?:assistant|model|agent|system)|chatbot|ai language model)(?: (?:reading|processing|summari[sz]ing|analy[sz]ing|evaluating|screening)\\b|,)": "you are a|you're a|you’re a",  # noqa: E501, RUF001
    "(?:display: ?none|visibility: ?hidden|font-size: ?0|opacity: ?0)[^<>]*>[^<]*\\b(?:language model|llms?|ai|assistant|system prompt|instructions)\\b": "display:|visibility:|font-size:|opacity:",  # noqa: E501
    "!\\[[^\\]]*\\]\\(https?://[^)]*=[\\[{<][^)]*(?:history|chat|conversation|secret|password|prompt|message)": "](http",  # noqa: E501
    "(?:policy|policies|guidelines|restrictions|safety rules|filters) (?:no longer (?:appl(?:y|ies)|exists?|matters?)|(?:are|is|have been|has been) (?:now )?(?:disabled|lifted|suspended|removed|switched off))": "no longer|disabled|lifted|suspended|removed|switched off",  # noqa: E501
    "(?:new|updated|revised) instructions? (?:from|by) (?:your|the) (?:developers?|admin\\w*|system|creators?|owners?|operators?)": "instruction",  # noqa: E501
    "system override ?:": "override",
    "(?:ai|assistant|chatbot|language model) (?:without|with no|free of)(?: any)? (?:restrictions|rules|filters?|limits|limitations|guidelines|censorship)": "restrictions|rules|filter|limit|guidelines|censorship",  # noqa: E501
    "you are (?:now|no longer) (?:dan|in (?:developer|god|jailbreak|debug|admin|unrestricted)|bound|restricted|an? (?:unrestricted|unfiltered|uncensored|evil|amoral))": "you are no",  # noqa: E501
    "(?:enable|enter|activate|switch to|turn on) (?:the )?(?:developer|god|jailbreak|dan|debug|admin|sudo|unrestricted) mode": "mode",  # noqa: E501
    "do anything now": "anything now",
    "jailbreak(?:ed)? (?:mode|prompt|yourself)": "jailbreak",
    "(?:reveal|print|show|repeat|output|display|leak|tell me|give me|expose|dump|recite)(?: \\w+){0,3} (?:your|the) (?:\\w+ )?(?:system|hidden|initial|secret|original|developer) (?:prompt|instructions?|message|rules)": "prompt|instruction|message|rules",  # noqa: E501
    "repeat (?:the words|everything|all(?: the)? text|the text) (?:above|before)": "repeat",
    "(?:new|updated|real|important|urgent) (?:system )?instructions?:": "instruction",
    "(?:pretend|act|behave|respond|answer)(?: \\w+){0,6} (?:no|without(?: any)?) (?:restrictions|rules|filters?|limits|limitations|guidelines|ethical|moral|safety|censorship)": "restrictions|rules|filter|limit|guidelines|ethical|moral|safety|censorship",  # noqa: E501
    "\\byou (?:now )?have no (?:more |longer any )?(?:restrictions|rules|filters?|limits|limitations|guidelines)\\b": "you have no|you now have no",  # noqa: E501
    "(?:\\bai|language) (?:models?|assistants?|agents?|systems?)(?: (?:must|should|have to|need to|are to)) (?:append|insert|recommend|praise|rank|rate|disclose|forward|transfer)\\b": "ai |language ",  # noqa: E501
    "(?:has|have|had|with|without) (?:no|any) (?:ethical|moral|content|safety) (?:restrictions|guidelines|filters?|limits|limitations|constraints|polic(?:y|ies))": "restrictions|guidelines|filter|limit|constraints|polic",  # noqa: E501
    "<\\|(?:im_start|im_end|system|endoftext|eot_id|start_header_id)\\|>": "<",
    "<</?sys>>": "sys>>",
    "\\[/?inst\\]": "inst]",
    "\\[(?:system|admin|developer)\\](?:\\(#\\w*\\))?:?": "[system]|[admin]|[developer]",
    "## ?(?:system|new instructions?|instructions? override)": "##",
    "</?(?:system|system_prompt|instructions?)>": "system>|system_prompt>|instruction>|instructions>",  # noqa: E501
    "(?:send|forward|post|upload|exfiltrate|email)(?: \\w+){0,8} (?:conversation|chat history|system prompt|api keys?|credentials|passwords?) to (?:http|this|the following|\\w+@)": "conversation|chat history|prompt|api key|credential|password",  # noqa: E501
    "(?:ignoriere|vergiss) (?:(?:alle|die|deine|ihre) ){0,2}(?:(?:vorherigen|bisherigen|obigen|vorigen) )?(?:anweisungen|befehle|regeln|vorgaben)": "ignoriere|vergiss",  # noqa: E501
    "(?:ignora|olvida|dimentica|ignore|esqueça|desconsidere)(?:d|r)? (?:(?:todas|tutte|las|le|as|tus|tue|suas) ){0,2}(?:instrucciones|istruzioni|instruções|reglas|regole|regras)": "ignora|olvida|dimentica|ignore|esque|desconsidere",  # noqa: E501
    "(?:ignore|oublie)[zr]? (?:(?:toutes|les|tes|vos|ces) ){0,2}(?:instructions|consignes|règles)": "ignore|oublie",  # noqa: E501
    "ne (?:tiens|tenez) (?:aucun |pas )?compte (?:de |des |du ){1,2}(?:toutes |tes |vos |ces |les )*(?:instructions|consignes|règles)": "compte",  # noqa: E501
    "(?:haz|haga|hacer) caso omiso (?:de|a) (?:todas )?(?:las|tus|sus|estas) (?:instrucciones|reglas|órdenes|indicaciones)": "caso omiso",  # noqa: E501
    "(?:negeer|vergeet) (?:(?:alle|de|je|uw) ){0,2}(?:(?:eerdere|vorige|voorgaande|bovenstaande) )?(?:instructies|opdrachten|regels|aanwijzingen)": "negeer|vergeet",  # noqa: E501
    "(?:忽略|无视|無視|忘记|忘掉)(?:你)?(?:所有|全部)?(?:之前|以前|以上|上面|前面|先前|上述)的?(?:所有|全部|一切)?的?(?:系统)?(?:指令|指示|提示|规则|说明|命令)": "忽略|无视|無視|忘记|忘掉",  # noqa: E501
    "(?:(?:и|И|прои)гнорируй|(?:з|З)абудь)(?:те)? (?:(?:все|всё|свои|твои|эти) ){0,2}(?:(?:предыдущие|прежние|прошлые) )?(?:инструкции|указания|правила|команды)": "гнорируй|абудь",  # noqa: E501, RUF001
    "(?:이전|위의|지금까지의|앞의)(?: 모든)? (?:지시|명령|프롬프트|지침)(?: ?사항)?(?:을|를|은|는)?(?: 모두| 전부)? (?:무시|잊)": "무시|잊",  # noqa: E501
    "(?:print|repeat|show|output|reveal) everything above": "everything",
    "(?:これまで|今まで|以前|上記|前)の(?:すべての|全ての)?(?:指示|命令|ルール|プロンプト)(?:を|は)(?:すべて|全て)?(?:無視|忘れ)": "無視|忘れ",  # noqa: E501
}
_FIND = finder(_PHRASES)
_OTHERS = finder(
    (
        "developer mode (?:on|in|for|of) (?:my|the|your|an?|android|chrome|windows)",
        "</?(?:system|instructions?)> (?:tags?|elements?|nodes?)\\b",
        "what (?:does|do|is|are)(?: the)? <\\|\\w+\\|>",
    )
)
"""What sounds like it and is of a phone, of XML, or asked about."""
_NAMED = compiled(
    r"\b(?:phrases?|strings?|words?|patterns?|keywords?|sentences?|is_\w+|has_\w+|assert\w*)"
    "[ (:=]{1,3}(?:'[^'\n]*'|\"[^\"\n]*\")"
)
"""What somebody names, or tests for."""
_SPOKEN_OF = finder(
    (
        "(?:prompt.injection|jailbreak)",
        "(?:protect|defend|guard|harden|secure)\\w*(?: [\\w'-]+){0,6} (?:against|from)",
    )
)
_QUOTED = compiled('"[^"\n]*"|\u201c[^\u201d\n]*\u201d|`[^`\n]*`')


def injects(text: str) -> bool:
    """Return whether ``text`` holds words or marks that prompt injections are made of, in plain
    letters or in disguise. Where injections are what it is about, what it quotes is none."""
    shown = _NAMED.sub(" ", _OTHERS.sub(" ", text[:MAX_CHARS]))
    if _SPOKEN_OF.search(shown):
        shown = _QUOTED.sub(" ", shown)
    if hidden(shown) or _FIND.search(shown):
        return True
    plain = undisguised(shown)
    return plain != shown and _FIND.search(plain) is not None


def _injected(_: Evidence, given: Content) -> bool:
    """Look at what is new since the model's last turn: users, retrieved text, tool results."""
    return any(
        injects(text)
        for message in given.news
        for text in (*message.texts, *(whole(str(told.response)) for told in message.tool_results))
    )


PROMPT_INJECTION = Check(
    name="prompt_injection",
    about="The input holds marks of a prompt injection.",
    patterns=(*patterns(_PHRASES), *SIGNS),
    judge=_injected,
    of_input=True,
)
