"""Seed tasks as users write them: their schema, and every check of a seed set.

All faults are found in one pass, so that a user mends a file once. Nothing is repaired silently.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import ErrorDetails

from app.errors import Fault, InvalidInput, field_path
from app.pipeline.seed_files import REFUSED, parse
from app.pipeline.seed_rows import RowShape, lost_part, other_rows, shape_of
from app.pipeline.types import Instance, SeedTask
from app.storable_text import StorableText

MAX_TASKS = 50_000
MAX_BYTES = 50_000_000
MAX_FAULTS = 100
"""Reported at most; a file with more is broken in one way, not in a hundred."""
_SEVERAL = 2
"""Tasks that lack a field before it is said once for all of them."""


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


_FilledText = Annotated[StorableText, AfterValidator(_filled), Field(min_length=1)]


def _without_default(schema: dict[str, Any]) -> None:
    """Hide the empty text that stands for a field that was left out."""
    schema.pop("default", None)


class InstanceIn(BaseModel):
    """One worked example of a seed task."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)

    input: StorableText
    """The text that the instruction is applied to; empty when the instruction needs none."""
    output: _FilledText
    """The right answer."""


class SeedTaskIn(BaseModel):
    """A human-written task, with the field names of the Self-Instruct seed file.

    Other fields are ignored.
    """

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)

    id: _FilledText = Field(default="", json_schema_extra=_without_default)
    """Unique in the seed set; left out: `seed_` and the number of the line or task."""
    name: _FilledText = Field(default="", json_schema_extra=_without_default)
    """A short name; left out: `seed_` and the number of the line or task."""
    instruction: _FilledText
    """The task in words, unique in the seed set."""
    instances: list[InstanceIn] = Field(min_length=1)
    """Worked examples; a prompt shows the first one."""
    is_classification: bool
    """True when the output is one of a few labels."""


UncheckedSeedTask = Annotated[SeedTaskIn, WrapValidator(lambda value, _: value)]
"""A seed task in a request body: documented as `SeedTaskIn`, and left as it is for
`seed_tasks_from_json`, which names every fault by task and field."""


@dataclass(frozen=True, slots=True)
class SeedFile:
    """The seed tasks of a file, and how it was read."""

    tasks: tuple[SeedTask, ...]
    form: str
    """The form of the file, such as ``JSON lines``."""
    notes: tuple[str, ...] = ()
    """Notes for the user on how it was read, in sentences."""


def read_seed_tasks(data: bytes) -> tuple[SeedTask, ...]:
    """Read the seed tasks of a file, as `read_seed_file` does."""
    return read_seed_file(data).tasks


def read_seed_file(data: bytes) -> SeedFile:
    """Read seed tasks from a file of any form in `app.pipeline.seed_files`.

    Raises:
        InvalidInput: With up to 100 faults, each with its line and field; of a list, the field
            begins with the 0-based place of the task.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(
            "The seed set is too large.",
            [Fault(f"{len(data):,} bytes; at most {MAX_BYTES:,} are taken")],
        )
    found = parse(data)
    try:
        tasks, notes = _checked(found.rows)
    except InvalidInput as error:
        if not found.in_list:
            raise
        raise InvalidInput(str(error), [_in_list(fault) for fault in error.faults]) from None
    return SeedFile(tasks, found.form, notes)


def _in_list(fault: Fault) -> Fault:
    """Return the fault of a task, known by its number, with its place in the list."""
    if fault.line is None:
        return fault
    path = f"[{fault.line - 1}]" + (f".{fault.field}" if fault.field else "")
    repeated = fault.message.removeprefix("repeats line ")
    same = repeated == fault.message
    return Fault(fault.message if same else f"repeats task [{int(repeated) - 1}]", field=path)


def seed_tasks_from_json(tasks: Iterable[object]) -> tuple[SeedTask, ...]:
    """Read seed tasks from a JSON list; the line of a fault is the number of the task.

    Raises:
        InvalidInput: With up to 100 faults, each with its line and field.
    """
    return _checked(list(enumerate(tasks, start=1)))[0]


def _checked(
    numbered: Sequence[tuple[int, object]],
) -> tuple[tuple[SeedTask, ...], tuple[str, ...]]:
    """Check rows; return the tasks, and what the user should know about how they were read."""
    values = [value for _, value in numbered]
    shape = shape_of(values)
    if shape is None and (missing := _missing_everywhere(values)):
        raise InvalidInput(REFUSED, missing)
    taken = _Tasks(shape)
    for number, value in numbered:
        taken.add(value, number)
        if len(taken.faults) >= MAX_FAULTS or len(taken) > MAX_TASKS:
            break
    faults = taken.faults
    if len(taken) > MAX_TASKS:
        faults.append(Fault(f"more than {MAX_TASKS:,} tasks"))
    if not len(taken) and not faults:
        faults.append(Fault("no seed task in it"))
    if faults:
        raise InvalidInput("The seed set has faults.", faults[:MAX_FAULTS])
    return taken.tasks(), () if shape is None else tuple(shape.notes())


class _Tasks:
    """Collects the tasks of a seed set, and every fault."""

    def __init__(self, shape: RowShape | None) -> None:
        self._shape = shape
        self._tasks: list[SeedTask] = []
        self._instances: list[list[Instance]] = []
        """Of each task; rows of a table with the same instruction add to them."""
        self._first: dict[tuple[str, str], tuple[int, int]] = {}
        """Line and index of the first task with an id or an instruction."""
        self.faults: list[Fault] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def tasks(self) -> tuple[SeedTask, ...]:
        """Return the tasks in order."""
        return tuple(
            replace(task, instances=tuple(instances))
            for task, instances in zip(self._tasks, self._instances, strict=True)
        )

    def add(self, value: object, number: int) -> None:
        """Read one row."""
        if isinstance(value, Fault):
            self.faults.append(value)
            return
        shape = self._shape
        lost = lost_part(value) if shape and isinstance(value, dict) else None
        if lost is not None:
            self.faults.append(Fault(lost[1], number, lost[0]))
            return
        task = _read(shape.task_of(value) if shape and isinstance(value, dict) else value, number)
        if not isinstance(task, SeedTask):
            self.faults += [shape.fault_of(fault) for fault in task] if shape else task
        elif shape is None or not self._is_further_instance(task, number):
            self.faults += self._repeats(task, number)
            self._tasks.append(task)
            self._instances.append([*task.instances])

    def _is_further_instance(self, task: SeedTask, line: int) -> bool:
        """Add the instance of a row whose instruction an earlier row has; False: none has it."""
        known = self._first.get(_key(task))
        if known is None:
            return False
        before, index = known
        if task.is_classification != self._tasks[index].is_classification:
            what = "differs from an earlier row with the same instruction"
            self.faults.append(Fault(what, line, "is_classification"))
        elif task.instances[0] in self._instances[index]:
            self.faults.append(Fault(f"repeats line {before}", line))
        else:
            self._instances[index] += task.instances
        return True

    def _repeats(self, task: SeedTask, line: int) -> Iterator[Fault]:
        for field, text in (("id", task.id), _key(task)):
            before, _ = self._first.setdefault((field, text), (line, len(self._tasks)))
            if before != line:
                yield Fault(f"repeats line {before}", line=line, field=field)


def _key(task: SeedTask) -> tuple[str, str]:
    return "instruction", " ".join(task.instruction.split())


def _missing_everywhere(values: Sequence[object]) -> list[Fault]:
    """Name what a file holds instead of seed tasks, or the fields that no task has, once."""
    if other := other_rows(values):
        return [Fault(other)]
    rows = [value for value in values if isinstance(value, dict)]
    if len(rows) < _SEVERAL or len(rows) < len(values):
        return []
    wanted = (name for name, field in SeedTaskIn.model_fields.items() if field.is_required())
    return [
        Fault(f"is missing in all {len(rows):,} tasks", field=name)
        for name in wanted
        if not any(name in row for row in rows)
    ]


def _read(value: object, number: int) -> SeedTask | list[Fault]:
    try:
        given = SeedTaskIn.model_validate(value)
    except ValidationError as error:
        return [
            Fault(_message(found), number, field_path(found["loc"]))
            for found in error.errors(include_url=False, include_context=False)
        ]
    return SeedTask(
        id=given.id or f"seed_{number}",
        name=given.name or f"seed_{number}",
        instruction=given.instruction.strip(),
        instances=tuple(Instance(one.input, one.output) for one in given.instances),
        is_classification=given.is_classification,
    )


_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list of objects with input and output",
}
_MESSAGES = {
    "missing": "is missing",
    "string_too_short": "is empty",
    "too_short": "has no instance",
}
_JSON_TYPES = {
    type(None): "null",
    bool: "true or false",
    str: "text",
    dict: "an object",
    list: "a list",
}


def _message(found: ErrorDetails) -> str:
    """Say in plain words what pydantic found."""
    kind = found["type"]
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {_JSON_TYPES.get(type(found['input']), 'a number')}"
    if kind == "model_type":
        return f"{'an instance' if found['loc'] else 'a seed task'} is a JSON object"
    return _MESSAGES.get(kind, found["msg"].removeprefix("Value error, "))
