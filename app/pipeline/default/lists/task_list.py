"""The tasks in a reply, in whatever form a chat model writes its list.

| form | read when |
|---|---|
| JSON | objects, lists or texts in JSON begin the reply, or follow an opening remark |
| tags | a line begins with ``<task>`` or the like |
| a table | rows of cells parted by bars, tabs, commas or semicolons |
| a list | lines begin with numbers, letters or bullets |
| lines | no line has a marker, and there are as many lines as tasks were asked for |

What is not clearly a task is rejected as unreadable, with its text.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from app.pipeline.default.lists.blocks import Block, CutList, cut, lines_of
from app.pipeline.default.lists.comma_separated import tasks_in_values
from app.pipeline.default.lists.item_text import Place, task_in
from app.pipeline.default.lists.json_tasks import json_tasks, task_in_object
from app.pipeline.default.lists.markers import Line
from app.pipeline.default.lists.plain_markers import with_plain_markers
from app.pipeline.default.lists.remarks import shared_labels
from app.pipeline.default.lists.shared_remarks import without_shared_remarks
from app.pipeline.default.lists.tables import rows_of_table, tagged_tasks
from app.pipeline.default.lists.tidy import titles_of, untitled
from app.pipeline.default.lists.unmarked import unmarked_tasks
from app.pipeline.types import Candidate, Rejected

_CUT_OFF_END = 500
"""Characters of a broken reply's end kept with its rejection; the reply itself is kept whole."""
_MOST_LINES = 4_000
# A list in one line, whose items have no clear end.
_RUN_ON = re.compile(r"\A(?!.*\s1[.)]\s).*\s2[.)]\s.*\s3[.)]\s", re.S)
_MOST_COMPARED = 200
"""Items of a list that are looked at for what they have in common."""
# Such as "[Insert task here]", which small models copy from forms.
_PLACEHOLDER = re.compile(r"[\[<{][^\[\]<>{}\n]{0,80}[\]>}]\W*|\.{3,}|\u2026+")

# A title in bold whose opening mark was lost.
_TORN_TITLE = re.compile(r"[^*\n]{1,90}\*\*\s?[:\uff1a]\s?[^*]*\Z")


def read_tasks(text: str, count: int, *, cut_off: bool) -> Iterator[Candidate | Rejected]:
    """Yield the tasks of a reply in order, and what was rejected; nothing when it has no list.

    Args:
        text: The answer of the model, without thoughts.
        count: Number of tasks asked for.
        cut_off: True when the reply was truncated; its last item is then rejected.
    """
    items = list(islice(_items(text, count, cut_off=cut_off), _MOST_LINES))
    tasks = [item.text for item in items if isinstance(item, Candidate)]
    plain = without_shared_remarks(tasks)
    titles = titles_of(plain)
    left = iter(plain if titles.share < 1 else [untitled(task, titles) for task in plain])
    for item in items:
        if isinstance(item, Rejected):
            yield item
            continue
        task = next(left)
        if task is None or _PLACEHOLDER.fullmatch(task) or _TORN_TITLE.match(task):
            yield Rejected(item.text, "unreadable")
        else:
            yield Candidate(task)


def _items(text: str, count: int, *, cut_off: bool) -> Iterator[Candidate | Rejected]:
    in_json = json_tasks(text)
    if in_json is not None:
        yield from in_json.items
        for each in in_json.texts:
            yield from _from_text(each, count, cut_off=cut_off)
        if cut_off:
            # An item that was cut off never closed, so it is not among those read.
            yield Rejected(text[-_CUT_OFF_END:], "cut_off")
        elif not in_json.is_whole:
            yield Rejected(text[-_CUT_OFF_END:], "unreadable")
        return
    yield from _from_text(text, count, cut_off=cut_off)


def _from_text(text: str, count: int, *, cut_off: bool) -> Iterator[Candidate | Rejected]:
    values = tasks_in_values(text)
    if values is not None:
        yield from _judged([(task, task or "") for task in values], text, cut_off=cut_off)
        return
    text = with_plain_markers(text, count)
    tagged = tagged_tasks(text)
    lines = lines_of(text, _MOST_LINES)
    rows = rows_of_table([line.raw for line in lines]) if tagged is None else None
    found = rows if tagged is None else tagged
    if found is not None:
        yield from _judged([(task, task or "") for task in found], text, cut_off=cut_off)
        return
    listed = cut(lines)
    if listed is None:
        plain = unmarked_tasks(lines, count)
        yield from _judged([(task, task or "") for task in plain or ()], text, cut_off=cut_off)
    else:
        yield from _from_list(listed, cut_off=cut_off)


def _judged(
    tasks: Sequence[tuple[str | None, str]], text: str, *, cut_off: bool
) -> Iterator[Candidate | Rejected]:
    for n, (task, raw) in enumerate(tasks, start=1):
        if cut_off and n == len(tasks):
            yield Rejected(raw or text[-_CUT_OFF_END:], "cut_off")
        elif task is None:
            yield Rejected(raw or text[-_CUT_OFF_END:], "unreadable")
        else:
            yield Candidate(task)


def _from_list(listed: CutList, *, cut_off: bool) -> Iterator[Candidate | Rejected]:
    blocks = listed.blocks
    first = blocks[:_MOST_COMPARED]
    titles = titles_of([_first_text(block) for block in first])
    has_bullet = all(_has_one_bullet(block) for block in first)
    shared = shared_labels([block.below for block in first])
    unclear = _options_without_task(listed)
    for n, block in enumerate(blocks):
        is_last = n == len(blocks) - 1
        if is_last and cut_off:
            yield Rejected(block.raw if block.below else block.line.text, "cut_off")
            return
        if n >= unclear or (len(blocks) == 1 and _RUN_ON.search(block.line.text)):
            yield Rejected(block.raw, "unreadable")
            continue
        is_object = block.line.text.startswith("{")
        task = task_in_object(block.line.text) if is_object else None
        task = task or task_in(block, Place(is_last, titles, shared, has_bullet))
        if task is None:
            yield Rejected(block.raw, "unreadable")
        elif task:
            yield Candidate(task)


def _first_text(block: Block) -> str:
    """Return the first text of an item: that below its marker where it stands alone."""
    is_alone = not block.line.text.strip("*_ ") and len(block.below) > 0
    return block.below[0].text if is_alone else block.line.text


def _has_one_bullet(block: Block) -> bool:
    families = [line.marker.family for line in block.below if line.marker]
    return families == ["bullet"]


def _options_without_task(listed: CutList) -> int:
    """Return the index from which bullets may be options of an item before them."""
    if listed.family != "bullet":
        return len(listed.blocks)
    for n, (block, following) in enumerate(zip(listed.blocks, listed.blocks[1:], strict=False)):
        announces = block.line.text.rstrip("*_ ").endswith((":", "\uff1a")) and not block.below
        if announces and not _is_sentence(following.line):
            return n
    return len(listed.blocks)


def _is_sentence(line: Line) -> bool:
    return line.text[:1].isupper() and line.text.rstrip('"*_').endswith((".", "?", "!", ":"))
