"""The answers of the models of a job as a file, for judges and reviewers.

One JSON line per held-out task, with the answer of every model.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from app.atomic_files import written
from app.dataset_row import Exchange, Record
from app.evaluation.answers import Answer, Contender, HeldOutTask

ANSWERS = "answers.jsonl"
"""Name among the outputs of a job."""


class _Turn(TypedDict):
    """An earlier turn of a conversation."""

    user: str
    assistant: str


class _Chat(TypedDict, total=False):
    """Only in lines of conversations."""

    system: str
    history: list[_Turn]


class _Line(_Chat):
    """A line of the file."""

    task_id: str
    is_classification: bool
    instruction: str
    input: str
    reference: str
    answers: dict[str, str]
    """By the name of the model."""


def write_answers(path: Path, tasks: Sequence[HeldOutTask], models: Sequence[Contender]) -> None:
    """Write the file atomically.

    Raises:
        OutOfSpace: the disk is full.
    """
    texts = {model.name: model.texts(tasks) for model in models}
    with written(path) as file:
        for number, task in enumerate(tasks):
            line = _line(task, {name: each[number] for name, each in texts.items()})
            file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")


def _line(task: HeldOutTask, answers: dict[str, str]) -> _Line:
    record = task.record
    chat: _Chat = {}
    if record.system:
        chat["system"] = record.system
    if record.history:
        chat["history"] = [
            {"user": exchange.user, "assistant": exchange.assistant} for exchange in record.history
        ]
    return {
        "task_id": task.id,
        "is_classification": task.is_classification,
        **chat,
        "instruction": record.instruction,
        "input": record.input,
        "reference": task.reference,
        "answers": answers,
    }


def read_answers(path: Path) -> tuple[Sequence[HeldOutTask], Sequence[Contender]]:
    """Read the result of `write_answers`; a missing answer becomes an empty one."""
    lines: list[_Line] = [json.loads(line) for line in path.read_bytes().splitlines()]
    names = list(lines[0]["answers"]) if lines else []
    models = [
        Contender(name, tuple(Answer(line["task_id"], line["answers"][name]) for line in lines))
        for name in names
    ]
    return [_task(line) for line in lines], models


def _task(line: _Line) -> HeldOutTask:
    record = Record(
        instruction=line["instruction"],
        output=line["reference"],
        input=line["input"],
        system=line.get("system", ""),
        history=tuple(Exchange(**exchange) for exchange in line.get("history", ())),
    )
    return HeldOutTask(line["task_id"], record, is_classification=line["is_classification"])
