"""The answers of the models of a job as a file, for judges and reviewers.

One JSON line per held-out task, with the answer of every model.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.atomic_files import written
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.record import Exchange, Record

ANSWERS = "answers.jsonl"
"""Name among the outputs of a job."""


def write_answers(path: Path, tasks: Sequence[HeldOutTask], models: Sequence[Contender]) -> None:
    """Write the file atomically.

    Raises:
        OutOfSpace: the disk is full.
    """
    texts = {model.name: model.texts(tasks) for model in models}
    with written(path) as file:
        for place, task in enumerate(tasks):
            line = {**_asked(task), "answers": {name: its[place] for name, its in texts.items()}}
            file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n")


def _asked(task: HeldOutTask) -> dict[str, Any]:
    record = task.record
    chat: dict[str, Any] = {"system": record.system} if record.system else {}
    if record.history:
        chat["history"] = [asdict(exchange) for exchange in record.history]
    return {
        "task_id": task.id,
        "is_classification": task.is_classification,
        **chat,
        "instruction": record.instruction,
        "input": record.input,
        "reference": task.reference,
    }


def read_answers(path: Path) -> tuple[Sequence[HeldOutTask], Sequence[Contender]]:
    """Read the result of `write_answers`; a missing answer becomes an empty one."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    names = list(lines[0]["answers"]) if lines else []
    models = [
        Contender(name, tuple(Answer(line["task_id"], line["answers"][name]) for line in lines))
        for name in names
    ]
    return [_task(line) for line in lines], models


def _task(line: dict[str, Any]) -> HeldOutTask:
    record = Record(
        instruction=line["instruction"],
        output=line["reference"],
        input=line["input"],
        system=line.get("system", ""),
        history=tuple(Exchange(**exchange) for exchange in line.get("history", ())),
    )
    return HeldOutTask(line["task_id"], record, is_classification=line["is_classification"])
