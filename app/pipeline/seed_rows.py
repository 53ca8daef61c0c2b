"""Seed tasks as rows of a table: instruction, input and output side by side, as in Alpaca's files.

Rows with the same instruction are one seed task with several instances.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from app.errors import Fault

INSTRUCTION_NAMES = ("instruction", "prompt", "question", "query")
INPUT_NAMES = ("input", "context")
OUTPUT_NAMES = ("output", "response", "completion", "answer")
CHAT_NAMES = ("messages", "conversations", "conversation")
_BESIDE = frozenset({"id", "name", "is_classification", "source", "category", "licence", "license"})
"""Columns whose loss makes no task wrong."""
_OTHER_ROWS = {
    frozenset({"chosen", "rejected"}): "preference rows",
    **{frozenset({name}): "chats" for name in CHAT_NAMES},
}
_PARTS_OF_CHATS = frozenset(
    {"system", "history", "tools", "tool_calls", "images", "reasoning_content", "thinking"}
)
_LEARNT_IF_TRUE = frozenset({"kto_tag", "label", "train", "loss"})
_ZEROS = (0, 0.0, "0", "0.0")
_MARKS = {
    "true": True, "yes": True, "1": True,
    "false": False, "no": False, "0": False,
}  # fmt: skip


def mark_of(text: str) -> bool | None:
    """Return the value of a text that says true or false; None for any other text."""
    return _MARKS.get(text.strip().lower())


@dataclass(frozen=True, slots=True)
class RowShape:
    """The columns of rows that hold the parts of a seed task."""

    instruction: str
    input: str | None
    """None: no row has one."""
    output: str
    has_marks: bool
    """True when some row says whether it is a classification task."""

    def task_of(self, row: Mapping[str, object]) -> dict[str, object]:
        """Return a row in the shape of a seed task; a missing part stays missing."""
        given = None if self.input is None else row.get(self.input)
        instance = {"input": "" if given is None else given}
        instance |= {"output": row[self.output]} if self.output in row else {}
        task: dict[str, object] = {"instances": [instance]}
        task |= {"instruction": row[self.instruction]} if self.instruction in row else {}
        for name in ("id", "name"):
            value = row.get(name)
            if value is not None and value != "":
                is_number = isinstance(value, int) and not isinstance(value, bool)
                task[name] = str(value) if is_number else value
        if not self.has_marks:
            task["is_classification"] = False
        elif "is_classification" in row:
            task["is_classification"] = row["is_classification"]
        return task

    def fault_of(self, fault: Fault) -> Fault:
        """Return a fault of the task with the name of the column."""
        names = {
            "instruction": self.instruction,
            "instances[0].input": self.input,
            "instances[0].output": self.output,
        }
        return replace(fault, field=names.get(fault.field or "", fault.field))

    def notes(self) -> list[str]:
        """Return what the user should know about how the rows were read."""
        names = f"{self.instruction}, {self.input}" if self.input else self.instruction
        notes = [f"The columns {names} and {self.output} were read as rows of a table."]
        if not self.has_marks:
            notes.append(
                "No row says whether it is a classification task, so none counts as one; to say it,"
                " add a column is_classification with true or false."
            )
        return notes


def shape_of(values: Sequence[object]) -> RowShape | None:
    """Return the columns that hold the parts of a task; None when they are not rows of a table.

    Alpaca's own names are taken before any other. Other names are taken only where each part has
    one, and no further column would be lost.
    """
    rows = [value for value in values if isinstance(value, dict)]
    names = frozenset().union(*(row.keys() for row in rows))
    if "instances" in names or names >= {"chosen", "rejected"}:
        return None
    found = [_only(names, known) for known in (INSTRUCTION_NAMES, INPUT_NAMES, OUTPUT_NAMES)]
    instruction, given, output = found
    if instruction is None or output is None:
        return None
    if (instruction, output) != ("instruction", "output"):
        rest = names - _BESIDE - {instruction, given, output}
        if rest:
            return None
    return RowShape(instruction, given, output, "is_classification" in names)


def _only(names: Set[str], known: Sequence[str]) -> str | None:
    """Return the name that a part has; None when it has none, or several."""
    if known[0] in names:
        return known[0]
    there = [name for name in known if name in names]
    return there[0] if len(there) == 1 else None


def lost_part(row: Mapping[str, object]) -> tuple[str, str] | None:
    """Return a column that changes what a row means, and why it can't be read; None: it has none.

    Args:
        row: one of a table.
    """
    for name in _PARTS_OF_CHATS & row.keys():
        if row[name] not in (None, "", [], {}, "[]", "null"):
            return name, "has no place in a seed task; empty it, or leave the row out"
    for name in _LEARNT_IF_TRUE & row.keys():
        value = row[name]
        if value is False or (isinstance(value, str) and value.strip().lower() == "false"):
            return name, "says that the row is not to be learnt; leave the row out"
    if row.get("weight") in _ZEROS and not isinstance(row["weight"], bool):
        return "weight", "says that the row is not to be learnt; leave the row out"
    return None


def other_rows(values: Sequence[object]) -> str | None:
    """Say what rows hold that are no seed tasks; None when that is not known."""
    rows = [value for value in values if isinstance(value, dict)]
    names = frozenset().union(*(row.keys() for row in rows))
    if not rows or len(rows) < len(values) or names & {"instruction", "instances"}:
        return None
    for columns, kind in _OTHER_ROWS.items():
        if columns <= names:
            return (
                f"{kind} (columns {', '.join(sorted(columns))}); a seed task needs instruction,"
                " input and output. To keep the rows as a data set, use `seedbed datasets import`"
            )
    known = [name for name in (*INSTRUCTION_NAMES, *OUTPUT_NAMES) if name in names]
    if len(known) < 2:
        return None
    rest = ", ".join(sorted(names - _BESIDE - {*known, *INPUT_NAMES})[:10])
    return (
        f"rows with the columns {', '.join(known)}"
        + (f", and with {rest}, which would be lost" if rest else "")
        + "; name the columns instruction, input and output"
    )
