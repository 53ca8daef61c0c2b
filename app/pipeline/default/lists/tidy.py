"""The text of a task without labels, titles, emphasis, quotation marks and control tokens."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.pipeline.default.lists.markers import read_line
from app.pipeline.default.lists.remarks import without_inline_remark
from app.pipeline.replies.control_tokens import without_control_tokens
from app.pipeline.screening import count_words

TASK_LABELS = (
    r"(?:new )?(?:task|instruction|prompt|question|request|exercise)|aufgabe|anweisung|tarea"
    r"|instrucci\u00f3n|t\u00e2che|consigne|tarefa|instru\u00e7\u00e3o|compito|istruzione|g\u00f6rev|taak|opdracht"
    r"|zadanie|tugas|\u0437\u0430\u0434\u0430\u043d\u0438\u0435|\u0437\u0430\u0434\u0430\u0447\u0430"
    r"|\u6307\u4ee4|\u4efb\u52a1|\u30bf\u30b9\u30af|\u6307\u793a|\u8ab2\u984c|\uacfc\uc81c|\uc9c0\uc2dc|\uc791\uc5c5"
    r"|\u0627\u0644\u0645\u0647\u0645\u0629|\u0915\u093e\u0930\u094d\u092f|\u0928\u093f\u0930\u094d\u0926\u0947\u0936"
)
_TASK_LABEL = re.compile(
    rf"(?:\*\*|__|\*)?(?:{TASK_LABELS})(?: (?:text|description))?(?:\*\*|__|\*)?\s*[:\uff1a]"
    r"(?:\*\*|__|\*)?\s*",
    re.I,
)
_TITLE = re.compile(
    r"(?:(?P<mark>\*\*\*|\*\*|__|\*)(?P<title>[^*\n]{1,90}?)"
    r"(?:(?P=mark)(?:\s?\([^()\n]{1,30}\))?\s?[:\uff1a|]|[:\uff1a.]\s?(?P=mark)"
    r"|(?P=mark)\s?[-\u2013\u2014](?=\s)|(?P=mark)\s?<br\s?/?>)"
    r"|<(?P<tag>b|strong)>(?P<html>[^<>\n]{1,90})</(?P=tag)>\s?(?:[:\uff1a|\u2013\u2014-]|<br\s?/?>)?)"
    r"\s*(?P<rest>\S.*)",
    re.S,
)
_BARE_TITLE = re.compile(
    r"(?P<mark>\*\*\*|\*\*|__)(?P<title>[^*\n]{1,90}?)(?P=mark)\s+(?P<rest>[^\s\W\d_a-z].*)", re.S
)
_QUOTES = {
    '"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u00ab": "\u00bb", "\u300c": "\u300d",
    "\u201e": "\u201c", "\u300e": "\u300f",
}  # fmt: skip
# A text in quotation marks that has words in quotation marks itself.
_INNER_QUOTED = re.compile(r"[^\"\s][^\"]*[\s(]\"(?=\S)")
_FIRST_BOLD = re.compile(r"\A\*\*(?P<text>[^*\n]{1,60})\*\*(?=\s)")
_BREAK = re.compile(r"(?:\s{0,3}<br\s?/?>)+\Z|\A(?:<br\s?/?>\s{0,3})+", re.I)
_MOST_TITLE_WORDS = 6
_FEWEST_TASK_WORDS = 3
_FEWEST_ITEMS = 2


@dataclass(frozen=True, slots=True)
class Titles:
    """The share of a list's items that begin with a title in bold."""

    share: float = 0.0
    bare_share: float = 0.0
    """Share of those with nothing between the title and the task."""


NO_TITLES = Titles()


def titles_of(texts: Sequence[str]) -> Titles:
    """Return how many of the items of a list begin with a title."""
    if not texts:
        return NO_TITLES
    bare = sum(_BARE_TITLE.match(text) is not None for text in texts) / len(texts)
    share = sum(_TITLE.match(text) is not None for text in texts) / len(texts)
    return Titles(share, bare if len(texts) >= _FEWEST_ITEMS else 0.0)


def untitled(text: str, titles: Titles) -> str | None:
    """Return a text without a title in bold before it; None when the title may be the task."""
    text = without_inline_remark(text)
    titled = _TITLE.match(text)
    if titled is None:
        bare = _BARE_TITLE.match(text) if titles.bare_share == 1 else None
        return tidy(bare.group("rest") if bare else text)
    title = (titled.group("title") or titled.group("html")).strip()
    rest = tidy(titled.group("rest"))
    if re.fullmatch(TASK_LABELS, title, re.I):
        return rest
    is_short = len(title.split()) <= _MOST_TITLE_WORDS
    if is_short and titles.share >= 0.5 and count_words(rest) >= _FEWEST_TASK_WORDS:
        return rest
    return None


def tidy(text: str) -> str:
    """Fold white space, and remove labels, emphasis, quotes and control tokens around a task."""
    text = " ".join(without_control_tokens(text).split()) if "\n" not in text else text.strip()
    for _ in range(4):
        before = text
        text = without_inline_remark(text)
        text = _FIRST_BOLD.sub(r"\g<text>", _BREAK.sub("", text))
        text = _unquoted(unlabelled(text).strip())
        if text == before:
            break
    return text


def begins_with_label(text: str) -> bool:
    """Return True when a text begins with a label such as ``Task:``."""
    return _TASK_LABEL.match(text) is not None


def unlabelled(text: str) -> str:
    """Return a text without a label such as ``Task:`` before it."""
    return _TASK_LABEL.sub("", text, count=1) if begins_with_label(text) else text


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
        if _INNER_QUOTED.match(inner) and body.count('"') % 2 == 0:
            return inner.strip()
    return text


def unmarked(text: str) -> str:
    """Return an item without the number or bullet that some models put even into JSON."""
    line = read_line(text.strip()) if text.strip() else None
    if line is None or line.marker is None or "\n" in text.strip():
        return tidy(" ".join(text.split()))
    is_sure = line.marker.family in {"number", "label"} and line.marker.number < 100
    is_sure = is_sure and (line.marker.detail != "bare") and bool(line.text)
    is_bullet = (
        line.marker.family == "bullet"
        and line.text[:1].isalpha()
        and line.marker.detail in "-*\u2022"
    )
    return tidy(line.text if is_sure or is_bullet else " ".join(text.split()))
