"""Markers of the prompt that were left in an output.

At the ends they are removed, and what was answered stays: a leading ``<noinput>`` or ``Output:``, a
trailing ``<|endoftext|>`` or ``###``. Inside they mean that the model went on with the next task:
the row is dropped, unless instruction or input speak of such things. A token in quotes or in a
block of code is content.
"""

import re
from dataclasses import dataclass, replace

from app.curation.filter import Dropped, Filter
from app.curation.filters.code_look import looks_like_code
from app.curation.filters.quoting import is_quoted
from app.curation.filters.wording import mentions
from app.dataset_row import Record

# Nothing below can match in a text without one of these; most rows have none.
_HINTS = (
    "#", "<", "[/", "[I", "put:", "put :", "tion:", "tion :", "ponse:", "ponse :", "PUT:",
    "xample ", "Task ", "USER:", "Human:",
)  # fmt: skip
_SPECIAL = (
    r"(?:<\|[A-Za-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|</s>|<(?:start|end)_of_turn>|<(?:eos|bos|pad)>)"
)
_LEADING = re.compile(
    rf"""\s*(?:
        {_SPECIAL}\s* | <\s*no\s?input\s*>[\s.:]+ | \#\#\#\s*\n
      | (?:\#{{2,3}}[ ]*)?(?:Output|Response)[ ]?:\s*
      )+""",
    re.IGNORECASE | re.VERBOSE,
)
_TRAILING = re.compile(rf"(?:\s*(?:{_SPECIAL}|(?<=\n)\#\#\#))+\Z", re.IGNORECASE)
# A search from each white space of a long run of it would take the square of its length.
_TAIL = 200
_PAIR = re.compile(r"^\s*Input[ ]?:", re.MULTILINE)
_EXAMPLE = re.compile(
    r"^[ \t]*(?:Example|Task)[ ](\d{1,3})\b[ \t]*:?[ \t]*(?:$|(?=Task|Input|Class))", re.MULTILINE
)
_OF_EXAMPLES = mentions("example* task* problem* step* instance* plan* list*")


@dataclass(frozen=True, slots=True)
class _Marker:
    """A marker that does not belong inside an output, and instructions that allow it."""

    pattern: re.Pattern[str]
    spared: re.Pattern[str]
    may_be_code: bool = False
    """Programs are often shown with what they read and print."""
    may_be_quoted: bool = False
    """In quotes or in a block of code it is content, such as in a program that prints it."""


_INSIDE = (
    # "</s>" ends a text for many models, and a struck word in HTML.
    _Marker(
        re.compile(_SPECIAL.replace("</s>", r"</s>\s*(?:<s>|\[INST|\Z)")),
        re.compile(r"<\||INST|</s>|token", re.IGNORECASE),
        may_be_quoted=True,
    ),
    _Marker(
        re.compile(r"<\s*no\s?(?:in|out)puts?\s*>", re.IGNORECASE),
        re.compile(r"no\s?(?:in|out)put|\binput|\btasks?\b", re.IGNORECASE),
        may_be_quoted=True,
    ),
    _Marker(
        re.compile(
            r"""^[ \t]*\#{2,3}[ ]?
                (?:Instruction|Input|Output|Response|Human|Assistant|User|Task[ ]?\d*)\b
                [ ]?:?[ \t]*$
              | ^[ \t]*\#\#\#[ \t]*$""",
            re.MULTILINE | re.VERBOSE,
        ),
        re.compile(r"###|\b(?:templates?|prompts?|instructions?|markdown)\b", re.IGNORECASE),
    ),
    _Marker(
        re.compile(
            r"^[ \t]*\#{0,3}[ ]?\d{1,3}\.[ ](?:Instruction|Input|Output|Task)[ ]?:", re.MULTILINE
        ),
        mentions("instruction instructions task tasks input inputs output outputs prompt prompts"),
    ),
    _Marker(
        re.compile(r"^[ \t]*(?:Instruction|USER|Human)[ ]?:", re.MULTILINE),
        mentions(
            """
            instruct* task* prompt* template* example* user* human* dialog* conversation* chat*
            interview* script AI assistant* robot* log* recipe* class* schema* program* quiz* guide*
            """
        ),
        may_be_code=True,
    ),
    _Marker(
        re.compile(r"^[ \t]*Input[ ]?:[^\0]{0,400}?^[ \t]*Output[ ]?:", re.MULTILINE),
        mentions(
            """
            input* in-put* output* task* instruction* example* prompt* template* function* program*
            code* algorithm* problem* script* model* test* network* class* method* system* process*
            AI neural train* data*
            """
        ),
        may_be_code=True,
    ),
)


def apply(record: Record) -> Record | Dropped:
    """Remove markers from the ends of an output; drop a record with markers inside."""
    if not any(hint in record.output for hint in _HINTS):
        return record
    record = _without_ends(record)
    for marker in _INSIDE:
        found = _first(marker, record.output)
        if found and not _belongs(marker, record):
            return Dropped("leftover_marker", found.group()[-100:].strip())
    return _without_later_examples(record)


def _first(marker: _Marker, output: str) -> re.Match[str] | None:
    """Return the first place of a marker that is not content."""
    return next(
        (
            found
            for found in marker.pattern.finditer(output)
            if not (marker.may_be_quoted and is_quoted(output, found))
        ),
        None,
    )


def _belongs(marker: _Marker, record: Record) -> bool:
    return marker.spared.search(record.request) is not None or (
        marker.may_be_code and looks_like_code(record.output)
    )


def _without_ends(record: Record) -> Record:
    output = record.output
    if (lead := _LEADING.match(output)) and lead.group().strip() not in record.request:
        output = output[lead.end() :]
    output = output.rstrip()
    tail = _TRAILING.search(output[-_TAIL:])
    if tail and tail.group().strip() not in record.request:
        output = output[: len(output) - len(tail.group())]
    # What names an input as well as an output is a pair of them, and the label belongs to it.
    if not output.strip() or output == record.output.rstrip() or _PAIR.search(output):
        return record
    return replace(record, output=output.strip())


def _without_later_examples(record: Record) -> Record | Dropped:
    """Drop a record that continues with example 6 of its prompt without an example 1."""
    numbers = [int(number) for number in _EXAMPLE.findall(record.output)]
    if numbers and 1 not in numbers and not _OF_EXAMPLES.search(record.request):
        return Dropped("leftover_marker", f"Example {numbers[0]}")
    return record


LEFTOVER_MARKERS = Filter(
    name="leftover_markers",
    about="Markers of the prompt, such as `###`, `Output:` or `<|endoftext|>`, are in the output.",
    reasons=("leftover_marker",),
    apply=apply,
    change="marker_removed",
)
