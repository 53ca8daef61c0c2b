"""Seed tasks as users write them: their schema, and the reading of JSON lines and JSON lists.

All faults are found in one pass, so that a user mends a file once. Nothing is repaired silently.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import ErrorDetails

from app.errors import Fault, InvalidInput, field_path
from app.pipeline.types import Instance, SeedTask

MAX_TASKS = 50_000
MAX_BYTES = 50_000_000
MAX_FAULTS = 100
"""Reported at most; a file with more is broken in one way, not in a hundred."""
_LIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{")
"""The beginning of a list of objects, after a byte order mark."""
_SEVERAL = 2
"""Tasks that lack a field before it is said once for all of them."""


def _storable(text: str) -> str:
    # JSON can write both; a database can store neither.
    if "\x00" in text:
        raise ValueError("has a NUL byte in it")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("has half of a surrogate pair in it")
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


_Text = Annotated[str, AfterValidator(_storable)]
_FilledText = Annotated[_Text, AfterValidator(_filled), Field(min_length=1)]


def _without_default(schema: dict[str, Any]) -> None:
    """Hide the empty text that stands for a field that was left out."""
    schema.pop("default", None)


class InstanceIn(BaseModel):
    """One worked example of a seed task."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)

    input: _Text
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


def read_seed_tasks(data: bytes) -> tuple[SeedTask, ...]:
    """Read seed tasks from JSON lines, or from one JSON list.

    Raises:
        InvalidInput: With up to 100 faults, each with its line and field; of a list, the field
            begins with the 0-based place of the task.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(
            "The seed set is too large.",
            [Fault(f"{len(data):,} bytes; at most {MAX_BYTES:,} are taken")],
        )
    tasks = _parse_list(data) if _LIST.match(data) else None
    if tasks is None:
        return _checked(_parse_lines(io.BytesIO(data)))
    try:
        return _checked(enumerate(tasks, start=1))
    except InvalidInput as error:
        raise InvalidInput(str(error), [_in_list(fault) for fault in error.faults]) from None


def _parse_list(data: bytes) -> list[object] | None:
    """Parse a JSON list; return None when it is only the first line of several.

    Raises:
        InvalidInput: It is not valid JSON.
    """
    try:
        tasks: list[object] = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return None
        fault = f"a JSON list that ends too early or is not valid: {error.msg}"
        where = f"{fault} at line {error.lineno}, column {error.colno}"
        raise InvalidInput("The seed set has faults.", [Fault(where)]) from None
    except UnicodeDecodeError as error:
        fault = f"not UTF-8 at byte {error.start + 1}"
        raise InvalidInput("The seed set has faults.", [Fault(fault)]) from None
    except (ValueError, RecursionError):
        fault = "not JSON that can be read: nested too deep, or a number is too long"
        raise InvalidInput("The seed set has faults.", [Fault(fault)]) from None
    return tasks


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
    return _checked(enumerate(tasks, start=1))


def _parse_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, object]]:
    for number, ended in enumerate(lines, start=1):
        raw = ended.rstrip()
        if not raw:
            continue
        try:
            yield number, json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            yield number, Fault(f"not UTF-8 at byte {error.start + 1} of the line", line=number)
        except json.JSONDecodeError as error:
            yield number, Fault(f"not JSON: {error.msg} at column {error.colno}", line=number)
        except ValueError:
            yield number, Fault("not JSON that can be read: a number is too long", line=number)
        except RecursionError:
            yield number, Fault("not JSON that can be read: nested too deep", line=number)


def _checked(given: Iterable[tuple[int, object]]) -> tuple[SeedTask, ...]:
    numbered = list(given)
    if missing := _missing_everywhere([value for _, value in numbered]):
        raise InvalidInput("These are not seed tasks.", missing)
    tasks: list[SeedTask] = []
    faults: list[Fault] = []
    first_seen: dict[tuple[str, str], int] = {}
    for number, value in numbered:
        task = value if isinstance(value, Fault) else _read(value, number)
        if isinstance(task, SeedTask):
            tasks.append(task)
            faults += _repeats(task, number, first_seen)
        else:
            faults += [task] if isinstance(task, Fault) else task
        if len(faults) >= MAX_FAULTS or len(tasks) > MAX_TASKS:
            break
    if len(tasks) > MAX_TASKS:
        faults.append(Fault(f"more than {MAX_TASKS:,} tasks"))
    if not tasks and not faults:
        faults.append(Fault("no seed task in it"))
    if faults:
        raise InvalidInput("The seed set has faults.", faults[:MAX_FAULTS])
    return tuple(tasks)


def _missing_everywhere(values: Sequence[object]) -> list[Fault]:
    """Name the fields that no task has, once; such a file holds something else."""
    rows = [value for value in values if isinstance(value, dict)]
    if len(rows) < _SEVERAL or len(rows) < len(values):
        return []
    wanted = (name for name, field in SeedTaskIn.model_fields.items() if field.is_required())
    faults = [
        Fault(f"is missing in all {len(rows):,} tasks", field=name)
        for name in wanted
        if not any(name in row for row in rows)
    ]
    if faults and all("instruction" in row and "output" in row for row in rows):
        shape = '{"instances": [{"input": "...", "output": "..."}], "is_classification": false}'
        faults.append(
            Fault(
                "Alpaca rows: put input and output into instances, and say which tasks are "
                f"classification tasks, such as {shape}; to keep them as a data set, use "
                "`seedbed datasets import`"
            )
        )
    return faults


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


def _repeats(task: SeedTask, line: int, first_seen: dict[tuple[str, str], int]) -> Iterator[Fault]:
    for field, key in (("id", task.id), ("instruction", " ".join(task.instruction.split()))):
        before = first_seen.setdefault((field, key), line)
        if before != line:
            yield Fault(f"repeats line {before}", line=line, field=field)
