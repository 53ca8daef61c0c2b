"""Reading what a user brings: seed tasks as JSON lines in upstream's fields.

All faults are found in one pass, so that a file is mended once. Nothing is repaired silently.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.errors import Fault, InvalidInput
from app.pipeline.types import Instance, SeedTask

MAX_TASKS = 50_000
MAX_BYTES = 50_000_000
MAX_FAULTS = 100
"""Reported at most; a file with more is broken in one way, not in a hundred."""


def read_seed_tasks(data: bytes) -> tuple[SeedTask, ...]:
    """Read a JSON lines file of seed tasks.

    Raises:
        InvalidInput: with up to 100 faults, each naming its line and field.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(
            "The seed set is too large.",
            [Fault(f"{len(data):,} bytes; at most {MAX_BYTES:,} are taken")],
        )
    return _checked(_parse_lines(io.BytesIO(data)))


def seed_tasks_from_json(tasks: Iterable[object]) -> tuple[SeedTask, ...]:
    """Check seed tasks that arrived inside a JSON body; a fault's line is the task's number.

    Raises:
        InvalidInput: with up to 100 faults.
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


def _checked(numbered: Iterable[tuple[int, object]]) -> tuple[SeedTask, ...]:
    tasks: list[SeedTask] = []
    faults: list[Fault] = []
    first_seen: dict[tuple[str, str], int] = {}
    for number, value in numbered:
        found = [value] if isinstance(value, Fault) else list(_faults_of(value, number))
        if not found:
            assert isinstance(value, Mapping)  # noqa: S101 - _faults_of has said so; tells mypy
            task = _task(value, number)
            found = list(_repeats(task, number, first_seen))
            tasks.append(task)
        faults += found
        if len(faults) >= MAX_FAULTS or len(tasks) > MAX_TASKS:
            break
    if len(tasks) > MAX_TASKS:
        faults.append(Fault(f"more than {MAX_TASKS:,} tasks"))
    if not tasks and not faults:
        faults.append(Fault("no seed task in it"))
    if faults:
        raise InvalidInput("The seed set has faults.", faults[:MAX_FAULTS])
    return tuple(tasks)


def _faults_of(value: object, line: int) -> Iterator[Fault]:
    """Everything wrong with one task on its own."""
    if not isinstance(value, Mapping):
        yield Fault("a seed task is a JSON object", line=line)
        return
    yield from _text_faults(value, "instruction", line, required=True)
    for name in ("id", "name"):
        yield from _text_faults(value, name, line, required=False)
    if not isinstance(value.get("is_classification"), bool):
        yield _wrong(value, "is_classification", "true or false", line)
    instances = value.get("instances")
    if not isinstance(instances, list):
        yield _wrong(value, "instances", "a list of objects with input and output", line)
        return
    if not instances:
        yield Fault("has no instance", line=line, field="instances")
    for index, instance in enumerate(instances):
        yield from _instance_faults(instance, f"instances[{index}]", line)


def _instance_faults(instance: object, path: str, line: int) -> Iterator[Fault]:
    if not isinstance(instance, Mapping):
        yield Fault("an instance is a JSON object", line=line, field=path)
        return
    yield from _text_faults(instance, "input", line, required=True, empty=True, prefix=f"{path}.")
    yield from _text_faults(instance, "output", line, required=True, prefix=f"{path}.")


def _text_faults(
    value: Mapping[str, Any],
    name: str,
    line: int,
    *,
    required: bool,
    empty: bool = False,
    prefix: str = "",
) -> Iterator[Fault]:
    field = prefix + name
    if name not in value:
        if required:
            yield Fault("is missing", line=line, field=field)
        return
    text = value[name]
    if not isinstance(text, str):
        yield _wrong(value, name, "text", line, prefix)
    elif not empty and not text.strip():
        yield Fault("is empty", line=line, field=field)
    elif "\x00" in text:
        yield Fault("has a NUL byte in it", line=line, field=field)
    elif any("\ud800" <= character <= "\udfff" for character in text):
        yield Fault("has half of a surrogate pair in it", line=line, field=field)


def _wrong(value: Mapping[str, Any], name: str, want: str, line: int, prefix: str = "") -> Fault:
    if name not in value:
        return Fault("is missing", line=line, field=prefix + name)
    got = {type(None): "null", bool: "true or false", dict: "an object", list: "a list"}.get(
        type(value[name]), "text" if isinstance(value[name], str) else "a number"
    )
    return Fault(f"must be {want}, not {got}", line=line, field=prefix + name)


def _task(value: Mapping[str, Any], number: int) -> SeedTask:
    return SeedTask(
        id=value.get("id", f"seed_{number}"),
        name=value.get("name", f"seed_{number}"),
        instruction=value["instruction"].strip(),
        instances=tuple(Instance(i["input"], i["output"]) for i in value["instances"]),
        is_classification=value["is_classification"],
    )


def _repeats(task: SeedTask, line: int, first_seen: dict[tuple[str, str], int]) -> Iterator[Fault]:
    for field, key in (("id", task.id), ("instruction", " ".join(task.instruction.split()))):
        before = first_seen.setdefault((field, key), line)
        if before != line:
            yield Fault(f"repeats line {before}", line=line, field=field)
