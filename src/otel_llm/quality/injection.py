"""``prompt_injection``: input that tries to take the model over."""

from __future__ import annotations

from .check import Check
from .evidence import MAX_CHARS, Content, Evidence
from .words import finder, patterns

_BEFORE = "(?:previous|prior|above|preceding|earlier|former|foregoing|existing|original|initial)"
_RULES = "(?:instructions?|prompts?|directions?|directives?|rules?|guidelines?|commands?|context|messages?|constraints?)"  # noqa: E501
_PHRASES = {
    f"(?:ignore|disregard|forget|override|bypass|discard|skip|drop)(?: (?:all|any|every|everything|of|the|your|my|these|those|its|about)){{0,4}} (?:above|(?:{_BEFORE})(?: (?:system|and|or|developer|safety)){{0,2}} {_RULES})": "ignore|disregard|forget|override|bypass|discard|skip|drop",  # noqa: E501
    f"(?:ignore|disregard|forget|override|bypass)(?: (?:all|any|of|the|your|its))+ (?:system |safety |content |developer |ethical )?(?:{_RULES}|training|programming|restrictions|filters?|safeguards)": "ignore|disregard|forget|override|bypass",  # noqa: E501
    "(?:forget|ignore|disregard) everything (?:you|i|we|that|above|before|from)": "everything",
    "(?:do|must|should) not (?:follow|obey) (?:the|your|any) (?:previous|above|original|system|developer)": "not follow|not obey",  # noqa: E501
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
    "(?:has|have|had|with|without) (?:no|any) (?:ethical|moral|content|safety) (?:restrictions|guidelines|filters?|limits|limitations|constraints)": "restrictions|guidelines|filter|limit|constraints",  # noqa: E501
    "<\\|(?:im_start|im_end|system|endoftext|eot_id|start_header_id)\\|>": "<",
    "<</?sys>>": "sys>>",
    "\\[/?inst\\]": "inst]",
    "\\[(?:system|admin|developer)\\](?:\\(#\\w*\\))?:?": "[system]|[admin]|[developer]",
    "#{2,} ?(?:system|new instructions?|instructions? override)": "##",
    "</?(?:system|system_prompt|instructions?)>": "system>|system_prompt>|instruction>|instructions>",  # noqa: E501
    "(?:send|forward|post|upload|exfiltrate|email)(?: \\w+){0,8} (?:conversation|chat history|system prompt|api keys?|credentials|passwords?) to (?:http|this|the following|\\w+@)": "conversation|chat history|prompt|api key|credential|password",  # noqa: E501
    "(?:ignoriere|vergiss) (?:(?:alle|die|deine|ihre) ){0,2}(?:(?:vorherigen|bisherigen|obigen|vorigen) )?(?:anweisungen|befehle|regeln|vorgaben)": "ignoriere|vergiss",  # noqa: E501
    "(?:ignora|olvida|dimentica)(?:d|r)? (?:(?:todas|tutte|las|le|tus|tue) ){0,2}(?:instrucciones|istruzioni|reglas|regole)": "ignora|olvida|dimentica",  # noqa: E501
    "(?:ignore|oublie)[zr]? (?:(?:toutes|les|tes|vos|ces) ){0,2}(?:instructions|consignes|règles)": "ignore|oublie",  # noqa: E501
    "(?:print|repeat|show|output|reveal) everything above": "everything",
    "(?:これまで|今まで|以前|上記|前)の(?:すべての|全ての)?(?:指示|命令|ルール|プロンプト)(?:を|は)(?:すべて|全て)?(?:無視|忘れ)": "無視|忘れ",  # noqa: E501
}
_FIND = finder(_PHRASES)


def injects(text: str) -> bool:
    """Return whether ``text`` holds words or marks that prompt injections are made of."""
    return _FIND.search(text[:MAX_CHARS]) is not None


def _injected(_: Evidence, given: Content) -> bool:
    """Look at what is new since the model's last turn: users, retrieved text, tool results."""
    return any(
        injects(text)
        for message in given.news
        for text in (*message.texts, *(str(result.response) for result in message.tool_results))
    )


PROMPT_INJECTION = Check(
    name="prompt_injection",
    about="The input holds marks of a prompt injection.",
    patterns=patterns(_PHRASES),
    judge=_injected,
    of_input=True,
)
