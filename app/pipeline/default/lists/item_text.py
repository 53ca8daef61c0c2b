"""The task in an item of a list, without what chat models put around it.

| around a task | what becomes of it |
|---|---|
| `**Title**:` before it, a title above it | left out |
| `Instruction:` before it | left out |
| `- Category: ...`, `(easy)`, `*a note*` below it | left out |
| quotation marks, emphasis, control tokens | left out |
| the options it announces | they stay: they are the labels to choose from |
| a paragraph after an empty line | left out behind the last item; elsewhere the item is unclear |

What is not clearly a task is not read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.pipeline.default.lists.blocks import Block
from app.pipeline.default.lists.markers import Line
from app.pipeline.replies.control_tokens import without_control_tokens
from app.pipeline.screening import count_words

_TASK_LABELS = (
    r"(?:new )?(?:task|instruction|prompt|question|request|exercise)|aufgabe|anweisung|tarea"
    r"|instrucci\u00f3n|t\u00e2che|consigne|tarefa|instru\u00e7\u00e3o|compito|istruzione"
    r"|\u0437\u0430\u0434\u0430\u043d\u0438\u0435|\u0437\u0430\u0434\u0430\u0447\u0430"
    r"|\u6307\u4ee4|\u4efb\u52a1|\u30bf\u30b9\u30af|\u6307\u793a"
)
_TASK_LABEL = re.compile(
    rf"(?:\*\*|__|\*)?(?:{_TASK_LABELS})(?: (?:text|description))?(?:\*\*|__|\*)?\s*[:\uff1a]"
    r"(?:\*\*|__|\*)?\s*",
    re.I,
)
_REMARKS = (
    r"categor(?:y|ies)|type|task type|kind|difficulty(?: level)?|level|expected (?:output|answer"
    r"|response|length|result)|(?:sample |example |ideal |suggested )?(?:output|answer|response)"
    r"|(?:sample |example )?input|examples?|explanation|rationale|reason(?:ing)?|purpose|skills?"
    r"(?: tested)?|format|topic|domain|subject|notes?|hints?|language|goals?|objective|tags?"
    r"|constraints?|requirements?|length|word count|style|audience|context|evaluation|criteria"
    r"|a\d{1,2}|(?:answer|output|response) \d{1,2}|why(?: this works)?"
    r"|classification|field|theme|verb|form|tests?"
    r"|kategorie|schwierigkeit|erwartete ausgabe|beispiel|hinweis|categor\u00eda|dificultad|ejemplo"
    r"|nota|cat\u00e9gorie|difficult\u00e9|exemple|remarque|categoria|dificuldade|exemplo|difficolt\u00e0"
    r"|\u043a\u0430\u0442\u0435\u0433\u043e\u0440\u0438\u044f|\u0441\u043b\u043e\u0436\u043d\u043e\u0441\u0442\u044c"
    r"|\u043f\u0440\u0438\u043c\u0435\u0440|\u7c7b\u522b|\u7c7b\u578b|\u96be\u5ea6|\u793a\u4f8b|\u8bf4\u660e"
    r"|\u9884\u671f\u8f93\u51fa|\u8f93\u51fa|\u8f93\u5165|\u6ce8\u610f|\u30ab\u30c6\u30b4\u30ea|\u96e3\u6613\u5ea6"
)
_REMARK = re.compile(
    rf"[\s*_(\[\uff08]*(?:{_REMARKS})(?:[\s*_]*[:\uff1a\u2013\u2014]|[\s*_]* - )",
    re.I,
)
_ABOUT_TASK = re.compile(
    r"[\s*_(-]*(?:this|it) (?:task |instruction |prompt |question )?"
    r"(?:tests|checks|assesses|evaluates|encourages)\b",
    re.I,
)
_LABELLED = re.compile(r"[*_]{0,3}[^\W\d_][^:\uff1a\n]{0,28}[:\uff1a][*_]{0,3}\s*\S")
_ASIDE = re.compile(
    r"[(\[\uff08][^\n]*[)\]\uff09][.!]?|(?P<mark>\*\*\*|\*\*|\*|__|_)(?=\S)[^\n]*(?P=mark)"
)
_INLINE_REMARK = re.compile(
    rf"(?<=[.!?\u3002\"'])\s+[*_]{{0,2}}[(\[]\s?(?:{_REMARKS})\s?[:\uff1a][^()\[\]\n]{{0,200}}[)\]][*_]{{0,2}}\s*\Z",
    re.I,
)
_TITLE = re.compile(
    r"(?P<mark>\*\*\*|\*\*|__|\*)(?P<title>[^*\n]{1,90}?)"
    r"(?:(?P=mark)\s?[:\uff1a]|[:\uff1a]\s?(?P=mark)|(?P=mark)\s?[-\u2013\u2014](?=\s))\s*(?P<rest>\S.*)",
    re.S,
)
_ALL_BOLD = re.compile(
    r"(?P<mark>\*\*\*|\*\*|__)(?P<text>[^*\n]+?)(?P=mark)\s?[:\uff1a.]?|(?P<title>\S[^\n]*)(?P<end>)(?<=\*\*)"
)
_CHOICE = re.compile(
    r"\b(?:choose|pick|select|classif\w+|categori[sz]e|which|decide|label|identify|determine|following"
    r"|these|those|below|options?|order|rank|sort|arrange|match|group|w\u00e4hl\w*|welche[rs]?|folgende\w*"
    r"|choisi\w+|quel(?:le)?s?|suivante?s?|eli[gj]\w+|cu\u00e1l\w*|siguientes?|escolh\w+|qual|seguintes?"
    r"|scegli\w*|quale|seguenti|kies|volgende|wybierz|nast\u0119puj\w+|se\u00e7\w*|a\u015fa\u011f\u0131\w*)\b"
    r"|\u0432\u044b\u0431\u0435\u0440|\u043a\u0430\u043a\u043e\u0439|\u0441\u043b\u0435\u0434\u0443\u044e\u0449"
    r"|\u9009\u62e9|\u4ee5\u4e0b|\u4e0b\u5217|\u54ea|\u9078|\u6b21\u306e|\u3069\u308c|\ub2e4\uc74c",
    re.I,
)
_SENTENCE_END = tuple(".!?\u3002\uff01\uff1f\u2026\u0964\u061f")
_AFTER_END = "\"'*_)\u201d\u2019\u00bb\u300d`"
_COLONS = (":", "\uff1a")
_QUOTES = {
    '"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u00ab": "\u00bb", "\u300c": "\u300d",
    "\u201e": "\u201c", "\u300e": "\u300f",
}  # fmt: skip
_FIRST_BOLD = re.compile(r"\A\*\*(?P<text>[^*\n]{1,60})\*\*(?=\s)")
_BREAK = re.compile(r"(?:\s{0,3}<br\s?/?>)+\Z|\A(?:<br\s?/?>\s{0,3})+", re.I)
_MOST_TITLE_WORDS = 6
_FEWEST_TASK_WORDS = 3
_WRAPPED_LINE = 50
"""Characters from which a line may be cut by a line break rather than be a title."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands."""

    is_last: bool
    titled_share: float
    """Share of the list's items that begin with a title in bold."""


def task_in(block: Block, place: Place) -> str | None:
    """Return the task of an item: empty when there is none, None when it is unclear."""
    return _Item(block, place).task()


def begins_with_title(block: Block) -> bool:
    """Return True when an item has the form ``**Title**: text``."""
    return _TITLE.match(block.line.text) is not None


class _Item:
    def __init__(self, block: Block, place: Place) -> None:
        self._line = block.line
        self._below = block.below
        self._place = place
        self._base = block.line.indent

    def task(self) -> str | None:
        text = self._line.text
        labelled = [n for n, line in enumerate(self._below) if _TASK_LABEL.match(_plain(line))]
        if labelled:
            # "1. Title", and below it "Instruction: text".
            at = labelled[0]
            found = _plain(self._below[at])
            text, self._below = _TASK_LABEL.sub("", found, count=1), self._below[at + 1 :]
        elif self._is_title(text):
            following = self._below
            text, self._below = _plain(following[0]), following[1:]
        return self._with_rest(text)

    def _is_title(self, text: str) -> bool:
        """Return True when the first line is no task but the title of the lines below it."""
        if not self._below:
            return False
        first = self._below[0]
        if not text.strip("*_ "):
            return not first.is_fence
        # A task in emphasis looks like a remark.
        is_task = _ends_sentence(first.text) and first.text.lstrip().startswith(("*", "_"))
        is_remark = _REMARK.match(first.text) or (_is_remark(first) and not is_task)
        if first.marker is not None or is_remark or first.is_heading:
            return False
        if self._line.is_heading and not _ends_sentence(text):
            return True
        bold = _ALL_BOLD.fullmatch(text)
        return bold is not None and not _ends_sentence(text)

    def _with_rest(self, text: str) -> str | None:
        """Return the text with what belongs to it of the lines below; None when that is unclear."""
        text = _unlabelled(text)
        below = self._own_lines(text)
        if below is None:
            return None
        plain: list[str] = [text]
        options: list[Line] = []
        for n, line in enumerate(below):
            if line.is_fence:
                return _with_code(plain, below[n:])
            if line.marker is not None or (options and not _is_remark(line)):
                options.append(line)
            elif not _is_remark(line):
                if not _continues(plain[-1], line):
                    return None
                plain.append(line.plain)
        joined = " ".join(plain)
        if not options:
            return self._untitled(joined)
        return self._with_options(joined, options)

    def _own_lines(self, text: str) -> Sequence[Line] | None:
        """Return the lines below up to a paragraph that does not belong to the item."""
        announced = text.rstrip("*_ ").endswith(_COLONS)
        own: list[Line] = []
        for line in self._below:
            if line.is_heading and line.marker is None:
                break
            stands_apart = line.after_blank and line.indent <= self._base + 1 and not line.is_fence
            if stands_apart:
                belongs = self._belongs(line, own, announced=announced)
                if belongs is None:
                    return None
                if not belongs:
                    break
            own.append(line)
        if self._place.is_last and not announced:
            return self._without_last_words(text, own)
        return own

    def _belongs(self, line: Line, own: Sequence[Line], *, announced: bool) -> bool | None:
        """Return True when a line behind an empty one is of the item; None when that is unclear."""
        if announced and (line.marker is not None or not (self._place.is_last or own)):
            return True
        is_aside = _is_remark(line) or line.text.endswith(_COLONS)
        if announced and not is_aside and all(each.marker is None for each in own):
            return None
        if self._place.is_last or is_aside:
            return False
        return None if line.marker is None else True

    def _without_last_words(self, text: str, own: list[Line]) -> Sequence[Line] | None:
        """Remove a closing remark that follows the last item without an empty line."""
        before = [text, *(line.text for line in own)]
        if any(line.is_fence for line in own):
            return own
        for n, line in enumerate(own):
            is_plain = line.marker is None and line.indent <= self._base + 1
            if is_plain and not _is_remark(line) and _ends_sentence(before[n]):
                return own[:n] if is_talk(line.text) else None
        return own

    def _with_options(self, text: str, marked: Sequence[Line]) -> str | None:
        options = [line for line in marked if not _is_remark(line)]
        if not options:
            return self._untitled(text)
        announces = text.rstrip("*_ ").endswith(_COLONS) or _CHOICE.search(text)
        if announces:
            kept = " ".join([text, *(line.plain for line in options)])
            return self._untitled(kept)
        bodies = [line.text for line in options]
        if not all(line.indent > self._base + 1 for line in options):
            return None
        if all(map(_LABELLED.match, bodies)):
            return self._untitled(text)
        if _ends_sentence(text) and all(map(_ends_sentence, bodies)):
            # Sentences about a task that is whole without them.
            return self._untitled(text)
        return None

    def _untitled(self, text: str) -> str | None:
        """Return a text without a title in bold before it; None when the title may be the task."""
        titled = _TITLE.match(text)
        if titled is None:
            return tidy(text)
        title, rest = titled.group("title").strip(), tidy(titled.group("rest"))
        if re.fullmatch(_TASK_LABELS, title, re.I):
            return rest
        is_short = len(title.split()) <= _MOST_TITLE_WORDS
        if is_short and self._place.titled_share >= 0.5 and count_words(rest) >= _FEWEST_TASK_WORDS:
            return rest
        return None


def tidy(text: str) -> str:
    """Fold white space, and remove labels, emphasis, quotes and control tokens around a task."""
    text = " ".join(without_control_tokens(text).split()) if "\n" not in text else text.strip()
    for _ in range(4):
        before = text
        text = _INLINE_REMARK.sub("", text) if text[-1:] in "])*_" else text
        text = _FIRST_BOLD.sub(r"\g<text>", _BREAK.sub("", text))
        text = _unquoted(_unlabelled(text).strip())
        if text == before:
            break
    return text


def _unlabelled(text: str) -> str:
    return _TASK_LABEL.sub("", text, count=1) if _TASK_LABEL.match(text) else text


def _unquoted(text: str) -> str:
    """Remove one pair of quotes or emphasis marks around a text."""
    if text.startswith(("**", "__")) or text.endswith(("**", "__")):
        mark = "**" if "**" in text[:2] + text[-2:] else "__"
        inner = text.removeprefix(mark).removesuffix(mark)
        if mark not in inner:
            return inner.strip()
    if len(text) > 2 and text[0] in "*_" and text[-1] == text[0] and text[0] not in text[1:-1]:
        return text[1:-1].strip()
    body = text[:-1] if text.endswith((",", ";")) else text
    closing = _QUOTES.get(body[:1])
    if closing and len(body) > 2 and body.endswith(closing):
        inner = body[1:-1]
        if closing not in inner and body[0] not in inner:
            return inner.strip()
    return text


def _plain(line: Line) -> str:
    return line.text if line.marker is not None else line.plain


def _is_remark(line: Line) -> bool:
    text = line.text.strip()
    return (
        bool(_REMARK.match(text) or _ABOUT_TASK.match(text)) or _ASIDE.fullmatch(text) is not None
    )


def _ends_sentence(text: str) -> bool:
    return text.rstrip().rstrip(_AFTER_END).endswith(_SENTENCE_END)


def _continues(before: str, line: Line) -> bool:
    """Return True when a line goes on with the text before it: it was wrapped, or is a sentence.

    A short line without a full stop, and a capital below it, may be a title and its text.
    """
    if _ends_sentence(before) or before.rstrip("*_ ").endswith(_COLONS):
        return True
    first = line.text[:1]
    is_wrapped = not first.isupper() or len(before.splitlines()[-1]) >= _WRAPPED_LINE
    return is_wrapped or before.rstrip().endswith((",", ";", "\uff0c", "-", "\u2014"))


_TALK = re.compile(
    r"\b(?:let me know|feel free|hope|would you like|happy to|more tasks|these tasks|need more"
    r"|i can|i['\u2019]ve|i have|please note|note that|enjoy|ich hoffe|lass mich|j'esp\u00e8re"
    r"|n'h\u00e9sitez"
    r"|diese (?:aufgaben|anweisungen)|ces t\u00e2ches|estas tareas|estas tarefas|questi compiti"
    r"|espero|av\u00edsame|spero|d\u00edgame|mi faccia|laat me)\b"
    r"|\u043d\u0430\u0434\u0435\u044e\u0441\u044c|\u5e0c\u671b|\u5982\u679c\u4f60|\u5982\u679c\u60a8|\u5982\u9700",
    re.I,
)


def is_talk(text: str) -> bool:
    """Return True when a line speaks to the reader rather than being part of a task."""
    return text.endswith("!") or _TALK.search(text) is not None


def _with_code(plain: Sequence[str], rest: Sequence[Line]) -> str | None:
    """Return a task with the code block below it; None when more follows than code."""
    closing = [n for n, line in enumerate(rest) if n and line.is_fence]
    if not closing or len(rest) > closing[0] + 1:
        return None
    code = [line.raw for line in rest[: closing[0] + 1]]
    task = " ".join(" ".join(plain).split())
    if not task:
        return tidy(" ".join(line.strip() for line in code[1:-1]))
    return "\n".join([task, *code])
