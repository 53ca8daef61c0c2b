"""Remarks that every task of a list begins or ends with, such as ``[Math]`` or ``(12 words)``.

One task may end with brackets of its own. What all tasks of a list have in the same place is a
remark of the model about its list.
"""

import re
from collections.abc import Sequence

_FEWEST = 3
"""Tasks that a list must have before its remarks can be told from the tasks."""
_FORMS = (
    re.compile(r"\A(?P<remark>[^\W\d_a-z][^:\n]{1,40}):\s+(?=[^\W\d_a-z])"),
    re.compile(r"\A(?P<remark>[^\W\d_a-z][^:\uff1a\n]{1,12})\uff1a\s*(?=\S)"),
    re.compile(r"\A\[(?P<remark>[^\W\d_][^\[\]\n]{0,40})\]\s*[:\u2013-]?\s*(?=\S)"),
    re.compile(r"\A\((?P<remark>[^\W\d_][^()\n]{0,40})\)\s*[:\u2013-]?\s*(?=\S)"),
    re.compile(r"\A\uff08(?P<remark>[^\uff08\uff09\n]{1,20})\uff09\s*(?=\S)"),
    re.compile(r"\A\u3010(?P<remark>[^\u3010\u3011\n]{1,20})\u3011\s*(?=\S)"),
    re.compile(r"(?<=\S)\s*[*_]{0,2}[(\[](?P<remark>[^()\[\]\n]{1,60})[)\]][*_]{0,2}\.?\Z"),
    re.compile(r"(?<=\S)\s*\uff08(?P<remark>[^\uff08\uff09\n]{1,30})\uff09\Z"),
    re.compile(
        r"(?<=[.!?\u3002\uff1f\"])\s+[-\u2013\u2014\u2192|]\s?[*_]{0,2}"
        r"(?P<remark>[^\W\d_][^.!?\n]{0,40})\Z"
    ),
)
# In all tasks of a list a title or a remark, whatever it says.
_TITLES = (
    re.compile(r"\A\[[^\W\d_][^\[\]\n]{0,60}\]\s*[:\uff1a\u2013-]\s*(?=\S)"),
    re.compile(r"\A\u3010[^\u3010\u3011\n]{1,30}\u3011\s*[:\uff1a]?\s*(?=\S)"),
)
_COUNT = re.compile(
    r"(?:about |approx\.? |~)?(?P<count>\d{1,3})[ -](?:words?|w\u00f6rter|mots|palabras)", re.I
)
_LEVEL = re.compile(r"(?:very )?(?:easy|medium|hard|simple|moderate|difficult|advanced)", re.I)
_OPTIONS = re.compile(r"/|\||,|\b(?:or|oder|ou|vs)\b|\u6216|\u3001", re.I)
_MOST_WORDS = 4
_TOPICS = re.compile(
    r"\b(?:creativ\w*|writing|math\w*|algebra|geometry|scien\w*|physic\w*|chemistry|biology|cod(?:e|ing)"
    r"|programming|history|geography|language|grammar|translation|logic\w*|reasoning|classification"
    r"|summari[sz]ation|business|health|cooking|everyday|daily|life|work|literature|philosophy"
    r"|economics|technology|art|ethics|psychology|education|role-?play|editing|analysis|scenario)\b"
    r"|\u521b|\u5275|\u5199\u4f5c|\u79d1\u5b66|\u79d1\u5b78|\u6570\u5b66|\u5e38\u8bc6|\u5e38\u8b58|\u7f16\u7a0b|\u5386\u53f2"
    r"|\u5730\u7406|\u8bed\u8a00|\u7ffb\u8bd1|\u5206\u7c7b|\u7b80\u5355|\u4e2d\u7b49|\u56f0\u96be|\u5275\u4f5c",
    re.I,
)


def without_shared_remarks(tasks: Sequence[str]) -> list[str]:
    """Return the tasks of a list without the remark that each of them has in the same place."""
    left = list(tasks)
    if len(left) < _FEWEST:
        return left
    for title in _TITLES:
        if all(map(title.search, left)):
            left = [title.sub("", task, count=1).strip() for task in left]
    for form in _FORMS:
        found = [form.search(task) for task in left]
        remarks = [each.group("remark") for each in found if each]
        if len(remarks) < len(left):
            continue
        is_count = [_is_own_length(*each) for each in zip(remarks, left, strict=True)]
        if all(is_count) or _are_topics(remarks):
            left = [form.sub("", task, count=1).strip() for task in left]
    return left


def _is_own_length(remark: str, task: str) -> bool:
    """Return True for the length of the task itself: "(50 words)" may say how to answer."""
    count = _COUNT.fullmatch(remark)
    words = len(task.split()) - len(remark.split())
    return count is not None and abs(int(count.group("count")) - words) <= max(3, words // 3)


def _are_topics(remarks: Sequence[str]) -> bool:
    """Return True for names of fields, or levels.

    "Translate to French: ..." begins a task, and "(True/False)" has the labels to choose from.
    """
    known = sum(bool(_TOPICS.search(each) or _LEVEL.fullmatch(each)) for each in remarks)
    is_short = all(len(remark.split()) <= _MOST_WORDS for remark in remarks)
    has_options = any(map(_OPTIONS.search, remarks))
    return (
        is_short and not has_options and len(remarks) >= _FEWEST and known * 3 >= len(remarks) * 2
    )
