"""Tasks in JSON, whatever the keys are called."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.pipeline.default.lists.markers import read_line
from app.pipeline.default.lists.remarks import is_remark
from app.pipeline.default.lists.tidy import titles_of, unmarked, untitled
from app.pipeline.replies.json_fields import field, text_of
from app.pipeline.replies.lenient_json import Found, json_values
from app.pipeline.types import Candidate, Rejected

_LISTS = (
    "arguments", "parameters", "instructions", "tasks", "new_tasks", "new_instructions", "items",
    "prompts", "questions", "list", "data", "results", "output", "response", "answer",
)  # fmt: skip
_SURE_LISTS = frozenset(_LISTS[2:6])
_TEXTS = ("instruction", "task", "prompt", "text", "question", "description", "content", "request",
          "task_description", "name", "title")  # fmt: skip
_NO_TASKS = frozenset(
    ("input", "inputs", "output", "outputs", "answers", "labels", "options", "examples", "existing",
     "old", "notes", "remarks", "categories")
)  # fmt: skip
# A task is nothing without them.
_OPTIONS = ("options", "choices", "labels", "candidates", "constraints", "requirements")
_LIST_TALK = re.compile(
    r"(?:sure|certainly|of course|here (?:are|is)|let me know|feel free|i hope|would you like)\b",
    re.I,
)
_ASSIGNMENT = re.compile(
    r"[ \t]*(?:const |let |var )?[^\W\d]\w{0,40}(?:\s?:\s?[\w\[\]]{1,20})?[ \t]*=[ \t]*\Z"
)
_FINAL = re.compile(r"\b(?:final|revised|updated|corrected|improved)\b[^\n]{0,40}\W*\Z", re.I)
_NUMBERED = re.compile(r"(?:[^\W\d]{0,20}[ _-]?)?\d{1,3}", re.I)
_BEGINS_LINE = re.compile(r"(?:^|[\n:.!?>`)])[ \t>`\ufeff]*(?:json)?[ \t\n]*\Z", re.I)
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class JsonTasks:
    """The items of a list in JSON."""

    items: tuple[Candidate | Rejected, ...]
    is_whole: bool
    """False: the list breaks off, and what was begun is left out."""
    texts: tuple[str, ...] = ()
    """Texts in place of lists: each may hold a list of its own."""


def json_tasks(text: str) -> JsonTasks | None:
    """Return the tasks in JSON; None where the reply has none of the shapes of a list of tasks."""
    items: list[Candidate | Rejected] = []
    texts: list[str] = []
    is_json, is_whole = False, True
    for found in json_values(text):
        if not is_json and not _begins_reply(text, found):
            continue
        if items and _FINAL.search(text[: found.start][-80:].rstrip(" \n`json")):
            items.clear()
        listed = _listed_or_one(found)
        if listed is None:
            is_whole = is_whole and (found.is_whole or not is_json)
            continue
        is_json = True
        if isinstance(listed, str):
            texts.append(listed)
        else:
            is_whole = is_whole and found.is_whole
            items += _items(listed)
    if is_whole and not items and not texts:
        return None
    return JsonTasks(tuple(items), is_whole, tuple(texts)) if is_json else None


def _listed_or_one(found: Found) -> Sequence[object] | str | None:
    """Return the list of tasks in a value, or the value where it is one task."""
    listed = _listed(found.value, 0)
    is_task = found.is_whole and isinstance(found.value, Mapping) and _text_in(found.value)
    return [found.value] if listed is None and is_task else listed


def _items(listed: Sequence[object]) -> Iterator[Candidate | Rejected]:
    """Yield the items of a list, without titles that most of them begin with."""
    texts = [each if isinstance(each, str) else _text_in(each) or "" for each in listed]
    titles = titles_of([text.lstrip() for text in texts])
    for n, item in enumerate(listed):
        read = _item(item)
        if isinstance(item, str) and n in {0, len(listed) - 1} and _LIST_TALK.match(item):
            yield Rejected(item, "unreadable")
        elif isinstance(read, Candidate):
            plain = untitled(read.text, titles)
            yield Rejected(read.text, "unreadable") if plain is None else Candidate(plain)
        else:
            yield read


def _begins_reply(text: str, found: Found) -> bool:
    """Return True when no list of another kind begins before the JSON."""
    before = text[: found.start]
    line_start = before.rfind("\n") + 1
    if _ASSIGNMENT.fullmatch(before[line_start:]):
        before = before[:line_start]
    if not _BEGINS_LINE.search(before[-80:]):
        return False
    line = before[before.rfind("\n") + 1 :]
    if line.strip() and (
        read_line(line).marker or text[found.end :].split("\n", 1)[0].strip(" `.}]")
    ):
        return False
    earlier = before.strip().splitlines()[-60:]
    return not any(read_line(each).marker for each in earlier if each.strip()) or (
        '"instructions"' in text[found.start : found.start + 200]
    )


def _listed(value: object, depth: int) -> Sequence[object] | str | None:
    """Return the list of tasks in a value, or the text that stands in its place."""
    if isinstance(value, list):
        return value if any(isinstance(item, str) or _text_in(item) for item in value) else None
    if not isinstance(value, Mapping) or depth > _DEEPEST or _is_schema(value):
        return None
    keyed = {str(key).casefold().replace(" ", "_"): item for key, item in value.items()}
    named = (_held(name, keyed.get(name), depth) for name in _LISTS)
    found = next((held for held in named if held is not None), None)
    if found is not None:
        return found
    if keyed and all(map(_NUMBERED.fullmatch, keyed)):
        return list(value.values())
    lists = [item for item in value.values() if isinstance(item, list) and _listed(item, depth)]
    if len(lists) > 1 and len(lists) == len(keyed) and _NO_TASKS.isdisjoint(keyed):
        # Tasks by category.
        return [item for each in lists for item in each]
    return lists[0] if len(lists) == 1 and not _text_in(value) else None


def _is_schema(value: Mapping[object, object]) -> bool:
    """Return True for the JSON schema of a list, which some models send back."""
    return value.get("type") in {"object", "array"} and ("properties" in value or "items" in value)


def _held(name: str, value: object, depth: int) -> Sequence[object] | str | None:
    """Return the list that a field of this name holds."""
    if isinstance(value, list) and name in _SURE_LISTS:
        return value
    if isinstance(value, str) and name == "arguments":
        inside = next(json_values(value), None)
        return _listed(inside.value, depth + 1) if inside and inside.is_whole else None
    if isinstance(value, str):
        return value if "\n" in value and name in _SURE_LISTS else None
    return _listed(value, depth + 1)


def _text_in(item: object) -> str | None:
    if not isinstance(item, Mapping):
        return None
    fields = {str(key).casefold().replace(" ", "_"): key for key in item}
    texts = (field(item, fields[name]) for name in _TEXTS if name in fields)
    return next((text for text in texts if text), None)


def _item(item: object) -> Candidate | Rejected:
    text = item if isinstance(item, str) else _text_in(item)
    has_options = isinstance(item, Mapping) and any(item.get(name) for name in _OPTIONS)
    if text is None or has_options:
        return Rejected(text_of(item) or "null", "unreadable")
    return Candidate(unmarked(_without_last_remark(text_of(text) or "")))


def _without_last_remark(text: str) -> str:
    """Return a text without remarks in lines of their own below the first."""
    first, *below = text.strip().splitlines() or [""]
    kept = [line for line in below if line.strip() and not is_remark(read_line(line))]
    return "\n".join([first, *kept])


def task_in_object(text: str) -> str | None:
    """Return the task in a text that is one JSON object; None when there is no clear one."""
    found = next(json_values(text), None)
    is_all = found is not None and found.is_whole and (found.start, found.end) == (0, len(text))
    item = _item(found.value) if found is not None and is_all else None
    return item.text if isinstance(item, Candidate) else None
