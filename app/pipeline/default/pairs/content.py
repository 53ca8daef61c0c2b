"""The content of a field without its surroundings: headings, explanations, wrappings, remarks."""

import re
from collections.abc import Sequence

_HEADING = re.compile(
    r"^[ \t>#*_-]{0,8}(?:example|instance|case|pair|beispiel|exemple|ejemplo|exemplo|esempio"
    r"|\u793a\u4f8b|\u4f8b\u5b50|\u4f8b|\u041f\u0440\u0438\u043c\u0435\u0440)"
    r"[ \t]{0,3}#?\d{0,2}[ \t]{0,3}[:.)\u2013\uff1a-]?[ \t]{0,3}[*_]{0,3}[ \t]*$"
    r"|^[ \t]*(?:[-*_=]{3,}|#{1,6}|[>*-]|\(?\d{1,2}[.)]|```\w{0,10})[ \t]*$",
    re.I | re.M,
)
_EXPLANATION = re.compile(
    r"\n[*_#>( \t-]{0,10}(?:explanation|rationale|reasoning|justification|erkl\u00e4rung"
    r"|begr\u00fcndung|explication|explicaci\u00f3n|explica\u00e7\u00e3o|spiegazione|uitleg"
    r"|wyja\u015bnienie|\u043e\u0431\u044a\u044f\u0441\u043d\u0435\u043d\u0438\u0435"
    r"|\u043f\u043e\u044f\u0441\u043d\u0435\u043d\u0438\u0435|\u89e3\u91ca|\u89e3\u91cb"
    r"|\u8bf4\u660e|\u89e3\u6790|\u8aac\u660e|\uc124\uba85"
    r"|\u0627\u0644\u0634\u0631\u062d|\u0627\u0644\u062a\u0641\u0633\u064a\u0631)[*_ \t]{0,3}"
    r"(?:[:\uff1a]|(?=\n))",
    re.I,
)
_ASKS_WHY = re.compile(
    r"expla|rational|reason|justif|\bwhy\b|begr\u00fcnd|erkl\u00e4r|warum|expliqu|explic|pourquoi"
    r"|por qu|\u043e\u0431\u044a\u044f\u0441\u043d|\u043f\u043e\u0447\u0435\u043c\u0443"
    r"|\u89e3\u91ca|\u89e3\u91cb|\u8bf4\u660e|\u4e3a\u4ec0\u4e48|\u8aac\u660e|\u306a\u305c|\uc124\uba85",
    re.I,
)
# A remark only where every output of the reply ends with one: an output may have such a line.
_SHARED = re.compile(
    r"\n[ \t]{0,3}(?:[*_]{0,3}(?P<label>reason|confidence|note|difficulty|category|source|score)"
    r"[*_]{0,3}\s?:[^\n]{0,300}|\((?P<aside>note)\b[^\n]{0,300}\))[*_]{0,3}\Z",
    re.I,
)
_ASIDE = re.compile(r"(?:\((?:\*|_)?|\*{1,2}|_)note\b[^\n]*(?:\)|\*|_)", re.I)
_ABOUT_PAIRS = r"(?:examples?|instances?|pairs?|beispiele|exemples|ejemplos|exemplos)"
_CLOSING = re.compile(
    r"\blet me know if you(?:['\u2019]d| would)? (?:like|want|need)\b|\bfeel free to (?:ask|let)\b"
    r"|\bhope (?:this|these|that|it) (?:\w+ )?(?:helps?|meets?|works?|are|is)\b"
    r"|\bwould you like (?:me to|more|another|additional|further)\b"
    rf"|^[*_]{{0,3}}(?:these|this|the above|both|all)\b(?: \w+){{0,3}} {_ABOUT_PAIRS}\b"
    rf"|^[*_]{{0,3}}notes?\b[^\n]{{0,80}}\b{_ABOUT_PAIRS}\b"
    r"|\u5e0c\u671b\u8fd9\u4e9b|\u5982\u679c(?:\u4f60|\u60a8)\u9700\u8981"
    r"|\bich hoffe, (?:diese|das)\b"
    r"|\bespero que (?:esto|estos|estas|isso|estes)\b|\bj'esp\u00e8re que (?:ces|cela)\b",
    re.I,
)
# A last line without an empty one before it must speak of the examples.
_CLOSING_LINE = re.compile(
    rf"(?:let me know|feel free|i hope|hope|would you like|here are|these are)\b[^\n]{{0,80}}"
    rf"\b(?:these|{_ABOUT_PAIRS}|help(?:s|ful)?)\b[^\n]{{0,40}}",
    re.I,
)
_QUOTED = re.compile(r"[\"\u201c](?P<inner>[^\"\u201c\u201d\n]+)[\"\u201d]")
_FENCED = re.compile(r"```(?:text|txt)?[ \t]*\n(?P<inner>(?:(?!```).)*)\n[ \t]*```", re.S)
_BOLD = re.compile(r"\*\*(?P<inner>[^*\n]+)\*\*")
_LINES_QUOTED = re.compile(r"(?:>[^\n]*(?:\n|\Z))+")
_QUOTE_MARK = re.compile(r"^[ \t]{0,3}>[ ]?", re.M)


def without_explanation(content: str, about: str) -> str:
    """Return a content up to an explanation, unless the task asks for one."""
    if _ASKS_WHY.search(about):
        return content
    return _EXPLANATION.split(content, maxsplit=1)[0]


def without_shared_remark(sections: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the sections without a last line such as ``Confidence: 0.9`` in every output."""
    found = [_SHARED.search(content) for name, content in sections if name == "output"]
    labels = {(each.group("label") or each.group("aside")).casefold() for each in found if each}
    if len(found) < 2 or not all(found) or len(labels) != 1:
        return list(sections)
    return [
        (name, _SHARED.sub("", content).rstrip() if name == "output" else content)
        for name, content in sections
    ]


def unwrapped(sections: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Remove quotation marks, or fences without a language, that are around every content."""
    if sections and all(_LINES_QUOTED.fullmatch(content) for _, content in sections):
        sections = [(name, without_quote_marks(content)) for name, content in sections]
    for pattern in (_QUOTED, _FENCED):
        found = [(name, pattern.fullmatch(content)) for name, content in sections if content]
        inner = [(name, match.group("inner").strip()) for name, match in found if match]
        if len(inner) == len(sections) > 1:
            return inner
    return sections


def unwrapped_column(cells: Sequence[str]) -> list[str]:
    """Remove emphasis or quotation marks that are around every cell of a column."""
    for pattern in (_BOLD, _QUOTED):
        found = [pattern.fullmatch(cell) for cell in cells]
        if all(match or not cell for match, cell in zip(found, cells, strict=True)):
            cells = [match.group("inner").strip() if match else "" for match in found]
    return list(cells)


def without_quote_marks(text: str) -> str:
    """Return a text without the mark of a block quote at the beginning of its lines."""
    return _QUOTE_MARK.sub("", text).strip()


def without_heading(content: str, *, is_fenced: bool = False) -> str:
    """Remove headings and rules at the end, which belong to the next pair.

    Args:
        content: The content of a field.
        is_fenced: True where each pair stands in a fence, so its end is one of the pair's.
    """
    content = content.strip()
    while content:
        line = content[content.rfind("\n") + 1 :]
        if "\n" not in content or not _HEADING.match(line):
            break
        is_own = line.strip().startswith("```") and content.count("```") % 2 == 0
        if is_own and not is_fenced:
            break
        content = content[: len(content) - len(line)].rstrip()
    return content


def without_talk(content: str) -> str:
    """Remove closing remarks: last paragraphs about the examples rather than in one."""
    content = content.strip()
    for _ in range(3):
        body, _, last = content.rpartition("\n\n")
        last = last.strip()
        is_talk = _CLOSING.search(last) or _ASIDE.fullmatch(last)
        if not body.strip() or "\n" in last or not is_talk:
            break
        content = without_heading(body)
    body, _, last = content.rpartition("\n")
    return body.rstrip() if body.strip() and _CLOSING_LINE.fullmatch(last.strip()) else content
