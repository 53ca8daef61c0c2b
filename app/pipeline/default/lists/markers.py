"""Markers of list items at the beginning of a line, in every way people number a list."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

Family: TypeAlias = Literal["number", "label", "letter", "roman", "bullet"]

# No-break, ideographic and other blanks count as blanks; these have no width at all.
_LEAD = re.compile(r"(?:[ \t]*>(?=[ \t>]|$))*(?P<indent>[\s\u200b\ufeff\u2060\u200e\u200f]*)")
_HEADING = re.compile(r"#{1,6}[ \t]+")
_EMPHASIS = re.compile(r"(?:\*\*\*|\*\*|__|\*(?=[^\s*])|_(?=\w))")
_CLOSED = r"(?P<closed>\*\*\*|\*\*|__|\*(?=\s|$)|_(?=\s|$))?"
_DELIMITER = (
    r"(?P<delimiter>\.?[\u00ba\u00aa\u00b0][.)]?|\)\.|\.\)|\.-(?=\s)|\.\.(?!\.)|\u0964(?=\s)|\\?[.\uff0e](?!\d)"
    r"|\\?[)\uff09\]\u3011\u3001\u3002]"
    r"|[:\uff1a](?!\d)|[-\u2013\u2014](?=\s)(?!\s*\d)|(?=\t)|(?=\s*$))"
)
_NUMBER = re.compile(
    rf"(?:[#\u2116][ ]?)?(?P<number>\d{{1,4}})(?:/\d{{1,3}})?{_CLOSED}[ \u00a0]?{_DELIMITER}"
    + _CLOSED.replace("closed", "after")
)
_HASHED = re.compile(r"[#\u2116][ ]?(?P<number>\d{1,4})(?P<delimiter>)(?=[ \t])")
_BRACKETED = re.compile(
    r"[(\uff08\[\uff3b\u3010\u3014\u300a\u300c\u00ab<](?:[^\W\d_]{2,12}[ ])?\s?(?P<number>\d{1,4})"
    r"(?:/\d{1,3})?\s?[)\uff09\]\uff3d\u3011\u3015\u300b\u300d\u00bb>]"
    r"(?P<delimiter>[.:\u3001\uff1a]?)" + _CLOSED.replace("closed", "after")
)
_CIRCLED = re.compile(
    r"(?P<number>[\u2460-\u249b\u24f5-\u24fe\u24eb-\u24f4\u2776-\u2793\u3251-\u325f\u32b1-\u32bf"
    r"\u2160-\u216b\u2170-\u217b\u3220-\u3229\u3280-\u3289]"
    r"|\d\ufe0f?\u20e3|\U0001f51f)(?P<delimiter>[.)\u3001:]?)"
)
# Letters with the marks that some scripts put between them.
_WORD = r"[^\W\d_][^\s\d!-/:-@\[-`{-~\u3000-\u303f\uff00-\uff20]{0,19}"
_LABELLED = re.compile(
    rf"(?P<label>(?:{_WORD}[ ]){{0,2}}{_WORD})\.?[ \u00a0_-]?"
    r"(?:[#\u2116][ ]?|n[\u00b0\u00ba][ ]?)?"
    rf"[(\[]?(?P<number>\d{{1,4}})[)\]]?{_CLOSED}[ \u00a0]{{0,2}}{_DELIMITER}"
    + _CLOSED.replace("closed", "after")
)
_ORDINAL = re.compile(
    r"\u7b2c(?P<number>\d{1,3}|[\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341]{1,3})"
    r"(?P<label>[^\W\d_]{0,3}?)(?P<delimiter>[:\uff1a\u3001.\uff0c])"
)
_HAN = re.compile(
    r"[(\uff08]?(?P<number>[\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341]{1,3})"
    r"(?P<delimiter>[)\uff09][\u3001.]?|[\u3001\uff0e\uff0c:\uff1a]|[.,](?=\s))"
)
_LETTER = re.compile(
    rf"(?P<bracket>[(\uff08]?)(?P<letter>[^\W\d_]){_CLOSED}"
    r"(?P<delimiter>[)\uff09\u3001\uff0e]|[.:](?=[\s*_]))" + _CLOSED.replace("closed", "after")
)
_ROMAN = re.compile(
    r"(?P<bracket>[(\uff08]?)(?P<roman>[ivx]{2,6}|[IVX]{2,6})"
    rf"{_CLOSED}(?P<delimiter>[)\uff09\u3001\uff0e]|[.:](?=[\s*_]))"
    + _CLOSED.replace("closed", "after")
)
_BULLET = re.compile(
    r"(?P<bullet>[-\u2013\u2014*+~](?=\s|$)|[-\u2013](?=[^\W\d_])"
    r"|[\u2022\u2023\u25aa\u25ab\u25e6\u25cf\u25cb\u25a0\u25a1\u25a2\u25c6\u25c7\u25b8\u25b9\u2660-\u2667\u2794-\u27af\u25b6\u25ba\u27a4"
    r"\u27a2\u2192\u21d2\u2713\u2714\u2705\u2610\u2611\u2612\u00b7\u2219\u2043\u00bb\u203a\u2605\u2606"
    r"\u2756\u2b1c\u2b50\u30fb\u2217\U0001f300-\U0001faff]\ufe0f?)\s*(?:\[[ xX\u2713\u2714]?\]\s)?"
)
_SECOND_BULLET = re.compile(r"(?:[-*\u2022\u2013>]|\[[ xX\u2713\u2714]?\])[ \t]+(?=[^\W\d_])")
_CHECK = re.compile(r"\[[ xX\u2713\u2714]?\][ \t]+")
_RULE = re.compile(
    r"\s*(?:[-*_=~\u2014\u2500.][ ]?){3,}\s*|\s*[\[(]?(?:\u2026+|\.{3})[\])]?\s*"
    # A tag around the whole list.
    r"|\s*</?(?:instructions|tasks|new_tasks|new_instructions|output|answer|response|list)>\s*"
)
_HAN_DIGITS = "\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341"
_KNOWN_LABELS = """
    task instruction prompt question exercise item activity challenge assignment request problem q
    aufgabe anweisung frage tarea instrucción pregunta tâche consigne tarefa instrução pergunta
    compito istruzione domanda taak opdracht zadanie polecenie задание задача инструкция вопрос
    任务 指令 题目 问题 任務 タスク 指示 課題 質問 과제 지시 질문 tugas görev uppgift oppgave opgave
    tehtävä feladat úkol sarcină no nr
    ejercicio actividad exercice exercício esercizio oefening übung ćwiczenie упражнение завдання
    問題 題目 作业 练习 练习题 작업 문제 연습 المهمة مهمة التعليمات السؤال سؤال التمرين
    कार्य निर्देश प्रश्न
    งานที่ งาน คำสั่ง bài vụ εργασία άσκηση משימה שאלה تمرین وظیفه کار কাজ প্রশ্ন பணி
"""


@dataclass(frozen=True, slots=True)
class Marker:
    """The marker of a list item."""

    family: Family
    detail: str
    """Tells apart the markers of a family: the delimiter, the label or the bullet."""
    number: int = 0
    """Value of a number, letter or roman number; 0 for bullets."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a reply."""

    raw: str
    indent: int
    """Columns of white space before it."""
    text: str
    """Without its marker."""
    marker: Marker | None = None
    is_heading: bool = False
    is_rule: bool = False
    """True for a line of dashes, an ellipsis or the like."""
    after_blank: bool = False
    """True when an empty line precedes it."""

    @property
    def is_fence(self) -> bool:
        """True for a line that opens or closes a block of code."""
        return self.raw.lstrip(" \t>").startswith(("```", "~~~"))

    @property
    def is_quoted(self) -> bool:
        """True for a line of a block quote."""
        return self.raw.lstrip().startswith(">")

    @property
    def plain(self) -> str:
        """The text, with the marker of what is no item."""
        return self.raw.strip().lstrip(" \t>")


def read_line(raw: str, *, after_blank: bool = False) -> Line:
    """Read a line that is not empty."""
    lead = _LEAD.match(raw)
    body = raw[lead.end() :] if lead else raw
    blanks = lead.group("indent") if lead else ""
    indent = len(blanks) + 3 * blanks.count("\t")
    if _RULE.fullmatch(body) and not body.startswith("~~~"):
        return Line(raw, indent, "", is_rule=True, after_blank=after_blank)
    heading = _HEADING.match(body)
    plain = body[heading.end() :] if heading else body
    found = _marked(plain, is_heading=heading is not None)
    text, marker = found if found else (plain, None)
    if marker and marker.family in {"number", "label"}:
        text = _without_second(text.strip(), marker)
    return Line(raw, indent, text.strip(), marker, heading is not None, after_blank=after_blank)


def _without_second(text: str, marker: Marker) -> str:
    """Return an item's text without a bullet, or its number again, behind its number."""
    bullet = _SECOND_BULLET.match(text)
    if bullet:
        return text[bullet.end() :]
    if marker.detail == "()":
        text = text.removesuffix(f"</{marker.number}>")
    again = None if _BULLET.match(text) else _marked(text, is_heading=False)
    is_again = again and again[1].family in {"number", "label"} and again[1].number == marker.number
    return again[0].strip() if again and is_again and again[0].strip() else text


def _marked(body: str, *, is_heading: bool) -> tuple[str, Marker] | None:
    """Return the text after the marker, and the marker; None without one."""
    bullet = _BULLET.match(body)
    if bullet:
        # A number may follow: "- 1. task", "- **Task 1:** task".
        rest = body[bullet.end() :]
        inner = None if _BULLET.match(rest) else _marked(rest, is_heading=False)
        if inner and inner[1].family in {"number", "label"}:
            return inner
        return rest, Marker("bullet", bullet.group("bullet"))
    check = _CHECK.match(body)
    if check:
        return body[check.end() :], Marker("bullet", "[ ]")
    emphasis = _EMPHASIS.match(body)
    opened = emphasis.group() if emphasis else ""
    found = _numbered(body[len(opened) :], is_heading=is_heading or bool(opened))
    if found is None:
        return None
    pattern, marker = found
    groups = pattern.groupdict()
    # Without emphasis before the marker, emphasis behind it is that of the text.
    end = pattern.start("after") if groups.get("after") and not opened else pattern.end()
    text = body[len(opened) + end :]
    if opened and text.strip() and not (groups.get("closed") or groups.get("after")):
        # The emphasis goes on behind the marker: "**1. Title**: text".
        text = opened + text.lstrip()
    return text, marker


def _numbered(body: str, *, is_heading: bool) -> tuple[re.Match[str], Marker] | None:
    """Return what a number or letter matched, and its marker."""
    first = body[:1]
    if first.isdigit() or first in "#\u2116":
        found = _CIRCLED.match(body) or _NUMBER.match(body) or _HASHED.match(body)
        if found is None:
            return None
        kind = found.group("delimiter").lstrip("\\") or "bare"
        return found, Marker("number", kind, _value(found.group("number")))
    found = _BRACKETED.match(body)
    if found:
        return found, Marker("number", "()", _value(found.group("number")))
    found = _CIRCLED.match(body)
    if found:
        return found, Marker("number", "circled", _value(found.group("number")))
    found = _ORDINAL.match(body) or _HAN.match(body)
    if found:
        return found, Marker("number", "han", _value(found.group("number")))
    return _lettered(body) or _labelled(body, is_heading=is_heading)


def _lettered(body: str) -> tuple[re.Match[str], Marker] | None:
    found = _ROMAN.match(body)
    if found:
        kind = found.group("delimiter") + ("i" if found.group("roman").islower() else "I")
        return found, Marker("roman", kind, _roman(found.group("roman")))
    found = _LETTER.match(body)
    if found:
        letter = found.group("letter")
        kind = found.group("delimiter") + ("a" if letter.islower() else "A")
        number = ord(letter.lower()) - (96 if letter.isascii() else 0)
        return found, Marker("letter", kind, number)
    return None


def _labelled(body: str, *, is_heading: bool) -> tuple[re.Match[str], Marker] | None:
    found = _LABELLED.match(body)
    if found is None:
        return None
    label = found.group("label").casefold().strip()
    is_known = not {label, label.split()[-1]}.isdisjoint(_labels())
    if not is_known and not (is_heading and found.group("delimiter").strip()):
        return None
    return found, Marker("label", label, _value(found.group("number")))


@cache
def _labels() -> frozenset[str]:
    return frozenset(_KNOWN_LABELS.split())


def _value(number: str) -> int:
    if number in "\U0001f51f":
        return 10
    if number[0] in _HAN_DIGITS:
        ten = number.find("\u5341")
        if ten < 0:
            return _HAN_DIGITS.index(number[0]) + 1
        tens = _HAN_DIGITS.index(number[0]) + 1 if ten else 1
        return 10 * tens + (_HAN_DIGITS.index(number[-1]) + 1 if ten + 1 < len(number) else 0)
    digits = number.rstrip("\ufe0f\u20e3")
    return int(digits) if digits.isdecimal() else int(unicodedata.numeric(digits[0], 0))


def _roman(number: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10}[sign] for sign in number.lower()]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)
