"""Whether a text ends in the middle of something.

A code block, a bracket, a quotation or a row of a table is left open; the last word is one that
nothing ends with; or a sentence stops without a mark where its neighbours have one, or is too long
to go without. Titles, names, lists, verses and chat end without a mark and are whole; and where a
cut falls on the end of a sentence, nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .words import listed

_TAIL = 200
_MIN_WORDS = 8
"""Shorter texts are titles, names and headings, which end with anything."""
_LONG = 18
"""Words of a sentence that has a mark at its end whoever writes it."""
_BEGUN = 5
"""Words after a marked sentence that are another one; fewer are a greeting or a name."""
_FEW = 4
"""Words of a sentence that tells that marks are used: fewer are an abbreviation or a greeting."""
_OPEN_ENDS = listed("""
    a an and are as because between but de der des die du ein eine el et from had has if into is its
    la las le les los my nor of or our such than the their und une unless was were when whereas
    which while whose y your
    con dans dem den einem einen einer eines en für mit para pour que vom von zum zur
    although at during every not since though toward until upon whether with without
    aber als bei desto durch etwas ihr ihre jede jeder nach ob obwohl oder ohne sehr sein seine
    sondern sowie unser unsere weil wenn wie
    au aux avec ce ces cette chez donc dont leur leurs lorsque mais nos notre ou par puisque qui sa
    sans ses si son sous très vos votre
    al como cuando del desde donde entre hasta lo nuestra nuestro o pero por porque se sin sobre su
    sus un una unas unos
""")  # English, German, French, Spanish
_JOINTS = listed("""although because unless whereas obwohl während weil aunque porque puisque""")
"""Words after which one word more makes no end either."""
_LATE = listed("""for that these this those to auf aus dass gegen um zu sur à a que""")
"""Words that end a short sentence or a title, and hardly ever a long one."""
_GRADES = frozenset("AEIOUY")
_SPELLS = listed("a little long short good quite")
_MARK = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]*_`]*(?:\s+|$)|[。！？]")  # noqa: RUF001 - Chinese, Japanese
_JSON = re.compile(r'\{\s*"|\[\s*[{"\[]')
_OPEN = re.compile(r"[(\[{]$|\]\([^()\s]*$|\s(?:[-–—=+/<>&]|&&|\|\||==|!=|[<>]=|->)$|[^:]:$")  # noqa: RUF001 - dashes
_STRING = re.compile(r"[:=(\[{,]\s*\"[^\"]*$")
"""A string in code or data that is left open."""
_SENTENCE = re.compile(r",\s|^\s*$|\.$")
"""What a line of comma-separated values does not have."""
_FACE = re.compile(r"(?:^|\s)[:;=8][-']?[(\[]")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_LISTED = re.compile(r"^\s*(?:[-*+•]|\d+[.)]|[a-zA-Z][.)])(?:\s+|$)")
_CODE = re.compile(r"[;{}]\s*$|^\s*(?:def|class|import|const|let|public|func|return)\b|\)\s*:\s*$")
_ELEMENT = re.compile(r"<([a-z][a-z0-9]*)[\s>]")
_SPAN = re.compile(r"(?:^|[\s(])(\*\*|`|“|„)[^\s*`]")
_CLOSES = {"**": "**", "`": "`", "“": "”", "„": "“"}
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_CJK_DONE = re.compile(
    r"(?:ます|です|ません|でした|さい|だ|である|ない|[たうくすつぬふむるよねかわなぞさ了吧呢吗啊见好])$"
)
_VALUE = re.compile(r"[:：]\s*\S+$")  # noqa: RUF001 - Chinese, Japanese
"""What stands behind its name: a number, an address."""
_CJK_BEGUN = 8
"""Characters after a sentence with a mark that are another one."""
_CJK_LONG = 14
"""Characters of a sentence without spaces that are more than a title."""


def cut_off(text: str) -> bool:
    """Return whether ``text`` ends in the middle of something."""
    text = text.strip()
    if text.startswith(("<think>", "<thinking>")):
        return True
    if not text or text.endswith("```"):
        return text.count("```") % 2 == 1
    if _JSON.match(text):
        return text[-1] not in "}]" and _depth(text, "{[", "}]") > 0
    lines = text.splitlines()
    dangles = not _CODE.search(lines[-1]) and _dangles(text[-_TAIL:])
    return dangles or _leaves_open(text, lines) or _unmarked(lines)


def _leaves_open(text: str, lines: Sequence[str]) -> bool:
    """Return whether a block, a bracket, a row of a table or code is left open at the end."""
    last = _FACE.sub(" ", lines[-1])
    element = _ELEMENT.match(text)
    return (
        text.count("```") % 2 == 1
        or text.count("$$") % 2 == 1
        or (element is not None and f"</{element[1]}>" not in text and "\n" in text)
        or ("<html" in text and "</html>" not in text)
        or bool(_OPEN.search(last))
        or (last.count('"') % 2 == 1 and bool(_STRING.search(last)))
        or _cut_row(lines)
        or _cut_record(lines)
        or _cut_code(text, lines)
        or (text[-1].isalnum() and (_open_span(last) or _depth(last, "([", ")]") > 0))
        or any(text.count(start) > text.count(end) for start, end in ("「」", "『』"))
    )


def _cut_row(lines: Sequence[str]) -> bool:
    """Return whether the rows of a table end with a bar and the last does not, or is shorter."""
    *_, before, last = ("", "", *map(str.strip, lines))
    row = before.startswith("|") and before.endswith("|") and last.startswith("|")
    return row and (not last.endswith("|") or last.count("|") < before.count("|"))


def _cut_record(lines: Sequence[str]) -> bool:
    """Return whether lines of comma-separated values have as many each and the last has fewer."""
    *before, last = lines
    counts = {line.count(",") for line in before}
    return (
        len(before) >= 2
        and len(counts) == 1
        and min(counts) >= 2
        and not any(map(_SENTENCE.search, lines))
        and last.count(",") < counts.pop()
    )


def _cut_code(text: str, lines: Sequence[str]) -> bool:
    code = sum(1 for line in lines if _CODE.search(line))
    return code >= 2 and code * 4 >= len(lines) and _depth(text, "{[(", "}])") > 0


def _open_span(last: str) -> bool:
    """Return whether the last line leaves emphasis, code or a quotation open."""
    closed = 0
    while found := _SPAN.search(last, closed):
        closed = last.find(_CLOSES[found[1]], found.end()) + 1
        if not closed:
            return True
    return False


def _depth(text: str, opening: str, closing: str) -> int:
    """Return how many brackets are left open."""
    return sum(map(text.count, opening)) - sum(map(text.count, closing))


def _dangles(tail: str) -> bool:
    """Return whether ``tail`` ends with a comma or a word that nothing ends with."""
    if tail.endswith(("，", "、")):  # noqa: RUF001 - Chinese, Japanese
        return True
    said = _WORD.findall(tail)
    words = list(map(str.lower, said))
    if len(words) < _MIN_WORDS or not tail.lower().endswith((words[-1], ",")):
        return False
    late = len(words) >= _LONG - 6 and words[-1] in _LATE
    left = (words[-1] in _OPEN_ENDS or late) and not _is_noun(said)
    return tail.endswith(",") or left or words[-2] in _JOINTS


def _is_noun(said: Sequence[str]) -> bool:
    """Return whether the last word is no article or conjunction: a grade, ``A``, or ``a while``."""
    return said[-1] in _GRADES or (said[-1] == "while" and said[-2] in _SPELLS)


def _unmarked(lines: Sequence[str]) -> bool:
    """Return whether the last sentence has no mark and ought to have one."""
    last = _LISTED.sub("", lines[-1], count=1)
    if not last:
        return len(lines) > 1  # an item of nothing but its number
    if not last[-1].isalnum():
        return False
    return _unlike_siblings(lines) or (_begun_cjk if _CJK.search(last) else _begun)(last, lines)


def _unlike_siblings(lines: Sequence[str]) -> bool:
    """Return whether the items before the last of a list all have what it does not."""
    if not _LISTED.match(lines[-1]):
        return False
    items = [line.strip() for line in lines if _LISTED.match(line)]
    *before, last = items
    if len(before) < 2:
        return False
    marked = all(map(_ends_marked, before))
    named = all(": " in item for item in before) and ":" not in last
    return marked or (named and any(item.startswith(last) for item in before))


def _ends_marked(line: str) -> bool:
    return _MARK.search(line[-3:]) is not None and not line[-1].isalnum()


def _begun(last: str, lines: Sequence[str]) -> bool:
    *earlier, sentence = _MARK.split(last)
    words = sentence.split()
    if all(map(str.islower, lines)) or last.startswith("#"):
        return False
    if any(len(one.split()) >= _FEW for one in earlier):
        return len({*words}) >= _BEGUN
    return len({*words}) >= (_MIN_WORDS if _among_marked(lines) else _LONG)


def _among_marked(lines: Sequence[str]) -> bool:
    """Return whether the paragraphs before the last have marks, or it has a heading over it."""
    before = [line.strip() for line in lines[:-1] if line.strip()]
    prose = [line for line in before if len(line.split()) >= _MIN_WORDS and not _LISTED.match(line)]
    headed = bool(before) and (before[-1].endswith(",") or before[-1].startswith("#"))
    return headed or (bool(prose) and all(map(_ends_marked, prose)))


def _begun_cjk(last: str, _: Sequence[str]) -> bool:
    *earlier, sentence = _MARK.split(last)
    if (value := _VALUE.search(sentence)) and not _CJK.search(value[0]):
        return False
    long = len(sentence) >= (_CJK_BEGUN if any(earlier) else _CJK_LONG)
    return long and not _CJK_DONE.search(sentence)
